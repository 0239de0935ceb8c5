//! HTTP: how far consumers are, and what they could not take.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::model::{ConsumerState, DeadChange};
use super::service::{Changes, ChangesError};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Analyst, Cursor, Limit, NotFound, Page, Params, Path, Problem, Refusals, Require,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_consumers)
        .service(list_dead_changes)
        .service(retry_dead_change)
        .service(discard_dead_change);
}

/// Who follows changes of series.
#[derive(Debug, Serialize, ToSchema)]
struct ConsumerList {
    /// By name.
    consumers: Vec<ConsumerState>,
}

/// List who follows changes of series, and how far behind each is.
#[utoipa::path(tag = "changes", responses((status = 200, body = ConsumerList,
    example = json!({"consumers": [{"consumer": "meters.rollups", "lag_rows": 0, "lag_s": 0.0, "attempts": 0, "error": null, "moved_at": "2026-03-28T12:00:05Z", "dead_letters": 0}]})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/changes/consumers")]
async fn list_consumers(
    _: Require<Analyst>,
    changes: Data<Changes>,
) -> Result<Json<ConsumerList>, Problem> {
    Ok(Json(ConsumerList { consumers: changes.states().await? }))
}

/// Which changes to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeadQuery {
    /// Also those that were told again or discarded.
    #[param(required = false)]
    all: bool,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of changes that could not be taken.
#[derive(Debug, Serialize, ToSchema)]
struct DeadPage {
    /// Newest first.
    dead_letters: Vec<DeadChange>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List changes that somebody could not take after several attempts, newest first.
#[utoipa::path(tag = "changes", params(DeadQuery), responses((status = 200, body = DeadPage,
    example = json!({"dead_letters": [letter_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/changes/dead-letters")]
async fn list_dead_changes(
    _: Require<Analyst>,
    changes: Data<Changes>,
    query: Params<DeadQuery>,
) -> Result<Json<DeadPage>, Problem> {
    let query = query.0;
    let page = Page { limit: query.limit, cursor: query.cursor };
    let rows = changes.letters(query.all, page.position()?, page.fetch_limit()).await?;
    let (dead_letters, next_cursor) =
        page.cut(rows, |letter| Cursor::new(letter.created_at, letter.letter_id));
    Ok(Json(DeadPage { dead_letters, next_cursor }))
}

/// Tell a change again that could not be taken.
#[utoipa::path(tag = "changes", params(("id" = Uuid, Path, description = "The dead letter")),
    responses((status = 200, body = DeadChange, example = json!(letter_example())), NotFound, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/changes/dead-letters/{id}/retry")]
async fn retry_dead_change(
    who: Require<AdminOnly>,
    changes: Data<Changes>,
    id: Path<Uuid>,
) -> Result<Json<DeadChange>, Problem> {
    Ok(Json(changes.retry(*id, &By::of(&who)).await?))
}

/// Leave a change that could not be taken where it is, for good.
#[utoipa::path(tag = "changes", params(("id" = Uuid, Path, description = "The dead letter")),
    responses((status = 200, body = DeadChange, example = json!(letter_example())), NotFound, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/changes/dead-letters/{id}/discard")]
async fn discard_dead_change(
    who: Require<AdminOnly>,
    changes: Data<Changes>,
    id: Path<Uuid>,
) -> Result<Json<DeadChange>, Problem> {
    Ok(Json(changes.discard(*id, &By::of(&who)).await?))
}

fn letter_example() -> Value {
    json!({
        "letter_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "consumer": "meters.rollups",
        "change": {"kind": "meter", "name": "load:house-1", "range": {
            "from": "2026-03-27T23:00:00Z", "to": "2026-03-28T12:00:00Z"}},
        "reason": "the database is away", "attempts": 5, "created_at": "2026-03-28T12:01:00Z",
        "resolution": null, "resolved_at": null, "resolved_by": null,
    })
}

impl From<ChangesError> for Problem {
    fn from(error: ChangesError) -> Self {
        match error {
            ChangesError::NotFound(_) => Self::not_found(error),
            ChangesError::Db(error) => error.into(),
        }
    }
}
