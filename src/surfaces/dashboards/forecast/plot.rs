//! A drawing with a value axis, places in percent, so that it fits every width without a style attribute.

use std::fmt::{Arguments, Write};

use crate::surfaces::dashboards::pricing::{Tick, axis};

/// One stretch of a stepped line: from, to (percent of the width), value.
pub(super) type Step = (f64, f64, f64);

/// A drawing that grows.
pub(super) struct Plot {
    out: String,
    low: f64,
    high: f64,
}

impl Plot {
    /// A drawing named and described by the elements with these ids, whose axis holds `values`.
    pub fn new(
        (name_id, about_id): (&str, &str),
        unit: &str,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        let ends = values.filter(|value| value.is_finite());
        let (low, high) =
            ends.fold((0.0_f64, 1.0_f64), |(low, high), end| (low.min(end), high.max(end)));
        let (ticks, low, high) = axis(low, high);
        let mut plot = Self { out: String::with_capacity(16 * 1024), low, high };
        plot.put(format_args!(
            r#"<svg class="chart" width="100%" height="100%" role="img" aria-labelledby="{name_id}" aria-describedby="{about_id}"><text class="yl" x="0" dx="-36" y="0" dy="-14">{unit}</text>"#
        ));
        for Tick { value, label } in &ticks {
            let (y, class) = (plot.y(*value), if *value == 0.0 { "gl z" } else { "gl" });
            plot.put(format_args!(
                r#"<line class="{class}" x1="0" x2="100%" y1="{y:.2}%" y2="{y:.2}%"/><text class="yl" x="0" dx="-6" y="{y:.2}%" dy=".32em" text-anchor="end">{label}</text>"#
            ));
        }
        plot
    }

    /// Place on the value axis, 0 (top) to 100.
    fn y(&self, value: f64) -> f64 {
        ((self.high - value) / (self.high - self.low).max(1e-6)).clamp(0.0, 1.0) * 100.0
    }

    /// A stepped line; stretches that do not touch are not joined.
    pub fn steps(&mut self, class: &str, steps: &[Step]) {
        let (mut path, mut pen) = (String::new(), f64::NAN);
        for (from, to, value) in steps {
            let y = self.y(*value) * 10.0;
            let (x1, x2) = (from * 10.0, to * 10.0);
            let joined = (pen - from).abs() < 1e-6;
            let piece = if joined {
                write!(path, "V{y:.1}H{x2:.1}")
            } else {
                write!(path, "M{x1:.1} {y:.1}H{x2:.1}")
            };
            piece.expect("writing into a String cannot fail");
            pen = *to;
        }
        self.path(class, &path);
    }

    /// A band between two values per stretch.
    pub fn band(&mut self, class: &str, steps: &[(f64, f64, f64, f64)]) {
        let mut path = String::new();
        for (from, to, low, high) in steps {
            let (x1, x2) = (from * 10.0, to * 10.0);
            let (top, bottom) = (self.y(*high) * 10.0, self.y(*low) * 10.0);
            write!(path, "M{x1:.1} {top:.1}H{x2:.1}V{bottom:.1}H{x1:.1}Z")
                .expect("writing into a String cannot fail");
        }
        self.path(class, &path);
    }

    fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            self.put(format_args!(
                r#"<svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none"><path class="{class}" d="{path}"/></svg>"#
            ));
        }
    }

    /// A bar from zero to a value.
    pub fn bar(&mut self, class: &str, (from, to): (f64, f64), value: f64) {
        let (zero, y) = (self.y(0.0), self.y(value));
        self.put(format_args!(
            r#"<rect class="{class}" x="{from:.2}%" width="{:.2}%" y="{:.2}%" height="{:.2}%"/>"#,
            to - from,
            y.min(zero),
            (y - zero).abs()
        ));
    }

    /// A line between two points.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let (y1, y2) = (self.y(y1), self.y(y2));
        self.put(format_args!(
            r#"<line class="{class}" x1="{x1:.2}%" x2="{x2:.2}%" y1="{y1:.2}%" y2="{y2:.2}%"/>"#
        ));
    }

    /// An upright hairline.
    pub fn upright(&mut self, x: f64) {
        self.put(format_args!(
            r#"<line class="dv" x1="{x:.2}%" x2="{x:.2}%" y1="0" y2="100%"/>"#
        ));
    }

    /// A dot.
    pub fn dot(&mut self, x: f64, value: f64) {
        let y = self.y(value);
        self.put(format_args!(r#"<circle class="pt" cx="{x:.2}%" cy="{y:.2}%" r="3.5"/>"#));
    }

    /// A word below the axis; `class` tells narrow from wide.
    pub fn below(&mut self, class: &str, x: f64, text: &str) {
        let anchor = match x {
            x if x < 3.0 => "start",
            x if x > 97.0 => "end",
            _ => "middle",
        };
        self.put(format_args!(
            r#"<text class="{class}" x="{x:.2}%" y="100%" dy="17" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// The drawing.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }

    fn put(&mut self, text: Arguments<'_>) {
        self.out.write_fmt(text).expect("writing into a String cannot fail");
    }
}
