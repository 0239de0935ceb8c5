//! What the cosine of two vectors is worth. Models differ in how close to each other they put texts that have
//! nothing in common (Ethayarajh, EMNLP 2019), and in the languages that they understand: both are seen on
//! everyday questions and the sentences that answer them, the same ones in four languages.

use crate::algorithms::retrieval::Language;
use crate::algorithms::retrieval::everyday_list::{COUNT, EVERYDAY};
use crate::algorithms::retrieval::fusion::share_across;

/// Smallest difference between the cosine of an answer and that of anything else that is believed, for a model that
/// sees hardly any.
const DIFFERENCE_MIN: f64 = 0.05;
/// Least unit across languages, of that within the question's: what a model does not understand is not made large.
const UNIT_ACROSS_MIN: f64 = 0.5;
/// Share of what an answer loses by its language that is given back to it when passages are looked for. All of it
/// would put translations first everywhere; see docs/retrieval-evaluation.md.
const GIVEN_BACK: f64 = 0.4;

/// Passages nearest by meaning whose languages tell what a question's words are worth.
const NEAREST: usize = 10;

/// Mean cosines of questions in one language (row) and sentences in another, in the order of [`EVERYDAY`].
type Table = [[f64; 4]; 4];

/// What one model makes of everyday questions and sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Everyday {
    /// Of questions and sentences that do not answer them.
    unrelated: Table,
    /// Of questions and their answers.
    answering: Table,
}

impl Everyday {
    /// What is to be embedded as questions.
    pub fn questions() -> Vec<String> {
        let all = EVERYDAY.iter().flat_map(|(_, pairs)| pairs);
        all.map(|&(question, _)| question.to_owned()).collect()
    }

    /// What is to be embedded as passages.
    pub fn sentences() -> Vec<String> {
        let all = EVERYDAY.iter().flat_map(|(_, pairs)| pairs);
        all.map(|&(_, sentence)| sentence.to_owned()).collect()
    }

    /// From one vector of length 1 for each of the texts; absent when there is another number of them.
    pub fn new(questions: &[Vec<f32>], sentences: &[Vec<f32>]) -> Option<Self> {
        let wanted = EVERYDAY.len() * COUNT;
        if questions.len() != wanted || sentences.len() != wanted {
            return None;
        }
        let (mut unrelated, mut answering) = (Table::default(), Table::default());
        for (from, asked) in questions.chunks(COUNT).enumerate() {
            for (to, said) in sentences.chunks(COUNT).enumerate() {
                let all =
                    asked.iter().flat_map(|asked| said.iter().map(|said| cosine(asked, said)));
                let all: f64 = all.map(f64::from).sum();
                let own: f64 = asked
                    .iter()
                    .zip(said)
                    .map(|(asked, said)| f64::from(cosine(asked, said)))
                    .sum();
                answering[from][to] = own / COUNT as f64;
                unrelated[from][to] = (all - own) / (COUNT * (COUNT - 1)) as f64;
            }
        }
        Some(Self { unrelated, answering })
    }

    /// How well the model leads from a question to its answer in another language, from 0 to 1: how far the answer
    /// stands out there, of how far it does in the question's own language.
    pub fn bridge(&self, asked: Language, of: Language) -> f64 {
        let (from, to) = (place(asked), place(of));
        let within = self.difference(from, from);
        match (from == to, within >= DIFFERENCE_MIN) {
            (true, _) => 1.0,
            (false, true) => (self.difference(from, to) / within).clamp(0.0, 1.0),
            (false, false) => 0.0,
        }
    }

    /// Weight of the list by meaning for a question in the language `asked`, given the passages found by meaning,
    /// nearest first, each with its cosine: the languages of the first ones count.
    pub fn share<Id>(
        &self,
        share: f64,
        asked: Option<Language>,
        found: &[(Id, f32)],
        language: impl Fn(&Id) -> Option<Language>,
    ) -> f64 {
        let Some(asked) = asked else { return share };
        let nearest = found.iter().take(NEAREST).filter_map(|(id, _)| language(id));
        let bridge = |of: Language| (of != asked).then(|| self.bridge(asked, of));
        share_across(share, &nearest.map(bridge).collect::<Vec<_>>())
    }

