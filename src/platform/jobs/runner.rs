//! Workers that take due jobs, hold their leases while they run, and write down what came of them.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::context::JobContext;
use super::model::{Claim, Ending, JobError};
use super::service::{Jobs, JobsError, Lease};
use crate::platform::runtime::{Stage, Tasks, panic_message};

/// How long a running job may take to end when the program stops, before it goes back to the queue.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Pauses between tries to write down what came of a job while the database is away.
const FINISH_PAUSES_S: [u64; 4] = [1, 3, 9, 27];

/// What runs the jobs of one name.
pub trait Handler: Send + Sync {
    /// The jobs it runs.
    fn name(&self) -> &'static str;

    /// Runs one job; may be called twice for the same one.
    fn run(&self, context: JobContext, payload: Value) -> BoxFuture<'static, Ran>;
}

/// What a handler brings: a result that is kept with the job, or why there is none.
pub type Ran = Result<Value, JobError>;

/// The workers of this process.
#[derive(Clone)]
pub struct Runner {
    jobs: Jobs,
    handlers: Arc<BTreeMap<&'static str, Arc<dyn Handler>>>,
    tasks: Tasks,
    worker: String,
}

/// How the time with a running job ended.
enum Attended {
    /// The handler returned or panicked.
    Ended(Result<Ran, Box<dyn Any + Send>>),
    /// The job belongs to another worker now.
    LeaseLost,
    /// The program stops and the handler did not end in time.
    Stopped,
}

