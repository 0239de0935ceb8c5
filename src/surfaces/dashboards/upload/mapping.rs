//! What the selects of a form say about a file, and what the form for storing repeats.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::de::DeserializeOwned;

use super::values::{Choice, Hidden};
use crate::base::ids::Market;
use crate::facts::imports::{
    ImportOptions, PriceUnit, ReadingKind, ReadingOptions, ReadingUnit, WeatherAsk, WeatherNature,
    WeatherOptions, WeatherVariable,
};
use crate::platform::web::Problem;
use crate::surfaces::dashboards::format::Format;

/// The fields of a form.
pub(super) type Fields = BTreeMap<String, String>;

/// What the name of a select about a column begins with.
const AS: &str = "as.";
/// Zones to choose from, with the keys of their names.
const ZONES: [(&str, &str); 4] = [
    ("Europe/Zurich", "up_zone_zurich"),
    ("Europe/Berlin", "up_zone_berlin"),
    ("UTC", "up_zone_utc"),
    ("Etc/GMT-1", "up_zone_winter"),
];
/// Units of prices to choose from.
const PRICE_UNITS: [&str; 3] = ["EUR/MWh", "EUR/kWh", "ct/kWh"];

/// Headers of the columns that are taken for `role`.
fn headers(fields: &Fields, role: &str) -> Vec<String> {
    let named = fields.iter().filter(|(name, value)| name.starts_with(AS) && *value == role);
    named.map(|(name, _)| name[AS.len()..].to_owned()).collect()
}

/// The value of a field, if it is filled in.
fn given<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// A word of a list as its value.
fn word<T: DeserializeOwned>(fields: &Fields, name: &'static str) -> Result<Option<T>, Problem> {
    given(fields, name)
        .map(|text| {
            serde_json::from_value(text.into()).map_err(|error| Problem::invalid(name, error))
        })
        .transpose()
}

fn zone(fields: &Fields) -> Result<Option<Tz>, Problem> {
    let parse = |text: &str| text.parse().map_err(|error| Problem::invalid("zone", error));
    given(fields, "zone").map(parse).transpose()
}

fn is_set(fields: &Fields, name: &str) -> bool {
    given(fields, name) == Some("true")
}

/// How a file of readings is to be read.
pub(super) fn reading_options(
    fields: &Fields,
    meter_id: &str,
    create: bool,
) -> Result<ReadingOptions, Problem> {
    Ok(ReadingOptions {
        meter_id: meter_id.to_owned(),
        create,
        columns: headers(fields, "taken"),
        production_columns: headers(fields, "given"),
        time_column: headers(fields, "time").pop(),
        kind: word(fields, "kind")?,
        unit: word(fields, "unit")?,
        zone: zone(fields)?,
        dry_run: false,
        skip_bad_rows: is_set(fields, "skip"),
    })
}

/// How a file of prices is to be read.
pub(super) fn price_options(fields: &Fields, market: Market) -> Result<ImportOptions, Problem> {
    let unit = |text: &str| PriceUnit::parse(text).map_err(|error| Problem::invalid("unit", error));
    Ok(ImportOptions {
        time_column: headers(fields, "time").pop(),
        column: headers(fields, "price").pop(),
        unit: given(fields, "unit").map(unit).transpose()?,
        zone: zone(fields)?,
        skip_bad_rows: is_set(fields, "skip"),
        ..ImportOptions::new(market)
    })
}

/// How a file of weather is to be read.
pub(super) fn weather_options(
    fields: &Fields,
    place: &str,
    file_name: &str,
) -> Result<WeatherOptions, Problem> {
    let mut columns = Vec::new();
    for (name, value) in fields.iter().filter(|(name, _)| name.starts_with(AS)) {
        if value.contains(':') {
            let ask: Result<WeatherAsk, String> = format!("{value}:{}", &name[AS.len()..]).parse();
            columns.push(ask.map_err(|reason| Problem::invalid(name.as_str(), reason))?);
        }
    }
    let market =
        |text: &str| Market::parse(text).map_err(|error| Problem::invalid("market", error));
    Ok(WeatherOptions {
        place: place.to_owned(),
        market: given(fields, "market").map(market).transpose()?,
        nature: word::<WeatherNature>(fields, "nature")?.unwrap_or_default(),
        columns,
        time_column: headers(fields, "time").pop(),
        known_at_column: None,
        marks_end: is_set(fields, "marks_end"),
        zone: zone(fields)?,
        file_name: file_name.to_owned(),
        dry_run: false,
        skip_bad_rows: is_set(fields, "skip"),
    })
}