    /// Passages found by meaning, best first, each with its cosine: those in another language than the question get a
    /// part of what answers lose by their language, as far as the model leads there.
    #[expect(clippy::cast_possible_truncation, reason = "cosines are compared, not added up")]
    pub fn levelled<Id: Copy + Ord>(
        &self,
        asked: Option<Language>,
        mut found: Vec<(Id, f32)>,
        language: impl Fn(&Id) -> Option<Language>,
    ) -> Vec<(Id, f32)> {
        let Some(asked) = asked else { return found };
        for (id, cosine) in &mut found {
            *cosine += language(id).map_or(0.0, |of| self.lift(asked, of)) as f32;
        }
        found.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        found
    }

    fn lift(&self, asked: Language, of: Language) -> f64 {
        let (from, to) = (place(asked), place(of));
        let lost = (self.answering[from][from] - self.answering[from][to]).max(0.0);
        GIVEN_BACK * self.bridge(asked, of) * lost
    }

    /// What the cosine of a question and a text is worth: 0 where they have as much in common as any two, 1 where as
    /// much as an everyday question and its answer. A language that cannot be told is taken for the other one.
    pub fn standing(&self, cosine: f32, asked: Option<Language>, of: Option<Language>) -> f64 {
        let own = |at: usize| (self.unrelated[at][at], self.difference(at, at));
        let (nothing, unit) = if let Some(from) = asked.or(of) {
            let (from, to) = (place(from), place(of.unwrap_or(from)));
            let within = UNIT_ACROSS_MIN * self.difference(from, from);
            (self.unrelated[from][to], self.difference(from, to).max(within))
        } else {
            let count = EVERYDAY.len() as f64;
            let sum = (0..EVERYDAY.len()).map(own);
            let (nothing, unit) = sum.fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
            (nothing / count, unit / count)
        };
        (f64::from(cosine) - nothing) / unit.max(DIFFERENCE_MIN)
    }

    fn difference(&self, from: usize, to: usize) -> f64 {
        self.answering[from][to] - self.unrelated[from][to]
    }
}

fn place(language: Language) -> usize {
    EVERYDAY.iter().position(|(of, _)| *of == language).unwrap_or_default()
}

