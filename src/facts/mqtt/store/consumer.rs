//! Who reads the broker: one process at a time, by a lease that it renews.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::platform::db::Conn;
use crate::platform::db::schema::mqtt_consumer as consumers;

/// How reading the broker goes.
#[derive(Debug, QueryableByName)]
pub(in crate::facts::mqtt) struct Row {
    /// Whether a process is at it.
    #[diesel(sql_type = Bool)]
    pub is_held: bool,
    #[diesel(sql_type = Text)]
    pub client_id: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = Text)]
    pub broker: String,
    #[diesel(sql_type = Text)]
    pub detail: String,
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
    #[diesel(sql_type = Int8)]
    pub messages: i64,
    #[diesel(sql_type = Int8)]
    pub rows_stored: i64,
    #[diesel(sql_type = Int8)]
    pub rows_refused: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_message_at: Option<DateTime<Utc>>,
}

/// A process that holds the lease, or wants to.
#[derive(Debug, Clone, Copy)]
pub(in crate::facts::mqtt) struct Holder {
    pub id: Uuid,
    /// How long it is held without a sign of life, in seconds.
    pub lease_s: f64,
}

/// What came since it was written down last.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::facts::mqtt) struct Counts {
    pub messages: u64,
    pub rows_stored: u64,
    pub rows_refused: u64,
    pub last_message_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    client_id: String,
}

/// Takes the lease if nobody holds it; answers with the name of the session, which is `client_id`
/// only the first time. Time is the database's, so that the clocks of boxes need not agree.
pub(in crate::facts::mqtt) async fn hold(
    conn: &mut Conn,
    holder: Holder,
    (client_id, broker): (&str, &str),
    now: DateTime<Utc>,
) -> QueryResult<Option<String>> {
    let named: Option<Named> = diesel::sql_query(
        "INSERT INTO mqtt_consumer AS c
             (consumer_id, holder, held_until, client_id, state, broker, detail, since)
         VALUES (1, $1, clock_timestamp() + make_interval(secs => $2), $3, 'connecting', $4, '', $5)
         ON CONFLICT (consumer_id) DO UPDATE
         SET holder = excluded.holder, held_until = excluded.held_until, state = excluded.state,
             broker = excluded.broker, detail = excluded.detail, since = excluded.since
         WHERE c.holder = excluded.holder OR c.held_until IS NULL
             OR c.held_until < clock_timestamp()
         RETURNING client_id",
    )
    .bind::<SqlUuid, _>(holder.id)
    .bind::<Double, _>(holder.lease_s)
    .bind::<Text, _>(client_id)
    .bind::<Text, _>(broker)
    .bind::<Timestamptz, _>(now)
    .get_result(conn)
    .await
    .optional()?;
    Ok(named.map(|named| named.client_id))
}

/// Renews the lease and writes down how it goes; tells whether it was still held.
pub(in crate::facts::mqtt) async fn renew(
    conn: &mut Conn,
    holder: Holder,
    (state, detail, since): (&str, &str, DateTime<Utc>),
    counts: Counts,
) -> QueryResult<bool> {
    let renewed = diesel::sql_query(
        "UPDATE mqtt_consumer
         SET held_until = clock_timestamp() + make_interval(secs => $2), state = $3, detail = $4,
             since = $5, messages = messages + $6, rows_stored = rows_stored + $7,
             rows_refused = rows_refused + $8,
             last_message_at = greatest(last_message_at, $9)
         WHERE holder = $1",
    )
    .bind::<SqlUuid, _>(holder.id)
    .bind::<Double, _>(holder.lease_s)
    .bind::<Text, _>(state)
    .bind::<Text, _>(detail)
    .bind::<Timestamptz, _>(since)
    .bind::<Int8, _>(counts.messages.cast_signed())
    .bind::<Int8, _>(counts.rows_stored.cast_signed())
    .bind::<Int8, _>(counts.rows_refused.cast_signed())
    .bind::<Nullable<Timestamptz>, _>(counts.last_message_at)
    .execute(conn)
    .await?;
    Ok(renewed > 0)
}

/// Gives the lease back, so that another process need not wait for its end.
pub(in crate::facts::mqtt) async fn release(conn: &mut Conn, holder: Uuid) -> QueryResult<()> {
    let held = consumers::table.filter(consumers::holder.eq(holder));
    let nobody =
        (consumers::holder.eq(None::<Uuid>), consumers::held_until.eq(None::<DateTime<Utc>>));
    diesel::update(held).set(nobody).execute(conn).await.map(drop)
}

/// How reading the broker goes; none while nobody ever did.
pub(in crate::facts::mqtt) async fn consumer(conn: &mut Conn) -> QueryResult<Option<Row>> {
    diesel::sql_query(
        "SELECT coalesce(held_until > clock_timestamp(), false) AS is_held, client_id, state,
             broker, detail, since, messages, rows_stored, rows_refused, last_message_at
         FROM mqtt_consumer LIMIT 1",
    )
    .get_result(conn)
    .await
    .optional()
}
