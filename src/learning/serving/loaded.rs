//! A model in memory that answers rows of features.

use std::sync::Arc;

use ndarray::Array2;

use super::prepare::Prepared;
use crate::algorithms::forecasting::ForeignTrees;
use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::learning::registry::Format;
use crate::learning::registry::GoldenRow;
use crate::learning::registry::MissingValues;
use crate::learning::registry::ModelRecord;
use crate::learning::training::DayModels;
use crate::learning::training::LeadModel;
use crate::learning::training::widened;

/// Largest price that is believed, in EUR/MWh: ten times what the market's rules allow today.
const PRICE_MAX: f64 = 40_000.0;
/// How far an answer may be from the golden one, as a share of it beyond 1.
const GOLDEN_TOLERANCE: f64 = 1e-12;

/// What is needed to ask a model, without the rest of its record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub series: String,
    pub features: Vec<String>,
    pub format: Format,
    pub missing: MissingValues,
    pub is_event: bool,
}

/// A model that answers.
#[derive(Debug)]
pub(super) struct Loaded {
    shape: Shape,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Luna(Box<LeadModel>),
    Trees(ForeignTrees),
}

/// Rows of features in the order of a model's columns; NaN where one is missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    pub x: Array2<f32>,
    pub keys: Vec<RowKey>,
}

/// What a model says about one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    Value { value: f64, quantiles: Option<[f32; 7]> },
    Probability(f64),
}

impl Answer {
    /// The number that golden rows are about.
    pub fn number(&self) -> f64 {
        match self {
            Self::Value { value, .. } => *value,
            Self::Probability(probability) => *probability,
        }
    }
}

impl Loaded {
    /// The model in `bytes`; the error says what is wrong with them.
    pub fn new(shape: Shape, bytes: &[u8]) -> Result<Self, String> {
        let body = match shape.format {
            Format::Luna => {
                let model = LeadModel::from_bytes(bytes).map_err(|error| error.to_string())?;
                Body::Luna(Box::new(model))
            }
            Format::Lightgbm => {
                let text = std::str::from_utf8(bytes).map_err(|_| "the trees are no text")?;
                let trees = ForeignTrees::parse(text)?;
                if trees.features() != shape.features.len() {
                    let (own, told) = (trees.features(), shape.features.len());
                    return Err(format!("the trees ask about {own} features, {told} are named"));
                }
                Body::Trees(trees)
            }
        };
        let gives_probability = matches!(&body, Body::Trees(trees) if trees.is_probability());
        if gives_probability != shape.is_event {
            let (gives, wanted) = if gives_probability {
                ("probabilities", "values")
            } else {
                ("values", "probabilities")
            };
            return Err(format!("the model gives {gives}, where {wanted} are asked for"));
        }
        Ok(Self { shape, body })
    }

    /// Number of trees; 0 for models of other kinds.
    pub fn trees(&self) -> usize {
        match &self.body {
            Body::Luna(model) => model.trees(),
            Body::Trees(trees) => trees.trees(),
        }
    }

    /// Answers to rows, in their order; the error says why there are none.
    pub fn predict(&self, rows: &Rows) -> Result<Vec<Answer>, String> {
        let x = self.filled(&rows.x)?;
        let answers = match &self.body {
            Body::Luna(model) => {
                let features = self.shape.features.clone();
                let table = Table { features, x, y: Vec::new(), groups: rows.keys.clone() };
                let prediction = model.predict(&table).map_err(|error| error.to_string())?;
                let pairs = prediction.mean.into_iter().zip(prediction.quantiles);
                pairs
                    .zip(&rows.keys)
                    .map(|((value, quantiles), key)| price(value, quantiles, key.lead_day))
                    .collect()
            }
            Body::Trees(trees) => {
                let all = x.rows().into_iter().map(|row| trees.predict_row(row));
                all.map(|number| self.foreign(number)).collect::<Vec<_>>()
            }
        };
        self.possible(answers)
    }

