//! Predictions meet their truth, late and restated, and are never overwritten.

use diesel_async::SimpleAsyncConnection;

use super::*;
use crate::learning::serving::model::{PredictionFilter, PredictionRecord};
use crate::testing::point;

async fn all(test: &TestServices) -> Vec<PredictionRecord> {
    test.services.predictor.list(&PredictionFilter::default(), None, 200).await.unwrap()
}

/// The price of an hour becomes known.
async fn price(test: &TestServices, ts: &str, known: &str, value: f64) {
    let price = point(Product::DayAhead, utc(ts), utc(known), value);
    test.services.prices.put(&ch(), Product::DayAhead, &[price]).await.unwrap();
    follow(test).await;
}

#[actix_web::test]
async fn late_truth_is_joined_and_a_restated_one_keeps_the_score_it_replaces() {
    let test = services().await;
    at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    let mut event = event_bundle();
    event.manifest.name = "expensive".into();
    at_work(&test, &event).await;
    follow(&test).await;
    let ahead = all(&test).await.len();
    // A price changed, so that both have predicted the open hours of two days, and what somebody
    // asks for comes on top.
    let ts = "2026-07-01T10:00:00Z";
    let asked = test.services.predictor.predict(about(ts)).await.unwrap();
    assert_eq!(asked.others.len(), 1);
    assert_eq!(all(&test).await.len().min(200), (ahead + 2).min(200));
    assert!(all(&test).await.iter().all(|row| row.actual.is_none()));
    let of_hour = async || {
        let rows = all(&test).await;
        let rows = rows.into_iter().filter(|row| row.target_ts == Some(utc(ts)));
        rows.filter(|row| row.made_at < utc("2026-06-30T18:01:00Z")).collect::<Vec<_>>()
    };
    test.set("2026-07-01T12:00:00Z");
    price(&test, ts, "2026-07-01T11:00:00Z", 160.0).await;
    let first = of_hour().await;
    assert!(first.len() >= 2);
    for row in &first {
        let expected = if row.probability.is_some() { 1.0 } else { 160.0 };
        assert_eq!((row.actual, row.scored_at), (Some(expected), Some(utc("2026-07-01T12:00:00Z"))));
    }
    // The price was wrong; below the threshold the event did not happen.
    test.set("2026-07-02T12:00:00Z");
    price(&test, ts, "2026-07-02T11:00:00Z", 140.0).await;
    for (before, after) in first.iter().zip(of_hour().await) {
        let expected = if after.probability.is_some() { 0.0 } else { 140.0 };
        assert_eq!(after.actual, Some(expected));
        // What was said stays.
        assert_eq!(
            (after.value, after.probability, after.made_at, &after.features_hash),
            (before.value, before.probability, before.made_at, &before.features_hash)
        );
    }
    // The scores before are kept, one for each prediction of that hour.
    let mut conn = test.services.db.conn().await.unwrap();
    let kept = super::store_tests::replaced(&mut conn).await;
    assert_eq!(kept.len(), first.len());
    assert!(kept.iter().all(|(actual, scored, replaced)| {
        [160.0, 1.0].contains(actual)
            && *scored == utc("2026-07-01T12:00:00Z")
            && *replaced == utc("2026-07-02T12:00:00Z")
    }));
    // Told again, nothing changes.
    drop(conn);
    price(&test, ts, "2026-07-02T11:00:00Z", 140.0).await;
    let mut conn = test.services.db.conn().await.unwrap();
    assert_eq!(super::store_tests::replaced(&mut conn).await.len(), kept.len());
    // And nobody can change what was said.
    for change in ["value = value + 1", "probability = 0.5 WHERE probability IS NOT NULL", "target_ts = NULL"] {
        let refused = conn.batch_execute(&format!("UPDATE predictions SET {change}")).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("never overwritten") || refused.contains("say_one"), "{refused}");
    }
}

#[actix_web::test]
async fn a_change_is_predicted_from_once_by_every_model_that_works() {
    let test = services().await;
    let model = at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    follow(&test).await;
    let rows = all(&test).await;
    // Two days ahead of the last published one, hour by hour.
    assert_eq!(rows.len(), 48);
    assert!(rows.iter().all(|row| row.model_id == model.model_id && row.role == "champion"));
    let instants: std::collections::BTreeSet<_> = rows.iter().map(|row| row.target_ts).collect();
    assert_eq!(instants.len(), 48);
    assert_eq!(instants.first().unwrap().unwrap(), instant("2026-06-30T22:00:00Z"));
    // The same prices again are no news.
    test.put(Product::DayAhead, ("2026-06-30", "2026-06-30"), |ts| Some(lively(ts))).await;
    follow(&test).await;
    assert_eq!(all(&test).await.len(), 48);
    // A new day is.
    test.set("2026-07-01T12:00:00Z");
    test.put(Product::DayAhead, ("2026-07-01", "2026-07-02"), |ts| Some(lively(ts))).await;
    follow(&test).await;
    let rows = all(&test).await;
    assert_eq!(rows.len(), 48 + 48);
    assert_eq!(rows.iter().filter(|row| row.actual.is_some()).count(), 48);
}

#[actix_web::test]
async fn lists_of_many_predictions_read_no_table_from_end_to_end() {
    let test = services().await;
    let model = at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    let mut conn = test.services.db.conn().await.unwrap();
    let many = format!(
        "INSERT INTO predictions (prediction_id, model_id, series, role, made_at, target_ts, value, features_hash)
         SELECT gen_random_uuid(), '{}', 'price:CH:day_ahead', 'asked',
             timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-02' + n * interval '1 minute',
             n, repeat('0', 64) FROM generate_series(1, 12000) AS n; ANALYZE predictions",
        model.model_id
    );
    conn.batch_execute(&many).await.unwrap();
    let filters = [
        PredictionFilter::default(),
        PredictionFilter { series: Some(SERIES.into()), ..PredictionFilter::default() },
        PredictionFilter { model_id: Some(model.model_id), ..PredictionFilter::default() },
        PredictionFilter {
            from: Some(utc("2026-01-02T00:00:00Z")),
            to: Some(utc("2026-01-03T00:00:00Z")),
            ..PredictionFilter::default()
        },
    ];
    let position = Some((utc("2026-01-05T00:00:00Z"), uuid::Uuid::now_v7()));
    let before = super::store_tests::scans(&mut conn, "predictions").await;
    for filter in &filters {
        for position in [None, position] {
            let rows = crate::learning::serving::store::list(&mut conn, filter, position, 51).await;
            assert_eq!(rows.unwrap().len(), 51);
        }
    }
    let models = [model.model_id];
    let latest = crate::learning::serving::store::latest(&mut conn, SERIES, &models);
    assert_eq!(latest.await.unwrap().len(), 1);
    let due = [(utc("2026-01-02T00:05:00Z"), 7.0)];
    let joined = crate::learning::serving::store::join_truth(&mut conn, SERIES, &due, utc("2026-01-03T00:00:00Z"));
    assert_eq!(joined.await.unwrap(), 1);
    let after = super::store_tests::scans(&mut conn, "predictions").await;
    assert_eq!(after.0, before.0, "a list read the table from end to end");
    assert!(after.1 >= before.1 + 9, "{before:?} {after:?}");
}
