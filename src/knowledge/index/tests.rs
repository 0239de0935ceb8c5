//! Both engines against scores computed by hand; damage, crashes, second processes, servers that are away.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::{DateTime, Utc};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use uuid::Uuid;

use super::server::ServerEngine;
use super::*;
use crate::base::timeline::Clock;
use crate::testing::QdrantLocal;

const DIMENSION: usize = 8;
const VERSION: u32 = 3;
/// Names the folder to the process that is to be killed.
const FOLDER: &str = "LUNA_TEST_EDGE_FOLDER";

fn now() -> DateTime<Utc> {
    "2026-03-28T12:00:00Z".parse().unwrap()
}

/// Numbers between 0 and 1 that are the same in every run (Steele et al. 2014).
struct Even(u64);

impl Even {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn below(&mut self, most: u32) -> u32 {
        (self.next() * f64::from(most)) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "vectors are in single precision")]
    fn dense(&mut self) -> Vec<f32> {
        let raw: Vec<f64> = (0..DIMENSION).map(|_| self.next() - 0.5).collect();
        let length = raw.iter().map(|it| it * it).sum::<f64>().sqrt();
        raw.into_iter().map(|it| (it / length) as f32).collect()
    }

    /// Few terms are frequent, most are rare.
    #[expect(clippy::cast_possible_truncation, reason = "vectors are in single precision")]
    fn words(&mut self, terms: u32) -> SparseVector {
        let drawn = (0..terms).map(|_| {
            let term = self.below(40) * self.below(40) / 20;
            (term * 7 + 1, (0.2 + self.next()) as f32)
        });
        let drawn: BTreeMap<u32, f32> = drawn.collect();
        SparseVector {
            indices: drawn.keys().copied().collect(),
            values: drawn.into_values().collect(),
        }
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Five documents of twelve chunks.
fn points() -> Vec<Point> {
    let mut even = Even(7);
    let languages = ["de", "fr", "it", "en"];
    let point = |number: u32| Point {
        // Identifiers run against the order of storing.
        chunk_id: id(1_000 - u128::from(number)),
        item_id: id(u128::from(number / 12)),
        chunk_idx: (number % 12).cast_signed(),
        ts: now(),
        tags: if number.is_multiple_of(2) {
            vec!["even".into(), "all".into()]
        } else {
            vec!["all".into()]
        },
        source: "upload".into(),
        lang: languages[number as usize % 4].into(),
        words: even.words(12),
        dense: Some(even.dense()),
    };
    (0..60).map(point).collect()
}

fn is_wanted(point: &Point, filter: &Filter) -> bool {
    (filter.items.is_empty() || filter.items.contains(&point.item_id))
        && !filter.without_items.contains(&point.item_id)
        && (filter.tags.is_empty() || filter.tags.iter().any(|tag| point.tags.contains(tag)))
        && (filter.languages.is_empty() || filter.languages.contains(&point.lang))
}

/// The exact list: every point is scored, in double precision.
fn list(
    points: &[Point],
    filter: &Filter,
    limit: usize,
    score: impl Fn(&Point) -> f64,
) -> Vec<(Uuid, f64)> {
    let wanted = points.iter().filter(|point| is_wanted(point, filter));
    let mut all: Vec<(Uuid, f64)> = wanted.map(|point| (point.chunk_id, score(point))).collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    all.truncate(limit);
    all
}

/// BM25 with the inverse document frequency of Lucene over all points, whatever the filter.
fn by_words(
    points: &[Point],
    query: &SparseVector,
    filter: &Filter,
    limit: usize,
) -> Vec<(Uuid, f64)> {
    let n = points.len() as f64;
    let idf = |term: &u32| {
        let df = points.iter().filter(|point| point.words.indices.contains(term)).count() as f64;
        ((n - df + 0.5) / (df + 0.5) + 1.0).ln()
    };
    let weights: Vec<(u32, f64)> = query
        .indices
        .iter()
        .zip(&query.values)
        .map(|(term, value)| (*term, f64::from(*value) * idf(term)))
        .collect();
    let score = |point: &Point| {
        let of = |term: u32| {
            let at = point.words.indices.iter().position(|index| *index == term);
            at.map_or(0.0, |at| f64::from(point.words.values[at]))
        };
        weights.iter().map(|(term, weight)| weight * of(*term)).sum::<f64>()
    };
    let mut all = list(points, filter, points.len(), score);
    all.retain(|(_, score)| *score > 0.0);
    all.truncate(limit);
    all
}

fn by_meaning(points: &[Point], query: &[f32], filter: &Filter, limit: usize) -> Vec<(Uuid, f64)> {
    let score = |point: &Point| {
        let dense = point.dense.as_deref().unwrap();
        dense.iter().zip(query).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    list(points, filter, limit, score)
}

fn assert_same(found: &[Hit], expected: &[(Uuid, f64)], about: &str) {
    let ids = |hits: &[Hit]| hits.iter().map(|hit| hit.chunk_id).collect::<Vec<_>>();
    let wanted: Vec<Uuid> = expected.iter().map(|(chunk_id, _)| *chunk_id).collect();
    assert_eq!(ids(found), wanted, "{about}: {found:?}");
    for (hit, (_, score)) in found.iter().zip(expected) {
        assert!((f64::from(hit.score) - score).abs() < 1e-4, "{about}: {hit:?} is not {score}");
    }
}

fn collection(version: u32) -> Collection {
    Collection { version, dimension: Some(DIMENSION) }
}

fn search(words: SparseVector, dense: Vec<f32>, filter: Filter, limit: usize) -> Search {
    Search { words: Some(words), dense: Some(dense), filter, limit }
}

/// What every engine does, on an empty one.
async fn keeps_the_contract(engine: &dyn Engine) {
    assert_eq!(engine.versions().await.unwrap(), [0; 0]);
    let nothing =
        engine.search(VERSION, Search { limit: 3, dense: Some(vec![1.0; 8]), ..Search::default() });
    assert!(matches!(nothing.await, Err(IndexError::Unknown(VERSION))));
    assert!(matches!(engine.count(VERSION).await, Err(IndexError::Unknown(VERSION))));
    assert!(engine.point_alias(VERSION).await.is_err());
    engine.create(&collection(VERSION)).await.unwrap();
    engine.create(&collection(VERSION)).await.unwrap();
    assert_eq!(engine.count(VERSION).await.unwrap(), 0);
    let points = points();
    engine.put(VERSION, points[..40].to_vec()).await.unwrap();
    engine.put(VERSION, points[20..].to_vec()).await.unwrap();
    assert_eq!(engine.count(VERSION).await.unwrap(), 60, "what came twice is there once");
    finds_what_a_scan_finds(engine, &points).await;
    engine.settle(VERSION).await.unwrap();
    finds_what_a_scan_finds(engine, &points).await;
    gives_vectors_back(engine, &points).await;
    breaks_ties_by_identifier(engine).await;
    replaces_and_removes(engine, points).await;
    refuses_what_does_not_fit(engine).await;
    has_versions(engine).await;
}

async fn finds_what_a_scan_finds(engine: &dyn Engine, points: &[Point]) {
    let mut even = Even(99);
    let strings = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let filters = [
        Filter::default(),
        Filter { items: vec![id(1), id(3), id(77)], ..Filter::default() },
        Filter { without_items: vec![id(0), id(4)], ..Filter::default() },
        Filter { tags: strings(&["even", "nobody's"]), ..Filter::default() },
        Filter { languages: strings(&["de", "it"]), ..Filter::default() },
        Filter {
            items: vec![id(1), id(2)],
            without_items: vec![id(2)],
            tags: strings(&["all"]),
            languages: strings(&["fr", "en"]),
        },
        Filter { items: vec![id(77)], ..Filter::default() },
    ];
    for (number, filter) in filters.into_iter().enumerate() {
        for limit in [1, 7, 200] {
            let (words, dense) = (even.words(4), even.dense());
            let found =
                engine.search(VERSION, search(words.clone(), dense.clone(), filter.clone(), limit));
            let found = found.await.unwrap();
            let about = format!("filter {number}, limit {limit}");
            assert_same(&found.words, &by_words(points, &words, &filter, limit), &about);
            assert_same(&found.dense, &by_meaning(points, &dense, &filter, limit), &about);
        }
    }
    let unknown = SparseVector { indices: vec![4_000_000_000], values: vec![1.0] };
    let words_only = Search { words: Some(unknown), limit: 5, ..Search::default() };
    assert_eq!(engine.search(VERSION, words_only).await.unwrap(), Found::default());
    let empty = Search { words: Some(SparseVector::default()), limit: 5, ..Search::default() };
    assert_eq!(engine.search(VERSION, empty).await.unwrap(), Found::default());
}

async fn gives_vectors_back(engine: &dyn Engine, points: &[Point]) {
    let asked = [points[5].chunk_id, id(77_777), points[50].chunk_id];
    let found = engine.vectors(VERSION, &asked).await.unwrap();
    assert_eq!(found.len(), 2, "of what is not there nothing is said");
    for point in [&points[5], &points[50]] {
        let (given, wanted) = (&found[&point.chunk_id], point.dense.as_ref().unwrap());
        let apart = given.iter().zip(wanted).map(|(one, other)| (one - other).abs());
        assert!(
            given.len() == DIMENSION && apart.fold(0.0, f32::max) < 1e-6,
            "{given:?} {wanted:?}"
        );
    }
    assert!(engine.vectors(VERSION, &[]).await.unwrap().is_empty());
    assert!(matches!(engine.vectors(99, &asked).await, Err(IndexError::Unknown(99))));
}

/// Forty chunks say the same; the list is cut among them.
async fn breaks_ties_by_identifier(engine: &dyn Engine) {
    engine.create(&collection(7)).await.unwrap();
    let mut even = Even(5);
    let (words, dense) = (even.words(6), even.dense());
    let same = (0..40_u128).map(|number| Point {
        // Stored in an order that is not theirs.
        chunk_id: id(1 + number * 23 % 40),
        words: words.clone(),
        dense: Some(dense.clone()),
        ..points()[0].clone()
    });
    engine.put(7, same.collect()).await.unwrap();
    let found = engine.search(7, search(words, dense, Filter::default(), 5)).await.unwrap();
    for hits in [found.words, found.dense] {
        assert_eq!(
            hits.iter().map(|hit| hit.chunk_id).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5].map(id)
        );
    }
    engine.drop_version(7, false).await.unwrap();
}

async fn replaces_and_removes(engine: &dyn Engine, mut points: Vec<Point>) {
    let mut even = Even(41);
    points[0].dense = Some(even.dense());
    points[0].tags = vec!["fresh".into()];
    engine.put(VERSION, vec![points[0].clone()]).await.unwrap();
    let fresh = Filter { tags: vec!["fresh".into()], ..Filter::default() };
    let query = even.dense();
    let request =
        Search { dense: Some(query.clone()), filter: fresh.clone(), limit: 9, ..Search::default() };
    let found = engine.search(VERSION, request).await.unwrap();
    assert_same(&found.dense, &by_meaning(&points, &query, &fresh, 9), "replaced");

    engine.remove_item(VERSION, id(2)).await.unwrap();
    engine.remove_item(VERSION, id(99)).await.unwrap();
    points.retain(|point| point.item_id != id(2));
    assert_eq!(engine.count(VERSION).await.unwrap(), 48);
    let request = Search { dense: Some(query.clone()), limit: 100, ..Search::default() };
    let found = engine.search(VERSION, request).await.unwrap();
    assert_same(&found.dense, &by_meaning(&points, &query, &Filter::default(), 100), "removed");
}

async fn refuses_what_does_not_fit(engine: &dyn Engine) {
    let long = Point { dense: Some(vec![0.5; DIMENSION + 1]), ..points()[0].clone() };
    assert!(matches!(engine.put(VERSION, vec![long]).await, Err(IndexError::Refused(_))));
    assert_eq!(engine.count(VERSION).await.unwrap(), 48);
    let other = Search { dense: Some(vec![0.5; 3]), limit: 2, ..Search::default() };
    assert!(matches!(engine.search(VERSION, other).await, Err(IndexError::Refused(_))));
}

async fn has_versions(engine: &dyn Engine) {
    // Words only.
    engine.create(&Collection { version: 12, dimension: None }).await.unwrap();
    let plain: Vec<Point> =
        points().into_iter().map(|point| Point { dense: None, ..point }).collect();
    engine.put(12, plain.clone()).await.unwrap();
    let words = Even(3).words(4);
    let request = Search { words: Some(words.clone()), limit: 9, ..Search::default() };
    let found = engine.search(12, request).await.unwrap();
    assert_same(&found.words, &by_words(&plain, &words, &Filter::default(), 9), "words only");
    assert!(found.dense.is_empty());
    assert!(engine.vectors(12, &[plain[0].chunk_id]).await.unwrap().is_empty());
    assert_eq!(engine.versions().await.unwrap(), [VERSION, 12]);
    engine.point_alias(VERSION).await.unwrap();
    engine.point_alias(12).await.unwrap();
    engine.drop_version(VERSION, false).await.unwrap();
    engine.drop_version(VERSION, false).await.unwrap();
    assert_eq!(engine.versions().await.unwrap(), [12]);
    assert!(matches!(engine.count(VERSION).await, Err(IndexError::Unknown(VERSION))));
    engine.create(&collection(VERSION)).await.unwrap();
    assert_eq!(engine.count(VERSION).await.unwrap(), 0);
    let (said, is_well) = engine.standing().await;
    assert!(is_well && said.starts_with("Qdrant"), "{said}");
}

fn edge(folder: &Path) -> EdgeEngine {
    EdgeEngine::new(folder, Clock::fixed(now()))
}

#[tokio::test]
async fn the_engine_in_the_process_keeps_the_contract() {
    let folder = TempDir::new().unwrap();
    keeps_the_contract(&edge(folder.path())).await;
    let alias = std::fs::read_to_string(folder.path().join("vectors/chunks.alias")).unwrap();
    assert_eq!(alias, "chunks_v12");
}

#[tokio::test]
async fn the_alias_may_be_pointed_by_several_at_once() {
    let folder = TempDir::new().unwrap();
    let engine = edge(folder.path());
    for version in [1, 2] {
        engine.create(&collection(version)).await.unwrap();
    }
    let pointed = (0..40).map(|turn| engine.point_alias(1 + turn % 2));
    for outcome in futures_util::future::join_all(pointed).await {
        outcome.unwrap();
    }
    let alias = std::fs::read_to_string(folder.path().join("vectors/chunks.alias")).unwrap();
    assert!(["chunks_v1", "chunks_v2"].contains(&alias.as_str()), "{alias}");
}

#[tokio::test]
async fn a_server_keeps_the_contract() {
    let test = "a_server_keeps_the_contract";
    if let Some(local) = QdrantLocal::start(test, Some("c4n4ry-key")) {
        let settings = local.settings();
        keeps_the_contract(&ServerEngine::new(local.url(), &settings, Clock::fixed(now()))).await;
    }
    // A server of one's own, which must be empty.
    let Some(url) = std::env::var_os("QDRANT_URL").filter(|url| !url.is_empty()) else {
        eprintln!("skipped: {test}: QDRANT_URL names no server");
        return;
    };
    let qdrant_url = Some(url.into_string().unwrap());
    let settings = Settings { qdrant_url, ..Settings::default() };
    let url = settings.server().unwrap();
    keeps_the_contract(&ServerEngine::new(&url, &settings, Clock::system())).await;
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let points = points();
    {
        let engine = edge(folder.path());
        engine.create(&collection(VERSION)).await.unwrap();
        engine.put(VERSION, points.clone()).await.unwrap();
    }
    let engine = edge(folder.path());
    assert_eq!(engine.versions().await.unwrap(), [VERSION]);
    finds_what_a_scan_finds(&engine, &points).await;
    // Numbers of changes go on where they were, or changes would be taken for old ones.
    engine.remove_item(VERSION, id(0)).await.unwrap();
    let changed = Point { tags: vec!["later".into()], ..points[20].clone() };
    engine.put(VERSION, vec![changed]).await.unwrap();
    assert_eq!(engine.count(VERSION).await.unwrap(), 48);
    let later = Filter { tags: vec!["later".into()], ..Filter::default() };
    let request =
        Search { dense: points[20].dense.clone(), filter: later, limit: 9, ..Search::default() };
    assert_eq!(engine.search(VERSION, request).await.unwrap().dense.len(), 1);
}

/// Is started by the test below, in a process of its own that it kills.
#[tokio::test]
async fn stores_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let engine = edge(Path::new(&folder));
    engine.create(&collection(VERSION)).await.unwrap();
    for round in 0_u128.. {
        let some = points().into_iter().take(20).enumerate().map(|(at, point)| Point {
            chunk_id: id(1 + round * 20 + at as u128),
            item_id: id(round),
            ..point
        });
        engine.put(VERSION, some.collect()).await.unwrap();
        println!("acknowledged {round}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_a_second_process_is_told() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "knowledge::index::tests::stores_until_it_is_killed", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let number = |line: String| line.split("acknowledged ").nth(1)?.trim().parse::<u64>().ok();
    let mut rounds = lines.filter_map(number);
    let engine = edge(folder.path());
    assert!(rounds.next().is_some());
    let refused = engine.count(VERSION).await.unwrap_err();
    let expected = format!("process {} works with the index", child.id());
    assert!(matches!(refused, IndexError::Unavailable(_)), "{refused}");
    assert!(refused.to_string().contains(&expected), "{refused}");
    assert!(!engine.standing().await.1);
    let acknowledged = rounds.find(|round| *round >= 6).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let count = engine.count(VERSION).await.unwrap();
    assert!(count >= (acknowledged + 1) * 20, "{count} of {acknowledged} rounds");
    let query = points()[3].dense.clone();
    for round in 0..=acknowledged {
        let filter = Filter { items: vec![id(round.into())], ..Filter::default() };
        let request = Search { dense: query.clone(), filter, limit: 30, ..Search::default() };
        assert_eq!(engine.search(VERSION, request).await.unwrap().dense.len(), 20, "round {round}");
    }
    engine.remove_item(VERSION, id(0)).await.unwrap();
    assert_eq!(engine.count(VERSION).await.unwrap(), count - 20);
}

/// Every file below `folder` that is longer than `least`.
fn files(folder: &Path, least: u64) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(&entry.path(), least));
        } else if entry.metadata().unwrap().len() >= least {
            all.push(entry.path());
        }
    }
    all
}

