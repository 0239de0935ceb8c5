//! Terms as numbers of 32 bits.

use crate::algorithms::retrieval::{Language, analysis};

/// The number of a term: FNV-1a over 64 bits, mixed and folded to 32.
///
/// Two terms of a vocabulary of n words share a number with a chance of n²/2³³: about ten pairs among 300,000
/// terms. A pair is then one term to BM25 (their counts are summed), which no ranking of four or more words notices.
pub(super) fn of(term: &str) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in term.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    u32::try_from(hash & 0xffff_ffff).unwrap_or(u32::MAX)
}

/// The numbers of a folded word's terms in all four languages, once each.
pub(super) fn of_all_languages(folded: &str) -> Vec<u32> {
    let mut hashes: Vec<u32> = Language::ALL
        .into_iter()
        .filter_map(|language| analysis::term(folded, language))
        .map(|term| of(&term))
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}
