//! SQL of the tables `kafka_offsets` and `kafka_refusals`.
//!
//! Leases are measured by the database's clock: the processes' own may differ.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::model::{Claim, PartitionState, Place, Refusal, Refused, Taken};
use super::records::WHOLE;
use crate::platform::db::Conn;
use crate::platform::db::schema::{kafka_offsets, kafka_refusals};

/// Refusals of a partition that are kept.
const REFUSALS_KEPT: i64 = 1_000;

/// What moves a claim on.
pub(super) struct Advance<'a> {
    pub holder: &'a str,
    pub lease_s: i32,
    pub next_offset: i64,
    pub high_watermark: i64,
    pub taken: Taken,
    pub last_record_at: Option<DateTime<Utc>>,
    pub now: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = kafka_offsets, check_for_backend(diesel::pg::Pg))]
struct Row {
    topic: String,
    partition: i32,
    next_offset: Option<i64>,
    high_watermark: Option<i64>,
    records_read: i64,
    rows_taken: i64,
    rows_refused: i64,
    records_lost: i64,
    lost_at: Option<DateTime<Utc>>,
    last_record_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    trouble: Option<String>,
    trouble_at: Option<DateTime<Utc>>,
    holder: Option<String>,
}

impl From<Row> for PartitionState {
    fn from(row: Row) -> Self {
        let lag = row.high_watermark.zip(row.next_offset).map(|(end, next)| (end - next).max(0));
        Self {
            topic: row.topic,
            partition: row.partition,
            next_offset: row.next_offset,
            high_watermark: row.high_watermark,
            lag,
            records_read: row.records_read,
            rows_taken: row.rows_taken,
            rows_refused: row.rows_refused,
            records_lost: row.records_lost,
            lost_at: row.lost_at,
            last_record_at: row.last_record_at,
            updated_at: row.updated_at,
            trouble: row.trouble,
            trouble_at: row.trouble_at,
            holder: row.holder,
        }
    }
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = Nullable<BigInt>)]
    next_offset: Option<i64>,
}

/// Takes a partition that nobody reads, or whose reader gives no sign of life.
pub(super) async fn claim(
    conn: &mut Conn,
    place: &Place,
    holder: &str,
    lease_s: i32,
    now: DateTime<Utc>,
) -> QueryResult<Option<Claim>> {
    let found: Option<Next> = diesel::sql_query(
        "INSERT INTO kafka_offsets AS o (topic, partition, updated_at, holder, held_until)
         VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
         ON CONFLICT (topic, partition) DO UPDATE
         SET holder = excluded.holder, held_until = excluded.held_until
         WHERE o.holder IS NULL OR o.holder = excluded.holder OR o.held_until < clock_timestamp()
         RETURNING next_offset",
    )
    .bind::<Text, _>(&place.topic)
    .bind::<Integer, _>(place.partition)
    .bind::<Timestamptz, _>(now)
    .bind::<Text, _>(holder)
    .bind::<Integer, _>(lease_s)
    .get_result(conn)
    .await
    .optional()?;
    Ok(found.map(|Next { next_offset }| Claim { place: place.clone(), next_offset }))
}

/// Keeps a claim for another while, and says how far the partition reaches; false when somebody
/// else has it.
pub(super) async fn renew(
    conn: &mut Conn,
    claim: &Claim,
    (holder, lease_s): (&str, i32),
    high_watermark: i64,
) -> QueryResult<bool> {
    let kept = diesel::sql_query(
        "UPDATE kafka_offsets SET held_until = clock_timestamp() + make_interval(secs => $4),
             high_watermark = $5, trouble = NULL, trouble_at = NULL
         WHERE topic = $1 AND partition = $2 AND holder = $3
           AND next_offset IS NOT DISTINCT FROM $6",
    )
    .bind::<Text, _>(&claim.place.topic)
    .bind::<Integer, _>(claim.place.partition)
    .bind::<Text, _>(holder)
    .bind::<Integer, _>(lease_s)
    .bind::<BigInt, _>(high_watermark)
    .bind::<Nullable<BigInt>, _>(claim.next_offset)
    .execute(conn)
    .await?;
    Ok(kept == 1)
}

