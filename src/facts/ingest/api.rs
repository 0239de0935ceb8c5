//! `GET /api/sources`.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::FetchError;
use super::model::SourceStatus;
use super::municipal::{MunicipalTariffs, Municipality, UnknownMunicipality};
use super::service::Ingest;
use crate::platform::web::{Conflict, Params, Problem, Refusals, Require, Viewer};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_sources).service(list_municipal_tariffs);
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

/// Which municipality.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MunicipalQuery {
    /// Its number in the list of the Federal Statistical Office.
    #[param(minimum = 1, maximum = 9999, example = 261)]
    municipality: u16,
    /// The year; this one unless said. The next one is there in September.
    #[param(minimum = 2009, maximum = 2999, example = 2026)]
    period: Option<u16>,
}

/// List what electricity costs in a Swiss municipality, by category of consumption, as the
/// regulator publishes it. Whoever asks first waits for the regulator; the answer is kept a week.
#[utoipa::path(tag = "tariffs", params(MunicipalQuery), responses((status = 200, body = MunicipalTariffs,
    example = json!({"municipality": 261, "period": 2026, "attribution": "Quelle: ElCom", "fetched_at": "2026-03-28T12:05:00Z", "tariffs": [{"category": "C1", "product": "standard", "operator_id": "565", "operator": "Elektrizitätswerk der Stadt Zürich", "municipality": "Zürich", "total_chf_kwh": 0.2603, "energy_chf_kwh": 0.08767, "grid_chf_kwh": 0.11929, "charge_chf_kwh": 0.02, "aidfee_chf_kwh": 0.023, "energy_name": "Tarif Energie ewz.natur", "grid_name": "Tarif Netznutzung NNA"}]})), Refusals, Conflict),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/tariffs/elcom")]
async fn list_municipal_tariffs(
    _: Require<Viewer>,
    ingest: Data<Ingest>,
    query: Params<MunicipalQuery>,
) -> Result<Json<MunicipalTariffs>, Problem> {
    let period = query.0.period.unwrap_or_else(|| ingest.period());
    let of = Municipality::new(query.0.municipality, period).map_err(|error| {
        let field = match error {
            UnknownMunicipality::Number => "municipality",
            UnknownMunicipality::Period => "period",
        };
        Problem::invalid(field, error)
    })?;
    match ingest.municipal_tariffs(of).await {
        Ok(tariffs) => Ok(Json(tariffs)),
        // It is the regulator that is away, not this box.
        Err(error) if error.is_of_source() => Err(Problem::conflict(error)),
        Err(error) => Err(error.into()),
    }
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
