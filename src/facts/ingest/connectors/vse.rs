//! Retail tariffs in the form of the VSE (`SmartGridready`), which all Swiss operators speak.
//!
//! Licence: public endpoints, the operator to be named. Tomorrow is published in the course of the day
//! (CKW before noon, Groupe E at three, EKZ and Primeo before six). Instants have an offset or a `Z`, and
//! may lack seconds; they mark start and end. Prices are in CHF/kWh without VAT. What is met in the wild:
//! lists with a monthly fee (`CHF_m`) before the price, units with `/` instead of `_`, components that
//! are null, empty or absent, a slot more than was asked for (CKW), hours in place of quarter hours,
//! error pages with status 200. A price that repeats is one; one that contradicts itself spoils the answer.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime, Utc};
use form_urlencoded::Serializer;
use serde::Deserialize;
use serde_json::Value;

use crate::base::timeline::TimeRange;
use crate::facts::ingest::model::{Ask, Finding, ReadError, Reading, TariffPrices};
use crate::facts::ingest::settings::Settings;
use crate::facts::ingest::source::{Request, Source, kind, quoted, refusal};
use crate::facts::ingest::subject::Subject;
use crate::facts::tariffs;
use crate::facts::tariffs::Asked;
use crate::facts::tariffs::Component;
use crate::facts::tariffs::Operator;
use crate::facts::tariffs::PRICE_CHF_KWH_MAX;
use crate::facts::tariffs::Preset;
use crate::facts::tariffs::Quote;
use crate::facts::tariffs::SLOT_S;
use crate::platform::outbound::Reach;

/// Longest slot that is taken for one; a flat tariff may come as a slot of a year.
const SLOT_DAYS_MAX: i64 = 400;
/// Quarter hours that one answer may hold: a year of all components, twice.
const QUOTES_MAX: usize = 700_000;
/// Greatest monthly fee that is believed, in CHF.
const BASE_CHF_MONTH_MAX: f64 = 10_000.0;

