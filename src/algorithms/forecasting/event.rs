//! How likely an event is: boosted trees whose scores are made probabilities that hold.
//!
//! Trees learn the logistic loss; their score s becomes 1 / (1 + exp(−(a·s + b))), with a and b from
//! rows that the trees have not seen (Platt, "Probabilistic outputs for support vector machines", 1999;
//! Lin, Lin, Weng, "A note on Platt's probabilistic outputs", Machine Learning 68, 2007). Both numbers
//! go into LightGBM's own text, a as the steepness of its objective and b into the first tree, so
//! whoever reads that text gets the calibrated probabilities.

use std::fmt::Write;

use lightgbm3::{Booster, Dataset, ImportanceType};
use ndarray::{Axis, concatenate};
use serde_json::{Value, json};

use super::errors::FitError;
use super::lightgbm::{claim_engine, shares};
use super::params::{Algorithm, Params};
use super::table::Table;
use super::trees::Forest;

/// Fewest rows with the event, and fewest without, to learn from and to calibrate on.
const KIND_MIN: usize = 20;
/// Steps of Newton's method; it needs about ten.
const STEPS_MAX: usize = 100;
/// Gradient at which the two numbers count as found.
const GRADIENT_MIN: f64 = 1e-9;
/// Keeps the matrix of second derivatives from being singular.
const RIDGE: f64 = 1e-12;

/// Trees that give the probability of an event, with what is known about them.
#[derive(Debug, Clone, PartialEq)]
pub struct EventFit {
    /// LightGBM's text, calibrated.
    pub text: String,
    /// Probabilities of the validation rows: by trees that have not seen them, calibrated on the half
    /// of them that a row does not belong to.
    pub validation: Vec<f64>,
    /// Share of the training rows with the event.
    pub base_rate: f64,
    /// Gain of all splits per feature, as shares of one.
    pub importance: Vec<f64>,
}

/// The way from a score to a probability.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Link {
    steepness: f64,
    offset: f64,
}

/// Fits trees to whether a target `is_event`; `params` are those of [`Algorithm::Lightgbm`], whose
/// objective, bands and early stopping do not count here.
///
/// # Errors
/// Tables that do not fit together, parameters out of range, too few rows of either kind, a
/// cancellation.
pub fn fit_event(
    params: &Params,
    (train, valid): (&Table, &Table),
    is_event: &dyn Fn(f64) -> bool,
    cancel: &dyn Fn() -> bool,
) -> Result<EventFit, FitError> {
    train.check_labelled().map_err(|source| FitError::Table { which: "training", source })?;
    valid.check_labelled().map_err(|source| FitError::Table { which: "validation", source })?;
    let labels = |table: &Table| table.y.iter().map(|y| is_event(*y)).collect::<Vec<bool>>();
    let (early, late) = (labels(train), labels(valid));
    check_kinds("training", &early)?;
    check_kinds("validation", &late)?;
    let settings = settings(params)?;
    let engine = claim_engine(cancel).ok_or(FitError::Cancelled)?;
    let (text, _) = grow(train, &early, &settings)?;
    if cancel() {
        return Err(FitError::Cancelled);
    }
    let scores = Forest::parse(&text).map_err(refused)?.predict(valid.x.view());
    let all = Table {
        features: train.features.clone(),
        x: concatenate![Axis(0), train.x, valid.x],
        y: Vec::new(),
        groups: Vec::new(),
    };
    let (again, importance) = grow(&all, &[early.as_slice(), &late].concat(), &settings)?;
    drop(engine);
    let middle = scores.len() / 2;
    let of = |range: std::ops::Range<usize>| Link::fit(&scores[range.clone()], &late[range]);
    let (first, second) = (of(0..middle), of(middle..scores.len()));
    let unseen = |(row, score): (usize, &f64)| {
        let other = if row < middle { second } else { first };
        other.probability(*score)
    };
    let events = early.iter().filter(|label| **label).count();
    Ok(EventFit {
        text: Link::fit(&scores, &late).written_into(&again),
        validation: scores.iter().enumerate().map(unseen).collect(),
        base_rate: events as f64 / early.len() as f64,
        importance,
    })
}

fn check_kinds(which: &'static str, labels: &[bool]) -> Result<(), FitError> {
    let found = labels.iter().filter(|label| **label).count();
    if found.min(labels.len() - found) < KIND_MIN {
        return Err(FitError::RareEvent { which, found, rows: labels.len(), least: KIND_MIN });
    }
    Ok(())
}

fn settings(params: &Params) -> Result<Value, FitError> {
    let resolved = params.resolve(Algorithm::Lightgbm)?;
    let mut settings = resolved.subset(&[
        "num_iterations",
        "num_leaves",
        "learning_rate",
        "min_data_in_leaf",
        "feature_fraction",
        "bagging_fraction",
        "bagging_freq",
        "lambda_l2",
        "seed",
        "num_threads",
    ]);
    let fixed = json!({
        "objective": "binary",
        "metric": "binary_logloss",
        "deterministic": true,
        "force_row_wise": true,
        "verbosity": -1,
    });
    settings.extend(fixed.as_object().cloned().unwrap_or_default());
    Ok(Value::Object(settings))
}

