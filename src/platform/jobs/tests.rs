//! The queue with a database of its own: once per slot, leases, retries, cancelling, progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::model::Ending;
use super::*;
use crate::base::timeline::Clock;
use crate::platform::runtime::{Shutdown, Tasks};
use crate::testing::TestDb;

/// Where the tests' clock starts.
const START: &str = "2026-03-29T00:00:00Z";

fn start() -> DateTime<Utc> {
    START.parse().unwrap()
}

fn seconds(seconds: i64) -> chrono::Duration {
    chrono::Duration::seconds(seconds)
}

/// A queue on a clock that stands still.
struct Bench {
    db: TestDb,
    jobs: Jobs,
    clock: Clock,
    tasks: Tasks,
}

impl Bench {
    async fn new() -> Self {
        let (db, clock) = (TestDb::new().await, Clock::fixed(start()));
        let jobs = Jobs::new(db.db().clone(), clock.clone(), Settings::default());
        Self { jobs, clock, tasks: Tasks::new(), db }
    }

    fn runner(&self, handler: impl Handler + 'static) -> Runner {
        Runner::new(self.jobs.clone(), vec![Arc::new(handler)], self.tasks.clone())
    }

    fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.now() + chrono::Duration::seconds(seconds));
    }

    async fn cancel(&self, job_id: uuid::Uuid) -> Result<Job, JobsError> {
        let mut conn = self.db.db().conn().await.unwrap();
        let (_, job) = self.jobs.cancel_on(&mut conn, job_id).await?;
        self.jobs.stop_here(job_id);
        Ok(job)
    }

    async fn job(&self, enqueued: Enqueued) -> Job {
        self.jobs.job(enqueued.job_id).await.unwrap()
    }

    async fn outcomes(&self, enqueued: Enqueued) -> Vec<Option<String>> {
        let runs = self.jobs.runs(enqueued.job_id).await.unwrap();
        runs.into_iter().map(|run| run.outcome).collect()
    }
}

/// A handler named `test` made of a function.
struct Test<F>(F);

impl<F> Handler for Test<F>
where
    F: Fn(JobContext, Value) -> BoxFuture<'static, Result<Value, JobError>> + Send + Sync,
{
    fn name(&self) -> &'static str {
        "test"
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        (self.0)(context, payload)
    }
}

fn failing(error: fn() -> JobError) -> impl Handler + 'static {
    Test(move |_, _| async move { Err(error()) }.boxed())
}

fn job() -> NewJob {
    NewJob::new("test")
}

#[tokio::test]
async fn a_slot_runs_once_under_eight_workers() {
    let bench = Bench::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let stored = join_all((0..8).map(|_| bench.jobs.enqueue(job().slot("2026-03-29")))).await;
    let stored: Vec<Enqueued> = stored.into_iter().map(Result::unwrap).collect();
    assert_eq!(stored.iter().filter(|enqueued| enqueued.is_new).count(), 1);
    assert!(stored.iter().all(|enqueued| enqueued.job_id == stored[0].job_id));

    let counted = Arc::clone(&runs);
    let runner = bench.runner(Test(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(json!({ "rows": 24 })) }.boxed()
    }));
    let taken = join_all((0..8).map(|_| runner.run_next())).await;
    let taken: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [stored[0].job_id]);
    assert_eq!(runs.load(Ordering::SeqCst), 1);

    let again = bench.jobs.enqueue(job().slot("2026-03-29")).await.unwrap();
    assert_eq!(again, Enqueued { is_new: false, ..stored[0] });
    let done = bench.job(again).await;
    assert_eq!((done.state, done.progress), (JobState::Done, 1.0));
    assert_eq!(done.result, Some(json!({ "rows": 24 })));
    assert_eq!(bench.outcomes(again).await, [Some("done".to_owned())]);
}

