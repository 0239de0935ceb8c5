//! Doors for the fuzzer: each parser of what comes from outside, by name.

use crate::facts::ingest;

/// Feeds `payload` to the parser called `parser`; whatever it says of it, it must not panic.
///
/// # Panics
///
/// When there is no such parser.
pub fn parse(parser: &str, payload: &[u8]) {
    assert!(ingest::parse_anything(parser, payload), "there is no parser '{parser}'");
}
