//! BM25 over passages in memory, term by term: what the index is held against.

use std::collections::HashMap;

use crate::algorithms::retrieval::lexicon::inverse_frequency;

/// Passages as the index has them, found by exact scoring.
#[derive(Debug, Clone, Default)]
pub struct Exact {
    passages: usize,
    postings: HashMap<u32, Vec<(usize, f32)>>,
}

impl Exact {
    /// Adds a passage by its weights; passages are counted from 0.
    pub fn add(&mut self, weights: &(Vec<u32>, Vec<f32>)) {
        for (&hash, &weight) in weights.0.iter().zip(&weights.1) {
            self.postings.entry(hash).or_default().push((self.passages, weight));
        }
        self.passages += 1;
    }

    /// The passages with the highest scores, best first, ties by number.
    #[expect(clippy::cast_possible_truncation, reason = "scores are compared, not added up")]
    pub fn search(&self, query: &(Vec<u32>, Vec<f32>), limit: usize) -> Vec<(usize, f32)> {
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for (hash, &weight) in query.0.iter().zip(&query.1) {
            let Some(postings) = self.postings.get(hash) else { continue };
            let idf = inverse_frequency(postings.len() as f64, self.passages as f64);
            for &(passage, part) in postings {
                *scores.entry(passage).or_default() += idf * f64::from(part) * f64::from(weight);
            }
        }
        let mut found: Vec<(usize, f32)> =
            scores.into_iter().map(|(passage, score)| (passage, score as f32)).collect();
        found.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        found.truncate(limit);
        found
    }
}
