//! The writing side of a request: one transaction for all of it, however long it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use actix_web::error::PayloadError;
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use futures_util::Stream;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, channel};

use super::body::{Summary, Told, read};
use super::counters::{Mark, grid_after, grid_before, intervals};
use super::model::{
    COUNTERS_MAX, FAULTS_MAX, FINDINGS_MAX, Fault, Finding, IngestReport, METERS_MAX, Order,
    ReadingsError,
};
use super::row::{Entry, INTERVAL_S, Taken};
use super::split::Format;
use super::store;
use crate::access::audit::Audit;
use crate::access::audit::By;
use crate::access::audit::Event;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::facts::meters::MeterRole;
use crate::facts::meters::Meters;
use crate::facts::meters::NewMeter;
use crate::facts::meters::Reading;
use crate::facts::meters::Writable;
use crate::platform::db::Conn;
use crate::platform::db::Db;
use crate::platform::web::Principal;

/// Batches that are read ahead of the database.
const AHEAD: usize = 2;
/// Meters that an entry of the log names.
const NAMED_MAX: usize = 20;
/// The lock of those who make meters known: rows of two of them must not wait in a circle.
const MAKERS: &str = "?create";

/// Readings sent by meters and gateways. Cloning is cheap.
#[derive(Clone)]
pub struct Readings {
    pub(super) db: Db,
    pub(super) meters: Meters,
    pub(super) audit: Audit,
    pub(super) clock: Clock,
}

