//! MSCONS: metered values of the German market (UN/EDIFACT D.04B), whatever its yearly version.
//!
//! Segments that are not known are passed over, since each version adds some. The counts at the end
//! of messages and of the interchange tell whether something was lost on the way.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::edifact::{Segment, Segments};
use super::{
    About, Direction, Document, Format, INTERVAL_S, Point, Refusal, Slot, mean_power, quoted,
    without_mark,
};
use crate::base::timeline::{WallTime, instants_of};
use crate::facts::market::Quality;

/// MSCONS.
pub(super) struct Mscons;

impl Format for Mscons {
    fn name(&self) -> &'static str {
        "mscons"
    }

    fn fits(&self, bytes: &[u8]) -> bool {
        let start = without_mark(bytes).trim_ascii_start();
        start.starts_with(b"UNB+") || start.starts_with(b"UNA") && !start[3..].starts_with(b"N")
    }

    fn read(&self, bytes: &[u8], about: &About) -> Result<Document, Refusal> {
        let bytes = without_mark(bytes).trim_ascii_start();
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // The character set UNOC is Latin-1.
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        };
        let mut segments = Segments::new(&text)?;
        let mut reader = Reader::new(segments.decimal, about.zone);
        while let Some(segment) = segments.segment()? {
            reader.take(&segment)?;
        }
        reader.finish()
    }
}

/// What has been read of an interchange.
struct Reader {
    decimal: char,
    zone: Tz,
    document: Document,
    /// Reference of the open interchange.
    interchange: Option<String>,
    has_interchange: bool,
    messages: u64,
    message: Option<Message>,
}

/// What has been read of a message.
struct Message {
    reference: String,
    segments: u64,
    created: Option<DateTime<Utc>>,
    point: Option<Point>,
    line: Line,
    value: Option<Value>,
    /// Start of the value before: tells the two passes of a repeated hour apart.
    before: Option<DateTime<Utc>>,
}

/// What the values of a line are.
enum Line {
    /// Nobody has said.
    Unsaid,
    /// Active energy of intervals.
    Energy(Direction),
    /// Something else.
    Other(String),
}

/// A quantity, until the next one begins.
struct Value {
    qualifier: String,
    number: String,
    unit: String,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
}

impl Reader {
    fn new(decimal: char, zone: Tz) -> Self {
        Self {
            decimal,
            zone,
            document: Document::default(),
            interchange: None,
            has_interchange: false,
            messages: 0,
            message: None,
        }
    }

    fn take(&mut self, segment: &Segment) -> Result<(), Refusal> {
        if let Some(message) = &mut self.message {
            message.segments += 1;
        }
        match segment.tag() {
            "UNB" => {
                if self.interchange.is_some() {
                    return refuse("an interchange begins before the one before has ended (UNZ)");
                }
                self.interchange = Some(segment.part(5, 0).to_owned());
                (self.has_interchange, self.messages) = (true, 0);
            }
            "UNH" => self.begin_message(segment)?,
            "UNT" => self.end_message(segment)?,
            "UNZ" => self.end_interchange(segment)?,
            _ => self.inside(segment)?,
        }
        Ok(())
    }

    fn begin_message(&mut self, segment: &Segment) -> Result<(), Refusal> {
        let (reference, kind) = (segment.part(1, 0).to_owned(), segment.part(2, 0));
        if self.interchange.is_none() || self.message.is_some() {
            return refuse("a message (UNH) begins where none may begin");
        }
        if kind != "MSCONS" {
            let (reference, kind) = (quoted(&reference), quoted(kind));
            return refuse(format!("the message {reference} is {kind}, not MSCONS"));
        }
        self.messages += 1;
        self.message = Some(Message {
            reference,
            segments: 1,
            created: None,
            point: None,
            line: Line::Unsaid,
            value: None,
            before: None,
        });
        Ok(())
    }

    fn end_message(&mut self, segment: &Segment) -> Result<(), Refusal> {
        self.flush()?;
        let Some(message) = self.message.take() else {
            return refuse("a message ends (UNT) that has not begun");
        };
        let stated = segment.part(1, 0);
        if stated.parse() != Ok(message.segments) {
            return refuse(format!(
                "the message {} has {} segments and states {}: something was lost on the way",
                quoted(&message.reference),
                message.segments,
                quoted(stated)
            ));
        }
        Ok(())
    }

    fn end_interchange(&mut self, segment: &Segment) -> Result<(), Refusal> {
        if self.message.is_some() {
            return refuse("the interchange ends (UNZ) inside a message");
        }
        if self.interchange.take().is_none() {
            return refuse("an interchange ends (UNZ) that has not begun");
        }
        let stated = segment.part(1, 0);
        if stated.parse() != Ok(self.messages) {
            return refuse(format!(
                "the interchange has {} messages and states {}: something was lost on the way",
                self.messages,
                quoted(stated)
            ));
        }
        Ok(())
    }

