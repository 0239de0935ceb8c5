//! What is stored is judged day by day, however it came: readings, retail tariffs, prices from files
//! and simulated ones.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::assess::assess_stored;
use super::checks::Pool;
use super::model::{Batch, Due, HISTORY_DAYS, Kind, Verdict};
use super::service::{Quality, QualityError, price_of};
use super::store::{self, DueDay};
use crate::base::timeline::{TimeRange, add_days, day_range, days_range, local_date};
use crate::facts::changes::{Change, ChangeKind};
use crate::facts::meters::{Meter, MeterRole, Meters, Resolution};
use crate::facts::tariffs::{TariffId, Tariffs};

/// Who delivers readings, whichever way they come.
const METERS: &str = "meters";
/// Days of one subject that are judged in one go.
const DAYS_AT_ONCE: i64 = 31;
/// Greatest power of a meter, in kW; more cannot be stored.
const POWER_MAX_KW: f64 = 1_000_000.0;
/// Length of a quarter hour, in seconds.
const QUARTER_S: i32 = 900;
/// Length of an hour, in seconds.
const HOUR_S: i32 = 3_600;

/// What a round of judging came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Days that were judged.
    pub days: usize,
    /// Of the reports about them, those that are not good.
    pub odd: usize,
    /// Days that could not be judged and go on waiting.
    pub failed: usize,
}

/// One subject of a source with its values.
struct Subject {
    source: String,
    name: String,
    kind: Kind,
    zone: Tz,
    interval_s: i32,
    due: Due,
    is_simulated: bool,
    limit: f64,
    values: Pool,
}

/// The judge of what is stored. Cloning is cheap.
#[derive(Clone)]
pub struct StoredJudge {
    quality: Quality,
    meters: Meters,
    tariffs: Tariffs,
}

impl StoredJudge {
    /// The judge who reads from these services.
    pub const fn new(quality: Quality, meters: Meters, tariffs: Tariffs) -> Self {
        Self { quality, meters, tariffs }
    }

    /// Notes that the local days of a change must be judged anew; tells whether one of them is
    /// over, or known ahead: then it is worth not to wait for the next round.
    pub(super) async fn note(&self, change: &Change) -> Result<bool, QualityError> {
        let Some(zone) = self.zone_of(change).await? else { return Ok(false) };
        let now = self.quality.clock.now();
        let last = change.range.to - chrono::Duration::microseconds(1);
        let days = (local_date(change.range.from, zone), local_date(last, zone));
        let mut conn = self.quality.db.conn().await?;
        store::add_due(&mut conn, (change.kind, &change.name), days, now).await?;
        Ok(change.kind != ChangeKind::Meter || days.0 < local_date(now, zone))
    }

    /// Zone of the days of what changed; nothing for what is not judged here.
    async fn zone_of(&self, change: &Change) -> Result<Option<Tz>, QualityError> {
        Ok(match change.kind {
            ChangeKind::Observation => None,
            ChangeKind::Price => price_of(&change.name).map(|(market, _)| market.time_zone()),
            ChangeKind::Tariff => Some(Tz::Europe__Zurich),
            ChangeKind::Meter => {
                let meter = match change.meter_id() {
                    Some(meter_id) => self.meters.known(meter_id).await?,
                    None => None,
                };
                meter.as_ref().map(zone_of)
            }
        })
    }

    /// Judges every day that waits. One subject that cannot be judged must not cost the others.
    pub async fn judge_due(&self) -> Result<Judged, QualityError> {
        let until = self.quality.clock.now();
        let (mut judged, mut after) = (Judged::default(), None::<DueDay>);
        loop {
            let mut conn = self.quality.db.conn().await?;
            let due = store::due(&mut conn, after.as_ref(), until, DAYS_AT_ONCE).await?;
            drop(conn);
            let (Some(first), Some(last)) = (due.first(), due.last()) else { return Ok(judged) };
            after = Some(last.clone());
            let days: Vec<NaiveDate> = due.iter().rev().map(|day| day.day).collect();
            match self.judge(first, &days).await {
                Ok(odd) => {
                    judged.days += due.len();
                    judged.odd += odd;
                    let mut conn = self.quality.db.conn().await?;
                    for day in &due {
                        store::done(&mut conn, day).await?;
                    }
                }
                Err(QualityError::Db(error)) => return Err(error.into()),
                Err(error) => {
                    let subject = &first.subject;
                    tracing::warn!(subject, %error, "{subject} cannot be judged: {error}");
                    judged.failed += due.len();
                }
            }
        }
    }

