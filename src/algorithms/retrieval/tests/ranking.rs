//! BM25, fusion and measures against values worked out by hand.

use proptest::prelude::*;

use crate::algorithms::retrieval::{
    Compounds, Exact, Fusion, Language, Words, fuse, ndcg_at, recall_at, reciprocal_rank,
};

const EN: Language = Language::English;

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-6
}

#[test]
fn bm25_of_three_passages_is_what_lucenes_formula_says() {
    // Lengths 3, 2, 3; average 8/3. Both terms stand in 2 of 3: idf = ln(1 + 1.5 / 2.5) = 0.4700036.
    // «solar power plant»: 1 / (1 + 1.2 (0.25 + 0.75 · 9/8)) = 1 / 2.3125, twice: 0.4064896.
    // «wind power»: 1 / (1 + 1.2 (0.25 + 0.75 · 3/4)) = 1 / 1.975: 0.2379765.
    // «solar solar roof»: 2 / (2 + 1.3125): 0.2837758.
    let words = Words { average_terms: 8.0 / 3.0, compounds: Compounds::default() };
    let mut exact = Exact::default();
    for text in ["solar power plant", "wind power", "solar solar roof"] {
        exact.add(&words.passage(text, EN));
    }
    let found = exact.search(&Words::plain_query("solar power", EN), 10);
    let expected = [(0, 0.406_489_6), (2, 0.283_775_8), (1, 0.237_976_5)];
    assert_eq!(found.len(), 3);
    for ((passage, score), (wanted, value)) in found.iter().zip(expected) {
        assert_eq!(*passage, wanted);
        assert!(close(f64::from(*score), value), "{score} is not {value}");
    }
}

#[test]
fn an_unknown_average_is_that_of_the_passage_itself() {
    let words = Words::default();
    let (_, weights) = words.passage("solar power", EN);
    assert!(weights.iter().all(|weight| close(f64::from(*weight), 1.0 / 2.2)));
}

#[test]
fn parts_of_compounds_do_not_make_a_passage_longer_and_weigh_less_than_words() {
    let words = Words { average_terms: 3.0, compounds: Compounds::built_in() };
    let weight = |text: &str, term: &str| {
        let (hash, _) = Words::plain_query(term, Language::German);
        let (hashes, weights) = words.passage(text, Language::German);
        hashes.iter().position(|other| *other == hash[0]).map(|at| weights[at])
    };
    let whole = weight("Netzbetreiber liefert Stromtarif", "Stromtarif").unwrap();
    let part = weight("Netzbetreiber liefert Stromtarif", "Tarif").unwrap();
    let plain = weight("Netzbetreiber liefert Tarif", "Tarif").unwrap();
    assert!(close(f64::from(whole), f64::from(plain)), "the length is three words in both");
    assert!(part < plain && part > 0.0);
}

