//! Which column of a table is what: times, prices, the further series of benchmark files.

use std::ops::ControlFlow;

use chrono_tz::Tz;

use super::error::ImportError;
use super::model::{ImportOptions, KnownAtRule, PriceUnit, UnknownUnit};
use super::moments::{moment_of_number, parse_moment};
use super::numbers::{DecimalMark, MarkCount, is_missing, parse_number};
use super::sheet::{Cell, Sheet};
use crate::base::ids::Market;

/// Rows that are looked at to tell columns apart when their names do not.
const ROWS_LOOKED_AT: usize = 500;

/// Names of time columns, simplified; those that settle the zone come first.
const TIME_NAMES: &[&str] = &[
    "time_utc",
    "utc_timestamp",
    "timestamp_utc",
    "datetime_utc",
    "date_utc",
    "ts_utc",
    "mtu_utc",
    "time_utc_plus1",
    "timestamp",
    "ts",
    "time",
    "datetime",
    "date_time",
    "date",
    "time_local",
    "local_time",
    "cet_cest_timestamp",
    "mtu_cet_cest",
    "mtu",
    "start",
    "start_time",
    "valid_from",
    "zeitstempel",
    "datum_von",
    "datum",
    "zeit",
];

/// Names of price columns, simplified and without unit.
const PRICE_NAMES: &[&str] = &[
    "price",
    "prices",
    "day_ahead_price",
    "price_day_ahead",
    "dayahead_price",
    "day_ahead",
    "dayahead",
    "spot_price",
    "price_spot",
    "spot",
    "market_price",
    "marketprice",
    "preis",
    "prix",
    "prezzo",
    "value",
];

/// Endings that state a unit, longest first.
const UNIT_ENDINGS: &[&str] = &[
    "eur_per_mwh",
    "eur_per_kwh",
    "ct_per_kwh",
    "eur_mwh",
    "eur_kwh",
    "ct_kwh",
    "cent_kwh",
    "chf_mwh",
    "chf_kwh",
    "rp_kwh",
    "usd_mwh",
    "gbp_mwh",
];

/// Columns of a file by their role, as places in the header.
#[derive(Debug)]
pub(super) struct Columns {
    pub market: Market,
    pub time: usize,
    pub price: usize,
    pub known_at: Option<usize>,
    pub exogenous: Vec<usize>,
    pub unit: PriceUnit,
    /// Zone of times without offset.
    pub zone: Tz,
    pub notes: Vec<String>,
}

impl Columns {
    /// Finds every column, by the options first, then by name, then by content.
    pub fn choose(
        sheet: &Sheet,
        file_name: &str,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        if options.market.is_simulated() {
            return Err(ImportError::SimulatedMarket { market: options.market.clone() });
        }
        let header = sheet.header();
        let names: Vec<String> = header.iter().map(|name| simplified(name)).collect();
        if let Some(cell) = header.iter().find(|name| parse_moment(name).is_some()) {
            return Err(ImportError::NoHeader { cell: cell.clone() });
        }
        refuse_forecasts(header, &names)?;
        let looks = Looks::at(sheet)?;
        let mut notes = Vec::new();
        let exogenous: Vec<usize> =
            (0..names.len()).filter(|at| names[*at].starts_with("exogenous_")).collect();
        let market = if exogenous.is_empty() {
            options.market.clone()
        } else {
            benchmark_market(&options.market, file_name, &mut notes)?
        };
        let time = time_column(header, &names, &looks, options)?;
        let known_at = match &options.known_at {
            KnownAtRule::Column(name) => Some(named(header, &names, name)?),
            KnownAtRule::Assumed | KnownAtRule::At(_) => None,
        };
        let taken: Vec<usize> = exogenous.iter().copied().chain(known_at).chain([time]).collect();
        let price = price_column(header, &names, &looks, &taken, &market, options)?;
        let unit = unit_of(&header[price], &names[price], options, &mut notes)?;
        let zone = zone_of(&names[time], &market, options, &mut notes);
        Ok(Self { market, time, price, known_at, exogenous, unit, zone, notes })
    }

