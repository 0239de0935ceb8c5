//! How good what came is: what is not fit is kept apart before anything is stored.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::error::FetchError;
use super::model::{Ask, Publication, Quote, ReadError, Reading, Values};
use super::timing::Rhythm;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, day_range, local_date};
use crate::facts::archive::RawFile;
use crate::facts::quality::{Batch, Code, Due, Kind, Quality, Recorded, Unreadable, Weight};

/// Prices nearer than this are the same, written differently.
const SAME_EUR_MWH: f64 = 0.000_5;
/// Greatest magnitude of a price that is stored, in EUR/MWh.
const PRICE_MAX: f64 = 100_000.0;
/// Length of the intervals in which values are stored, in seconds.
const HOUR_S: i32 = 3_600;

/// A reading without what is kept apart, and what is said about that.
type Judged = Result<(Reading, Vec<String>), ReadError>;

/// Judges every product and series of a reading; reports, days and quarantine are kept.
///
/// The inner error says that nothing of the answer is fit.
pub(super) async fn judge(
    quality: &Quality,
    source: &str,
    (raw, ask): (&RawFile, &Ask),
    (mut reading, came_at): (Reading, DateTime<Utc>),
) -> Result<Judged, FetchError> {
    let (mut apart, mut is_any_fit, mut worst) = (Vec::new(), false, None);
    let products: BTreeSet<Product> = reading.quotes.iter().map(|quote| quote.product).collect();
    for product in &products {
        let Some(market) = ask.market() else { break };
        let batch = prices(source, (market, *product), (ask, came_at), &reading.quotes, &products);
        let recorded = quality.record(&batch, Some(raw.raw_file_id)).await?;
        let refused = unfit(&recorded);
        reading.quotes.retain(|quote| quote.product != *product || !refused.contains(&quote.ts));
        is_any_fit |= tell(&recorded, &batch.subject, &mut apart, &mut worst);
    }
    for values in &mut reading.values {
        let batch = series(source, (ask, came_at), values);
        let mut stored = quality.stored(&batch.subject, batch.history_range()).await?;
        if values.interval_s < HOUR_S {
            // Hours are stored: what they are cannot be compared with their quarters one by one.
            stored.retain(|(ts, _)| *ts < batch.asked.from);
        }
        let recorded = quality.record_with(&batch, stored, Some(raw.raw_file_id)).await?;
        let refused = unfit(&recorded);
        values.points.retain(|(ts, _)| !refused.contains(ts));
        is_any_fit |= tell(&recorded, &batch.subject, &mut apart, &mut worst);
    }
    Ok(match worst {
        Some(worst) if !is_any_fit => Err(ReadError::Contradiction(worst)),
        _ => Ok((reading, apart)),
    })
}

/// Instants of values that may not be stored; a day of zeros is left out as a whole later on.
fn unfit(recorded: &Recorded) -> BTreeSet<DateTime<Utc>> {
    let refused = recorded.refused.iter().filter(|(_, code)| *code != Code::AllZero);
    refused.map(|(ts, _)| *ts).collect()
}

/// Notes what is kept apart and why; answers whether anything of the batch may be stored, or nothing
/// had to be kept apart.
fn tell(
    recorded: &Recorded,
    subject: &str,
    apart: &mut Vec<String>,
    worst: &mut Option<String>,
) -> bool {
    let refusals = recorded
        .reasons
        .iter()
        .filter(|reason| reason.weight == Weight::Refused && reason.code != Code::AllZero);
    for reason in refusals {
        let said = format!("{subject}: {reason}");
        worst.get_or_insert_with(|| said.clone());
        apart.push(format!("{said}; kept apart"));
    }
    !recorded.accepted.is_empty() || unfit(recorded).is_empty()
}

fn due(ask: &Ask) -> Due {
    let (days, (hour, minute)) = Rhythm::of(&ask.subject).due();
    Due::at(days, hour, minute)
}

/// The days of `ask` on which `quotes` of a product are; all of them when there is no other product.
///
/// The market time unit may change between two days: then neither is missing on the days of the other.
fn range_of(
    ask: &Ask,
    product: Product,
    quotes: &[Quote],
    products: &BTreeSet<Product>,
) -> TimeRange {
    let own =
        quotes.iter().filter(|quote| quote.product == product && ask.range.contains(quote.ts));
    let (first, last) = (own.clone().map(|it| it.ts).min(), own.map(|it| it.ts).max());
    let (Some(first), Some(last)) = (first, last) else { return ask.range };
    if products.len() == 1 {
        return ask.range;
    }
    let zone = ask.subject.time_zone();
    let day = |at: DateTime<Utc>| day_range(local_date(at, zone), zone);
    TimeRange::new(day(first).from.max(ask.range.from), day(last).to.min(ask.range.to))
}

fn prices(
    source: &str,
    (market, product): (&Market, Product),
    (ask, came_at): (&Ask, DateTime<Utc>),
    quotes: &[Quote],
    products: &BTreeSet<Product>,
) -> Batch {
    let own = quotes.iter().filter(|quote| quote.product == product);
    Batch {
        source: source.to_owned(),
        subject: market.price_series(product),
        kind: Kind::Price,
        zone: ask.subject.time_zone(),
        interval_s: product.interval_s(),
        asked: range_of(ask, product, quotes, products),
        values: own.map(|quote| (quote.ts, quote.price)).collect(),
        came_at,
        due: Some(due(ask)),
        tolerance: SAME_EUR_MWH,
        limit: PRICE_MAX,
        is_rolling: false,
        rests_at_weekends: false,
        is_simulated: false,
    }
}

fn series(source: &str, (ask, came_at): (&Ask, DateTime<Utc>), values: &Values) -> Batch {
    let size = values.points.iter().filter_map(|(_, value)| *value).map(f64::abs);
    let size = size.filter(|size| size.is_finite()).fold(0.0, f64::max);
    Batch {
        source: source.to_owned(),
        subject: values.name.clone(),
        kind: Kind::of(&values.name),
        zone: ask.subject.time_zone(),
        interval_s: values.interval_s,
        asked: ask.range,
        values: values.points.clone(),
        came_at,
        due: Some(due(ask)),
        tolerance: 1e-6 * size,
        limit: values.limit,
        is_rolling: values.publication == Publication::Rolling,
        rests_at_weekends: Rhythm::of(&ask.subject).rests_at_weekends(),
        is_simulated: false,
    }
}

/// Lists a payload that nobody can read; a source that is ill or asks for patience sent none.
pub(super) async fn bury(
    quality: &Quality,
    raw: &RawFile,
    payload: &[u8],
    error: &ReadError,
) -> Result<(), FetchError> {
    if !error.is_of_payload() {
        return Ok(());
    }
    let letter = Unreadable {
        source: &raw.arrival.source,
        subject: &raw.arrival.subject,
        raw_file_id: Some(raw.raw_file_id),
        payload,
        reason: &error.to_string(),
    };
    quality.dead_letter(&letter).await?;
    Ok(())
}
