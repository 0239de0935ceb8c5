//! Sums that are kept equal those that are added up, whatever has been written in which order.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use diesel_async::SimpleAsyncConnection;

use super::{at, meters_of};
use crate::access::audit::Audit;
use crate::base::timeline::{Clock, TimeRange, days_range};
use crate::facts::changes::{Changes, Consumer};
use crate::facts::market::Quality;
use crate::facts::meters::model::{Resolution, Rollup};
use crate::facts::meters::{MeterRole, Meters, NewMeter, Reading, RollupKeeper, store};
use crate::testing::TestDb;

/// Numbers that look random, the same ones each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.next()).unwrap() % n
    }
}

fn reading(ts: DateTime<Utc>, interval_s: i32, value: Option<f64>, known: i64) -> Reading {
    Reading {
        meter_id: "house-1".to_owned(),
        ts,
        interval_s,
        consumption_kw: value,
        production_kw: value.map(|kw| kw / 3.0),
        voltage: None,
        quality: if value.is_some() { Quality::Ok } else { Quality::Missing },
        known_at: ts + Duration::hours(2) + Duration::minutes(known),
    }
}

async fn in_zone(test: &TestDb, zone: Tz) -> Meters {
    let meters = meters_of(test);
    let new = NewMeter {
        meter_id: "house-1".to_owned(),
        site_id: None,
        name: "Main".to_owned(),
        role: MeterRole::House,
        time_zone: zone,
    };
    let mut conn = test.db().conn().await.unwrap();
    meters.register(&mut conn, &new).await.unwrap();
    meters
}

fn same(kept: &[Rollup], added_up: &[Rollup]) {
    assert_eq!(kept.len(), added_up.len());
    for (kept, added) in kept.iter().zip(added_up) {
        let exact = |row: &Rollup| (row.ts, row.interval_s, row.covered_s, row.missing_s);
        assert_eq!(exact(kept), exact(added));
        for (a, b) in [
            (kept.consumption_kwh, added.consumption_kwh),
            (kept.production_kwh, added.production_kwh),
            (kept.consumption_kw, added.consumption_kw),
            (kept.production_kw, added.production_kw),
        ] {
            let near = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
                (a, b) => a == b,
            };
            assert!(near, "{kept:?} {added:?}");
        }
    }
}

/// Both ways of reading a range.
async fn compare(test: &TestDb, meters: &Meters, zone: Tz, range: TimeRange) {
    for resolution in [Resolution::Hour, Resolution::Day] {
        let kept = meters.rollups("house-1", zone, range, resolution).await.unwrap();
        let mut conn = test.db().conn().await.unwrap();
        let of = ("house-1", zone.name());
        let added_up = store::rollups(&mut conn, of, &[range], resolution).await.unwrap();
        same(&kept, &added_up);
    }
}

/// A write of some kind somewhere in the days around a change of the clock.
fn batch(dice: &mut Dice, begin: DateTime<Utc>, days: i64) -> Vec<Reading> {
    let interval_s = [60, 300, 900, 1_800, 3_600][usize::try_from(dice.below(5)).unwrap()];
    let steps = days * 86_400 / i64::from(interval_s);
    let (first, count) = (dice.below(steps), 1 + dice.below(60));
    let known = dice.below(10_000);
    (0..count)
        .map(|step| {
            let ts = begin + Duration::seconds((first + step) * i64::from(interval_s));
            let value = (dice.below(9) > 0).then(|| dice.below(5_000) as f64 / 1_000.0);
            reading(ts, interval_s, value, known)
        })
        .collect()
}

#[actix_web::test]
async fn kept_sums_equal_those_that_are_added_up() {
    // The clock goes forward on the first, back on the last; days of the others have half hours.
    let worlds = [
        (Tz::Europe__Zurich, "2026-03-26T23:00:00Z", 1),
        (Tz::Europe__Zurich, "2026-10-22T22:00:00Z", 2),
        (Tz::Asia__Kolkata, "2026-03-26T18:30:00Z", 3),
    ];
    for (zone, begin, seed) in worlds {
        for test in TestDb::on_each_server().await {
            let meters = in_zone(&test, zone).await;
            let clock = Clock::fixed(at("2026-11-01T00:00:00Z"));
            let audit = Audit::new(test.db().clone(), clock.clone());
            let changes = Changes::new(test.db().clone(), audit, clock);
            let keeper: [Arc<dyn Consumer>; 1] = [Arc::new(RollupKeeper(meters.clone()))];
            let (begin, days, mut dice) = (at(begin), 7, Dice(seed));
            for _ in 0..40 {
                meters.put(&batch(&mut dice, begin, days)).await.unwrap();
                if dice.below(4) == 0 {
                    let from = begin + Duration::minutes(dice.below(days * 1_440));
                    let gone = TimeRange::new(from, from + Duration::minutes(1 + dice.below(300)));
                    let mut conn = test.db().conn().await.unwrap();
                    meters.retire(&mut conn, "house-1", (gone, 900)).await.unwrap();
                }
                if dice.below(3) == 0 {
                    changes.drain(&keeper).await;
                }
                let from = begin + Duration::minutes(dice.below(2_000) - 500);
                let to = from + Duration::minutes(2_900 + dice.below(days * 1_440));
                compare(&test, &meters, zone, TimeRange::new(from, to)).await;
            }
            changes.drain(&keeper).await;
            let whole = TimeRange::new(begin, begin + Duration::days(days));
            compare(&test, &meters, zone, whole).await;
            // And now they are read, not added up.
            let mut conn = test.db().conn().await.unwrap();
            conn.batch_execute("UPDATE meter_daily SET consumption_kwh = 4711").await.unwrap();
            let days = meters.rollups("house-1", zone, whole, Resolution::Day).await.unwrap();
            assert!(days.iter().any(|day| day.consumption_kwh == Some(4711.0)), "{days:?}");
        }
    }
}

#[actix_web::test]
async fn what_is_older_than_the_horizon_is_told_from_its_sums() {
    let test = TestDb::new().await;
    let zone = Tz::Europe__Zurich;
    let meters = in_zone(&test, zone).await;
    let range = days_range("2026-03-01".parse().unwrap(), "2026-03-04".parse().unwrap(), zone);
    let all: Vec<Reading> = range.slots(900).map(|ts| reading(ts, 900, Some(1.0), 0)).collect();
    meters.put(&all).await.unwrap();
    meters.refresh_rollups("house-1", range).await.unwrap();
    let clock = Clock::fixed(at("2026-11-01T00:00:00Z"));
    let audit = Audit::new(test.db().clone(), clock.clone());
    let changes = Changes::new(test.db().clone(), audit, clock);
    changes.drain(&[Arc::new(RollupKeeper(meters.clone()))]).await;
    let before = at("2026-03-03T00:00:00Z");
    assert_eq!(meters.forget(before, true).await.unwrap(), 49 * 4, "only counted");
    assert_eq!(meters.forget(before, false).await.unwrap(), 49 * 4);
    assert_eq!(meters.forget(before, false).await.unwrap(), 0);
    // A straggler from before the horizon changes nothing that is known.
    meters.put(&[reading(at("2026-03-01T12:00:00Z"), 900, Some(9.0), 0)]).await.unwrap();
    changes.drain(&[Arc::new(RollupKeeper(meters.clone()))]).await;
    for resolution in [Resolution::Hour, Resolution::Day] {
        let rows = meters.rollups("house-1", zone, range, resolution).await.unwrap();
        let total: f64 = rows.iter().filter_map(|row| row.consumption_kwh).sum();
        assert!((total - 96.0).abs() < 1e-9, "{resolution:?}: {total}");
    }
}
