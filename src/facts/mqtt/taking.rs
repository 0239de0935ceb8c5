//! Messages into rows and samples; what cannot be taken is named with its message and its reason.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::filter::matched;
use super::means::Sample;
use super::model::{CANONICAL, Field, Kind, Mapping, Message, NewMapping, REHEARSAL};
use super::payload::{Found, instant, number, read};
use crate::facts::meters::MeterRole;
use crate::facts::meters::check_meter_id;
use crate::facts::readings::ReadingRow;

/// Negative power of a direction that is taken as a rounded nothing, in kW.
const NOTHING_KW: f64 = 0.05;
/// Greatest mean power that is believed, in kW.
const POWER_KW_MAX: f64 = 100_000.0;
/// Greatest voltage that is believed, in V.
const VOLTAGE_MAX: f64 = 1_000_000.0;
/// How far the clock of a device may go wrong, in minutes.
const AHEAD_MIN: i64 = 5;

/// What could not be taken of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The message, by its place in the batch.
    pub message: usize,
    pub reason: String,
}

/// A meter that mappings write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub role: MeterRole,
    /// Length of the intervals of its powers; none where only counters come.
    pub power_s: Option<i32>,
}

/// What a batch of messages says.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Rows of real meters, each with the place of its message.
    pub rows: Vec<(usize, ReadingRow)>,
    /// Rows of rehearsals.
    pub rehearsed: Vec<(usize, ReadingRow)>,
    pub samples: Vec<Sample>,
    /// Meters that mappings write.
    pub targets: BTreeMap<String, Target>,
    pub refused: Vec<Refused>,
    /// Topic, digest and first arrival of messages that tell no instant of their own and may come again.
    pub untimed: Vec<(String, String, DateTime<Utc>)>,
}

/// The digest under which a message that tells no instant is known again.
pub(super) fn digest(message: &Message) -> String {
    hex::encode(Sha256::digest(&message.payload))
}

/// What `messages` say, by `mappings`; `first_seen` has the arrival of those that came before.
pub(super) fn taken(
    messages: &[Message],
    mappings: &[Mapping],
    first_seen: &HashMap<(String, String), DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Taken {
    let mut taken = Taken::default();
    for (place, message) in messages.iter().enumerate() {
        match message.topic.as_str() {
            CANONICAL => {
                let rows = own_rows(place, &message.payload, &mut taken.refused);
                taken.rows.extend(rows);
            }
            REHEARSAL => {
                let rows = own_rows(place, &message.payload, &mut taken.refused);
                taken.rehearsed.extend(rows);
            }
            topic => {
                let meant = mappings.iter().filter(|it| {
                    it.says.is_enabled && matched(&it.says.topic_filter, topic).is_some()
                });
                let meant: Vec<&NewMapping> = meant.map(|it| &it.says).collect();
                if !meant.is_empty() {
                    taken.take((place, message), &meant, first_seen, now);
                }
            }
        }
    }
    taken
}

/// Rows in Luna's own form: a list of objects, one object, or one a line.
fn own_rows(place: usize, payload: &[u8], refused: &mut Vec<Refused>) -> Vec<(usize, ReadingRow)> {
    let text = payload.trim_ascii();
    let mut refuse = |reason: String| refused.push(Refused { message: place, reason });
    let whole = match text.first() {
        Some(b'[') => serde_json::from_slice::<Vec<ReadingRow>>(text),
        Some(b'{') => serde_json::from_slice::<ReadingRow>(text).map(|row| vec![row]),
        _ => {
            let form = "a list of readings like [{\"meter_id\": …}], one object, or one a line";
            refuse(format!("the payload is not {form}"));
            return Vec::new();
        }
    };
    if let Ok(rows) = whole {
        return rows.into_iter().map(|row| (place, row)).collect();
    }
    // One faulty row must not take the others with it.
    let rows: Vec<Result<Value, serde_json::Error>> = match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(rows)) => rows.into_iter().map(Ok).collect(),
        Ok(row) => vec![Ok(row)],
        Err(error) if text.starts_with(b"[") => {
            refuse(format!("the payload is no JSON: {error}"));
            return Vec::new();
        }
        Err(_) => text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .map(serde_json::from_slice)
            .collect(),
    };
    let mut found = Vec::with_capacity(rows.len());
    for (row_place, row) in rows.into_iter().enumerate() {
        match row.and_then(serde_json::from_value::<ReadingRow>) {
            Ok(row) => found.push((place, row)),
            Err(error) => refuse(format!("rows[{row_place}]: {error}")),
        }
    }
    found
}

