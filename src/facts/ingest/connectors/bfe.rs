//! Swiss Federal Office of Energy: consumption, production, storage lakes, base price, exchange.
//!
//! Licence: opendata.swiss, free to use with the source named. Each file holds its whole history, with
//! commas and days of the Swiss calendar; a few days behind, and the newest days are restated: of a day
//! that stands there twice the last row counts. Lakes are measured on Sunday at 24:00, written as the
//! Monday that begins then. The exchange has been published by the hour, with offsets and now and then a
//! value that no line can carry, and by the day: both are read, each into series of its own. The net
//! import follows from the borders and is not stored.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use csv::StringRecord;

use super::table::{Oddities, Table, number};
use crate::base::timeline::day_range;
use crate::facts::ingest::model::{Ask, Finding, Publication, ReadError, Reading, Values};
use crate::facts::ingest::settings::{BFE, Settings};
use crate::facts::ingest::source::{Request, Source, quoted, reach, refusal};
use crate::facts::ingest::{Statistic, Subject};

/// The market of the office's country.
const MARKET: &str = "CH";
const HOUR_S: i32 = 3_600;
const DAY_S: i32 = 86_400;
const WEEK_S: i32 = 7 * DAY_S;

/// The connector.
pub(super) struct Bfe;

/// How a file is laid out.
struct Layout {
    /// Name of the column of time.
    when: &'static [&'static str],
    /// Length of the intervals, in seconds.
    interval_s: i32,
    /// Unit at the end of the names of columns, and as it is stored.
    unit: (&'static str, &'static str),
    /// Names of columns without the unit, and of the series: what stands before and behind `:CH`.
    columns: &'static [(&'static str, &'static str, &'static str)],
    /// Column that says which series a row is of; then `columns` are its texts.
    by: Option<(&'static str, &'static str)>,
    /// Greatest magnitude that there is.
    limit: f64,
    /// Days after which a value is published.
    reported_days: i64,
}

const CONSUMPTION: Layout = Layout {
    when: &["Datum"],
    interval_s: DAY_S,
    unit: ("GWh", "GWh"),
    columns: &[
        ("Landesverbrauch", "consumption_gwh", ""),
        ("Endverbrauch", "end_consumption_gwh", ""),
    ],
    by: None,
    limit: 1_000.0,
    reported_days: 4,
};

const PRODUCTION: Layout = Layout {
    when: &["Datum"],
    interval_s: DAY_S,
    unit: ("GWh", "GWh"),
    columns: &[
        ("Flusskraft", "production_gwh", ":run_of_river"),
        ("Speicherkraft", "production_gwh", ":reservoir"),
        ("Kernkraft", "production_gwh", ":nuclear"),
        ("Photovoltaik", "production_gwh", ":solar"),
        ("Thermische", "production_gwh", ":thermal"),
        ("Wind", "production_gwh", ":wind"),
    ],
    by: Some(("Energietraeger", "Produktion")),
    limit: 1_000.0,
    reported_days: 4,
};

const RESERVOIRS: Layout = Layout {
    when: &["Datum"],
    interval_s: WEEK_S,
    unit: ("gwh", "GWh"),
    columns: &[
        ("Wallis_speicherinhalt", "reservoirs_gwh", ":valais"),
        ("Graubuenden_speicherinhalt", "reservoirs_gwh", ":grisons"),
        ("Tessin_speicherinhalt", "reservoirs_gwh", ":ticino"),
        ("UebrigCH_speicherinhalt", "reservoirs_gwh", ":others"),
        ("TotalCH_speicherinhalt", "reservoirs_gwh", ""),
        ("Wallis_max_speicherinhalt", "reservoir_capacity_gwh", ":valais"),
        ("Graubuenden_max_speicherinhalt", "reservoir_capacity_gwh", ":grisons"),
        ("Tessin_max_speicherinhalt", "reservoir_capacity_gwh", ":ticino"),
        ("UebrigCH_max_speicherinhalt", "reservoir_capacity_gwh", ":others"),
        ("TotalCH_max_speicherinhalt", "reservoir_capacity_gwh", ""),
    ],
    by: None,
    limit: 20_000.0,
    reported_days: 3,
};

const BASE_PRICE: Layout = Layout {
    when: &["Datum"],
    interval_s: DAY_S,
    unit: ("EUR_MWh", "EUR/MWh"),
    columns: &[("Baseload", "base_price_eur_mwh", "")],
    by: None,
    limit: 10_000.0,
    reported_days: 1,
};

