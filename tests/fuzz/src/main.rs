//! Feeds one parser, named by `LUNA_FUZZ_PARSER`, with whatever libFuzzer makes up.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static PARSER: LazyLock<String> =
    LazyLock::new(|| std::env::var("LUNA_FUZZ_PARSER").expect("LUNA_FUZZ_PARSER names a parser"));

fuzz_target!(|payload: &[u8]| luna::fuzzing::parse(&PARSER, payload));
