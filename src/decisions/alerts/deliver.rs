//! One post to a webhook, signed as Standard Webhooks 1.0.0 has it: HMAC-SHA256 over identifier,
//! instant and body.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::model::DeliveryState;
use super::settings::Settings;
use super::store::{self, Posted};
use crate::base::timeline::Clock;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::outbound::{Call, Outbound, OutboundError, Reach};
use crate::platform::runtime::Live;

/// Most of an answer that is read; nothing of it is kept.
const ANSWER_MAX: usize = 64 << 10;
/// How secrets begin that are written in Base64.
const PREFIX: &str = "whsec_";

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The receiver took it, now or before.
    Delivered,
    /// It may take it later.
    Retry(String),
    /// It never will.
    Dead(String),
}

/// Posts messages. Cloning is cheap.
#[derive(Clone)]
pub struct Deliveries {
    db: Db,
    clock: Clock,
    settings: Live<Settings>,
    /// One client for all, so that a receiver that fails is left alone for a while.
    outbound: Option<Outbound>,
}

impl Deliveries {
    /// Messages written down in `db`.
    pub fn new(db: Db, clock: Clock, settings: Live<Settings>) -> Self {
        let outbound = Outbound::new(clock.clone());
        if let Err(error) = &outbound {
            tracing::error!(%error, "Nothing can be posted to webhooks: {error}");
        }
        Self { db, clock, settings, outbound: outbound.ok() }
    }

    /// Tries to post a message; `is_last` says that nobody will try again.
    pub(super) async fn attempt(&self, id: Uuid, is_last: bool) -> Result<Attempt, DbError> {
        let posted = store::posted(&mut *self.db.conn().await?, id).await?;
        let Some(posted) = posted else {
            return Ok(Attempt::Dead("the message is not there any more".to_owned()));
        };
        if posted.state == DeliveryState::Delivered.name() {
            return Ok(Attempt::Delivered);
        }
        let (status, attempt) = self.post(&posted).await;
        let (state, error) = match &attempt {
            Attempt::Delivered => (DeliveryState::Delivered, None),
            Attempt::Retry(why) if !is_last => (DeliveryState::Retry, Some(why.as_str())),
            Attempt::Retry(why) | Attempt::Dead(why) => (DeliveryState::Dead, Some(why.as_str())),
        };
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        store::note_attempt(&mut conn, id, state, (status, error), now).await?;
        metrics::counter!("luna_webhook_attempts_total", "outcome" => state.name()).increment(1);
        Ok(attempt)
    }

    async fn post(&self, posted: &Posted) -> (Option<u16>, Attempt) {
        let settings = self.settings.get();
        let Some(outbound) = &self.outbound else {
            return (None, Attempt::Retry("there is no client to post with".to_owned()));
        };
        let reach = settings.reach(&posted.url);
        let headers = headers(posted, settings.webhook_secret.as_ref(), self.clock.now());
        let call = Call {
            method: Method::POST,
            headers,
            body: Bytes::from(posted.body.clone()),
            reach,
            // The queue tries again, so that no worker waits.
            may_repeat: false,
            bytes_max: ANSWER_MAX,
            total: Duration::from_secs(settings.webhook_timeout_s.into()),
            ..Call::get(posted.url.clone())
        };
        match outbound.send(call).await {
            Ok(answer) => (Some(answer.status.as_u16()), judged(answer.status.as_u16())),
            Err(error) => (None, failed(&error, reach)),
        }
    }
}

/// Only 2xx is a success; 410 asks not to be told again.
fn judged(status: u16) -> Attempt {
    match status {
        200..=299 => Attempt::Delivered,
        410 => Attempt::Dead("the receiver answered 410: it wants nothing any more".to_owned()),
        _ => Attempt::Retry(format!("the receiver answered {status}")),
    }
}

/// No message of an error names more of the address than its host.
fn failed(error: &OutboundError, reach: Reach) -> Attempt {
    match error {
        OutboundError::Forbidden { .. } if reach != Reach::Host => Attempt::Dead(format!(
            "{error}; list the host in alerts.webhook_hosts if it belongs to you"
        )),
        OutboundError::BadUrl(_) | OutboundError::Forbidden { .. } => {
            Attempt::Dead(error.to_string())
        }
        // What it said is not known, but it heard the message: once more would be twice.
        OutboundError::TooLarge { .. } => Attempt::Dead(error.to_string()),
        _ => Attempt::Retry(error.to_string()),
    }
}

fn headers(posted: &Posted, secret: Option<&SecretString>, now: DateTime<Utc>) -> HeaderMap {
    let (id, timestamp) = (format!("msg_{}", posted.delivery_id.simple()), now.timestamp());
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut put = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some(secret) = secret {
        let signature = signature(secret, &id, timestamp, &posted.body);
        put("webhook-signature", signature);
    }
    put("webhook-id", id);
    put("webhook-timestamp", timestamp.to_string());
    headers
}

/// `v1,` and the HMAC-SHA256 over `id.timestamp.body` in Base64 (Standard Webhooks 1.0.0). A secret
/// that begins with `whsec_` is Base64 behind it; any other counts letter by letter.
fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &str) -> String {
    let secret = secret.expose_secret();
    let decoded = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the specification's reference libraries.
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_two_hundreds_are_success() {
        assert_eq!(judged(204), Attempt::Delivered);
        assert!(matches!(judged(410), Attempt::Dead(_)));
        for status in [302, 400, 404, 429, 500] {
            assert!(matches!(judged(status), Attempt::Retry(_)), "{status}");
        }
    }
}
