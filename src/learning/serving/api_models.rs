//! `/api/models/import`, bundles, and what shadows have shown.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::bundle::Fault;
use super::bundles::{BundleError, Bundles};
use super::contest::{Contest, Contests, Drift, contest_example, drift_example};
use crate::access::audit::By;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::Order;
use crate::learning::registry::Origin;
use crate::platform::outbound::OutboundError;
use crate::platform::web::{
    Analyst, BadBody, Conflict, Flow, NotFound, Params, Path, Problem, Refusals, Require,
    UPLOAD_BYTES_MAX, Viewer, parse_value,
};

/// Media types of a bundle.
const BUNDLE_TYPES: [&str; 2] = ["application/zip", "application/octet-stream"];
/// Longest body that says where a bundle is.
const JSON_MAX: usize = 16 << 10;

/// Registers the operations of this file.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(import_model)
        .service(get_bundle)
        .service(get_bundle_key)
        .service(get_contest)
        .service(get_drift)
        .service(promote_model);
}

/// Where the model is that is taken in: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportRequest {
    /// A model of this registry, to be looked at anew.
    #[serde(default)]
    model_id: Option<Uuid>,
    /// A bundle of another installation whose address is listed in `models.import_urls`.
    #[serde(default)]
    url: Option<String>,
    /// Key for the other installation; it is not kept.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    api_key: Option<SecretString>,
}

/// What was taken in.
#[derive(Debug, Serialize, ToSchema)]
struct ImportAnswer {
    /// Whether it is new here; the same bytes under the same name are taken in once.
    is_new: bool,
    /// The model, validated.
    model: ModelRecord,
}

/// Why it is done.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Why {
    /// Why, for the history of the model; up to 500 letters.
    reason: Option<String>,
}

impl Why {
    fn text(&self) -> Result<&str, Problem> {
        let reason = self.reason.as_deref().unwrap_or_default().trim();
        if reason.chars().count() > 500 {
            return Err(Problem::invalid("reason", "it is longer than 500 letters"));
        }
        Ok(reason)
    }
}

/// Take in a model: a bundle as the body, one of another installation by its address, or one of this
/// registry by its identifier. It must answer its golden rows as it did where it was made.
#[utoipa::path(tag = "models", params(Why), request_body(content(
        (ImportRequest = "application/json", example = json!({"model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d"})),
        (Vec<u8> = "application/zip"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = ImportAnswer, example = json!({"is_new": true, "model": model_example()})),
        Refusals, BadBody, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/import")]
async fn import_model(
    who: Require<Analyst>,
    bundles: Data<Bundles>,
    query: Params<Why>,
    body: Flow,
) -> Result<Json<ImportAnswer>, Problem> {
    let by = By::of(&who);
    let order = Order { by: &by, reason: query.0.text()?, accepts_unproven: false };
    let taken = if body.media_type == "application/json" {
        let request = read_request(&body.whole(JSON_MAX).await?)?;
        match (request.model_id, request.url) {
            (Some(id), None) => bundles.look_at(id, order).await?,
            (None, Some(url)) => {
                let key = request.api_key.as_ref().map(ExposeSecret::expose_secret);
                bundles.fetch(&url, key, order).await?
            }
            _ => return Err(Problem::invalid("model_id", "give either model_id or url")),
        }
    } else if BUNDLE_TYPES.contains(&body.media_type.as_str()) {
        let bytes = body.whole(UPLOAD_BYTES_MAX).await?;
        bundles.take_in(bytes, Origin::File, order).await?
    } else {
        return Err(Problem::new(
            actix_web::http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            format_args!(
                "the content type must be application/zip for a bundle, or application/json to \
                 say where one is, not '{}'",
                body.media_type
            ),
        ));
    };
    Ok(Json(ImportAnswer { is_new: taken.is_new, model: taken.model }))
}

