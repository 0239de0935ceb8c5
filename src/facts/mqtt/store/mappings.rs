//! The table of mappings.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::facts::mqtt::model::{Field, Mapping, NewMapping, Preset, Unit};
use crate::platform::db::Conn;
use crate::platform::db::schema::mqtt_mappings as mappings;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = mappings, check_for_backend(diesel::pg::Pg))]
#[diesel(treat_none_as_null = true)]
struct Row {
    mapping_id: Uuid,
    topic_filter: String,
    value_path: String,
    meter_id: String,
    field: String,
    unit: String,
    is_inverted: bool,
    interval_s: i32,
    time_path: Option<String>,
    preset: Option<String>,
    is_enabled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&Mapping> for Row {
    fn from(mapping: &Mapping) -> Self {
        let says = &mapping.says;
        Self {
            mapping_id: mapping.mapping_id,
            topic_filter: says.topic_filter.clone(),
            value_path: says.value_path.clone(),
            meter_id: says.meter_id.clone(),
            field: says.field.name().to_owned(),
            unit: says.unit().name().to_owned(),
            is_inverted: says.is_inverted,
            interval_s: says.interval_s(),
            time_path: says.time_path.clone(),
            preset: says.preset.map(|preset| preset.name().to_owned()),
            is_enabled: says.is_enabled,
            created_at: mapping.created_at,
            updated_at: mapping.updated_at,
        }
    }
}

impl TryFrom<Row> for Mapping {
    type Error = diesel::result::Error;

    fn try_from(row: Row) -> QueryResult<Self> {
        let (field, unit) = (Field::parse(&row.field), Unit::parse(&row.unit));
        let (Some(field), Some(unit)) = (field, unit) else {
            let text = format!("'{}' in '{}' is no field of a mapping", row.field, row.unit);
            return Err(diesel::result::Error::DeserializationError(text.into()));
        };
        let says = NewMapping {
            topic_filter: row.topic_filter,
            value_path: row.value_path,
            meter_id: row.meter_id,
            field,
            unit: Some(unit),
            is_inverted: row.is_inverted,
            interval_s: Some(row.interval_s),
            time_path: row.time_path,
            preset: row.preset.as_deref().and_then(Preset::parse),
            meter_role: None,
            is_enabled: row.is_enabled,
        };
        let (created_at, updated_at) = (row.created_at, row.updated_at);
        Ok(Self { mapping_id: row.mapping_id, says, created_at, updated_at })
    }
}

/// Up to `limit` mappings, by topic and place in its payload.
pub(in crate::facts::mqtt) async fn mappings(
    conn: &mut Conn,
    limit: i64,
) -> QueryResult<Vec<Mapping>> {
    let rows: Vec<Row> = mappings::table
        .select(Row::as_select())
        .order((mappings::topic_filter, mappings::value_path, mappings::mapping_id))
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(Mapping::try_from).collect()
}

/// One mapping, held until the transaction ends.
pub(in crate::facts::mqtt) async fn mapping(
    conn: &mut Conn,
    mapping_id: Uuid,
) -> QueryResult<Option<Mapping>> {
    let row: Option<Row> = mappings::table
        .find(mapping_id)
        .select(Row::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()?;
    row.map(Mapping::try_from).transpose()
}

/// How many there are.
pub(in crate::facts::mqtt) async fn count(conn: &mut Conn) -> QueryResult<i64> {
    mappings::table.count().get_result(conn).await
}

/// Writes a new mapping down.
pub(in crate::facts::mqtt) async fn insert(conn: &mut Conn, mapping: &Mapping) -> QueryResult<()> {
    let row = Row::from(mapping);
    diesel::insert_into(mappings::table).values(row).execute(conn).await.map(drop)
}

/// Replaces what a mapping says.
pub(in crate::facts::mqtt) async fn update(conn: &mut Conn, mapping: &Mapping) -> QueryResult<()> {
    let row = Row::from(mapping);
    let of_id = mappings::table.find(mapping.mapping_id);
    diesel::update(of_id).set(row).execute(conn).await.map(drop)
}

/// Takes a mapping away; answers with what it was.
pub(in crate::facts::mqtt) async fn delete(
    conn: &mut Conn,
    mapping_id: Uuid,
) -> QueryResult<Option<Mapping>> {
    let row: Option<Row> = diesel::delete(mappings::table.find(mapping_id))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    row.map(Mapping::try_from).transpose()
}

/// Whether a write was refused because there is one that says the same.
pub(in crate::facts::mqtt) fn is_taken(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}
