//! Clock times that enqueue jobs: a tick decides nothing, the queue's unique slots do.
//!
//! # Why
//!
//! The scheduler library keeps the offset that a zone has when a job is added, so that local times
//! are an hour off after the next clock change. It therefore only ticks here; which occurrences
//! have passed is worked out in the schedule's own zone at each tick. A tick that is late or lost
//! costs its delay: the next one finds the occurrence again.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_cron_scheduler::{Job as Tick, JobScheduler, JobSchedulerError};
use utoipa::ToSchema;

use super::model::NewJob;
use super::service::{Jobs, JobsError};
use super::store::definitions::Definition;
use crate::base::timeline::Clock;
use crate::platform::runtime::{Stage, Tasks};

/// When the scheduler looks at the schedules: every ten seconds, in UTC.
const TICKS: &str = "*/10 * * * * *";

/// Longest pause between two looks. The ticks wait for an instant of the machine's clock, and when that
/// is put back they wait for as long as it was put back.
const SECOND_LOOK: std::time::Duration = std::time::Duration::from_secs(10);

/// How far back a start looks for an occurrence that was missed while no process ran.
const MISSED_H_MAX: i64 = 26;

/// How far before an instant a search for occurrences begins, in hours: further than clocks go back.
const BEFORE_FOLD_H: i64 = 4;

/// How long a slot is: two occurrences in the same slot are one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotLength {
    /// A local day, e.g. `2026-10-25`.
    Day,
    /// An hour, e.g. `2026-10-25T02+01:00`; the offset tells the two apart when the clock goes back.
    Hour,
    /// A minute, e.g. `2026-10-25T02:15+01:00`.
    Minute,
}

impl SlotLength {
    const fn format(self) -> &'static str {
        match self {
            Self::Day => "%Y-%m-%d",
            Self::Hour => "%Y-%m-%dT%H%:z",
            Self::Minute => "%Y-%m-%dT%H:%M%:z",
        }
    }
}

/// When jobs of one name are enqueued.
#[derive(Debug, Clone)]
pub struct Schedule {
    name: &'static str,
    cron: Cron,
    zone: Tz,
    slot: SlotLength,
}

/// A schedule as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Planned {
    /// Jobs it enqueues.
    #[schema(example = "learning.retrain")]
    pub name: String,
    /// Second, minute, hour, day, month, weekday.
    #[schema(example = "0 17 3 * * *")]
    pub cron: String,
    /// On whose clocks.
    #[schema(example = "Europe/Zurich")]
    pub time_zone: String,
    /// Whether it is kept.
    pub is_enabled: bool,
    /// When it enqueues the next job; absent while it is paused.
    pub next_at: Option<DateTime<Utc>>,
}

/// A schedule that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Not six fields that make sense.
    #[error(
        "'{cron}' is not a schedule: {reason}; write second, minute, hour, day, month, weekday, \
         e.g. '0 15 13 * * *'"
    )]
    Cron {
        /// What was written.
        cron: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The ticks cannot be started.
    #[error("the schedule's ticks cannot be started: {0}")]
    Ticks(#[from] JobSchedulerError),
    /// The schedules cannot be written down.
    #[error(transparent)]
    Jobs(#[from] JobsError),
}

impl Schedule {
    /// Jobs `name` at the times of `cron` (six fields, seconds first) on the clocks of `zone`.
    pub fn new(
        name: &'static str,
        cron: &str,
        zone: Tz,
        slot: SlotLength,
    ) -> Result<Self, ScheduleError> {
        Ok(Self { name, cron: parse(cron)?, zone, slot })
    }

    /// The form in which it is stored.
    pub(super) fn definition(&self, changed_at: DateTime<Utc>) -> Definition {
        Definition {
            name: self.name.to_owned(),
            cron: self.cron.as_str().to_owned(),
            time_zone: self.zone.name().to_owned(),
            is_enabled: true,
            changed_at,
        }
    }

    /// The last occurrence after `since`, up to and including `now`.
    pub fn last_due(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.after(since).take_while(|at| *at <= now).last()
    }

    /// The first occurrence after `now`.
    #[cfg(test)]
    pub fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.after(now).next()
    }

    fn after(&self, since: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        occurrences(&self.cron, self.zone, since)
    }

    /// The job of the occurrence `at`.
    pub fn job(&self, at: DateTime<Utc>) -> NewJob {
        let local = at.with_timezone(&self.zone);
        let slot = local.format(self.slot.format()).to_string();
        NewJob::new(self.name).slot(slot).payload(json!({ "scheduled_at": at }))
    }
}

fn parse(cron: &str) -> Result<Cron, ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build();
    parser
        .parse(cron)
        .map_err(|error| ScheduleError::Cron { cron: cron.to_owned(), reason: error.to_string() })
}

