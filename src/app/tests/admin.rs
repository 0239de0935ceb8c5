//! The admin pages: who may see them, what their forms do, what hostile texts become.

use std::sync::Arc;

use actix_web::http::{Method, header};
use anyhow::anyhow;
use chrono::Duration;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::accounts::Part;
use crate::access::audit::{By, Event};
use crate::base::timeline::TimeRange;
use crate::facts::changes::{Change, ChangeKind};
use crate::learning::prediction::RetrainJob;
use crate::platform::jobs::{Handler, JobContext, JobError, JobState, NewJob, Runner};
use crate::platform::runtime::Tasks;
use crate::platform::web::Role;
use crate::surfaces::dashboards::PAGES;
use crate::testing::{Browser, TestApp, from_this_box, utc};

/// A text that must never become part of a page.
const HOSTILE: &str = "</td></pre>\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// Addresses of the admin pages that answer to this method, their variable parts filled.
async fn admin_pages(app: &TestApp, method: &str, job_id: Uuid) -> Vec<String> {
    let users = app.get(Role::Admin, "/api/users").await.json(200);
    let user_id = users["users"][0]["user_id"].as_str().unwrap();
    let pages = PAGES.iter().filter(|(path, methods)| {
        (*path == "/admin" || path.starts_with("/admin/")) && methods.contains(&method)
    });
    let pages: Vec<_> = pages
        .map(|(path, _)| {
            path.replace("{job_id}", &job_id.to_string())
                .replace("{name}", RetrainJob::NAME)
                .replace("{user_id}", user_id)
                .replace("{session_id}", &Uuid::nil().to_string())
                .replace("{key_id}", &Uuid::nil().to_string())
                .replace("{row_id}", &Uuid::nil().to_string())
                .replace("{letter_id}", &Uuid::nil().to_string())
                .replace("{mapping_id}", &Uuid::nil().to_string())
                .replace("{id}", &Uuid::nil().to_string())
                .replace("{key}", "simulation.enabled")
        })
        .map(|path| {
            let is_day = path.starts_with("/admin/sources/day");
            if is_day {
                format!("{path}?source=ecb&subject=fx%3AEUR%3ACHF&day=2026-03-28")
            } else {
                path
            }
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
    for path in admin_pages(&app, "GET", job_id).await {
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
    for path in admin_pages(&app, "GET", job_id).await {
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
    for path in admin_pages(&app, "POST", job_id).await {
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

#[tokio::test]
async fn the_log_of_changes_is_searched_and_shows_what_changed() {
    let app = TestApp::new().await;
    app.scheduler().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let path = format!("/admin/schedules/{}/pause", RetrainJob::NAME);
    assert_eq!(admin.submit(&path, &[]).await.status, 303);
    let found =
        admin.open("/admin/audit?who=&action=schedule.&from=2026-03-28&to=2026-03-28").await;
    let html = found.text();
    assert!(html.contains("Zeitplan umgestellt") && html.contains("admin@example.ch"), "{html}");
    let row = "<th scope=\"row\"><code>is_enabled</code></th><td>true</td><td>false</td>";
    assert!(html.contains(row) && html.contains("1 Wert geändert"), "{html}");
    // The clock stands at one in the afternoon in Zürich; the days before and after are empty.
    for none in ["from=2026-03-29", "to=2026-03-27", "action=job.", "who=command&action=schedule."]
    {
        let page = admin.open(&format!("/admin/audit?{none}")).await;
        assert!(!page.text().contains("Zeitplan umgestellt"), "{none}");
    }
    for wrong in ["from=yesterday", "to=9999-01-01", "who=nobody-known", "cursor=x"] {
        assert_eq!(admin.open(&format!("/admin/audit?{wrong}")).await.status, 422, "{wrong}");
    }
    let query = serde_urlencoded::to_string([
        ("action", HOSTILE),
        ("subject_kind", HOSTILE),
        ("subject_id", HOSTILE),
    ]);
    let page = admin.open(&format!("/admin/audit?{}", query.unwrap())).await;
    assert!(page.text().contains("Kein Eintrag passt"), "{}", page.text());
    assert!(!page.text().contains("<script>alert") && !page.text().contains("<img"));
}

#[tokio::test]
async fn hostile_texts_in_the_log_of_changes_stay_texts() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let event = Event::new("model.activate", ("model", HOSTILE))
        .before(&json!({ HOSTILE: HOSTILE }))
        .after(&json!({ "x": HOSTILE }));
    app.services.audit.note(&By::system(), event).await.unwrap();
    let page = admin.open("/admin/audit").await;
    let html = page.text();
    assert!(!html.contains("<script>alert") && !html.contains("<img"), "{html}");
    assert!(html.contains("&lt;script&gt;") && html.contains("Modell eingesetzt"), "{html}");
}

#[tokio::test]
async fn accounts_are_made_changed_locked_and_given_a_new_password() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let new = |login, password| [("login", login), ("role", "viewer"), ("password", password)];
    for (login, password, field) in [
        ("", TestApp::PASSWORD, "login"),
        ("admin@example.ch", TestApp::PASSWORD, "login"),
        ("bert@example.ch", "short", "password"),
    ] {
        let refused = admin.submit("/admin/users", &new(login, password)).await;
        assert_eq!(refused.status, 422, "{field}");
        assert!(refused.text().contains(&format!("id=\"{field}-error\"")), "{}", refused.text());
        assert!(!refused.text().contains("short"), "the password came back");
    }
    let made = admin.submit("/admin/users", &new("bert@example.ch", TestApp::PASSWORD)).await;
    let page = admin.follow(&made).await;
    let path = made.header(header::LOCATION).to_owned();
    assert!(
        page.text().contains("bert@example.ch darf sich anmelden: Betrachter."),
        "{}",
        page.text()
    );

    let bert = Browser::new(&app);
    bert.open("/login").await;
    let fields = [("login", "bert@example.ch"), ("password", TestApp::PASSWORD)];
    assert_eq!(bert.submit("/login", &fields).await.status, 303);
    assert_eq!(bert.open("/admin").await.status, 403);
    let role = [("role", "admin")];
    assert_eq!(admin.submit(&format!("{path}/role"), &role).await.status, 303);
    assert_eq!(bert.open("/admin").await.status, 200);
    let weak = admin.submit(&format!("{path}/password"), &[("password", "short")]).await;
    assert_eq!(weak.status, 422, "{}", weak.text());
    let fresh = [("password", "staple of nine clouds")];
    assert_eq!(admin.submit(&format!("{path}/password"), &fresh).await.status, 303);
    assert_eq!(bert.open("/admin").await.status, 303, "his session goes on");
    let fields = [("login", "bert@example.ch"), ("password", "staple of nine clouds")];
    assert_eq!(bert.submit("/login", &fields).await.status, 303);
    let locked = admin.submit(&format!("{path}/disable"), &[]).await;
    assert!(admin.follow(&locked).await.text().contains("bert@example.ch ist gesperrt."));
    assert_eq!(bert.open("/account").await.status, 303, "his session goes on");
    let open = admin.submit(&format!("{path}/enable"), &[]).await;
    assert!(admin.follow(&open).await.text().contains("darf sich anmelden"));

    // The last admin stays one, whatever is asked.
    let users = app.get(Role::Admin, "/api/users").await.json(200);
    let id = |login: &str| {
        let all = users["users"].as_array().unwrap().iter();
        let user_id = all.filter(|user| user["login"] == login).map(|user| &user["user_id"]).next();
        user_id.unwrap().as_str().unwrap().to_owned()
    };
    let bert_path = format!("/admin/users/{}/role", id("bert@example.ch"));
    assert_eq!(admin.submit(&bert_path, &[("role", "viewer")]).await.status, 303);
    let own = format!("/admin/users/{}/role", id("admin@example.ch"));
    let refused = admin.submit(&own, &[("role", "viewer")]).await;
    assert!(admin.follow(&refused).await.text().contains("der letzte Admin"));
    assert_eq!(admin.open("/admin").await.status, 200);
}

#[tokio::test]
async fn sessions_are_seen_and_ended_by_admins_and_by_their_owner() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let (viewer, second) =
        (Browser::of(&app, Role::Viewer).await, Browser::of(&app, Role::Viewer).await);
    let ends = |html: &str, start: &str| -> Vec<String> {
        let actions = html.split("action=\"").skip(1).map(|at| at.split('"').next().unwrap());
        let actions = actions.map(|at| at.replace("&#x2F;", "/"));
        actions.filter(|at| at.starts_with(start) && at.ends_with("/end")).collect()
    };
    // Two tokens of the command line are sessions, too; the one that looks is not offered its end.
    let own = viewer.open("/account").await;
    let own = ends(own.text(), "/account/sessions/");
    assert_eq!(own.len(), 3, "{own:?}");
    let theirs = ends(admin.open("/admin/sessions").await.text(), "/admin/sessions/");
    assert!(theirs.len() > own.len(), "{theirs:?}");

    // Nobody ends a session of somebody else through their own account.
    let part = Part { user_id: None, after: None, limit: 100 };
    let all = app.services.accounts.sessions(part).await.unwrap().into_iter();
    let foreign: Vec<_> = all.filter(|it| it.login == "admin@example.ch").collect();
    assert!(!foreign.is_empty());
    for session in &foreign {
        let path = format!("/account/sessions/{}/end", session.session_id);
        let page = viewer.follow(&viewer.submit(&path, &[]).await).await;
        assert!(page.text().contains("schon zu Ende"), "{}", page.text());
    }
    assert_eq!(admin.open("/admin").await.status, 200);
    assert_eq!(second.open("/account").await.status, 200);
    for path in &own {
        assert_eq!(viewer.submit(path, &[]).await.status, 303);
    }
    assert_eq!(second.open("/account").await.status, 303, "the other session goes on");
    assert_eq!(viewer.open("/account").await.status, 200);

    let wrong = [("current_password", "wrong"), ("new_password", "staple of nine clouds")];
    let refused = viewer.submit("/account/password", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("id=\"current_password-error\""), "{}", refused.text());
    let weak = [("current_password", TestApp::PASSWORD), ("new_password", "short")];
    let refused = viewer.submit("/account/password", &weak).await;
    assert!(refused.text().contains("id=\"new_password-error\""), "{}", refused.text());
    let right =
        [("current_password", TestApp::PASSWORD), ("new_password", "staple of nine clouds")];
    let changed = viewer.submit("/account/password", &right).await;
    assert!(viewer.follow(&changed).await.text().contains("Das neue Passwort gilt"));
    let english = viewer.submit("/account/language", &[("language", "en")]).await;
    assert!(viewer.follow(&english).await.text().contains("<html lang=\"en"));
}

#[tokio::test]
async fn a_new_key_is_shown_once_and_ends_when_it_is_revoked() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    for (name, days, scope, error) in [
        ("", "365", "read", "name-error"),
        ("pump", "0", "read", "days-error"),
        ("pump", "many", "read", "days-error"),
        ("pump", "365", "other", "scopes-error"),
    ] {
        let fields = [("name", name), ("days", days), (scope, "on")];
        let refused = admin.submit("/admin/keys", &fields).await;
        assert_eq!(refused.status, 422, "{error}");
        assert!(refused.text().contains(&format!("id=\"{error}\"")), "{error}: {}", refused.text());
    }
    let fields = [("name", HOSTILE), ("days", "10"), ("read", "on")];
    let made = admin.submit("/admin/keys", &fields).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header(header::CACHE_CONTROL), "no-store");
    let key = made.text().split("value=\"luna_").nth(1).unwrap().split('"').next().unwrap();
    let key = format!("luna_{key}");
    assert_eq!(key.len(), 57);
    assert!(!made.text().contains("<script>alert") && !made.text().contains("<img"));
    let send = async |status| {
        let request = from_this_box(Method::GET, "/api/markets");
        let answer = app.ask(request.insert_header(("x-api-key", key.as_str()))).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    };
    send(200).await;
    let page = admin.open("/admin/keys").await;
    assert!(!page.text().contains(&key), "it is shown twice");
    assert!(page.text().contains("endet bald"), "{}", page.text());
    let revoke = page.text().split("action=\"").find(|at| at.contains("/revoke\"")).unwrap();
    let revoke = revoke.split('"').next().unwrap().replace("&#x2F;", "/");
    let revoked = admin.submit(&revoke, &[]).await;
    assert!(admin.follow(&revoked).await.text().contains("widerrufen"));
    send(401).await;
    let audit = admin.open("/admin/audit?action=key.").await;
    assert!(!audit.text().contains(&key) && !audit.text().contains("<script>alert"));
}

#[tokio::test]
async fn a_setting_is_changed_refused_at_its_field_and_taken_back() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let list = admin.open("/admin/settings").await;
    assert!(list.text().contains("simulation.enabled"), "{}", list.text());
    assert!(!list.text().contains("href=\"/admin/settings/server.port\""), "it is no link");
    let path = "/admin/settings/server.requests_per_minute";
    for wrong in ["many", "-1", HOSTILE] {
        let refused = admin.submit(path, &[("value", wrong)]).await;
        let html = refused.text();
        assert_eq!(refused.status, 422, "{wrong}: {html}");
        assert!(html.contains("id=\"value-error\"") && html.contains("aria-invalid=\"true\""));
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{html}");
    }
    let stored = async |key: &str| {
        let mut all = app.services.settings.list().await.unwrap().into_iter();
        let found = all.find(|setting| setting.key == key).unwrap();
        (found.value, found.stored.is_some())
    };
    let before = stored("server.requests_per_minute").await;
    let set = admin.submit(path, &[("value", " 4321 ")]).await;
    assert!(admin.follow(&set).await.text().contains("Der Wert ist gespeichert."));
    assert_eq!(stored("server.requests_per_minute").await, (json!(4321), true));
    assert!(admin.open("/admin/settings").await.text().contains("hier geändert"));
    let reset = admin.submit(&format!("{path}/reset"), &[]).await;
    assert!(admin.follow(&reset).await.text().contains("Es gilt wieder"));
    assert_eq!(stored("server.requests_per_minute").await, before);

    let open = "/admin/settings/simulation.enabled";
    assert_eq!(admin.submit(open, &[("value", "false")]).await.status, 303);
    assert_eq!(stored("simulation.enabled").await, (json!(false), true));
    let nets = "/admin/settings/server.trusted_proxies";
    assert_eq!(
        admin.submit(nets, &[("value", "10.0.0.1\r\n\r\n192.168.0.0/16")]).await.status,
        303
    );
    let (value, _) = stored("server.trusted_proxies").await;
    assert!(value.to_string().contains("192.168.0.0/16"), "{value}");
    assert_eq!(admin.submit("/admin/settings/server.port", &[("value", "1")]).await.status, 409);
    assert_eq!(admin.open("/admin/settings/no.such").await.status, 404);
}

