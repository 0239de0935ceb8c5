//! Price series by name, and the features that can be made for them.

use std::collections::BTreeSet;

use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::learning::features::FeatureSpec;

/// A series of day-ahead prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PriceSeries {
    pub market: Market,
    pub product: Product,
}

impl PriceSeries {
    /// The series of a name like `price:CH:day_ahead`.
    pub fn parse(name: &str) -> Option<Self> {
        let (market, product) = name.strip_prefix("price:")?.split_once(':')?;
        let series = Self { market: Market::parse(market).ok()?, product: Product::parse(product)? };
        // An alias of a market is not the name of its series.
        (series.market.price_series(series.product) == name).then_some(series)
    }

    /// Features that Luna can make for it, those of series among `features` included.
    pub fn known_features(&self, features: &[String]) -> BTreeSet<String> {
        let exogenous = FeatureSpec::exogenous_of(features);
        let spec = FeatureSpec::standard(self.product.interval_s(), &exogenous);
        spec.names().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_series_and_their_features() {
        let series = PriceSeries::parse("price:CH:day_ahead").unwrap();
        assert_eq!(series.market.code(), "CH");
        for other in ["price:XX:day_ahead", "price:CH", "load:house-1", "price:ch:day_ahead"] {
            assert_eq!(PriceSeries::parse(other), None, "{other}");
        }
        let known = series.known_features(&["wind".into(), "wind_week_ago".into(), "moon".into()]);
        assert!(known.contains("lag_24h") && known.contains("wind_day_mean"));
        assert!(!known.contains("moon") && !known.contains("quarter"));
    }
}
