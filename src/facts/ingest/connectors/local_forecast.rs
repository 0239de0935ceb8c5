//! MeteoSwiss: weather forecast hour by hour at places, by postal code.
//!
//! Licence: CC BY 4.0, «Source: MeteoSwiss». A list names the files of about three days; each hour a run
//! of thirty-two files is made, which appear over some minutes. A file holds one parameter for all six
//! thousand places, sorted by time, in 32 MB and cannot be asked for a place: rows are kept while it
//! comes. Separated by semicolons, Latin-1, an empty field for what is missing. Instants are UTC and mark
//! the end of an hour. The name of a file tells when the run was made, which is when it became known.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde::Deserialize;

use super::rows::{POINT_COLUMNS, RowsOf};
use super::table::{Oddities, Table, number};
use crate::facts::ingest::model::{Ask, Finding, Publication, ReadError, Reading, Values};
use crate::facts::ingest::settings::{METEOSWISS_FORECAST, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};
use crate::facts::ingest::{PointId, Points, Subject};
use crate::platform::outbound::Sifting;

const HOUR_S: i32 = 3_600;
/// Longest file, before it is sifted: twice as much as there is.
const FILE_BYTES_MAX: u64 = 96 << 20;
/// How far the name of a run may be ahead of the clock here.
const AHEAD_MAX: Duration = Duration::hours(1);
/// How instants are written in names and rows.
const RUN_FORM: &str = "%Y%m%d%H%M";

/// The connector.
pub(super) struct LocalForecast;

/// What is forecast.
struct Parameter {
    /// Name in files.
    theirs: &'static str,
    /// Series here, without the place.
    series: &'static str,
    unit: &'static str,
    /// What a value of theirs is multiplied with.
    factor: f64,
    /// Greatest magnitude that there is, in the unit here.
    limit: f64,
}

const PARAMETERS: [Parameter; 3] = [
    Parameter { theirs: "tre200h0", series: "temperature", unit: "°C", factor: 1.0, limit: 60.0 },
    Parameter {
        theirs: "gre000h0",
        series: "solar_radiation",
        unit: "W/m²",
        factor: 1.0,
        limit: 1_800.0,
    },
    // Kilometres an hour.
    Parameter {
        theirs: "fu3010h0",
        series: "wind_speed",
        unit: "m/s",
        factor: 1.0 / 3.6,
        limit: 120.0,
    },
];

/// The list of files: one item a day, or a single one.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    features: Vec<Item>,
    #[serde(default)]
    assets: BTreeMap<String, Asset>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    assets: BTreeMap<String, Asset>,
}

#[derive(Deserialize)]
struct Asset {
    href: String,
}

impl Source for LocalForecast {
    fn name(&self) -> &'static str {
        "meteoswiss_forecast"
    }

    fn what(&self) -> &'static str {
        "Weather forecasts of places"
    }

    fn attribution(&self) -> &'static str {
        "Source: MeteoSwiss"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        Points::new(&settings.meteoswiss_points).map(Subject::LocalForecast).into_iter().collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        // One run holds nine days, and there is no other than the newest.
        3_600
    }

    fn pause_s(&self) -> u64 {
        5
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        let what = "Name places in sources.meteoswiss_points, e.g. [\"8001\"].";
        settings.meteoswiss_points.is_empty().then(|| what.to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Subject::LocalForecast(_) = ask.subject else { return None };
        let base = settings.meteoswiss_forecast_url.trim_end_matches('/');
        Some(Request {
            url: format!("{base}/items"),
            secret: None,
            reach: reach(base, METEOSWISS_FORECAST),
            accept: None,
            sifting: None,
        })
    }

    fn sifting(&self, ask: &Ask) -> Option<Sifting> {
        let Subject::LocalForecast(points) = &ask.subject else { return None };
        let points = points.clone();
        Some(Sifting::new(FILE_BYTES_MAX, move || Box::new(RowsOf::new(points.clone()))))
    }

    fn made_at(&self, url: &str) -> Option<DateTime<Utc>> {
        file(url.rsplit('/').next()?).map(|(run, _)| run)
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refusal(status, body));
        }
        let Subject::LocalForecast(points) = &ask.subject else {
            let expected = "a forecast of places";
            return Err(ReadError::NotExpected {
                expected,
                found: "a question about another thing",
            });
        };
        if kind(body) == "JSON" {
            return Ok(Reading { next: newest(body, ask.at)?, ..Reading::default() });
        }
        // Numbers and names of parameters are ASCII.
        let text: String = body.iter().copied().map(char::from).collect();
        reading(Table::read(&text, b';')?, points, ask)
    }
}

