//! A simulated day as SVG: steps of quarter hours, e.g. of what a house draws and its roof makes.
//!
//! Places are percentages in attributes, so one drawing fits every width and no style attribute is
//! needed; only the paths live in a stretched inner drawing of 1000 × 1000 units.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::surfaces::dashboards::format::{Format, number};

/// Quarter hours between two marks of the time axis: three hours.
const MARK_QUARTERS: usize = 12;

/// What is drawn of a day.
pub(super) struct Drawing<'a> {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// Unit of the values.
    pub unit: &'static str,
    /// Values over hatched room down to nothing.
    pub filled: Option<&'a [f64]>,
    /// Lines with the classes that draw them, each of as many quarter hours as the day has.
    pub lines: Vec<(&'static str, &'a [f64])>,
}

/// The drawing, named and described by the elements with the given ids. Its texts are numbers and
/// times only.
pub(super) fn svg(day: &Drawing<'_>, format: &Format, name_id: &str, summary_id: &str) -> String {
    let all = || day.lines.iter().flat_map(|(_, values)| values.iter().copied());
    let high = nice(all().fold(0.5, f64::max));
    let low = -nice(-all().fold(0.0, f64::min));
    let count = day.lines.first().map_or(0, |(_, values)| values.len());
    let scale = Scale { high, low, count };
    let mut out = String::with_capacity(24 * 1024);
    put(
        &mut out,
        format_args!(
            r#"<svg class="chart" width="100%" height="100%" role="img" aria-labelledby="{name_id}" aria-describedby="{summary_id}">"#
        ),
    );
    grid(&mut out, &scale, day.unit);
    hours(&mut out, day, &scale, format);
    out.push_str(
        r#"<svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">"#,
    );
    if let Some(values) = day.filled {
        area(&mut out, values, &scale);
    }
    for (class, values) in &day.lines {
        steps(&mut out, class, values, &scale);
    }
    out.push_str("</svg></svg>");
    out
}

/// Where values and times lie.
struct Scale {
    high: f64,
    low: f64,
    count: usize,
}

impl Scale {
    /// Place on the value axis, 0 (top) to 100.
    fn y(&self, kw: f64) -> f64 {
        (self.high - kw) / (self.high - self.low).max(1e-6) * 100.0
    }

    /// Place of the start of a quarter hour on the time axis, 0 to 100.
    fn x(&self, quarter: usize) -> f64 {
        quarter as f64 / self.count.max(1) as f64 * 100.0
    }
}

/// The next of 0, 0.5, 1, 2, 4, 6, 8, 10, 15, 20, 25 … that is not smaller.
fn nice(kw: f64) -> f64 {
    match kw {
        kw if kw <= 0.05 => 0.0,
        kw if kw <= 0.5 => 0.5,
        kw if kw <= 1.0 => 1.0,
        kw if kw <= 10.0 => (kw / 2.0).ceil() * 2.0,
        kw => (kw / 5.0).ceil() * 5.0,
    }
}

fn grid(out: &mut String, scale: &Scale, unit: &str) {
    let step = nice((scale.high - scale.low) / 4.0).max(0.25);
    let mut kw = (scale.low / step).ceil() * step;
    while kw <= scale.high + 1e-9 {
        let y = scale.y(kw);
        let class = if kw.abs() < 1e-9 { "gl z" } else { "gl" };
        let decimals = usize::from(step < 1.0);
        put(
            out,
            format_args!(
                r#"<line class="{class}" x1="0" x2="100%" y1="{y:.2}%" y2="{y:.2}%"/><text class="yl" x="0" dx="-6" y="{y:.2}%" dy=".32em" text-anchor="end">{}</text>"#,
                number(kw, decimals)
            ),
        );
        kw += step;
    }
    put(out, format_args!(r#"<text class="yl" x="0" dx="-30" y="0" dy="-14">{unit}</text>"#));
}

fn hours(out: &mut String, day: &Drawing<'_>, scale: &Scale, format: &Format) {
    let every = chrono::Duration::hours(3);
    let starts = std::iter::successors(Some(day.from), |at| Some(*at + every));
    for (quarter, at) in (0..scale.count).step_by(MARK_QUARTERS).zip(starts) {
        let x = scale.x(quarter);
        let anchor = if quarter == 0 { "start" } else { "middle" };
        // On a phone every second mark has a label.
        let class = if (quarter / MARK_QUARTERS).is_multiple_of(2) { "yl" } else { "yl wide" };
        put(
            out,
            format_args!(
                r#"<line class="dv" x1="{x:.2}%" x2="{x:.2}%" y1="0" y2="100%"/><text class="{class}" x="{x:.2}%" y="100%" dy="17" text-anchor="{anchor}">{}</text>"#,
                format.time(at)
            ),
        );
    }
}

/// A step for each quarter hour.
fn steps(out: &mut String, class: &str, values: &[f64], scale: &Scale) {
    let path = outline(values, scale);
    put(out, format_args!(r#"<path class="{class}" d="M0 {}"/>"#, path.trim_start_matches('V')));
}

/// The room under the steps, down to nothing; hatched, as what is simulated.
fn area(out: &mut String, values: &[f64], scale: &Scale) {
    let zero = scale.y(0.0) * 10.0;
    let path = outline(values, scale);
    for class in ["made", "made-h"] {
        put(out, format_args!(r#"<path class="{class}" d="M0 {zero:.1}{path}V{zero:.1}Z"/>"#));
    }
}

fn outline(values: &[f64], scale: &Scale) -> String {
    let mut path = String::new();
    for (quarter, kw) in values.iter().enumerate() {
        let (y, to) = (scale.y(*kw) * 10.0, scale.x(quarter + 1) * 10.0);
        put(&mut path, format_args!("V{y:.1}H{to:.1}"));
    }
    path
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing into a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::catalogue::Language;

    #[test]
    fn a_day_is_drawn_inside_of_its_frame() {
        let format = Format::new(Language::De, chrono_tz::Tz::Europe__Zurich);
        let day = Drawing {
            from: "2026-03-28T23:00:00Z".parse().unwrap(),
            unit: "kW",
            filled: Some(&[3.0; 92]),
            lines: vec![("pv", &[3.0; 92]), ("f gd", &[-2.0; 92]), ("p", &[1.0; 92])],
        };
        let drawing = svg(&day, &format, "name", "sum");
        // From 4 kW down to -2 kW: 3 kW lie at a sixth, nothing at two thirds, -2 kW at the foot.
        assert!(drawing.contains(r#"class="pv" d="M0 166.7H10.9V166.7"#), "{drawing}");
        assert!(drawing.contains(r#"class="f gd" d="M0 1000.0H10.9"#), "{drawing}");
        assert!(drawing.contains(r#"class="gl z" x1="0" x2="100%" y1="66.67%""#), "{drawing}");
        // Three hours after midnight the clock has jumped over one.
        assert!(drawing.contains(">04:00<") && !drawing.contains(">03:00<"), "{drawing}");
    }

    #[test]
    fn bounds_are_round() {
        for (kw, bound) in [
            (0.0, 0.0),
            (0.3, 0.5),
            (0.9, 1.0),
            (1.1, 2.0),
            (2.0, 2.0),
            (5.1, 6.0),
            (11.0, 15.0),
            (25.0, 25.0),
        ] {
            assert!((nice(kw) - bound).abs() < 1e-12, "{kw}");
        }
    }
}
