//! Background tasks with a name, whose panics are logged and whose end a shutdown waits for.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// When tasks end in a shutdown: a stage is asked to stop after the one before it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What brings new work in: servers, listeners, schedules.
    Intake,
    /// What works: job runners, reconcilers.
    Work,
    /// What the others need until they have ended: metrics, the private database.
    Support,
}

impl Stage {
    const ORDER: [Self; 3] = [Self::Intake, Self::Work, Self::Support];
}

/// The program's background tasks; clones share them.
#[derive(Debug, Clone)]
pub struct Tasks {
    runtime: Handle,
    stages: Arc<[StageTasks; 3]>,
}

#[derive(Debug, Default)]
struct StageTasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    running: Arc<Mutex<Running>>,
}

/// Names and handles of tasks that have not ended, by the number of their start.
#[derive(Debug, Default)]
struct Running {
    started: u64,
    tasks: BTreeMap<u64, (&'static str, Option<AbortHandle>)>,
}

/// How a shutdown ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shutdown {
    /// Every task ended by itself.
    Complete,
    /// These tasks did not end in time and were broken off.
    BrokenOff(Vec<&'static str>),
}

/// Pauses before a task that panicked runs again: doubling, with an upper limit.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    first: Duration,
    longest: Duration,
}

impl Tasks {
    /// No tasks yet; later ones run on the runtime that is current here.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new() -> Self {
        Self { runtime: Handle::current(), stages: Arc::default() }
    }

    /// Starts `future` in the stage [`Stage::Work`]; a panic in it is logged and ends only this task.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn_in(Stage::Work, name, future);
    }

    /// Starts `future` in `stage`; it should end soon after the stage's token is cancelled.
    pub fn spawn_in<F>(&self, stage: Stage, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = &self.stages[stage as usize];
        let running = Arc::clone(&tasks.running);
        let number = {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            running.started += 1;
            let number = running.started;
            running.tasks.insert(number, (name, None));
            number
        };
        let entry = Entry { running: Arc::clone(&running), number };
        let supervised = async move {
            let _entry = entry;
            has_panicked(name, AssertUnwindSafe(future).catch_unwind().await);
        };
        let handle = tasks.tracker.spawn_on(supervised, &self.runtime);
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = running.tasks.get_mut(&number) {
            task.1 = Some(handle.abort_handle());
        }
    }

    /// Starts what `make` makes, and again after each panic, until it returns or the program stops.
    ///
    /// `make` gets the token that asks the task to stop.
    pub fn spawn_supervised<M, F>(&self, stage: Stage, name: &'static str, make: M)
    where
        M: Fn(CancellationToken) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let pauses = Pauses { first: Duration::from_secs(1), longest: Duration::from_mins(1) };
        self.spawn_in(stage, name, supervise(name, make, self.stop_token(stage), pauses));
    }

    /// Token that is cancelled when the tasks of `stage` should end.
    pub fn stop_token(&self, stage: Stage) -> CancellationToken {
        self.stages[stage as usize].stop.clone()
    }

    /// Asks the stages to stop, one after the other, and waits for each; what is left when
    /// `patience` is used up is broken off and named.
    pub async fn shutdown(&self, patience: Duration) -> Shutdown {
        let deadline = Instant::now() + patience;
        let mut broken_off = Vec::new();
        for stage in Stage::ORDER {
            let tasks = &self.stages[stage as usize];
            tasks.stop.cancel();
            tasks.tracker.close();
            if timeout_at(deadline, tasks.tracker.wait()).await.is_err() {
                let running = tasks.running.lock().unwrap_or_else(PoisonError::into_inner);
                for (name, handle) in running.tasks.values() {
                    tracing::warn!(
                        task = name,
                        "Task {name} did not end in time and is broken off"
                    );
                    handle.iter().for_each(AbortHandle::abort);
                    broken_off.push(*name);
                }
            }
        }
        if broken_off.is_empty() { Shutdown::Complete } else { Shutdown::BrokenOff(broken_off) }
    }
}

/// Takes a task off the list when it ends, also when it is broken off.
struct Entry {
    running: Arc<Mutex<Running>>,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.tasks.remove(&self.number);
    }
}

async fn supervise<M, F>(name: &'static str, make: M, stop: CancellationToken, pauses: Pauses)
where
    M: Fn(CancellationToken) -> F,
    F: Future<Output = ()>,
{
    let mut pause = pauses.first;
    loop {
        let started = Instant::now();
        let ended = AssertUnwindSafe(make(stop.clone())).catch_unwind().await;
        if !has_panicked(name, ended) || stop.is_cancelled() {
            return;
        }
        // A task that ran well for a while has earned a quick restart.
        if started.elapsed() > pauses.longest {
            pause = pauses.first;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(pauses.longest);
    }
}

/// Whether a task ended with a panic, which is then logged.
fn has_panicked(name: &'static str, ended: Result<(), Box<dyn Any + Send>>) -> bool {
    let Err(panic) = ended else { return false };
    let error = panic_message(&*panic);
    tracing::error!(task = name, error, "Task {name} panicked: {error}");
    true
}

/// What a panic said, as far as it said something.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn stages_end_in_order() {
        let tasks = Tasks::new();
        let (ended, mut order) = mpsc::unbounded_channel();
        for stage in [Stage::Support, Stage::Intake, Stage::Work] {
            let (stop, ended) = (tasks.stop_token(stage), ended.clone());
            tasks.spawn_in(stage, "waits", async move {
                stop.cancelled().await;
                ended.send(stage).unwrap();
            });
        }
        assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
        for stage in Stage::ORDER {
            assert_eq!(order.try_recv(), Ok(stage));
        }
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let tasks = Tasks::new();
        let (sent, received) = oneshot::channel();
        tasks.spawn("breaks", async { panic!("broken") });
        tasks.spawn("works", async move { sent.send(7).unwrap() });
        assert_eq!(received.await, Ok(7));
        assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
    }

    #[tokio::test]
    async fn what_does_not_end_is_broken_off_and_named() {
        let tasks = Tasks::new();
        tasks.spawn("stubborn", std::future::pending());
        let stop = tasks.stop_token(Stage::Work);
        tasks.spawn("polite", async move { stop.cancelled().await });
        let result = tasks.shutdown(Duration::from_millis(50)).await;
        assert_eq!(result, Shutdown::BrokenOff(vec!["stubborn"]));
    }

    #[tokio::test]
    async fn a_supervised_task_runs_again_after_a_panic_until_it_returns() {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let make = move |_stop| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move { assert!(run >= 2, "run {run} breaks") }
        };
        let pauses = Pauses { first: Duration::from_millis(1), longest: Duration::from_millis(2) };
        supervise("again", make, CancellationToken::new(), pauses).await;
        assert_eq!(AtomicU32::load(&runs, Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_shutdown_ends_the_pause_before_a_restart() {
        let tasks = Tasks::new();
        tasks.spawn_supervised(Stage::Work, "breaks", |_stop| async { panic!("always") });
        assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
    }
}