    /// Judges days of one subject, oldest first; answers how many reports are not good.
    async fn judge(&self, first: &DueDay, days: &[NaiveDate]) -> Result<usize, QualityError> {
        let subjects = match ChangeKind::parse(&first.kind) {
            Some(ChangeKind::Meter) => self.meter(&first.subject, days).await?,
            Some(ChangeKind::Price) => self.prices(&first.subject, days).await?,
            Some(ChangeKind::Tariff) => self.tariff(&first.subject, days).await?,
            Some(ChangeKind::Observation) | None => Vec::new(),
        };
        let (now, mut odd) = (self.quality.clock.now(), 0);
        for subject in &subjects {
            for day in days {
                let range = day_range(*day, subject.zone);
                let batch = subject.batch(range, now);
                if batch.values.is_empty() && !subject.has_begun(range.from) {
                    continue;
                }
                let from = day_range(add_days(*day, -HISTORY_DAYS - 1), subject.zone).from;
                let before = subject.values.range(from..range.from);
                let before: Pool = before.map(|(ts, value)| (*ts, *value)).collect();
                let report = assess_stored(&batch, &before, now);
                odd += usize::from(report.verdict() != Verdict::Good);
                self.quality.keep(&batch, report, (None, true)).await?;
            }
        }
        Ok(odd)
    }

    /// What a meter took and gave on some days and in the weeks before.
    async fn meter(&self, name: &str, days: &[NaiveDate]) -> Result<Vec<Subject>, QualityError> {
        let meter_id = name.strip_prefix("load:").unwrap_or(name);
        let Some(meter) = self.meters.known(meter_id).await? else { return Ok(Vec::new()) };
        let zone = zone_of(&meter);
        let Some(span) = span(days, zone) else { return Ok(Vec::new()) };
        let Some(interval_s) = self.meters.usual_interval_s(meter_id, span.1).await? else {
            return Ok(Vec::new());
        };
        let (mut taken, mut given) = (Pool::new(), Pool::new());
        let mut add = |ts, consumption_kw: Option<f64>, production_kw: Option<f64>| {
            taken.extend(consumption_kw.map(|kw| (ts, kw)));
            given.extend(production_kw.map(|kw| (ts, kw)));
        };
        // What is read more often is judged by the quarter hour, if at least half of it is there.
        let (resolution, slot_s) = match interval_s {
            HOUR_S => (Resolution::Hour, HOUR_S),
            ..=QUARTER_S => (Resolution::Quarter, QUARTER_S),
            _ => (Resolution::Raw, interval_s),
        };
        if resolution == Resolution::Raw {
            for row in self.meters.readings(meter_id, span.0).await? {
                add(row.ts, row.consumption_kw, row.production_kw);
            }
        } else {
            for row in self.meters.rollups(meter_id, zone, span.0, resolution).await? {
                if 2 * row.covered_s >= i64::from(slot_s) {
                    add(row.ts, row.consumption_kw, row.production_kw);
                }
            }
        }
        let subject = |kind: &str, values: Pool| Subject {
            source: METERS.to_owned(),
            name: format!("{kind}:{meter_id}"),
            kind: if meter.role == MeterRole::Pv { Kind::Solar } else { Kind::Meter },
            zone,
            interval_s: slot_s,
            // Most utilities deliver a day by the noon of the next one.
            due: Due::at(1, 12, 0),
            is_simulated: meter.is_simulated,
            limit: POWER_MAX_KW,
            values,
        };
        let all = [("load", taken), ("pv", given)];
        let told = all.into_iter().filter(|(_, values)| values.values().any(|kw| *kw > 0.0));
        Ok(told.map(|(kind, values)| subject(kind, values)).collect())
    }

