//! Whose meters, which months, which files.

use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::model::{ConsumptionPreview, ENERGY_KWH_MAX, Month, MonthTotal, NewTotal};
use super::store::{self, Row};
use crate::access::audit::{Audit, By, Event};
use crate::base::timeline::Clock;
use crate::facts::imports::{
    ImportFailure, Imports, ReadingOptions, ReadingReport, look_at_readings, parse_readings,
};
use crate::facts::meters::{Meter, MeterError, Meters, check_meter_id};
use crate::platform::db::{Db, DbError};
use crate::platform::runtime::{CpuPool, CpuPoolError};
use crate::platform::web::{Principal, Role};

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ConsumptionError {
    /// A meter is not there, or not the caller's.
    #[error(transparent)]
    Meters(#[from] MeterError),
    /// The caller may look at the meter and not change it.
    #[error("your role is viewer; viewers change nothing")]
    Viewer,
    /// A value breaks a rule.
    #[error("{reason}")]
    Bad {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no total of this month.
    #[error("there is no total of {month} for the meter '{meter_id}'")]
    NoTotal {
        /// The meter.
        meter_id: String,
        /// The month.
        month: Month,
    },
    /// The file was refused, or what it says could not be stored.
    #[error(transparent)]
    Import(#[from] ImportFailure),
    /// The processor is not to be had.
    #[error(transparent)]
    Pool(#[from] CpuPoolError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for ConsumptionError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Consumption that people bring. Cloning is cheap.
#[derive(Clone)]
pub struct Consumption {
    db: Db,
    meters: Meters,
    imports: Imports,
    audit: Audit,
    pool: CpuPool,
    clock: Clock,
}

impl Consumption {
    /// The service on the store of meters and the reader of files.
    pub const fn new(
        db: Db,
        meters: Meters,
        imports: Imports,
        audit: Audit,
        pool: CpuPool,
        clock: Clock,
    ) -> Self {
        Self { db, meters, imports, audit, pool, clock }
    }

    /// The meter, if `who` may write what it read: admins and analysts all, customers those of
    /// their own sites.
    pub async fn writable(
        &self,
        who: &Principal,
        meter_id: &str,
    ) -> Result<Meter, ConsumptionError> {
        check_meter_id(meter_id).map_err(|reason| bad("meter_id", reason))?;
        let meter = self.meters.get(who, meter_id).await?;
        if who.role == Role::Viewer {
            return Err(ConsumptionError::Viewer);
        }
        if meter.is_simulated {
            let reason = format!("'{meter_id}' is simulated; nobody measures it");
            return Err(bad("meter_id", reason));
        }
        Ok(meter)
    }

    /// Stores a month's total in place of the one that is there, or with `dry_run` only says so.
    pub async fn enter(
        &self,
        who: &Principal,
        total: &NewTotal,
        dry_run: bool,
    ) -> Result<MonthTotal, ConsumptionError> {
        let meter = self.writable(who, &total.meter_id).await?;
        check_energy("consumption_kwh", Some(total.consumption_kwh))?;
        check_energy("production_kwh", total.production_kwh)?;
        let (zone, now) = (zone_of(&meter), self.clock.now());
        let range = total.month.range(zone);
        if range.to > now {
            let reason = format!("{} is not over yet; a total is about a whole month", total.month);
            return Err(bad("month", reason));
        }
        let new = MonthTotal {
            meter_id: total.meter_id.clone(),
            month: total.month,
            from: range.from,
            to: range.to,
            consumption_kwh: total.consumption_kwh,
            production_kwh: total.production_kwh,
            entered_at: now,
        };
        if dry_run {
            return Ok(new);
        }
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let before = store::held(conn, &total.meter_id, total.month).await?;
            let told = before.as_ref().map(|row| (row.consumption_kwh, row.production_kwh));
            if told == Some((total.consumption_kwh, total.production_kwh)) {
                let entered_at = before.map_or(now, |row| row.entered_at);
                return Ok(MonthTotal { entered_at, ..new });
            }
            store::put(conn, total, who.user_id, now).await?;
            let subject = ("meter", &total.meter_id);
            let event = Event::new("consumption.enter", subject).after(total);
            let event = match &before {
                Some(row) => event.before(&facts(total.month, row)),
                None => event,
            };
            self.audit.record(conn, &By::of(who), event).await?;
            Ok(new)
        })
        .await
    }

    /// Totals of a meter that `who` may see, newest month first.
    pub async fn totals(
        &self,
        who: &Principal,
        meter_id: &str,
    ) -> Result<Vec<MonthTotal>, ConsumptionError> {
        check_meter_id(meter_id).map_err(|reason| bad("meter_id", reason))?;
        let meter = self.meters.get(who, meter_id).await?;
        let mut conn = self.db.conn().await?;
        let rows = store::list(&mut conn, meter_id).await?;
        Ok(rows.into_iter().map(|row| total_of(&meter, &row)).collect())
    }

    /// Takes a month's total back.
    pub async fn take_back(
        &self,
        who: &Principal,
        meter_id: &str,
        month: &str,
    ) -> Result<(), ConsumptionError> {
        self.writable(who, meter_id).await?;
        let month = Month::parse(month).map_err(|reason| bad("month", reason))?;
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let Some(row) = store::held(conn, meter_id, month).await? else {
                let meter_id = meter_id.to_owned();
                return Err(ConsumptionError::NoTotal { meter_id, month });
            };
            store::delete(conn, meter_id, month).await?;
            let event = Event::new("consumption.take_back", ("meter", meter_id));
            let event = event.before(&facts(month, &row));
            Ok(self.audit.record(conn, &By::of(who), event).await?)
        })
        .await
    }

    /// What storing a file would do; nothing is stored.
    pub async fn preview(
        &self,
        who: &Principal,
        bytes: bytes::Bytes,
        options: ReadingOptions,
    ) -> Result<ConsumptionPreview, ConsumptionError> {
        self.check_target(who, &options).await?;
        let meter_id = options.meter_id.clone();
        let looked = self.pool.run("import", move || look_at_readings(&bytes, &options)).await?;
        let looked = looked.map_err(ImportFailure::File)?;
        let seen = self.imports.rehearse_readings(looked, &By::of(who)).await?;
        Ok(ConsumptionPreview::of(meter_id, seen))
    }

    /// Reads a file and stores what it says in one transaction; a second time nothing changes.
    pub async fn take_file(
        &self,
        who: &Principal,
        bytes: bytes::Bytes,
        options: ReadingOptions,
    ) -> Result<ReadingReport, ConsumptionError> {
        self.check_target(who, &options).await?;
        let asked = options.clone();
        let parsed = self.pool.run("import", move || parse_readings(&bytes, &asked)).await?;
        let parsed = parsed.map_err(ImportFailure::File)?;
        Ok(self.imports.store_readings(parsed, &options, &By::of(who)).await?)
    }

    /// Whether the file may be about this meter: a known one of the caller, or with `create` a new one.
    async fn check_target(
        &self,
        who: &Principal,
        options: &ReadingOptions,
    ) -> Result<(), ConsumptionError> {
        match self.writable(who, &options.meter_id).await {
            Ok(_) => Ok(()),
            Err(ConsumptionError::Meters(MeterError::Unknown(_)))
                if options.create && matches!(who.role, Role::Admin | Role::Analyst) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn bad(field: &'static str, reason: impl Into<String>) -> ConsumptionError {
    ConsumptionError::Bad { field, reason: reason.into() }
}

fn check_energy(field: &'static str, value: Option<f64>) -> Result<(), ConsumptionError> {
    match value {
        Some(value) if !(0.0..=ENERGY_KWH_MAX).contains(&value) => {
            Err(bad(field, format!("is {value}, not 0 to {ENERGY_KWH_MAX} kWh")))
        }
        _ => Ok(()),
    }
}

fn zone_of(meter: &Meter) -> Tz {
    meter.time_zone.parse().unwrap_or(Tz::UTC)
}

fn total_of(meter: &Meter, row: &Row) -> MonthTotal {
    let month = Month::of_first_day(row.month);
    let range = month.range(zone_of(meter));
    MonthTotal {
        meter_id: meter.meter_id.clone(),
        month,
        from: range.from,
        to: range.to,
        consumption_kwh: row.consumption_kwh,
        production_kwh: row.production_kwh,
        entered_at: row.entered_at,
    }
}

fn facts(month: Month, row: &Row) -> serde_json::Value {
    json!({"month": month, "consumption_kwh": row.consumption_kwh,
        "production_kwh": row.production_kwh})
}
