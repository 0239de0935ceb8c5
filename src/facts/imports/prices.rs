//! The whole way of a price file: cells, rows, instants, grid, points.

use std::ops::ControlFlow;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::columns::Columns;
use super::error::ImportError;
use super::findings::{Fault, Findings};
use super::grid;
use super::model::{
    ColumnsUsed, ExogenousRow, ExogenousSeries, ImportOptions, KnownAtRule, ParsedPrice,
    ParsedPrices, assumed_forecast_known_at, assumed_price_known_at,
};
use super::moments::{Moment, moment_of_number, parse_moment};
use super::numbers::{DecimalMark, is_missing, parse_number};
use super::placing::{Placed, ReadRow, place};
use super::sheet::{Cell, Row, Sheet};
use crate::base::ids::Product;
use crate::base::timeline::{at_local, local_date};

/// No market ever published a price beyond this, in EUR/MWh; the database refuses it too.
const ABSURD_EUR_MWH: f64 = 100_000.0;
/// Harmonised limits of the coupled day-ahead auction in their widest form, in EUR/MWh.
const HARMONISED_EUR_MWH: std::ops::RangeInclusive<f64> = -500.0..=5_000.0;

/// Reads the prices of one market from the bytes of a file (CSV, gzipped CSV, Parquet).
///
/// Points come back sorted, one per instant, in EUR/MWh. Rows without a value, rows that repeat
/// another and rows for the hour that does not exist are left out and counted; any row that cannot
/// be read refuses the whole file, unless the options say to skip those. Every row of the file is
/// either counted in `dropped` or stands behind one point, or behind two in autumn.
pub fn parse_prices(
    bytes: &[u8],
    file_name: &str,
    options: &ImportOptions,
) -> Result<ParsedPrices, ImportError> {
    let sheet = Sheet::open(bytes)?;
    let mut columns = Columns::choose(&sheet, file_name, options)?;
    let header = sheet.header();
    let (time_name, price_name) = (&header[columns.time], &header[columns.price]);
    let mut findings = Findings::with_notes(std::mem::take(&mut columns.notes));
    let read = Reader::read(&sheet, &columns, &mut findings)?;
    let has_wall_times = read.rows.iter().any(|row| matches!(row.moment, Moment::Wall(_)));
    if !has_wall_times && options.zone.is_some() {
        findings.notes.push("the times carry their own offset; the zone was not needed".to_owned());
    }
    let mut points = place(read.rows, columns.zone, time_name, &mut findings);
    grid::drop_empty(&mut points, &mut findings);
    grid::sort_and_unite(&mut points, price_name, &mut findings);
    let product = match grid::product_of(&points, options.product) {
        Ok(product) => product,
        Err(error) => {
            // Rows that cannot be read explain more than the product that could not be told.
            findings.refuse_bad(options.skip_bad_rows)?;
            return Err(if points.is_empty() {
                ImportError::NoValues { column: price_name.clone() }
            } else {
                error
            });
        }
    };
    grid::refuse_off_grid(&mut points, product, time_name, &mut findings);
    findings.refuse_bad(options.skip_bad_rows)?;
    if points.is_empty() {
        return Err(ImportError::NoValues { column: price_name.clone() });
    }
    grid::note_gaps(&points, product, &mut findings);
    note_values(&points, &mut findings);
    let exogenous = exogenous_series(&points, product, &columns, header, &read.exogenous);
    let points = points_of(&points, product, &columns, &options.known_at);
    let wrong = findings.wrong_rows();
    let (dropped, notes) = findings.into_parts();
    Ok(ParsedPrices {
        wrong,
        product,
        points,
        exogenous,
        rows_read: read.count,
        dropped,
        notes,
        columns: ColumnsUsed {
            time: time_name.clone(),
            price: price_name.clone(),
            unit: columns.unit,
            zone: has_wall_times.then(|| columns.zone.to_string()),
        },
        source: options.source.clone().unwrap_or_else(|| {
            let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
            format!("import:{}", name.chars().take(200).collect::<String>())
        }),
        market: columns.market,
    })
}

