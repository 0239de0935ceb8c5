//! Changes on a real database: none is lost, whatever the order of commits, and what fails is kept.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;

use super::service::Step;
use super::*;
use crate::access::audit::Audit;
use crate::base::ids::Product;
use crate::base::timeline::{Clock, TimeRange};
use crate::platform::runtime::{Shutdown, Tasks};
use crate::platform::web::Role;
use crate::testing::{TestApp, TestDb, TestServices, ch, hours, point, utc};

fn change(name: &str) -> Change {
    let at: DateTime<Utc> = utc("2026-03-28T10:00:00Z");
    Change::of_meter(name, TimeRange::new(at, at + Duration::hours(1)))
}

fn changes_of(test: &TestDb) -> Changes {
    let clock = Clock::fixed(utc("2026-03-28T12:00:00Z"));
    Changes::new(test.db().clone(), Audit::new(test.db().clone(), clock.clone()), clock)
}

async fn tell(test: &TestDb, names: &[&str]) {
    let mut conn = test.db().conn().await.unwrap();
    for name in names {
        record(&mut conn, &[change(name)]).await.unwrap();
    }
}

/// Writes down what it gets, and cannot take what it was told to fail at.
struct Probe {
    name: &'static str,
    batches: Mutex<Vec<Vec<String>>>,
    fails_at: Mutex<Option<String>>,
    tell: Option<mpsc::UnboundedSender<usize>>,
}

impl Probe {
    fn new(name: &'static str) -> Arc<Self> {
        let (batches, fails_at) = (Mutex::default(), Mutex::default());
        Arc::new(Self { name, batches, fails_at, tell: None })
    }

    fn seen(&self) -> Vec<String> {
        self.batches.lock().unwrap().concat()
    }

    fn sizes(&self) -> Vec<usize> {
        self.batches.lock().unwrap().iter().map(Vec::len).collect()
    }
}

impl Consumer for Probe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn wants(&self, change: &Change) -> bool {
        change.kind == ChangeKind::Meter
    }

    fn take(&self, changes: Vec<Change>) -> BoxFuture<'_, anyhow::Result<()>> {
        let names: Vec<String> =
            changes.iter().map(|it| it.meter_id().unwrap().to_owned()).collect();
        let fails_at = self.fails_at.lock().unwrap().clone();
        async move {
            if let Some(bad) = names.iter().find(|name| Some(*name) == fails_at.as_ref()) {
                anyhow::bail!("{bad} hurts");
            }
            if let Some(tell) = &self.tell {
                tell.send(names.len()).unwrap();
            }
            self.batches.lock().unwrap().push(names);
            Ok(())
        }
        .boxed()
    }
}

/// One step at a time until there is nothing more to do, as far as other transactions of the
/// server let it come.
async fn drain(changes: &Changes, probe: &Arc<Probe>) {
    let consumer: Arc<dyn Consumer> = probe.clone();
    changes.drain(&[consumer]).await;
}

#[actix_web::test]
async fn commits_in_another_order_leave_no_gap() {
    let test = TestDb::new().await;
    let (changes, probe) = (changes_of(&test), Probe::new("probe"));
    let mut first = test.db().conn().await.unwrap();
    let mut second = test.db().conn().await.unwrap();
    first.batch_execute("BEGIN").await.unwrap();
    record(&mut first, &[change("first")]).await.unwrap();
    second.batch_execute("BEGIN").await.unwrap();
    record(&mut second, &[change("second")]).await.unwrap();
    second.batch_execute("COMMIT").await.unwrap();
    // The second is there for everybody to see, and would be in front of the first.
    let step = changes.step(&*probe, Pace::AtOnce).await.unwrap();
    assert!(matches!(step, Step::Waits(_)), "{step:?}");
    tell(&test, &["third"]).await;
    let step = changes.step(&*probe, Pace::AtOnce).await.unwrap();
    assert!(matches!(step, Step::Waits(_)) && probe.seen().is_empty(), "{step:?}");
    record(&mut first, &[change("first again")]).await.unwrap();
    first.batch_execute("COMMIT").await.unwrap();
    drain(&changes, &probe).await;
    assert_eq!(probe.seen(), ["first", "first again", "second", "third"]);
}

