//! How features of a sentence become its rank and the probability that it answers.

/// What is known about a sentence; shares lie between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Features {
    /// Share of the question that the sentence covers, weighed by rarity; other names count in part.
    pub sentence: f64,
    /// The same by the question's own words.
    pub own_sentence: f64,
    /// Covered by the sentence, its neighbours and the passage's title.
    pub window: f64,
    /// Covered by the passage.
    pub passage: f64,
    /// Covered by the passage by the question's own words.
    pub own_passage: f64,
    /// 1: has the kind of answer that is asked for.
    pub met: f64,
    /// 1: has a number, but of another unit.
    pub partly: f64,
    /// 1: has not what is asked for.
    pub unmet: f64,
    /// Share of the question's names and numbers that the passage lacks.
    pub missing_names: f64,
    /// Share of the question that nothing learned or found ever says.
    pub unknown: f64,
    /// Score of the passage over the best passage's.
    pub standing: f64,
    /// Cosine of question and passage.
    pub dense: Option<f64>,
    /// Terms of the sentence over 20, at most 3.
    pub length: f64,
    /// 1: a title.
    pub title: f64,
    /// Words of the question.
    pub words: f64,
}

/// How good a sentence is, for the order of quotes.
pub(super) fn rank(features: &Features) -> f64 {
    let dense = features.dense.unwrap_or(0.0);
    features.sentence + 0.6 * features.window + 0.4 * features.passage + 0.5 * features.standing + 0.35 * features.met + 0.1 * features.partly
        - 0.25 * features.unmet
        - 0.3 * features.missing_names
        - 0.05 * features.length
        - 0.5 * features.title
        + 0.6 * dense
}

/// The probability that the sentence answers.
pub(super) fn confidence(features: &Features) -> f64 {
    let logit = -3.0 + 3.0 * features.sentence + 3.0 * features.passage + 0.5 * features.met - 1.0 * features.unmet - 2.0 * features.missing_names - 2.0 * features.unknown;
    1.0 / (1.0 + (-logit).exp())
}
