//! The drawings in numbers.

use serde::Serialize;

use super::inputs::day_address;
use super::model::ForecastInput;
use super::sentence::lead_words;
use crate::surfaces::dashboards::format::{Format, number};

/// A row: its name, where that leads, and its cells.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    /// Name.
    pub name: String,
    /// Where it leads; empty where it leads nowhere.
    pub href: String,
    /// Cells, right-aligned.
    pub cells: Vec<String>,
}

fn or_none(value: Option<f64>, decimals: usize) -> String {
    value.map_or("–".to_owned(), |value| number(value, decimals))
}

/// A row per lead day.
pub(super) fn by_lead(input: &ForecastInput, format: &Format) -> Vec<Row> {
    let rows = input.report.by_lead.iter().map(|lead| {
        let it = &lead.measures;
        Row {
            name: lead_words(lead.lead_day, format),
            href: String::new(),
            cells: vec![
                number(it.mae, 1),
                or_none(it.naive_mae, 1),
                or_none(it.rmae, 2),
                or_none(it.skill_percent, 0),
                number(it.rmse, 1),
                number(it.bias, 1),
                number(it.pinball, 2),
                number(it.hours_ahead, 0),
                it.n.to_string(),
            ],
        }
    });
    rows.collect()
}

/// A row per day, newest first.
pub(super) fn by_day(input: &ForecastInput, format: &Format) -> Vec<Row> {
    let report = &input.report;
    let rows = report.daily.iter().rev().map(|day| {
        let it = day.measures.as_ref();
        let n = it.map_or(0, |it| it.n);
        let address = || day_address(&report.market, report.product, report.lead_day, day.day);
        Row {
            name: format.day_of_any_year(day.day),
            href: it.map(|_| address()).unwrap_or_default(),
            cells: vec![
                or_none(it.map(|it| it.mae), 1),
                or_none(it.and_then(|it| it.naive_mae), 1),
                or_none(it.and_then(|it| it.skill_percent), 0),
                or_none(it.map(|it| it.bias), 1),
                or_none(it.map(|it| it.coverage_80_percent), 0),
                format!("{n}\u{202f}/\u{202f}{}", day.periods),
            ],
        }
    });
    rows.collect()
}

/// A row per quantile.
pub(super) fn calibration(input: &ForecastInput) -> Vec<Row> {
    let quantiles = input.report.calibration.iter().flat_map(|it| &it.quantiles);
    let rows = quantiles.map(|quantile| Row {
        name: format!("{}\u{a0}%", number(quantile.level_percent, 0)),
        href: String::new(),
        cells: vec![
            number(quantile.below_percent, 1),
            number(quantile.below_percent - quantile.level_percent, 1),
            quantile.n.to_string(),
        ],
    });
    rows.collect()
}

/// A row per band: what it should hold, what it held, how wide it was.
pub(super) fn bands(input: &ForecastInput) -> Vec<Row> {
    let shown = super::sentence::shown(input);
    let rows = shown.into_iter().flat_map(|it| {
        [
            (50, it.coverage_50_percent, it.width_50),
            (80, it.coverage_80_percent, it.width_80),
            (90, it.coverage_90_percent, it.width_90),
        ]
        .map(|(level, held, width)| Row {
            name: format!("{level}\u{a0}%"),
            href: String::new(),
            cells: vec![number(held, 1), number(width, 1), it.n.to_string()],
        })
    });
    rows.collect()
}
