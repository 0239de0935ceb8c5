//! Readings staged in a table of their own while they arrive, and judged there all at once.
//!
//! The rows travel by COPY over a connection beside the pool, so a slow sender holds neither a
//! transaction nor a connection that others need. Other connections must see the staged rows, so
//! the table is no temporary one; it is not logged either, and whoever opens a stage clears away
//! what a process left behind that ended in between.

use std::collections::HashMap;
use std::pin::Pin;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::write::{Judged, TAKE_TURNS, insert, replace};
use crate::base::timeline::TimeRange;
use crate::facts::changes::{Change, record};
use crate::facts::meters::model::{Reading, Stored};
use crate::platform::db::{Conn, CopyClient, Db, DbError};

/// Begin of the names of stages.
const NAMES: &str = "readings_stage_";

/// Stages nobody holds any more. A holder has the lock of its table's name while it is connected.
const ABANDONED: &str = "SELECT c.relname::text FROM pg_class AS c
     WHERE c.relname LIKE 'readings\\_stage\\_%' AND c.relkind = 'r'
         AND c.relnamespace = current_schema()::regnamespace
         AND pg_try_advisory_xact_lock(hashtextextended(c.relname::text, 0))";

const TYPES: [Type; 9] = [
    Type::INT8,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::INT4,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::TEXT,
    Type::TIMESTAMPTZ,
];

/// Readings on their way into the table.
pub struct Stage {
    table: String,
    client: CopyClient,
    /// Open until all rows are there.
    writer: Option<Pin<Box<BinaryCopyInWriter>>>,
    rows: i64,
    /// The newest reading of each meter and length.
    newest: HashMap<String, (i32, DateTime<Utc>)>,
    /// Each meter has readings of one length, each later than the one before: no two are for the
    /// same interval, and nobody has to look.
    is_ordered: bool,
}

impl Stage {
    /// Makes an empty stage.
    pub(in crate::facts::meters) async fn open(db: &Db) -> Result<Self, DbError> {
        let client = db.stage_client().await?;
        for row in client.query(ABANDONED, &[]).await? {
            let table: String = row.get(0);
            client.batch_execute(&format!("DROP TABLE IF EXISTS {table}")).await?;
        }
        let table = format!("{NAMES}{}", Uuid::now_v7().simple());
        client.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", &[&table]).await?;
        let create = format!(
            "CREATE UNLOGGED TABLE {table} (place bigint, meter_id text, ts timestamptz, \
                 interval_s int, consumption_kw float8, production_kw float8, voltage float8, \
                 quality text, known_at timestamptz) WITH (autovacuum_enabled = false)"
        );
        client.batch_execute(&create).await?;
        let sink = client.copy_in(&format!("COPY {table} FROM STDIN BINARY")).await?;
        let writer = Some(Box::pin(BinaryCopyInWriter::new(sink, &TYPES)));
        let newest = HashMap::new();
        Ok(Self { table, client, writer, rows: 0, newest, is_ordered: true })
    }

    /// Adds readings behind those that are there.
    pub(in crate::facts::meters) async fn add(
        &mut self,
        readings: &[Reading],
    ) -> Result<(), DbError> {
        for reading in readings {
            self.note(reading);
            let Some(writer) = self.writer.as_mut() else { break };
            let quality = reading.quality.name();
            let row: [&(dyn ToSql + Sync); 9] = [
                &self.rows,
                &reading.meter_id,
                &reading.ts,
                &reading.interval_s,
                &reading.consumption_kw,
                &reading.production_kw,
                &reading.voltage,
                &quality,
                &reading.known_at,
            ];
            writer.as_mut().write(&row).await?;
            self.rows += 1;
        }
        Ok(())
    }

    fn note(&mut self, reading: &Reading) {
        if !self.is_ordered {
            return;
        }
        let now = (reading.interval_s, reading.ts);
        match self.newest.get_mut(&reading.meter_id) {
            Some(before) => {
                self.is_ordered = before.0 == now.0 && before.1 < now.1;
                *before = now;
            }
            None => {
                self.newest.insert(reading.meter_id.clone(), now);
            }
        }
    }

    /// Ends the rows: from here on other connections see them.
    pub(in crate::facts::meters) async fn close(&mut self) -> Result<(), DbError> {
        if let Some(mut writer) = self.writer.take() {
            writer.as_mut().finish().await?;
        }
        Ok(())
    }

    /// Drops the table; what is left when this fails is dropped by the next stage.
    pub(in crate::facts::meters) async fn remove(mut self) -> Result<(), DbError> {
        // Whatever has not been ended is taken back by the server.
        self.writer = None;
        Ok(self.client.batch_execute(&format!("DROP TABLE IF EXISTS {}", self.table)).await?)
    }
}

/// Of several readings for one interval the last known one stays, of those the last in order.
fn unite(table: &str) -> String {
    format!(
        "DELETE FROM {table} AS gone USING (
             SELECT ctid, row_number() OVER (
                 PARTITION BY meter_id, ts, interval_s ORDER BY known_at DESC, place DESC) AS rank
             FROM {table}) AS ranked
         WHERE gone.ctid = ranked.ctid AND ranked.rank > 1"
    )
}

/// First whether anything near is of another length at all: that is one look per meter.
fn near(table: &str) -> String {
    format!(
        "SELECT EXISTS (
             SELECT FROM (
                 SELECT meter_id, min(ts) - interval '75 minutes' AS first,
                     max(ts) + interval '75 minutes' AS last
                 FROM {table} WHERE interval_s = $1 GROUP BY meter_id) AS b
             JOIN smart_meter_readings AS r ON r.meter_id = b.meter_id
                 AND r.ts BETWEEN b.first AND b.last AND r.interval_s <> $1) AS found"
    )
}

