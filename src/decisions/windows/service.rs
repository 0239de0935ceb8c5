//! Joins published prices and forecast, and finds the cheap times in them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::model::{Block, Outlook, OutlookSlot, Provenance, Window, WindowQuery};
use crate::algorithms::planning::windows;
use crate::algorithms::planning::windows::Slot;
use crate::algorithms::planning::windows::Wanted;
use crate::algorithms::planning::windows::WindowError;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::base::timeline::add_days;
use crate::base::timeline::day_range;
use crate::base::timeline::local_date;
use crate::facts::market::PriceError;
use crate::facts::market::PricePoint;
use crate::facts::market::Prices;
use crate::facts::market::Quality;
use crate::facts::market::Shown;
use crate::learning::prediction::ForecastError;
use crate::learning::prediction::ForecastValue;
use crate::learning::prediction::Forecasts;

/// Days ahead that an outlook covers; one more than is forecast, as tomorrow may be published.
const OUTLOOK_DAYS: i64 = 9;
/// Days from now within which pages suggest windows.
const SUGGESTED_DAYS: i64 = 7;
/// Length of the windows that pages suggest.
const SUGGESTION: Duration = Duration::hours(3);
/// Most windows that pages suggest.
const SUGGESTIONS_MAX: usize = 4;
/// A window is clearly cheaper than its day when it saves this share of the day's mean, and at least
/// half a cent per kWh.
const CLEAR_SAVING_SHARE: f64 = 0.1;
const CLEAR_SAVING_EUR_MWH: f64 = 5.0;

