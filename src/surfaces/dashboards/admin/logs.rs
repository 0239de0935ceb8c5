//! `/admin/logs`: the newest lines of this process, by level and text.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::desk::{Answer, Choice, Desk, Link, Place};
use super::lines::{Level, Line, Row};
use crate::platform::telemetry::Logs;
use crate::platform::web::{AdminOnly, Params, Problem, Require, optional_instant};
use crate::surfaces::dashboards::format::Format;

/// Lines on a page.
const PAGE: usize = 50;
/// Lines to look through: more than are kept.
const ALL: usize = 10_000;

/// Registers the page.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_logs);
}

/// Which lines to show; a form sends empty texts for what is not asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LogQuery {
    level: String,
    text: String,
    /// Only lines before this instant.
    #[serde(deserialize_with = "optional_instant")]
    before: Option<DateTime<Utc>>,
}

/// The page as the template sees it.
#[derive(Debug, Serialize)]
pub(super) struct LogsView {
    levels: Vec<Choice>,
    text: String,
    rows: Vec<Row>,
    summary: String,
    filtered: bool,
    /// To the newest lines, to older ones.
    pages: Vec<Link>,
}

/// Lines of the last day that say `error`.
pub(super) fn errors_today(lines: &[Line], now: DateTime<Utc>) -> usize {
    let since = now - Duration::days(1);
    lines.iter().filter(|line| line.level == Level::Error && line.at > since).count()
}

/// Every line that is kept, newest first.
pub(super) fn kept(logs: &Logs) -> Vec<Line> {
    logs.recent(ALL).iter().rev().filter_map(|line| Line::read(line)).collect()
}

#[get("/admin/logs")]
async fn get_logs(
    who: Require<AdminOnly>,
    desk: Desk,
    logs: Data<Logs>,
    query: Params<LogQuery>,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(&who);
    let lines = kept(&logs);
    let answer = answer(errors_today(&lines, desk.now()), &format);
    let view = view(lines, query.0, &format);
    Ok(desk.show(&who, (Place::Logs, "admin/logs.html"), &answer, &view))
}

fn answer(errors: usize, format: &Format) -> Answer {
    match errors {
        0 => Answer::new(format.text("adm_logs_calm"), ""),
        1 => Answer::new(format.text("adm_logs_error"), format.text("adm_logs_advice")),
        n => {
            let lead = format.fill("adm_logs_errors", &[("n", &n.to_string())]);
            Answer::new(lead, format.text("adm_logs_advice"))
        }
    }
}

/// What of `lines` (newest first) the query asks for.
pub(super) fn view(lines: Vec<Line>, query: LogQuery, format: &Format) -> LogsView {
    let least = Level::parse(&query.level);
    let text = query.text.trim().to_lowercase();
    let total = lines.len();
    let mut found: Vec<Line> = lines
        .into_iter()
        .filter(|line| least.is_none_or(|least| line.level <= least))
        .filter(|line| text.is_empty() || line.holds(&text))
        .collect();
    let count = found.len();
    if let Some(before) = query.before {
        found.retain(|line| line.at < before);
    }
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let level = least.map_or("", Level::name);
    let link = |before: &str, key| {
        let parameters = [("level", level), ("text", query.text.trim()), ("before", before)];
        Link::query(Place::Logs, &parameters, format.text(key))
    };
    let last = found.last().filter(|_| more).map(|line| line.at.to_rfc3339());
    let newest = query.before.map(|_| link("", "adm_newest"));
    let older = last.map(|at| link(&at, "adm_older"));
    let choices = [None, Some(Level::Error), Some(Level::Warn), Some(Level::Info)].map(|choice| {
        let (value, key) = match choice {
            Some(Level::Error) => ("error", "adm_level_error"),
            Some(Level::Warn) => ("warn", "adm_level_warn"),
            Some(_) => ("info", "adm_level_info"),
            None => ("", "adm_level_all"),
        };
        Choice::new(value, format.text(key), level)
    });
    let counts = [("n", count.to_string()), ("total", total.to_string())];
    let counts: Vec<_> = counts.iter().map(|(name, count)| (*name, count.as_str())).collect();
    LogsView {
        levels: choices.into(),
        rows: found.into_iter().map(|line| line.row(format)).collect(),
        summary: format.fill("adm_logs_summary", &counts),
        filtered: least.is_some() || !text.is_empty(),
        pages: newest.into_iter().chain(older).collect(),
        text: query.text,
    }
}
