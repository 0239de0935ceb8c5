//! Storing what a file holds: once, and never over something better.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::error::ImportError;
use super::model::{ColumnsUsed, Dropped, ExogenousRow, ImportOptions, ParsedPrice, ParsedPrices};
use super::prices::parse_prices;
use crate::access::audit::{Audit, By, Event};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, TimeRange};
use crate::facts::market::{PriceError, PricePoint, Prices, Quality};
use crate::facts::readings::{Readings, ReadingsError};
use crate::facts::series::{Observation, Observations, SeriesError, SeriesSpec};
use crate::platform::db::DbError;

/// Days that are read at once when an import is compared with what is stored.
const COMPARED_DAYS: i64 = 3_650;

/// Reasons for which points of a sound file are not stored.
const OWN_VALUE_STORED: &str =
    "the hour has a value of its own already (autumn clock change, one value for two hours)";
const NEWER_STORED: &str = "a value that was published later is stored";

/// Why an import came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The file was refused.
    #[error(transparent)]
    File(#[from] ImportError),
    /// The prices could not be read or stored.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// The further series of a benchmark file could not be stored.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The readings could not be stored.
    #[error(transparent)]
    Readings(#[from] ReadingsError),
    /// The author could not be written down.
    #[error(transparent)]
    Audit(DbError),
}

/// What became of a further column of a benchmark file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeriesReport {
    /// Name of the series, e.g. `exo1:EPF-DE`.
    pub name: String,
    /// Header of the column.
    pub header: String,
    /// Values read.
    pub rows: u64,
    /// Values that are new or replaced another; 0 in a dry run.
    pub stored: u64,
    /// Values that were stored already; 0 in a dry run.
    pub unchanged: u64,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportReport {
    /// Market the prices went to.
    pub market: Market,
    /// Product the prices went to.
    pub product: Product,
    /// Rows of the file below the header.
    pub rows_read: u64,
    /// Prices that are new or replaced another; in a dry run those that would be.
    pub stored: u64,
    /// Prices that were stored already.
    pub unchanged: u64,
    /// What was left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Start of the first interval.
    pub first: Option<DateTime<Utc>>,
    /// Start of the last interval.
    pub last: Option<DateTime<Utc>>,
    /// How the file was understood.
    pub columns: ColumnsUsed,
    /// Further series of benchmark files.
    pub series: Vec<SeriesReport>,
    /// Sentences worth reading.
    pub notes: Vec<String>,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
}

/// Imports of files into the facts.
#[derive(Clone)]
pub struct Imports {
    prices: Prices,
    pub(super) observations: Observations,
    pub(super) audit: Audit,
    pub(super) readings: Readings,
    pub(super) clock: Clock,
}

impl Imports {
    /// The service on the stores of prices and of everything else.
    pub const fn new(
        prices: Prices,
        observations: Observations,
        audit: Audit,
        readings: Readings,
        clock: Clock,
    ) -> Self {
        Self { prices, observations, audit, readings, clock }
    }

    /// The service that takes files of many meters as they arrive.
    pub const fn readings(&self) -> &Readings {
        &self.readings
    }

    /// Reads a file and stores its prices; see [`parse_prices`] and [`Imports::store`].
    ///
    /// Reading is work for a processor: callers on a web worker read on the CPU pool and hand the
    /// outcome to [`Imports::store`].
    pub async fn import_prices(
        &self,
        bytes: &[u8],
        file_name: &str,
        options: &ImportOptions,
        by: &By,
    ) -> Result<ImportReport, ImportFailure> {
        let parsed = parse_prices(bytes, file_name, options)?;
        self.store(parsed, options.dry_run, by).await
    }

    /// Stores what was read, all prices in one transaction, each further series in another; a
    /// second time nothing changes, so a failure between two of them is mended by importing again.
    ///
    /// A value shared by two hours gives way to a value that an hour has of its own. No price can
    /// have become known after now: an assumption is cut there, a statement refused.
    pub async fn store(
        &self,
        mut parsed: ParsedPrices,
        dry_run: bool,
        by: &By,
    ) -> Result<ImportReport, ImportFailure> {
        let now = self.clock.now();
        refuse_known_in_future(&parsed.points, now)?;
        self.yield_to_own_values(&mut parsed).await?;
        let points: Vec<PricePoint> =
            parsed.points.iter().map(|point| stored_form(point, &parsed.source, now)).collect();
        let (market, product) = (&parsed.market, parsed.product);
        if !dry_run {
            // Written first: several transactions follow, and none of them may lack its author.
            self.audit.note(by, order(&parsed, &points)).await.map_err(ImportFailure::Audit)?;
        }
        let series = self.store_series(&parsed, dry_run).await?;
        let counts = if dry_run {
            self.compare(market, product, &points).await?
        } else {
            let stored = self.prices.put(market, product, &points).await?;
            Counts {
                stored: stored.inserted + stored.replaced,
                unchanged: stored.unchanged,
                older: stored.refused_older,
            }
        };
        if counts.older > 0 {
            parsed.dropped.push(dropped(NEWER_STORED, counts.older));
        }
        Ok(ImportReport {
            first: points.first().map(|point| point.ts),
            last: points.last().map(|point| point.ts),
            market: parsed.market,
            product: parsed.product,
            rows_read: parsed.rows_read,
            stored: counts.stored,
            unchanged: counts.unchanged,
            dropped: parsed.dropped,
            columns: parsed.columns,
            series,
            notes: parsed.notes,
            dry_run,
        })
    }

    /// Stores the further series of a benchmark file.
    async fn store_series(
        &self,
        parsed: &ParsedPrices,
        dry_run: bool,
    ) -> Result<Vec<SeriesReport>, SeriesError> {
        let mut reports = Vec::new();
        for series in &parsed.exogenous {
            let mut report = SeriesReport {
                name: series.name.clone(),
                header: series.header.clone(),
                rows: series.rows.len() as u64,
                stored: 0,
                unchanged: 0,
            };
            if !dry_run {
                let spec = SeriesSpec {
                    name: series.name.clone(),
                    unit: series.unit.to_owned(),
                    source: parsed.source.clone(),
                    market: Some(parsed.market.clone()),
                    resolution_s: series.interval_s,
                    attribution: String::new(),
                    is_feature: true,
                };
                let series_id = self.observations.ensure_series(&spec).await?;
                let rows: Vec<Observation> = series.rows.iter().map(observation).collect();
                let stored = self.observations.put(series_id, &rows).await?;
                report.stored = stored.inserted + stored.replaced;
                report.unchanged = stored.unchanged;
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Takes out estimated points where something better than an estimate is stored.
    async fn yield_to_own_values(&self, parsed: &mut ParsedPrices) -> Result<(), PriceError> {
        let mut own_values = Vec::new();
        // One pair of hours a year: a few short reads.
        let mut days: BTreeMap<i64, TimeRange> = BTreeMap::new();
        for point in parsed.points.iter().filter(|point| point.estimated) {
            let end = point.ts + Duration::seconds(point.interval_s.into());
            days.entry(point.ts.timestamp() / 86_400)
                .and_modify(|range| range.to = end)
                .or_insert_with(|| TimeRange::new(point.ts, end));
        }
        for range in days.into_values() {
            let stored = self.prices.prices(&parsed.market, parsed.product, range).await?;
            let own = |point: &PricePoint| matches!(point.quality, Quality::Ok | Quality::Restated);
            own_values.extend(stored.into_iter().filter(own).map(|point| point.ts));
        }
        let before = parsed.points.len();
        parsed.points.retain(|point| !point.estimated || !own_values.contains(&point.ts));
        let removed = before - parsed.points.len();
        if removed > 0 {
            parsed.dropped.push(dropped(OWN_VALUE_STORED, removed as u64));
        }
        Ok(())
    }

    /// What storing would do, without doing it.
    async fn compare(
        &self,
        market: &Market,
        product: Product,
        points: &[PricePoint],
    ) -> Result<Counts, PriceError> {
        let mut counts = Counts::default();
        let mut rest = points;
        while let Some(first) = rest.first() {
            let end = first.ts + Duration::days(COMPARED_DAYS);
            let (near, far) = rest.split_at(rest.partition_point(|point| point.ts < end));
            let range = TimeRange::new(first.ts, end);
            let present: HashMap<DateTime<Utc>, PricePoint> = self
                .prices
                .prices(market, product, range)
                .await?
                .into_iter()
                .map(|point| (point.ts, point))
                .collect();
            for point in near {
                match present.get(&point.ts) {
                    Some(stored) if says_the_same(stored, point) => counts.unchanged += 1,
                    Some(stored) if point.known_at < stored.known_at => counts.older += 1,
                    _ => counts.stored += 1,
                }
            }
            rest = far;
        }
        Ok(counts)
    }
}

#[derive(Default)]
struct Counts {
    stored: u64,
    unchanged: u64,
    older: u64,
}

/// What is to be stored, as the audit log keeps it.
fn order(parsed: &ParsedPrices, points: &[PricePoint]) -> Event {
    let series = parsed.market.price_series(parsed.product);
    Event::new("prices.import", ("series", series)).after(&json!({
        "file": parsed.source,
        "prices": points.len(),
        "first": points.first().map(|point| point.ts),
        "last": points.last().map(|point| point.ts),
        "further_series": parsed.exogenous.iter().map(|series| &series.name).collect::<Vec<_>>(),
    }))
}

fn dropped(reason: &str, rows: u64) -> Dropped {
    Dropped { reason: reason.to_owned(), rows, lines: Vec::new() }
}

fn says_the_same(stored: &PricePoint, point: &PricePoint) -> bool {
    stored.price_eur_mwh == point.price_eur_mwh
        && stored.volume == point.volume
        && stored.interval_s == point.interval_s
        && stored.quality == point.quality
}

const fn observation(row: &ExogenousRow) -> Observation {
    Observation { ts: row.ts, known_at: row.known_at, known_at_assumed: true, value: row.value }
}

/// Clocks of two machines differ by less.
pub(super) const CLOCK_SKEW: Duration = Duration::minutes(5);

fn refuse_known_in_future(points: &[ParsedPrice], now: DateTime<Utc>) -> Result<(), ImportError> {
    let is_ahead =
        |point: &&ParsedPrice| !point.known_at_assumed && point.known_at > now + CLOCK_SKEW;
    match points.iter().find(is_ahead) {
        Some(&ParsedPrice { ts, known_at, .. }) => Err(ImportError::KnownInFuture { ts, known_at }),
        None => Ok(()),
    }
}

fn stored_form(point: &ParsedPrice, source: &str, now: DateTime<Utc>) -> PricePoint {
    PricePoint {
        ts: point.ts,
        interval_s: point.interval_s,
        price_eur_mwh: Some(point.price_eur_mwh),
        volume: None,
        quality: if point.estimated { Quality::Estimated } else { Quality::Ok },
        known_at: point.known_at.min(now),
        known_at_assumed: point.known_at_assumed,
        source: source.to_owned(),
    }
}
