//! Readings written while the simulation runs: by one process at a time, in the order of time, from
//! where they ended, whoever wrote them.

use std::sync::Arc;
use std::time::Duration as Pause;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use super::active::{Active, made};
use super::error::SimulationError;
use super::house::World;
use super::model::Stream;
use super::output::row;
use super::service::Simulation;
use super::store;
use crate::base::timeline::TimeRange;
use crate::facts::meters::{NewMeter, Reading};
use crate::platform::db::Conn;

/// Pause between two batches.
const BATCH_PAUSE: Pause = Pause::from_secs(5);
/// Seconds of a quarter hour, within which readings have one length.
const QUARTER_S: i64 = 900;

/// What a batch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Rows written.
    pub rows: u64,
    /// Whether there is more to write already.
    pub has_more: bool,
}

/// What the next batch writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    range: TimeRange,
    /// Whether the quarter hours are whole and past, so that each meter's own history will do.
    is_history: bool,
    has_more: bool,
}

impl Simulation {
    /// Writes batches until told to stop; errors are said and tried again.
    pub async fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let more = match self.tick().await {
                Ok(ticked) => ticked.has_more,
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "The simulation waits for the database: {error}");
                    false
                }
                Err(error) => {
                    tracing::warn!(%error, "The simulation wrote no readings: {error}");
                    false
                }
            };
            if more {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(BATCH_PAUSE) => {}
            }
        }
    }

    /// Writes the next batch, if the stream runs and no other process is at it.
    ///
    /// The state is held while the rows are written, and both are committed together: a batch is
    /// written once, a stop waits for it and none follows it, and a start after a crash goes on
    /// where the last committed batch ended. A broker may see a batch twice: the state advances
    /// only once all of it is acknowledged.
    pub async fn tick(&self) -> Result<Ticked, SimulationError> {
        let settings = self.settings();
        let mut conn = self.needs.db.conn().await?;
        conn.transaction(async |conn| {
            let Some(state) = store::state_to_write(conn, Stream::Meters).await? else {
                return Ok(Ticked::default());
            };
            let now = self.clock.now();
            let meters = settings.active_meters();
            let Some(at) = state.written_until else { return Ok(Ticked::default()) };
            let of = (&*meters, settings.output.batch_rows());
            let Some(step) = next_step(at, now, of, state.interval_s) else {
                return Ok(Ticked::default());
            };
            let sink = self.sink(&settings)?;
            let world = settings.world();
            self.register(conn, &meters, world.zone).await?;
            let readings = self.readings(world, meters, step, state.interval_s).await?;
            let rows = readings.into_iter().map(row).collect();
            let written = (sink.deliver(conn, rows).await?, &*self.writer);
            store::advance(conn, Stream::Meters, Some(step.range.to), written, now).await?;
            Ok(Ticked { rows: written.0, has_more: step.has_more })
        })
        .await
    }

    /// Makes sure that meters are known, with their roles.
    pub(super) async fn register(
        &self,
        conn: &mut Conn,
        meters: &[Active],
        zone: Tz,
    ) -> Result<(), SimulationError> {
        for meter in meters {
            let new = NewMeter {
                name: meter.meter_id.clone(),
                role: meter.role,
                meter_id: meter.meter_id.clone(),
                site_id: None,
                time_zone: zone,
            };
            self.needs.meters.register(conn, &new).await?;
        }
        Ok(())
    }

    /// The readings of a step, each meter's at its own interval.
    async fn readings(
        &self,
        world: World,
        meters: Vec<Active>,
        step: Step,
        interval_s: Option<i32>,
    ) -> Result<Vec<Reading>, SimulationError> {
        let interval = |meter: &Active| {
            if step.is_history {
                meter.history_interval_s
            } else {
                interval_s.unwrap_or(meter.interval_s)
            }
        };
        let meters: Vec<(Active, i32)> =
            meters.into_iter().map(|meter| (meter.clone(), interval(&meter))).collect();
        let histories = Arc::clone(&self.histories);
        let mut intervals: Vec<i32> = meters.iter().map(|(_, interval)| *interval).collect();
        intervals.sort_unstable();
        intervals.dedup();
        let work = move || {
            let of = |interval_s: i32| {
                let same = meters.iter().filter(|(_, other)| *other == interval_s);
                let same: Vec<Active> = same.map(|(meter, _)| meter.clone()).collect();
                made((world, &histories), &same, step.range, interval_s)
            };
            intervals.into_iter().flat_map(of).collect()
        };
        Ok(self.needs.pool.run("simulation.readings", work).await?)
    }
}