/// A simulated site is switched on by one setting, and by another one the pages leave it for what
/// is measured.
#[tokio::test]
async fn a_simulated_site_is_shown_and_left_by_one_setting() {
    let app = TestApp::with(utc("2026-03-28T12:05:00Z"), |settings| {
        settings.simulation.history_days = 30;
        let home = settings.simulation.sites.get_mut("home").unwrap();
        home.built_on = "2026-03-27".parse().unwrap();
    })
    .await;
    let admin = Browser::of(&app, Role::Admin).await;
    let (path, open) = ("/admin/simulation", "/admin/settings/simulation.sites_enabled");
    let page = admin.open(path).await;
    assert!(
        page.text().contains("Die Zähler dieses Standorts schreiben nicht."),
        "{}",
        page.text()
    );
    assert!(page.text().contains(open) && !page.text().contains("home-stored-title"));

    assert_eq!(admin.submit(open, &[("value", "true")]).await.status, 303);
    let start = [("which", "meters"), ("interval_s", "")];
    assert_eq!(admin.submit(&format!("{path}/start"), &start).await.status, 303);
    while app.services.simulation.tick().await.unwrap().has_more {}
    let page = admin.open(path).await;
    let html = page.text();
    for part in ["grid", "pv", "battery", "ev", "heatpump", "house", "stored"] {
        assert!(html.contains(&format!("id=\"home-{part}-title\"")), "{part}: {html}");
    }
    for word in
        ["Simulierter Standort home", "Wärmepumpe", "Ladezustand", "ohne die grossen Geräte"]
    {
        assert!(html.contains(word), "{word}: {html}");
    }

    // The roles on the page are those that the meters have.
    let status = app.get(Role::Viewer, "/api/sim/status").await.json(200);
    let meters = app.get(Role::Viewer, "/api/meters").await.json(200);
    let role = |list: &Value, meter_id: &Value| {
        let all = list.as_array().unwrap();
        all.iter().find(|meter| meter["meter_id"] == *meter_id).unwrap()["role"].clone()
    };
    let site = &status["sites"][0];
    assert_eq!(site["meters"].as_array().unwrap().len(), 6);
    for meter in site["meters"].as_array().unwrap() {
        assert_eq!(role(&meters["meters"], &meter["meter_id"]), meter["role"]);
    }
    let soc = site["now"]["battery_soc"].as_f64().unwrap();
    assert!((0.1..=0.95).contains(&soc), "{site}");

    // One setting decides what pages show; rows, tables and interfaces stay as they are.
    let reading = json!([{"meter_id": "house-1", "ts": "2026-03-28T11:45:00Z", "interval_s": 900,
        "consumption_kw": 1.5}]);
    app.post(Role::Admin, "/api/ingest/readings?create=true", &reading).await.json(200);
    let shown = async |value: &str| {
        let setting = "/admin/settings/meters.default";
        assert_eq!(admin.submit(setting, &[("value", value)]).await.status, 303);
        app.get(Role::Viewer, "/api/meters").await.json(200)["shown"].clone()
    };
    assert_eq!(shown("sim-home-grid").await, "sim-home-grid");
    assert!(
        admin.open(path).await.text().contains("Die Seiten zeigen jetzt den Zähler sim-home-grid.")
    );
    assert_eq!(shown("house-1").await, "house-1");
    assert_eq!(shown("sim-home-grid").await, "sim-home-grid");
    assert_eq!(shown("auto").await, "house-1");
}

