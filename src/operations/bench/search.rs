//! Searching many chunks by words and by meaning, against the promised time and a scan of them all.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::DateTime;
use uuid::Uuid;

use super::client::percentile_s;
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, even, median};
use crate::base::timeline::Clock;
use crate::knowledge::index::{
    Collection, EdgeEngine, Engine, Filter, Hit, Point, Search, SparseVector,
};

/// The promise, in milliseconds.
const PROMISED_MS: f64 = 20.0;
const COMPARES: &str = "p95 of a search by words and by vectors of 384 numbers, 50 hits each, one after \
    the other, in the engine of the process, against the promised 20 ms";
/// Numbers of a vector: those of a small encoder.
const DIMENSION: usize = 384;
/// Words of the language; their frequencies fall as their ranks grow (Zipf).
const VOCABULARY: usize = 60_000;
/// Ranks of words that say nothing and are not indexed.
const STOP_WORDS: usize = 120;
/// Words of a chunk, on average.
const CHUNK_WORDS: usize = 160;
/// Subjects, around which chunks lie close together.
const SUBJECTS: u64 = 300;
/// Words of a question.
const QUESTION_WORDS: usize = 6;
/// Questions of a round.
const QUESTIONS: usize = 200;
/// Questions of a scan, which takes long.
const SCANNED: usize = 20;
/// Chunks stored at a time, like a long document's.
const BATCH: usize = 1_000;
/// Hits of each list.
const HITS: usize = 50;
/// Hits of which it is counted how many a scan finds, too.
const COUNTED: usize = 10;

/// Stores `plan.search_chunks` chunks below `folder`, and searches them.
pub async fn search(folder: &Path, plan: &Plan) -> Result<Figure, BenchError> {
    let texts = Texts::new();
    let before = resident_bytes();
    let engine = EdgeEngine::new(folder, Clock::system());
    engine.create(&Collection { version: 1, dimension: Some(DIMENSION) }).await?;
    let started = Instant::now();
    for first in (0..plan.search_chunks).step_by(BATCH) {
        let behind = (first + BATCH).min(plan.search_chunks);
        engine.put(1, (first..behind).map(|number| texts.point(number)).collect()).await?;
    }
    let stored_s = started.elapsed().as_secs_f64();
    engine.settle(1).await?;
    let settled_s = started.elapsed().as_secs_f64() - stored_s;

    let questions: Vec<Search> =
        (0..QUESTIONS).map(|number| texts.question(number, plan.search_chunks)).collect();
    let mut rounds = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let both = waits(&engine, &questions, true).await?;
        let words = waits(&engine, &questions, false).await?;
        if round > 0 {
            rounds.0.push(both);
            rounds.1.push(words);
        }
    }
    let grown_mb = resident_bytes().saturating_sub(before) as f64 / f64::from(1 << 20);
    let scan = Scan::new(&texts, plan.search_chunks);
    let (scanned, shared) = compare(&engine, &scan, &questions).await?;
    let ms = |rounds: &[Vec<Duration>], percent| {
        median(&rounds.iter().map(|it| percentile_s(it, percent) * 1e3).collect::<Vec<_>>())
    };
    let sides = Sides { ours: ms(&rounds.0, 95), floor: PROMISED_MS };
    let size = (plan.search_chunks, plan.rounds);
    Ok(Figure::new(Benchmark::Search, (COMPARES, "ms"), sides, Gate::AtMost(1.0), size)
        .with("p50 by words and vectors", "ms", ms(&rounds.0, 50))
        .with("p95 by words alone", "ms", ms(&rounds.1, 95))
        .with("p50 by words alone", "ms", ms(&rounds.1, 50))
        .with("p95 of a scan of every chunk", "ms", percentile_s(&scanned, 95) * 1e3)
        .with("of the ten nearest vectors found", "", shared.dense)
        .with("of the ten best by words found", "", shared.words)
        .with("stored", "chunks/s", plan.search_chunks as f64 / stored_s)
        .with("building what is searched fast", "s", settled_s)
        .with("memory of the process, grown by", "MB", grown_mb)
        .with("on the disk", "MB", bytes_below(folder) as f64 / f64::from(1 << 20)))
}

/// The wait for each question, shortest first.
async fn waits(
    engine: &EdgeEngine,
    questions: &[Search],
    by_meaning: bool,
) -> Result<Vec<Duration>, BenchError> {
    let mut waits = Vec::with_capacity(questions.len());
    for question in questions {
        let mut question = question.clone();
        question.dense = question.dense.filter(|_| by_meaning);
        let asked = Instant::now();
        black_box(engine.search(1, question).await?);
        waits.push(asked.elapsed());
    }
    waits.sort_unstable();
    Ok(waits)
}

