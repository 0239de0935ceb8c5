//! The sentence that answers is chosen, and what is not there is not answered.

use proptest::prelude::*;

use crate::algorithms::retrieval::hints::{Hint, Met};
use crate::algorithms::retrieval::{
    Ask, Compounds, Language, Passage, Selection, Shortlist, Words,
};

const TEXTS: [&str; 4] = [
    "Die Messstelle gehört dem Betreiber. Der Grundpreis beträgt 25 Euro pro Jahr. Die Ablesung erfolgt monatlich.",
    "Das Gesetz tritt am 1. Januar 2026 in Kraft. Es ersetzt die Verordnung.",
    "Die Kündigungsfrist beträgt zwei Wochen. Der Lieferant bestätigt die Kündigung.",
    "Der Bahnhof liegt im Zentrum. Züge fahren nach Bern.",
];

fn select(ask: &Ask<'_>, passages: &[Passage<'_>], most: usize) -> Selection {
    Shortlist::of(ask, passages).choose(passages, most)
}

fn words() -> Words {
    let mut words = Words { average_terms: 10.0, compounds: Compounds::built_in() };
    words.compounds.learn(TEXTS);
    words
}

fn passages() -> Vec<Passage<'static>> {
    let passage = |(document, text)| Passage {
        document,
        text,
        heading: "",
        score: 1.0 - document as f32 * 0.1,
        dense_score: None,
    };
    TEXTS.into_iter().enumerate().map(passage).collect()
}

fn chosen(question: &str) -> (String, Selection) {
    let words = words();
    let ask = Ask { question, language: Language::detect(question), words: &words };
    let passages = passages();
    let selection = select(&ask, &passages, 3);
    let text = selection
        .quotes
        .first()
        .map(|quote| quote.span.of(passages[quote.passage].text).unwrap().to_owned());
    (text.unwrap_or_default(), selection)
}

#[test]
fn the_sentence_that_answers_is_first() {
    for (question, answer) in [
        ("Wie hoch ist der Grundpreis pro Jahr?", "Der Grundpreis beträgt 25 Euro pro Jahr."),
        ("Wann tritt das Gesetz in Kraft?", "Das Gesetz tritt am 1. Januar 2026 in Kraft."),
        ("Wie lange ist die Kündigungsfrist?", "Die Kündigungsfrist beträgt zwei Wochen."),
    ] {
        let (text, selection) = chosen(question);
        assert_eq!(text, answer);
        assert!(selection.confidence > 0.5, "{question}: {}", selection.confidence);
    }
}

#[test]
fn what_is_not_there_is_doubted() {
    for question in [
        "Wie viele Stunden dauert die Montage der Wallbox?",
        "Wer hat die Oper in Mailand gebaut?",
        "Wie hoch ist der Berg Säntis in Metern?",
    ] {
        let (_, selection) = chosen(question);
        assert!(selection.confidence < 0.3, "{question}: {}", selection.confidence);
    }
    let (text, selection) = chosen("Xylophon?");
    assert!(selection.quotes.is_empty() && selection.confidence <= 0.0, "{text}");
}

/// What is chosen where one sheet is all there is.
fn chosen_of_sheet(question: &str, sheet: &'static str) -> (String, f64) {
    let mut words = Words { average_terms: 30.0, compounds: Compounds::built_in() };
    words.compounds.learn([sheet]);
    let ask = Ask { question, language: Language::detect(question), words: &words };
    let passage = Passage { document: 0, text: sheet, heading: "", score: 1.0, dense_score: None };
    let selection = select(&ask, &[passage], 3);
    let first = selection.quotes.first().and_then(|quote| quote.span.of(sheet)).unwrap_or_default();
    (first.to_owned(), selection.confidence)
}

#[test]
fn a_single_sheet_answers_what_it_has_and_nothing_else() {
    let sheet = "Merkblatt Einspeisung. Die Vergütung für Anlagen bis 30 kW beträgt 11,5 Rappen pro \
                 Kilowattstunde. Grössere Anlagen erhalten 9 Rappen. Die Meldung erfolgt jährlich.";
    let (text, confidence) =
        chosen_of_sheet("Wie hoch ist die Vergütung für Anlagen bis 30 kW?", sheet);
    assert!(text.contains("11,5 Rappen"), "{text}");
    assert!(confidence > 0.5, "{confidence}");
    for question in [
        "Wie lange muss ein Risotto kochen?",
        "Wie hoch ist die Miete für eine Wohnung in Zürich?",
        "Wer darf im Wald ein Feuer machen?",
    ] {
        let (text, confidence) = chosen_of_sheet(question, sheet);
        assert!(confidence < 0.3, "{question}: {confidence} {text}");
    }
}

#[test]
fn what_many_documents_never_name_weighs_against_an_answer() {
    let mut words = words();
    let others: Vec<String> = (0..4_000)
        .map(|number| format!("Abschnitt {number} handelt von der Stelle {}.", number * 7))
        .collect();
    words.compounds.learn(others.iter().map(String::as_str));
    let passages = passages();
    let sure = |words: &Words, question: &str| {
        let ask = Ask { question, language: Language::detect(question), words };
        select(&ask, &passages, 3).confidence
    };
    assert!(sure(&words, "Wie lange ist die Kündigungsfrist?") > 0.5);
    for question in ["Wie kündige ich meinen Handyvertrag?", "Handyvertrag kündigen"] {
        let confidence = sure(&words, question);
        assert!(confidence < 0.5, "{question}: {confidence}");
    }
    // What few documents never name says little.
    let question = "Kündigungsfrist Handyvertrag?";
    assert!(sure(&words, question) < sure(&self::words(), question));
}

