//! What the price at home is made of: one bar per slot, its parts on top of each other.
//!
//! Parts below zero hang under the zero line, and the total stands across the bar as a short line.

use std::fmt::Write;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::Serialize;

use super::model::{HomeTariff, Part, PartKind, PartSlot};
use crate::base::timeline::{TimeRange, at_local, day_range};
use crate::surfaces::dashboards::format::{Format, NBSP, number};
use crate::surfaces::dashboards::pricing::{Quality, Tick, axis};

/// Rappen in a franc.
const RAPPEN: f64 = 100.0;
/// A bar fills this share of its slot, so that neighbours can be told apart.
const FILL: f64 = 0.94;

/// The parts of a day with everything around them.
#[derive(Debug, Clone, Serialize)]
pub struct StackPart {
    /// `Fr, 27. Oktober 2023: woraus der Endpreis besteht`.
    pub title: String,
    /// Name of the tariff.
    pub tariff: String,
    /// The day in a sentence.
    pub summary: String,
    /// The drawing.
    pub svg: String,
    /// Entries of the key: class of the swatch and words.
    pub key: Vec<(&'static str, &'static str)>,
    /// Heads of the table.
    pub heads: Vec<&'static str>,
    /// Rows of the table: start of the slot, then a number per head.
    pub rows: Vec<(String, Vec<String>)>,
    /// Whom to name.
    pub attribution: String,
    /// Whether the values are made up.
    pub simulated: bool,
    /// Whether the standard tariff stands in.
    pub is_stand_in: bool,
}

/// A slot in Rp./kWh.
struct Bar {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    parts: Vec<(PartKind, f64)>,
    total: f64,
}

impl Bar {
    fn new(slot: &PartSlot) -> Self {
        let mut parts: Vec<(PartKind, f64)> = Vec::new();
        for Part { kind, price_chf_kwh } in &slot.parts {
            let rappen = price_chf_kwh * RAPPEN;
            match parts.iter_mut().find(|(known, _)| known == kind) {
                Some((_, sum)) => *sum += rappen,
                None => parts.push((*kind, rappen)),
            }
        }
        parts.sort_by_key(|(kind, _)| *kind);
        let to = slot.ts + Duration::seconds(slot.interval_s.into());
        let total = parts.iter().map(|(_, rappen)| rappen).sum();
        Self { from: slot.ts, to, parts, total }
    }

    /// Foot and top of every part, in the order of the stack: those below zero hang from it.
    fn spans(&self) -> Vec<(PartKind, f64, f64)> {
        let (mut above, mut below) = (0.0, 0.0);
        let span = |(kind, rappen): &(PartKind, f64)| {
            let edge = if *rappen < 0.0 { &mut below } else { &mut above };
            let from = *edge;
            *edge += rappen;
            (*kind, from.min(*edge), from.max(*edge))
        };
        self.parts.iter().map(span).collect()
    }
}

/// The parts of the day of `tariff`; `None` without any price.
pub fn stack_part(tariff: &HomeTariff, format: &Format) -> Option<StackPart> {
    let whole = tariff.slots.iter().filter(|slot| {
        let finite = slot.parts.iter().all(|part| part.price_chf_kwh.is_finite());
        slot.interval_s > 0 && !slot.parts.is_empty() && finite
    });
    let mut bars: Vec<Bar> = whole.map(Bar::new).collect();
    bars.sort_by_key(|bar| bar.from);
    let least = bars.iter().min_by(|a, b| a.total.total_cmp(&b.total))?;
    let most = bars.iter().max_by(|a, b| a.total.total_cmp(&b.total))?;
    let rappen = |value: f64| format!("{}{NBSP}Rp./kWh", number(value, 2));
    let values = [
        ("low", rappen(least.total)),
        ("low_at", format.time(least.from)),
        ("high", rappen(most.total)),
        ("high_at", format.time(most.from)),
    ];
    let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
    let mut kinds: Vec<PartKind> =
        bars.iter().flat_map(|bar| bar.parts.iter().map(|(kind, _)| *kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let has_negative = bars.iter().any(|bar| bar.parts.iter().any(|(_, rappen)| *rappen < 0.0));
    let key = kinds.iter().map(|kind| (swatch(*kind), format.text(word(*kind))));
    let negative = has_negative.then(|| ("st-neg", format.text("part_negative")));
    let total = ("st-total", format.text("part_total"));
    let row = |bar: &Bar| {
        let of = |kind: &PartKind| bar.parts.iter().find(|(known, _)| known == kind);
        let cell = |kind| of(kind).map_or_else(|| "–".to_owned(), |(_, value)| number(*value, 2));
        let cells = kinds.iter().map(cell).chain([number(bar.total, 2)]);
        (format.time(bar.from), cells.collect())
    };
    Some(StackPart {
        title: format.fill("stack_title", &[("date", &format.date_long(tariff.day))]),
        tariff: tariff.name.clone(),
        summary: format.fill("stack_summary", &values),
        svg: svg(&bars, tariff, format),
        heads: kinds.iter().map(|kind| format.text(word(*kind))).chain([total.1]).collect(),
        rows: bars.iter().map(row).collect(),
        key: key.chain(negative).chain([total]).collect(),
        attribution: tariff.attribution.clone(),
        is_stand_in: tariff.is_stand_in,
        simulated: tariff.slots.iter().any(|slot| slot.quality == Quality::Simulated),
    })
}

const fn word(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Energy => "part_energy",
        PartKind::Grid => "part_grid",
        PartKind::Levies => "part_levies",
        PartKind::Whole => "part_whole",
        PartKind::Rest => "part_rest",
        PartKind::Vat => "part_vat",
    }
}

const fn swatch(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Energy => "st-energy",
        PartKind::Grid => "st-grid",
        PartKind::Levies => "st-levies",
        PartKind::Whole | PartKind::Rest => "st-rest",
        PartKind::Vat => "st-vat",
    }
}