#[test]
fn vectors_are_ascending_without_doubles() {
    let words = Words { average_terms: 20.0, compounds: Compounds::built_in() };
    let text = "Der Netzbetreiber misst den Stromverbrauch; der Verbrauch des Netzbetreibers wird gemessen.";
    for (hashes, weights) in [
        words.passage(text, Language::German),
        words.query(text, None),
        words.query(text, Some(Language::German)),
    ] {
        assert!(hashes.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(hashes.len(), weights.len());
        assert!(weights.iter().all(|weight| *weight > 0.0));
    }
}

#[test]
fn a_question_in_french_finds_a_passage_in_german_by_what_both_call_it() {
    let words = Words { average_terms: 8.0, compounds: Compounds::built_in() };
    let mut exact = Exact::default();
    for text in [
        "Die Katze schläft auf dem Sofa.",
        "Die Preise der Stromlieferanten für Haushalte steigen.",
        "Der Zug nach Bern ist verspätet.",
    ] {
        exact.add(&words.passage(text, Language::German));
    }
    let found = exact
        .search(&words.query("Le prix du fournisseur d'électricité", Some(Language::French)), 3);
    assert_eq!(found.first().map(|(passage, _)| *passage), Some(1));
}

#[test]
fn ndcg_by_hand() {
    // Gains 3, 2, 3, 0, 1, 2 (the example of the literature): DCG 6.861127, ideal 7.141 of 3, 3, 2, 2, 1, 0.
    let ranked = ["a", "b", "c", "d", "e", "f"];
    let judged = [("a", 3.0), ("b", 2.0), ("c", 3.0), ("d", 0.0), ("e", 1.0), ("f", 2.0)];
    let dcg = 3.0 + 2.0 / 3f64.log2() + 3.0 / 2.0 + 1.0 / 6f64.log2() + 2.0 / 7f64.log2();
    let ideal = 3.0 + 3.0 / 3f64.log2() + 2.0 / 2.0 + 2.0 / 5f64.log2() + 1.0 / 6f64.log2();
    assert!(close(dcg, 6.861_127) && close(ideal, 7.140_995));
    assert!(close(ndcg_at(&ranked, &judged, 6), dcg / ideal));
    assert!(close(ndcg_at(&["x", "y", "a"], &[("a", 1.0)], 10), 0.5));
    assert!(close(ndcg_at(&["x", "y", "a"], &[("a", 1.0)], 2), 0.0));
    assert!(close(ndcg_at(&["a"], &[], 10), 0.0));
}

#[test]
fn recall_and_reciprocal_rank_by_hand() {
    let judged = [("a", 1.0), ("b", 1.0), ("c", 0.0)];
    assert!(close(recall_at(&["c", "a", "x"], &judged, 2), 0.5));
    assert!(close(recall_at(&["a", "b"], &judged, 20), 1.0));
    assert!(close(reciprocal_rank(&["c", "x", "b"], &judged), 1.0 / 3.0));
    assert!(close(reciprocal_rank(&["c"], &judged), 0.0));
}

#[test]
fn min_max_by_hand() {
    // Words 10, 6, 2 become 1, 0.5, 0; dense 0.9, 0.5 become 1, 0.
    let fused = fuse(
        &[(1, 10.0), (2, 6.0), (3, 2.0)],
        &[(2, 0.9), (4, 0.5)],
        Fusion::MinMax { dense_share: 0.5 },
    );
    assert_eq!(fused, vec![(2, 0.75), (1, 0.5), (3, 0.0), (4, 0.0)]);
}

#[test]
fn rrf_by_hand() {
    let fused = fuse(&[(1, 9.0), (2, 8.0)], &[(2, 0.9)], Fusion::Rrf { k: 60.0 });
    assert_eq!(fused[0].0, 2);
    assert!(close(f64::from(fused[0].1), 1.0 / 62.0 + 1.0 / 61.0));
    assert!(close(f64::from(fused[1].1), 1.0 / 61.0));
}

fn list() -> impl Strategy<Value = Vec<(u16, f32)>> {
    prop::collection::btree_map(0u16..40, 0.0f32..50.0, 0..20).prop_map(|scores| {
        let mut list: Vec<(u16, f32)> = scores.into_iter().collect();
        list.sort_by(|left, right| right.1.total_cmp(&left.1));
        list
    })
}

proptest! {
    #[test]
    fn min_max_does_not_care_for_scale_or_shift(words in list(), dense in list(), scale in 0.5f32..8.0, shift in -20.0f32..20.0) {
        let moved: Vec<(u16, f32)> = words.iter().map(|(id, score)| (*id, score * scale + shift)).collect();
        let fusion = Fusion::MinMax { dense_share: 0.4 };
        let (left, right) = (fuse(&words, &dense, fusion), fuse(&moved, &dense, fusion));
        for (id, score) in &left {
            let other = right.iter().find(|(other, _)| other == id).unwrap();
            prop_assert!((score - other.1).abs() < 1e-3);
        }
    }

    #[test]
    fn fusing_loses_and_invents_nothing(words in list(), dense in list(), k in 1.0f64..100.0) {
        for fusion in [Fusion::default(), Fusion::Rrf { k }] {
            let fused = fuse(&words, &dense, fusion);
            let mut ids: Vec<u16> = fused.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            let mut all: Vec<u16> = words.iter().chain(&dense).map(|(id, _)| *id).collect();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(ids, all);
            prop_assert!(fused.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        }
    }

    #[test]
    fn one_list_alone_keeps_its_order(words in list()) {
        let fused = fuse(&words, &[], Fusion::default());
        let scores: Vec<f32> = fused.iter().map(|(id, _)| words.iter().find(|(other, _)| other == id).unwrap().1).collect();
        prop_assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
    }
}
