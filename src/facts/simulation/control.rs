//! Starting and stopping the simulation, and having it make readings and prices on demand.

use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, SecondsFormat, Utc};
use diesel_async::AsyncConnection;
use serde::Serialize;
use serde_json::json;

use super::active::{Active, made, of_site};
use super::error::SimulationError;
use super::house::aligned;
use super::model::{
    GeneratedPrices, GeneratedReadings, SimulationStatus, Stream, StreamState, Which,
};
use super::output::{Output, row};
use super::service::{Simulation, days_to_fill};
use super::settings::{is_interval, is_live_interval};
use super::store;
use crate::access::audit::{By, Event};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, add_days, day_range, days_range, local_date};
use crate::facts::events::NewEvent;
use crate::facts::market::Quality;
use crate::facts::market::Stored as StoredPrices;
use crate::facts::meters::Stored;
use crate::platform::db::Conn;

/// Most rows that one request may have made.
pub(super) const ROWS_MAX: i64 = 2_000_000;
/// Rows that are made and written at once: what COPY is worth, and little memory.
const PART_ROWS: i64 = 100_000;
/// Days of prices that are made and written at once.
const PRICE_PART_DAYS: i64 = 1_000;
/// Seconds of a quarter hour, within which readings have one length.
const QUARTER_S: i64 = 900;
/// Intervals that a start may ask for, in words.
const LIVE_INTERVALS: &str = "1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60";
/// Intervals that readings can be made at, in words.
const INTERVALS: &str = "1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 180, 300, 900";

/// What the log and the events remember of a start or a stop.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    which: Which,
    interval_s: Option<i32>,
    seed: u64,
}

/// Who asks, for the log and for the events.
pub type Asker<'a> = (&'a By, Option<uuid::Uuid>);

impl Simulation {
    /// Starts what `which` names; what runs already runs on, at another interval if one is named.
    ///
    /// The meters' readings begin with their history, as far back as the settings say, and go on
    /// where they ended when they ran before.
    pub async fn start(
        &self,
        which: Which,
        interval_s: Option<i32>,
        asker: Asker<'_>,
    ) -> Result<SimulationStatus, SimulationError> {
        if !which.meters && !which.market {
            return Err(SimulationError::Nothing);
        }
        if let Some(given) = interval_s.filter(|given| !is_live_interval(*given)) {
            return Err(SimulationError::BadInterval { given, allowed: LIVE_INTERVALS });
        }
        let settings = self.settings();
        if which.meters && settings.active_meters().is_empty() {
            return Err(SimulationError::NoMeter);
        }
        if which.meters {
            self.sink(&settings)?;
        }
        let mut conn = self.needs.db.conn().await?;
        conn.transaction(async |conn| {
            if which.meters {
                self.register(conn, &settings.active_meters(), settings.world().zone).await?;
                let state = store::state_held(conn, Stream::Meters).await?;
                self.start_meters(conn, state, interval_s).await?;
            }
            if which.market {
                store::start(conn, Stream::Market, self.clock.now(), None, None).await?;
            }
            let told = Told { which, interval_s, seed: settings.seed };
            self.tell(conn, ("sim.start", "simulation.start"), &told, asker).await
        })
        .await?;
        if which.market {
            self.fill().await?;
        }
        self.wake();
        self.status().await
    }

    async fn start_meters(
        &self,
        conn: &mut Conn,
        state: Option<StreamState>,
        interval_s: Option<i32>,
    ) -> Result<(), SimulationError> {
        let (settings, now) = (self.settings(), self.clock.now());
        let zone = settings.world().zone;
        let first = add_days(local_date(now, zone), -i64::from(settings.history_days));
        let begin = day_range(first, zone).from;
        let state = state.unwrap_or_default();
        let mut until =
            state.written_until.map_or(begin, |until| until.max(begin)).min(now.max(begin));
        if state.is_running && state.interval_s == interval_s {
            return Ok(());
        }
        // A quarter hour has readings of one length: at another one what has begun is told anew.
        let quarter = until.timestamp() - until.timestamp().rem_euclid(QUARTER_S);
        if let Some(quarter) = DateTime::from_timestamp(quarter, 0) {
            let begun = TimeRange::new(quarter, until);
            let (mut gone, meters) = (0, settings.active_meters());
            for meter in &meters {
                let kept = interval_s.unwrap_or(meter.interval_s);
                gone += self.needs.meters.retire(conn, &meter.meter_id, (begun, kept)).await?;
            }
            if gone > 0 {
                for meter in &meters {
                    self.needs.meters.retire(conn, &meter.meter_id, (begun, 0)).await?;
                }
                until = quarter;
            }
        }
        Ok(store::start(conn, Stream::Meters, now, interval_s, Some(until)).await?)
    }

