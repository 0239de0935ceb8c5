//! The yearly file of an operator («Tariff Retrieval» of the VSE): fixed prices by month, weekday and hour.
//!
//! Read as the files are met, not only as the form says: `from` = `to` is the whole day, `to` 23:45 or 23:59
//! its end, a window may cross midnight, months and weekdays that are absent are all of them, names have
//! blanks at their ends. A window belongs to each day that it names: 19:00 to 07:00 on Mondays is Monday
//! before seven and from seven in the evening on, as the files are written.

mod expand; // windows onto quarter hours

pub(super) use self::expand::quotes;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;

use super::model::{Component, PRICE_CHF_KWH_MAX};
use super::settings::{hint, nearest};

/// Greatest monthly fee that is believed, in CHF.
const BASE_CHF_MONTH_MAX: f64 = 10_000.0;
/// Longest validity of one tariff, in days.
const DAYS_MAX: i64 = 800;
/// Minutes in a day on the clock.
const DAY_MIN: u16 = 24 * 60;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YearError {
    /// Not the form at all.
    #[error("the file is no yearly file of tariffs: {0}")]
    Form(String),
    /// Something in it that cannot be right.
    #[error("{place}: {what}")]
    Wrong {
        /// Tariff, and which of its prices.
        place: String,
        /// What is wrong there.
        what: String,
    },
    /// Nobody said which of several tariffs is meant.
    #[error("the file has several tariffs for {component}; choose with --tariff: {names}")]
    Several {
        /// The component.
        component: &'static str,
        /// Their names.
        names: String,
    },
    /// There is no such tariff in it.
    #[error("the file has no tariff '{given}'{hint}; it has {names}")]
    Unknown {
        /// What was written.
        given: String,
        /// A question after what may have been meant.
        hint: String,
        /// The names there are.
        names: String,
    },
    /// Its name cannot be that of a tariff.
    #[error("'{0}' cannot be the name of a tariff; use letters, digits, '-', '_' and '.'")]
    Name(String),
}

/// The wire form; fields that are not here are of no interest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    dso_name: String,
    tariffs: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    customer_voltage_level: Value,
    tariff_name: String,
    tariff_type: String,
    tariff_form: Option<String>,
    start_date: NaiveDate,
    end_date: NaiveDate,
    #[serde(default)]
    customer_type: Value,
    prices: Prices,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prices {
    base: Option<Price>,
    energy: Option<Vec<Energy>>,
    power: Option<Value>,
    reactive_power: Option<Value>,
    refund_storage: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    price: f64,
    price_unit: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Energy {
    months: Option<Vec<String>>,
    weekdays: Option<Vec<String>>,
    from: Option<String>,
    to: Option<String>,
    price: f64,
    price_unit: String,
}

/// The tariffs of an operator for a year.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct YearFile {
    pub operator: String,
    pub tariffs: Vec<YearTariff>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct YearTariff {
    pub name: String,
    pub component: Component,
    /// Whether it is meant for homes on the lowest voltage.
    pub is_household: bool,
    /// First local day on which it holds.
    pub first: NaiveDate,
    /// Last one, inclusive.
    pub last: NaiveDate,
    pub base_chf_month: Option<f64>,
    pub windows: Vec<Window>,
    /// What the file says beyond that.
    pub notes: Vec<String>,
}

/// A price for part of the year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    months: [bool; 12],
    /// Monday first.
    weekdays: [bool; 7],
    /// First minute of the day on the clock.
    from: u16,
    /// First minute after; not after `from` when it crosses midnight.
    to: u16,
    price_chf_kwh: f64,
}

/// The tariffs in a file.
pub(super) fn parse(bytes: &[u8]) -> Result<YearFile, YearError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| YearError::Form(error.to_string()))?;
    let tariffs = document.tariffs.into_iter().map(tariff).collect::<Result<Vec<_>, _>>()?;
    if tariffs.is_empty() {
        return Err(YearError::Form("it lists no tariffs".to_owned()));
    }
    Ok(YearFile { operator: document.dso_name.trim().to_owned(), tariffs })
}

fn tariff(entry: Entry) -> Result<YearTariff, YearError> {
    let name = entry.tariff_name.trim().to_owned();
    let wrong = |what: String| YearError::Wrong { place: name.clone(), what };
    let component = match entry.tariff_type.trim() {
        "electricity" => Component::Electricity,
        "grid" => Component::Grid,
        "metering" => Component::Metering,
        "regional_fees" => Component::RegionalFees,
        other => return Err(wrong(format!("its type '{other}' is not known"))),
    };
    let days = (entry.end_date - entry.start_date).num_days();
    if !(0..=DAYS_MAX).contains(&days) {
        return Err(wrong(format!("it holds from {} to {}", entry.start_date, entry.end_date)));
    }
    let mut notes = Vec::new();
    let prices = entry.prices;
    let further = [
        (prices.power, "power"),
        (prices.reactive_power, "reactive power"),
        (prices.refund_storage, "storage"),
    ];
    for (value, what) in further {
        if value.is_some_and(|value| !is_empty(&value)) {
            notes.push(format!("{name}: what it says about {what} is in no price per kWh"));
        }
    }
    let base_chf_month = prices.base.map(|base| base_of(&name, &base)).transpose()?;
    let energy = prices.energy.unwrap_or_default();
    if energy.is_empty() && entry.tariff_form.as_deref().map(str::trim) == Some("dynamic") {
        return Err(wrong("it is dynamic: its prices are fetched, not in the file".to_owned()));
    }
    let begins_late = energy.iter().any(|one| one.from.as_deref().map(str::trim) == Some("23:45"));
    let windows = energy.iter().enumerate().map(|(index, energy)| {
        window(energy, begins_late).map_err(|what| YearError::Wrong {
            place: format!("{name}, price {}", index + 1),
            what,
        })
    });
    Ok(YearTariff {
        windows: windows.collect::<Result<_, _>>()?,
        is_household: is_household(&entry.customer_voltage_level, &entry.customer_type),
        component,
        first: entry.start_date,
        last: entry.end_date,
        base_chf_month,
        notes,
        name,
    })
}

