//! What the template of the page of prices prints: ready texts, no arithmetic left.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::links::{self, Choice, PeriodLinks, UnitChoice};
use super::model::PricesInput;
use super::sentence::status;
use super::stack::{StackPart, stack_part};
use super::stats::{Stat, stats};
use crate::base::timeline::{TimeRange, add_days, day_range, local_date};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pricing::{
    ChartPart, DayBand, Fact, Frame, Note, Points, RateLine, Situation, SlotKind, Status,
    WindowRow, chart_part, day_band, facts, notes, rate_line, source_words, warnings, window_rows,
};

/// The page of prices.
#[derive(Debug, Clone, Serialize)]
pub struct PricesView {
    /// What the price is now, and when it is lowest.
    pub status: Status,
    /// What a reader must know before trusting the page.
    pub notes: Vec<Note>,
    /// The day's hours as five heights.
    pub band: DayBand,
    /// Markets with prices.
    pub markets: Vec<Choice>,
    /// Products of the market.
    pub products: Vec<Choice>,
    /// Units.
    pub units: Vec<UnitChoice>,
    /// Unit in force.
    pub unit: &'static str,
    /// Whether francs cannot be chosen.
    pub lacks_rate: bool,
    /// The rate behind prices in francs.
    pub rate: Option<RateLine>,
    /// The days that are shown.
    pub period: PeriodLinks,
    /// The same days as a file.
    pub csv: String,
    /// Four figures.
    pub stats: Vec<Stat>,
    /// The chart, if there is any value in the period.
    pub chart: Option<ChartPart>,
    /// Name of the product.
    pub product: &'static str,
    /// Cheap windows in the order of their numbers.
    pub windows: Vec<WindowRow>,
    /// What their numbers are.
    pub windows_sub: String,
    /// Why there are none.
    pub windows_empty: &'static str,
    /// What the price at home is made of.
    pub stack: Option<StackPart>,
    /// State of the data.
    pub facts: Vec<Fact>,
    /// Wall-clock time of the page.
    pub as_of: String,
    /// Sentences about what is missing or odd.
    pub warnings: Vec<String>,
    /// Who said what is shown.
    pub credits: Vec<String>,
    /// Small print.
    pub foot: Vec<String>,
    /// Whether every value is simulated.
    pub simulated: bool,
}

/// Turns data into the page of prices.
pub fn prices(input: &PricesInput, language: Language, now: DateTime<Utc>) -> PricesView {
    let (present, shown) = (&input.present, input.shown());
    let format =
        Format::new(language, present.zone).read_at(now).in_unit(shown.money.unit().symbol());
    let points = Points::new(present, now);
    let stale = !points.situation.may_advise();
    PricesView {
        status: status(input, &points, &format, now),
        notes: notes(present, &points, &format),
        band: day_band(&points, present, &format, now),
        markets: links::markets(input),
        products: links::products(input, &format),
        units: links::units(input),
        unit: format.unit(),
        lacks_rate: shown.money.rates().is_none(),
        rate: rate_line(shown, &format, now),
        period: links::period(input, &format, now),
        csv: links::csv(input),
        stats: stats(input, &points, &format, now),
        chart: chart(input, &points, &format, now),
        product: links::product_words(input.product, &format),
        windows: window_rows(present, &points, &format),
        windows_sub: format.fill("windows_sub", &[("unit", format.unit())]),
        windows_empty: format.text(if stale { "windows_stale" } else { "windows_none" }),
        stack: input.tariff.as_ref().and_then(|tariff| stack_part(tariff, &format)),
        facts: facts(present, &points, &format, now),
        as_of: format.time(now),
        warnings: warnings(present, &points, &format, now),
        credits: credits(input, &format, now),
        foot: foot(input, &points, &format, now),
        simulated: present.simulated,
    }
}

/// The whole period, and today with tomorrow when they are in it.
fn frame(input: &PricesInput, now: DateTime<Utc>) -> Frame {
    let (whole, zone) = (input.period.range, input.present.zone);
    let today = local_date(now, zone);
    let near = TimeRange::new(
        day_range(today, zone).from.max(whole.from),
        day_range(add_days(today, 1), zone).to.min(whole.to),
    );
    Frame { whole, near: whole.contains(now).then_some(near) }
}

fn chart(
    input: &PricesInput,
    present: &Points,
    format: &Format,
    now: DateTime<Utc>,
) -> Option<ChartPart> {
    let frame = frame(input, now);
    match &input.elsewhere {
        None => chart_part(present, &input.present, frame, format, now),
        Some(other) => chart_part(&Points::new(other, now), other, frame, format, now),
    }
}

/// Who published what is shown, who forecast it, whose rate it is.
fn credits(input: &PricesInput, format: &Format, now: DateTime<Utc>) -> Vec<String> {
    let state = &input.shown().state;
    let mut lines: Vec<String> = Vec::new();
    let sources: Vec<String> =
        state.source.iter().map(|source| source_words(source, format)).collect();
    if !state.attribution.is_empty() {
        lines.push(format.fill("credit_prices", &[("who", &state.attribution.join("; "))]));
    } else if !sources.is_empty() {
        lines.push(format.fill("credit_prices", &[("who", &sources.join(", "))]));
    }
    let range = input.period.range;
    let mut shown = input.shown().slots.iter().filter(|slot| range.contains(slot.ts));
    if shown.any(|slot| slot.kind == SlotKind::Forecast) {
        lines.push(format.text("credit_forecast").to_owned());
    }
    let rate = rate_line(input.shown(), format, now).map(|rate| rate.attribution);
    if let Some(who) = rate.filter(|who| !who.is_empty()) {
        lines.push(format.fill("credit_rate", &[("who", &who)]));
    }
    lines
}

fn foot(input: &PricesInput, points: &Points, format: &Format, now: DateTime<Utc>) -> Vec<String> {
    let has_levels = input.elsewhere.is_none()
        && !matches!(points.situation, Situation::Empty | Situation::Past { .. });
    let mean = format.price(points.reference * input.present.money.factor(now));
    let levels = has_levels.then(|| format.fill("foot_levels", &[("mean", &mean)]));
    let zone = format.fill("foot_zone", &[("zone", input.present.zone.name())]);
    let scope = Some(format.text("foot_scope").to_owned());
    [scope, levels, Some(zone)].into_iter().flatten().collect()
}
