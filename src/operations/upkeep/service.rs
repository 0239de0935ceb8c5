//! Upkeep step by step: one that fails does not keep the others from being done.

use std::future::Future;
use std::time::Duration as Took;

use chrono::{DateTime, Duration, Utc};

use super::model::{Outcome, UpkeepReport};
use super::settings::Settings;
use crate::base::timeline::Clock;
use crate::decisions::alerts::Alerts;
use crate::decisions::alerts::AlertsError;
use crate::facts::archive::Archive;
use crate::facts::changes::Changes;
use crate::facts::events::Events;
use crate::facts::meters::Meters;
use crate::facts::quality::Quality;
use crate::facts::readings::Readings;
use crate::facts::series::Observations;
use crate::knowledge::ask::Ask;
use crate::learning::serving::Predictor;
use crate::platform::db::Db;
use crate::platform::jobs::Jobs;
use crate::platform::runtime::Live;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UpkeepError(String);

/// Those who keep what may grow too old.
#[derive(Clone)]
pub struct Kept {
    /// The database.
    pub db: Db,
    /// Changes of series.
    pub changes: Changes,
    /// Names of all who follow them.
    pub consumers: Vec<&'static str>,
    /// Readings.
    pub meters: Meters,
    /// Answers to requests with a key.
    pub readings: Readings,
    /// Values that are no prices.
    pub observations: Observations,
    /// Reports, values kept apart, payloads that cannot be read.
    pub quality: Quality,
    /// What sources sent.
    pub archive: Archive,
    /// What happened.
    pub events: Events,
    /// The queue.
    pub jobs: Jobs,
    /// What models said.
    pub predictor: Predictor,
    /// What rests on that, and messages about it.
    pub alerts: Alerts,
    /// What people asked their documents.
    pub ask: Ask,
}

/// Upkeep of the database. Cloning is cheap.
#[derive(Clone)]
pub struct Upkeep {
    kept: Kept,
    clock: Clock,
    settings: Live<Settings>,
}

type Counted<E> = Result<u64, E>;

impl Upkeep {
    /// Upkeep of these, by settings that may change while it runs.
    pub const fn new(kept: Kept, clock: Clock, settings: Live<Settings>) -> Self {
        Self { kept, clock, settings }
    }

    /// Does what is due, or only tells what would be done.
    pub async fn run(&self, dry_run: bool) -> UpkeepReport {
        let settings = self.settings.get();
        let mut steps = self.always(dry_run).await;
        steps.extend(self.aged_facts(&settings, dry_run).await);
        steps.extend(self.aged_sayings(&settings, dry_run).await);
        steps.push(self.compress(&settings, dry_run).await);
        let db = &self.kept.db;
        let analyzed = async {
            let tables = db.analyze_changed(dry_run).await?;
            Ok::<_, crate::platform::db::DbError>(tables.len() as u64)
        };
        steps.push(self.step(("statistics", "tables with new statistics"), analyzed).await);
        UpkeepReport { dry_run, steps }
    }

    /// What nobody needs any more, whatever the settings say.
    async fn always(&self, dry_run: bool) -> Vec<Outcome> {
        let Kept { changes, consumers, readings, .. } = &self.kept;
        let taken = async { counted(changes.prune(consumers, dry_run).await) };
        let answers = async { counted(readings.forget_answers(dry_run).await) };
        vec![
            self.step(("changes", "changes that everybody has taken"), taken).await,
            self.step(("answers", "answers to requests of yesterday"), answers).await,
        ]
    }

