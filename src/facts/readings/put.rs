//! Readings that another part has read, e.g. from a file: stored like those that are sent.

use std::collections::BTreeSet;

use diesel_async::AsyncConnection;

use super::counters::Mark;
use super::model::{IngestReport, Order, ReadingsError};
use super::service::Readings;
use super::session::{Session, event};
use crate::access::audit::By;
use crate::facts::meters::MeterError;
use crate::facts::meters::Reading;
use crate::facts::meters::Writable;
use crate::platform::db::Conn;

/// What somebody else has read about one meter.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The meter.
    pub meter_id: String,
    /// It is made known when nobody knows it.
    pub create: bool,
    /// Mean power.
    pub readings: Vec<Reading>,
    /// What its counters showed.
    pub marks: Vec<Mark>,
    /// Only told what would be done.
    pub dry_run: bool,
}

impl Readings {
    /// Stores what was found in one transaction, with its author.
    pub async fn put(&self, by: &By, found: Found) -> Result<IngestReport, ReadingsError> {
        let order = Order { create: found.create, ..Order::default() };
        let mut session = Session::new(&order, Writable::All, self.clock.now());
        let mut conn = self.db.conn().await?;
        let done =
            conn.transaction(async |conn| self.put_in(conn, by, &mut session, found).await).await;
        match done {
            Err(ReadingsError::DryRun(report)) => Ok(*report),
            other => other,
        }
    }

    async fn put_in(
        &self,
        conn: &mut Conn,
        by: &By,
        session: &mut Session<'_>,
        found: Found,
    ) -> Result<IngestReport, ReadingsError> {
        let Found { meter_id, readings, marks, dry_run, .. } = found;
        self.learn_meters(conn, session, BTreeSet::from([meter_id.as_str()])).await?;
        self.make_meters(conn, session).await?;
        session.refuse_too_many()?;
        if session.known.get(&meter_id).copied().flatten().is_none() {
            return Err(MeterError::Unknown(meter_id).into());
        }
        let read = (readings.len() + marks.len()) as u64;
        self.meters.take_turns(conn, &[&meter_id]).await?;
        let stored = self.meters.put_in(conn, &readings).await?;
        session.report.add(&stored);
        session.marks = marks;
        let spans = readings.iter().map(|one| one.ts);
        let all: Vec<_> = spans.chain(session.marks.iter().map(|mark| mark.ts)).collect();
        session.span = all.iter().min().copied().zip(all.iter().max().copied());
        self.put_marks(conn, session).await?;
        let mut report = std::mem::take(&mut session.report);
        report.read = read;
        if dry_run {
            return Err(ReadingsError::DryRun(Box::new(report)));
        }
        if report.changed() {
            self.audit.record(conn, by, event(&report, session)).await?;
        }
        Ok(report)
    }
}
