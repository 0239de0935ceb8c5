//! Predictions as they are kept: what came true of them, and when they are too old.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::predictor::{PredictError, Predictor};
use super::store;
use crate::platform::db::Conn;

impl Predictor {
    /// What came true of those predictions, each named by identifier and the instant at which it was
    /// made, of which it is known; in the transaction open on `conn`.
    pub async fn truths(
        &self,
        conn: &mut Conn,
        about: &[(Uuid, DateTime<Utc>)],
    ) -> Result<BTreeMap<Uuid, f64>, PredictError> {
        if about.is_empty() {
            return Ok(BTreeMap::new());
        }
        Ok(store::truths(conn, about).await?.into_iter().collect())
    }

    /// Removes predictions that were made before an instant, with the scores that were replaced, or
    /// only counts them; those in `kept` stay, since something else rests on them.
    pub async fn forget(
        &self,
        before: DateTime<Utc>,
        kept: &[Uuid],
        dry_run: bool,
    ) -> Result<usize, PredictError> {
        let mut conn = self.db.conn().await?;
        if dry_run {
            let count = store::count_old(&mut conn, before, kept).await?;
            return Ok(usize::try_from(count).unwrap_or(0));
        }
        let mut removed = 0;
        // Part by part: one long statement would keep the vacuum and others waiting.
        loop {
            let of_part = store::forget_some(&mut conn, before, kept).await?;
            removed += of_part;
            if of_part == 0 {
                return Ok(removed);
            }
        }
    }
}
