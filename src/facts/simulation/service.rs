//! Keeping SIM-CH filled: history behind today, tomorrow once an auction would have published it.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::prices::simulate_prices;
use super::settings::Settings;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, add_days, at_local, days_range, local_date};
use crate::facts::imports::assumed_price_known_at;
use crate::facts::market::{PriceError, PricePoint, Prices, Quality, Stored};
use crate::platform::runtime::Live;

/// What simulated rows name as their source.
const SOURCE: &str = "simulation";

/// Prices of a market that does not exist, for boxes without data.
#[derive(Clone)]
pub struct Simulation {
    prices: Prices,
    clock: Clock,
    settings: Live<Settings>,
}

/// What a fill saw to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The simulated market.
    pub market: Market,
    /// Its product.
    pub product: Product,
    /// First local day that is filled now.
    pub first: NaiveDate,
    /// Last local day that is filled now.
    pub last: NaiveDate,
    /// What had to be written for it.
    pub stored: Stored,
}

impl Simulation {
    /// The service on a price store.
    pub fn new(prices: Prices, clock: Clock, settings: impl Into<Live<Settings>>) -> Self {
        Self { prices, clock, settings: settings.into() }
    }

    /// Makes sure that SIM-CH has its history up to today, and tomorrow from 13:00 local time on.
    ///
    /// Prices are known from 13:00 on the day before delivery. Only what is missing or differs is
    /// written (another seed rewrites the history; the old one moves to the revisions), so a second
    /// fill writes nothing. `None` when the simulation is switched off.
    pub async fn fill(&self) -> Result<Option<Filled>, PriceError> {
        let settings = self.settings.get();
        if !settings.enabled {
            return Ok(None);
        }
        let market = Market::sim_ch();
        let (zone, product) = (market.time_zone(), settings.product);
        let (first, last) = days_to_fill(self.clock.now(), &market, &settings);
        let range = days_range(first, last, zone);
        let present: HashMap<DateTime<Utc>, PricePoint> = self
            .prices
            .prices(&market, product, range)
            .await?
            .into_iter()
            .map(|point| (point.ts, point))
            .collect();
        let simulated = simulate_prices(settings.seed, product, first, last, zone);
        let wanted: Vec<PricePoint> = simulated
            .into_iter()
            .map(|price| PricePoint {
                ts: price.ts,
                interval_s: price.interval_s,
                price_eur_mwh: Some(price.price_eur_mwh),
                volume: None,
                quality: Quality::Simulated,
                known_at: assumed_price_known_at(price.ts, zone),
                known_at_assumed: false,
                source: SOURCE.to_owned(),
            })
            .filter(|point| present.get(&point.ts) != Some(point))
            .collect();
        let stored = self.prices.put(&market, product, &wanted).await?;
        Ok(Some(Filled { market, product, first, last, stored }))
    }
}

/// First and last local day that readers may expect at `now`.
fn days_to_fill(
    now: DateTime<Utc>,
    market: &Market,
    settings: &Settings,
) -> (NaiveDate, NaiveDate) {
    let zone = market.time_zone();
    let today = local_date(now, zone);
    let publication = NaiveTime::from_hms_opt(13, 0, 0).unwrap_or(NaiveTime::MIN);
    let is_published = now >= at_local(today, publication, zone);
    let last = if is_published { add_days(today, 1) } else { today };
    (add_days(today, -i64::from(settings.history_days)), last)
}
