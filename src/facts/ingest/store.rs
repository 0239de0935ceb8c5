//! SQL of the table `source_states`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::model::MarketStatus;
use crate::base::ids::Market;
use crate::platform::db::Conn;
use crate::platform::db::schema::source_states;

/// How asking went.
pub(super) struct Outcome<'a> {
    /// Who was asked.
    pub source: &'a str,
    /// Whose prices.
    pub market: &'a Market,
    /// When.
    pub at: DateTime<Utc>,
    /// Why it failed, or the licence of what came.
    pub result: Result<Option<&'a str>, &'a str>,
}

/// Notes how asking went; answers why it failed the time before, if it did.
pub(super) async fn record(conn: &mut Conn, outcome: &Outcome<'_>) -> QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Before {
        #[diesel(sql_type = Nullable<Text>)]
        failure: Option<String>,
    }
    let (failure, licence) = match outcome.result {
        Ok(licence) => (None, licence),
        Err(failure) => (Some(failure), None),
    };
    // The inner query sees the row as it was before the statement.
    let before: Before = diesel::sql_query(
        "INSERT INTO source_states AS s
             (source, market, asked_at, last_success_at, last_failure_at, failure, licence)
         VALUES ($1, $2, $3, CASE WHEN $4::text IS NULL THEN $3 END,
             CASE WHEN $4::text IS NOT NULL THEN $3 END, $4, $5)
         ON CONFLICT (source, market) DO UPDATE SET asked_at = excluded.asked_at,
             last_success_at = coalesce(excluded.last_success_at, s.last_success_at),
             last_failure_at = coalesce(excluded.last_failure_at, s.last_failure_at),
             failure = excluded.failure, licence = coalesce(excluded.licence, s.licence)
         RETURNING (SELECT failure FROM source_states WHERE source = $1 AND market = $2) AS failure",
    )
    .bind::<Text, _>(outcome.source)
    .bind::<Text, _>(outcome.market.code())
    .bind::<Timestamptz, _>(outcome.at)
    .bind::<Nullable<Text>, _>(failure)
    .bind::<Nullable<Text>, _>(licence)
    .get_result(conn)
    .await?;
    Ok(before.failure)
}

/// How asking each source for each market went last, as source and state.
pub(super) async fn all(conn: &mut Conn) -> QueryResult<Vec<(String, MarketStatus)>> {
    type Instant = Option<DateTime<Utc>>;
    type Row =
        ((String, String), (DateTime<Utc>, Instant, Instant), (Option<String>, Option<String>));
    let rows: Vec<Row> = source_states::table
        .order((source_states::source, source_states::market))
        .select((
            (source_states::source, source_states::market),
            (
                source_states::asked_at,
                source_states::last_success_at,
                source_states::last_failure_at,
            ),
            (source_states::failure, source_states::licence),
        ))
        .load(conn)
        .await?;
    let known = rows.into_iter().filter_map(|((source, market), times, (failure, licence))| {
        let (asked_at, last_success_at, last_failure_at) = times;
        let market = Market::parse(&market).ok()?;
        let state = MarketStatus {
            market,
            asked_at: Some(asked_at),
            last_success_at,
            last_failure_at,
            failure,
            licence,
            newest: None,
        };
        Some((source, state))
    });
    Ok(known.collect())
}
