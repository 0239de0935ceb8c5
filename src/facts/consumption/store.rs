//! SQL of the table `consumption_totals`.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Month, NewTotal};
use crate::platform::db::Conn;
use crate::platform::db::schema::consumption_totals;

/// Months that are listed at most: more than there are since the first.
const LISTED_MAX: i64 = 1_200;

/// A stored total.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = consumption_totals, check_for_backend(diesel::pg::Pg))]
pub(super) struct Row {
    pub month: NaiveDate,
    pub consumption_kwh: f64,
    pub production_kwh: Option<f64>,
    pub entered_at: DateTime<Utc>,
}

/// The total of a month, held until the transaction ends.
pub(super) async fn held(
    conn: &mut Conn,
    meter_id: &str,
    month: Month,
) -> QueryResult<Option<Row>> {
    consumption_totals::table
        .find((meter_id, month.first_day()))
        .select(Row::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Writes a total down in place of the one that is there.
pub(super) async fn put(
    conn: &mut Conn,
    total: &NewTotal,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let values = (
        consumption_totals::consumption_kwh.eq(total.consumption_kwh),
        consumption_totals::production_kwh.eq(total.production_kwh),
        consumption_totals::entered_by.eq(user_id),
        consumption_totals::entered_at.eq(now),
    );
    diesel::insert_into(consumption_totals::table)
        .values((
            consumption_totals::meter_id.eq(&total.meter_id),
            consumption_totals::month.eq(total.month.first_day()),
            values,
        ))
        .on_conflict((consumption_totals::meter_id, consumption_totals::month))
        .do_update()
        .set(values)
        .execute(conn)
        .await
        .map(drop)
}

/// The totals of a meter, newest month first.
pub(super) async fn list(conn: &mut Conn, meter_id: &str) -> QueryResult<Vec<Row>> {
    consumption_totals::table
        .filter(consumption_totals::meter_id.eq(meter_id))
        .order(consumption_totals::month.desc())
        .limit(LISTED_MAX)
        .select(Row::as_select())
        .load(conn)
        .await
}

/// Takes a total back.
pub(super) async fn delete(conn: &mut Conn, meter_id: &str, month: Month) -> QueryResult<()> {
    diesel::delete(consumption_totals::table.find((meter_id, month.first_day())))
        .execute(conn)
        .await
        .map(drop)
}