impl Taken {
    /// Takes a message that `meant` mappings mean.
    fn take(
        &mut self,
        (place, message): (usize, &Message),
        meant: &[&NewMapping],
        first_seen: &HashMap<(String, String), DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let payload = match read(&message.payload) {
            Ok(payload) => payload,
            Err(reason) => return self.refused.push(Refused { message: place, reason }),
        };
        let mut arrived = None;
        for says in meant {
            let said = match says.time_path.as_deref().map(|path| instant(&payload, path)) {
                Some(Err(reason)) => {
                    self.refused.push(Refused { message: place, reason });
                    continue;
                }
                Some(Ok(said)) => said,
                None => None,
            };
            // What the broker kept was true at some time, and nobody says when.
            if said.is_none() && message.is_retained {
                continue;
            }
            let ts = said.unwrap_or_else(|| {
                *arrived.get_or_insert_with(|| self.arrival(message, first_seen))
            });
            if let Err(reason) = self.take_number((place, message), says, &payload, (ts, now)) {
                self.refused.push(Refused { message: place, reason });
            }
        }
    }

    /// When a message that tells no instant came first.
    fn arrival(
        &mut self,
        message: &Message,
        first_seen: &HashMap<(String, String), DateTime<Utc>>,
    ) -> DateTime<Utc> {
        if !message.is_owed {
            return message.received_at;
        }
        let key = (message.topic.clone(), digest(message));
        if message.is_again
            && let Some(first) = first_seen.get(&key)
        {
            return *first;
        }
        self.untimed.push((key.0, key.1, message.received_at));
        message.received_at
    }

    /// # Errors
    /// A sentence when the number cannot be one of the field.
    fn take_number(
        &mut self,
        (place, message): (usize, &Message),
        says: &NewMapping,
        payload: &Value,
        (ts, now): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), String> {
        let Found::Number(number) = number(payload, &says.value_path)? else { return Ok(()) };
        let value = says.unit().scaled(if says.is_inverted { -number } else { number });
        let Some(meter_id) = says.meter_of(&message.topic) else { return Ok(()) };
        check_meter_id(&meter_id).map_err(|why| format!("the meter '{meter_id}' {why}"))?;
        if ts > now + Duration::minutes(AHEAD_MIN) {
            return Err(format!(
                "{ts} is more than {AHEAD_MIN} minutes ahead of this box's clock; check the device's clock"
            ));
        }
        let interval_s = says.interval_s();
        let is_power = says.field.kind() != Kind::Counter;
        let role = says.meter_role.unwrap_or(MeterRole::House);
        let target = self.targets.entry(meter_id.clone()).or_insert(Target { role, power_s: None });
        if is_power {
            target.power_s = target.power_s.or(Some(interval_s));
        } else {
            let mut row =
                ReadingRow { interval_s: Some(interval_s), ..ReadingRow::new(meter_id, ts) };
            let total = if says.field == Field::ConsumptionKwhTotal {
                &mut row.consumption_kwh_total
            } else {
                &mut row.production_kwh_total
            };
            *total = Some(value);
            self.rows.push((place, row));
            return Ok(());
        }
        for (field, value) in split(says.field, value)? {
            let meter_id = meter_id.clone();
            let known_at = message.received_at.max(ts).min(now);
            self.samples.push(Sample { meter_id, field, ts, value, known_at });
        }
        Ok(())
    }
}