#[actix_web::test]
async fn what_is_taken_back_was_never_told() {
    let test = TestDb::new().await;
    let (changes, probe) = (changes_of(&test), Probe::new("probe"));
    let mut conn = test.db().conn().await.unwrap();
    conn.batch_execute("BEGIN").await.unwrap();
    record(&mut conn, &[change("never")]).await.unwrap();
    conn.batch_execute("ROLLBACK").await.unwrap();
    tell(&test, &["once"]).await;
    drain(&changes, &probe).await;
    assert_eq!(probe.seen(), ["once"]);
}

#[actix_web::test]
async fn batches_hold_at_most_fifty_and_a_new_process_goes_on_where_the_last_one_stood() {
    let test = TestDb::new().await;
    let names: Vec<String> = (0..120).map(|number| format!("m{number:03}")).collect();
    tell(&test, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let probe = Probe::new("probe");
    let changes = changes_of(&test);
    while changes.step(&*probe, Pace::AtOnce).await.unwrap() != Step::Moved {}
    assert_eq!(probe.sizes(), [50]);
    // Another process: same name, another life.
    drain(&changes_of(&test), &probe).await;
    assert_eq!((probe.sizes(), probe.seen()), (vec![50, 50, 20], names));
    assert_eq!(changes.step(&*probe, Pace::AtOnce).await.unwrap(), Step::Idle);
}

#[actix_web::test]
async fn a_small_batch_waits_for_five_seconds_and_a_full_one_does_not() {
    let test = TestDb::new().await;
    let (changes, probe) = (changes_of(&test), Probe::new("probe"));
    tell(&test, &["a"]).await;
    let waits = loop {
        match changes.step(&*probe, Pace::Steady).await.unwrap() {
            Step::Waits(wait) if wait.as_millis() == 1_000 => tokio::task::yield_now().await,
            step => break step,
        }
    };
    let Step::Waits(wait) = waits else { panic!("{waits:?}") };
    assert!(wait.as_secs_f64() <= 5.0, "{wait:?}");
    tell(&test, &["b"; 49]).await;
    while changes.step(&*probe, Pace::Steady).await.unwrap() != Step::Moved {}
    assert_eq!(probe.sizes(), [50]);
    let mut conn = test.db().conn().await.unwrap();
    record(&mut conn, &[change("c")]).await.unwrap();
    let aged = "UPDATE series_changes SET created_at = clock_timestamp() - interval '6 s'";
    conn.batch_execute(aged).await.unwrap();
    while changes.step(&*probe, Pace::Steady).await.unwrap() != Step::Moved {}
    assert_eq!(probe.sizes(), [50, 1]);
}

#[actix_web::test]
async fn what_hurts_is_put_aside_and_the_rest_goes_on() {
    let test = TestDb::new().await;
    let (changes, probe) = (changes_of(&test), Probe::new("probe"));
    *probe.fails_at.lock().unwrap() = Some("bad".to_owned());
    tell(&test, &["a", "bad", "b", "c"]).await;
    drain(&changes, &probe).await;
    assert_eq!(probe.seen(), ["a", "b", "c"]);
    let letters = changes.letters(false, None, 10).await.unwrap();
    let told: Vec<_> =
        letters.iter().map(|it| (it.change.name.as_str(), &*it.reason, it.attempts)).collect();
    assert_eq!(told, [("load:bad", "bad hurts", 5)]);
    let states = changes.states().await.unwrap();
    assert_eq!((states[0].lag_rows, states[0].dead_letters), (0, 1));
    // What reads beside the consumer goes on treating the range as changed.
    let mut conn = test.db().conn().await.unwrap();
    let series = (ChangeKind::Meter, "load:bad");
    let open = pending(&mut conn, "probe", series).await.unwrap();
    assert_eq!(open, [change("bad").range]);
    assert_eq!(pending(&mut conn, "probe", (ChangeKind::Meter, "load:a")).await.unwrap(), []);
}

#[actix_web::test]
async fn a_failure_rests_before_the_next_attempt() {
    let test = TestDb::new().await;
    let (changes, probe) = (changes_of(&test), Probe::new("probe"));
    *probe.fails_at.lock().unwrap() = Some("bad".to_owned());
    tell(&test, &["bad"]).await;
    while changes.step(&*probe, Pace::AtOnce).await.unwrap() != Step::Failed {}
    let mut conn = test.db().conn().await.unwrap();
    let aged = "UPDATE series_changes SET created_at = clock_timestamp() - interval '6 s'; \
         UPDATE change_cursors SET retry_at = retry_at + interval '1 min'";
    conn.batch_execute(aged).await.unwrap();
    let waits = changes.step(&*probe, Pace::Steady).await.unwrap();
    assert!(matches!(waits, Step::Waits(wait) if wait.as_secs() > 50), "{waits:?}");
    *probe.fails_at.lock().unwrap() = None;
    drain(&changes, &probe).await;
    assert_eq!(probe.seen(), ["bad"]);
}

#[actix_web::test]
async fn what_everybody_has_taken_is_removed_and_nothing_else() {
    let test = TestDb::new().await;
    let changes = changes_of(&test);
    let (quick, slow) = (Probe::new("quick"), Probe::new("slow"));
    let names = ["quick", "slow"];
    tell(&test, &["a", "b"]).await;
    drain(&changes, &quick).await;
    assert_eq!(changes.prune(&names, false).await.unwrap(), 0, "the other has never begun");
    drain(&changes, &slow).await;
    tell(&test, &["c"]).await;
    drain(&changes, &quick).await;
    assert_eq!(changes.prune(&names, true).await.unwrap(), 2);
    assert_eq!(changes.prune(&names, false).await.unwrap(), 2);
    drain(&changes, &slow).await;
    assert_eq!(slow.seen(), ["a", "b", "c"]);
    assert_eq!(changes.prune(&names, false).await.unwrap(), 1);
}

#[actix_web::test]
async fn numbers_of_another_server_do_not_hide_what_comes() {
    let test = TestDb::new().await;
    let (changes, probe) = (changes_of(&test), Probe::new("probe"));
    tell(&test, &["before"]).await;
    drain(&changes, &probe).await;
    let mut conn = test.db().conn().await.unwrap();
    // As a restore on a younger server leaves it.
    let far = "UPDATE series_changes SET writer = 4000000000000; \
         UPDATE change_cursors SET writer = 4000000000000";
    conn.batch_execute(far).await.unwrap();
    tell(&test, &["after"]).await;
    changes.adopt().await.unwrap();
    drain(&changes, &probe).await;
    assert_eq!(probe.seen(), ["before", "before", "after"]);
}

#[actix_web::test]
async fn a_task_is_woken_and_ends_with_the_program() {
    let test = TestDb::new().await;
    let changes = changes_of(&test);
    let (sender, mut told) = mpsc::unbounded_channel();
    let probe = Probe {
        name: "probe",
        batches: Mutex::default(),
        fails_at: Mutex::default(),
        tell: Some(sender),
    };
    let tasks = Tasks::new();
    changes.start(vec![Arc::new(probe)], &tasks);
    // Whether it stands before its first look or rests after it: it is told.
    tell(&test, &["a"; 50]).await;
    changes.wake();
    assert_eq!(told.recv().await, Some(50));
    assert_eq!(tasks.shutdown(std::time::Duration::from_secs(30)).await, Shutdown::Complete);
}

#[actix_web::test]
async fn facts_tell_what_they_change_and_only_then() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let services = &test.services;
    let told = async || {
        let mut conn = services.db.conn().await.unwrap();
        let mut all = Vec::new();
        for (kind, name) in [
            (ChangeKind::Price, "price:CH:day_ahead"),
            (ChangeKind::Observation, "load:CH"),
            (ChangeKind::Meter, "load:CH"),
        ] {
            all.push(pending(&mut conn, "nobody", (kind, name)).await.unwrap());
        }
        all
    };
    test.put(Product::DayAhead, ("2026-03-28", "2026-03-29"), |_| Some(50.0)).await;
    test.put_load("2026-03-28", "2026-03-28").await;
    let both = TimeRange::new(utc("2026-03-27T23:00:00Z"), utc("2026-03-29T22:00:00Z"));
    let one = TimeRange::new(utc("2026-03-27T23:00:00Z"), utc("2026-03-28T23:00:00Z"));
    assert_eq!(told().await, [vec![both], vec![one], vec![]]);
    let count = async || {
        let mut conn = services.db.conn().await.unwrap();
        store::waiting(&mut conn, "nobody").await.unwrap()
    };
    assert_eq!(count().await, 2, "one row per series and batch");
    test.put(Product::DayAhead, ("2026-03-28", "2026-03-29"), |_| Some(50.0)).await;
    test.put_load("2026-03-28", "2026-03-28").await;
    assert_eq!(count().await, 2, "nothing changed");
    // A batch that is refused changes nothing either.
    let bad = point(Product::DayAhead, utc("2026-03-28T12:00:00Z"), test.clock.now(), f64::NAN);
    services.prices.put(&ch(), Product::DayAhead, &[bad]).await.unwrap_err();
    assert_eq!((count().await, hours("2026-03-29", "2026-03-29").len()), (2, 23));
}

