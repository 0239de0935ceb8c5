//! Languages, stems and compounds against published vocabularies and ordinary words.

use crate::algorithms::retrieval::analysis::{fold, german_form, term};
use crate::algorithms::retrieval::{Compounds, Language, Words, hashing, porter, similar};

#[test]
fn porters_own_examples() {
    // From the paper of 1980, each through all steps.
    for (word, stem) in [
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("ties", "ti"),
        ("caress", "caress"),
        ("cats", "cat"),
        ("feed", "feed"),
        ("agreed", "agre"),
        ("plastered", "plaster"),
        ("bled", "bled"),
        ("motoring", "motor"),
        ("sing", "sing"),
        ("conflated", "conflat"),
        ("troubled", "troubl"),
        ("sized", "size"),
        ("hopping", "hop"),
        ("tanned", "tan"),
        ("falling", "fall"),
        ("hissing", "hiss"),
        ("fizzed", "fizz"),
        ("failing", "fail"),
        ("filing", "file"),
        ("happy", "happi"),
        ("sky", "sky"),
        ("relational", "relat"),
        ("conditional", "condit"),
        ("rational", "ration"),
        ("valenci", "valenc"),
        ("digitizer", "digit"),
        ("operator", "oper"),
        ("feudalism", "feudal"),
        ("decisiveness", "decis"),
        ("hopefulness", "hope"),
        ("formaliti", "formal"),
        ("sensitiviti", "sensit"),
        ("sensibiliti", "sensibl"),
        ("triplicate", "triplic"),
        ("formative", "form"),
        ("formalize", "formal"),
        ("electrical", "electr"),
        ("goodness", "good"),
        ("revival", "reviv"),
        ("allowance", "allow"),
        ("inference", "infer"),
        ("airliner", "airlin"),
        ("adjustable", "adjust"),
        ("defensible", "defens"),
        ("irritant", "irrit"),
        ("replacement", "replac"),
        ("adjustment", "adjust"),
        ("dependent", "depend"),
        ("adoption", "adopt"),
        ("communism", "commun"),
        ("activate", "activ"),
        ("homologous", "homolog"),
        ("effective", "effect"),
        ("bowdlerize", "bowdler"),
        ("probate", "probat"),
        ("rate", "rate"),
        ("cease", "ceas"),
        ("controll", "control"),
        ("roll", "roll"),
        ("generalizations", "gener"),
        ("oscillators", "oscil"),
    ] {
        assert_eq!(porter::stem(word), stem, "{word}");
    }
}

#[test]
fn snowballs_published_samples_for_french_and_italian() {
    for (word, stem) in [
        ("continuait", "continu"),
        ("continuation", "continu"),
        ("continuellement", "continuel"),
        ("continuelle", "continuel"),
    ] {
        assert_eq!(term(word, Language::French).as_deref(), Some(stem));
    }
    for (word, stem) in [
        ("abbandonare", "abbandon"),
        ("pronto", "pront"),
        ("propagamento", "propag"),
        ("propaganda", "propagand"),
    ] {
        assert_eq!(term(word, Language::Italian).as_deref(), Some(stem));
    }
}

fn same(left: &str, right: &str, language: Language) -> bool {
    term(&fold(left), language) == term(&fold(right), language)
}

#[test]
fn spellings_of_german_meet() {
    for (left, right) in [
        ("Straße", "Strasse"),
        ("über den", "ueber den"),
        ("Vergütung", "Verguetung"),
        ("Häuser", "Haus"),
        ("Zähler", "Zaehler"),
        ("Netzen", "Netze"),
        ("Tarifs", "Tarif"),
        ("GRÖSSE", "größe"),
        ("Preises", "Preise"),
    ] {
        assert!(same(left, right, Language::German), "{left} / {right}");
    }
    assert_eq!(
        german_form("quelle neue blaue"),
        "quelle neue blaue",
        "ue behind a vowel or q is no umlaut"
    );
}

#[test]
fn elisions_possessives_and_stop_words_go() {
    assert!(same("l'électricité", "électricité", Language::French));
    assert!(same("d’origine", "origine", Language::French));
    assert!(same("dell'energia", "energia", Language::Italian));
    assert!(same("operator's", "operator", Language::English));
    assert_eq!(term("the", Language::English), None);
    assert_eq!(term("und", Language::German), None);
    assert_eq!(term("d'une", Language::French), None);
    assert_eq!(term("della", Language::Italian), None);
    assert!(same("CO₂", "co2", Language::English));
    assert!(same("1'000", "1000", Language::German));
}

#[test]
fn languages_of_sentences_and_short_questions() {
    for (text, code) in [
        ("Was kostet ein Stromzähler?", "de"),
        ("Combien coûte le compteur ?", "fr"),
        ("Quanto costa il contatore?", "it"),
        ("How far behind real time does the service release its data?", "en"),
        (
            "Quel est le taux maximal de la redevance hydraulique par kilowatt de puissance brute ?",
            "fr",
        ),
        ("Wie hoch ist der Netzzuschlag im Jahr 2026 in Rappen pro Kilowattstunde?", "de"),
        ("Qual è la durata del periodo transitorio?", "it"),
        ("When is the report due?", "en"),
        (
            "Die Netzbetreiber veröffentlichen ihre Tarife jedes Jahr bis Ende August und informieren die Endverbraucher darüber.",
            "de",
        ),
        (
            "Les gestionnaires de réseau publient chaque année leurs tarifs et en informent les consommateurs finaux.",
            "fr",
        ),
    ] {
        assert_eq!(Language::detect(text).map(Language::code), Some(code), "{text}");
    }
    assert_eq!(Language::detect("12.5 | 17.0 | 400"), None);
    assert_eq!(Language::parse("de-CH"), Some(Language::German));
    assert_eq!(Language::parse("es"), None);
}