/// LightGBM's text of trees for these labels, and what the features contribute.
fn grow(table: &Table, labels: &[bool], settings: &Value) -> Result<(String, Vec<f64>), FitError> {
    let engine = |error: lightgbm3::Error| refused(error.to_string());
    let labels: Vec<f32> = labels.iter().map(|label| f32::from(u8::from(*label))).collect();
    let x = table.x.as_standard_layout();
    let width = i32::try_from(x.ncols()).unwrap_or(i32::MAX);
    let rows = x.as_slice().unwrap_or_default();
    let dataset = Dataset::from_slice(rows, &labels, width, true).map_err(engine)?;
    let booster = Booster::train(dataset, settings).map_err(engine)?;
    let gains = booster.feature_importance(ImportanceType::Gain).map_err(engine)?;
    Ok((booster.save_string().map_err(engine)?, shares(&gains)))
}

const fn refused(message: String) -> FitError {
    FitError::Engine { algorithm: Algorithm::Lightgbm, message }
}

impl Link {
    /// The link of least logistic loss, by Newton's method with steps that never go uphill. Labels are
    /// drawn a little towards each other, so that scores that part them do not become certainties.
    fn fit(scores: &[f64], labels: &[bool]) -> Self {
        let events = labels.iter().filter(|label| **label).count() as f64;
        let others = labels.len() as f64 - events;
        let (high, low) = ((events + 1.0) / (events + 2.0), 1.0 / (others + 2.0));
        let targets: Vec<f64> =
            labels.iter().map(|label| if *label { high } else { low }).collect();
        let mut link = Self { steepness: 1.0, offset: 0.0 };
        let mut loss = link.loss(scores, &targets);
        for _ in 0..STEPS_MAX {
            let (gradient, step) = link.newton(scores, &targets);
            if gradient[0].abs().max(gradient[1].abs()) < GRADIENT_MIN {
                break;
            }
            let halves = std::iter::successors(Some(1.0), |share| Some(share / 2.0)).take(40);
            let next = halves
                .map(|share| Self {
                    steepness: link.steepness - share * step[0],
                    offset: link.offset - share * step[1],
                })
                .map(|link| (link, link.loss(scores, &targets)))
                .find(|(_, next)| *next < loss);
            match next {
                Some(better) => (link, loss) = better,
                None => break,
            }
        }
        // A score that says the opposite is worth nothing; the base rate is left.
        if link.steepness > 0.0 {
            return link;
        }
        let rate = (events + 1.0) / (labels.len() as f64 + 2.0);
        Self { steepness: f64::EPSILON, offset: (rate / (1.0 - rate)).ln() }
    }

    fn probability(self, score: f64) -> f64 {
        1.0 / (1.0 + (-self.steepness * score - self.offset).exp())
    }

    fn loss(self, scores: &[f64], targets: &[f64]) -> f64 {
        let one = |(score, target): (&f64, &f64)| {
            let z = self.steepness * score + self.offset;
            // ln(1 + e^z) without overflow.
            z.max(0.0) + (-z.abs()).exp().ln_1p() - target * z
        };
        scores.iter().zip(targets).map(one).sum()
    }

    /// Gradient of the loss and the step of Newton's method.
    fn newton(self, scores: &[f64], targets: &[f64]) -> ([f64; 2], [f64; 2]) {
        let (mut gradient, mut second) = ([0.0; 2], [RIDGE, 0.0, RIDGE]);
        for (score, target) in scores.iter().zip(targets) {
            let probability = self.probability(*score);
            let (off, bend) = (probability - target, probability * (1.0 - probability));
            gradient = [gradient[0] + off * score, gradient[1] + off];
            second = [second[0] + bend * score * score, second[1] + bend * score, second[2] + bend];
        }
        let determinant = second[0] * second[2] - second[1] * second[1];
        let step = [
            (second[2] * gradient[0] - second[1] * gradient[1]) / determinant,
            (second[0] * gradient[1] - second[1] * gradient[0]) / determinant,
        ];
        (gradient, step)
    }

    /// The text of trees with this link in it.
    fn written_into(self, text: &str) -> String {
        let (shift, mut is_first) = (self.offset / self.steepness, true);
        let mut written = String::with_capacity(text.len());
        for line in text.lines() {
            if line.starts_with("objective=binary") {
                put(&mut written, format_args!("objective=binary sigmoid:{}", self.steepness));
            } else if line.starts_with("tree_sizes=") {
                // They count letters, which are others now; readers do without.
            } else if let Some(leaves) = line.strip_prefix("leaf_value=").filter(|_| is_first) {
                is_first = false;
                let leaves = leaves.split(' ').filter_map(|leaf| leaf.parse::<f64>().ok());
                let shifted: Vec<String> = leaves.map(|leaf| (leaf + shift).to_string()).collect();
                put(&mut written, format_args!("leaf_value={}", shifted.join(" ")));
            } else {
                put(&mut written, format_args!("{line}"));
            }
        }
        written
    }
}

