//! `/admin`: whether the box is well, what it runs, what stands in for what.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use serde::Serialize;

use super::desk::{Answer, Desk, Link, Note, Place};
use super::jobs::{dead, dead_since};
use super::lines::{Level, Line, Row};
use super::logs::{errors_today, kept};
use crate::operations::status::{Check, Component, Status, StatusSummary, Versions};
use crate::platform::jobs::{JobCounts, Jobs};
use crate::platform::objects::Space;
use crate::platform::telemetry::Logs;
use crate::platform::web::{AdminOnly, Problem, Require};
use crate::surfaces::dashboards::format::{Format, NBSP, number};

/// Warnings that the page shows.
const WARNINGS: usize = 5;
/// What stands for a broker where none is set.
const NO_BROKER: &str = "none is set";
/// Room for data below which somebody should make more.
const SCARCE_BYTES: u64 = 5 << 30;

/// Registers the page.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_system);
}

#[derive(Debug, Serialize)]
struct SystemView {
    checked_at: String,
    checks: Vec<Fact>,
    parts: Vec<Fact>,
    versions: Vec<Fact>,
    stored: Vec<Fact>,
    warnings: Vec<Row>,
    all_warnings: Link,
}

/// A line of a list: a name, a badge or a value, a sentence.
#[derive(Debug, Default, Serialize)]
struct Fact {
    name: String,
    badge: Option<(&'static str, &'static str)>,
    value: String,
    text: String,
    /// Whether the sentence is the program's own, in English.
    is_english: bool,
}

/// What the page is made from.
struct Seen {
    summary: StatusSummary,
    versions: Versions,
    space: Option<Space>,
    counts: JobCounts,
    lines: Vec<Line>,
}

#[get("/admin")]
async fn get_system(
    who: Require<AdminOnly>,
    desk: Desk,
    status: Data<Status>,
    jobs: Data<Jobs>,
    logs: Data<Logs>,
) -> Result<HttpResponse, Problem> {
    let seen = Seen {
        summary: status.summary().await,
        versions: status.versions().await?,
        space: status.space(),
        counts: jobs.counts(dead_since(desk.now())).await?,
        lines: kept(&logs),
    };
    let format = desk.format(&who);
    let answer = answer(troubles(&seen, &format), &format);
    let view = view(seen, &format);
    Ok(desk.show(&who, (Place::System, "admin/system.html"), &answer, &view))
}

/// What needs a person, the gravest first.
fn troubles(seen: &Seen, format: &Format) -> Vec<(String, Note)> {
    let note = |kind, title: String, advice: &'static str, link| {
        (title.clone(), Note { kind, title, text: format.text(advice).to_owned(), link })
    };
    let mut found = Vec::new();
    if !seen.summary.health.ready {
        let title = format.text("adm_sys_down").to_owned();
        found.push(note("err", title, "adm_sys_down_advice", None));
    }
    // What is down as a whole is told above.
    let failing =
        seen.summary.health.checks.iter().filter(|it| seen.summary.health.ready && !it.ok);
    for check in failing {
        let name = check_name(check, format);
        let title = format.fill("adm_sys_check", &[("name", &name)]);
        found.push(note("err", title, "adm_sys_down_advice", None));
    }
    if !seen.versions.schema.is_head {
        let title = format.text("adm_sys_schema").to_owned();
        found.push(note("err", title, "adm_sys_schema_advice", None));
    }
    if seen.counts.dead > 0 {
        let link = Link::query(Place::Jobs, &[("state", "dead")], format.text("adm_sys_to_jobs"));
        let title = dead(seen.counts.dead, format);
        found.push(note("err", title, "adm_jobs_advice", Some(link)));
    }
    if let Some(space) = seen.space.as_ref().filter(|space| space.free_bytes < SCARCE_BYTES) {
        let title = format.fill("adm_sys_disk", &[("free", &bytes(space.free_bytes))]);
        found.push(note("stale", title, "adm_sys_disk_advice", None));
    }
    let errors = errors_today(&seen.lines, seen.summary.now);
    if errors > 0 {
        let key = if errors == 1 { "adm_logs_error" } else { "adm_logs_errors" };
        let title = format.fill(key, &[("n", &errors.to_string())]);
        let link = Link::query(Place::Logs, &[("level", "error")], format.text("adm_sys_to_logs"));
        found.push(note("stale", title, "adm_logs_advice", Some(link)));
    }
    found
}

fn answer(troubles: Vec<(String, Note)>, format: &Format) -> Answer {
    let Some((lead, first)) = troubles.first() else {
        return Answer::new(format.text("adm_sys_calm"), format.text("adm_sys_calm_advice"));
    };
    let advice = first.text.clone();
    Answer { lead: lead.clone(), advice, notes: troubles.into_iter().map(|it| it.1).collect() }
}

