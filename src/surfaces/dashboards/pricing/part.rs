//! The chart of a page with everything around it: summaries, readout, table, key.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::chart::{Chart, ChartSlot, Frame};
use super::chart_svg::svg;
use super::model::PriceInput;
use super::points::Points;
use super::table::PriceTable;
use crate::surfaces::dashboards::format::Format;

/// The chart with everything around it.
#[derive(Debug, Clone, Serialize)]
pub struct ChartPart {
    /// `CH, ohne Netz und Abgaben`.
    pub scope: String,
    /// Accessible name.
    pub name: String,
    /// The near view as SVG; `None` where there is only the whole.
    pub svg_near: Option<String>,
    /// The whole as SVG.
    pub svg_wide: String,
    /// The near view in words.
    pub summary_near: Option<String>,
    /// The whole in words.
    pub summary_wide: String,
    /// Numbers for the canvas, safe inside a script element.
    pub json: String,
    /// Readout of the present.
    pub home: ChartSlot,
    /// Name of its level.
    pub home_level: &'static str,
    /// The same numbers as a table.
    pub table: PriceTable,
    /// Whether a day inside has 23 or 25 hours.
    pub has_clock_change: bool,
    /// Entries of the key, without those that have no data.
    pub key: Vec<KeyEntry>,
}

/// One entry of the key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyEntry {
    /// Class of its swatch.
    pub swatch: &'static str,
    /// What it means.
    pub text: &'static str,
    /// Class that hides it in the view without such data.
    pub views: &'static str,
}

/// The chart of the `points` within `frame`; `None` without any.
pub fn chart_part(
    points: &Points,
    input: &PriceInput,
    frame: Frame,
    format: &Format,
    now: DateTime<Utc>,
) -> Option<ChartPart> {
    let chart = Chart::new(points, input, frame, format, now);
    let whole = frame.whole;
    let home = chart.slots.get(chart.home)?.clone();
    let (wide, near) = chart.views.split_last()?;
    let near = near.first();
    let ends = [("from", format.day(format.date_of(whole.from))), ("to", format.end(whole.to))];
    let [from, to] = ends.each_ref().map(|(key, text)| (*key, text.as_str()));
    Some(ChartPart {
        scope: format.fill("chart_scope", &[("market", &input.market)]),
        name: format.fill("chart_name", &[("market", &input.market), from, to]),
        svg_near: near.map(|view| svg(&chart, view, "chart-name", "sum-near")),
        svg_wide: svg(&chart, wide, "chart-name", "sum-wide"),
        summary_near: near.map(|view| view.summary.clone()),
        summary_wide: wide.summary.clone(),
        json: script_safe_json(&chart),
        home_level: chart.levels.get(usize::from(home.level.max(1)) - 1).copied().unwrap_or(""),
        home,
        table: PriceTable::new(points, whole, input, format, now),
        has_clock_change: chart.days.iter().any(|day| day.note.is_some()),
        key: key(&chart, input.simulated, format),
    })
}

/// Entries of the key that have data behind them.
fn key(chart: &Chart, simulated: bool, format: &Format) -> Vec<KeyEntry> {
    let near_end = chart.views.first().map_or(i64::MAX, |near| near.to);
    let first_forecast = chart.slots.iter().find(|slot| slot.forecast).map(|slot| slot.from);
    let views = if first_forecast.is_some_and(|at| at < near_end) { "" } else { "for-wide" };
    let (solid, swatch) = if simulated { ("simulated", "ks") } else { ("published", "kp") };
    let has_solid = chart.slots.iter().any(|slot| !slot.forecast);
    let has_band = chart.slots.iter().any(|slot| slot.band80.is_some());
    [
        (has_solid, swatch, solid, ""),
        (first_forecast.is_some(), "kf", "forecast", views),
        (has_band, "k5", "key_50", views),
        (has_band, "k8", "key_80", views),
        (!chart.windows.is_empty(), "kw", "key_window", ""),
    ]
    .into_iter()
    .filter(|(is_there, ..)| *is_there)
    .map(|(_, swatch, text, views)| KeyEntry { swatch, text: format.text(text), views })
    .collect()
}

/// JSON that can stand in a script element: no text in it can end the element.
fn script_safe_json(chart: &Chart) -> String {
    let json = serde_json::to_string(chart).expect("plain structs with finite numbers serialise");
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