/// The rows of a sheet as numbers and moments.
struct Reader<'a> {
    header: &'a [String],
    columns: &'a Columns,
    mark: DecimalMark,
    findings: &'a mut Findings,
    read: Read,
}

/// What came of reading.
#[derive(Default)]
struct Read {
    rows: Vec<ReadRow>,
    /// Values of the exogenous columns, row after row.
    exogenous: Vec<Option<f64>>,
    count: u64,
}

impl<'a> Reader<'a> {
    fn read(
        sheet: &'a Sheet,
        columns: &'a Columns,
        findings: &'a mut Findings,
    ) -> Result<Read, ImportError> {
        let mark = columns.decimal_mark(sheet)?;
        let mut wanted = vec![columns.time, columns.price];
        wanted.extend(&columns.exogenous);
        wanted.extend(columns.known_at);
        let header = sheet.header();
        let mut reader = Self { header, columns, mark, findings, read: Read::default() };
        sheet.rows(&wanted, |row| {
            reader.read.count += 1;
            if let Err((fault, column, reason)) = reader.take(row) {
                reader.findings.bad_row(fault, row.line, column, reason);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(reader.read)
    }

    fn take(&mut self, row: &Row<'_>) -> Result<(), (Fault, &'a str, String)> {
        let header: &'a [String] = self.header;
        let columns = self.columns;
        let name = |at: usize| header[at].as_str();
        if let Some(fields) = row.ragged {
            let reason = format!("has {fields} fields, the header names {}", header.len());
            return Err((Fault::Fields, name(0), reason));
        }
        let time = name(columns.time);
        let moment = moment_of(row.cells[0]).map_err(|reason| (Fault::Time, time, reason))?;
        if let Some(first) = self.read.rows.first()
            && std::mem::discriminant(&first.moment) != std::mem::discriminant(&moment)
        {
            let reason = "some times carry an offset and others do not".to_owned();
            return Err((Fault::Time, time, reason));
        }
        let price_name = name(columns.price);
        let price = number_of(row.cells[1], self.mark)
            .map_err(|reason| (Fault::Value, price_name, reason))?
            .map(|price| columns.unit.to_eur_mwh(price));
        if let Some(price) = price.filter(|price| price.abs() > ABSURD_EUR_MWH) {
            // A number with three hundred digits helps nobody.
            let shown = if price.abs() < 1e12 { price.to_string() } else { format!("{price:e}") };
            let reason = format!("{shown} EUR/MWh is beyond every price a market knows");
            return Err((Fault::Range, price_name, reason));
        }
        let exogenous = self.read.exogenous.len();
        for (at, cell) in columns.exogenous.iter().zip(&row.cells[2..]) {
            let value = number_of(*cell, self.mark)
                .inspect_err(|_| self.read.exogenous.truncate(exogenous))
                .map_err(|reason| (Fault::Value, name(*at), reason))?;
            self.read.exogenous.push(value);
        }
        let known_at = match (columns.known_at, row.cells.last()) {
            (Some(_), None | Some(Cell::Empty)) | (None, _) => None,
            (Some(at), Some(cell)) => {
                Some(moment_of(*cell).map_err(|reason| (Fault::Time, name(at), reason))?)
            }
        };
        self.read.rows.push(ReadRow { line: row.line, moment, price, known_at, exogenous });
        Ok(())
    }
}

pub(super) fn moment_of(cell: Cell<'_>) -> Result<Moment, String> {
    match cell {
        Cell::Empty => Err("the time is missing".to_owned()),
        Cell::Text(text) => parse_moment(text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!(
                "'{shown}' is not a time; expected is e.g. 2023-03-26 02:00 or 2023-03-26T01:00:00Z"
            )
        }),
        Cell::Number(number) => moment_of_number(number)
            .ok_or_else(|| format!("{number} is not a number of seconds since 1970")),
        Cell::Instant(at) => Ok(Moment::Instant(at)),
        Cell::Wall(wall) => Ok(Moment::Wall(wall)),
    }
}

pub(super) fn number_of(cell: Cell<'_>, mark: DecimalMark) -> Result<Option<f64>, String> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) if is_missing(text) => Ok(None),
        Cell::Text(text) => parse_number(text, mark).map(Some),
        Cell::Number(number) if number.is_finite() => Ok(Some(number)),
        Cell::Number(number) => Err(format!("'{number}' is not a finite number")),
        Cell::Instant(at) => Err(format!("{at} is a time, not a number")),
        Cell::Wall(wall) => Err(format!("{wall} is a time, not a number")),
    }
}

/// Sentences about estimated hours and prices beyond the auction's limits.
fn note_values(points: &[Placed], findings: &mut Findings) {
    let estimated = points.iter().filter(|point| point.estimated).count();
    if estimated > 0 {
        findings.notes.push(format!(
            "{estimated} intervals of the autumn clock change share one value per pair and are \
             marked as estimated"
        ));
    }
    let mut beyond = points
        .iter()
        .filter(|point| point.row.price.is_some_and(|price| !HARMONISED_EUR_MWH.contains(&price)));
    if let Some(first) = beyond.next() {
        findings.notes.push(format!(
            "{} prices lie beyond the auction's limits of -500 and 5000 EUR/MWh, the first of them \
             in line {}; they were kept",
            1 + beyond.count(),
            first.row.line
        ));
    }
}

/// An assumed instant of publication per local day of delivery, worked out once per day.
struct DayBefore {
    zone: Tz,
    rule: fn(DateTime<Utc>, Tz) -> DateTime<Utc>,
    last: Option<(NaiveDate, DateTime<Utc>)>,
}

impl DayBefore {
    const fn new(zone: Tz, rule: fn(DateTime<Utc>, Tz) -> DateTime<Utc>) -> Self {
        Self { zone, rule, last: None }
    }

