//! Requests to the server of a model: whether it may be asked, how long it may think, what went wrong.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wire::{Decoder, Dialect, Frame, OpenaiError, Unreadable, Usage};
use crate::base::timeline::Clock;
use crate::knowledge::ask::settings::{Provider, Settings, is_forwarded};
use crate::platform::outbound::{Call, Flowing, Outbound, OutboundError, Reach, abroad};

/// Longest answer of a server, its wrapping included.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Longest sentence of a server that is repeated.
const SAID_MAX: usize = 300;
/// How long an answer waits until others are written.
const TURN: Duration = Duration::from_secs(15);
/// Pause before the second attempt of what may be repeated.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a model stays loaded after an answer.
const KEEP_ALIVE: &str = "15m";
/// Longest time for the question what a model is.
const LOOK: Duration = Duration::from_secs(10);

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::knowledge::ask) struct Message {
    /// Who says it.
    pub role: &'static str,
    /// What is said.
    pub content: String,
}

impl Message {
    /// Orders.
    pub const fn system(content: String) -> Self {
        Self { role: "system", content }
    }

    /// Passages and question.
    pub const fn user(content: String) -> Self {
        Self { role: "user", content }
    }
}

/// Why no answer was written. Each message is a sentence for the person who asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::knowledge::ask) enum WriteError {
    /// Passages would leave the house.
    #[error("{0}; set answers.allow_cloud = true if passages may leave the house")]
    Cloud(String),
    /// The server does not have the model.
    #[error("the server does not have the model '{model}'{}", if *is_ollama { format!("; run: ollama pull {model}") } else { String::new() })]
    NoModel {
        /// Its name.
        model: String,
        /// Whether it can be pulled.
        is_ollama: bool,
    },
    /// Too many answers are being written, here or there.
    #[error("the model is busy: {0}")]
    Busy(String),
    /// The server refuses.
    #[error("the model's server refuses with status {status}: {said}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its words.
        said: String,
    },
    /// The answer broke off.
    #[error("the model's answer broke off: {0}")]
    Broken(String),
    /// It took longer than an answer may.
    #[error("the model did not finish within {0} s")]
    TooSlow(u16),
    /// The model said its orders back.
    #[error("the model repeated its own orders instead of answering")]
    Echoed,
    /// Not even one passage has room in the context.
    #[error("no passage has room in the model's context; raise answers.context_tokens")]
    NoRoom,
    /// Nobody is set up to write.
    #[error("no model is set up to write answers")]
    NoWriter,
    /// The server cannot be reached.
    #[error("the model's server is not available: {0}")]
    Unavailable(String),
}