    fn inside(&mut self, segment: &Segment) -> Result<(), Refusal> {
        // What stands outside of messages says nothing about values.
        if self.message.is_none() {
            return Ok(());
        }
        match segment.tag() {
            "BGM" if segment.part(3, 0) == "1" => {
                return refuse(
                    "the message cancels an earlier one; readings are not taken back by themselves",
                );
            }
            "DTM" => self.moment(segment)?,
            // A new party, point or line: what was read of the last value is all there is of it.
            "NAD" => self.begin(|message| (message.point, message.line) = (None, Line::Unsaid))?,
            "LOC" if segment.part(1, 0) == "172" => {
                let name = segment.part(2, 0).to_owned();
                let is_name = (4..=64).contains(&name.len())
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !is_name {
                    let name = quoted(&name);
                    return refuse(format!("{name} is no metering point of 11 or 33 characters"));
                }
                self.begin(|message| {
                    message.point = Some(Point::Official(name));
                    (message.line, message.before) = (Line::Unsaid, None);
                })?;
            }
            "LIN" => {
                self.begin(|message| (message.line, message.before) = (Line::Unsaid, None))?;
            }
            "PIA" if segment.part(1, 0) == "5" => {
                // Whoever forgets the release leaves the code in two components.
                let whole = segment.element(2);
                let code = whole.strip_suffix(":SRW").unwrap_or(&whole);
                let line = line_of(code);
                self.begin(|message| message.line = line)?;
            }
            "QTY" => {
                let value = Value {
                    qualifier: segment.part(1, 0).to_owned(),
                    number: segment.part(1, 1).to_owned(),
                    unit: segment.part(1, 2).to_owned(),
                    start: None,
                    end: None,
                };
                self.begin(|message| message.value = Some(value))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts the last value away, then changes the message.
    fn begin(&mut self, change: impl FnOnce(&mut Message)) -> Result<(), Refusal> {
        self.flush()?;
        if let Some(message) = &mut self.message {
            change(message);
        }
        Ok(())
    }

    fn moment(&mut self, segment: &Segment) -> Result<(), Refusal> {
        let zone = self.zone;
        let Some(message) = &mut self.message else { return Ok(()) };
        let (text, form) = (segment.part(1, 1), segment.part(1, 2));
        match (segment.part(1, 0), &mut message.value) {
            ("137", _) => message.created = Some(instant(text, form, zone, None)?),
            ("163", Some(value)) => {
                value.start = Some(instant(text, form, zone, message.before)?);
                message.before = value.start.or(message.before);
            }
            ("164", Some(value)) => value.end = Some(instant(text, form, zone, value.start)?),
            _ => {}
        }
        Ok(())
    }

    /// Makes a slot of the value that has been read.
    fn flush(&mut self) -> Result<(), Refusal> {
        let Some(message) = &mut self.message else { return Ok(()) };
        let Some(value) = message.value.take() else { return Ok(()) };
        let why = match (&message.line, value.direction_free()) {
            (Line::Energy(direction), Ok(interval_s)) => {
                let Some(point) = message.point.clone() else {
                    return refuse("a value stands before its metering point (LOC+172)");
                };
                let Some(known_at) = message.created else {
                    return refuse("the message does not say when it was created (DTM+137)");
                };
                let slot = value.slot(*direction, interval_s, known_at, self.decimal);
                let slot = slot.map_err(|why| Refusal(format!("{}: {why}", point.name())))?;
                if let Some(slot) = slot {
                    self.document.series_of(&point).slots.push(slot);
                    return Ok(());
                }
                format!("values of the unit {}", quoted(&value.unit))
            }
            (Line::Energy(_), Err(why)) => why,
            (Line::Other(code), _) => format!("values of {}", quoted(code)),
            (Line::Unsaid, _) => "values without a code of what they are (PIA+5)".to_owned(),
        };
        self.document.passed_over += 1;
        self.document.note(format!("{why} were passed over"));
        Ok(())
    }

    fn finish(self) -> Result<Document, Refusal> {
        if !self.has_interchange {
            return refuse("the interchange has no beginning (UNB)");
        }
        if self.interchange.is_some() || self.message.is_some() {
            return refuse("the file is cut off: the end of the interchange (UNZ) is missing");
        }
        Ok(self.document)
    }
}

impl Value {
    /// Length of its interval in seconds, or why it has none that is stored.
    fn direction_free(&self) -> Result<i64, String> {
        if self.qualifier == "187" {
            return Err("forecasts".to_owned());
        }
        let (Some(start), Some(end)) = (self.start, self.end) else {
            return Err("values without start and end, such as counters,".to_owned());
        };
        let length_s = (end - start).num_seconds();
        let fits = INTERVAL_S.contains(&length_s)
            && 3_600 % length_s == 0
            && start.timestamp() % length_s == 0;
        if fits { Ok(length_s) } else { Err(format!("values of {length_s} s")) }
    }

    /// The slot it makes; none for a unit that is not of active energy.
    fn slot(
        &self,
        direction: Direction,
        length_s: i64,
        known_at: DateTime<Utc>,
        decimal: char,
    ) -> Result<Option<Slot>, String> {
        let Some(ts) = self.start else { return Ok(None) };
        let interval_s = i32::try_from(length_s).unwrap_or(900);
        let hours = f64::from(interval_s) / 3_600.0;
        let factor = match self.unit.as_str() {
            "" | "KWH" => 1.0,
            "MWH" => 1_000.0,
            "WHR" => 0.001,
            "KWT" => hours,
            _ => return Ok(None),
        };
        // 20: the value cannot be used.
        let power_kw = if self.qualifier == "20" || self.number.is_empty() {
            None
        } else {
            let plain = self.number.replace(decimal, ".");
            let is_number =
                plain.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
            let value = plain.parse::<f64>().ok().filter(|_| is_number);
            let value = value.ok_or_else(|| {
                format!("{} at {ts} is no number with '{decimal}'", quoted(&self.number))
            })?;
            Some(mean_power(value * factor, length_s).map_err(|why| format!("{ts}: {why}"))?)
        };
        let quality = match (power_kw, self.qualifier.as_str()) {
            (None, _) => Quality::Missing,
            (Some(_), "220") => Quality::Ok,
            (Some(_), _) => Quality::Estimated,
        };
        let condition = self.qualifier.clone();
        Ok(Some(Slot { ts, interval_s, direction, power_kw, quality, condition, known_at }))
    }
}

/// What an OBIS code says of the values of a line, e.g. `1-1:1.29.0`: electricity, import, advance of
/// each interval, all tariffs.
fn line_of(code: &str) -> Line {
    let other = || Line::Other(code.to_owned());
    let Some((medium, rest)) = code.split_once(':') else { return other() };
    let mut groups = rest.split(['.', '*']);
    let mut next = || groups.next().unwrap_or_default();
    let (quantity, kind, tariff) = (next(), next(), next());
    let is_interval = matches!(kind, "9" | "29") && matches!(tariff, "0" | "");
    if !medium.starts_with("1-") || !is_interval {
        return other();
    }
    match quantity {
        "1" => Line::Energy(Direction::Consumption),
        "2" => Line::Energy(Direction::Production),
        _ => other(),
    }
}

/// The instant of a DTM; one without offset is on the clock of `zone`, and comes after `before`.
fn instant(
    text: &str,
    form: &str,
    zone: Tz,
    before: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, Refusal> {
    let found = match form {
        "303" if text.is_ascii() && text.len() > 12 => {
            let (wall, offset) = text.split_at(12);
            let shift = offset_minutes(offset);
            wall_time(wall).zip(shift).and_then(|(wall, minutes)| {
                wall.and_utc().checked_sub_signed(Duration::minutes(minutes))
            })
        }
        "203" => wall_time(text).and_then(|wall| local(wall, zone, before)),
        "102" if text.len() == 8 => {
            wall_time(&format!("{text}0000")).and_then(|wall| local(wall, zone, before))
        }
        _ => None,
    };
    found.ok_or_else(|| {
        let (text, form) = (quoted(text), quoted(form));
        Refusal(format!(
            "{text} is no instant in the form {form}; expected 202611182300+00 and 303"
        ))
    })
}

fn local(wall: NaiveDateTime, zone: Tz, before: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match instants_of(wall, zone) {
        WallTime::Once(at) => Some(at),
        WallTime::Skipped => None,
        WallTime::Twice(first, second) => {
            Some(if before.is_some_and(|before| before >= first) { second } else { first })
        }
    }
}

fn wall_time(text: &str) -> Option<NaiveDateTime> {
    if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().ok();
    let year = i32::try_from(number(0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(4, 6)?, number(6, 8)?)?.and_hms_opt(
        number(8, 10)?,
        number(10, 12)?,
        0,
    )
}

fn offset_minutes(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let minutes = match digits.len() {
        2 => digits.parse::<i64>().ok()? * 60,
        4 => digits[..2].parse::<i64>().ok()? * 60 + digits[2..].parse::<i64>().ok()?,
        _ => return None,
    };
    (minutes <= 14 * 60).then_some(sign * minutes)
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(sentence.into()))
}