/// Readings for quarter hours that hold readings of another length.
fn leave_out(table: &str) -> String {
    format!(
        "DELETE FROM {table} AS n
         WHERE n.interval_s = $1 AND EXISTS (
             SELECT FROM smart_meter_readings AS r
             WHERE r.meter_id = n.meter_id AND r.interval_s <> n.interval_s
                 AND r.ts > date_bin('15 minutes', n.ts, 'epoch') - interval '75 minutes'
                 AND r.ts < date_bin('15 minutes',
                         n.ts + make_interval(secs => n.interval_s - 1), 'epoch')
                     + interval '15 minutes'
                 AND date_bin('15 minutes', date_bin('15 minutes', r.ts, 'epoch')
                         + make_interval(secs => r.interval_s - 1), 'epoch')
                     >= date_bin('15 minutes', n.ts, 'epoch'))"
    )
}

/// Makes other writers of these meters wait until the transaction ends.
pub(in crate::facts::meters) async fn take_turns(
    conn: &mut Conn,
    meter_ids: &[&str],
) -> QueryResult<()> {
    diesel::sql_query(TAKE_TURNS).bind::<Array<Text>, _>(meter_ids).execute(conn).await.map(drop)
}

/// Writes what is staged, shorter readings first; the meters take turns already.
pub(in crate::facts::meters) async fn put_stage(
    conn: &mut Conn,
    stage: &Stage,
) -> QueryResult<Stored> {
    let table = &stage.table;
    // Many rows take longer than a statement usually may.
    conn.batch_execute(&format!("SET LOCAL statement_timeout = '30min'; ANALYZE {table}")).await?;
    let duplicates = if stage.is_ordered {
        0
    } else {
        diesel::sql_query(unite(table)).execute(conn).await? as u64
    };
    let mut all = Stored { duplicates, ..Stored::default() };
    for length in lengths(conn, table).await? {
        let interval_s = length.interval_s;
        let near: Near =
            diesel::sql_query(near(table)).bind::<Integer, _>(interval_s).get_result(conn).await?;
        let overlapping = if near.found {
            let left_out = diesel::sql_query(leave_out(table)).bind::<Integer, _>(interval_s);
            left_out.execute(conn).await? as u64
        } else {
            0
        };
        let source = format!("(SELECT * FROM {table} WHERE interval_s = {interval_s}) AS n");
        let inserted = diesel::sql_query(insert(&source)).execute(conn).await? as u64;
        let judged = if inserted + overlapping == length.rows.unsigned_abs() {
            Judged::all_new(inserted)
        } else {
            diesel::sql_query(replace(&source)).get_result(conn).await?
        };
        all.add(&Stored { overlapping, ..judged.counts(inserted) });
    }
    if all.changed() {
        let changes = staged(conn, table).await?;
        record(conn, &changes).await?;
    }
    Ok(all)
}

#[derive(QueryableByName)]
struct Staged {
    #[diesel(sql_type = Text)]
    meter_id: String,
    #[diesel(sql_type = Timestamptz)]
    first: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last: DateTime<Utc>,
}

/// Where what is staged changes which meter.
async fn staged(conn: &mut Conn, table: &str) -> QueryResult<Vec<Change>> {
    let query = format!(
        "SELECT meter_id, min(ts) AS first, max(ts + make_interval(secs => interval_s)) AS last
         FROM {table} GROUP BY meter_id ORDER BY meter_id"
    );
    let rows: Vec<Staged> = diesel::sql_query(query).load(conn).await?;
    let change = |row: Staged| Change::of_meter(&row.meter_id, TimeRange::new(row.first, row.last));
    Ok(rows.into_iter().map(change).collect())
}

#[derive(QueryableByName)]
struct Near {
    #[diesel(sql_type = Bool)]
    found: bool,
}

#[derive(QueryableByName)]
struct Length {
    #[diesel(sql_type = Integer)]
    interval_s: i32,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

async fn lengths(conn: &mut Conn, table: &str) -> QueryResult<Vec<Length>> {
    let query = format!(
        "SELECT interval_s, count(*) AS rows FROM {table} GROUP BY interval_s ORDER BY interval_s"
    );
    diesel::sql_query(query).load(conn).await
}

/// A meter that readings are meant for.
#[derive(Debug, Clone, QueryableByName)]
pub struct Target {
    /// The meter.
    #[diesel(sql_type = Text)]
    pub meter_id: String,
    /// The site it belongs to.
    #[diesel(sql_type = SqlUuid)]
    pub site_id: Uuid,
    /// Length of its newest reading, in seconds; absent before the first.
    #[diesel(sql_type = Nullable<Integer>)]
    pub interval_s: Option<i32>,
}

/// Those of `meter_ids` that are meters.
pub(in crate::facts::meters) async fn targets(
    conn: &mut Conn,
    meter_ids: &[&str],
) -> QueryResult<Vec<Target>> {
    diesel::sql_query(
        "SELECT m.meter_id, m.site_id, (
             SELECT interval_s FROM smart_meter_readings AS r
             WHERE r.meter_id = m.meter_id ORDER BY ts DESC LIMIT 1) AS interval_s
         FROM meters AS m WHERE m.meter_id = ANY($1)",
    )
    .bind::<Array<Text>, _>(meter_ids)
    .load(conn)
    .await
}