/// The samples that a power or a voltage makes: one with a sign makes one of each direction.
///
/// # Errors
/// A sentence when the number is not one of the field.
pub(super) fn split(field: Field, value: f64) -> Result<Vec<(&'static str, f64)>, String> {
    let most = if field == Field::Voltage { VOLTAGE_MAX } else { POWER_KW_MAX };
    if value.abs() > most {
        return Err(format!("{value} is more than {most}, which nobody believes; check the unit"));
    }
    let name = match field {
        Field::PowerKw => {
            return Ok(vec![
                ("consumption_kw", value.max(0.0)),
                ("production_kw", (-value).max(0.0)),
            ]);
        }
        Field::ProductionKw => "production_kw",
        Field::Voltage => "voltage",
        _ => "consumption_kw",
    };
    if value < -NOTHING_KW || field == Field::Voltage && value < 0.0 {
        return Err(format!(
            "{value} is below zero; map a power with a sign as power_kw, or turn the sign round"
        ));
    }
    Ok(vec![(name, value.max(0.0))])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::facts::mqtt::model::Unit;

    fn noon() -> DateTime<Utc> {
        "2026-03-28T12:00:00Z".parse().unwrap()
    }

    fn message(topic: &str, payload: &str) -> Message {
        Message {
            topic: topic.to_owned(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            is_retained: false,
            is_again: false,
            is_owed: true,
            received_at: noon(),
        }
    }

    fn mapping(says: NewMapping) -> Mapping {
        assert_eq!(says.mistakes(), []);
        Mapping { mapping_id: Uuid::nil(), says, created_at: noon(), updated_at: noon() }
    }

    fn of(messages: &[Message], mappings: &[Mapping]) -> Taken {
        taken(messages, mappings, &HashMap::new(), noon())
    }

    fn samples(taken: &Taken) -> Vec<(&str, &str, f64)> {
        taken.samples.iter().map(|it| (&*it.meter_id, it.field, it.value)).collect()
    }

    #[test]
    fn rows_of_luna_come_as_list_object_or_lines_and_faulty_ones_alone_stay_out() {
        let row = |kw: &str| {
            format!(
                "{{\"meter_id\":\"m\",\"ts\":\"2026-03-28T11:00:00Z\",\"consumption_kw\":{kw}}}"
            )
        };
        for (payload, rows, why) in [
            (format!("[{},{}]", row("1"), row("2")), 2, None),
            (row("1"), 1, None),
            (format!("{}\n\n{}\n", row("1"), row("2")), 2, None),
            (format!("[{},{}]", row("1"), row("\"x\"")), 1, Some("rows[1]")),
            (
                format!("{}\n{}\n{{", row("1"), row("null,\"odd\":1")),
                1,
                Some("rows[1]: unknown field `odd`"),
            ),
            ("[".to_owned(), 0, Some("no JSON")),
            ("hello".to_owned(), 0, Some("is not a list of readings")),
            (String::new(), 0, Some("is not a list of readings")),
        ] {
            for topic in [CANONICAL, REHEARSAL] {
                let taken = of(&[message(topic, &payload)], &[]);
                let both = (taken.rows.len(), taken.rehearsed.len());
                let wanted = if topic == CANONICAL { (rows, 0) } else { (0, rows) };
                assert_eq!(both, wanted, "{payload}");
                let first = taken.refused.first().map(|it| it.reason.as_str());
                match why {
                    None => assert_eq!(first, None, "{payload}"),
                    Some(why) => assert!(first.unwrap().contains(why), "{payload}: {first:?}"),
                }
            }
        }
    }

    #[test]
    fn a_power_with_a_sign_is_split_and_an_inverted_one_turned() {
        let power = NewMapping {
            value_path: "/SML/Power".to_owned(),
            ..NewMapping::new("tele/+/SENSOR", "{1}", Field::PowerKw)
        };
        let turned = NewMapping { is_inverted: true, ..power.clone() };
        let payload = r#"{"SML":{"Power":-1500}}"#;
        let message = message("tele/reader 1/SENSOR", payload);
        let plain = of(std::slice::from_ref(&message), &[mapping(power)]);
        assert_eq!(
            samples(&plain),
            [("reader-1", "consumption_kw", 0.0), ("reader-1", "production_kw", 1.5)]
        );
        let turned = of(&[message], &[mapping(turned)]);
        assert_eq!(samples(&turned)[0], ("reader-1", "consumption_kw", 1.5));
    }

    #[test]
    fn units_are_told_apart_and_nonsense_is_refused() {
        let pv = |unit| {
            let says = NewMapping::new("pv", "roof", Field::ProductionKw);
            mapping(NewMapping { unit: Some(unit), ..says })
        };
        for (payload, unit, value) in
            [("2500", Unit::W, 2.5), ("2.5", Unit::KW, 2.5), ("-20", Unit::W, 0.0)]
        {
            let taken = of(&[message("pv", payload)], &[pv(unit)]);
            assert_eq!(samples(&taken), [("roof", "production_kw", value)], "{payload}");
        }
        for (payload, why) in
            [("-60", "below zero"), ("1e9", "check the unit"), ("on", "no number")]
        {
            let taken = of(&[message("pv", payload)], &[pv(Unit::W)]);
            assert!(taken.samples.is_empty());
            assert!(taken.refused[0].reason.contains(why), "{:?}", taken.refused);
        }
        let taken = of(&[message("pv", "nan"), message("other", "1")], &[pv(Unit::W)]);
        assert!(taken.samples.is_empty() && taken.refused.is_empty());
    }

    #[test]
    fn counters_become_rows_of_counters() {
        let says = NewMapping {
            value_path: "/params/emdata:0/total_act".to_owned(),
            unit: Some(Unit::Wh),
            time_path: Some("/params/ts".to_owned()),
            ..NewMapping::new("+/events/rpc", "{1}", Field::ConsumptionKwhTotal)
        };
        let payload = r#"{"params":{"ts":1774699100.5,"emdata:0":{"total_act":1234567.8}}}"#;
        let taken = of(&[message("em/events/rpc", payload)], &[mapping(says)]);
        let row = &taken.rows[0].1;
        assert_eq!((row.meter_id.as_str(), row.interval_s), ("em", Some(900)));
        assert_eq!(row.consumption_kwh_total, Some(1_234.567_8));
        assert_eq!(row.ts.0, "2026-03-28T11:58:20.500Z".parse::<DateTime<Utc>>().unwrap());
        assert!(taken.untimed.is_empty());
    }

    #[test]
    fn what_the_broker_kept_counts_only_with_an_instant_of_its_own() {
        let kept = |payload: &str| Message { is_retained: true, ..message("m", payload) };
        let timed = NewMapping {
            value_path: "/p".to_owned(),
            time_path: Some("/t".to_owned()),
            ..NewMapping::new("m", "m", Field::ConsumptionKw)
        };
        let payload = r#"{"p":1000,"t":1774699100}"#;
        assert_eq!(of(&[kept(payload)], &[mapping(timed.clone())]).samples.len(), 1);
        let untimed = NewMapping { time_path: None, ..timed };
        let taken = of(&[kept(payload)], &[mapping(untimed)]);
        assert!(taken.samples.is_empty() && taken.refused.is_empty());
    }

    #[test]
    fn a_message_that_comes_again_has_the_instant_of_its_first_arrival() {
        let says = mapping(NewMapping::new("m", "m", Field::ConsumptionKw));
        let first = message("m", "1000");
        let taken_first = of(std::slice::from_ref(&first), std::slice::from_ref(&says));
        let (topic, known, at) = taken_first.untimed[0].clone();
        let later = noon() + Duration::minutes(3);
        let again = Message { is_again: true, received_at: later, ..first.clone() };
        let seen = HashMap::from([((topic, known), at)]);
        let taken_again = taken(&[again], std::slice::from_ref(&says), &seen, later);
        assert_eq!(taken_again.samples[0].ts, noon());
        // The same number said anew is news.
        let anew = Message { received_at: later, ..first };
        assert_eq!(taken(&[anew], &[says], &seen, later).samples[0].ts, later);
    }
}
