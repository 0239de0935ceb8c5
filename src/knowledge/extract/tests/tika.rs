//! A Tika server at the wire: both lines, busy, broken, away.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fixtures::{line, pdf};
use super::{Settings, blocks};
use crate::base::timeline::Clock;
use crate::knowledge::extract::model::{Extractor, Method};
use crate::knowledge::extract::process::Program;
use crate::knowledge::extract::service::Extraction;

/// What Tika makes of a PDF of two pages.
const PAGES: &str = "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><head>\
    <meta name=\"Content-Type\" content=\"application/pdf\"/><title>Rechnung</title></head><body>\
    <div class=\"page\"><p>Seite eins von Tika</p><table><tr><td>a</td><td>1</td></tr></table></div>\
    <div class=\"page\"><p>Seite zwei</p></div></body></html>";

/// A request as it came: first line, headers in small letters, length of the body.
#[derive(Debug, Clone)]
struct Request {
    line: String,
    headers: String,
    body: usize,
}

struct Tika {
    url: String,
    asked: Arc<Mutex<Vec<Request>>>,
    _running: JoinSet<()>,
}

impl Tika {
    /// A server of this version that answers the n-th file with a status, a header and a body.
    async fn new(
        version: &'static str,
        answer: impl Fn(usize) -> (u16, &'static str, Vec<u8>) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut running) = (Arc::clone(&asked), JoinSet::new());
        running.spawn(async move {
            let mut files = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let Some(request) = heard(&mut stream).await else { continue };
                let (status, header, body) = if request.line.starts_with("GET /version") {
                    (200, "", version.as_bytes().to_vec())
                } else {
                    files += 1;
                    answer(files)
                };
                log.lock().unwrap().push(request);
                let head = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n",
                    body.len()
                );
                drop(stream.write_all(&[head.as_bytes(), &body].concat()).await);
            }
        });
        Self { url, asked, _running: running }
    }

    fn extraction(&self) -> Extraction {
        let settings = Settings {
            tika_url: Some(self.url.clone()),
            tika_patience_s: 2,
            ..Settings::default()
        };
        Extraction::new(&settings, &Clock::system(), Program::Inside)
    }

    fn files(&self) -> Vec<Request> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|it| it.line.starts_with("PUT")).cloned().collect()
    }
}

async fn heard(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<Request> {
    let (mut line, mut headers) = (String::new(), String::new());
    stream.read_line(&mut line).await.ok()?;
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header).await.ok()? == 0 || header == "\r\n" {
            break;
        }
        headers.push_str(&header.to_ascii_lowercase());
    }
    let length = headers.split("content-length: ").nth(1).and_then(|it| it.split('\r').next());
    let mut body = vec![0; length.and_then(|it| it.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { line, headers, body: body.len() })
}

fn file() -> Bytes {
    Bytes::from(pdf(&[line(60, 700, 11.0, "von Luna gelesen")]))
}

#[tokio::test]
async fn both_lines_are_asked_in_their_own_way() {
    for (version, first, accept) in [
        ("Apache Tika 3.3.2", "PUT /tika HTTP/1.1", true),
        ("Apache Tika 4.0.0", "PUT /tika/html HTTP/1.1", false),
    ] {
        let tika = Tika::new(version, |_| (200, "", PAGES.as_bytes().to_vec())).await;
        let extraction = tika.extraction();
        let extracted = extraction.extract("../Lohn Müller 2026.PDF", file()).await.unwrap();
        let number = version.trim_start_matches("Apache Tika ");
        assert_eq!(extracted.method, Method::Tika { version: number.to_owned() });
        assert_eq!(extracted.media_type, "application/pdf");
        assert_eq!(extracted.title.as_deref(), Some("Rechnung"));
        assert_eq!(blocks(&extracted), ["p Seite eins von Tika", "t a | 1", "p Seite zwei"]);
        assert_eq!(extracted.canonical.pages.len(), 2);
        let files = tika.files();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].line.trim(), first);
        assert_eq!(files[0].headers.contains("accept: text/html"), accept, "{files:?}");
        assert!(files[0].headers.contains("filename=\"document.pdf\""), "{files:?}");
        assert!(!files[0].headers.contains("lohn"), "names are private: {files:?}");
        assert_eq!(files[0].body, file().len());
        let (sentence, well) = extraction.standing().await;
        assert!(well && sentence.contains(version), "{sentence}");
    }
}

#[tokio::test]
async fn busy_servers_are_asked_once_more_and_no_more() {
    for status in [429, 503] {
        let later = move |n| {
            if n == 1 {
                (status, "retry-after: 0\r\n", Vec::new())
            } else {
                (200, "", PAGES.into())
            }
        };
        let tika = Tika::new("Apache Tika 4.0.0", later).await;
        let extracted = tika.extraction().extract("a.pdf", file()).await.unwrap();
        assert!(matches!(extracted.method, Method::Tika { .. }));
        assert_eq!(tika.files().len(), 2);

        let never = move |_| (status, "retry-after: 0\r\n", Vec::new());
        let tika = Tika::new("Apache Tika 4.0.0", never).await;
        let extracted = tika.extraction().extract("a.pdf", file()).await.unwrap();
        assert_eq!(extracted.method, Method::BuiltIn);
        assert_eq!(extracted.canonical.text, "von Luna gelesen\n");
        assert_eq!(tika.files().len(), 2, "one other attempt at most");
    }
}

#[tokio::test]
async fn what_a_server_does_not_read_luna_reads_itself() {
    for status in [204, 413, 415, 422, 500] {
        let tika = Tika::new("Apache Tika 3.3.2", move |_| (status, "", Vec::new())).await;
        let extracted = tika.extraction().extract("a.pdf", file()).await.unwrap();
        assert_eq!((extracted.method, tika.files().len()), (Method::BuiltIn, 1), "{status}");
    }
    // Noise, and a page without a word.
    for body in [vec![0_u8, 1, 2, 255, 254, 0], b"<html><body></body></html>".to_vec()] {
        let tika = Tika::new("Apache Tika 3.3.2", move |_| (200, "", body.clone())).await;
        let extracted = tika.extraction().extract("a.pdf", file()).await.unwrap();
        assert_eq!(extracted.method, Method::BuiltIn);
    }
}

#[tokio::test]
async fn texts_are_not_sent_anywhere() {
    let tika = Tika::new("Apache Tika 3.3.2", |_| (200, "", PAGES.into())).await;
    let text = Bytes::from_static("Art. 1 Zweck\nFür Netze.".as_bytes());
    let extracted = tika.extraction().extract("gesetz.txt", text).await.unwrap();
    assert_eq!(blocks(&extracted), ["h3 Art. 1 Zweck", "p Für Netze."]);
    assert!(tika.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn strangers_slow_ones_and_absent_ones_do_not_stop_a_file() {
    let stranger = Tika::new("nginx", |_| (200, "", Vec::new())).await;
    let extraction = stranger.extraction();
    assert_eq!(extraction.extract("a.pdf", file()).await.unwrap().method, Method::BuiltIn);
    let (sentence, well) = extraction.standing().await;
    assert!(!well && sentence.contains("does not answer like Apache Tika"), "{sentence}");

    // It listens, but never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let settings = Settings { tika_url: Some(url), tika_patience_s: 1, ..Settings::default() };
    let extraction = Extraction::new(&settings, &Clock::system(), Program::Inside);
    assert_eq!(extraction.extract("a.pdf", file()).await.unwrap().method, Method::BuiltIn);
}