/// The most that the lines across a border carried in any hour so far is 6.3 `GWh`.
const EXCHANGE_BY_HOUR: Layout = Layout {
    when: &["Datetime"],
    interval_s: HOUR_S,
    unit: ("MWh", "MWh"),
    columns: &[
        ("AT_CH", "imports_mwh", ":AT"),
        ("DE_CH", "imports_mwh", ":DE"),
        ("FR_CH", "imports_mwh", ":FR"),
        ("IT_CH", "imports_mwh", ":IT"),
        ("CH_AT", "exports_mwh", ":AT"),
        ("CH_DE", "exports_mwh", ":DE"),
        ("CH_FR", "exports_mwh", ":FR"),
        ("CH_IT", "exports_mwh", ":IT"),
    ],
    by: None,
    limit: 10_000.0,
    reported_days: 4,
};

const EXCHANGE_BY_DAY: Layout = Layout {
    when: &["Datum", "Date"],
    interval_s: DAY_S,
    unit: ("GWh", "GWh"),
    columns: &[
        ("AT_CH", "imports_gwh", ":AT"),
        ("DE_CH", "imports_gwh", ":DE"),
        ("FR_CH", "imports_gwh", ":FR"),
        ("IT_CH", "imports_gwh", ":IT"),
        ("CH_AT", "exports_gwh", ":AT"),
        ("CH_DE", "exports_gwh", ":DE"),
        ("CH_FR", "exports_gwh", ":FR"),
        ("CH_IT", "exports_gwh", ":IT"),
    ],
    by: None,
    limit: 240.0,
    ..EXCHANGE_BY_HOUR
};

impl Source for Bfe {
    fn name(&self) -> &'static str {
        "bfe"
    }

    fn what(&self) -> &'static str {
        "Swiss consumption, production, storage lakes, base price and exchange"
    }

    fn attribution(&self) -> &'static str {
        "Bundesamt für Energie BFE"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let Some(market) = settings.markets.iter().find(|market| market.code() == MARKET) else {
            return Vec::new();
        };
        let subject = |statistic| Subject::Statistic(statistic, market.clone());
        let own = Statistic::ALL.into_iter().filter(|it| *it != Statistic::Overview);
        own.map(subject).collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        // One file holds all of them; no more can be read from the database at once.
        3_600
    }

    fn pause_s(&self) -> u64 {
        5
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        (!settings.bfe).then(|| "Set sources.bfe = true.".to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Subject::Statistic(statistic, market) = &ask.subject else { return None };
        if market.code() != MARKET {
            return None;
        }
        let file = match statistic {
            Statistic::Consumption => "ogd103_stromverbrauch_swissgrid_lv_und_endv.csv",
            Statistic::Production => "ogd104_stromproduktion_swissgrid.csv",
            Statistic::Reservoirs => "ogd17/ogd17_fuellungsgrad_speicherseen.csv",
            Statistic::BasePrice => "ogd106_preise_strom_boerse.csv",
            Statistic::Exchange => "ogd107_strom_import_export.csv",
            Statistic::Overview => return None,
        };
        let base = settings.bfe_url.trim_end_matches('/');
        Some(Request {
            url: format!("{base}/{file}"),
            secret: None,
            reach: reach(base, BFE),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refusal(status, body));
        }
        let text = std::str::from_utf8(body);
        let text = text.map_err(|_| ReadError::Broken("it is not UTF-8".to_owned()))?;
        let table = Table::read(text, b',')?;
        let other = || ReadError::NotExpected {
            expected: "a statistic",
            found: "a question about another thing",
        };
        let Subject::Statistic(statistic, _) = ask.subject else { return Err(other()) };
        let is_by_hour = table.place(EXCHANGE_BY_HOUR.when).is_some();
        let layout = match statistic {
            Statistic::Consumption => &CONSUMPTION,
            Statistic::Production => &PRODUCTION,
            Statistic::Reservoirs => &RESERVOIRS,
            Statistic::BasePrice => &BASE_PRICE,
            Statistic::Exchange if is_by_hour => &EXCHANGE_BY_HOUR,
            Statistic::Exchange => &EXCHANGE_BY_DAY,
            Statistic::Overview => return Err(other()),
        };
        reading(table, layout, ask)
    }
}

/// Values by series, in the order of the columns of a layout.
struct Points {
    all: Vec<Vec<(DateTime<Utc>, Option<f64>)>>,
    odd: Oddities,
}

