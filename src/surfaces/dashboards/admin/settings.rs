//! `/admin/settings`: every setting with its value and origin; changes that can be made here.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::desk::{Answer, Choice, Desk, Place};
use super::jobs::Empty;
use super::said::Said;
use crate::operations::settings::{Applies, Setting, SettingsError, StoredSettings};
use crate::platform::web::{AdminOnly, Form, Path, Principal, Problem, Require};
use crate::surfaces::dashboards::format::Format;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_settings).service(get_setting).service(set_setting).service(reset_setting);
}

#[derive(Debug, Serialize)]
struct SettingsView {
    sections: Vec<Section>,
}

#[derive(Debug, Serialize)]
struct Section {
    name: String,
    rows: Vec<Row>,
}

/// A setting in words.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    href: String,
    description: String,
    value: String,
    default: String,
    origin: String,
    applies: &'static str,
    /// When a change acts, as a sentence.
    advice: &'static str,
    is_changed: bool,
    is_editable: bool,
    /// Whether something stronger stands against what is stored here.
    overruled: bool,
}

#[derive(Debug, Serialize)]
struct SettingView {
    row: Row,
    /// `choice`, `number`, `lines` or `text`.
    kind: &'static str,
    typed: String,
    choices: Vec<Choice>,
    errors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct NewValue {
    value: String,
}

impl Row {
    fn of(setting: &Setting, format: &Format) -> Self {
        let origin = match setting.origin.as_str() {
            "default" => format.text("adm_origin_default").to_owned(),
            "database" => format.text("adm_origin_database").to_owned(),
            elsewhere => elsewhere.to_owned(),
        };
        Self {
            href: format!("{}/{}", Place::Settings.path(), setting.key),
            description: setting.description.clone(),
            value: shown(&setting.value, format),
            default: shown(&setting.default, format),
            origin,
            applies: format.text(match setting.applies {
                Applies::AtOnce => "adm_applies_at_once",
                Applies::AtNextStart => "adm_applies_next_start",
                Applies::InFilesOnly => "adm_applies_files",
            }),
            advice: format.text(match setting.applies {
                Applies::AtOnce => "adm_advice_at_once",
                Applies::AtNextStart => "adm_advice_next_start",
                Applies::InFilesOnly => "adm_advice_files",
            }),
            is_changed: setting.stored.is_some(),
            is_editable: setting.applies != Applies::InFilesOnly,
            overruled: setting.stored.is_some() && setting.origin != "database",
            key: setting.key.clone(),
        }
    }
}

/// A value as people read it.
fn shown(value: &Value, format: &Format) -> String {
    match value {
        Value::Null => format.text("adm_value_none").to_owned(),
        Value::Bool(true) => format.text("adm_yes").to_owned(),
        Value::Bool(false) => format.text("adm_no").to_owned(),
        Value::String(text) if text.is_empty() => format.text("adm_value_empty").to_owned(),
        Value::Array(items) if items.is_empty() => format.text("adm_value_empty").to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => plain(other),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a setting is typed: as its default is, else as its value is.
fn kind(setting: &Setting) -> &'static str {
    let like = if setting.default.is_null() { &setting.value } else { &setting.default };
    match like {
        Value::Bool(_) => "choice",
        Value::Number(_) => "number",
        Value::Array(_) => "lines",
        _ => "text",
    }
}

/// What a field holds at first.
fn typed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("\n"),
        other => plain(other),
    }
}

/// What was typed, as the value it means; none when it is no number.
fn read(setting: &Setting, typed: &str) -> Option<Value> {
    let typed = typed.trim();
    if typed.is_empty() && setting.default.is_null() {
        return Some(Value::Null);
    }
    match kind(setting) {
        "choice" => Some(Value::Bool(typed == "true")),
        "number" => serde_json::from_str::<serde_json::Number>(typed).ok().map(Value::Number),
        "lines" => {
            let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
            Some(lines.map(|line| Value::String(line.to_owned())).collect())
        }
        _ => Some(Value::String(typed.to_owned())),
    }
}

