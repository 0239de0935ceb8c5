//! Files of many meters: stored as a whole or not at all, and nothing of their way stays behind.

use std::fmt::Write;

use super::*;
use crate::facts::readings::body::BATCH_ROWS;

const IMPORT: &str = "/api/import/readings";
const STAGES: &str = "SELECT relname AS line FROM pg_class WHERE relname LIKE 'readings_stage_%'";

async fn import(app: &TestApp, query: &str, media_type: &str, text: &str) -> Answer {
    let body = Some((media_type, text.as_bytes().to_vec()));
    let path = format!("{IMPORT}{query}");
    app.send(Role::Analyst, actix_web::http::Method::POST, &path, body).await
}

/// Rows of two meters by turns, more than fit a batch, from 2026-03-20.
fn file() -> (String, usize) {
    let rows = BATCH_ROWS + 4;
    let mut text = String::from("meter_id,ts,interval_s,consumption_kw\n");
    for n in 0..rows {
        let ms = 1_773_964_800_000_u64 + 30_000 * (n as u64 / 2);
        writeln!(text, "{},{ms},30,{}", if n % 2 == 0 { "a" } else { "b" }, n % 7).unwrap();
    }
    (text, rows)
}

#[tokio::test]
async fn a_file_of_many_meters_is_stored_once_and_its_stage_is_gone() {
    let app = TestApp::new().await;
    let (text, rows) = file();
    let dry = import(&app, "?create=true&dry_run=true", "text/csv", &text).await.json(200);
    assert_eq!((&dry["inserted"], &dry["created"]), (&rows.into(), &serde_json::json!(["a", "b"])));
    assert!(stored(&app).await.is_empty(), "a dry run stores nothing");
    assert!(lines(&app.services.db, "SELECT meter_id AS line FROM meters").await.is_empty());

    let sums = "SELECT concat_ws(' ', meter_id, count(*), sum(consumption_kw)) AS line \
        FROM smart_meter_readings GROUP BY meter_id ORDER BY 1";
    let sum = |odd: usize| (0..rows).filter(|n| n % 2 == odd).map(|n| n % 7).sum::<usize>();
    let expected = [0, 1].map(|odd| format!("{} {} {}", ["a", "b"][odd], rows / 2, sum(odd)));
    for inserted in [rows, 0] {
        let report = import(&app, "?create=true", "application/octet-stream", &text).await;
        let report = report.json(200);
        assert_eq!(report["inserted"], inserted);
        assert_eq!(report["unchanged"], rows - inserted);
        assert_eq!(lines(&app.services.db, sums).await, expected);
    }
    let broken = text + "a,1773964800000,30,-4\n";
    let refused = import(&app, "", "text/csv", &broken).await;
    assert_eq!(refused.wrong_field(), format!("rows[{rows}].consumption_kw"));
    let partial = import(&app, "?skip_bad_rows=true", "text/csv", &broken).await.json(200);
    assert_eq!((&partial["refused"], &partial["unchanged"]), (&1.into(), &rows.into()));
    assert!(
        lines(&app.services.db, STAGES).await.is_empty(),
        "stages are dropped, also after a refusal"
    );
}

#[tokio::test]
async fn what_a_process_left_behind_is_cleared_away_by_the_next_stage() {
    let app = TestApp::new().await;
    // One whose process is gone, one whose process lives: it holds the lock of the name.
    let left = "CREATE UNLOGGED TABLE readings_stage_gone (place bigint); \
        CREATE UNLOGGED TABLE readings_stage_held (place bigint)";
    let holder = app.services.db.copy_client().await.unwrap();
    holder.batch_execute(left).await.unwrap();
    let lock = "SELECT pg_advisory_lock(hashtextextended('readings_stage_held', 0))";
    holder.batch_execute(lock).await.unwrap();
    import(&app, "?create=true", "text/csv", &file().0).await.json(200);
    assert_eq!(lines(&app.services.db, STAGES).await, ["readings_stage_held"]);
}

#[tokio::test]
async fn a_file_without_a_meter_has_no_mapping() {
    let app = TestApp::new().await;
    let answer = import(&app, "?unit=kWh", "text/csv", "ts,kWh\n").await;
    assert_eq!(answer.wrong_field(), "unit");
    let answer = import(&app, "", "text/csv", "time,kWh\n2026-03-28T09:00:00Z,1\n").await;
    assert_eq!(answer.wrong_field(), "body");
}
