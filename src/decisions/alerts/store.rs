//! SQL of the tables `prediction_notices`, `alerts`, `alert_watch` and `webhook_deliveries`.

mod deliveries;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

pub(super) use self::deliveries::{
    NewDelivery, Posted, deliveries, forget_deliveries, note_attempt, posted, put_delivery,
};
use super::model::{Alert, AlertFilter, AlertStatistics, Notice, Status, Suppressed, Watch};
use crate::platform::db::Conn;
use crate::platform::db::schema::alert_watch;
use crate::platform::db::schema::alerts;
use crate::platform::db::schema::prediction_notices;

/// An alert as it is stored.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = alerts)]
pub(super) struct AlertRow {
    pub alert_id: Uuid,
    pub model_id: Uuid,
    pub series: String,
    pub purpose: String,
    pub prediction_id: Uuid,
    pub made_at: DateTime<Utc>,
    pub target_ts: Option<DateTime<Utc>>,
    pub said: f64,
    pub threshold: f64,
    pub direction: String,
    pub severity: String,
    pub consecutive: i32,
    pub status: String,
    pub actual: Option<f64>,
    pub created_at: DateTime<Utc>,
    pub looked_at: Option<DateTime<Utc>>,
    pub evaluated_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
}

/// Models of which something was said that nobody has looked at, up to `limit`.
pub(super) async fn waiting_models(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Uuid>> {
    prediction_notices::table
        .select(prediction_notices::model_id)
        .distinct()
        .limit(limit)
        .load(conn)
        .await
}

/// Where the watch over a model stands; held until the transaction ends, so that processes take turns.
pub(super) async fn hold_watch(conn: &mut Conn, model_id: Uuid) -> QueryResult<Watch> {
    diesel::insert_into(alert_watch::table)
        .values(alert_watch::model_id.eq(model_id))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let (streak, last_alert_at) = alert_watch::table
        .find(model_id)
        .select((alert_watch::streak, alert_watch::last_alert_at))
        .for_update()
        .first(conn)
        .await?;
    Ok(Watch { streak, last_alert_at })
}

/// Notes where the watch stands now, and adds what it looked at and kept silent about.
pub(super) async fn put_watch(
    conn: &mut Conn,
    model_id: Uuid,
    watch: &Watch,
    judged: usize,
    silent: Suppressed,
) -> QueryResult<usize> {
    let judged = i64::try_from(judged).unwrap_or(i64::MAX);
    diesel::update(alert_watch::table.find(model_id))
        .set((
            alert_watch::streak.eq(watch.streak),
            alert_watch::last_alert_at.eq(watch.last_alert_at),
            alert_watch::judged.eq(alert_watch::judged + judged),
            alert_watch::ignored.eq(alert_watch::ignored + silent.ignored),
            alert_watch::cooling_down.eq(alert_watch::cooling_down + silent.cooling_down),
            alert_watch::repeated.eq(alert_watch::repeated + silent.repeated),
            alert_watch::outdated.eq(alert_watch::outdated + silent.outdated),
        ))
        .execute(conn)
        .await
}

type NoticeColumns =
    (Uuid, DateTime<Utc>, Option<DateTime<Utc>>, Option<f64>, Option<f64>, Option<f64>);

/// What a model said and nobody has looked at yet, in the order of time, up to `limit`.
pub(super) async fn notices(
    conn: &mut Conn,
    model_id: Uuid,
    limit: i64,
) -> QueryResult<Vec<Notice>> {
    let rows: Vec<NoticeColumns> = prediction_notices::table
        .filter(prediction_notices::model_id.eq(model_id))
        .order((
            prediction_notices::made_at,
            prediction_notices::target_ts,
            prediction_notices::prediction_id,
        ))
        .limit(limit)
        .select((
            prediction_notices::prediction_id,
            prediction_notices::made_at,
            prediction_notices::target_ts,
            prediction_notices::value,
            prediction_notices::probability,
            prediction_notices::threshold,
        ))
        .load(conn)
        .await?;
    let notice = |row: NoticeColumns| {
        let (prediction_id, made_at, target_ts, value, probability, threshold) = row;
        let said = value.or(probability).unwrap_or_default();
        Notice { prediction_id, made_at, target_ts, said, threshold }
    };
    Ok(rows.into_iter().map(notice).collect())
}

/// Removes notices that were looked at.
pub(super) async fn remove_notices(conn: &mut Conn, ids: &[Uuid]) -> QueryResult<usize> {
    let done = prediction_notices::table.filter(prediction_notices::prediction_id.eq_any(ids));
    diesel::delete(done).execute(conn).await
}

/// Stores alerts; answers those that are new, since one period is told once.
pub(super) async fn insert(conn: &mut Conn, rows: &[AlertRow]) -> QueryResult<Vec<Uuid>> {
    diesel::insert_into(alerts::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(alerts::prediction_id)
        .get_results(conn)
        .await
}

/// Alerts that fit `filter`, newest first, after the position `before`.
pub(super) async fn list(
    conn: &mut Conn,
    filter: &AlertFilter,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<Alert>> {
    let mut query = alerts::table.select(AlertRow::as_select()).into_boxed();
    if let Some(model_id) = filter.model_id {
        query = query.filter(alerts::model_id.eq(model_id));
    }
    if let Some(series) = &filter.series {
        query = query.filter(alerts::series.eq(series.clone()));
    }
    if let Some(status) = filter.status {
        query = query.filter(alerts::status.eq(status.name()));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            alerts::created_at.lt(at).or(alerts::created_at.eq(at).and(alerts::alert_id.lt(id))),
        );
    }
    let rows: Vec<AlertRow> = query
        .order((alerts::created_at.desc(), alerts::alert_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Alert::from).collect())
}

/// Alerts whose time has come, those first that were looked at longest ago; kept until the
/// transaction ends, those that another process keeps are left to it.
pub(super) async fn due(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<AlertRow>> {
    alerts::table
        .filter(alerts::status.eq(Status::Pending.name()))
        .filter(alerts::target_ts.le(now).or(alerts::expires_at.le(now)))
        .order((alerts::looked_at.asc().nulls_first(), alerts::created_at))
        .limit(limit)
        .select(AlertRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
        .await
}

/// Ends an alert, or notes that it was looked at and waits on.
pub(super) async fn decide(
    conn: &mut Conn,
    alert_id: Uuid,
    (status, actual): (Status, Option<f64>),
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let ended = (status != Status::Pending).then_some(now);
    diesel::update(alerts::table.find(alert_id))
        .set((
            alerts::status.eq(status.name()),
            alerts::actual.eq(actual),
            alerts::looked_at.eq(now),
            alerts::evaluated_at.eq(ended),
        ))
        .execute(conn)
        .await
}

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    success: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    expired: i64,
    #[diesel(sql_type = BigInt)]
    judged: i64,
    #[diesel(sql_type = BigInt)]
    ignored: i64,
    #[diesel(sql_type = BigInt)]
    cooling_down: i64,
    #[diesel(sql_type = BigInt)]
    repeated: i64,
    #[diesel(sql_type = BigInt)]
    outdated: i64,
}

/// What the watch came to, over one model or all.
pub(super) async fn statistics(
    conn: &mut Conn,
    model_id: Option<Uuid>,
) -> QueryResult<AlertStatistics> {
    let row: Counts = diesel::sql_query(
        "SELECT a.*, w.* FROM (
             SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
                 count(*) FILTER (WHERE status = 'success') AS success,
                 count(*) FILTER (WHERE status = 'failed') AS failed,
                 count(*) FILTER (WHERE status = 'expired') AS expired
             FROM alerts WHERE $1 IS NULL OR model_id = $1
         ) AS a, (
             SELECT coalesce(sum(judged), 0)::bigint AS judged,
                 coalesce(sum(ignored), 0)::bigint AS ignored,
                 coalesce(sum(cooling_down), 0)::bigint AS cooling_down,
                 coalesce(sum(repeated), 0)::bigint AS repeated,
                 coalesce(sum(outdated), 0)::bigint AS outdated
             FROM alert_watch WHERE $1 IS NULL OR model_id = $1
         ) AS w",
    )
    .bind::<Nullable<SqlUuid>, _>(model_id)
    .get_result(conn)
    .await?;
    let decided = row.success + row.failed;
    Ok(AlertStatistics {
        total: row.pending + row.success + row.failed + row.expired,
        pending: row.pending,
        success: row.success,
        failed: row.failed,
        expired: row.expired,
        precision: (decided > 0).then(|| row.success as f64 / decided as f64),
        judged: row.judged,
        suppressed: Suppressed {
            ignored: row.ignored,
            cooling_down: row.cooling_down,
            repeated: row.repeated,
            outdated: row.outdated,
        },
    })
}

/// Predictions made before an instant that an alert rests on.
pub(super) async fn rest_on(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<Vec<Uuid>> {
    alerts::table
        .filter(alerts::made_at.lt(before))
        .select(alerts::prediction_id)
        .distinct()
        .load(conn)
        .await
}

/// How much nobody has looked at yet.
#[cfg(test)]
pub(super) async fn count_notices(conn: &mut Conn) -> QueryResult<i64> {
    prediction_notices::table.count().get_result(conn).await
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        Self {
            alert_id: row.alert_id,
            model_id: row.model_id,
            series: row.series,
            purpose: row.purpose,
            prediction_id: row.prediction_id,
            made_at: row.made_at,
            target_ts: row.target_ts,
            said: row.said,
            threshold: row.threshold,
            direction: row.direction,
            severity: row.severity,
            consecutive: row.consecutive,
            status: Status::parse(&row.status),
            actual: row.actual,
            created_at: row.created_at,
            evaluated_at: row.evaluated_at,
        }
    }
}
