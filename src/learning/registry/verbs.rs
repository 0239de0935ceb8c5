//! `/api/models/{id}/…`: what is done with a model; who, when and why is written down with it.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, patch, post};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::api::{model_example, settings_example};
use super::checks;
use super::life::{AlertConfig, IgnoreWindow, ModelSettings, Order, WebhookSettings};
use super::model::ModelRecord;
use super::service::Registry;
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Analyst, BadBody, Body, Conflict, NotFound, Params, Path, Problem, Refusals, Require,
};

/// Longest reason.
const REASON_MAX: usize = 500;

/// Registers the operations of this file.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(activate_model)
        .service(deactivate_model)
        .service(shadow_model)
        .service(rollback_model)
        .service(rename_model)
        .service(set_alert_threshold)
        .service(set_webhook)
        .service(set_alert_config)
        .service(set_ignore_windows)
        .service(delete_model);
}

/// Why it is done.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Why {
    /// Why, for the history of the model; up to 500 letters.
    reason: Option<String>,
}

/// Why it is done, and whether scores may be missing.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Activation {
    /// Why, for the history of the model; up to 500 letters.
    reason: Option<String>,
    /// Whether a model that brought no scores may serve all the same.
    #[param(required = false)]
    accept_unproven: bool,
}

/// The order of whoever asks.
fn order<'a>(by: &'a By, reason: Option<&'a str>) -> Result<Order<'a>, Problem> {
    let reason = reason.unwrap_or_default().trim();
    if reason.chars().count() > REASON_MAX {
        return Err(Problem::invalid("reason", format!("it is longer than {REASON_MAX} letters")));
    }
    Ok(Order { by, reason, accepts_unproven: false })
}

/// Let a model serve its series; refused when it is not better than the naive model.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Activation),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/activate")]
async fn activate_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Activation>,
) -> Result<Json<ModelRecord>, Problem> {
    let by = By::of(&who);
    let order = order(&by, query.0.reason.as_deref())?;
    let order = Order { accepts_unproven: query.0.accept_unproven, ..order };
    Ok(Json(registry.activate(*id, order).await?))
}

/// Take a model out of service, or out of the shadow; without a champion the naive model stands in.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/deactivate")]
async fn deactivate_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
) -> Result<Json<ModelRecord>, Problem> {
    let by = By::of(&who);
    Ok(Json(registry.deactivate(*id, order(&by, query.0.reason.as_deref())?).await?))
}

/// Let a model predict beside the champion, to be compared with it.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/shadow")]
async fn shadow_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
) -> Result<Json<ModelRecord>, Problem> {
    let by = By::of(&who);
    Ok(Json(registry.shadow(*id, order(&by, query.0.reason.as_deref())?).await?))
}

/// Bring back the model that served before the one that serves now; answers with it.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model that serves"), Why),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/rollback")]
async fn rollback_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
) -> Result<Json<ModelRecord>, Problem> {
    let by = By::of(&who);
    Ok(Json(registry.rollback(*id, order(&by, query.0.reason.as_deref())?).await?))
}

/// A name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewName {
    /// Letters, digits and `-_.:`, up to 200.
    #[schema(example = "winter-model")]
    name: String,
}

/// Call a model otherwise; its content and history stay, its version is the next of the new name.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    request_body(content = NewName, example = json!({"name": "winter-model"})),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, BadBody, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[patch("/api/models/{id}/rename")]
async fn rename_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
    body: Body<NewName>,
) -> Result<Json<ModelRecord>, Problem> {
    let by = By::of(&who);
    let order = order(&by, query.0.reason.as_deref())?;
    Ok(Json(registry.rename(*id, &body.0.name, order).await?))
}

/// A threshold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Threshold {
    /// For events the probability from which on one is predicted, 0 to 1; for values the value that
    /// alerts are about; `null` for none.
    #[schema(example = 150.0)]
    alert_threshold: Option<f64>,
}

