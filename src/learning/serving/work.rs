//! Work of several models side by side: none waits for another, each has its time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::platform::runtime::CpuPool;
use crate::platform::runtime::CpuPoolError;

/// Why a model has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What counts it in `ml_errors_total`.
    pub kind: &'static str,
    /// Why, as a sentence.
    pub reason: String,
}

impl Failure {
    pub fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

/// Result of `work` on the pool, or why there is none after `patience`.
///
/// `places` bounds how much of one model goes on at once. Work that takes longer than the patience
/// ends in its own time and keeps its place until then: a model that hangs holds a few threads, and
/// is refused from then on, while others find the rest.
pub(super) async fn with_patience<T: Send + 'static>(
    pool: &CpuPool,
    patience: Duration,
    places: Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Failure> {
    let answered = tokio::time::timeout(patience, async {
        let place = places.acquire_owned().await;
        let place = place.map_err(|error| Failure::new("prediction", error.to_string()))?;
        let run = pool.run("predict", move || {
            let answer = work();
            drop(place);
            answer
        });
        match run.await {
            Ok(answer) => answer.map_err(|why| Failure::new("prediction", why)),
            Err(error @ CpuPoolError::Panicked { .. }) => {
                tracing::error!(%error, "A model broke off: {error}");
                Err(Failure::new("prediction", "the model broke off in the middle"))
            }
            Err(error) => Err(Failure::new("prediction", error.to_string())),
        }
    });
    answered.await.unwrap_or_else(|_| {
        let reason = format!("it has not answered within {} ms", patience.as_millis());
        Err(Failure::new("timeout", reason))
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn one_that_hangs_or_breaks_keeps_nobody_waiting() {
        let pool = CpuPool::new(NonZeroUsize::new(8));
        let places = || Arc::new(Semaphore::new(2));
        let slow = places();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let hang = || {
            let released = Arc::clone(&released);
            move || {
                released.lock().unwrap().recv().map_err(|error| error.to_string())?;
                Ok(0)
            }
        };
        let patience = Duration::from_millis(50);
        // Three questions to one that hangs: two hold its places, the third finds none.
        let (first, second, third, broken, fine) = tokio::join!(
            with_patience(&pool, patience, Arc::clone(&slow), hang()),
            with_patience(&pool, patience, Arc::clone(&slow), hang()),
            with_patience(&pool, patience, Arc::clone(&slow), hang()),
            with_patience::<i32>(&pool, Duration::from_mins(1), places(), || panic!("no such column")),
            with_patience(&pool, Duration::from_mins(1), places(), || Ok(1)),
        );
        for answer in [first, second, third] {
            assert_eq!(answer.unwrap_err().kind, "timeout");
        }
        assert_eq!(broken.unwrap_err().kind, "prediction");
        assert_eq!(fine, Ok(1));
        assert_eq!(slow.available_permits(), 0);
        // Others still find threads while it hangs, and it is asked again once it has come back.
        let fine = with_patience(&pool, Duration::from_mins(1), places(), || Ok(2)).await;
        assert_eq!(fine, Ok(2));
        release.send(()).unwrap();
        release.send(()).unwrap();
        let back = with_patience(&pool, Duration::from_mins(1), slow, || Ok(3)).await;
        assert_eq!(back, Ok(3));
    }
}
