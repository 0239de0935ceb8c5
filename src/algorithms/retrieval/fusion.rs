//! One list out of two.

use std::collections::BTreeMap;

/// How the list by words and the list by meaning become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion {
    /// Scores of each list brought to 0 … 1, then averaged; the better one in 27 of 29 published comparisons.
    MinMax {
        /// Weight of the list by meaning, from 0 to 1.
        dense_share: f64,
    },
    /// Reciprocal ranks (Cormack, Clarke and Büttcher 2009): scores do not count.
    Rrf {
        /// What is added to each rank; 60 as published.
        k: f64,
    },
}

impl Default for Fusion {
    fn default() -> Self {
        Self::MinMax { dense_share: 0.5 }
    }
}

/// Weight of the list by meaning for passages in another language, which share hardly a word with the question; on
/// `XQuAD` across languages 0.8 is better than 0.5, and than meaning alone (docs/retrieval-evaluation.md).
const SHARE_ACROSS: f64 = 0.8;

/// Weight of the list by meaning, given how well the model leads from the question's language to that of each of the
/// nearest passages (absent: it is the same language). `share` where all are in its language, or where there are none.
pub(super) fn share_across(share: f64, bridges: &[Option<f64>]) -> f64 {
    let across = share.max(SHARE_ACROSS) - share;
    let of = |bridge: &Option<f64>| share + bridge.map_or(0.0, |bridge| across * bridge);
    let count = bridges.len().max(1) as f64;
    if bridges.is_empty() { share } else { bridges.iter().map(of).sum::<f64>() / count }
}

/// Both lists (best first) as one, best first, ties by identifier. What only one list has counts 0 in the other;
/// when one list is empty the other's order stays.
#[expect(clippy::cast_possible_truncation, reason = "scores are compared, not added up")]
pub fn fuse<Id: Copy + Ord>(
    words: &[(Id, f32)],
    dense: &[(Id, f32)],
    fusion: Fusion,
) -> Vec<(Id, f32)> {
    let mut scores: BTreeMap<Id, f64> = BTreeMap::new();
    match fusion {
        Fusion::MinMax { dense_share } => {
            let share = dense_share.clamp(0.0, 1.0);
            let (share, rest) = if words.is_empty() || dense.is_empty() {
                (1.0, 1.0)
            } else {
                (share, 1.0 - share)
            };
            add(&mut scores, words, &normalised(words), rest);
            add(&mut scores, dense, &normalised(dense), share);
        }
        Fusion::Rrf { k } => {
            for list in [words, dense] {
                let parts: Vec<f64> =
                    (1..=list.len()).map(|rank| 1.0 / (k + rank as f64)).collect();
                add(&mut scores, list, &parts, 1.0);
            }
        }
    }
    let mut fused: Vec<(Id, f32)> =
        scores.into_iter().map(|(id, score)| (id, score as f32)).collect();
    fused.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    fused
}

fn add<Id: Copy + Ord>(
    scores: &mut BTreeMap<Id, f64>,
    list: &[(Id, f32)],
    parts: &[f64],
    weight: f64,
) {
    for ((id, _), part) in list.iter().zip(parts) {
        *scores.entry(*id).or_default() += part * weight;
    }
}

/// Scores brought to 0 … 1; all 1 where they are equal.
fn normalised<Id>(list: &[(Id, f32)]) -> Vec<f64> {
    let scores = || list.iter().map(|(_, score)| f64::from(*score));
    let low = scores().fold(f64::INFINITY, f64::min);
    let high = scores().fold(f64::NEG_INFINITY, f64::max);
    scores().map(|score| if high > low { (score - low) / (high - low) } else { 1.0 }).collect()
}
