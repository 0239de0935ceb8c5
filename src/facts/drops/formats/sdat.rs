//! SDAT-CH: validated metered data (ebIX document type E66) of the Swiss market, versions 12 to 16.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use roxmltree::{Node, ParsingOptions};

use super::{
    About, Direction, Document, Format, INTERVAL_S, Point, Refusal, Slot, VALUES_MAX, mean_power,
    quoted, without_mark,
};
use crate::facts::market::Quality;

/// The namespace of the Swiss market.
const NAMESPACE: &str = "http://www.strom.ch";
/// What the root's name begins with; the version follows.
const ROOT: &str = "ValidatedMeteredData_";
/// What the root of totals begins with.
const TOTALS: &str = "AggregatedMeteredData_";
/// Longest document: real ones are below a megabyte.
const BYTES_MAX: usize = 32 << 20;
/// Most nodes of a document: three for each text, five of them for each value.
const NODES_MAX: u32 = 4_000_000;
/// The product of all active energy; others are parts of it.
const ACTIVE_ENERGY: &str = "8716867000030";

/// SDAT-CH.
pub(super) struct Sdat;

impl Format for Sdat {
    fn name(&self) -> &'static str {
        "sdat"
    }

    fn fits(&self, bytes: &[u8]) -> bool {
        without_mark(bytes).trim_ascii_start().starts_with(b"<") || is_utf16(bytes)
    }

    fn read(&self, bytes: &[u8], _: &About) -> Result<Document, Refusal> {
        let text = text_of(bytes)?;
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: NODES_MAX,
            ..ParsingOptions::default()
        };
        let tree = roxmltree::Document::parse_with_options(&text, options).map_err(|error| {
            Refusal(match error {
                roxmltree::Error::DtdDetected => {
                    "the XML declares a document type, which is not read; send it without"
                        .to_owned()
                }
                error => format!("the XML is broken or cut off: {error}"),
            })
        })?;
        let root = tree.root_element();
        check_root(root)?;
        let created = header(root)?;
        let mut document = Document::default();
        for data in children(root, "MeteringData") {
            metering_data(data, created, &mut document)?;
        }
        Ok(document)
    }
}

fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// The text of the document, which is UTF-8 unless it declares Latin-1.
fn text_of(bytes: &[u8]) -> Result<String, Refusal> {
    if bytes.len() > BYTES_MAX {
        let max_mb = BYTES_MAX >> 20;
        return Err(Refusal(format!("the XML is longer than {max_mb} MB")));
    }
    if is_utf16(bytes) {
        return Err(Refusal("the XML is in UTF-16; send it in UTF-8".to_owned()));
    }
    let bytes = without_mark(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let head: Vec<u8> = bytes.iter().take(100).map(u8::to_ascii_lowercase).collect();
            let head = String::from_utf8_lossy(&head);
            let is_latin = head.contains("8859-1") || head.contains("windows-1252");
            if is_latin {
                return Ok(bytes.iter().copied().map(char::from).collect());
            }
            let at = error.valid_up_to();
            Err(Refusal(format!("the XML is not UTF-8 (byte {at}) and declares no other encoding")))
        }
    }
}

fn check_root(root: Node<'_, '_>) -> Result<(), Refusal> {
    let name = root.tag_name().name();
    let space = root.tag_name().namespace().unwrap_or_default();
    if space != NAMESPACE {
        return Err(Refusal(format!(
            "the root is {} of the namespace {}, not of {NAMESPACE}: this is no SDAT-CH document",
            quoted(name),
            quoted(space)
        )));
    }
    if name.starts_with(TOTALS) {
        return Err(Refusal(
            "the document holds totals of a grid area or community (E31), not readings of a meter; \
             only E66 is stored"
                .to_owned(),
        ));
    }
    let version = name.strip_prefix(ROOT).unwrap_or_default();
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        let name = quoted(name);
        return Err(Refusal(format!("the root is {name}, not {ROOT} with a version like 14")));
    }
    Ok(())
}