/// The cosine of two vectors of length 1.
pub fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: Language = Language::German;
    const FRENCH: Language = Language::French;

    /// A model whose cosine of question and sentence is `of(language, number, language, number)`: the question's
    /// vector is all of them, the sentence's an axis.
    fn model(of: impl Fn(usize, usize, usize, usize) -> f32) -> Everyday {
        let all = || (0..4).flat_map(|language| (0..COUNT).map(move |number| (language, number)));
        let questions: Vec<Vec<f32>> = all()
            .map(|(from, asked)| all().map(|(to, said)| of(from, asked, to, said)).collect())
            .collect();
        let axis = |at: usize| (0..4 * COUNT).map(|it| if it == at { 1.0 } else { 0.0 }).collect();
        let sentences: Vec<Vec<f32>> = (0..4 * COUNT).map(axis).collect();
        Everyday::new(&questions, &sentences).unwrap()
    }

    /// In one language an answer has 0.9 and anything else 0.7; in another one 0.8 and 0.65.
    fn several() -> Everyday {
        model(|from, asked, to, said| match (from == to, asked == said) {
            (true, true) => 0.9,
            (true, false) => 0.7,
            (false, true) => 0.8,
            (false, false) => 0.65,
        })
    }

    /// Understands one language at a time; everything in another one is as far away.
    fn single() -> Everyday {
        model(|from, asked, to, said| match (from == to, asked == said) {
            (true, true) => 0.8,
            (true, false) => 0.3,
            (false, _) => 0.1,
        })
    }

    #[test]
    fn each_question_has_its_answer_in_each_language() {
        assert_eq!(EVERYDAY.map(|(language, _)| language), Language::ALL);
        let (questions, sentences) = (Everyday::questions(), Everyday::sentences());
        assert_eq!((questions.len(), sentences.len()), (40, 40));
        for (at, text) in questions.iter().chain(&sentences).enumerate() {
            assert_eq!(Language::detect(text), Some(Language::ALL[at % 40 / COUNT]), "{text}");
        }
        assert_eq!(Everyday::new(&[vec![1.0]], &[vec![1.0]]), None);
    }

    #[test]
    fn a_model_of_several_languages_is_told_from_one_of_a_single() {
        // 0.15 of 0.2 is left of what tells an answer from anything else.
        assert!((several().bridge(GERMAN, FRENCH) - 0.75).abs() < 1e-6);
        assert!((several().bridge(GERMAN, GERMAN) - 1.0).abs() < 1e-12);
        assert!(single().bridge(GERMAN, FRENCH).abs() < 1e-6);
        let blind = model(|_, _, _, _| 0.5);
        assert!(blind.bridge(GERMAN, FRENCH).abs() < 1e-12, "seeing nothing is no understanding");
        // Two of four passages are in the question's language: half of three quarters of the way from 0.5 to 0.8.
        let nearest = [(0, 0.9), (1, 0.9), (2, 0.8), (3, 0.8)];
        let language =
            |id: &i32| Some([GERMAN, FRENCH, FRENCH, GERMAN][usize::try_from(*id).unwrap()]);
        let share = |model: &Everyday, asked| model.share(0.5, asked, &nearest, language);
        assert!((share(&several(), Some(GERMAN)) - 0.6125).abs() < 1e-6);
        assert!((share(&single(), Some(GERMAN)) - 0.5).abs() < 1e-6);
        assert!((share(&several(), None) - 0.5).abs() < 1e-12);
        assert!((several().share(0.5, Some(GERMAN), &[], language) - 0.5).abs() < 1e-12);
        assert!((several().share(0.9, Some(GERMAN), &nearest, language) - 0.9).abs() < 1e-12);
    }

    #[test]
    fn a_cosine_is_measured_between_nothing_in_common_and_an_answer() {
        let model = several();
        let standing = |cosine, asked, of| model.standing(cosine, asked, of);
        assert!((standing(0.9, Some(GERMAN), Some(GERMAN)) - 1.0).abs() < 1e-5);
        assert!((standing(0.75, Some(GERMAN), Some(GERMAN)) - 0.25).abs() < 1e-5);
        assert!((standing(0.8, Some(GERMAN), Some(FRENCH)) - 1.0).abs() < 1e-5);
        assert!((standing(0.65, Some(GERMAN), Some(FRENCH))).abs() < 1e-5);
        for (asked, of) in [(Some(GERMAN), None), (None, Some(GERMAN)), (None, None)] {
            assert!((standing(0.8, asked, of) - 0.5).abs() < 1e-5, "{asked:?} {of:?}");
        }
        // Where the model sees no difference, half of the own language's counts: 0.3 over 0.25.
        let across = single().standing(0.4, Some(GERMAN), Some(FRENCH));
        assert!((across - 1.2).abs() < 1e-5, "{across}");
        let blind = super::tests::model(|_, _, _, _| 0.5);
        assert!((blind.standing(0.6, Some(GERMAN), Some(GERMAN)) - 2.0).abs() < 1e-5);
    }

    #[test]
    fn passages_in_other_languages_get_back_a_part_of_what_they_lose() {
        let found = vec![('a', 0.85), ('b', 0.83), ('c', 0.70)];
        let language = |id: &char| (*id != 'b').then_some(GERMAN).or(Some(FRENCH));
        // 0.4 · 0.75 · 0.1 = 0.03 for the French one.
        let levelled = several().levelled(Some(GERMAN), found.clone(), language);
        assert_eq!(levelled.iter().map(|(id, _)| *id).collect::<String>(), "bac");
        assert!((levelled[0].1 - 0.86).abs() < 1e-6);
        assert_eq!(single().levelled(Some(GERMAN), found.clone(), language), found);
        assert_eq!(several().levelled(None, found.clone(), language), found);
        assert_eq!(several().levelled(Some(GERMAN), found.clone(), |_| None), found);
    }
}
