//! ENTSO-E Transparency Platform, with a token: prices (A44), load and its forecast (A65), wind and
//! solar forecasts (A69), generation by kind of plant (A75), energy in reservoirs (A72).
//!
//! Licence: free of charge under Regulation (EU) 543/2013, with the platform named. Prices appear
//! after the auction, before 14:00 as a rule. Instants are UTC and mark the start of an interval. In
//! variable blocks (A03) a value that repeats is left out; zones with a second auction publish it as
//! sequence 2, which is not the spot price; whole documents come that touch the days asked for.
//! «Nothing published» is an acknowledgement with reason 999, whatever the status; «too much» is one
//! that names the limit. Large answers come as a ZIP archive of documents.

mod grid; // load and generation
mod reservoirs; // energy in the water of reservoirs
mod prices; // auctions
mod xml; // what all documents share

use std::io::{Cursor, Read};

use chrono::Duration;
use roxmltree::Node;
use zip::ZipArchive;

use super::markup;
use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{Ask, ReadError, Reading};
use crate::facts::ingest::settings::{ENTSOE, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// Documents in one archive; the platform sends at most two hundred.
const DOCUMENTS_MAX: usize = 200;
/// All documents of an archive together, unpacked.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// The reason «nothing published», and of refusals that say why in words.
const NOTHING: &str = "999";

/// The connector.
pub(super) struct Entsoe;

impl Source for Entsoe {
    fn name(&self) -> &'static str {
        "entsoe"
    }

    fn what(&self) -> &'static str {
        "Day-ahead prices, load, wind and solar forecasts, generation, reservoirs"
    }

    fn attribution(&self) -> &'static str {
        "ENTSO-E Transparency Platform"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let kinds = [
            Subject::Prices,
            Subject::LoadForecast,
            Subject::WindSolarForecast,
            Subject::Load,
            Subject::Generation,
        ];
        let of = |market| kinds.map(|subject| subject(Clone::clone(market)));
        let of_all = settings.markets.iter().flat_map(of);
        let with_lakes = settings.markets.iter().filter(|market| has_lakes(market.code()));
        of_all.chain(with_lakes.cloned().map(Subject::Reservoirs)).collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        360
    }

    fn pause_s(&self) -> u64 {
        1
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        let needs = "Set LUNA_SOURCES__ENTSOE_TOKEN to the token of your account at ENTSO-E.";
        settings.entsoe_token.is_none().then(|| needs.to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let zone = zone(&ask.subject)?;
        let token = settings.entsoe_token.clone()?;
        let what = match ask.subject {
            Subject::Prices(_) => format!(
                "documentType=A44&in_Domain={zone}&out_Domain={zone}&contract_MarketAgreement.type=A01"
            ),
            Subject::LoadForecast(_) => {
                format!("documentType=A65&processType=A01&outBiddingZone_Domain={zone}")
            }
            Subject::Load(_) => {
                format!("documentType=A65&processType=A16&outBiddingZone_Domain={zone}")
            }
            Subject::WindSolarForecast(_) => {
                format!("documentType=A69&processType=A01&in_Domain={zone}")
            }
            Subject::Generation(_) => format!("documentType=A75&processType=A16&in_Domain={zone}"),
            Subject::Reservoirs(_) => format!("documentType=A72&processType=A16&in_Domain={zone}"),
            Subject::Weather(_)
            | Subject::LocalForecast(_)
            | Subject::Rates
            | Subject::Tariff(_)
            | Subject::Statistic(..)
            | Subject::Station(_)
            | Subject::StationDays(_)
            | Subject::Municipality(_) => return None,
        };
        if matches!(&ask.subject, Subject::Reservoirs(market) if !has_lakes(market.code())) {
            return None;
        }
        // The documents at the edges may be incomplete.
        let wider = [ask.range.from - Duration::days(1), ask.range.to + Duration::days(1)];
        let [from, to] = wider.map(|at| at.format("%Y%m%d%H%M"));
        let base = settings.entsoe_url.as_str();
        Some(Request {
            url: format!("{base}?{what}&periodStart={from}&periodEnd={to}"),
            secret: Some(("securityToken", token)),
            reach: reach(base, ENTSOE),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        match kind(body) {
            "XML" => document(status, body, ask),
            "a ZIP archive" => archive(status, body, ask),
            found if status == 200 => Err(ReadError::NotExpected { expected: "XML", found }),
            _ => Err(refusal(status, body)),
        }
    }
}

/// What the platform calls the zone that is asked about.
fn zone(subject: &Subject) -> Option<&'static str> {
    match (subject, subject.market()?.code()) {
        // Germany's generation is published for the country, not for the bidding zone.
        (Subject::Generation(_), "DE-LU") => Some("10Y1001A1001A83F"),
        (_, "CH") => Some("10YCH-SWISSGRIDZ"),
        (_, "DE-LU") => Some("10Y1001A1001A82H"),
        (_, "AT") => Some("10YAT-APG------L"),
        (_, "FR") => Some("10YFR-RTE------C"),
        (_, "IT-NORTH") => Some("10Y1001A1001A73I"),
        _ => None,
    }
}

/// Whether the platform publishes what a zone's reservoirs hold.
fn has_lakes(market: &str) -> bool {
    matches!(market, "CH" | "AT" | "FR" | "IT-NORTH")
}

/// All documents of an archive as one reading.
fn archive(status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
    let broken =
        |error: String| ReadError::Broken(format!("the archive cannot be opened: {error}"));
    let mut archive =
        ZipArchive::new(Cursor::new(body)).map_err(|error| broken(error.to_string()))?;
    if archive.len() > DOCUMENTS_MAX {
        return Err(ReadError::Broken(format!("the archive holds {} files", archive.len())));
    }
    let (mut reading, mut left) = (Reading::default(), UNPACKED_BYTES_MAX);
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|error| broken(error.to_string()))?;
        let mut text = Vec::new();
        // What the directory says about sizes is the sender's word: the bytes are counted.
        let read = file.take(left + 1).read_to_end(&mut text);
        read.map_err(|error| broken(error.to_string()))?;
        left = left.checked_sub(text.len() as u64).ok_or_else(|| {
            ReadError::Broken(format!(
                "the archive unpacks to more than {UNPACKED_BYTES_MAX} bytes"
            ))
        })?;
        let part = document(status, &text, ask)?;
        reading.quotes.extend(part.quotes);
        reading.values.extend(part.values);
        reading.findings.extend(part.findings);
    }
    Ok(reading)
}

