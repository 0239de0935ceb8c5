//! `/models`: what serves, what stands in the shadow, everything that is here; and what is done with it.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Desk, Link, Place};
use super::jobs::Standing;
use super::model_card;
use super::said::Said;
use crate::access::audit::By;
use crate::learning::registry::{ModelFilter, ModelRecord, Order, Origin, Registry, Role, State};
use crate::learning::serving::{Bundles, Contest, Contests, Verdict};
use crate::platform::web::{
    Analyst, Cursor, FileForm, Form, Page, Params, Path, Problem, Require,
};
use crate::surfaces::dashboards::format::{Format, number};

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_models).service(import_model).service(do_with_model).configure(model_card::pages);
}

/// Which models to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModelsQuery {
    state: String,
    cursor: Option<Cursor>,
}

/// A form without fields of its own besides its file.
#[derive(Debug, Deserialize)]
struct Nothing {}

/// Why something is done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WhyForm {
    reason: String,
}

#[derive(Debug, Serialize)]
struct ModelsView {
    serving: Vec<Row>,
    contests: Vec<ContestRow>,
    rows: Vec<Row>,
    states: Vec<Link>,
    pages: Vec<Link>,
}

/// A model in a list.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) href: String,
    pub(super) label: String,
    pub(super) series: String,
    purpose: String,
    algorithm: String,
    pub(super) standing: Standing,
    trained: String,
    error: String,
    naive: String,
    gate: Option<Standing>,
    is_champion: bool,
    pub(super) may_activate: bool,
    pub(super) may_shadow: bool,
}

#[derive(Debug, Serialize)]
struct ContestRow {
    href: String,
    challenger: String,
    champion: String,
    series: String,
    days: usize,
    errors: String,
    gain: String,
    standing: Standing,
    offered: bool,
}

/// The page of a model.
pub(super) fn href(id: Uuid) -> String {
    format!("{}/{id}", Place::Models.path())
}

/// Where a model stands, as a badge.
pub(super) fn standing(state: State, format: &Format) -> Standing {
    let kind = match state {
        State::Active => "ok",
        State::Shadow => "pub",
        State::Failed => "err",
        State::Imported | State::Validated | State::Retired => "off",
    };
    Standing { kind, text: format.text(state_key(state)).to_owned() }
}

pub(super) const fn state_key(state: State) -> &'static str {
    match state {
        State::Imported => "mdl_imported",
        State::Validated => "mdl_validated",
        State::Shadow => "mdl_shadow",
        State::Active => "mdl_active",
        State::Retired => "mdl_retired",
        State::Failed => "mdl_failed",
    }
}

/// The gate's verdict, as a badge; nothing where nobody has judged.
pub(super) fn gate(model: &ModelRecord, format: &Format) -> Option<Standing> {
    let gate = &model.metrics.as_ref()?.gate;
    let (kind, key) = if gate.passed { ("ok", "mdl_gate_open") } else { ("stale", "mdl_gate_shut") };
    Some(Standing { kind, text: format.text(key).to_owned() })
}

impl Row {
    pub(super) fn of(model: &ModelRecord, format: &Format) -> Self {
        let error = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |it| number(it, 2));
        let scores = model.metrics.as_ref();
        let is_open = scores.is_some_and(|scores| scores.gate.passed);
        let is_idle = model.role().is_none() && model.state.may_work();
        Self {
            href: href(model.model_id),
            label: model.label(),
            series: model.target_variable.clone(),
            purpose: purpose(model, format),
            algorithm: model.model_type.clone(),
            standing: standing(model.state, format),
            trained: format.date_whole(format.date_of(model.train_end)),
            error: error(scores.map(|it| it.validation.mae)),
            naive: error(scores.map(|it| it.naive.mae)),
            gate: gate(model, format),
            is_champion: model.role() == Some(Role::Champion),
            may_activate: model.role() != Some(Role::Champion) && model.state.may_work() && is_open,
            may_shadow: is_idle,
        }
    }
}

/// What a model is for, in words.
pub(super) fn purpose(model: &ModelRecord, format: &Format) -> String {
    match &model.event {
        None => format.text("mdl_value").to_owned(),
        Some(event) => {
            let key = match event.direction {
                crate::learning::registry::Direction::Above => "mdl_event_above",
                crate::learning::registry::Direction::Below => "mdl_event_below",
            };
            format.fill(key, &[("threshold", &number(event.threshold, 2))])
        }
    }
}

impl ContestRow {
    fn of(contest: Contest, format: &Format) -> Self {
        let error = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |it| number(it, 3));
        let (kind, key) = match contest.verdict {
            Verdict::Better => ("ok", "mdl_better"),
            Verdict::NotBetter => ("off", "mdl_not_better"),
            Verdict::TooFewDays => ("pub", "mdl_too_few"),
            Verdict::NoChampion => ("off", "mdl_no_champion"),
        };
        Self {
            href: href(contest.challenger_id),
            champion: contest.champion.unwrap_or_else(|| "–".to_owned()),
            series: contest.series,
            days: contest.days,
            errors: format!("{} / {}", error(contest.challenger_error), error(contest.champion_error)),
            gain: error(contest.gain),
            standing: Standing { kind, text: format.text(key).to_owned() },
            offered: contest.offered,
            challenger: contest.challenger,
        }
    }
}

