//! What weather is made of: variables, their units, and which column of a file holds which.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::columns::{named, simplified};
use super::error::ImportError;

/// Something that weather is described by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeatherVariable {
    /// Air temperature two metres above ground, °C.
    Temperature,
    /// Radiation of the sun on a level plane, mean of the interval, W/m².
    SolarRadiation,
    /// Wind ten metres above ground, m/s.
    WindSpeed,
    /// Share of the sky under clouds, %.
    CloudCover,
    /// Rain and melted snow of the interval, mm.
    Precipitation,
    /// Relative humidity of the air, %.
    Humidity,
    /// Pressure of the air at the station, hPa.
    Pressure,
    /// Minutes of sunshine in the interval.
    Sunshine,
}

/// A unit of a file, with what turns its numbers into those of the series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeatherUnit {
    /// The name, e.g. `km/h`.
    pub name: &'static str,
    /// What a number is multiplied with and what is added then; absent for the unit of the series.
    scale: Option<(f64, f64)>,
}

const fn own(name: &'static str) -> WeatherUnit {
    WeatherUnit { name, scale: None }
}

const fn unit(name: &'static str, factor: f64, offset: f64) -> WeatherUnit {
    WeatherUnit { name, scale: Some((factor, offset)) }
}

/// Temperatures.
const CELSIUS: WeatherUnit = own("°C");
const TEMPERATURES: [WeatherUnit; 3] =
    [CELSIUS, unit("K", 1.0, -273.15), unit("°F", 5.0 / 9.0, -160.0 / 9.0)];
const RADIATIONS: [WeatherUnit; 2] = [own("W/m²"), unit("kW/m²", 1_000.0, 0.0)];
const SPEEDS: [WeatherUnit; 4] = [
    own("m/s"),
    unit("km/h", 1.0 / 3.6, 0.0),
    unit("kn", 1_852.0 / 3_600.0, 0.0),
    unit("mph", 0.447_04, 0.0),
];
const SHARES: [WeatherUnit; 1] = [own("%")];
const CLOUDS: [WeatherUnit; 2] = [own("%"), unit("okta", 12.5, 0.0)];
const DEPTHS: [WeatherUnit; 1] = [own("mm")];
const PRESSURES: [WeatherUnit; 2] = [own("hPa"), unit("Pa", 0.01, 0.0)];
const TIMES: [WeatherUnit; 2] = [own("min"), unit("s", 1.0 / 60.0, 0.0)];

/// Headers of files, simplified and without unit. Stations of MeteoSwiss name parameters.
const HEADERS: [(WeatherVariable, &[&str]); 8] = [
    (
        WeatherVariable::Temperature,
        &[
            "temperature",
            "temperature_2m",
            "air_temperature",
            "temp",
            "t2m",
            "temperatur",
            "lufttemperatur",
            "aussentemperatur",
            "tre200h0",
            "tre200s0",
            "tre200d0",
        ],
    ),
    (
        WeatherVariable::SolarRadiation,
        &[
            "solar_radiation",
            "shortwave_radiation",
            "global_radiation",
            "radiation",
            "irradiance",
            "ghi",
            "globalstrahlung",
            "einstrahlung",
            "strahlung",
            "gre000h0",
            "gre000z0",
            "gre000d0",
        ],
    ),
    (
        WeatherVariable::WindSpeed,
        &[
            "wind_speed",
            "wind_speed_10m",
            "windspeed",
            "windspeed_10m",
            "wind",
            "windgeschwindigkeit",
            "fkl010h0",
            "fkl010z0",
            "fkl010d0",
        ],
    ),
    (
        WeatherVariable::CloudCover,
        &["cloud_cover", "cloudcover", "clouds", "cloud", "bewölkung", "bewoelkung", "bedeckung"],
    ),
    (
        WeatherVariable::Precipitation,
        &[
            "precipitation",
            "rain",
            "rainfall",
            "niederschlag",
            "regen",
            "rre150h0",
            "rre150z0",
            "rre150d0",
        ],
    ),
    (
        WeatherVariable::Humidity,
        &[
            "humidity",
            "relative_humidity",
            "relative_humidity_2m",
            "luftfeuchtigkeit",
            "luftfeuchte",
            "ure200h0",
            "ure200s0",
            "ure200d0",
        ],
    ),
    (
        WeatherVariable::Pressure,
        &["pressure", "surface_pressure", "luftdruck", "prestah0", "prestas0", "prestad0"],
    ),
    (
        WeatherVariable::Sunshine,
        &["sunshine", "sunshine_duration", "sonnenscheindauer", "sre000h0", "sre000z0", "sre000d0"],
    ),
];

