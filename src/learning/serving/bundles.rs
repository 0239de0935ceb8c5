//! Models come and go as bundles: taken in behind a gate, handed out as they are.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::bundle::{Bundle, Fault, Manifest, SCHEMA};
use super::gate;
use super::loaded::Loaded;
use super::models::shape;
use super::settings::Settings;
use super::signature::{BadKey, BundleKey};
use super::store;
use crate::base::timeline::Clock;
use crate::learning::registry::ImportedModel;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::Order;
use crate::learning::registry::Origin;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::outbound::{Call, Outbound, OutboundError, Reach};
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::CpuPoolError;
use crate::platform::runtime::Live;

/// How long another installation may take to hand out a bundle.
const FETCH_MAX: Duration = Duration::from_mins(2);

/// Why a bundle was not taken in, or not handed out.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bundle is not what it must be; nothing was stored.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The model does not answer as it did where it was made; it is kept as failed.
    #[error("{label} is kept as failed: {fault}")]
    Failed {
        /// Name and version.
        label: String,
        /// What is wrong, and where.
        fault: Fault,
    },
    /// The address is not on the list of those that may be asked.
    #[error(
        "bundles are fetched from listed addresses only: add its beginning to models.import_urls"
    )]
    NotListed,
    /// The other installation could not be asked.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// It answered something else.
    #[error(
        "the other installation answered {0}; is the address that of a bundle, and may the key read it?"
    )]
    Status(u16),
    /// The model cannot travel.
    #[error("{label} cannot be handed out: {why}")]
    NoBundle {
        /// Name and version.
        label: String,
        /// Why.
        why: &'static str,
    },
    /// The registry refused, or did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The pool for heavy work is full or going down.
    #[error("the bundle could not be looked at")]
    Pool(#[from] CpuPoolError),
    /// The bundle could not be written.
    #[error("the bundle could not be written")]
    Write(#[from] std::io::Error),
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for BundleError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// A model that was taken in, and whether it was here before.
#[derive(Debug, Clone)]
pub struct TakenIn {
    /// The model.
    pub model: ModelRecord,
    /// Whether it is new here.
    pub is_new: bool,
}

/// Takes bundles in and hands them out. Cloning is cheap.
#[derive(Clone)]
pub struct Bundles {
    db: Db,
    registry: Registry,
    pool: CpuPool,
    clock: Clock,
    settings: Live<Settings>,
}

impl Bundles {
    /// Bundles of the models in `registry`.
    pub fn new(
        db: Db,
        registry: Registry,
        (pool, clock): (CpuPool, Clock),
        settings: impl Into<Live<Settings>>,
    ) -> Self {
        Self { db, registry, pool, clock, settings: settings.into() }
    }

    /// The key that this installation signs with; made when it is first asked for.
    async fn key(&self) -> Result<BundleKey, BundleError> {
        let mut conn = self.db.conn().await?;
        if let Some(stored) = store::bundle_key(&mut conn).await? {
            return Ok(BundleKey::read(&stored)?);
        }
        let new = BundleKey::generate()?;
        let public_key = BundleKey::read(&new)?.public_key();
        let now = self.clock.now();
        store::put_bundle_key(&mut conn, (&public_key, &new), now).await?;
        // Another process may have made one at the same time; both then take the older.
        let stored = store::bundle_key(&mut conn).await?;
        Ok(BundleKey::read(&stored.unwrap_or(new))?)
    }

    /// What others know this installation by when it signs.
    pub async fn public_key(&self) -> Result<String, BundleError> {
        Ok(self.key().await?.public_key())
    }

    /// Takes in a bundle: what is wrong with its form is refused and nothing stored; a model that
    /// does not reproduce its golden rows is kept as failed, for whoever looks into it.
    pub async fn take_in(
        &self,
        bytes: Bytes,
        origin: Origin,
        order: Order<'_>,
    ) -> Result<TakenIn, BundleError> {
        let taken = self.try_to_take_in(bytes, origin, order).await;
        if let Err(BundleError::Fault(_)) = &taken {
            metrics::counter!("ml_errors_total", "kind" => "import").increment(1);
        }
        taken
    }

    async fn try_to_take_in(
        &self,
        bytes: Bytes,
        origin: Origin,
        order: Order<'_>,
    ) -> Result<TakenIn, BundleError> {
        let settings = self.settings.get();
        let most = settings.bundle_bytes_max();
        if bytes.len() > most {
            let what = format!("it is longer than {most} bytes (models.bundle_mb_max)");
            return Err(Fault::new("file", what).into());
        }
        let own = self.public_key().await?;
        let opened = self.pool.run("import", move || {
            let bundle = Bundle::unpack(&bytes)?;
            gate::check_signer(bundle.signed_by.as_deref(), &own, &settings)?;
            let loaded = gate::load(&bundle, &settings)?;
            let golden = loaded.check_golden(&bundle.golden);
            if golden.is_ok() {
                let time = || gate::timed(&loaded, &bundle.golden);
                // A box that was busy for a moment gets a second look.
                gate::check_latency(time(), &settings)
                    .or_else(|_| gate::check_latency(time(), &settings))?;
            }
            Ok::<_, Fault>((bundle, golden))
        });
        let (bundle, golden) = opened.await??;
        let Manifest { name, model_sha256, .. } = &bundle.manifest;
        let known = self.registry.by_content(name, &model_sha256.to_ascii_lowercase()).await?;
        if let Some(model) = known {
            return Ok(TakenIn { model, is_new: false });
        }
        let new = imported(bundle.manifest, bundle.signed_by, origin);
        let model = self.registry.take_in(&new, bundle.model, &bundle.golden, order).await?;
        let model = self.judged(&model, golden, order).await?;
        Ok(TakenIn { model, is_new: true })
    }

    /// Looks anew at a model of this registry; once it answers as it did when it was made it may be
    /// given work.
    pub async fn look_at(&self, id: Uuid, order: Order<'_>) -> Result<TakenIn, BundleError> {
        let model = self.registry.get(id).await?;
        let artifact = self.registry.artifact(&model).await;
        let bytes = match artifact {
            Ok(bytes) => bytes,
            Err(RegistryError::Object(error)) if !error.is_passing() => {
                let why = error.to_string();
                let fault = Fault::new("model_id", why);
                return Err(self.failed(&model, fault, order).await?);
            }
            Err(error) => return Err(error.into()),
        };
        let (golden, shape) = (self.registry.golden(id).await?, shape(&model));
        let looked = self.pool.run("import", move || {
            let loaded = Loaded::new(shape, &bytes);
            loaded.map(|loaded| loaded.check_golden(&golden))
        });
        let model = match looked.await? {
            Ok(golden) => self.judged(&model, golden, order).await?,
            Err(why) => {
                return Err(self.failed(&model, Fault::new("model_id", why), order).await?);
            }
        };
        Ok(TakenIn { model, is_new: false })
    }

    /// Fetches a bundle from another installation whose address is listed, and takes it in.
    pub async fn fetch(
        &self,
        url: &str,
        api_key: Option<&str>,
        order: Order<'_>,
    ) -> Result<TakenIn, BundleError> {
        let settings = self.settings.get();
        if !settings.allows(url) {
            return Err(BundleError::NotListed);
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = api_key {
            let value = HeaderValue::from_str(key);
            let mut value = value.map_err(|_| Fault::new("api_key", "it is no key"))?;
            value.set_sensitive(true);
            headers.insert("x-api-key", value);
        }
        let call = Call {
            headers,
            reach: reach(url),
            bytes_max: settings.bundle_bytes_max(),
            total: FETCH_MAX,
            ..Call::get(url)
        };
        let answer = Outbound::new(self.clock.clone())?.send(call).await?;
        if !answer.status.is_success() {
            return Err(BundleError::Status(answer.status.as_u16()));
        }
        self.take_in(answer.body, Origin::Url, order).await
    }

    async fn judged(
        &self,
        model: &ModelRecord,
        golden: Result<(), (usize, String)>,
        order: Order<'_>,
    ) -> Result<ModelRecord, BundleError> {
        match golden {
            Ok(()) => Ok(self.registry.validated(model.model_id, order).await?),
            Err((place, why)) => {
                let fault = Fault::new(format!("golden[{place}].expected"), why);
                Err(self.failed(model, fault, order).await?)
            }
        }
    }

    async fn failed(
        &self,
        model: &ModelRecord,
        fault: Fault,
        order: Order<'_>,
    ) -> Result<BundleError, BundleError> {
        self.registry.refused(model.model_id, &fault.to_string(), order).await?;
        Ok(BundleError::Failed { label: model.label(), fault })
    }

    /// The bundle of a model, as a file.
    pub async fn hand_out(&self, id: Uuid) -> Result<(ModelRecord, Vec<u8>), BundleError> {
        let model = self.registry.get(id).await?;
        let none = |why| BundleError::NoBundle { label: model.label(), why };
        if !model.state.may_work() {
            return Err(none("it is not usable"));
        }
        let (bytes, golden) =
            (self.registry.artifact(&model).await?, self.registry.golden(id).await?);
        if golden.is_empty() {
            return Err(none("it was made before models kept golden rows; train it again"));
        }
        let Some(manifest) = manifest(&model) else {
            return Err(none("its parameters are no list of names"));
        };
        let key = self.key().await?;
        let packed = self.pool.run("export", move || {
            let bundle = Bundle { manifest, model: bytes.to_vec(), golden, signed_by: None };
            bundle.pack_signed(&key)
        });
        let packed = packed.await??;
        Ok((model, packed))
    }
}

/// Places on this box are reached only where an admin has listed this box.
fn reach(url: &str) -> Reach {
    let host = url.split('/').nth(2).unwrap_or_default();
    let is_here = ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here));
    if is_here { Reach::Host } else { Reach::Network }
}

fn manifest(model: &ModelRecord) -> Option<Manifest> {
    let object = |value: serde_json::Value| match value {
        serde_json::Value::Object(fields) => Some(fields),
        _ => None,
    };
    let scores = match &model.metrics {
        Some(metrics) => object(serde_json::to_value(metrics).ok()?)?,
        None => serde_json::Map::new(),
    };
    Some(Manifest {
        schema: SCHEMA,
        name: model.name.clone(),
        model_type: model.model_type.clone(),
        target_variable: model.target_variable.clone(),
        task: model.task.clone(),
        event: model.event,
        features: model.features.clone(),
        future_minutes: model.future_minutes.into(),
        missing_values: model.missing_values.clone(),
        regime: model.regime.clone(),
        train_start: model.train_start,
        train_end: model.train_end,
        params: object(model.params.clone())?,
        scores,
        format: model.format,
        model_sha256: model.artifact_sha256.clone()?,
        created_at: model.trained_at.unwrap_or(model.created_at),
    })
}

fn imported(manifest: Manifest, signed_by: Option<String>, origin: Origin) -> ImportedModel {
    ImportedModel {
        name: manifest.name,
        model_type: manifest.model_type,
        target_variable: manifest.target_variable,
        train_start: manifest.train_start,
        train_end: manifest.train_end,
        features: manifest.features,
        // The gate has held it below a year of minutes.
        future_minutes: i32::try_from(manifest.future_minutes).unwrap_or(i32::MAX),
        params: manifest.params.into(),
        metrics: manifest.scores.into(),
        origin,
        format: manifest.format,
        event: manifest.event,
        missing_values: manifest.missing_values,
        signed_by,
        regime: manifest.regime,
    }
}