#[tokio::test]
async fn jobs_without_a_slot_are_all_new_and_run_oldest_first() {
    let bench = Bench::new().await;
    let first = bench.jobs.enqueue(job().payload(json!({ "n": 1 }))).await.unwrap();
    bench.pass(1);
    let second = bench.jobs.enqueue(job().payload(json!({ "n": 2 }))).await.unwrap();
    assert!(first.is_new && second.is_new && first.job_id != second.job_id);
    let runner = bench.runner(Test(|_, payload| async move { Ok(payload) }.boxed()));
    assert_eq!(runner.run_next().await.unwrap(), Some(first.job_id));
    assert_eq!(runner.run_next().await.unwrap(), Some(second.job_id));
    assert_eq!(runner.run_next().await.unwrap(), None);
    assert_eq!(bench.job(second).await.result, Some(json!({ "n": 2 })));
}

#[tokio::test]
async fn a_job_waits_for_its_instant_and_for_a_worker_that_knows_it() {
    let bench = Bench::new().await;
    let later = NewJob { run_after: Some(start() + seconds(60)), ..job() };
    bench.jobs.enqueue(later).await.unwrap();
    bench.jobs.enqueue(NewJob::new("unknown")).await.unwrap();
    let runner = bench.runner(Test(|_, _| async { Ok(Value::Null) }.boxed()));
    bench.pass(59);
    assert_eq!(runner.run_next().await.unwrap(), None);
    assert!((bench.jobs.lag_s().await.unwrap() - 59.0).abs() < 1e-9);
    bench.pass(1);
    assert!(runner.run_next().await.unwrap().is_some());
}

#[tokio::test]
async fn an_expired_lease_hands_the_job_over_and_the_late_result_is_refused() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(job()).await.unwrap();
    let slow = bench.jobs.claim("slow", &["test"]).await.unwrap().unwrap();
    bench.pass(40);
    assert_eq!(bench.jobs.renew(&slow).await.unwrap(), service::Lease::Held);
    bench.pass(60);
    assert_eq!(bench.jobs.claim("fast", &["test"]).await.unwrap(), None);
    bench.pass(1);
    let fast = bench.jobs.claim("fast", &["test"]).await.unwrap().unwrap();
    assert_eq!((fast.job_id, fast.attempt), (stored.job_id, 2));

    assert_eq!(bench.jobs.renew(&slow).await.unwrap(), service::Lease::Lost);
    let late = Ending::Done(json!("late"));
    assert!(!bench.jobs.finish(&slow, &late, "").await.unwrap());
    assert_eq!(bench.job(stored).await.state, JobState::Running);
    assert!(bench.jobs.finish(&fast, &Ending::Done(json!("in time")), "").await.unwrap());
    assert_eq!(bench.job(stored).await.result, Some(json!("in time")));
    let outcomes = ["lease_lost", "done"].map(|outcome| Some(outcome.to_owned()));
    assert_eq!(bench.outcomes(stored).await, outcomes);
}

#[tokio::test]
async fn a_job_that_outlives_its_workers_too_often_is_dead() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(NewJob { attempts_max: 2, ..job() }).await.unwrap();
    for _ in 0..2 {
        assert!(bench.jobs.claim("vanishes", &["test"]).await.unwrap().is_some());
        bench.pass(61);
    }
    assert_eq!(bench.jobs.claim("survivor", &["test"]).await.unwrap(), None);
    let dead = bench.job(stored).await;
    assert_eq!((dead.state, dead.attempts), (JobState::Dead, 2));
    assert!(dead.error.unwrap().contains("vanished"));
}

