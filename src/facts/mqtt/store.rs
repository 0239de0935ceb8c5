//! SQL of the tables `mqtt_…`.

mod consumer; // who reads the broker, and how that goes
mod mappings; // what numbers mean
mod samples; // powers as they came, and when what came first
mod topics; // the last messages

pub(super) use self::consumer::{Counts, Holder, consumer, hold, release, renew};
pub(super) use self::mappings::{count, delete, insert, is_taken, mapping, mappings, update};
pub(super) use self::samples::{
    Window, first_seen, forget, last_before, put_samples, put_seen, samples_within,
};
pub(super) use self::topics::{topics, topics_like, write_topics};