/// When the document was created, once it is one of readings.
fn header(root: Node<'_, '_>) -> Result<DateTime<Utc>, Refusal> {
    let header = root
        .children()
        .find(|node| node.is_element() && node.tag_name().name().ends_with("_HeaderInformation"));
    let instance = header.and_then(|header| child(header, "InstanceDocument"));
    let Some(instance) = instance else {
        return Err(Refusal("the header has no InstanceDocument".to_owned()));
    };
    let code = |name: &str| text_at(instance, &[name, "ebIXCode"]).unwrap_or_default();
    let kind = code("DocumentType");
    if kind != "E66" {
        let kind = quoted(kind);
        return Err(Refusal(format!("the document type is {kind}; only E66 is stored")));
    }
    if code("Status") == "1" {
        return Err(Refusal(
            "the document cancels an earlier one; readings are not taken back by themselves"
                .to_owned(),
        ));
    }
    instant(instance, "Creation", "the header")
}

fn metering_data(
    data: Node<'_, '_>,
    created: DateTime<Utc>,
    document: &mut Document,
) -> Result<(), Refusal> {
    let (name, direction) = point_of(data)?;
    let grid = Grid::of(data, &name)?;
    let observations = children(data, "Observation");
    let product = child(data, "Product");
    let code = product.and_then(|product| {
        text_at(product, &["ID", "ebIXCode"]).or(text_at(product, &["ID", "VSENationalCode"]))
    });
    let code = code.unwrap_or(ACTIVE_ENERGY);
    if code != ACTIVE_ENERGY {
        document.passed_over += observations.count() as u64;
        document.note(format!(
            "the product {} is part of the total or no active energy and was passed over",
            quoted(code)
        ));
        return Ok(());
    }
    let unit = product.and_then(|product| text_at(product, &["MeasureUnit"])).unwrap_or("KWH");
    let unit = Unit::parse(unit).ok_or_else(|| {
        Refusal(format!("{name}: the unit {} is not KWH, MWH, WHR or KWT", quoted(unit)))
    })?;
    let point = Point::Official(name.clone());
    let mut said = BTreeSet::new();
    for observation in observations {
        let (sequence, volume, condition) = observed(observation, &grid, &name)?;
        said.insert(sequence);
        let wrong = |why: String| Refusal(format!("{name}: sequence {sequence}: {why}"));
        let power_kw = unit.power_kw(volume, grid.interval_s).map_err(wrong)?;
        let quality = match (power_kw, condition) {
            (None, _) => Quality::Missing,
            (Some(_), "") => Quality::Ok,
            (Some(_), _) => Quality::Estimated,
        };
        let step = Duration::seconds(grid.interval_s) * i32::try_from(sequence - 1).unwrap_or(0);
        let interval_s = i32::try_from(grid.interval_s).unwrap_or(900);
        let (ts, condition) = (grid.start + step, condition.to_owned());
        let known_at = created;
        let slot = Slot { ts, interval_s, direction, power_kw, quality, condition, known_at };
        document.series_of(&point).slots.push(slot);
    }
    let gaps = grid.count - said.len();
    if gaps > 0 && gaps < grid.count {
        document.note(format!("{name}: {gaps} of {} intervals have no value", grid.count));
    }
    Ok(())
}

fn point_of(data: Node<'_, '_>) -> Result<(String, Direction), Refusal> {
    let of = |element: &str, direction: Direction| {
        let point = child(data, element)?;
        Some((text_at(point, &["VSENationalID"]).unwrap_or_default(), direction))
    };
    let found = of("ConsumptionMeteringPoint", Direction::Consumption)
        .or_else(|| of("ProductionMeteringPoint", Direction::Production));
    let Some((name, direction)) = found else {
        return Err(Refusal(
            "a MeteringData has neither a ConsumptionMeteringPoint nor a ProductionMeteringPoint"
                .to_owned(),
        ));
    };
    let country = name.bytes().take(2).all(|byte| byte.is_ascii_uppercase());
    if name.len() != 33 || !country || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let name = quoted(name);
        return Err(Refusal(format!("the metering point {name} has not 33 characters like CH…")));
    }
    Ok((name.to_owned(), direction))
}

/// Where the values of a `MeteringData` stand on the axis of time.
struct Grid {
    start: DateTime<Utc>,
    interval_s: i64,
    count: usize,
}

