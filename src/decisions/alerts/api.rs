//! `/api/alerts` and `/api/webhooks/deliveries`.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::model::{
    Alert, AlertFilter, AlertStatistics, Delivery, DeliveryState, Status as AlertStatus,
};
use super::service::{Alerts, AlertsError};
use crate::platform::web::{Cursor, Limit, Page, Params, Problem, Refusals, Require, Viewer};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_alerts).service(get_alert_statistics).service(list_deliveries);
}

/// Which alerts to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// Only those of this model.
    model_id: Option<Uuid>,
    /// Only those about this series.
    series: Option<String>,
    /// Only those that stand there.
    #[param(value_type = Option<AlertStatus>, inline)]
    status: Option<AlertStatus>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Alerts, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct AlertList {
    /// The alerts.
    alerts: Vec<Alert>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List alerts, newest first, with whether they came true.
#[utoipa::path(tag = "alerts", params(AlertQuery), responses((status = 200, body = AlertList,
    example = json!({"alerts": [alert_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/alerts")]
async fn list_alerts(
    _: Require<Viewer>,
    alerts: Data<Alerts>,
    query: Params<AlertQuery>,
) -> Result<Json<AlertList>, Problem> {
    let AlertQuery { model_id, series, status, limit, cursor } = query.0;
    let page = Page { limit, cursor };
    let filter = AlertFilter { model_id, series, status };
    let rows = alerts.list(&filter, page.position()?, page.fetch_limit()).await?;
    let (alerts, next_cursor) =
        page.cut(rows, |alert| Cursor::new(alert.created_at, alert.alert_id));
    Ok(Json(AlertList { alerts, next_cursor }))
}

/// Over which model to count.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatisticsQuery {
    /// Only this model; all unless said.
    model_id: Option<Uuid>,
}

/// Get how many alerts came true, and what was kept silent about.
#[utoipa::path(tag = "alerts", params(StatisticsQuery), responses((status = 200, body = AlertStatistics,
    example = json!({"total": 12, "pending": 2, "success": 7, "failed": 2, "expired": 1,
        "precision": 0.777, "judged": 4_800,
        "suppressed": {"ignored": 0, "cooling_down": 31, "repeated": 4, "outdated": 0}})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/alerts/statistics")]
async fn get_alert_statistics(
    _: Require<Viewer>,
    alerts: Data<Alerts>,
    query: Params<StatisticsQuery>,
) -> Result<Json<AlertStatistics>, Problem> {
    Ok(Json(alerts.statistics(query.0.model_id).await?))
}

/// Which messages to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryQuery {
    /// Only those of this model.
    model_id: Option<Uuid>,
    /// Only those that are there.
    #[param(value_type = Option<DeliveryState>, inline)]
    state: Option<DeliveryState>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Messages, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryList {
    /// The messages.
    deliveries: Vec<Delivery>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List messages to webhooks, newest first, with what became of them.
#[utoipa::path(tag = "alerts", params(DeliveryQuery), responses((status = 200, body = DeliveryList,
    example = json!({"deliveries": [delivery_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/webhooks/deliveries")]
async fn list_deliveries(
    _: Require<Viewer>,
    alerts: Data<Alerts>,
    query: Params<DeliveryQuery>,
) -> Result<Json<DeliveryList>, Problem> {
    let DeliveryQuery { model_id, state, limit, cursor } = query.0;
    let page = Page { limit, cursor };
    let rows = alerts.deliveries((model_id, state), page.position()?, page.fetch_limit()).await?;
    let (deliveries, next_cursor) =
        page.cut(rows, |delivery| Cursor::new(delivery.created_at, delivery.delivery_id));
    Ok(Json(DeliveryList { deliveries, next_cursor }))
}

fn alert_example() -> serde_json::Value {
    json!({
        "alert_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b91",
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "series": "price:CH:day_ahead",
        "purpose": "value", "prediction_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b81",
        "made_at": "2026-03-28T12:00:00Z", "target_ts": "2026-03-30T17:00:00Z", "said": 163.2,
        "threshold": 150.0, "direction": "above", "severity": "warning", "consecutive": 2,
        "status": "success", "actual": 158.4, "created_at": "2026-03-28T12:00:01Z",
        "evaluated_at": "2026-03-30T17:00:30Z",
    })
}

fn delivery_example() -> serde_json::Value {
    json!({
        "delivery_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b92",
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "host": "n8n.example.ch",
        "predictions": 1, "alerts": 1, "state": "delivered", "attempts": 1, "last_status": 200,
        "last_error": null, "created_at": "2026-03-28T12:00:01Z",
        "attempted_at": "2026-03-28T12:00:02Z",
    })
}

impl From<AlertsError> for Problem {
    fn from(error: AlertsError) -> Self {
        match error {
            AlertsError::Registry(error) => error.into(),
            AlertsError::Predictions(error) => error.into(),
            AlertsError::Jobs(error) => error.into(),
            AlertsError::Db(error) => error.into(),
        }
    }
}
