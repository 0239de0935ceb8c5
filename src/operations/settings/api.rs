//! HTTP of settings, for admins.

use actix_web::web::{Data, Json};
use actix_web::{delete, get, put};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::Setting;
use super::service::{SettingsError, StoredSettings};
use crate::platform::web::{
    AdminOnly, BadBody, Body, Conflict, NotFound, Path, Problem, Refusals, Require,
};

/// Every setting.
#[derive(Debug, Serialize, ToSchema)]
struct SettingList {
    /// In the order of `config/luna.toml`.
    settings: Vec<Setting>,
}

/// What to store.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewValue {
    /// The value, of the type that `default` has; `null` where a setting may be absent.
    #[schema(value_type = Value)]
    #[serde(deserialize_with = "any")]
    value: Value,
}

/// Any value counts as given, `null` too; an absent one does not.
fn any<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
}

/// Every setting with its value, default and origin
///
/// Flags win over the environment, it over `.env`, that over what is stored here, that over files.
#[utoipa::path(tag = "settings", security(("bearer" = ["admin"]), ("cookie" = ["admin"])),
    responses((status = 200, description = "Every setting; secrets are masked", body = SettingList,
        example = json!({"settings": [setting_example()]})), Refusals))]
#[get("/api/settings")]
async fn list_settings(
    _: Require<AdminOnly>,
    settings: Data<StoredSettings>,
) -> Result<Json<SettingList>, Problem> {
    Ok(Json(SettingList { settings: settings.list().await? }))
}

/// Change a setting
///
/// The answer says when it takes effect, and by `origin` whether something stronger stands against it.
#[utoipa::path(tag = "settings", security(("bearer" = ["admin"]), ("cookie" = ["admin"])),
    params(("key" = String, Path, description = "The setting", example = "accounts.registration")),
    request_body(content = NewValue, example = json!({"value": "open"})),
    responses((status = 200, description = "It is stored", body = Setting,
        example = json!(setting_example())), NotFound, Conflict, BadBody, Refusals))]
#[put("/api/settings/{key}")]
async fn set_setting(
    who: Require<AdminOnly>,
    settings: Data<StoredSettings>,
    key: Path<String>,
    body: Body<NewValue>,
) -> Result<Json<Setting>, Problem> {
    Ok(Json(settings.set(&key, body.0.value, &who).await?))
}

/// Take a change of a setting back
///
/// What files and defaults say holds again. Nothing happens when nothing was stored.
#[utoipa::path(tag = "settings", security(("bearer" = ["admin"]), ("cookie" = ["admin"])),
    params(("key" = String, Path, description = "The setting", example = "accounts.registration")),
    responses((status = 200, description = "The setting without the change", body = Setting,
        example = json!(default_example())), NotFound, Conflict, Refusals))]
#[delete("/api/settings/{key}")]
async fn take_setting_back(
    who: Require<AdminOnly>,
    settings: Data<StoredSettings>,
    key: Path<String>,
) -> Result<Json<Setting>, Problem> {
    Ok(Json(settings.take_back(&key, &who).await?))
}

/// Registers the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_settings).service(set_setting).service(take_setting_back);
}

fn default_example() -> Value {
    json!({"key": "accounts.registration", "value": "closed", "default": "closed",
        "origin": "default", "applies": "at_once", "stored": null,
        "description": "Whether people may register by themselves once somebody is admin: closed or open."})
}

fn setting_example() -> Value {
    let mut example = default_example();
    example["value"] = json!("open");
    example["origin"] = json!("database");
    example["stored"] = json!({"value": "open", "changed_at": "2026-03-29T08:02:00Z",
        "changed_by": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d"});
    example
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Unknown(_) => Self::not_found(&error),
            SettingsError::Elsewhere(_) => Self::conflict(&error).with_field("key", &error),
            SettingsError::Mistakes(mut mistakes) => {
                let first = if mistakes.is_empty() { String::new() } else { mistakes.remove(0) };
                let add = |problem: Self, mistake| problem.with_field("value", mistake);
                mistakes.into_iter().fold(Self::invalid("value", first), add)
            }
            SettingsError::Database(error) => error.into(),
        }
    }
}
