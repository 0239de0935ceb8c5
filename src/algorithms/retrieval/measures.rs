//! How good a ranking is.

use std::collections::HashSet;
use std::hash::Hash;

/// Normalised discounted cumulative gain of the first `k` (Järvelin and Kekäläinen 2002): gains as judged,
/// discounted by `log2(rank + 1)`, over the best possible; 0 where nothing is relevant.
pub fn ndcg_at<Id: Eq>(ranked: &[Id], judged: &[(Id, f64)], k: usize) -> f64 {
    let gain =
        |id: &Id| judged.iter().find(|(other, _)| other == id).map_or(0.0, |(_, gain)| *gain);
    let sum = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(k).enumerate().map(|(index, gain)| gain / (index as f64 + 2.0).log2()).sum()
    };
    let mut best: Vec<f64> =
        judged.iter().map(|(_, gain)| *gain).filter(|gain| *gain > 0.0).collect();
    best.sort_by(|left, right| right.total_cmp(left));
    let ideal = sum(&mut best.into_iter());
    if ideal > 0.0 { sum(&mut ranked.iter().map(gain)) / ideal } else { 0.0 }
}

/// Share of what is relevant that the first `k` hold; 0 where nothing is relevant.
pub fn recall_at<Id: Eq + Hash>(ranked: &[Id], judged: &[(Id, f64)], k: usize) -> f64 {
    let relevant: HashSet<&Id> =
        judged.iter().filter(|(_, gain)| *gain > 0.0).map(|(id, _)| id).collect();
    let found: HashSet<&Id> = ranked.iter().take(k).filter(|id| relevant.contains(id)).collect();
    if relevant.is_empty() { 0.0 } else { found.len() as f64 / relevant.len() as f64 }
}

/// 1 over the rank of the first that is relevant; 0 where none is.
pub fn reciprocal_rank<Id: Eq>(ranked: &[Id], judged: &[(Id, f64)]) -> f64 {
    let relevant = |id: &Id| judged.iter().any(|(other, gain)| other == id && *gain > 0.0);
    ranked.iter().position(relevant).map_or(0.0, |index| 1.0 / (index as f64 + 1.0))
}
