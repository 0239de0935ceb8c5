//! SQL of the tables `index_versions` and `item_index`.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, max, not, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::knowledge::documents::model::{IndexVersion, Status};
use crate::platform::db::Conn;
use crate::platform::db::later_of;
use crate::platform::db::schema::{index_versions, item_chunks, item_index, item_texts, items};

diesel::allow_tables_to_appear_in_same_query!(
    items,
    item_texts,
    item_chunks,
    item_index,
    index_versions
);

#[derive(Queryable, Selectable)]
#[diesel(table_name = index_versions, check_for_backend(Pg))]
struct Row {
    version: i32,
    embedder: Option<String>,
    digest: Option<String>,
    dimension: Option<i32>,
    average_terms: f64,
}

impl From<Row> for IndexVersion {
    fn from(row: Row) -> Self {
        Self {
            version: row.version.unsigned_abs(),
            embedder: row.embedder,
            digest: row.digest,
            dimension: row.dimension.and_then(|numbers| usize::try_from(numbers).ok()),
            average_terms: row.average_terms,
        }
    }
}

/// The number of a version as the table has it.
fn number(version: u32) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// What a version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being built.
    Building,
    /// It answers.
    Active,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Active => "active",
        }
    }
}

/// The version that answers, or the one that is being built.
pub async fn in_state(conn: &mut Conn, state: State) -> QueryResult<Option<IndexVersion>> {
    let row: Option<Row> = index_versions::table
        .filter(index_versions::state.eq(state.name()))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(IndexVersion::from))
}

/// Versions that documents are put into: the one that answers, and the one that is being built.
pub async fn live(conn: &mut Conn) -> QueryResult<Vec<IndexVersion>> {
    let rows: Vec<Row> = index_versions::table
        .filter(index_versions::state.eq_any([State::Active.name(), State::Building.name()]))
        .order(index_versions::version)
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(IndexVersion::from).collect())
}

/// Highest number of a version so far.
pub async fn last(conn: &mut Conn) -> QueryResult<u32> {
    let last: Option<i32> =
        index_versions::table.select(max(index_versions::version)).first(conn).await?;
    Ok(last.unwrap_or_default().unsigned_abs())
}