/// Shares of a scan's hits that the engine finds, too.
struct Shared {
    dense: f64,
    words: f64,
}

/// The waits of scans, shortest first, and what of their hits the engine finds.
async fn compare(
    engine: &EdgeEngine,
    scan: &Scan,
    questions: &[Search],
) -> Result<(Vec<Duration>, Shared), BenchError> {
    let (mut waits, mut dense, mut words) = (Vec::new(), (0, 0), (0, 0));
    for question in questions.iter().take(SCANNED) {
        let asked = Instant::now();
        let exact = black_box(scan.search(question));
        waits.push(asked.elapsed());
        let found = engine.search(1, question.clone()).await?;
        let has = |hits: &[Hit], number: &usize| {
            hits.iter().take(COUNTED).any(|hit| hit.chunk_id == chunk_id(*number))
        };
        dense.0 += exact.dense.iter().filter(|number| has(&found.dense, number)).count();
        dense.1 += exact.dense.len();
        words.0 += exact.words.iter().filter(|number| has(&found.words, number)).count();
        words.1 += exact.words.len();
    }
    waits.sort_unstable();
    let share = |(found, all): (usize, usize)| found as f64 / all as f64;
    Ok((waits, Shared { dense: share(dense), words: share(words) }))
}

fn chunk_id(number: usize) -> Uuid {
    Uuid::from_u128(1 + number as u128)
}

/// Texts in the manner of a language: few words are frequent, most are rare, and chunks about one
/// subject use its words and lie close together.
struct Texts {
    /// Shares of the words up to each rank.
    cumulated: Vec<f64>,
    /// Directions of the subjects.
    subjects: Vec<Vec<f32>>,
}

impl Texts {
    fn new() -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = (STOP_WORDS..VOCABULARY)
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 1.0);
                sum
            })
            .collect();
        for share in &mut cumulated {
            *share /= sum;
        }
        let subjects = (0..SUBJECTS).map(|subject| direction(1 << 60 | subject << 20, 1.0));
        Self { cumulated, subjects: subjects.collect() }
    }

    /// The words of a chunk as numbers, with repetitions.
    fn words(&self, number: usize) -> Vec<u32> {
        let base = (number as u64) << 12;
        let length = CHUNK_WORDS / 2 + scaled(even(base), CHUNK_WORDS);
        let subject = subject_of(number);
        (1..=length as u64)
            .map(|place| {
                let drawn = even(base + 2 * place);
                let rank = self.cumulated.partition_point(|share| *share < drawn);
                // Every third word is one of the subject's own.
                let own = scaled(even(base + 2 * place + 1), 3) == 0;
                let shift =
                    if own { usize::try_from(subject).unwrap_or_default() * 197 } else { 0 };
                u32::try_from((rank + shift) % VOCABULARY).unwrap_or_default()
            })
            .collect()
    }

    fn dense(&self, number: usize, spread: f64) -> Vec<f32> {
        let own = direction(1 << 59 | (number as u64) << 20, spread);
        let subject = &self.subjects[usize::try_from(subject_of(number)).unwrap_or_default()];
        unit(subject.iter().zip(own).map(|(one, other)| one + other).collect())
    }

    fn point(&self, number: usize) -> Point {
        let words = self.words(number);
        Point {
            chunk_id: chunk_id(number),
            item_id: Uuid::from_u128(1 + number as u128 / 50),
            chunk_idx: i32::try_from(number % 50).unwrap_or_default(),
            ts: DateTime::UNIX_EPOCH,
            tags: Vec::new(),
            source: "bench".to_owned(),
            lang: "de".to_owned(),
            words: weights(&words),
            dense: Some(self.dense(number, 0.8)),
        }
    }

    /// A question about one of the chunks: a few of its rarer words, and a direction near its own.
    fn question(&self, number: usize, chunks: usize) -> Search {
        let about = scaled(even(1 << 58 | number as u64), chunks);
        let mut words = self.words(about);
        words.sort_unstable_by_key(|word| std::cmp::Reverse(*word));
        words.dedup();
        let step = (words.len() / QUESTION_WORDS).max(1);
        let mut indices: Vec<u32> =
            words.into_iter().step_by(step).take(QUESTION_WORDS).map(term).collect();
        indices.sort_unstable();
        indices.dedup();
        let values = vec![1.0; indices.len()];
        let own = direction(1 << 57 | (number as u64) << 20, 0.4);
        let near = self.dense(about, 0.8);
        Search {
            words: Some(SparseVector { indices, values }),
            dense: Some(unit(near.iter().zip(own).map(|(one, other)| one + other).collect())),
            filter: Filter::default(),
            limit: HITS,
        }
    }
}

