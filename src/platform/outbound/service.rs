//! Calls: one or several attempts, redirects followed by hand, an answer that fits into memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::header::{self, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};
use rustls::RootCertStore;

use super::breaker::Circuits;
use super::guard::{Forbidden, GuardedNames, Lookup, Reach, forbidden, system_names};
use super::reason::reason;
use super::sieve::Sifting;
use super::tls::{system_roots, tls};
use crate::base::timeline::Clock;

/// What Luna calls itself.
const USER_AGENT: &str = concat!("Luna/", env!("CARGO_PKG_VERSION"));
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;
/// Attempts of a call that may be repeated.
const ATTEMPTS_MAX: u32 = 3;

/// One call to another service.
#[derive(Clone)]
pub struct Call {
    /// `GET` unless said otherwise.
    pub method: Method,
    /// Where to; without login and password.
    pub url: String,
    /// Further headers; they stay behind when a redirect leads to another origin.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
    /// How far it may go.
    pub reach: Reach,
    /// Whether a failed attempt may be repeated though the other side may have acted already.
    pub may_repeat: bool,
    /// Longest answer, unpacked; where it is sifted, the most that is kept of it.
    pub bytes_max: usize,
    /// What of a long answer is kept while it comes; all of it unless said.
    pub sifting: Option<Sifting>,
    /// Longest duration, all attempts and pauses included.
    pub total: Duration,
}

impl Call {
    /// Reads `url` from the internet: up to 16 MiB within a minute, repeated when it fails.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            reach: Reach::Public,
            may_repeat: true,
            bytes_max: 16 << 20,
            sifting: None,
            total: Duration::from_mins(1),
        }
    }
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body, unpacked; where it was sifted, what was kept of it.
    pub body: Bytes,
    /// How much came, unpacked, kept or not.
    pub read_bytes: u64,
}

/// Why there is no answer. No message names more of the address than its host: queries hold keys.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address cannot be called.
    #[error("the address cannot be called: {0}")]
    BadUrl(String),
    /// The target is out of the call's reach.
    #[error("{host} is at {address}, which this call must not reach")]
    Forbidden {
        /// Name or address as asked for.
        host: String,
        /// What it stands for.
        address: std::net::IpAddr,
    },
    /// The host failed too often and is left alone.
    #[error("{host} failed several times in a row and is asked again in {} s", wait.as_secs().max(1))]
    LeftAlone {
        /// Host and port.
        host: String,
        /// How long it is still left alone.
        wait: Duration,
    },
    /// Nobody answered in time.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// Host and port.
        host: String,
    },
    /// The answer is longer than the call allows.
    #[error("the answer of {host} is longer than {bytes_max} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit.
        bytes_max: u64,
    },
    /// Redirects did not come to an end, or left https.
    #[error("{host} sends to where this call does not go: {reason}")]
    Redirected {
        /// Host and port that sent away.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or one that broke.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why, as far as it is known.
        reason: String,
        /// What happened.
        source: reqwest::Error,
    },
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// Before the second attempt; doubles with every further one.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(15),
            pause: Duration::from_millis(500),
        }
    }
}

/// The client for calls to the outside. Cloning is cheap.
#[derive(Clone)]
pub struct Outbound {
    clock: Clock,
    patience: Patience,
    circuits: Arc<Circuits>,
    /// One per reach, so that no connection is shared between calls that may go to different places.
    public: Client,
    network: Client,
    host: Client,
}

impl Outbound {
    /// A client that trusts the system's certificates.
    pub fn new(clock: Clock) -> Result<Self, OutboundError> {
        Self::trusting(clock, Patience::default(), &system_names(), system_roots())
    }

    /// A client for services that think for long before they say something, such as models: `idle`
    /// is the longest silence, `pause` stands before a second attempt.
    pub fn patient(clock: Clock, idle: Duration, pause: Duration) -> Result<Self, OutboundError> {
        let patience = Patience { idle, pause, ..Patience::default() };
        Self::trusting(clock, patience, &system_names(), system_roots())
    }

