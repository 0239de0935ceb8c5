//! `luna serve`: brings everything up, says where it is, and takes it down in order.

use std::io::IsTerminal;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::web::Data;
use secrecy::ExposeSecret;

use super::book::with_stored;
use super::connect::{ConnectError, connect};
use super::events::listen;
use super::http::{application, application_data, openapi};
use super::schedules::schedules;
use super::services::{Services, assemble};
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::facts::mqtt;
use crate::facts::mqtt::Mqtt;
use crate::knowledge::documents::CheckJob;
use crate::knowledge::documents::Turn;
use crate::platform::db::embedded::EmbeddedPostgres;
use crate::platform::db::embedded::Mode;
use crate::platform::jobs::Runner;
use crate::platform::jobs::ScheduleError;
use crate::platform::jobs::Scheduler;
use crate::platform::objects::Objects;
use crate::platform::runtime::Roles;
use crate::platform::runtime::Stage;
use crate::platform::runtime::Tasks;
use crate::platform::runtime::stop_requested;
use crate::platform::telemetry;
use crate::platform::telemetry::Logs;
use crate::platform::telemetry::Metrics;
use crate::platform::telemetry::TelemetryError;
use crate::surfaces::dashboards::PageError;
use crate::surfaces::dashboards::Templates;

/// Pause between two looks for a database that is away.
const DATABASE_RETRY: Duration = Duration::from_secs(1);
/// Web workers; requests wait for the database, not for a processor.
pub(crate) const WEB_WORKERS: usize = 2;
/// Rounds of waiting after which an unchanged reason is told again.
const LINE_EVERY: u32 = 60;
/// Longest wait for an object store at the start.
const FILES_MAX: Duration = Duration::from_secs(10);
/// Pause between two rounds of upkeep of the metrics.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why the program does not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}; choose another port with --port or API_PORT")]
    Listen {
        /// Host and port.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The templates are broken.
    #[error(transparent)]
    Pages(#[from] PageError),
    /// Metrics cannot be collected.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The schedule is broken.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The server or the signal handler failed.
    #[error("the server failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Serves until a signal asks to stop.
pub(crate) async fn serve(settings: Settings, logs: Logs) -> Result<(), ServeError> {
    let clock = Clock::system();
    // The port first: when it is taken, nothing else should have been started.
    let address = format!("{}:{}", settings.server.host, settings.server.port);
    let listener = TcpListener::bind((settings.server.host.as_str(), settings.server.port))
        .map_err(|source| ServeError::Listen { address: address.clone(), source })?;
    let metrics = Metrics::install()?;
    let templates = Data::new(Templates::load()?);
    let (db, private) = connect(&settings, Mode::Serve).await?;
    let services = assemble(&with_stored(&settings, &db).await, db, clock);
    let tasks = Tasks::new();
    keep_running(&tasks, private.as_ref(), (&metrics, &services));
    let starter = (services.clone(), settings.clone(), tasks.clone());
    tasks.spawn("start", Box::pin(start(starter)));

    let patience = Duration::from_secs(settings.server.stop_patience_s.into());
    let answering =
        Answering { roles: settings.server.roles, patience_s: patience.as_secs().div_ceil(2) };
    let server = server(listener, &services, (&metrics, &logs), &templates, answering)?;
    let handle = server.handle();
    tasks.spawn_in(Stage::Intake, "http", async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "The web server ended: {error}");
        }
    });
    let signal = stop_requested().await?;
    tracing::info!(signal, "Stopping");
    let asked_at = Instant::now();
    handle.stop(true).await;
    let ended = tasks.shutdown(patience.saturating_sub(asked_at.elapsed())).await;
    tracing::info!(?ended, "Stopped");
    if let Err(error) = tokio::task::spawn_blocking(telemetry::flush).await {
        tracing::warn!(%error, "The last spans were not sent: {error}");
    }
    if let Some(private) = private
        && let Err(error) = private.stop().await
    {
        tracing::error!(%error, "The private database did not stop: {error}");
    }
    Ok(())
}

/// How a process answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answering {
    /// What it does.
    pub roles: Roles,
    /// How long open requests may take to end when it stops.
    pub patience_s: u64,
}

/// All that Luna answers on `listener`; it serves while the returned future is awaited.
pub(crate) fn server(
    listener: TcpListener,
    services: &Services,
    (metrics, logs): (&Metrics, &Logs),
    templates: &Data<Templates>,
    Answering { roles, patience_s }: Answering,
) -> std::io::Result<Server> {
    let document = openapi();
    let data = application_data(services, (metrics, logs), templates, &document);
    let protections = Arc::clone(&services.protections);
    let server = HttpServer::new(move || {
        application(data.clone(), document.clone(), protections.cors(), roles)
    });
    let server = server.workers(WEB_WORKERS).disable_signals().shutdown_timeout(patience_s);
    Ok(server.listen(listener)?.run())
}