    /// Decimal marks of the price and the exogenous columns; typed files have none to find.
    pub fn decimal_mark(&self, sheet: &Sheet) -> Result<DecimalMark, ImportError> {
        let mut count = MarkCount::default();
        if matches!(sheet, Sheet::Csv(_)) {
            sheet.rows(&[self.price], |row| {
                if let Cell::Text(text) = row.cells[0] {
                    count.add(text);
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(count.mark())
    }
}

/// What the first rows of each column look like.
struct Looks(Vec<Look>);

#[derive(Clone, Copy, Default)]
struct Look {
    times: usize,
    numbers: usize,
    others: usize,
}

impl Looks {
    fn at(sheet: &Sheet) -> Result<Self, ImportError> {
        let all: Vec<usize> = (0..sheet.header().len()).collect();
        let mut looks = vec![Look::default(); all.len()];
        let mut rows = 0;
        sheet.rows(&all, |row| {
            rows += 1;
            for (look, cell) in looks.iter_mut().zip(row.cells) {
                look.add(cell);
            }
            Ok(if rows < ROWS_LOOKED_AT {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        if rows == 0 {
            return Err(ImportError::HeaderOnly { columns: sheet.header().to_vec() });
        }
        Ok(Self(looks))
    }
}

impl Look {
    fn add(&mut self, cell: &Cell<'_>) {
        let is_number = |text| {
            parse_number(text, DecimalMark::Point).is_ok()
                || parse_number(text, DecimalMark::Comma).is_ok()
        };
        match cell {
            Cell::Empty => {}
            Cell::Text(text) if is_missing(text) => {}
            Cell::Text(text) if parse_moment(text).is_some() => self.times += 1,
            Cell::Text(text) if is_number(text) => self.numbers += 1,
            Cell::Text(_) => self.others += 1,
            // A number since 1970 is far above every price.
            Cell::Number(number) if moment_of_number(*number).is_some() => self.times += 1,
            Cell::Number(_) => self.numbers += 1,
            Cell::Instant(_) | Cell::Wall(_) => self.times += 1,
        }
    }

    const fn holds_times(self) -> bool {
        self.times > 0 && self.times >= 9 * (self.numbers + self.others)
    }

    const fn holds_numbers(self) -> bool {
        self.numbers > 0 && self.numbers >= 9 * (self.times + self.others)
    }
}

/// Lower case, letters and digits, everything else one underscore: `Price [€/MWh]` → `price_eur_mwh`.
pub(super) fn simplified(name: &str) -> String {
    let mut simple = String::with_capacity(name.len());
    for letter in name.replace('€', "eur").to_lowercase().chars() {
        if letter.is_alphanumeric() {
            simple.push(letter);
        } else if !simple.ends_with('_') {
            simple.push('_');
        }
    }
    simple.trim_matches('_').to_owned()
}

fn refuse_forecasts(header: &[String], names: &[String]) -> Result<(), ImportError> {
    let is_forecast = |name: &String| name.starts_with("dnn_") || name.starts_with("lear_");
    match names.iter().position(is_forecast) {
        Some(at) => Err(ImportError::ForecastFile { column: header[at].clone() }),
        None => Ok(()),
    }
}

/// The `EPF-` counterpart of a market; benchmark prices never mix with the market's own.
fn benchmark_market(
    market: &Market,
    file_name: &str,
    notes: &mut Vec<String>,
) -> Result<Market, ImportError> {
    let benchmark = |code: &str| {
        let short = code.split('-').next().unwrap_or(code);
        Market::parse(&format!("EPF-{short}")).ok()
    };
    let chosen = if market.code().starts_with("EPF-") {
        market.clone()
    } else {
        benchmark(market.code())
            .ok_or_else(|| ImportError::NotABenchmark { market: market.clone() })?
    };
    if chosen != *market {
        notes.push(format!(
            "columns 'Exogenous 1/2' mark a benchmark file: imported as {chosen}, not as {market}"
        ));
    }
    let stem = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = stem.split('.').next().unwrap_or(stem);
    if let Some(named) = benchmark(stem).filter(|named| *named != chosen) {
        notes.push(format!("the file's name suggests {named}, the rows went to {chosen}"));
    }
    Ok(chosen)
}

pub(super) fn named(
    header: &[String],
    names: &[String],
    wanted: &str,
) -> Result<usize, ImportError> {
    let simple = simplified(wanted);
    header
        .iter()
        .position(|name| name == wanted.trim())
        .or_else(|| names.iter().position(|name| *name == simple && !simple.is_empty()))
        .ok_or_else(|| ImportError::NoSuchColumn {
            name: wanted.to_owned(),
            columns: header.to_vec(),
        })
}

fn time_column(
    header: &[String],
    names: &[String],
    looks: &Looks,
    options: &ImportOptions,
) -> Result<usize, ImportError> {
    if let Some(wanted) = &options.time_column {
        return named(header, names, wanted);
    }
    let by_name = || TIME_NAMES.iter().filter_map(|known| names.iter().position(|n| n == known));
    by_name()
        .find(|at| looks.0[*at].holds_times())
        .or_else(|| looks.0.iter().position(|look| look.holds_times()))
        // Named like times but unreadable: its rows will say what is wrong with them.
        .or_else(|| by_name().next())
        .ok_or_else(|| ImportError::NoTimeColumn { columns: header.to_vec() })
}

fn price_column(
    header: &[String],
    names: &[String],
    looks: &Looks,
    taken: &[usize],
    market: &Market,
    options: &ImportOptions,
) -> Result<usize, ImportError> {
    if let Some(wanted) = &options.column {
        return named(header, names, wanted);
    }
    let bases: Vec<&str> = names.iter().map(|name| without_unit(name).0).collect();
    let free = || (0..header.len()).filter(|at| !taken.contains(at));
    let is_market = |at: &usize| {
        let core = bases[*at].trim_start_matches("price_").trim_end_matches("_price_day_ahead");
        Market::parse(core).ok()
    };
    let ours = |at: &usize| is_market(at).is_some_and(|found| found == *market);
    let only = |mut found: Vec<usize>| if found.len() == 1 { found.pop() } else { None };
    let exact = || free().find(|at| ours(at) && names[*at] == simplified(market.code()));
    let by_name = || PRICE_NAMES.iter().find_map(|known| free().find(|at| bases[*at] == *known));
    // A lone column of numbers named after another market holds that market's prices.
    let lone = || {
        only(free().filter(|at| looks.0[*at].holds_numbers()).collect())
            .filter(|at| is_market(at).is_none())
    };
    exact()
        .or_else(|| only(free().filter(ours).collect()))
        .or_else(by_name)
        .or_else(lone)
        .ok_or_else(|| ImportError::NoPriceColumn {
            market: market.clone(),
            columns: header.to_vec(),
        })
}

/// A simplified name without its unit, and the unit.
fn without_unit(name: &str) -> (&str, Option<&'static str>) {
    UNIT_ENDINGS
        .iter()
        .find_map(|unit| Some((name.strip_suffix(unit)?.trim_end_matches('_'), Some(*unit))))
        .unwrap_or((name, None))
}

fn unit_of(
    header: &str,
    name: &str,
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<PriceUnit, ImportError> {
    let stated = without_unit(name).1.map(PriceUnit::parse);
    match (options.unit, stated) {
        (Some(unit), Some(stated)) if stated != Ok(unit) => {
            notes.push(format!("column '{header}' was read in {} as asked for", unit.name()));
            Ok(unit)
        }
        (Some(unit), _) | (None, Some(Ok(unit))) => Ok(unit),
        (None, Some(Err(UnknownUnit { given }))) => Err(ImportError::Unit {
            column: header.to_owned(),
            unit: UnknownUnit { given: given.replacen('_', "/", 1).to_uppercase() },
        }),
        (None, None) => Ok(PriceUnit::EurPerMwh),
    }
}

/// The zone that the simplified header of a time column names.
pub(super) fn hinted_zone(name: &str) -> Option<Tz> {
    if name.ends_with("utc_plus1") {
        Some(Tz::Etc__GMTMinus1) // POSIX counts westward: this is UTC+1
    } else {
        name.split('_').any(|part| part == "utc").then_some(Tz::UTC)
    }
}

fn zone_of(name: &str, market: &Market, options: &ImportOptions, notes: &mut Vec<String>) -> Tz {
    let hint = hinted_zone(name);
    match (options.zone, hint) {
        (Some(zone), Some(hint)) if zone != hint => {
            notes.push(format!(
                "times were read in {zone} as asked for, though '{name}' says {hint}"
            ));
            zone
        }
        (Some(zone), _) | (None, Some(zone)) => zone,
        (None, None) => market.time_zone(),
    }
}