    pub(super) fn trusting(
        clock: Clock,
        patience: Patience,
        lookup: &Lookup,
        roots: RootCertStore,
    ) -> Result<Self, OutboundError> {
        let tls = tls(roots).map_err(|error| OutboundError::BadUrl(error.to_string()))?;
        let client = |reach| {
            let names = GuardedNames { reach, lookup: Arc::clone(lookup) };
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(USER_AGENT)
                // A proxy of the environment would connect in our stead, unchecked.
                .no_proxy()
                .redirect(Policy::none())
                .dns_resolver(Arc::new(names))
                .connect_timeout(patience.connect)
                .read_timeout(patience.idle)
                .build()
                .map_err(|error| OutboundError::BadUrl(error.to_string()))
        };
        Ok(Self {
            public: client(Reach::Public)?,
            network: client(Reach::Network)?,
            host: client(Reach::Host)?,
            circuits: Arc::new(Circuits::new(clock.clone())),
            clock,
            patience,
        })
    }

    /// The answer to `call`, whatever its status.
    pub async fn send(&self, call: Call) -> Result<Answer, OutboundError> {
        let url = checked(&call.url, call.reach)?;
        let host = host_of(&url);
        let started = self.clock.elapsed();
        let answer = tokio::time::timeout(call.total, self.attempts(&call, &url)).await;
        let answer = answer.unwrap_or_else(|_| {
            self.circuits.failed(&host);
            Err(OutboundError::TimedOut { host: host.clone() })
        });
        let took = self.clock.elapsed().saturating_sub(started);
        let outcome = match &answer {
            Ok(answer) => answer.status.as_str().to_owned(),
            Err(_) => "failed".to_owned(),
        };
        metrics::counter!("luna_outbound_requests_total",
            "host" => host.clone(), "outcome" => outcome.clone())
        .increment(1);
        metrics::histogram!("luna_outbound_request_duration_seconds", "host" => host.clone())
            .record(took.as_secs_f64());
        tracing::debug!(host, outcome, "Asked {host}: {outcome}");
        answer
    }

