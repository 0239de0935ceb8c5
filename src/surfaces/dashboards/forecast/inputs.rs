//! The best and the worst day: how far off, and what the forecast stood on.

use serde::Serialize;

use super::sentence::{against, error};
use crate::base::ids::{Market, Product};
use crate::learning::accuracy::DayCase;
use crate::surfaces::dashboards::format::{Format, number};

/// Letters of a hash that tell it from others.
const HASH_LETTERS: usize = 12;

/// A day with what its forecast stood on.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CaseView {
    /// `Fr 27.10.`.
    pub day: String,
    /// How far off, in a sentence.
    pub sentence: String,
    /// What was forecast and what came, as means.
    pub means: String,
    /// The day's own page.
    pub href: String,
    /// What the forecast stood on: words and values.
    pub facts: Vec<(String, String)>,
    /// What it knew of the day: series, then, now.
    pub knew: Vec<[String; 3]>,
    /// The forecast as it was published, for programs.
    pub link: String,
}

/// Address of the page of one day.
pub(super) fn day_address(
    market: &Market,
    product: Product,
    lead_day: i16,
    day: chrono::NaiveDate,
) -> String {
    let pairs = [
        ("market", market.code().to_owned()),
        ("product", product.name().to_owned()),
        ("lead", lead_day.to_string()),
        ("date", day.to_string()),
    ];
    format!("/forecast/day?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

/// A day as it is shown.
pub(super) fn case_view(
    case: &DayCase,
    (market, product, lead_day): (&Market, Product, i16),
    format: &Format,
) -> CaseView {
    let naive = against(&case.measures, format);
    let values = [("error", error(case.measures.mae)), ("against", naive)];
    let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
    let means = [("forecast", error(case.forecast_mean)), ("actual", error(case.actual_mean))];
    let means = means.each_ref().map(|(key, text)| (*key, text.as_str()));
    let run = case.runs.first();
    let mut facts = Vec::new();
    if let Some(run) = run {
        let hash: String = run.inputs_hash.chars().take(HASH_LETTERS).collect();
        let fact = |key: &'static str, value: String| (format.text(key).to_owned(), value);
        facts.push(fact("fc_issued", format.moment(run.issued_at)));
        facts.push(fact("fc_model", run.model_label.clone()));
        facts.push(fact("fc_known_until", format.end(run.known_until)));
        facts.push(fact("fc_hash", hash));
        if case.runs.len() > 1 {
            facts.push(fact("fc_runs", case.runs.len().to_string()));
        }
    }
    let mean = |mean: Option<f64>, unit: &str| {
        mean.map_or("–".to_owned(), |mean| format!("{}\u{a0}{unit}", number(mean, 1)))
    };
    let knew = case.knew.iter().map(|input| {
        [input.series.clone(), mean(input.mean_then, &input.unit), mean(input.mean_now, &input.unit)]
    });
    CaseView {
        day: format.day_of_any_year(case.day),
        sentence: format.fill("fc_case", &values),
        means: format.fill("fc_case_means", &means),
        href: day_address(market, product, lead_day, case.day),
        facts,
        knew: knew.collect(),
        link: run.map(|run| run.link.clone()).unwrap_or_default(),
    }
}
