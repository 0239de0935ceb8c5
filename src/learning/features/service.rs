//! Loads what features are made of, with every publication time.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::build::MarketHistory;
use super::spec::{FeatureSpec, column_name};
use super::vintages::Vintages;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::days_range;
use crate::facts::market::PriceError;
use crate::facts::market::Prices;
use crate::facts::series::Observations;
use crate::facts::series::SeriesError;

/// Loads histories of prices and exogenous series.
#[derive(Clone)]
pub struct Features {
    prices: Prices,
    observations: Observations,
}

/// Why a history could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The market has no prices in the range.
    #[error(
        "no {product} prices of {market} between {first} and {last}; import or fetch some first"
    )]
    NoPrices {
        /// Market asked for.
        market: Market,
        /// Product name asked for.
        product: &'static str,
        /// First local day asked for.
        first: NaiveDate,
        /// Last local day asked for.
        last: NaiveDate,
    },
    /// Prices could not be read.
    #[error("prices could not be read")]
    Prices(#[from] PriceError),
    /// Exogenous series could not be read.
    #[error("exogenous series could not be read")]
    Series(#[from] SeriesError),
}

impl Features {
    /// Histories from these facts.
    pub const fn new(prices: Prices, observations: Observations) -> Self {
        Self { prices, observations }
    }

    /// Prices and exogenous series of `market` over local days `first..=last`, with the feature list
    /// that fits them.
    ///
    /// With the features of a model the same series in the same order, whatever has come or gone
    /// since: one that is gone has no values. Otherwise all that models may learn from.
    pub async fn history(
        &self,
        market: &Market,
        product: Product,
        first: NaiveDate,
        last: NaiveDate,
        model: Option<&[String]>,
    ) -> Result<(MarketHistory, FeatureSpec), HistoryError> {
        let range = days_range(first, last, market.time_zone());
        let history = self.prices.history(market, product, range).await?;
        let points = history.revisions.iter().chain(&history.latest);
        // A price that was withdrawn later stays known as of before.
        let known: Vec<_> = points
            .map(|point| (point.ts, point.known_at, point.price_eur_mwh.unwrap_or(f64::NAN)))
            .collect();
        if known.iter().all(|(_, _, price)| price.is_nan()) {
            let (market, product) = (market.clone(), product.name());
            return Err(HistoryError::NoPrices { market, product, first, last });
        }
        let wanted = model.map(FeatureSpec::exogenous_of);
        let mut found: BTreeMap<String, Vintages> = BTreeMap::new();
        for series in self.observations.series_of_market(market).await? {
            let name = column_name(&series.spec.name);
            let is_wanted = wanted.as_ref().map_or(series.spec.is_feature, |it| it.contains(&name));
            if is_wanted {
                let values = self.observations.history(&series.spec.name, range).await?;
                if !values.is_empty() || wanted.is_some() {
                    found.insert(name, Vintages::new(series.spec.resolution_s, values));
                }
            }
        }
        let names = wanted.unwrap_or_else(|| found.keys().cloned().collect());
        let empty = || Vintages::new(product.interval_s(), []);
        let exogenous = names.iter().map(|name| found.remove(name).unwrap_or_else(empty)).collect();
        let spec = FeatureSpec::standard(product.interval_s(), &names);
        let prices = Vintages::new(product.interval_s(), known);
        Ok((MarketHistory { market: market.clone(), prices, exogenous }, spec))
    }
}
