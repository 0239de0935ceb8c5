//! Requests to a server that makes vectors, and how its answers are judged.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::model::EmbeddingError;
use super::settings::Settings;
use crate::base::timeline::Clock;
use crate::platform::outbound::{Call, Outbound, Reach, abroad};

/// Longest answer: a batch of long vectors as JSON.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Texts of one request: few enough that a slow box answers within a minute.
const TEXTS_MAX: usize = 16;
/// Letters of one request, for the same reason.
const LETTERS_MAX: usize = 24_000;
/// Pause before the second attempt when the server is busy.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest sentence of a server that is repeated.
const SAID_MAX: usize = 300;

/// A server with one key.
pub(super) struct Server {
    outbound: Result<Outbound, String>,
    url: String,
    api_key: Option<SecretString>,
    allow_cloud: bool,
    total: Duration,
}

/// What came instead of vectors.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server answered with this status and sentence.
    Said(u16, String),
    /// It did not answer, or must not be asked.
    Failed(EmbeddingError),
}

impl Server {
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let total = Duration::from_secs(settings.patience_s.into());
        Self {
            outbound: Outbound::patient(clock, total, PAUSE).map_err(|error| error.to_string()),
            url: settings.base_url().to_owned(),
            api_key: settings.api_key.clone(),
            allow_cloud: settings.allow_cloud,
            total,
        }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The answer to `body` at `path`.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Refusal::Failed(EmbeddingError::Unusable(error.to_string())))?;
        self.ask(Method::POST, path, body).await
    }

    /// The answer at `path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Refusal> {
        let unavailable = |why: String| Refusal::Failed(EmbeddingError::Unavailable(why));
        self.stay_at_home().await.map_err(Refusal::Failed)?;
        let outbound = self.outbound.as_ref().map_err(|why| unavailable(why.clone()))?;
        let call = Call {
            method,
            headers: self.headers().map_err(Refusal::Failed)?,
            body: body.into(),
            // Where it may lie was judged above; an admin has named the host.
            reach: Reach::Host,
            bytes_max: ANSWER_BYTES_MAX,
            total: self.total,
            ..Call::get(format!("{}{path}", self.url))
        };
        let answer = outbound.send(call).await.map_err(|error| unavailable(error.to_string()))?;
        if !answer.status.is_success() {
            return Err(Refusal::Said(answer.status.as_u16(), said(&answer.body)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            let url = &self.url;
            Refusal::Failed(EmbeddingError::Unusable(format!(
                "what {url}{path} answers is not what it should be: {error}"
            )))
        })
    }

    /// Texts of documents leave the house only when that was allowed.
    async fn stay_at_home(&self) -> Result<(), EmbeddingError> {
        if self.allow_cloud {
            return Ok(());
        }
        match abroad(&self.url).await {
            Ok(None) => Ok(()),
            Ok(Some(address)) => Err(EmbeddingError::Unusable(format!(
                "{} is at {address} on the internet, and texts must not leave the house; set \
                 embedding.allow_cloud = true to allow it",
                self.url
            ))),
            Err(why) => Err(EmbeddingError::Unavailable(why)),
        }
    }

    fn headers(&self) -> Result<HeaderMap, EmbeddingError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.api_key {
            let text = format!("Bearer {}", key.expose_secret());
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                EmbeddingError::Unusable("the key holds letters that no header may hold".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

impl Refusal {
    /// The error for statuses that mean the same everywhere.
    pub fn into_error(self, server: &Server) -> EmbeddingError {
        let url = server.url();
        match self {
            Self::Failed(error) => error,
            Self::Said(401 | 403, _) => EmbeddingError::Unusable(format!(
                "{url} refuses the key; set LUNA_EMBEDDING__API_KEY to one that it takes"
            )),
            Self::Said(status @ (408 | 429 | 500..=599), said) => {
                EmbeddingError::Unavailable(format!("{url} answers {status}: {said}"))
            }
            Self::Said(status, said) => {
                EmbeddingError::Unusable(format!("{url} answers {status}: {said}"))
            }
        }
    }

    /// Whether a text was longer than the model's window, in the words of Ollama, llama.cpp or vLLM.
    pub fn is_too_long(&self) -> bool {
        let Self::Said(_, said) = self else { return false };
        let said = said.to_lowercase();
        [
            "context length",
            "input length",
            "context size",
            "too large to process",
            "maximum context",
        ]
        .iter()
        .any(|words| said.contains(words))
    }
}

/// The sentence in an error's body: `{"error": "…"}`, `{"error": {"message": "…"}}`, or its beginning.
fn said(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let error = parsed.as_ref().and_then(|value| value.get("error"));
    let message = error.and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "nothing more".to_owned() } else { text.chars().take(SAID_MAX).collect() }
}

/// Texts in requests of bearable size, in order.
pub(super) fn batches(texts: &[String]) -> Vec<&[String]> {
    let (mut all, mut rest) = (Vec::new(), texts);
    while !rest.is_empty() {
        let mut letters = 0;
        let fits = rest.iter().take(TEXTS_MAX).take_while(|text| {
            letters += text.len();
            letters <= LETTERS_MAX
        });
        let (batch, behind) = rest.split_at(fits.count().max(1));
        all.push(batch);
        rest = behind;
    }
    all
}

/// Vectors of length 1 for `asked` texts; all of `dimension` numbers, where that is known already.
pub(super) fn judged(
    vectors: Vec<Vec<f32>>,
    asked: usize,
    dimension: Option<usize>,
) -> Result<Vec<Vec<f32>>, EmbeddingError> {
    let unusable = |why| Err(EmbeddingError::Unusable(why));
    if vectors.len() != asked {
        let came = vectors.len();
        return unusable(format!("{asked} texts were sent, {came} vectors came back"));
    }
    let expected = dimension.or_else(|| vectors.first().map(Vec::len));
    for vector in &vectors {
        if Some(vector.len()) != expected || vector.is_empty() {
            return unusable(format!(
                "a vector of {} numbers came where {} were expected; was the model replaced?",
                vector.len(),
                expected.unwrap_or_default()
            ));
        }
        if vector.iter().any(|number| !number.is_finite()) {
            return unusable("a vector holds what is no number".to_owned());
        }
    }
    Ok(vectors.into_iter().map(unit).collect())
}

/// `vector` at length 1; one of length 0 stays, and is like nothing.
pub(super) fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let square: f64 = vector.iter().map(|number| f64::from(*number).powi(2)).sum();
    if square > 0.0 {
        let length = square.sqrt();
        for number in &mut vector {
            *number = single(f64::from(*number) / length);
        }
    }
    vector
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are kept in single precision")]
fn single(number: f64) -> f32 {
    number as f32
}

/// Tokens of `text` for a tokenizer that is not at hand, rather too many: words fall into pieces of two
/// letters, as an English vocabulary breaks other languages at worst.
pub(super) fn estimated_tokens(text: &str) -> usize {
    tokens_by(text, 2)
}

/// Tokens of `text` where no model has to see them all: pieces of three letters, which is about right.
pub(super) fn typical_tokens(text: &str) -> usize {
    tokens_by(text, 3)
}

/// Numbers are pairs of digits, every sign stands alone, two frame the whole.
fn tokens_by(text: &str, piece: usize) -> usize {
    let word = |word: &str| {
        // In scripts without spaces every letter is a piece of its own.
        let is_letter = |letter: &char| letter.is_alphabetic() && *letter < '\u{2e80}';
        let letters = word.chars().filter(is_letter).count();
        let digits = word.chars().filter(|letter| letter.is_numeric()).count();
        let signs = word.chars().count() - letters - digits;
        letters.div_ceil(piece) + digits.div_ceil(2) + signs
    };
    2 + text.split_whitespace().map(word).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_order_and_bounds() {
        let texts: Vec<String> =
            (0..40).map(|n| "x".repeat(if n == 20 { 30_000 } else { 900 })).collect();
        let all = batches(&texts);
        assert_eq!(all.concat(), texts);
        assert_eq!(all.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [16, 4, 1, 16, 3]);
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn vectors_are_judged_and_brought_to_length_one() {
        let made = judged(vec![vec![3.0, 4.0], vec![0.0, 0.0]], 2, None).unwrap();
        assert_eq!(made, [[0.6, 0.8], [0.0, 0.0]]);
        let why =
            |vectors, asked, dimension| judged(vectors, asked, dimension).unwrap_err().to_string();
        assert!(why(vec![vec![1.0]], 2, None).contains("2 texts were sent, 1 vectors came back"));
        assert!(why(vec![vec![1.0], vec![1.0, 2.0]], 2, None).contains("2 numbers came where 1"));
        assert!(why(vec![vec![1.0]], 1, Some(3)).contains("1 numbers came where 3"));
        assert!(why(vec![vec![f32::NAN]], 1, None).contains("no number"));
        assert!(why(vec![vec![]], 1, None).contains("0 numbers"));
    }

    #[test]
    fn sentences_are_found_in_every_form_of_error() {
        for (body, expected) in [
            (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
            (r#"{"error":{"message":"Loading  model","code":503}}"#, "Loading model"),
            ("<html>busy</html>", "<html>busy</html>"),
            ("", "nothing more"),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
        assert!(
            Refusal::Said(400, "the input length exceeds the context length".into()).is_too_long()
        );
        assert!(!Refusal::Said(400, "invalid input type".into()).is_too_long());
    }
}