#[tokio::test]
async fn the_simulation_is_started_used_and_stopped_from_its_page() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let path = "/admin/simulation";
    let start = [("which", "meters"), ("interval_s", "2")];
    assert_eq!(admin.submit(&format!("{path}/start"), &start).await.status, 303);
    let status = app.get(Role::Viewer, "/api/sim/status").await.json(200);
    assert_eq!(
        (&status["meters"]["is_running"], &status["meters"]["interval_s"]),
        (&json!(true), &json!(2))
    );
    let order =
        |from, to| [("what", "sim-house"), ("from", from), ("to", to), ("interval_s", "900")];
    let generate = format!("{path}/generate");
    assert_eq!(admin.submit(&generate, &order("2026-03-01", "2026-03-02")).await.status, 303);
    let days = "/api/meters/sim-house/readings?from=2026-03-01&to=2026-03-02&resolution=day";
    let days = app.get(Role::Viewer, days).await.json(200);
    assert_eq!(days["rollups"].as_array().unwrap().len(), 2);
    for (from, to, words) in [
        ("2026-03-02", "2026-03-01", "Der letzte Tag liegt vor dem ersten."),
        ("2026-03-02", "2026-04-01", "was noch niemand wissen kann"),
        ("1990-01-01", "2026-03-01", "mehr als 2 Millionen Zeilen"),
        ("gestern", "2026-03-01", "als Jahr-Monat-Tag"),
    ] {
        let order = [("what", ""), ("from", from), ("to", to), ("interval_s", "5")];
        let page = admin.submit(&generate, &order).await;
        assert_eq!(page.status, 422, "{from} to {to}");
        assert!(page.text().contains(words) && page.text().contains("aria-invalid"), "{words}");
    }
    assert_eq!(admin.submit(&format!("{path}/stop"), &[("which", "both")]).await.status, 303);
    let page = admin.open(path).await;
    let html = page.text();
    assert!(
        html.contains("Die Simulation steht.") && html.contains("<svg class=\"chart\""),
        "{html}"
    );
    assert!(
        html.contains("angehalten") && html.contains("gestartet") && html.contains("simuliert")
    );
}