fn document(status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
    let document = markup::open(body).map_err(|error| match status {
        200 => error,
        _ => refusal(status, body),
    })?;
    let (root, wants_prices) = (document.root_element(), ask.subject.is_price());
    match root.tag_name().name() {
        "Publication_MarketDocument" if wants_prices => prices::read(root, ask),
        "GL_MarketDocument" if matches!(ask.subject, Subject::Reservoirs(_)) => {
            reservoirs::read(root, ask)
        }
        "GL_MarketDocument" if !wants_prices => grid::read(root, ask),
        "Acknowledgement_MarketDocument" => acknowledgement(root, status),
        _ if status != 200 => Err(refusal(status, body)),
        _ => {
            let expected =
                if wants_prices { "a document of prices" } else { "a document of the grid" };
            Err(ReadError::NotExpected { expected, found: "another document" })
        }
    }
}

fn acknowledgement(root: Node<'_, '_>, status: u16) -> Result<Reading, ReadError> {
    let reason = xml::child(root, "Reason");
    let said = |name| reason.and_then(|reason| xml::text(reason, name)).unwrap_or_default();
    let (code, words) = (said("code"), said("text"));
    if code == NOTHING && words.starts_with("No matching data") {
        return Ok(Reading::default());
    }
    let reason = quoted(words.as_bytes());
    match status {
        429 => Err(ReadError::TooOften),
        // The limit is named in words only, in several forms.
        _ if words.to_ascii_lowercase().contains("exceed") => Err(ReadError::TooMuch(reason)),
        _ => Err(ReadError::Refused { status, reason }),
    }
}
