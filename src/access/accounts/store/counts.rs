//! SQL of counted attempts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::access::accounts::throttle::{Count, Subject};
use crate::platform::db::Conn;
use crate::platform::db::schema::login_counts;

type Row = (Vec<u8>, i32, DateTime<Utc>, Option<DateTime<Utc>>);

/// The counts of `subjects`, held until the caller's transaction ends.
pub(in crate::access::accounts) async fn hold<const N: usize>(
    conn: &mut Conn,
    subjects: [Subject; N],
    now: DateTime<Utc>,
) -> QueryResult<[Count; N]> {
    // In one order for everybody: two attempts must not wait for each other in a circle.
    let mut in_order = subjects;
    in_order.sort_unstable();
    let new: Vec<_> = in_order
        .iter()
        .map(|subject| {
            (login_counts::subject.eq(subject.as_slice()), login_counts::last_failed_at.eq(now))
        })
        .collect();
    diesel::insert_into(login_counts::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let rows: Vec<Row> = login_counts::table
        .filter(login_counts::subject.eq_any(in_order.iter().map(<[u8; 32]>::as_slice)))
        .order(login_counts::subject)
        .for_update()
        .load(conn)
        .await?;
    Ok(subjects.map(|subject| {
        let row = rows.iter().find(|(of, ..)| *of == subject);
        row.map_or(
            Count { failures: 0, last_failed_at: now, succeeded_at: None },
            |(_, failures, last_failed_at, succeeded_at)| Count {
                failures: failures.unsigned_abs(),
                last_failed_at: *last_failed_at,
                succeeded_at: *succeeded_at,
            },
        )
    }))
}

/// Notes a failure.
pub(in crate::access::accounts) async fn set(
    conn: &mut Conn,
    subject: &Subject,
    failures: u32,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let failures = i32::try_from(failures).unwrap_or(i32::MAX);
    diesel::update(login_counts::table.find(subject.as_slice()))
        .set((login_counts::failures.eq(failures), login_counts::last_failed_at.eq(now)))
        .execute(conn)
        .await
        .map(drop)
}

/// Starts anew: the password was right.
pub(in crate::access::accounts) async fn succeed(
    conn: &mut Conn,
    subject: &Subject,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(login_counts::table.find(subject.as_slice()))
        .set((login_counts::failures.eq(0), login_counts::succeeded_at.eq(now)))
        .execute(conn)
        .await
        .map(drop)
}

/// Takes one failure back.
pub(in crate::access::accounts) async fn take_back(
    conn: &mut Conn,
    subject: &Subject,
) -> QueryResult<()> {
    diesel::update(login_counts::table.find(subject.as_slice()))
        .filter(login_counts::failures.gt(0))
        .set(login_counts::failures.eq(login_counts::failures - 1))
        .execute(conn)
        .await
        .map(drop)
}

/// Removes what failed and succeeded long ago; returns how many.
pub(in crate::access::accounts) async fn remove(
    conn: &mut Conn,
    failed_before: DateTime<Utc>,
    succeeded_before: DateTime<Utc>,
) -> QueryResult<usize> {
    let unknown = login_counts::succeeded_at
        .is_null()
        .or(login_counts::succeeded_at.lt(succeeded_before).assume_not_null());
    diesel::delete(login_counts::table)
        .filter(login_counts::last_failed_at.lt(failed_before))
        .filter(unknown)
        .execute(conn)
        .await
}