impl From<OutboundError> for WriteError {
    fn from(error: OutboundError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Unreadable> for WriteError {
    fn from(error: Unreadable) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Facts {
    /// Tokens it can see.
    context_max: Option<u32>,
}

/// Asks the server of a model. Cloning is cheap.
#[derive(Clone)]
pub(in crate::knowledge::ask) struct Writer {
    clock: Clock,
    turns: Arc<Semaphore>,
    client: Arc<Mutex<Option<(u16, Outbound)>>>,
    known: Arc<Mutex<HashMap<(String, String), Facts>>>,
}

impl Writer {
    /// A writer of so many answers at the same time.
    pub fn new(parallel: u8, clock: Clock) -> Self {
        Self {
            clock,
            turns: Arc::new(Semaphore::new(parallel.max(1).into())),
            client: Arc::default(),
            known: Arc::default(),
        }
    }

    /// Tokens that the model is loaded with: what is set, unless it can see less.
    ///
    /// # Errors
    ///
    /// When the model must not be asked, is not there, or its server is away.
    pub async fn context_tokens(&self, settings: &Settings) -> Result<u32, WriteError> {
        let model = settings.writer().ok_or(WriteError::NoWriter)?;
        stays_at_home(settings, model).await?;
        if settings.provider == Provider::Openai {
            return Ok(settings.context_tokens);
        }
        let key = (settings.base_url().to_owned(), model.to_owned());
        let known = locked(&self.known).get(&key).copied();
        let facts = if let Some(facts) = known {
            facts
        } else {
            let facts = self.look(settings, model).await?;
            locked(&self.known).insert(key, facts);
            facts
        };
        Ok(facts
            .context_max
            .map_or(settings.context_tokens, |most| most.min(settings.context_tokens)))
    }

    /// Begins an answer to `messages`.
    pub async fn begin(
        &self,
        settings: &Settings,
        messages: &[Message],
        context_tokens: u32,
    ) -> Result<Flow, WriteError> {
        let model = settings.writer().ok_or(WriteError::NoWriter)?;
        let busy = || WriteError::Busy("other answers are being written; try again shortly".into());
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let (path, dialect, body) = match settings.provider {
            Provider::Openai => {
                ("/v1/chat/completions", Dialect::Openai, openai(settings, model, messages))
            }
            _ => ("/api/chat", Dialect::Ollama, ollama(settings, model, messages, context_tokens)),
        };
        let flowing =
            self.post(settings, path, &body, Duration::from_secs(settings.answer_s.into()));
        let mut flowing = flowing.await?;
        if !flowing.status.is_success() {
            return Err(refusal(
                settings,
                model,
                flowing.status.as_u16(),
                &all_of(&mut flowing).await,
            ));
        }
        Ok(Flow {
            flowing,
            decoder: Decoder::new(dialect),
            frames: VecDeque::new(),
            is_over: false,
            has_closed: false,
            _turn: turn,
        })
    }

    async fn post(
        &self,
        settings: &Settings,
        path: &str,
        body: &Value,
        total: Duration,
    ) -> Result<Flowing, WriteError> {
        self.open(settings, path, Method::POST, body.to_string(), total).await
    }

    async fn open(
        &self,
        settings: &Settings,
        path: &str,
        method: Method,
        body: String,
        total: Duration,
    ) -> Result<Flowing, WriteError> {
        let call = Call {
            method,
            headers: headers(settings)?,
            body: body.into(),
            // Where it may lie was judged before; an admin has named the host.
            reach: Reach::Host,
            may_repeat: false,
            bytes_max: ANSWER_BYTES_MAX,
            total,
            ..Call::get(format!("{}{path}", settings.base_url()))
        };
        Ok(self.client(settings)?.open(call).await?)
    }

    fn client(&self, settings: &Settings) -> Result<Outbound, WriteError> {
        let mut kept = locked(&self.client);
        if let Some((silence_s, client)) = kept.as_ref()
            && *silence_s == settings.silence_s
        {
            return Ok(client.clone());
        }
        let silence = Duration::from_secs(settings.silence_s.into());
        let client = Outbound::patient(self.clock.clone(), silence, PAUSE)?;
        *kept = Some((settings.silence_s, client.clone()));
        Ok(client)
    }

    /// What writes, as a sentence; asks its server.
    ///
    /// # Errors
    ///
    /// When the model must not be asked, is not there, or its server is away.
    pub async fn standing(&self, settings: &Settings) -> Result<String, WriteError> {
        let Some(model) = settings.writer() else {
            return Ok("no language model; answers are quotes alone".to_owned());
        };
        stays_at_home(settings, model).await?;
        let url = settings.base_url();
        if settings.provider != Provider::Openai {
            let seen = self.look(settings, model).await?.context_max;
            let sees = seen.map_or_else(String::new, |tokens| format!(", sees {tokens} tokens"));
            return Ok(format!("{model} at {url}{sees}"));
        }
        let asked = self.open(settings, "/v1/models", Method::GET, String::new(), LOOK);
        let mut flowing = asked.await?;
        if !flowing.status.is_success() {
            let status = flowing.status.as_u16();
            return Err(refusal(settings, model, status, &all_of(&mut flowing).await));
        }
        Ok(format!("{model} at {url}"))
    }

    /// What an Ollama says about the model: whether it runs there, and how much it sees.
    async fn look(&self, settings: &Settings, model: &str) -> Result<Facts, WriteError> {
        let looking = async {
            let body = json!({"model": model});
            let mut flowing = self.post(settings, "/api/show", &body, LOOK).await?;
            let (status, bytes) = (flowing.status.as_u16(), all_of(&mut flowing).await);
            if !flowing.status.is_success() {
                return Err(refusal(settings, model, status, &bytes));
            }
            serde_json::from_slice::<Shown>(&bytes).map_err(|error| {
                WriteError::Broken(format!("what it says about the model cannot be read: {error}"))
            })
        };
        let shown = tokio::time::timeout(LOOK, looking).await.map_err(|_| {
            WriteError::Unavailable(format!("{} does not answer", settings.base_url()))
        })??;
        let mut forwards = [&shown.remote_host, &shown.remote_model].into_iter().flatten();
        if let Some(target) = forwards.find(|target| !target.is_empty())
            && !settings.allow_cloud
        {
            return Err(WriteError::Cloud(format!("the model '{model}' is forwarded to {target}")));
        }
        let length = shown.model_info.iter().find(|(name, _)| name.ends_with(".context_length"));
        let context_max = length.and_then(|(_, value)| u32::try_from(value.as_u64()?).ok());
        Ok(Facts { context_max })
    }
}

/// What an Ollama says about a model, as far as it matters.
#[derive(Deserialize)]
struct Shown {
    remote_host: Option<String>,
    remote_model: Option<String>,
    #[serde(default)]
    model_info: serde_json::Map<String, Value>,
}

/// Passages leave the house only when that was allowed.
async fn stays_at_home(settings: &Settings, model: &str) -> Result<(), WriteError> {
    if settings.allow_cloud {
        return Ok(());
    }
    if is_forwarded(model) {
        return Err(WriteError::Cloud(format!(
            "the model '{model}' is run by its maker on the internet"
        )));
    }
    match abroad(settings.base_url()).await {
        Ok(None) => Ok(()),
        Ok(Some(address)) => {
            Err(WriteError::Cloud(format!("the model's server is at {address} on the internet")))
        }
        Err(why) => Err(WriteError::Unavailable(why)),
    }
}

fn headers(settings: &Settings) -> Result<HeaderMap, WriteError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = &settings.api_key {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
                WriteError::Unavailable("its key holds letters that no header may hold".into())
            })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The size of the context is the same in each request: another one would load the model anew.
fn ollama(settings: &Settings, model: &str, messages: &[Message], context_tokens: u32) -> Value {
    json!({
        "model": model, "messages": messages, "stream": true, "think": false,
        // A prompt that is too long is an error, not a shorter prompt.
        "truncate": false, "shift": false, "keep_alive": KEEP_ALIVE,
        "options": {"num_ctx": context_tokens, "num_predict": settings.answer_tokens,
            "temperature": settings.temperature, "seed": 1},
    })
}

fn openai(settings: &Settings, model: &str, messages: &[Message]) -> Value {
    json!({
        "model": model, "messages": messages, "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": settings.answer_tokens, "temperature": settings.temperature,
    })
}

/// The body of a short answer, as much as came.
async fn all_of(flowing: &mut Flowing) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok(Some(bytes)) = flowing.next().await {
        all.extend_from_slice(&bytes);
    }
    all
}

fn refusal(settings: &Settings, model: &str, status: u16, body: &[u8]) -> WriteError {
    #[derive(Deserialize)]
    struct Refused {
        error: OpenaiError,
    }
    let said = serde_json::from_slice::<Refused>(body).map(|refused| refused.error.sentence());
    let said = said.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    let said: String = said.trim().chars().take(SAID_MAX).collect();
    let is_ollama = settings.provider == Provider::Ollama;
    match status {
        404 if said.is_empty() || said.contains("not found") || said.contains("not exist") => {
            WriteError::NoModel { model: model.to_owned(), is_ollama }
        }
        429 | 503 => {
            WriteError::Busy(if said.is_empty() { format!("status {status}") } else { said })
        }
        401 | 403 => WriteError::Refused {
            status,
            said: "it does not take the key; set LUNA_ANSWERS__API_KEY".to_owned(),
        },
        _ => WriteError::Refused { status, said },
    }
}

/// An answer on its way. Dropping it tells the server to stop.
pub(in crate::knowledge::ask) struct Flow {
    flowing: Flowing,
    decoder: Decoder,
    frames: VecDeque<Frame>,
    is_over: bool,
    has_closed: bool,
    _turn: OwnedSemaphorePermit,
}

impl Flow {
    /// More of the answer; absent at its end.
    ///
    /// # Errors
    ///
    /// When it breaks off: an error in the stream, or a stream that ends before the answer does.
    pub async fn next(&mut self) -> Result<Option<String>, WriteError> {
        loop {
            match self.frames.pop_front() {
                Some(Frame::Text(text)) => return Ok(Some(text)),
                Some(Frame::Failed(said)) => {
                    return Err(WriteError::Broken(said.chars().take(SAID_MAX).collect()));
                }
                Some(Frame::End) => self.is_over = true,
                None if self.is_over || self.has_closed && self.decoder.has_stopped() => {
                    return Ok(None);
                }
                None if self.has_closed => {
                    return Err(WriteError::Broken(
                        "the connection ended before the answer".into(),
                    ));
                }
                None => {
                    if let Some(bytes) = self.flowing.next().await? {
                        self.frames.extend(self.decoder.push(&bytes)?);
                    } else {
                        self.has_closed = true;
                        self.frames.extend(self.decoder.finish()?);
                    }
                }
            }
            if self.is_over {
                return Ok(None);
            }
        }
    }

    /// What the server counted so far.
    pub const fn usage(&self) -> Usage {
        self.decoder.usage()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
