//! Rows that adapters hand over: the same rules, in a transaction of their own or the caller's.

use diesel_async::AsyncConnection;

use super::*;
use crate::facts::readings::Delivery;
use crate::facts::readings::ReadingRow;
use crate::facts::readings::ReadingsError;
use crate::testing::utc;

fn rows() -> Vec<ReadingRow> {
    let at = utc("2026-03-28T09:00:00Z");
    let power = |consumption_kw: f64| ReadingRow {
        consumption_kw: Some(consumption_kw),
        interval_s: Some(900),
        ..ReadingRow::new("house-1", at)
    };
    vec![
        power(1.5),
        ReadingRow {
            ts: crate::facts::readings::Stamp(utc("2026-03-28T09:15:00Z")),
            ..power(-1.0)
        },
    ]
}

const STORED: &str = "SELECT meter_id || ' ' || consumption_kw AS line FROM smart_meter_readings";

#[tokio::test]
async fn all_rows_are_stored_or_with_partial_the_good_ones() {
    let app = TestApp::new().await;
    let readings = &app.services.readings;
    let whole = Delivery { rows: rows(), create: true, ..Delivery::default() };
    let refused = readings.deliver(whole.clone()).await;
    let Err(ReadingsError::BadRows { first, total: 1 }) = refused else {
        panic!("not refused: {refused:?}")
    };
    assert_eq!(first[0].path(), "rows[1].consumption_kw");
    assert!(lines(&app.services.db, STORED).await.is_empty());

    let report = readings.deliver(Delivery { partial: true, ..whole.clone() }).await.unwrap();
    assert_eq!((report.read, report.inserted, report.refused), (2, 1, 1));
    assert_eq!(report.findings[0].index, 1);
    assert_eq!(lines(&app.services.db, STORED).await, ["house-1 1.5"]);
    let again = readings.deliver(Delivery { partial: true, ..whole }).await.unwrap();
    assert_eq!((again.inserted, again.unchanged), (0, 1));
}

#[tokio::test]
async fn a_transaction_that_is_given_up_takes_its_delivery_with_it() {
    let app = TestApp::new().await;
    let readings = &app.services.readings;
    let mut conn = app.services.db.conn().await.unwrap();
    let given_up = conn
        .transaction(async |conn| {
            let delivery =
                Delivery { rows: rows(), create: true, partial: true, ..Delivery::default() };
            let report = readings.deliver_in(conn, delivery).await?;
            assert_eq!(report.inserted, 1);
            Err::<(), _>(ReadingsError::GivenUp)
        })
        .await;
    assert!(matches!(given_up, Err(ReadingsError::GivenUp)));
    assert!(lines(&app.services.db, STORED).await.is_empty());
}

#[tokio::test]
async fn a_rehearsal_writes_simulated_meters_only() {
    let app = TestApp::new().await;
    let row = |meter_id: &str| ReadingRow {
        consumption_kw: Some(2.0),
        ..ReadingRow::new(meter_id, utc("2026-03-28T09:00:00Z"))
    };
    let rows = vec![row("sim-ev"), row("house-1")];
    for (is_simulated, left, stored) in [(true, "house-1", "sim-ev"), (false, "sim-ev", "house-1")]
    {
        let rows = rows.clone();
        let delivery =
            Delivery { rows, create: true, partial: true, is_simulated, ..Delivery::default() };
        let report = app.services.readings.deliver(delivery).await.unwrap();
        assert_eq!((report.inserted, report.refused), (1, 1));
        assert_eq!(rows_of(&report.findings), [left == "house-1"]);
        assert_eq!(report.created, [stored]);
    }
    let query = "SELECT meter_id || ' ' || quality AS line FROM smart_meter_readings ORDER BY 1";
    assert_eq!(lines(&app.services.db, query).await, ["house-1 ok", "sim-ev simulated"]);
}

/// For each finding whether it is of the second row.
fn rows_of(findings: &[crate::facts::readings::Finding]) -> Vec<bool> {
    findings.iter().map(|finding| finding.index == 1).collect()
}

#[tokio::test]
async fn a_simulated_meter_out_of_reach_says_nothing() {
    let app = TestApp::new().await;
    let row = ReadingRow {
        interval_s: Some(900),
        quality: Some(crate::facts::market::Quality::Missing),
        ..ReadingRow::new("sim-ev", utc("2026-03-28T09:00:00Z"))
    };
    let delivery =
        Delivery { rows: vec![row], create: true, is_simulated: true, ..Delivery::default() };
    let report = app.services.readings.deliver(delivery).await.unwrap();
    assert_eq!((report.inserted, report.refused), (1, 0));
    let query = "SELECT meter_id || ' ' || quality AS line FROM smart_meter_readings";
    assert_eq!(lines(&app.services.db, query).await, ["sim-ev missing"]);
}