#[test]
fn a_year_that_is_not_there_is_doubted() {
    let (_, right) = chosen("Wann tritt das Gesetz von 2026 in Kraft?");
    let (_, wrong) = chosen("Wann tritt das Gesetz von 2031 in Kraft?");
    assert!(wrong.confidence + 0.2 < right.confidence, "{wrong:?} {right:?}");
}

#[test]
fn no_passages_no_answer() {
    let words = words();
    let ask = Ask { question: "Was?", language: None, words: &words };
    assert_eq!(select(&ask, &[], 3), Selection::default());
    assert_eq!(select(&Ask { question: "", ..ask }, &passages(), 3).quotes, []);
}

#[test]
fn hints_want_units_dates_and_shares() {
    let met = |question: &str, sentence: &str| Hint::of(question).met(sentence, "");
    assert_eq!(met("Wie viele Stunden dauert es?", "Es dauert 24 Stunden."), Met::Yes);
    assert_eq!(met("Wie viele Stunden dauert es?", "Es dauert drei Wochen."), Met::WithoutUnit);
    assert_eq!(met("Wie viel kostet es in Rappen?", "Es kostet 0,55 Rappen je kWh."), Met::Yes);
    assert_eq!(met("How many euros is the penalty?", "The penalty is EUR 100."), Met::Yes);
    assert_eq!(
        met("How many euros is the penalty?", "The penalty is set in Article 16."),
        Met::WithoutUnit
    );
    assert_eq!(
        met("What fraction can we return?", "It is limited to one third of the total."),
        Met::Yes
    );
    assert_eq!(met("What fraction can we return?", "It is limited to 30% of the total."), Met::Yes);
    assert_eq!(met("Combien de GWh par an ?", "La production est de 6.77 GWh."), Met::Yes);
    assert_eq!(met("Wann gilt es?", "Es gilt ab dem 1. Januar."), Met::Yes);
    assert_eq!(met("Quand est-ce que cela s'applique ?", "Cela s'applique."), Met::No);
    assert_eq!(met("Gilt es?", "Es gilt."), Met::NotAsked);
    assert_eq!(met("Vergütung in Rappen pro kWh?", "Sie beträgt 12 Rp./kWh."), Met::Yes);
    assert_eq!(met("Vergütung in Rappen pro kWh?", "Sie wird jährlich bezahlt."), Met::WithoutUnit);
    let header = "Name | Turbine [MW] | Jahr";
    assert_eq!(
        Hint::of("Wie viele Megawatt hat Nant?").met("Nant | 900.00 | 2019", header),
        Met::Yes
    );
    assert_eq!(
        Hint::of("Wie viele Megawatt hat Nant?").met("Nant | 900.00 | 2019", "Name | Jahr"),
        Met::WithoutUnit
    );
}

proptest! {
    #[test]
    fn quotes_lie_within_their_passages_once_each(question in "[a-zA-Zäöü ]{0,60}\\??", texts in prop::collection::vec("[A-Za-zäöü0-9 .;|\\n]{0,160}", 0..6), most in 0usize..5) {
        let words = words();
        let ask = Ask { question: &question, language: Language::detect(&question), words: &words };
        let passages: Vec<Passage<'_>> =
            texts.iter().enumerate().map(|(document, text)| Passage { document, text, heading: "", score: 1.0, dense_score: Some(0.3) }).collect();
        let selection = select(&ask, &passages, most);
        prop_assert!(selection.quotes.len() <= most);
        prop_assert!((0.0..=1.0).contains(&selection.confidence));
        for (index, quote) in selection.quotes.iter().enumerate() {
            prop_assert!(quote.span.of(passages[quote.passage].text).is_some_and(|text| !text.trim().is_empty()));
            prop_assert!(!selection.quotes[..index].contains(quote));
        }
    }
}

#[test]
fn meaning_decides_among_the_best_and_says_nothing_of_the_others() {
    let words = words();
    let question = "Wie lange ist die Kündigungsfrist?";
    let ask = Ask { question, language: Some(Language::German), words: &words };
    let passages = passages();
    let list = Shortlist::of(&ask, &passages);
    let texts = list.texts(&passages, 3, 1_000);
    assert_eq!(texts.len(), 3);
    assert!(texts[0].contains("Die Kündigungsfrist beträgt zwei Wochen."), "{texts:?}");
    assert!(texts[0].contains("Der Lieferant bestätigt"), "neighbours belong to it: {texts:?}");
    let short = list.texts(&passages, 1, 40);
    assert_eq!(short, ["Die Kündigungsfrist beträgt zwei Wochen."], "without its neighbours");
    let first = |list: &Shortlist| {
        let chosen = list.choose(&passages, 1).quotes[0];
        chosen.span.of(passages[chosen.passage].text).unwrap().to_owned()
    };
    let likely = first(&list);
    let same = list.compared(&[2.0, 2.0, 2.0]);
    assert_eq!(first(&same), likely, "what is equally near stays as it is");
    assert!(same.passages().len() <= 3);
    let other = Shortlist::of(&ask, &passages).compared(&[-50.0, 50.0, -50.0]);
    assert_ne!(first(&other), likely);
    let sure = |list: &Shortlist| list.choose(&passages, 1).confidence;
    let near = |standing: f64| sure(&Shortlist::of(&ask, &passages).compared(&[standing; 3]));
    assert!(near(1.0) > 0.9, "as near as an answer: {}", near(1.0));
    assert!(near(0.0) < 0.5, "as far as anything: {}", near(0.0));
    assert!(near(0.0) < near(0.3) && near(0.3) < near(0.6) && near(0.6) < near(1.0));
    assert_eq!(Shortlist::of(&ask, &passages).compared(&[]).choose(&passages, 3).quotes, []);
}
