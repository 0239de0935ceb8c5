//! The writing side of a request: one transaction for all of it, however long it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use chrono::Duration;
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use futures_util::Stream;
use tokio::sync::mpsc::{Receiver, channel};

use super::body::{Summary, Told, read};
use super::counters::{Mark, grid_after, grid_before, intervals};
use super::model::{IngestReport, METERS_MAX, Order, ReadingsError};
use super::row::{Entry, INTERVAL_S};
use super::session::{Session, count, event};
use super::split::Format;
use super::store;
use crate::access::audit::Audit;
use crate::access::audit::By;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::facts::meters::MeterError;
use crate::facts::meters::MeterRole;
use crate::facts::meters::Meters;
use crate::facts::meters::NewMeter;
use crate::facts::meters::Reading;
use crate::facts::meters::Stage;
use crate::facts::meters::Writable;
use crate::platform::db::Conn;
use crate::platform::db::Db;
use crate::platform::web::Principal;

/// Batches that are read ahead of the database.
const AHEAD: usize = 2;
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

/// Who sends readings, and which meters that may be about.
pub(super) struct Author {
    pub by: By,
    pub writable: Writable,
}

impl Readings {
    /// The service on the store of meters.
    pub const fn new(db: Db, meters: Meters, audit: Audit, clock: Clock) -> Self {
        Self { db, meters, audit, clock }
    }

    /// Somebody who sends over HTTP.
    pub(super) async fn author(&self, who: &Principal) -> Result<Author, ReadingsError> {
        Ok(Author { by: By::of(who), writable: self.meters.writable(who).await? })
    }

