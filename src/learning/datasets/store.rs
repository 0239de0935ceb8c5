//! SQL of the table `datasets`.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::platform::db::Conn;
use crate::platform::db::schema::datasets;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = datasets)]
#[expect(clippy::struct_field_names, reason = "fields are named after the columns")]
pub(super) struct Row {
    pub dataset_id: Uuid,
    pub name: String,
    pub market: String,
    pub product: String,
    pub object_key: String,
    pub features: serde_json::Value,
    pub from_day: NaiveDate,
    pub to_day: NaiveDate,
    pub row_count: i64,
    pub sha256: String,
    pub created_at: DateTime<Utc>,
    pub regime: Option<serde_json::Value>,
}

pub(super) async fn insert(conn: &mut Conn, row: &Row) -> QueryResult<usize> {
    diesel::insert_into(datasets::table).values(row).execute(conn).await
}

pub(super) async fn by_id(conn: &mut Conn, id: Uuid) -> QueryResult<Option<Row>> {
    let found = datasets::table.find(id).select(Row::as_select()).first(conn).await;
    found.optional()
}

/// The newest dataset of all days of a product of a market.
pub(super) async fn newest(
    conn: &mut Conn,
    market: &str,
    product: &str,
) -> QueryResult<Option<Row>> {
    let own = datasets::market.eq(market).and(datasets::product.eq(product));
    datasets::table
        .filter(own)
        .filter(datasets::regime.is_null())
        .order((datasets::created_at.desc(), datasets::dataset_id.desc()))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()
}

/// Forgets the datasets created before `before` that are not among `kept`; where their files are.
pub(super) async fn forget(
    conn: &mut Conn,
    before: DateTime<Utc>,
    kept: &[Uuid],
) -> QueryResult<Vec<String>> {
    let old = datasets::table
        .filter(datasets::created_at.lt(before))
        .filter(datasets::dataset_id.ne_all(kept));
    diesel::delete(old).returning(datasets::object_key).get_results(conn).await
}

/// Datasets created before `before`, newest first.
pub(super) async fn list(
    conn: &mut Conn,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<Row>> {
    let mut query = datasets::table.select(Row::as_select()).into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            datasets::created_at
                .lt(at)
                .or(datasets::created_at.eq(at).and(datasets::dataset_id.lt(id))),
        );
    }
    query
        .order((datasets::created_at.desc(), datasets::dataset_id.desc()))
        .limit(limit)
        .load(conn)
        .await
}