/// The connector of one operator.
pub(super) struct Vse(pub &'static Operator);

impl Vse {
    /// How the tariff that `ask` is about is asked for, if it is this operator's.
    fn preset(&self, settings: &tariffs::Settings, ask: &Ask) -> Option<Preset> {
        let Subject::Tariff(id) = &ask.subject else { return None };
        if id.preset() == self.0.code { settings.preset(id) } else { None }
    }
}

impl Source for Vse {
    #[expect(clippy::misnamed_getters, reason = "a source is called by its operator's code")]
    fn name(&self) -> &'static str {
        self.0.code
    }

    fn what(&self) -> &'static str {
        "Retail tariff"
    }

    fn attribution(&self) -> &'static str {
        self.0.attribution
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let wanted = settings.tariffs.wanted().into_iter().map(|preset| preset.tariff.id);
        wanted.filter(|id| id.preset() == self.0.code).map(Subject::Tariff).collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        self.0.days_max
    }

    fn pause_s(&self) -> u64 {
        self.0.pause_s
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        let what = "No tariff of this operator is active; write it into tariffs.active, \
             GET /api/tariffs lists all.";
        self.subjects(settings).is_empty().then(|| what.to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Preset { asked, .. } = self.preset(&settings.tariffs, ask)?;
        // What an admin has set may be at home.
        let reach = if asked.is_own_url { Reach::Host } else { Reach::Public };
        Some(Request {
            url: address(&asked, ask.range),
            secret: None,
            reach,
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        // Names of known tariffs are in no settings; what others call theirs is not looked at.
        let preset = self.preset(&tariffs::Settings::default(), ask);
        let name = preset.and_then(|preset| preset.asked.tariff_name);
        let answer = read(status, body, (name.as_deref(), ask.range))?;
        Ok(Reading {
            findings: answer.findings.into_iter().map(Finding::Odd).collect(),
            tariff: answer.prices,
            ..Reading::default()
        })
    }
}

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Answer {
    prices: TariffPrices,
    /// What was left out.
    findings: Vec<String>,
}

/// The form on the wire. Fields beyond these are components or of no interest.
#[derive(Deserialize)]
struct Document {
    publication_timestamp: Option<Value>,
    tariff_name: Option<Value>,
    status: Option<Value>,
    prices: Option<Vec<Slot>>,
}

#[derive(Deserialize)]
struct Slot {
    start_timestamp: String,
    end_timestamp: Option<String>,
    #[serde(flatten)]
    lists: BTreeMap<String, Value>,
}

/// The address that asks for `range`, which is left out where the operator takes none.
fn address(asked: &Asked, range: TimeRange) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(name) = &asked.tariff_name {
        query.append_pair("tariff_name", name);
    }
    if asked.takes_range {
        // In UTC: the plus of an offset is a blank to some servers.
        let [from, to] = [range.from, range.to].map(|at| at.format("%Y-%m-%dT%H:%M:%SZ"));
        query.append_pair("start_timestamp", &from.to_string());
        query.append_pair("end_timestamp", &to.to_string());
    }
    let query = query.finish();
    if query.is_empty() { asked.url.clone() } else { format!("{}?{query}", asked.url) }
}

/// What the answer with `status` says about the tariff and the range that were asked for.
fn read(
    status: u16,
    body: &[u8],
    (tariff_name, range): (Option<&str>, TimeRange),
) -> Result<Answer, ReadError> {
    if status == 204 {
        return Ok(Answer::default());
    }
    let found = kind(body);
    if status != 200 {
        return Err(refusal(status, body));
    }
    if found != "JSON" {
        return Err(ReadError::NotExpected { expected: "JSON", found });
    }
    let document: Document =
        serde_json::from_slice(body).map_err(|error| ReadError::Broken(error.to_string()))?;
    is_the_one(&document, tariff_name)?;
    let Some(slots) = document.prices else {
        let reason = document.status.map(|said| quoted(said.to_string().as_bytes()));
        return Err(ReadError::Broken(match reason {
            Some(reason) => format!("it has no prices, its status is {reason}"),
            None => "it has no prices".to_owned(),
        }));
    };
    let mut reader = Reader::new(range);
    for slot in slots {
        reader.add(slot)?;
    }
    let mut answer = reader.finish();
    match document.publication_timestamp {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if instant(&text).is_ok() => {
            answer.prices.published_at = instant(&text).ok();
        }
        Some(other) => {
            let said = quoted(other.to_string().as_bytes());
            answer.findings.push(format!("the time of publication {said} is no instant"));
        }
    }
    Ok(answer)
}

/// Refuses an answer about another tariff: one operator answers a name that it does not know with
/// its standard tariff. Names may be given with or without what they begin with.
fn is_the_one(document: &Document, asked: Option<&str>) -> Result<(), ReadError> {
    let (Some(Value::String(given)), Some(name)) = (&document.tariff_name, asked) else {
        return Ok(());
    };
    let [given_low, name_low] = [given.as_str(), name].map(|text| text.trim().to_ascii_lowercase());
    if given_low.is_empty() || given_low.ends_with(&name_low) || name_low.ends_with(&given_low) {
        return Ok(());
    }
    let given = quoted(given.as_bytes());
    Err(ReadError::Contradiction(format!("asked for {name}, answered for {given}")))
}

/// Slots put together to quarter hours.
struct Reader {
    range: TimeRange,
    prices: BTreeMap<(Component, DateTime<Utc>), f64>,
    /// Monthly fee of each component, with the slot that said it last.
    base: BTreeMap<Component, (DateTime<Utc>, f64)>,
    /// Sentences about what is not read, each once.
    unread: BTreeSet<String>,
    duplicates: usize,
    outside: usize,
    pieces: usize,
}

impl Reader {
    fn new(range: TimeRange) -> Self {
        let (prices, base, unread) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { range, prices, base, unread, duplicates: 0, outside: 0, pieces: 0 }
    }

    fn add(&mut self, slot: Slot) -> Result<(), ReadError> {
        let from = instant(&slot.start_timestamp)?;
        let to = match &slot.end_timestamp {
            Some(text) => instant(text)?,
            None => from + Duration::seconds(SLOT_S.into()),
        };
        let odd = |at: DateTime<Utc>| {
            at.timestamp() % i64::from(SLOT_S) != 0 || at.timestamp_subsec_nanos() != 0
        };
        if to <= from || odd(from) || odd(to) || to - from > Duration::days(SLOT_DAYS_MAX) {
            let what = format!("a slot lasts from {from} to {to}");
            return Err(ReadError::Contradiction(what));
        }
        let part = TimeRange::new(from.max(self.range.from), to.min(self.range.to));
        if part.length().is_zero() {
            // What begins where the range ends comes from a publisher that takes the end for inside.
            self.outside += usize::from(from != self.range.to);
            return Ok(());
        }
        for (name, list) in slot.lists {
            let entries = match list {
                Value::Array(entries) => entries,
                entry @ Value::Object(_) => vec![entry],
                _ => continue,
            };
            let Some(component) = Component::parse(&name) else {
                let name = quoted(name.as_bytes());
                self.unread.insert(format!("the component '{name}' is not known"));
                continue;
            };
            self.add_list(component, &entries, part)?;
        }
        Ok(())
    }

    fn add_list(
        &mut self,
        component: Component,
        entries: &[Value],
        part: TimeRange,
    ) -> Result<(), ReadError> {
        let mut price: Option<f64> = None;
        for entry in entries {
            let (unit, value) = figure(component, entry)?;
            match unit.replace('_', "/").to_ascii_lowercase().as_str() {
                "chf/kwh" => {
                    let at = part.from;
                    if !(-PRICE_CHF_KWH_MAX..=PRICE_CHF_KWH_MAX).contains(&value) {
                        let what = format!("{} at {at} is {value} CHF/kWh", component.name());
                        return Err(ReadError::Contradiction(what));
                    }
                    if price.is_some_and(|before| differ(before, value)) {
                        return Err(two_prices(component, at));
                    }
                    price = Some(value);
                }
                "chf/m" | "chf/month" if (0.0..=BASE_CHF_MONTH_MAX).contains(&value) => {
                    let known = self.base.entry(component).or_insert((part.from, value));
                    if known.0 <= part.from {
                        *known = (part.from, value);
                    }
                }
                _ => {
                    let (name, unit) = (component.name(), quoted(unit.as_bytes()));
                    self.unread.insert(format!("{name} in {unit} is not read"));
                }
            }
        }
        let Some(price) = price else { return Ok(()) };
        for ts in part.slots(SLOT_S) {
            self.pieces += 1;
            if self.pieces > QUOTES_MAX {
                return Err(ReadError::Broken(format!("it has more than {QUOTES_MAX} prices")));
            }
            match self.prices.entry((component, ts)) {
                Entry::Vacant(place) => drop(place.insert(price)),
                Entry::Occupied(before) if differ(*before.get(), price) => {
                    return Err(two_prices(component, ts));
                }
                Entry::Occupied(_) => self.duplicates += 1,
            }
        }
        Ok(())
    }

    fn finish(self) -> Answer {
        let mut findings: Vec<String> = self.unread.into_iter().collect();
        let counts = [
            (self.duplicates, "prices came more than once"),
            (self.outside, "slots lie outside of the days asked for"),
        ];
        findings
            .extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        let of = |component: &Component| self.base.get(component).map(|(_, chf)| *chf);
        let parts =
            [Component::Electricity, Component::Grid, Component::RegionalFees, Component::Metering];
        let sum = || parts.iter().filter_map(of).reduce(|sum, chf| sum + chf);
        let quote = |((component, ts), price_chf_kwh)| Quote { ts, component, price_chf_kwh };
        let prices = TariffPrices {
            base_chf_month: of(&Component::Integrated).or_else(sum),
            quotes: self.prices.into_iter().map(quote).collect(),
            published_at: None,
        };
        Answer { prices, findings }
    }
}

/// Unit and value of an entry.
fn figure(component: Component, entry: &Value) -> Result<(&str, f64), ReadError> {
    let name = component.name();
    let unit = entry["unit"].as_str();
    let unit = unit.ok_or_else(|| ReadError::Broken(format!("a price '{name}' has no unit")))?;
    let value = entry["value"].as_f64().filter(|value| value.is_finite());
    let value = value.ok_or_else(|| {
        let given = quoted(entry["value"].to_string().as_bytes());
        ReadError::Broken(format!("the price '{name}' is {given}, which is no number"))
    })?;
    Ok((unit, value))
}

fn differ(one: f64, other: f64) -> bool {
    (one - other).abs() > 1e-9
}

fn two_prices(component: Component, ts: DateTime<Utc>) -> ReadError {
    ReadError::Contradiction(format!("{} at {ts} has two different prices", component.name()))
}

/// An instant with an offset or a `Z`, with or without seconds.
fn instant(text: &str) -> Result<DateTime<Utc>, ReadError> {
    let broken =
        || ReadError::Broken(format!("'{}' is no instant with an offset", quoted(text.as_bytes())));
    let text = text.trim();
    let (local, offset) = if let Some(local) = text.strip_suffix(['Z', 'z']) {
        (local, FixedOffset::east_opt(0))
    } else {
        // The date has hyphens of its own.
        let time = text.find(['T', 't', ' ']).ok_or_else(broken)?;
        let sign = text[time..].rfind(['+', '-']).ok_or_else(broken)? + time;
        (&text[..sign], offset(&text[sign..]))
    };
    let offset = offset.ok_or_else(broken)?;
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(local, form).ok())
        .ok_or_else(broken)?;
    let utc = local.checked_sub_offset(offset).ok_or_else(broken)?.and_utc();
    // Far outside, calendars overflow.
    let is_sane = (1990..=2200).contains(&chrono::Datelike::year(&utc));
    if is_sane { Ok(utc) } else { Err(broken()) }
}

/// `+02:00`, `+0200` or `+02`.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    if !digits.chars().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    FixedOffset::east_opt(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests;