#[test]
fn compounds_come_apart_at_words_that_stand_alone() {
    let compounds = Compounds::built_in();
    let split = |word: &str| compounds.split(&german_form(&fold(word)));
    assert_eq!(split("Stromverbrauch"), ["strom", "verbrauch"]);
    assert_eq!(split("Versorgungssicherheit"), ["versorgung", "sicherheit"]);
    assert_eq!(split("Netznutzungsentgelt").last().map(String::as_str), Some("entgelt"));
    assert_eq!(split("Sonnenenergie"), ["sonne", "energie"]);
    assert!(split("Strom").is_empty());
    assert!(split("Zuständigkeiten").iter().all(|part| part != "keiten"), "endings are no words");
    assert!(split("Rhabarberkuchen").is_empty(), "parts that were never seen alone");
}

#[test]
fn compounds_are_learned_from_texts() {
    let mut compounds = Compounds::built_in();
    assert!(compounds.split("rhabarberkuchen").is_empty());
    compounds.learn(["Der Rhabarber ist reif, der Kuchen fertig.", "Kuchen mit Rhabarber"]);
    assert_eq!(compounds.split("rhabarberkuchen"), ["rhabarber", "kuchen"]);
}

#[test]
fn the_way_with_the_better_mean_wins() {
    // Of two ways to part a word the one whose parts are seen more often wins.
    let mut compounds = Compounds::default();
    compounds
        .learn(["Staub Staub Staub Staub Staub Ecke Ecke Ecke Ecke Ecke Stau Stau Becke Becke"]);
    assert_eq!(compounds.split("staubecke"), ["staub", "ecke"]);
    let mut compounds = Compounds::default();
    compounds.learn([
        "Staub Staub Ecke Ecke Stau Stau Stau Stau Stau Stau Becke Becke Becke Becke Becke Becke",
    ]);
    assert_eq!(compounds.split("staubecke"), ["stau", "becke"]);
}

#[test]
fn parts_follow_their_whole() {
    let words = Words { average_terms: 0.0, compounds: Compounds::built_in() };
    assert_eq!(
        words.terms("Der Stromverbrauch steigt", Language::German),
        ["stromverbrauch", "strom", "verbrauch", "steigt"]
    );
    assert_eq!(Words::length("Der Stromverbrauch steigt", Language::German), 2);
}

#[test]
fn numbers_of_terms_are_stable_and_seldom_shared() {
    // The number is stored in the index: it must be the same tomorrow. FNV-1a of nothing is its offset basis, mixed.
    assert_eq!(hashing::of("strom"), hashing::of("strom"));
    let numbers: std::collections::HashSet<u32> =
        (0..100_000).map(|index| hashing::of(&format!("term{index}"))).collect();
    // Expected pairs: 100000² / 2³³ = 1.2; twenty would be a broken hash.
    assert!(numbers.len() > 100_000 - 20, "{}", numbers.len());
}

#[test]
fn words_of_one_family_are_written_alike() {
    let alike =
        |left: &str, right: &str| similar::alike(&similar::runs(left), &similar::runs(right));
    assert!((alike("registr", "registr") - 1.0).abs() < 1e-9);
    // «gekündigt» has seven runs, «kündigung» seven, four of them are the same.
    assert!((alike("gekündigt", "kündigung") - 8.0 / 14.0).abs() < 1e-9);
    assert!(alike("strom", "vertrag") <= 0.0);
    assert!(alike("rat", "rat") <= 0.0, "too short to tell");
    assert!(alike("10500", "10500") <= 0.0, "numbers are the same or they are not");
}

#[test]
fn what_is_rare_does_not_hang_on_how_much_was_learned() {
    let rarity = |words: &Words, word: &str| {
        words.rarity(&[hashing::of(&term(&fold(word), Language::German).unwrap())])
    };
    let mut sheet = Words { average_terms: 9.0, compounds: Compounds::built_in() };
    sheet.compounds.learn(["Die Vergütung für kleine Anlagen beträgt jedes Jahr 11 Rappen."]);
    let (there, missing) = (rarity(&sheet, "Vergütung"), rarity(&sheet, "Risotto"));
    assert!(there > 4.0 && there <= missing, "{there} {missing}");
    // Everyday words tell little, in a sheet as on a shelf.
    assert!(rarity(&sheet, "Jahr") < 2.5 && rarity(&sheet, "Menschen") < 2.5);
    let mut shelf = Words { average_terms: 9.0, compounds: Compounds::built_in() };
    let texts = vec!["Die Vergütung steht im Gesetz, die Zahlung in der Verordnung."; 5_000];
    shelf.compounds.learn(texts);
    assert!(rarity(&shelf, "Vergütung") < 0.5, "what stands in every passage parts nothing");
    assert!(rarity(&shelf, "Risotto") > 5.0);
    assert!(sheet.experience() < 0.01 && shelf.experience() > 0.8);
}
