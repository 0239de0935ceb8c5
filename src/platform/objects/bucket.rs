//! An S3-compatible store: its client, and its refusals in words.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpErrorKind};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::ExposeSecret;

use super::model::ObjectError;
use super::settings::Settings;
use crate::platform::outbound::{authorities, tls};

/// What Luna calls itself.
const USER_AGENT: &str = concat!("Luna/", env!("CARGO_PKG_VERSION"));
/// Slowest line on which an object still comes through, in bytes a second.
const SLOWEST: u64 = 256 << 10;
/// Times a request is made again when the connection breaks or the store stumbles.
const RETRIES_MAX: usize = 2;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, besides the time that its bytes and those of the request may take.
    pub answer: Duration,
    /// For an answer to the question whether the store is there.
    pub look: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let [connect, answer, look] = [5, 20, 4].map(Duration::from_secs);
        Self { connect, answer, look }
    }
}

/// A bucket, or its part below a prefix.
pub(super) struct Bucket {
    /// For people: bucket and host, never a key.
    pub(super) place: String,
    /// Before every key; empty, or with a `/` at its end.
    pub(super) prefix: String,
    pub(super) patience: Patience,
    /// The client, or why there is none.
    store: Result<Arc<AmazonS3>, String>,
    name: String,
}

impl Bucket {
    pub(super) fn new(name: &str, settings: &Settings, patience: Patience) -> Self {
        let host = settings.endpoint.as_deref().map_or_else(
            || format!("Amazon S3, region {}", settings.region),
            |endpoint| endpoint.trim_end_matches('/').to_owned(),
        );
        let prefix = match settings.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let below = if prefix.is_empty() { String::new() } else { format!(", below {prefix}") };
        Self {
            place: format!("S3 bucket {name} at {host}{below}"),
            prefix,
            patience,
            store: client(name, settings, patience).map(Arc::new),
            name: name.to_owned(),
        }
    }

    pub(super) fn open(&self) -> Result<Arc<AmazonS3>, ObjectError> {
        self.store.clone().map_err(|reason| self.away(reason))
    }

    /// How long handing over `bytes` may take.
    pub(super) fn limit(&self, bytes: u64) -> Duration {
        self.patience.answer + Duration::from_secs(bytes / SLOWEST)
    }

    pub(super) fn away(&self, reason: impl Into<String>) -> ObjectError {
        ObjectError::Away { place: self.place.clone(), reason: reason.into() }
    }

    pub(super) fn silent(&self) -> ObjectError {
        self.away("it does not answer in time")
    }

    /// What the store or the line to it says, about the object `key`.
    pub(super) fn refusal(&self, key: &str, error: &object_store::Error) -> ObjectError {
        let said = Said::in_chain(error);
        if matches!(error, object_store::Error::NotFound { .. }) && said.code != "NoSuchBucket" {
            return ObjectError::Missing(key.to_owned());
        }
        self.away(self.reason(error, &said))
    }

    /// The reason in one sentence, with the way to mend it where there is one. Answers of the store
    /// are not repeated: they may name keys.
    fn reason(&self, error: &object_store::Error, said: &Said) -> String {
        let name = &self.name;
        match said.code.as_str() {
            "NoSuchBucket" => format!("there is no bucket {name}; create it, or mend S3_BUCKET"),
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" => {
                "it does not take the key; look at S3_ACCESS_KEY and S3_SECRET_KEY".to_owned()
            }
            "RequestTimeTooSkewed" | "RequestExpired" => {
                "its clock and this machine's differ too much; set them right".to_owned()
            }
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "TemporaryRedirect" => {
                format!("the bucket {name} is in another region; mend S3_REGION")
            }
            "NotImplemented" => "it cannot do what was asked (NotImplemented)".to_owned(),
            "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" => {
                "it is full".to_owned()
            }
            code => match error {
                object_store::Error::PermissionDenied { .. } => format!(
                    "the key may not read, write, list and delete in the bucket {name}; look at \
                     its rights and at S3_ACCESS_KEY"
                ),
                object_store::Error::Unauthenticated { .. } => {
                    "it does not take the key; look at S3_ACCESS_KEY and S3_SECRET_KEY".to_owned()
                }
                _ if !code.is_empty() => format!("it answers {code}"),
                _ => said.what.clone(),
            },
        }
    }
}

