//! Somebody outside who answers over HTTP as a test wants it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server that closes after each answer, which `answer` makes of the request's first line.
pub struct Server {
    /// Where it answers.
    pub url: String,
    /// First lines of the requests so far.
    pub asked: Arc<Mutex<Vec<String>>>,
    _running: JoinSet<()>,
}

impl Server {
    /// A server that answers with a status and a body.
    pub async fn new<B: AsRef<[u8]> + Send>(
        answer: impl Fn(&str) -> (u16, B) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut running) = (Arc::clone(&asked), JoinSet::new());
        running.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = Vec::new();
                while !text.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    text.push(byte);
                }
                let line = String::from_utf8(text).unwrap().lines().next().unwrap().to_owned();
                let (status, body) = answer(&line);
                log.lock().unwrap().push(line);
                let head = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n",
                    body.as_ref().len()
                );
                let whole = [head.as_bytes(), body.as_ref()].concat();
                // Who has had enough hangs up.
                drop(stream.write_all(&whole).await);
            }
        });
        Self { url, asked, _running: running }
    }

    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}
