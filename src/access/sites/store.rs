//! SQL of the tables `sites` and `site_members`.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::Site;
use crate::platform::db::Conn;
use crate::platform::db::schema::{site_members, sites};

diesel::allow_tables_to_appear_in_same_query!(sites, site_members);

#[derive(Queryable, Selectable)]
#[diesel(table_name = sites, check_for_backend(diesel::pg::Pg))]
struct Row {
    site_id: Uuid,
    name: String,
    time_zone: String,
    is_default: bool,
    created_at: DateTime<Utc>,
}

impl From<Row> for Site {
    fn from(row: Row) -> Self {
        Self {
            site_id: row.site_id,
            name: row.name,
            time_zone: row.time_zone,
            is_default: row.is_default,
            created_at: row.created_at,
        }
    }
}

/// The site that newcomers belong to.
pub(super) async fn default_site(conn: &mut Conn) -> QueryResult<Option<Uuid>> {
    let found = sites::table.filter(sites::is_default).select(sites::site_id);
    found.first(conn).await.optional()
}

/// The sites of a person.
pub(super) async fn of_member(conn: &mut Conn, user_id: Uuid) -> QueryResult<Vec<Uuid>> {
    let of_person = site_members::table.filter(site_members::user_id.eq(user_id));
    of_person.select(site_members::site_id).load(conn).await
}

/// Makes a person a member of the default site.
pub(super) async fn join_default(
    conn: &mut Conn,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let Some(site_id) = default_site(conn).await? else { return Ok(()) };
    diesel::insert_into(site_members::table)
        .values((
            site_members::user_id.eq(user_id),
            site_members::site_id.eq(site_id),
            site_members::added_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(drop)
}

/// Up to `limit` sites, newest first; only those of `member` when given, only `only` when given.
pub(super) async fn list(
    conn: &mut Conn,
    (member, only): (Option<Uuid>, Option<Uuid>),
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<Site>> {
    let mut query = sites::table
        .select(Row::as_select())
        .order((sites::created_at.desc(), sites::site_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(user_id) = member {
        let membership = site_members::table
            .filter(site_members::site_id.eq(sites::site_id))
            .filter(site_members::user_id.eq(user_id));
        query = query.filter(exists(membership));
    }
    if let Some(site_id) = only {
        query = query.filter(sites::site_id.eq(site_id));
    }
    if let Some((at, id)) = after {
        let same_instant = sites::created_at.eq(at).and(sites::site_id.lt(id));
        query = query.filter(sites::created_at.lt(at).or(same_instant));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    Ok(rows.into_iter().map(Site::from).collect())
}
