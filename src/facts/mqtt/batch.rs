//! A batch of messages into the database: one transaction, behind which they may be acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;

use super::error::MqttError;
use super::means::{Sample, grid_before, hold, means};
use super::model::Message;
use super::service::Mqtt;
use super::store::{self, Window};
use super::taking::{Refused, Taken, Target, digest, taken};
use crate::base::timeline::TimeRange;
use crate::facts::meters::NewMeter;
use crate::facts::quality::Unreadable;
use crate::facts::readings::Delivery;
use crate::facts::readings::Finding;
use crate::facts::readings::IngestReport;
use crate::facts::readings::ReadingRow;
use crate::platform::db::Conn;

/// Meters that messages may make known while a process runs: names are the senders' choice, and
/// their number must not be.
const MADE_MAX: u64 = 1_000;
/// Meters whose last interval is remembered; the others are looked up.
const REMEMBERED_MAX: usize = 10_000;
/// Pause before the same topic is complained about again.
const COMPLAINT_PAUSE: Duration = Duration::from_mins(1);
/// Complaints about one batch.
const COMPLAINTS_MAX: usize = 20;
/// What the way over HTTP says about unknown meters, and what there is to do here.
const CREATE_HINTS: (&str, &str) = (
    "send with ?create=true to make it known",
    "set create_meters = true in [mqtt], or map a topic to it",
);

/// What a process remembers between batches; all of it can be looked up again.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// End of the last interval of powers that was told, by meter.
    closed: HashMap<String, DateTime<Utc>>,
    /// Meters that are known to be known.
    known: HashSet<String>,
    /// When topics were complained about, by the monotonic clock.
    complained: HashMap<String, Duration>,
}

impl Memory {
    /// Forgets what mappings may have changed.
    pub fn clear(&mut self) {
        self.closed.clear();
        self.known.clear();
    }
}

/// A stretch of time of one meter whose intervals are to be told.
struct Stretch {
    meter_id: String,
    interval_s: i32,
    range: TimeRange,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Rows that were new or changed something.
    pub stored: u64,
    /// What could not be taken.
    pub refused: Vec<Refused>,
}

impl Mqtt {
    /// Stores what `messages` say: in one transaction, and rehearsals in another behind it. When it
    /// answers, all of it is committed, and what could not be taken is told.
    ///
    /// # Errors
    /// The database when it is away or refuses; taking the same again then does no harm.
    pub(super) async fn take(&self, messages: &[Message]) -> Result<Outcome, MqttError> {
        let started = Instant::now();
        let mut conn = self.db.conn().await?;
        let (mut report, mut taken, closed) =
            conn.transaction(async |conn| self.take_in(conn, messages).await).await?;
        drop(conn);
        let (places, delivery) = self.delivery(std::mem::take(&mut taken.rehearsed), true);
        if !places.is_empty() {
            let part = self.readings.deliver(delivery).await?;
            taken.refuse(&places, &part);
            add(&mut report, part);
        }
        self.remember(&taken, closed, report.created.len());
        let outcome = Outcome {
            stored: report.inserted + report.replaced + report.derived,
            refused: taken.refused,
        };
        metrics::counter!("luna_mqtt_messages_total").increment(messages.len() as u64);
        metrics::counter!("luna_mqtt_rows_total").increment(report.read);
        metrics::counter!("luna_mqtt_refused_total").increment(outcome.refused.len() as u64);
        metrics::histogram!("luna_mqtt_batch_duration_seconds")
            .record(started.elapsed().as_secs_f64());
        Ok(outcome)
    }

    async fn take_in(
        &self,
        conn: &mut Conn,
        messages: &[Message],
    ) -> Result<(IngestReport, Taken, HashMap<String, DateTime<Utc>>), MqttError> {
        let now = self.clock.now();
        let first_seen = seen_before(conn, messages).await?;
        let mut taken = taken(messages, &self.shared.mappings.get(), &first_seen, now);
        self.register(conn, &taken.targets).await?;
        let mut closed = HashMap::new();
        let mut rows = std::mem::take(&mut taken.rows);
        if !taken.samples.is_empty() {
            store::put_samples(conn, &taken.samples).await?;
            let told;
            (told, closed) = self.tell(conn, &taken, now).await?;
            // Nobody sent these: what is wrong with them has no message.
            rows.extend(told.into_iter().map(|row| (usize::MAX, row)));
        }
        let mut report = IngestReport::default();
        let (places, delivery) = self.delivery(rows, false);
        if !places.is_empty() {
            let part = self.readings.deliver_in(conn, delivery).await?;
            taken.refuse(&places, &part);
            add(&mut report, part);
        }
        if !taken.untimed.is_empty() {
            store::put_seen(conn, &taken.untimed).await?;
        }
        Ok((report, taken, closed))
    }