/// What is known and found while a request is written.
pub(super) struct Session<'a> {
    order: &'a Order,
    writable: Writable,
    now: DateTime<Utc>,
    /// Usual length of the readings of each meter; absent for meters that may not be written.
    pub(super) known: HashMap<String, Option<i32>>,
    pub(super) marks: Vec<Mark>,
    pub(super) report: IngestReport,
    findings: Vec<Finding>,
    faulty: u64,
    pub(super) span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Readings {
    /// The service on the store of meters.
    pub const fn new(db: Db, meters: Meters, audit: Audit, clock: Clock) -> Self {
        Self { db, meters, audit, clock }
    }

    /// Reads `body` and stores its rows in one transaction: all of them, or with `partial` those
    /// that keep the rules. When it answers, they are committed.
    pub(super) async fn take<S>(
        &self,
        who: &Principal,
        order: &Order,
        (format, body): (Format, S),
    ) -> Result<IngestReport, ReadingsError>
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    {
        let started = Instant::now();
        let (sender, receiver) = channel(AHEAD);
        let reading = read(body, format, (order.partial, self.clock.now()), sender);
        let writing = self.write(who, order, receiver);
        let (read, written) = tokio::join!(reading, writing);
        let (report, is_new) = match (read, written) {
            // Each side gives up when the other does; the reason of the other counts.
            (_, Err(reason)) if !matches!(reason, ReadingsError::GivenUp) => return Err(reason),
            (Err(reason), _) | (Ok(()), Err(reason)) => return Err(reason),
            (Ok(()), Ok(report)) => report,
        };
        if is_new {
            count(&report);
            metrics::histogram!("luna_readings_request_duration_seconds")
                .record(started.elapsed().as_secs_f64());
        }
        Ok(report)
    }

    /// Answers with the report and whether it is of this request, not of an earlier one.
    async fn write(
        &self,
        who: &Principal,
        order: &Order,
        mut receiver: Receiver<Told>,
    ) -> Result<(IngestReport, bool), ReadingsError> {
        let first = receiver.recv().await.ok_or(ReadingsError::GivenUp)?;
        let second = receiver.recv().await.ok_or(ReadingsError::GivenUp)?;
        let by = By::of(who);
        let writable = self.meters.writable(who).await?;
        let mut session = Session::new(order, writable, self.clock.now());
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let told = (first, second, &mut receiver);
            self.write_in(conn, (who, &by), &mut session, told).await
        })
        .await
    }

    async fn write_in(
        &self,
        conn: &mut Conn,
        (who, by): (&Principal, &By),
        session: &mut Session<'_>,
        (first, second, receiver): (Told, Told, &mut Receiver<Told>),
    ) -> Result<(IngestReport, bool), ReadingsError> {
        let key = session.order.key.as_deref();
        if let Some(key) = key
            && let Some((digest, answer)) =
                store::answered(conn, who.user_id, key, session.now).await?
        {
            if digest != rest_of(second, receiver).await? {
                return Err(ReadingsError::KeyReused);
            }
            let report = serde_json::from_value(answer)
                .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
            return Ok((report, false));
        }
        let (digest, summary) = self.store(conn, session, (first, second, receiver)).await?;
        let report = session.finish(summary)?;
        if report.changed() {
            self.audit.record(conn, by, event(&report, session)).await?;
        }
        if let Some(key) = key {
            let answer = serde_json::to_value(&report).unwrap_or_default();
            let answer = (digest.as_str(), &answer);
            store::keep_answer(conn, (who.user_id, key), answer, session.now).await?;
        }
        Ok((report, true))
    }

    /// Takes rows until the end; a single batch goes straight into the table, more are staged.
    async fn store(
        &self,
        conn: &mut Conn,
        session: &mut Session<'_>,
        (first, second, receiver): (Told, Told, &mut Receiver<Told>),
    ) -> Result<(String, Summary), ReadingsError> {
        let (mut next, mut staged) = (Some(first), None);
        let mut ahead = Some(second);
        let end = loop {
            let told = match next.take().or_else(|| ahead.take()) {
                Some(told) => told,
                None => receiver.recv().await.ok_or(ReadingsError::GivenUp)?,
            };
            let rows = match told {
                Told::End { digest, summary } => break (digest, summary),
                Told::Rows(rows) => rows,
            };
            let readings = self.resolved(conn, session, rows).await?;
            if matches!(ahead, Some(Told::End { .. })) {
                let names = session.names();
                self.meters.take_turns(conn, &names).await?;
                let stored = self.meters.put_in(conn, &readings).await?;
                session.report.add(&stored);
                continue;
            }
            let before = if let Some(before) = staged {
                before
            } else {
                self.meters.open_stage(conn).await?;
                0
            };
            self.meters.stage(conn, before, &readings).await?;
            staged = Some(before + i64::try_from(readings.len()).unwrap_or(i64::MAX));
        };
        session.refuse_faulty()?;
        if staged.is_some() {
            let names = session.names();
            self.meters.take_turns(conn, &names).await?;
            let stored = self.meters.put_staged(conn, &names).await?;
            session.report.add(&stored);
        }
        self.put_marks(conn, session).await?;
        Ok(end)
    }

    /// The readings of rows, once their meters are known; marks of counters are put aside.
    pub(super) async fn resolved(
        &self,
        conn: &mut Conn,
        session: &mut Session<'_>,
        rows: Vec<Entry>,
    ) -> Result<Vec<Reading>, ReadingsError> {
        let names = rows.iter().map(|row| &*row.meter_id).collect();
        self.learn_meters(conn, session, names).await?;
        let mut readings = Vec::with_capacity(rows.len());
        for row in rows {
            let index = row.index;
            let Some(usual_s) = session.known.get(&row.meter_id).copied().flatten() else {
                let fault = Fault::new("meter_id", session.why_not(&row.meter_id));
                session.find(Finding::new(index, fault))?;
                continue;
            };
            session.span =
                Some(session.span.map_or((row.ts, row.ts), |(first, last)| {
                    (first.min(row.ts), last.max(row.ts))
                }));
            match row.taken(usual_s, session.now) {
                Taken::Mark(mark) => session.marks.push(mark),
                Taken::Reading(reading) => match reading.check() {
                    Ok(()) => readings.push(reading),
                    Err(reason) => session.find(Finding::new(index, Fault::new("", reason)))?,
                },
            }
        }
        if session.marks.len() > COUNTERS_MAX {
            return Err(ReadingsError::TooLarge(format!(
                "the body has more than {COUNTERS_MAX} rows with counters; send it in several requests"
            )));
        }
        Ok(readings)
    }

    /// Looks up those of `names` that were not met before, and makes them known where asked to.
    pub(super) async fn learn_meters(
        &self,
        conn: &mut Conn,
        session: &mut Session<'_>,
        names: BTreeSet<&str>,
    ) -> Result<(), ReadingsError> {
        let names: Vec<&str> =
            names.into_iter().filter(|name| !session.known.contains_key(*name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let found = self.meters.targets(conn, &names).await?;
        for target in &found {
            let usual_s = target.interval_s.unwrap_or(INTERVAL_S);
            let usual_s = session.writable.has(target).then_some(usual_s);
            session.known.insert(target.meter_id.clone(), usual_s);
        }
        let unknown: Vec<&str> =
            names.into_iter().filter(|name| !session.known.contains_key(*name)).collect();
        let makes = session.order.create && session.writable == Writable::All;
        if makes && !unknown.is_empty() {
            self.meters.take_turns(conn, &[MAKERS]).await?;
        }
        for name in unknown {
            if makes {
                let meter = NewMeter {
                    meter_id: name.to_owned(),
                    site_id: None,
                    name: name.to_owned(),
                    role: MeterRole::House,
                    time_zone: Tz::Europe__Zurich,
                };
                if self.meters.register(conn, &meter).await? {
                    session.report.created.push(name.to_owned());
                }
            }
            session.known.insert(name.to_owned(), makes.then_some(INTERVAL_S));
        }
        if session.known.len() > METERS_MAX {
            return Err(ReadingsError::TooLarge(format!(
                "the body is about more than {METERS_MAX} meters; send it in several requests"
            )));
        }
        Ok(())
    }

    /// Writes marks down and what flowed between them and their neighbours.
    pub(super) async fn put_marks(
        &self,
        conn: &mut Conn,
        session: &mut Session<'_>,
    ) -> Result<(), ReadingsError> {
        if session.marks.is_empty() {
            return Ok(());
        }
        session.report.counters = session.marks.len() as u64;
        let names = session.names();
        self.meters.take_turns(conn, &names).await?;
        let mut by_meter: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
        for mark in session.marks.drain(..) {
            by_meter.entry(mark.meter_id.clone()).or_default().push(mark);
        }
        for (meter_id, marks) in by_meter {
            session.report.derived += self.derive(conn, &meter_id, marks).await?;
        }
        Ok(())
    }

    async fn derive(
        &self,
        conn: &mut Conn,
        meter_id: &str,
        marks: Vec<Mark>,
    ) -> Result<u64, ReadingsError> {
        let marks = united(marks);
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else { return Ok(0) };
        let interval_s = last.interval_s;
        let moment = Duration::milliseconds(1);
        let touched = TimeRange::new(first.ts - moment, last.ts + moment);
        store::put_marks(conn, meter_id, &marks).await?;
        let near = store::widened(conn, meter_id, touched).await?;
        let grid =
            TimeRange::new(grid_before(near.from, interval_s), grid_after(near.to, interval_s));
        let around = store::widened(conn, meter_id, grid).await?;
        let marks = store::marks(conn, (meter_id, interval_s), around).await?;
        let rollover_kwh = self.meters.rollover_kwh();
        let mut readings = intervals(&marks, interval_s, rollover_kwh, grid);
        // What marks say together is known no earlier than what they said before.
        let stored = self.meters.stored_in(conn, meter_id, grid).await?;
        let stored: HashMap<_, _> = stored.iter().map(|one| (one.ts, one.known_at)).collect();
        for reading in &mut readings {
            if let Some(known_at) = stored.get(&reading.ts) {
                reading.known_at = reading.known_at.max(*known_at);
            }
        }
        let stored = self.meters.put_in(conn, &readings).await?;
        Ok(stored.inserted + stored.replaced)
    }
}

/// Marks of one meter by instant, one each: of two numbers the later known stays.
fn united(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by_key(|mark| (mark.ts, mark.known_at));
    let mut united: Vec<Mark> = Vec::with_capacity(marks.len());
    for mark in marks {
        match united.last_mut() {
            Some(before) if before.ts == mark.ts => {
                *before = Mark {
                    consumption_kwh_total: mark
                        .consumption_kwh_total
                        .or(before.consumption_kwh_total),
                    production_kwh_total: mark.production_kwh_total.or(before.production_kwh_total),
                    ..mark
                };
            }
            _ => united.push(mark),
        }
    }
    united
}

/// The digest of a body whose rows do not matter.
async fn rest_of(second: Told, receiver: &mut Receiver<Told>) -> Result<String, ReadingsError> {
    let mut told = second;
    loop {
        if let Told::End { digest, .. } = told {
            return Ok(digest);
        }
        told = receiver.recv().await.ok_or(ReadingsError::GivenUp)?;
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(order: &'a Order, writable: Writable, now: DateTime<Utc>) -> Self {
        Self {
            order,
            writable,
            now,
            known: HashMap::new(),
            marks: Vec::new(),
            report: IngestReport::default(),
            findings: Vec::new(),
            faulty: 0,
            span: None,
        }
    }
}

impl Session<'_> {
    /// Meters that may be written, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        let known = self.known.iter().filter(|(_, usual_s)| usual_s.is_some());
        let mut names: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    fn why_not(&self, meter_id: &str) -> String {
        if self.writable == Writable::All {
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
