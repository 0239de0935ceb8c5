//! Laws of stored observations, on a real database.

use chrono::{DateTime, Duration, Utc};

use super::service::COPY_ROWS_MIN;
use super::*;
use crate::base::ids::Market;
use crate::base::timeline::{AsOf, TimeRange};
use crate::testing::TestDb;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn load() -> SeriesSpec {
    SeriesSpec {
        name: "load_forecast:EPF-DE".to_owned(),
        unit: "MW".to_owned(),
        source: "test".to_owned(),
        market: Some(Market::parse("EPF-DE").unwrap()),
        resolution_s: 3_600,
        attribution: String::new(),
        is_feature: true,
    }
}

/// A value of 2026-01-02 that became known at an hour of 2026-01-01.
fn value(hour: i64, known_hour: i64, value: f64) -> Observation {
    let (ts, known) = (at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    Observation {
        ts: ts + Duration::hours(hour),
        known_at: known + Duration::hours(known_hour),
        known_at_assumed: false,
        value,
    }
}

fn january() -> TimeRange {
    TimeRange::new(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"))
}

async fn as_of(service: &Observations, known_hour: i64) -> Vec<f64> {
    let instant = AsOf(value(0, known_hour, 0.0).known_at);
    let values = service.values_as_of(&load().name, january(), instant).await.unwrap();
    values.into_iter().map(|(_, value)| value).collect()
}

#[actix_web::test]
async fn every_publication_stays_and_is_seen_from_its_time_on() {
    for test in TestDb::on_each_server().await {
        let service = Observations::new(test.db().clone());
        let id = service.ensure_series(&load()).await.unwrap();
        // The later publication arrives first.
        let stored = service.put(id, &[value(0, 12, 55.0), value(1, 9, 60.0)]).await.unwrap();
        assert_eq!(stored, Stored { inserted: 2, ..Stored::default() });
        service.put(id, &[value(0, 9, 50.0)]).await.unwrap();
        for (known_hour, expected) in
            [(8, vec![]), (9, vec![50.0, 60.0]), (11, vec![50.0, 60.0]), (12, vec![55.0, 60.0])]
        {
            assert_eq!(as_of(&service, known_hour).await, expected, "{known_hour}");
        }
        let history = service.history(&load().name, january()).await.unwrap();
        let expected = [value(0, 9, 50.0), value(0, 12, 55.0), value(1, 9, 60.0)];
        assert_eq!(history, expected.map(|row| (row.ts, row.known_at, row.value)));
    }
}

#[actix_web::test]
async fn a_publication_is_stored_once_and_corrected_in_place() {
    let test = TestDb::new().await;
    let service = Observations::new(test.db().clone());
    let id = service.ensure_series(&load()).await.unwrap();
    let none = Stored::default();
    for (rows, expected) in [
        (vec![value(0, 9, 1.0), value(1, 9, 2.0)], Stored { inserted: 2, ..none }),
        (vec![value(0, 9, 1.0), value(1, 9, 2.0)], Stored { unchanged: 2, ..none }),
        (
            vec![value(0, 9, 1.0), value(1, 9, 3.0), value(2, 9, 4.0)],
            Stored { inserted: 1, replaced: 1, unchanged: 1, ..none },
        ),
        (vec![value(2, 9, 7.0), value(2, 9, 5.0)], Stored { replaced: 1, duplicates: 1, ..none }),
        (vec![], none),
    ] {
        assert_eq!(service.put(id, &rows).await.unwrap(), expected, "{rows:?}");
    }
    assert_eq!(as_of(&service, 9).await, [1.0, 3.0, 5.0]);
}

#[actix_web::test]
async fn copy_decides_as_statements_do() {
    let test = TestDb::new().await;
    let service = Observations::new(test.db().clone());
    let id = service.ensure_series(&load()).await.unwrap();
    let rows = |offset: f64| -> Vec<Observation> {
        let hours = i64::try_from(COPY_ROWS_MIN).unwrap();
        (0..hours).map(|hour| value(hour, 9, offset + hour as f64)).collect()
    };
    let (all, none) = (COPY_ROWS_MIN as u64, Stored::default());
    assert_eq!(service.put(id, &rows(0.0)).await.unwrap(), Stored { inserted: all, ..none });
    assert_eq!(service.put(id, &rows(0.0)).await.unwrap(), Stored { unchanged: all, ..none });
    assert_eq!(service.put(id, &rows(1.0)).await.unwrap(), Stored { replaced: all, ..none });
    assert_eq!(as_of(&service, 9).await[..3], [1.0, 2.0, 3.0]);
}

#[actix_web::test]
async fn a_name_stands_for_one_unit_and_one_resolution() {
    let test = TestDb::new().await;
    let service = Observations::new(test.db().clone());
    let ids = futures_util::future::join_all((0..4).map(|_| {
        let service = service.clone();
        async move { service.ensure_series(&load()).await.unwrap() }
    }));
    let ids = ids.await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    let other = SeriesSpec { unit: "GW".to_owned(), ..load() };
    let refusal = service.ensure_series(&other).await.unwrap_err().to_string();
    assert!(refusal.contains("stored in MW every 3600 s; values in GW every 3600 s"), "{refusal}");
    let nameless = SeriesSpec { name: String::new(), ..load() };
    assert!(matches!(service.ensure_series(&nameless).await, Err(SeriesError::BadSpec { .. })));

    let found = service.series_of_market(&Market::parse("EPF-DE").unwrap()).await.unwrap();
    assert_eq!(found, [Series { series_id: ids[0], spec: load() }]);
    let none = service.series_of_market(&Market::parse("CH").unwrap()).await.unwrap();
    assert_eq!(none, []);
}

#[actix_web::test]
async fn what_cannot_be_answered_is_said() {
    let test = TestDb::new().await;
    let service = Observations::new(test.db().clone());
    let id = service.ensure_series(&load()).await.unwrap();
    let rows = [value(0, 9, 1.0), value(1, 9, f64::NAN)];
    let refusal = service.put(id, &rows).await.unwrap_err().to_string();
    assert_eq!(
        refusal,
        "the value at 2026-01-02 01:00:00 UTC is NaN, which is not a finite number"
    );
    assert_eq!(as_of(&service, 9).await, [0.0; 0]);

    let unknown = service.history("load:nowhere", january()).await.unwrap_err().to_string();
    assert_eq!(unknown, "there is no series 'load:nowhere'");
    let long = TimeRange::new(january().from, january().from + Duration::days(3_701));
    assert!(matches!(
        service.history(&load().name, long).await,
        Err(SeriesError::RangeTooLong { days: 3_701, .. })
    ));
}