/// The fields that say the same as `options`.
pub(super) fn reading_fields(options: &ReadingOptions, skip: bool) -> Vec<Hidden> {
    let mut all: Vec<Hidden> = Vec::new();
    all.extend(options.time_column.iter().map(|header| column(header, "time")));
    all.extend(options.columns.iter().map(|header| column(header, "taken")));
    all.extend(options.production_columns.iter().map(|header| column(header, "given")));
    all.extend(options.kind.map(|kind| hidden("kind", kind_name(kind))));
    all.extend(options.unit.map(|unit| hidden("unit", unit_name(unit))));
    all.extend(options.zone.map(|zone| hidden("zone", zone.name())));
    all.extend(skip.then(|| hidden("skip", "true")));
    all
}

/// The fields that say the same as `options`.
pub(super) fn price_fields(options: &ImportOptions, skip: bool) -> Vec<Hidden> {
    let mut all: Vec<Hidden> = Vec::new();
    all.extend(options.time_column.iter().map(|header| column(header, "time")));
    all.extend(options.column.iter().map(|header| column(header, "price")));
    all.extend(options.unit.map(|unit| hidden("unit", unit.name())));
    all.extend(options.zone.map(|zone| hidden("zone", zone.name())));
    all.extend(skip.then(|| hidden("skip", "true")));
    all
}

/// The fields that say the same as `options`.
pub(super) fn weather_fields(options: &WeatherOptions, skip: bool) -> Vec<Hidden> {
    let mut all: Vec<Hidden> = Vec::new();
    all.extend(options.time_column.iter().map(|header| column(header, "time")));
    all.extend(options.columns.iter().map(|ask| column(&ask.header, &weather_role(ask))));
    all.extend(options.market.as_ref().map(|market| hidden("market", market.code())));
    all.push(hidden("nature", nature_name(options.nature)));
    all.extend(options.marks_end.then(|| hidden("marks_end", "true")));
    all.extend(options.zone.map(|zone| hidden("zone", zone.name())));
    all.extend(skip.then(|| hidden("skip", "true")));
    all
}

fn column(header: &str, role: &str) -> Hidden {
    hidden(&format!("{AS}{header}"), role)
}

fn hidden(name: &str, value: &str) -> Hidden {
    Hidden { name: name.to_owned(), value: value.to_owned() }
}

const fn kind_name(kind: ReadingKind) -> &'static str {
    match kind {
        ReadingKind::Power => "power",
        ReadingKind::Energy => "energy",
        ReadingKind::Counter => "counter",
    }
}

const fn unit_name(unit: ReadingUnit) -> &'static str {
    match unit {
        ReadingUnit::Kw => "kW",
        ReadingUnit::W => "W",
        ReadingUnit::Kwh => "kWh",
        ReadingUnit::Wh => "Wh",
    }
}

const fn nature_name(nature: WeatherNature) -> &'static str {
    match nature {
        WeatherNature::Measured => "measured",
        WeatherNature::Forecast => "forecast",
    }
}

/// What a column of readings can be taken for.
pub(super) fn reading_roles(name: &str, options: &ReadingOptions, format: &Format) -> Vec<Choice> {
    let is = |names: &[String]| names.iter().any(|other| other == name);
    let chosen = match () {
        () if options.time_column.as_deref() == Some(name) => "time",
        () if is(&options.columns) => "taken",
        () if is(&options.production_columns) => "given",
        () => "",
    };
    [
        ("", "up_role_none"),
        ("time", "up_role_time"),
        ("taken", "up_role_taken"),
        ("given", "up_role_given"),
    ]
    .map(|(value, key)| Choice::new(value, format.text(key), chosen))
    .to_vec()
}

