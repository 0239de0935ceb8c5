//! HTTP: the prices of a sheet beside a tariff.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use uuid::Uuid;

use super::api::quote_example;
use super::service::{Ask, Asker};
use super::tariff_check::TariffCheck;
use crate::facts::tariffs::TariffId;
use crate::platform::web::{LoggedIn, NotFound, Params, Path, Problem, Refusals, Require};

/// Which tariff.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TariffQuery {
    /// The tariff; the household's unless said.
    #[param(value_type = Option<String>, example = "ekz:400D")]
    tariff: Option<TariffId>,
}

/// Compare the prices in a document with a tariff.
///
/// Each price per kilowatt hour that the document states is shown with its proven quote, with what the
/// tariff asks for the same today, and with the difference; units and VAT are converted.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document"), TariffQuery),
    responses((status = 200, body = TariffCheck, example = json!(check_example())), NotFound, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/documents/{id}/tariff-check")]
pub(super) async fn check_tariff(
    who: Require<LoggedIn>,
    ask: Data<Ask>,
    id: Path<Uuid>,
    query: Params<TariffQuery>,
) -> Result<Json<TariffCheck>, Problem> {
    let asker = Asker::from(&who.0);
    Ok(Json(ask.tariff_check(&asker, *id, query.0.tariff.as_ref()).await?))
}

fn check_example() -> Value {
    json!({"document_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "title": "Tarifblatt", "version": 1,
        "file_name": "tarifblatt-2026.pdf", "source": "upload", "added_at": "2026-11-04T09:12:00Z",
        "is_superseded": false, "tariff": "ekz:400D", "tariff_name": "EKZ 400D", "vat_percent": 8.1,
        "day": "2026-11-28", "checked_at": "2026-11-28T19:30:00Z", "prices": [{"item": "energy", "hours": "any",
            "sheet": {"written": "14.25", "unit": "rp/kwh", "price_chf_kwh": 0.1425, "vat": "excluded"},
            "quote": quote_example(), "in_force": {"low_chf_kwh": 0.139, "high_chf_kwh": 0.139, "has_vat": false},
            "difference_chf_kwh": 0.0035, "difference_percent": 2.5, "verdict": "sheet_higher"}],
        "quotes_dropped": 0, "note": null})
}
