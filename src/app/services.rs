//! Every service, built once, handed to the next by constructor.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::book::ProgramSettings;
use crate::access::accounts::Accounts;
use crate::access::accounts::SessionsJob;
use crate::access::audit::Audit;
use crate::access::sites::Sites;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::decisions::windows::Windows;
use crate::facts::archive::Archive;
use crate::facts::events::Events;
use crate::facts::imports::Imports;
use crate::facts::ingest::FetchJob;
use crate::facts::ingest::Ingest;
use crate::facts::ingest::Part;
use crate::facts::ingest::Stores;
use crate::facts::market::Prices;
use crate::facts::market::Shown;
use crate::facts::meters::Meters;
use crate::facts::mqtt;
use crate::facts::mqtt::Mqtt;
use crate::facts::quality::Quality;
use crate::facts::rates::Rates;
use crate::facts::readings::Readings;
use crate::facts::series::Observations;
use crate::facts::simulation::Needs;
use crate::facts::simulation::Simulation;
use crate::facts::tariffs::Tariffs;
use crate::learning::datasets::Datasets;
use crate::learning::features::Features;
use crate::learning::prediction::ExportJob;
use crate::learning::prediction::ForecastJob;
use crate::learning::prediction::Forecasts;
use crate::learning::prediction::RefreshJob;
use crate::learning::prediction::RetrainJob;
use crate::learning::prediction::ScoreJob;
use crate::learning::registry::Registry;
use crate::learning::training::Orders;
use crate::learning::training::Training;
use crate::learning::training::TrainingJob;
use crate::operations::jobs::Queue;
use crate::operations::settings::StoredSettings;
use crate::operations::status::Asked;
use crate::operations::status::Readiness;
use crate::operations::status::Status;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::db::embedded::EmbeddedError;
use crate::platform::db::embedded::EmbeddedPostgres;
use crate::platform::db::embedded::Mode;
use crate::platform::jobs::Handler;
use crate::platform::jobs::Jobs;
use crate::platform::jobs::Schedule;
use crate::platform::jobs::ScheduleError;
use crate::platform::jobs::SlotLength;
use crate::platform::objects::Objects;
use crate::platform::runtime::CpuPool;
use crate::platform::web::Protections;
use crate::surfaces::dashboards::Gather;
use crate::surfaces::dashboards::Sources;

/// Every service of the program. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Services {
    pub clock: Clock,
    pub db: Db,
    pub pool: CpuPool,
    pub protections: Arc<Protections>,
    pub readiness: Readiness,
    pub jobs: Jobs,
    pub queue: Queue,
    pub audit: Audit,
    pub sites: Sites,
    pub accounts: Accounts,
    pub prices: Prices,
    pub shown: Shown,
    pub observations: Observations,
    pub quality: Quality,
    pub archive: Archive,
    pub tariffs: Tariffs,
    pub meters: Meters,
    pub readings: Readings,
    pub events: Events,
    pub imports: Imports,
    pub ingest: Ingest,
    pub mqtt: Mqtt,
    pub simulation: Simulation,
    pub datasets: Datasets,
    pub registry: Registry,
    pub training: Training,
    pub orders: Orders,
    pub forecasts: Forecasts,
    pub windows: Windows,
    pub settings: StoredSettings,
    pub status: Status,
    pub objects: Objects,
    pub gather: Gather,
}

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The private database could not be started.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The settings of the connection make no sense.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The configured database, or the private one, which is started or joined.
pub(crate) async fn connect(
    settings: &Settings,
    mode: Mode,
) -> Result<(Db, Option<EmbeddedPostgres>), ConnectError> {
    if let Some(url) = &settings.database_url {
        return Ok((Db::new(&settings.database, url)?, None));
    }
    let folder = std::path::absolute(&settings.storage.data_dir)
        .unwrap_or_else(|_| settings.storage.data_dir.clone());
    let bin = settings.database.postgres_bin.as_deref();
    let private = EmbeddedPostgres::start(&folder, mode, bin).await?;
    Ok((Db::new(&settings.database, &private.url())?, Some(private)))
}