/// What a column of prices can be taken for.
pub(super) fn price_roles(name: &str, options: &ImportOptions, format: &Format) -> Vec<Choice> {
    let chosen = match () {
        () if options.time_column.as_deref() == Some(name) => "time",
        () if options.column.as_deref() == Some(name) => "price",
        () => "",
    };
    [("", "up_role_none"), ("time", "up_role_time"), ("price", "up_role_price")]
        .map(|(value, key)| Choice::new(value, format.text(key), chosen))
        .to_vec()
}

/// What a column of weather can be taken for: each variable in each of its units.
pub(super) fn weather_roles(name: &str, options: &WeatherOptions, format: &Format) -> Vec<Choice> {
    let asked = options.columns.iter().find(|ask| ask.header == name).map(weather_role);
    let is_time = options.time_column.as_deref() == Some(name);
    let chosen = if is_time { "time".to_owned() } else { asked.unwrap_or_default() };
    let mut all = vec![
        Choice::new("", format.text("up_role_none"), &chosen),
        Choice::new("time", format.text("up_role_time"), &chosen),
    ];
    for variable in WeatherVariable::ALL {
        let what = format.text(variable_key(variable));
        for unit in variable.units() {
            let value = format!("{}:{}", variable.name(), unit.name);
            all.push(Choice::new(value, format!("{what}, {}", unit.name), &chosen));
        }
    }
    all
}

fn weather_role(ask: &WeatherAsk) -> String {
    format!("{}:{}", ask.variable.name(), ask.unit.as_deref().unwrap_or_default())
}

const fn variable_key(variable: WeatherVariable) -> &'static str {
    match variable {
        WeatherVariable::Temperature => "up_temperature",
        WeatherVariable::SolarRadiation => "up_solar_radiation",
        WeatherVariable::WindSpeed => "up_wind_speed",
        WeatherVariable::CloudCover => "up_cloud_cover",
        WeatherVariable::Precipitation => "up_precipitation",
        WeatherVariable::Humidity => "up_humidity",
        WeatherVariable::Pressure => "up_pressure",
        WeatherVariable::Sunshine => "up_sunshine",
    }
}

/// Kinds of numbers to choose from.
pub(super) fn kinds(chosen: Option<ReadingKind>, format: &Format) -> Vec<Choice> {
    let chosen = chosen.map_or("", kind_name);
    [
        ("", "up_auto"),
        ("energy", "up_kind_energy"),
        ("power", "up_kind_power"),
        ("counter", "up_kind_counter"),
    ]
    .map(|(value, key)| Choice::new(value, format.text(key), chosen))
    .to_vec()
}

/// Units of readings to choose from.
pub(super) fn reading_units(chosen: Option<ReadingUnit>, format: &Format) -> Vec<Choice> {
    let chosen = chosen.map_or("", unit_name);
    let auto = Choice::new("", format.text("up_auto"), chosen);
    let units = ["kWh", "Wh", "kW", "W"].map(|unit| Choice::new(unit, unit, chosen));
    [auto].into_iter().chain(units).collect()
}

/// Units of prices to choose from.
pub(super) fn price_units(chosen: Option<PriceUnit>, format: &Format) -> Vec<Choice> {
    let chosen = chosen.map_or("", PriceUnit::name);
    let auto = Choice::new("", format.text("up_auto"), chosen);
    let units = PRICE_UNITS.map(|unit| Choice::new(unit, unit, chosen));
    [auto].into_iter().chain(units).collect()
}

/// What weather can be.
pub(super) fn natures(chosen: WeatherNature, format: &Format) -> Vec<Choice> {
    let chosen = nature_name(chosen);
    [("measured", "up_nature_measured"), ("forecast", "up_nature_forecast")]
        .map(|(value, key)| Choice::new(value, format.text(key), chosen))
        .to_vec()
}

/// Zones to choose from, another one that was found out among them.
pub(super) fn zones(chosen: Option<Tz>, format: &Format) -> Vec<Choice> {
    let chosen = chosen.map_or("", |zone| zone.name());
    let auto = Choice::new("", format.text("up_auto"), chosen);
    let known = ZONES.map(|(value, key)| Choice::new(value, format.text(key), chosen));
    let mut all: Vec<Choice> = [auto].into_iter().chain(known).collect();
    if !all.iter().any(|choice| choice.chosen) {
        all.push(Choice::new(chosen, chosen, chosen));
    }
    all
}
