//! A rehearsal tells what the real thing then does, and a second round finds nothing to do.

use chrono::Duration;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;

use super::*;
use crate::platform::jobs::NewJob;
use crate::platform::web::Role;
use crate::testing::{TestApp, utc};

/// Readings of a year, answers with keys, jobs: some of all too old.
async fn aged() -> TestApp {
    let app = TestApp::with(utc("2026-03-28T12:00:00Z"), |settings| {
        settings.upkeep.readings_days = 90;
        settings.upkeep.events_days = 30;
        settings.upkeep.jobs_days = 30;
        settings.upkeep.observations_days = 90;
        settings.upkeep.predictions_days = 120;
        settings.upkeep.questions_days = 90;
        settings.upkeep.raw_files_days = 30;
        settings.upkeep.reports_days = 30;
    })
    .await;
    let rows: Vec<_> = ["2025-06-01T10:00:00Z", "2025-06-01T10:15:00Z", "2026-03-28T10:00:00Z"]
        .iter()
        .map(|ts| json!({"meter_id": "house-1", "ts": ts, "consumption_kw": 1.0}))
        .collect();
    let path = "/api/ingest/readings?create=true";
    app.post(Role::Analyst, path, &json!(rows)).await.json(200);
    let mut conn = app.services.db.conn().await.unwrap();
    let old = "INSERT INTO events (event_id, ts, type, meta) VALUES \
             (gen_random_uuid(), '2025-01-01Z', 'test.event', '{}'); \
         INSERT INTO reading_requests (user_id, request_key, body_sha256, answer, created_at) \
             SELECT user_id, 'old', repeat('0', 64), '{}', '2026-03-01Z' FROM accounts LIMIT 1; \
         INSERT INTO series (name, unit, source, resolution_s) VALUES ('load:CH', 'MW', 't', 3600); \
         INSERT INTO observations (series_id, ts, known_at, value) \
             SELECT series_id, ts::timestamptz, ts::timestamptz, 1 \
             FROM series, unnest(ARRAY['2025-01-01Z', '2026-03-01Z']) AS ts; \
         INSERT INTO jobs (job_id, name, state, attempts_max, run_after, created_at, finished_at) \
             VALUES (gen_random_uuid(), 'test.job', 'done', 1, '2025-01-01Z', '2025-01-01Z', \
                 '2025-01-01Z'), \
             (gen_random_uuid(), 'test.job', 'dead', 1, '2025-01-01Z', '2025-01-01Z', \
                 '2025-01-01Z')";
    conn.batch_execute(old).await.unwrap();
    // Of three old predictions an alert rests on one, and one has had its score replaced.
    let said = "INSERT INTO ml_models (model_id, name, version, model_type, target_variable, train_start, \
             train_end, features, future_minutes, status, created_at) \
             VALUES (gen_random_uuid(), 'm', 1, 'linear', 'price:CH:day_ahead', '2024-01-01', \
                 '2025-01-01', '[\"hour\"]', 60, 'FAILED', '2025-01-01'); \
         INSERT INTO predictions (prediction_id, model_id, series, role, made_at, value, features_hash) \
             SELECT gen_random_uuid(), model_id, target_variable, 'champion', made::timestamptz, 1, \
                 repeat('0', 64) \
             FROM ml_models, unnest(ARRAY['2025-06-01Z', '2025-06-02Z', '2025-06-03Z', '2026-03-01Z']) \
                 AS made; \
         INSERT INTO prediction_scores_replaced (prediction_id, made_at, actual, scored_at, replaced_at) \
             SELECT prediction_id, made_at, 1, made_at, made_at FROM predictions \
             WHERE made_at = '2025-06-01Z'; \
         INSERT INTO alerts (alert_id, model_id, series, purpose, prediction_id, made_at, said, threshold, \
             direction, severity, consecutive, created_at, expires_at) \
             SELECT gen_random_uuid(), model_id, series, 'value', prediction_id, made_at, 1, 0, 'above', \
                 'info', 1, made_at, made_at + interval '1 day' \
             FROM predictions WHERE made_at = '2025-06-02Z'; \
         INSERT INTO webhook_deliveries (delivery_id, model_id, url, body, predictions, alerts, state, \
             created_at) \
             SELECT gen_random_uuid(), model_id, 'https://x/', '{}', 1, 0, s, '2025-01-01Z' \
             FROM ml_models, unnest(ARRAY['queued', 'delivered', 'dead']) AS s";
    conn.batch_execute(said).await.unwrap();
    // Two old questions and one of late; people thought well of an old one and of the new one.
    let asked = "INSERT INTO questions (question_id, asked_at, question, mode, filters, chunks, answer, abstained, \
             timings) \
             SELECT gen_random_uuid(), at::timestamptz, 'What?', 'extractive', '{}', '[]', '{}', true, '{}' \
             FROM unnest(ARRAY['2025-06-01Z', '2025-06-02Z', '2026-03-01Z']) AS at; \
         INSERT INTO labels (label_id, ts, kind, subject_kind, subject_id, value, meta) \
             SELECT gen_random_uuid(), asked_at, 'feedback', 'question', question_id::text, 1, '{}' \
             FROM questions WHERE asked_at <> '2025-06-01Z'";
    conn.batch_execute(asked).await.unwrap();
    drop(conn);
    app.run_changes().await;
    app.run_jobs().await;
    app
}

