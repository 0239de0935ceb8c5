//! What the page says about its data: notes above the chart, ages beside it, what is missing.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::Serialize;

use super::model::TodayInput;
use super::points::{Points, Situation};
use crate::base::timeline::{add_days, at_local, day_range, local_date};
use crate::surfaces::dashboards::format::Format;

/// A forecast older than this is marked as stale.
const FORECAST_STALE: Duration = Duration::hours(36);

/// A sentence with a rule at its left.
#[derive(Debug, Clone, Serialize)]
pub struct Note {
    /// `stale`, `err` or empty.
    pub kind: &'static str,
    /// First words, bold.
    pub title: String,
    /// The rest.
    pub text: String,
    /// A command to type.
    pub command: Option<String>,
    /// Target and words of one action.
    pub link: Option<(&'static str, &'static str)>,
}

/// One line of the state of the data.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// Age or value.
    pub value: String,
    /// `stale` with its words instead of a value.
    pub badge: Option<(&'static str, String)>,
    /// One line of context.
    pub text: String,
}

/// What a reader must know before trusting the page.
pub fn notes(input: &TodayInput, points: &Points, format: &Format) -> Vec<Note> {
    let plain = |kind, title: String, key| Note {
        kind,
        title,
        text: format.text(key).to_owned(),
        command: None,
        link: None,
    };
    let mut notes = Vec::new();
    if input.setup_open {
        let mut note = plain("", format.text("note_setup_title").to_owned(), "note_setup");
        note.link = Some(("/setup", format.text("setup_link")));
        notes.push(note);
    }
    let missing_since = input.state.published_until.or_else(|| points.published_until());
    let only_title = || match missing_since {
        Some(since) => format.fill("note_only_title", &[("since", &format.end(since))]),
        None => format.text("note_only_never").to_owned(),
    };
    match points.situation {
        Situation::Empty => {
            let mut note = plain("", format.text("note_empty_title").to_owned(), "note_empty");
            note.command = Some(format.fill("note_empty_command", &[("market", &input.market)]));
            notes.push(note);
        }
        Situation::Past { until } => {
            let title = format.fill("note_past_title", &[("since", &format.end(until))]);
            notes.push(plain("stale", title, "note_past"));
        }
        Situation::ForecastOnly => notes.push(plain("stale", only_title(), "note_only")),
        Situation::ForecastOld { age } => {
            let title = format.fill("note_old_title", &[("age", &format.age(age))]);
            notes.push(plain("stale", title, "note_old"));
        }
        Situation::Published => {}
    }
    if input.simulated {
        let title = format.text("note_simulated_title").to_owned();
        notes.push(plain("sim", title, "note_simulated"));
    }
    notes
}

/// Age, completeness and origin of prices and forecast.
pub fn facts(
    input: &TodayInput,
    points: &Points,
    format: &Format,
    now: DateTime<Utc>,
) -> Vec<Fact> {
    let state = &input.state;
    let ago = |at: DateTime<Utc>| format.fill("ago", &[("age", &format.age(now - at))]);
    let stale = |since: DateTime<Utc>| {
        Some(("stale", format.fill("badge_stale", &[("age", &format.age(now - since))])))
    };
    let until = state.published_until.or_else(|| points.published_until());
    let until_key = if input.simulated { "data_until_simulated" } else { "data_until" };
    let mut facts = vec![Fact {
        name: format.fill("data_prices", &[("market", &input.market)]),
        value: state.prices_known_at.map(ago).unwrap_or_default(),
        badge: until.filter(|until| *until <= now).and_then(stale),
        text: until.map_or_else(
            || format.text("data_no_prices").to_owned(),
            |until| format.fill(until_key, &[("until", &format.end(until))]),
        ),
    }];
    let mut about = Vec::new();
    about.extend(
        state
            .model_label
            .as_ref()
            .map(|label| format.fill("data_model", &[("model", &model_words(label, format))])),
    );
    about.extend(
        state
            .mean_abs_error_eur_mwh
            .map(|error| format.fill("data_error", &[("error", &format.price(error))])),
    );
    facts.push(Fact {
        name: format.text("data_forecast").to_owned(),
        value: state.forecast_issued_at.map(ago).unwrap_or_default(),
        badge: state
            .forecast_issued_at
            .and_then(|issued| if now - issued > FORECAST_STALE { stale(issued) } else { None }),
        text: if state.forecast_issued_at.is_some() {
            about.join("; ")
        } else {
            format.text("data_no_forecast").to_owned()
        },
    });
    if input.simulated || state.source.is_some() || state.attribution.is_some() {
        let simulated = input.simulated.then(|| format.text("data_simulated").to_owned());
        facts.push(Fact {
            name: format.text("data_source").to_owned(),
            value: state.source.as_deref().map(|it| source_words(it, format)).unwrap_or_default(),
            badge: None,
            text: simulated
                .into_iter()
                .chain(state.attribution.clone())
                .collect::<Vec<_>>()
                .join(" "),
        });
    }
    facts
}

/// `price-CH-day_ahead-linear v2` as `lineare Regression, Version 2`; an unknown name stays.
fn model_words(label: &str, format: &Format) -> String {
    const KINDS: [(&str, &str); 4] = [
        ("naive", "model_naive"),
        ("linear", "model_linear"),
        ("lightgbm", "model_lightgbm"),
        ("random_forest", "model_random_forest"),
    ];
    let kind = |name: &str| KINDS.iter().find(|(kind, _)| name.ends_with(kind));
    match label.rsplit_once(" v").and_then(|(name, version)| Some((kind(name)?, version))) {
        Some(((_, key), version)) => {
            format.fill("model_version", &[("model", format.text(key)), ("n", version)])
        }
        None if label.starts_with("naive") => format.text("model_stand_in").to_owned(),
        None => label.to_owned(),
    }
}

/// `import:prices.csv` as `Import prices.csv`; a service keeps its name.
fn source_words(source: &str, format: &Format) -> String {
    match source.split_once(':') {
        Some(("import", file)) => format.fill("source_import", &[("file", file)]),
        _ if source == "simulation" => format.text("source_simulation").to_owned(),
        _ => source.to_owned(),
    }
}

/// Warnings of the input, and a word about tomorrow's prices while they are not there.
pub fn warnings(
    input: &TodayInput,
    points: &Points,
    format: &Format,
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut warnings = input.state.warnings.clone();
    let today = local_date(now, input.zone);
    let due = NaiveTime::from_hms_opt(14, 0, 0).unwrap_or_default();
    let late_from = at_local(today, due, input.zone);
    let tomorrow = day_range(add_days(today, 1), input.zone);
    let known = points.published_until();
    if points.situation == Situation::Published
        && !input.simulated
        && known.is_some_and(|until| until <= tomorrow.from)
    {
        let key = if now < late_from { "waiting_tomorrow" } else { "late_tomorrow" };
        warnings.push(format.text(key).to_owned());
    }
    warnings
}