impl Runner {
    /// Workers for the jobs that `handlers` name; of two with the same name the later one counts.
    pub fn new(jobs: Jobs, handlers: Vec<Arc<dyn Handler>>, tasks: Tasks) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.name(), handler)).collect();
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let host = host.unwrap_or_else(|| "host".to_owned());
        // The random part tells a process from an earlier one that had its number.
        let worker = format!("{host}:{}:{:08x}", std::process::id(), rand::random::<u32>());
        Self { jobs, handlers: Arc::new(handlers), tasks, worker }
    }

    /// Starts as many workers as the settings say; they end with the program's tasks.
    pub fn start(&self) {
        self.start_workers(self.jobs.settings().workers);
    }

    /// Starts some workers; they end with the program's tasks.
    pub fn start_workers(&self, workers: u16) {
        for _ in 0..workers {
            let runner = self.clone();
            self.tasks.spawn_supervised(Stage::Work, "jobs.worker", move |stop| {
                let runner = runner.clone();
                async move { runner.work(stop).await }
            });
        }
    }

    async fn work(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.run_next().await {
                Ok(Some(_)) => continue,
                Ok(None) => self.measure_lag().await,
                Err(error) => tracing::warn!(%error, "Could not look for jobs: {error}"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.jobs.woken() => {}
                () = sleep(self.jobs.settings().poll()) => {}
            }
        }
    }

    async fn measure_lag(&self) {
        if let Ok(lag_s) = self.jobs.lag_s().await {
            metrics::gauge!("luna_jobs_queue_lag_seconds").set(lag_s);
        }
    }

    /// Runs the job that has been due longest, to its end; says which one, if there was one.
    pub async fn run_next(&self) -> Result<Option<Uuid>, JobsError> {
        let names: Vec<&str> = self.handlers.keys().copied().collect();
        let Some(claim) = self.jobs.claim(&self.worker, &names).await? else { return Ok(None) };
        let job_id = claim.job_id;
        if let Some(handler) = self.handlers.get(claim.name.as_str()) {
            self.run(Arc::clone(handler), claim).await;
        }
        Ok(Some(job_id))
    }

    async fn run(&self, handler: Arc<dyn Handler>, mut claim: Claim) {
        let payload = claim.payload.take();
        let claim = Arc::new(claim);
        let cancel = CancellationToken::new();
        let _reachable = self.jobs.register(claim.job_id, cancel.clone());
        let context = JobContext::new(self.jobs.clone(), Arc::clone(&claim), cancel.clone());

        let started = Instant::now();
        let handled = context.clone();
        let running = AssertUnwindSafe(async move { handler.run(handled, payload).await });
        let attended = self.attend(&claim, &cancel, running.catch_unwind().boxed()).await;
        let ending = self.ending(&claim, attended);
        let outcome = self.write_down(&claim, &ending, &context.log_excerpt()).await;

        let (name, job_id) = (claim.name.clone(), claim.job_id);
        let duration_s = started.elapsed().as_secs_f64();
        metrics::counter!("luna_jobs_runs_total", "job" => name.clone(), "outcome" => outcome)
            .increment(1);
        metrics::histogram!("luna_jobs_run_duration_seconds", "job" => name.clone())
            .record(duration_s);
        match ending.error() {
            None => {
                tracing::info!(job = name, %job_id, outcome, duration_s, "Job {name}: {outcome}");
            }
            Some(error) => {
                let attempt = claim.attempt;
                tracing::warn!(job = name, %job_id, outcome, attempt, error, duration_s,
                    "Job {name}: {outcome} after attempt {attempt}: {error}");
            }
        }
    }

    /// Waits for `running`, renews the lease meanwhile and passes on requests to end.
    async fn attend(
        &self,
        claim: &Claim,
        cancel: &CancellationToken,
        mut running: BoxFuture<'_, Result<Ran, Box<dyn Any + Send>>>,
    ) -> Attended {
        let stop = self.tasks.stop_token(Stage::Work);
        let renewal = self.jobs.settings().renewal();
        let mut renew = interval_at(Instant::now() + renewal, renewal);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop_by = None;
        loop {
            tokio::select! {
                ended = &mut running => return Attended::Ended(ended),
                _ = renew.tick() => match self.jobs.renew(claim).await {
                    Ok(Lease::Held) => {}
                    Ok(Lease::CancelRequested) => cancel.cancel(),
                    Ok(Lease::Lost) => {
                        cancel.cancel();
                        return Attended::LeaseLost;
                    }
                    Err(error) => {
                        let job_id = claim.job_id;
                        tracing::warn!(%job_id, %error, "Could not renew the lease of job {job_id}");
                    }
                },
                () = stop.cancelled(), if stop_by.is_none() => {
                    stop_by = Some(Instant::now() + STOP_PATIENCE);
                    cancel.cancel();
                }
                () = sleep_until(stop_by.unwrap_or_else(Instant::now)), if stop_by.is_some() => {
                    return Attended::Stopped;
                }
            }
        }
    }

    fn ending(&self, claim: &Claim, attended: Attended) -> Ending {
        let is_stopping = self.tasks.stop_token(Stage::Work).is_cancelled();
        match attended {
            Attended::LeaseLost | Attended::Stopped => Ending::Released,
            Attended::Ended(Ok(Ok(result))) => Ending::Done(result),
            // The end of the program is not the end of the job.
            Attended::Ended(Ok(Err(_))) if is_stopping => Ending::Released,
            Attended::Ended(Ok(Err(JobError::Cancelled))) => Ending::Cancelled,
            Attended::Ended(Ok(Err(JobError::Fatal(error)))) => {
                Ending::Dead { error: format!("{error:#}") }
            }
            Attended::Ended(Ok(Err(JobError::Retry(error)))) => {
                self.jobs.after_failure(claim, format!("{error:#}"))
            }
            Attended::Ended(Err(panic)) => {
                let error = format!("the job panicked: {}", panic_message(&*panic));
                self.jobs.after_failure(claim, error)
            }
        }
    }

    /// Stores the ending; says what became of the run.
    ///
    /// A database that is away is asked again for a while. After that the lease runs out and the
    /// job runs once more, which handlers bear.
    async fn write_down(&self, claim: &Claim, ending: &Ending, log: &str) -> &'static str {
        let mut pauses_s = FINISH_PAUSES_S.into_iter();
        loop {
            match self.jobs.finish(claim, ending, log).await {
                Ok(true) => return ending.outcome(),
                Ok(false) => return "lease_lost",
                Err(error) => {
                    let job_id = claim.job_id;
                    tracing::warn!(%job_id, %error, "Could not store the end of job {job_id}");
                    let Some(pause_s) = pauses_s.next() else { return "lease_lost" };
                    sleep(Duration::from_secs(pause_s)).await;
                }
            }
        }
    }
}