/// Why there are no windows.
#[derive(Debug, thiserror::Error)]
pub enum WindowsError {
    /// The question cannot be answered from the prices there are.
    #[error("{0}")]
    NoAnswer(#[from] WindowError),
    /// Neither published nor forecast prices lie ahead.
    #[error("no prices of {market} from now on are known or forecast")]
    NoPrices {
        /// Market asked for.
        market: Market,
    },
    /// Prices could not be read.
    #[error("prices could not be read")]
    Prices(#[from] PriceError),
    /// The forecast could not be read.
    #[error("the forecast could not be read")]
    Forecast(#[from] ForecastError),
}

/// Finds cheap times.
#[derive(Clone)]
pub struct Windows {
    prices: Prices,
    shown: Shown,
    forecasts: Forecasts,
    clock: Clock,
}

impl Windows {
    /// Windows in these prices and forecasts.
    pub const fn new(prices: Prices, shown: Shown, forecasts: Forecasts, clock: Clock) -> Self {
        Self { prices, shown, forecasts, clock }
    }

    /// Published prices from `back` before now on, and behind them the newest forecast.
    pub async fn outlook(
        &self,
        market: Option<Market>,
        product: Option<Product>,
        back: Duration,
    ) -> Result<Outlook, WindowsError> {
        let now = self.clock.now();
        let (market, product) = self.shown.choose(market, product).await?;
        let zone = market.time_zone();
        let today = local_date(now, zone);
        let from = (now - back).min(day_range(today, zone).from);
        let range = TimeRange::new(from, day_range(add_days(today, OUTLOOK_DAYS), zone).to);
        let points = self.prices.prices(&market, product, range).await?;
        let forecast = self.forecasts.latest(&market, product).await?;
        let published_until = points
            .iter()
            .rev()
            .find(|point| point.price_eur_mwh.is_some())
            .map(|point| point.ts + Duration::seconds(point.interval_s.into()));
        let newest = points.iter().max_by_key(|point| point.known_at);
        let (prices_known_at, source) =
            (newest.map(|point| point.known_at), newest.map(|point| point.source.clone()));
        let mut slots: Vec<OutlookSlot> = points.iter().map(OutlookSlot::from).collect();
        let seam = published_until.unwrap_or(from);
        let (run, values) = match forecast {
            Some(forecast) => (Some(forecast.run), forecast.values),
            None => (None, vec![]),
        };
        let behind = values.iter().filter(|value| value.ts >= seam && range.contains(value.ts));
        slots.extend(behind.map(OutlookSlot::from));
        Ok(Outlook {
            market,
            product,
            slots,
            published_until,
            prices_known_at,
            source,
            sources: points
                .into_iter()
                .map(|point| point.source)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            forecast: run,
        })
    }

    /// The cheapest windows of a query, cheapest first.
    pub async fn cheapest(
        &self,
        query: &WindowQuery,
    ) -> Result<(Outlook, Vec<Window>), WindowsError> {
        let outlook =
            self.outlook(query.market.clone(), query.product, Duration::hours(24)).await?;
        let now = self.clock.now();
        let wanted = Wanted {
            duration_s: query.duration.map_or(SUGGESTION, |duration| duration.0).num_seconds(),
            // The past has no windows, whatever was asked.
            earliest_s: Some(query.earliest.unwrap_or(now).max(now).timestamp()),
            deadline_s: query.deadline.map(|at| at.timestamp()),
            contiguous: query.contiguous.unwrap_or(true),
            count: query.count.unwrap_or(3).into(),
        };
        let windows = find(&outlook, &wanted, now, query.energy_kwh)?;
        Ok((outlook, windows))
    }

    /// Windows worth a look within `outlook`, see [`suggest`].
    pub fn suggestions(&self, outlook: &Outlook) -> Vec<Window> {
        suggest(outlook, self.clock.now())
    }
}

/// Windows worth a look, earliest first, at most four: the cheapest three hours of today's rest and
/// of tomorrow where they lie clearly below their day's mean, and the cheapest ones of the days
/// after that lie below the mean of all that is ahead.
pub(super) fn suggest(outlook: &Outlook, now: DateTime<Utc>) -> Vec<Window> {
    let zone = outlook.market.time_zone();
    let today = local_date(now, zone);
    // Pages draw as far as this; a window beyond it could not be seen.
    let end = now + Duration::days(SUGGESTED_DAYS);
    let best = |days: i64| {
        let day = day_range(add_days(today, days), zone);
        let wanted = Wanted {
            duration_s: SUGGESTION.num_seconds(),
            earliest_s: Some(day.from.max(now).timestamp()),
            deadline_s: Some(day.to.min(end).timestamp()),
            contiguous: true,
            count: 1,
        };
        find(outlook, &wanted, now, None).ok()?.into_iter().next()
    };
    // What can be used soon comes first; a cheaper Thursday does not help on Monday.
    let mut found: Vec<Window> = (0..2).filter_map(best).filter(is_clearly_cheap).collect();
    let mean = mean_ahead(outlook, now);
    let mut later: Vec<Window> = (2..OUTLOOK_DAYS)
        .filter_map(best)
        .filter(|window| mean.is_some_and(|mean| window.mean_price_eur_mwh < mean))
        .collect();
    later.sort_by(|a, b| a.mean_price_eur_mwh.total_cmp(&b.mean_price_eur_mwh));
    found.extend(later.into_iter().take(SUGGESTIONS_MAX - found.len()));
    found.sort_by_key(|window| window.from);
    found
}

/// Whether a window lies so far below its day's mean that waiting for it is worth a thought.
fn is_clearly_cheap(window: &Window) -> bool {
    let price = window.mean_price_eur_mwh;
    window.saving_vs_day_mean_eur_mwh.is_some_and(|saving| {
        let day_mean = price + saving;
        saving >= CLEAR_SAVING_EUR_MWH.max(CLEAR_SAVING_SHARE * day_mean.abs())
    })
}

/// Time-weighted mean price of the slots that begin at `now` or later.
fn mean_ahead(outlook: &Outlook, now: DateTime<Utc>) -> Option<f64> {
    let ahead = outlook.slots.iter().filter(|slot| slot.ts >= now);
    let (mut cost, mut seconds) = (0.0, 0.0);
    for (slot, price) in ahead.filter_map(|slot| Some((slot, slot.price_eur_mwh?))) {
        cost += price * f64::from(slot.interval_s);
        seconds += f64::from(slot.interval_s);
    }
    (seconds > 0.0).then(|| cost / seconds)
}

/// The windows in the prices of `outlook`, cheapest first, with what they save.
pub(super) fn find(
    outlook: &Outlook,
    wanted: &Wanted,
    now: DateTime<Utc>,
    energy_kwh: Option<f64>,
) -> Result<Vec<Window>, WindowsError> {
    let priced: Vec<(&OutlookSlot, Slot)> = outlook
        .slots
        .iter()
        .filter_map(|slot| {
            let price_eur_mwh = slot.price_eur_mwh?;
            let (start_s, interval_s) = (slot.ts.timestamp(), slot.interval_s);
            Some((slot, Slot { start_s, interval_s, price_eur_mwh }))
        })
        .collect();
    if !priced.iter().any(|(slot, _)| slot.ts + Duration::seconds(slot.interval_s.into()) > now) {
        return Err(WindowsError::NoPrices { market: outlook.market.clone() });
    }
    let slots: Vec<Slot> = priced.iter().map(|(_, slot)| *slot).collect();
    let at_once = Wanted {
        duration_s: wanted.duration_s,
        earliest_s: Some(now.timestamp()),
        deadline_s: Some(now.timestamp() + wanted.duration_s),
        contiguous: true,
        count: 1,
    };
    let now_eur_mwh = windows::cheapest(&slots, &at_once)
        .ok()
        .and_then(|found| found.first().map(|window| window.mean_eur_mwh));
    let day_means = day_means(outlook);
    let zone = outlook.market.time_zone();
    let found = windows::cheapest(&slots, wanted)?;
    Ok(found
        .into_iter()
        .map(|window| {
            let used: Vec<Provenance> =
                window.slots.iter().map(|used| priced[used.slot].0.provenance).collect();
            let from = instant(window.start_s);
            let day_mean = day_means.get(&local_date(from, zone)).copied();
            let mean = window.mean_eur_mwh;
            let vs_now = now_eur_mwh.map(|price| price - mean);
            let vs_day = day_mean.map(|price| price - mean);
            let money = |saving: Option<f64>| Some(saving? * energy_kwh? / 1_000.0);
            Window {
                from,
                to: instant(window.end_s),
                blocks: window
                    .blocks
                    .iter()
                    .map(|block| Block { from: instant(block.start_s), to: instant(block.end_s) })
                    .collect(),
                mean_price_eur_mwh: mean,
                provenance: merged(&used),
                saving_vs_now_eur_mwh: vs_now,
                saving_vs_day_mean_eur_mwh: vs_day,
                vs_day_mean_percent: day_mean
                    .filter(|price| *price > 0.0)
                    .map(|price| 100.0 * (mean - price) / price),
                saving_vs_now_eur: money(vs_now),
                saving_vs_day_mean_eur: money(vs_day),
            }
        })
        .collect())
}

fn merged(used: &[Provenance]) -> Provenance {
    match used {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
        _ => Provenance::Mixed,
    }
}

/// Time-weighted mean price of every local day.
fn day_means(outlook: &Outlook) -> BTreeMap<NaiveDate, f64> {
    let zone = outlook.market.time_zone();
    let mut sums: BTreeMap<NaiveDate, (f64, f64)> = BTreeMap::new();
    for slot in &outlook.slots {
        let Some(price) = slot.price_eur_mwh else { continue };
        let sum = sums.entry(local_date(slot.ts, zone)).or_default();
        sum.0 += price * f64::from(slot.interval_s);
        sum.1 += f64::from(slot.interval_s);
    }
    sums.into_iter().map(|(day, (cost, seconds))| (day, cost / seconds)).collect()
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

impl From<&PricePoint> for OutlookSlot {
    fn from(point: &PricePoint) -> Self {
        Self {
            ts: point.ts,
            interval_s: point.interval_s,
            price_eur_mwh: point.price_eur_mwh,
            provenance: Provenance::Published,
            quantiles_eur_mwh: None,
            quality: point.quality,
        }
    }
}

impl From<&ForecastValue> for OutlookSlot {
    fn from(value: &ForecastValue) -> Self {
        Self {
            ts: value.ts,
            interval_s: value.interval_s,
            price_eur_mwh: Some(value.price_eur_mwh),
            provenance: Provenance::Forecast,
            quantiles_eur_mwh: Some(value.quantiles_eur_mwh),
            quality: Quality::Ok,
        }
    }
}