fn view(seen: Seen, format: &Format) -> SystemView {
    let Seen { summary, versions, space, counts, lines } = seen;
    let warnings = lines.into_iter().filter(|line| line.level <= Level::Warn).take(WARNINGS);
    let has_timescale = versions.schema.has_timescale;
    let mut checks: Vec<Fact> =
        summary.health.checks.iter().map(|it| of_check(it, &versions, space, format)).collect();
    checks.push(of_queue(counts, format));
    SystemView {
        checked_at: format.fill("adm_sys_checked", &[("time", &format.second(summary.now))]),
        checks,
        parts: summary.components.iter().map(|it| of_part(it, has_timescale, format)).collect(),
        stored: of_counts(&summary, format),
        versions: of_versions(versions, format),
        warnings: warnings.map(|line| line.row(format)).collect(),
        all_warnings: Link::query(
            Place::Logs,
            &[("level", "warn")],
            format.text("adm_sys_all_warnings"),
        ),
    }
}

fn badge(ok: bool, format: &Format) -> (&'static str, &'static str) {
    if ok { ("ok", format.text("adm_ok")) } else { ("err", format.text("adm_not_ok")) }
}

/// A check in the reader's language where Luna knows it, else in the program's own words.
fn of_check(check: &Check, versions: &Versions, space: Option<Space>, format: &Format) -> Fact {
    let known = match (check.name, check.ok, space) {
        ("database", true, _) => {
            Some(format.fill("adm_check_database_ok", &[("place", &versions.place)]))
        }
        ("disk", true, Some(space)) => {
            let (free, total) = (bytes(space.free_bytes), bytes(space.total_bytes));
            Some(format.fill("adm_check_disk_ok", &[("free", &free), ("total", &total)]))
        }
        (name, true, _) => format.find(&format!("adm_check_{name}_ok")).map(str::to_owned),
        (_, false, _) => None,
    };
    let is_scarce = space.is_some_and(|space| space.free_bytes < SCARCE_BYTES);
    Fact {
        name: check_name(check, format),
        badge: Some(match (check.name, check.ok) {
            ("disk", true) if is_scarce => ("stale", format.text("adm_scarce")),
            (_, ok) => badge(ok, format),
        }),
        is_english: known.is_none(),
        text: known.unwrap_or_else(|| check.detail.clone()),
        ..Fact::default()
    }
}

fn check_name(check: &Check, format: &Format) -> String {
    format.find(&format!("adm_check_{}", check.name)).unwrap_or(check.name).to_owned()
}

fn of_queue(counts: JobCounts, format: &Format) -> Fact {
    let (running, queued) = (counts.running.to_string(), counts.queued.to_string());
    let parts = [("running", running.as_str()), ("queued", queued.as_str())];
    Fact {
        name: format.text("adm_jobs").to_owned(),
        badge: Some(badge(counts.dead == 0, format)),
        text: format.fill("adm_jobs_counts", &parts),
        ..Fact::default()
    }
}

fn of_part(part: &Component, has_timescale: bool, format: &Format) -> Fact {
    let key = match part.role {
        "database" if has_timescale => "adm_part_timescale".to_owned(),
        "database" => "adm_part_plain".to_owned(),
        "object_store" if part.active == "data folder" => "adm_part_folder".to_owned(),
        "mqtt_broker" if part.active == NO_BROKER => "adm_part_no_broker".to_owned(),
        _ => format!("adm_part_{}", part.active),
    };
    let is_ours = matches!(part.role, "database" | "object_store")
        || part.role == "mqtt_broker" && part.active != NO_BROKER;
    let badge = match (part.reachable, key.as_str()) {
        (false, _) if is_ours => badge(false, format),
        (false, _) => ("off", format.text("adm_off")),
        (true, "adm_part_plain" | "adm_part_folder") => ("off", format.text("adm_stands_in")),
        (true, _) => badge(true, format),
    };
    let known = format.find(&key);
    Fact {
        name: format.find(&format!("adm_role_{}", part.role)).unwrap_or(part.role).to_owned(),
        badge: Some(badge),
        text: known.unwrap_or(&part.active).to_owned(),
        is_english: known.is_none(),
        ..Fact::default()
    }
}

fn of_versions(versions: Versions, format: &Format) -> Vec<Fact> {
    let schema = versions.schema;
    let mut text = Vec::new();
    for (key, names) in
        [("adm_schema_pending", schema.pending), ("adm_schema_unknown", schema.unknown)]
    {
        if !names.is_empty() {
            text.push(format.fill(key, &[("names", &names.join(", "))]));
        }
    }
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value, ..Fact::default() };
    let newest = schema.applied.last().cloned().unwrap_or_else(|| "–".to_owned());
    vec![
        fact("Luna", versions.program.to_owned()),
        fact("PostgreSQL", versions.server),
        Fact { text: text.join(" "), ..fact(format.text("adm_check_schema"), newest) },
    ]
}

fn of_counts(summary: &StatusSummary, format: &Format) -> Vec<Fact> {
    let counts = summary.counts.clone().unwrap_or_default();
    [
        ("adm_count_prices", counts.market_prices),
        ("adm_count_models", counts.models),
        ("adm_count_forecasts", counts.forecast_runs),
        ("adm_count_documents", counts.items),
        ("adm_count_chunks", counts.chunks),
    ]
    .map(|(key, count)| Fact {
        name: format.text(key).to_owned(),
        value: number(count as f64, 0),
        ..Fact::default()
    })
    .into()
}

/// Bytes as people read them, e.g. `41.2 GB`.
fn bytes(count: u64) -> String {
    format!("{}{NBSP}GB", number(count as f64 / 1e9, 1))
}
