//! MeteoSwiss: hours measured by automatic weather stations.
//!
//! Licence: CC BY 4.0, «Source: MeteoSwiss». Files by station: `now` begins yesterday at 12:00 UTC and is
//! renewed every twenty minutes; `recent` goes from the first of January to yesterday and is renewed at
//! about noon; older years are in files of a decade. Separated by semicolons, Windows-1252, columns in
//! an order that differs by station, names of parameters without units, an empty field for what is
//! missing. Instants are UTC and mark the end of an interval. Values are corrected during five days.
//! Hours are asked for: those of the office are not the means of its ten minutes. Files of ten minutes
//! are read as well, without what is a sum.

use chrono::{DateTime, Datelike, Duration, NaiveDateTime, Utc};

use super::table::{Oddities, Table, number};
use crate::base::timeline::local_date;
use crate::facts::ingest::model::{Ask, Publication, ReadError, Reading, Values};
use crate::facts::ingest::settings::{METEOSWISS, Settings};
use crate::facts::ingest::source::{Request, Source, quoted, reach, refusal};
use crate::facts::ingest::{StationId, Subject};

const HOUR_S: i32 = 3_600;
const TEN_MINUTES_S: i32 = 600;

/// The connector.
pub(super) struct MeteoSwiss;

/// What a station measures.
struct Parameter {
    /// Name in files of hours.
    by_hour: &'static str,
    /// Name in files of ten minutes; absent for sums, of which there is no mean.
    by_ten_minutes: Option<&'static str>,
    /// Series here, without the station.
    series: &'static str,
    unit: &'static str,
    /// Greatest magnitude that there is.
    limit: f64,
}

const PARAMETERS: [Parameter; 7] = [
    Parameter {
        by_hour: "tre200h0",
        by_ten_minutes: Some("tre200s0"),
        series: "station_temperature",
        unit: "°C",
        limit: 60.0,
    },
    Parameter {
        by_hour: "ure200h0",
        by_ten_minutes: Some("ure200s0"),
        series: "station_humidity",
        unit: "%",
        limit: 105.0,
    },
    Parameter {
        by_hour: "gre000h0",
        by_ten_minutes: Some("gre000z0"),
        series: "station_radiation",
        unit: "W/m²",
        limit: 1_800.0,
    },
    Parameter {
        by_hour: "fkl010h0",
        by_ten_minutes: Some("fkl010z0"),
        series: "station_wind_speed",
        unit: "m/s",
        limit: 120.0,
    },
    Parameter {
        by_hour: "prestah0",
        by_ten_minutes: Some("prestas0"),
        series: "station_pressure",
        unit: "hPa",
        limit: 1_100.0,
    },
    Parameter {
        by_hour: "rre150h0",
        by_ten_minutes: None,
        series: "station_precipitation",
        unit: "mm",
        limit: 200.0,
    },
    Parameter {
        by_hour: "sre000h0",
        by_ten_minutes: None,
        series: "station_sunshine",
        unit: "min",
        limit: 60.0,
    },
];

impl Source for MeteoSwiss {
    fn name(&self) -> &'static str {
        "meteoswiss"
    }

    fn what(&self) -> &'static str {
        "Measured weather"
    }

    fn attribution(&self) -> &'static str {
        "Source: MeteoSwiss"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let stations = settings.meteoswiss_stations.iter();
        stations
            .flat_map(|id| [Subject::Station(id.clone()), Subject::StationDays(id.clone())])
            .collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        // A file holds a decade; no more can be read from the database at once.
        3_600
    }

    fn pause_s(&self) -> u64 {
        5
    }

    fn is_one_request(&self, ask: &Ask) -> bool {
        let is_behind = matches!(ask.subject, Subject::StationDays(_));
        !is_behind || file_of(ask.range.from, ask) == file_of(last(ask), ask)
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        let what = "Name stations in sources.meteoswiss_stations, e.g. [\"KLO\"].";
        settings.meteoswiss_stations.is_empty().then(|| what.to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let station = station(&ask.subject)?.name().to_ascii_lowercase();
        let file = match &ask.subject {
            Subject::StationDays(_) => file_of(last(ask), ask),
            _ => "now".to_owned(),
        };
        let base = settings.meteoswiss_url.trim_end_matches('/');
        Some(Request {
            url: format!("{base}/{station}/ogd-smn_{station}_h_{file}.csv"),
            secret: None,
            reach: reach(base, METEOSWISS),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refusal(status, body));
        }
        let Some(station) = station(&ask.subject) else {
            let expected = "a station";
            return Err(ReadError::NotExpected {
                expected,
                found: "a question about another thing",
            });
        };
        // Numbers and names of parameters are ASCII, the same in Windows-1252 as in Latin-1.
        let text: String = body.iter().copied().map(char::from).collect();
        reading(Table::read(&text, b';')?, station, ask)
    }
}

