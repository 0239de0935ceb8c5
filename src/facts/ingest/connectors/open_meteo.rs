//! Open-Meteo: weather forecasts, and what was forecast before, without a key.
//!
//! Licence: data CC BY 4.0 with Open-Meteo and the weather services named; the free service is for
//! non-commercial use. A forecast is made anew several times a day. Instants are asked for as Unix
//! seconds in UTC; without that they come without an offset, `utc_offset_seconds` tells it. A
//! temperature is of the instant, radiation is the mean of the hour before it. Values beyond the
//! horizon of a model are null. What is older than some weeks is kept by another host.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{Ask, Publication, ReadError, Reading, VALUE_MAX, Values};
use crate::facts::ingest::settings::{OPEN_METEO, OPEN_METEO_HISTORY, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// Days behind now that the forecast's own host still has.
const RECENT_DAYS: i64 = 80;
/// Seconds of an hour, the step of all series.
const HOUR_S: i32 = 3_600;

/// The connector.
pub(super) struct OpenMeteo;

/// A place with the share of a zone's people that it stands for.
struct Place(f64, f64, f64);

/// What is asked for: name there, unit there, name here, unit here, and whether a value is the mean
/// of the hour before its instant.
const VARIABLES: [(&str, &str, &str, &str, bool); 3] = [
    ("temperature_2m", "°C", "temperature", "°C", false),
    ("shortwave_radiation", "W/m²", "solar_radiation", "W/m²", true),
    ("wind_speed_10m", "m/s", "wind_speed", "m/s", false),
];

/// The answer for one place.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    utc_offset_seconds: i64,
    hourly_units: Map<String, Value>,
    hourly: Map<String, Value>,
}

impl Source for OpenMeteo {
    fn name(&self) -> &'static str {
        "open_meteo"
    }

    fn what(&self) -> &'static str {
        "Weather forecasts"
    }

    fn attribution(&self) -> &'static str {
        "Weather data by Open-Meteo.com, CC BY 4.0"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let known = settings.markets.iter().filter(|market| !places(market.code()).is_empty());
        let subjects = known.cloned().map(Subject::Weather);
        subjects.filter(|_| settings.weather).collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        90
    }

    fn pause_s(&self) -> u64 {
        5
    }

    fn needs(&self, _: &Settings) -> Option<String> {
        None
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Subject::Weather(market) = &ask.subject else { return None };
        let places = places(market.code());
        if places.is_empty() {
            return None;
        }
        let is_recent = ask.range.from > ask.at - Duration::days(RECENT_DAYS);
        let (base, usual) = if is_recent {
            (&settings.open_meteo_url, OPEN_METEO)
        } else {
            (&settings.open_meteo_history_url, OPEN_METEO_HISTORY)
        };
        let base = base.trim_end_matches('/');
        let list = |of: fn(&Place) -> f64| {
            places.iter().map(|place| format!("{:.2}", of(place))).collect::<Vec<_>>().join(",")
        };
        let variables = VARIABLES.map(|(name, ..)| name).join(",");
        // Means of the hour before an instant reach to the end of the range.
        let (first, last) = (ask.range.from.date_naive(), ask.range.to.date_naive());
        Some(Request {
            url: format!(
                "{base}/v1/forecast?latitude={}&longitude={}&hourly={variables}&timezone=GMT\
                 &timeformat=unixtime&wind_speed_unit=ms&start_date={first}&end_date={last}",
                list(|place| place.0),
                list(|place| place.1)
            ),
            secret: None,
            reach: reach(base, usual),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refused(status, body));
        }
        let found = kind(body);
        if found != "JSON" {
            return Err(ReadError::NotExpected { expected: "JSON", found });
        }
        let broken = |error: serde_json::Error| ReadError::Broken(error.to_string());
        let value: Value = serde_json::from_slice(body).map_err(broken)?;
        let answers: Vec<Answer> = match value {
            Value::Array(_) => serde_json::from_value(value).map_err(broken)?,
            one => vec![serde_json::from_value(one).map_err(broken)?],
        };
        let market = ask.market().map_or("", |market| market.code());
        let places = places(market);
        if answers.len() != places.len() {
            let what = format!("asked about {} places, got {}", places.len(), answers.len());
            return Err(ReadError::Contradiction(what));
        }
        let mut reading = Reading::default();
        for (theirs, unit, ours, our_unit, is_mean_before) in VARIABLES {
            let mut points = Points::new();
            for (answer, place) in answers.iter().zip(places) {
                let own = series(answer, theirs, unit)?;
                if points.is_empty() {
                    points = own.iter().map(|(ts, _)| (*ts, Some(0.0))).collect();
                }
                if points.len() != own.len() {
                    let what = format!("{theirs} has not as many values at each place");
                    return Err(ReadError::Contradiction(what));
                }
                for (sum, (ts, value)) in points.iter_mut().zip(own) {
                    if sum.0 != ts {
                        let what = format!("{theirs} is of other instants at each place");
                        return Err(ReadError::Contradiction(what));
                    }
                    sum.1 = sum.1.zip(value).map(|(sum, value)| sum + place.2 * value);
                }
            }
            let back = Duration::seconds(if is_mean_before { HOUR_S.into() } else { 0 });
            let inside = points.into_iter().map(|(ts, value)| (ts - back, value));
            reading.values.push(Values {
                name: format!("{ours}:{market}"),
                unit: our_unit,
                interval_s: HOUR_S,
                publication: Publication::Rolling,
                is_feature: true,
                limit: VALUE_MAX,
                // Whole days come in UTC; what reaches over the local days is nothing odd.
                points: inside.filter(|(ts, _)| ask.range.contains(*ts)).collect(),
            });
        }
        Ok(reading)
    }
}

