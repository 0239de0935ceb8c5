//! Algorithms by name, their hyperparameters, defaults and ranges.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A way to forecast.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// The price of the same hour yesterday or a week ago.
    Naive,
    /// Least squares per local hour after a variance-stabilising transform.
    Linear,
    /// Gradient-boosted trees, with quantile trees for the bands.
    Lightgbm,
    /// Averaged trees on resampled rows.
    RandomForest,
    /// LASSO per hour on whole days, fitted anew for every day.
    Lear,
    /// LEAR, boosted trees and a stack of both, weighed by how they did; carried on every day.
    Ensemble,
}

/// A name that is no algorithm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no algorithm; known are naive, linear, lightgbm, random_forest, lear and ensemble"
)]
pub struct UnknownAlgorithm(pub String);

impl Algorithm {
    /// All algorithms, simplest first.
    pub const ALL: [Self; 6] =
        [Self::Naive, Self::Linear, Self::Lightgbm, Self::RandomForest, Self::Lear, Self::Ensemble];

    /// Name in settings, tables and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Linear => "linear",
            Self::Lightgbm => "lightgbm",
            Self::RandomForest => "random_forest",
            Self::Lear => "lear",
            Self::Ensemble => "ensemble",
        }
    }

    /// Whether it reads whole days, forecasts the first lead day only, and goes on every day with
    /// what was published since.
    pub const fn is_daily(self) -> bool {
        matches!(self, Self::Lear | Self::Ensemble)
    }

    /// The hyperparameters it knows.
    pub const fn params(self) -> &'static [ParamSpec] {
        match self {
            Self::Naive => NAIVE,
            Self::Linear => LINEAR,
            Self::Lightgbm => LIGHTGBM,
            Self::RandomForest => RANDOM_FOREST,
            Self::Lear => &[],
            Self::Ensemble => ENSEMBLE,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name() == text);
        found.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

/// What a hyperparameter may be, with its default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number.
    Integer {
        /// Smallest allowed value.
        min: i64,
        /// Largest allowed value.
        max: i64,
        /// Value when none is given.
        default: i64,
    },
    /// Any number.
    Number {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
        /// Value when none is given.
        default: f64,
    },
    /// One of these words; the first is the default.
    Choice(&'static [&'static str]),
}

/// A hyperparameter by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamSpec {
    /// Name.
    pub key: &'static str,
    /// Range and default.
    pub kind: Kind,
}

const fn integer(key: &'static str, min: i64, max: i64, default: i64) -> ParamSpec {
    ParamSpec { key, kind: Kind::Integer { min, max, default } }
}

const fn number(key: &'static str, min: f64, max: f64, default: f64) -> ParamSpec {
    ParamSpec { key, kind: Kind::Number { min, max, default } }
}

const fn choice(key: &'static str, words: &'static [&'static str]) -> ParamSpec {
    ParamSpec { key, kind: Kind::Choice(words) }
}

const NAIVE: &[ParamSpec] = &[choice("lag", &["standard", "day", "week"])];

/// `ridge` is the penalty per row on standardised columns.
const LINEAR: &[ParamSpec] = &[number("ridge", 0.0, 1e3, 0.1)];

/// Defaults are those with the lowest error on 2015 of the German benchmark, refitted each quarter.
/// `early_stopping_rounds` 0 trains all iterations, which was 1 % better there than stopping; `bands` `residual` spares the quantile trees.
const LIGHTGBM: &[ParamSpec] = &[
    integer("num_iterations", 1, 10_000, 500),
    integer("num_leaves", 2, 4_096, 63),
    number("learning_rate", 1e-4, 1.0, 0.03),
    integer("min_data_in_leaf", 1, 100_000, 50),
    number("feature_fraction", 0.05, 1.0, 0.5),
    number("bagging_fraction", 0.05, 1.0, 0.8),
    integer("bagging_freq", 0, 1_000, 1),
    number("lambda_l2", 0.0, 1e6, 0.0),
    choice("objective", &["l1", "l2", "huber"]),
    integer("early_stopping_rounds", 0, 10_000, 0),
    integer("seed", 0, i32::MAX as i64, 1),
    integer("num_threads", 1, 64, 2),
    choice("bands", &["quantile", "residual"]),
];

const RANDOM_FOREST: &[ParamSpec] = &[
    integer("num_iterations", 1, 10_000, 200),
    integer("num_leaves", 2, 4_096, 255),
    integer("min_data_in_leaf", 1, 100_000, 5),
    number("feature_fraction", 0.05, 1.0, 0.4),
    number("bagging_fraction", 0.05, 0.999, 0.632),
    integer("bagging_freq", 1, 1_000, 1),
    number("lambda_l2", 0.0, 1e6, 0.0),
    choice("objective", &["l2", "l1", "huber"]),
    integer("seed", 0, i32::MAX as i64, 1),
    integer("num_threads", 1, 64, 2),
];

/// `record_days` are forecast before the first day that counts, to learn what the members are worth.
const ENSEMBLE: &[ParamSpec] =
    &[integer("record_days", 7, 1_000, 196), integer("num_threads", 1, 64, 2)];

/// Why hyperparameters are refused; every message names the key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamError {
    /// The algorithm has no such hyperparameter.
    #[error("{algorithm} has no parameter `{key}`; the nearest it knows is `{nearest}`")]
    Unknown {
        /// The algorithm asked.
        algorithm: Algorithm,
        /// The unknown name.
        key: String,
        /// The most similar known name.
        nearest: &'static str,
    },
    /// The value is not of the right kind or not in its range.
    #[error("parameter `{key}` of {algorithm} must be {wanted}, not {found}")]
    OutOfRange {
        /// The algorithm asked.
        algorithm: Algorithm,
        /// Name of the parameter.
        key: &'static str,
        /// What is allowed, in words.
        wanted: String,
        /// The offending value.
        found: Value,
    },
}