#[actix_web::test]
async fn new_prices_ask_for_one_forecast_however_many_they_are() {
    let app = TestApp::new().await;
    let file = "time,price\n2026-03-20T00:00:00Z,1\n2026-03-20T01:00:00Z,2\n";
    app.import("CH", file).await.json(200);
    app.import("DE-LU", file).await.json(200);
    app.run_changes().await;
    app.import("AT", file).await.json(200);
    app.run_changes().await;
    let waiting = async || {
        let list = app.get(Role::Admin, "/api/jobs?name=learning.refresh").await.json(200);
        list["jobs"].as_array().unwrap().iter().filter(|job| job["state"] == "queued").count()
    };
    assert_eq!(waiting().await, 1);
}

#[actix_web::test]
async fn letters_are_listed_told_again_and_discarded_by_admins() {
    let app = TestApp::new().await;
    let probe = Probe::new("probe");
    let mut conn = app.services.db.conn().await.unwrap();
    for name in ["one", "two"] {
        *probe.fails_at.lock().unwrap() = Some(name.to_owned());
        conn.transaction(async |conn| record(conn, &[change(name)]).await).await.unwrap();
        drain(&app.services.changes, &probe).await;
    }
    drop(conn);
    *probe.fails_at.lock().unwrap() = None;
    let list = app.get(Role::Analyst, "/api/changes/dead-letters").await.json(200);
    let letters = list["dead_letters"].as_array().unwrap();
    let names: Vec<_> = letters.iter().map(|it| it["change"]["name"].clone()).collect();
    assert_eq!(names, [json!("load:two"), json!("load:one")]);
    let act = async |role, index: usize, what: &str| {
        let id = letters[index]["letter_id"].as_str().unwrap();
        let path = format!("/api/changes/dead-letters/{id}/{what}");
        app.send(role, actix_web::http::Method::POST, &path, None).await
    };
    act(Role::Analyst, 0, "retry").await.problem(403);
    assert_eq!(act(Role::Admin, 0, "retry").await.json(200)["resolution"], "retried");
    act(Role::Admin, 0, "retry").await.problem(404);
    assert_eq!(act(Role::Admin, 1, "discard").await.json(200)["resolution"], "discarded");
    drain(&app.services.changes, &probe).await;
    assert_eq!(probe.seen(), ["two"]);
    let list = app.get(Role::Analyst, "/api/changes/dead-letters").await.json(200);
    assert_eq!(list["dead_letters"], json!([]));
    let all = app.get(Role::Analyst, "/api/changes/dead-letters?all=true").await.json(200);
    assert_eq!(all["dead_letters"].as_array().unwrap().len(), 2);
    let consumers = app.get(Role::Analyst, "/api/changes/consumers").await.json(200);
    assert_eq!(consumers["consumers"][0]["consumer"], "probe");
    assert_eq!(consumers["consumers"][0]["lag_rows"], 0);
    let refused = app.send(
        Role::Admin,
        actix_web::http::Method::POST,
        "/api/changes/dead-letters/nonsense/retry",
        None,
    );
    assert!(refused.await.status.is_client_error());
}
