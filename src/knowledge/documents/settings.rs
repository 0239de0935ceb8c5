//! The `[documents]` section: how documents are cut, how many come in at once, who may read them.

use serde::{Deserialize, Serialize};

use crate::algorithms::retrieval::ChunkSettings;
use crate::algorithms::retrieval::Language;

/// Largest file that may be allowed, in megabytes: it is held in memory while it is read.
const MAX_MB_MOST: u32 = 1_024;

/// How much a box gives to its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Short passages, for small boxes and small models.
    Small,
    /// What most boxes want.
    Medium,
    /// Long passages, for models with much room.
    Large,
}

impl Profile {
    /// Sizes of chunks, none longer than the `window` of the embedding model, in its tokens.
    pub(super) fn chunks(self, window: Option<usize>) -> ChunkSettings {
        let (target, max, overlap) = match self {
            Self::Small => (160, 256, 24),
            Self::Medium => (256, 400, 40),
            Self::Large => (384, 640, 64),
        };
        let max = window.map_or(max, |window| max.min(window.max(64)));
        let target = target.min(max * 4 / 5);
        ChunkSettings {
            tokens_target: target,
            tokens_max: max,
            tokens_overlap: overlap.min(target / 4),
        }
    }

    /// Terms of a chunk, before any has been counted: a quarter of its tokens. Laws, manuals and help texts in three
    /// languages have 62 in chunks of 256; what has others is weighed anew once they are known.
    pub(super) fn terms_expected(self) -> f64 {
        self.chunks(None).tokens_target as f64 / 4.0
    }
}

/// The `[documents]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sizes of chunks.
    pub profile: Profile,
    /// Whether viewers and customers see a document only once an admin has approved it.
    pub approval_required: bool,
    /// Largest file, in megabytes.
    pub max_mb: u32,
    /// Documents that are read at the same time in this process.
    pub workers: u16,
    /// Documents that may wait; more are refused until some are done.
    pub queue_max: u32,
    /// Languages that documents may be in, the most frequent first.
    pub languages: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::Medium,
            approval_required: false,
            max_mb: 64,
            workers: 2,
            queue_max: 5_000,
            languages: ["de", "fr", "it", "en"].map(str::to_owned).into(),
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !(1..=MAX_MB_MOST).contains(&self.max_mb) {
            let max_mb = self.max_mb;
            found.push(format!("max_mb = {max_mb} is not between 1 and {MAX_MB_MOST}"));
        }
        if !(1..=64).contains(&self.workers) {
            found.push(format!("workers = {} is not between 1 and 64", self.workers));
        }
        if self.queue_max == 0 {
            found.push("queue_max = 0 would take no document; give at least 1".to_owned());
        }
        if self.languages.is_empty() {
            found.push("languages = [] leaves none; name de, fr, it or en".to_owned());
        }
        for code in &self.languages {
            if Language::parse(code).is_none() {
                found.push(format!("languages: '{code}' is none of de, fr, it, en"));
            }
        }
        found
    }

    /// Largest file, in bytes.
    pub(super) fn bytes_max(&self) -> u64 {
        u64::from(self.max_mb) << 20
    }

    /// The languages; German stands in for a list that names none.
    pub(super) fn known(&self) -> Vec<Language> {
        let known: Vec<_> =
            self.languages.iter().filter_map(|code| Language::parse(code)).collect();
        if known.is_empty() { vec![Language::German] } else { known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_every_mistake_is_named() {
        assert!(Settings::default().mistakes().is_empty());
        let wrong = Settings {
            max_mb: 0,
            workers: 0,
            queue_max: 0,
            languages: vec!["xx".to_owned()],
            ..Settings::default()
        };
        let starts: Vec<_> = wrong
            .mistakes()
            .iter()
            .filter_map(|mistake| mistake.split([' ', ':']).next().map(str::to_owned))
            .collect();
        assert_eq!(starts, ["max_mb", "workers", "queue_max", "languages"]);
    }

    #[test]
    fn chunks_fit_into_the_window_of_the_model() {
        for profile in [Profile::Small, Profile::Medium, Profile::Large] {
            for window in [None, Some(10), Some(128), Some(256), Some(512), Some(8_192)] {
                let sizes = profile.chunks(window);
                assert!(sizes.tokens_target <= sizes.tokens_max);
                assert!(sizes.tokens_overlap < sizes.tokens_target);
                assert!(window.is_none_or(|window| sizes.tokens_max <= window.max(64)));
            }
        }
    }
}
