//! Every parser against bytes that make no sense and against answers that were damaged on the way.

use std::path::Path;

use proptest::prelude::*;

use crate::facts::ingest::fuzz::{parse_anything, parsers};

/// Answers that make sense, from which the fuzzer starts, too.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn every_seed_is_read_by_every_parser_and_strangers_are_none() {
    for parser in parsers() {
        for seed in seeds() {
            assert!(parse_anything(parser, &seed), "{parser}");
        }
    }
    assert!(!parse_anything("nobody", b""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for parser in parsers() {
            prop_assert!(parse_anything(parser, &bytes));
        }
    }

    /// Answers that are cut, in which bytes are changed, or of which a part comes again.
    #[test]
    fn no_damaged_answer_panics(
        which in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        again in any::<prop::sample::Index>(), digits in "[0-9]{1,25}"
    ) {
        let seeds = seeds();
        let mut bytes = seeds[which.index(seeds.len())].clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let from = again.index(bytes.len());
        let part = bytes[from..bytes.len().min(from + 80)].to_vec();
        let at = cut.index(bytes.len());
        let numbers = [&bytes[..at], digits.as_bytes(), &bytes[at..]].concat();
        let doubled = [&bytes[..], &part].concat();
        for damaged in [&bytes[..at], &numbers, &doubled] {
            for parser in parsers() {
                prop_assert!(parse_anything(parser, damaged));
            }
        }
    }
}
