//! Meters and their readings: written once, read by whoever may, added up without inventing anything.

use std::collections::BTreeMap;

use chrono::Duration;
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::model::{
    BadReading, Meter, NewMeter, Reading, Resolution, Rollup, Stored, check_meter_id, is_simulated,
};
use super::settings::{AUTO, Settings};
use super::store::{self, Batch, Newest};
use crate::access::sites::Sites;
use crate::base::timeline::{Clock, TimeRange};
use crate::platform::db::{Conn, Db, DbError, count_written};
use crate::platform::runtime::Live;
use crate::platform::web::{Principal, Role};

/// Batches above this size go through COPY, which needs a connection of its own to be worth it.
pub(super) const COPY_ROWS_MIN: usize = 50_000;
/// Most readings that one answer holds.
pub(super) const READINGS_MAX: u32 = 50_000;
/// Most meters of a box that are listed at once.
const METERS_MAX: i64 = 1_000;
/// Days without a reading after which a real meter is no longer shown by default: a meter that is
/// away must not turn the page into a simulation.
const PATIENCE_DAYS: i64 = 14;

/// Failure to read or write meters and readings.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// There is none of that name, or it is not the caller's to know about.
    #[error("there is no meter '{0}'")]
    Unknown(String),
    /// A name that no meter can have.
    #[error("'{meter_id}' {reason}")]
    BadName {
        /// The name.
        meter_id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The caller asked for too much.
    #[error("{0}")]
    TooMuch(String),
    /// A reading of a batch breaks a rule; nothing of the batch is stored.
    #[error(transparent)]
    BadReading(#[from] BadReading),
    /// More would become known within a day than the settings allow.
    #[error(
        "meter '{meter_id}' cannot become known: {max} have within a day, as many as \
         meters.new_per_day_max allows; raise it, or look who makes up names"
    )]
    TooMany {
        /// The name.
        meter_id: String,
        /// As many as may.
        max: u32,
    },
    /// There is no site that a meter could belong to.
    #[error("there is no default site that the meter could belong to")]
    NoSite,
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for MeterError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Meters of all sites and their readings. Cloning is cheap.
#[derive(Clone)]
pub struct Meters {
    pub(super) db: Db,
    sites: Sites,
    clock: Clock,
    pub(super) settings: Live<Settings>,
}

impl Meters {
    /// The service on a database.
    pub fn new(db: Db, sites: Sites, clock: Clock, settings: impl Into<Live<Settings>>) -> Self {
        Self { db, sites, clock, settings: settings.into() }
    }

    /// Makes sure that a meter is known, in the transaction open on `conn`; one that is known stays
    /// as it is. Tells whether it was new.
    pub async fn register(&self, conn: &mut Conn, meter: &NewMeter) -> Result<bool, MeterError> {
        if let Err(reason) = check_meter_id(&meter.meter_id) {
            return Err(MeterError::BadName { meter_id: meter.meter_id.clone(), reason });
        }
        if store::is_known(conn, &meter.meter_id).await? {
            return Ok(false);
        }
        let max = self.settings.get().new_per_day_max;
        let since = self.clock.now() - Duration::days(1);
        if !is_simulated(&meter.meter_id) && store::made_since(conn, since).await? >= i64::from(max)
        {
            metrics::counter!("luna_meters_refused_total").increment(1);
            return Err(MeterError::TooMany { meter_id: meter.meter_id.clone(), max });
        }
        let site_id = match meter.site_id {
            Some(site_id) => site_id,
            None => self.sites.default_site(conn).await?.ok_or(MeterError::NoSite)?,
        };
        Ok(store::insert(conn, meter, site_id, self.clock.now()).await?)
    }

    /// Stores `readings` of known meters in one transaction; all of them or, on an error, none.
    ///
    /// An interval without a value gets one. A stored value gives way only to a different one that
    /// was not known earlier, and moves to the revisions. Writing a batch again changes nothing. Of
    /// several readings for one interval the last known one counts, of those the last in order. A
    /// quarter hour holds readings of one length: others are left out and counted. Writers of a
    /// meter take turns; readers are never held up.
    pub async fn put(&self, readings: &[Reading]) -> Result<Stored, MeterError> {
        let single_length =
            readings.windows(2).all(|pair| pair[0].interval_s == pair[1].interval_s);
        if readings.len() < COPY_ROWS_MIN || !single_length {
            let mut conn = self.db.conn().await?;
            return conn.transaction(async |conn| self.put_in(conn, readings).await).await;
        }
        check(readings)?;
        let batch = Batch::new(readings);
        let duplicates = (readings.len() - batch.len()) as u64;
        self.check_known(&mut *self.db.conn().await?, &batch).await?;
        let mut client = self.db.copy_client().await?;
        let stored = store::put_by_copy(&mut client, batch).await.map_err(DbError::from)?;
        let stored = Stored { duplicates, ..stored };
        count_written("smart_meter_readings", stored.inserted + stored.replaced);
        Ok(stored)
    }