#[tokio::test]
async fn failures_are_retried_with_pauses_until_the_job_is_dead() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(NewJob { attempts_max: 3, ..job() }).await.unwrap();
    let runner = bench.runner(failing(|| JobError::Retry(anyhow::anyhow!("source is away"))));
    for (attempt, pause_s) in [(1, 10), (2, 20)] {
        assert!(runner.run_next().await.unwrap().is_some());
        let waiting = bench.job(stored).await;
        assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, attempt));
        let pause = waiting.run_after - bench.clock.now();
        assert!(pause <= seconds(pause_s) && pause * 2 >= seconds(pause_s), "{pause}");
        assert_eq!(runner.run_next().await.unwrap(), None, "it waits");
        bench.clock.set(waiting.run_after);
    }
    assert!(runner.run_next().await.unwrap().is_some());
    let dead = bench.job(stored).await;
    assert_eq!((dead.state, dead.error.as_deref()), (JobState::Dead, Some("source is away")));
    assert_eq!(dead.finished_at, Some(bench.clock.now()));
    bench.pass(100_000);
    assert_eq!(runner.run_next().await.unwrap(), None);
    let outcomes = ["retry", "retry", "dead"].map(|outcome| Some(outcome.to_owned()));
    assert_eq!(bench.outcomes(stored).await, outcomes);
}

#[tokio::test]
async fn a_fatal_failure_is_not_tried_again_but_a_panic_is() {
    let bench = Bench::new().await;
    let fatal = bench.jobs.enqueue(job()).await.unwrap();
    let runner = bench.runner(failing(|| JobError::Fatal(anyhow::anyhow!("no such market: XX"))));
    runner.run_next().await.unwrap();
    assert_eq!(bench.job(fatal).await.state, JobState::Dead);

    let panics = bench.jobs.enqueue(job()).await.unwrap();
    let runner = bench.runner(Test(|_, _| async { panic!("index 3 of 2") }.boxed()));
    runner.run_next().await.unwrap();
    let waiting = bench.job(panics).await;
    assert_eq!(waiting.state, JobState::Queued);
    assert_eq!(waiting.error.as_deref(), Some("the job panicked: index 3 of 2"));
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_an_ended_one_refuses() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(job()).await.unwrap();
    assert_eq!(bench.cancel(stored.job_id).await.unwrap().state, JobState::Cancelled);
    let runner = bench.runner(Test(|_, _| async { Ok(Value::Null) }.boxed()));
    assert_eq!(runner.run_next().await.unwrap(), None);
    assert_eq!(bench.cancel(stored.job_id).await.unwrap().state, JobState::Cancelled);

    let done = bench.jobs.enqueue(job()).await.unwrap();
    runner.run_next().await.unwrap();
    let refusal = bench.cancel(done.job_id).await.unwrap_err().to_string();
    assert!(refusal.ends_with("cannot be cancelled, it is done already"), "{refusal}");
    let nobody = uuid::Uuid::nil();
    assert!(matches!(bench.cancel(nobody).await, Err(JobsError::NotFound(id)) if id == nobody));
}

#[tokio::test]
async fn a_running_job_sees_the_request_to_end() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(job()).await.unwrap();
    let begun = Arc::new(Notify::new());
    let signal = Arc::clone(&begun);
    let runner = bench.runner(Test(move |context: JobContext, _| {
        let signal = Arc::clone(&signal);
        async move {
            assert!(!context.is_cancelled());
            signal.notify_one();
            context.cancel_token().cancelled().await;
            Err(JobError::Cancelled)
        }
        .boxed()
    }));
    let cancelling = async {
        begun.notified().await;
        bench.cancel(stored.job_id).await.unwrap()
    };
    let (_, asked) = tokio::join!(runner.run_next(), cancelling);
    assert!(asked.cancel_requested && asked.state == JobState::Running);
    let ended = bench.job(stored).await;
    assert_eq!((ended.state, ended.error), (JobState::Cancelled, None));
    assert_eq!(bench.outcomes(stored).await, [Some("cancelled".to_owned())]);
}

