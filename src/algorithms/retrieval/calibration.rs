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
    /// 1: a number of a unit is asked for, and it has none of that unit.
    pub without_unit: f64,
    /// 1: has not what is asked for.
    pub unmet: f64,
    /// Share of the question's names and years that the passage lacks.
    pub missing_names: f64,
    /// Share of the question's names and years that no document has.
    pub unknown_names: f64,
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

/// How good a sentence is, for the order of quotes: the logit of a choice among all sentences of the passages found.
///
/// Fitted by maximum likelihood of the sentence that holds the answer (softmax over the sentences of a question) on
/// 306 questions of each XQuAD language and the development half of our own set; see docs/retrieval-evaluation.md.
pub(super) fn rank(features: &Features) -> f64 {
    7.4 * features.sentence - 0.2 * features.own_sentence + 5.4 * features.window + 4.4 * features.passage - 0.5 * features.own_passage
        + 3.3 * features.standing
        + 3.2 * features.met
        - 2.3 * features.without_unit
        - 0.2 * features.unmet
        - 0.2 * features.length
        - 1.4 * features.title
        + 6.0 * features.dense.unwrap_or(0.0)
}

/// The probability that the sentence answers: logistic on the features of the best one.
///
/// Fitted on the same questions, and on them again with the document that answers taken away (then nothing does);
/// the constant is that of people who ask what their documents know four times out of five (the fit has one of two),
/// so that 0.5 is where answering is worth it.
pub(super) fn confidence(features: &Features) -> f64 {
    let logit = -2.5 + 0.8 * features.sentence + 5.5 * features.passage + 1.4 * features.own_passage
        - 3.9 * features.without_unit
        - 1.6 * features.unmet
        - 1.5 * features.unknown_names;
    1.0 / (1.0 + (-logit).exp())
}
