//! What the cosine of two vectors is worth. Models differ in how close to each other they put texts that have
//! nothing in common (Ethayarajh, EMNLP 2019), and in the languages that they understand: both are seen on
//! everyday sentences that say the same in four languages.

use crate::algorithms::retrieval::Language;
use crate::algorithms::retrieval::fusion::share_across;

/// Sentences that answer no question about documents, the same ones in each language.
const EVERYDAY: [(Language, [&str; 10]); 4] = [
    (
        Language::German,
        [
            "Der Kuchen muss vierzig Minuten im Ofen backen.",
            "Am Sonntag spielt unsere Mannschaft gegen den Tabellenführer.",
            "Die Katze schläft am liebsten auf dem Fensterbrett.",
            "Ihre Tochter lernt seit zwei Jahren Geige.",
            "Der Zug nach Hamburg fährt heute von Gleis sieben.",
            "Im Museum hängen Bilder aus dem siebzehnten Jahrhundert.",
            "Er hat sich beim Skifahren das Knie verletzt.",
            "Wir suchen eine Wohnung mit drei Zimmern und Balkon.",
            "Das Konzert war schon nach einer Stunde ausverkauft.",
            "Vor dem Winter werden die Rosen zurückgeschnitten.",
        ],
    ),
    (
        Language::French,
        [
            "Le gâteau doit cuire quarante minutes au four.",
            "Dimanche, notre équipe joue contre le premier du classement.",
            "Le chat dort volontiers sur le rebord de la fenêtre.",
            "Sa fille apprend le violon depuis deux ans.",
            "Le train pour Lyon part de la voie sept.",
            "Le musée expose des tableaux du dix-septième siècle.",
            "Il s'est blessé au genou en faisant du ski.",
            "Nous cherchons un appartement de trois pièces avec balcon.",
            "Le concert affichait complet au bout d'une heure.",
            "On taille les rosiers avant l'hiver.",
        ],
    ),
    (
        Language::English,
        [
            "The cake has to bake in the oven for forty minutes.",
            "On Sunday our team plays against the leaders of the league.",
            "The cat likes to sleep on the window sill.",
            "Their daughter has been learning the violin for two years.",
            "The train to London leaves from platform seven.",
            "The museum shows paintings of the seventeenth century.",
            "He hurt his knee while skiing.",
            "We are looking for a flat with three rooms and a balcony.",
            "The concert was sold out after an hour.",
            "Roses are cut back before winter.",
        ],
    ),
    (
        Language::Italian,
        [
            "La torta deve cuocere in forno per quaranta minuti.",
            "Domenica la nostra squadra gioca contro la prima in classifica.",
            "Al gatto piace dormire sul davanzale.",
            "La loro figlia impara il violino da due anni.",
            "Il treno per Milano parte dal binario sette.",
            "Il museo espone quadri del diciassettesimo secolo.",
            "Si è fatto male al ginocchio sciando.",
            "Cerchiamo un appartamento di tre locali con balcone.",
            "Il concerto era esaurito dopo un'ora.",
            "Prima dell'inverno si potano le rose.",
        ],
    ),
];

/// Smallest deviation that is believed, for a model that puts all everyday sentences at one place.
const DEVIATION_MIN: f64 = 1e-3;

/// The everyday sentences as one model sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Everyday {
    vectors: Vec<Vec<f32>>,
}

impl Everyday {
    /// Passages nearest by meaning whose languages tell what a question's words are worth ([`Self::share`]).
    pub const NEAREST: usize = 10;

    /// What is to be embedded as passages.
    pub fn texts() -> Vec<String> {
        EVERYDAY.iter().flat_map(|(_, texts)| texts.iter().map(|&text| text.to_owned())).collect()
    }

    /// From one vector of length 1 for each of the texts; absent when there is another number of them.
    pub fn new(vectors: Vec<Vec<f32>>) -> Option<Self> {
        (vectors.len() == Self::texts().len()).then_some(Self { vectors })
    }

    /// How close a question lies to sentences that do not answer it.
    pub fn scale(&self, question: &[f32]) -> Scale {
        let cosines: Vec<f64> =
            self.vectors.iter().map(|vector| cosine(question, vector).into()).collect();
        let count = cosines.len() as f64;
        let mean = cosines.iter().sum::<f64>() / count;
        let spread = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f64>();
        Scale { mean, deviation: (spread / (count - 1.0)).sqrt().max(DEVIATION_MIN) }
    }

