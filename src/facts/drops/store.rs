//! SQL of the history, the values of documents, metering points and host keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::formats::Direction;
use super::model::{Counts, DroppedFile, Filter, MeteringPoint, Outcome};
use crate::base::timeline::TimeRange;
use crate::facts::market::Quality;
use crate::platform::db::Conn;
use crate::platform::db::schema::{dropped_files, dropped_values, metering_points, sftp_hosts};

/// Values that one statement writes.
const CHUNK: usize = 10_000;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dropped_files, check_for_backend(diesel::pg::Pg))]
struct Row {
    dropped_file_id: Uuid,
    road: String,
    name: String,
    sha256: String,
    size_bytes: i64,
    modified_at: Option<DateTime<Utc>>,
    meter_hint: String,
    format: String,
    outcome: String,
    rows_read: i64,
    inserted: i64,
    replaced: i64,
    unchanged: i64,
    left_out: i64,
    reason: Option<String>,
    raw_file_id: Option<Uuid>,
    attempts: i32,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

fn unreadable(what: String) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(what.into())
}

impl TryFrom<Row> for DroppedFile {
    type Error = diesel::result::Error;

    fn try_from(row: Row) -> QueryResult<Self> {
        let outcome = Outcome::parse(&row.outcome)
            .ok_or_else(|| unreadable(format!("'{}' is no outcome", row.outcome)))?;
        Ok(Self {
            dropped_file_id: row.dropped_file_id,
            road: row.road,
            name: row.name,
            sha256: row.sha256,
            size_bytes: row.size_bytes.unsigned_abs(),
            modified_at: row.modified_at,
            format: row.format,
            outcome,
            counts: Counts {
                rows_read: row.rows_read.unsigned_abs(),
                inserted: row.inserted.unsigned_abs(),
                replaced: row.replaced.unsigned_abs(),
                unchanged: row.unchanged.unsigned_abs(),
                left_out: row.left_out.unsigned_abs(),
            },
            reason: row.reason,
            raw_file_id: row.raw_file_id,
            attempts: row.attempts.unsigned_abs(),
            first_at: row.first_at,
            last_at: row.last_at,
            meter_hint: row.meter_hint,
        })
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl From<&DroppedFile> for Row {
    fn from(file: &DroppedFile) -> Self {
        let file = file.clone();
        Self {
            dropped_file_id: file.dropped_file_id,
            road: file.road,
            name: file.name,
            sha256: file.sha256,
            size_bytes: count(file.size_bytes),
            modified_at: file.modified_at,
            meter_hint: file.meter_hint,
            format: file.format,
            outcome: file.outcome.name().to_owned(),
            rows_read: count(file.counts.rows_read),
            inserted: count(file.counts.inserted),
            replaced: count(file.counts.replaced),
            unchanged: count(file.counts.unchanged),
            left_out: count(file.counts.left_out),
            reason: file.reason,
            raw_file_id: file.raw_file_id,
            attempts: i32::try_from(file.attempts).unwrap_or(i32::MAX),
            first_at: file.first_at,
            last_at: file.last_at,
        }
    }
}

/// Writes down what became of a file; one that came before of the same name keeps its identifier and
/// its first instant, and counts one attempt more.
pub(super) async fn keep(conn: &mut Conn, file: &DroppedFile) -> QueryResult<DroppedFile> {
    use diesel::upsert::excluded;
    use dropped_files as t;
    let row: Row = diesel::insert_into(t::table)
        .values(Row::from(file))
        .on_conflict((t::road, t::name, t::sha256))
        .do_update()
        .set((
            t::size_bytes.eq(excluded(t::size_bytes)),
            t::modified_at.eq(excluded(t::modified_at)),
            t::meter_hint.eq(excluded(t::meter_hint)),
            t::format.eq(excluded(t::format)),
            t::outcome.eq(excluded(t::outcome)),
            t::rows_read.eq(excluded(t::rows_read)),
            t::inserted.eq(excluded(t::inserted)),
            t::replaced.eq(excluded(t::replaced)),
            t::unchanged.eq(excluded(t::unchanged)),
            t::left_out.eq(excluded(t::left_out)),
            t::reason.eq(excluded(t::reason)),
            t::raw_file_id.eq(excluded(t::raw_file_id)),
            t::attempts.eq(t::attempts + 1),
            // A clock that was put back does not make the last time the earlier one.
            t::last_at.eq(greatest(t::last_at, excluded(t::last_at))),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await?;
    row.try_into()
}

diesel::define_sql_function! { fn greatest(a: Timestamptz, b: Timestamptz) -> Timestamptz; }

/// Notes that a file was met again, with the instant at which its place says it was written.
pub(super) async fn met_again(
    conn: &mut Conn,
    id: Uuid,
    modified_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> QueryResult<Option<DroppedFile>> {
    let row: Option<Row> = diesel::update(dropped_files::table.find(id))
        .set((
            dropped_files::modified_at.eq(modified_at),
            dropped_files::last_at.eq(greatest(dropped_files::last_at, now)),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    row.map(DroppedFile::try_from).transpose()
}

/// The file with these bytes about this meter that was read without fault first.
pub(super) async fn settled(
    conn: &mut Conn,
    sha256: &str,
    meter_hint: &str,
) -> QueryResult<Option<DroppedFile>> {
    let row: Option<Row> = dropped_files::table
        .filter(dropped_files::sha256.eq(sha256))
        .filter(dropped_files::meter_hint.eq(meter_hint))
        .filter(dropped_files::outcome.ne(Outcome::Failed.name()))
        .order((dropped_files::first_at, dropped_files::dropped_file_id))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(DroppedFile::try_from).transpose()
}

/// What was written down of a file by its road, name, length and instant of writing.
pub(super) async fn known(
    conn: &mut Conn,
    (road, name): (&str, &str),
    (size_bytes, modified_at): (u64, Option<DateTime<Utc>>),
) -> QueryResult<Option<DroppedFile>> {
    let row: Option<Row> = dropped_files::table
        .filter(dropped_files::road.eq(road))
        .filter(dropped_files::name.eq(name))
        .filter(dropped_files::size_bytes.eq(count(size_bytes)))
        .filter(dropped_files::modified_at.is_not_distinct_from(modified_at))
        .order(dropped_files::last_at.desc())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(DroppedFile::try_from).transpose()
}

/// One file.
pub(super) async fn find(conn: &mut Conn, id: Uuid) -> QueryResult<Option<DroppedFile>> {
    let row: Option<Row> =
        dropped_files::table.find(id).select(Row::as_select()).first(conn).await.optional()?;
    row.map(DroppedFile::try_from).transpose()
}

/// Up to `limit` files, the last met first.
pub(super) async fn list(
    conn: &mut Conn,
    filter: &Filter,
    limit: i64,
) -> QueryResult<Vec<DroppedFile>> {
    let mut query = dropped_files::table
        .select(Row::as_select())
        .order((dropped_files::last_at.desc(), dropped_files::dropped_file_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(outcome) = filter.outcome {
        query = query.filter(dropped_files::outcome.eq(outcome.name()));
    }
    if let Some((at, id)) = filter.after {
        let same = dropped_files::last_at.eq(at).and(dropped_files::dropped_file_id.lt(id));
        query = query.filter(dropped_files::last_at.lt(at).or(same));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(DroppedFile::try_from).collect()
}

/// How many files were set aside and have not been read since.
pub(super) async fn failed(conn: &mut Conn) -> QueryResult<i64> {
    dropped_files::table
        .filter(dropped_files::outcome.eq(Outcome::Failed.name()))
        .count()
        .get_result(conn)
        .await
}

/// What a document says of one direction of one meter in one interval.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(super) struct Value {
    /// `consumption` or `production`.
    #[diesel(sql_type = Text)]
    pub direction: String,
    /// Start of the interval.
    #[diesel(sql_type = Timestamptz)]
    pub ts: DateTime<Utc>,
    /// Its length, in seconds.
    #[diesel(sql_type = Integer)]
    pub interval_s: i32,
    /// Mean power, in kW.
    #[diesel(sql_type = Nullable<Double>)]
    pub power_kw: Option<f64>,
    /// How far to trust it.
    #[diesel(sql_type = Text)]
    pub quality: String,
    /// The code of the source.
    #[diesel(sql_type = Text)]
    pub condition: String,
    /// When the document was created.
    #[diesel(sql_type = Timestamptz)]
    pub known_at: DateTime<Utc>,
}

impl Value {
    /// Which way.
    pub fn direction(&self) -> QueryResult<Direction> {
        Direction::parse(&self.direction)
            .ok_or_else(|| unreadable(format!("'{}' is no direction", self.direction)))
    }

    /// How far to trust it.
    pub fn quality(&self) -> QueryResult<Quality> {
        Quality::parse(&self.quality)
            .ok_or_else(|| unreadable(format!("'{}' is no quality", self.quality)))
    }
}

/// Writes values of a meter down; those of documents that were created later stay.
pub(super) async fn put_values(
    conn: &mut Conn,
    meter_id: &str,
    values: &[Value],
) -> QueryResult<()> {
    for chunk in values.chunks(CHUNK) {
        let column = |of: fn(&Value) -> &str| chunk.iter().map(of).collect::<Vec<_>>();
        diesel::sql_query(
            "INSERT INTO dropped_values AS d (meter_id, direction, ts, interval_s, power_kw,
                 quality, condition, known_at)
             SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (meter_id, direction, ts) DO UPDATE SET
                 interval_s = excluded.interval_s, power_kw = excluded.power_kw,
                 quality = excluded.quality, condition = excluded.condition,
                 known_at = excluded.known_at
             WHERE excluded.known_at >= d.known_at",
        )
        .bind::<Text, _>(meter_id)
        .bind::<Array<Text>, _>(column(|value| &value.direction))
        .bind::<Array<Timestamptz>, _>(chunk.iter().map(|value| value.ts).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(chunk.iter().map(|value| value.interval_s).collect::<Vec<_>>())
        .bind::<Array<Nullable<Double>>, _>(
            chunk.iter().map(|value| value.power_kw).collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(column(|value| &value.quality))
        .bind::<Array<Text>, _>(column(|value| &value.condition))
        .bind::<Array<Timestamptz>, _>(chunk.iter().map(|value| value.known_at).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Direction, start, length, mean power, quality, condition and creation of a value.
type ValueRow = (String, DateTime<Utc>, i32, Option<f64>, String, String, DateTime<Utc>);

/// The values of a meter in a range, oldest first.
pub(super) async fn values(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
) -> QueryResult<Vec<Value>> {
    let rows: Vec<ValueRow> = dropped_values::table
        .filter(dropped_values::meter_id.eq(meter_id))
        .filter(dropped_values::ts.ge(range.from))
        .filter(dropped_values::ts.lt(range.to))
        .order((dropped_values::ts, dropped_values::direction))
        .select((
            dropped_values::direction,
            dropped_values::ts,
            dropped_values::interval_s,
            dropped_values::power_kw,
            dropped_values::quality,
            dropped_values::condition,
            dropped_values::known_at,
        ))
        .load(conn)
        .await?;
    let value = |(direction, ts, interval_s, power_kw, quality, condition, known_at)| Value {
        direction,
        ts,
        interval_s,
        power_kw,
        quality,
        condition,
        known_at,
    };
    Ok(rows.into_iter().map(value).collect())
}

/// The meters of metering points, of those that have one.
pub(super) async fn meters_of(
    conn: &mut Conn,
    points: &[&str],
) -> QueryResult<Vec<(String, String)>> {
    metering_points::table
        .filter(metering_points::point.eq_any(points))
        .select((metering_points::point, metering_points::meter_id))
        .load(conn)
        .await
}

/// Metering points after one, by name.
pub(super) async fn points(
    conn: &mut Conn,
    after: &str,
    limit: i64,
) -> QueryResult<Vec<MeteringPoint>> {
    let rows: Vec<(String, String, DateTime<Utc>)> = metering_points::table
        .filter(metering_points::point.gt(after))
        .order(metering_points::point)
        .limit(limit)
        .select((metering_points::point, metering_points::meter_id, metering_points::created_at))
        .load(conn)
        .await?;
    let point = |(point, meter_id, created_at)| MeteringPoint { point, meter_id, created_at };
    Ok(rows.into_iter().map(point).collect())
}

/// The meter that a metering point is.
pub(super) async fn point(conn: &mut Conn, point: &str) -> QueryResult<Option<MeteringPoint>> {
    let row: Option<(String, DateTime<Utc>)> = metering_points::table
        .find(point)
        .select((metering_points::meter_id, metering_points::created_at))
        .first(conn)
        .await
        .optional()?;
    let point = point.to_owned();
    Ok(row.map(|(meter_id, created_at)| MeteringPoint { point, meter_id, created_at }))
}

/// Writes down which meter a metering point is.
pub(super) async fn assign(conn: &mut Conn, point: &MeteringPoint) -> QueryResult<()> {
    diesel::insert_into(metering_points::table)
        .values((
            metering_points::point.eq(&point.point),
            metering_points::meter_id.eq(&point.meter_id),
            metering_points::created_at.eq(point.created_at),
        ))
        .on_conflict(metering_points::point)
        .do_update()
        .set((
            metering_points::meter_id.eq(&point.meter_id),
            metering_points::created_at.eq(point.created_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Forgets which meter a metering point is.
pub(super) async fn forget(conn: &mut Conn, point: &str) -> QueryResult<bool> {
    let rows = diesel::delete(metering_points::table.find(point)).execute(conn).await?;
    Ok(rows > 0)
}

/// The host key that was accepted when a server was met first.
pub(super) async fn host_key(conn: &mut Conn, address: &str) -> QueryResult<Option<String>> {
    sftp_hosts::table.find(address).select(sftp_hosts::fingerprint).first(conn).await.optional()
}

/// Remembers the host key of a server; one that is remembered stays.
pub(super) async fn remember_host_key(
    conn: &mut Conn,
    address: &str,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(sftp_hosts::table)
        .values((
            sftp_hosts::address.eq(address),
            sftp_hosts::fingerprint.eq(fingerprint),
            sftp_hosts::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(drop)
}