#[tokio::test]
async fn a_damaged_version_is_set_aside_and_made_anew_while_the_engine_runs() {
    let folder = TempDir::new().unwrap();
    {
        let engine = edge(folder.path());
        engine.create(&collection(VERSION)).await.unwrap();
        engine.put(VERSION, points()).await.unwrap();
    }
    let vectors = folder.path().join("vectors");
    for file in files(&vectors.join("chunks_v3/segments"), 1) {
        if file.extension().is_some_and(|ending| ending == "json") {
            std::fs::write(file, b"{ this is no").unwrap();
        }
    }
    let engine = edge(folder.path());
    let error = engine.count(VERSION).await.unwrap_err();
    assert!(
        matches!(&error, IndexError::Damaged(why) if why.contains("chunks_v3-damaged-2026")),
        "{error}"
    );
    assert!(vectors.join("chunks_v3-damaged-20260328T120000000Z").is_dir());
    let request = Search { dense: points()[0].dense.clone(), limit: 1, ..Search::default() };
    assert!(matches!(engine.search(VERSION, request).await, Err(IndexError::Damaged(_))));
    assert_eq!(engine.versions().await.unwrap(), [0; 0]);
    engine.create(&collection(VERSION)).await.unwrap();
    engine.put(VERSION, points()).await.unwrap();
    finds_what_a_scan_finds(&engine, &points()).await;
}

