//! A model server made of air: it speaks Ollama's protocol and counts words into vectors.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What it does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Answers,
    /// It takes requests for vectors and lets them wait.
    Hangs,
    /// It is busy.
    Refuses,
}

/// Digest of the model, and how many numbers its vectors have.
type Model = Arc<Mutex<(String, usize)>>;

/// The server; gone when it is dropped.
pub struct Ollama {
    /// Where it answers.
    pub url: String,
    model: Model,
    mood: watch::Sender<Mood>,
    _running: JoinSet<()>,
}

impl Ollama {
    /// A server with a model of this digest, whose vectors have so many numbers.
    pub async fn new(digest: &str, dimension: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let model = Arc::new(Mutex::new((digest.to_owned(), dimension)));
        let (mood, seen) = watch::channel(Mood::Answers);
        let mut running = JoinSet::new();
        let shared = Arc::clone(&model);
        running.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, Arc::clone(&shared), seen.clone()));
            }
        });
        Self { url, model, mood, _running: running }
    }

    /// Another model under the same name.
    pub fn becomes(&self, digest: &str, dimension: usize) {
        *self.model.lock().unwrap() = (digest.to_owned(), dimension);
    }

    /// What it does from now on.
    pub fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

async fn serve(mut stream: TcpStream, model: Model, mut mood: watch::Receiver<Mood>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split("\r\n").next().unwrap().trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.split(' ').nth(1).unwrap();
    let is_probe = body["input"] == json!(["Luna"]);
    let (digest, dimension) = model.lock().unwrap().clone();
    let mut status = 200;
    let answer = match path {
        "/api/show" => json!({"model_info": {"test.context_length": 512}}),
        "/api/tags" => json!({"models": [{"name": "test:latest", "digest": digest}]}),
        _ if is_probe => json!({"embeddings": [vector("Luna", dimension)]}),
        _ => {
            // Whoever is told to wait is let go when the mood changes.
            mood.wait_for(|mood| *mood != Mood::Hangs).await.unwrap();
            if *mood.borrow() == Mood::Refuses {
                status = 503;
                json!({"error": "server busy, please try again"})
            } else {
                let texts = body["input"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
                let made: Vec<_> = texts.map(|text| vector(text, dimension)).collect();
                json!({"embeddings": made})
            }
        }
    };
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    drop(stream.write_all([head.as_bytes(), answer.as_bytes()].concat().as_slice()).await);
}

/// Words counted by the sum of their bytes, brought to length 1.
fn vector(text: &str, dimension: usize) -> Vec<f32> {
    let mut made = vec![0.01_f32; dimension];
    for word in text.split_whitespace() {
        let sum: usize = word.bytes().map(usize::from).sum();
        made[sum % dimension] += 1.0;
    }
    let length = made.iter().map(|number| number * number).sum::<f32>().sqrt();
    made.into_iter().map(|number| number / length).collect()
}
