//! Storing prices: each as often as it says something new, with when it was known.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::error::FetchError;
use super::model::Kept;
use super::sift::Sifted;
use crate::base::ids::{Market, Product};
use crate::base::timeline::TimeRange;
use crate::facts::imports::assumed_price_known_at;
use crate::facts::market::{PricePoint, Prices, Quality};

/// Prices nearer than this are the same, written differently.
const SAME_EUR_MWH: f64 = 0.000_5;

/// Stores the prices of an answer that came at `came_at`; what says nothing new is not written.
pub(super) async fn put(
    prices: &Prices,
    source: &str,
    (market, range): (&Market, TimeRange),
    (sifted, came_at): (&Sifted, DateTime<Utc>),
) -> Result<Kept, FetchError> {
    let mut kept = Kept::default();
    for (product, quotes) in sifted {
        let present = prices.prices(market, *product, range).await?;
        let present: HashMap<DateTime<Utc>, PricePoint> =
            present.into_iter().map(|point| (point.ts, point)).collect();
        let news = quotes.iter().filter_map(|(ts, price)| {
            let known = (present.get(ts), came_at);
            point(source, market, *product, (*ts, *price), known)
        });
        let news: Vec<PricePoint> = news.collect();
        let mut stored = Kept::from(prices.put(market, *product, &news).await?);
        stored.unchanged += (quotes.len() - news.len()) as u64;
        kept = kept.plus(stored);
    }
    Ok(kept)
}

/// The point to be stored for a price that came at `came_at`; none when it says what is `present`.
///
/// A price that came within a day of its publication became known when it came, an older one when
/// the rule says so. One that differs from what is stored is news from when it came, however old.
fn point(
    source: &str,
    market: &Market,
    product: Product,
    (ts, price): (DateTime<Utc>, f64),
    (present, came_at): (Option<&PricePoint>, DateTime<Utc>),
) -> Option<PricePoint> {
    let published = assumed_price_known_at(ts, market.time_zone());
    let before = present.and_then(|point| Some((point.price_eur_mwh?, point.source.as_str())));
    if before.is_some_and(|(before, _)| (before - price).abs() < SAME_EUR_MWH) {
        return None;
    }
    let is_fresh = (came_at - published).abs() <= chrono::Duration::days(1);
    let is_news = present.is_some() || is_fresh;
    let is_restated = before.is_some_and(|(_, who)| who == source);
    Some(PricePoint {
        ts,
        interval_s: product.interval_s(),
        price_eur_mwh: Some(price),
        volume: None,
        quality: if is_restated { Quality::Restated } else { Quality::Ok },
        known_at: if is_news { came_at } else { published },
        known_at_assumed: !is_news,
        source: source.to_owned(),
    })
}
