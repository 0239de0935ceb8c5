//! Putting a question to a source: the answer is archived before anybody reads it, and read where it
//! holds up nobody.

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;

use super::error::FetchError;
use super::model::{Ask, FetchReport, ReadError, Reading};
use super::service::Ingest;
use super::settings::Settings;
use super::source::{Request, Source, is_heavy};
use crate::facts::archive::{Arrival, RawFile};
use crate::platform::outbound::{Call, Reach};
use crate::platform::runtime::CpuPoolError;

/// Longest answer, unpacked: ten years of quarter hours as XML.
const BYTES_MAX: usize = 64 << 20;
/// Longest duration of a call whose answer is kept in part: some are larger than what is kept.
const LONG: Duration = Duration::from_mins(5);
/// What the archive adds to the kind of a payload of which it keeps only the rows that were wanted.
const FILTERED: &str = "filtered=rows";
/// Sources restate the last days: what is younger is never taken from the archive instead.
const RESTATED_DAYS: i64 = 7;
/// A back-fill that is begun anew within this time goes on where it was cut off.
const RESUME_H: i64 = 24;

impl Ingest {
    /// The answer of a source, already in the archive.
    pub(super) async fn ask(
        &self,
        source: &dyn Source,
        settings: &Settings,
        ask: &Ask,
    ) -> Result<(RawFile, Bytes), FetchError> {
        let not_known =
            || FetchError::NotKnown { source_name: source.name(), subject: ask.subject.clone() };
        let request = source.request(settings, ask).ok_or_else(not_known)?;
        self.send(source, request, ask).await
    }

    async fn send(
        &self,
        source: &dyn Source,
        request: Request,
        ask: &Ask,
    ) -> Result<(RawFile, Bytes), FetchError> {
        let mut url = request.url.clone();
        if let Some((name, secret)) = &request.secret {
            let secret: String = byte_serialize(secret.expose_secret().as_bytes()).collect();
            url = format!("{url}&{name}={secret}");
        }
        let mut call = Call { reach: request.reach, bytes_max: BYTES_MAX, ..Call::get(url) };
        if request.sifting.is_some() {
            (call.sifting, call.total) = (request.sifting, LONG);
        }
        if let Some(form) = request.accept {
            call.headers.insert(ACCEPT, HeaderValue::from_static(form));
        }
        let is_sifted = call.sifting.is_some();
        let mut answer = self.outbound()?.send(call).await?;
        if let Some((_, secret)) = &request.secret {
            answer.body = without(answer.body, secret.expose_secret());
        }
        let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let mut content_type = content_type.unwrap_or_default().to_owned();
        if is_sifted && answer.status.is_success() {
            content_type = format!("{content_type}; {FILTERED}");
        }
        let arrival = Arrival {
            source: source.name().to_owned(),
            subject: ask.subject.to_string(),
            range: ask.range,
            url: request.url,
            http_status: answer.status.as_u16(),
            content_type,
        };
        let (kept, came) = (answer.body.clone(), answer.read_bytes);
        let raw = if is_sifted {
            self.archive.keep_of(arrival, kept, came).await?
        } else {
            self.archive.keep(arrival, kept).await?
        };
        Ok((raw, answer.body))
    }

    /// Asks for the files that the answer to `ask` names, one after the other, and takes each.
    ///
    /// An answer names files at home only: nobody else is asked because a payload says so.
    pub(super) async fn follow(
        &self,
        source: &'static dyn Source,
        settings: &Settings,
        ask: &Ask,
        next: Vec<String>,
    ) -> Result<Vec<FetchReport>, FetchError> {
        let mut reports = Vec::with_capacity(next.len());
        let Some(Request { url: home, reach, .. }) = source.request(settings, ask) else {
            return Ok(reports);
        };
        for url in next {
            if origin(&url).is_none() || origin(&url) != origin(&home) {
                let what = "it names a file at another host".to_owned();
                return Err(ReadError::Contradiction(what).into());
            }
            if reach == Reach::Public {
                tokio::time::sleep(Duration::from_secs(source.pause_s())).await;
            }
            let sifting = source.sifting(ask);
            let request = Request { url, secret: None, reach, accept: None, sifting };
            let (raw, payload) = self.send(source, request, ask).await?;
            let taken = self.take(source, (&raw, ask), &payload, self.clock.now()).await?;
            if !taken.next.is_empty() {
                let what = "a file that it names is a list again".to_owned();
                return Err(ReadError::Contradiction(what).into());
            }
            reports.push(taken.report);
        }
        Ok(reports)
    }

    /// The answer that a back-fill got before it was cut off, so that it goes on where it was.
    pub(super) async fn kept(
        &self,
        source: &'static dyn Source,
        settings: &Settings,
        ask: &Ask,
    ) -> Result<Option<(RawFile, Bytes)>, FetchError> {
        if ask.range.to >= ask.at - chrono::Duration::days(RESTATED_DAYS) {
            return Ok(None);
        }
        let Some(request) = source.request(settings, ask) else { return Ok(None) };
        let since = ask.at - chrono::Duration::hours(RESUME_H);
        let Some(raw) = self.archive.newest(source.name(), &request.url, since).await? else {
            return Ok(None);
        };
        let payload = self.archive.payload(&raw).await?;
        let is_good = self.read(source, (&raw, ask), &payload).await?.is_ok();
        Ok(is_good.then_some((raw, payload)))
    }

    /// What a payload says, read on a thread of its own where that may take long.
    pub(super) async fn read(
        &self,
        source: &'static dyn Source,
        (raw, ask): (&RawFile, &Ask),
        payload: &Bytes,
    ) -> Result<Result<Reading, ReadError>, FetchError> {
        let status = raw.arrival.http_status;
        if !is_heavy(payload) {
            return Ok(source.read(status, payload, ask));
        }
        let (payload, ask) = (payload.clone(), ask.clone());
        let read = self.pool.run("read an answer", move || source.read(status, &payload, &ask));
        match read.await {
            // A reader that stumbles over a payload says that the payload is no good.
            Err(CpuPoolError::Panicked { .. }) => {
                Ok(Err(ReadError::Broken("its structure is damaged".to_owned())))
            }
            read => Ok(read?),
        }
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<String> {
    let url: Url = url.parse().ok()?;
    Some(url.origin().ascii_serialization()).filter(|origin| origin != "null")
}

/// An answer without a secret that it repeats.
fn without(body: Bytes, secret: &str) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    if secret.is_empty() || !text.contains(secret) {
        return body;
    }
    text.replace(secret, "***").into()
}
