//! `/models/{id}`: one model: what it learned from, what it looks at, how good it was, what happened
//! to it.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use uuid::Uuid;

use super::desk::{Answer, Desk, Place};
use super::jobs::Standing;
use super::models::{Row, gate, href, purpose, standing, state_key};
use super::names::Names;
use crate::access::accounts::Accounts;
use crate::learning::features::Regime;
use crate::learning::registry::{HistoryEntry, ModelFilter, ModelRecord, Registry, Role, State};
use crate::learning::serving::{Contests, Drift, DriftGrade};
use crate::platform::web::{Analyst, Path, Problem, Require};
use crate::surfaces::dashboards::format::{Format, number};

/// Features whose weight is shown.
const FEATURES_SHOWN: usize = 12;
/// Entries of the history, and versions, that are shown.
const ENTRIES_SHOWN: i64 = 30;

/// Registers the page.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_model);
}

#[derive(Debug, Serialize)]
struct CardView {
    href: String,
    bundle: String,
    label: String,
    standing: Standing,
    gate: Option<Standing>,
    gate_reason: String,
    error: String,
    facts: Vec<Fact>,
    leads: Vec<LeadRow>,
    weights: Vec<Weight>,
    features: Vec<String>,
    params: String,
    drift: Standing,
    drift_text: String,
    versions: Vec<Row>,
    history: Vec<Entry>,
    /// What can be done with it now, the likeliest first.
    verbs: Vec<Button>,
}

#[derive(Debug, Serialize)]
struct Button {
    verb: &'static str,
    text: &'static str,
    /// `p` for the one that is offered.
    class: &'static str,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct LeadRow {
    lead_day: u8,
    n: String,
    error: String,
    naive: String,
}

#[derive(Debug, Serialize)]
struct Weight {
    name: String,
    percent: u8,
}

#[derive(Debug, Serialize)]
struct Entry {
    at: String,
    action: String,
    to: String,
    who: String,
    reason: String,
}

#[get("/models/{id}")]
async fn get_model(
    who: Require<Analyst>,
    desk: Desk,
    registry: Data<Registry>,
    (contests, accounts): (Data<Contests>, Data<Accounts>),
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(&who);
    let model = registry.get(*id).await?;
    let filter = ModelFilter { name: Some(model.name.clone()), ..ModelFilter::default() };
    let versions = registry.list(filter, None, ENTRIES_SHOWN).await?;
    let history = registry.history(*id, None, ENTRIES_SHOWN).await?;
    let names = Names::of(&accounts).await?;
    let drift = contests.drift(*id).await?;
    let offered = match model.role() {
        Some(Role::Shadow) => contests.contest(*id).await?.offered,
        _ => false,
    };
    let answer = answer(&model, offered, &format);
    let view = CardView {
        versions: versions.iter().map(|model| Row::of(model, &format)).collect(),
        history: entries(history, &names, &format),
        verbs: verbs(&model, offered, &format),
        ..card(&model, &drift, &format)
    };
    Ok(desk.show(&who, (Place::Models, "admin/model.html"), &answer, &view))
}

fn answer(model: &ModelRecord, offered: bool, format: &Format) -> Answer {
    let (lead, advice) = match model.state {
        State::Shadow if offered => ("mdl_one_offered", "mdl_lead_offered_advice"),
        State::Active => ("mdl_one_active", "mdl_one_active_advice"),
        State::Shadow => ("mdl_one_shadow", "mdl_one_shadow_advice"),
        State::Validated => ("mdl_one_validated", "mdl_one_validated_advice"),
        State::Imported => ("mdl_one_imported", "mdl_one_imported_advice"),
        State::Retired => ("mdl_one_retired", "mdl_one_retired_advice"),
        State::Failed => ("mdl_one_failed", "mdl_one_failed_advice"),
    };
    let label = model.label();
    Answer::new(format.fill(lead, &[("model", &label)]), format.text(advice))
}

fn card(model: &ModelRecord, drift: &Drift, format: &Format) -> CardView {
    let scores = model.metrics.as_ref();
    let leads = scores.map(|scores| &scores.by_lead).into_iter().flatten();
    let weights = scores.map(|scores| &scores.importance).into_iter().flatten();
    let params = serde_json::to_string_pretty(&model.params).unwrap_or_default();
    CardView {
        href: href(model.model_id),
        bundle: format!("/api/models/{}/bundle", model.model_id),
        label: model.label(),
        standing: standing(model.state, format),
        gate: gate(model, format),
        gate_reason: scores.map(|scores| scores.gate.reason.clone()).unwrap_or_default(),
        error: model.error.clone().unwrap_or_default(),
        facts: facts(model, format),
        leads: leads
            .map(|lead| LeadRow {
                lead_day: lead.lead_day,
                n: number(lead.n as f64, 0),
                error: number(lead.mae, 2),
                naive: number(lead.naive_mae, 2),
            })
            .collect(),
        weights: weights
            .take(FEATURES_SHOWN)
            .map(|(name, share)| Weight { name: name.clone(), percent: percent(*share) })
            .collect(),
        features: model.features.clone(),
        params,
        drift: drift_badge(drift, format),
        drift_text: drift_text(drift, format),
        versions: Vec::new(),
        history: Vec::new(),
        verbs: Vec::new(),
    }
}