    /// Prices of a product by who told them, without sources that are judged as they answer.
    async fn prices(&self, name: &str, days: &[NaiveDate]) -> Result<Vec<Subject>, QualityError> {
        let Some((market, product)) = price_of(name) else { return Ok(Vec::new()) };
        let zone = market.time_zone();
        let Some((span, _)) = span(days, zone) else { return Ok(Vec::new()) };
        let mut by_source: BTreeMap<String, Pool> = BTreeMap::new();
        for point in self.quality.prices.prices(&market, product, span).await? {
            // Files have names of their own, and many of them are of one import.
            let source = point.source.split(':').next().unwrap_or_default().to_owned();
            if let Some(price) = point.price_eur_mwh {
                by_source.entry(source).or_default().insert(point.ts, price);
            }
        }
        let mut all = Vec::new();
        for (source, values) in by_source.into_iter().filter(|(source, _)| !source.is_empty()) {
            let mut conn = self.quality.db.conn().await?;
            if store::is_fetched(&mut conn, &source, name).await? {
                continue;
            }
            all.push(Subject {
                source,
                name: name.to_owned(),
                kind: Kind::Price,
                zone,
                interval_s: product.interval_s(),
                due: Due::at(-1, 15, 0),
                is_simulated: market.is_simulated(),
                limit: 100_000.0,
                values,
            });
        }
        Ok(all)
    }

    /// What a kilowatt hour of a tariff costs; of one for feeding in, what it pays.
    async fn tariff(&self, name: &str, days: &[NaiveDate]) -> Result<Vec<Subject>, QualityError> {
        let id = name.strip_prefix("tariff:").and_then(|id| TariffId::parse(id).ok());
        let zone = Tz::Europe__Zurich;
        let (Some(id), Some((span, _))) = (id, span(days, zone)) else { return Ok(Vec::new()) };
        let slots = self.tariffs.prices(&id, span).await?;
        let value = slots.iter().filter_map(|slot| {
            Some((slot.ts, slot.total_excl_vat_chf_kwh.or(slot.feed_in_chf_kwh)?))
        });
        Ok(vec![Subject {
            source: id.preset().to_owned(),
            name: name.to_owned(),
            kind: Kind::Tariff,
            zone,
            interval_s: QUARTER_S,
            due: Due::at(-1, 18, 30),
            is_simulated: false,
            limit: 10.0,
            values: value.collect(),
        }])
    }
}

impl Subject {
    /// Whether anything is known from before an instant.
    fn has_begun(&self, at: DateTime<Utc>) -> bool {
        self.values.keys().next().is_some_and(|first| *first < at)
    }

    fn batch(&self, range: TimeRange, now: DateTime<Utc>) -> Batch {
        let values = self.values.range(range.from..range.to);
        Batch {
            source: self.source.clone(),
            subject: self.name.clone(),
            kind: self.kind,
            zone: self.zone,
            interval_s: self.interval_s,
            asked: range,
            values: values.map(|(ts, value)| (*ts, Some(*value))).collect(),
            came_at: now,
            due: Some(self.due),
            tolerance: 1e-9,
            limit: self.limit,
            is_rolling: false,
            rests_at_weekends: false,
            is_simulated: self.is_simulated,
        }
    }
}

fn zone_of(meter: &Meter) -> Tz {
    meter.time_zone.parse().unwrap_or(Tz::UTC)
}

/// The days with the weeks before the first of them, and the days alone.
fn span(days: &[NaiveDate], zone: Tz) -> Option<(TimeRange, TimeRange)> {
    let (first, last) = (*days.first()?, *days.last()?);
    let own = days_range(first, last, zone);
    Some((days_range(add_days(first, -HISTORY_DAYS - 1), last, zone), own))
}

impl Quality {
    /// Removes reports from before an instant on which no day rests and no value waits, or only
    /// counts them.
    pub async fn forget_reports(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<usize, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget_reports(&mut conn, before, dry_run).await?)
    }

    /// Removes values and payloads that were decided about before an instant, or only counts them.
    pub async fn forget_settled(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<usize, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget_settled(&mut conn, before, dry_run).await?)
    }
}
