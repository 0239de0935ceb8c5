//! Lists settings, changes them, takes changes back, brings this process up to date.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::SubsecRound;
use diesel_async::AsyncConnection;
use serde_json::{Value, json};

use super::model::{Applies, Book, Setting, Stored, StoredValue};
use super::store;
use crate::access::audit::{Audit, By, Event};
use crate::base::timeline::Clock;
use crate::platform::db::{Db, DbError};
use crate::platform::web::Principal;

/// Why a setting is not changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no such setting.
    #[error("'{0}' is not a setting; GET /api/settings lists them")]
    Unknown(String),
    /// Its place is elsewhere.
    #[error("{0} can be set in config/*.toml, in the environment or by a flag only")]
    Elsewhere(String),
    /// With the change the settings would not be sound.
    #[error("{}", .0.join("; "))]
    Mistakes(Vec<String>),
    /// The database is away, or refused.
    #[error("could not read or write settings")]
    Database(#[from] DbError),
}

impl From<diesel::result::Error> for SettingsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The values in `db`, as they are.
pub async fn stored(db: &Db) -> Result<Stored, DbError> {
    let mut conn = db.conn().await?;
    Ok(values(&store::all(&mut conn).await?.into_iter().collect()))
}

type Rows = BTreeMap<String, StoredValue>;

fn values(rows: &Rows) -> Stored {
    rows.iter().map(|(key, row)| (key.clone(), row.value.clone())).collect()
}

/// Settings in the database. Cloning is cheap.
#[derive(Clone)]
pub struct StoredSettings {
    db: Db,
    audit: Audit,
    clock: Clock,
    book: Arc<dyn Book>,
}

impl StoredSettings {
    /// The settings in `db`, of the program that `book` knows.
    pub fn new(db: Db, audit: Audit, clock: Clock, book: Arc<dyn Book>) -> Self {
        Self { db, audit, clock, book }
    }

    /// Every setting.
    pub async fn list(&self) -> Result<Vec<Setting>, SettingsError> {
        let mut conn = self.db.conn().await?;
        let rows: Rows = store::all(&mut conn).await?.into_iter().collect();
        let listed = self.book.read(&self.book.sound(values(&rows)));
        Ok(with_rows(listed.map_err(SettingsError::Mistakes)?, &rows))
    }

    /// Stores `value` for `key`.
    pub async fn set(
        &self,
        key: &str,
        value: Value,
        who: &Principal,
    ) -> Result<Setting, SettingsError> {
        self.change(key, Some(value), who).await
    }

    /// Forgets what is stored for `key`: what files and defaults say holds again.
    pub async fn take_back(&self, key: &str, who: &Principal) -> Result<Setting, SettingsError> {
        self.change(key, None, who).await
    }

    async fn change(
        &self,
        key: &str,
        value: Option<Value>,
        who: &Principal,
    ) -> Result<Setting, SettingsError> {
        let known = self.book.read(&Stored::new()).map_err(SettingsError::Mistakes)?;
        let known = known.into_iter().find(|setting| setting.key == key);
        let known = known.ok_or_else(|| SettingsError::Unknown(key.to_owned()))?;
        if known.applies == Applies::InFilesOnly {
            return Err(SettingsError::Elsewhere(key.to_owned()));
        }
        let new = value.map(|value| StoredValue {
            value,
            changed_by: who.user_id,
            changed_at: self.clock.now().trunc_subsecs(6),
        });
        let mut conn = self.db.conn().await?;
        let changed = conn
            .transaction(async |conn| {
                store::lock(conn).await?;
                let mut rows: Rows = store::all(conn).await?.into_iter().collect();
                // What is unsound already is nobody's mistake now; the change has to be sound.
                let mut sound = self.book.sound(values(&rows));
                sound.remove(key);
                let before = rows.remove(key);
                if let Some(new) = &new {
                    sound.insert(key.to_owned(), new.value.clone());
                    rows.insert(key.to_owned(), new.clone());
                }
                let listed = self.book.read(&sound).map_err(SettingsError::Mistakes)?;
                match &new {
                    Some(new) => store::put(conn, key, new).await?,
                    None => store::remove(conn, key).await?,
                }
                let told = |row: &StoredValue| json!({"value": row.value});
                let action = if new.is_some() { "setting.change" } else { "setting.take_back" };
                let event = Event::new(action, ("setting", key))
                    .before(&before.as_ref().map(told))
                    .after(&new.as_ref().map(told));
                self.audit.record(conn, &By::of(who), event).await?;
                Ok::<_, SettingsError>((with_rows(listed, &rows), sound))
            })
            .await?;
        let (listed, sound) = changed;
        self.book.apply(&sound);
        let setting = listed.into_iter().find(|setting| setting.key == key);
        setting.ok_or_else(|| SettingsError::Unknown(key.to_owned()))
    }

    /// Lets take effect what this or another process has stored.
    pub async fn refresh(&self) -> Result<(), DbError> {
        self.book.apply(&self.book.sound(stored(&self.db).await?));
        Ok(())
    }
}

fn with_rows(listed: Vec<Setting>, rows: &Rows) -> Vec<Setting> {
    let with_row = |setting: Setting| {
        let stored = rows.get(&setting.key).cloned();
        Setting { stored, ..setting }
    };
    listed.into_iter().map(with_row).collect()
}