    /// Rows as they are handed over, beside the places of their messages.
    fn delivery(
        &self,
        rows: Vec<(usize, ReadingRow)>,
        is_simulated: bool,
    ) -> (Vec<usize>, Delivery) {
        let (places, rows) = rows.into_iter().unzip();
        let create = self.settings.create_meters && self.may_make();
        (places, Delivery { rows, create, partial: true, is_simulated, by: None })
    }

    /// Whether messages may make further meters known.
    fn may_make(&self) -> bool {
        self.shared.made.load(Ordering::Relaxed) < MADE_MAX
    }

    /// Makes sure that the meters that mappings write are known.
    async fn register(
        &self,
        conn: &mut Conn,
        targets: &BTreeMap<String, Target>,
    ) -> Result<(), MqttError> {
        let unknown: Vec<(&String, &Target)> = {
            let memory = self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner);
            targets.iter().filter(|(meter_id, _)| !memory.known.contains(*meter_id)).collect()
        };
        for (meter_id, target) in unknown {
            if !self.may_make() {
                break;
            }
            let meter = NewMeter {
                meter_id: meter_id.clone(),
                site_id: None,
                name: meter_id.clone(),
                role: target.role,
                time_zone: Tz::Europe__Zurich,
            };
            if self.meters.register(conn, &meter).await? {
                self.shared.made.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// The intervals that are over or have changed since these samples came, and for each meter the
    /// end of the last of them.
    async fn tell(
        &self,
        conn: &mut Conn,
        taken: &Taken,
        now: DateTime<Utc>,
    ) -> Result<(Vec<ReadingRow>, HashMap<String, DateTime<Utc>>), MqttError> {
        let (mut stretches, unsure) = self.touched(taken);
        if !unsure.is_empty() {
            let window = |it: &Stretch| Window {
                meter_id: it.meter_id.clone(),
                from: it.range.from,
                to: it.range.to,
            };
            let windows: Vec<Window> = unsure.iter().map(window).collect();
            let before = store::last_before(conn, &windows).await?;
            stretches.extend(unsure.into_iter().map(|mut it| {
                let from =
                    before.get(&it.meter_id).map_or(it.range.from, |at| it.range.from.min(*at));
                it.range.from = grid_before(from, it.interval_s);
                it
            }));
        }
        let closed = stretches.iter().map(|it| (it.meter_id.clone(), it.range.to)).collect();
        stretches.retain(|it| it.range.from < it.range.to);
        if stretches.is_empty() {
            return Ok((Vec::new(), closed));
        }
        let window = |it: &Stretch| Window {
            meter_id: it.meter_id.clone(),
            from: it.range.from - hold(it.interval_s),
            to: it.range.to + hold(it.interval_s),
        };
        let windows: Vec<Window> = stretches.iter().map(window).collect();
        let mut by_meter: HashMap<String, Vec<Sample>> = HashMap::new();
        for sample in store::samples_within(conn, &windows).await? {
            by_meter.entry(sample.meter_id.clone()).or_default().push(sample);
        }
        let rows = stretches.iter().flat_map(|it| {
            let samples = by_meter.get(&it.meter_id).map_or(&[][..], Vec::as_slice);
            means((&it.meter_id, it.interval_s), samples, it.range, now)
        });
        Ok((rows.collect(), closed))
    }

    /// What these samples may change: stretches whose beginning is remembered, and those of meters
    /// of which nothing is remembered, from their first sample on.
    fn touched(&self, taken: &Taken) -> (Vec<Stretch>, Vec<Stretch>) {
        let mut spans: BTreeMap<&str, (DateTime<Utc>, DateTime<Utc>)> = BTreeMap::new();
        for Sample { meter_id, ts, .. } in &taken.samples {
            let span = spans.entry(meter_id).or_insert((*ts, *ts));
            *span = (span.0.min(*ts), span.1.max(*ts));
        }
        let memory = self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut sure, mut unsure) = (Vec::new(), Vec::new());
        for (meter_id, (first, last)) in spans {
            let power_s = taken.targets.get(meter_id).and_then(|it| it.power_s);
            let Some(interval_s) = power_s else { continue };
            let stretch = |from, to| Stretch {
                meter_id: meter_id.to_owned(),
                interval_s,
                range: TimeRange::new(from, to),
            };
            let closed = grid_before(last, interval_s);
            match memory.closed.get(meter_id) {
                Some(before) if first >= *before && closed <= *before => {}
                Some(before) => {
                    let from = grid_before(first.min(*before), interval_s);
                    sure.push(stretch(from, closed.max(*before)));
                }
                None => unsure.push(stretch(first, closed)),
            }
        }
        (sure, unsure)
    }

    /// Remembers what a committed batch has shown.
    fn remember(&self, taken: &Taken, closed: HashMap<String, DateTime<Utc>>, made: usize) {
        self.shared.made.fetch_add(made as u64, Ordering::Relaxed);
        let mut memory = self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.closed.len() + memory.known.len() > REMEMBERED_MAX {
            memory.clear();
        }
        memory.closed.extend(closed);
        memory.known.extend(taken.targets.keys().cloned());
    }

    /// Puts down what could not be taken, where whoever looks after the box finds it: once per topic
    /// and minute, and under a reason without numbers, so that few rows say it all.
    pub(super) async fn complain(&self, messages: &[Message], refused: &[Refused]) {
        let mut told = 0;
        for Refused { message, reason } in refused {
            let Some(message) = messages.get(*message) else { continue };
            let elapsed = self.clock.elapsed();
            {
                let mut memory = self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner);
                let last = memory.complained.get(&message.topic);
                let is_soon = last.is_some_and(|at| elapsed.saturating_sub(*at) < COMPLAINT_PAUSE);
                if is_soon || told >= COMPLAINTS_MAX {
                    continue;
                }
                if memory.complained.len() >= REMEMBERED_MAX {
                    memory.complained.clear();
                }
                memory.complained.insert(message.topic.clone(), elapsed);
            }
            told += 1;
            let reason = without_numbers(reason);
            let letter = Unreadable {
                source: "mqtt",
                subject: &message.topic,
                raw_file_id: None,
                payload: &message.payload,
                reason: &reason,
            };
            if let Err(error) = self.quality.dead_letter(&letter).await {
                tracing::debug!(%error, "A refused message was not put down: {error}");
            }
        }
    }
}

