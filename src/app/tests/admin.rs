//! The admin pages: who may see them, what their forms do, what hostile texts become.

use std::sync::Arc;

use actix_web::http::{Method, header};
use anyhow::anyhow;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::learning::prediction::RetrainJob;
use crate::platform::jobs::{Handler, JobContext, JobError, JobState, NewJob, Runner};
use crate::platform::runtime::Tasks;
use crate::platform::web::Role;
use crate::surfaces::dashboards::PAGES;
use crate::testing::{Browser, TestApp, from_this_box};

/// A text that must never become part of a page.
const HOSTILE: &str = "</td></pre>\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// Addresses of the admin pages that answer to this method, their variable parts filled.
fn admin_pages(method: &str, job_id: Uuid) -> Vec<String> {
    let pages = PAGES.iter().filter(|(path, methods)| {
        (*path == "/admin" || path.starts_with("/admin/")) && methods.contains(&method)
    });
    let pages: Vec<_> = pages
        .map(|(path, _)| {
            path.replace("{job_id}", &job_id.to_string()).replace("{name}", RetrainJob::NAME)
        })
        .collect();
    assert!(pages.len() > 2, "{pages:?}");
    pages
}

async fn a_job(app: &TestApp) -> Uuid {
    app.services.jobs.enqueue(NewJob::new("test.waits").slot("2026-03-28")).await.unwrap().job_id
}

#[tokio::test]
async fn admins_at_listed_addresses_see_the_pages_and_nobody_else_does() {
    let app = TestApp::new().await;
    let job_id = a_job(&app).await;
    let admin = Browser::of(&app, Role::Admin).await;
    for path in admin_pages("GET", job_id) {
        let anonymous = app.page(&path, "").await;
        let back = serde_urlencoded::to_string([("next", &path)]).unwrap();
        assert_eq!(anonymous.header(header::LOCATION), format!("/login?{back}"));
        for role in [Role::Analyst, Role::Viewer, Role::Customer] {
            assert_eq!(app.get(role, &path).await.status, 403, "{path} as {role}");
        }
        let page = admin.open(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let html = page.text();
        assert!(html.contains("<p class=\"status\""), "{path} does not open with an answer");
        assert!(!html.contains("adm_"), "{path} has a text without words: {html}");
        assert!(!html.contains(" style=") && !html.contains("<style"), "{path}");
        let token = app.token(Role::Admin).await;
        let elsewhere = from_this_box(Method::GET, &path)
            .peer_addr("203.0.113.9:4711".parse().unwrap())
            .insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        assert_eq!(app.ask(elsewhere).await.status, 403, "{path} from elsewhere");
    }
    admin.open("/preferences?lang=en").await;
    for path in admin_pages("GET", job_id) {
        let page = admin.open(&path).await;
        let html = page.text();
        assert!(html.contains("<html lang=\"en") && html.contains(">Administration</a>"), "{path}");
        assert!(!html.contains("adm_") && !html.contains("Verwaltung"), "{path}: {html}");
    }
}

#[tokio::test]
async fn only_admins_are_shown_the_way() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    for (role, shown) in [(Role::Admin, true), (Role::Analyst, false), (Role::Customer, false)] {
        let page = Browser::of(&app, role).await.open("/").await;
        assert_eq!(page.text().contains("href=\"/admin\""), shown, "{role}");
    }
}

#[tokio::test]
async fn forms_need_an_admin_and_the_token_of_our_pages() {
    let app = TestApp::new().await;
    app.scheduler().await;
    let job_id = a_job(&app).await;
    let admin = Browser::of(&app, Role::Admin).await;
    let analyst = Browser::of(&app, Role::Analyst).await;
    let before = app.get(Role::Admin, "/api/audit").await.json(200)["entries"].clone();
    for path in admin_pages("POST", job_id) {
        assert_eq!(admin.forge(&path, &[]).await.status, 403, "{path} without a token");
        let guessed = [("csrf_token", "AAAAAAAAAAAAAAAAAAAAAA")];
        assert_eq!(admin.forge(&path, &guessed).await.status, 403, "{path} with another token");
        assert_eq!(analyst.submit(&path, &[]).await.status, 403, "{path} as analyst");
        assert_eq!(Browser::new(&app).forge(&path, &[]).await.status, 401, "{path} as nobody");
    }
    let job = app.services.jobs.job(job_id).await.unwrap();
    assert_eq!((job.state, job.cancel_requested), (JobState::Queued, false));
    let after = app.get(Role::Admin, "/api/audit").await.json(200)["entries"].clone();
    let own = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| !row["action"].as_str().unwrap().starts_with("session.")).count()
    };
    assert_eq!(own(&before), own(&after), "something was done: {after}");
}

