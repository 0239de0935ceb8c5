//! `/api/mqtt/*`: how reading the broker goes, what came last, and the mappings.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::error::MqttError;
use super::model::{Field, Mapping, NewMapping, Preset, Proposal, Standing, Topic, Unit};
use super::service::{Mqtt, Preview};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Analyst, BadBody, Body, Conflict, NotFound, Params, Path, Problem, Refusals, Require,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(get_mqtt)
        .service(list_topics)
        .service(list_proposals)
        .service(preview_mapping)
        .service(list_mappings)
        .service(create_mapping)
        .service(update_mapping)
        .service(delete_mapping);
}

/// Which topics to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TopicQuery {
    /// Only topics whose name holds this text.
    search: Option<String>,
}

/// Topics, by name.
#[derive(Debug, Serialize, ToSchema)]
struct TopicList {
    /// The topics; at most 500 are kept.
    topics: Vec<Topic>,
}

/// Mappings, by topic.
#[derive(Debug, Serialize, ToSchema)]
struct MappingList {
    /// The mappings.
    mappings: Vec<Mapping>,
}

/// Mappings that what was seen suggests.
#[derive(Debug, Serialize, ToSchema)]
struct ProposalList {
    /// The proposals, by device.
    proposals: Vec<Proposal>,
}

/// A mapping to try.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PreviewQuery {
    /// The topics; `+` stands for one level, `#` at the end for all that follow.
    #[param(example = "tele/reader/SENSOR")]
    topic_filter: String,
    /// Way to the number as JSON Pointer, or several with ` + ` between them; empty for the payload itself.
    #[param(required = false, example = "/SML/Power")]
    #[serde(default)]
    value_path: String,
    /// The meter.
    #[param(example = "reader")]
    meter_id: String,
    /// What the number says.
    #[param(inline, example = "power_kw")]
    field: Field,
    /// In which unit; the usual one of the field unless said.
    #[param(inline)]
    unit: Option<Unit>,
    /// Whether the sign is the other way round.
    #[param(required = false)]
    #[serde(default)]
    is_inverted: bool,
    /// Way to the instant of the number; the time of arrival unless said.
    time_path: Option<String>,
}

/// Tell how reading the broker goes, in whatever process does it.
#[utoipa::path(tag = "mqtt", responses((status = 200, body = Standing,
    example = json!(standing_example())), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/mqtt/status")]
async fn get_mqtt(_: Require<Analyst>, mqtt: Data<Mqtt>) -> Result<Json<Standing>, Problem> {
    Ok(Json(mqtt.standing().await?))
}

/// List topics with their last messages, as they were up to two seconds ago.
#[utoipa::path(tag = "mqtt", params(TopicQuery), responses((status = 200, body = TopicList,
    example = json!({"topics": [topic_example()]})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/mqtt/topics")]
async fn list_topics(
    _: Require<Analyst>,
    mqtt: Data<Mqtt>,
    query: Params<TopicQuery>,
) -> Result<Json<TopicList>, Problem> {
    let text = query.0.search.unwrap_or_default();
    if text.contains('\0') {
        return Err(Problem::invalid("search", "holds a control character"));
    }
    Ok(Json(TopicList { topics: mqtt.topics(&text).await? }))
}

/// List mappings that the last messages suggest and that are not there yet; create one to accept it.
#[utoipa::path(tag = "mqtt", responses((status = 200, body = ProposalList,
    example = json!({"proposals": [{"title": "reader", "last": 12345.678, "mapping": new_example()}]})),
    Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/mqtt/proposals")]
async fn list_proposals(
    _: Require<Analyst>,
    mqtt: Data<Mqtt>,
) -> Result<Json<ProposalList>, Problem> {
    Ok(Json(ProposalList { proposals: mqtt.proposals().await? }))
}

/// Tell what a mapping would make of the last message that it means.
#[utoipa::path(tag = "mqtt", params(PreviewQuery), responses((status = 200, body = Preview,
    example = json!({"topic": "tele/reader/SENSOR", "at": "2026-03-28T12:00:00Z", "note": null,
        "values": [{"meter_id": "reader", "field": "consumption_kw", "value": 0.412, "ts": "2026-03-28T12:00:00Z"}]})),
    Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/mqtt/preview")]
async fn preview_mapping(
    _: Require<Analyst>,
    mqtt: Data<Mqtt>,
    query: Params<PreviewQuery>,
) -> Result<Json<Preview>, Problem> {
    let PreviewQuery { topic_filter, value_path, meter_id, field, unit, is_inverted, time_path } =
        query.0;
    let says = NewMapping {
        value_path,
        unit,
        is_inverted,
        time_path: time_path.filter(|path| !path.is_empty()),
        ..NewMapping::new(topic_filter, meter_id, field)
    };
    Ok(Json(mqtt.preview(&says).await?))
}

