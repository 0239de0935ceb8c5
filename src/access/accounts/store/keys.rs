//! SQL of API keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::AccountRow;
use crate::access::accounts::model::Account;
use crate::access::accounts::records::{KeyRecord, Part};
use crate::platform::db::Conn;
use crate::platform::db::schema::{accounts, api_keys};
use crate::platform::web::Scope;

diesel::allow_tables_to_appear_in_same_query!(accounts, api_keys);

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
struct KeyRow {
    key_id: Uuid,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

fn record((row, (user_id, login)): (KeyRow, (Uuid, String))) -> KeyRecord {
    KeyRecord {
        key_id: row.key_id,
        user_id,
        login,
        name: row.name,
        prefix: row.prefix,
        // The table admits known scopes only.
        scopes: row.scopes.iter().filter_map(|scope| Scope::parse(scope)).collect(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    }
}

/// Adds a key of the account, under its hash.
pub(in crate::access::accounts) async fn insert(
    conn: &mut Conn,
    account_id: Uuid,
    key: &KeyRecord,
    key_hash: &[u8; 32],
) -> QueryResult<()> {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::key_id.eq(key.key_id),
            api_keys::account_id.eq(account_id),
            api_keys::name.eq(&key.name),
            api_keys::prefix.eq(&key.prefix),
            api_keys::key_hash.eq(key_hash.as_slice()),
            api_keys::scopes.eq(scopes),
            api_keys::created_at.eq(key.created_at),
            api_keys::expires_at.eq(key.expires_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// The key of this hash and its owner, alive or not.
pub(in crate::access::accounts) async fn by_hash(
    conn: &mut Conn,
    key_hash: &[u8; 32],
) -> QueryResult<Option<(KeyRecord, Account)>> {
    let row: Option<(KeyRow, AccountRow)> = api_keys::table
        .inner_join(accounts::table.on(accounts::account_id.eq(api_keys::account_id)))
        .filter(api_keys::key_hash.eq(key_hash.as_slice()))
        .select((KeyRow::as_select(), AccountRow::as_select()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(key, account)| {
        let account = Account::from(account);
        (record((key, (account.user_id, account.login.clone()))), account)
    }))
}

/// Notes that the key is in use.
pub(in crate::access::accounts) async fn touch(
    conn: &mut Conn,
    key_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(api_keys::table.find(key_id))
        .set(api_keys::last_used_at.eq(now))
        .execute(conn)
        .await
        .map(drop)
}

/// Ends the key; `false` when it has ended before.
pub(in crate::access::accounts) async fn revoke(
    conn: &mut Conn,
    key_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    diesel::update(api_keys::table.find(key_id))
        .filter(api_keys::revoked_at.is_null())
        .set(api_keys::revoked_at.eq(now))
        .execute(conn)
        .await
        .map(|rows| rows == 1)
}

/// Ends all keys of the account.
pub(in crate::access::accounts) async fn revoke_all(
    conn: &mut Conn,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(api_keys::table)
        .filter(api_keys::account_id.eq(account_id))
        .filter(api_keys::revoked_at.is_null())
        .set(api_keys::revoked_at.eq(now))
        .execute(conn)
        .await
        .map(drop)
}

/// One key, ended or not.
pub(in crate::access::accounts) async fn by_id(
    conn: &mut Conn,
    key_id: Uuid,
) -> QueryResult<Option<KeyRecord>> {
    let row: Option<(KeyRow, (Uuid, String))> = api_keys::table
        .inner_join(accounts::table.on(accounts::account_id.eq(api_keys::account_id)))
        .filter(api_keys::key_id.eq(key_id))
        .select((KeyRow::as_select(), (accounts::user_id, accounts::login)))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(record))
}

/// Keys, newest first, ended ones too.
pub(in crate::access::accounts) async fn list(
    conn: &mut Conn,
    part: Part,
) -> QueryResult<Vec<KeyRecord>> {
    let mut query = api_keys::table
        .inner_join(accounts::table.on(accounts::account_id.eq(api_keys::account_id)))
        .select((KeyRow::as_select(), (accounts::user_id, accounts::login)))
        .order((api_keys::created_at.desc(), api_keys::key_id.desc()))
        .limit(part.limit)
        .into_boxed();
    if let Some(user_id) = part.user_id {
        query = query.filter(accounts::user_id.eq(user_id));
    }
    if let Some((at, id)) = part.after {
        let same_instant = api_keys::created_at.eq(at).and(api_keys::key_id.lt(id));
        query = query.filter(api_keys::created_at.lt(at).or(same_instant));
    }
    let rows: Vec<(KeyRow, (Uuid, String))> = query.load(conn).await?;
    Ok(rows.into_iter().map(record).collect())
}
