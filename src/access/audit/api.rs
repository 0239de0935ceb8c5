//! HTTP: what was done, for admins.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::model::{Actor, AuditFilter, Entry};
use super::service::Audit;
use crate::platform::web::{
    AdminOnly, Cursor, Limit, Page, Params, Problem, Refusals, Require, optional_instant,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_audit);
}

/// Which rows to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only by this kind of somebody.
    #[param(inline)]
    actor: Option<Actor>,
    /// Only by this person, or with a key of theirs.
    user_id: Option<Uuid>,
    /// Only this action; with a full stop at its end, all of that kind (`model.`).
    action: Option<String>,
    /// Only on things of this kind.
    subject_kind: Option<String>,
    /// Only on the thing of this identifier.
    subject_id: Option<String>,
    /// Only from this instant on.
    #[serde(deserialize_with = "optional_instant")]
    from: Option<DateTime<Utc>>,
    /// Only before this instant.
    #[serde(deserialize_with = "optional_instant")]
    to: Option<DateTime<Utc>>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditPage {
    /// Newest first.
    entries: Vec<Entry>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List who did what, when and from where, newest first.
#[utoipa::path(tag = "audit", params(AuditQuery), responses((status = 200, body = AuditPage,
    example = json!({"entries": [entry_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[get("/api/audit")]
async fn list_audit(
    _: Require<AdminOnly>,
    audit: Data<Audit>,
    query: Params<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let query = query.0;
    let page = Page { limit: query.limit, cursor: query.cursor };
    let filter = AuditFilter {
        actor: query.actor,
        user_id: query.user_id,
        action: query.action,
        subject_kind: query.subject_kind,
        subject_id: query.subject_id,
        from: query.from,
        to: query.to,
        after: page.position()?,
    };
    let rows = audit.list(&filter, page.fetch_limit()).await?;
    let position = |entry: &Entry| Cursor::new(entry.occurred_at, entry.audit_id);
    let (entries, next_cursor) = page.cut(rows, position);
    Ok(Json(AuditPage { entries, next_cursor }))
}

fn entry_example() -> serde_json::Value {
    json!({
        "audit_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "occurred_at": "2026-03-28T12:00:00Z",
        "actor": "user", "user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e", "key_id": null,
        "action": "model.activate", "subject_kind": "model",
        "subject_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7f", "address": "192.168.1.20",
        "request_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b80",
        "before": {"serves": null}, "after": {"serves": "price-CH-day_ahead-lightgbm v3"},
    })
}
