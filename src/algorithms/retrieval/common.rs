//! Words that everybody uses about anything.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::algorithms::retrieval::analysis::{fold, term};
use crate::algorithms::retrieval::common_list::{ENGLISH, FRENCH, GERMAN, ITALIAN};
use crate::algorithms::retrieval::{Language, hashing};

static COMMON: LazyLock<HashSet<u32>> = LazyLock::new(|| {
    [GERMAN, FRENCH, ITALIAN, ENGLISH]
        .into_iter()
        .zip(Language::ALL)
        .flat_map(|(words, language)| {
            words.split_whitespace().filter_map(move |word| term(&fold(word), language))
        })
        .map(|term| hashing::of(&term))
        .collect()
});

/// Whether the term is one of them, in any language.
pub(super) fn contains(hash: u32) -> bool {
    COMMON.contains(&hash)
}