/// What is known of a failed request.
#[derive(Debug, Default)]
struct Said {
    /// The code of the store's answer; empty when it has none.
    code: String,
    /// What happened in words.
    what: String,
}

impl Said {
    fn in_chain(error: &(dyn Error + 'static)) -> Self {
        let mut said = Self { code: String::new(), what: "it cannot be asked".to_owned() };
        let (mut cause, mut is_line) = (Some(error), false);
        while let Some(error) = cause {
            let text = error.to_string();
            if let Some((_, rest)) = text.split_once("<Code>") {
                let code = rest.chars().take_while(char::is_ascii_alphanumeric).take(60);
                said.code = code.collect();
            }
            // Amazon sends to another region without saying where it is.
            if text.contains("redirect without LOCATION") {
                said.code = "PermanentRedirect".to_owned();
            }
            if let Some((_, rest)) = text.split_once("status code: ") {
                let status: String = rest.chars().take_while(|letter| *letter != ':').collect();
                said.what = format!("it answers {}", status.trim());
            }
            if let Some(line) = error.downcast_ref::<HttpError>() {
                is_line = true;
                if line.kind() == HttpErrorKind::Timeout {
                    said.what = "it does not answer in time".to_owned();
                    break;
                }
            }
            cause = error.source();
            if cause.is_none() && is_line {
                // The last cause is the system's or the TLS library's: no address, no header.
                said.what = text;
            }
        }
        said
    }
}

/// The client of a bucket, which connects nowhere yet.
fn client(name: &str, settings: &Settings, patience: Patience) -> Result<AmazonS3, String> {
    let missing = || "access key or secret key is missing".to_owned();
    let access = settings.access_key.as_ref().ok_or_else(missing)?;
    let secret = settings.secret_key.as_ref().ok_or_else(missing)?;
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: RETRIES_MAX,
        retry_timeout: patience.answer,
    };
    let builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(&settings.region)
        .with_access_key_id(access.expose_secret())
        .with_secret_access_key(secret.expose_secret())
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_allow_http(settings.allow_http)
        .with_retry(retry)
        .with_http_connector(connector(settings, patience)?);
    let builder = match settings.endpoint.as_deref() {
        Some(endpoint) => builder.with_endpoint(address(name, endpoint, settings.path_style)?),
        None => builder,
    };
    builder.build().map_err(|error| error.to_string())
}

/// The endpoint, with the bucket in its host name where the store wants it there.
fn address(bucket: &str, endpoint: &str, is_path_style: bool) -> Result<String, String> {
    let mut url: Url = endpoint.parse().map_err(|_| "endpoint is no address".to_owned())?;
    if !is_path_style {
        let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
        url.set_host(Some(&host)).map_err(|error| error.to_string())?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Hands out the one HTTP client.
#[derive(Debug)]
struct Connector(Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

fn connector(settings: &Settings, patience: Patience) -> Result<Connector, String> {
    let roots = authorities(settings.ca_file.as_deref()).map_err(|why| {
        let path = settings.ca_file.as_deref().unwrap_or("".as_ref()).display();
        format!("ca_file {path} cannot be used: {why}")
    })?;
    let client = Client::builder()
        .tls_backend_preconfigured(tls(roots).map_err(|error| error.to_string())?)
        .user_agent(USER_AGENT)
        .https_only(!settings.allow_http)
        .http1_only()
        // A proxy of the environment would see what is stored; a store is where its admin says it is.
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(patience.connect)
        .build();
    client.map(Connector).map_err(|error| error.to_string())
}
