//! What the template of the page about forecasts prints: ready texts, no arithmetic left.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::charts;
use super::inputs::{CaseView, case_view};
use super::model::{ForecastInput, UNIT};
use super::sentence::{error, lead_words, notes, percent, shown, status};
use super::tables::{self, Row};
use super::value::{ValuePart, value_part};
use crate::base::ids::{Market, Product};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::{Format, NBSP, number};
use crate::surfaces::dashboards::pricing::{Note, Status};

/// Lead days that can be chosen.
const LEADS: std::ops::RangeInclusive<i16> = 1..=7;

/// One choice of a switch.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Choice {
    label: String,
    href: String,
    current: bool,
}

impl Choice {
    /// A choice, and whether it is the one that is shown.
    pub const fn new(label: String, href: String, current: bool) -> Self {
        Self { label, href, current }
    }
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    label: String,
    value: Option<String>,
    unit: &'static str,
    text: String,
}

/// Drawings and numbers; absent while nothing was scored.
#[derive(Debug, Clone, Serialize)]
struct Judged {
    figures: Vec<Figure>,
    lead_svg: String,
    lead_summary: String,
    lead_rows: Vec<Row>,
    daily_svg: String,
    daily_title: String,
    daily_summary: String,
    daily_rows: Vec<Row>,
    calibration_svg: String,
    calibration_summary: String,
    calibration_rows: Vec<Row>,
    bands: Vec<Row>,
    best: Option<CaseView>,
    worst: Option<CaseView>,
}

/// The page about forecasts.
#[derive(Debug, Clone, Serialize)]
pub struct ForecastView {
    status: Status,
    notes: Vec<Note>,
    markets: Vec<Choice>,
    products: Vec<Choice>,
    periods: Vec<Choice>,
    leads: Vec<Choice>,
    scope: String,
    judged: Option<Judged>,
    value: ValuePart,
    foot: Vec<String>,
    simulated: bool,
}

/// Turns what is known about forecasts into the page.
pub fn forecast(input: &ForecastInput, language: Language, now: DateTime<Utc>) -> ForecastView {
    let format = Format::new(language, input.zone).read_at(now).in_unit(UNIT);
    let report = &input.report;
    let scope = [
        ("from", format.day_of_any_year(report.first_day)),
        ("to", format.day_of_any_year(report.last_day)),
        ("runs", report.runs.to_string()),
        ("issued", report.runs_issued.to_string()),
    ];
    let zone = format.fill("foot_zone", &[("zone", input.zone.name())]);
    let words = ["fc_rule", "fc_naive", "fc_hours"].map(|key| format.text(key).to_owned());
    ForecastView {
        status: status(input, &format),
        notes: notes(input, &format, now),
        markets: markets(input),
        products: products(input, &format),
        periods: periods(input, &format),
        leads: leads(input, &format),
        scope: format.fill("fc_scope", &scope.each_ref().map(|(key, text)| (*key, text.as_str()))),
        judged: judged(input, &format),
        value: value_part(&input.value, report.lead_day, &format),
        foot: words.into_iter().chain([zone]).collect(),
        simulated: report.simulated,
    }
}

fn judged(input: &ForecastInput, format: &Format) -> Option<Judged> {
    let report = &input.report;
    if report.by_lead.is_empty() {
        return None;
    }
    let case = |case: &crate::learning::accuracy::DayCase| {
        case_view(case, (&report.market, report.product, report.lead_day), format)
    };
    let lead = [("lead", lead_words(report.lead_day, format))];
    let lead = lead.each_ref().map(|(key, text)| (*key, text.as_str()));
    Some(Judged {
        figures: figures(input, format),
        lead_svg: charts::by_lead(report, format),
        lead_summary: lead_summary(input, format),
        lead_rows: tables::by_lead(input, format),
        daily_svg: charts::by_day(input, format),
        daily_title: format.fill("fc_daily_title", &lead),
        daily_summary: daily_summary(input, format),
        daily_rows: tables::by_day(input, format),
        calibration_svg: charts::calibration(report).unwrap_or_default(),
        calibration_summary: calibration_summary(input, format),
        calibration_rows: tables::calibration(input),
        bands: tables::bands(input),
        best: report.best_day.as_ref().map(case),
        worst: report.worst_day.as_ref().map(case),
    })
}