    /// The same in the transaction open on `conn`.
    pub async fn put_in(
        &self,
        conn: &mut Conn,
        readings: &[Reading],
    ) -> Result<Stored, MeterError> {
        check(readings)?;
        // Shorter readings first: they say more, so the longer ones of the same batch give way.
        let mut by_length: BTreeMap<i32, Vec<Reading>> = BTreeMap::new();
        for reading in readings {
            by_length.entry(reading.interval_s).or_default().push(reading.clone());
        }
        let mut all = Stored::default();
        for readings in by_length.values() {
            let batch = Batch::new(readings);
            let duplicates = (readings.len() - batch.len()) as u64;
            self.check_known(conn, &batch).await?;
            all.add(&Stored { duplicates, ..store::put(conn, batch).await? });
        }
        count_written("smart_meter_readings", all.inserted + all.replaced);
        Ok(all)
    }

    /// Takes readings of a meter that begin in `range` out of the latest values, in the transaction
    /// open on `conn`: those of another length than `kept_s`, which is what will be told instead.
    /// They move to the revisions.
    pub async fn retire(
        &self,
        conn: &mut Conn,
        meter_id: &str,
        (range, kept_s): (TimeRange, i32),
    ) -> Result<u64, MeterError> {
        Ok(store::retire(conn, meter_id, range, kept_s).await? as u64)
    }

    async fn check_known(&self, conn: &mut Conn, batch: &Batch<'_>) -> Result<(), MeterError> {
        match store::unknown(conn, batch).await?.pop() {
            Some(meter_id) => Err(MeterError::Unknown(meter_id)),
            None => Ok(()),
        }
    }

    /// Up to `limit` meters that `who` may see, by name, after the one called `after`.
    pub async fn list(
        &self,
        who: &Principal,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Meter>, MeterError> {
        let sites = self.sites_of(who).await?;
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, sites.as_deref(), None, (after, limit)).await?)
    }

    /// The meter, if `who` may see it.
    pub async fn get(&self, who: &Principal, meter_id: &str) -> Result<Meter, MeterError> {
        let sites = self.sites_of(who).await?;
        let mut conn = self.db.conn().await?;
        let mut found = store::list(&mut conn, sites.as_deref(), Some(meter_id), ("", 1)).await?;
        found.pop().ok_or_else(|| MeterError::Unknown(meter_id.to_owned()))
    }

    /// The meter, whoever asks.
    pub async fn known(&self, meter_id: &str) -> Result<Option<Meter>, MeterError> {
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, None, Some(meter_id), ("", 1)).await?.pop())
    }

    /// The length of reading that tells most of a range, in seconds; absent without readings.
    pub async fn usual_interval_s(
        &self,
        meter_id: &str,
        range: TimeRange,
    ) -> Result<Option<i32>, MeterError> {
        let mut conn = self.db.conn().await?;
        Ok(store::usual_interval_s(&mut conn, meter_id, range).await?)
    }

    /// The sites that alone `who` may see; absent for those who see all.
    pub(super) async fn sites_of(&self, who: &Principal) -> Result<Option<Vec<Uuid>>, MeterError> {
        if who.role != Role::Customer || who.is_setup_guest {
            return Ok(None);
        }
        Ok(Some(self.sites.of_member(who.user_id).await?))
    }

    /// The meter that pages show to `who` when nobody says: the one of the settings, else a real one
    /// of a house or a connection with readings of the last days, else a simulated one.
    pub async fn shown(&self, who: &Principal) -> Result<Option<String>, MeterError> {
        let asked = self.settings.get().default.clone();
        if asked != AUTO {
            let found = self.get(who, &asked).await;
            return Ok(found.ok().map(|meter| meter.meter_id));
        }
        let meters = self.list(who, "", METERS_MAX).await?;
        let names: Vec<&str> = meters.iter().map(|meter| meter.meter_id.as_str()).collect();
        let mut conn = self.db.conn().await?;
        let newest = store::newest(&mut conn, &names).await?;
        Ok(best(&meters, &newest, self.clock.now() - Duration::days(PATIENCE_DAYS)))
    }

    /// Latest readings of a meter in `range`, oldest first; intervals without a row are absent.
    pub async fn readings(
        &self,
        meter_id: &str,
        range: TimeRange,
    ) -> Result<Vec<Reading>, MeterError> {
        let mut conn = self.db.conn().await?;
        let limit = i64::from(READINGS_MAX) + 1;
        let readings = store::readings(&mut conn, meter_id, range, limit).await?;
        if readings.len() > READINGS_MAX as usize {
            return Err(MeterError::TooMuch(format!(
                "the range holds more than {READINGS_MAX} readings; ask for a shorter one, or for \
                 a resolution of 15min, hour or day"
            )));
        }
        Ok(readings)
    }

    /// What the readings of a meter in `range` add up to, oldest first.
    ///
    /// Energy is mean power times length; what is missing is missing, not nothing. Local days are
    /// those of `zone`. Stretches without any row are absent.
    pub async fn rollups(
        &self,
        meter_id: &str,
        zone: Tz,
        range: TimeRange,
        resolution: Resolution,
    ) -> Result<Vec<Rollup>, MeterError> {
        let days_max = match resolution {
            Resolution::Raw | Resolution::Quarter => 400,
            Resolution::Hour => 1_600,
            Resolution::Day => 3_700,
        };
        let days = (range.length().num_hours() - 1) / 24 + 1;
        if days > days_max {
            return Err(MeterError::TooMuch(format!(
                "a range of this resolution covers at most {days_max} days, this one {days}"
            )));
        }
        self.kept_rollups((meter_id, zone), range, resolution).await
    }
}

