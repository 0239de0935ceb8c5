//! SQL of lists for owners and admins, and of changes to accounts.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{AccountRow, lock_admins};
use crate::access::accounts::model::{Account, clock_put_back_max};
use crate::access::accounts::records::{Part, SessionRecord, User};
use crate::platform::db::Conn;
use crate::platform::db::schema::{accounts, sessions, users};
use crate::platform::web::{Language, Role};

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts, check_for_backend(diesel::pg::Pg))]
struct UserRow {
    user_id: Uuid,
    login: String,
    role: String,
    language: String,
    time_zone: String,
    disabled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            user_id: row.user_id,
            login: row.login,
            role: Role::parse(&row.role).unwrap_or(Role::Customer),
            language: Language::parse(&row.language).unwrap_or_default(),
            time_zone: row.time_zone.parse().unwrap_or(Tz::Europe__Zurich),
            disabled_at: row.disabled_at,
            created_at: row.created_at,
        }
    }
}

/// Those of `user_ids` that are there.
pub(in crate::access::accounts) async fn known(
    conn: &mut Conn,
    user_ids: &[Uuid],
) -> QueryResult<Vec<Uuid>> {
    users::table.filter(users::user_id.eq_any(user_ids)).select(users::user_id).load(conn).await
}

/// Accounts, newest first; `user_id` of the part picks one.
pub(in crate::access::accounts) async fn list(
    conn: &mut Conn,
    part: Part,
) -> QueryResult<Vec<User>> {
    let mut query = accounts::table
        .select(UserRow::as_select())
        .order((accounts::created_at.desc(), accounts::user_id.desc()))
        .limit(part.limit)
        .into_boxed();
    if let Some(user_id) = part.user_id {
        query = query.filter(accounts::user_id.eq(user_id));
    }
    if let Some((at, id)) = part.after {
        let same_instant = accounts::created_at.eq(at).and(accounts::user_id.lt(id));
        query = query.filter(accounts::created_at.lt(at).or(same_instant));
    }
    let rows: Vec<UserRow> = query.load(conn).await?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// The account of a person with its password's hash, held until the caller's transaction ends.
pub(in crate::access::accounts) async fn hold(
    conn: &mut Conn,
    user_id: Uuid,
) -> QueryResult<Option<(Account, String)>> {
    let row: Option<(AccountRow, String)> = accounts::table
        .filter(accounts::user_id.eq(user_id))
        .select((AccountRow::as_select(), accounts::password_hash))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(row, hash)| (row.into(), hash)))
}

/// Role, language and state an account gets.
pub(in crate::access::accounts) struct Standing {
    pub(in crate::access::accounts) role: Role,
    pub(in crate::access::accounts) language: Language,
    pub(in crate::access::accounts) disabled_at: Option<DateTime<Utc>>,
}

/// Changes an account.
pub(in crate::access::accounts) async fn set_standing(
    conn: &mut Conn,
    account_id: Uuid,
    standing: &Standing,
) -> QueryResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((
            accounts::role.eq(standing.role.name()),
            accounts::language.eq(standing.language.tag()),
            accounts::disabled_at.eq(standing.disabled_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Removes an account with its sessions and keys; the person stays, without a name.
pub(in crate::access::accounts) async fn delete(
    conn: &mut Conn,
    account_id: Uuid,
) -> QueryResult<()> {
    diesel::delete(accounts::table.find(account_id)).execute(conn).await.map(drop)
}

/// Ends all sessions of the account.
pub(in crate::access::accounts) async fn end_sessions(
    conn: &mut Conn,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(sessions::table)
        .filter(sessions::account_id.eq(account_id).and(sessions::revoked_at.is_null()))
        .set(sessions::revoked_at.eq(now))
        .execute(conn)
        .await
        .map(drop)
}

/// Number of admins who may log in; nobody else changes it before the caller's transaction ends.
pub(in crate::access::accounts) async fn hold_admins(conn: &mut Conn) -> QueryResult<i64> {
    lock_admins(conn).await?;
    accounts::table
        .filter(accounts::role.eq(Role::Admin.name()).and(accounts::disabled_at.is_null()))
        .count()
        .get_result(conn)
        .await
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
struct SessionRow {
    session_id: Uuid,
    kind: String,
    user_agent: String,
    address: Option<String>,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Sessions that are alive, newest first; `only` picks one.
pub(in crate::access::accounts) async fn sessions(
    conn: &mut Conn,
    part: Part,
    only: Option<Uuid>,
    (now, idle_max): (DateTime<Utc>, Duration),
) -> QueryResult<Vec<SessionRecord>> {
    let mut query = sessions::table
        .inner_join(accounts::table.on(accounts::account_id.eq(sessions::account_id)))
        .select((SessionRow::as_select(), (accounts::user_id, accounts::login)))
        .filter(sessions::revoked_at.is_null().and(accounts::disabled_at.is_null()))
        .filter(sessions::expires_at.gt(now).and(sessions::last_seen_at.gt(now - idle_max)))
        .filter(sessions::last_seen_at.lt(now + clock_put_back_max()))
        .order((sessions::created_at.desc(), sessions::session_id.desc()))
        .limit(part.limit)
        .into_boxed();
    if let Some(user_id) = part.user_id {
        query = query.filter(accounts::user_id.eq(user_id));
    }
    if let Some(session_id) = only {
        query = query.filter(sessions::session_id.eq(session_id));
    }
    if let Some((at, id)) = part.after {
        let same_instant = sessions::created_at.eq(at).and(sessions::session_id.lt(id));
        query = query.filter(sessions::created_at.lt(at).or(same_instant));
    }
    let rows: Vec<(SessionRow, (Uuid, String))> = query.load(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(row, (user_id, login))| SessionRecord {
            session_id: row.session_id,
            user_id,
            login,
            kind: row.kind,
            user_agent: row.user_agent,
            address: row.address,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        })
        .collect())
}
