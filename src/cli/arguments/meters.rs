//! The forms of `luna forecast` and `luna evaluate meters`.

use chrono::NaiveDate;
use clap::Args;

use super::product;
use crate::algorithms::forecasting::site::Kind;
use crate::base::ids::{Market, Product};

#[derive(Debug, Args)]
pub(in crate::cli) struct ForecastArguments {
    /// Market code or alias
    #[arg(long, required_unless_present = "meter")]
    pub market: Option<Market>,
    /// `day_ahead` or `day_ahead_15min`
    #[arg(long, value_parser = product, default_value = "day_ahead")]
    pub product: Product,
    /// Meter whose coming week is forecast, instead of a market's prices
    #[arg(long, value_name = "ID", conflicts_with = "market")]
    pub meter: Option<String>,
    /// `load` or `pv` of the meter
    #[arg(long, value_parser = kind, default_value = "load", requires = "meter")]
    pub kind: Kind,
    /// Only how likely each day brings a new monthly peak: `peak:month`, of the kind `load`
    #[arg(long, value_parser = ["peak:month"], requires = "meter")]
    pub event: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MeterEvaluateArguments {
    /// Meter
    #[arg(long, value_name = "ID")]
    pub meter: String,
    /// `load` or `pv`
    #[arg(long, value_parser = kind, default_value = "load")]
    pub kind: Kind,
    /// First local day from which forecasts are made
    #[arg(long, value_name = "DATE")]
    pub from: NaiveDate,
    /// Last local day
    #[arg(long, value_name = "DATE")]
    pub to: NaiveDate,
    /// Days after which models are fitted anew
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub refit_days: u16,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::parse(text).ok_or_else(|| format!("'{text}' is not a kind; known are load and pv"))
}
