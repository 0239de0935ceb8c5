//! Where in a foreign record the fields of a reading are.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::readings::ReadingRow;
use crate::facts::readings::Stamp;

/// A topic whose records have a form of their own.
///
/// Each field is found by a path of names with dots between them, such as `device.id`, which may be
/// followed by ` * ` and a factor that brings the number into the field's unit. A path that leads
/// nowhere in a record is a field that the record does not have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The topic.
    pub topic: String,
    /// The meter; empty: the record's key.
    pub meter_id: String,
    /// Instant as text or number of milliseconds (`time * 1000` of seconds); empty: the record's own.
    pub ts: String,
    /// Length of the interval, in seconds; absent: that of the meter's newest reading.
    pub interval_s: Option<i32>,
    /// Mean power taken, in kW.
    pub consumption_kw: String,
    /// Mean power given, in kW.
    pub production_kw: String,
    /// Mean voltage, in V.
    pub voltage: String,
    /// Energy taken since the meter was made, in kWh.
    pub consumption_kwh_total: String,
    /// Energy given since the meter was made, in kWh.
    pub production_kwh_total: String,
}

/// A path and a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place<'a> {
    path: &'a str,
    factor: Option<f64>,
}

impl<'a> Place<'a> {
    /// Nothing for the empty text.
    fn parse(text: &'a str) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let (path, factor) = match text.split_once('*') {
            None => (text, None),
            Some((path, factor)) => {
                let number: Option<f64> = factor.trim().parse().ok();
                let number = number.filter(|number| number.is_finite() && *number != 0.0);
                let number = number.ok_or_else(|| format!("'{}' is no factor", factor.trim()))?;
                (path.trim(), Some(number))
            }
        };
        if path.split('.').any(str::is_empty) || path.contains(char::is_whitespace) {
            return Err(format!("'{path}' is no path of names with dots between them"));
        }
        Ok(Some(Self { path, factor }))
    }

    fn find<'v>(&self, record: &'v Value) -> Option<&'v Value> {
        let found = self.path.split('.').try_fold(record, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            value => value.get(name),
        });
        found.filter(|value| !value.is_null())
    }
}