#[tokio::test]
async fn the_log_of_the_engine_does_not_grow_for_ever() {
    let folder = TempDir::new().unwrap();
    let wide = |number: u128| Point {
        chunk_id: id(1 + number),
        source: "x".repeat(16_000),
        dense: None,
        ..points()[0].clone()
    };
    {
        let engine = edge(folder.path());
        engine.create(&Collection { version: 1, dimension: None }).await.unwrap();
        for _ in 0..12 {
            // The same points again and again: only the log grows.
            engine.put(1, (0..250).map(wide).collect()).await.unwrap();
        }
        let log = files(&folder.path().join("vectors/chunks_v1/wal"), 1);
        let bytes: u64 = log.iter().map(|file| file.metadata().unwrap().len()).sum();
        assert!(log.len() <= 3 && bytes <= 25 << 20, "{bytes} bytes in {log:?}");
    }
    let engine = edge(folder.path());
    assert_eq!(engine.count(1).await.unwrap(), 250);
    engine.put(1, vec![wide(1_000)]).await.unwrap();
    engine.remove_item(1, id(77)).await.unwrap();
    assert_eq!(engine.count(1).await.unwrap(), 251);
}

#[tokio::test]
async fn a_server_that_is_away_or_wants_another_key_is_told_as_it_is() {
    let Some(local) = QdrantLocal::start("a_server_that_is_away", Some("c4n4ry-key")) else {
        return;
    };
    let clock = Clock::fixed(now());
    let wrong = Settings { api_key: Some("other".into()), ..local.settings() };
    let stranger = ServerEngine::new(local.url(), &wrong, clock.clone());
    let (said, is_well) = stranger.standing().await;
    assert!(!is_well && said.contains("refuses the key; set QDRANT_API_KEY"), "{said}");

    let settings = Settings { patience_s: 3, ..local.settings() };
    let folder = TempDir::new().unwrap();
    let index = Index::new(&settings, folder.path(), clock.clone());
    assert_eq!(index.standing().await, (format!("Qdrant 1.20.0 at {}", local.url()), true));
    local.signal(Signal::SIGSTOP);
    let late = index.versions().await.unwrap_err();
    assert!(matches!(late, IndexError::Unavailable(_)), "{late}");
    local.signal(Signal::SIGCONT);
    assert_eq!(index.versions().await.unwrap(), [0; 0], "it is asked again at once");
    local.signal(Signal::SIGKILL);
    for _ in 0..5 {
        let away = index.versions().await.unwrap_err();
        assert!(matches!(away, IndexError::Unavailable(_)), "{away}");
    }
    let alone = index.versions().await.unwrap_err().to_string();
    assert!(alone.contains("is asked again in 30 s"), "{alone}");
    assert!(!folder.path().join("vectors").exists(), "the other engine stays out of it");
    assert!(!alone.contains("c4n4ry") && !format!("{settings:?}").contains("c4n4ry"));
}
