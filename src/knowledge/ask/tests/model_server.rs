//! A server of a model as a test wants it: what it is asked, what it streams, when it hangs up.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is answered to one request.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: u16,
    /// Sent one by one.
    parts: Vec<String>,
    /// Whether the connection stays open afterwards without a word.
    hangs: bool,
}

impl Reply {
    /// A short answer.
    pub fn json(status: u16, value: &Value) -> Self {
        Self { status, parts: vec![value.to_string()], hangs: false }
    }

    /// A stream of lines.
    pub fn lines(lines: &[String]) -> Self {
        let parts = lines.iter().map(|line| format!("{line}\n")).collect();
        Self { status: 200, parts, hangs: false }
    }

    /// The same without an end.
    pub fn hanging(self) -> Self {
        Self { hangs: true, ..self }
    }
}

/// The lines of an Ollama that writes `text`, some letters at a time.
pub(super) fn ollama(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut lines: Vec<String> = letters
        .chunks(9)
        .map(|some| {
            let content: String = some.iter().collect();
            json!({"model": "m", "message": {"role": "assistant", "content": content}, "done": false})
                .to_string()
        })
        .collect();
    lines.push(
        json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true,
            "done_reason": "stop", "prompt_eval_count": 321, "eval_count": 12})
        .to_string(),
    );
    lines
}

/// The lines of a server with the other dialect.
pub(super) fn openai(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let event = |value: Value| format!("data: {value}\n");
    let mut lines: Vec<String> = letters
        .chunks(7)
        .map(|some| {
            let content: String = some.iter().collect();
            event(json!({"choices": [{"delta": {"content": content}}]}))
        })
        .collect();
    lines.push(event(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]})));
    lines.push(event(
        json!({"choices": [], "usage": {"prompt_tokens": 99, "completion_tokens": 7}}),
    ));
    lines.push("data: [DONE]\n".to_owned());
    lines
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub path: String,
    pub head: String,
    pub body: Value,
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// The server. It says what an Ollama says about a model unless the test's answer is another.
pub(super) struct ModelServer {
    pub url: String,
    log: Log,
    hung_up: watch::Receiver<usize>,
    _running: JoinSet<()>,
}

impl ModelServer {
    /// A server that answers with what `reply` makes of a request's path and body.
    pub async fn new(reply: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Log::default();
        let (gone, hung_up) = watch::channel(0);
        let (reply, kept, mut running) = (Arc::new(reply), Arc::clone(&log), JoinSet::new());
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, log, gone) = (Arc::clone(&reply), Arc::clone(&kept), gone.clone());
                connections.spawn(async move {
                    let answer = |path: &str, body: &Value| reply(path, body);
                    if serve(stream, answer, &log).await {
                        gone.send_modify(|count| *count += 1);
                    }
                });
            }
        });
        Self { url, log, hung_up, _running: running }
    }

    /// A server whose model writes `text`.
    pub async fn writing(text: &str) -> Self {
        let lines = ollama(text);
        Self::new(move |path, _| match path {
            "/api/show" => {
                Reply::json(200, &json!({"model_info": {"llama.context_length": 32_768}}))
            }
            _ => Reply::lines(&lines),
        })
        .await
    }

    /// Everything it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// What it was asked at one path.
    pub fn asked_at(&self, path: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path == path).collect()
    }

    /// Waits until somebody has hung up on an answer without an end.
    pub async fn hung_up(&self) {
        let mut hung_up = self.hung_up.clone();
        hung_up.wait_for(|count| *count > 0).await.unwrap();
    }
}

/// Answers the one request of a connection; whether the other side hung up on it.
async fn serve(mut stream: TcpStream, reply: impl Fn(&str, &Value) -> Reply, log: &Log) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return false };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let path = head.split_whitespace().nth(1).unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Reply { status, parts, hangs } = reply(&path, &body);
    log.lock().unwrap().push(Asked { path, head, body });
    let begin = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    let mut sent = stream.write_all(begin.as_bytes()).await.is_ok();
    for part in parts {
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        sent = sent && stream.write_all(chunk.as_bytes()).await.is_ok();
    }
    if hangs {
        // Nothing comes any more from who listens; what comes is the end of the connection.
        return stream.read_u8().await.is_err();
    }
    drop(stream.write_all(b"0\r\n\r\n").await);
    !sent
}
