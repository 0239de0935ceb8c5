//! SQL of accounts, sessions, signing keys and set-up codes.

pub(super) mod counts; // attempts to log in
pub(super) mod keys; // API keys
pub(super) mod people; // lists, changes by admins

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::platform::db::Conn;
use crate::platform::db::schema::{accounts, sessions, setup_codes, signing_keys, users};
use crate::platform::web::{Language, Role};

use super::model::{Account, Profile, Session, SessionKind};
use super::signing::SigningKey;

diesel::allow_tables_to_appear_in_same_query!(accounts, sessions);

/// Number of the transaction lock under which it is decided who is admin.
const ADMINS_LOCK: i64 = 0x4c55_4e41_0001;

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts, check_for_backend(diesel::pg::Pg))]
struct AccountRow {
    account_id: Uuid,
    user_id: Uuid,
    login: String,
    role: String,
    language: String,
    time_zone: String,
    disabled_at: Option<DateTime<Utc>>,
    password_changed_at: DateTime<Utc>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            account_id: row.account_id,
            user_id: row.user_id,
            login: row.login,
            // The table admits known roles only; should one ever be added by hand, it gets the
            // fewest rights.
            role: Role::parse(&row.role).unwrap_or(Role::Customer),
            profile: Profile {
                language: Language::parse(&row.language).unwrap_or_default(),
                time_zone: row.time_zone.parse().unwrap_or(Tz::Europe__Zurich),
            },
            disabled_at: row.disabled_at,
            password_changed_at: row.password_changed_at,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
struct SessionRow {
    session_id: Uuid,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// An account to be.
pub(super) struct NewAccount<'n> {
    pub(super) login: &'n str,
    pub(super) password_hash: &'n str,
    pub(super) role: Role,
    pub(super) now: DateTime<Utc>,
}

/// Whether somebody is admin.
pub(super) async fn has_admin(conn: &mut Conn) -> QueryResult<bool> {
    let admins = accounts::table.filter(accounts::role.eq(Role::Admin.name()));
    diesel::select(exists(admins)).get_result(conn).await
}

/// The account of `login` with its password's hash.
pub(super) async fn by_login(
    conn: &mut Conn,
    login: &str,
) -> QueryResult<Option<(Account, String)>> {
    let row: Option<(AccountRow, String)> = accounts::table
        .filter(accounts::login.eq(login))
        .select((AccountRow::as_select(), accounts::password_hash))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(row, hash)| (row.into(), hash)))
}

/// Whether `code_hash` makes the first admin: it is still good and nobody is admin yet. Others who
/// ask wait until the caller's transaction ends.
pub(super) async fn may_set_up(
    conn: &mut Conn,
    code_hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    lock_admins(conn).await?;
    Ok(!has_admin(conn).await? && code_is_good(conn, code_hash, now).await?)
}

/// Lets one transaction at a time decide who is admin.
async fn lock_admins(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>(ADMINS_LOCK)
        .execute(conn)
        .await
        .map(drop)
}

/// Adds the account and its user, in the caller's transaction; see [`is_taken`].
pub(super) async fn insert(conn: &mut Conn, new: &NewAccount<'_>) -> QueryResult<Account> {
    let user_id = Uuid::now_v7();
    diesel::insert_into(users::table)
        .values((users::user_id.eq(user_id), users::created_at.eq(new.now)))
        .execute(conn)
        .await?;
    let profile = Profile::default();
    let row: AccountRow = diesel::insert_into(accounts::table)
        .values((
            accounts::account_id.eq(Uuid::now_v7()),
            accounts::user_id.eq(user_id),
            accounts::login.eq(new.login),
            accounts::password_hash.eq(new.password_hash),
            accounts::role.eq(new.role.name()),
            accounts::language.eq(profile.language.tag()),
            accounts::time_zone.eq(profile.time_zone.name()),
            accounts::created_at.eq(new.now),
            accounts::password_changed_at.eq(new.now),
        ))
        .returning(AccountRow::as_returning())
        .get_result(conn)
        .await?;
    Ok(row.into())
}

/// Whether an insert failed because somebody else has the login.
pub(super) const fn is_taken(error: &Error) -> bool {
    use diesel::result::DatabaseErrorKind::UniqueViolation;
    matches!(error, Error::DatabaseError(UniqueViolation, _))
}

/// Sets a new password and ends all sessions but `kept`; the caller's transaction holds both together.
pub(super) async fn set_password(
    conn: &mut Conn,
    account_id: Uuid,
    password_hash: &str,
    kept: Option<Uuid>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((accounts::password_hash.eq(password_hash), accounts::password_changed_at.eq(now)))
        .execute(conn)
        .await?;
    diesel::update(sessions::table)
        .filter(sessions::account_id.eq(account_id).and(sessions::revoked_at.is_null()))
        .filter(sessions::session_id.ne(kept.unwrap_or_default()))
        .set(sessions::revoked_at.eq(now))
        .execute(conn)
        .await
        .map(drop)
}

/// Sets language and zone; `None` when the account is gone.
pub(super) async fn set_profile(
    conn: &mut Conn,
    account_id: Uuid,
    profile: Profile,
) -> QueryResult<Option<Account>> {
    let row: Option<AccountRow> = diesel::update(accounts::table.find(account_id))
        .set((
            accounts::language.eq(profile.language.tag()),
            accounts::time_zone.eq(profile.time_zone.name()),
        ))
        .returning(AccountRow::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(Into::into))
}