/// The services on a database.
#[expect(clippy::too_many_lines, reason = "one line for each service, in the order of the floors")]
pub(crate) fn assemble(settings: &Settings, db: Db, clock: Clock) -> Services {
    let pool = CpuPool::new(None);
    let protections = Arc::new(Protections::new(&settings.server, clock.clone()));
    let book = ProgramSettings {
        base: settings.clone(),
        accounts: settings.accounts.clone().into(),
        market: settings.market.clone().into(),
        meters: settings.meters.clone().into(),
        simulation: settings.simulation.clone().into(),
        tariffs: settings.tariffs.clone().into(),
        ingest: settings.ingest.clone().into(),
        protections: Arc::clone(&protections),
    };
    let readiness = Readiness::default();
    let data_dir = settings.storage.data_dir.clone();
    let objects = Objects::new(&settings.objects, data_dir.clone(), clock.clone());
    let jobs = Jobs::new(db.clone(), clock.clone(), settings.jobs.clone());
    let audit = Audit::new(db.clone(), clock.clone());
    let sites = Sites::new(db.clone(), clock.clone());
    let accounts = Accounts::new(db.clone(), audit.clone(), clock.clone(), book.accounts.clone());
    let queue = Queue::new(db.clone(), jobs.clone(), audit.clone());
    let orders = Orders::new(db.clone(), jobs.clone(), audit.clone());
    let prices = Prices::new(db.clone());
    let shown = Shown::new(prices.clone(), book.market.clone(), clock.clone());
    let observations = Observations::new(db.clone());
    let quality = Quality::new(
        db.clone(),
        prices.clone(),
        observations.clone(),
        audit.clone(),
        clock.clone(),
    );
    let tariffs = Tariffs::new(db.clone(), audit.clone(), clock.clone(), book.tariffs.clone());
    let rates = Rates::new(observations.clone(), book.market.clone(), clock.clone());
    let archive = Archive::new(db.clone(), objects.clone(), clock.clone());
    let ingest = Ingest::new(
        db.clone(),
        archive.clone(),
        Stores {
            prices: prices.clone(),
            observations: observations.clone(),
            tariffs: tariffs.clone(),
            quality: quality.clone(),
        },
        clock.clone(),
        book.ingest.clone(),
    );
    let meters = Meters::new(db.clone(), sites.clone(), clock.clone(), book.meters.clone());
    let readings = Readings::new(db.clone(), meters.clone(), audit.clone(), clock.clone());
    let imports = Imports::new(
        prices.clone(),
        observations.clone(),
        audit.clone(),
        readings.clone(),
        clock.clone(),
    );
    let mqtt_needs = mqtt::Needs {
        db: db.clone(),
        meters: meters.clone(),
        readings: readings.clone(),
        quality: quality.clone(),
        audit: audit.clone(),
    };
    let mqtt = Mqtt::new(mqtt_needs, clock.clone(), (*settings.mqtt).clone());
    let events = Events::new(db.clone(), clock.clone());
    let needs = Needs {
        db: db.clone(),
        prices: prices.clone(),
        meters: meters.clone(),
        events: events.clone(),
        audit: audit.clone(),
        // A thread of its own: readings every few seconds cannot wait while a model trains.
        pool: CpuPool::new(Some(NonZeroUsize::MIN)),
    };
    let simulation = Simulation::new(needs, clock.clone(), book.simulation.clone());
    let features = Features::new(prices.clone(), observations.clone());
    let datasets =
        Datasets::new(db.clone(), objects.clone(), pool.clone(), audit.clone(), clock.clone());
    let registry = Registry::new(db.clone(), objects.clone(), audit.clone(), clock.clone());
    let training = Training::new(
        features.clone(),
        datasets.clone(),
        registry.clone(),
        pool.clone(),
        clock.clone(),
    );
    let forecasts = Forecasts::new(
        db.clone(),
        prices.clone(),
        features,
        registry.clone(),
        pool.clone(),
        clock.clone(),
    );
    let windows = Windows::new(prices.clone(), shown.clone(), forecasts.clone(), clock.clone());
    let asked = Asked {
        db: db.clone(),
        readiness: readiness.clone(),
        prices: prices.clone(),
        registry: registry.clone(),
        forecasts: forecasts.clone(),
        objects: objects.clone(),
        data_dir,
        jobs: jobs.clone(),
        mqtt: mqtt.clone(),
    };
    let status = Status::new(asked, clock.clone());
    let settings = StoredSettings::new(db.clone(), audit.clone(), clock.clone(), Arc::new(book));
    let gather = Gather::new(Sources {
        windows: windows.clone(),
        shown: shown.clone(),
        forecasts: forecasts.clone(),
        prices: prices.clone(),
        rates,
        tariffs: tariffs.clone(),
        ingest: ingest.clone(),
        clock: clock.clone(),
    });
    Services {
        clock,
        db,
        pool,
        protections,
        readiness,
        jobs,
        queue,
        audit,
        sites,
        accounts,
        prices,
        shown,
        observations,
        quality,
        archive,
        tariffs,
        meters,
        readings,
        events,
        imports,
        ingest,
        mqtt,
        simulation,
        datasets,
        registry,
        training,
        orders,
        forecasts,
        windows,
        settings,
        status,
        objects,
        gather,
    }
}