/// Tasks that the others lean on until they have ended.
fn keep_running(
    tasks: &Tasks,
    private: Option<&EmbeddedPostgres>,
    (metrics, services): (&Metrics, &Services),
) {
    let (metrics, services) = (metrics.clone(), services.clone());
    tasks.spawn_supervised(Stage::Support, "metrics.upkeep", move |stop| {
        let (metrics, services) = (metrics.clone(), services.clone());
        async move {
            while tokio::time::timeout(UPKEEP, stop.cancelled()).await.is_err() {
                metrics.run_upkeep();
                services.status.measure().await;
                if let Err(error) = services.changes.measure().await {
                    tracing::debug!(%error, "Changes cannot be counted: {error}");
                }
            }
        }
    });
    if let Some(private) = private {
        let supervisor = private.supervisor();
        let stop = tasks.stop_token(Stage::Support);
        tasks.spawn_in(Stage::Support, "database", async move {
            tokio::select! {
                () = supervisor => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// Waits for the database, brings it to this version, then lets jobs run and shows the set-up code.
async fn start((services, settings, tasks): (Services, Settings, Tasks)) {
    let stop = tasks.stop_token(Stage::Work);
    let mut waiting = Waiting::default();
    while let Err(error) = prepare(&services, &settings).await {
        if waiting.is_worth_a_line(&error.to_string()) {
            let address = address(&settings);
            tracing::warn!(%error, "{address} waits for the database: {error}");
        }
        if tokio::time::timeout(DATABASE_RETRY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
    services.readiness.set();
    listen(&services, &tasks);
    if let Err(error) = run_jobs(&services, &tasks, &settings).await {
        tracing::error!(%error, "Jobs do not run: {error}");
    }
    let code = match services.accounts.ensure_setup_code().await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(%error, "There is no set-up code: {error}");
            None
        }
    };
    let files = try_files(&services.objects).await;
    let broker = try_broker(&services.mqtt).await;
    banner(&settings, &services, (&files, &broker), code.as_ref().map(ExposeSecret::expose_secret));
}

/// Says a reason when it is new, and again every minute: a log must not fill while nothing changes.
#[derive(Debug, Default)]
struct Waiting {
    reason: String,
    rounds: u32,
}

impl Waiting {
    fn is_worth_a_line(&mut self, reason: &str) -> bool {
        if self.reason != reason {
            *self = Self { reason: reason.to_owned(), rounds: 0 };
        }
        self.rounds += 1;
        self.rounds % LINE_EVERY == 1
    }
}

/// Where a browser on this box finds Luna.
fn address(settings: &Settings) -> String {
    let host = match settings.server.host.as_str() {
        "0.0.0.0" | "::" => "localhost".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    format!("http://{host}:{}", settings.server.port)
}

async fn prepare(services: &Services, settings: &Settings) -> anyhow::Result<()> {
    services.db.ping().await?;
    if settings.server.apply_migrations {
        let report = services.db.migrate().await?;
        if !report.applied.is_empty() {
            tracing::info!(applied = report.applied.len(), "Brought the database to this version");
        }
    }
    let schema = services.db.schema_status().await?;
    anyhow::ensure!(
        schema.is_head,
        "the database has another schema than this program; run luna db migrate"
    );
    services.registry.count_serving().await?;
    Ok(())
}

async fn run_jobs(services: &Services, tasks: &Tasks, settings: &Settings) -> anyhow::Result<()> {
    let roles = settings.server.roles;
    if roles.worker {
        Runner::new(services.jobs.clone(), services.handlers(), tasks.clone()).start();
        work_on_documents(services, tasks, settings);
        let simulation = services.simulation.clone();
        tasks.spawn_supervised(Stage::Work, "simulation.stream", move |stop| {
            let simulation = simulation.clone();
            async move { simulation.run(&stop).await }
        });
        let (kafka, all) = (services.kafka.clone(), tasks.clone());
        tasks.spawn_supervised(Stage::Intake, "kafka.topics", move |stop| {
            let (kafka, all) = (kafka.clone(), all.clone());
            async move { kafka.run(&all, &stop).await }
        });
    }
    if !roles.events {
        return Ok(());
    }
    services.changes.start(services.consumers(), tasks);
    services.alerts.start(tasks);
    let mqtt = services.mqtt.clone();
    tasks.spawn_supervised(Stage::Intake, "mqtt", move |stop| {
        let mqtt = mqtt.clone();
        async move { mqtt.run(&stop).await }
    });
    Scheduler::new(services.jobs.clone(), services.clock.clone(), schedules(settings)?)
        .start(tasks)
        .await?;
    Ok(())
}

/// Lets workers of their own read documents and build their index, once no command on the same data
/// folder does.
fn work_on_documents(services: &Services, tasks: &Tasks, settings: &Settings) {
    let runner = Runner::new(services.jobs.clone(), services.document_handlers(), tasks.clone());
    let (folder, workers) = (settings.storage.data_dir.clone(), settings.documents.workers);
    let jobs = services.jobs.clone();
    let stop = tasks.stop_token(Stage::Work);
    tasks.spawn_in(Stage::Work, "documents.turn", async move {
        let turn = match Turn::take(&folder, &stop).await {
            Ok(Some(turn)) => turn,
            Ok(None) => return,
            Err(error) => {
                return tracing::error!(%error, "Documents are not read: {error}");
            }
        };
        runner.start_workers(workers);
        // What happened to the index while nobody looked is put right first.
        if let Err(error) = jobs.enqueue_unless_due(CheckJob::NAME).await {
            tracing::warn!(%error, "The index is checked by the clock only: {error}");
        }
        stop.cancelled().await;
        drop(turn);
    });
}

/// Where files are kept, and whether that can be used. A store that is away holds nothing up: files
/// are not written until it answers, and never elsewhere.
async fn try_files(objects: &Objects) -> String {
    let place = objects.describe();
    if !objects.is_remote() {
        return format!("{place} (no S3 configured)");
    }
    let tried = tokio::time::timeout(FILES_MAX, objects.probe()).await;
    let trouble = match tried {
        Ok(Ok(true)) => return place,
        Ok(Ok(false)) => {
            let weakness = "it ignores If-None-Match, so let only one Luna write there";
            tracing::warn!("{place}: {weakness}");
            return format!("{place}; {weakness}");
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("{place} does not answer in time"),
    };
    tracing::warn!("{trouble}; no file is written until that is mended, nor elsewhere");
    format!("{trouble}; no file is written until that is mended")
}

/// Which broker is read, and whether it lets Luna in. One that is away holds nothing up.
async fn try_broker(mqtt: &Mqtt) -> String {
    if mqtt.settings().broker().is_none() {
        return "none (no MQTT_URL configured)".to_owned();
    }
    match mqtt::probe(mqtt.settings()).await {
        Ok(answer) => answer,
        Err(trouble) => format!("{trouble}; tried again until it works"),
    }
}

/// Tells whoever started the program where it is and what it runs on.
#[expect(clippy::print_stderr, reason = "the banner is for the terminal, not for the log")]
fn banner(
    settings: &Settings,
    services: &Services,
    (files, broker): (&str, &str),
    code: Option<&str>,
) {
    let folder = std::path::absolute(&settings.storage.data_dir)
        .unwrap_or_else(|_| settings.storage.data_dir.clone());
    let address = address(settings);
    let database = services.db.describe();
    let time_series = if services.db.has_timescale() {
        "TimescaleDB"
    } else {
        "plain PostgreSQL tables (TimescaleDB is not there)"
    };
    let lines = [
        format!("Luna {} serves {address}/", env!("CARGO_PKG_VERSION")),
        format!("  data folder  {}", folder.display()),
        format!("  database     {database}"),
        format!("  time series  {time_series}"),
        format!("  files        {files}"),
        format!("  MQTT broker  {broker}"),
        format!("  roles        {}", settings.server.roles),
    ];
    let terminal = std::io::stderr().is_terminal();
    if terminal {
        for line in lines {
            eprintln!("{line}");
        }
    } else {
        let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        tracing::info!("{}", words.join("; "));
    }
    let file = folder.join("setup-code");
    let Some(code) = code else {
        // A code of an earlier start is of no use any more; a file that stays does no harm.
        drop(std::fs::remove_file(file));
        return;
    };
    let minutes = settings.accounts.setup_code_minutes;
    if terminal {
        eprintln!("  set-up code  {code}   ({minutes} minutes, once: {address}/setup)");
        return;
    }
    match write_secret(&file, code) {
        Ok(()) => tracing::info!(
            "The one-time set-up code for {address}/setup is in {}, for {minutes} minutes",
            file.display()
        ),
        Err(error) => tracing::error!(
            %error,
            "The set-up code could not be written to {}: {error}; create the first account with \
             luna admin create-user",
            file.display()
        ),
    }
}

fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    // With a database elsewhere nothing has needed the data folder yet.
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_and_makes_its_folder() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("data/setup-code");
        for text in ["first", "second"] {
            write_secret(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{text}\n"));
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn waiting_is_told_once_per_reason_and_minute() {
        let mut waiting = Waiting::default();
        let lines = (0..150).filter(|_| waiting.is_worth_a_line("refused")).count();
        assert_eq!(lines, 3);
        assert!(waiting.is_worth_a_line("no such database"));
        assert!(!waiting.is_worth_a_line("no such database"));
    }
}
