//! `/admin/mqtt`: whether the broker is read, what comes, and what it means: a click on a number
//! makes a mapping.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use uuid::Uuid;

use super::desk::{Answer, Desk, Link, Note, Place};
use super::jobs::Empty;
use super::mqtt_view::{self, FormView, MqttView};
use super::said::Said;
use crate::access::audit::By;
use crate::facts::meters::MeterRole;
use crate::facts::mqtt::{
    ConsumerState, Field, Mapping, Mqtt, MqttError, NewMapping, Preset, Preview, Standing, Unit,
};
use crate::platform::web::{AdminOnly, Form, Params, Path, Principal, Problem, Require};
use crate::surfaces::dashboards::format::Format;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(get_mqtt)
        .service(save_mapping)
        .service(preview_mapping)
        .service(toggle_mapping)
        .service(delete_mapping);
}

/// What is looked at: a number of a topic, a mapping, or topics by name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MqttQuery {
    search: String,
    topic: String,
    path: String,
    mapping: Option<Uuid>,
}

/// A mapping as the form sends it; a box that is not ticked is not sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct MappingForm {
    pub(super) mapping_id: String,
    pub(super) topic_filter: String,
    pub(super) value_path: String,
    pub(super) meter_id: String,
    pub(super) field: String,
    pub(super) unit: String,
    pub(super) is_inverted: Option<String>,
    pub(super) interval_s: String,
    pub(super) time_path: String,
    pub(super) meter_role: String,
    pub(super) preset: String,
}

impl MappingForm {
    /// The form as it shows a mapping.
    pub(super) fn of(says: &NewMapping, mapping_id: Option<Uuid>) -> Self {
        let name = |role: MeterRole| role.name().to_owned();
        Self {
            mapping_id: mapping_id.map(|id| id.to_string()).unwrap_or_default(),
            topic_filter: says.topic_filter.clone(),
            value_path: says.value_path.clone(),
            meter_id: says.meter_id.clone(),
            field: says.field.name().to_owned(),
            unit: says.unit().name().to_owned(),
            is_inverted: says.is_inverted.then(String::new),
            interval_s: says.interval_s().to_string(),
            time_path: says.time_path.clone().unwrap_or_default(),
            meter_role: says.meter_role.map(name).unwrap_or_default(),
            preset: says.preset.map(|preset| preset.name().to_owned()).unwrap_or_default(),
        }
    }

    /// What it says; a field that nobody could choose is the first of its list.
    fn says(&self) -> NewMapping {
        let field = Field::parse(&self.field).unwrap_or(Field::PowerKw);
        let time_path = self.time_path.trim();
        NewMapping {
            value_path: self.value_path.trim().to_owned(),
            unit: Unit::parse(&self.unit),
            is_inverted: self.is_inverted.is_some(),
            // What is no number is none that an interval may have.
            interval_s: Some(self.interval_s.trim().parse().unwrap_or(0)),
            time_path: (!time_path.is_empty()).then(|| time_path.to_owned()),
            meter_role: MeterRole::parse(&self.meter_role),
            preset: Preset::parse(&self.preset),
            ..NewMapping::new(self.topic_filter.trim(), self.meter_id.trim(), field)
        }
    }
}

/// The form with what was found about it.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) form: MappingForm,
    pub(super) preview: Option<Preview>,
    /// Fields and what is wrong with them; the program's own words.
    pub(super) mistakes: Vec<(String, String)>,
}

#[get("/admin/mqtt")]
async fn get_mqtt(
    who: Require<AdminOnly>,
    desk: Desk,
    mqtt: Data<Mqtt>,
    query: Params<MqttQuery>,
) -> Result<HttpResponse, Problem> {
    let MqttQuery { search, topic, path, mapping } = query.0;
    let filled = if let Some(mapping_id) = mapping {
        let all = mqtt.mappings().await?;
        let found = all.iter().find(|it| it.mapping_id == mapping_id);
        let says = &found.ok_or(MqttError::Unknown(mapping_id))?.says;
        fill(&mqtt, MappingForm::of(says, Some(mapping_id))).await?
    } else if topic.is_empty() {
        Filled::default()
    } else {
        fill(&mqtt, MappingForm::of(&mqtt.draft(&topic, &path).await?, None)).await?
    };
    show(StatusCode::OK, (&who, desk), &mqtt, (search, filled)).await
}

/// The form with what the mapping would make of the last message.
async fn fill(mqtt: &Mqtt, form: MappingForm) -> Result<Filled, Problem> {
    match mqtt.preview(&form.says()).await {
        Ok(preview) => Ok(Filled { form, preview: Some(preview), mistakes: Vec::new() }),
        Err(error) => refused(form, error),
    }
}

/// The form with what is wrong with it; what is no mistake of the form stays an error.
fn refused(form: MappingForm, error: MqttError) -> Result<Filled, Problem> {
    let mistakes = match error {
        MqttError::BadMapping(mistakes) => {
            mistakes.into_iter().map(|(field, why)| (field.to_owned(), why)).collect()
        }
        MqttError::Taken | MqttError::TooMany(_) => vec![(String::new(), error.to_string())],
        error => return Err(error.into()),
    };
    Ok(Filled { form, preview: None, mistakes })
}

