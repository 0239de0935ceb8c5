//! An answer on its way, as server-sent events (WHATWG HTML, section 9.2).

use std::task::Poll;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::mpsc::{self, Sender};
use uuid::Uuid;

use super::model::{Answer, PassageView, Quote};
use crate::platform::web::Problem;

/// Things that may be told before somebody listens.
const TOLD_MAX: usize = 64;
/// How often a silent connection gets a sign of life, by which one that is gone is noticed.
const BEAT: Duration = Duration::from_secs(3);
/// What is said then: a comment, which listeners skip.
const HEARTBEAT: Bytes = Bytes::from_static(b": writing\n\n");

/// What is told while a question is answered, in this order: the passages, the words of a model as it
/// writes, the quotes once they are proven, an error where the model fails, the whole answer.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// What the answer will rest on.
    Passages {
        /// Names the question.
        question_id: Uuid,
        /// Best first.
        passages: Vec<PassageView>,
    },
    /// More words of the model; not checked yet.
    Token {
        /// As it writes them.
        text: String,
    },
    /// A proven quote.
    Quote(Box<Quote>),
    /// What went wrong; an answer follows all the same.
    Error {
        /// In words.
        detail: String,
    },
    /// Everything, checked.
    Final(Box<Answer>),
}

impl Told {
    /// Name of the event.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passages { .. } => "passages",
            Self::Token { .. } => "token",
            Self::Quote(_) => "quote",
            Self::Error { .. } => "error",
            Self::Final(_) => "final",
        }
    }
}

/// Where to tell it; nobody need listen.
#[derive(Debug, Clone, Default)]
pub struct Teller(Option<Sender<Told>>);

impl Teller {
    /// Tells it to `listener`.
    pub const fn to(listener: Sender<Told>) -> Self {
        Self(Some(listener))
    }

    /// Tells one thing; a listener who is gone has had enough.
    pub(super) async fn tell(&self, told: Told) {
        if let Some(listener) = &self.0 {
            drop(listener.send(told).await);
        }
    }
}

/// One event in the form of the wire. JSON has no line breaks, so its data is one line.
pub fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// What `work` tells, in order, and the problem where it fails. The work is done while the stream is
/// read: whoever drops the stream drops the work, and with it the model's answer.
pub fn told_by<W, F>(work: W) -> impl Stream<Item = Result<Told, Problem>> + use<W, F>
where
    W: FnOnce(Teller) -> F,
    F: Future<Output = Result<(), Problem>>,
{
    let (sender, mut receiver) = mpsc::channel(TOLD_MAX);
    let mut work = Some(Box::pin(work(Teller::to(sender))));
    let mut failed = None;
    stream::poll_fn(move |context| {
        if let Some(running) = work.as_mut()
            && let Poll::Ready(outcome) = running.as_mut().poll(context)
        {
            // What was told before is read first; the sender is gone with the work.
            work = None;
            failed = outcome.err();
        }
        receiver.poll_recv(context).map(|told| match told {
            Some(told) => Some(Ok(told)),
            None => failed.take().map(Err),
        })
    })
}

/// Events as an answer that nothing on the way holds back.
pub fn event_stream(events: impl Stream<Item = Bytes> + 'static) -> HttpResponse {
    let mut events = Box::pin(events);
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    let whole = stream::poll_fn(move |context| match events.as_mut().poll_next(context) {
        Poll::Ready(next) => {
            beat.reset();
            Poll::Ready(next.map(Ok::<_, actix_web::Error>))
        }
        Poll::Pending => beat.poll_tick(context).map(|_| Some(Ok(HEARTBEAT))),
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        // A compressor would wait for more.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_line_of_data_whatever_is_said() {
        let told = Told::Token { text: "a\nb\r\n\u{2028}event: final\ndata: {}\n\n".to_owned() };
        let bytes = event(told.name(), &told);
        let text = std::str::from_utf8(&bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "event: token");
        assert!(lines[1].starts_with("data: {\"text\":\"a\\nb"), "{text}");
        assert_eq!((lines[2], text.ends_with("\n\n")), ("", true));
    }
}
