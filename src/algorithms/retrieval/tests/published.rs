//! On public questions with judgements the words alone must reach what Lucene reaches.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::algorithms::retrieval::{Compounds, Exact, Language, Words, ndcg_at};

/// nDCG@10 of Lucene 9.5 (Anserini 0.22.1, `-language en|de`, BM25 with k1 1.2 and b 0.75) on the same paragraphs.
const LUCENE_ENGLISH: f64 = 0.9582;
const LUCENE_GERMAN: f64 = 0.9277;

fn folder(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("LUNA_SHARED_DIR").map(PathBuf::from)?;
    let folder = shared.join("data/retrieval").join(name);
    folder.is_dir().then_some(folder)
}

fn rows(path: &Path) -> Vec<serde_json::Value> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// nDCG@10 of plain BM25 without compounds, of plain questions with them, and of questions as they are asked in earnest.
fn measure(folder: &Path, language: Language) -> [f64; 3] {
    let field = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    let corpus: Vec<(String, String)> = rows(&folder.join("corpus.jsonl.gz"))
        .iter()
        .map(|row| (field(row, "_id"), field(row, "text")))
        .collect();
    let questions: Vec<(String, String)> = rows(&folder.join("queries.jsonl.gz"))
        .iter()
        .map(|row| (field(row, "_id"), field(row, "text")))
        .collect();
    let judged: HashMap<String, String> = std::fs::read_to_string(folder.join("qrels_test.tsv"))
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|cells| (cells[0].to_owned(), cells[1].to_owned()))
        .collect();
    let average = corpus.iter().map(|(_, text)| Words::length(text, language) as f64).sum::<f64>()
        / corpus.len() as f64;
    let plain = Words { average_terms: average, compounds: Compounds::default() };
    let mut learned = Words { average_terms: average, compounds: Compounds::built_in() };
    learned.compounds.learn(corpus.iter().map(|(_, text)| text.as_str()));
    let index = |words: &Words| {
        let mut exact = Exact::default();
        for (_, text) in &corpus {
            exact.add(&words.passage(text, language));
        }
        exact
    };
    let (without, with) = (index(&plain), index(&learned));
    let mean = |search: &dyn Fn(&str) -> Vec<(usize, f32)>| {
        let one = |(id, text): &(String, String)| {
            let ranked: Vec<&str> =
                search(text).into_iter().map(|(passage, _)| corpus[passage].0.as_str()).collect();
            ndcg_at(&ranked, &[(judged[id].as_str(), 1.0)], 10)
        };
        questions.iter().map(one).sum::<f64>() / questions.len() as f64
    };
    [
        mean(&|text| without.search(&Words::plain_query(text, language), 10)),
        mean(&|text| with.search(&Words::plain_query(text, language), 10)),
        mean(&|text| with.search(&learned.query(text, Some(language)), 10)),
    ]
}

#[test]
fn english_reaches_lucene_and_names_in_four_languages_do_no_harm() {
    let Some(folder) = folder("xquad-en") else {
        println!("skipped: LUNA_SHARED_DIR has no data/retrieval/xquad-en");
        return;
    };
    let [plain, _, full] = measure(&folder, Language::English);
    assert!((plain - LUCENE_ENGLISH).abs() <= 0.005, "{plain} against {LUCENE_ENGLISH}");
    assert!(full >= plain, "{full} against {plain}");
}

#[test]
fn german_reaches_lucene_and_compounds_add_to_it() {
    let Some(folder) = folder("xquad-de") else {
        println!("skipped: LUNA_SHARED_DIR has no data/retrieval/xquad-de");
        return;
    };
    let [plain, parts, full] = measure(&folder, Language::German);
    assert!((plain - LUCENE_GERMAN).abs() <= 0.005, "{plain} against {LUCENE_GERMAN}");
    assert!(parts >= plain, "{parts} against {plain}");
    assert!(full >= plain + 0.01, "{full} against {plain}");
}
