//! What champions said becomes alerts and messages; what came true ends the alerts.

use chrono::{DateTime, Duration, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::jobs::DeliverJob;
use super::judge::{Finding, came_true, judge};
use super::model::{
    Alert, AlertFilter, AlertStatistics, Delivery, DeliveryState, Status, Suppressed,
};
use super::settings::Settings;
use super::store::{self, AlertRow, NewDelivery};
use crate::base::timeline::Clock;
use crate::learning::registry::Direction;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::ModelSettings;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::learning::registry::SendMode;
use crate::learning::registry::Severity;
use crate::learning::serving::PredictError;
use crate::learning::serving::Predictor;
use crate::platform::db::Conn;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::jobs::Jobs;
use crate::platform::jobs::JobsError;
use crate::platform::jobs::NewJob;
use crate::platform::runtime::Live;

/// Most predictions of one model that one transaction looks at.
const NOTICES_MAX: i64 = 500;
/// Most models that one look is about.
const MODELS_MAX: i64 = 100;
/// Most alerts that one look decides about.
const DUE_MAX: i64 = 100;
/// Most predictions in one message, so that it stays below 20 KB.
const MESSAGE_MAX: usize = 50;
/// Attempts at a message, over about an hour and a half.
const ATTEMPTS_MAX: u16 = 12;

/// Why alerts were not looked at.
#[derive(Debug, thiserror::Error)]
pub enum AlertsError {
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What came true could not be read.
    #[error(transparent)]
    Predictions(#[from] PredictError),
    /// A message could not be enqueued.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for AlertsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Alerts of models. Cloning is cheap.
#[derive(Clone)]
pub struct Alerts {
    db: Db,
    registry: Registry,
    predictor: Predictor,
    jobs: Jobs,
    clock: Clock,
    settings: Live<Settings>,
    woken: watch::Sender<()>,
}

/// What one transaction came to.
#[derive(Debug, Default)]
struct Raised {
    looked_at: usize,
    alerts: Vec<AlertRow>,
    messages: usize,
    silent: Suppressed,
}

impl Alerts {
    /// Alerts of the models in `registry`.
    pub fn new(
        db: Db,
        (registry, predictor): (Registry, Predictor),
        jobs: Jobs,
        clock: Clock,
        settings: impl Into<Live<Settings>>,
    ) -> Self {
        let (settings, woken) = (settings.into(), watch::Sender::new(()));
        Self { db, registry, predictor, jobs, clock, settings, woken }
    }

    /// Lets the watch look now: something was said, here or elsewhere.
    pub fn wake(&self) {
        self.woken.send_replace(());
    }

    pub(super) fn wakes(&self) -> watch::Receiver<()> {
        self.woken.subscribe()
    }

    /// Looks at everything that was said and nobody has looked at; answers how much that was.
    pub async fn look(&self) -> Result<usize, AlertsError> {
        let mut looked_at = 0;
        loop {
            let models = store::waiting_models(&mut *self.db.conn().await?, MODELS_MAX).await?;
            let mut of_round = 0;
            for model_id in models {
                of_round += self.look_at(model_id).await?;
            }
            if of_round == 0 {
                return Ok(looked_at);
            }
            looked_at += of_round;
        }
    }

    /// What a model said, in one transaction with all that follows from it.
    async fn look_at(&self, model_id: Uuid) -> Result<usize, AlertsError> {
        let settings = self.registry.settings(model_id).await;
        // A model that was deleted has nothing to tell any more.
        let known = match settings {
            Ok(settings) => Some((self.registry.get(model_id).await?, settings)),
            Err(RegistryError::Unknown(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let mut conn = self.db.conn().await?;
        let raised = conn
            .transaction(async |conn| {
                let mut watch = store::hold_watch(conn, model_id).await?;
                let notices = store::notices(conn, model_id, NOTICES_MAX).await?;
                let ids: Vec<Uuid> = notices.iter().map(|it| it.prediction_id).collect();
                let mut raised = Raised { looked_at: ids.len(), ..Raised::default() };
                if let Some((model, settings)) = &known {
                    let is_event = model.event.is_some();
                    let (findings, silent) = judge(settings, is_event, notices, &mut watch);
                    raised.silent = silent;
                    self.raise(conn, (model, settings), &findings, &mut raised).await?;
                    store::put_watch(conn, model_id, &watch, ids.len(), raised.silent).await?;
                }
                store::remove_notices(conn, &ids).await?;
                Ok::<_, AlertsError>(raised)
            })
            .await?;
        drop(conn);
        self.tell(known.as_ref().map(|(model, _)| model), &raised);
        Ok(raised.looked_at)
    }

    /// Writes alerts and the messages about them; the caller holds the transaction.
    async fn raise(
        &self,
        conn: &mut Conn,
        (model, settings): (&ModelRecord, &ModelSettings),
        findings: &[Finding],
        raised: &mut Raised,
    ) -> Result<(), AlertsError> {
        let now = self.clock.now();
        let expiry = Duration::days(self.settings.get().expire_after_days.into());
        let rows: Vec<AlertRow> = findings
            .iter()
            .filter_map(|finding| Some((finding, finding.alert?)))
            .map(|(finding, threshold)| alert((model, settings), finding, threshold, (now, expiry)))
            .collect();
        let new = if rows.is_empty() { Vec::new() } else { store::insert(conn, &rows).await? };
        raised.silent.repeated += i64::try_from(rows.len() - new.len()).unwrap_or(0);
        raised.alerts = rows.into_iter().filter(|it| new.contains(&it.prediction_id)).collect();
        let hook = &settings.webhook;
        let own = self.settings.get().webhook_url.clone();
        let Some(url) = hook.webhook_url.clone().or(own).filter(|_| hook.enabled) else {
            return Ok(());
        };
        let is_alert = |it: &&Finding| new.contains(&it.notice.prediction_id);
        let told: Vec<&Finding> =
            findings.iter().filter(|it| it.goes_to(hook.send_mode, is_alert(it))).collect();
        for part in told.chunks(MESSAGE_MAX) {
            let delivery_id = Uuid::now_v7();
            let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
            let delivery = NewDelivery {
                delivery_id,
                model_id: model.model_id,
                url: url.clone(),
                body: message(model, hook.send_mode, part, &raised.alerts, now),
                predictions: count(part.len()),
                alerts: count(part.iter().filter(|it| is_alert(it)).count()),
                created_at: now,
            };
            store::put_delivery(conn, &delivery).await?;
            let job = NewJob::new(DeliverJob::NAME).slot(delivery_id.to_string());
            let job = NewJob { attempts_max: ATTEMPTS_MAX, ..job };
            let job = job.payload(json!({ "delivery_id": delivery_id }));
            self.jobs.enqueue_on(conn, &job).await?;
            raised.messages += 1;
        }
        Ok(())
    }

    /// Counts and says what was committed.
    fn tell(&self, model: Option<&ModelRecord>, raised: &Raised) {
        if raised.messages > 0 {
            self.jobs.wake();
        }
        for (reason, count) in [
            ("ignored", raised.silent.ignored),
            ("cooling_down", raised.silent.cooling_down),
            ("repeated", raised.silent.repeated),
            ("outdated", raised.silent.outdated),
        ] {
            let count = u64::try_from(count).unwrap_or(0);
            metrics::counter!("luna_alerts_suppressed_total", "reason" => reason).increment(count);
        }
        let Some(model) = model else { return };
        for alert in &raised.alerts {
            metrics::counter!("ml_alerts_triggered_total").increment(1);
            let (label, AlertRow { series, said, direction, threshold, .. }) =
                (model.label(), alert);
            tracing::warn!(
                model = %label, %series, said, threshold,
                "{label} says {said} for {series}, which is {direction} {threshold}"
            );
        }
    }

    /// Ends alerts whose time has come: those of which it is known what came, and those of which
    /// nobody will tell any more. Answers how many ended.
    pub async fn evaluate(&self) -> Result<usize, AlertsError> {
        let mut ended = 0;
        loop {
            let (looked_at, of_round) = self.evaluate_some().await?;
            ended += of_round;
            // Those that wait on come first the next time only after all the others.
            if looked_at < DUE_MAX || of_round == 0 {
                return Ok(ended);
            }
        }
    }

    async fn evaluate_some(&self) -> Result<(i64, usize), AlertsError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let decided = conn
            .transaction(async |conn| {
                let due = store::due(conn, now, DUE_MAX).await?;
                let about: Vec<(Uuid, DateTime<Utc>)> =
                    due.iter().map(|it| (it.prediction_id, it.made_at)).collect();
                let truths = self.predictor.truths(conn, &about).await?;
                let mut decided = Vec::with_capacity(due.len());
                for alert in &due {
                    let actual = truths.get(&alert.prediction_id).copied();
                    let status = verdict(alert, actual, now);
                    let actual = actual.filter(|_| status != Status::Pending);
                    store::decide(conn, alert.alert_id, (status, actual), now).await?;
                    decided.push(status);
                }
                Ok::<_, AlertsError>(decided)
            })
            .await?;
        for status in &decided {
            if *status != Status::Pending {
                metrics::counter!("luna_alerts_evaluated_total", "status" => status.name())
                    .increment(1);
            }
        }
        let ended = decided.iter().filter(|it| **it != Status::Pending).count();
        Ok((i64::try_from(decided.len()).unwrap_or(i64::MAX), ended))
    }

    /// Up to `limit` alerts, newest first, after the position `before`.
    pub async fn list(
        &self,
        filter: &AlertFilter,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Alert>, AlertsError> {
        Ok(store::list(&mut *self.db.conn().await?, filter, before, limit).await?)
    }

    /// What the watch came to, over one model or all.
    pub async fn statistics(&self, model: Option<Uuid>) -> Result<AlertStatistics, AlertsError> {
        Ok(store::statistics(&mut *self.db.conn().await?, model).await?)
    }

    /// Up to `limit` messages, newest first, after the position `before`.
    pub async fn deliveries(
        &self,
        which: (Option<Uuid>, Option<DeliveryState>),
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Delivery>, AlertsError> {
        Ok(store::deliveries(&mut *self.db.conn().await?, which, before, limit).await?)
    }

    /// Predictions made before an instant that an alert rests on.
    pub async fn rest_on(&self, before: DateTime<Utc>) -> Result<Vec<Uuid>, AlertsError> {
        Ok(store::rest_on(&mut *self.db.conn().await?, before).await?)
    }

    /// Removes messages that ended before an instant, or only counts them.
    pub async fn forget_deliveries(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<usize, AlertsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget_deliveries(&mut conn, before, dry_run).await?)
    }

    /// How much nobody has looked at yet.
    #[cfg(test)]
    pub(super) async fn waiting(&self) -> i64 {
        store::count_notices(&mut self.db.conn().await.unwrap()).await.unwrap()
    }
}

fn alert(
    (model, settings): (&ModelRecord, &ModelSettings),
    finding: &Finding,
    threshold: f64,
    (now, expiry): (DateTime<Utc>, Duration),
) -> AlertRow {
    let (notice, config) = (&finding.notice, &settings.alert_config);
    let severity = match config.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    AlertRow {
        alert_id: Uuid::now_v7(),
        model_id: model.model_id,
        series: model.target_variable.clone(),
        purpose: model.purpose(),
        prediction_id: notice.prediction_id,
        made_at: notice.made_at,
        target_ts: notice.target_ts,
        said: notice.said,
        threshold,
        direction: side(config.direction).to_owned(),
        severity: severity.to_owned(),
        consecutive: config.consecutive.into(),
        status: Status::Pending.name().to_owned(),
        actual: None,
        created_at: now,
        looked_at: None,
        evaluated_at: None,
        expires_at: notice.target_ts.unwrap_or(notice.made_at).max(now) + expiry,
    }
}

const fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::Above => "above",
        Direction::Below => "below",
    }
}

/// How an alert stands, given what came, if that is known.
fn verdict(alert: &AlertRow, actual: Option<f64>, now: DateTime<Utc>) -> Status {
    let direction = if alert.direction == "below" { Direction::Below } else { Direction::Above };
    let is_event = alert.purpose != "value";
    match actual {
        Some(actual) if came_true(direction, is_event, alert.threshold, actual) => Status::Success,
        Some(_) => Status::Failed,
        None if alert.expires_at <= now => Status::Expired,
        None => Status::Pending,
    }
}

/// What a webhook gets.
fn message(
    model: &ModelRecord,
    mode: SendMode,
    told: &[&Finding],
    alerts: &[AlertRow],
    now: DateTime<Utc>,
) -> String {
    let is_event = model.event.is_some();
    let of = |finding: &&Finding| {
        let notice = &finding.notice;
        let alert = alerts.iter().find(|it| it.prediction_id == notice.prediction_id);
        let mut told = json!({
            "prediction_id": notice.prediction_id,
            "made_at": notice.made_at,
            "target_ts": notice.target_ts,
            "alert_id": alert.map(|it| it.alert_id),
        });
        if is_event {
            told["probability"] = json!(notice.said);
            told["prediction"] = json!(u8::from(notice.said >= notice.threshold.unwrap_or(0.5)));
        } else {
            told["value"] = json!(notice.said);
        }
        if let Some(alert) = alert {
            told["threshold"] = json!(alert.threshold);
            told["direction"] = json!(alert.direction);
            told["severity"] = json!(alert.severity);
        }
        told
    };
    json!({
        "type": if mode == SendMode::AlertsOnly { "model.alert" } else { "model.predictions" },
        "timestamp": now,
        "data": {
            "model_id": model.model_id,
            "model": model.label(),
            "series": model.target_variable,
            "purpose": model.purpose(),
            "predictions": told.iter().map(of).collect::<Vec<_>>(),
        },
    })
    .to_string()
}
