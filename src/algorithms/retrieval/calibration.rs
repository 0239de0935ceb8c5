//! How features of a sentence become its rank and the probability that it answers.

/// What is known about a sentence; shares lie between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Features {
    /// Share of the question that the sentence answers to, weighed by rarity; other names count in part.
    pub said: f64,
    /// The same where words that are written alike count too.
    pub sentence: f64,
    /// Share that the sentence, its neighbours and the passage's title answer to, as [`Self::sentence`].
    pub window: f64,
    /// Share that the passage answers to, as [`Self::sentence`].
    pub passage: f64,
    /// Sum of the rarities that the passage answers to.
    pub covered: f64,
    /// 1: has the kind of answer that is asked for.
    pub met: f64,
    /// 1: a number of a unit is asked for, and it has none of that unit.
    pub without_unit: f64,
    /// Share of the question's years that neither the sentence nor what is around it has.
    pub missing_years: f64,
    /// Share of the question's names that nothing learned or found has, as far as enough was learned to tell.
    pub unknown_names: f64,
    /// Share of the question that nothing learned or found ever says, as far as enough was learned to tell.
    pub unknown: f64,
    /// Score of the passage over the best passage's.
    pub standing: f64,
    /// Cosine of question and passage.
    pub dense: Option<f64>,
    /// How near the question the sentence with its neighbours lies (`Everyday::standing`), where that was compared.
    pub meaning: Option<f64>,
    /// Whether the passage is in another language than the question.
    pub across: bool,
    /// Terms of the sentence over 20, at most 3.
    pub length: f64,
    /// 1: a title.
    pub title: f64,
}

/// Share of a question that may go unsaid: people have words of their own for what documents say otherwise.
const UNKNOWN_FREE: f64 = 0.35;

/// How good a sentence is, for the order of quotes: the logit of a choice among all sentences of the passages found,
/// or, where they were compared by meaning, among those that were.
///
/// Fitted by maximum likelihood of the sentence that holds the answer (softmax over the sentences of a question) on
/// 604 questions of `XQuAD` and 76 of our own; with meaning on 612 and 139. See docs/retrieval-evaluation.md.
pub(super) fn rank(features: &Features) -> f64 {
    match features.meaning {
        Some(meaning) => rank_by_meaning(features, meaning),
        None => rank_by_words(features),
    }
}

fn rank_by_words(features: &Features) -> f64 {
    6.4 * features.said
        + 3.8 * features.sentence
        + 5.4 * features.window
        + 4.6 * features.passage
        + 1.6 * features.standing
        + 2.6 * features.met
        - 4.9 * features.without_unit
        - 3.4 * features.missing_years
        - 1.2 * features.length
        - 4.0 * features.title
        + 6.0 * features.dense.unwrap_or(0.0)
}

fn rank_by_meaning(features: &Features, meaning: f64) -> f64 {
    3.9 * features.said
        + 5.1 * features.sentence
        + 5.3 * features.window
        + 3.4 * features.passage
        + 3.1 * features.standing
        + 2.8 * features.met
        - 3.9 * features.without_unit
        - 4.0 * features.missing_years
        - 1.0 * features.length
        - 4.3 * features.title
        + 5.2 * meaning
}

/// The probability that the best sentence answers: logistic on its features.
///
/// Fitted on the same questions, on those that no document answers, and on all again with the document that answers
/// taken away, with it alone, and with single passages that answer or do not; with meaning also on `XQuAD` asked in the
/// other language. The weight of what is never said is set by hand, for the fit cannot tell it from people's own
/// words, and an answer about another thing is worse than none; across languages what is not said says nothing.
pub(super) fn confidence(features: &Features) -> f64 {
    let logit = match features.meaning {
        Some(meaning) => logit_by_meaning(features, meaning),
        None => logit_by_words(features),
    };
    1.0 / (1.0 + (-logit).exp())
}

fn logit_by_meaning(features: &Features, meaning: f64) -> f64 {
    let across = f64::from(u8::from(features.across));
    -4.2 + 1.2 * (features.covered.max(0.0) / 20.0).sqrt() + 2.1 * features.said
        - 3.6 * features.without_unit
        - 3.0 * features.missing_years
        - 1.0 * features.unknown_names
        - 8.0 * (1.0 - across) * (features.unknown - UNKNOWN_FREE).max(0.0)
        - 1.6 * across
        + 4.6 * meaning
}

fn logit_by_words(features: &Features) -> f64 {
    -3.1 + 3.6 * (features.covered.max(0.0) / 20.0).sqrt() + 3.4 * features.said
        - 2.2 * features.without_unit
        - 2.2 * features.missing_years
        - 2.2 * features.unknown_names
        - 8.0 * (features.unknown - UNKNOWN_FREE).max(0.0)
}