/// Times of `cron` on the clocks of `zone` after `since`, oldest first.
fn occurrences(cron: &Cron, zone: Tz, since: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    // A search that begins inside the hour that happens twice misses its second pass.
    let before_any_fold = since - Duration::hours(BEFORE_FOLD_H);
    let occurrences = cron.iter_after(before_any_fold.with_timezone(&zone));
    occurrences.map(|at| at.to_utc()).skip_while(move |at| *at <= since)
}

impl Planned {
    /// What the stored schedule means at `now`; one that cannot be read has no next time.
    pub(super) fn of(stored: Definition, now: DateTime<Utc>) -> Self {
        let next = || {
            let (cron, zone) = (parse(&stored.cron).ok()?, stored.time_zone.parse().ok()?);
            occurrences(&cron, zone, now).next()
        };
        let next_at = if stored.is_enabled { next() } else { None };
        let Definition { name, cron, time_zone, is_enabled, .. } = stored;
        Self { name, cron, time_zone, is_enabled, next_at }
    }
}

/// A schedule with the instant up to which its occurrences are in the queue.
struct Watched {
    schedule: Schedule,
    since: DateTime<Utc>,
}

/// Enqueues the jobs of schedules while the program runs.
#[derive(Clone)]
pub struct Scheduler {
    jobs: Jobs,
    clock: Clock,
    schedules: Arc<Mutex<Vec<Watched>>>,
}

impl Scheduler {
    /// Schedules that begin with what was missed in the last day, if it was.
    pub fn new(jobs: Jobs, clock: Clock, schedules: Vec<Schedule>) -> Self {
        let since = clock.now() - Duration::hours(MISSED_H_MAX);
        let schedules = schedules.into_iter().map(|schedule| Watched { schedule, since }).collect();
        Self { jobs, clock, schedules: Arc::new(Mutex::new(schedules)) }
    }

    /// Ticks until the program stops.
    pub async fn start(&self, tasks: &Tasks) -> Result<(), ScheduleError> {
        self.write_down().await?;
        let mut ticks = JobScheduler::new().await?;
        let scheduler = self.clone();
        let tick = Tick::new_async(TICKS, move |_, _| {
            let scheduler = scheduler.clone();
            Box::pin(async move { scheduler.tick_or_warn().await })
        })?;
        ticks.add(tick).await?;
        ticks.start().await?;
        let (scheduler, stop) = (self.clone(), tasks.stop_token(Stage::Intake));
        tasks.spawn_in(Stage::Intake, "jobs.schedule", async move {
            loop {
                scheduler.tick_or_warn().await;
                if tokio::time::timeout(SECOND_LOOK, stop.cancelled()).await.is_ok() {
                    break;
                }
            }
            if let Err(error) = ticks.shutdown().await {
                tracing::warn!(%error, "The schedule's ticks did not end: {error}");
            }
        });
        Ok(())
    }

    /// Writes the schedules down, so that they can be seen and paused.
    pub async fn write_down(&self) -> Result<(), JobsError> {
        let now = self.clock.now();
        let definitions: Vec<Definition> = {
            let schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
            schedules.iter().map(|watched| watched.schedule.definition(now)).collect()
        };
        self.jobs.define(&definitions).await
    }

    async fn tick_or_warn(&self) {
        if let Err(error) = self.tick().await {
            tracing::warn!(%error, "Could not enqueue what is due: {error}");
        }
    }

