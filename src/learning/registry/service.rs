//! Registers, stores and loads models; what is done with them stands in the files beside this one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::life::{GoldenRow, ModelFilter, Order, State};
use super::model::{ImportedModel, ModelMetrics, ModelRecord, ModelStatus, NewModel};
use super::{store, working};
use crate::access::audit::{Audit, By};
use crate::base::timeline::Clock;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::objects::ObjectError;
use crate::platform::objects::Objects;

/// Why the registry refuses.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No model of that id.
    #[error("there is no model {0}")]
    Unknown(Uuid),
    /// The model is not fitted.
    #[error("{label} is not ready: its status is {status:?}")]
    NotReady {
        /// Name and version.
        label: String,
        /// Where it stands.
        status: ModelStatus,
    },
    /// The model is not better than the naive one.
    #[error("{label} may not serve: {reason}")]
    GateClosed {
        /// Name and version.
        label: String,
        /// The figures.
        reason: String,
    },
    /// A serving model cannot be deleted.
    #[error("{label} works for {series}; deactivate it before you delete it")]
    Serving {
        /// Name and version.
        label: String,
        /// Series it serves.
        series: String,
    },
    /// The model is where this cannot be done.
    #[error("{label} is {}: {what}", state.name())]
    WrongState {
        /// Name and version.
        label: String,
        /// Where it stands.
        state: State,
        /// What that keeps from happening, and what to do.
        what: &'static str,
    },
    /// Nobody has judged the model.
    #[error(
        "{label} brought no scores to judge it by: let it stand in the shadow until it can be \
         compared, or say that you accept it unproven (accept_unproven=true)"
    )]
    Unproven {
        /// Name and version.
        label: String,
    },
    /// There is nothing to go back to.
    #[error("no model served {series} before {label}")]
    NoPredecessor {
        /// Name and version.
        label: String,
        /// Series it serves.
        series: String,
    },
    /// The model before cannot serve any more.
    #[error("{label} served before, and cannot again: {why}")]
    PredecessorGone {
        /// Name and version, or the identifier.
        label: String,
        /// What happened to it.
        why: String,
    },
    /// No model ever had that name.
    #[error("no model has been called {0}")]
    UnknownName(String),
    /// A value that cannot be set.
    #[error("{field}: {what}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// The stored model is missing or damaged.
    #[error("the stored model could not be read")]
    Object(#[from] ObjectError),
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for RegistryError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The models of this installation.
#[derive(Clone)]
pub struct Registry {
    pub(super) db: Db,
    objects: Objects,
    pub(super) audit: Audit,
    pub(super) clock: Clock,
    /// Artefacts by hash, so that a serving model is fetched once.
    loaded: Arc<Mutex<HashMap<String, Bytes>>>,
    /// Grows whenever what serves may have changed.
    generation: Arc<AtomicU64>,
}

impl Registry {
    /// The registry in this database, artefacts in `objects`.
    pub fn new(db: Db, objects: Objects, audit: Audit, clock: Clock) -> Self {
        Self { db, objects, audit, clock, loaded: Arc::default(), generation: Arc::default() }
    }

    /// Notes that what serves may have changed, here or in another process.
    pub fn wake(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that is another one once what serves may have changed.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Registers a model that is about to be fitted.
    pub async fn begin(&self, new: NewModel) -> Result<ModelRecord, RegistryError> {
        let (model_id, at) = (Uuid::now_v7(), self.clock.now());
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| store::insert(conn, model_id, &new, at).await).await?;
        drop(conn);
        self.get(model_id).await
    }

    /// Stores the fitted model's bytes and scores, and rows by which it is recognised wherever it goes;
    /// the model is then ready.
    pub async fn complete(
        &self,
        model_id: Uuid,
        artifact: impl Into<Bytes>,
        metrics: &ModelMetrics,
        golden: &[GoldenRow],
    ) -> Result<ModelRecord, RegistryError> {
        let key = format!("models/{model_id}.bin");
        let sha256 = self.objects.put(&key, artifact).await?;
        let (model, at) = (self.get(model_id).await?, self.clock.now());
        let by = By::system();
        let entry = working::entry(&model, "validate", (model.state, State::Validated), &by);
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            store::mark_ready(conn, model_id, (&key, &sha256), metrics, at).await?;
            if !golden.is_empty() {
                store::put_golden(conn, model_id, golden).await?;
            }
            let entry = entry.at(at, "it was fitted and answers the rows it was judged on");
            store::after(conn, entry).await
        })
        .await?;
        drop(conn);
        self.get(model_id).await
    }

    /// Notes why a model could not be fitted.
    pub async fn fail(&self, model_id: Uuid, why: &str) -> Result<(), RegistryError> {
        metrics::counter!("ml_errors_total", "kind" => "training").increment(1);
        let (model, at, by) = (self.get(model_id).await?, self.clock.now(), By::system());
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            store::mark_failed(conn, model_id, why).await?;
            let entry = working::entry(&model, "fail", (model.state, State::Failed), &by);
            store::after(conn, entry.at(at, why)).await
        })
        .await?;
        Ok(())
    }

    /// The model with these bytes under this name, if it is here.
    pub async fn by_content(
        &self,
        name: &str,
        sha256: &str,
    ) -> Result<Option<ModelRecord>, RegistryError> {
        Ok(store::by_content(&mut *self.db.conn().await?, name, sha256).await?)
    }

    /// Stores a model that was made elsewhere; it is then imported and nothing more.
    pub async fn take_in(
        &self,
        new: &ImportedModel,
        artifact: impl Into<Bytes>,
        golden: &[GoldenRow],
        order: Order<'_>,
    ) -> Result<ModelRecord, RegistryError> {
        let (model_id, at) = (Uuid::now_v7(), self.clock.now());
        let key = format!("models/{model_id}.bin");
        let sha256 = self.objects.put(&key, artifact).await?;
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let stored = (key.as_str(), sha256.as_str());
            store::insert_imported(conn, (model_id, at), new, stored).await?;
            store::put_golden(conn, model_id, golden).await?;
            let model = store::by_id(conn, model_id).await?;
            let model = model.ok_or(RegistryError::Unknown(model_id))?;
            self.record(conn, ("import", &model), (State::Imported, State::Imported), order)
                .await?;
            Ok::<_, RegistryError>(())
        })
        .await?;
        drop(conn);
        self.get(model_id).await
    }

    /// Rows by which a model is recognised; none of those that were made before there were any.
    pub async fn golden(&self, model_id: Uuid) -> Result<Vec<GoldenRow>, RegistryError> {
        Ok(store::golden(&mut *self.db.conn().await?, model_id).await?)
    }

    /// The model of an id.
    pub async fn get(&self, id: Uuid) -> Result<ModelRecord, RegistryError> {
        let found = store::by_id(&mut *self.db.conn().await?, id).await?;
        found.ok_or(RegistryError::Unknown(id))
    }

    /// Up to `limit` models, newest first, after the position `before`.
    pub async fn list(
        &self,
        filter: impl Into<ModelFilter>,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<ModelRecord>, RegistryError> {
        let filter = filter.into();
        Ok(store::list(&mut *self.db.conn().await?, &filter, before, limit).await?)
    }

    /// The newest models that are ready and do nothing, up to `limit`.
    pub async fn idle(&self, limit: i64) -> Result<Vec<ModelRecord>, RegistryError> {
        Ok(store::idle(&mut *self.db.conn().await?, limit).await?)
    }

    /// The champions, one per series and purpose.
    pub async fn active(&self) -> Result<Vec<ModelRecord>, RegistryError> {
        Ok(store::active(&mut *self.db.conn().await?).await?)
    }

    /// The model whose values of `series` count.
    pub async fn serving(&self, series: &str) -> Result<Option<ModelRecord>, RegistryError> {
        Ok(store::champion(&mut *self.db.conn().await?, series, "value").await?)
    }

    /// The newest model of the values of `series` that was fitted here on all days, whether it serves
    /// or not.
    pub async fn newest_ready(&self, series: &str) -> Result<Option<ModelRecord>, RegistryError> {
        Ok(store::newest_ready(&mut *self.db.conn().await?, series).await?)
    }

    /// Number of models that serve; also sets the gauge of that name.
    pub async fn count_serving(&self) -> Result<usize, RegistryError> {
        let serving = store::active(&mut *self.db.conn().await?).await?.len();
        metrics::gauge!("ml_active_models").set(serving as f64);
        Ok(serving)
    }

    /// Datasets that models were trained on.
    pub async fn datasets_in_use(&self) -> Result<Vec<Uuid>, RegistryError> {
        Ok(store::datasets_in_use(&mut *self.db.conn().await?).await?)
    }

    /// Number of models that are not deleted.
    pub async fn count(&self) -> Result<i64, RegistryError> {
        Ok(store::count(&mut *self.db.conn().await?).await?)
    }

    /// Marks trainings that began before `before` and never ended as failed: their program was
    /// stopped. Returns how many there were.
    pub async fn fail_abandoned(&self, before: DateTime<Utc>) -> Result<usize, RegistryError> {
        let why = "the program stopped before the model was fitted";
        Ok(store::fail_unfinished(&mut *self.db.conn().await?, before, why).await?)
    }

    /// Reads the file of every ready model; returns how many there are, and which of them cannot be
    /// used and why.
    pub async fn verify(&self) -> Result<(usize, Vec<String>), RegistryError> {
        let ready = store::ready(&mut *self.db.conn().await?).await?;
        let mut faults = Vec::new();
        for model in &ready {
            let stored = model.artifact_key.as_ref().zip(model.artifact_sha256.as_ref());
            let Some((key, sha256)) = stored else { continue };
            match self.objects.get(key, sha256).await {
                Ok(_) => {}
                Err(error) if error.is_passing() => return Err(error.into()),
                Err(fault) => faults.push(format!("{}: {fault}", model.label())),
            }
        }
        Ok((ready.len(), faults))
    }

    /// The models that serve and whose file is not there.
    pub async fn without_file(&self) -> Result<Vec<String>, RegistryError> {
        let mut without = Vec::new();
        for model in self.active().await? {
            let Some(key) = &model.artifact_key else { continue };
            if !self.objects.contains(key).await? {
                without.push(model.label());
            }
        }
        Ok(without)
    }

    /// The bytes of a ready model, checked against the hash noted when it was stored.
    pub async fn artifact(&self, model: &ModelRecord) -> Result<Bytes, RegistryError> {
        let (Some(key), Some(sha256)) = (&model.artifact_key, &model.artifact_sha256) else {
            return Err(RegistryError::NotReady { label: model.label(), status: model.status });
        };
        if let Some(bytes) = self.loaded().get(sha256) {
            return Ok(bytes.clone());
        }
        let started = Instant::now();
        let bytes = self.objects.get(key, sha256).await.inspect_err(|_| {
            metrics::counter!("ml_errors_total", "kind" => "model_load").increment(1);
        })?;
        metrics::histogram!("ml_model_load_seconds").record(started.elapsed().as_secs_f64());
        let mut loaded = self.loaded();
        // A handful of series serve at once; whoever scrolls through old models must not fill memory.
        if loaded.len() >= 16 {
            loaded.clear();
        }
        loaded.insert(sha256.clone(), bytes.clone());
        drop(loaded);
        Ok(bytes)
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