    async fn attempts(&self, call: &Call, url: &Url) -> Result<Answer, OutboundError> {
        let deadline = self.clock.elapsed() + call.total;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let result = self.follow(call, url.clone()).await;
            let Some(wait) = self.pause_after(call, &result, attempt) else { return result };
            // Whoever says for how long may say anything.
            if self.clock.elapsed().saturating_add(wait) >= deadline {
                return result;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// How long to wait before another attempt; absent when there is none.
    fn pause_after(
        &self,
        call: &Call,
        result: &Result<Answer, OutboundError>,
        attempt: u32,
    ) -> Option<Duration> {
        let (may_repeat, asked_to_wait) = match result {
            Ok(answer) if is_passing(answer.status) => {
                (call.may_repeat, retry_after(&answer.headers, self.clock.now()))
            }
            // Without a connection nothing was sent, so nothing can happen twice.
            Err(OutboundError::Unreachable { source, .. }) => {
                (call.may_repeat || source.is_connect(), None)
            }
            Err(OutboundError::TimedOut { .. }) => (call.may_repeat, None),
            _ => (false, None),
        };
        if !may_repeat || attempt >= ATTEMPTS_MAX {
            return None;
        }
        let longest = self.patience.pause * 2_u32.pow(attempt - 1);
        // Between half and all of it, so that those who failed together do not come back together.
        let own = longest.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        Some(asked_to_wait.unwrap_or(own))
    }

    /// One attempt, with the redirects it meets.
    async fn follow(&self, call: &Call, mut url: Url) -> Result<Answer, OutboundError> {
        let mut headers = call.headers.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(call, &url, headers.clone()).await?;
            let reads = matches!(call.method, Method::GET | Method::HEAD);
            let Some(next) = target(&response, &url).filter(|_| reads) else {
                return self.read(call, &url, response).await;
            };
            let (host, before) = (host_of(&url), url);
            let refused = |error: OutboundError| match error {
                OutboundError::BadUrl(reason) => {
                    OutboundError::Redirected { host: host.clone(), reason }
                }
                other => other,
            };
            url = checked(&next, call.reach).map_err(refused)?;
            if before.scheme() == "https" && url.scheme() != "https" {
                let reason = "it leaves https".to_owned();
                return Err(OutboundError::Redirected { host, reason });
            }
            if before.origin() != url.origin() {
                headers.clear();
            }
        }
        let reason = format!("more than {REDIRECTS_MAX} redirects");
        Err(OutboundError::Redirected { host: host_of(&url), reason })
    }

    /// The head of the answer to one request.
    pub(super) async fn ask(
        &self,
        call: &Call,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Response, OutboundError> {
        let host = host_of(url);
        let left_alone = |wait| OutboundError::LeftAlone { host: host.clone(), wait };
        self.circuits.admit(&host).map_err(left_alone)?;
        let client = match call.reach {
            Reach::Public => &self.public,
            Reach::Network => &self.network,
            Reach::Host => &self.host,
        };
        let request = client.request(call.method.clone(), url.clone()).headers(headers);
        match request.body(call.body.clone()).send().await {
            Ok(response) if response.status().is_server_error() => {
                self.circuits.failed(&host);
                Ok(response)
            }
            Ok(response) => {
                self.circuits.succeeded(&host);
                Ok(response)
            }
            Err(error) => Err(self.failure(host, error)),
        }
    }

    /// The answer with its body, which must not be longer than the call allows.
    async fn read(
        &self,
        call: &Call,
        url: &Url,
        mut response: Response,
    ) -> Result<Answer, OutboundError> {
        let host = host_of(url);
        // An error page is no table: it is kept as it is.
        let sifting = call.sifting.as_ref().filter(|_| response.status().is_success());
        let longest = sifting.map_or(call.bytes_max as u64, |it| it.read_max);
        let too_large = |bytes_max| OutboundError::TooLarge { host: host.clone(), bytes_max };
        if response.content_length().is_some_and(|announced| announced > longest) {
            return Err(too_large(longest));
        }
        let mut sieve = sifting.map(Sifting::sieve);
        let (mut body, mut read) = (BytesMut::new(), 0);
        // Chunks come unpacked, so a small answer that unpacks to a large one is cut, too.
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.failure(host.clone(), error))?
        {
            read += chunk.len() as u64;
            if read > longest {
                return Err(too_large(longest));
            }
            match &mut sieve {
                Some(sieve) => sieve.take(&chunk, &mut body),
                None => body.extend_from_slice(&chunk),
            }
            if body.len() > call.bytes_max {
                return Err(too_large(call.bytes_max as u64));
            }
        }
        if let Some(sieve) = &mut sieve {
            sieve.finish(&mut body);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body: body.freeze(), read_bytes: read })
    }

    pub(super) fn failure(&self, host: String, error: reqwest::Error) -> OutboundError {
        if let Some(Forbidden { host, address }) = forbidden(&error) {
            return OutboundError::Forbidden { host, address };
        }
        self.circuits.failed(&host);
        if error.is_timeout() {
            return OutboundError::TimedOut { host };
        }
        let reason = reason(&error);
        OutboundError::Unreachable { host, reason, source: error.without_url() }
    }
}

/// The address that `text` writes, unless it cannot be called or names an address out of reach; names
/// are checked when they are looked up.
pub(super) fn checked(text: &str, reach: Reach) -> Result<Url, OutboundError> {
    let bad = |reason: &str| OutboundError::BadUrl(reason.to_owned());
    let url: Url = text.parse().map_err(|_| bad("it is not an address like https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("login and password do not belong into it"));
    }
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(address) if !reach.allows(address) => {
            Err(OutboundError::Forbidden { host: host.to_owned(), address })
        }
        _ => Ok(url),
    }
}

/// Host and port.
pub(super) fn host_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Where `response` sends to.
fn target(response: &Response, from: &Url) -> Option<String> {
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION)?;
    let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
    let location = location.to_str().ok().filter(|_| redirects)?;
    Some(from.join(location).map_or_else(|_| location.to_owned(), String::from))
}

/// Whether the same call may get another answer soon.
const fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// How long the other side asks to wait, in seconds or until an instant.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}