/// When the run of a file was made, and its parameter, by its name `vnut12.lssw.<instant>.<parameter>.csv`.
fn file(name: &str) -> Option<(DateTime<Utc>, &'static Parameter)> {
    let mut parts = name.strip_suffix(".csv")?.rsplit('.');
    let (parameter, run) = (parts.next()?, parts.next()?);
    let known = PARAMETERS.iter().find(|it| it.theirs == parameter)?;
    // Without seconds and without a sign.
    let is_instant = run.len() == 12 && run.bytes().all(|letter| letter.is_ascii_digit());
    let run = NaiveDateTime::parse_from_str(run, RUN_FORM).ok().filter(|_| is_instant)?;
    Some((run.and_utc(), known))
}

/// The files of the newest run that is complete: what is needed of a run appears one after the other.
fn newest(body: &[u8], at: DateTime<Utc>) -> Result<Vec<String>, ReadError> {
    let list: List =
        serde_json::from_slice(body).map_err(|error| ReadError::Broken(error.to_string()))?;
    let assets = list.features.into_iter().flat_map(|item| item.assets).chain(list.assets);
    let mut runs: BTreeMap<DateTime<Utc>, BTreeMap<&str, String>> = BTreeMap::new();
    for (name, Asset { href }) in assets {
        let Some((run, parameter)) = file(&name) else { continue };
        // What says when it became known stands in the address, too, and must say the same.
        let is_same = href.rsplit('/').next().and_then(file).is_some_and(|(of, _)| of == run);
        if run <= at + AHEAD_MAX && is_same {
            runs.entry(run).or_default().insert(parameter.theirs, href);
        }
    }
    let complete = runs.into_values().rev().find(|files| files.len() == PARAMETERS.len());
    let complete = complete.ok_or(ReadError::NotExpected {
        expected: "a list with a complete run",
        found: "a list without one",
    })?;
    Ok(complete.into_values().collect())
}

/// Values of one place.
type Hours = Vec<(DateTime<Utc>, Option<f64>)>;

fn reading(table: Table, points: &Points, ask: &Ask) -> Result<Reading, ReadError> {
    let other = || ReadError::NotExpected {
        expected: "a table of a forecast",
        found: "a table with other columns",
    };
    let [point, kind] = POINT_COLUMNS.map(|name| table.place(&[name]));
    let (point, kind) = point.zip(kind).ok_or_else(other)?;
    let when = table.place(&["Date"]).ok_or_else(other)?;
    let known = PARAMETERS.iter().find_map(|it| Some((it, table.place(&[it.theirs])?)));
    let (parameter, place) = known.ok_or_else(other)?;
    let mut odd: Oddities = table.odd;
    let mut all: BTreeMap<PointId, Hours> = points.iter().map(|id| (id, Vec::new())).collect();
    let mut found: BTreeSet<PointId> = BTreeSet::new();
    for row in &table.rows {
        let field = |place: usize| row.get(place).unwrap_or_default().trim().trim_matches('"');
        let id = field(kind).parse().ok().zip(field(point).parse().ok());
        let Some(id) = id.and_then(|(kind, number)| PointId::new(kind, number)) else {
            odd.add(row, "it is of no place");
            continue;
        };
        // Places that nobody asked for are nothing odd.
        let Some(hours) = all.get_mut(&id) else { continue };
        let written = field(when);
        let Ok(end) = NaiveDateTime::parse_from_str(written, RUN_FORM) else {
            odd.add(row, &format!("'{}' is no instant", quoted(written.as_bytes())));
            continue;
        };
        found.insert(id);
        let ts = end.and_utc() - Duration::seconds(HOUR_S.into());
        // A run begins in the past and holds nine days, which is nothing odd.
        if !ask.range.contains(ts) {
            continue;
        }
        match number(field(place)) {
            Ok(value) => hours.push((ts, value.map(|value| value * parameter.factor))),
            Err(what) => odd.add(row, &what),
        }
    }
    if let Some(failure) = odd.failure()
        && found.is_empty()
    {
        return Err(failure);
    }
    let missing = points.iter().filter(|id| !found.contains(id));
    let missing: Vec<String> = missing.map(|id| id.to_string()).collect();
    if found.is_empty() {
        let what = format!("nothing is forecast for {}", missing.join(", "));
        return Err(ReadError::Contradiction(what));
    }
    let mut findings: Vec<Finding> = odd.finding().into_iter().collect();
    if !missing.is_empty() {
        findings.push(Finding::Odd(format!("nothing is forecast for {}", missing.join(", "))));
    }
    let values =
        all.into_iter().filter(|(_, hours)| !hours.is_empty()).map(|(id, points)| Values {
            name: format!("{}:{id}", parameter.series),
            unit: parameter.unit,
            interval_s: HOUR_S,
            publication: Publication::Rolling,
            is_feature: false,
            limit: parameter.limit,
            points,
        });
    Ok(Reading { values: values.collect(), findings, ..Reading::default() })
}