fn figures(input: &ForecastInput, format: &Format) -> Vec<Figure> {
    let Some(it) = shown(input) else { return Vec::new() };
    let capture = input.value.by_lead.iter().find(|value| value.lead_day == input.report.lead_day);
    let figure = |key: &'static str, value: Option<String>, unit, text: String| Figure {
        label: format.text(key).to_owned(),
        value,
        unit,
        text,
    };
    let n = it.n.to_string();
    let naive = it.naive_mae.map(error);
    let against = naive.map_or_else(
        || format.text("fc_fig_no_naive").to_owned(),
        |naive| format.fill("fc_fig_naive", &[("naive", &naive)]),
    );
    vec![
        figure("fc_fig_mae", Some(number(it.mae, 1)), UNIT, against),
        figure(
            "fc_fig_rmae",
            it.rmae.map(|rmae| number(rmae, 2)),
            "",
            format.text("fc_fig_rmae_text").to_owned(),
        ),
        figure(
            "fc_fig_band",
            Some(number(it.coverage_80_percent, 0)),
            "%",
            format.fill("fc_fig_band_text", &[("width", &error(it.width_80)), ("n", &n)]),
        ),
        figure(
            "fc_fig_capture",
            capture.and_then(|it| it.capture_percent).map(|it| number(it, 0)),
            "%",
            capture.map_or_else(String::new, |it| {
                format.fill("fc_fig_capture_text", &[("regret", &error(it.regret_eur_mwh))])
            }),
        ),
    ]
}

fn lead_summary(input: &ForecastInput, format: &Format) -> String {
    let leads = &input.report.by_lead;
    let (Some(first), Some(last)) = (leads.first(), leads.last()) else { return String::new() };
    let better = leads.iter().filter(|it| it.measures.skill_percent.is_some_and(|it| it > 0.0));
    let values = [
        ("first", lead_words(first.lead_day, format)),
        ("error", error(first.measures.mae)),
        ("last", lead_words(last.lead_day, format)),
        ("far", error(last.measures.mae)),
        ("better", better.count().to_string()),
        ("all", leads.len().to_string()),
    ];
    format.fill("fc_lead_sum", &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

fn daily_summary(input: &ForecastInput, format: &Format) -> String {
    let daily = &input.report.daily;
    let scored = daily.iter().filter_map(|day| day.measures.as_ref());
    let (mut days, mut better) = (0, 0);
    for measures in scored {
        days += 1;
        better += usize::from(measures.skill_percent.is_some_and(|skill| skill > 0.0));
    }
    let values = [
        ("days", days.to_string()),
        ("better", better.to_string()),
        ("none", (daily.len() - days).to_string()),
    ];
    format.fill("fc_daily_sum", &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

fn calibration_summary(input: &ForecastInput, format: &Format) -> String {
    let Some(it) = shown(input) else { return String::new() };
    let key = match it.coverage_80_percent {
        held if held < 75.0 => "fc_cal_narrow",
        held if held > 85.0 => "fc_cal_wide",
        _ => "fc_cal_right",
    };
    let values = [("held", percent(it.coverage_80_percent)), ("width", error(it.width_80))];
    format.fill(key, &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

/// Address of the page for other choices.
fn address(market: &Market, product: Option<Product>, days: i64, lead_day: i16) -> String {
    let mut pairs = vec![("market", market.code().to_owned())];
    pairs.extend(product.map(|product| ("product", product.name().to_owned())));
    pairs.extend([("days", days.to_string()), ("lead", lead_day.to_string())]);
    format!("/forecast?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

fn markets(input: &ForecastInput) -> Vec<Choice> {
    let report = &input.report;
    let others = input.offers.iter().any(|offer| offer.market != report.market);
    let offers = input.offers.iter().filter(|_| others);
    offers
        .map(|offer| Choice {
            label: offer.market.code().to_owned(),
            href: address(&offer.market, None, report.days, report.lead_day),
            current: offer.market == report.market,
        })
        .collect()
}

fn products(input: &ForecastInput, format: &Format) -> Vec<Choice> {
    let report = &input.report;
    let offer = input.offers.iter().find(|offer| offer.market == report.market);
    let products = offer.map(|offer| offer.products.as_slice()).unwrap_or_default();
    let several = products.iter().any(|product| *product != report.product);
    let choice = |product: &Product| Choice {
        label: format
            .text(match product {
                Product::DayAhead => "product_hourly",
                Product::DayAhead15min => "product_quarter",
            })
            .to_owned(),
        href: address(&report.market, Some(*product), report.days, report.lead_day),
        current: *product == report.product,
    };
    products.iter().filter(|_| several).map(choice).collect()
}

fn periods(input: &ForecastInput, format: &Format) -> Vec<Choice> {
    let report = &input.report;
    let choice = |days: &i64| Choice {
        label: format.fill("fc_days", &[("n", &days.to_string())]),
        href: address(&report.market, Some(report.product), *days, report.lead_day),
        current: *days == report.days,
    };
    input.choices.iter().map(choice).collect()
}

fn leads(input: &ForecastInput, format: &Format) -> Vec<Choice> {
    let report = &input.report;
    let choice = |lead_day: i16| Choice {
        label: format
            .fill("fc_lead_axis", &[("n", &lead_day.to_string())])
            .replace(' ', &NBSP.to_string()),
        href: address(&report.market, Some(report.product), report.days, lead_day),
        current: lead_day == report.lead_day,
    };
    LEADS.map(choice).collect()
}
