//! The price of the same hour yesterday or a week ago: the forecast every other one must beat.

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use super::errors::FitError;
use super::params::{Algorithm, Resolved};
use super::table::Table;

const DAY: &str = "lag_24h";
const WEEK: &str = "lag_168h";
const WEEKDAY: &str = "weekday";
const LEAD: &str = "lead_day";

/// Which past hour is taken, and the columns that hold it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Naive {
    lag: Lag,
    day: Option<usize>,
    week: Option<usize>,
    weekday: Option<usize>,
    lead: Option<usize>,
}

/// Rule that picks the past hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Lag {
    Day,
    Week,
    /// Tuesday to Friday yesterday, Saturday to Monday a week ago (Lago et al. 2021, section 5);
    /// a week ago on every lead day after the first, whose yesterday nobody knows yet.
    Standard,
}

impl Naive {
    /// Finds the columns the rule needs.
    pub fn new(params: &Resolved, table: &Table) -> Result<Self, FitError> {
        let lag = match params.choice("lag") {
            "day" => Lag::Day,
            "week" => Lag::Week,
            _ => Lag::Standard,
        };
        let needed: &[&str] = match lag {
            Lag::Day => &[DAY],
            Lag::Week => &[WEEK],
            Lag::Standard => &[DAY, WEEK, WEEKDAY],
        };
        if let Some(feature) = needed.iter().find(|name| table.column(name).is_none()) {
            let feature = (*feature).to_owned();
            return Err(FitError::MissingFeature { algorithm: Algorithm::Naive, feature });
        }
        let column = |name| table.column(name);
        let (weekday, lead) = (column(WEEKDAY), column(LEAD));
        Ok(Self { lag, day: column(DAY), week: column(WEEK), weekday, lead })
    }

    /// The forecast of a row; the other lag stands in for a missing one, NaN when both are missing.
    pub fn predict(&self, row: ArrayView1<'_, f32>) -> f64 {
        let at = |column: Option<usize>| {
            column.and_then(|column| row.get(column)).copied().filter(|value| !value.is_nan())
        };
        let (day, week) = (at(self.day), at(self.week));
        let yesterday_is_alike = match self.lag {
            Lag::Day => true,
            Lag::Week => false,
            Lag::Standard => {
                at(self.weekday).is_some_and(|weekday| (1.0..=4.0).contains(&weekday))
                    && at(self.lead).is_none_or(|lead| lead <= 1.0)
            }
        };
        let value = if yesterday_is_alike { day.or(week) } else { week.or(day) };
        value.map_or(f64::NAN, f64::from)
    }

    /// The features that hold past prices, for messages.
    pub fn needs(&self) -> String {
        let names = [self.day.map(|_| DAY), self.week.map(|_| WEEK)];
        names.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Share of the forecasts that rest on each column: days of the week over seven.
    pub fn importance(&self, features: &[String]) -> Vec<f64> {
        let (day, week) = match self.lag {
            Lag::Day => (1.0, 0.0),
            Lag::Week => (0.0, 1.0),
            Lag::Standard => (4.0 / 7.0, 3.0 / 7.0),
        };
        let share = |name: &String| match name.as_str() {
            DAY => day,
            WEEK => week,
            _ => 0.0,
        };
        features.iter().map(share).collect()
    }

    /// Whether every column lies within `width`.
    pub fn fits(&self, width: usize) -> bool {
        [self.day, self.week, self.weekday, self.lead]
            .into_iter()
            .flatten()
            .all(|column| column < width)
    }
}
