//! A document into the readings, in the caller's transaction.
//!
//! A grid operator sends what a connection takes and what it gives in documents of their own, and
//! restates each of them when it likes. So what documents say is kept by direction, where the last
//! created document counts, and the reading of an interval is put together from both directions:
//! whatever the order in which documents arrive, the readings are the same in the end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::formats::{Direction, Document, Point, Refusal, Series, Shown, Slot};
use super::model::{Counts, MeteringPoint};
use super::service::Drops;
use super::store::{self, Value};
use crate::access::audit::By;
use crate::base::timeline::TimeRange;
use crate::facts::market::Quality;
use crate::facts::meters::{MeterError, MeterRole, NewMeter};
use crate::facts::readings::{Delivery, Finding, IngestReport, ReadingRow, ReadingsError, Stamp};
use crate::platform::db::{Conn, DbError};

/// Why a document is not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotStored {
    /// It is the document's fault; the next one may be better.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database is away or refuses.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for NotStored {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<MeterError> for NotStored {
    fn from(error: MeterError) -> Self {
        match error {
            MeterError::Db(error) => Self::Db(error),
            error => Self::Refused(Refusal(error.to_string())),
        }
    }
}

impl Drops {
    /// Stores a document; the caller commits.
    pub(super) async fn store(
        &self,
        conn: &mut Conn,
        document: &Document,
        by: Option<&By>,
    ) -> Result<Counts, NotStored> {
        let mut counts = Counts {
            rows_read: document.passed_over,
            left_out: document.passed_over,
            ..Counts::default()
        };
        let mut by_meter: BTreeMap<String, Vec<&Series>> = BTreeMap::new();
        for series in
            document.series.iter().filter(|it| !it.slots.is_empty() || !it.shown.is_empty())
        {
            let meter_id = self.meter_of(conn, &series.point).await?;
            by_meter.entry(meter_id).or_default().push(series);
        }
        let names: Vec<&str> = by_meter.keys().map(String::as_str).collect();
        // In the order of their names, so that two writers never wait in a circle.
        self.meters.take_turns(conn, &names).await?;
        let mut rows = Vec::new();
        for (meter_id, all) in &by_meter {
            for series in all {
                counts.rows_read += (series.slots.len() + series.shown.len()) as u64;
                rows.extend(marks(meter_id, series));
            }
            let slots: Vec<&Slot> = all.iter().flat_map(|series| &series.slots).collect();
            rows.extend(self.composed(conn, meter_id, &slots).await?);
        }
        let told = rows.clone();
        let delivery = Delivery { rows, by: by.cloned(), ..Delivery::default() };
        let report = match self.readings.deliver_in(conn, delivery).await {
            Ok(report) => report,
            Err(ReadingsError::BadRows { first, .. }) => return Err(bad_row(&told, &first).into()),
            Err(ReadingsError::Db(error)) => return Err(error.into()),
            Err(ReadingsError::Meters(error)) => return Err(error.into()),
            Err(error) => return Err(Refusal(error.to_string()).into()),
        };
        add_report(&mut counts, &report);
        Ok(counts)
    }

    /// The meter that a point is; a new one where the settings say so.
    async fn meter_of(&self, conn: &mut Conn, point: &Point) -> Result<String, NotStored> {
        let name = point.name();
        let official = matches!(point, Point::Official(_));
        if official && let Some((_, meter_id)) = store::meters_of(conn, &[name]).await?.pop() {
            return Ok(meter_id);
        }
        if !self.meters.targets(conn, &[name]).await?.is_empty() {
            return Ok(name.to_owned());
        }
        if !self.settings.create_meters {
            let what = if official {
                format!(
                    "the metering point {name} is not known: say which meter it is (PUT \
                     /api/drops/points/{name}, or the page of dropped files)"
                )
            } else {
                format!("there is no meter '{name}': make it known first")
            };
            let sentence = format!("{what}, or set drops.create_meters to make new meters");
            return Err(Refusal(sentence).into());
        }
        let meter = NewMeter {
            meter_id: name.to_owned(),
            site_id: None,
            name: name.to_owned(),
            // Grid operators measure the connection.
            role: MeterRole::Grid,
            time_zone: Tz::Europe__Zurich,
        };
        self.meters.register(conn, &meter).await?;
        if official {
            let (point, meter_id) = (name.to_owned(), name.to_owned());
            let point = MeteringPoint { point, meter_id, created_at: self.clock.now() };
            store::assign(conn, &point).await?;
        }
        Ok(name.to_owned())
    }

