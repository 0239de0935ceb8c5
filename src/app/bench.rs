//! `luna bench`: the benchmarks on a database of their own, the reading one on the application itself.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use actix_web::web::Data;
use secrecy::SecretString;
use uuid::Uuid;

use super::connect::{ConnectError, connect};
use super::serve::{Answering, WEB_WORKERS, server};
use super::services::{Services, assemble};
use crate::access::accounts::AccountsError;
use crate::access::audit::By;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::facts::mqtt::Settings as MqttSettings;
use crate::operations::bench;
use crate::operations::bench::BenchError;
use crate::operations::bench::Benchmark;
use crate::operations::bench::Figure;
use crate::operations::bench::Plan;
use crate::operations::bench::Report;
use crate::operations::bench::Scratch;
use crate::operations::bench::Served;
use crate::platform::db::Db;
use crate::platform::db::embedded::Mode;
use crate::platform::objects;
use crate::platform::runtime::Roles;
use crate::platform::runtime::Stage;
use crate::platform::runtime::Tasks;
use crate::platform::runtime::stop_requested;
use crate::platform::telemetry::Logs;
use crate::platform::telemetry::Metrics;
use crate::platform::telemetry::TelemetryError;
use crate::platform::web::Role;
use crate::surfaces::dashboards::PageError;
use crate::surfaces::dashboards::Templates;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    /// A benchmark could not be run.
    #[error("{} could not be measured", name.name())]
    Bench {
        /// Which.
        name: Benchmark,
        /// Why.
        source: BenchError,
    },
    /// There is no database to measure in.
    #[error("there is no database to measure in")]
    Scratch(#[source] BenchError),
    /// There is no database server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The account to read with could not be made.
    #[error("the account to read with could not be made")]
    Account(#[from] AccountsError),
    /// The application does not serve.
    #[error("the application does not serve: {0}")]
    Io(#[from] std::io::Error),
    /// The pages of the application are broken.
    #[error(transparent)]
    Pages(#[from] PageError),
    /// Metrics cannot be collected.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Somebody asked to stop.
    #[error("stopped before the end")]
    Stopped,
}

/// Longest wait for what was started for a benchmark to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells how far the work is: a share of one and what is next.
type Told = fn(f64, &str);

/// Measures `wanted`, one after the other.
pub(crate) async fn measure(
    settings: &Settings,
    wanted: &[Benchmark],
    told: Told,
) -> Result<Report, MeasureError> {
    let plan = Plan::of_build();
    let mut figures = Vec::new();
    if wanted.iter().any(|benchmark| benchmark.needs_database()) {
        let (db, private) = connect(settings, Mode::Command).await?;
        let measured = in_scratch(settings, wanted, &db, &plan, told).await;
        drop(db);
        if let Some(private) = private
            && let Err(error) = private.stop().await
        {
            tracing::error!(%error, "The private database did not stop: {error}");
        }
        figures.extend(measured?);
    }
    let alone = [Benchmark::Features, Benchmark::Recalibration, Benchmark::LightgbmRow];
    for name in alone.into_iter().filter(|name| wanted.contains(name)) {
        told(0.8, name.name());
        let figure = match name {
            Benchmark::Features => bench::features(&plan).await,
            Benchmark::Recalibration => bench::recalibration(&plan).await,
            _ => bench::lightgbm_row(&plan).await,
        };
        figures.push(figure.map_err(|source| MeasureError::Bench { name, source })?);
    }
    if wanted.contains(&Benchmark::Search) {
        told(0.9, Benchmark::Search.name());
        figures.push(search(&plan).await?);
    }
    told(1.0, "done");
    Ok(Report::new(figures))
}

/// Searches in a folder that is gone afterwards, however that ends.
async fn search(plan: &Plan) -> Result<Figure, MeasureError> {
    let files = Files::new();
    let source = |source| MeasureError::Bench { name: Benchmark::Search, source };
    tokio::select! {
        measured = bench::search(&files.0, plan) => measured.map_err(source),
        _ = stop_requested() => Err(MeasureError::Stopped),
    }
}

/// Makes the scratch database, measures in it, and drops it however that ends.
async fn in_scratch(
    settings: &Settings,
    wanted: &[Benchmark],
    db: &Db,
    plan: &Plan,
    told: Told,
) -> Result<Vec<Figure>, MeasureError> {
    let scratch = Scratch::create(db, &settings.database).await.map_err(MeasureError::Scratch)?;
    let work = async {
        scratch.migrate().await.map_err(MeasureError::Scratch)?;
        let mut figures = Vec::new();
        if wanted.contains(&Benchmark::BulkUpsert) {
            told(0.0, Benchmark::BulkUpsert.name());
            let source = |source| MeasureError::Bench { name: Benchmark::BulkUpsert, source };
            figures.push(bench::bulk_upsert(&scratch, plan).await.map_err(source)?);
        }
        let over_http = [
            (0.2, Benchmark::SingleRowRead),
            (0.4, Benchmark::ReadWhileTraining),
            (0.5, Benchmark::IngestHttp),
            (0.55, Benchmark::IngestMqtt),
            (0.6, Benchmark::ImportCsv),
            (0.7, Benchmark::IngestGrowth),
            (0.75, Benchmark::Predict),
            (0.78, Benchmark::ModelLists),
        ];
        for (done, name) in over_http.into_iter().filter(|(_, name)| wanted.contains(name)) {
            told(done, name.name());
            match serve_and_ask(name, settings, &scratch, plan).await {
                Ok(figure) => figures.push(figure),
                // The others are worth having without it.
                Err(MeasureError::Bench { name, source: why @ BenchError::NoBroker })
                    if wanted.len() > 1 =>
                {
                    tracing::warn!("{} is left out: {why}", name.name());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(figures)
    };
    let measured = tokio::select! {
        measured = work => measured,
        _ = stop_requested() => Err(MeasureError::Stopped),
    };
    let removed = scratch.remove().await.map_err(MeasureError::Scratch);
    let figures = measured?;
    removed?;
    Ok(figures)
}

/// Serves the whole application on the scratch database, and sends it requests.
async fn serve_and_ask(
    name: Benchmark,
    settings: &Settings,
    scratch: &Scratch,
    plan: &Plan,
) -> Result<Figure, MeasureError> {
    let mut settings = settings.clone();
    settings.server.requests_per_minute = 0;
    // Files of a measurement belong neither into the data folder nor into a bucket.
    let files = Files::new();
    settings.storage.data_dir.clone_from(&files.0);
    settings.objects = objects::Settings::default();
    let source = |source| MeasureError::Bench { name, source };
    let broker = match name {
        Benchmark::IngestMqtt => Some(bench::Broker::start().map_err(source)?),
        _ => None,
    };
    // No benchmark reads the broker of the box: its messages are somebody's.
    let url = broker.as_ref().map(bench::Broker::url);
    settings.mqtt = MqttSettings { url, ..MqttSettings::default() }.into();
    let services = assemble(&settings, scratch.db().clone(), Clock::system());
    let id = bench::prepare_read(scratch.db(), &services.registry).await.map_err(source)?;
    if name == Benchmark::Predict {
        bench::prepare_predict(&services.registry, plan).await.map_err(source)?;
    }
    let token = caller(&services, name).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let served = Served { address: listener.local_addr()?, workers: WEB_WORKERS, token };
    let templates = Data::new(Templates::load()?);
    let (metrics, logs) = (Metrics::install()?, Logs::default());
    let answering = Answering { roles: Roles::default(), patience_s: 0 };
    let application = server(listener, &services, (&metrics, &logs), &templates, answering)?;
    let (handle, tasks) = (application.handle(), Tasks::new());
    tasks.spawn_in(Stage::Intake, "bench.http", async move {
        if let Err(error) = application.await {
            tracing::error!(%error, "The web server ended: {error}");
        }
    });
    if broker.is_some() {
        let (mqtt, stop) = (services.mqtt.clone(), tasks.stop_token(Stage::Intake));
        tasks.spawn_in(Stage::Intake, "bench.mqtt", async move { mqtt.run(&stop).await });
    }
    let measured = match (name, &broker) {
        (Benchmark::IngestMqtt, Some(broker)) => {
            bench::ingest_mqtt(&served, broker, scratch, plan).await
        }
        (Benchmark::ReadWhileTraining, _) => {
            bench::read_while_training(&served, &services.pool, id, plan).await
        }
        (Benchmark::IngestHttp, _) => bench::ingest_http(&served, scratch, plan).await,
        (Benchmark::ImportCsv, _) => bench::import_csv(&served, scratch, plan).await,
        (Benchmark::IngestGrowth, _) => bench::ingest_growth(&served, scratch, plan).await,
        (Benchmark::Predict, _) => bench::predict(&served, plan).await,
        (Benchmark::ModelLists, _) => bench::model_lists(&served, scratch, plan).await,
        _ => bench::single_row_read(&served, &services.registry, id, plan).await,
    };
    handle.stop(false).await;
    drop(tasks.shutdown(PATIENCE).await);
    measured.map_err(source)
}

/// A folder that is gone after the measurement.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("luna-bench-{}", Uuid::new_v4())))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // Without a file it was never made.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A token of an account made for the run; nobody knows its password.
async fn caller(services: &Services, name: Benchmark) -> Result<SecretString, AccountsError> {
    let login = name.name();
    let password = SecretString::from(Uuid::new_v4().to_string());
    let role = match name {
        Benchmark::IngestHttp
        | Benchmark::IngestMqtt
        | Benchmark::ImportCsv
        | Benchmark::IngestGrowth => Role::Admin,
        _ => Role::Viewer,
    };
    services.accounts.create_user(login, role, password, &By::command()).await?;
    let (token, _) = services.accounts.issue_token_for(login, &By::command()).await?;
    Ok(token)
}