    /// Stops what `which` names, in every process: once this is answered, nothing more is written.
    pub async fn stop(
        &self,
        which: Which,
        asker: Asker<'_>,
    ) -> Result<SimulationStatus, SimulationError> {
        if !which.meters && !which.market {
            return Err(SimulationError::Nothing);
        }
        let seed = self.settings().seed;
        let mut conn = self.needs.db.conn().await?;
        conn.transaction(async |conn| {
            for (stream, is_meant) in
                [(Stream::Meters, which.meters), (Stream::Market, which.market)]
            {
                if is_meant {
                    store::stop(conn, stream, self.clock.now()).await?;
                }
            }
            let told = Told { which, interval_s: None, seed };
            self.tell(conn, ("sim.stop", "simulation.stop"), &told, asker).await
        })
        .await?;
        self.status().await
    }

    /// Makes readings of one meter, or of all that are set up, and stores them.
    ///
    /// Time that readings of another interval cover already is left out and counted. The order is
    /// written down first; several transactions follow, and doing it again changes nothing.
    pub async fn generate_readings(
        &self,
        meter_id: Option<&str>,
        range: TimeRange,
        interval_s: i32,
        asker: Asker<'_>,
    ) -> Result<GeneratedReadings, SimulationError> {
        self.generate(self.meters_to_read(meter_id)?, range, interval_s, asker).await
    }

    /// Makes readings of the meters of one site, whether it writes by itself or not, and stores
    /// them.
    pub async fn generate_site(
        &self,
        site: &str,
        range: TimeRange,
        interval_s: i32,
        asker: Asker<'_>,
    ) -> Result<GeneratedReadings, SimulationError> {
        let meters = of_site(&self.settings().site(site)?);
        self.generate(meters, range, interval_s, asker).await
    }

    async fn generate(
        &self,
        meters: Vec<Active>,
        range: TimeRange,
        interval_s: i32,
        asker: Asker<'_>,
    ) -> Result<GeneratedReadings, SimulationError> {
        self.check_readings(range, interval_s, count(&meters))?;
        let range = aligned(range, interval_s.into());
        let settings = self.settings();
        let meter_ids: Vec<String> = meters.iter().map(|meter| meter.meter_id.clone()).collect();
        let mut generated = GeneratedReadings {
            meter_ids,
            from: range.from,
            to: range.to,
            interval_s,
            rows: 0,
            missing: 0,
            stored: Stored::default(),
            sent: 0,
        };
        let sink = self.sink(&settings)?;
        let told = json!({"what": "readings", "meter_ids": generated.meter_ids, "from": range.from,
            "to": range.to, "interval_s": interval_s, "seed": settings.seed});
        let mut conn = self.needs.db.conn().await?;
        conn.transaction(async |conn| {
            self.register(conn, &meters, settings.world().zone).await?;
            self.tell(conn, ("sim.generate", "simulation.generate"), &told, asker).await
        })
        .await?;
        drop(conn);
        let rows_per_day = 86_400 / i64::from(interval_s) * count(&meters);
        let part = Duration::seconds((PART_ROWS / rows_per_day).max(1) * 86_400);
        let mut from = range.from;
        while from < range.to {
            let to = (from + part).min(range.to);
            let (world, part_meters) = (settings.world(), meters.clone());
            let part = TimeRange::new(from, to);
            let histories = Arc::clone(&self.histories);
            let work = move || made((world, &histories), &part_meters, part, interval_s);
            let made = self.needs.pool.run("simulation.readings", work).await?;
            let missing = made.iter().filter(|reading| reading.quality == Quality::Missing).count();
            generated.rows += made.len() as u64;
            generated.missing += missing as u64;
            if settings.output == Output::Database {
                generated.stored.add(&self.needs.meters.put(&made).await?);
            } else {
                let rows = made.into_iter().map(row).collect();
                let mut conn = self.needs.db.conn().await?;
                generated.sent += sink.deliver(&mut conn, rows).await?;
            }
            from = to;
        }
        Ok(generated)
    }