    /// Writes down what slots say and puts the readings of their intervals together.
    async fn composed(
        &self,
        conn: &mut Conn,
        meter_id: &str,
        slots: &[&Slot],
    ) -> Result<Vec<ReadingRow>, NotStored> {
        let touched: BTreeSet<DateTime<Utc>> = slots.iter().map(|slot| slot.ts).collect();
        let (Some(first), Some(last)) = (touched.first(), touched.last()) else {
            return Ok(Vec::new());
        };
        // Two points of one meter may speak of the same direction: what they say is added up nowhere,
        // so the last created one counts here too.
        let mut latest: BTreeMap<(Direction, DateTime<Utc>), &Slot> = BTreeMap::new();
        for slot in slots {
            let place = latest.entry((slot.direction, slot.ts)).or_insert(slot);
            if slot.known_at >= place.known_at {
                *place = slot;
            }
        }
        let values: Vec<Value> = latest.into_values().map(value).collect();
        store::put_values(conn, meter_id, &values).await?;
        let range = TimeRange::new(*first, *last + Duration::seconds(1));
        let stored = store::values(conn, meter_id, range).await?;
        let mut rows = Vec::with_capacity(touched.len());
        for sides in stored.chunk_by(|one, other| one.ts == other.ts) {
            if touched.contains(&sides[0].ts) {
                rows.push(put_together(meter_id, sides)?);
            }
        }
        Ok(rows)
    }
}

fn add_report(counts: &mut Counts, report: &IngestReport) {
    counts.inserted += report.inserted + report.derived;
    counts.replaced += report.replaced;
    counts.unchanged += report.unchanged + report.duplicates;
    counts.left_out += report.refused;
}

fn value(slot: &Slot) -> Value {
    Value {
        direction: slot.direction.name().to_owned(),
        ts: slot.ts,
        interval_s: slot.interval_s,
        power_kw: slot.power_kw,
        quality: slot.quality.name().to_owned(),
        condition: slot.condition.clone(),
        known_at: slot.known_at,
    }
}

/// The reading that both directions of one interval make.
fn put_together(meter_id: &str, sides: &[Value]) -> Result<ReadingRow, NotStored> {
    let newest = sides.iter().max_by_key(|side| side.known_at).unwrap_or(&sides[0]);
    let mut row = ReadingRow::new(meter_id, newest.ts);
    row.interval_s = Some(newest.interval_s);
    row.known_at = Some(Stamp(newest.known_at));
    let mut quality = Quality::Missing;
    // A side of another length is about another time.
    for side in sides.iter().filter(|side| side.interval_s == newest.interval_s) {
        match side.direction()? {
            Direction::Consumption => row.consumption_kw = side.power_kw,
            Direction::Production => row.production_kw = side.power_kw,
        }
        quality = match (quality, side.quality()?) {
            (Quality::Missing, other) => other,
            (known, Quality::Missing | Quality::Ok) => known,
            (_, other) => other,
        };
    }
    row.quality = Some(quality);
    Ok(row)
}

fn marks(meter_id: &str, series: &Series) -> Vec<ReadingRow> {
    let row = |shown: &Shown| ReadingRow {
        interval_s: Some(shown.interval_s),
        consumption_kwh_total: shown.taken,
        production_kwh_total: shown.given,
        ..ReadingRow::new(meter_id, shown.ts)
    };
    series.shown.iter().map(row).collect()
}

/// What is wrong with the first faulty row, with its meter and its instant.
fn bad_row(rows: &[ReadingRow], findings: &[Finding]) -> Refusal {
    let Some(finding) = findings.first() else {
        return Refusal("a reading breaks a rule".to_owned());
    };
    let row = usize::try_from(finding.index).ok().and_then(|index| rows.get(index));
    let place = row.map_or_else(String::new, |row| {
        let ts = row.ts.0.format("%Y-%m-%dT%H:%M:%SZ");
        format!("the reading of {} at {ts}: ", row.meter_id)
    });
    let field =
        if finding.field.is_empty() { String::new() } else { format!("{} ", finding.field) };
    Refusal(format!("{place}{field}{}", finding.reason))
}
