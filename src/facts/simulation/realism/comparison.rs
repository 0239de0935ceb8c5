//! The simulated house beside measured ones, figure by figure.

use serde::Serialize;

use super::figures::{Figures, QUANTILES, correlation, distance, rmse};

/// Whether a figure of the simulated house could be one of a measured house.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What is compared.
    pub figure: String,
    /// Of the simulated house.
    pub simulated: f64,
    /// Least of the measured houses.
    pub lowest: f64,
    /// Greatest of the measured houses.
    pub highest: f64,
    /// Whether the simulated one lies between, or, where one side is simply better, not beyond the
    /// worse one.
    pub inside: bool,
}

/// Which side of the range counts.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// Both.
    Between,
    /// Not below the lowest: likeness.
    AtLeast,
    /// Not above the highest: distance.
    AtMost,
}

fn row(figure: impl Into<String>, side: Side, simulated: f64, measured: &[f64]) -> Row {
    let lowest = measured.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = measured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let inside = match side {
        Side::Between => (lowest..=highest).contains(&simulated),
        Side::AtLeast => simulated >= lowest,
        Side::AtMost => simulated <= highest,
    };
    Row { figure: figure.into(), simulated, lowest, highest, inside }
}

/// What the others of a group look like together.
struct Others {
    day_shape: Vec<f64>,
    week_shape: Vec<f64>,
    distribution: Vec<f64>,
}

impl Others {
    fn of(houses: &[&Figures]) -> Self {
        let mean = |shape: &dyn Fn(&Figures) -> &[f64]| {
            let length = shape(houses[0]).len();
            let at = |place: usize| houses.iter().map(|house| shape(house)[place]).sum::<f64>();
            (0..length).map(|place| at(place) / houses.len() as f64).collect()
        };
        let all = houses.iter().flat_map(|house| house.distribution.iter().copied());
        let mut distribution: Vec<f64> = all.collect();
        distribution.sort_by(f64::total_cmp);
        Self {
            day_shape: mean(&|house| &house.day_shape),
            week_shape: mean(&|house| &house.week_shape),
            distribution,
        }
    }
}

/// A figure that compares a house with the others: how, and which side of the range counts.
type Likeness = (&'static str, Side, fn(&Figures, &Others) -> f64);

const LIKENESS: [Likeness; 4] = [
    ("day's shape, correlation with the others", Side::AtLeast, |house, others| {
        correlation(&house.day_shape, &others.day_shape)
    }),
    ("day's shape, RMSE to the others", Side::AtMost, |house, others| {
        rmse(&house.day_shape, &others.day_shape)
    }),
    ("week's shape, RMSE to the others", Side::AtMost, |house, others| {
        rmse(&house.week_shape, &others.week_shape)
    }),
    ("distribution of hours, distance to the others", Side::AtMost, |house, others| {
        distance(&house.distribution, &others.distribution)
    }),
];

/// The figures of `simulated` beside those of at least two measured houses.
///
/// A measured house is held against the others, the simulated one against all of them.
pub(super) fn compare(simulated: &Figures, measured: &[&Figures], with_size: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut plain = |figure: String, of: &dyn Fn(&Figures) -> f64| {
        let values: Vec<f64> = measured.iter().map(|house| of(house)).collect();
        rows.push(row(figure, Side::Between, of(simulated), &values));
    };
    if with_size {
        plain("energy of a day, kWh".to_owned(), &|house| house.daily_kwh);
        plain("weekend against weekdays".to_owned(), &|house| house.weekend_ratio);
    }
    plain("winter against summer".to_owned(), &|house| house.winter_ratio);
    for (place, lag) in super::figures::LAGS_H.iter().enumerate() {
        plain(format!("autocorrelation after {lag} h"), &|house| house.autocorrelation[place]);
    }
    for (place, share) in QUANTILES.iter().enumerate() {
        let figure = format!("{:.0} % of hours lie below, × mean", share * 100.0);
        plain(figure, &|house| house.quantiles[place]);
    }
    plain("share of hours below half of the mean".to_owned(), &|house| house.below_half);
    plain("share of hours above twice the mean".to_owned(), &|house| house.above_twice);
    let everybody = Others::of(measured);
    for (figure, side, likeness) in LIKENESS {
        if !with_size && figure.starts_with("week") {
            continue;
        }
        let values: Vec<f64> = (0..measured.len())
            .map(|own| {
                let others = measured.iter().enumerate().filter(|(other, _)| *other != own);
                let others: Vec<&Figures> = others.map(|(_, house)| *house).collect();
                likeness(measured[own], &Others::of(&others))
            })
            .collect();
        rows.push(row(figure, side, likeness(simulated, &everybody), &values));
    }
    rows
}
