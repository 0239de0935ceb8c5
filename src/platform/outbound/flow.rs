//! Answers that are read while they come: for servers that write for minutes.

use bytes::Bytes;
use reqwest::{Response, StatusCode};

use super::service::{Call, Outbound, OutboundError, checked, host_of};

/// An answer whose body is still on its way. Dropping it closes the connection, by which the other
/// side learns that nobody listens any more.
pub struct Flowing {
    /// The status.
    pub status: StatusCode,
    outbound: Outbound,
    host: String,
    response: Response,
    left_bytes: usize,
    bytes_max: usize,
}

impl Outbound {
    /// The head of the answer to `call`, after one attempt and without following redirects; the body
    /// is read with [`Flowing::next`]. How long the other side may be silent is the client's
    /// patience; how long all of it may take is the caller's to say.
    pub async fn open(&self, call: Call) -> Result<Flowing, OutboundError> {
        let url = checked(&call.url, call.reach)?;
        let host = host_of(&url);
        let answer = self.ask(&call, &url, call.headers.clone()).await;
        let outcome = match &answer {
            Ok(response) => response.status().as_str().to_owned(),
            Err(_) => "failed".to_owned(),
        };
        metrics::counter!("luna_outbound_requests_total",
            "host" => host.clone(), "outcome" => outcome)
        .increment(1);
        let response = answer?;
        Ok(Flowing {
            status: response.status(),
            outbound: self.clone(),
            host,
            response,
            left_bytes: call.bytes_max,
            bytes_max: call.bytes_max,
        })
    }
}

impl Flowing {
    /// The next bytes, unpacked; absent at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let chunk = self.response.chunk().await;
        let chunk = chunk.map_err(|error| self.outbound.failure(self.host.clone(), error))?;
        let Some(chunk) = chunk else { return Ok(None) };
        self.left_bytes = self.left_bytes.checked_sub(chunk.len()).ok_or_else(|| {
            OutboundError::TooLarge { host: self.host.clone(), bytes_max: self.bytes_max as u64 }
        })?;
        Ok(Some(chunk))
    }
}
