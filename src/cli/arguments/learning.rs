//! What to train and to evaluate.

use chrono::NaiveDate;
use clap::Args;

use super::product;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::learning::features::Regime;
use crate::learning::registry::EventRule;

#[derive(Debug, Args)]
pub(in crate::cli) struct TrainArguments {
    /// Market code or alias
    #[arg(long)]
    pub market: Market,
    /// `day_ahead` or `day_ahead_15min`
    #[arg(long, value_parser = product, default_value = "day_ahead")]
    pub product: Product,
    /// naive, linear, lightgbm, `random_forest`, lear or ensemble
    #[arg(long, default_value = "lightgbm")]
    pub model: Algorithm,
    /// Learn how likely a price above or below a threshold is, e.g. above:150, instead of prices
    #[arg(long, conflicts_with = "no_activate")]
    pub event: Option<EventRule>,
    /// Last local day to learn from, inclusive
    #[arg(long)]
    pub until: Option<NaiveDate>,
    /// Local days to learn from
    #[arg(long)]
    pub window_days: Option<u16>,
    /// Phases to learn from, e.g. crisis=without, season=winter,autumn or `day_type=workday`; may be given several times
    #[arg(long, value_name = "PHASE=VALUE")]
    pub regime: Vec<Regime>,
    /// Hyper-parameter as NAME=VALUE; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, serde_json::Value)>,
    /// Do not let the model serve even if it may
    #[arg(long)]
    pub no_activate: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EvaluateArguments {
    /// Market code or alias
    #[arg(long)]
    pub market: Market,
    /// `day_ahead` or `day_ahead_15min`
    #[arg(long, value_parser = product, default_value = "day_ahead")]
    pub product: Product,
    /// First local day to score
    #[arg(long)]
    pub from: NaiveDate,
    /// Last local day to score, inclusive
    #[arg(long)]
    pub to: NaiveDate,
    /// Models to compare
    #[arg(long, value_delimiter = ',', default_value = "naive,linear,lightgbm")]
    pub models: Vec<Algorithm>,
    /// Local days each fit learns from
    #[arg(long)]
    pub window_days: Option<u16>,
    /// Days between two fits
    #[arg(long)]
    pub refit_days: Option<u16>,
    /// Hyper-parameter as MODEL.NAME=VALUE; may be given several times
    #[arg(long = "param", value_name = "MODEL.NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, serde_json::Value)>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `name=value`; what reads as a number is one.
fn parameter(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=VALUE"))?;
    let value =
        serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}