/// Writes a new version down.
pub async fn insert(
    conn: &mut Conn,
    version: &IndexVersion,
    (state, reason): (State, &str),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let dimension = version.dimension.and_then(|numbers| i32::try_from(numbers).ok());
    diesel::insert_into(index_versions::table)
        .values((
            index_versions::version.eq(number(version.version)),
            index_versions::embedder.eq(&version.embedder),
            index_versions::digest.eq(&version.digest),
            index_versions::dimension.eq(dimension),
            index_versions::average_terms.eq(version.average_terms),
            index_versions::state.eq(state.name()),
            index_versions::reason.eq(reason),
            index_versions::created_at.eq(now),
            index_versions::activated_at.eq((state == State::Active).then_some(now)),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Ends whatever is in a state: as `retired` or `damaged`. Nothing lies in it any more.
pub async fn end(
    conn: &mut Conn,
    state: State,
    is_damaged: bool,
    now: DateTime<Utc>,
) -> QueryResult<Option<u32>> {
    let ending = if is_damaged { "damaged" } else { "retired" };
    let ended: Option<i32> = diesel::update(index_versions::table)
        .filter(index_versions::state.eq(state.name()))
        .set((
            index_versions::state.eq(ending),
            index_versions::ended_at.eq(later_of(index_versions::created_at.nullable(), Some(now))),
        ))
        .returning(index_versions::version)
        .get_result(conn)
        .await
        .optional()?;
    if let Some(version) = ended {
        let lying = item_index::table.filter(item_index::version.eq(version));
        diesel::delete(lying).execute(conn).await?;
    }
    Ok(ended.map(i32::unsigned_abs))
}

/// Lets the version that was built answer.
pub async fn activate(conn: &mut Conn, version: u32, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(index_versions::table.find(number(version)))
        .set((index_versions::state.eq(State::Active.name()), index_versions::activated_at.eq(now)))
        .execute(conn)
        .await
        .map(drop)
}

/// Of the versions that are `there`, those that ended before `before`, and those below `active` that
/// nobody knows; with whether they were damaged.
pub async fn spent(
    conn: &mut Conn,
    there: &[u32],
    (active, before): (u32, DateTime<Utc>),
) -> QueryResult<Vec<(u32, bool)>> {
    let numbers: Vec<i32> = there.iter().copied().map(number).collect();
    let known: Vec<(i32, String, Option<DateTime<Utc>>)> = index_versions::table
        .filter(index_versions::version.eq_any(&numbers))
        .select((index_versions::version, index_versions::state, index_versions::ended_at))
        .load(conn)
        .await?;
    let spent = numbers.into_iter().filter_map(|version| {
        match known.iter().find(|(other, ..)| *other == version) {
            // Of a later one somebody may be about to write it down.
            None => (version < number(active)).then_some((version.unsigned_abs(), false)),
            Some((_, state, Some(ended_at))) if *ended_at <= before => {
                Some((version.unsigned_abs(), state == "damaged"))
            }
            Some(_) => None,
        }
    });
    Ok(spent.collect())
}

/// Notes that a document lies in a version.
pub async fn lay(
    conn: &mut Conn,
    item_id: Uuid,
    version: u32,
    (points, is_embedded): (i32, bool),
) -> QueryResult<()> {
    diesel::insert_into(item_index::table)
        .values((
            item_index::item_id.eq(item_id),
            item_index::version.eq(number(version)),
            item_index::points.eq(points),
            item_index::is_embedded.eq(is_embedded),
        ))
        .on_conflict((item_index::item_id, item_index::version))
        .do_update()
        .set((item_index::points.eq(points), item_index::is_embedded.eq(is_embedded)))
        .execute(conn)
        .await
        .map(drop)
}

/// Notes that a document lies in no version any more.
pub async fn take_out(conn: &mut Conn, item_id: Uuid) -> QueryResult<()> {
    let rows = item_index::table.filter(item_index::item_id.eq(item_id));
    diesel::delete(rows).execute(conn).await.map(drop)
}

/// Versions in which a document lies, with its vectors where the version has any.
pub async fn holding(conn: &mut Conn, item_id: Uuid) -> QueryResult<Vec<u32>> {
    let versions: Vec<i32> = item_index::table
        .inner_join(index_versions::table.on(index_versions::version.eq(item_index::version)))
        .filter(item_index::item_id.eq(item_id))
        .filter(item_index::is_embedded.or(index_versions::dimension.is_null()))
        .select(item_index::version)
        .load(conn)
        .await?;
    Ok(versions.into_iter().map(i32::unsigned_abs).collect())
}

/// How many points a version should have.
pub async fn points(conn: &mut Conn, version: u32) -> QueryResult<i64> {
    let sum: Option<i64> = item_index::table
        .filter(item_index::version.eq(number(version)))
        .select(sql::<Nullable<BigInt>>("sum(points)::bigint"))
        .first(conn)
        .await?;
    Ok(sum.unwrap_or_default())
}

/// Ready documents that speak and do not lie in a version as they should, after one, up to `limit`.
pub async fn missing(
    conn: &mut Conn,
    version: &IndexVersion,
    (after, limit): (Uuid, i64),
) -> QueryResult<Vec<Uuid>> {
    let words_only = version.dimension.is_none();
    let lies = item_index::table
        .filter(item_index::item_id.eq(items::item_id))
        .filter(item_index::version.eq(number(version.version)))
        .filter(item_index::is_embedded.or(words_only.into_sql::<Bool>()));
    items::table
        .filter(items::status.eq(Status::Ready.name()))
        .filter(items::superseded_at.is_null())
        .filter(items::item_id.gt(after))
        .filter(not(exists(lies)))
        .order(items::item_id)
        .limit(limit)
        .select(items::item_id)
        .load(conn)
        .await
}

/// How many ready documents speak, and how many of them lie in a version as they should.
pub async fn filled(conn: &mut Conn, version: &IndexVersion) -> QueryResult<(i64, i64)> {
    let words_only = version.dimension.is_none();
    let all = items::table
        .filter(items::status.eq(Status::Ready.name()))
        .filter(items::superseded_at.is_null());
    let there = item_index::table
        .filter(item_index::version.eq(number(version.version)))
        .filter(item_index::is_embedded.or(words_only.into_sql::<Bool>()));
    let all: i64 = all.count().get_result(conn).await?;
    Ok((all, there.count().get_result(conn).await?))
}
