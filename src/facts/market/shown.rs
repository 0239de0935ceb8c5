//! Which market and product readers see when they do not say.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::model::Newest;
use super::service::{PriceError, Prices};
use super::settings::{Choice, Settings};
use crate::base::ids::{Market, Product};
use crate::base::timeline::Clock;
use crate::platform::runtime::Live;

/// What a box without a single price asks for.
const HOME: &str = "CH";
/// A real market without new prices for this long is still what the reader lives with: a source
/// that is away must not turn the page into a simulation.
const PATIENCE: Duration = Duration::days(14);

/// Chooses market and product by the settings and by what is stored.
#[derive(Clone)]
pub struct Shown {
    prices: Prices,
    settings: Live<Settings>,
    clock: Clock,
}

impl Shown {
    /// The choice by these settings.
    pub fn new(prices: Prices, settings: impl Into<Live<Settings>>, clock: Clock) -> Self {
        Self { prices, settings: settings.into(), clock }
    }

    /// The settings behind the choice.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// Market and product for a reader who asked for `market` and `product`, or for neither.
    pub async fn choose(
        &self,
        market: Option<Market>,
        product: Option<Product>,
    ) -> Result<(Market, Product), PriceError> {
        let stored = self.prices.newest().await?;
        let asked = market.or_else(|| match &self.settings.get().default {
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
        let settings = self.settings.get();
        let rank = |product: Product| settings.products.iter().position(|p| *p == product);
        of_market()
            .filter(fresh)
            .map(|row| row.product)
            .min_by_key(|product| rank(*product).unwrap_or(usize::MAX))
            .unwrap_or(Product::DayAhead)
    }
}

/// A real market with prices, else the simulated one while it has a price for now, else whatever
/// there was last.
fn best_market(stored: &[Newest], now: DateTime<Utc>) -> Market {
    let rank = |market: &Market| Market::KNOWN.iter().position(|code| *code == market.code());
    let class = |row: &Newest| {
        let age = now - row.last;
        match (row.market.is_simulated(), age) {
            (false, age) if age < Duration::hours(1) => 0,
            (false, age) if age < PATIENCE => 1,
            (true, age) if age < Duration::hours(1) => 2,
            (false, _) => 3,
            (true, _) => 4,
        }
    };
    let best = stored.iter().min_by_key(|row| match class(row) {
        class @ (0 | 2) => (class, None, rank(&row.market)),
        class => (class, Some(std::cmp::Reverse(row.last)), rank(&row.market)),
    });
    best.map_or_else(
        || Market::parse(HOME).expect("the home market is a known one"),
        |row| row.market.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_market_that_says_most_about_now_is_shown() {
        let now: DateTime<Utc> = "2026-03-01T12:20:00Z".parse().unwrap();
        let row = |code: &str, hours_ago| Newest {
            market: Market::parse(code).unwrap(),
            product: Product::DayAhead,
            last: now - Duration::hours(hours_ago),
        };
        let shown = |rows: &[(&str, i64)]| {
            let rows: Vec<_> = rows.iter().map(|(code, hours)| row(code, *hours)).collect();
            best_market(&rows, now).code().to_owned()
        };
        assert_eq!(shown(&[]), "CH");
        assert_eq!(shown(&[("SIM-CH", -20)]), "SIM-CH");
        assert_eq!(shown(&[("SIM-CH", -20), ("AT", 0), ("FR", -30)]), "AT");
        // The source has been away for two days: the simulation does not step in.
        assert_eq!(shown(&[("SIM-CH", -20), ("CH", 48)]), "CH");
        assert_eq!(shown(&[("SIM-CH", -20), ("CH", 14 * 24)]), "SIM-CH");
        // Without a simulation the newest real prices are shown, however old they are.
        assert_eq!(shown(&[("CH", 30_000), ("DE-LU", 20_000), ("SIM-CH", 90)]), "DE-LU");
        assert_eq!(shown(&[("SIM-CH", 90)]), "SIM-CH");
    }
}
