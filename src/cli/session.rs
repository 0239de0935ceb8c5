//! Services for one command: joins the running private database, or starts it and stops it afterwards.

use super::output::Failure;
use crate::app::Services;
use crate::app::assemble;
use crate::app::connect;
use crate::app::stored_in;
use crate::app::with_stored;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::operations::settings::Stored;
use crate::platform::db::Db;
use crate::platform::db::embedded::Mode;

/// Runs `work` on services whose database has this program's schema.
pub(super) async fn with_services<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(Services) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // What starts services and what they do is large; callers only hold a pointer to it.
    let (db, private) = Box::pin(connect(settings, Mode::Command)).await.map_err(Failure::world)?;
    let result = match Box::pin(prepare(&db, settings)).await {
        Ok(services) => tokio::select! {
            result = Box::pin(work(*services)) => result,
            // The private database must not be left behind by an impatient Ctrl-C.
            _ = crate::platform::runtime::stop_requested() => {
                Err(Failure::world(anyhow::anyhow!("stopped before the end")))
            }
        },
        Err(failure) => Err(failure),
    };
    if let Some(private) = private
        && let Err(error) = private.stop().await
    {
        tracing::error!(%error, "The private database did not stop: {error}");
    }
    result
}

async fn prepare(db: &Db, settings: &Settings) -> Result<Box<Services>, Failure> {
    let schema = db.schema_status().await.map_err(Failure::world)?;
    if !schema.is_head && !settings.server.apply_migrations {
        let error = anyhow::anyhow!("the database has another schema than this program");
        return Err(Failure::with_hint(error, "run luna db migrate"));
    }
    if !schema.is_head {
        db.migrate().await.map_err(Failure::world)?;
    }
    Ok(Box::new(assemble(&with_stored(settings, db).await, db.clone(), Clock::system())))
}

/// What admins stored in the database, without making one for it.
pub(super) async fn stored_settings(settings: &Settings) -> Result<Stored, Failure> {
    let is_there = settings.storage.data_dir.join("postgres/PG_VERSION").exists();
    if settings.database_url.is_none() && !is_there {
        return Ok(Stored::new());
    }
    let (db, private) = connect(settings, Mode::Command).await.map_err(Failure::world)?;
    let stored = stored_in(&db, settings).await;
    if let Some(private) = private {
        private.stop().await.map_err(Failure::world)?;
    }
    Ok(stored)
}
