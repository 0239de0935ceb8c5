//! The queue as people change it: another try, a pause, a run out of turn.

use actix_web::http::Method;
use chrono::Duration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::learning::prediction::RetrainJob;
use crate::platform::web::Role;
use crate::testing::TestApp;

#[tokio::test]
async fn a_dead_job_gets_another_try_and_a_done_one_does_not() {
    let app = TestApp::new().await;
    // There are no prices to learn from.
    let order = json!({"kind": "train", "market": "FR", "model": "naive"});
    let queued = app.post(Role::Analyst, "/api/training/jobs", &order).await.json(202);
    let path = format!("/api/jobs/{}", queued["job_id"].as_str().unwrap());
    let retry = format!("{path}/retry");
    app.send(Role::Analyst, Method::POST, &retry, None).await.problem(409);
    app.run_jobs().await;
    let dead = app.get(Role::Analyst, &path).await.json(200);
    assert_eq!((&dead["job"]["state"], &dead["job"]["attempts"]), (&json!("dead"), &json!(1)));

    app.send(Role::Viewer, Method::POST, &retry, None).await.problem(403);
    let again = app.send(Role::Analyst, Method::POST, &retry, None).await.json(200);
    assert_eq!((&again["state"], &again["error"]), (&json!("queued"), &Value::Null));
    assert_eq!(again["finished_at"], Value::Null);
    app.run_jobs().await;
    let dead = app.get(Role::Analyst, &path).await.json(200);
    assert_eq!((&dead["job"]["state"], &dead["job"]["attempts"]), (&json!("dead"), &json!(2)));
    assert_eq!(dead["runs"].as_array().unwrap().len(), 2);

    let order = json!({"kind": "train", "market": "SIM-CH", "model": "naive"});
    app.services.simulation.fill().await.unwrap();
    let queued = app.post(Role::Analyst, "/api/training/jobs", &order).await.json(202);
    app.run_jobs().await;
    let done = format!("/api/jobs/{}/retry", queued["job_id"].as_str().unwrap());
    let refusal = app.send(Role::Analyst, Method::POST, &done, None).await.problem(409);
    assert!(refusal["detail"].as_str().unwrap().ends_with("it is done"), "{refusal}");
    let nobody = format!("/api/jobs/{}/retry", Uuid::nil());
    app.send(Role::Analyst, Method::POST, &nobody, None).await.problem(404);
}

#[tokio::test]
async fn a_schedule_can_be_paused_and_run_out_of_turn() {
    let app = TestApp::new().await;
    let scheduler = app.scheduler().await;
    let read = async || {
        let list = app.get(Role::Analyst, "/api/schedules").await.json(200);
        let all = list["schedules"].as_array().unwrap().clone();
        all.into_iter().find(|it| it["name"] == RetrainJob::NAME).unwrap()
    };
    // The clocks go forward in the night after: 03:17 in summer time is 01:17 in UTC.
    assert_eq!(read().await["next_at"], "2026-03-29T01:17:00Z");
    let path = format!("/api/schedules/{}", RetrainJob::NAME);
    let switch = async |role, is_enabled: bool| {
        let body = json!({"is_enabled": is_enabled}).to_string().into_bytes();
        app.send(role, Method::PATCH, &path, Some(("application/json", body))).await
    };
    switch(Role::Analyst, false).await.problem(403);
    let paused = switch(Role::Admin, false).await.json(200);
    assert_eq!((&paused["is_enabled"], &paused["next_at"]), (&json!(false), &Value::Null));

    let queued = async || {
        let path = format!("/api/jobs?name={}", RetrainJob::NAME);
        app.get(Role::Analyst, &path).await.json(200)["jobs"].as_array().unwrap().clone()
    };
    app.clock.set(app.clock.now() + Duration::days(1));
    scheduler.tick().await.unwrap();
    assert_eq!(queued().await, [] as [Value; 0]);
    // A program that starts anew keeps the pause, and what was missed stays missed.
    let scheduler = app.scheduler().await;
    assert_eq!(read().await["is_enabled"], false);
    scheduler.tick().await.unwrap();
    switch(Role::Admin, true).await.json(200);
    scheduler.tick().await.unwrap();
    assert_eq!(queued().await, [] as [Value; 0]);
    app.clock.set(app.clock.now() + Duration::days(1));
    scheduler.tick().await.unwrap();
    let slots: Vec<_> = queued().await.iter().map(|job| job["slot"].clone()).collect();
    assert_eq!(slots, [json!("2026-03-30")]);

    let run = format!("{path}/run");
    app.send(Role::Viewer, Method::POST, &run, None).await.problem(403);
    let job = app.send(Role::Analyst, Method::POST, &run, None).await.json(202);
    assert_eq!((&job["state"], &job["slot"]), (&json!("queued"), &Value::Null));
    assert_ne!(job["requested_by"], Value::Null);
    assert_eq!(job["payload"], json!({}), "an input is an object, also when nothing is in it");
    app.send(Role::Analyst, Method::POST, "/api/schedules/nothing/run", None).await.problem(404);
}
