//! Mean power per quarter hour, with every version of it and when each became known.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use super::model::Meter;
use super::service::{MeterError, Meters};
use super::store::{self, VersionRow};
use crate::base::timeline::TimeRange;

/// Seconds of a quarter hour.
const QUARTER_S: i64 = 900;
/// Seconds of a quarter hour that must be read for it to count.
const COVERED_S_MIN: f64 = 450.0;
/// Meters that are looked at.
const METERS_MAX: i64 = 10_000;

/// Means of one quarter hour as they were known from an instant on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuarterVersion {
    /// Start of the quarter hour.
    pub ts: DateTime<Utc>,
    /// From when on it was known so.
    pub known_at: DateTime<Utc>,
    /// Mean power taken, in kW; absent where less than half of it was read.
    pub consumption_kw: Option<f64>,
    /// Mean power given, in kW.
    pub production_kw: Option<f64>,
}

impl Meters {
    /// Every version of the quarter hours of a meter in `range`, by quarter hour and then by when it
    /// became known; those without a reading are absent.
    pub async fn quarters(
        &self,
        meter_id: &str,
        range: TimeRange,
    ) -> Result<Vec<QuarterVersion>, MeterError> {
        let mut conn = self.db.conn().await?;
        let latest = store::quarters(&mut conn, meter_id, range).await?;
        let revised = versions(&store::revised(&mut conn, meter_id, range).await?);
        let mut all: BTreeMap<DateTime<Utc>, Vec<QuarterVersion>> = BTreeMap::new();
        for row in latest {
            let version = QuarterVersion {
                ts: row.ts,
                known_at: row.known_at,
                consumption_kw: row.consumption_kw,
                production_kw: row.production_kw,
            };
            all.insert(row.ts, vec![version]);
        }
        all.extend(revised);
        Ok(all.into_values().flatten().collect())
    }

    /// Meters with a reading since an instant, by name.
    pub async fn active(&self, since: DateTime<Utc>) -> Result<Vec<Meter>, MeterError> {
        let mut conn = self.db.conn().await?;
        let all = store::list(&mut conn, None, None, ("", METERS_MAX)).await?;
        let names: Vec<&str> = all.iter().map(|meter| meter.meter_id.as_str()).collect();
        let newest = store::newest(&mut conn, &names).await?;
        let read: BTreeSet<String> =
            newest.into_iter().filter(|row| row.ts >= since).map(|row| row.meter_id).collect();
        Ok(all.into_iter().filter(|meter| read.contains(&meter.meter_id)).collect())
    }
}

/// Versions of the quarter hours that readings touch, from versions of the readings in the order in
/// which they became known.
fn versions(rows: &[VersionRow]) -> BTreeMap<DateTime<Utc>, Vec<QuarterVersion>> {
    // What is known of each reading so far, by its start.
    let mut known: BTreeMap<DateTime<Utc>, &VersionRow> = BTreeMap::new();
    let mut all: BTreeMap<DateTime<Utc>, Vec<QuarterVersion>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        known.insert(row.ts, row);
        // Readings that became known together make one version.
        if rows.get(place + 1).is_some_and(|next| next.known_at == row.known_at) {
            continue;
        }
        let together = rows[..=place].iter().rev().take_while(|it| it.known_at == row.known_at);
        let touched: BTreeSet<i64> = together.flat_map(quarters_of).collect();
        for quarter in touched {
            let Some(ts) = DateTime::from_timestamp(quarter * QUARTER_S, 0) else { continue };
            let range = TimeRange::new(ts, ts + Duration::seconds(QUARTER_S));
            let near = known.range(ts - Duration::hours(1)..range.to).map(|(_, row)| *row);
            let near: Vec<&VersionRow> = near.collect();
            all.entry(ts).or_default().push(QuarterVersion {
                ts,
                known_at: row.known_at,
                consumption_kw: mean(&near, range, |row| row.consumption_kw),
                production_kw: mean(&near, range, |row| row.production_kw),
            });
        }
    }
    all
}

/// Numbers of the quarter hours that a reading touches.
fn quarters_of(row: &VersionRow) -> impl Iterator<Item = i64> + use<> {
    let start_s = row.ts.timestamp();
    let last_s = start_s + i64::from(row.interval_s.max(1)) - 1;
    start_s.div_euclid(QUARTER_S)..=last_s.div_euclid(QUARTER_S)
}

/// Mean over the part of `range` that is read.
fn mean(
    rows: &[&VersionRow],
    range: TimeRange,
    of: impl Fn(&VersionRow) -> Option<f64>,
) -> Option<f64> {
    let (mut energy, mut covered_s) = (0.0, 0.0);
    for row in rows {
        let end = row.ts + Duration::seconds(row.interval_s.into());
        let part_s = (end.min(range.to) - row.ts.max(range.from)).num_seconds();
        if let Some(power) = of(row)
            && part_s > 0
        {
            energy += power * part_s as f64;
            covered_s += part_s as f64;
        }
    }
    (covered_s >= COVERED_S_MIN).then(|| energy / covered_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::utc;

    fn row(ts: &str, interval_s: i32, power: Option<f64>, known_at: &str) -> VersionRow {
        VersionRow {
            ts: utc(ts),
            interval_s,
            consumption_kw: power,
            production_kw: None,
            known_at: utc(known_at),
        }
    }

    #[test]
    fn an_hour_that_was_restated_has_two_versions_in_each_quarter() {
        let rows = [
            row("2026-03-01T10:00:00Z", 3_600, Some(2.0), "2026-03-01T11:00:00Z"),
            row("2026-03-01T10:00:00Z", 3_600, Some(5.0), "2026-03-09T08:00:00Z"),
        ];
        let all = versions(&rows);
        assert_eq!(all.len(), 4);
        for quarter in all.values() {
            let told: Vec<_> = quarter.iter().map(|it| (it.known_at, it.consumption_kw)).collect();
            assert_eq!(
                told,
                [
                    (utc("2026-03-01T11:00:00Z"), Some(2.0)),
                    (utc("2026-03-09T08:00:00Z"), Some(5.0))
                ]
            );
        }
    }

    #[test]
    fn a_quarter_of_three_readings_is_the_mean_of_what_was_known_of_them() {
        let rows = [
            row("2026-03-01T10:00:00Z", 300, Some(1.0), "2026-03-01T10:05:00Z"),
            row("2026-03-01T10:05:00Z", 300, Some(4.0), "2026-03-01T10:10:00Z"),
            row("2026-03-01T10:10:00Z", 300, Some(7.0), "2026-03-01T10:15:00Z"),
            row("2026-03-01T10:05:00Z", 300, None, "2026-03-02T10:00:00Z"),
        ];
        let all = versions(&rows);
        let means: Vec<_> = all.values().flatten().map(|it| it.consumption_kw).collect();
        // Five minutes are too few; ten make 2.5, all 4; without the middle one 4 again.
        assert_eq!(means, [None, Some(2.5), Some(4.0), Some(4.0)]);
    }
}