    /// Forgets answers to requests with keys that are older than they are kept, or only counts them.
    pub async fn forget_answers(&self, dry_run: bool) -> Result<usize, ReadingsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget_answers(&mut conn, self.clock.now(), dry_run).await?)
    }

    /// Reads `body` and stores its rows in one transaction: all of them, or with `partial` those
    /// that keep the rules. When it answers, they are committed.
    pub(super) async fn take<S, E>(
        &self,
        who: &Author,
        order: &Order,
        (format, body): (Format, S),
    ) -> Result<IngestReport, ReadingsError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let started = Instant::now();
        let (sender, receiver) = channel(AHEAD);
        let reading = read(body, format, (order, self.clock.now()), sender);
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
        who: &Author,
        order: &Order,
        mut receiver: Receiver<Told>,
    ) -> Result<(IngestReport, bool), ReadingsError> {
        let first = receiver.recv().await.ok_or(ReadingsError::GivenUp)?;
        let second = receiver.recv().await.ok_or(ReadingsError::GivenUp)?;
        let mut session = Session::new(order, who.writable.clone(), self.clock.now());
        match (first, second) {
            (Told::Rows(rows), Told::End { digest, summary }) => {
                let mut conn = self.db.conn().await?;
                conn.transaction(async |conn| {
                    self.write_short(conn, who, &mut session, (rows, &digest, summary)).await
                })
                .await
            }
            (first, second) => self.write_long(who, &mut session, (first, second, receiver)).await,
        }
    }

    /// A single batch goes straight into the table.
    async fn write_short(
        &self,
        conn: &mut Conn,
        who: &Author,
        session: &mut Session<'_>,
        (rows, digest, summary): (Vec<Entry>, &str, Summary),
    ) -> Result<(IngestReport, bool), ReadingsError> {
        if let Some(report) = answered(conn, who, session, digest).await? {
            return Ok((report, false));
        }
        let readings = self.resolved(conn, session, rows).await?;
        session.refuse_faulty()?;
        self.meters.take_turns(conn, &session.names()).await?;
        let stored = self.meters.put_in(conn, &readings).await?;
        session.report.add(&stored);
        Ok((self.end(conn, who, session, (digest, summary)).await?, true))
    }

    /// More batches are staged as they arrive; the transaction begins when all are there.
    async fn write_long(
        &self,
        who: &Author,
        session: &mut Session<'_>,
        told: (Told, Told, Receiver<Told>),
    ) -> Result<(IngestReport, bool), ReadingsError> {
        let mut stage = self.meters.open_stage().await?;
        let written = async {
            let (digest, summary) = self.fill(&mut stage, session, told).await?;
            session.refuse_faulty()?;
            self.meters.close_stage(&mut stage).await?;
            let mut conn = self.db.conn().await?;
            conn.transaction(async |conn| {
                if let Some(report) = answered(conn, who, session, &digest).await? {
                    return Ok((report, false));
                }
                self.make_meters(conn, session).await?;
                session.refuse_too_many()?;
                self.meters.take_turns(conn, &session.names()).await?;
                let stored = self.meters.put_staged(conn, &stage).await?;
                session.report.add(&stored);
                Ok((self.end(conn, who, session, (&digest, summary)).await?, true))
            })
            .await
        }
        .await;
        self.meters.remove_stage(stage).await;
        written
    }

    async fn fill(
        &self,
        stage: &mut Stage,
        session: &mut Session<'_>,
        (first, second, mut receiver): (Told, Told, Receiver<Told>),
    ) -> Result<(String, Summary), ReadingsError> {
        let mut waiting = VecDeque::from([first, second]);
        loop {
            let told = match waiting.pop_front() {
                Some(told) => told,
                None => receiver.recv().await.ok_or(ReadingsError::GivenUp)?,
            };
            let rows = match told {
                Told::End { digest, summary } => return Ok((digest, summary)),
                Told::Rows(rows) => rows,
            };
            if session.has_new_names(&rows) {
                self.learn_meters(&mut *self.db.conn().await?, session, names(&rows)).await?;
            }
            let readings = session.readings(rows)?;
            self.meters.stage(stage, &readings).await?;
        }
    }

    /// What follows the readings in every transaction: counters, the log of changes, the answer.
    async fn end(
        &self,
        conn: &mut Conn,
        who: &Author,
        session: &mut Session<'_>,
        (digest, summary): (&str, Summary),
    ) -> Result<IngestReport, ReadingsError> {
        self.put_marks(conn, session).await?;
        let report = session.finish(summary)?;
        if session.order.dry_run {
            return Err(ReadingsError::DryRun(Box::new(report)));
        }
        if report.changed() {
            self.audit.record(conn, &who.by, event(&report, session)).await?;
        }
        if let (Some(key), Some(user_id)) = (session.order.key.as_deref(), who.by.user_id()) {
            let answer = serde_json::to_value(&report).unwrap_or_default();
            let answer = (digest, &answer);
            store::keep_answer(conn, (user_id, key), answer, session.now).await?;
        }
        Ok(report)
    }

    /// The readings of rows, once their meters are known or made; marks of counters are put aside.
    pub(super) async fn resolved(
        &self,
        conn: &mut Conn,
        session: &mut Session<'_>,
        rows: Vec<Entry>,
    ) -> Result<Vec<Reading>, ReadingsError> {
        self.learn_meters(conn, session, names(&rows)).await?;
        self.make_meters(conn, session).await?;
        session.readings(rows)
    }

    /// Looks up those of `names` that were not met before. Those nobody knows are noted where they
    /// are to be made, for [`Readings::make_meters`].
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
        let makes = session.order.create && session.writable == Writable::All;
        for name in names {
            if session.known.contains_key(name) {
                continue;
            }
            session.known.insert(name.to_owned(), makes.then_some(INTERVAL_S));
            if makes {
                session.to_make.push(name.to_owned());
            }
        }
        if session.known.len() > METERS_MAX {
            return Err(ReadingsError::TooLarge(format!(
                "the body is about more than {METERS_MAX} meters; send it in several requests"
            )));
        }
        Ok(())
    }

    /// Makes the meters known that were noted. Those that are too many for a day are left out, with
    /// their rows: rows about meters that are known must not wait for them.
    pub(super) async fn make_meters(
        &self,
        conn: &mut Conn,
        session: &mut Session<'_>,
    ) -> Result<(), ReadingsError> {
        if session.to_make.is_empty() {
            return Ok(());
        }
        self.meters.take_turns(conn, &[MAKERS]).await?;
        for name in std::mem::take(&mut session.to_make) {
            let meter = NewMeter {
                meter_id: name.clone(),
                site_id: None,
                name: name.clone(),
                role: MeterRole::House,
                time_zone: Tz::Europe__Zurich,
            };
            match self.meters.register(conn, &meter).await {
                Ok(true) => session.report.created.push(name),
                Ok(false) => {}
                Err(MeterError::TooMany { max, .. }) => {
                    session.capped = Some(max);
                    session.known.insert(name, None);
                }
                Err(error) => return Err(error.into()),
            }
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

fn names(rows: &[Entry]) -> BTreeSet<&str> {
    rows.iter().map(|row| &*row.meter_id).collect()
}

/// The report of the request that came with the same key earlier, after its turn.
async fn answered(
    conn: &mut Conn,
    who: &Author,
    session: &Session<'_>,
    digest: &str,
) -> Result<Option<IngestReport>, ReadingsError> {
    let (Some(key), Some(user_id)) = (session.order.key.as_deref(), who.by.user_id()) else {
        return Ok(None);
    };
    let Some((before, answer)) = store::answered(conn, user_id, key, session.now).await? else {
        return Ok(None);
    };
    if digest != before {
        return Err(ReadingsError::KeyReused);
    }
    let report = serde_json::from_value(answer)
        .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
    Ok(Some(report))
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
