//! Reading datasets and questions, and what is summed up, by hand.

use std::io::Write;
use std::time::Duration;

use crate::algorithms::retrieval::Fusion;
use crate::base::timeline::Clock;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::index::EdgeEngine;

use super::answers::{Verdict, summed};
use super::error::EvaluationError;
use super::retrieval::percentiles;
use super::{Bench, Dataset, Question, RetrievalMode, Split, rank_all};

const CORPUS: &str = r#"{"_id":"a","title":"Meters","text":"The meter is read once a month by the operator."}
{"_id":"b","title":"","text":"Solar panels feed the grid at noon."}
{"_id":"c","title":"Trains","text":"Trains to Bern leave every half hour."}
"#;
const QUERIES: &str = r#"{"_id":"1","text":"How often is the meter read?"}
{"_id":"2","text":"When do trains to Bern leave?"}
{"_id":"3","text":"Nobody judged this one"}
"#;
const QRELS: &str = "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tc\t2\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let mut packed = flate2::write::GzEncoder::new(
                std::fs::File::create(path).unwrap(),
                flate2::Compression::fast(),
            );
            packed.write_all(text.as_bytes()).unwrap();
            packed.finish().unwrap();
        } else {
            std::fs::write(path, text).unwrap();
        }
    }
    folder
}

#[test]
fn a_dataset_is_read_packed_or_not() {
    let plain =
        folder(&[("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels/test.tsv", QRELS)]);
    let packed = folder(&[
        ("corpus.jsonl.gz", CORPUS),
        ("queries.jsonl.gz", QUERIES),
        ("qrels_test.tsv", QRELS),
    ]);
    let (plain, packed) =
        (Dataset::read(plain.path(), None).unwrap(), Dataset::read(packed.path(), None).unwrap());
    assert_eq!((&plain.passages, &plain.questions), (&packed.passages, &packed.questions));
    assert_eq!((plain.passages.len(), plain.questions.len()), (3, 2));
    assert_eq!(
        plain.passages[0].whole(),
        "Meters\nThe meter is read once a month by the operator."
    );
    assert_eq!(plain.passages[1].whole(), "Solar panels feed the grid at noon.");
    assert_eq!(plain.questions[1].gains, [("c".to_owned(), 2.0)]);
}

#[test]
fn what_is_wrong_with_a_dataset_is_said() {
    let broken = folder(&[
        ("corpus.jsonl", "{\"_id\":1}\n"),
        ("queries.jsonl", QUERIES),
        ("qrels/test.tsv", QRELS),
    ]);
    let error = Dataset::read(broken.path(), None).unwrap_err().to_string();
    assert!(error.contains("corpus.jsonl, line 1"), "{error}");
    let unjudged = folder(&[
        ("corpus.jsonl", CORPUS),
        ("queries.jsonl", QUERIES),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n"),
    ]);
    assert!(matches!(Dataset::read(unjudged.path(), None), Err(EvaluationError::Nothing { .. })));
    let crooked = folder(&[
        ("corpus.jsonl", CORPUS),
        ("queries.jsonl", QUERIES),
        ("qrels/test.tsv", "head\n1\ta\tmuch\n"),
    ]);
    let error = Dataset::read(crooked.path(), None).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
    let missing = folder(&[("corpus.jsonl", CORPUS)]);
    let error = Dataset::read(missing.path(), None).unwrap_err().to_string();
    assert!(error.contains("queries.jsonl cannot be read"), "{error}");
}

#[test]
fn questions_are_taken_by_halves() {
    let rows = r#"{"id":"q1","question":"Was?","answerable":true,"document":"a.pdf","page":2,"section":null,"answer":"25","split":"dev"}

{"id":"q2","question":"Wer?","answerable":false,"split":"held","language":"de"}
"#;
    let folder = folder(&[("own.jsonl", rows)]);
    let path = folder.path().join("own.jsonl");
    assert_eq!(Question::read(&path, None).unwrap().len(), 2);
    let dev = Question::read(&path, Some(Split::Dev)).unwrap();
    assert_eq!((dev.len(), dev[0].page, dev[0].section.as_deref()), (1, Some(2), None));
    let none = crate::knowledge::evaluation::tests::folder(&[(
        "own.jsonl",
        "{\"id\":\"q\",\"question\":\"?\",\"answerable\":true}\n",
    )]);
    assert!(matches!(
        Question::read(&none.path().join("own.jsonl"), Some(Split::Held)),
        Err(EvaluationError::Nothing { .. })
    ));
}

#[tokio::test]
async fn rankings_of_a_small_dataset_are_measured_in_an_index_of_their_own() {
    let data =
        folder(&[("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels/test.tsv", QRELS)]);
    let dataset = Dataset::read(data.path(), None).unwrap();
    let place = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let engine = EdgeEngine::new(place.path(), clock.clone());
    let embedding = Embedding::with(None, clock.clone());
    let bench =
        Bench { engine: &engine, embedding: &embedding, fusion: Fusion::default(), clock: &clock };
    let report =
        rank_all(&dataset, &[RetrievalMode::Plain, RetrievalMode::Words], bench).await.unwrap();
    assert_eq!((report.passages, report.questions, report.modes.len()), (3, 2, 2));
    for mode in &report.modes {
        assert!((mode.ndcg_at_10 - 1.0).abs() < 1e-9 && (mode.mrr - 1.0).abs() < 1e-9, "{mode:?}");
    }
    let refused = rank_all(&dataset, &[RetrievalMode::Hybrid], bench).await;
    assert!(matches!(refused, Err(EvaluationError::NoModel)));
}

fn row(answerable: bool, abstained: bool, is_at_place: Option<bool>) -> Verdict {
    Verdict {
        id: "q".to_owned(),
        answerable,
        abstained,
        confidence: 0.5,
        is_at_place,
        has_answer: is_at_place.map(|_| !abstained),
        quotes: usize::from(!abstained) * 2,
        quotes_proven: usize::from(!abstained) * 2,
        first: None,
    }
}

#[test]
fn sums_by_hand() {
    // Four with an answer: three answered, one of these at the wrong place, one not answered but found.
    // Three without: two not answered, one answered. So of three abstentions two are right: 2/3 and 2/3.
    let rows = vec![
        row(true, false, Some(true)),
        row(true, false, Some(true)),
        row(true, false, Some(false)),
        row(true, true, Some(true)),
        row(false, true, None),
        row(false, true, None),
        row(false, false, None),
    ];
    let report = summed(rows, 1.0, 2.0);
    let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
    assert_eq!((report.questions, report.answerable, report.quotes), (7, 4, 8));
    assert!(
        close(report.answer_rate, 0.75)
            && close(report.page_hit_at_1, 0.75)
            && close(report.answer_in_quotes, 0.75)
    );
    assert!(close(report.quotes_verified, 1.0));
    let balance = report.abstention;
    assert!(
        close(balance.precision, 2.0 / 3.0)
            && close(balance.recall, 2.0 / 3.0)
            && close(balance.f1, 2.0 / 3.0)
    );
    let empty = summed(Vec::new(), 0.0, 0.0);
    assert!(close(empty.abstention.f1, 0.0) && close(empty.quotes_verified, 0.0));
}

#[test]
fn percentiles_by_hand() {
    let took: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
    let (p50, p95) = percentiles(took);
    assert!((p50 - 51.0).abs() < 1e-9 && (p95 - 96.0).abs() < 1e-9, "{p50} {p95}");
    assert_eq!(percentiles(Vec::new()), (0.0, 0.0));
}