/// What a status that is not 200 means; the reason stands in a document of its own.
fn refused(status: u16, body: &[u8]) -> ReadError {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let reason = document.as_ref().and_then(|document| document["reason"].as_str());
    match (status, reason) {
        (400, Some(reason)) => ReadError::Refused { status, reason: quoted(reason.as_bytes()) },
        _ => refusal(status, body),
    }
}

/// Instants and values; absent beyond the horizon of a model.
type Points = Vec<(DateTime<Utc>, Option<f64>)>;

/// One variable at one place, as it comes.
fn series(answer: &Answer, name: &str, unit: &'static str) -> Result<Points, ReadError> {
    let given = answer.hourly_units.get(name).and_then(Value::as_str).unwrap_or("no unit");
    if given != unit {
        let given = format!("{} ({name})", quoted(given.as_bytes()));
        return Err(ReadError::WrongUnit { given, expected: unit });
    }
    let list = |name: &str| {
        let list = answer.hourly.get(name).and_then(Value::as_array);
        list.ok_or_else(|| ReadError::Broken(format!("there is no {name}")))
    };
    let (times, numbers) = (list("time")?, list(name)?);
    if times.len() != numbers.len() {
        let what = format!("{} instants and {} values of {name}", times.len(), numbers.len());
        return Err(ReadError::Contradiction(what));
    }
    let points = times.iter().zip(numbers).map(|(time, number)| {
        let ts = instant(time, answer.utc_offset_seconds).ok_or_else(|| {
            ReadError::Broken(format!("{} is no instant", quoted(time.to_string().as_bytes())))
        })?;
        match number {
            Value::Null => Ok((ts, None)),
            number => number.as_f64().map(|number| (ts, Some(number))).ok_or_else(|| {
                ReadError::Broken(format!("{} is no number", quoted(number.to_string().as_bytes())))
            }),
        }
    });
    points.collect()
}

/// Unix seconds, or wall-clock time at an offset.
fn instant(time: &Value, offset_s: i64) -> Option<DateTime<Utc>> {
    if let Some(seconds) = time.as_i64() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let wall = NaiveDateTime::parse_from_str(time.as_str()?, "%Y-%m-%dT%H:%M").ok()?;
    wall.and_utc().checked_sub_signed(Duration::try_seconds(offset_s)?)
}

/// Places where the people of a market live: latitude, longitude, share.
const fn places(market: &str) -> &'static [Place] {
    match market.as_bytes() {
        b"CH" => &[
            Place(47.38, 8.54, 0.35),
            Place(46.20, 6.14, 0.20),
            Place(46.95, 7.45, 0.20),
            Place(47.56, 7.59, 0.15),
            Place(46.00, 8.95, 0.10),
        ],
        b"DE-LU" => &[
            Place(52.52, 13.41, 0.2),
            Place(53.55, 9.99, 0.2),
            Place(50.94, 6.96, 0.2),
            Place(50.11, 8.68, 0.2),
            Place(48.14, 11.58, 0.2),
        ],
        b"AT" => &[
            Place(48.21, 16.37, 0.5),
            Place(47.07, 15.44, 0.2),
            Place(48.31, 14.29, 0.2),
            Place(47.27, 11.39, 0.1),
        ],
        b"FR" => &[
            Place(48.85, 2.35, 0.3),
            Place(45.76, 4.84, 0.2),
            Place(43.30, 5.37, 0.2),
            Place(43.60, 1.44, 0.15),
            Place(50.63, 3.06, 0.15),
        ],
        b"IT-NORTH" => &[
            Place(45.46, 9.19, 0.4),
            Place(45.07, 7.69, 0.2),
            Place(44.49, 11.34, 0.2),
            Place(45.44, 12.32, 0.2),
        ],
        _ => &[],
    }
}