impl Services {
    fn fetch_job(&self, part: Part) -> FetchJob {
        let (ingest, jobs) = (self.ingest.clone(), self.jobs.clone());
        FetchJob { part, ingest, jobs, then: RefreshJob::NAME }
    }

    /// What runs the jobs of the queue.
    pub(crate) fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![
            Arc::new(TrainingJob(self.training.clone())),
            Arc::new(SessionsJob(self.accounts.clone())),
            Arc::new(self.fetch_job(Part::Prices)),
            Arc::new(self.fetch_job(Part::Values)),
            Arc::new(self.fetch_job(Part::Tariffs)),
            Arc::new(ForecastJob(self.forecasts.clone())),
            Arc::new(ScoreJob(self.forecasts.clone())),
            Arc::new(ExportJob { training: self.training.clone(), clock: self.clock.clone() }),
            Arc::new(RefreshJob {
                simulation: self.simulation.clone(),
                prices: self.prices.clone(),
                forecasts: self.forecasts.clone(),
                registry: self.registry.clone(),
                jobs: self.jobs.clone(),
                clock: self.clock.clone(),
            }),
            Arc::new(RetrainJob {
                prices: self.prices.clone(),
                training: self.training.clone(),
                registry: self.registry.clone(),
                forecasts: self.forecasts.clone(),
                clock: self.clock.clone(),
            }),
        ]
    }
}

/// What the program does by the clock. A fresh box shows something at once: the scheduler's first
/// look enqueues the occurrence that was missed last.
pub(crate) fn schedules() -> Result<Vec<Schedule>, ScheduleError> {
    let (utc, zurich) = (chrono_tz::Tz::UTC, chrono_tz::Tz::Europe__Zurich);
    Ok(vec![
        // Every ten minutes; whether anybody is asked is decided by what is missing.
        Schedule::new(FetchJob::PRICES, "0 5/10 * * * *", zurich, SlotLength::Minute)?,
        Schedule::new(FetchJob::VALUES, "0 7/10 * * * *", zurich, SlotLength::Minute)?,
        // Soon after midnight it is decided whether the standard tariff holds.
        Schedule::new(FetchJob::TARIFFS, "0 1/10 * * * *", zurich, SlotLength::Minute)?,
        Schedule::new(RefreshJob::NAME, "0 2/15 * * * *", utc, SlotLength::Minute)?,
        Schedule::new(RetrainJob::NAME, "0 17 3 * * *", zurich, SlotLength::Day)?,
        Schedule::new(SessionsJob::NAME, "0 41 * * * *", utc, SlotLength::Hour)?,
    ])
}