    fn meters_to_read(&self, meter_id: Option<&str>) -> Result<Vec<Active>, SimulationError> {
        let all = self.settings().active_meters();
        let Some(asked) = meter_id else {
            return if all.is_empty() { Err(SimulationError::NoMeter) } else { Ok(all) };
        };
        let mut known: Vec<String> = all.iter().map(|meter| meter.meter_id.clone()).collect();
        known.sort_unstable();
        let found = all.into_iter().find(|meter| meter.meter_id == asked);
        let unknown = || SimulationError::UnknownMeter { given: asked.to_owned(), known };
        Ok(vec![found.ok_or_else(unknown)?])
    }

    fn check_readings(
        &self,
        range: TimeRange,
        interval_s: i32,
        meters: i64,
    ) -> Result<(), SimulationError> {
        check_interval(interval_s)?;
        check_order(range.from, range.to)?;
        let now = self.clock.now();
        if range.to > now {
            let until = instant(now);
            return Err(SimulationError::Future { to: instant(range.to), until });
        }
        check_rows(range.length().num_seconds() / i64::from(interval_s) * meters)
    }

    /// Makes prices of the local days `first..=last` and stores them; doing it again changes nothing.
    pub async fn generate_prices(
        &self,
        product: Option<Product>,
        first: NaiveDate,
        last: NaiveDate,
        asker: Asker<'_>,
    ) -> Result<GeneratedPrices, SimulationError> {
        let settings = self.settings();
        let (market, product) = (Market::sim_ch(), product.unwrap_or(settings.product));
        let range = days_range(first, last, market.time_zone());
        check_order(range.from, range.to)?;
        let (_, until) = days_to_fill(self.clock.now(), &market, &settings);
        if last > until {
            return Err(SimulationError::Future { to: last.to_string(), until: until.to_string() });
        }
        check_rows(range.length().num_seconds() / i64::from(product.interval_s()))?;
        let told = json!({"what": "prices", "market": market, "product": product.name(),
            "from": first, "to": last, "seed": settings.seed});
        let mut conn = self.needs.db.conn().await?;
        conn.transaction(async |conn| {
            self.tell(conn, ("sim.generate", "simulation.generate"), &told, asker).await
        })
        .await?;
        drop(conn);
        let stored = StoredPrices::default();
        let mut generated =
            GeneratedPrices { market, product, from: first, to: last, rows: 0, stored };
        let mut from = first;
        while from <= last {
            let to = add_days(from, PRICE_PART_DAYS - 1).min(last);
            let (stored, rows) = self.put_prices(product, from, to).await?;
            generated.rows += rows;
            generated.stored.inserted += stored.inserted;
            generated.stored.replaced += stored.replaced;
            generated.stored.unchanged += stored.unchanged;
            generated.stored.refused_older += stored.refused_older;
            from = add_days(to, 1);
        }
        Ok(generated)
    }

    /// Writes down in the open transaction what is done, for whoever looks after the box and for
    /// learning.
    async fn tell(
        &self,
        conn: &mut Conn,
        (kind, action): (&'static str, &'static str),
        told: &impl Serialize,
        (by, user_id): Asker<'_>,
    ) -> Result<(), SimulationError> {
        let event = Event::new(action, ("simulation", "simulation")).after(told);
        self.needs.audit.record(conn, by, event).await?;
        let event = NewEvent::new(kind).by(user_id).meta(told);
        Ok(self.needs.events.record(conn, &event).await?)
    }
}

/// Whether readings of this length can be made: seconds that fill a minute, or minutes that fill a
/// quarter hour.
pub fn check_interval(interval_s: i32) -> Result<(), SimulationError> {
    if is_interval(interval_s) {
        return Ok(());
    }
    Err(SimulationError::BadInterval { given: interval_s, allowed: INTERVALS })
}

fn check_order(from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), SimulationError> {
    if from < to {
        return Ok(());
    }
    Err(SimulationError::EmptyRange { from: instant(from), to: instant(to) })
}

/// An instant to the second, as people read it in a sentence.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn check_rows(rows: i64) -> Result<(), SimulationError> {
    if rows <= ROWS_MAX {
        return Ok(());
    }
    Err(SimulationError::TooMany { rows, max: ROWS_MAX })
}

/// How many meters there are, as a factor.
fn count(meters: &[Active]) -> i64 {
    i64::try_from(meters.len()).unwrap_or(i64::MAX)
}
