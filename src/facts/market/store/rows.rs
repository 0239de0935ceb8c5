//! Rows and columns between the database and values.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Integer, Nullable, Text, Timestamptz};

use crate::base::ids::{Market, Product};
use crate::facts::changes::{Change, ChangeKind};
use crate::facts::market::model::{PricePoint, Quality};

/// A stored price, latest or replaced.
#[derive(Queryable, QueryableByName)]
pub(super) struct PriceRow {
    #[diesel(sql_type = Timestamptz)]
    ts: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    interval_s: i32,
    #[diesel(sql_type = Nullable<Double>)]
    price_eur_mwh: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    volume: Option<f64>,
    #[diesel(sql_type = Text)]
    quality: String,
    #[diesel(sql_type = Timestamptz)]
    known_at: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    known_at_assumed: bool,
    #[diesel(sql_type = Text)]
    source: String,
}

impl TryFrom<PriceRow> for PricePoint {
    type Error = diesel::result::Error;

    fn try_from(row: PriceRow) -> QueryResult<Self> {
        let quality = Quality::parse(&row.quality).ok_or_else(|| {
            let text = format!("'{}' is not a quality of a price", row.quality);
            diesel::result::Error::DeserializationError(text.into())
        })?;
        Ok(Self {
            ts: row.ts,
            interval_s: row.interval_s,
            price_eur_mwh: row.price_eur_mwh,
            volume: row.volume,
            quality,
            known_at: row.known_at,
            known_at_assumed: row.known_at_assumed,
            source: row.source,
        })
    }
}

/// Points of one product of one market, one per instant, oldest first.
pub(in crate::facts::market) struct Batch<'a> {
    pub(super) market: &'a Market,
    pub(super) product: Product,
    pub(super) points: Vec<&'a PricePoint>,
}

impl<'a> Batch<'a> {
    /// Of several points for one instant the last known one stays, of those the last in order.
    pub(in crate::facts::market) fn new(
        market: &'a Market,
        product: Product,
        points: &'a [PricePoint],
    ) -> Self {
        let mut points: Vec<&PricePoint> = points.iter().collect();
        // Best first within an instant: reversing before a stable sort puts the last given first.
        points.reverse();
        points.sort_by(|a, b| a.ts.cmp(&b.ts).then(b.known_at.cmp(&a.known_at)));
        points.dedup_by_key(|point| point.ts);
        Self { market, product, points }
    }

    /// Where a write of the batch changes `series`.
    pub(super) fn change(&self, series: &str) -> Vec<Change> {
        let ends = self.points.first().zip(self.points.last());
        let change = ends.map(|(first, last)| {
            Change::of(ChangeKind::Price, series, (first.ts, last.ts), last.interval_s)
        });
        change.into_iter().collect()
    }

    pub(in crate::facts::market) const fn len(&self) -> usize {
        self.points.len()
    }

    pub(in crate::facts::market) const fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}