/// Set the threshold of a model.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    request_body(content = Threshold, example = json!({"alert_threshold": 150.0})),
    responses((status = 200, body = ModelSettings, example = json!(settings_example())), Refusals, BadBody, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[patch("/api/models/{id}/alert-threshold")]
async fn set_alert_threshold(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
    body: Body<Threshold>,
) -> Result<Json<ModelSettings>, Problem> {
    let by = By::of(&who);
    let order = order(&by, query.0.reason.as_deref())?;
    let threshold = body.0.alert_threshold;
    let change = |model: &ModelRecord, settings: &mut ModelSettings| {
        checks::threshold(model, settings, threshold)
    };
    Ok(Json(registry.change_settings(*id, "model.alert_threshold", order, change).await?))
}

/// Set where predictions of a model are sent.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    request_body(content = WebhookSettings, example = json!({"enabled": true,
        "webhook_url": "https://n8n.example.ch/webhook/prices", "send_mode": "alerts_only"})),
    responses((status = 200, body = ModelSettings, example = json!(settings_example())), Refusals, BadBody, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[patch("/api/models/{id}/n8n-settings")]
async fn set_webhook(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
    body: Body<WebhookSettings>,
) -> Result<Json<ModelSettings>, Problem> {
    let by = By::of(&who);
    let order = order(&by, query.0.reason.as_deref())?;
    let change =
        |_: &ModelRecord, settings: &mut ModelSettings| checks::webhook(settings, body.0);
    Ok(Json(registry.change_settings(*id, "model.webhook_settings", order, change).await?))
}

/// Set when what a model says is worth an alert.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    request_body(content = AlertConfig, example = json!({"enabled": true, "direction": "above",
        "severity": "warning", "consecutive": 2, "cooldown_minutes": 60})),
    responses((status = 200, body = ModelSettings, example = json!(settings_example())), Refusals, BadBody, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[patch("/api/models/{id}/alert-config")]
async fn set_alert_config(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
    body: Body<AlertConfig>,
) -> Result<Json<ModelSettings>, Problem> {
    let by = By::of(&who);
    let order = order(&by, query.0.reason.as_deref())?;
    let change =
        |_: &ModelRecord, settings: &mut ModelSettings| checks::alert_config(settings, body.0);
    Ok(Json(registry.change_settings(*id, "model.alert_config", order, change).await?))
}

/// Times in which a model is ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IgnoreWindows {
    /// All of them, in place of those that were set before.
    windows: Vec<IgnoreWindow>,
}

/// Set the times in which what a model says leads to nothing.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    request_body(content = IgnoreWindows, example = json!({"windows": [{"from": "2026-03-28T12:00:00Z",
        "to": "2026-03-29T12:00:00Z", "reason": "maintenance of the meter"}]})),
    responses((status = 200, body = ModelSettings, example = json!(settings_example())), Refusals, BadBody, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[patch("/api/models/{id}/ignore-settings")]
async fn set_ignore_windows(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
    body: Body<IgnoreWindows>,
) -> Result<Json<ModelSettings>, Problem> {
    let by = By::of(&who);
    let order = order(&by, query.0.reason.as_deref())?;
    let change = |_: &ModelRecord, settings: &mut ModelSettings| {
        checks::ignore_windows(settings, body.0.windows)
    };
    Ok(Json(registry.change_settings(*id, "model.ignore_settings", order, change).await?))
}

/// Delete a model that neither serves nor stands in the shadow; its scores stay for the record.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Why),
    responses((status = 204, description = "Deleted"), Refusals, NotFound, Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[delete("/api/models/{id}")]
async fn delete_model(
    who: Require<AdminOnly>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    query: Params<Why>,
) -> Result<HttpResponse, Problem> {
    let by = By::of(&who);
    registry.delete(*id, order(&by, query.0.reason.as_deref())?).await?;
    Ok(HttpResponse::NoContent().finish())
}
