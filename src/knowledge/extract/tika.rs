//! An Apache Tika server: which line it is of, how it is asked, what its refusals mean.
//!
//! The two lines differ: 3.x chooses the form of the answer by `Accept`, 4.x by the path, and its default
//! is Markdown. Both give XHTML with a `div` for each page of a PDF. What comes back is as little trusted
//! as the file: it is read like any page, in a child process.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_DISPOSITION, HeaderMap, HeaderValue, RETRY_AFTER};

use super::settings::Settings;
use crate::base::timeline::Clock;
use crate::platform::outbound::{Call, Outbound, OutboundError, Reach};

/// How long the version of the server is believed.
const VERSION_FOR: Duration = Duration::from_mins(5);
/// Longest wait when the server says that all its workers are busy.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// Pause before the one other attempt.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest version that is shown.
const VERSION_LETTERS_MAX: usize = 60;

/// What the server made of a file.
#[derive(Debug)]
pub(super) struct Converted {
    /// XHTML.
    pub page: Bytes,
    /// As the server tells it, like `3.3.2`.
    pub version: String,
    /// Media type that it found.
    pub media_type: Option<String>,
}

/// Why it made nothing of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not this file: another attempt would end the same way.
    File(String),
    /// It is away, busy or damaged.
    Away(String),
}

/// A Tika server.
pub(super) struct Tika {
    outbound: Result<Outbound, String>,
    clock: Clock,
    url: String,
    patience: Duration,
    answer_bytes_max: usize,
    version: Mutex<Option<(String, Duration)>>,
}

impl Tika {
    /// The server that the settings name, if they do.
    pub fn new(settings: &Settings, clock: &Clock) -> Option<Self> {
        let url = settings.tika_url.as_deref()?.trim_end_matches('/').to_owned();
        let patience = Duration::from_secs(settings.tika_patience_s.into());
        let outbound = Outbound::patient(clock.clone(), patience, PAUSE);
        Some(Self {
            outbound: outbound.map_err(|error| error.to_string()),
            clock: clock.clone(),
            url,
            patience,
            answer_bytes_max: (settings.output_mb as usize) << 20,
            version: Mutex::new(None),
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call {
            method,
            reach: Reach::Host,
            may_repeat: false,
            bytes_max: self.answer_bytes_max,
            total: self.patience,
            ..Call::get(format!("{}{path}", self.url))
        }
    }

    /// The server's version, like `3.3.2`.
    pub async fn version(&self) -> Result<String, Refusal> {
        let known = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((version, at)) = known
            && self.clock.elapsed().saturating_sub(at) < VERSION_FOR
        {
            return Ok(version);
        }
        let call = Call {
            bytes_max: 1 << 16,
            total: Duration::from_secs(10),
            ..self.call(Method::GET, "/version")
        };
        let (status, _, body) = self.send(call).await?;
        let text = String::from_utf8_lossy(&body).trim().to_owned();
        let version = text.strip_prefix("Apache Tika").map(str::trim).filter(|_| status == 200);
        let sound = |version: &&str| {
            version.starts_with(|it: char| it.is_ascii_digit())
                && version.len() <= VERSION_LETTERS_MAX
                && version
                    .chars()
                    .all(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_'))
        };
        let Some(version) = version.filter(sound) else {
            return Err(Refusal::Away(format!("{} does not answer like Apache Tika", self.url)));
        };
        let version = version.to_owned();
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((version.clone(), self.clock.elapsed()));
        Ok(version)
    }

    /// A file as XHTML.
    pub async fn convert(&self, extension: &str, bytes: &Bytes) -> Result<Converted, Refusal> {
        let version = self.version().await?;
        let newer = major(&version) >= 4;
        let mut waited = false;
        loop {
            let mut headers = HeaderMap::new();
            if !newer {
                headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
            }
            // The name may be anything, and may be private: only its end helps the server.
            let named = format!("attachment; filename=\"document.{extension}\"");
            if let Ok(named) = HeaderValue::from_str(&named)
                && !extension.is_empty()
            {
                headers.insert(CONTENT_DISPOSITION, named);
            }
            let path = if newer { "/tika/html" } else { "/tika" };
            let call = Call { headers, body: bytes.clone(), ..self.call(Method::PUT, path) };
            let (status, headers, body) = self.send(call).await?;
            match status {
                200 => {
                    let media_type = media_type(&body);
                    return Ok(Converted { page: body, version, media_type });
                }
                429 | 503 if !waited => {
                    waited = true;
                    tokio::time::sleep(pause(&headers)).await;
                }
                _ => return Err(refusal(status)),
            }
        }
    }

    async fn send(&self, call: Call) -> Result<(u16, HeaderMap, Bytes), Refusal> {
        let outbound = self.outbound.as_ref().map_err(|error| Refusal::Away(error.clone()))?;
        match outbound.send(call).await {
            Ok(answer) => Ok((answer.status.as_u16(), answer.headers, answer.body)),
            Err(error @ OutboundError::TooLarge { .. }) => Err(Refusal::File(error.to_string())),
            Err(error) => Err(Refusal::Away(error.to_string())),
        }
    }
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|it| it.parse().ok()).unwrap_or(3)
}

fn pause(headers: &HeaderMap) -> Duration {
    let told = headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
    told.map_or(PAUSE, Duration::from_secs).min(BUSY_MAX)
}

fn refusal(status: u16) -> Refusal {
    match status {
        204 => Refusal::File("it found no text".to_owned()),
        413 => Refusal::File("the file is larger than it takes".to_owned()),
        415 => Refusal::File("it does not know the form".to_owned()),
        422 => Refusal::File("the file is encrypted, empty or damaged".to_owned()),
        429 => Refusal::Away("all its workers are busy".to_owned()),
        // The same file usually fails again: its worker ran out of time or memory over it.
        503 => Refusal::File("its worker ran out of time or memory".to_owned()),
        _ => Refusal::Away(format!("it answered with status {status}")),
    }
}

/// The media type that the page names, without parameters.
fn media_type(page: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&page[..page.len().min(64 << 10)]);
    let (_, rest) = head.split_once("name=\"Content-Type\" content=\"")?;
    let named = rest.split(['"', ';']).next()?.trim();
    let sound = named.len() <= 120
        && named.contains('/')
        && named.bytes().all(|it| it.is_ascii_alphanumeric() || b"/.+-".contains(&it));
    sound.then(|| named.to_owned())
}