/// Hyperparameters as given; what is absent takes its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct Params(pub Map<String, Value>);

impl Params {
    /// Parameters from a JSON object; anything but an object counts as none.
    pub fn from_value(value: Value) -> Self {
        match value {
            Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }

    /// Checks every key and range for `algorithm` without fitting anything.
    pub fn check(&self, algorithm: Algorithm) -> Result<(), ParamError> {
        self.resolve(algorithm).map(drop)
    }

    /// The same with every default of `algorithm` filled in; refused when a key or value is not its.
    pub fn filled(&self, algorithm: Algorithm) -> Result<Self, ParamError> {
        let values = self.resolve(algorithm)?.0.into_iter();
        Ok(Self(values.map(|(key, value)| (key.to_owned(), value)).collect()))
    }

    /// All parameters of `algorithm`, the given ones over the defaults.
    pub(super) fn resolve(&self, algorithm: Algorithm) -> Result<Resolved, ParamError> {
        let known = algorithm.params();
        for key in self.0.keys() {
            if !known.iter().any(|spec| spec.key == key) {
                return Err(unknown(algorithm, key));
            }
        }
        let values = known.iter().map(|spec| Ok((spec.key, self.value(algorithm, spec)?)));
        Ok(Resolved(values.collect::<Result<_, ParamError>>()?))
    }

    fn value(&self, algorithm: Algorithm, spec: &ParamSpec) -> Result<Value, ParamError> {
        let given = self.0.get(spec.key);
        let refuse = |wanted: String| ParamError::OutOfRange {
            algorithm,
            key: spec.key,
            wanted,
            found: given.cloned().unwrap_or_default(),
        };
        match (spec.kind, given) {
            (Kind::Integer { default, .. }, None) => Ok(json!(default)),
            (Kind::Number { default, .. }, None) => Ok(json!(default)),
            (Kind::Choice(words), None) => Ok(json!(words.first())),
            (Kind::Integer { min, max, .. }, Some(value)) => value
                .as_i64()
                .filter(|number| (min..=max).contains(number))
                .map(|number| json!(number))
                .ok_or_else(|| refuse(format!("a whole number from {min} to {max}"))),
            (Kind::Number { min, max, .. }, Some(value)) => value
                .as_f64()
                .filter(|number| (min..=max).contains(number))
                .map(|number| json!(number))
                .ok_or_else(|| refuse(format!("a number from {min} to {max}"))),
            (Kind::Choice(words), Some(value)) => value
                .as_str()
                .filter(|word| words.contains(word))
                .map(|word| json!(word))
                .ok_or_else(|| refuse(format!("one of {}", words.join(", ")))),
        }
    }
}

fn unknown(algorithm: Algorithm, key: &str) -> ParamError {
    let likeness = |spec: &ParamSpec| strsim::jaro_winkler(spec.key, key);
    let nearest = algorithm.params().iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.map_or("", |spec| spec.key);
    ParamError::Unknown { algorithm, key: key.to_owned(), nearest }
}

/// Every parameter of one algorithm, checked, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resolved(BTreeMap<&'static str, Value>);

impl Resolved {
    /// A whole number; 0 for a key the algorithm does not have.
    pub fn integer(&self, key: &str) -> i64 {
        self.0.get(key).and_then(Value::as_i64).unwrap_or_default()
    }

    /// A number; 0 for a key the algorithm does not have.
    pub fn number(&self, key: &str) -> f64 {
        self.0.get(key).and_then(Value::as_f64).unwrap_or_default()
    }

    /// A word; empty for a key the algorithm does not have.
    pub fn choice(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The values of those `keys` that the algorithm has, as a JSON object.
    pub fn subset(&self, keys: &[&str]) -> Map<String, Value> {
        let present = self.0.iter().filter(|(key, _)| keys.contains(*key));
        present.map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }
}
