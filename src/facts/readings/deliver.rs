//! Rows that an adapter has read from somewhere else: checked and stored like those that are sent.
//!
//! This is the one way in for adapters (brokers, file drops, logs): they turn what they receive
//! into [`ReadingRow`]s and learn from the report which rows were refused and why.

use diesel_async::AsyncConnection;

use super::body::{BATCH_ROWS, Summary};
use super::model::{Finding, IngestReport, Order, ReadingRow, ReadingsError};
use super::row::{Entry, checked, rehearsed};
use super::service::Readings;
use super::session::{Session, count, event};
use crate::access::audit::By;
use crate::facts::meters::Writable;
use crate::platform::db::Conn;

/// What an adapter hands over.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// The rows; findings name their places in here, from 0.
    pub rows: Vec<ReadingRow>,
    /// Unknown meters are made, as houses of the default site.
    pub create: bool,
    /// Good rows are stored although others are faulty.
    pub partial: bool,
    /// The rows are of a rehearsal: they are about meters named `sim-…` and are stored as simulated;
    /// without it such meters are refused, and with it all others.
    pub is_simulated: bool,
    /// Whom the log of changes names; absent for streams, whose every batch would fill the log.
    pub by: Option<By>,
}

impl Readings {
    /// Stores a delivery in a transaction of its own: when it answers, the rows are committed.
    ///
    /// # Errors
    /// [`ReadingsError::BadRows`] without `partial`; the database when it is away or refuses.
    pub async fn deliver(&self, delivery: Delivery) -> Result<IngestReport, ReadingsError> {
        let mut conn = self.db.conn().await?;
        let report = conn.transaction(async |conn| self.deliver_in(conn, delivery).await).await?;
        count(&report);
        Ok(report)
    }

    /// Stores a delivery in the caller's transaction, with whatever else must hold together with
    /// it, e.g. the place in a log up to which its rows were read.
    ///
    /// # Errors
    /// As [`Readings::deliver`]; after an error the transaction must not be committed.
    pub async fn deliver_in(
        &self,
        conn: &mut Conn,
        delivery: Delivery,
    ) -> Result<IngestReport, ReadingsError> {
        let now = self.clock.now();
        let Delivery { rows, create, partial, is_simulated, by } = delivery;
        let order = Order { create, partial, ..Order::default() };
        let mut session = Session::new(&order, Writable::All, now);
        let mut summary = Summary { read: rows.len() as u64, ..Summary::default() };
        let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
        for (index, row) in (0_u64..).zip(rows) {
            let entry =
                if is_simulated { rehearsed(index, row, now) } else { checked(index, row, now) };
            match entry {
                Ok(entry) => entries.push(entry),
                Err(fault) => summary.refuse(Finding::new(index, fault)),
            }
        }
        if !partial && summary.faulty > 0 {
            return Err(summary.refusal());
        }
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(BATCH_ROWS));
            let readings = self.resolved(conn, &mut session, entries).await?;
            self.meters.take_turns(conn, &session.names()).await?;
            let stored = self.meters.put_in(conn, &readings).await?;
            session.report.add(&stored);
            entries = rest;
        }
        session.refuse_faulty()?;
        self.put_marks(conn, &mut session).await?;
        let report = session.finish(summary)?;
        if let Some(by) = by
            && report.changed()
        {
            self.audit.record(conn, &by, event(&report, &session)).await?;
        }
        Ok(report)
    }
}
