//! How the signing keys are: their number, age and length, never the keys.

use chrono::{DateTime, Utc};

use super::service::{Accounts, AccountsError};
use super::store;

/// The keys in use, as far as anybody but the signer may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHealth {
    /// Keys that are accepted.
    pub count: usize,
    /// When the newest was made; absent before the first login.
    pub newest_at: Option<DateTime<Utc>>,
    /// Length of the shortest, in bytes.
    pub shortest_bytes: usize,
}

impl Accounts {
    /// How the signing keys are.
    pub async fn key_health(&self) -> Result<KeyHealth, AccountsError> {
        let mut conn = self.db.conn().await?;
        let keys = store::signing_keys(&mut conn).await?;
        Ok(KeyHealth {
            count: keys.len(),
            newest_at: keys.iter().map(|key| key.created_at).max(),
            shortest_bytes: keys.iter().map(|key| key.secret.len()).min().unwrap_or(0),
        })
    }
}