    /// Facts that are older than the settings say.
    async fn aged_facts(&self, settings: &Settings, dry_run: bool) -> Vec<Outcome> {
        let Kept { changes, meters, observations, quality, archive, events, .. } = &self.kept;
        let before = |days: u32| self.before(days);
        vec![
            self.aged_step(
                ("readings", "readings; their sums stay"),
                before(settings.readings_days),
                async |before| meters.forget(before, dry_run).await,
            )
            .await,
            self.aged_step(
                ("observations", "values of series"),
                before(settings.observations_days),
                async |before| counted(observations.forget(before, dry_run).await),
            )
            .await,
            self.aged_step(("events", "events"), before(settings.events_days), async |before| {
                counted(events.forget(before, dry_run).await)
            })
            .await,
            self.aged_step(
                ("raw_files", "payloads of sources"),
                before(settings.raw_files_days),
                async |before| counted(archive.forget(before, dry_run).await),
            )
            .await,
            self.aged_step(
                ("reports", "reports about batches"),
                before(settings.reports_days),
                async |before| counted(quality.forget_reports(before, dry_run).await),
            )
            .await,
            self.aged_step(
                ("settled", "values and payloads that were decided about"),
                before(settings.settled_days),
                async |before| counted(quality.forget_settled(before, dry_run).await),
            )
            .await,
            self.aged_step(
                ("settled_changes", "changes that were told again or discarded"),
                before(settings.settled_days),
                async |before| counted(changes.forget_letters(before, dry_run).await),
            )
            .await,
        ]
    }

    /// What Luna said, was asked and did, where it is older than the settings say.
    async fn aged_sayings(&self, settings: &Settings, dry_run: bool) -> Vec<Outcome> {
        let Kept { predictor, alerts, ask, jobs, .. } = &self.kept;
        let before = |days: u32| self.before(days);
        vec![
            self.aged_step(
                ("predictions", "predictions that no alert rests on"),
                before(settings.predictions_days),
                async |before| {
                    let kept = alerts.rest_on(before).await?;
                    let forgotten = predictor.forget(before, &kept, dry_run).await;
                    Ok::<_, AlertsError>(forgotten? as u64)
                },
            )
            .await,
            self.aged_step(
                ("questions", "questions to documents, with what was thought of the answers"),
                before(settings.questions_days),
                async |before| counted(ask.forget(before, dry_run).await),
            )
            .await,
            self.aged_step(
                ("deliveries", "messages that were delivered or given up"),
                before(settings.settled_days),
                async |before| counted(alerts.forget_deliveries(before, dry_run).await),
            )
            .await,
            self.aged_step(
                ("jobs", "jobs that ended"),
                before(settings.jobs_days),
                async |before| counted(jobs.forget(before, dry_run).await),
            )
            .await,
        ]
    }

    fn before(&self, days: u32) -> Option<DateTime<Utc>> {
        (days > 0).then(|| self.clock.now() - Duration::days(days.into()))
    }

    async fn aged_step<E: std::error::Error>(
        &self,
        named: (&'static str, &'static str),
        before: Option<DateTime<Utc>>,
        work: impl AsyncFnOnce(DateTime<Utc>) -> Counted<E>,
    ) -> Outcome {
        match before {
            Some(before) => self.step(named, work(before)).await,
            None => skipped(named, "kept for ever"),
        }
    }

    async fn compress(&self, settings: &Settings, dry_run: bool) -> Outcome {
        let named = ("compression", "tables whose old values are stored compressed");
        if settings.compress_after_days == 0 {
            return skipped(named, "nothing is to be compressed");
        }
        if !self.kept.db.has_timescale() {
            return skipped(named, "the server does not offer it");
        }
        let db = &self.kept.db;
        let work = async { counted(db.compress(settings.compress_after_days, dry_run).await) };
        self.step(named, work).await
    }

    async fn step<E: std::error::Error>(
        &self,
        (step, what): (&'static str, &'static str),
        work: impl Future<Output = Counted<E>>,
    ) -> Outcome {
        let started = self.clock.elapsed();
        let done = work.await;
        let took = self.clock.elapsed().saturating_sub(started);
        let (count, failed) = match done {
            Ok(count) => (count, None),
            Err(error) => (0, Some(UpkeepError(error.to_string()))),
        };
        if let Some(error) = &failed {
            tracing::warn!(step, %error, "Upkeep of {step} failed: {error}");
        }
        let failed = failed.map(|error| error.to_string());
        Outcome { step, what, count, skipped: None, failed, took_ms: millis(took) }
    }
}

fn millis(took: Took) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn counted<E>(rows: Result<usize, E>) -> Counted<E> {
    rows.map(|rows| rows as u64)
}

fn skipped((step, what): (&'static str, &'static str), why: &str) -> Outcome {
    Outcome { step, what, count: 0, skipped: Some(why.to_owned()), failed: None, took_ms: 0 }
}
