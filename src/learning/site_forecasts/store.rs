//! SQL of the table `meter_models`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::platform::db::Conn;
use crate::platform::db::schema::meter_models;

/// A stored model.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = meter_models)]
pub(super) struct StoredModel {
    /// Series that it forecasts.
    pub series: String,
    /// Meter.
    pub meter_id: String,
    /// `load` or `pv`.
    pub kind: String,
    /// What serves.
    pub label: String,
    /// When it was fitted.
    pub fitted_at: DateTime<Utc>,
    /// How it was chosen.
    pub report: Value,
    /// The model as bytes.
    pub artifact: Vec<u8>,
}

/// The model of a series.
pub(super) async fn model(conn: &mut Conn, series: &str) -> QueryResult<Option<StoredModel>> {
    let found = meter_models::table.find(series).select(StoredModel::as_select());
    found.first(conn).await.optional()
}

/// Stores a model in place of the one before, unless that was fitted later.
pub(super) async fn put_model(conn: &mut Conn, model: &StoredModel) -> QueryResult<usize> {
    diesel::insert_into(meter_models::table)
        .values(model)
        .on_conflict(meter_models::series)
        .do_update()
        .set(model)
        .filter(meter_models::fitted_at.le(model.fitted_at))
        .execute(conn)
        .await
}
