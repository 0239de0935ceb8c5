//! Many readings in one transaction without holding them, and the meters they are meant for.

use super::model::{Reading, Stored};
use super::service::{MeterError, Meters, check};
use super::store::{self, Stage, Target};
use crate::base::timeline::TimeRange;
use crate::platform::db::{Conn, count_written};
use crate::platform::web::{Principal, Role};

/// Most stored readings that are looked at beside counters.
const BESIDE_MAX: i64 = 400_000;

/// Whose meters somebody may write readings of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    /// All.
    All,
    /// Those of these sites.
    Sites(Vec<uuid::Uuid>),
}

impl Writable {
    /// Whether a meter is among them.
    pub fn has(&self, target: &Target) -> bool {
        match self {
            Self::All => true,
            Self::Sites(sites) => sites.contains(&target.site_id),
        }
    }
}

impl Meters {
    /// Whose meters `who` may write readings of: admins and analysts all, customers those of their
    /// own sites, viewers none.
    pub async fn writable(&self, who: &Principal) -> Result<Writable, MeterError> {
        match who.role {
            _ if who.is_setup_guest => Ok(Writable::Sites(Vec::new())),
            Role::Admin | Role::Analyst => Ok(Writable::All),
            Role::Viewer => Ok(Writable::Sites(Vec::new())),
            Role::Customer => Ok(Writable::Sites(self.sites_of(who).await?.unwrap_or_default())),
        }
    }

    /// Kilowatt hours behind which counters go on at 0.
    pub fn rollover_kwh(&self) -> f64 {
        self.settings.get().counter_rollover_wh as f64 / 1_000.0
    }

    /// Those of `meter_ids` that are meters, with what is needed to read rows about them.
    pub async fn targets(
        &self,
        conn: &mut Conn,
        meter_ids: &[&str],
    ) -> Result<Vec<Target>, MeterError> {
        Ok(store::targets(conn, meter_ids).await?)
    }

    /// Makes other writers of these meters wait until the transaction on `conn` ends. Whoever writes
    /// twice in one transaction names all meters here first, or two of them wait in a circle.
    pub async fn take_turns(&self, conn: &mut Conn, meter_ids: &[&str]) -> Result<(), MeterError> {
        Ok(store::take_turns(conn, meter_ids).await?)
    }

    /// Opens a stage for readings that arrive bit by bit.
    pub async fn open_stage(&self) -> Result<Stage, MeterError> {
        Ok(Stage::open(&self.db).await?)
    }

    /// Adds readings to a stage.
    pub async fn stage(&self, stage: &mut Stage, readings: &[Reading]) -> Result<(), MeterError> {
        check(readings)?;
        Ok(stage.add(readings).await?)
    }

    /// Ends a stage: all its readings are there and can be written.
    pub async fn close_stage(&self, stage: &mut Stage) -> Result<(), MeterError> {
        Ok(stage.close().await?)
    }

    /// Writes what is staged by the rules of [`Meters::put`], in the transaction open on `conn`; all
    /// meters of the stage have taken turns.
    pub async fn put_staged(&self, conn: &mut Conn, stage: &Stage) -> Result<Stored, MeterError> {
        let stored = store::put_stage(conn, stage).await?;
        count_written("smart_meter_readings", stored.inserted + stored.replaced);
        Ok(stored)
    }

    /// Does away with a stage, written or not.
    pub async fn remove_stage(&self, stage: Stage) {
        if let Err(error) = stage.remove().await {
            tracing::warn!(%error, "A stage of readings stays until the next is opened: {error}");
        }
    }

    /// Stored readings of a meter that begin in `range`, as the transaction on `conn` sees them.
    pub async fn stored_in(
        &self,
        conn: &mut Conn,
        meter_id: &str,
        range: TimeRange,
    ) -> Result<Vec<Reading>, MeterError> {
        Ok(store::readings(conn, meter_id, range, BESIDE_MAX).await?)
    }
}