    /// How well the model sees that a text in one language says the same as one in another, from 0 to 1: the share
    /// of the sentences whose nearest one in the other language is their own translation, less what chance gives.
    pub fn bridge(&self, from: Language, to: Language) -> f64 {
        if from == to {
            return 1.0;
        }
        let (from, to) = (self.of(from), self.of(to));
        let is_own = |(at, vector): &(usize, &Vec<f32>)| {
            let nearest = to.iter().enumerate().max_by(|(_, left), (_, right)| {
                cosine(vector, left).total_cmp(&cosine(vector, right))
            });
            nearest.is_some_and(|(nearest, _)| nearest == *at)
        };
        let count = from.len().max(1) as f64;
        let share = from.iter().enumerate().filter(is_own).count() as f64 / count;
        let chance = 1.0 / count;
        ((share - chance) / (1.0 - chance)).max(0.0)
    }

    /// Weight of the list by meaning for a question in the language `asked`, given the languages of the passages
    /// that lie nearest to it.
    pub fn share(&self, share: f64, asked: Option<Language>, nearest: &[Language]) -> f64 {
        let Some(asked) = asked else { return share };
        let bridge = |of: &Language| (*of != asked).then(|| self.bridge(asked, *of));
        share_across(share, &nearest.iter().map(bridge).collect::<Vec<_>>())
    }

    fn of(&self, language: Language) -> &[Vec<f32>] {
        let mut parts = self.vectors.chunks(EVERYDAY[0].1.len()).zip(&EVERYDAY);
        parts.find(|(_, (of, _))| *of == language).map_or(&[], |(part, _)| part)
    }
}

/// How close a question lies to sentences that do not answer it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    /// How many deviations a cosine lies above those of sentences that do not answer.
    pub fn standing(self, cosine: f32) -> f64 {
        (f64::from(cosine) - self.mean) / self.deviation
    }
}

/// The cosine of two vectors of length 1.
pub fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each sentence on an axis of its own, the languages beside each other or on axes of their own.
    fn seen(axis: impl Fn(usize, usize) -> usize) -> Everyday {
        let unit = |axis: usize| (0..40).map(|at| if at == axis { 1.0 } else { 0.0 }).collect();
        let of = |language: usize| (0..10).map(move |number| (language, number));
        let all = (0..4).flat_map(of).map(|(language, number)| unit(axis(language, number)));
        Everyday::new(all.collect()).unwrap()
    }

    #[test]
    fn a_model_of_several_languages_is_told_from_one_of_a_single() {
        let several = seen(|_, number| number);
        let shifted = seen(|language, number| (number + language) % 10);
        let single = seen(|language, number| language * 10 + number);
        let (german, english) = (Language::German, Language::English);
        assert!((several.bridge(german, english) - 1.0).abs() < 1e-12);
        assert!(shifted.bridge(german, english).abs() < 1e-12);
        assert!(single.bridge(german, english).abs() < 1e-12, "ties are no understanding");
        assert!((single.bridge(german, german) - 1.0).abs() < 1e-12);
        assert_eq!(Everyday::new(vec![vec![1.0]; 39]), None);
        // Two of four passages are in the question's language: half way from 0.5 to 0.8.
        let nearest = [german, english, english, german];
        let share = |model: &Everyday, asked| model.share(0.5, asked, &nearest);
        assert!((share(&several, Some(german)) - 0.65).abs() < 1e-12);
        assert!((share(&single, Some(german)) - 0.5).abs() < 1e-12);
        assert!((share(&several, None) - 0.5).abs() < 1e-12);
        assert!((several.share(0.5, Some(german), &[]) - 0.5).abs() < 1e-12);
        assert!((several.share(0.9, Some(german), &nearest) - 0.9).abs() < 1e-12);
    }

    #[test]
    fn a_cosine_is_measured_in_deviations_of_unrelated_ones() {
        // One of ten sentences in each language lies on the question: cosines 1 four times, 0 otherwise.
        let mut question = vec![0.0; 40];
        question[3] = 1.0;
        let scale = seen(|_, number| number).scale(&question);
        let (mean, deviation) = (0.1, (40.0 / 39.0 * 0.09_f64).sqrt());
        assert!((scale.standing(0.7) - (0.7 - mean) / deviation).abs() < 1e-6);
        let flat = Everyday::new(vec![vec![0.6, 0.8]; 40]).unwrap().scale(&[0.6, 0.8]);
        assert!(
            flat.standing(1.0).abs() < 1e-3,
            "a model that sees no difference divides by nothing"
        );
    }
}
