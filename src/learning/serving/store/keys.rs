//! SQL of the table `bundle_keys`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::platform::db::Conn;
use crate::platform::db::schema::bundle_keys;

/// The installation's key, the oldest should two processes have made one at once.
pub(in crate::learning::serving) async fn bundle_key(
    conn: &mut Conn,
) -> QueryResult<Option<Vec<u8>>> {
    bundle_keys::table
        .order((bundle_keys::created_at, bundle_keys::public_key))
        .select(bundle_keys::secret)
        .first(conn)
        .await
        .optional()
}

/// Keeps a key.
pub(in crate::learning::serving) async fn put_bundle_key(
    conn: &mut Conn,
    (public_key, secret): (&str, &[u8]),
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(bundle_keys::table)
        .values((
            bundle_keys::public_key.eq(public_key),
            bundle_keys::secret.eq(secret),
            bundle_keys::created_at.eq(at),
        ))
        .execute(conn)
        .await
}
