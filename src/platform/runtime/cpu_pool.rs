//! Heavy computations on a bounded number of threads, so that answers stay fast while a model trains.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use super::tasks::panic_message;

/// Computations that may wait for a thread; more are refused instead of piling up unseen.
const WAITING_MAX: usize = 256;

/// Threads for heavy work, shared by all clones.
#[derive(Debug, Clone)]
pub struct CpuPool {
    threads: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

/// Why a computation has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CpuPoolError {
    /// As many computations wait as may wait.
    #[error("{waiting_max} computations are waiting for a processor already; '{name}' was refused")]
    Full {
        /// What was refused.
        name: &'static str,
        /// How many may wait.
        waiting_max: usize,
    },
    /// The computation panicked.
    #[error("'{name}' broke off: {message}")]
    Panicked {
        /// Which computation.
        name: &'static str,
        /// What the panic said.
        message: String,
    },
    /// The program is stopping.
    #[error("'{name}' was not run because the program is stopping")]
    Stopping {
        /// Which computation.
        name: &'static str,
    },
}

impl CpuPool {
    /// A pool of `threads`; without a number half the cores, at least one.
    pub fn new(threads: Option<NonZeroUsize>) -> Self {
        let half = || available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        Self::with_queue(threads.map_or_else(half, NonZeroUsize::get), WAITING_MAX)
    }

    fn with_queue(threads: usize, waiting_max: usize) -> Self {
        let (threads, waiting) = (Arc::new(Semaphore::new(threads)), Arc::default());
        Self { threads, waiting, waiting_max }
    }

    /// Result of `work`, run as soon as a thread is free.
    ///
    /// Work that has begun runs to its end even when the caller no longer waits for it.
    pub async fn run<T, F>(&self, name: &'static str, work: F) -> Result<T, CpuPoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let thread = {
            let _place = Place::take(&self.waiting, self.waiting_max)
                .ok_or(CpuPoolError::Full { name, waiting_max: self.waiting_max })?;
            let thread = Arc::clone(&self.threads).acquire_owned().await;
            thread.map_err(|_| CpuPoolError::Stopping { name })?
        };
        let run = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(thread);
            result
        });
        run.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => CpuPoolError::Panicked { name, message: panic_message(&*panic) },
            Err(_) => CpuPoolError::Stopping { name },
        })
    }
}

/// A place in the queue, given back however the wait ends.
struct Place<'pool>(&'pool AtomicUsize);

impl<'pool> Place<'pool> {
    fn take(waiting: &'pool AtomicUsize, max: usize) -> Option<Self> {
        let place = Self(waiting);
        // A refused caller gives its place back when `place` drops.
        (waiting.fetch_add(1, Ordering::Relaxed) < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn never_more_threads_than_allowed_are_busy() {
        let pool = CpuPool::with_queue(2, 100);
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let runs = (0..20).map(|_| {
            let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
            pool.run("count", move || {
                let now = AtomicUsize::fetch_add(&busy, 1, Ordering::SeqCst) + 1;
                AtomicUsize::fetch_max(&most, now, Ordering::SeqCst);
                std::thread::yield_now();
                AtomicUsize::fetch_sub(&busy, 1, Ordering::SeqCst);
            })
        });
        for run in futures_util::future::join_all(runs).await {
            run.unwrap();
        }
        assert!((1..=2).contains(&AtomicUsize::load(&most, Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn a_panic_becomes_an_error_and_frees_its_thread() {
        let pool = CpuPool::with_queue(1, 1);
        let broken = pool.run("divide", || panic!("no data for {}", "CH")).await;
        let expected = CpuPoolError::Panicked { name: "divide", message: "no data for CH".into() };
        assert_eq!(broken, Err::<(), _>(expected));
        assert_eq!(pool.run("add", || 1 + 1).await, Ok(2));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let pool = CpuPool::with_queue(1, 1);
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = pool.run("first", move || {
            started.send(()).unwrap();
            released.recv().unwrap();
        });
        let second = pool.run("second", || ());
        let refused = async {
            has_started.await.unwrap();
            // The second takes the one place to wait; the third finds none.
            while AtomicUsize::load(&pool.waiting, Ordering::Relaxed) < 1 {
                tokio::task::yield_now().await;
            }
            let third = pool.run("third", || ()).await;
            release.send(()).unwrap();
            third
        };
        let (first, second, third) = futures_util::join!(first, second, refused);
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!(third, Err(CpuPoolError::Full { name: "third", waiting_max: 1 }));
    }
}
