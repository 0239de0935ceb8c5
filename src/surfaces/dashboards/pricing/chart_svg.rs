//! The chart as SVG, drawn by the server: what paper and browsers without script show.
//!
//! Places are percentages in attributes, so one drawing fits every width and no style attribute is
//! needed; only the paths live in a stretched inner drawing of 1000 × 1000 units.

use std::fmt::Write;

use super::chart::{Chart, ChartSlot, ChartView};

/// A day narrower than this share of the width carries no label.
const LABEL_MIN_PERCENT: f64 = 4.0;

/// The drawing of one view, named and described by the elements with the given ids.
pub fn svg(chart: &Chart, view: &ChartView, name_id: &str, summary_id: &str) -> String {
    let drawing = Drawing { chart, view };
    let mut out = String::with_capacity(32 * 1024);
    put(
        &mut out,
        format_args!(
            r#"<svg class="chart" width="100%" height="100%" role="img" aria-labelledby="{}" aria-describedby="{}">"#,
            escaped(name_id),
            escaped(summary_id)
        ),
    );
    drawing.grid(&mut out);
    drawing.windows(&mut out);
    drawing.simulated(&mut out);
    drawing.paths(&mut out);
    drawing.seam_and_now(&mut out);
    drawing.marks(&mut out);
    drawing.days(&mut out);
    out.push_str("</svg>");
    out
}

/// A label closer than this to an upright line would lie across it.
const NEAR_PERCENT: f64 = 6.0;

/// Upright lines closer than this carry their words at different heights.
const CROWDED_PERCENT: f64 = 25.0;
const LABEL_ON_TOP: &str = r#"y="0" dy="-10""#;
const LABEL_AT_FOOT: &str = r#"y="100%" dy="-10""#;

struct Drawing<'a> {
    chart: &'a Chart,
    view: &'a ChartView,
}

