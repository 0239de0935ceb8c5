//! Powers and voltages as they came, and when payloads without an instant came first.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Double, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::facts::mqtt::means::Sample;
use crate::platform::db::Conn;
use crate::platform::db::schema::mqtt_samples as samples;
use crate::platform::db::schema::mqtt_seen as seen;

/// Rows that are forgotten at once: nobody waits long for the others.
const FORGOTTEN_MAX: i64 = 20_000;

/// Which samples of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::facts::mqtt) struct Window {
    pub meter_id: String,
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The last instant.
    pub to: DateTime<Utc>,
}

/// Writes samples down; of two for one instant the later known stays.
pub(in crate::facts::mqtt) async fn put_samples(
    conn: &mut Conn,
    all: &[Sample],
) -> QueryResult<()> {
    let mut latest: BTreeMap<(&str, &str, DateTime<Utc>), &Sample> = BTreeMap::new();
    for sample in all {
        let kept = latest.entry((&sample.meter_id, sample.field, sample.ts)).or_insert(sample);
        if sample.known_at >= kept.known_at {
            *kept = sample;
        }
    }
    let all: Vec<&Sample> = latest.into_values().collect();
    diesel::sql_query(
        "INSERT INTO mqtt_samples AS s (meter_id, field, ts, value, known_at)
         SELECT * FROM unnest($1, $2, $3, $4, $5)
         ON CONFLICT (meter_id, field, ts) DO UPDATE
         SET value = excluded.value, known_at = excluded.known_at
         WHERE s.known_at <= excluded.known_at AND s.value <> excluded.value",
    )
    .bind::<Array<Text>, _>(all.iter().map(|it| &*it.meter_id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(all.iter().map(|it| it.field).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(all.iter().map(|it| it.ts).collect::<Vec<_>>())
    .bind::<Array<Double>, _>(all.iter().map(|it| it.value).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(all.iter().map(|it| it.known_at).collect::<Vec<_>>())
    .execute(conn)
    .await
    .map(drop)
}

#[derive(QueryableByName)]
#[diesel(table_name = samples, check_for_backend(diesel::pg::Pg))]
struct Row {
    meter_id: String,
    field: String,
    ts: DateTime<Utc>,
    value: f64,
    known_at: DateTime<Utc>,
}

/// The samples of `windows`, by meter, field and instant.
pub(in crate::facts::mqtt) async fn samples_within(
    conn: &mut Conn,
    windows: &[Window],
) -> QueryResult<Vec<Sample>> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT s.meter_id, s.field, s.ts, s.value, s.known_at
         FROM unnest($1, $2, $3) AS w (meter_id, first, last)
         JOIN mqtt_samples s ON s.meter_id = w.meter_id AND s.ts BETWEEN w.first AND w.last
         ORDER BY s.meter_id, s.field, s.ts",
    )
    .bind::<Array<Text>, _>(windows.iter().map(|it| &*it.meter_id).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(windows.iter().map(|it| it.from).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(windows.iter().map(|it| it.to).collect::<Vec<_>>())
    .load(conn)
    .await?;
    let sample = |row: Row| {
        let names = ["consumption_kw", "production_kw", "voltage"];
        let field = names.into_iter().find(|name| *name == row.field)?;
        let Row { meter_id, ts, value, known_at, .. } = row;
        Some(Sample { meter_id, field, ts, value, known_at })
    };
    Ok(rows.into_iter().filter_map(sample).collect())
}

#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = Text)]
    meter_id: String,
    #[diesel(sql_type = Timestamptz)]
    ts: DateTime<Utc>,
}

/// The last instant before `from` of each window at which something was said.
pub(in crate::facts::mqtt) async fn last_before(
    conn: &mut Conn,
    windows: &[Window],
) -> QueryResult<HashMap<String, DateTime<Utc>>> {
    let rows: Vec<Before> = diesel::sql_query(
        "SELECT s.meter_id, max(s.ts) AS ts
         FROM unnest($1, $2) AS w (meter_id, first)
         JOIN mqtt_samples s ON s.meter_id = w.meter_id AND s.ts < w.first
         GROUP BY s.meter_id",
    )
    .bind::<Array<Text>, _>(windows.iter().map(|it| &*it.meter_id).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(windows.iter().map(|it| it.from).collect::<Vec<_>>())
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.meter_id, row.ts)).collect())
}

/// When messages of these topics and digests came first, as far as that is known.
pub(in crate::facts::mqtt) async fn first_seen(
    conn: &mut Conn,
    topics: &[&str],
    digests: &[&str],
) -> QueryResult<HashMap<(String, String), DateTime<Utc>>> {
    let rows: Vec<(String, String, DateTime<Utc>)> = seen::table
        .filter(seen::topic.eq_any(topics))
        .filter(seen::digest.eq_any(digests))
        .select((seen::topic, seen::digest, seen::received_at))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(topic, digest, at)| ((topic, digest), at)).collect())
}

/// Writes down when messages came; what comes anew with the same payload counts anew.
pub(in crate::facts::mqtt) async fn put_seen(
    conn: &mut Conn,
    all: &[(String, String, DateTime<Utc>)],
) -> QueryResult<()> {
    let latest: BTreeMap<(&str, &str), DateTime<Utc>> =
        all.iter().map(|(topic, digest, at)| ((&**topic, &**digest), *at)).collect();
    diesel::sql_query(
        "INSERT INTO mqtt_seen (topic, digest, received_at) SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (topic, digest) DO UPDATE SET received_at = excluded.received_at",
    )
    .bind::<Array<Text>, _>(latest.keys().map(|(topic, _)| *topic).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(latest.keys().map(|(_, digest)| *digest).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(latest.values().copied().collect::<Vec<_>>())
    .execute(conn)
    .await
    .map(drop)
}

/// Forgets what came before `before`; intervals that follow from it are stored.
pub(in crate::facts::mqtt) async fn forget(
    conn: &mut Conn,
    before: DateTime<Utc>,
) -> QueryResult<()> {
    let old = samples::table
        .filter(samples::known_at.lt(before))
        .order(samples::known_at)
        .limit(FORGOTTEN_MAX)
        .select((samples::meter_id, samples::field, samples::ts));
    let old: Vec<(String, String, DateTime<Utc>)> = old.load(conn).await?;
    if let Some(last) = old.last() {
        tracing::debug!(rows = old.len(), "Forgets samples of {} and earlier", last.2);
    }
    diesel::sql_query(
        "DELETE FROM mqtt_samples USING unnest($1, $2, $3) AS o (meter_id, field, ts)
         WHERE mqtt_samples.meter_id = o.meter_id AND mqtt_samples.field = o.field
             AND mqtt_samples.ts = o.ts",
    )
    .bind::<Array<Text>, _>(old.iter().map(|(meter_id, ..)| meter_id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(old.iter().map(|(_, field, _)| field).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(old.iter().map(|(.., ts)| *ts).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    let old = seen::table.filter(seen::received_at.lt(before));
    diesel::delete(old).execute(conn).await.map(drop)
}