#[get("/admin/settings")]
async fn get_settings(
    who: Require<AdminOnly>,
    desk: Desk,
    settings: Data<StoredSettings>,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(&who);
    let all = settings.list().await?;
    let changed = all.iter().filter(|setting| setting.stored.is_some()).count();
    let mut sections: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for setting in &all {
        let name = setting.key.split('.').next().unwrap_or_default().to_owned();
        sections.entry(name).or_default().push(Row::of(setting, &format));
    }
    let lead = match changed {
        0 => format.text("adm_settings_calm").to_owned(),
        1 => format.text("adm_settings_one").to_owned(),
        n => format.fill("adm_settings_changed", &[("n", &n.to_string())]),
    };
    let answer = Answer::new(lead, format.text("adm_sys_calm_advice"));
    let sections = sections.into_iter().map(|(name, rows)| Section { name, rows });
    let view = SettingsView { sections: sections.collect() };
    Ok(desk.show(&who, (Place::Settings, "admin/settings.html"), &answer, &view))
}

async fn find(settings: &StoredSettings, key: &str) -> Result<Setting, Problem> {
    let mut all = settings.list().await?.into_iter();
    let found = all.find(|setting| setting.key == key);
    found.ok_or_else(|| SettingsError::Unknown(key.to_owned()).into())
}

#[get("/admin/settings/{key}")]
async fn get_setting(
    who: Require<AdminOnly>,
    desk: Desk,
    settings: Data<StoredSettings>,
    key: Path<String>,
) -> Result<HttpResponse, Problem> {
    let setting = find(&settings, &key).await?;
    let at_first = typed(&setting.value);
    Ok(show(StatusCode::OK, &who, desk, &setting, (at_first, Vec::new())))
}

fn show(
    status: StatusCode,
    who: &Principal,
    desk: Desk,
    setting: &Setting,
    (typed, errors): (String, Vec<String>),
) -> HttpResponse {
    let format = desk.format(who);
    let row = Row::of(setting, &format);
    let parts = [("key", row.key.as_str()), ("value", row.value.as_str())];
    let lead = if errors.is_empty() { "adm_setting_is" } else { "adm_setting_refused" };
    let answer = Answer::new(format.fill(lead, &parts), row.advice);
    let choices = [("true", "adm_yes"), ("false", "adm_no")];
    let choices = choices.map(|(value, key)| Choice::new(value, format.text(key), &typed));
    let view = SettingView { kind: kind(setting), choices: choices.into(), row, typed, errors };
    desk.answer(status, who, (Place::Settings, "admin/setting.html"), &answer, &view)
}

#[post("/admin/settings/{key}")]
async fn set_setting(
    who: Require<AdminOnly>,
    desk: Desk,
    settings: Data<StoredSettings>,
    key: Path<String>,
    form: Form<NewValue>,
) -> Result<HttpResponse, Problem> {
    let setting = find(&settings, &key).await?;
    let typed = form.0.value;
    let errors = match read(&setting, &typed) {
        None => vec![desk.format(&who).text("adm_setting_no_number").to_owned()],
        Some(value) => match settings.set(&key, value, &who).await {
            Ok(_) => {
                return Ok(Said::SettingStored.then(&format!(
                    "{}/{}",
                    Place::Settings.path(),
                    *key
                )));
            }
            Err(SettingsError::Mistakes(mistakes)) => mistakes,
            Err(error) => return Err(error.into()),
        },
    };
    Ok(show(StatusCode::UNPROCESSABLE_ENTITY, &who, desk, &setting, (typed, errors)))
}

#[post("/admin/settings/{key}/reset")]
async fn reset_setting(
    who: Require<AdminOnly>,
    settings: Data<StoredSettings>,
    key: Path<String>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    settings.take_back(&key, &who).await?;
    Ok(Said::SettingTakenBack.then(&format!("{}/{}", Place::Settings.path(), *key)))
}