impl WeatherUnit {
    /// A number of the file in the unit of the series, to a millionth.
    pub fn converted(self, value: f64) -> f64 {
        match self.scale {
            None => value,
            Some((factor, offset)) => (value.mul_add(factor, offset) * 1e6).round() / 1e6,
        }
    }
}

impl WeatherVariable {
    /// Every variable.
    pub const ALL: [Self; 8] = [
        Self::Temperature,
        Self::SolarRadiation,
        Self::WindSpeed,
        Self::CloudCover,
        Self::Precipitation,
        Self::Humidity,
        Self::Pressure,
        Self::Sunshine,
    ];

    /// The name in series and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::SolarRadiation => "solar_radiation",
            Self::WindSpeed => "wind_speed",
            Self::CloudCover => "cloud_cover",
            Self::Precipitation => "precipitation",
            Self::Humidity => "humidity",
            Self::Pressure => "pressure",
            Self::Sunshine => "sunshine",
        }
    }

    /// Units in which files state it, that of the series first.
    pub const fn units(self) -> &'static [WeatherUnit] {
        match self {
            Self::Temperature => &TEMPERATURES,
            Self::SolarRadiation => &RADIATIONS,
            Self::WindSpeed => &SPEEDS,
            Self::CloudCover => &CLOUDS,
            Self::Precipitation => &DEPTHS,
            Self::Humidity => &SHARES,
            Self::Pressure => &PRESSURES,
            Self::Sunshine => &TIMES,
        }
    }

    /// Unit of the series.
    pub fn unit(self) -> &'static str {
        self.units()[0].name
    }

    /// What is believed, in the unit of the series. A station's radiation is a little below nothing
    /// at night, and its humidity a little above everything in fog.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Self::Temperature => (-70.0, 60.0),
            Self::SolarRadiation => (-20.0, 1_800.0),
            Self::WindSpeed => (0.0, 120.0),
            Self::CloudCover => (0.0, 100.0),
            Self::Precipitation => (0.0, 500.0),
            Self::Humidity => (0.0, 105.0),
            Self::Pressure => (400.0, 1_100.0),
            Self::Sunshine => (0.0, 1_440.0),
        }
    }

    /// Headers of files, simplified and without unit.
    fn is_called(self, header: &str) -> bool {
        HEADERS.iter().any(|(variable, names)| *variable == self && names.contains(&header))
    }

    /// The variable of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.name() == name)
    }

    /// The unit of a name as files and people write it.
    pub fn unit_of(self, name: &str) -> Option<WeatherUnit> {
        let plain = |text: &str| -> String {
            let text = text.replace('²', "2").to_lowercase();
            text.chars().filter(|letter| letter.is_alphanumeric() || *letter == '%').collect()
        };
        let wanted = plain(name);
        let other = match wanted.as_str() {
            "c" | "degc" | "celsius" | "grad" => "c",
            "kelvin" => "k",
            "fahrenheit" | "degf" => "f",
            "kmh" | "kph" => "kmh",
            "kt" | "knots" => "kn",
            "percent" | "prozent" | "pct" => "%",
            "oktas" | "achtel" => "okta",
            "mbar" | "mb" => "hpa",
            "minutes" | "minuten" => "min",
            "seconds" | "sekunden" => "s",
            wanted => wanted,
        };
        self.units().iter().copied().find(|unit| plain(unit.name) == other)
    }
}