/// What to write next when everything before `at` is written; nothing when that is all there is.
///
/// Whole quarter hours that are past are written as history. The others are written reading by
/// reading, up to the last instant at which all meters have read, and never over the end of a
/// quarter hour at once.
fn next_step(
    at: DateTime<Utc>,
    now: DateTime<Utc>,
    (meters, rows_max): (&[Active], i64),
    interval_s: Option<i32>,
) -> Option<Step> {
    let together = meters
        .iter()
        .map(|meter| i64::from(interval_s.unwrap_or(meter.interval_s)))
        .reduce(least_common_multiple)?;
    let (at_s, now_s) = (at.timestamp(), now.timestamp());
    let quarter = |second: i64| second - second.rem_euclid(QUARTER_S);
    let is_history = quarter(at_s) == at_s && at_s < quarter(now_s);
    let to_s = if is_history {
        let rows_per_quarter: i64 =
            meters.iter().map(|meter| QUARTER_S / i64::from(meter.history_interval_s)).sum();
        let quarters = (rows_max / rows_per_quarter).max(1);
        quarter(now_s).min(at_s + quarters * QUARTER_S)
    } else {
        (now_s - now_s.rem_euclid(together)).min(quarter(at_s) + QUARTER_S)
    };
    let to = DateTime::from_timestamp(to_s, 0)?;
    let has_more = now - to >= Duration::seconds(together);
    (to > at).then_some(Step { range: TimeRange::new(at, to), is_history, has_more })
}

fn least_common_multiple(a: i64, b: i64) -> i64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::simulation::Settings;

    /// Most rows of a batch.
    const ROWS: i64 = 20_000;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-03-28T{text}Z").parse().unwrap()
    }

    /// The steps from one instant to another, as (from, to, whether they are history).
    fn steps(from: &str, now: &str, interval_s: i32) -> Vec<(String, String, bool)> {
        let settings = Settings::default();
        let meters = settings.active_meters();
        let (mut from, now, mut all) = (at(from), at(now), Vec::new());
        while let Some(step) = next_step(from, now, (&meters, ROWS), Some(interval_s)) {
            assert_eq!(step.range.from, from);
            let time = |at: DateTime<Utc>| at.format("%H:%M:%S").to_string();
            all.push((time(from), time(step.range.to), step.is_history));
            from = step.range.to;
            assert_eq!(
                step.has_more,
                next_step(from, now, (&meters, ROWS), Some(interval_s)).is_some()
            );
        }
        all
    }

    fn step(from: &str, to: &str, is_history: bool) -> (String, String, bool) {
        (from.to_owned(), to.to_owned(), is_history)
    }

    #[test]
    fn past_quarter_hours_are_history_and_the_others_are_read() {
        assert_eq!(
            steps("12:07:30", "12:50:13", 5),
            [
                step("12:07:30", "12:15:00", false),
                step("12:15:00", "12:45:00", true),
                step("12:45:00", "12:50:10", false)
            ]
        );
        // The end of a quarter hour that was just passed.
        assert_eq!(
            steps("12:14:55", "12:15:06", 5),
            [step("12:14:55", "12:15:00", false), step("12:15:00", "12:15:05", false)]
        );
        assert_eq!(steps("12:15:05", "12:15:09", 5), []);
        // A clock that was put back writes nothing twice.
        assert_eq!(steps("12:15:05", "11:00:00", 5), []);
    }

    #[test]
    fn a_long_history_comes_in_parts() {
        let settings = Settings::default();
        let meters = settings.active_meters();
        let from = at("00:00:00") - Duration::days(200);
        let step = next_step(from, at("00:00:00"), (&meters, ROWS), None).unwrap();
        // Two meters, a row each per quarter hour: 10,000 quarter hours.
        assert_eq!(step.range.length(), Duration::minutes(150_000));
        assert!(step.is_history && step.has_more);
    }

    #[test]
    fn meters_of_different_intervals_read_together() {
        assert_eq!(least_common_multiple(4, 6), 12);
        assert_eq!(least_common_multiple(5, 1), 5);
    }
}