const fn subject_of(number: usize) -> u64 {
    // Neighbours are mostly of one document, and so of one subject.
    (number as u64 / 50).wrapping_mul(0x9e37_79b9) % SUBJECTS
}

/// Random numbers around 0, together of about the length `length`.
fn direction(place: u64, length: f64) -> Vec<f32> {
    let scale = length * (3.0 / DIMENSION as f64).sqrt();
    (0..DIMENSION as u64).map(|at| single((2.0 * even(place + at) - 1.0) * scale)).collect()
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    for number in &mut vector {
        *number /= length;
    }
    vector
}

/// Words as terms: numbers all over the range, as hashes are.
const fn term(word: u32) -> u32 {
    word.wrapping_mul(0x9e37_79b1) >> 1
}

/// BM25 without the frequency in the collection, which the engine multiplies by.
fn weights(words: &[u32]) -> SparseVector {
    const K1: f64 = 1.2;
    const B: f64 = 0.75;
    let mut terms: Vec<u32> = words.iter().map(|word| term(*word)).collect();
    terms.sort_unstable();
    let norm = K1 * (1.0 - B + B * words.len() as f64 / CHUNK_WORDS as f64);
    let mut vector = SparseVector::default();
    for same in terms.chunk_by(|one, other| one == other) {
        let count = same.len() as f64;
        vector.indices.push(same[0]);
        vector.values.push(single(count * (K1 + 1.0) / (count + norm)));
    }
    vector
}

/// Every chunk in memory, looked at one by one.
struct Scan {
    dense: Vec<f32>,
    words: Vec<SparseVector>,
}

/// Numbers of the best chunks, best first.
struct Exact {
    dense: Vec<usize>,
    words: Vec<usize>,
}

impl Scan {
    fn new(texts: &Texts, chunks: usize) -> Self {
        let mut dense = Vec::with_capacity(chunks * DIMENSION);
        let mut words = Vec::with_capacity(chunks);
        for number in 0..chunks {
            dense.extend(texts.dense(number, 0.8));
            words.push(weights(&texts.words(number)));
        }
        Self { dense, words }
    }

    fn search(&self, question: &Search) -> Exact {
        let query = question.dense.as_deref().unwrap_or_default();
        let dense = self.dense.chunks_exact(DIMENSION);
        let dense =
            dense.map(|vector| vector.iter().zip(query).map(|(one, other)| one * other).sum());
        Exact { dense: best(dense.collect()), words: self.by_words(question) }
    }

    fn by_words(&self, question: &Search) -> Vec<usize> {
        let terms = question.words.as_ref().map_or(&[][..], |words| &words.indices);
        let mut frequency = vec![0.0_f32; terms.len()];
        let mut held: Vec<Vec<(usize, f32)>> = Vec::with_capacity(self.words.len());
        for words in &self.words {
            let found = terms.iter().enumerate().filter_map(|(at, term)| {
                let place = words.indices.binary_search(term).ok()?;
                Some((at, words.values[place]))
            });
            let found: Vec<(usize, f32)> = found.collect();
            for (at, _) in &found {
                frequency[*at] += 1.0;
            }
            held.push(found);
        }
        let n = self.words.len() as f32;
        let idf = |df: f32| ((n - df + 0.5) / (df + 0.5) + 1.0).ln();
        let score = |found: &Vec<(usize, f32)>| {
            found.iter().map(|(at, weight)| weight * idf(frequency[*at])).sum()
        };
        best(held.iter().map(score).collect())
    }
}

fn best(scores: Vec<f32>) -> Vec<usize> {
    let mut all: Vec<(usize, f32)> = scores.into_iter().enumerate().collect();
    all.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    // What has nothing in common with the question is no hit.
    all.into_iter()
        .take(COUNTED)
        .filter(|(_, score)| *score > 0.0)
        .map(|(number, _)| number)
        .collect()
}

/// Memory that the process has in use, as the system counts it; 0 where it does not tell.
fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4_096;
    let told = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = told.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(file) if file.is_dir() => bytes_below(&entry.path()),
            Ok(file) => file.len(),
            Err(_) => 0,
        })
        .sum()
}

/// `share` of `whole`, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share between 0 and 1 of a small number"
)]
fn scaled(share: f64, whole: usize) -> usize {
    (share * whole as f64) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are in single precision")]
const fn single(value: f64) -> f32 {
    value as f32
}
