//! Which market and product readers see when they do not say.

use chrono::{DateTime, Duration, Utc};

use super::model::Newest;
use super::service::{PriceError, Prices};
use super::settings::{Choice, Settings};
use crate::base::ids::{Market, Product};
use crate::base::timeline::Clock;

/// A market that exists on every box.
const STAND_IN: &str = "SIM-CH";

/// Chooses market and product by the settings and by what is stored.
#[derive(Clone)]
pub struct Shown {
    prices: Prices,
    settings: Settings,
    clock: Clock,
}

impl Shown {
    /// The choice by these settings.
    pub const fn new(prices: Prices, settings: Settings, clock: Clock) -> Self {
        Self { prices, settings, clock }
    }

    /// The settings behind the choice.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Market and product for a reader who asked for `market` and `product`, or for neither.
    pub async fn choose(
        &self,
        market: Option<Market>,
        product: Option<Product>,
    ) -> Result<(Market, Product), PriceError> {
        let stored = self.prices.newest().await?;
        let asked = market.or_else(|| match &self.settings.default {
            Choice::Fixed(market) => Some(market.clone()),
            Choice::Auto => None,
        });
        let market = asked.unwrap_or_else(|| best_market(&stored, self.clock.now()));
        let product = product.unwrap_or_else(|| self.best_product(&stored, &market));
        Ok((market, product))
    }

    /// Of the products with the newest prices the one preferred by the settings.
    fn best_product(&self, stored: &[Newest], market: &Market) -> Product {
        let of_market = || stored.iter().filter(|row| row.market == *market);
        let newest = of_market().map(|row| row.last).max();
        // Products of one auction day end within the same hour, however long their interval is.
        let fresh = |row: &&Newest| newest.is_some_and(|at| row.last + Duration::hours(1) > at);
        let rank = |product: Product| self.settings.products.iter().position(|p| *p == product);
        of_market()
            .filter(fresh)
            .map(|row| row.product)
            .min_by_key(|product| rank(*product).unwrap_or(usize::MAX))
            .unwrap_or(Product::DayAhead)
    }
}

/// A real market with a price for now, the one listed first; else the simulated one.
fn best_market(stored: &[Newest], now: DateTime<Utc>) -> Market {
    let current = |row: &&Newest| !row.market.is_simulated() && row.last + Duration::hours(1) > now;
    let rank = |market: &Market| Market::KNOWN.iter().position(|code| *code == market.code());
    stored
        .iter()
        .filter(current)
        .map(|row| row.market.clone())
        .min_by_key(rank)
        .unwrap_or_else(|| Market::parse(STAND_IN).expect("the stand-in is a known market"))
}
