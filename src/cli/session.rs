//! Services for one command: joins the running private database, or starts it and stops it afterwards.

use super::output::Failure;
use crate::app::Services;
use crate::app::assemble;
use crate::app::connect;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::platform::db::embedded::Mode;

/// Runs `work` on services whose database has this program's schema.
pub(super) async fn with_services<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(Services) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (db, private) = connect(settings, Mode::Command).await.map_err(Failure::world)?;
    let services = assemble(settings, db, Clock::system());
    let result = match prepare(&services, settings).await {
        Ok(()) => tokio::select! {
            result = work(services) => result,
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

async fn prepare(services: &Services, settings: &Settings) -> Result<(), Failure> {
    let schema = services.db.schema_status().await.map_err(Failure::world)?;
    if schema.is_head {
        return Ok(());
    }
    if settings.server.apply_migrations {
        services.db.migrate().await.map_err(Failure::world)?;
        return Ok(());
    }
    let error = anyhow::anyhow!("the database has another schema than this program");
    Err(Failure::with_hint(error, "run luna db migrate"))
}
