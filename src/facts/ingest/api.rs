//! `GET /api/sources`.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::FetchError;
use super::model::SourceStatus;
use super::service::Ingest;
use crate::platform::web::{Problem, Refusals, Require, Viewer};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_sources);
}

/// Whom Luna asks for data.
#[derive(Debug, Serialize, ToSchema)]
struct SourceList {
    /// In the order in which they are asked.
    sources: Vec<SourceStatus>,
}

/// List the sources of data, how asking them went last, and how to credit them.
#[utoipa::path(tag = "sources", responses((status = 200, body = SourceList,
    example = json!({"sources": [{"name": "energy_charts", "what": "Day-ahead prices", "is_enabled": true, "needs": null, "attribution": "energy-charts.info, CC BY 4.0 from Bundesnetzagentur | SMARD.de", "subjects": [{"subject": "price:CH", "what": "Day-ahead prices", "asked_at": "2026-03-28T12:05:00Z", "last_success_at": "2026-03-28T12:05:00Z", "last_failure_at": null, "failure": null, "licence": "CC BY 4.0", "newest": "2026-03-29T21:00:00Z"}]}]})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/sources")]
async fn list_sources(
    _: Require<Viewer>,
    ingest: Data<Ingest>,
) -> Result<Json<SourceList>, Problem> {
    Ok(Json(SourceList { sources: ingest.sources().await? }))
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unknown { .. } => Self::not_found(error),
            FetchError::Prices(error) => error.into(),
            FetchError::Quality(error) => error.into(),
            FetchError::Db(error) => error.into(),
            FetchError::Series(error) => error.into(),
            FetchError::Tariff(error) => error.into(),
            FetchError::Disabled
            | FetchError::NotReady { .. }
            | FetchError::NotKnown { .. }
            | FetchError::Nobody { .. } => Self::conflict(error),
            error => Self::internal(error),
        }
    }
}
