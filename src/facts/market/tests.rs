//! Laws of stored prices, on a real database.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::service::COPY_ROWS_MIN;
use super::*;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{AsOf, TimeRange};
use crate::testing::TestDb;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn ch() -> Market {
    Market::parse("CH").unwrap()
}

/// An hourly price that became known at a time of day on 2026-01-01.
fn point(hour: i64, price: f64, known: &str) -> PricePoint {
    PricePoint {
        ts: at("2026-01-02T00:00:00Z") + Duration::hours(hour),
        interval_s: 3_600,
        price_eur_mwh: Some(price),
        volume: None,
        quality: Quality::Ok,
        known_at: at(&format!("2026-01-01T{known}:00Z")),
        known_at_assumed: false,
        source: "test".to_owned(),
    }
}

fn january() -> TimeRange {
    TimeRange::new(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"))
}

fn values(points: &[PricePoint]) -> Vec<f64> {
    points.iter().filter_map(|point| point.price_eur_mwh).collect()
}

async fn put(prices: &Prices, points: &[PricePoint]) -> Stored {
    prices.put(&ch(), Product::DayAhead, points).await.unwrap()
}

async fn history(prices: &Prices) -> PriceHistory {
    prices.history(&ch(), Product::DayAhead, january()).await.unwrap()
}

async fn as_of(prices: &Prices, instant: DateTime<Utc>) -> Vec<PricePoint> {
    prices.prices_as_of(&ch(), Product::DayAhead, january(), AsOf(instant)).await.unwrap()
}

#[actix_web::test]
async fn a_value_gives_way_only_to_a_different_one_not_known_earlier() {
    for test in TestDb::on_each_server().await {
        let none = Stored::default();
        for (case, second, expected, latest, revisions) in [
            (
                "known earlier",
                point(0, 50.0, "11:59"),
                Stored { refused_older: 1, ..none },
                40.0,
                vec![],
            ),
            ("equal", point(0, 40.0, "12:30"), Stored { unchanged: 1, ..none }, 40.0, vec![]),
            (
                "equal, earlier",
                point(0, 40.0, "11:00"),
                Stored { unchanged: 1, ..none },
                40.0,
                vec![],
            ),
            ("later", point(0, -5.0, "12:30"), Stored { replaced: 1, ..none }, -5.0, vec![40.0]),
            ("at once", point(0, 50.0, "12:00"), Stored { replaced: 1, ..none }, 50.0, vec![40.0]),
            ("new hour", point(1, 50.0, "11:00"), Stored { inserted: 1, ..none }, 40.0, vec![]),
        ] {
            let prices = Prices::new(test.db().clone());
            clear(&test).await;
            assert_eq!(put(&prices, &[point(0, 40.0, "12:00")]).await.inserted, 1, "{case}");
            assert_eq!(put(&prices, &[second]).await, expected, "{case}");
            let history = history(&prices).await;
            assert_eq!(values(&history.latest[..1]), [latest], "{case}");
            assert_eq!(values(&history.revisions), revisions, "{case}");
        }
    }
}

#[actix_web::test]
async fn a_value_that_is_stated_again_outlives_what_was_published_in_between() {
    for test in TestDb::on_each_server().await {
        let prices = Prices::new(test.db().clone());
        let none = Stored::default();
        put(&prices, &[point(0, 16.0, "06:00")]).await;
        let again = put(&prices, &[point(0, 16.0, "08:00")]).await;
        assert_eq!(again, Stored { unchanged: 1, ..none });
        let between = put(&prices, &[point(0, 7.0, "07:00")]).await;
        assert_eq!(between, Stored { refused_older: 1, ..none });
        let known = as_of(&prices, at("2026-01-01T06:00:00Z")).await;
        assert_eq!(known, [point(0, 16.0, "06:00")], "known since it was first stated");
        let after = put(&prices, &[point(0, 7.0, "08:30")]).await;
        assert_eq!(after, Stored { replaced: 1, ..none });
        let third = put(&prices, &[point(0, 9.0, "08:30")]).await;
        assert_eq!(third, Stored { replaced: 1, ..none }, "nothing is confirmed any more");
    }
}

#[actix_web::test]
async fn a_replaced_value_is_still_seen_as_of_its_time() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let mut restated = point(0, 42.0, "14:00");
    restated.quality = Quality::Restated;
    put(&prices, &[point(0, 40.0, "12:00"), point(1, 41.0, "12:00")]).await;
    put(&prices, &[restated.clone()]).await;

    for (instant, expected) in [
        ("2026-01-01T11:59:59Z", vec![]),
        ("2026-01-01T12:00:00Z", vec![40.0, 41.0]),
        ("2026-01-01T13:59:59Z", vec![40.0, 41.0]),
        ("2026-01-01T14:00:00Z", vec![42.0, 41.0]),
    ] {
        assert_eq!(values(&as_of(&prices, at(instant)).await), expected, "{instant}");
    }
    let latest = prices.prices(&ch(), Product::DayAhead, january()).await.unwrap();
    assert_eq!(latest, [restated, point(1, 41.0, "12:00")]);
}

