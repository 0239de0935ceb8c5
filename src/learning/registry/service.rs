//! Registers, loads, activates and retires models.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::model::{ModelMetrics, ModelRecord, ModelStatus, NewModel};
use super::store;
use crate::access::audit::{Audit, By, Event};
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
    #[error("{label} serves {series}; deactivate it before you delete it")]
    Serving {
        /// Name and version.
        label: String,
        /// Series it serves.
        series: String,
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
    db: Db,
    objects: Objects,
    audit: Audit,
    clock: Clock,
    /// Artefacts by hash, so that a serving model is fetched once.
    loaded: Arc<Mutex<HashMap<String, Bytes>>>,
}

impl Registry {
    /// The registry in this database, artefacts in `objects`.
    pub fn new(db: Db, objects: Objects, audit: Audit, clock: Clock) -> Self {
        Self { db, objects, audit, clock, loaded: Arc::default() }
    }

    /// Registers a model that is about to be fitted.
    pub async fn begin(&self, new: NewModel) -> Result<ModelRecord, RegistryError> {
        let (model_id, at) = (Uuid::now_v7(), self.clock.now());
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| store::insert(conn, model_id, &new, at).await).await?;
        drop(conn);
        self.get(model_id).await
    }

    /// Stores the fitted model's bytes and scores; the model is then ready.
    pub async fn complete(
        &self,
        model_id: Uuid,
        artifact: impl Into<Bytes>,
        metrics: &ModelMetrics,
    ) -> Result<ModelRecord, RegistryError> {
        let key = format!("models/{model_id}.bin");
        let sha256 = self.objects.put(&key, artifact).await?;
        let at = self.clock.now();
        let mut conn = self.db.conn().await?;
        store::mark_ready(&mut conn, model_id, (&key, &sha256), metrics, at).await?;
        drop(conn);
        self.get(model_id).await
    }

    /// Notes why a model could not be fitted.
    pub async fn fail(&self, model_id: Uuid, why: &str) -> Result<(), RegistryError> {
        metrics::counter!("ml_errors_total", "kind" => "training").increment(1);
        store::mark_failed(&mut *self.db.conn().await?, model_id, why).await?;
        Ok(())
    }

    /// The model of an id.
    pub async fn get(&self, id: Uuid) -> Result<ModelRecord, RegistryError> {
        let found = store::by_id(&mut *self.db.conn().await?, id).await?;
        found.ok_or(RegistryError::Unknown(id))
    }

    /// Up to `limit` models, newest first, after the position `before`.
    pub async fn list(
        &self,
        target: Option<&str>,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<ModelRecord>, RegistryError> {
        Ok(store::list(&mut *self.db.conn().await?, target, before, limit).await?)
    }

    /// The models that serve, one per series at most.
    pub async fn active(&self) -> Result<Vec<ModelRecord>, RegistryError> {
        Ok(store::active(&mut *self.db.conn().await?).await?)
    }

    /// The model that serves `series`.
    pub async fn serving(&self, series: &str) -> Result<Option<ModelRecord>, RegistryError> {
        Ok(self.active().await?.into_iter().find(|model| model.target_variable == series))
    }

    /// The newest fitted model of `series`, whether it serves or not.
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

    /// Lets a model serve its series; refused when it did not beat the naive model.
    pub async fn activate(&self, id: Uuid, by: &By) -> Result<ModelRecord, RegistryError> {
        let model = self.get(id).await?;
        let label = model.label();
        let (ModelStatus::Ready, Some(scores)) = (model.status, &model.metrics) else {
            return Err(RegistryError::NotReady { label, status: model.status });
        };
        if !scores.gate.passed {
            return Err(RegistryError::GateClosed { label, reason: scores.gate.reason.clone() });
        }
        let (series, at) = (model.target_variable.as_str(), self.clock.now());
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            // Nobody deletes it in between.
            if !store::lock(conn, id).await? {
                return Err(RegistryError::Unknown(id));
            }
            let former = store::active(conn).await?;
            let former = former.iter().find(|model| model.target_variable == series);
            store::activate(conn, series, id, at).await?;
            let event = Event::new("model.activate", ("model", id))
                .before(&json!({"series": series, "serves": former.map(ModelRecord::label)}))
                .after(&json!({"series": series, "serves": label}));
            self.audit.record(conn, by, event).await?;
            Ok(())
        })
        .await?;
        drop(conn);
        self.count_serving().await?;
        tracing::info!(model = %label, %series, "{label} serves");
        self.get(id).await
    }

    /// Takes a model out of service; its series falls back to the naive model.
    pub async fn deactivate(&self, id: Uuid, by: &By) -> Result<ModelRecord, RegistryError> {
        let model = self.get(id).await?;
        let (label, series) = (model.label(), model.target_variable);
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            if store::deactivate(conn, id).await? > 0 {
                let event = Event::new("model.deactivate", ("model", id))
                    .before(&json!({"series": series, "serves": label}))
                    .after(&json!({"series": series, "serves": null}));
                self.audit.record(conn, by, event).await?;
            }
            Ok::<_, RegistryError>(())
        })
        .await?;
        drop(conn);
        self.count_serving().await?;
        self.get(id).await
    }

    /// Marks a model as deleted; its file and its scores stay for the record.
    pub async fn delete(&self, id: Uuid, by: &By) -> Result<(), RegistryError> {
        let model = self.get(id).await?;
        let (label, series) = (model.label(), model.target_variable);
        let mut conn = self.db.conn().await?;
        let deleted = conn
            .transaction(async |conn| {
                // Nobody activates it in between.
                if !store::lock(conn, id).await? {
                    return Err(RegistryError::Unknown(id));
                }
                let deleted = store::delete_idle(conn, id).await?;
                if deleted {
                    let event = Event::new("model.delete", ("model", id))
                        .before(&json!({"series": series, "model": label}));
                    self.audit.record(conn, by, event).await?;
                }
                Ok(deleted)
            })
            .await?;
        if deleted { Ok(()) } else { Err(RegistryError::Serving { label, series }) }
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
        metrics::gauge!("ml_models_loaded").set(loaded.len() as f64);
        drop(loaded);
        Ok(bytes)
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