impl Taken {
    /// Takes note of the rows that were refused; `places` has their messages.
    fn refuse(&mut self, places: &[usize], report: &IngestReport) {
        self.refused.extend(report.findings.iter().map(|finding: &Finding| {
            let place = usize::try_from(finding.index).ok();
            let message = place.and_then(|place| places.get(place).copied());
            // What to do about an unknown meter is another matter on this road.
            let reason = finding.reason.replace(CREATE_HINTS.0, CREATE_HINTS.1);
            let reason = format!("{} {reason}", finding.field).trim_start().to_owned();
            Refused { message: message.unwrap_or(usize::MAX), reason }
        }));
    }
}

/// Adds what became of some rows.
fn add(report: &mut IngestReport, part: IngestReport) {
    report.read += part.read;
    report.inserted += part.inserted;
    report.replaced += part.replaced;
    report.derived += part.derived;
    report.created.extend(part.created);
}

/// A reason in which `#` stands for every number.
fn without_numbers(reason: &str) -> String {
    let mut text = String::with_capacity(reason.len());
    for letter in reason.chars().take(300) {
        if !letter.is_ascii_digit() {
            text.push(letter);
        } else if !text.ends_with('#') {
            text.push('#');
        }
    }
    text
}

/// When those of `messages` that may have come before came first.
async fn seen_before(
    conn: &mut Conn,
    messages: &[Message],
) -> Result<HashMap<(String, String), DateTime<Utc>>, MqttError> {
    let again = messages.iter().filter(|it| it.is_again && it.is_owed);
    let again: Vec<(&str, String)> = again.map(|it| (it.topic.as_str(), digest(it))).collect();
    if again.is_empty() {
        return Ok(HashMap::new());
    }
    let topics: Vec<&str> = again.iter().map(|(topic, _)| *topic).collect();
    let digests: Vec<&str> = again.iter().map(|(_, digest)| digest.as_str()).collect();
    Ok(store::first_seen(conn, &topics, &digests).await?)
}