#[actix_web::test]
async fn writing_a_batch_again_changes_nothing() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let batch: Vec<_> = (0..48).map(|hour| point(hour, 30.0 + hour as f64, "12:00")).collect();
    assert_eq!(put(&prices, &batch).await, Stored { inserted: 48, ..Stored::default() });
    let before = history(&prices).await;
    assert_eq!(put(&prices, &batch).await, Stored { unchanged: 48, ..Stored::default() });
    assert_eq!(history(&prices).await, before);
    assert_eq!(before.revisions, []);
}

#[actix_web::test]
async fn of_several_points_for_one_hour_the_last_known_counts_then_the_last_given() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let batch = [
        point(0, 1.0, "12:00"),
        point(0, 2.0, "13:00"),
        point(0, 3.0, "13:00"),
        point(0, 4.0, "11:00"),
    ];
    let stored = put(&prices, &batch).await;
    assert_eq!(stored, Stored { inserted: 1, duplicates: 3, ..Stored::default() });
    assert_eq!(values(&history(&prices).await.latest), [3.0]);
}

#[actix_web::test]
async fn copy_decides_as_statements_do() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let year = |price: f64, known: &str| -> Vec<PricePoint> {
        let hours = i64::try_from(COPY_ROWS_MIN).unwrap();
        (0..hours).map(|hour| point(hour, price + (hour % 7) as f64, known)).collect()
    };
    let rows = COPY_ROWS_MIN as u64;
    let none = Stored::default();
    assert_eq!(put(&prices, &year(10.0, "12:00")).await, Stored { inserted: rows, ..none });
    assert_eq!(put(&prices, &year(10.0, "13:00")).await, Stored { unchanged: rows, ..none });
    assert_eq!(put(&prices, &year(90.0, "11:00")).await, Stored { refused_older: rows, ..none });
    assert_eq!(put(&prices, &year(20.0, "13:00")).await, Stored { replaced: rows, ..none });
    let coverage = prices.markets().await.unwrap();
    assert_eq!(coverage[0].rows, rows.cast_signed());
    assert_eq!(coverage[0].newest_known_at, at("2026-01-01T13:00:00Z"));
    assert_eq!(values(&as_of(&prices, at("2026-01-01T12:30:00Z")).await)[..3], [10.0, 11.0, 12.0]);
    assert_eq!(values(&history(&prices).await.latest)[..3], [20.0, 21.0, 22.0]);
}

#[actix_web::test]
async fn what_breaks_a_rule_is_refused_and_nothing_of_the_batch_is_stored() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let with = |change: fn(&mut PricePoint)| {
        let mut point = point(5, 40.0, "12:00");
        change(&mut point);
        point
    };
    for (bad, part) in [
        (with(|p| p.price_eur_mwh = Some(f64::NAN)), "is NaN EUR/MWh"),
        (with(|p| p.price_eur_mwh = Some(f64::NEG_INFINITY)), "is -inf EUR/MWh"),
        (with(|p| p.price_eur_mwh = Some(100_000.5)), "outside ±100000"),
        (with(|p| p.price_eur_mwh = None), "not called missing"),
        (with(|p| p.quality = Quality::Missing), "called missing"),
        (with(|p| p.volume = Some(-1.0)), "volume of -1 MWh"),
        (with(|p| p.volume = Some(f64::INFINITY)), "volume of inf MWh"),
        (with(|p| p.interval_s = 900), "lasts 900 s, in day_ahead it lasts 3600 s"),
        (with(|p| p.quality = Quality::Simulated), "is simulated"),
    ] {
        let batch = [point(0, 1.0, "12:00"), bad];
        let refusal = prices.put(&ch(), Product::DayAhead, &batch).await.unwrap_err().to_string();
        assert!(refusal.contains(part) && refusal.contains("CH at 2026-01-02 05:00"), "{refusal}");
    }
    assert_eq!(prices.count().await.unwrap(), 0);
}

