//! Exports and opens datasets.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use diesel_async::AsyncConnection;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::file::{self, FileError};
use super::store;
use crate::access::audit::{Audit, By, Event};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::learning::features::FeatureTable;
use crate::learning::features::Regime;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::objects::ObjectError;
use crate::platform::objects::Objects;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::CpuPoolError;

/// An exported feature table.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "the identifier's name is the column's and the API's"
)]
pub struct Dataset {
    /// Identifier.
    pub dataset_id: Uuid,
    /// File name, `modeling_data_YYYYMMDD_HHMM.parquet` (UTC).
    #[schema(example = "modeling_data_20260301_0415.parquet")]
    pub name: String,
    /// Market of the target.
    pub market: String,
    /// Product of the target.
    pub product: String,
    /// Feature columns in order.
    pub features: Vec<String>,
    /// First local delivery day.
    pub from_day: NaiveDate,
    /// Last local delivery day.
    pub to_day: NaiveDate,
    /// Number of rows.
    pub rows: i64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// When it was exported.
    pub created_at: DateTime<Utc>,
    /// Phases that its days are of; absent: all days.
    pub regime: Option<Regime>,
    #[serde(skip)]
    object_key: String,
}

/// What is to be exported.
#[derive(Debug)]
pub struct NewDataset {
    /// Market of the target.
    pub market: Market,
    /// Product of the target.
    pub product: Product,
    /// Rows with target, in time order.
    pub table: FeatureTable,
    /// First and last local delivery day.
    pub days: (NaiveDate, NaiveDate),
    /// Phases that the rows were narrowed down to; absent: all days.
    pub regime: Option<Regime>,
}

/// Why a dataset could not be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// There is nothing to export.
    #[error("the dataset of {market} would have no row: too few prices are known")]
    Empty {
        /// Market asked for.
        market: Market,
    },
    /// No dataset of that id.
    #[error("there is no dataset {0}")]
    Unknown(Uuid),
    /// The file is not what was written.
    #[error("the dataset's file cannot be used")]
    File(#[from] FileError),
    /// The file could not be kept or found.
    #[error("the dataset's file could not be kept or found")]
    Object(#[from] ObjectError),
    /// The pool for heavy work is full or going down.
    #[error("the dataset could not be written or read now")]
    Pool(#[from] CpuPoolError),
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for DatasetError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Exported feature tables.
#[derive(Clone)]
pub struct Datasets {
    db: Db,
    objects: Objects,
    pool: CpuPool,
    audit: Audit,
    clock: Clock,
}

impl Datasets {
    /// Datasets in this database, files in `objects`.
    pub const fn new(db: Db, objects: Objects, pool: CpuPool, audit: Audit, clock: Clock) -> Self {
        Self { db, objects, pool, audit, clock }
    }

    /// Writes `new` as a Parquet file and records it.
    pub async fn export(&self, new: NewDataset, by: &By) -> Result<Dataset, DatasetError> {
        let row_count = new.table.len();
        if row_count == 0 {
            return Err(DatasetError::Empty { market: new.market });
        }
        let created_at = self.clock.now();
        let features = serde_json::json!(new.table.table.features);
        let table = new.table;
        let bytes = self.pool.run("dataset", move || file::write(&table)).await??;
        let (name, object_key, sha256) = self.place(created_at, bytes.into()).await?;
        let row = store::Row {
            dataset_id: Uuid::now_v7(),
            name,
            market: new.market.code().to_owned(),
            product: new.product.name().to_owned(),
            object_key,
            features,
            from_day: new.days.0,
            to_day: new.days.1,
            row_count: i64::try_from(row_count).unwrap_or(i64::MAX),
            sha256,
            created_at,
            regime: new.regime.map(|regime| serde_json::json!(regime)),
        };
        let dataset_id = row.dataset_id;
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            store::insert(conn, &row).await?;
            let event = Event::new("dataset.export", ("dataset", dataset_id));
            let event = event.after(&serde_json::json!({
                "name": row.name, "market": row.market, "product": row.product,
                "from_day": row.from_day, "to_day": row.to_day, "rows": row.row_count,
                "regime": row.regime,
            }));
            self.audit.record(conn, by, event).await?;
            Ok::<_, DatasetError>(())
        })
        .await?;
        Ok(row.into())
    }

    /// Reads a dataset's file; refused when it is not the one that was written.
    pub async fn open(&self, dataset: &Dataset) -> Result<FeatureTable, DatasetError> {
        let bytes = self.objects.get(&dataset.object_key, &dataset.sha256).await?;
        Ok(self.pool.run("dataset", move || file::read(bytes)).await??)
    }

    /// Stores `bytes` under the name of the minute, with a counter when the minute already has one;
    /// returns name, key and hash.
    async fn place(
        &self,
        at: DateTime<Utc>,
        bytes: Bytes,
    ) -> Result<(String, String, String), DatasetError> {
        let stem = format!("modeling_data_{}", at.format("%Y%m%d_%H%M"));
        let mut name = format!("{stem}.parquet");
        let mut count = 1;
        loop {
            let key = format!("datasets/{name}");
            if let Some(sha256) = self.objects.put_new(&key, bytes.clone()).await? {
                return Ok((name, key, sha256));
            }
            count += 1;
            name = format!("{stem}_{count}.parquet");
        }
    }

    /// The dataset of an id.
    pub async fn get(&self, id: Uuid) -> Result<Dataset, DatasetError> {
        let row = store::by_id(&mut *self.db.conn().await?, id).await?;
        row.map(Dataset::from).ok_or(DatasetError::Unknown(id))
    }

    /// The newest dataset of all days of a product of a market.
    pub async fn newest(
        &self,
        market: &Market,
        product: Product,
    ) -> Result<Option<Dataset>, DatasetError> {
        let mut conn = self.db.conn().await?;
        let row = store::newest(&mut conn, market.code(), product.name()).await?;
        Ok(row.map(Dataset::from))
    }

    /// Removes the datasets created before `before` that are not among `kept`; how many.
    pub async fn prune(&self, before: DateTime<Utc>, kept: &[Uuid]) -> Result<usize, DatasetError> {
        let keys = store::forget(&mut *self.db.conn().await?, before, kept).await?;
        for key in &keys {
            // A file without a row is only room; a row without a file would be a lie.
            self.objects.delete(key).await?;
        }
        Ok(keys.len())
    }

    /// Up to `limit` datasets, newest first, after the position `before`.
    pub async fn list(
        &self,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Dataset>, DatasetError> {
        let rows = store::list(&mut *self.db.conn().await?, before, limit).await?;
        Ok(rows.into_iter().map(Dataset::from).collect())
    }
}

impl From<store::Row> for Dataset {
    fn from(row: store::Row) -> Self {
        Self {
            dataset_id: row.dataset_id,
            name: row.name,
            market: row.market,
            product: row.product,
            features: serde_json::from_value(row.features).unwrap_or_default(),
            from_day: row.from_day,
            to_day: row.to_day,
            rows: row.row_count,
            sha256: row.sha256,
            created_at: row.created_at,
            regime: row.regime.and_then(|regime| serde_json::from_value(regime).ok()),
            object_key: row.object_key,
        }
    }
}