    /// Answers of a model of whole days to the rows at `places`: what it says of all that was prepared,
    /// from the days up to now, is made once.
    pub fn predict_days(
        &self,
        prepared: &Prepared,
        places: &[usize],
        record: &ModelRecord,
        days: &DayModels,
    ) -> Result<Vec<Answer>, String> {
        let Body::Luna(model) = &self.body else { return Err("it knows no days".to_owned()) };
        let (whole, ahead) = (prepared.whole(record.model_id), prepared.ahead());
        let said = whole.get_or_init(|| {
            let table = &ahead.rows.table;
            if table.features != self.shape.features {
                return Err("it was trained on other features than there are now".to_owned());
            }
            let recent = ahead.published_since(record.train_end).table;
            let load = || Ok(LeadModel::clone(model));
            let said = days.predict(record.model_id, load, &recent, table);
            said.map_err(|error| error.to_string())
        });
        let said = said.as_ref().map_err(Clone::clone)?;
        let answer = |place: &usize| {
            price(said.mean[*place], said.quantiles[*place], prepared.lead_day(*place))
        };
        self.possible(places.iter().map(answer).collect())
    }

    /// The answers, unless one is out of all bounds.
    fn possible(&self, answers: Vec<Answer>) -> Result<Vec<Answer>, String> {
        let is_price = self.shape.series.starts_with("price:");
        match answers.iter().find(|answer| !is_possible(answer, is_price)) {
            Some(answer) => Err(format!("its answer {} is out of all bounds", answer.number())),
            None => Ok(answers),
        }
    }

    const fn foreign(&self, number: f64) -> Answer {
        if self.shape.is_event {
            Answer::Probability(number)
        } else {
            Answer::Value { value: number, quantiles: None }
        }
    }

    /// Rows with what the model wants in place of what is missing.
    fn filled(&self, x: &Array2<f32>) -> Result<Array2<f32>, String> {
        let mut x = x.clone();
        match &self.shape.missing {
            MissingValues::Native => {}
            MissingValues::Refuse => {
                if let Some(((_, column), _)) = x.indexed_iter().find(|(_, value)| value.is_nan()) {
                    let name = self.shape.features.get(column).map_or("?", String::as_str);
                    return Err(format!("the feature {name} is missing, and the model wants all"));
                }
            }
            MissingValues::Fill { values } => {
                for ((_, column), value) in x.indexed_iter_mut() {
                    if value.is_nan() {
                        *value = values.get(column).map_or(f32::NAN, |value| single(*value));
                    }
                }
            }
        }
        Ok(x)
    }

    /// Whether the model answers golden rows as it did when it was made; the error names the first
    /// that it does not: its place, and what is wrong.
    pub fn check_golden(&self, golden: &[GoldenRow]) -> Result<(), (usize, String)> {
        for (place, row) in golden.iter().enumerate() {
            let features = row.features.iter().map(|value| value.map_or(f32::NAN, single));
            let x = Array2::from_shape_vec((1, row.features.len()), features.collect())
                .map_err(|error| (place, error.to_string()))?;
            let key = RowKey { day: 0, slot: row.slot, lead_day: row.lead_day };
            let answers = self.predict(&Rows { x, keys: vec![key] });
            let answer = answers.map_err(|why| (place, why))?[0].number();
            let tolerance = GOLDEN_TOLERANCE * row.expected.abs().max(1.0);
            // Not «greater than», which would let NaN pass.
            if (answer - row.expected).abs() <= tolerance {
                continue;
            }
            return Err((place, format!("the model answers {answer}, not {}", row.expected)));
        }
        Ok(())
    }
}

/// A loaded model that several requests may hold.
pub(super) type Shared = Arc<Loaded>;

/// A price as forecasts are published: what lies further ahead than was learned is less sure.
fn price(value: f64, quantiles: [f64; 7], lead_day: u8) -> Answer {
    Answer::Value { value, quantiles: Some(narrow(widened(quantiles, lead_day))) }
}

fn is_possible(answer: &Answer, is_price: bool) -> bool {
    match answer {
        Answer::Probability(probability) => (0.0..=1.0).contains(probability),
        Answer::Value { value, .. } if is_price => (-PRICE_MAX..=PRICE_MAX).contains(value),
        Answer::Value { value, .. } => value.is_finite(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "features are 32-bit floats")]
pub(super) const fn single(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, reason = "quantiles are stored as 32-bit floats")]
fn narrow(quantiles: [f64; 7]) -> [f32; 7] {
    quantiles.map(|quantile| quantile as f32)
}