/// Holds the row of a claim until the transaction ends; false when somebody else has it or has read
/// on.
pub(super) async fn hold(conn: &mut Conn, claim: &Claim, holder: &str) -> QueryResult<bool> {
    let held = kafka_offsets::table
        .find((&claim.place.topic, claim.place.partition))
        .filter(kafka_offsets::holder.eq(holder))
        .filter(kafka_offsets::next_offset.is_not_distinct_from(claim.next_offset))
        .select(kafka_offsets::partition)
        .for_update()
        .first::<i32>(conn)
        .await
        .optional()?;
    Ok(held.is_some())
}

/// Moves a claim that is held on.
pub(super) async fn advance(
    conn: &mut Conn,
    place: &Place,
    step: &Advance<'_>,
) -> QueryResult<usize> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    diesel::sql_query(
        "UPDATE kafka_offsets SET next_offset = $4, high_watermark = greatest($5, $4),
             records_read = records_read + $6, rows_taken = rows_taken + $7,
             rows_refused = rows_refused + $8, last_record_at = coalesce($9, last_record_at),
             updated_at = $10, trouble = NULL, trouble_at = NULL,
             held_until = clock_timestamp() + make_interval(secs => $11)
         WHERE topic = $1 AND partition = $2 AND holder = $3",
    )
    .bind::<Text, _>(&place.topic)
    .bind::<Integer, _>(place.partition)
    .bind::<Text, _>(step.holder)
    .bind::<BigInt, _>(step.next_offset)
    .bind::<BigInt, _>(step.high_watermark)
    .bind::<BigInt, _>(count(step.taken.records))
    .bind::<BigInt, _>(count(step.taken.rows))
    .bind::<BigInt, _>(count(step.taken.refused))
    .bind::<Nullable<Timestamptz>, _>(step.last_record_at)
    .bind::<Timestamptz, _>(step.now)
    .bind::<Integer, _>(step.lease_s)
    .execute(conn)
    .await
}

/// Goes on elsewhere: where reading begins, or behind records that are gone; false when somebody
/// else has the claim.
pub(super) async fn jump(
    conn: &mut Conn,
    claim: &Claim,
    holder: &str,
    (to, lost): (i64, i64),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let moved = diesel::sql_query(
        "UPDATE kafka_offsets SET next_offset = $4, records_lost = records_lost + $5,
             lost_at = CASE WHEN $5 > 0 THEN $6 ELSE lost_at END, updated_at = $6
         WHERE topic = $1 AND partition = $2 AND holder = $3
           AND next_offset IS NOT DISTINCT FROM $7",
    )
    .bind::<Text, _>(&claim.place.topic)
    .bind::<Integer, _>(claim.place.partition)
    .bind::<Text, _>(holder)
    .bind::<BigInt, _>(to)
    .bind::<BigInt, _>(lost)
    .bind::<Timestamptz, _>(now)
    .bind::<Nullable<BigInt>, _>(claim.next_offset)
    .execute(conn)
    .await?;
    Ok(moved == 1)
}

