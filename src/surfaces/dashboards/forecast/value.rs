//! What following the forecasts was worth: at market prices, and in francs.

use serde::Serialize;

use super::sentence::{error, lead_words, percent};
use super::tables::Row;
use crate::decisions::value::TariffValue;
use crate::decisions::value::Value;
use crate::surfaces::dashboards::format::{Format, NBSP, number};

/// What following was worth.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ValuePart {
    /// At market prices, in a sentence; empty without a day.
    pub market_summary: String,
    /// A row per lead day.
    pub market: Vec<Row>,
    /// In francs; absent without prices of a tariff.
    pub tariff: Option<TariffPart>,
    /// Why there is none, and what to set.
    pub missing: Option<String>,
    /// What is compared with what.
    pub baseline: String,
}

/// Francs on a tariff.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TariffPart {
    /// `EKZ 400D`.
    pub name: String,
    /// In a sentence.
    pub summary: String,
    /// A row per way of using it.
    pub sums: Vec<Row>,
    /// A row per day, newest first.
    pub days: Vec<Row>,
    /// Days that are left out, and why.
    pub left_out: String,
    /// Whom to name.
    pub attribution: String,
}

/// Francs with two decimals and their unit.
fn chf(value: f64) -> String {
    format!("{}{NBSP}CHF", number(value, 2))
}

/// What following was worth, as it is shown.
pub(super) fn value_part(value: &Value, lead_day: i16, format: &Format) -> ValuePart {
    let first = value.by_lead.iter().find(|it| it.lead_day == lead_day);
    let market_summary = first.map(|it| {
        let values = [
            ("days", it.n_days.to_string()),
            ("hours", value.device.hours.to_string()),
            ("capture", it.capture_percent.map_or("–".to_owned(), percent)),
            ("regret", error(it.regret_eur_mwh)),
            ("error", error(it.mae_eur_mwh)),
        ];
        format.fill("fc_value_market", &values.each_ref().map(|(key, text)| (*key, text.as_str())))
    });
    let or_none = |value: Option<f64>, decimals| {
        value.map_or("–".to_owned(), |value| number(value, decimals))
    };
    let market = value.by_lead.iter().map(|it| Row {
        name: lead_words(it.lead_day, format),
        href: String::new(),
        cells: vec![
            or_none(it.capture_percent, 1),
            number(it.regret_eur_mwh, 2),
            number(it.best_window_percent, 0),
            or_none(it.spearman, 3),
            or_none(it.battery_percent, 1),
            number(it.mae_eur_mwh, 1),
            it.n_days.to_string(),
        ],
    });
    let device = [
        ("power", number(value.device.power_kw, 1)),
        ("hours", value.device.hours.to_string()),
        ("energy", number(value.device.energy_kwh, 1)),
        ("start", value.device.usual_start.clone()),
        ("battery", value.device.battery_hours.to_string()),
    ];
    ValuePart {
        market_summary: market_summary.unwrap_or_default(),
        market: market.collect(),
        tariff: value.tariff.as_ref().map(|it| tariff_part(it, format)),
        missing: missing(value, format),
        baseline: format
            .fill("fc_baseline", &device.each_ref().map(|(key, text)| (*key, text.as_str()))),
    }
}

/// Why there are no francs.
fn missing(value: &Value, format: &Format) -> Option<String> {
    value.tariff_missing.as_ref()?;
    let is_abroad = value.market.country() != "CH" && !value.simulated;
    let key = if is_abroad {
        "fc_tariff_abroad"
    } else if value.by_lead.is_empty() {
        "fc_tariff_no_days"
    } else {
        "fc_tariff_none"
    };
    Some(format.text(key).to_owned())
}

fn tariff_part(value: &TariffValue, format: &Format) -> TariffPart {
    let standard = value.standard_name.clone().unwrap_or_default();
    let key = match value.saved_vs_standard_chf {
        Some(saved) if saved >= 0.0 => "fc_value_saved",
        Some(_) => "fc_value_lost",
        None => "fc_value_alone",
    };
    let saved = value.saved_vs_standard_chf.unwrap_or_default().abs();
    let values = [
        ("days", value.n_days.to_string()),
        ("paid", chf(value.followed_chf)),
        ("tariff", value.tariff_name.clone()),
        ("standard", standard.clone()),
        ("saved", chf(saved)),
        ("missed", chf(value.missed_chf)),
        ("error", error(value.mae_eur_mwh)),
    ];
    let summary = format.fill(key, &values.each_ref().map(|(key, text)| (*key, text.as_str())));
    let name = &[("tariff", value.tariff_name.as_str()), ("standard", standard.as_str())];
    let row = |key: &'static str, cost: f64| Row {
        name: format.fill(key, name),
        href: String::new(),
        cells: vec![number(cost, 2), number(cost - value.followed_chf, 2)],
    };
    let mut sums = vec![
        row("fc_cost_followed", value.followed_chf),
        row("fc_cost_perfect", value.perfect_chf),
        row("fc_cost_usual", value.usual_chf),
    ];
    sums.extend(value.standard_chf.map(|cost| row("fc_cost_standard", cost)));
    sums.extend(value.standard_best_chf.map(|cost| row("fc_cost_standard_best", cost)));
    sums.push(Row {
        name: format.text("fc_gain_battery").to_owned(),
        href: String::new(),
        cells: vec![
            number(value.battery_chf, 2),
            number(value.battery_perfect_chf - value.battery_chf, 2),
        ],
    });
    let days = value.days.iter().rev().map(|day| Row {
        name: format.day_of_any_year(day.day),
        href: String::new(),
        cells: vec![
            format.time(day.start),
            number(day.followed_chf, 3),
            format.time(day.best_start),
            number(day.perfect_chf, 3),
            number(day.usual_chf, 3),
            day.standard_chf.map_or("–".to_owned(), |cost| number(cost, 3)),
        ],
    });
    let left_out = [
        ("forecast", value.days_without_forecast.to_string()),
        ("prices", value.days_without_prices.to_string()),
        ("stood", value.stand_in_days.to_string()),
    ];
    TariffPart {
        name: value.tariff_name.clone(),
        summary,
        sums,
        days: days.collect(),
        left_out: format
            .fill("fc_left_out", &left_out.each_ref().map(|(key, text)| (*key, text.as_str()))),
        attribution: value.attribution.clone(),
    }
}
