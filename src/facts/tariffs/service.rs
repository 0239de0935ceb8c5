//! Writing tariffs once, reading what they cost, standing in for what was not published.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel_async::AsyncConnection;
use serde::Serialize;

use super::compose::{TariffSlot, compose};
use super::fallback;
use super::model::{
    BadPrice, Component, Coverage, FALLBACK, SAME_CHF_KWH, SLOT_S, Stored, Tariff, TariffId,
    TariffPrice,
};
use super::presets::{self, Preset};
use super::publication::{Published, is_in_time, is_late, known_at, whole_days};
use super::settings::{Settings, hint, nearest};
use super::store::{self, Batch};
use super::yearly::YearError;
use crate::access::audit::Audit;
use crate::base::timeline::{Clock, TimeRange, add_days, day_range, days_range, local_date};
use crate::facts::market::Quality;
use crate::platform::db::{Db, DbError, count_written};
use crate::platform::runtime::Live;

/// Longest range one read may cover, in days: ten years and a bit.
const RANGE_DAYS_MAX: i64 = 3_700;
/// Days behind today that may still be filled: a box that was switched off for longer asks for them.
const FILL_DAYS: i64 = 6;

/// Failure to read or write tariffs.
#[derive(Debug, thiserror::Error)]
pub enum TariffError {
    /// Nobody knows the tariff.
    #[error("there is no tariff '{given}'{hint}")]
    Unknown {
        /// What was asked for.
        given: TariffId,
        /// A question after what may have been meant.
        hint: String,
    },
    /// The caller asked for too much.
    #[error("a range covers at most {max} days, this one {days}")]
    RangeTooLong {
        /// Length of the range.
        days: i64,
        /// Longest allowed.
        max: i64,
    },
    /// A price of a batch breaks a rule; nothing of the batch is stored.
    #[error(transparent)]
    BadPrice(#[from] BadPrice),
    /// A yearly file cannot be used.
    #[error(transparent)]
    File(#[from] YearError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for TariffError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What was stored.
    pub stored: Stored,
    /// Prices that were fit to be stored.
    pub prices: usize,
    /// Start of the newest of them.
    pub newest: Option<DateTime<Utc>>,
    /// What was odd.
    pub findings: Vec<String>,
}

/// A day for which the standard tariff stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filled {
    /// The tariff without published prices.
    pub tariff: TariffId,
    /// The local day.
    pub day: NaiveDate,
    /// Quarter hours that were missing.
    pub missing: usize,
    /// Prices that were written; none when the standard tariff is not known either.
    pub prices: usize,
}

/// A tariff with what is stored of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub tariff: Tariff,
    pub is_active: bool,
    pub coverage: Option<Coverage>,
}

/// Retail tariffs: those that are known by name, those of the settings, and those read from files.
#[derive(Clone)]
pub struct Tariffs {
    db: Db,
    audit: Audit,
    clock: Clock,
    settings: Live<Settings>,
}

impl Tariffs {
    /// The service on a database.
    pub fn new(db: Db, audit: Audit, clock: Clock, settings: impl Into<Live<Settings>>) -> Self {
        Self { db, audit, clock, settings: settings.into() }
    }

