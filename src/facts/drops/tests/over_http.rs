//! History, points, reading again and the page, as people and programs meet them.

use actix_web::http::Method;
use serde_json::json;

use super::documents::Sdat;
use super::*;
use crate::facts::drops::DropsJob;
use crate::platform::web::Role;
use crate::testing::Browser;

#[tokio::test]
async fn the_history_pages_and_knows_outcomes() {
    let watched = Watched::new().await;
    for (name, text) in [("a.xml", "<a>".to_owned()), ("b.xml", Sdat::new(HOUSE, &[0.25]).text())] {
        watched.take(name, text).await;
        watched.wait(1);
    }
    let app = &watched.app;
    let page = app.get(Role::Analyst, "/api/drops?limit=1").await.json(200);
    assert_eq!(page["files"][0]["name"], "b.xml");
    assert_eq!(
        (&page["files"][0]["inserted"], &page["files"][0]["format"]),
        (&json!(1), &json!("sdat"))
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let page =
        app.get(Role::Analyst, &format!("/api/drops?limit=1&cursor={cursor}")).await.json(200);
    assert_eq!((&page["files"][0]["name"], &page["next_cursor"]), (&json!("a.xml"), &json!(null)));
    let failed = app.get(Role::Analyst, "/api/drops?outcome=failed").await.json(200);
    assert_eq!(failed["files"].as_array().unwrap().len(), 1);
    let id = failed["files"][0]["dropped_file_id"].as_str().unwrap();
    let again = app.post(Role::Admin, &format!("/api/drops/{id}/retry"), &json!(null)).await;
    assert_eq!(again.json(200)["attempts"], 2);
    let nobody = format!("/api/drops/{}/retry", uuid::Uuid::nil());
    app.post(Role::Admin, &nobody, &json!(null)).await.problem(404);
    app.get(Role::Viewer, "/api/drops").await.problem(403);
}

#[tokio::test]
async fn points_are_given_their_meters() {
    let watched = Watched::new().await;
    watched.take("a.xml", Sdat::new(HOUSE, &[0.25]).text()).await;
    let app = &watched.app;
    let path = format!("/api/drops/points/{ROOF}");
    let put = |path: String, meter: &str| {
        let body = json!({"meter_id": meter}).to_string().into_bytes();
        async move { app.send(Role::Admin, Method::PUT, &path, Some(("application/json", body))).await }
    };
    put(path.clone(), "nobody").await.problem(404);
    assert_eq!(put("/api/drops/points/x".to_owned(), HOUSE).await.wrong_field(), "key");
    assert_eq!(put(path.clone(), HOUSE).await.json(200)["meter_id"], HOUSE);
    let points = app.get(Role::Analyst, "/api/drops/points").await.json(200);
    let names: Vec<_> =
        points["points"].as_array().unwrap().iter().map(|it| &it["point"]).collect();
    assert_eq!(names, [HOUSE, ROOF]);
    let gone = app.send(Role::Admin, Method::DELETE, &path, None).await;
    assert_eq!(gone.status.as_u16(), 204);
    app.send(Role::Admin, Method::DELETE, &path, None).await.problem(404);
}

#[tokio::test]
async fn a_look_is_a_job_of_the_queue_and_each_minute_has_one() {
    let watched = Watched::new().await;
    watched.put("a.xml", Sdat::new(HOUSE, &[0.25]).text());
    let app = &watched.app;
    for _ in 0..2 {
        app.post(Role::Admin, "/api/drops/scan", &json!(null)).await.json(200);
        app.run_jobs().await;
        watched.wait(10);
    }
    assert_eq!(watched.names(), ["done/a.xml"]);
    let scheduler = app.scheduler().await;
    let schedules = app.services.queue.schedules().await.unwrap();
    assert!(schedules.iter().any(|planned| planned.name == DropsJob::NAME));
    drop(scheduler);
    let plain = TestApp::new().await;
    plain.post(Role::Admin, "/api/drops/scan", &json!(null)).await.problem(409);
}

#[tokio::test]
async fn the_page_shows_what_waits_for_a_person_and_reads_it_again() {
    let watched = Watched::with(|settings| settings.create_meters = false).await;
    watched.put("a<b>.xml", Sdat::new(HOUSE, &[0.25]).text());
    watched.looks().await;
    let app = &watched.app;
    let admin = Browser::of(app, Role::Admin).await;
    let html = admin.open("/admin/drops").await;
    let html = html.text();
    assert!(
        html.contains("Eine Datei ist beiseitegelegt.") && html.contains("a&lt;b&gt;.xml"),
        "{html}"
    );
    assert!(html.contains(HOUSE), "{html}");
    let form = [("point", HOUSE), ("meter", "nowhere")];
    let refused = admin.submit("/admin/drops/points", &form).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(refused.text().contains("Diesen Zähler gibt es nicht."));
}
