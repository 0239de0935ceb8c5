//! The last messages of each topic: so many topics, so many messages, so many bytes of each.
//!
//! The process that reads the broker keeps them in memory and writes what has changed into the
//! database every few seconds; pages and programs read them there, whichever process answers.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use super::model::{Message, Shown, Topic};

/// Topics that are kept; the one that was silent longest gives way to a new one.
pub(super) const TOPICS_MAX: u16 = 500;
/// Messages of a topic that are kept.
const MESSAGES_MAX: usize = 5;
/// Bytes of a payload that are kept of the newest message of a topic.
const NEWEST_BYTES: usize = 8 << 10;
/// The same where a device describes itself at length.
const CONFIG_BYTES: usize = 32 << 10;
/// Bytes of a payload that are kept of earlier messages.
const EARLIER_BYTES: usize = 2 << 10;
/// Letters of a reason that are kept.
const REASON_LETTERS: usize = 500;
/// Topics that are written down at once.
const WRITTEN_MAX: usize = 100;

/// What came last.
#[derive(Debug, Default)]
pub(super) struct Watch {
    topics: HashMap<String, Kept>,
    changed: HashSet<String>,
    gone: HashSet<String>,
}

#[derive(Debug)]
struct Kept {
    last_at: DateTime<Utc>,
    messages: u64,
    refused: u64,
    last: VecDeque<Shown>,
    refusal: Option<(String, DateTime<Utc>)>,
}

/// A payload as text of so many bytes at most.
fn cut(payload: &[u8], bytes: usize) -> String {
    let text = String::from_utf8_lossy(&payload[..payload.len().min(bytes + 4)]);
    // JSON in the database cannot hold the letter NUL.
    let mut text = text.replace('\0', "\u{fffd}");
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

impl Watch {
    /// Goes on with what was written down before.
    pub fn restore(&mut self, topics: Vec<Topic>) {
        for topic in topics.into_iter().take(usize::from(TOPICS_MAX)) {
            self.topics.entry(topic.topic).or_insert(Kept {
                last_at: topic.last_at,
                messages: topic.messages,
                refused: topic.refused,
                last: topic.last.into(),
                refusal: topic.reason.zip(topic.refused_at),
            });
        }
    }

    /// Takes note of a message.
    pub fn note(&mut self, message: &Message) {
        if !self.topics.contains_key(&message.topic) && self.topics.len() >= usize::from(TOPICS_MAX)
        {
            self.make_room();
        }
        let kept = self.topics.entry(message.topic.clone()).or_insert_with(|| Kept {
            last_at: message.received_at,
            messages: 0,
            refused: 0,
            last: VecDeque::new(),
            refusal: None,
        });
        kept.messages += 1;
        kept.last_at = message.received_at;
        if let Some(earlier) = kept.last.front_mut() {
            earlier.payload = cut(earlier.payload.as_bytes(), EARLIER_BYTES);
        }
        kept.last.truncate(MESSAGES_MAX - 1);
        let bytes = if message.topic.ends_with("/config") { CONFIG_BYTES } else { NEWEST_BYTES };
        kept.last.push_front(Shown {
            at: message.received_at,
            payload: cut(&message.payload, bytes),
            bytes: message.payload.len(),
            is_retained: message.is_retained,
        });
        self.changed.insert(message.topic.clone());
    }

    fn make_room(&mut self) {
        let silent = self.topics.iter().min_by_key(|(_, kept)| kept.last_at);
        let Some(silent) = silent.map(|(topic, _)| topic.clone()) else { return };
        self.topics.remove(&silent);
        self.changed.remove(&silent);
        self.gone.insert(silent);
    }

    /// Takes note of why something of a message could not be taken.
    pub fn refuse(&mut self, topic: &str, reason: &str, at: DateTime<Utc>) {
        if let Some(kept) = self.topics.get_mut(topic) {
            kept.refused += 1;
            let reason = reason.replace('\0', "\u{fffd}");
            kept.refusal = Some((reason.chars().take(REASON_LETTERS).collect(), at));
            self.changed.insert(topic.to_owned());
        }
    }

    /// Some of the topics that have changed since they were taken last, and all that are gone.
    pub fn take_changed(&mut self) -> (Vec<Topic>, Vec<String>) {
        let names: Vec<String> = self.changed.iter().take(WRITTEN_MAX).cloned().collect();
        for name in &names {
            self.changed.remove(name);
        }
        let topic = |name: String| {
            let kept = self.topics.get(&name)?;
            Some(Topic {
                last_at: kept.last_at,
                messages: kept.messages,
                refused: kept.refused,
                last: kept.last.iter().cloned().collect(),
                reason: kept.refusal.as_ref().map(|(reason, _)| reason.clone()),
                refused_at: kept.refusal.as_ref().map(|(_, at)| *at),
                topic: name,
            })
        };
        let topics = names.into_iter().filter_map(topic).collect();
        let gone = self.gone.drain().filter(|name| !self.topics.contains_key(name)).collect();
        (topics, gone)
    }

    /// Puts back what could not be written down.
    pub fn put_back(&mut self, topics: Vec<Topic>, gone: Vec<String>) {
        self.changed.extend(topics.into_iter().map(|it| it.topic));
        self.gone.extend(gone);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::Duration;

    use super::*;

    fn message(topic: String, payload: Vec<u8>, second: i64) -> Message {
        let noon: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        Message {
            topic,
            payload: Bytes::from(payload),
            is_retained: false,
            is_again: false,
            is_owed: false,
            received_at: noon + Duration::seconds(second),
        }
    }

    #[test]
    fn topics_messages_and_bytes_are_bounded() {
        let mut watch = Watch::default();
        for second in 0..2_000 {
            let topic = format!("t/{}", second / 2);
            watch.note(&message(topic, "é\0".repeat(20_000).into_bytes(), second));
        }
        assert_eq!(watch.topics.len(), usize::from(TOPICS_MAX));
        for second in 2_000..2_020 {
            watch.note(&message("t/999".to_owned(), vec![b'x'; 100_000], second));
        }
        watch.refuse("t/999", "no number\0", message(String::new(), vec![], 0).received_at);
        let (mut all, mut left) = (Vec::new(), HashSet::new());
        loop {
            let (topics, gone) = watch.take_changed();
            left.extend(gone);
            if topics.is_empty() {
                break;
            }
            assert!(topics.len() <= WRITTEN_MAX);
            all.extend(topics);
        }
        assert_eq!((all.len(), left.len()), (usize::from(TOPICS_MAX), 500));
        let busy = all.iter().find(|topic| topic.topic == "t/999").unwrap();
        assert_eq!((busy.messages, busy.refused, busy.last.len()), (22, 1, MESSAGES_MAX));
        assert_eq!(busy.last[0].payload.len(), NEWEST_BYTES);
        assert_eq!((busy.last[1].payload.len(), busy.last[1].bytes), (EARLIER_BYTES, 100_000));
        assert_eq!(busy.reason.as_deref(), Some("no number\u{fffd}"));
        assert!(!all.iter().any(|topic| topic.last[0].payload.contains('\0')));
    }
}
