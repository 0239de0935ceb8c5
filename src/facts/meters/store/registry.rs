//! The table of meters.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::rows::Batch;
use crate::facts::meters::model::{Meter, MeterRole, NewMeter, is_simulated};
use crate::platform::db::Conn;
use crate::platform::db::schema::meters;

#[derive(Queryable, Selectable)]
#[diesel(table_name = meters, check_for_backend(diesel::pg::Pg))]
struct Row {
    meter_id: String,
    site_id: Uuid,
    name: String,
    role: String,
    is_simulated: bool,
    time_zone: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Meter {
    type Error = diesel::result::Error;

    fn try_from(row: Row) -> QueryResult<Self> {
        let role = MeterRole::parse(&row.role).ok_or_else(|| {
            let text = format!("'{}' is not a role of a meter", row.role);
            diesel::result::Error::DeserializationError(text.into())
        })?;
        Ok(Self {
            meter_id: row.meter_id,
            site_id: row.site_id,
            name: row.name,
            role,
            is_simulated: row.is_simulated,
            time_zone: row.time_zone,
            created_at: row.created_at,
        })
    }
}

/// Up to `limit` meters after `after`, by name; only those of the sites in `sites` when given, only
/// `only` when given.
pub(in crate::facts::meters) async fn list(
    conn: &mut Conn,
    sites: Option<&[Uuid]>,
    only: Option<&str>,
    (after, limit): (&str, i64),
) -> QueryResult<Vec<Meter>> {
    let mut query = meters::table
        .select(Row::as_select())
        .filter(meters::meter_id.gt(after))
        .order(meters::meter_id)
        .limit(limit)
        .into_boxed();
    if let Some(sites) = sites {
        query = query.filter(meters::site_id.eq_any(sites));
    }
    if let Some(meter_id) = only {
        query = query.filter(meters::meter_id.eq(meter_id));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(Meter::try_from).collect()
}

/// Writes a meter down; one of the same name stays as it is. Tells whether it was new.
pub(in crate::facts::meters) async fn insert(
    conn: &mut Conn,
    meter: &NewMeter,
    site_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let values = (
        meters::meter_id.eq(&meter.meter_id),
        meters::site_id.eq(site_id),
        meters::name.eq(&meter.name),
        meters::role.eq(meter.role.name()),
        meters::is_simulated.eq(is_simulated(&meter.meter_id)),
        meters::time_zone.eq(meter.time_zone.name()),
        meters::created_at.eq(now),
    );
    let rows = diesel::insert_into(meters::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// Whether there is a meter of this name.
pub(in crate::facts::meters) async fn is_known(
    conn: &mut Conn,
    meter_id: &str,
) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(meters::table.find(meter_id))).get_result(conn).await
}

/// How many meters have become known since an instant, without simulated ones.
pub(in crate::facts::meters) async fn made_since(
    conn: &mut Conn,
    since: DateTime<Utc>,
) -> QueryResult<i64> {
    meters::table
        .filter(meters::created_at.gt(since))
        .filter(meters::is_simulated.eq(false))
        .count()
        .get_result(conn)
        .await
}

/// The newest reading of a meter that has a value.
#[derive(QueryableByName)]
pub(in crate::facts::meters) struct Newest {
    /// The meter.
    #[diesel(sql_type = Text)]
    pub meter_id: String,
    /// Start of the interval.
    #[diesel(sql_type = Timestamptz)]
    pub ts: DateTime<Utc>,
}

/// The newest reading of each of `meter_ids`: one look into the key's index each.
pub(in crate::facts::meters) async fn newest(
    conn: &mut Conn,
    meter_ids: &[&str],
) -> QueryResult<Vec<Newest>> {
    diesel::sql_query(
        "SELECT m.meter_id, newest.ts FROM unnest($1) AS m (meter_id), LATERAL (
             SELECT ts FROM smart_meter_readings AS reading
             WHERE reading.meter_id = m.meter_id AND quality <> 'missing'
             ORDER BY ts DESC LIMIT 1) AS newest",
    )
    .bind::<Array<Text>, _>(meter_ids)
    .load(conn)
    .await
}

/// Names in `batch` that are no meters, in order.
pub(in crate::facts::meters) async fn unknown(
    conn: &mut Conn,
    batch: &Batch<'_>,
) -> QueryResult<Vec<String>> {
    let named = batch.meters();
    let known: Vec<String> = meters::table
        .filter(meters::meter_id.eq_any(&named))
        .select(meters::meter_id)
        .load(conn)
        .await?;
    let missing = named.into_iter().filter(|name| !known.iter().any(|known| known == name));
    Ok(missing.map(str::to_owned).collect())
}
