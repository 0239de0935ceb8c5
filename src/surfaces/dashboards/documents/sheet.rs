//! The prices of a document beside the tariff in force.

use serde::Serialize;

use super::values::place_of;
use crate::knowledge::ask::{Comparison, Hours, Item, TariffCheck, Vat, Verdict};
use crate::surfaces::dashboards::format::{Format, NBSP, number};

/// The panel.
#[derive(Debug, Serialize)]
pub(super) struct SheetView {
    pub tariff: String,
    pub note: String,
    pub rows: Vec<SheetRow>,
}

/// One price.
#[derive(Debug, Serialize)]
pub(super) struct SheetRow {
    pub what: String,
    pub sheet: String,
    pub vat: &'static str,
    pub in_force: String,
    pub difference: String,
    /// Class of the verdict.
    pub kind: &'static str,
    pub verdict: &'static str,
    pub href: String,
    pub quote: String,
}

impl SheetView {
    /// The panel; absent where the document states no price.
    pub fn new(check: &TariffCheck, format: &Format) -> Option<Self> {
        if check.prices.is_empty() {
            return None;
        }
        let name = check.tariff_name.clone().unwrap_or_default();
        let tariff = match (check.day, check.vat_percent) {
            (Some(day), Some(vat)) => format.fill(
                "doc_sheet_tariff",
                &[("name", &name), ("day", &format.date_whole(day)), ("vat", &number(vat, 1))],
            ),
            _ => String::new(),
        };
        let note = match &check.note {
            Some(_) if check.tariff.is_none() => format.text("doc_sheet_no_tariff").to_owned(),
            Some(_) => format.text("doc_sheet_no_prices").to_owned(),
            None => String::new(),
        };
        let rows = check.prices.iter().map(|price| SheetRow::new(price, format)).collect();
        Some(Self { tariff, note, rows })
    }
}

impl SheetRow {
    fn new(price: &Comparison, format: &Format) -> Self {
        let item = format.text(match price.item {
            Item::Energy => "doc_item_energy",
            Item::Grid => "doc_item_grid",
            Item::Total => "doc_item_total",
            Item::FeedIn => "doc_item_feed_in",
        });
        let what = match price.hours {
            Hours::Any => item.to_owned(),
            Hours::High => format!("{item}, {}", format.text("doc_hours_high")),
            Hours::Low => format!("{item}, {}", format.text("doc_hours_low")),
        };
        let in_force = price.in_force.map(|range| {
            let vat = if range.has_vat { "doc_vat_in" } else { "doc_vat_out" };
            let span = if range.high_chf_kwh - range.low_chf_kwh < 0.000_05 {
                rappen(range.low_chf_kwh)
            } else {
                format!("{}–{}", number(range.low_chf_kwh * 100.0, 2), rappen(range.high_chf_kwh))
            };
            format!("{span}, {}", format.text(vat))
        });
        let difference = price.difference_chf_kwh.map(|difference| {
            let sign = if difference > 0.0 { "+" } else { "" };
            let percent = price.difference_percent.map(|percent| {
                let sign = if percent > 0.0 { "+" } else { "" };
                format!(" ({sign}{}{NBSP}%)", number(percent, 1))
            });
            format!("{sign}{}{}", rappen(difference), percent.unwrap_or_default())
        });
        let (kind, verdict) = match price.verdict {
            Verdict::Same => ("ok", "doc_verdict_same"),
            Verdict::Within => ("ok", "doc_verdict_within"),
            Verdict::SheetHigher => ("stale", "doc_verdict_higher"),
            Verdict::SheetLower => ("stale", "doc_verdict_lower"),
            Verdict::NotComparable => ("", "doc_verdict_none"),
        };
        Self {
            what,
            sheet: rappen(price.sheet.price_chf_kwh),
            vat: format.text(match price.sheet.vat {
                Vat::Included => "doc_vat_in",
                Vat::Excluded => "doc_vat_out",
                Vat::Unknown => "doc_vat_unknown",
            }),
            in_force: in_force.unwrap_or_else(|| "–".to_owned()),
            difference: difference.unwrap_or_else(|| "–".to_owned()),
            kind,
            verdict: format.text(verdict),
            href: place_of(&price.quote),
            quote: price.quote.text.clone(),
        }
    }
}

/// A price in the unit of Swiss bills.
fn rappen(chf_kwh: f64) -> String {
    format!("{}{NBSP}Rp./kWh", number(chf_kwh * 100.0, 2))
}
