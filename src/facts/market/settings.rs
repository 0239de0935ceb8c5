//! The `[market]` section.

use serde::{Deserialize, Serialize};

use crate::base::ids::{Market, Product};

/// What a euro may be worth in francs: twice and half of what it ever was, so that a rate the wrong
/// way round or in percent is noticed.
const RATE_SANE: std::ops::RangeInclusive<f64> = 0.5..=2.5;

/// Which prices pages and answers show when nobody says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Market shown by default; `auto` takes a real market with prices for now, else the simulated one.
    pub default: Choice,
    /// Products in the order in which readers prefer them.
    pub products: Vec<Product>,
    /// Longest range one request for prices may cover, in days.
    pub range_days_max: u16,
    /// Francs for one euro in place of the published reference rate.
    pub eur_chf_manual: Option<f64>,
}

/// A market, or the rule that finds one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Choice {
    /// The market with prices for now, real ones first.
    Auto,
    /// This market.
    Fixed(Market),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default: Choice::Auto,
            products: vec![Product::DayAhead15min, Product::DayAhead],
            range_days_max: 400,
            eur_chf_manual: None,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let days = self.range_days_max;
        if !(1..=3_600).contains(&days) {
            all.push(format!("range_days_max = {days} is not between 1 and 3600"));
        }
        if let Some(rate) = self.eur_chf_manual
            && !RATE_SANE.contains(&rate)
        {
            let (least, most) = (RATE_SANE.start(), RATE_SANE.end());
            all.push(format!(
                "eur_chf_manual = {rate} is not between {least} and {most}; it is francs for one euro, e.g. 0.94"
            ));
        }
        all
    }
}

impl TryFrom<String> for Choice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        Market::parse(&text).map(Self::Fixed).map_err(|error| format!("{error}, or auto"))
    }
}

impl From<Choice> for String {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Auto => "auto".to_owned(),
            Choice::Fixed(market) => market.into(),
        }
    }
}