/// A column of weather as somebody asks for it: `wind_speed:km/h:Wind`; without unit `…::Wind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeatherAsk {
    /// What it holds.
    pub variable: WeatherVariable,
    /// Unit of its numbers; the header's unless said.
    pub unit: Option<String>,
    /// Its header.
    pub header: String,
}

impl std::str::FromStr for WeatherAsk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known: Vec<&str> = WeatherVariable::ALL.iter().map(|one| one.name()).collect();
        let form = || {
            format!(
                "'{text}' is not VARIABLE:UNIT:HEADER like wind_speed:km/h:Wind; variables are {}",
                known.join(", ")
            )
        };
        let mut parts = text.splitn(3, ':').map(str::trim);
        let (Some(variable), Some(unit), Some(header)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(form());
        };
        let variable = WeatherVariable::parse(variable).ok_or_else(form)?;
        if header.is_empty() {
            return Err(form());
        }
        if !unit.is_empty() && variable.unit_of(unit).is_none() {
            let units: Vec<&str> = variable.units().iter().map(|unit| unit.name).collect();
            let (variable, units) = (variable.name(), units.join(", "));
            return Err(format!("'{unit}' is no unit of {variable}; known are {units}"));
        }
        let unit = (!unit.is_empty()).then(|| unit.to_owned());
        Ok(Self { variable, unit, header: header.to_owned() })
    }
}

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WeatherColumn {
    pub variable: WeatherVariable,
    pub unit: WeatherUnit,
    pub at: usize,
}

/// The columns of weather of a file: those that are asked for, else those whose header tells.
pub(super) fn weather_columns(
    header: &[String],
    asked: &[WeatherAsk],
    time: usize,
) -> Result<Vec<WeatherColumn>, ImportError> {
    let names: Vec<String> = header.iter().map(|name| simplified(name)).collect();
    let mut found: Vec<WeatherColumn> = Vec::new();
    if asked.is_empty() {
        for (at, name) in names.iter().enumerate().filter(|(at, _)| *at != time) {
            let Some((variable, stated)) = told_by(&header[at], name) else { continue };
            if found.iter().any(|column| column.variable == variable) {
                continue; // The first of several columns of a variable: `tre200h0`, not its extremes.
            }
            let unit = stated_unit(variable, stated, &header[at])?;
            found.push(WeatherColumn { variable, unit, at });
        }
    }
    for ask in asked {
        let at = named(header, &names, &ask.header)?;
        let unit = match &ask.unit {
            Some(unit) => ask.variable.unit_of(unit),
            None => told_by(&header[at], &names[at]).and_then(|(_, unit)| unit),
        };
        if found.iter().any(|column| column.variable == ask.variable) {
            return Err(ImportError::WeatherTwice { variable: ask.variable.name() });
        }
        let unit = stated_unit(ask.variable, unit, &header[at])?;
        found.push(WeatherColumn { variable: ask.variable, unit, at });
    }
    if found.is_empty() {
        return Err(ImportError::NoWeatherColumn { columns: header.to_vec() });
    }
    Ok(found)
}

/// The unit that is stated, or the usual one; wind is in m/s to some and in km/h to others.
fn stated_unit(
    variable: WeatherVariable,
    stated: Option<WeatherUnit>,
    header: &str,
) -> Result<WeatherUnit, ImportError> {
    match stated {
        Some(unit) => Ok(unit),
        None if variable == WeatherVariable::WindSpeed && !header.starts_with("fkl010") => {
            Err(ImportError::NoWindUnit { column: header.to_owned() })
        }
        None => Ok(variable.units()[0]),
    }
}

