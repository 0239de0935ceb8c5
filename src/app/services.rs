//! Every service, built once, handed to the next by constructor.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::book::ProgramSettings;
use super::connect::brokers;
use super::documents::{Shared, documents};
use crate::access::accounts::Accounts;
use crate::access::accounts::SessionsJob;
use crate::access::audit::Audit;
use crate::access::sites::Sites;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::decisions::alerts::Alerts;
use crate::decisions::alerts::DeliverJob;
use crate::decisions::alerts::Deliveries;
use crate::decisions::value::Values;
use crate::decisions::windows::Windows;
use crate::facts::archive::Archive;
use crate::facts::changes::Changes;
use crate::facts::changes::Consumer;
use crate::facts::consumption::Consumption;
use crate::facts::drops::Drops;
use crate::facts::drops::DropsJob;
use crate::facts::drops::Needs as DropsNeeds;
use crate::facts::events::Events;
use crate::facts::events::Telemetry;
use crate::facts::imports::Imports;
use crate::facts::ingest::FetchJob;
use crate::facts::ingest::Ingest;
use crate::facts::ingest::Part;
use crate::facts::ingest::Stores;
use crate::facts::kafka::Kafka;
use crate::facts::market::Prices;
use crate::facts::market::Shown;
use crate::facts::meters::Meters;
use crate::facts::meters::RollupKeeper;
use crate::facts::mqtt;
use crate::facts::mqtt::Mqtt;
use crate::facts::quality::JudgeJob;
use crate::facts::quality::JudgeOnChange;
use crate::facts::quality::Quality;
use crate::facts::quality::StoredJudge;
use crate::facts::rates::Rates;
use crate::facts::readings::Readings;
use crate::facts::series::Observations;
use crate::facts::simulation::Needs;
use crate::facts::simulation::Simulation;
use crate::facts::tariffs::Tariffs;
use crate::facts::uploads::StagedFiles;
use crate::knowledge::ask::Ask;
use crate::knowledge::documents::CheckJob;
use crate::knowledge::documents::Documents;
use crate::knowledge::documents::IngestJob;
use crate::knowledge::documents::ReindexJob;
use crate::learning::accuracy::Accuracy;
use crate::learning::datasets::Datasets;
use crate::learning::features::Features;
use crate::learning::prediction::ExportJob;
use crate::learning::prediction::ForecastJob;
use crate::learning::prediction::Forecasts;
use crate::learning::prediction::Published;
use crate::learning::prediction::RefreshJob;
use crate::learning::prediction::RefreshOnChange;
use crate::learning::prediction::RetrainJob;
use crate::learning::prediction::ScoreJob;
use crate::learning::registry::Registry;
use crate::learning::serving::Bundles;
use crate::learning::serving::Contests;
use crate::learning::serving::PredictOnChange;
use crate::learning::serving::Predictor;
use crate::learning::serving::PromoteJob;
use crate::learning::site_forecasts::MeterForecastJob;
use crate::learning::site_forecasts::MeterRefitJob;
use crate::learning::site_forecasts::SiteForecasts;
use crate::learning::site_forecasts::SiteNeeds;
use crate::learning::training::DayModels;
use crate::learning::training::Orders;
use crate::learning::training::Training;
use crate::learning::training::TrainingJob;
use crate::operations::jobs::Queue;
use crate::operations::settings::StoredSettings;
use crate::operations::status::Asked;
use crate::operations::status::Readiness;
use crate::operations::status::Status;
use crate::operations::upkeep::Kept;
use crate::operations::upkeep::Upkeep;
use crate::operations::upkeep::UpkeepJob;
use crate::platform::db::Db;
use crate::platform::jobs::Handler;
use crate::platform::jobs::Jobs;
use crate::platform::objects::Objects;
use crate::platform::runtime::CpuPool;
use crate::platform::web::Protections;
use crate::surfaces::dashboards::Gather;
use crate::surfaces::dashboards::Sources;

/// Who follows changes of series, by name.
const CONSUMERS: [&str; 4] =
    [RollupKeeper::NAME, RefreshOnChange::NAME, JudgeOnChange::NAME, PredictOnChange::NAME];