/// The drawing, named and described by the title and the summary of the part.
fn svg(bars: &[Bar], tariff: &HomeTariff, format: &Format) -> String {
    let zone = format.zone();
    let day = day_range(tariff.day, zone);
    let ends = bars.iter().flat_map(|bar| {
        let spans = bar.spans();
        spans.into_iter().flat_map(|(_, foot, top)| [foot, top]).collect::<Vec<_>>()
    });
    let (low, high) =
        ends.fold((0.0_f64, 1.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let (ticks, low, high) = axis(low, high);
    let y = |value: f64| (high - value) / (high - low).max(1e-6) * 100.0;
    let length_s = day.length().num_seconds().max(1) as f64;
    let x = |at: DateTime<Utc>| {
        ((at - day.from).num_seconds() as f64 / length_s * 100.0).clamp(0.0, 100.0)
    };
    let mut out = String::with_capacity(64 * 1024);
    let mut put = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text).expect("writing into a String cannot fail");
    };
    put(format_args!(
        r#"<svg class="chart" width="100%" height="100%" role="img" aria-labelledby="stack-title" aria-describedby="stack-sum"><text class="yl" x="0" dx="-36" y="0" dy="-14">Rp./kWh</text>"#
    ));
    for Tick { value, label } in &ticks {
        let (y, class) = (y(*value), if *value == 0.0 { "gl z" } else { "gl" });
        put(format_args!(
            r#"<line class="{class}" x1="0" x2="100%" y1="{y:.2}%" y2="{y:.2}%"/><text class="yl" x="0" dx="-6" y="{y:.2}%" dy=".32em" text-anchor="end">{label}</text>"#
        ));
    }
    for bar in bars {
        let (left, width) = (x(bar.from), (x(bar.to) - x(bar.from)) * FILL);
        for (kind, foot, top) in bar.spans() {
            let class = if foot < 0.0 { "st-neg" } else { swatch(kind) };
            put(format_args!(
                r#"<rect fill="url(#{class})" x="{left:.3}%" width="{width:.3}%" y="{:.2}%" height="{:.2}%"/>"#,
                y(top),
                y(foot) - y(top)
            ));
        }
        let y = y(bar.total);
        put(format_args!(
            r#"<line class="st-sum" x1="{left:.3}%" x2="{:.3}%" y1="{y:.2}%" y2="{y:.2}%"/>"#,
            left + width
        ));
    }
    for (at, label) in hours(day, tariff, format) {
        let anchor = if at == day.from { "start" } else { "middle" };
        let x = x(at);
        put(format_args!(
            r#"<text class="yl" x="{x:.2}%" y="100%" dy="17" text-anchor="{anchor}">{label}</text>"#
        ));
    }
    out.push_str("</svg>");
    out
}

/// Labels at 00, 06, 12 and 18 o'clock.
fn hours(day: TimeRange, tariff: &HomeTariff, format: &Format) -> Vec<(DateTime<Utc>, String)> {
    [0, 6, 12, 18]
        .into_iter()
        .filter_map(|hour| NaiveTime::from_hms_opt(hour, 0, 0))
        .map(|time| at_local(tariff.day, time, format.zone()))
        .filter(|at| day.contains(*at))
        .map(|at| (at, format.time(at)))
        .collect()
}