#[derive(diesel::QueryableByName)]
struct LabelRow {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    labels: i64,
}

fn counts(report: &UpkeepReport) -> Vec<(&'static str, u64)> {
    assert!(report.is_sound(), "{report:#?}");
    let counted = report.steps.iter().filter(|step| step.skipped.is_none());
    // Statistics depend on what the server has done by itself.
    let counted = counted.filter(|step| step.step != "statistics");
    counted.map(|step| (step.step, step.count)).collect()
}

#[tokio::test]
async fn a_rehearsal_tells_what_is_then_done_once() {
    let app = Box::pin(aged()).await;
    let upkeep = &app.services.upkeep;
    let rehearsed = upkeep.run(true).await;
    let expected = [
        ("changes", 1),
        ("answers", 1),
        ("readings", 2),
        ("observations", 1),
        ("events", 1),
        ("raw_files", 0),
        ("reports", 0),
        ("settled", 0),
        ("settled_changes", 0),
        ("predictions", 2),
        ("questions", 2),
        ("deliveries", 2),
        ("jobs", 1),
    ];
    assert_eq!(counts(&rehearsed), expected);
    assert_eq!(counts(&upkeep.run(true).await), expected, "a rehearsal changes nothing");
    assert_eq!(counts(&upkeep.run(false).await), expected);
    let nothing: Vec<_> = expected.iter().map(|(step, _)| (*step, 0)).collect();
    assert_eq!(counts(&upkeep.run(false).await), nothing);
    // What the readings added up to is still told.
    let path = "/api/meters/house-1/readings?from=2025-06-01&to=2025-06-03&resolution=day";
    let days = app.get(Role::Viewer, path).await.json(200);
    assert_eq!(days["rollups"][0]["consumption_kwh"], 0.5, "{days}");
    let kept = app.get(Role::Viewer, "/api/predictions").await.json(200);
    let kept: Vec<_> = kept["predictions"].as_array().unwrap().iter().collect();
    let made: Vec<_> = kept.iter().map(|it| it["made_at"].as_str().unwrap()).collect();
    assert_eq!(made, ["2026-03-01T00:00:00Z", "2025-06-02T00:00:00Z"]);
    let left: Vec<LabelRow> = diesel::sql_query("SELECT count(*) AS labels FROM labels")
        .load(&mut app.services.db.conn().await.unwrap())
        .await
        .unwrap();
    assert_eq!(left[0].labels, 1, "the label about a question goes with it, the other stays");
    let dead = app.get(Role::Admin, "/api/jobs?name=test.job").await.json(200);
    assert_eq!(dead["jobs"].as_array().unwrap().len(), 1, "what died waits for a person");
}

#[tokio::test]
async fn by_default_nothing_is_too_old() {
    let app = TestApp::new().await;
    let rows = json!([{"meter_id": "house-1", "ts": "2001-06-01T10:00:00Z",
        "consumption_kw": 1.0}]);
    app.post(Role::Analyst, "/api/ingest/readings?create=true", &rows).await.json(200);
    app.clock.set(app.clock.now() + Duration::days(3_000));
    let report = app.services.upkeep.run(false).await;
    let readings = report.steps.iter().find(|step| step.step == "readings").unwrap();
    assert_eq!(readings.skipped.as_deref(), Some("kept for ever"));
    let compression = report.steps.iter().find(|step| step.step == "compression").unwrap();
    assert!(compression.skipped.is_some());
}

#[tokio::test]
async fn the_job_tells_what_it_did() {
    let app = Box::pin(aged()).await;
    let job = NewJob::new(UpkeepJob::NAME).payload(json!({"dry_run": true}));
    let id = app.services.jobs.enqueue(job).await.unwrap().job_id;
    app.run_jobs().await;
    let done = app.get(Role::Admin, &format!("/api/jobs/{id}")).await.json(200);
    assert_eq!(done["job"]["state"], "done", "{done}");
    assert_eq!(done["job"]["result"]["dry_run"], true);
    let log = done["runs"][0]["log_excerpt"].as_str().unwrap();
    assert!(log.contains("readings: 2 readings; their sums stay"), "{log}");
}