/// List the mappings.
#[utoipa::path(tag = "mqtt", responses((status = 200, body = MappingList,
    example = json!({"mappings": [mapping_example()]})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/mqtt/mappings")]
async fn list_mappings(
    _: Require<Analyst>,
    mqtt: Data<Mqtt>,
) -> Result<Json<MappingList>, Problem> {
    Ok(Json(MappingList { mappings: mqtt.mappings().await? }))
}

/// Add a mapping; its meter is known from then on.
#[utoipa::path(tag = "mqtt", request_body(content = NewMapping, example = json!(new_example())),
    responses((status = 201, description = "The mapping", body = Mapping, example = json!(mapping_example())), Refusals, BadBody,
    Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/mqtt/mappings")]
async fn create_mapping(
    who: Require<AdminOnly>,
    mqtt: Data<Mqtt>,
    body: Body<NewMapping>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(mqtt.create(body.0, &By::of(&who)).await?))
}

/// Replace what a mapping says.
#[utoipa::path(tag = "mqtt", params(("id" = Uuid, Path, description = "The mapping")),
    request_body(content = NewMapping, example = json!(new_example())),
    responses((status = 200, body = Mapping, example = json!(mapping_example())), Refusals, BadBody,
    NotFound, Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[put("/api/mqtt/mappings/{id}")]
async fn update_mapping(
    who: Require<AdminOnly>,
    mqtt: Data<Mqtt>,
    id: Path<Uuid>,
    body: Body<NewMapping>,
) -> Result<Json<Mapping>, Problem> {
    Ok(Json(mqtt.update(*id, body.0, &By::of(&who)).await?))
}

/// Delete a mapping; what it has stored stays.
#[utoipa::path(tag = "mqtt", params(("id" = Uuid, Path, description = "The mapping")),
    responses((status = 204, description = "It is gone"), Refusals, NotFound),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[delete("/api/mqtt/mappings/{id}")]
async fn delete_mapping(
    who: Require<AdminOnly>,
    mqtt: Data<Mqtt>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    mqtt.delete(*id, &By::of(&who)).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

fn new_example() -> Value {
    let says = NewMapping {
        value_path: "/SML/E_in".to_owned(),
        unit: Some(Unit::KWh),
        interval_s: Some(900),
        preset: Some(Preset::Tasmota),
        ..NewMapping::new("tele/reader/SENSOR", "reader", Field::ConsumptionKwhTotal)
    };
    json!(says)
}

fn mapping_example() -> Value {
    let mut mapping = json!({"mapping_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "created_at": "2026-03-28T12:00:00Z", "updated_at": "2026-03-28T12:00:00Z"});
    if let (Some(mapping), Value::Object(says)) = (mapping.as_object_mut(), new_example()) {
        mapping.extend(says);
    }
    mapping
}

fn topic_example() -> Value {
    json!({"topic": "tele/reader/SENSOR", "last_at": "2026-03-28T12:00:00Z", "messages": 7,
        "refused": 0, "reason": null, "refused_at": null, "last": [{"at": "2026-03-28T12:00:00Z",
        "payload": "{\"SML\":{\"Power\":412}}", "bytes": 21, "is_retained": false}]})
}

fn standing_example() -> Value {
    json!({"state": "connected", "detail": "connected to mqtt://broker:1883 as luna-box-5f3a4f1c",
        "broker": "mqtt://broker:1883", "client_id": "luna-box-5f3a4f1c",
        "since": "2026-03-28T12:00:00Z", "messages": 4711, "rows_stored": 4000, "rows_refused": 1,
        "last_message_at": "2026-03-28T12:00:00Z", "subscriptions": ["luna/readings"]})
}

impl From<MqttError> for Problem {
    fn from(error: MqttError) -> Self {
        match error {
            MqttError::BadMapping(ref mistakes) => {
                let refused = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", &error);
                mistakes
                    .iter()
                    .fold(refused, |problem, (field, why)| problem.with_field(*field, why))
            }
            MqttError::Taken | MqttError::TooMany(_) => Self::conflict(error),
            MqttError::Unknown(_) => Self::not_found(error),
            MqttError::Meters(error) => error.into(),
            MqttError::Readings(error) => error.into(),
            MqttError::Db(error) => error.into(),
        }
    }
}