#[get("/models")]
async fn get_models(
    who: Require<Analyst>,
    desk: Desk,
    registry: Data<Registry>,
    contests: Data<Contests>,
    query: Params<ModelsQuery>,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(&who);
    let ModelsQuery { state, cursor } = query.0;
    let state = State::parse(&state);
    let page = Page { cursor, ..Page::default() };
    let link = |state: Option<State>, cursor: &str, key: &'static str| {
        let state = state.map_or("", State::name);
        Link::query(Place::Models, &[("state", state), ("cursor", cursor)], format.text(key))
    };
    let newest = page.cursor.is_some().then(|| link(state, "", "adm_newest"));
    let filter = ModelFilter { state, ..ModelFilter::default() };
    let listed = registry.list(filter, page.position()?, page.fetch_limit()).await?;
    let (models, next) = page.cut(listed, |model| Cursor::new(model.created_at, model.model_id));
    let older = next.map(|next| link(state, &next.encode(), "adm_older"));
    let serving = registry.active().await?;
    let contests = contests.all().await?;
    let answer = answer(&serving, &contests, &format);
    let states = std::iter::once((None, "adm_jobs_all"))
        .chain(State::ALL.map(|state| (Some(state), state_key(state))))
        .map(|(other, key)| link(other, "", key).current(other == state));
    let view = ModelsView {
        serving: serving.iter().map(|model| Row::of(model, &format)).collect(),
        contests: contests.into_iter().map(|it| ContestRow::of(it, &format)).collect(),
        rows: models.iter().map(|model| Row::of(model, &format)).collect(),
        states: states.collect(),
        pages: newest.into_iter().chain(older).collect(),
    };
    Ok(desk.show(&who, (Place::Models, "admin/models.html"), &answer, &view))
}

/// Whether somebody has to decide something.
fn answer(serving: &[ModelRecord], contests: &[Contest], format: &Format) -> Answer {
    let offered: Vec<&Contest> = contests.iter().filter(|contest| contest.offered).collect();
    if let Some(first) = offered.first() {
        let lead = format.fill("mdl_lead_offered", &[("model", &first.challenger)]);
        return Answer::new(lead, format.text("mdl_lead_offered_advice"));
    }
    if serving.is_empty() {
        return Answer::new(format.text("mdl_lead_none"), format.text("mdl_lead_none_advice"));
    }
    let counts = [("n", serving.len().to_string()), ("shadows", contests.len().to_string())];
    let counts = counts.each_ref().map(|(name, value)| (*name, value.as_str()));
    Answer::new(format.fill("mdl_lead", &counts), format.fill("mdl_lead_advice", &counts))
}

/// Takes in a bundle; what is wrong with it is told on a page of its own.
#[post("/models/import")]
async fn import_model(
    who: Require<Analyst>,
    bundles: Data<Bundles>,
    form: FileForm<Nothing>,
) -> Result<HttpResponse, Problem> {
    if form.file.bytes.is_empty() {
        return Err(Problem::invalid("file", "choose the bundle of a model"));
    }
    let by = By::of(&who);
    let order = Order { by: &by, reason: "", accepts_unproven: false };
    let taken = bundles.take_in(form.file.bytes, Origin::File, order).await?;
    let said = if taken.is_new { Said::ModelTakenIn } else { Said::ModelKnown };
    Ok(said.then(&href(taken.model.model_id)))
}

/// What is done with a model by a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Activate,
    Deactivate,
    Shadow,
    Rollback,
    Promote,
}

#[post("/models/{id}/{verb}")]
async fn do_with_model(
    who: Require<Analyst>,
    (registry, contests): (Data<Registry>, Data<Contests>),
    place: Path<(Uuid, Verb)>,
    form: Form<WhyForm>,
) -> Result<HttpResponse, Problem> {
    let (id, verb) = place.into_inner();
    let by = By::of(&who);
    let reason = form.0.reason.trim();
    let order = Order { by: &by, reason, accepts_unproven: false };
    let (said, model) = match verb {
        Verb::Activate => (Said::ModelActivated, registry.activate(id, order).await?),
        Verb::Deactivate => (Said::ModelDeactivated, registry.deactivate(id, order).await?),
        Verb::Shadow => (Said::ModelInShadow, registry.shadow(id, order).await?),
        Verb::Rollback => (Said::ModelRolledBack, registry.rollback(id, order).await?),
        Verb::Promote => (Said::ModelPromoted, contests.promote(id, order).await?),
    };
    Ok(said.then(&href(model.model_id)))
}
