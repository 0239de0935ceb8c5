//! Rows and the place up to which they were read, in one transaction.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel_async::AsyncConnection;
use tokio::sync::Semaphore;

use super::cluster::Cluster;
use super::model::{Claim, KafkaError, PartitionState, Place, Refusal, Refused, Taken};
use super::records::{Batch, FIELD_LETTERS, Form, Origin, REASON_LETTERS, WHOLE, batches, shown};
use super::settings::Settings;
use super::standing::Known;
use super::store::{self, Advance};
use crate::base::timeline::Clock;
use crate::facts::quality::{Quality, Unreadable};
use crate::facts::readings::count;
use crate::facts::readings::{Delivery, Finding, IngestReport, Readings};
use crate::platform::db::{Conn, Db};

/// Transactions of this process at the same time: the pages need connections, too.
const WRITERS: usize = 3;
/// Refusals of one transaction that are written down; all are counted.
const REFUSED_SHOWN: usize = 100;
/// What a dead letter says; one for each partition, however much is refused.
const LETTER: &str =
    "records hold what cannot be stored; GET /api/kafka/refusals lists the newest with reasons";

/// Topics read and written. Cloning is cheap.
#[derive(Clone)]
pub struct Kafka(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub db: Db,
    pub readings: Readings,
    pub quality: Quality,
    pub clock: Clock,
    pub settings: Settings,
    pub cluster: Cluster,
    /// Name of this process among those that read.
    pub holder: String,
    /// Partitions that a task of this process follows.
    pub followed: Mutex<BTreeSet<Place>>,
    writers: Semaphore,
    pub known: Known,
}

impl Kafka {
    /// The topics of these settings.
    pub fn new(
        settings: &Settings,
        db: Db,
        (readings, quality): (Readings, Quality),
        clock: Clock,
    ) -> Self {
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let host = host.unwrap_or_else(|| "host".to_owned());
        let holder = format!("{host}:{}:{:08x}", std::process::id(), rand::random::<u32>());
        Self(Arc::new(Inner {
            db,
            readings,
            quality,
            clock,
            settings: settings.clone(),
            cluster: Cluster::new(settings),
            holder: shown(&holder, 200),
            followed: Mutex::default(),
            writers: Semaphore::new(WRITERS),
            known: Known::default(),
        }))
    }

    /// Whether there is anything to read from or to write to.
    pub fn is_configured(&self) -> bool {
        !self.0.cluster.brokers().is_empty()
    }