fn verbs(model: &ModelRecord, offered: bool, format: &Format) -> Vec<Button> {
    let row = Row::of(model, format);
    let all = [
        ("promote", "mdl_promote", offered),
        ("activate", "mdl_activate", row.may_activate),
        ("shadow", "mdl_to_shadow", row.may_shadow),
        ("rollback", "mdl_rollback", model.role() == Some(Role::Champion)),
        ("deactivate", "mdl_deactivate", model.role().is_some()),
    ];
    let possible = all.into_iter().filter(|(.., is_possible)| *is_possible);
    possible
        .map(|(verb, key, _)| Button {
            verb,
            text: format.text(key),
            class: if verb == "promote" { "p" } else { "" },
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 100")]
fn percent(share: f64) -> u8 {
    (share * 100.0).round().clamp(0.0, 100.0) as u8
}

fn facts(model: &ModelRecord, format: &Format) -> Vec<Fact> {
    let days = |at| format.date_whole(format.date_of(at));
    let none = || "–".to_owned();
    let rows = |scores: &crate::learning::registry::ModelMetrics| {
        format!(
            "{} / {}",
            number(scores.train_rows as f64, 0),
            number(scores.validation_rows as f64, 0)
        )
    };
    let short = |hash: &Option<String>| {
        hash.as_ref().map_or_else(none, |hash| hash.chars().take(16).collect())
    };
    let origin = match model.origin {
        crate::learning::registry::Origin::Trained => "mdl_origin_trained",
        crate::learning::registry::Origin::File => "mdl_origin_file",
        crate::learning::registry::Origin::Url => "mdl_origin_url",
    };
    let regime = model.regime.as_ref();
    let regime = regime.map_or_else(|| format.text("mdl_regime_all").to_owned(), Regime::words);
    let all = [
        ("mdl_col_series", model.target_variable.clone()),
        ("mdl_col_purpose", purpose(model, format)),
        ("mdl_col_algorithm", model.model_type.clone()),
        ("mdl_regime", regime),
        ("mdl_trained_on", format!("{} – {}", days(model.train_start), days(model.train_end))),
        ("mdl_rows", model.metrics.as_ref().map_or_else(none, rows)),
        ("mdl_horizon", format!("{} h", number(f64::from(model.future_minutes) / 60.0, 0))),
        ("mdl_origin", format.text(origin).to_owned()),
        ("mdl_dataset", short(&model.dataset_sha256)),
        ("mdl_hash", short(&model.artifact_sha256)),
        ("mdl_signed_by", short(&model.signed_by)),
        ("adm_col_created", format.moment(model.created_at)),
    ];
    all.into_iter().map(|(key, value)| Fact { name: format.text(key), value }).collect()
}

fn drift_badge(drift: &Drift, format: &Format) -> Standing {
    let (kind, key) = match drift.grade {
        DriftGrade::Stable => ("ok", "mdl_drift_stable"),
        DriftGrade::Moderate => ("stale", "mdl_drift_moderate"),
        DriftGrade::Large => ("err", "mdl_drift_large"),
        DriftGrade::Unknown => ("off", "mdl_drift_unknown"),
    };
    Standing { kind, text: format.text(key).to_owned() }
}

fn drift_text(drift: &Drift, format: &Format) -> String {
    let days = (drift.reference_days.to_string(), drift.recent_days.to_string());
    let days = [("before", days.0.as_str()), ("late", days.1.as_str())];
    match drift.psi {
        Some(psi) => {
            format.fill("mdl_drift_text", &[&days[..], &[("psi", &number(psi, 2))]].concat())
        }
        None => format.fill("mdl_drift_few", &days),
    }
}

fn entries(history: Vec<HistoryEntry>, names: &Names, format: &Format) -> Vec<Entry> {
    let in_words = |key: String, else_: String| format.find(&key).map_or(else_, str::to_owned);
    let entry = |entry: HistoryEntry| {
        let to = State::parse(&entry.to_state).map(|state| format.text(state_key(state)));
        let actor = format!("mdl_by_{}", entry.actor);
        Entry {
            at: format.second(entry.at),
            action: in_words(format!("mdl_did_{}", entry.action), entry.action),
            to: to.unwrap_or_default().to_owned(),
            who: entry.user_id.map_or_else(|| in_words(actor, entry.actor), |id| names.name(id)),
            reason: entry.reason,
        }
    };
    history.into_iter().map(entry).collect()
}