/// What a header tells: the variable, and its unit where it stands in it.
pub(super) fn told_by(
    header: &str,
    simple: &str,
) -> Option<(WeatherVariable, Option<WeatherUnit>)> {
    // `Wind (km/h)`, `Wind [km/h]`: the unit in brackets.
    let bracketed = header
        .split_once(['(', '['])
        .map(|(name, rest)| (simplified(name), rest.trim_end_matches([')', ']', ' ']).to_owned()));
    WeatherVariable::ALL.into_iter().find_map(|variable| {
        let is_named = |name: &str| variable.is_called(name);
        if let Some((name, unit)) = &bracketed
            && is_named(name)
        {
            return Some((variable, variable.unit_of(unit)));
        }
        if is_named(simple) {
            return Some((variable, None));
        }
        // `t2m_c`, `wind_km_h`: the unit at the end.
        (1..=2).find_map(|parts| {
            let mut cut = simple.rmatch_indices('_').map(|(at, _)| at);
            let at = cut.nth(parts - 1)?;
            let unit = variable.unit_of(&simple[at + 1..])?;
            is_named(&simple[..at]).then_some((variable, Some(unit)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &str) -> Option<(&'static str, Option<&'static str>)> {
        told_by(header, &simplified(header))
            .map(|(variable, unit)| (variable.name(), unit.map(|unit| unit.name)))
    }

    #[test]
    fn headers_tell_variable_and_unit() {
        for (header, expected) in [
            ("t2m_c", Some(("temperature", Some("°C")))),
            ("temperature_2m (°C)", Some(("temperature", Some("°C")))),
            ("Aussentemperatur [°F]", Some(("temperature", Some("°F")))),
            ("tre200h0", Some(("temperature", None))),
            ("tre200hn", None),
            ("windspeed_10m", Some(("wind_speed", None))),
            ("wind_speed_10m (km/h)", Some(("wind_speed", Some("km/h")))),
            ("wind_km_h", Some(("wind_speed", Some("km/h")))),
            ("shortwave_radiation (W/m²)", Some(("solar_radiation", Some("W/m²")))),
            ("Bewölkung (%)", Some(("cloud_cover", Some("%")))),
            ("price", None),
        ] {
            assert_eq!(told(header), expected, "{header}");
        }
    }

    #[test]
    fn units_are_turned_into_those_of_the_series() {
        for (variable, unit, given, expected) in [
            (WeatherVariable::Temperature, "K", 273.15, 0.0),
            (WeatherVariable::Temperature, "°F", 212.0, 100.0),
            (WeatherVariable::Temperature, "degF", -40.0, -40.0),
            (WeatherVariable::WindSpeed, "km/h", 36.0, 10.0),
            (WeatherVariable::WindSpeed, "kn", 1.0, 0.514_444),
            (WeatherVariable::CloudCover, "okta", 8.0, 100.0),
            (WeatherVariable::SolarRadiation, "kW/m2", 0.8, 800.0),
            (WeatherVariable::Pressure, "Pa", 101_325.0, 1_013.25),
            (WeatherVariable::Sunshine, "s", 1_800.0, 30.0),
        ] {
            assert_eq!(
                variable.unit_of(unit).map(|unit| unit.converted(given)),
                Some(expected),
                "{given} {unit}"
            );
        }
    }

    #[test]
    fn a_column_is_asked_for_in_three_parts() {
        let ask: WeatherAsk = "wind_speed:km/h:Wind: Mittel".parse().unwrap();
        assert_eq!((ask.unit.as_deref(), ask.header.as_str()), (Some("km/h"), "Wind: Mittel"));
        for (text, reason) in [
            ("wind", "is not VARIABLE:UNIT:HEADER"),
            ("wund:m/s:x", "variables are temperature"),
            ("wind_speed:°C:x", "'°C' is no unit of wind_speed; known are m/s, km/h, kn, mph"),
            ("temperature::", "is not VARIABLE:UNIT:HEADER"),
        ] {
            let refusal = text.parse::<WeatherAsk>().unwrap_err();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