#[tokio::test]
async fn a_job_is_cancelled_and_tried_again_with_a_word_about_it_once() {
    let app = TestApp::new().await;
    let job_id = a_job(&app).await;
    let admin = Browser::of(&app, Role::Admin).await;
    let path = format!("/admin/jobs/{job_id}");
    let state = async || app.services.jobs.job(job_id).await.unwrap().state;
    for (action, then, said, kind) in [
        ("retry", JobState::Queued, "Nichts geändert", "stale"),
        ("cancel", JobState::Cancelled, "Der Auftrag ist abgebrochen.", "ok"),
        ("retry", JobState::Queued, "wieder in der Warteschlange", "ok"),
    ] {
        let answer = admin.submit(&format!("{path}/{action}"), &[]).await;
        assert_eq!(answer.header(header::LOCATION), path, "{}", answer.text());
        let page = admin.follow(&answer).await;
        assert!(page.text().contains(said), "{action}: {}", page.text());
        assert!(page.text().contains(&format!("<p class=\"note said {kind}\" role=\"status\">")));
        assert!(
            !admin.open(&path).await.text().contains("role=\"status\""),
            "{action} is said twice"
        );
        assert_eq!(state().await, then, "{action}");
    }
    let audit = app.get(Role::Admin, "/api/audit?subject_kind=job").await.json(200);
    let actions: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions, [json!("job.retry"), json!("job.cancel")]);
    let nowhere = format!("/admin/jobs/{}/cancel", Uuid::nil());
    assert_eq!(admin.submit(&nowhere, &[]).await.status, 404);
}

#[tokio::test]
async fn a_schedule_is_paused_resumed_and_run_from_the_page() {
    let app = TestApp::new().await;
    app.scheduler().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let path = format!("/admin/schedules/{}", RetrainJob::NAME);
    let enabled = async || {
        let all = app.services.queue.schedules().await.unwrap().into_iter();
        all.filter(|it| it.name == RetrainJob::NAME).map(|it| it.is_enabled).collect::<Vec<_>>()
    };
    for (action, expected) in [("pause", false), ("resume", true)] {
        let page = admin.follow(&admin.submit(&format!("{path}/{action}"), &[]).await).await;
        assert_eq!(enabled().await, [expected], "{}", page.text());
        let offered = if expected { "pause" } else { "resume" };
        assert!(page.text().contains(&format!("action=\"{path}/{offered}\"")), "{}", page.text());
    }
    let run = admin.submit(&format!("{path}/run"), &[]).await;
    let page = admin.follow(&run).await;
    assert!(page.text().contains("Modelle neu trainieren"), "{}", page.text());
    let waiting = admin.open("/admin/jobs?state=queued").await;
    assert!(waiting.text().contains(run.header(header::LOCATION)), "{}", waiting.text());
    assert_eq!(admin.submit("/admin/schedules/nothing/run", &[]).await.status, 404);
}

#[tokio::test]
async fn lists_go_on_where_a_page_ends() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    assert!(admin.open("/admin/jobs").await.text().contains("Noch kein Auftrag"));
    for number in 0..51 {
        let job = NewJob::new("test.waits").slot(format!("slot-{number:02}"));
        app.services.jobs.enqueue(job).await.unwrap();
    }
    let rows = |html: &str| html.matches("<th scope=\"row\">").count();
    let first = admin.open("/admin/jobs?state=queued&name=test.waits").await;
    assert_eq!(rows(first.text()), 50);
    let older = first.text().split("href=\"").find(|at| at.contains("cursor=")).unwrap();
    let older = older.split('"').next().unwrap().replace("&amp;", "&").replace("&#x2F;", "/");
    let second = admin.open(&older).await;
    assert_eq!(rows(second.text()), 1, "{older}: {}", second.text());
    assert!(!second.text().contains("Ältere"));
    assert!(admin.open("/admin/jobs?state=dead").await.text().contains("Kein Auftrag in diesem"));
}

/// A job that fails with a hostile text and logs one.
struct Spiteful;

impl Handler for Spiteful {
    fn name(&self) -> &'static str {
        "test.spiteful"
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        async move {
            context.log(format!("log {HOSTILE}"));
            Err(JobError::Fatal(anyhow!("error {HOSTILE}")))
        }
        .boxed()
    }
}

#[tokio::test]
async fn hostile_texts_of_jobs_stay_texts() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let new = NewJob::new("test.spiteful").slot(HOSTILE).payload(json!({ HOSTILE: HOSTILE }));
    let job_id = app.services.jobs.enqueue(new).await.unwrap().job_id;
    let handlers: Vec<Arc<dyn Handler>> = vec![Arc::new(Spiteful)];
    let runner = Runner::new(app.services.jobs.clone(), handlers, Tasks::new());
    runner.run_next().await.unwrap().unwrap();
    let query = serde_urlencoded::to_string([("name", HOSTILE), ("text", HOSTILE)]).unwrap();
    for path in [
        "/admin".to_owned(),
        "/admin/jobs".to_owned(),
        format!("/admin/jobs?{query}"),
        format!("/admin/logs?{query}"),
        format!("/admin/jobs/{job_id}"),
    ] {
        let page = admin.open(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let html = page.text();
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{path}: {html}");
    }
    let html = admin.open(&format!("/admin/jobs/{job_id}")).await;
    for part in ["error &lt;", "log &lt;", "aufgegeben"] {
        assert!(html.text().contains(part), "{part}: {}", html.text());
    }
    assert!(admin.open("/admin").await.text().contains("wurde ein Auftrag aufgegeben"));
}