fn station(subject: &Subject) -> Option<&StationId> {
    match subject {
        Subject::Station(station) | Subject::StationDays(station) => Some(station),
        _ => None,
    }
}

/// An instant of the last day that is asked about.
fn last(ask: &Ask) -> DateTime<Utc> {
    ask.range.to - Duration::seconds(1)
}

/// The part of the history in which the local day of an instant is found.
fn file_of(of: DateTime<Utc>, ask: &Ask) -> String {
    let year = |at| local_date(at, ask.subject.time_zone()).year();
    // On the first of January the days behind are still in the file of their year.
    let (year, recent) = (year(of), year(ask.at - Duration::days(1)));
    if year >= recent {
        return "recent".to_owned();
    }
    let decade = year.div_euclid(10) * 10;
    format!("historical_{decade}-{}", decade + 9)
}

fn reading(table: Table, station: &StationId, ask: &Ask) -> Result<Reading, ReadError> {
    let other = || ReadError::NotExpected {
        expected: "a table of a weather station",
        found: "a table with other columns",
    };
    let whose = table.place(&["station_abbr"]).ok_or_else(other)?;
    let when = table.place(&["reference_timestamp", "REFERENCE_TS"]).ok_or_else(other)?;
    let by_hour = |it: &'static Parameter| Some((it, table.place(&[it.by_hour])?));
    let mut columns: Vec<_> = PARAMETERS.iter().filter_map(by_hour).collect();
    let mut interval_s = HOUR_S;
    if columns.is_empty() {
        let by_ten = |it: &'static Parameter| Some((it, table.place(&[it.by_ten_minutes?])?));
        columns = PARAMETERS.iter().filter_map(by_ten).collect();
        interval_s = TEN_MINUTES_S;
    }
    if columns.is_empty() {
        return Err(other());
    }
    let mut odd: Oddities = table.odd;
    let mut all: Vec<Vec<(DateTime<Utc>, Option<f64>)>> = vec![Vec::new(); columns.len()];
    for row in &table.rows {
        let given = row.get(whose).unwrap_or_default().trim().trim_matches('"');
        if !given.eq_ignore_ascii_case(station.name()) {
            let what = format!("asked for {station}, answered for {}", quoted(given.as_bytes()));
            return Err(ReadError::Contradiction(what));
        }
        let written = row.get(when).unwrap_or_default().trim().trim_matches('"');
        let Ok(end) = NaiveDateTime::parse_from_str(written, "%d.%m.%Y %H:%M") else {
            odd.add(row, &format!("'{}' is no instant", quoted(written.as_bytes())));
            continue;
        };
        let ts = end.and_utc() - Duration::seconds(interval_s.into());
        // Files hold more than was asked for, which is nothing odd.
        if !ask.range.contains(ts) {
            continue;
        }
        for ((_, place), points) in columns.iter().zip(&mut all) {
            match number(row.get(*place).unwrap_or_default().trim_matches('"')) {
                Ok(value) => points.push((ts, value)),
                Err(what) => odd.add(row, &what),
            }
        }
    }
    if let Some(failure) = odd.failure()
        && all.iter().all(Vec::is_empty)
    {
        return Err(failure);
    }
    let values = columns.iter().zip(all).filter(|(_, points)| {
        // What a station does not measure is an empty column.
        points.iter().any(|(_, value)| value.is_some())
    });
    let values = values.map(|((parameter, _), points)| Values {
        name: format!("{}:{station}", parameter.series),
        unit: parameter.unit,
        interval_s,
        publication: Publication::Measured,
        is_feature: false,
        limit: parameter.limit,
        points,
    });
    let values = values.collect();
    Ok(Reading { values, findings: odd.finding().into_iter().collect(), ..Reading::default() })
}
