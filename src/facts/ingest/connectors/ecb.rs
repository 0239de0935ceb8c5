//! European Central Bank: reference rates of the euro, once a working day.
//!
//! Licence: free to use with the source named. Published at about 16:00 in Frankfurt on working days of
//! the TARGET system; a rate is of its day and has no time. Three files hold the newest day, ninety
//! days, and everything since 1999; none can be asked for a range.

use chrono::{Duration, NaiveDate};

use super::markup;
use crate::base::timeline::day_range;
use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{Ask, Publication, ReadError, Reading, VALUE_MAX, Values};
use crate::facts::ingest::settings::{ECB, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// Days that the file of ninety days surely holds.
const RECENT_DAYS: i64 = 85;
/// The currency that Luna needs.
const CURRENCY: &str = "CHF";

/// The connector.
pub(super) struct Ecb;

impl Source for Ecb {
    fn name(&self) -> &'static str {
        "ecb"
    }

    fn what(&self) -> &'static str {
        "Reference rates of the euro"
    }

    fn attribution(&self) -> &'static str {
        "European Central Bank"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        if settings.rates { vec![Subject::Rates] } else { Vec::new() }
    }

    fn days_max(&self, _: &Subject) -> i64 {
        // One file holds a century of them.
        36_500
    }

    fn pause_s(&self) -> u64 {
        1
    }

    fn needs(&self, _: &Settings) -> Option<String> {
        None
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        if ask.subject != Subject::Rates {
            return None;
        }
        let is_recent = ask.range.from > ask.at - Duration::days(RECENT_DAYS);
        let file = if is_recent { "eurofxref-hist-90d.xml" } else { "eurofxref-hist.xml" };
        let base = settings.ecb_url.trim_end_matches('/');
        Some(Request {
            url: format!("{base}/{file}"),
            secret: None,
            reach: reach(base, ECB),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refusal(status, body));
        }
        let found = kind(body);
        if found != "XML" {
            return Err(ReadError::NotExpected { expected: "XML", found });
        }
        let broken = |error: String| ReadError::Broken(error);
        let document = markup::open(body)?;
        let days = document.descendants().filter(|node| node.has_attribute("time"));
        let (mut points, zone) = (Vec::new(), ask.subject.time_zone());
        for day in days {
            let written = day.attribute("time").unwrap_or_default();
            let date: NaiveDate = written
                .parse()
                .map_err(|_| broken(format!("'{}' is no day", quoted(written.as_bytes()))))?;
            let range = day_range(date, zone);
            // The whole history comes with each answer; what nobody asked for is nothing odd.
            if !ask.range.contains(range.from) {
                continue;
            }
            let own = day.children().find(|rate| rate.attribute("currency") == Some(CURRENCY));
            let Some(rate) = own.and_then(|rate| rate.attribute("rate")) else { continue };
            let number: Option<f64> = rate.parse().ok();
            let number =
                number.filter(|number| (0.01..100.0).contains(number)).ok_or_else(|| {
                    broken(format!("'{}' is no rate of {CURRENCY}", quoted(rate.as_bytes())))
                })?;
            points.push((range.from, Some(number)));
        }
        if !document.descendants().any(|node| node.has_attribute("currency")) {
            let found = "another document";
            return Err(ReadError::NotExpected { expected: "a document of rates", found });
        }
        let values = Values {
            name: format!("fx:EUR:{CURRENCY}"),
            unit: "CHF/EUR",
            interval_s: 86_400,
            publication: Publication::Afternoon,
            is_feature: false,
            limit: VALUE_MAX,
            points,
        };
        Ok(Reading { values: vec![values], ..Reading::default() })
    }
}