#[actix_web::test]
async fn a_gap_is_stored_as_missing_and_filled_later() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let mut gap = point(0, 0.0, "12:00");
    (gap.price_eur_mwh, gap.quality) = (None, Quality::Missing);
    put(&prices, &[gap.clone()]).await;
    assert_eq!(put(&prices, &[point(0, 7.0, "15:00")]).await.replaced, 1);
    let history = history(&prices).await;
    assert_eq!((values(&history.latest), history.revisions), (vec![7.0], vec![gap]));
}

#[actix_web::test]
async fn markets_and_products_are_apart() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let de = Market::parse("DE").unwrap();
    let mut quarter = point(1, 2.0, "12:00");
    quarter.interval_s = 900;
    put(&prices, &[point(0, 1.0, "12:00"), point(3, 1.5, "12:30")]).await;
    prices.put(&de, Product::DayAhead15min, &[quarter.clone()]).await.unwrap();

    let markets = prices.markets().await.unwrap();
    let found: Vec<_> = markets.iter().map(|it| (it.market.code(), it.product, it.rows)).collect();
    assert_eq!(found, [("CH", Product::DayAhead, 2), ("DE-LU", Product::DayAhead15min, 1)]);
    assert_eq!(markets[0].first, at("2026-01-02T00:00:00Z"));
    assert_eq!(markets[0].last, at("2026-01-02T03:00:00Z"));
    let read = prices.prices(&de, Product::DayAhead15min, january()).await.unwrap();
    assert_eq!(read, [quarter]);
    assert_eq!(prices.prices(&de, Product::DayAhead, january()).await.unwrap(), []);
}

#[actix_web::test]
async fn ranges_are_half_open_and_bounded() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    put(&prices, &[point(0, 1.0, "12:00"), point(1, 2.0, "12:00")]).await;
    let start = at("2026-01-02T00:00:00Z");
    for (from, to, expected) in
        [(0, 1, vec![1.0]), (1, 2, vec![2.0]), (0, 2, vec![1.0, 2.0]), (2, 1, vec![])]
    {
        let range = TimeRange::new(start + Duration::hours(from), start + Duration::hours(to));
        let read = prices.prices(&ch(), Product::DayAhead, range).await.unwrap();
        assert_eq!(values(&read), expected, "{from}..{to}");
    }
    let long = TimeRange::new(start, start + Duration::days(3_702));
    let refusal = prices.history(&ch(), Product::DayAhead, long).await.unwrap_err().to_string();
    assert_eq!(refusal, "a range covers at most 3700 days, this one 3702");
    // A range of 400 local days over the autumn clock change has an hour more than 400 times 24.
    let autumn = TimeRange::new(start, start + Duration::hours(400 * 24 + 1));
    assert!(Prices::check_range(autumn, 400).is_ok());
    assert!(Prices::check_range(autumn, 399).is_err());
}

#[actix_web::test]
async fn writers_of_the_same_hours_neither_lose_nor_block_each_other() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let writes = (0..8_u32).map(|writer| {
        let prices = prices.clone();
        let known = format!("12:{writer:02}");
        // Every second writer goes through the hours backwards.
        let mut batch: Vec<_> =
            (0..200).map(|hour| point(hour, f64::from(writer), &known)).collect();
        if writer % 2 == 1 {
            batch.reverse();
        }
        async move { put(&prices, &batch).await }
    });
    let stored = futures_util::future::join_all(writes).await;
    let history = history(&prices).await;
    assert_eq!(values(&history.latest), vec![7.0; 200]);
    let replaced: u64 = stored.iter().map(|it| it.replaced).sum();
    assert_eq!(history.revisions.len() as u64, replaced);
    let total: u64 = stored.iter().map(|it| it.inserted + it.replaced + it.refused_older).sum();
    assert_eq!(total, 8 * 200);
}

