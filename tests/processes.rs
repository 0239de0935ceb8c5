//! Several processes on one database: each slot runs once, and what a killed one held goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{Home, Served, client, until};

/// Longest end of a process that is killed.
const KILL_MAX: Duration = Duration::from_secs(10);

/// Roles and short leases: what a box on one machine does not need to wait for.
fn with_roles(home: Home, roles: &str) -> Home {
    home.with("LUNA_SERVER__ROLES", roles)
        .with("LUNA_JOBS__LEASE_S", "4")
        .with("LUNA_JOBS__RENEW_S", "1")
        .with("LUNA_JOBS__POLL_S", "1")
        .with("LUNA_SIMULATION__ENABLED", "false")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_one_is_killed_and_nothing_runs_twice_or_is_lost() {
    let front = with_roles(Home::new(), "web");
    let _front = front.serve().await;
    let token = become_admin(&front);
    let file = front.write("prices.csv", &year_of_prices());
    let imported = front.run(&["import", "prices", &file.display().to_string(), "--market", "CH"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let ask = Ask { home: &front, token: &token };

    let workers = [(); 2].map(|()| with_roles(front.sibling(), "worker,events"));
    let mut served = vec![workers[0].serve().await, workers[1].serve().await];
    let pages = client().build().unwrap().get(workers[0].url("/")).send().await.unwrap();
    assert_eq!(pages.status(), StatusCode::NOT_FOUND, "a worker answers pages");

    let order =
        json!({"kind": "train", "market": "CH", "model": "lightgbm", "until": "2025-06-30"});
    let queued =
        client().build().unwrap().post(front.url("/api/training/jobs")).bearer_auth(&token);
    let queued: Value = queued.json(&order).send().await.unwrap().json().await.unwrap();
    let job = format!("/api/jobs/{}", queued["job_id"].as_str().unwrap());
    let running = ask.until(&job, |it| it["job"]["state"] == "running").await;
    let killed = kill_its_worker(&mut served, &running["runs"][0]);

    let done = ask.until(&job, |it| it["job"]["state"] == "done").await;
    let outcomes: Vec<_> = done["runs"].as_array().unwrap().iter().map(outcome).collect();
    assert_eq!(outcomes.len(), 2, "{done:#}");
    assert_eq!(outcomes[0], (killed, "lease_lost"));
    assert_eq!(outcomes[1], (served[0].child.id(), "done"));
    assert_eq!(done["job"]["attempts"], 2);

    each_slot_ran_once(&ask).await;
}

/// Kills the process that `run` names; says its number.
fn kill_its_worker(served: &mut Vec<Served<'_>>, run: &Value) -> u32 {
    let (process, _) = outcome(run);
    let at = served.iter().position(|it| it.child.id() == process);
    let at = at.unwrap_or_else(|| panic!("{run} belongs to nobody"));
    served.remove(at).end(Signal::SIGKILL, KILL_MAX);
    process
}

/// The process of a run and how it ended.
fn outcome(run: &Value) -> (u32, &str) {
    let worker = run["worker"].as_str().unwrap();
    let process = worker.rsplit(':').nth(1).unwrap().parse().unwrap();
    (process, run["outcome"].as_str().unwrap_or("runs"))
}

async fn each_slot_ran_once(ask: &Ask<'_>) {
    let idle = |page: &Value| {
        let ended = |job: &Value| job["state"] != "queued" && job["state"] != "running";
        page["jobs"].as_array().unwrap().iter().all(ended)
    };
    let page = ask.until("/api/jobs?limit=200", idle).await;
    let mut slots: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for job in page["jobs"].as_array().unwrap() {
        let path = format!("/api/jobs/{}", job["job_id"].as_str().unwrap());
        let detail = ask.until(&path, |_| true).await;
        let runs = detail["runs"].as_array().unwrap();
        let done = runs.iter().filter(|run| run["outcome"] == "done").count();
        assert_eq!((&job["state"], done), (&json!("done"), 1), "{detail:#}");
        if let Some(slot) = job["slot"].as_str() {
            *slots.entry((job["name"].as_str().unwrap(), slot)).or_default() += 1;
        }
    }
    // Both processes looked at the three schedules when they started.
    let names: Vec<&str> = slots.keys().map(|(name, _)| *name).collect();
    for name in ["learning.refresh", "learning.retrain", "access.remove_ended_sessions"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(slots.values().all(|jobs| *jobs == 1), "{slots:?}");
}

struct Ask<'a> {
    home: &'a Home,
    token: &'a str,
}

impl Ask<'_> {
    /// Asks until `good` says so of the answer.
    async fn until(&self, path: &str, good: impl Fn(&Value) -> bool) -> Value {
        let request = client().build().unwrap().get(self.home.url(path)).bearer_auth(self.token);
        let text = until(request, |status, text| {
            status.is_success() && good(&serde_json::from_str(text).unwrap())
        });
        serde_json::from_str(&text.await).unwrap()
    }
}

fn become_admin(home: &Home) -> String {
    let create = ["admin", "create-user", "--email", "ops", "--role", "admin", "--password-stdin"];
    let created = home.run_with(&create, "c4n4ry horse battery\n");
    assert_eq!(created.code, Some(0), "{created:?}");
    let token = home.run(&["admin", "token", "--email", "ops"]);
    assert_eq!(token.code, Some(0), "{token:?}");
    token.stdout.trim().to_owned()
}

/// Hourly prices with a daily and a weekly wave, 540 days from the start of 2024.
fn year_of_prices() -> String {
    let first: chrono::DateTime<chrono::Utc> = "2024-01-01T00:00:00Z".parse().unwrap();
    let rows = (0..540 * 24).map(|hour| {
        let at = first + chrono::Duration::hours(hour);
        let wave = (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
        let week = (hour as f64 / 168.0 * std::f64::consts::TAU).cos();
        let noise = f64::from((hour * 7_919 % 101) as i32 - 50) / 10.0;
        format!(
            "{},{:.2}\n",
            at.format("%Y-%m-%dT%H:%M:%SZ"),
            70.0 + 25.0 * wave + 10.0 * week + noise
        )
    });
    std::iter::once("time_utc,CH\n".to_owned()).chain(rows).collect()
}