async fn show(
    status: StatusCode,
    (who, desk): (&Principal, Desk),
    mqtt: &Mqtt,
    (search, filled): (String, Filled),
) -> Result<HttpResponse, Problem> {
    let (format, now) = (desk.format(who), desk.now());
    let standing = mqtt.standing().await?;
    let text = if search.contains('\0') { "" } else { &*search };
    let (topics, mappings) = (mqtt.topics(text).await?, mqtt.mappings().await?);
    let proposals = mqtt.proposals().await?;
    let answer = answer(&standing, proposals.len(), &mappings, &format);
    let view = MqttView {
        facts: mqtt_view::facts(&standing, now, &format),
        listens: standing.subscriptions.join(", "),
        proposals: proposals.iter().map(|it| mqtt_view::proposal(it, &format)).collect(),
        mappings: mappings.iter().map(|it| mqtt_view::mapping(it, &topics, &format)).collect(),
        form: FormView::of(&filled, &format),
        topics: mqtt_view::topics(&topics, &mappings, &format),
        more: topics.len().saturating_sub(mqtt_view::TOPICS_SHOWN),
        search,
    };
    Ok(desk.answer(status, who, (Place::Mqtt, "admin/mqtt.html"), &answer, &view))
}

fn answer(standing: &Standing, proposals: usize, mappings: &[Mapping], format: &Format) -> Answer {
    let broker = standing.broker.as_deref().unwrap_or_default();
    let parts = [("broker", broker)];
    let trouble = |lead: &str| {
        let lead = format.fill(lead, &parts);
        Answer {
            advice: String::new(),
            notes: vec![Note {
                kind: "err",
                title: format.text("adm_mqtt_why").to_owned(),
                text: standing.detail.clone(),
                link: None,
            }],
            lead,
        }
    };
    match standing.state {
        ConsumerState::Off => {
            Answer::new(format.text("adm_mqtt_off"), format.text("adm_mqtt_off_advice"))
        }
        ConsumerState::Unattended => trouble("adm_mqtt_unattended"),
        ConsumerState::Disconnected => trouble("adm_mqtt_away"),
        ConsumerState::Connecting => Answer::new(format.fill("adm_mqtt_connecting", &parts), ""),
        ConsumerState::Connected => {
            let advice = match (proposals, mappings.len()) {
                // Rows in Luna's own form need no mapping.
                (0, 0) if standing.rows_stored > 0 => format.text("adm_mqtt_ready_rows").to_owned(),
                (0, 0) => format.text("adm_mqtt_waiting").to_owned(),
                (0, n) => format.fill("adm_mqtt_mapped", &[("n", &n.to_string())]),
                (1, _) => format.text("adm_mqtt_one_proposal").to_owned(),
                (n, _) => format.fill("adm_mqtt_proposals", &[("n", &n.to_string())]),
            };
            let mut answer = Answer::new(format.fill("adm_mqtt_read", &parts), advice);
            if standing.detail.contains("refuses") {
                answer.notes.push(Note {
                    kind: "stale",
                    title: format.text("adm_mqtt_why").to_owned(),
                    text: standing.detail.clone(),
                    link: Some(Link::new("#topics-title", format.text("adm_mqtt_topics"))),
                });
            }
            answer
        }
    }
}

#[post("/admin/mqtt/mappings")]
async fn save_mapping(
    who: Require<AdminOnly>,
    desk: Desk,
    mqtt: Data<Mqtt>,
    form: Form<MappingForm>,
) -> Result<HttpResponse, Problem> {
    let (form, by) = (form.0, By::of(&who));
    let done = match form.mapping_id.parse::<Uuid>() {
        Ok(mapping_id) => {
            mqtt.update(mapping_id, form.says(), &by).await.map(|_| Said::MappingChanged)
        }
        Err(_) => mqtt.create(form.says(), &by).await.map(|_| Said::MappingMade),
    };
    match done {
        Ok(said) => Ok(said.then(Place::Mqtt.path())),
        Err(error) => {
            let filled = refused(form, error)?;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            show(status, (&who, desk), &mqtt, (String::new(), filled)).await
        }
    }
}

#[post("/admin/mqtt/preview")]
async fn preview_mapping(
    who: Require<AdminOnly>,
    desk: Desk,
    mqtt: Data<Mqtt>,
    form: Form<MappingForm>,
) -> Result<HttpResponse, Problem> {
    let filled = fill(&mqtt, form.0).await?;
    let status =
        if filled.mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    show(status, (&who, desk), &mqtt, (String::new(), filled)).await
}

#[post("/admin/mqtt/mappings/{mapping_id}/toggle")]
async fn toggle_mapping(
    who: Require<AdminOnly>,
    mqtt: Data<Mqtt>,
    mapping_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let all = mqtt.mappings().await?;
    let found = all.into_iter().find(|it| it.mapping_id == *mapping_id);
    let says = found.ok_or(MqttError::Unknown(*mapping_id))?.says;
    let says = NewMapping { is_enabled: !says.is_enabled, ..says };
    mqtt.update(*mapping_id, says, &By::of(&who)).await?;
    Ok(Said::MappingChanged.then(Place::Mqtt.path()))
}

#[post("/admin/mqtt/mappings/{mapping_id}/delete")]
async fn delete_mapping(
    who: Require<AdminOnly>,
    mqtt: Data<Mqtt>,
    mapping_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    mqtt.delete(*mapping_id, &By::of(&who)).await?;
    Ok(Said::MappingDeleted.then(Place::Mqtt.path()))
}