#[derive(diesel::QueryableByName)]
struct Told {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[actix_web::test]
async fn a_change_is_told_and_a_repetition_is_not() {
    let test = TestDb::new().await;
    let prices = Prices::new(test.db().clone());
    let mut listener = test.db().listen(&["luna_series_changed"]).await.unwrap();
    put(&prices, &[point(0, 1.0, "12:00")]).await;
    put(&prices, &[point(0, 1.0, "12:00")]).await;
    let mut quarter = point(0, 2.0, "12:00");
    quarter.interval_s = 900;
    prices.put(&ch(), Product::DayAhead15min, &[quarter]).await.unwrap();
    let notices = [listener.next().await.unwrap(), listener.next().await.unwrap()];
    assert_eq!(notices.map(|notice| notice.payload), ["", ""], "what changed stands in the table");
    let mut conn = test.db().conn().await.unwrap();
    let query = diesel::sql_query("SELECT name FROM series_changes ORDER BY change_id");
    let told: Vec<Told> = diesel_async::RunQueryDsl::load(query, &mut conn).await.unwrap();
    let told: Vec<String> = told.into_iter().map(|told| told.name).collect();
    assert_eq!(told, ["price:CH:day_ahead", "price:CH:day_ahead_15min"]);
}

/// The rule of revisions, one point at a time, in plain Rust: per hour all values ever stored in
/// the order of their storing, the last of them being the latest, and when that was last stated.
#[derive(Debug, Default)]
struct Model(BTreeMap<DateTime<Utc>, (Vec<PricePoint>, DateTime<Utc>)>);

impl Model {
    fn put(&mut self, points: &[PricePoint]) {
        let mut best: BTreeMap<DateTime<Utc>, &PricePoint> = BTreeMap::new();
        for point in points {
            let best = best.entry(point.ts).or_insert(point);
            if point.known_at >= best.known_at {
                *best = point;
            }
        }
        for (ts, point) in best {
            let (stored, stated_at) =
                self.0.entry(ts).or_insert_with(|| (Vec::new(), point.known_at));
            if point.known_at >= *stated_at {
                *stated_at = point.known_at;
                if stored.last().is_none_or(|it| it.price_eur_mwh != point.price_eur_mwh) {
                    stored.push(point.clone());
                }
            }
        }
    }

    fn as_of(&self, instant: DateTime<Utc>) -> Vec<PricePoint> {
        let known = |(stored, _): &(Vec<PricePoint>, DateTime<Utc>)| {
            stored.iter().rev().find(|point| point.known_at <= instant).cloned()
        };
        self.0.values().filter_map(known).collect()
    }
}

/// Batches of writes to few hours at few instants, so that collisions are the rule.
fn batches() -> impl Strategy<Value = Vec<Vec<(i64, i32, u32)>>> {
    let write = (0_i64..4, -3_i32..4, 0_u32..5);
    prop::collection::vec(prop::collection::vec(write, 1..6), 1..8)
}

async fn clear(test: &TestDb) {
    let mut conn = test.db().conn().await.unwrap();
    let clear = "TRUNCATE market_prices, market_price_revisions";
    diesel_async::SimpleAsyncConnection::batch_execute(&mut *conn, clear).await.unwrap();
}

#[test]
fn reads_equal_a_model_in_memory_whatever_is_written_in_whatever_order() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for test in runtime.block_on(TestDb::on_each_server()) {
        let prices = Prices::new(test.db().clone());
        let mut runner =
            TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
        let property = runner.run(&batches(), |batches| {
            runtime.block_on(async {
                clear(&test).await;
                let mut model = Model::default();
                for batch in batches {
                    let write = |(hour, price, known): &(i64, i32, u32)| {
                        point(*hour, f64::from(*price), &format!("12:0{known}"))
                    };
                    let batch: Vec<_> = batch.iter().map(write).collect();
                    put(&prices, &batch).await;
                    model.put(&batch);
                }
                for minute in 0..5 {
                    let instant = at(&format!("2026-01-01T12:0{minute}:30Z"));
                    let (read, expected) = (as_of(&prices, instant).await, model.as_of(instant));
                    prop_assert_eq!(read, expected, "as of 12:0{}", minute);
                }
                let latest = prices.prices(&ch(), Product::DayAhead, january()).await.unwrap();
                prop_assert_eq!(latest, model.as_of(at("2026-01-31T00:00:00Z")));
                Ok(())
            })
        });
        property.unwrap();
    }
}

#[test]
fn the_last_known_value_wins_in_every_order_of_arrival() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let test = runtime.block_on(TestDb::new());
    let prices = Prices::new(test.db().clone());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(32) });
    // Minute and value of each publication are one number, so no two publications are equal.
    let order = Just((0..8_u32).collect::<Vec<_>>()).prop_shuffle();
    let property = runner.run(&order, |order| {
        runtime.block_on(async {
            clear(&test).await;
            for minute in order {
                put(&prices, &[point(0, f64::from(minute), &format!("12:0{minute}"))]).await;
            }
            prop_assert_eq!(values(&history(&prices).await.latest), [7.0]);
            Ok(())
        })
    });
    property.unwrap();
}
