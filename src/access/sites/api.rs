//! HTTP: the sites the caller may see.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::model::Site;
use super::service::{SiteError, Sites};
use crate::platform::web::{
    Cursor, LoggedIn, NotFound, Page, Params, Path, Problem, Refusals, Require,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_sites).service(get_site);
}

/// Sites, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct SiteList {
    /// The sites.
    sites: Vec<Site>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List the sites you may see: customers their own, others all.
#[utoipa::path(tag = "sites", params(Page), responses((status = 200, body = SiteList,
    example = json!({"sites": [site_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/sites")]
async fn list_sites(
    who: Require<LoggedIn>,
    sites: Data<Sites>,
    page: Params<Page>,
) -> Result<Json<SiteList>, Problem> {
    let rows = sites.list(&who, page.0.position()?, page.0.fetch_limit()).await?;
    let (sites, next_cursor) = page.0.cut(rows, |site| Cursor::new(site.created_at, site.site_id));
    Ok(Json(SiteList { sites, next_cursor }))
}

/// Get one site.
#[utoipa::path(tag = "sites", params(("site_id" = Uuid, Path, description = "The site")),
    responses((status = 200, body = Site, example = json!(site_example())), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/sites/{site_id}")]
async fn get_site(
    who: Require<LoggedIn>,
    sites: Data<Sites>,
    site_id: Path<Uuid>,
) -> Result<Json<Site>, Problem> {
    Ok(Json(sites.get(&who, *site_id).await?))
}

fn site_example() -> serde_json::Value {
    json!({"site_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "name": "Home",
        "time_zone": "Europe/Zurich", "is_default": true, "created_at": "2026-03-28T12:00:00Z"})
}

impl From<SiteError> for Problem {
    fn from(error: SiteError) -> Self {
        match error {
            SiteError::Unknown(_) => Self::not_found(error),
            SiteError::Db(error) => error.into(),
        }
    }
}