impl Points {
    fn take(&mut self, column: usize, ts: DateTime<Utc>, row: &StringRecord, place: usize) {
        match number(row.get(place).unwrap_or_default()) {
            Ok(value) => self.all[column].push((ts, value)),
            Err(what) => self.odd.add(row, &what),
        }
    }
}

fn reading(table: Table, layout: &Layout, ask: &Ask) -> Result<Reading, ReadError> {
    let when = table.place(layout.when).ok_or(ReadError::NotExpected {
        expected: "a table with days",
        found: "a table without",
    })?;
    let unit = layout.unit;
    let by = layout.by.map(|(name, value)| {
        let place = table.place(&[name]).ok_or(ReadError::NotExpected {
            expected: "a table of sources of energy",
            found: "a table without",
        });
        Ok::<_, ReadError>((place?, table.place_in(value, unit)?))
    });
    let by = by.transpose()?;
    let wide = if by.is_some() { &[] } else { layout.columns };
    let places = wide.iter().map(|(stem, ..)| table.place_in(stem, unit));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let (zone, mut findings) = (ask.subject.time_zone(), Vec::new());
    let mut points = Points { all: vec![Vec::new(); layout.columns.len()], odd: table.odd };
    let mut strangers: Vec<String> = Vec::new();
    for row in &table.rows {
        let ts = match instant(row.get(when).unwrap_or_default(), layout.interval_s, zone) {
            Ok(ts) => ts,
            Err(what) => {
                points.odd.add(row, &what);
                continue;
            }
        };
        // The whole history comes with each answer; what nobody asked for is nothing odd.
        if !ask.range.contains(ts) {
            continue;
        }
        for (column, place) in places.iter().enumerate() {
            points.take(column, ts, row, *place);
        }
        let Some((kind, place)) = by else { continue };
        let kind = row.get(kind).unwrap_or_default().trim();
        if let Some(column) = layout.columns.iter().position(|(name, ..)| *name == kind) {
            points.take(column, ts, row, place);
        } else if !strangers.iter().any(|known| known == kind) {
            strangers.push(kind.to_owned());
        }
    }
    let Points { mut all, odd } = points;
    if let Some(failure) = odd.failure()
        && all.iter().all(Vec::is_empty)
    {
        return Err(failure);
    }
    let mut repeated = 0;
    if layout.interval_s >= DAY_S {
        repeated = all.iter_mut().map(last_of_each).sum();
    }
    findings.extend((repeated > 0).then_some(Finding::Duplicates(repeated)));
    findings.extend(odd.finding());
    let others = strangers.iter().map(|kind| Finding::OtherSeries(quoted(kind.as_bytes())));
    findings.extend(others);
    Ok(Reading { values: series(layout, all), findings, ..Reading::default() })
}

/// Keeps the last value of each instant; answers how many others there were.
fn last_of_each(points: &mut Vec<(DateTime<Utc>, Option<f64>)>) -> usize {
    let before = points.len();
    let mut last: BTreeMap<DateTime<Utc>, Option<f64>> = BTreeMap::new();
    for (ts, value) in points.drain(..) {
        let known = last.entry(ts).or_default();
        *known = value.or(*known);
    }
    points.extend(last);
    before - points.len()
}

fn series(layout: &Layout, all: Vec<Vec<(DateTime<Utc>, Option<f64>)>>) -> Vec<Values> {
    let named = layout.columns.iter().zip(all).filter(|(_, points)| !points.is_empty());
    let values = named.map(|((_, head, tail), points)| Values {
        name: format!("{head}:{MARKET}{tail}"),
        unit: layout.unit.1,
        interval_s: layout.interval_s,
        publication: Publication::Reported(layout.reported_days),
        is_feature: false,
        limit: layout.limit,
        points,
    });
    values.collect()
}

/// The start of the interval that a row is of.
fn instant(text: &str, interval_s: i32, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if interval_s < DAY_S {
        let at = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z");
        let at = at.map_err(|_| format!("'{}' is no instant", quoted(text.as_bytes())))?;
        return Ok(at.to_utc());
    }
    let day: NaiveDate =
        text.parse().map_err(|_| format!("'{}' is no day", quoted(text.as_bytes())))?;
    if interval_s >= WEEK_S && day.weekday() != Weekday::Mon {
        return Err(format!("{day} is no Monday"));
    }
    Ok(day_range(day, zone).from)
}