/// Threads of models that answer: so many that a few which hang leave some for the others.
const ANSWERING: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");

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
    pub changes: Changes,
    pub prices: Prices,
    pub shown: Shown,
    pub observations: Observations,
    pub quality: Quality,
    pub judge: StoredJudge,
    pub archive: Archive,
    pub tariffs: Tariffs,
    pub meters: Meters,
    pub readings: Readings,
    pub events: Events,
    pub telemetry: Telemetry,
    pub imports: Imports,
    pub drops: Drops,
    pub consumption: Consumption,
    pub staged: StagedFiles,
    pub ingest: Ingest,
    pub mqtt: Mqtt,
    pub kafka: Kafka,
    pub simulation: Simulation,
    pub datasets: Datasets,
    pub registry: Registry,
    pub training: Training,
    pub predictor: Predictor,
    pub bundles: Bundles,
    pub contests: Contests,
    pub orders: Orders,
    pub forecasts: Forecasts,
    pub site_forecasts: SiteForecasts,
    pub accuracy: Accuracy,
    pub values: Values,
    pub windows: Windows,
    pub alerts: Alerts,
    pub deliveries: Deliveries,
    pub documents: Documents,
    pub ask: Ask,
    pub settings: StoredSettings,
    pub upkeep: Upkeep,
    pub status: Status,
    pub objects: Objects,
    pub gather: Gather,
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
        models: settings.models.clone().into(),
        alerts: settings.alerts.clone().into(),
        site_forecasts: settings.site_forecasts.clone().into(),
        documents: settings.documents.clone().into(),
        answers: settings.answers.clone().into(),
        upkeep: settings.upkeep.clone().into(),
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
    let changes = Changes::new(db.clone(), audit.clone(), clock.clone());
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
        (pool.clone(), clock.clone()),
        book.ingest.clone(),
    );
    let meters = Meters::new(db.clone(), sites.clone(), clock.clone(), book.meters.clone());
    let judge = StoredJudge::new(quality.clone(), meters.clone(), tariffs.clone());
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
    let needs = DropsNeeds {
        db: db.clone(),
        archive: archive.clone(),
        meters: meters.clone(),
        readings: readings.clone(),
        quality: quality.clone(),
        audit: audit.clone(),
        jobs: jobs.clone(),
    };
    let drops = Drops::new(needs, clock.clone(), settings.drops.clone());
    let consumption = Consumption::new(
        db.clone(),
        meters.clone(),
        imports.clone(),
        audit.clone(),
        pool.clone(),
        clock.clone(),
    );
    let staged = StagedFiles::new(db.clone(), objects.clone(), clock.clone());
    let kafka =
        Kafka::new(&settings.kafka, db.clone(), (readings.clone(), quality.clone()), clock.clone());
    let events = Events::new(db.clone(), clock.clone());
    let telemetry = Telemetry::new(db.clone(), accounts.clone(), audit.clone(), clock.clone());
    let needs = Needs {
        db: db.clone(),
        prices: prices.clone(),
        meters: meters.clone(),
        readings: readings.clone(),
        brokers: brokers(settings, &kafka),
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
    // What is published and who asks share what models of whole days have learned.
    let day_models = DayModels::default();
    // Threads of their own: an answer cannot wait while a model trains.
    let answering = CpuPool::new(Some(ANSWERING));
    let predictor = Predictor::new(
        db.clone(),
        registry.clone(),
        features.clone(),
        (answering, day_models.clone(), clock.clone()),
        book.models.clone(),
    );
    let bundles = Bundles::new(
        db.clone(),
        registry.clone(),
        (pool.clone(), clock.clone()),
        book.models.clone(),
    );
    let contests = Contests::new(predictor.clone());
    let forecasts = Forecasts::new(
        db.clone(),
        prices.clone(),
        features,
        registry.clone(),
        (pool.clone(), day_models),
        clock.clone(),
    );
    let site_forecasts = SiteForecasts::new(SiteNeeds {
        db: db.clone(),
        meters: meters.clone(),
        observations: observations.clone(),
        published: Published::new(db.clone()),
        pool: pool.clone(),
        clock: clock.clone(),
        settings: book.site_forecasts.clone(),
    });
    let accuracy =
        Accuracy::new(prices.clone(), observations.clone(), forecasts.clone(), clock.clone());
    let values = Values::new(accuracy.clone(), tariffs.clone());
    let windows = Windows::new(prices.clone(), shown.clone(), forecasts.clone(), clock.clone());
    let alerts = Alerts::new(
        db.clone(),
        (registry.clone(), predictor.clone()),
        jobs.clone(),
        clock.clone(),
        book.alerts.clone(),
    );
    let deliveries = Deliveries::new(db.clone(), clock.clone(), book.alerts.clone());
    let shared = Shared {
        db: db.clone(),
        objects: objects.clone(),
        jobs: jobs.clone(),
        audit: audit.clone(),
        tariffs: tariffs.clone(),
        clock: clock.clone(),
    };
    let sections = (book.documents.clone(), book.answers.clone());
    let (documents, ask) = documents(settings, shared, sections);
    let kept = Kept {
        db: db.clone(),
        changes: changes.clone(),
        consumers: CONSUMERS.to_vec(),
        meters: meters.clone(),
        readings: readings.clone(),
        observations: observations.clone(),
        quality: quality.clone(),
        archive: archive.clone(),
        events: events.clone(),
        jobs: jobs.clone(),
        predictor: predictor.clone(),
        alerts: alerts.clone(),
        ask: ask.clone(),
    };
    let upkeep = Upkeep::new(kept, clock.clone(), book.upkeep.clone());
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
        kafka: kafka.clone(),
        documents: documents.clone(),
        ask: ask.clone(),
    };
    let status = Status::new(asked, clock.clone());
    let settings = StoredSettings::new(db.clone(), audit.clone(), clock.clone(), Arc::new(book));
    let gather = Gather::new(Sources {
        windows: windows.clone(),
        shown: shown.clone(),
        accuracy: accuracy.clone(),
        values: values.clone(),
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
        changes,
        prices,
        shown,
        observations,
        quality,
        judge,
        archive,
        tariffs,
        meters,
        readings,
        events,
        telemetry,
        imports,
        drops,
        consumption,
        staged,
        ingest,
        mqtt,
        kafka,
        simulation,
        datasets,
        registry,
        training,
        predictor,
        bundles,
        contests,
        orders,
        forecasts,
        site_forecasts,
        accuracy,
        values,
        windows,
        alerts,
        deliveries,
        documents,
        ask,
        settings,
        upkeep,
        status,
        objects,
        gather,
    }
}

