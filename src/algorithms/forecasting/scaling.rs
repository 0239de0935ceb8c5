//! Turns a table into the standardised columns that a regression wants.
//!
//! Measured columns are stabilised ([`Stabiliser`]), weekdays and lead days become indicators,
//! months and days of the year a point on the circle. Columns that say nothing (constant) or nothing
//! new (equal to an earlier one) are left out.

use std::collections::HashSet;
use std::f64::consts::TAU;

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::stabiliser::{Stabiliser, deviation};
use super::table::{RowKey, Table};

/// Spread below which a column counts as constant.
const CONSTANT: f64 = 1e-9;
/// Most values that a calendar column may have to become indicators.
const INDICATORS_MAX: usize = 16;

/// One column of the design: where it comes from, how it is made, how it is standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    source: usize,
    make: Make,
    mean: f64,
    deviation: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Make {
    /// asinh of the scaled value; the median stands in for a missing one.
    Stabilised(Stabiliser),
    /// The value itself; `fill` stands in for a missing one.
    Plain { fill: f64 },
    /// 1 where the feature has this value.
    Equals(f64),
    /// Sine of the value on a circle of this length.
    Sine(f64),
    /// Cosine of the value on a circle of this length.
    Cosine(f64),
    /// 1 where the row has this slot of the day.
    Slot(u16),
}

impl Make {
    fn value(self, feature: f32, slot: u16) -> f64 {
        let value = f64::from(feature);
        match self {
            Self::Stabilised(stabiliser) if value.is_nan() => stabiliser.forward(stabiliser.median),
            Self::Stabilised(stabiliser) => stabiliser.forward(value),
            Self::Plain { fill } if value.is_nan() => fill,
            Self::Plain { .. } => value,
            Self::Equals(wanted) => f64::from(u8::from((value - wanted).abs() < 0.5)),
            Self::Sine(_) | Self::Cosine(_) if value.is_nan() => 0.0,
            Self::Sine(period) => (TAU * value / period).sin(),
            Self::Cosine(period) => (TAU * value / period).cos(),
            Self::Slot(wanted) => f64::from(u8::from(slot == wanted)),
        }
    }
}

/// The recipe that turns rows of a table into rows of a design matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Design(Vec<Column>);

impl Design {
    /// Learns the recipe from the `rows` of a table, and the standardised matrix of those rows.
    ///
    /// With `slots`, every slot of the day gets an indicator.
    pub fn learn(table: &Table, rows: &[usize], slots: bool) -> (Self, Array2<f64>) {
        let mut columns = Vec::new();
        let mut matrix = Vec::new();
        let mut seen = HashSet::new();
        for (source, make) in makes(table, rows, slots) {
            let raw: Vec<f64> = rows
                .iter()
                .map(|&row| make.value(table.x[[row, source]], table.groups[row].slot))
                .collect();
            let mean = raw.iter().sum::<f64>() / raw.len().max(1) as f64;
            let deviation = deviation(&raw, mean);
            if deviation < CONSTANT * mean.abs().max(1.0) {
                continue;
            }
            let scaled: Vec<f64> = raw.iter().map(|value| (value - mean) / deviation).collect();
            if seen.insert(scaled.iter().map(|value| value.to_bits()).collect::<Vec<_>>()) {
                columns.push(Column { source, make, mean, deviation });
                matrix.extend(scaled);
            }
        }
        let shape = (columns.len(), rows.len());
        let matrix = Array2::from_shape_vec(shape, matrix).expect("every column has every row");
        (Self(columns), matrix.reversed_axes())
    }

    /// Number of columns.
    pub const fn width(&self) -> usize {
        self.0.len()
    }

    /// Standardised values of one row of features.
    pub fn row(&self, features: ndarray::ArrayView1<'_, f32>, slot: u16) -> Array1<f64> {
        let value = |column: &Column| {
            let raw = column.make.value(features[column.source], slot);
            (raw - column.mean) / column.deviation
        };
        self.0.iter().map(value).collect()
    }

    /// Index of the feature from which each column is made; none for slots.
    pub fn sources(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        self.0.iter().map(|column| match column.make {
            Make::Slot(_) => None,
            _ => Some(column.source),
        })
    }

    /// Whether the recipe reads only the first `features` columns and divides by nothing tiny.
    pub fn fits(&self, features: usize) -> bool {
        let fits = |column: &Column| column.source < features && column.deviation > 0.0;
        self.0.iter().all(fits)
    }
}

/// The columns that each feature becomes.
fn makes(table: &Table, rows: &[usize], slots: bool) -> Vec<(usize, Make)> {
    let mut makes = Vec::new();
    for (source, name) in table.features.iter().enumerate() {
        let values = || rows.iter().map(|&row| f64::from(table.x[[row, source]]));
        let distinct = distinct(values());
        let circle = |period| [(source, Make::Sine(period)), (source, Make::Cosine(period))];
        match (name.as_str(), distinct) {
            ("hour" | "slot", _) if slots => {}
            ("weekday" | "lead_day", Some(distinct)) => {
                makes.extend(distinct.into_iter().map(|value| (source, Make::Equals(value))));
            }
            ("month", _) => makes.extend(circle(12.0)),
            ("day_of_year", _) => makes.extend(circle(365.25)),
            (_, Some(distinct)) if distinct.len() <= 2 => {
                let fill = Stabiliser::of(values()).median;
                makes.push((source, Make::Plain { fill }));
            }
            _ => makes.push((source, Make::Stabilised(Stabiliser::of(values())))),
        }
    }
    if slots {
        let keys = rows.iter().map(|&row: &usize| -> &RowKey { &table.groups[row] });
        let mut present: Vec<u16> = keys.map(|key| key.slot).collect();
        present.sort_unstable();
        present.dedup();
        makes.extend(present.into_iter().map(|slot| (0, Make::Slot(slot))));
    }
    makes
}

/// The distinct finite values, ascending, when there are few.
fn distinct(values: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    let mut found: Vec<f64> = Vec::new();
    for value in values.filter(|value| value.is_finite()) {
        if !found.contains(&value) {
            found.push(value);
            if found.len() > INDICATORS_MAX {
                return None;
            }
        }
    }
    found.sort_by(f64::total_cmp);
    Some(found)
}