impl Drawing<'_> {
    /// Place on the time axis, 0 to 100.
    fn x(&self, at: i64) -> f64 {
        let share = (at - self.view.from) as f64 / (self.view.to - self.view.from).max(1) as f64;
        share.clamp(0.0, 1.0) * 100.0
    }

    /// Place on the value axis, 0 (top) to 100.
    fn y(&self, value: f64) -> f64 {
        let share = (self.view.high - value) / (self.view.high - self.view.low).max(1e-6);
        share.clamp(0.0, 1.0) * 100.0
    }

    fn is_shown(&self, at: i64) -> bool {
        self.view.from <= at && at < self.view.to
    }

    fn grid(&self, out: &mut String) {
        for tick in &self.view.ticks {
            let y = self.y(tick.value);
            let class = if tick.value == 0.0 { "gl z" } else { "gl" };
            put(
                out,
                format_args!(
                    r#"<line class="{class}" x1="0" x2="100%" y1="{y:.2}%" y2="{y:.2}%"/>"#
                ),
            );
            put(
                out,
                format_args!(
                    r#"<text class="yl" x="0" dx="-6" y="{y:.2}%" dy=".32em" text-anchor="end">{}</text>"#,
                    escaped(&tick.label)
                ),
            );
        }
        put(
            out,
            format_args!(
                r#"<text class="yl" x="0" dx="-36" y="0" dy="-14">{}</text>"#,
                escaped(self.chart.unit)
            ),
        );
        for day in self.chart.days.iter().filter(|day| self.is_shown(day.from)) {
            let x = self.x(day.from);
            put(
                out,
                format_args!(r#"<line class="dv" x1="{x:.2}%" x2="{x:.2}%" y1="0" y2="100%"/>"#),
            );
        }
    }

    fn windows(&self, out: &mut String) {
        for window in &self.chart.windows {
            let (from, to) = (self.x(window.from), self.x(window.to));
            let width = to - from;
            if width <= 0.0 {
                continue;
            }
            for (class, fill) in [("win", ""), ("", r#" fill="url(#hatch)""#)] {
                put(
                    out,
                    format_args!(
                        r#"<rect class="{class}"{fill} x="{from:.2}%" y="0" width="{width:.2}%" height="100%"/>"#
                    ),
                );
            }
            put(
                out,
                format_args!(
                    r#"<rect class="foot-1" x="{from:.2}%" y="100%" width="{width:.2}%" height="4" transform="translate(0 -4)"/><text class="wn" x="{:.2}%" y="0" dy="14" text-anchor="middle">{}</text>"#,
                    from + width / 2.0,
                    window.number
                ),
            );
        }
    }

    /// Simulated values are hatched down to the zero line.
    fn simulated(&self, out: &mut String) {
        let zero = self.y(0.0);
        let is_made_up = |slot: &&ChartSlot| slot.simulated && !slot.forecast;
        for slot in self.chart.slots.iter().filter(is_made_up) {
            let (from, to, y) = (self.x(slot.from), self.x(slot.to), self.y(slot.price));
            if to > from {
                put(
                    out,
                    format_args!(
                        r#"<rect fill="url(#sim-hatch)" x="{from:.2}%" width="{:.2}%" y="{:.2}%" height="{:.2}%"/>"#,
                        to - from,
                        y.min(zero),
                        (y - zero).abs()
                    ),
                );
            }
        }
    }

    fn paths(&self, out: &mut String) {
        out.push_str(
            r#"<svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">"#,
        );
        let shown: Vec<&ChartSlot> = self
            .chart
            .slots
            .iter()
            .filter(|slot| slot.to > self.view.from && slot.from < self.view.to)
            .collect();
        for (class, band) in [("b8", true), ("b5", false)] {
            let mut path = String::new();
            for slot in &shown {
                if let Some([low, high]) = if band { slot.band80 } else { slot.band50 } {
                    let (x1, x2) = (self.x(slot.from) * 10.0, self.x(slot.to) * 10.0);
                    let (top, bottom) = (self.y(high) * 10.0, self.y(low) * 10.0);
                    put(&mut path, format_args!("M{x1:.1} {top:.1}H{x2:.1}V{bottom:.1}H{x1:.1}Z"));
                }
            }
            path_element(out, class, &path);
        }
        for (class, forecast) in [("f", true), ("p", false)] {
            let mut path = String::new();
            let mut pen: Option<i64> = None;
            for slot in shown.iter().filter(|slot| slot.forecast == forecast) {
                let (x1, x2) = (self.x(slot.from) * 10.0, self.x(slot.to) * 10.0);
                let y = self.y(slot.price) * 10.0;
                if pen == Some(slot.from) {
                    put(&mut path, format_args!("V{y:.1}H{x2:.1}"));
                } else {
                    put(&mut path, format_args!("M{x1:.1} {y:.1}H{x2:.1}"));
                }
                pen = Some(slot.to);
            }
            path_element(out, class, &path);
        }
        out.push_str("</svg>");
    }

    fn seam_and_now(&self, out: &mut String) {
        let upright = |out: &mut String, class: &str, at: i64, label: &str, place: &str| {
            let x = self.x(at);
            // Near the right edge the word stands left of its line, or it would leave the panel.
            let (anchor, dx) = if x > 85.0 { ("end", -4) } else { ("start", 4) };
            put(
                out,
                format_args!(
                    r#"<line class="{class}" x1="{x:.2}%" x2="{x:.2}%" y1="-18" y2="100%"/><text class="{class}" x="{x:.2}%" dx="{dx}" {place} text-anchor="{anchor}">{}</text>"#,
                    escaped(label)
                ),
            );
        };
        if let Some(seam) = self.chart.seam.filter(|seam| self.is_shown(*seam)) {
            // Close to the present the two words would lie over each other at the top.
            let crowded = (self.x(seam) - self.x(self.chart.now)).abs() < CROWDED_PERCENT;
            let place = if crowded { LABEL_AT_FOOT } else { LABEL_ON_TOP };
            upright(out, "seam", seam, self.chart.seam_label, place);
        }
        if self.is_shown(self.chart.now) {
            upright(out, "now", self.chart.now, &self.chart.now_label, LABEL_ON_TOP);
        }
    }

    fn marks(&self, out: &mut String) {
        for mark in &self.view.marks {
            let (x, y) = (self.x(mark.at), self.y(mark.value));
            let dy = if mark.below { 18 } else { -9 };
            let anchor = match anchor(x) {
                "middle" => self.beside_uprights(x),
                inside => inside,
            };
            put(
                out,
                format_args!(
                    r#"<circle class="pt" cx="{x:.2}%" cy="{y:.2}%" r="3"/><text class="pl" x="{x:.2}%" y="{y:.2}%" dy="{dy}" text-anchor="{anchor}">{}</text>"#,
                    escaped(&mark.label)
                ),
            );
        }
    }

    /// Beside the lines of the present and of the seam a label stands on the far side of them.
    fn beside_uprights(&self, x: f64) -> &'static str {
        let lines = [Some(self.chart.now), self.chart.seam];
        let mut distances = lines.into_iter().flatten().map(|at| x - self.x(at));
        match distances.find(|distance| distance.abs() < NEAR_PERCENT) {
            Some(distance) if distance >= 0.0 => "start",
            Some(_) => "end",
            None => "middle",
        }
    }

    fn days(&self, out: &mut String) {
        for hour in &self.view.hours {
            let x = self.x(hour.at);
            put(
                out,
                format_args!(
                    r#"<line class="dv" x1="{x:.2}%" x2="{x:.2}%" y1="100%" y2="100%" transform="translate(0 4)"/><text class="yl" x="{x:.2}%" y="100%" dy="17" text-anchor="{}">{}</text>"#,
                    anchor(x),
                    escaped(&hour.label)
                ),
            );
        }
        for day in &self.chart.days {
            let (from, to) = (self.x(day.from), self.x(day.to));
            if to - from < LABEL_MIN_PERCENT {
                continue;
            }
            let middle = f64::midpoint(from, to);
            let lines = if self.view.hours.is_empty() {
                [(17, "dn", day.weekday), (33, "yl wide", &*day.date), (33, "yl slim", &*day.tiny)]
            } else {
                [(35, "dn", day.weekday), (51, "yl", &*day.date), (0, "", "")]
            };
            for (dy, class, text) in lines.into_iter().filter(|(.., text)| !text.is_empty()) {
                label(out, middle, dy, class, text);
            }
            if let Some(note) = &day.note {
                let dy = if self.view.hours.is_empty() { 50 } else { 67 };
                label(out, middle, dy, "dst", note);
            }
        }
    }
}

/// Text stays inside the drawing near its edges.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 4.0 => "start",
        x if x > 96.0 => "end",
        _ => "middle",
    }
}

fn label(out: &mut String, x: f64, dy: i32, class: &str, text: &str) {
    put(
        out,
        format_args!(
            r#"<text class="{class}" x="{x:.2}%" y="100%" dy="{dy}" text-anchor="middle">{}</text>"#,
            escaped(text)
        ),
    );
}

fn path_element(out: &mut String, class: &str, path: &str) {
    if !path.is_empty() {
        put(out, format_args!(r#"<path class="{class}" d="{path}"/>"#));
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing into a String cannot fail");
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}