#[tokio::test]
async fn a_request_to_end_reaches_other_processes_through_the_lease() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(job()).await.unwrap();
    let claim = bench.jobs.claim("elsewhere", &["test"]).await.unwrap().unwrap();
    bench.cancel(stored.job_id).await.unwrap();
    let lease = bench.jobs.renew(&claim).await.unwrap();
    assert_eq!(lease, service::Lease::CancelRequested);
    let lease = bench.jobs.progress(&claim, 0.5, "half").await.unwrap();
    assert_eq!(lease, service::Lease::CancelRequested);
    bench.pass(61);
    assert_eq!(bench.jobs.claim("next", &["test"]).await.unwrap(), None);
    assert_eq!(bench.job(stored).await.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_job_leaves_progress_and_log() {
    let bench = Bench::new().await;
    let stored = bench.jobs.enqueue(job()).await.unwrap();
    let runner = bench.runner(Test(|context: JobContext, _| {
        async move {
            context.log("fold 1 of 4: 3.91 EUR/MWh");
            context.progress(0.25, "fold 1 of 4").await;
            context.log("fold 2 of 4: broken");
            context.progress(f64::NAN, "fold 2 of 4").await;
            context.progress(7.0, "beyond the end").await;
            context.progress(0.25, "fold 1 of 4").await;
            Err(JobError::Fatal(anyhow::anyhow!("fold 2 has no rows")))
        }
        .boxed()
    }));
    runner.run_next().await.unwrap();
    let dead = bench.job(stored).await;
    assert_eq!((dead.progress, dead.progress_note.as_str()), (0.25, "fold 1 of 4"));
    let runs = bench.jobs.runs(stored.job_id).await.unwrap();
    assert_eq!(runs[0].log_excerpt, "fold 1 of 4: 3.91 EUR/MWh\nfold 2 of 4: broken");
    assert_eq!(runs[0].error.as_deref(), Some("fold 2 has no rows"));
}

#[tokio::test]
async fn workers_run_what_is_stored_and_a_stop_gives_running_jobs_back() {
    let bench = Bench::new().await;
    let signal = Arc::new(Notify::new());
    let handed = Arc::clone(&signal);
    let runner = bench.runner(Test(move |context: JobContext, _| {
        let handed = Arc::clone(&handed);
        async move {
            handed.notify_one();
            context.cancel_token().cancelled().await;
            Err(JobError::Cancelled)
        }
        .boxed()
    }));
    runner.start();
    let stored = bench.jobs.enqueue(job()).await.unwrap();
    signal.notified().await;
    assert_eq!(bench.tasks.shutdown(Duration::from_mins(1)).await, Shutdown::Complete);
    let back = bench.job(stored).await;
    assert_eq!((back.state, back.attempts), (JobState::Queued, 0));
}

#[tokio::test]
async fn lists_are_newest_first_and_page() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        // Two jobs of the same instant: the identifier decides.
        if number != 3 {
            bench.pass(1);
        }
        ids.push(bench.jobs.enqueue(job()).await.unwrap().job_id);
    }
    bench.cancel(ids[0]).await.unwrap();
    let mut seen = Vec::new();
    let mut filter = JobFilter { state: Some(JobState::Queued), ..JobFilter::default() };
    loop {
        let page = bench.jobs.list(&filter, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.created_at, last.job_id));
        seen.extend(page.iter().map(|job| job.job_id));
    }
    assert_eq!(seen, [ids[4], ids[2], ids[3], ids[1]]);
    let other = JobFilter { name: Some("other".to_owned()), ..JobFilter::default() };
    assert_eq!(bench.jobs.list(&other, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_schedule_enqueues_each_slot_once_however_often_it_ticks() {
    let bench = Bench::new().await;
    let zone = chrono_tz::Tz::Europe__Zurich;
    let scheduler = || {
        let daily = Schedule::new("test", "0 0 6 * * *", zone, SlotLength::Day).unwrap();
        Scheduler::new(bench.jobs.clone(), bench.clock.clone(), vec![daily])
    };
    let (one, other) = (scheduler(), scheduler());
    for _ in 0..6 {
        one.tick().await.unwrap();
        other.tick().await.unwrap();
        bench.pass(3_600);
    }
    let jobs = bench.jobs.list(&JobFilter::default(), 10).await.unwrap();
    let slots: Vec<_> = jobs.iter().filter_map(|job| job.slot.as_deref()).collect();
    // The one of the 28th was missed before the start; 6 o'clock on the 29th is 04:00 UTC.
    assert_eq!(slots, ["2026-03-29", "2026-03-28"]);
    assert_eq!(jobs[0].payload, json!({ "scheduled_at": "2026-03-29T04:00:00Z" }));
}

#[tokio::test]
async fn a_clock_that_leaps_ahead_and_back_stops_no_schedule_and_repeats_no_slot() {
    let bench = Bench::new().await;
    let zone = chrono_tz::Tz::UTC;
    let often = Schedule::new("test", "0 0/10 * * * *", zone, SlotLength::Minute).unwrap();
    let scheduler = Scheduler::new(bench.jobs.clone(), bench.clock.clone(), vec![often]);
    let ten_years = seconds(10 * 365 * 86_400);
    let mut expected = 0;
    // Up to the hour, an hour back and over it again, ten years ahead and back.
    for (leap, new) in [
        (seconds(0), 1),
        (seconds(600), 1),
        (seconds(3_600), 1),
        (seconds(-3_600), 0),
        (seconds(600), 1),
        (ten_years, 1),
        (seconds(600), 1),
        (-ten_years, 1),
        (seconds(600), 1),
        (seconds(-7_200), 1),
        (seconds(600), 1),
    ] {
        bench.clock.set(bench.clock.now() + leap);
        scheduler.tick().await.unwrap();
        scheduler.tick().await.unwrap();
        expected += new;
        let jobs = bench.jobs.list(&JobFilter::default(), 100).await.unwrap();
        let slots: std::collections::BTreeSet<_> =
            jobs.iter().map(|job| job.slot.clone()).collect();
        assert_eq!((jobs.len(), slots.len()), (expected, expected), "{leap}: {slots:?}");
    }
}

#[tokio::test]
async fn what_was_queued_before_the_clock_was_put_back_runs_and_ends_after_it_began() {
    let bench = Bench::new().await;
    let waiting = bench.jobs.enqueue(job()).await.unwrap();
    let clock = bench.clock.clone();
    let runner = bench.runner(Test(move |_, _| {
        // The clock is put back while the job runs.
        clock.set(clock.now() - chrono::Duration::hours(1));
        async { Ok(Value::Null) }.boxed()
    }));
    bench.pass(-7_200);
    assert!(bench.jobs.lag_s().await.unwrap() >= 0.0);
    assert_eq!(runner.run_next().await.unwrap(), Some(waiting.job_id));
    let done = bench.job(waiting).await;
    assert_eq!(done.state, JobState::Done);
    let (started, finished) = (done.started_at.unwrap(), done.finished_at.unwrap());
    assert!(done.created_at <= started && started <= finished, "{done:?}");
    for run in bench.jobs.runs(waiting.job_id).await.unwrap() {
        assert!(run.started_at <= run.finished_at.unwrap(), "{run:?}");
    }
    // A job that somebody held when the clock was ten years ahead, and who is gone.
    bench.pass(10 * 365 * 86_400);
    let held = bench.jobs.enqueue(job()).await.unwrap();
    assert!(bench.jobs.claim("gone", &["test"]).await.unwrap().is_some());
    bench.pass(-10 * 365 * 86_400);
    assert_eq!(runner.run_next().await.unwrap(), Some(held.job_id));
    assert_eq!(bench.job(held).await.state, JobState::Done);
}

#[tokio::test]
async fn a_leap_of_the_clock_takes_no_job_from_the_process_that_runs_it() {
    let bench = Bench::new().await;
    let enqueued = bench.jobs.enqueue(job()).await.unwrap();
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&end));
    let runner = bench.runner(Test(move |_, _| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.notified().await;
            Ok(Value::Null)
        }
        .boxed()
    }));
    let other = runner.clone();
    let (ran, ()) = tokio::join!(runner.run_next(), async {
        begun.notified().await;
        bench.pass(10 * 365 * 86_400);
        assert_eq!(other.run_next().await.unwrap(), None, "it runs here");
        end.notify_one();
    });
    assert_eq!(ran.unwrap(), Some(enqueued.job_id));
    assert_eq!(bench.outcomes(enqueued).await, [Some("done".to_owned())]);
}