#[tokio::test]
async fn changes_that_could_not_be_taken_are_told_again_or_discarded_from_the_page() {
    let app = TestApp::new().await;
    let admin = Browser::of(&app, Role::Admin).await;
    let changes = &app.services.changes;
    let at = app.clock.now();
    let range = TimeRange::new(at, at + Duration::hours(1));
    let change = Change { kind: ChangeKind::Price, name: "price:CH:day_ahead".to_owned(), range };
    let file = "time,price\n2026-03-20T00:00:00Z,1\n2026-03-20T01:00:00Z,2\n";
    app.import("CH", file).await.json(200);
    app.run_changes().await;
    changes.bury("meters.rollups", &change, HOSTILE).await.unwrap();
    changes.bury("meters.rollups", &change, "it hurts").await.unwrap();
    let page = admin.open("/admin/sources").await;
    let html = page.text();
    assert!(html.contains("2 Änderungen konnten nicht verarbeitet werden."), "{html}");
    assert!(html.contains("Summen der Zähler") && html.contains("auf dem Laufenden"), "{html}");
    assert!(html.contains("it hurts") && !html.contains("<script>alert"), "{html}");
    let letters = changes.letters(false, None, 10).await.unwrap();
    for (letter, what, said) in [
        (&letters[0], "retry", "noch einmal gemeldet"),
        (&letters[0], "retry", "schon entschieden"),
        (&letters[1], "discard", "bleibt unverarbeitet"),
    ] {
        let path = format!("/admin/sources/changes/{}/{what}", letter.letter_id);
        let answer = admin.submit(&path, &[]).await;
        let page = admin.follow(&answer).await;
        assert!(page.text().contains(said), "{said}: {}", page.text());
    }
    assert!(admin.open("/admin/sources").await.text().contains("Jede Änderung wurde verarbeitet."));
}
