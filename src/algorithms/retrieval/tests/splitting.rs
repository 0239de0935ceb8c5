//! Sentences of four languages, of laws, and of broken lines.

use proptest::prelude::*;

use crate::algorithms::retrieval::{Language, sentences};

fn split(text: &str, language: Language) -> Vec<&str> {
    sentences(text, language).into_iter().map(|span| span.of(text).unwrap()).collect()
}

#[test]
fn abbreviations_dates_and_numbers_end_no_sentence() {
    for (language, text, count) in [
        (Language::German, "Das gilt z. B. für Strom. Es gilt auch für Gas.", 2),
        (Language::German, "Nach Art. 5 Abs. 2 Bst. a gilt es. Danach nicht mehr.", 2),
        (Language::German, "Es gilt ab dem 1. Januar 2026. Vorher gilt es nicht.", 2),
        (
            Language::German,
            "Der Preis beträgt ca. 3.5 Mio. Franken bzw. 2.1 Mio. Euro. Er steigt.",
            2,
        ),
        (Language::German, "Die Anlage wurde 2019 gebaut. Sie läuft.", 2),
        (Language::German, "Siehe das 3. Kapitel. Dort steht es.", 2),
        (Language::German, "Er zahlt Steuern, Abgaben usw. Das ist viel.", 2),
        (Language::French, "Selon l'art. 5, al. 2, let. a, c'est permis. Ensuite non.", 2),
        (Language::French, "Combien ? Environ 3.5 GWh. C'est peu !", 3),
        (Language::Italian, "Secondo l'art. 5 cpv. 2 è permesso. Poi no.", 2),
        (
            Language::English,
            "Use e.g. solar power. It is cheap, i.e. it costs little. Dr. Smith agrees.",
            3,
        ),
        (Language::English, "The price is 3.5 p.p. higher (see Fig. 2). It rose.", 2),
        (Language::English, "«Is it open?» She asked. \"It is.\" He nodded.", 4),
    ] {
        assert_eq!(split(text, language).len(), count, "{:?}", split(text, language));
    }
}

#[test]
fn paragraphs_of_a_law_on_one_line_come_apart() {
    let text = "1 Dieses Gesetz gilt für Strom. 2 Es gilt nicht für Gas. 2bis Der Bundesrat kann es ausdehnen.";
    assert_eq!(
        split(text, Language::German),
        [
            "1 Dieses Gesetz gilt für Strom.",
            "2 Es gilt nicht für Gas.",
            "2bis Der Bundesrat kann es ausdehnen.",
        ]
    );
}

#[test]
fn short_enumerations_stay_whole_and_long_ones_come_apart() {
    let short = "Es gilt für: a. Strom; b. Gas.";
    assert_eq!(split(short, Language::German), [short]);
    let filler = "die Lieferung von Elektrizität aus erneuerbaren Quellen an Haushalte, Gewerbe und Industrie";
    let long = format!(
        "Die Verordnung regelt im Einzelnen: a. {filler}; b. {filler}; c. {filler}; oder d. {filler}."
    );
    let found = split(&long, Language::German);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found[2].starts_with("b. "));
}

#[test]
fn rows_and_points_stand_alone_and_broken_lines_belong_together() {
    let text = "Plant | MW\nNant | 900\nGrida | 0.36";
    assert_eq!(split(text, Language::English).len(), 3);
    let text = "• first point\n• second point\n3. third point";
    assert_eq!(split(text, Language::English).len(), 3);
    let text = "The tariff of the operator is published once a year by the\nauthority and holds for twelve months.\n\nNext.";
    assert_eq!(split(text, Language::English).len(), 2);
}

proptest! {
    #[test]
    fn spans_lie_within_the_text_in_order_and_hold_every_letter(text in "([a-zäöüA-Z0-9 .;:!?\\n()|•§é’-]{0,200})") {
        for language in Language::ALL {
            let spans = sentences(&text, language);
            let mut at = 0;
            for span in &spans {
                prop_assert!(span.start >= at && span.end > span.start && span.of(&text).is_some());
                prop_assert!(text[at..span.start].trim().is_empty());
                prop_assert_eq!(span.of(&text).unwrap().trim(), span.of(&text).unwrap());
                at = span.end;
            }
            prop_assert!(text[at..].trim().is_empty());
        }
    }
}