    fn of(&mut self, ts: DateTime<Utc>) -> DateTime<Utc> {
        let date = local_date(ts, self.zone);
        match self.last {
            Some((known, at)) if known == date => at,
            _ => {
                let at = (self.rule)(ts, self.zone);
                self.last = Some((date, at));
                at
            }
        }
    }
}

fn points_of(
    points: &[Placed],
    product: Product,
    columns: &Columns,
    rule: &KnownAtRule,
) -> Vec<ParsedPrice> {
    let mut assumed = DayBefore::new(columns.market.time_zone(), assumed_price_known_at);
    points
        .iter()
        .filter_map(|point| {
            let stated = match (rule, point.row.known_at) {
                (KnownAtRule::At(at), _) => Some(*at),
                (_, Some(Moment::Instant(at))) => Some(at),
                (_, Some(Moment::Wall(wall))) => {
                    Some(at_local(wall.date(), wall.time(), columns.zone))
                }
                (_, None) => None,
            };
            Some(ParsedPrice {
                ts: point.ts,
                interval_s: product.interval_s(),
                price_eur_mwh: point.row.price?,
                estimated: point.estimated,
                known_at: stated.unwrap_or_else(|| assumed.of(point.ts)),
                known_at_assumed: stated.is_none(),
            })
        })
        .collect()
}

fn exogenous_series(
    points: &[Placed],
    product: Product,
    columns: &Columns,
    header: &[String],
    values: &[Option<f64>],
) -> Vec<ExogenousSeries> {
    let series = |(place, column): (usize, &usize)| {
        let mut assumed = DayBefore::new(columns.market.time_zone(), assumed_forecast_known_at);
        let number = place + 1;
        ExogenousSeries {
            name: format!("exo{number}:{}", columns.market),
            header: header[*column].clone(),
            unit: "MW",
            interval_s: product.interval_s(),
            rows: points
                .iter()
                .filter_map(|point| {
                    let value = values[point.row.exogenous + place]?;
                    Some(ExogenousRow { ts: point.ts, known_at: assumed.of(point.ts), value })
                })
                .collect(),
        }
    };
    columns.exogenous.iter().enumerate().map(series).collect()
}