    /// Enqueues the last occurrence of each schedule that came due since the tick before; a
    /// schedule whose job could not be stored is looked at again by the next tick. What comes due
    /// while a schedule is paused is not made up for.
    pub async fn tick(&self) -> Result<(), JobsError> {
        let now = self.clock.now();
        let earliest = now - Duration::hours(MISSED_H_MAX);
        let due: Vec<_> = {
            let mut schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
            let due = schedules.iter_mut().enumerate().filter_map(|(index, watched)| {
                // After a leap of the clock, back or far ahead, as at a start: what has run already is in
                // the queue under its slot.
                if !(earliest..=now).contains(&watched.since) {
                    watched.since = earliest;
                }
                let Watched { schedule, since } = watched;
                Some((index, schedule.job(schedule.last_due(*since, now)?)))
            });
            due.collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        let paused = self.jobs.paused().await?;
        for (index, job) in due {
            if !paused.contains(&job.name) {
                self.jobs.enqueue(job).await?;
            }
            let mut schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
            schedules[index].since = now;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, slot: SlotLength) -> Schedule {
        Schedule::new("fetch", cron, Tz::Europe__Zurich, slot).unwrap()
    }

    fn slot(schedule: &Schedule, instant: &str) -> Option<String> {
        schedule.job(at(instant)).slot
    }

    #[test]
    fn local_times_stay_local_across_both_clock_changes() {
        let daily = schedule("0 15 13 * * *", SlotLength::Day);
        for (before, expected) in [
            ("2026-03-28T00:00:00Z", "2026-03-28T12:15:00Z"),
            ("2026-03-29T00:00:00Z", "2026-03-29T11:15:00Z"),
            ("2026-10-24T00:00:00Z", "2026-10-24T11:15:00Z"),
            ("2026-10-25T00:00:00Z", "2026-10-25T12:15:00Z"),
        ] {
            assert_eq!(daily.next(at(before)), Some(at(expected)), "{before}");
        }
    }

    #[test]
    fn an_hourly_schedule_has_23_or_25_slots_on_the_days_of_the_change() {
        let hourly = schedule("0 0 * * * *", SlotLength::Hour);
        for (from, to, hours) in [
            ("2026-03-28T22:30:00Z", "2026-03-29T21:30:00Z", 23),
            ("2026-10-24T21:30:00Z", "2026-10-25T22:30:00Z", 25),
        ] {
            let mut slots = std::collections::BTreeSet::new();
            let mut since = at(from);
            while let Some(next) = hourly.next(since).filter(|next| *next <= at(to)) {
                assert_eq!(hourly.last_due(since, next), Some(next));
                slots.insert(hourly.job(next).slot);
                since = next;
            }
            assert_eq!(slots.len(), hours, "{slots:?}");
        }
    }

    #[test]
    fn slots_name_the_local_day_hour_or_minute_of_the_occurrence() {
        // Half past two happens twice on this day: the day is one slot, the hours are two.
        let (first, second) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        let cron = "0 30 * * * *";
        let daily = schedule(cron, SlotLength::Day);
        assert_eq!(slot(&daily, first).as_deref(), Some("2026-10-25"));
        assert_eq!(slot(&daily, first), slot(&daily, second));
        let hourly = schedule(cron, SlotLength::Hour);
        assert_eq!(slot(&hourly, first).as_deref(), Some("2026-10-25T02+02:00"));
        assert_eq!(slot(&hourly, second).as_deref(), Some("2026-10-25T02+01:00"));
        let minutes = schedule(cron, SlotLength::Minute);
        assert_eq!(slot(&minutes, second).as_deref(), Some("2026-10-25T02:30+01:00"));
    }

    #[test]
    fn of_missed_occurrences_only_the_last_is_due() {
        let daily = schedule("0 0 6 * * *", SlotLength::Day);
        let due = daily.last_due(at("2026-07-01T12:00:00Z"), at("2026-07-04T04:00:00Z"));
        assert_eq!(due, Some(at("2026-07-04T04:00:00Z")));
        assert_eq!(daily.last_due(at("2026-07-04T04:00:00Z"), at("2026-07-04T05:00:00Z")), None);
    }

    #[test]
    fn a_wrong_schedule_is_named_with_its_mistake() {
        for cron in ["0 15 13 * *", "61 0 0 * * *", "noon"] {
            let error = Schedule::new("x", cron, Tz::UTC, SlotLength::Day).unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{cron}' is not a schedule: ")), "{error}");
        }
    }
}
