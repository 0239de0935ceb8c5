//! SQL of `model_history`, `model_settings` and `model_golden`.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::learning::registry::life::{
    GoldenRow, HistoryEntry, ModelSettings, SendMode, WebhookSettings,
};
use crate::platform::db::Conn;
use crate::platform::db::schema::model_golden;
use crate::platform::db::schema::model_history;
use crate::platform::db::schema::model_settings;

/// Actions that change which model serves.
const SERVING: [&str; 4] = ["activate", "rollback", "deactivate", "promote"];

/// A row of the history.
#[expect(clippy::struct_field_names, reason = "the columns are called so")]
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = model_history)]
pub(in crate::learning::registry) struct History {
    pub history_id: Uuid,
    pub at: DateTime<Utc>,
    pub model_id: Uuid,
    pub name: String,
    pub series: String,
    pub purpose: String,
    pub action: String,
    pub from_state: String,
    pub to_state: String,
    pub replaced_id: Option<Uuid>,
    pub actor: String,
    pub user_id: Option<Uuid>,
    pub address: Option<String>,
    pub reason: String,
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = model_settings, treat_none_as_null = true)]
struct SettingsRow {
    model_id: Uuid,
    alert_threshold: Option<f64>,
    alert_config: serde_json::Value,
    webhook_enabled: bool,
    webhook_url: Option<String>,
    send_mode: String,
    ignore_windows: serde_json::Value,
    updated_at: DateTime<Utc>,
}

/// Writes what happened; the caller holds the transaction in which it does.
pub(in crate::learning::registry) async fn after(conn: &mut Conn, row: History) -> QueryResult<()> {
    diesel::insert_into(model_history::table).values(row).execute(conn).await?;
    Ok(())
}

/// Entries that are looked for when all of a kind are wanted: nobody changes a model as often.
const ENTRIES_MAX: i64 = 1_000;

/// What happened, as far as `wanted` narrows it down, newest first.
async fn newest(
    conn: &mut Conn,
    wanted: model_history::BoxedQuery<'_, Pg>,
    limit: i64,
) -> QueryResult<Vec<HistoryEntry>> {
    let rows: Vec<History> = wanted
        .order((model_history::at.desc(), model_history::history_id.desc()))
        .limit(limit)
        .select(History::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(HistoryEntry::from).collect())
}

/// What happened to a model before `before`, newest first.
pub(in crate::learning::registry) async fn history(
    conn: &mut Conn,
    model_id: Uuid,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<HistoryEntry>> {
    let mut wanted = model_history::table.into_boxed();
    wanted = wanted.filter(model_history::model_id.eq(model_id));
    if let Some((at, id)) = before {
        wanted = wanted.filter(
            model_history::at
                .lt(at)
                .or(model_history::at.eq(at).and(model_history::history_id.lt(id))),
        );
    }
    newest(conn, wanted, limit).await
}

/// What changed who serves a series and purpose, newest first.
pub(in crate::learning::registry) async fn serving_changes(
    conn: &mut Conn,
    series: &str,
    purpose: &str,
) -> QueryResult<Vec<HistoryEntry>> {
    let wanted = model_history::table
        .filter(model_history::series.eq(series))
        .filter(model_history::purpose.eq(purpose))
        .filter(model_history::action.eq_any(SERVING));
    newest(conn, wanted.into_boxed(), ENTRIES_MAX).await
}

/// The newest entries of models that bore a name, until an instant, newest first.
pub(in crate::learning::registry) async fn latest_of_name(
    conn: &mut Conn,
    name: &str,
    until: DateTime<Utc>,
) -> QueryResult<Vec<HistoryEntry>> {
    let wanted = model_history::table
        .filter(model_history::name.eq(name))
        .filter(model_history::at.le(until));
    newest(conn, wanted.into_boxed(), ENTRIES_MAX).await
}

/// The settings of a model, if somebody has set any.
pub(in crate::learning::registry) async fn settings(
    conn: &mut Conn,
    model_id: Uuid,
) -> QueryResult<Option<ModelSettings>> {
    let found: Option<SettingsRow> = model_settings::table
        .find(model_id)
        .select(SettingsRow::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(ModelSettings::from))
}

/// The settings of models, those that have any.
pub(in crate::learning::registry) async fn settings_of(
    conn: &mut Conn,
    models: &[Uuid],
) -> QueryResult<Vec<ModelSettings>> {
    let rows: Vec<SettingsRow> = model_settings::table
        .filter(model_settings::model_id.eq_any(models))
        .limit(1_000)
        .select(SettingsRow::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ModelSettings::from).collect())
}

pub(in crate::learning::registry) async fn put_settings(
    conn: &mut Conn,
    settings: &ModelSettings,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let row = SettingsRow {
        model_id: settings.model_id,
        alert_threshold: settings.alert_threshold,
        alert_config: serde_json::json!(settings.alert_config),
        webhook_enabled: settings.webhook.enabled,
        webhook_url: settings.webhook.webhook_url.clone(),
        send_mode: settings.webhook.send_mode.name().to_owned(),
        ignore_windows: serde_json::json!(settings.ignore_windows),
        updated_at: at,
    };
    diesel::insert_into(model_settings::table)
        .values(&row)
        .on_conflict(model_settings::model_id)
        .do_update()
        .set(&row)
        .execute(conn)
        .await
}

pub(in crate::learning::registry) async fn put_golden(
    conn: &mut Conn,
    model_id: Uuid,
    rows: &[GoldenRow],
) -> QueryResult<usize> {
    let rows = serde_json::json!(rows);
    diesel::insert_into(model_golden::table)
        .values((model_golden::model_id.eq(model_id), model_golden::rows.eq(&rows)))
        .on_conflict(model_golden::model_id)
        .do_update()
        .set(model_golden::rows.eq(&rows))
        .execute(conn)
        .await
}

pub(in crate::learning::registry) async fn golden(
    conn: &mut Conn,
    model_id: Uuid,
) -> QueryResult<Vec<GoldenRow>> {
    let rows: Option<serde_json::Value> = model_golden::table
        .find(model_id)
        .select(model_golden::rows)
        .first(conn)
        .await
        .optional()?;
    Ok(rows.and_then(|rows| serde_json::from_value(rows).ok()).unwrap_or_default())
}

impl From<SettingsRow> for ModelSettings {
    fn from(row: SettingsRow) -> Self {
        Self {
            model_id: row.model_id,
            alert_threshold: row.alert_threshold,
            alert_config: serde_json::from_value(row.alert_config).unwrap_or_default(),
            webhook: WebhookSettings {
                enabled: row.webhook_enabled,
                webhook_url: row.webhook_url,
                send_mode: SendMode::parse(&row.send_mode),
            },
            ignore_windows: serde_json::from_value(row.ignore_windows).unwrap_or_default(),
            updated_at: Some(row.updated_at),
        }
    }
}

impl From<History> for HistoryEntry {
    fn from(row: History) -> Self {
        Self {
            history_id: row.history_id,
            at: row.at,
            model_id: row.model_id,
            name: row.name,
            series: row.series,
            purpose: row.purpose,
            action: row.action,
            from_state: row.from_state,
            to_state: row.to_state,
            replaced_id: row.replaced_id,
            actor: row.actor,
            user_id: row.user_id,
            address: row.address,
            reason: row.reason,
        }
    }
}
