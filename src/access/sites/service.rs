//! Who sees which site.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::model::Site;
use super::store;
use crate::base::timeline::Clock;
use crate::platform::db::{Conn, Db, DbError};
use crate::platform::web::{Principal, Role};

/// Why a site is not shown.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// There is none of that identifier, or it is not the caller's to know about.
    #[error("there is no site {0}")]
    Unknown(Uuid),
    /// The database is away, or refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The sites. Cloning is cheap.
#[derive(Clone)]
pub struct Sites {
    db: Db,
    clock: Clock,
}

impl Sites {
    /// The sites in `db`.
    pub const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Makes a person a member of the default site, in the transaction open on `conn`.
    pub async fn join_default(
        &self,
        conn: &mut Conn,
        user_id: Uuid,
    ) -> Result<(), diesel::result::Error> {
        store::join_default(conn, user_id, self.clock.now()).await
    }

    /// The site of whatever nobody places elsewhere, read in the transaction open on `conn`.
    pub async fn default_site(
        &self,
        conn: &mut Conn,
    ) -> Result<Option<Uuid>, diesel::result::Error> {
        store::default_site(conn).await
    }

    /// The sites that a person belongs to.
    pub async fn of_member(&self, user_id: Uuid) -> Result<Vec<Uuid>, DbError> {
        let mut conn = self.db.conn().await?;
        Ok(store::of_member(&mut conn, user_id).await?)
    }

    /// Up to `limit` sites that `who` may see, newest first, after the position `after`.
    pub async fn list(
        &self,
        who: &Principal,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Site>, SiteError> {
        let mut conn = self.db.conn().await?;
        let sites = store::list(&mut conn, (only_of(who), None), after, limit).await;
        Ok(sites.map_err(DbError::from)?)
    }

    /// The site, if `who` may see it.
    pub async fn get(&self, who: &Principal, site_id: Uuid) -> Result<Site, SiteError> {
        let mut conn = self.db.conn().await?;
        let sites = store::list(&mut conn, (only_of(who), Some(site_id)), None, 1).await;
        sites.map_err(DbError::from)?.pop().ok_or(SiteError::Unknown(site_id))
    }
}

/// Whose sites alone `who` sees; absent for those who see all.
fn only_of(who: &Principal) -> Option<Uuid> {
    (who.role == Role::Customer).then_some(who.user_id)
}
