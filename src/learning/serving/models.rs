//! Models in memory: what serves, swapped as a whole once the new is ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::loaded::{Loaded, Shape, Shared};
use crate::base::timeline::Clock;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::ModelSettings;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::Live;

/// Age at which what serves is read anew although nothing was told.
const AGE_MAX: Duration = Duration::from_secs(30);
/// Models that are kept because somebody asked for them, besides those that serve.
const ASKED_MAX: usize = 32;
/// Answers of one model that may be worked on at once: one that is slow holds no more threads.
const PLACES: usize = 2;

/// A model with what is set for it, ready to answer, or with why it is not.
#[derive(Debug, Clone)]
pub(super) struct Deployed {
    pub record: Arc<ModelRecord>,
    pub settings: Arc<ModelSettings>,
    pub body: Result<Shared, String>,
    pub places: Arc<Semaphore>,
}

/// What serves at one moment.
#[derive(Debug, Default)]
struct Table {
    /// By series, champions first.
    by_series: HashMap<String, Vec<Deployed>>,
    generation: Option<u64>,
    read: Duration,
}

impl Table {
    fn of(&self, model_id: Uuid) -> Option<&Deployed> {
        self.by_series.values().flatten().find(|it| it.record.model_id == model_id)
    }
}

/// The models of this process. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Models {
    registry: Registry,
    pool: CpuPool,
    clock: Clock,
    table: Live<Table>,
    asked: Arc<Mutex<HashMap<Uuid, Deployed>>>,
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Models {
    pub fn new(registry: Registry, pool: CpuPool, clock: Clock) -> Self {
        let table = Live::from(Table::default());
        Self { registry, pool, clock, table, asked: Arc::default(), reading: Arc::default() }
    }

    /// Models that work for a series, champions first.
    pub async fn of_series(&self, series: &str) -> Result<Vec<Deployed>, RegistryError> {
        Ok(self.current().await?.by_series.get(series).cloned().unwrap_or_default())
    }

    /// Every series that a model works for.
    pub async fn series(&self) -> Result<Vec<String>, RegistryError> {
        let mut all: Vec<String> = self.current().await?.by_series.keys().cloned().collect();
        all.sort();
        Ok(all)
    }

    /// One model, whether it serves or not.
    pub async fn one(&self, id: Uuid) -> Result<Deployed, RegistryError> {
        if let Some(found) = self.current().await?.of(id) {
            return Ok(found.clone());
        }
        let record = self.registry.get(id).await?;
        let known = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let deployed = if let Some(known) = known {
            Deployed { record: Arc::new(record), ..known }
        } else {
            let settings = self.registry.settings(id).await?;
            self.deployed(record, settings, None).await?
        };
        if deployed.body.is_ok() {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.len() >= ASKED_MAX {
                asked.clear();
            }
            asked.insert(id, deployed.clone());
        }
        self.count();
        Ok(deployed)
    }

    /// The model that a name means: the champion of that name, else one in the shadow, else the
    /// newest that is usable.
    pub async fn named(&self, name: &str) -> Result<Option<Deployed>, RegistryError> {
        let table = self.current().await?;
        let mut working = table.by_series.values().flatten();
        if let Some(found) = working.find(|it| it.record.name == name) {
            return Ok(Some(found.clone()));
        }
        let filter = crate::learning::registry::ModelFilter {
            name: Some(name.to_owned()),
            ..Default::default()
        };
        let all = self.registry.list(filter, None, 50).await?;
        match all.into_iter().find(|model| model.state.may_work()) {
            Some(model) => Ok(Some(self.one(model.model_id).await?)),
            None => Ok(None),
        }
    }

    /// What serves now. While one reads it anew the others go on with what there is; only who has
    /// nothing waits.
    async fn current(&self) -> Result<Arc<Table>, RegistryError> {
        let table = self.table.get();
        if self.holds(&table) {
            return Ok(table);
        }
        let guard = match self.reading.try_lock() {
            Ok(guard) => guard,
            Err(_) if table.generation.is_some() => return Ok(table),
            Err(_) => self.reading.lock().await,
        };
        // Somebody else may have been at it.
        let table = self.table.get();
        if self.holds(&table) {
            return Ok(table);
        }
        let read = self.read(&table).await;
        drop(guard);
        match read {
            Ok(()) => Ok(self.table.get()),
            // While the database is away what is known serves on.
            Err(_) if table.generation.is_some() => Ok(table),
            Err(error) => Err(error),
        }
    }

    fn holds(&self, table: &Table) -> bool {
        table.generation == Some(self.registry.generation())
            && self.clock.elapsed().saturating_sub(table.read) < AGE_MAX
    }

    /// Reads what serves and loads what is new of it; then all of it takes the place of the old.
    async fn read(&self, old: &Table) -> Result<(), RegistryError> {
        // Before the look: what changes during it is looked at again.
        let generation = self.registry.generation();
        let mut by_series: HashMap<String, Vec<Deployed>> = HashMap::new();
        for (record, settings) in self.registry.working().await? {
            let series = record.target_variable.clone();
            let known = old.of(record.model_id).cloned();
            let deployed = self.deployed(record, settings, known).await?;
            by_series.entry(series).or_default().push(deployed);
        }
        for deployed in by_series.values_mut() {
            deployed.sort_by_key(|it| (it.record.role(), it.record.purpose() != "value"));
        }
        self.table.set(Table {
            by_series,
            generation: Some(generation),
            read: self.clock.elapsed(),
        });
        self.count();
        Ok(())
    }

    /// A model with its bytes in memory; those that are there already stay.
    async fn deployed(
        &self,
        record: ModelRecord,
        settings: ModelSettings,
        known: Option<Deployed>,
    ) -> Result<Deployed, RegistryError> {
        let same = known.filter(|known| {
            known.body.is_ok()
                && known.record.artifact_sha256 == record.artifact_sha256
                && known.record.features == record.features
        });
        let (record, settings) = (Arc::new(record), Arc::new(settings));
        if let Some(known) = same {
            return Ok(Deployed { record, settings, ..known });
        }
        let body = self.load(&record).await?;
        Ok(Deployed { record, settings, body, places: Arc::new(Semaphore::new(PLACES)) })
    }

    /// A damaged or missing model is told with the others' answers; only a database or a store that
    /// is away is an error.
    async fn load(&self, record: &ModelRecord) -> Result<Result<Shared, String>, RegistryError> {
        let started = Instant::now();
        let bytes = match self.registry.artifact(record).await {
            Ok(bytes) => bytes,
            Err(error @ RegistryError::Db(_)) => return Err(error),
            Err(RegistryError::Object(error)) => return Ok(Err(error.to_string())),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let shape = shape(record);
        let loaded = self.pool.run("load", move || Loaded::new(shape, &bytes)).await;
        let loaded = loaded.map_err(|error| error.to_string()).and_then(|loaded| loaded);
        match &loaded {
            Ok(_) => {
                metrics::histogram!("ml_model_load_seconds")
                    .record(started.elapsed().as_secs_f64());
            }
            Err(why) => {
                metrics::counter!("ml_errors_total", "kind" => "model_load").increment(1);
                tracing::error!(model = %record.label(), %why, "{} cannot be loaded: {why}", record.label());
            }
        }
        Ok(loaded.map(Arc::new))
    }

    fn count(&self) {
        let table = self.table.get();
        let serving = table.by_series.values().flatten().filter(|it| it.body.is_ok());
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let besides = asked.keys().filter(|id| table.of(**id).is_none()).count();
        metrics::gauge!("ml_models_loaded").set((serving.count() + besides) as f64);
    }
}

/// What is needed to ask a registered model.
pub(super) fn shape(record: &ModelRecord) -> Shape {
    Shape {
        series: record.target_variable.clone(),
        features: record.features.clone(),
        format: record.format,
        missing: record.missing_values.clone(),
        is_event: record.event.is_some(),
    }
}