impl Grid {
    fn of(data: Node<'_, '_>, name: &str) -> Result<Self, Refusal> {
        let interval = child(data, "Interval")
            .ok_or_else(|| Refusal(format!("{name}: there is no Interval")))?;
        let start = instant(interval, "StartDateTime", name)?;
        let end = instant(interval, "EndDateTime", name)?;
        let length = text_at(data, &["Resolution", "Resolution"]).unwrap_or_default();
        let unit = text_at(data, &["Resolution", "Unit"]).unwrap_or_default();
        let minutes = length.parse::<i64>().ok().filter(|_| unit == "MIN");
        let interval_s = minutes.and_then(|minutes| minutes.checked_mul(60)).unwrap_or(0);
        if !INTERVAL_S.contains(&interval_s) || 3_600 % interval_s != 0 {
            let (length, unit) = (quoted(length), quoted(unit));
            return Err(Refusal(format!(
                "{name}: the resolution is {length} {unit}; profiles of 1 to 60 MIN are read"
            )));
        }
        let length_s = (end - start).num_seconds();
        let count = usize::try_from(length_s / interval_s).unwrap_or(0);
        let is_whole = length_s > 0 && length_s % interval_s == 0;
        if !is_whole || count > VALUES_MAX || start.timestamp() % interval_s != 0 {
            return Err(Refusal(format!(
                "{name}: the interval from {start} to {end} is not made of steps of {interval_s} s"
            )));
        }
        Ok(Self { start, interval_s, count })
    }
}

/// Sequence, volume and condition of an observation.
fn observed<'a>(
    observation: Node<'a, '_>,
    grid: &Grid,
    name: &str,
) -> Result<(usize, &'a str, &'a str), Refusal> {
    let sequence = text_at(observation, &["Position", "Sequence"]).unwrap_or_default();
    let number = sequence.parse::<usize>().ok().filter(|number| (1..=grid.count).contains(number));
    let Some(number) = number else {
        let (sequence, count) = (quoted(sequence), grid.count);
        return Err(Refusal(format!(
            "{name}: the sequence {sequence} is not one of the {count} of the interval"
        )));
    };
    let volume = text_at(observation, &["Volume"]).unwrap_or_default();
    // Later versions put the code into an element of its own.
    let condition = child(observation, "Condition");
    let condition = condition.map(|node| {
        text_at(node, &["ebIXCode"])
            .or_else(|| text_at(node, &["VSENationalCode"]))
            .unwrap_or_else(|| node.text().unwrap_or_default().trim())
    });
    Ok((number, volume, condition.unwrap_or_default()))
}

/// What volumes are in.
#[derive(Clone, Copy)]
enum Unit {
    /// Energy, so many kWh each.
    Energy(f64),
    /// Mean power in kW.
    Power,
}

impl Unit {
    fn parse(code: &str) -> Option<Self> {
        match code {
            "KWH" => Some(Self::Energy(1.0)),
            "MWH" => Some(Self::Energy(1_000.0)),
            "WHR" => Some(Self::Energy(0.001)),
            "KWT" => Some(Self::Power),
            _ => None,
        }
    }

    fn power_kw(self, volume: &str, interval_s: i64) -> Result<Option<f64>, String> {
        if volume.is_empty() {
            return Ok(None);
        }
        let value: f64 =
            volume.parse().map_err(|_| format!("the volume {} is no number", quoted(volume)))?;
        let energy_kwh = match self {
            Self::Energy(factor) => value * factor,
            Self::Power => {
                let seconds = i32::try_from(interval_s).unwrap_or(900);
                value * f64::from(seconds) / 3_600.0
            }
        };
        mean_power(energy_kwh, interval_s).map(Some)
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|inner| inner.is_element() && inner.tag_name().name() == name)
}

fn children<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |inner| inner.is_element() && inner.tag_name().name() == name)
}

/// The trimmed text at the end of a path of elements.
fn text_at<'a>(node: Node<'a, '_>, path: &[&str]) -> Option<&'a str> {
    let last = path.iter().try_fold(node, |node, name| child(node, name))?;
    Some(last.text().unwrap_or_default().trim())
}

fn instant(node: Node<'_, '_>, name: &str, place: &str) -> Result<DateTime<Utc>, Refusal> {
    let text = text_at(node, &[name]).unwrap_or_default();
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| {
        Refusal(format!(
            "{place}: {name} is {}, no instant like 2026-11-18T23:00:00Z",
            quoted(text)
        ))
    })
}