    /// The present instant.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Where authors are written down.
    pub(super) const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// The household's tariff, which pages show: `tariffs.home`, else the first active one.
    pub async fn home(&self) -> Result<Option<Tariff>, TariffError> {
        let Some(id) = self.settings.get().home_id() else { return Ok(None) };
        match self.tariff(&id).await {
            Ok(tariff) => Ok(Some(tariff)),
            // A file that has not been imported yet.
            Err(TariffError::Unknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a kilowatt hour costs in `range`, oldest first; quarter hours without prices are absent.
    pub async fn prices(
        &self,
        id: &TariffId,
        range: TimeRange,
    ) -> Result<Vec<TariffSlot>, TariffError> {
        Self::check_range(range, RANGE_DAYS_MAX)?;
        let tariff = self.tariff(id).await?;
        let mut conn = self.db.conn().await?;
        let prices = store::prices(&mut conn, &tariff.id, range).await?;
        Ok(compose(&prices, tariff.vat_percent))
    }

    /// The tariff of an identifier, with the monthly fee that was published last.
    pub async fn tariff(&self, id: &TariffId) -> Result<Tariff, TariffError> {
        let all = self.list().await?;
        let same = |listed: &&Listed| listed.tariff.id.as_str().eq_ignore_ascii_case(id.as_str());
        if let Some(found) = all.iter().find(same) {
            return Ok(found.tariff.clone());
        }
        let names = all.iter().map(|listed| listed.tariff.id.as_str());
        Err(TariffError::Unknown { given: id.clone(), hint: hint(nearest(id.as_str(), names)) })
    }

    /// Every tariff that is known, and every other one that is stored, with what is stored of it.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, TariffError> {
        let settings = self.settings.get();
        let mut conn = self.db.conn().await?;
        let stored = store::tariffs(&mut conn).await?;
        let coverage: HashMap<TariffId, Coverage> =
            store::coverage(&mut conn).await?.into_iter().collect();
        drop(conn);
        let mut stored: Vec<(TariffId, Tariff)> =
            stored.into_iter().map(|tariff| (tariff.id.clone(), tariff)).collect();
        let mut all: Vec<Tariff> = Vec::new();
        for Preset { tariff, .. } in presets::all(&settings) {
            let found = stored.iter().position(|(id, _)| *id == tariff.id);
            let base_chf_month = found.and_then(|at| stored.remove(at).1.base_chf_month);
            all.push(Tariff { base_chf_month, ..tariff });
        }
        let vat_percent = settings.vat_percent;
        all.extend(stored.into_iter().map(|(_, tariff)| Tariff { vat_percent, ..tariff }));
        let active = settings.active_ids();
        let listed = all.into_iter().map(|tariff| Listed {
            is_active: active.contains(&tariff.id),
            coverage: coverage.get(&tariff.id).copied(),
            tariff,
        });
        Ok(listed.collect())
    }

    /// The tariff of an identifier with the way to its prices.
    pub fn preset(&self, id: &TariffId) -> Result<Preset, TariffError> {
        let settings = self.settings.get();
        presets::find(id, &settings).ok_or_else(|| {
            let known = presets::all(&settings);
            let names = known.iter().map(|preset| preset.tariff.id.as_str());
            TariffError::Unknown { given: id.clone(), hint: hint(nearest(id.as_str(), names)) }
        })
    }

    /// Local day of the newest price, and whether each of `days` has a price for every quarter hour
    /// that was published and does not stand in for another.
    pub async fn known_days(
        &self,
        preset: &Preset,
        days: [NaiveDate; 2],
    ) -> Result<(Option<NaiveDate>, [bool; 2]), TariffError> {
        let Tariff { id, time_zone: zone, .. } = &preset.tariff;
        let mut conn = self.db.conn().await?;
        let coverage = store::coverage(&mut conn).await?;
        let newest = coverage.iter().find(|(known, _)| known == id);
        let newest = newest.map(|(_, coverage)| local_date(coverage.last, *zone));
        let mut has = [false; 2];
        for (day, has) in days.into_iter().zip(&mut has) {
            let mut prices = store::prices(&mut conn, id, day_range(day, *zone)).await?;
            prices.retain(|price| !price.source.starts_with(FALLBACK));
            let is_there = |component: Component| {
                prices.iter().filter(|price| price.component == component).count()
                    >= day_range(day, *zone).slots(SLOT_S).count()
            };
            *has = Component::ALL.into_iter().any(is_there);
        }
        Ok((newest, has))
    }

    /// Stores what of an answer about `id` is fit, in one transaction.
    ///
    /// A price that says what is stored changes nothing; one that differs was known when it came and
    /// moves the old one to the revisions. Where the standard tariff stands in, it gives way only to
    /// prices that were certainly published before their day began: after that it is binding.
    pub async fn take(&self, id: &TariffId, published: &Published) -> Result<Taken, TariffError> {
        let Preset { tariff, asked } = self.preset(id)?;
        let tariff = Tariff { base_chf_month: published.base_chf_month, ..tariff };
        // Whoever cannot be asked for days sends what is current, and that ends anywhere.
        let now = asked.takes_range.then(|| self.clock.now());
        let (mut quotes, mut findings) = whole_days(published, tariff.time_zone, now);
        let mut late = 0;
        if tariff.fallback.is_some() {
            let all = quotes.len();
            quotes.retain(|quote| !is_late(published, quote.ts, tariff.time_zone));
            late = (all - quotes.len()) as u64;
        }
        let mut conn = self.db.conn().await?;
        let present = store::prices(&mut conn, &tariff.id, published.range).await?;
        drop(conn);
        let present: HashMap<(Component, DateTime<Utc>), TariffPrice> =
            present.into_iter().map(|price| ((price.component, price.ts), price)).collect();
        let rule = (tariff.time_zone, tariff.publishes_at.unwrap_or(NaiveTime::MIN));
        let mut prices = Vec::new();
        for quote in &quotes {
            let before = present.get(&(quote.component, quote.ts));
            let stands_in = before.is_some_and(|price| price.source.starts_with(FALLBACK));
            let is_in_time = is_in_time(published, quote.ts, tariff.time_zone);
            let is_same = before.is_some_and(|price| {
                (price.price_chf_kwh - quote.price_chf_kwh).abs() < SAME_CHF_KWH
            });
            if is_same && !stands_in {
                continue;
            }
            let (known_at, known_at_assumed) = match before {
                Some(_) => (published.came_at, false),
                None => known_at(published, quote.ts, rule),
            };
            let source = tariff.id.preset().to_owned();
            let is_restated = before.is_some_and(|price| price.source == source);
            prices.push(TariffPrice {
                ts: quote.ts,
                component: quote.component,
                price_chf_kwh: quote.price_chf_kwh,
                quality: if is_restated { Quality::Restated } else { Quality::Ok },
                known_at,
                known_at_assumed,
                source,
                is_in_time,
            });
        }
        let mut stored = self.put(&tariff, &prices).await?;
        stored.unchanged += (quotes.len() - prices.len()) as u64;
        stored.refused_late += late;
        if stored.refused_late > 0 {
            findings.push(format!(
                "{} prices came after their day had begun and are left out: the standard tariff holds",
                stored.refused_late
            ));
        }
        let newest = quotes.last().map(|quote| quote.ts);
        Ok(Taken { stored, prices: quotes.len(), newest, findings })
    }

    /// Stores `prices` of `tariff` in one transaction; all of them or, on an error, none.
    ///
    /// A quarter hour without a price gets one. A stored price gives way only to a different one that
    /// was not known earlier, and moves to the revisions. Writing a batch again changes nothing.
    pub(super) async fn put(
        &self,
        tariff: &Tariff,
        prices: &[TariffPrice],
    ) -> Result<Stored, TariffError> {
        if prices.is_empty() {
            return Ok(Stored::default());
        }
        for price in prices {
            price.check(&tariff.id)?;
        }
        let (batch, now) = (Batch::new(&tariff.id, prices), self.clock.now());
        let mut conn = self.db.conn().await?;
        let write = conn.transaction(async |conn| {
            store::note(conn, tariff, now).await?;
            store::put(conn, &batch).await
        });
        let mut stored = write.await?;
        count_written("tariff_prices", stored.inserted + stored.replaced);
        stored.duplicates = (prices.len() - batch.len()) as u64;
        Ok(stored)
    }

    /// Fills the days of active tariffs that have begun by `now` without published prices from the
    /// standard tariff, where the operator's terms say that it holds then. Asking again changes
    /// nothing; answers the days that were missing.
    pub async fn apply_fallbacks(&self, now: DateTime<Utc>) -> Result<Vec<Filled>, TariffError> {
        let mut all = Vec::new();
        for Preset { tariff, .. } in self.settings.get().wanted() {
            let Some(standard) = tariff.fallback.clone() else { continue };
            let zone = tariff.time_zone;
            let today = local_date(now, zone);
            let mut conn = self.db.conn().await?;
            let coverage = store::coverage(&mut conn).await?;
            drop(conn);
            let first = coverage.iter().find(|(id, _)| *id == tariff.id);
            let first = first.map_or(today, |(_, coverage)| local_date(coverage.first, zone));
            let mut day = first.max(add_days(today, -FILL_DAYS));
            while day <= today {
                all.extend(self.fill(&tariff, &standard, day).await?);
                day = add_days(day, 1);
            }
        }
        Ok(all)
    }

    async fn fill(
        &self,
        tariff: &Tariff,
        standard: &TariffId,
        day: NaiveDate,
    ) -> Result<Option<Filled>, TariffError> {
        let zone = tariff.time_zone;
        let mut conn = self.db.conn().await?;
        let own = store::prices(&mut conn, &tariff.id, day_range(day, zone)).await?;
        let missing = fallback::missing(day, zone, &own);
        if missing.is_empty() {
            return Ok(None);
        }
        let around = days_range(add_days(day, -fallback::LOOK_BACK_DAYS), day, zone);
        let stored = store::prices(&mut conn, standard, around).await?;
        let prices = fallback::stand_in((day, zone), &missing, (standard, &stored));
        let (batch, now) = (Batch::new(&tariff.id, &prices), self.clock.now());
        let write = conn.transaction(async |conn| {
            store::note(conn, tariff, now).await?;
            store::fill(conn, &batch).await
        });
        let filled = write.await?;
        count_written("tariff_prices", filled as u64);
        let (tariff, missing) = (tariff.id.clone(), missing.len());
        if filled > 0 {
            tracing::warn!(%tariff, %day, "{tariff} has no prices for {day}: {standard} holds");
        }
        Ok(Some(Filled { tariff, day, missing, prices: filled }))
    }

    /// Refuses a range longer than `days_max` days.
    pub(super) fn check_range(range: TimeRange, days_max: i64) -> Result<(), TariffError> {
        // Whole local days may hold one hour more than their number times 24.
        let hours = range.length().num_hours() - 1;
        if hours > days_max * 24 {
            return Err(TariffError::RangeTooLong { days: hours / 24 + 1, max: days_max });
        }
        Ok(())
    }

    /// Everything that was replaced in `range`.
    #[cfg(test)]
    pub(super) async fn revisions(
        &self,
        id: &TariffId,
        range: TimeRange,
    ) -> Result<Vec<TariffPrice>, TariffError> {
        let mut conn = self.db.conn().await?;
        Ok(store::revisions(&mut conn, id, range).await?)
    }
}
