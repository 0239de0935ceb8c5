//! The prices of a period as a file: RFC 4180, commas, a decimal point, one row per delivery period.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::surfaces::dashboards::pricing::{Money, Unit};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Result of the auction.
    Published,
    /// Luna's forecast.
    Forecast,
    /// Made by the simulation.
    Simulated,
    /// A forecast of simulated prices.
    SimulatedForecast,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Forecast => "forecast",
            Self::Simulated => "simulated",
            Self::SimulatedForecast => "simulated_forecast",
        }
    }
}

/// One delivery period.
#[derive(Debug, Clone)]
pub struct CsvRow {
    /// Start.
    pub ts: DateTime<Utc>,
    /// Length in seconds.
    pub interval_s: i32,
    /// EUR/MWh; `None` where it is known to be missing.
    pub price_eur_mwh: Option<f64>,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95 of a forecast in EUR/MWh.
    pub quantiles_eur_mwh: Option<[f32; 7]>,
    /// Known or guessed.
    pub kind: Kind,
    /// How far to trust it, as in the API.
    pub quality: &'static str,
    /// When it became known; a forecast when it was made.
    pub known_at: DateTime<Utc>,
    /// Who said so and whom to name for it.
    pub source: String,
}

/// A file of prices.
#[derive(Debug, Clone)]
pub struct CsvInput {
    /// Code of the market.
    pub market: String,
    /// Name of the product.
    pub product: &'static str,
    /// Zone of the local times.
    pub zone: Tz,
    /// What prices are in.
    pub money: Money,
    /// The rows, oldest first.
    pub rows: Vec<CsvRow>,
}

/// The file as text, with a head that names the units; lines end as RFC 4180 wants.
pub fn written(input: &CsvInput) -> String {
    let unit = match input.money.unit() {
        Unit::Rappen => "rp_kwh",
        Unit::Cents => "ct_kwh",
        Unit::EurMwh => "eur_mwh",
    };
    let mut out = String::with_capacity(160 * (input.rows.len() + 1));
    let quantiles = ["05", "10", "25", "50", "75", "90", "95"].map(|q| format!("q{q}_{unit}"));
    let price = format!("price_{unit}");
    let before = ["time_utc", "time_local", "interval_s", "market", "product", &price];
    let behind = ["provenance", "quality", "known_at_utc", "chf_per_eur", "source"];
    let head = before.into_iter().chain(quantiles.iter().map(String::as_str)).chain(behind);
    line(&mut out, head.map(str::to_owned));
    for row in &input.rows {
        let factor = input.money.factor(row.ts);
        let price = |value: f64| shown(value * factor, input.money.unit());
        let utc = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let local = row.ts.with_timezone(&input.zone).to_rfc3339_opts(SecondsFormat::Secs, false);
        let rate = input.money.chf_per_eur(row.ts);
        let rate = rate.filter(|_| input.money.unit() == Unit::Rappen);
        let quantiles = row.quantiles_eur_mwh.map(|all| all.map(|q| price(f64::from(q))));
        let before = [
            utc(row.ts),
            local,
            row.interval_s.to_string(),
            text(&input.market),
            text(input.product),
            row.price_eur_mwh.map(price).unwrap_or_default(),
        ];
        let behind = [
            row.kind.name().to_owned(),
            text(row.quality),
            utc(row.known_at),
            rate.map(|rate| rate.to_string()).unwrap_or_default(),
            text(&row.source),
        ];
        let cells = before.into_iter().chain(quantiles.unwrap_or_default()).chain(behind);
        line(&mut out, cells);
    }
    out
}

/// A price as it was published, or rounded to what a conversion can mean.
fn shown(price: f64, unit: Unit) -> String {
    let decimals = if unit == Unit::EurMwh { 1e3 } else { 1e4 };
    // Adding zero makes a zero out of a minus zero.
    ((price * decimals).round() / decimals + 0.0).to_string()
}

/// A text that spreadsheets do not take for a formula.
fn text(given: &str) -> String {
    let dangerous = given.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if dangerous { format!("'{given}") } else { given.to_owned() }
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}
