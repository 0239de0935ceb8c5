//! What a page says about its data: notes above the chart, ages beside it, what is missing.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::Serialize;

use super::model::PriceInput;
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
pub fn notes(input: &PriceInput, points: &Points, format: &Format) -> Vec<Note> {
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
    input: &PriceInput,
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
        badge: until.filter(|until| *until <= now).and_then(stale).or_else(|| {
            let since = overdue(input, points, now)?;
            let age = format.age(now - since);
            Some(("stale", format.fill("badge_overdue", &[("age", &age)])))
        }),
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
    about.extend(state.mean_abs_error_eur_mwh.map(|error| {
        let error = format.price(error * input.money.factor(now));
        format.fill("data_error", &[("error", &error)])
    }));
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
    if input.simulated || state.source.is_some() || !state.attribution.is_empty() {
        let simulated = input.simulated.then(|| format.text("data_simulated").to_owned());
        facts.push(Fact {
            name: format.text("data_source").to_owned(),
            value: state.source.as_deref().map(|it| source_words(it, format)).unwrap_or_default(),
            badge: None,
            text: simulated
                .into_iter()
                .chain(state.attribution.iter().cloned())
                .collect::<Vec<_>>()
                .join(" "),
        });
    }
    facts
}

/// `price-CH-day_ahead-linear v2` as `lineare Regression, Version 2`; an unknown name stays.
fn model_words(label: &str, format: &Format) -> String {
    const KINDS: [(&str, &str); 6] = [
        ("naive", "model_naive"),
        ("linear", "model_linear"),
        ("lightgbm", "model_lightgbm"),
        ("random_forest", "model_random_forest"),
        ("lear", "model_lear"),
        ("ensemble", "model_ensemble"),
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
pub fn source_words(source: &str, format: &Format) -> String {
    match source.split_once(':') {
        Some(("import", file)) => format.fill("source_import", &[("file", file)]),
        _ => format.find(&format!("source_{source}")).unwrap_or(source).to_owned(),
    }
}

/// When sources publish tomorrow's prices, on the clocks of the market.
const PUBLISHED_AT: (u32, u32) = (13, 0);
/// From here on a publication is overdue; it is now and then half an hour late.
const OVERDUE_AT: (u32, u32) = (14, 0);

/// When tomorrow's prices should have come, once they are overdue.
fn overdue(input: &PriceInput, points: &Points, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let clock = |(hour, minute)| {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
        at_local(local_date(now, input.zone), time, input.zone)
    };
    (lacks_tomorrow(input, points, now) && now >= clock(OVERDUE_AT)).then(|| clock(PUBLISHED_AT))
}

/// Whether a price is known for now and none for tomorrow.
fn lacks_tomorrow(input: &PriceInput, points: &Points, now: DateTime<Utc>) -> bool {
    let tomorrow = day_range(add_days(local_date(now, input.zone), 1), input.zone);
    let known = points.published_until();
    points.situation == Situation::Published
        && !input.simulated
        && known.is_some_and(|until| until <= tomorrow.from)
}

/// Warnings of the input, a word about tomorrow's prices while they are not there, and one about a
/// source that does not answer.
pub fn warnings(
    input: &PriceInput,
    points: &Points,
    format: &Format,
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut warnings = input.state.warnings.clone();
    if overdue(input, points, now).is_some() {
        let has_forecast = points.seam().is_some();
        let key = if has_forecast { "late_tomorrow_forecast" } else { "late_tomorrow" };
        warnings.push(format.text(key).to_owned());
    } else if lacks_tomorrow(input, points, now) {
        warnings.push(format.text("waiting_tomorrow").to_owned());
    }
    if let Some(since) = input.state.source_away_since {
        let age = format.age(now - since);
        warnings.push(format.fill("source_away", &[("age", &age)]));
    }
    warnings
}