fn base_of(name: &str, base: &Price) -> Result<f64, YearError> {
    let place = format!("{name}, base");
    if unit(&base.price_unit) != "chf/m" {
        let what = format!("its unit is '{}', not CHF/M", base.price_unit);
        return Err(YearError::Wrong { place, what });
    }
    if !(0.0..=BASE_CHF_MONTH_MAX).contains(&base.price) {
        let what = format!("{} CHF a month is not to be believed", base.price);
        return Err(YearError::Wrong { place, what });
    }
    Ok(base.price)
}

fn window(energy: &Energy, begins_late: bool) -> Result<Window, String> {
    if unit(&energy.price_unit) != "chf/kwh" {
        return Err(format!("its unit is '{}', not CHF/kWh", energy.price_unit));
    }
    let price_chf_kwh = energy.price;
    if !(-PRICE_CHF_KWH_MAX..=PRICE_CHF_KWH_MAX).contains(&price_chf_kwh) {
        return Err(format!("{price_chf_kwh} CHF/kWh is not to be believed"));
    }
    let from = minute(energy.from.as_deref().unwrap_or("00:00"))?;
    let to = match minute(energy.to.as_deref().unwrap_or("00:00"))? {
        // The start of the last quarter hour in place of its end.
        late if late == DAY_MIN - 15 && !begins_late => DAY_MIN,
        late if late == DAY_MIN - 1 => DAY_MIN,
        0 => DAY_MIN,
        to => to,
    };
    let (from, to) = if from == to { (0, DAY_MIN) } else { (from % DAY_MIN, to) };
    if from % 15 != 0 || to % 15 != 0 {
        return Err("it does not begin and end at quarter hours".to_owned());
    }
    Ok(Window {
        months: chosen(energy.months.as_deref(), MONTHS, "month")?,
        weekdays: chosen(energy.weekdays.as_deref(), WEEKDAYS, "weekday")?,
        from,
        to,
        price_chf_kwh,
    })
}

/// Which of `known` are named; all when none is.
fn chosen<const N: usize>(
    given: Option<&[String]>,
    known: [&str; N],
    what: &str,
) -> Result<[bool; N], String> {
    let given = given.unwrap_or_default();
    let mut chosen = [given.is_empty(); N];
    for name in given {
        let low = name.trim().to_ascii_lowercase();
        let index = known.iter().position(|known| *known == low);
        let index = index.ok_or_else(|| format!("'{name}' is no {what}"))?;
        chosen[index] = true;
    }
    Ok(chosen)
}

/// Minutes of the day of `07:00` or `07:00:00`; 24:00 is the end of the day.
fn minute(text: &str) -> Result<u16, String> {
    let wrong = || format!("'{text}' is no time like 07:00");
    let mut parts = text.trim().split(':');
    let mut next = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let (hour, minute) = (next().ok_or_else(wrong)?, next().ok_or_else(wrong)?);
    if next().unwrap_or(0) > 59 || minute > 59 || hour * 60 + minute > DAY_MIN || hour > 24 {
        return Err(wrong());
    }
    Ok(hour * 60 + minute)
}

fn unit(text: &str) -> String {
    text.trim().replace('_', "/").to_ascii_lowercase()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        _ => false,
    }
}

fn is_household(level: &Value, customer: &Value) -> bool {
    let is_low = level.is_null() || level == 7 || level == "7";
    let customer = customer.to_string().to_ascii_lowercase();
    is_low && (customer == "null" || customer.contains("household"))
}

impl YearFile {
    /// The tariffs of these names; without names the only one of each component, or the only one for
    /// homes.
    pub fn choose(&self, names: &[String]) -> Result<Vec<&YearTariff>, YearError> {
        if names.is_empty() {
            return self.choose_by_itself();
        }
        let mut chosen: Vec<&YearTariff> = Vec::new();
        for given in names {
            let low = given.trim().to_lowercase();
            let before = chosen.len();
            chosen.extend(self.tariffs.iter().filter(|one| one.name.to_lowercase() == low));
            if chosen.len() == before {
                let known: BTreeSet<&str> =
                    self.tariffs.iter().map(|one| one.name.as_str()).collect();
                return Err(YearError::Unknown {
                    given: given.clone(),
                    hint: hint(nearest(given, known.iter().copied())),
                    names: known.into_iter().collect::<Vec<_>>().join(", "),
                });
            }
        }
        Ok(chosen)
    }

    fn choose_by_itself(&self) -> Result<Vec<&YearTariff>, YearError> {
        let mut chosen = Vec::new();
        for component in Component::ALL {
            let of: Vec<&YearTariff> =
                self.tariffs.iter().filter(|one| one.component == component).collect();
            // The same name twice is one tariff for two parts of the year.
            let names = |of: &[&YearTariff]| {
                of.iter().map(|one| one.name.clone()).collect::<BTreeSet<String>>()
            };
            let homes: Vec<&YearTariff> =
                of.iter().filter(|one| one.is_household).copied().collect();
            if names(&of).len() <= 1 {
                chosen.extend(of);
            } else if names(&homes).len() == 1 {
                chosen.extend(homes);
            } else {
                let names = names(&of).into_iter().collect::<Vec<_>>().join(", ");
                return Err(YearError::Several { component: component.name(), names });
            }
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests;
