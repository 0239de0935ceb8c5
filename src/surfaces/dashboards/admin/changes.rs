//! Who follows changes of series, how far behind each is, and what could not be taken.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::Serialize;
use uuid::Uuid;

use super::desk::Place;
use super::jobs::Empty;
use super::said::Said;
use super::words;
use crate::access::audit::By;
use crate::facts::changes::{Changes, ChangesError, ConsumerState, DeadChange};
use crate::platform::web::{AdminOnly, Form, Path, Problem, Require};
use crate::surfaces::dashboards::format::{Format, number};

/// Age of what waits from which on somebody is behind, in seconds.
const BEHIND_S: f64 = 120.0;

/// Registers the forms.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(retry_change).service(discard_change);
}

/// One who follows changes.
#[derive(Debug, Serialize)]
pub(super) struct FollowerRow {
    name: String,
    rows: String,
    age: String,
    moved: String,
    badge: (&'static str, &'static str),
    error: String,
}

impl FollowerRow {
    pub(super) fn of(state: &ConsumerState, format: &Format) -> Self {
        let key = format!("adm_chg_{}", state.consumer.replace('.', "_"));
        let badge = if state.attempts > 0 {
            ("err", format.text("adm_chg_fails"))
        } else if state.lag_s > BEHIND_S {
            ("stale", format.text("adm_chg_behind"))
        } else {
            ("ok", format.text("adm_chg_calm"))
        };
        #[expect(clippy::cast_possible_truncation, reason = "years of seconds")]
        let age = chrono::Duration::seconds(state.lag_s.round() as i64);
        Self {
            name: format.find(&key).unwrap_or(&state.consumer).to_owned(),
            rows: number(state.lag_rows as f64, 0),
            age: if state.lag_rows == 0 { "–".to_owned() } else { format.age(age) },
            moved: format.moment(state.moved_at),
            badge,
            error: state.error.clone().unwrap_or_default(),
        }
    }
}

/// A change that could not be taken.
#[derive(Debug, Serialize)]
pub(super) struct ChangeRow {
    title: String,
    range: String,
    reason: String,
    attempts: String,
    retry: String,
    discard: String,
}

impl ChangeRow {
    pub(super) fn of(letter: &DeadChange, format: &Format) -> Self {
        let key = format!("adm_chg_{}", letter.consumer.replace('.', "_"));
        let who = format.find(&key).unwrap_or(&letter.consumer).to_owned();
        let tries = number(f64::from(letter.attempts), 0);
        let time = format.moment(letter.created_at);
        let range = letter.change.range;
        let act = |what: &str| format!("/admin/sources/changes/{}/{what}", letter.letter_id);
        Self {
            title: format!("{who}, {}", words::subject(&letter.change.name, format)),
            range: format!("{} – {}", format.moment(range.from), format.moment(range.to)),
            reason: letter.reason.clone(),
            attempts: format.fill("adm_chg_letter", &[("n", &tries), ("time", &time)]),
            retry: act("retry"),
            discard: act("discard"),
        }
    }
}

#[post("/admin/sources/changes/{letter_id}/retry")]
async fn retry_change(
    who: Require<AdminOnly>,
    changes: Data<Changes>,
    letter_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let done = changes.retry(*letter_id, &By::of(&who)).await;
    said(done, Said::ChangeRetried)
}

#[post("/admin/sources/changes/{letter_id}/discard")]
async fn discard_change(
    who: Require<AdminOnly>,
    changes: Data<Changes>,
    letter_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let done = changes.discard(*letter_id, &By::of(&who)).await;
    said(done, Said::ChangeDiscarded)
}

fn said(done: Result<DeadChange, ChangesError>, well: Said) -> Result<HttpResponse, Problem> {
    let said = match done {
        Ok(_) => well,
        Err(ChangesError::NotFound(_)) => Said::ChangeGone,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(Place::Sources.path()))
}
