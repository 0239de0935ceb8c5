//! Any cut of a stream into fetches, with any of them repeated, leaves the same readings behind.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

/// A record of a few rows about a few quarter hours, with poison among them.
fn value() -> impl Strategy<Value = Vec<u8>> {
    // What is published later is another value: that the same one was published again is not
    // remembered (only a value that differs replaces), so what comes late between the two would win.
    let reading = (0_u8..3, 0_i64..6, 0_u32..20, 0_u32..6).prop_map(|(meter, slot, kw, known)| {
        let mut row = row(&format!("m{meter}"), slot * 15, f64::from(100 * known + kw) - 1.0);
        if known > 0 {
            let hours = chrono::Duration::hours(known.into());
            row["known_at"] = json!(utc("2026-03-28T04:00:00Z") + hours);
        }
        row
    });
    prop_oneof![
        4 => reading.clone().prop_map(|row| row.to_string().into_bytes()),
        2 => proptest::collection::vec(reading, 0..5).prop_map(|rows| json!(rows).to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

fn stream() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<bool>)> {
    proptest::collection::vec(value(), 1..30).prop_flat_map(|values| {
        let cuts = proptest::collection::vec(any::<bool>(), values.len());
        (Just(values), cuts)
    })
}

/// What is left when the stream is cut after the records that `cuts` marks; every fetch is tried a
/// second time from where it began, as after a crash.
async fn left_by(app: &TestApp, values: &[Vec<u8>], cuts: &[bool]) -> (Vec<String>, Vec<String>) {
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    execute(
        db,
        "TRUNCATE kafka_offsets, kafka_refusals, smart_meter_readings, meter_reading_revisions",
    )
    .await;
    let mut claim = begun(kafka, &place(0)).await;
    let mut fetch = Vec::new();
    for ((offset, value), cut) in (0_i64..).zip(values).zip(cuts) {
        fetch.push(record(offset, None, value));
        if *cut {
            let all = std::mem::take(&mut fetch);
            let mut stale = claim.clone();
            take(kafka, &mut claim, all.clone()).await.unwrap();
            let again = take(kafka, &mut stale, all).await;
            assert!(matches!(again, Err(KafkaError::Overtaken)), "{again:?}");
        }
    }
    take(kafka, &mut claim, fetch).await.unwrap();
    let refusals = "SELECT format('%s %s %s %s', record_offset, row_index, field, reason) AS line
                    FROM kafka_refusals ORDER BY record_offset, row_index";
    let mut all = offsets(db).await;
    all.extend(lines(db, refusals).await);
    (stored(db).await, all)
}

#[test]
fn any_cut_leaves_the_same_readings_offsets_and_refusals() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(app(Settings::default()));
    let config =
        ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&stream(), |(values, cuts)| {
            runtime.block_on(async {
                let whole = left_by(&app, &values, &vec![false; values.len()]).await;
                let single = left_by(&app, &values, &vec![true; values.len()]).await;
                let cut = left_by(&app, &values, &cuts).await;
                prop_assert_eq!(&whole, &single);
                prop_assert_eq!(&whole, &cut);
                Ok(())
            })
        })
        .unwrap();
}