pub(super) fn check(readings: &[Reading]) -> Result<(), BadReading> {
    for (place, reading) in readings.iter().enumerate() {
        reading.check().map_err(|reason| BadReading {
            place,
            meter_id: reading.meter_id.clone(),
            ts: reading.ts,
            reason,
        })?;
    }
    Ok(())
}

/// Of the meters with readings a real one before a simulated one, a house before a connection
/// before a device, then the one read last.
fn best(
    meters: &[Meter],
    newest: &[Newest],
    fresh_since: chrono::DateTime<chrono::Utc>,
) -> Option<String> {
    use super::model::MeterRole;
    let candidates = newest.iter().filter_map(|row| {
        let meter = meters.iter().find(|meter| meter.meter_id == row.meter_id)?;
        let class = match (meter.is_simulated, row.ts >= fresh_since) {
            (false, true) => 0,
            (true, true) => 1,
            (false, false) => 2,
            (true, false) => 3,
        };
        let role = match meter.role {
            MeterRole::House => 0,
            MeterRole::Grid => 1,
            _ => 2,
        };
        Some(((class, role, std::cmp::Reverse(row.ts)), &meter.meter_id))
    });
    candidates.min().map(|(_, meter_id)| meter_id.clone())
}

#[cfg(test)]
mod best_meter {
    use super::*;
    use crate::facts::meters::MeterRole;

    #[test]
    fn a_real_meter_is_shown_before_a_simulated_one_as_long_as_it_is_read() {
        let now: chrono::DateTime<chrono::Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        let meter = |meter_id: &str, role| Meter {
            meter_id: meter_id.to_owned(),
            site_id: Uuid::nil(),
            name: meter_id.to_owned(),
            role,
            is_simulated: meter_id.starts_with("sim-"),
            time_zone: "Europe/Zurich".to_owned(),
            created_at: now,
        };
        let meters = [
            meter("sim-house", MeterRole::House),
            meter("main", MeterRole::Grid),
            meter("boiler", MeterRole::Device),
        ];
        let shown = |read: &[(&str, i64)]| {
            let newest: Vec<Newest> = read
                .iter()
                .map(|(meter_id, days_ago)| Newest {
                    meter_id: (*meter_id).to_owned(),
                    ts: now - Duration::days(*days_ago),
                })
                .collect();
            best(&meters, &newest, now - Duration::days(PATIENCE_DAYS)).unwrap_or_default()
        };
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&[("sim-house", 0)]), "sim-house");
        assert_eq!(shown(&[("sim-house", 0), ("main", 13)]), "main");
        assert_eq!(shown(&[("sim-house", 0), ("main", 1), ("boiler", 0)]), "main");
        assert_eq!(shown(&[("sim-house", 0), ("main", 20)]), "sim-house");
        assert_eq!(shown(&[("sim-house", 40), ("main", 20)]), "main");
    }
}