/// Gives a partition back; what somebody else has stays theirs.
pub(super) async fn release(conn: &mut Conn, place: &Place, holder: &str) -> QueryResult<usize> {
    let mine = kafka_offsets::table
        .find((&place.topic, place.partition))
        .filter(kafka_offsets::holder.eq(holder));
    diesel::update(mine)
        .set((
            kafka_offsets::holder.eq(None::<String>),
            kafka_offsets::held_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await
}

/// Writes down what keeps a partition from being read, with the time at which it began.
pub(super) async fn note(
    conn: &mut Conn,
    place: &Place,
    holder: &str,
    trouble: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE kafka_offsets SET trouble = $4, trouble_at = coalesce(trouble_at, $5)
         WHERE topic = $1 AND partition = $2 AND (holder = $3 OR holder IS NULL)",
    )
    .bind::<Text, _>(&place.topic)
    .bind::<Integer, _>(place.partition)
    .bind::<Text, _>(holder)
    .bind::<Text, _>(trouble)
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await
}

/// Writes down what could not be stored of a partition; the newest are kept.
pub(super) async fn refuse(
    conn: &mut Conn,
    place: &Place,
    refused: &[Refused],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let texts = |of: fn(&Refused) -> &str| -> Vec<&str> { refused.iter().map(of).collect() };
    diesel::sql_query(
        "INSERT INTO kafka_refusals AS r (topic, partition, record_offset, row_index, field, reason,
             excerpt, refused_at)
         SELECT DISTINCT ON (o, i) $1, $2, o, i, f, w, e, $8
         FROM unnest($3, $4, $5, $6, $7) AS given (o, i, f, w, e)
         ON CONFLICT (topic, partition, record_offset, row_index) DO UPDATE
         SET field = excluded.field, reason = excluded.reason, excerpt = excluded.excerpt,
             refused_at = excluded.refused_at",
    )
    .bind::<Text, _>(&place.topic)
    .bind::<Integer, _>(place.partition)
    .bind::<Array<BigInt>, _>(refused.iter().map(|one| one.offset).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(refused.iter().map(|one| one.row).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(|one| &one.field))
    .bind::<Array<Text>, _>(texts(|one| &one.reason))
    .bind::<Array<Text>, _>(texts(|one| &one.excerpt))
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await?;
    diesel::sql_query(
        "DELETE FROM kafka_refusals r USING (
             SELECT record_offset, row_index FROM kafka_refusals
             WHERE topic = $1 AND partition = $2
             ORDER BY refused_at DESC, record_offset DESC, row_index DESC OFFSET $3
         ) old
         WHERE r.topic = $1 AND r.partition = $2 AND r.record_offset = old.record_offset
           AND r.row_index = old.row_index",
    )
    .bind::<Text, _>(&place.topic)
    .bind::<Integer, _>(place.partition)
    .bind::<BigInt, _>(REFUSALS_KEPT)
    .execute(conn)
    .await?;
    Ok(())
}

/// How far every partition is read, by topic and number.
pub(super) async fn partitions(conn: &mut Conn) -> QueryResult<Vec<PartitionState>> {
    let rows: Vec<Row> = kafka_offsets::table
        .select(Row::as_select())
        .order((kafka_offsets::topic, kafka_offsets::partition))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(PartitionState::from).collect())
}

type RefusalRow = (String, i32, i64, i32, String, String, String, DateTime<Utc>);

/// Up to `limit` refusals, the newest first.
pub(super) async fn refusals(
    conn: &mut Conn,
    topic: Option<&str>,
    limit: i64,
) -> QueryResult<Vec<Refusal>> {
    let mut query = kafka_refusals::table
        .order((
            kafka_refusals::refused_at.desc(),
            kafka_refusals::topic,
            kafka_refusals::partition,
            kafka_refusals::record_offset.desc(),
            kafka_refusals::row_index.desc(),
        ))
        .limit(limit)
        .into_boxed();
    if let Some(topic) = topic {
        query = query.filter(kafka_refusals::topic.eq(topic.to_owned()));
    }
    let rows: Vec<RefusalRow> = query.load(conn).await?;
    let refusal = |row: RefusalRow| {
        let (topic, partition, offset, row, field, reason, excerpt, refused_at) = row;
        let row = (row != WHOLE).then_some(row);
        Refusal { topic, partition, offset, row, field, reason, excerpt, refused_at }
    };
    Ok(rows.into_iter().map(refusal).collect())
}