/// Appends a line to text in memory, which takes whatever is written to it.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::algorithms::forecasting::{ForeignTrees, RowKey};

    /// Rows whose target is above 100 with half the first feature as probability.
    fn rows(seed: u64, count: i32) -> Table {
        let mut random = StdRng::seed_from_u64(seed);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (a, b): (f32, f32) = (random.random(), random.random());
            x.extend([a, b]);
            y.push(if random.random::<f32>() < a / 2.0 { 120.0 } else { 80.0 });
        }
        Table {
            features: ["a", "b"].map(str::to_owned).to_vec(),
            x: Array2::from_shape_vec((y.len(), 2), x).unwrap(),
            y,
            groups: (0..count).map(|day| RowKey { day, slot: 0, lead_day: 1 }).collect(),
        }
    }

    fn params() -> Params {
        Params::from_value(json!({
            "num_iterations": 80, "num_leaves": 7, "learning_rate": 0.1, "num_threads": 1,
        }))
    }

    #[test]
    fn probabilities_hold_and_are_read_from_the_text() {
        let (train, valid) = (rows(1, 4_000), rows(2, 2_000));
        let above = |price: f64| price > 100.0;
        let fit = fit_event(&params(), (&train, &valid), &above, &|| false).unwrap();
        assert!((fit.base_rate - 0.25).abs() < 0.02, "{}", fit.base_rate);
        // Of rows with like probabilities so many have the event.
        for (low, high) in [(0.0, 0.15), (0.15, 0.3), (0.3, 0.6)] {
            let of_bin =
                fit.validation.iter().zip(&valid.y).filter(|(p, _)| (low..high).contains(*p));
            let of_bin: Vec<(f64, f64)> =
                of_bin.map(|(p, y)| (*p, f64::from(u8::from(above(*y))))).collect();
            let n = of_bin.len() as f64;
            let (said, came) =
                of_bin.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            assert!(n > 100.0 && (said - came).abs() / n < 0.05, "{low}: {said} {came} of {n}");
        }
        let brier = |of: &dyn Fn(usize) -> f64| {
            valid
                .y
                .iter()
                .enumerate()
                .map(|(row, y)| (of(row) - f64::from(u8::from(above(*y)))).powi(2))
                .sum::<f64>()
        };
        assert!(brier(&|row| fit.validation[row]) < 0.95 * brier(&|_| fit.base_rate));
        let trees = ForeignTrees::parse(&fit.text).unwrap();
        assert!(trees.is_probability());
        let (low, high) = ([0.02_f32, 0.5], [0.98_f32, 0.5]);
        let [low, high] = [low, high].map(|row| trees.predict_row(ndarray::arr1(&row).view()));
        assert!(low < 0.12 && (0.36..0.62).contains(&high), "{low} {high}");
        // LightGBM reads the text as well, and answers the same.
        let booster = Booster::from_string(&fit.text).unwrap();
        let theirs = booster.predict(&[0.98_f32, 0.5], 2, true).unwrap();
        assert!((theirs[0] - high).abs() < 1e-12, "{theirs:?} {high}");
    }

    /// Scores that are log odds already need no other link, shifted and stretched ones the inverse.
    #[test]
    fn a_link_undoes_what_was_done_to_the_odds() {
        let odds: Vec<f64> = (0..400).map(|n| f64::from(n % 20) / 5.0 - 1.9).collect();
        // As many events of every score as its odds say.
        let labels: Vec<bool> = (0..400)
            .map(|n| {
                let probability = 1.0 / (1.0 + (-odds[n]).exp());
                (n / 20) as f64 + 0.5 < 20.0 * probability
            })
            .collect();
        let plain = Link::fit(&odds, &labels);
        assert!((plain.steepness - 1.0).abs() < 0.1 && plain.offset.abs() < 0.1, "{plain:?}");
        let bent: Vec<f64> = odds.iter().map(|score| 2.0 * score + 3.0).collect();
        let undone = Link::fit(&bent, &labels);
        for score in [-1.5, 0.0, 1.5] {
            let (a, b) = (plain.probability(score), undone.probability(2.0 * score + 3.0));
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        let against: Vec<f64> = odds.iter().map(|score| -score).collect();
        let none = Link::fit(&against, &labels);
        assert!(
            (none.probability(-1.0) - none.probability(1.0)).abs() < 1e-9,
            "only the rate is left"
        );
    }

    #[test]
    fn an_event_that_hardly_ever_happens_is_refused() {
        let (train, valid) = (rows(1, 400), rows(2, 200));
        let never = fit_event(&params(), (&train, &valid), &|price| price > 500.0, &|| false);
        assert_eq!(
            never.unwrap_err().to_string(),
            "the event happens in 0 of 400 training rows; at least 20 with it and 20 without are needed"
        );
        let cancelled = fit_event(&params(), (&train, &valid), &|price| price > 100.0, &|| true);
        assert!(matches!(cancelled, Err(FitError::Cancelled)));
    }
}