fn read_request(bytes: &[u8]) -> Result<ImportRequest, Problem> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::malformed(format_args!("the body is not valid JSON: {error}"))
            .with_field("body", &error)
    })?;
    if value.is_array() {
        return Err(Problem::invalid("body", "expected a JSON object, not a list"));
    }
    parse_value(value)
}

/// Get a model as a file that another installation can take in.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 200, description = "The bundle", body = Vec<u8>, content_type = "application/zip"),
        Refusals, NotFound, Conflict),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/models/{id}/bundle")]
async fn get_bundle(
    _: Require<Viewer>,
    bundles: Data<Bundles>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (model, bytes) = bundles.hand_out(*id).await?;
    // Names hold letters, digits and -_.: only.
    let name = format!("{}-v{}.zip", model.name.replace(':', "_"), model.version);
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(bytes))
}

/// What this installation signs with.
#[derive(Debug, Serialize, ToSchema)]
struct SigningKey {
    /// How it signs.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// What others know it by, 64 hexadecimal digits.
    public_key: String,
}

/// Get the public key that bundles of this installation are signed with, for the list of those that
/// another one trusts.
#[utoipa::path(tag = "models", responses((status = 200, body = SigningKey, example = json!({"algorithm": "ed25519",
    "public_key": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/bundles/key")]
async fn get_bundle_key(
    _: Require<Viewer>,
    bundles: Data<Bundles>,
) -> Result<Json<SigningKey>, Problem> {
    Ok(Json(SigningKey { algorithm: "ed25519", public_key: bundles.public_key().await? }))
}

/// Compare a model in the shadow with the champion on what both predicted and what came true.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model in the shadow")),
    responses((status = 200, body = Contest, example = json!(contest_example())), Refusals, NotFound, Conflict),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/models/{id}/contest")]
async fn get_contest(
    _: Require<Viewer>,
    contests: Data<Contests>,
    id: Path<Uuid>,
) -> Result<Json<Contest>, Problem> {
    Ok(Json(contests.contest(*id).await?))
}

/// Get how far the errors of a model have moved from what they were.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 200, body = Drift, example = json!(drift_example())), Refusals, NotFound),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/models/{id}/drift")]
async fn get_drift(
    _: Require<Viewer>,
    contests: Data<Contests>,
    id: Path<Uuid>,
) -> Result<Json<Drift>, Problem> {
    Ok(Json(contests.drift(*id).await?))
}

/// Let a model in the shadow take the champion's place, which it must have earned; the champion
/// retires and a rollback brings it back.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model in the shadow"), Why),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/promote")]
async fn promote_model(
    who: Require<Analyst>,
    contests: Data<Contests>,
    id: Path<Uuid>,
    query: Params<Why>,
) -> Result<Json<ModelRecord>, Problem> {
    let by = By::of(&who);
    let order = Order { by: &by, reason: query.0.text()?, accepts_unproven: false };
    Ok(Json(contests.promote(*id, order).await?))
}

fn model_example() -> serde_json::Value {
    crate::learning::registry::model_example()
}

impl From<Fault> for Problem {
    fn from(Fault { field, what }: Fault) -> Self {
        Self::invalid(field, what)
    }
}

impl From<BundleError> for Problem {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Fault(fault) => fault.into(),
            BundleError::Failed { label, fault } => {
                Self::invalid(fault.field, format!("{} ({label} is kept as failed)", fault.what))
            }
            BundleError::NotListed
            | BundleError::Outbound(
                OutboundError::BadUrl(_)
                | OutboundError::Forbidden { .. }
                | OutboundError::TooLarge { .. }
                | OutboundError::Redirected { .. },
            )
            | BundleError::Status(_) => Self::invalid("url", &error),
            BundleError::Outbound(error) => Self::busy(&error),
            BundleError::NoBundle { .. } => Self::conflict(&error),
            BundleError::Registry(error) => error.into(),
            BundleError::Db(error) => error.into(),
            BundleError::Pool(_) => Self::unavailable(error),
            BundleError::Write(_) | BundleError::Key(_) => Self::internal(error),
        }
    }
}