/// What is wrong with one field of a record.
pub(super) type FieldFault = (Cow<'static, str>, String);

impl Mapping {
    fn numbers(&self) -> [(&'static str, &str); 5] {
        [
            ("consumption_kw", &self.consumption_kw),
            ("production_kw", &self.production_kw),
            ("voltage", &self.voltage),
            ("consumption_kwh_total", &self.consumption_kwh_total),
            ("production_kwh_total", &self.production_kwh_total),
        ]
    }

    /// What cannot work, one sentence each.
    pub(super) fn mistakes(&self) -> impl Iterator<Item = String> + '_ {
        let places = [("meter_id", self.meter_id.as_str()), ("ts", self.ts.as_str())];
        let wrong = places.into_iter().chain(self.numbers()).filter_map(|(field, text)| {
            Place::parse(text).err().map(|why| format!("{field}: {why}"))
        });
        let is_empty = self.numbers().iter().all(|(_, text)| text.trim().is_empty());
        let nothing = is_empty.then(|| {
            "names no value; say where consumption_kw, production_kw or a counter is".to_owned()
        });
        wrong.chain(nothing)
    }

    /// The reading of a record with this key, written at this instant.
    pub(super) fn row(
        &self,
        record: &Value,
        key: Option<&str>,
        written_at: DateTime<Utc>,
    ) -> Result<ReadingRow, FieldFault> {
        let place = |text| Place::parse(text).ok().flatten();
        let meter = match place(&self.meter_id) {
            None => key.map(str::to_owned),
            Some(place) => place.find(record).map(|found| match found {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
        };
        let Some(meter) = meter else {
            let reason = match self.meter_id.as_str() {
                "" => "is absent: the record has no key".to_owned(),
                path => format!("is absent: nothing is at {path}"),
            };
            return Err(("meter_id".into(), reason));
        };
        let mut row = ReadingRow::new(meter, written_at);
        if let Some(place) = place(&self.ts) {
            row.ts = stamp(place, record).map_err(|reason| (Cow::from("ts"), reason))?;
        }
        row.interval_s = self.interval_s;
        for (field, text) in self.numbers() {
            let Some(place) = place(text) else { continue };
            let Some(found) = place.find(record) else { continue };
            let given = match found {
                Value::String(text) => text.trim().parse().ok(),
                other => other.as_f64(),
            };
            let Some(given) = given else {
                let shown: String = found.to_string().chars().take(40).collect();
                return Err((field.into(), format!("{shown} at {} is no number", place.path)));
            };
            let value = Some(given * place.factor.unwrap_or(1.0));
            match field {
                "consumption_kw" => row.consumption_kw = value,
                "production_kw" => row.production_kw = value,
                "voltage" => row.voltage = value,
                "consumption_kwh_total" => row.consumption_kwh_total = value,
                _ => row.production_kwh_total = value,
            }
        }
        Ok(row)
    }
}

/// The instant at a place.
fn stamp(place: Place<'_>, record: &Value) -> Result<Stamp, String> {
    let found =
        place.find(record).ok_or_else(|| format!("is absent: nothing is at {}", place.path))?;
    let number = match found {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if place.factor.is_some() => text.trim().parse().ok(),
        _ => None,
    };
    match (number, found) {
        (Some(number), _) => {
            let milliseconds = (number * place.factor.unwrap_or(1.0)).round();
            Stamp::parse(&format!("{milliseconds:.0}"))
        }
        (None, Value::String(text)) => Stamp::parse(text.trim()),
        (None, other) => {
            let shown: String = other.to_string().chars().take(40).collect();
            Err(format!("{shown} at {} is no instant", place.path))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::utc;

    fn shelly() -> Mapping {
        Mapping {
            topic: "plant.raw".into(),
            meter_id: "src.id".into(),
            ts: "t * 1000".into(),
            interval_s: Some(60),
            consumption_kw: "phases.0.act_power * 0.001".into(),
            voltage: "phases.0.voltage".into(),
            ..Mapping::default()
        }
    }

    #[test]
    fn paths_and_factors_find_the_fields() {
        let at = utc("2026-03-28T11:59:59Z");
        let record = json!({"src": {"id": 17}, "t": 1_774_699_200,
            "phases": [{"act_power": 1500, "voltage": "231.5"}]});
        let row = shelly().row(&record, Some("key"), at).unwrap();
        let mut expected = ReadingRow::new("17", utc("2026-03-28T12:00:00Z"));
        expected.interval_s = Some(60);
        expected.consumption_kw = Some(1.5);
        expected.voltage = Some(231.5);
        assert_eq!(row, expected);

        let own = Mapping { production_kw: "p".into(), ..Mapping::default() };
        let row = own.row(&json!({"p": 2}), Some("roof"), at).unwrap();
        assert_eq!((row.meter_id.as_str(), row.ts.0, row.production_kw), ("roof", at, Some(2.0)));
        let text = Mapping { ts: "at".into(), ..own };
        let row = text.row(&json!({"at": "2026-03-28T13:00:00+01:00"}), Some("roof"), at).unwrap();
        assert_eq!((row.ts.0, row.production_kw), (utc("2026-03-28T12:00:00Z"), None));
    }

    #[test]
    fn what_a_record_does_not_hold_is_named() {
        let at = utc("2026-03-28T12:00:00Z");
        let fault = |record: &Value, key| shelly().row(record, key, at).unwrap_err();
        assert_eq!(fault(&json!({"t": 1}), Some("key")).0, "meter_id");
        assert_eq!(fault(&json!({"src": {"id": "a"}}), None).0, "ts");
        assert!(fault(&json!({"src": {"id": "a"}, "t": 1}), None).1.contains("milliseconds"));
        let odd = json!({"src": {"id": "a"}, "t": 1_774_699_200, "phases": [{"act_power": "x"}]});
        let (field, reason) = fault(&odd, None);
        assert!(field == "consumption_kw" && reason.contains("no number"), "{reason}");
        let keyless = Mapping { consumption_kw: "p".into(), ..Mapping::default() };
        assert!(keyless.row(&json!({"p": 1}), None, at).unwrap_err().1.contains("no key"));
    }

    #[test]
    fn a_mapping_that_cannot_work_says_so() {
        let all = Mapping {
            meter_id: "a..b".into(),
            ts: "t * zero".into(),
            consumption_kw: "p * 0".into(),
            ..Mapping::default()
        };
        assert_eq!(all.mistakes().count(), 3);
        assert_eq!(shelly().mistakes().count(), 0);
        assert!(Mapping::default().mistakes().next().unwrap().contains("names no value"));
    }
}