    /// The form of what a topic holds; nothing for topics that nobody set up.
    pub(super) fn form(&self, topic: &str) -> Option<Form> {
        let settings = &self.0.settings;
        if topic == settings.readings_topic {
            return Some(Form::Readings);
        }
        if topic == settings.rehearsal_topic {
            return Some(Form::Rehearsal);
        }
        let mapping = settings.mapped.iter().find(|mapping| mapping.topic == topic);
        mapping.cloned().map(Form::Mapped)
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = &str> {
        let settings = &self.0.settings;
        let own = [settings.readings_topic.as_str(), settings.rehearsal_topic.as_str()];
        own.into_iter().chain(settings.mapped.iter().map(|mapping| mapping.topic.as_str()))
    }

    pub(super) fn lease_s(&self) -> i32 {
        self.0.settings.lease_s.into()
    }

    /// Takes a partition that nobody reads.
    pub(super) async fn claim(&self, place: &Place) -> Result<Option<Claim>, KafkaError> {
        let inner = &*self.0;
        let mut conn = inner.db.conn().await?;
        let now = inner.clock.now();
        Ok(store::claim(&mut conn, place, &inner.holder, self.lease_s(), now).await?)
    }

    /// Keeps a partition that is read to its end.
    pub(super) async fn renew(&self, claim: &Claim, end: i64) -> Result<(), KafkaError> {
        let inner = &*self.0;
        let mut conn = inner.db.conn().await?;
        let mine = (inner.holder.as_str(), self.lease_s());
        if !store::renew(&mut conn, claim, mine, end).await? {
            return Err(KafkaError::Overtaken);
        }
        tell_lag(&claim.place, end - claim.next_offset.unwrap_or(end));
        Ok(())
    }

    /// Gives a partition back, so that others need not wait.
    pub(super) async fn release(&self, place: &Place) -> Result<(), KafkaError> {
        let mut conn = self.0.db.conn().await?;
        store::release(&mut conn, place, &self.0.holder).await?;
        Ok(())
    }

    /// Writes down what keeps a partition from being read.
    pub(super) async fn note(&self, place: &Place, trouble: &str) -> Result<(), KafkaError> {
        let inner = &*self.0;
        let mut conn = inner.db.conn().await?;
        store::note(&mut conn, place, &inner.holder, trouble, inner.clock.now()).await?;
        Ok(())
    }

    /// Begins where a partition begins, or goes on there when what comes next is gone.
    ///
    /// `range` is what the broker has. Of a log that ends before the place reached, another one has
    /// taken its place under the same name: it is read from its beginning.
    pub(super) async fn jump(
        &self,
        claim: &mut Claim,
        (earliest, latest): (i64, i64),
    ) -> Result<(), KafkaError> {
        let inner = &*self.0;
        let lost = match claim.next_offset {
            Some(next) if next < earliest => earliest - next,
            Some(next) if next <= latest => return Err(KafkaError::OutOfRange),
            _ => 0,
        };
        let mut conn = inner.db.conn().await?;
        let (holder, now) = (inner.holder.as_str(), inner.clock.now());
        if !store::jump(&mut conn, claim, holder, (earliest, lost), now).await? {
            return Err(KafkaError::Overtaken);
        }
        let place = &claim.place;
        if let Some(next) = claim.next_offset {
            metrics::counter!("luna_kafka_lost_records_total", "topic" => place.topic.clone())
                .increment(lost.unsigned_abs());
            let what = if lost > 0 {
                format!("{lost} records were gone before they were read")
            } else {
                "the topic was made anew".to_owned()
            };
            tracing::warn!(
                topic = place.topic,
                partition = place.partition,
                lost,
                "{place}: the broker has nothing at {next}: {what}; reading goes on at {earliest}"
            );
        }
        claim.next_offset = Some(earliest);
        Ok(())
    }

    /// Stores a batch and moves the claim behind it. Records that the database will never take are
    /// found, kept apart and passed over; whatever else fails, fails as a whole and moves nothing.
    pub(super) async fn take(
        &self,
        claim: &mut Claim,
        form: &Form,
        batch: Batch,
        end: i64,
    ) -> Result<Taken, KafkaError> {
        let (mut taken, mut left) = (Taken::default(), vec![batch]);
        while let Some(mut batch) = left.pop() {
            let has_rows = !batch.rows.is_empty();
            match self.put(claim, form, &mut batch, end).await {
                Ok(part) => {
                    claim.next_offset = batch.next_offset().or(claim.next_offset);
                    taken.add(part);
                }
                Err(error) if has_rows && error.is_of_rows() => {
                    let mut first = batch.records;
                    if first.len() == 1 {
                        left.push(Batch::refused(first, &error.sentence()));
                        continue;
                    }
                    let second = first.split_off(first.len() / 2);
                    let halves = [second, first].into_iter();
                    left.extend(halves.flat_map(|half| batches(form, half).into_iter().rev()));
                }
                Err(error) => return Err(error),
            }
        }
        tell_lag(&claim.place, end - claim.next_offset.unwrap_or(end));
        Ok(taken)
    }

    async fn put(
        &self,
        claim: &Claim,
        form: &Form,
        batch: &mut Batch,
        end: i64,
    ) -> Result<Taken, KafkaError> {
        let (inner, place) = (&*self.0, &claim.place);
        let Some(next_offset) = batch.next_offset() else { return Ok(Taken::default()) };
        let delivery = Delivery {
            rows: std::mem::take(&mut batch.rows),
            create: inner.settings.create_meters,
            partial: true,
            is_simulated: *form == Form::Rehearsal,
            by: None,
        };
        let _turn = inner.writers.acquire().await;
        let (started, now) = (Instant::now(), inner.clock.now());
        let mut conn = inner.db.conn().await?;
        let (report, taken) = conn
            .transaction(async |conn| {
                if !store::hold(conn, claim, &inner.holder).await? {
                    return Err(KafkaError::Overtaken);
                }
                let report = if delivery.rows.is_empty() {
                    IngestReport::default()
                } else {
                    inner.readings.deliver_in(conn, delivery).await?
                };
                let refused = refused_rows(&report);
                let taken = Taken {
                    records: batch.records.len() as u64,
                    rows: report.read - refused,
                    refused: refused + batch.refused.len() as u64,
                };
                if taken.refused > 0 {
                    self.keep_refused(conn, place, batch, &report).await?;
                }
                let step = Advance {
                    holder: &inner.holder,
                    lease_s: self.lease_s(),
                    next_offset,
                    high_watermark: end,
                    taken,
                    last_record_at: batch.records.last().map(|last| last.record.timestamp),
                    now,
                };
                store::advance(conn, place, &step).await?;
                Ok((report, taken))
            })
            .await?;
        count(&report);
        tell(place, &taken, started.elapsed());
        Ok(taken)
    }

    async fn keep_refused(
        &self,
        conn: &mut Conn,
        place: &Place,
        batch: &Batch,
        report: &IngestReport,
    ) -> Result<(), KafkaError> {
        let refused = all_refused(batch, report);
        let Some(last) = refused.last() else { return Ok(()) };
        store::refuse(conn, place, &refused, self.0.clock.now()).await?;
        let row = if last.row == WHOLE { String::new() } else { format!(", row {}", last.row) };
        let payload = format!(
            "offset {}{row}: {} {}: {}",
            last.offset, last.field, last.reason, last.excerpt
        );
        let letter = Unreadable {
            source: "kafka",
            subject: &place.to_string(),
            raw_file_id: None,
            payload: payload.as_bytes(),
            reason: LETTER,
        };
        self.0.quality.dead_letter_in(conn, &letter).await?;
        Ok(())
    }

    /// How far every partition is read.
    pub async fn partitions(&self) -> Result<Vec<PartitionState>, KafkaError> {
        let mut conn = self.0.db.conn().await?;
        Ok(store::partitions(&mut conn).await?)
    }

    /// Up to `limit` records and rows that could not be stored, the newest first.
    pub async fn refusals(
        &self,
        topic: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Refusal>, KafkaError> {
        let mut conn = self.0.db.conn().await?;
        Ok(store::refusals(&mut conn, topic, limit).await?)
    }
}

/// Rows that were not taken: what was known better before counts as taken.
const fn refused_rows(report: &IngestReport) -> u64 {
    report.refused.saturating_sub(report.refused_older)
}

/// What could not be stored of a batch, in the order of its records, as far as it is written down.
fn all_refused(batch: &Batch, report: &IngestReport) -> Vec<Refused> {
    let mut all = batch.refused.clone();
    all.extend(report.findings.iter().filter_map(|finding| found(batch, finding)));
    if report.overlapping > 0
        && let Some((first, last)) = batch.records.first().zip(batch.records.last())
    {
        all.push(Refused {
            offset: last.offset,
            row: WHOLE,
            field: "interval_s".to_owned(),
            reason: format!(
                "{} rows of the records {} to {} lie over readings of another length",
                report.overlapping, first.offset, last.offset
            ),
            excerpt: String::new(),
        });
    }
    all.sort_by_key(|one| (one.offset, one.row));
    all.truncate(REFUSED_SHOWN);
    all
}

fn found(batch: &Batch, Finding { index, field, reason }: &Finding) -> Option<Refused> {
    let Origin { offset, row } = *batch.origins.get(usize::try_from(*index).ok()?)?;
    let (field, reason) = (shown(field, FIELD_LETTERS), shown(reason, REASON_LETTERS));
    Some(Refused { offset, row, field, reason, excerpt: batch.excerpt_of(offset) })
}

fn tell(place: &Place, taken: &Taken, took: Duration) {
    let topic = || place.topic.clone();
    metrics::counter!("luna_kafka_records_total", "topic" => topic()).increment(taken.records);
    for (outcome, rows) in [("taken", taken.rows), ("refused", taken.refused)] {
        metrics::counter!("luna_kafka_rows_total", "topic" => topic(), "outcome" => outcome)
            .increment(rows);
    }
    metrics::histogram!("luna_kafka_batch_duration_seconds").record(took);
}

fn tell_lag(place: &Place, lag: i64) {
    let partition = place.partition.to_string();
    metrics::gauge!("luna_kafka_lag_records", "topic" => place.topic.clone(), "partition" => partition)
        .set(lag.max(0) as f64);
}