impl Services {
    fn fetch_job(&self, part: Part) -> FetchJob {
        FetchJob { part, ingest: self.ingest.clone() }
    }

    /// Who follows changes of series.
    pub(crate) fn consumers(&self) -> Vec<Arc<dyn Consumer>> {
        vec![
            Arc::new(RollupKeeper(self.meters.clone())),
            Arc::new(RefreshOnChange(self.jobs.clone())),
            Arc::new(JudgeOnChange { judge: self.judge.clone(), jobs: self.jobs.clone() }),
            Arc::new(PredictOnChange {
                predictor: self.predictor.clone(),
                prices: self.prices.clone(),
            }),
        ]
    }

    /// What runs the jobs of documents; they have workers of their own, so that a thousand documents
    /// hold nothing else up.
    pub(crate) fn document_handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![
            Arc::new(IngestJob(self.documents.clone())),
            Arc::new(ReindexJob(self.documents.clone())),
            Arc::new(CheckJob(self.documents.clone())),
        ]
    }

    /// What runs the other jobs of the queue.
    pub(crate) fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![
            Arc::new(TrainingJob(self.training.clone())),
            Arc::new(JudgeJob(self.judge.clone())),
            Arc::new(UpkeepJob(self.upkeep.clone())),
            Arc::new(SessionsJob(self.accounts.clone())),
            Arc::new(DropsJob(self.drops.clone())),
            Arc::new(self.fetch_job(Part::Prices)),
            Arc::new(self.fetch_job(Part::Values)),
            Arc::new(self.fetch_job(Part::Tariffs)),
            Arc::new(ForecastJob(self.forecasts.clone())),
            Arc::new(ScoreJob(self.forecasts.clone())),
            Arc::new(PromoteJob(self.contests.clone())),
            Arc::new(DeliverJob(self.deliveries.clone())),
            Arc::new(MeterForecastJob(self.site_forecasts.clone())),
            Arc::new(MeterRefitJob(self.site_forecasts.clone())),
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
                predictor: self.predictor.clone(),
                clock: self.clock.clone(),
            }),
        ]
    }
}
