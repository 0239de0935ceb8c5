//! The list of cheap windows.

use serde::Serialize;

use super::model::{PriceInput, Window, WindowProvenance};
use super::points::Points;
use crate::surfaces::dashboards::format::{Format, about, amount, signed_percent};

/// One cheap window.
#[derive(Debug, Clone, Serialize)]
pub struct WindowRow {
    /// Number as in the plot.
    pub number: usize,
    /// `Sa 28.10. 12:00–16:00`.
    pub when: String,
    /// `4 h`.
    pub length: String,
    /// `pub`, `fc` or `sim`.
    pub badge: &'static str,
    /// Provenance in a word.
    pub badge_text: &'static str,
    /// Mean price, `~` where a forecast is in it.
    pub price: String,
    /// Against the day's mean.
    pub difference: String,
}

/// The windows of `input`, while the data bear any advice.
pub fn window_rows(input: &PriceInput, points: &Points, format: &Format) -> Vec<WindowRow> {
    if !points.situation.may_advise() {
        return Vec::new();
    }
    let numbered = input.windows.iter().enumerate();
    numbered.map(|(index, window)| window_row(index, window, input, format)).collect()
}

fn window_row(index: usize, window: &Window, input: &PriceInput, format: &Format) -> WindowRow {
    let simulated = input.simulated;
    // A window lies within one local day, and so does its rate.
    let shown = |price: f64| price * input.money.factor(window.from);
    let is_published = window.provenance == WindowProvenance::Published;
    let minutes = (window.to - window.from).num_minutes();
    let key = if minutes % 60 == 0 { "window_hours" } else { "window_minutes" };
    let count = if minutes % 60 == 0 { minutes / 60 } else { minutes };
    let mut length = format.fill(key, &[("n", &count.to_string())]).replace(' ', "\u{a0}");
    if format.offset(window.from) != format.offset(window.to) {
        length = format.fill("window_clock", &[("length", &length)]);
    }
    WindowRow {
        number: index + 1,
        when: format.span(window.from, window.to),
        length,
        badge: match (is_published, simulated) {
            (true, false) => "pub",
            (true, true) => "sim",
            (false, _) => "fc",
        },
        badge_text: format.text(match window.provenance {
            WindowProvenance::Published if simulated => "simulated",
            WindowProvenance::Published => "published",
            WindowProvenance::Forecast => "forecast",
            WindowProvenance::Mixed => "mixed",
        }),
        price: {
            let price = amount(shown(window.mean_price_eur_mwh));
            if is_published { price } else { about(&price) }
        },
        difference: window
            .day_mean_eur_mwh
            .map(|day| difference(shown(window.mean_price_eur_mwh), shown(day), format))
            .unwrap_or_default(),
    }
}

/// `−19 %`; shares of and below zero say nothing, there it is `−9.02 ct/kWh`.
fn difference(mean: f64, day_mean: f64, format: &Format) -> String {
    if mean >= 0.0 && day_mean > 0.0 {
        return signed_percent(100.0 * (mean - day_mean) / day_mean);
    }
    let plus = if mean > day_mean { "+" } else { "" };
    format!("{plus}{}", format.price(mean - day_mean))
}