/// A session to be.
pub(super) struct NewSession<'n> {
    pub(super) session_id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) kind: SessionKind,
    pub(super) refresh_hash: Option<&'n str>,
    pub(super) user_agent: &'n str,
    pub(super) address: Option<String>,
    pub(super) now: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
}

/// Opens a session.
pub(super) async fn insert_session(conn: &mut Conn, new: &NewSession<'_>) -> QueryResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::session_id.eq(new.session_id),
            sessions::account_id.eq(new.account_id),
            sessions::kind.eq(new.kind.name()),
            sessions::refresh_hash.eq(new.refresh_hash),
            sessions::user_agent.eq(new.user_agent),
            sessions::address.eq(&new.address),
            sessions::created_at.eq(new.now),
            sessions::last_seen_at.eq(new.now),
            sessions::expires_at.eq(new.expires_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// The session and its account, alive or not.
pub(super) async fn session(conn: &mut Conn, session_id: Uuid) -> QueryResult<Option<Session>> {
    let row: Option<(SessionRow, AccountRow)> = sessions::table
        .inner_join(accounts::table.on(accounts::account_id.eq(sessions::account_id)))
        .filter(sessions::session_id.eq(session_id))
        .select((SessionRow::as_select(), AccountRow::as_select()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(row, account)| Session {
        session_id: row.session_id,
        account: account.into(),
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }))
}

/// Notes that the session is in use.
pub(super) async fn touch(
    conn: &mut Conn,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(sessions::table.find(session_id))
        .set(sessions::last_seen_at.eq(now))
        .execute(conn)
        .await
        .map(drop)
}

/// Replaces the refresh token; `false` when `former_hash` is not the one in force.
pub(super) async fn rotate_refresh(
    conn: &mut Conn,
    session_id: Uuid,
    (former_hash, new_hash): (&str, &str),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    diesel::update(sessions::table.find(session_id))
        .filter(sessions::refresh_hash.eq(former_hash).and(sessions::revoked_at.is_null()))
        .set((sessions::refresh_hash.eq(new_hash), sessions::last_seen_at.eq(now)))
        .execute(conn)
        .await
        .map(|rows| rows == 1)
}

/// Ends the session, for good and at once; `false` when it had ended before.
pub(super) async fn revoke(
    conn: &mut Conn,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    diesel::update(sessions::table.find(session_id))
        .filter(sessions::revoked_at.is_null())
        .set(sessions::revoked_at.eq(now))
        .execute(conn)
        .await
        .map(|rows| rows == 1)
}

/// Removes sessions that ended before `before`; returns how many.
pub(super) async fn remove_sessions(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<usize> {
    let ended = sessions::expires_at.lt(before).or(sessions::revoked_at.lt(before));
    diesel::delete(sessions::table.filter(ended.assume_not_null())).execute(conn).await
}

/// Keys that sign or that tokens in use may be signed with.
pub(super) async fn signing_keys(conn: &mut Conn) -> QueryResult<Vec<SigningKey>> {
    let rows: Vec<(String, Vec<u8>, DateTime<Utc>)> = signing_keys::table
        .filter(signing_keys::retired_at.is_null())
        .order(signing_keys::created_at.desc())
        .limit(100)
        .select((signing_keys::kid, signing_keys::secret, signing_keys::created_at))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(kid, secret, created_at)| SigningKey { kid, secret, created_at })
        .collect())
}

/// Adds a key, and retires those that no living token can be signed with.
pub(super) async fn add_signing_key(
    conn: &mut Conn,
    key: &SigningKey,
    retire_before: DateTime<Utc>,
) -> QueryResult<()> {
    conn.transaction(async |conn| {
        diesel::update(signing_keys::table)
            .filter(signing_keys::created_at.lt(retire_before))
            .filter(signing_keys::retired_at.is_null())
            .set(signing_keys::retired_at.eq(key.created_at))
            .execute(conn)
            .await?;
        diesel::insert_into(signing_keys::table)
            .values((
                signing_keys::kid.eq(&key.kid),
                signing_keys::secret.eq(&key.secret),
                signing_keys::created_at.eq(key.created_at),
            ))
            .execute(conn)
            .await
            .map(drop)
    })
    .await
}

/// Adds a set-up code by its hash, and removes those that nobody can use any more.
pub(super) async fn add_setup_code(
    conn: &mut Conn,
    code_hash: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> QueryResult<()> {
    conn.transaction(async |conn| {
        diesel::delete(setup_codes::table.filter(setup_codes::expires_at.le(now)))
            .execute(conn)
            .await?;
        diesel::insert_into(setup_codes::table)
            .values((
                setup_codes::code_hash.eq(code_hash),
                setup_codes::created_at.eq(now),
                setup_codes::expires_at.eq(expires_at),
            ))
            .execute(conn)
            .await
            .map(drop)
    })
    .await
}

/// Whether a set-up code is neither used nor expired.
pub(super) async fn code_is_good(
    conn: &mut Conn,
    code_hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let good = setup_codes::table
        .find(code_hash)
        .filter(setup_codes::used_at.is_null().and(setup_codes::expires_at.gt(now)));
    diesel::select(exists(good)).get_result(conn).await
}

/// Makes every set-up code unusable.
pub(super) async fn void_setup_codes(conn: &mut Conn, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(setup_codes::table.filter(setup_codes::used_at.is_null()))
        .set(setup_codes::used_at.eq(now))
        .execute(conn)
        .await
        .map(drop)
}
