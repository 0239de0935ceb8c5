//! What is known and found while the rows of one request or delivery are written.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::body::Summary;
use super::counters::Mark;
use super::model::{
    COUNTERS_MAX, FAULTS_MAX, FINDINGS_MAX, Fault, Finding, IngestReport, Order, ReadingsError,
};
use super::row::{Entry, Taken};
use crate::access::audit::Event;
use crate::facts::meters::MeterError;
use crate::facts::meters::Reading;
use crate::facts::meters::Writable;

/// Meters that an entry of the log names.
const NAMED_MAX: usize = 20;

/// What is known and found while a request is written.
pub(super) struct Session<'a> {
    pub(super) order: &'a Order,
    pub(super) writable: Writable,
    pub(super) now: DateTime<Utc>,
    /// Usual length of the readings of each meter; absent for meters that may not be written.
    pub(super) known: HashMap<String, Option<i32>>,
    /// Meters that are to be made.
    pub(super) to_make: Vec<String>,
    pub(super) marks: Vec<Mark>,
    pub(super) report: IngestReport,
    findings: Vec<Finding>,
    faulty: u64,
    /// As many meters as may become known within a day, once there are so many.
    pub(super) capped: Option<u32>,
    pub(super) span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl<'a> Session<'a> {
    pub(super) fn new(order: &'a Order, writable: Writable, now: DateTime<Utc>) -> Self {
        Self {
            order,
            writable,
            now,
            known: HashMap::new(),
            to_make: Vec::new(),
            marks: Vec::new(),
            report: IngestReport::default(),
            findings: Vec::new(),
            faulty: 0,
            capped: None,
            span: None,
        }
    }
}

impl Session<'_> {
    /// Meters that may be written, in order.
    /// Whether rows are about meters that were not met before.
    pub(super) fn has_new_names(&self, rows: &[Entry]) -> bool {
        rows.iter().any(|row| !self.known.contains_key(&row.meter_id))
    }

    /// The readings of rows whose meters were looked up; marks of counters are put aside.
    pub(super) fn readings(&mut self, rows: Vec<Entry>) -> Result<Vec<Reading>, ReadingsError> {
        let mut readings = Vec::with_capacity(rows.len());
        for row in rows {
            let index = row.index;
            let Some(usual_s) = self.known.get(&row.meter_id).copied().flatten() else {
                let fault = Fault::new("meter_id", self.why_not(&row.meter_id));
                self.find(Finding::new(index, fault))?;
                continue;
            };
            let span = self.span.unwrap_or((row.ts, row.ts));
            self.span = Some((span.0.min(row.ts), span.1.max(row.ts)));
            match row.taken(usual_s, self.now) {
                Taken::Mark(mark) => self.marks.push(mark),
                Taken::Reading(reading) => match reading.check() {
                    Ok(()) => readings.push(reading),
                    Err(reason) => self.find(Finding::new(index, Fault::new("", reason)))?,
                },
            }
        }
        if self.marks.len() > COUNTERS_MAX {
            return Err(ReadingsError::TooLarge(format!(
                "the body has more than {COUNTERS_MAX} rows with counters; send it in several requests"
            )));
        }
        Ok(readings)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let known = self.known.iter().filter(|(_, usual_s)| usual_s.is_some());
        let mut names: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    fn why_not(&self, meter_id: &str) -> String {
        if let Some(max) = self.capped {
            format!(
                "there is no meter '{meter_id}', and {max} have become known within a day, as many \
                 as meters.new_per_day_max allows; raise it, or look who makes up names"
            )
        } else if self.writable == Writable::All {
            format!("there is no meter '{meter_id}'; send with ?create=true to make it known")
        } else {
            format!("there is no meter '{meter_id}' that you may write readings of")
        }
    }

    /// Notes a faulty row; enough of them end a request that is all or nothing.
    fn find(&mut self, finding: Finding) -> Result<(), ReadingsError> {
        self.faulty += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
        let enough = !self.order.partial && self.findings.len() >= FAULTS_MAX;
        if enough { self.refuse_faulty() } else { Ok(()) }
    }

    /// Rows that are staged can no longer be left out one by one: where one of their meters is too
    /// many for a day, nothing is stored.
    pub(super) fn refuse_too_many(&self) -> Result<(), ReadingsError> {
        let Some(max) = self.capped else { return Ok(()) };
        let unknown = self.known.iter().find(|(_, usual_s)| usual_s.is_none());
        let meter_id = unknown.map(|(name, _)| name.clone()).unwrap_or_default();
        Err(MeterError::TooMany { meter_id, max }.into())
    }

    pub(super) fn refuse_faulty(&mut self) -> Result<(), ReadingsError> {
        if self.order.partial || self.faulty == 0 {
            return Ok(());
        }
        let first = self.findings.drain(..).take(FAULTS_MAX).collect();
        Err(ReadingsError::BadRows { first, total: self.faulty })
    }

    /// The answer: what was written and what was read, put together.
    pub(super) fn finish(&mut self, summary: Summary) -> Result<IngestReport, ReadingsError> {
        self.refuse_faulty()?;
        let mut report = std::mem::take(&mut self.report);
        report.read = summary.read;
        report.refused += self.faulty + summary.faulty;
        report.findings = summary.findings;
        report.findings.append(&mut self.findings);
        report.findings.sort_by_key(|finding| finding.index);
        report.findings.truncate(FINDINGS_MAX);
        Ok(report)
    }
}

pub(super) fn event(report: &IngestReport, session: &Session<'_>) -> Event {
    let names = session.names();
    let subject = match names.as_slice() {
        [name] => (*name).to_owned(),
        names => format!("{} meters", names.len()),
    };
    let named: Vec<&str> = names.into_iter().take(NAMED_MAX).collect();
    let what = json!({
        "meters": named, "created": report.created.len(), "read": report.read,
        "inserted": report.inserted, "replaced": report.replaced, "derived": report.derived,
        "refused": report.refused,
        "first": session.span.map(|(first, _)| first), "last": session.span.map(|(_, last)| last),
    });
    Event::new("readings.ingest", ("meter", subject)).after(&what)
}

/// Counts rows that are stored: once their transaction is committed.
pub fn count(report: &IngestReport) {
    for (outcome, rows) in [
        ("inserted", report.inserted),
        ("replaced", report.replaced),
        ("unchanged", report.unchanged),
        ("refused", report.refused),
        ("duplicate", report.duplicates),
    ] {
        metrics::counter!("luna_readings_rows_total", "outcome" => outcome).increment(rows);
    }
}
