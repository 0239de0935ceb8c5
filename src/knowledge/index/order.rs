//! Lists that are the same whoever made them: best first, ties by the chunk's identifier.

use std::cmp::Ordering;

use super::model::Hit;

/// Hits that are asked for beyond the list's end, to see whether a tie goes across it.
pub(super) const BEYOND: usize = 8;
/// Longest list that is asked for because of ties.
const ASKED_MAX: usize = 20_000;

/// How many hits to ask for next, when `hits` are what came when `asked` were asked for; absent when the
/// first `limit` are settled.
///
/// An engine breaks ties as it likes. A tie at the end of the list is settled only when the hit behind
/// all its members is known.
pub(super) fn ask_again(hits: &[Hit], asked: usize, limit: usize) -> Option<usize> {
    let came_all = hits.len() < asked || asked >= ASKED_MAX;
    let (Some(last), Some(behind)) =
        (limit.checked_sub(1).and_then(|at| hits.get(at)), hits.last())
    else {
        return None;
    };
    let is_open = !came_all && last.score.total_cmp(&behind.score) == Ordering::Equal;
    is_open.then(|| (asked * 4).min(ASKED_MAX))
}

/// The `limit` best of `hits`, each once; what has nothing in common with the question is no hit.
pub(super) fn ordered(mut hits: Vec<Hit>, limit: usize, positive: bool) -> Vec<Hit> {
    hits.retain(|hit| hit.score.is_finite() && (!positive || hit.score > 0.0));
    hits.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then(one.chunk_id.cmp(&other.chunk_id))
    });
    hits.dedup_by_key(|hit| hit.chunk_id);
    hits.truncate(limit);
    hits
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hits(scores: &[(u128, f32)]) -> Vec<Hit> {
        let hit = |(id, score): &(u128, f32)| Hit { chunk_id: Uuid::from_u128(*id), score: *score };
        scores.iter().map(hit).collect()
    }

    #[test]
    fn a_tie_across_the_end_is_asked_for_again() {
        let all = hits(&[(1, 3.0), (9, 2.0), (5, 2.0), (7, 2.0)]);
        assert_eq!(ask_again(&all, 4, 2), Some(16), "there may be more of 2.0");
        assert_eq!(ask_again(&all, 5, 2), None, "fewer came than were asked for");
        assert_eq!(ask_again(&all, 4, 1), None, "nobody else has 3.0");
        assert_eq!(ask_again(&all, ASKED_MAX, 2), None);
        assert_eq!(ask_again(&[], 4, 2), None);
        assert_eq!(ask_again(&all, 4, 0), None);
        assert_eq!(ordered(all, 2, true), hits(&[(1, 3.0), (5, 2.0)]));
    }

    #[test]
    fn what_has_nothing_in_common_is_no_hit_by_words() {
        let all = hits(&[(1, 0.0), (2, -0.5), (3, f32::NAN), (4, 0.5)]);
        assert_eq!(ordered(all.clone(), 9, true), hits(&[(4, 0.5)]));
        assert_eq!(ordered(all, 9, false), hits(&[(4, 0.5), (1, 0.0), (2, -0.5)]));
    }
}
