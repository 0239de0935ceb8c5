//! Whether the store can be used: what is known of it, and a try with an object of Luna's own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::TryStreamExt;
use object_store::PutMode;
use object_store::path::Path as Location;
use uuid::Uuid;

use super::model::{ObjectError, sha256_hex, space};
use super::service::{Home, Objects};
use crate::base::timeline::Clock;

/// How long an answer about a store holds.
const FRESH: Duration = Duration::from_secs(10);
/// Folder of the objects of a try.
const PROBES: &str = "probe";
/// Age after which an object of a try has been left behind by a program that was killed.
const LEFT_BEHIND: TimeDelta = TimeDelta::hours(1);

/// Whether a store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it can be used.
    pub ok: bool,
    /// Where it is, or why it cannot be used, as a sentence.
    pub detail: String,
}

/// What was last seen of the store, and who is just asking it.
#[derive(Debug, Default)]
pub(super) struct Known {
    last: Mutex<Option<(Duration, Option<String>)>>,
    asking: tokio::sync::Mutex<()>,
}

impl Known {
    /// Takes note of how the store was; an error about one object says that it answers.
    pub(super) fn learn(&self, clock: &Clock, error: Option<&ObjectError>) {
        let trouble = error.filter(|error| error.is_passing()).map(ToString::to_string);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((clock.elapsed(), trouble));
    }

    /// When the store was last heard of, and what was wrong then.
    fn last(&self) -> Option<(Duration, Option<String>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self, clock: &Clock) -> Option<Option<String>> {
        let (at, trouble) = self.last()?;
        (clock.elapsed().saturating_sub(at) < FRESH).then_some(trouble)
    }
}

impl Objects {
    /// Whether the store answers. A store on the network is asked when nothing was heard of it for a
    /// while; whoever asks meanwhile gets what was known before.
    pub async fn standing(&self) -> Standing {
        if let Some(folder) = self.folder() {
            return match space(folder) {
                Ok(_) => Standing { ok: true, detail: self.describe() },
                Err(error) => Standing { ok: false, detail: error.to_string() },
            };
        }
        let inner = &*self.0;
        if let Some(trouble) = inner.known.fresh(&inner.clock) {
            return self.stands(trouble);
        }
        let _asking = match (inner.known.asking.try_lock(), inner.known.last()) {
            (Ok(asking), _) => asking,
            (Err(_), Some((_, trouble))) => return self.stands(trouble),
            (Err(_), None) => inner.known.asking.lock().await,
        };
        if let Some(trouble) = inner.known.fresh(&inner.clock) {
            return self.stands(trouble);
        }
        let seen = self.look().await;
        inner.known.learn(&inner.clock, seen.as_ref().err());
        self.stands(seen.err().map(|error| error.to_string()))
    }

    fn stands(&self, trouble: Option<String>) -> Standing {
        match trouble {
            None => Standing { ok: true, detail: format!("{} answers", self.describe()) },
            Some(detail) => Standing { ok: false, detail },
        }
    }

    /// Lists what tries have left, mostly nothing: enough to know that the bucket is there and the
    /// key opens it.
    async fn look(&self) -> Result<(), ObjectError> {
        let Home::Bucket(bucket) = &self.0.home else { return Ok(()) };
        let store = bucket.open()?;
        let folder = Location::from(format!("{}{PROBES}", bucket.prefix));
        let mut listed = object_store::ObjectStore::list(&*store, Some(&folder));
        let first = async { listed.try_next().await.map(drop) };
        self.within(bucket.patience.look, PROBES, first).await
    }

    /// Writes, reads and deletes an object of its own; says whether the store refuses a key that is
    /// taken.
    pub async fn probe(&self) -> Result<bool, ObjectError> {
        self.clear_probes().await?;
        let key = format!("{PROBES}/{}", Uuid::now_v7());
        let tried = self.try_out(&key).await;
        let deleted = self.delete(&key).await;
        let is_refused = tried?;
        deleted?;
        Ok(is_refused)
    }

    async fn try_out(&self, key: &str) -> Result<bool, ObjectError> {
        let bytes = Bytes::from_static(b"written by Luna to see whether this store can be used");
        self.write(key, bytes.clone(), PutMode::Create).await?;
        self.get(key, &sha256_hex(&bytes)).await?;
        let is_taken_over = self.write(key, bytes, PutMode::Create).await?;
        Ok(!is_taken_over)
    }

    /// Removes what tries of killed programs have left.
    async fn clear_probes(&self) -> Result<(), ObjectError> {
        let before = self.0.clock.now() - LEFT_BEHIND;
        for old in self.list(PROBES).await?.iter().filter(|listed| listed.stored_at < before) {
            self.delete(&old.key).await?;
        }
        Ok(())
    }
}
