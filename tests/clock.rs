//! The clock of the machine leaps while the program runs: an hour ahead, an hour back, ten years ahead
//! and back. The database's clock stays right.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{Home, client, skipped, until};

/// Where Debian and others put the library that shows a program another time.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// Where the clock starts, from the machine's: some day of last winter.
const START_S: i64 = -200 * 86_400;
const TEN_YEARS_S: i64 = 10 * 365 * 86_400;

/// The program with a clock that a test sets, and who asks it.
struct Leaping<'h> {
    home: &'h Home,
    offset: PathBuf,
    token: String,
}

impl Leaping<'_> {
    /// Shows the program the machine's time with so many seconds added; waits until it sees that.
    async fn leap(&self, offset_s: i64) {
        fs::write(&self.offset, format!("{offset_s:+}\n")).unwrap();
        let expected = time_of_machine() + chrono::Duration::seconds(offset_s);
        let seen = |text: &str| {
            let summary: Value = serde_json::from_str(text).unwrap();
            let now: DateTime<Utc> = summary["now"].as_str().unwrap().parse().unwrap();
            (now - expected).abs() < chrono::Duration::minutes(10)
        };
        self.until("/health/ready", |_| true).await;
        // The summary asks for somebody who may see it; tokens do not outlive every leap.
        let token = self.new_token();
        let request =
            client().build().unwrap().get(self.home.url("/api/status/summary")).bearer_auth(token);
        until(request, |status, text| status.is_success() && seen(text)).await;
    }

    /// A token of the command line, which runs with the same clock.
    fn new_token(&self) -> String {
        let made = self.home.run(&["admin", "token", "--email", "ops"]);
        assert_eq!(made.code, Some(0), "{made:?}");
        made.stdout.trim().to_owned()
    }

    async fn until(&self, path: &str, good: impl Fn(&Value) -> bool) -> Value {
        let request = client().build().unwrap().get(self.home.url(path)).bearer_auth(&self.token);
        let text = until(request, |status, text| {
            status.is_success() && good(&serde_json::from_str(text).unwrap())
        });
        serde_json::from_str(&text.await).unwrap()
    }

    async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let request = client().build().unwrap().get(self.home.url(path)).bearer_auth(token);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap())
    }

    /// Healthy, nothing lasted less than nothing, no slot ran twice.
    async fn is_sound(&self, token: &str) -> usize {
        let (status, health) = self.get("", "/health/ready").await;
        assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("ok")), "{health:#}");
        let (status, stats) = self.get(token, "/api/stats").await;
        assert_eq!(status, StatusCode::OK, "{stats}");
        assert!(stats["uptime_s"].as_i64().unwrap() >= 0, "{stats}");
        assert!((0..300).contains(&stats["uptime_s"].as_i64().unwrap()), "{stats}");
        assert!(stats["queue_lag_s"].as_f64().unwrap() >= 0.0, "{stats}");
        let (_, page) = self.get(token, "/api/jobs?limit=200").await;
        let mut slots: BTreeMap<(String, String), u32> = BTreeMap::new();
        for job in page["jobs"].as_array().unwrap() {
            in_order(job, "created_at", "started_at");
            in_order(job, "started_at", "finished_at");
            let path = format!("/api/jobs/{}", job["job_id"].as_str().unwrap());
            let (_, detail) = self.get(token, &path).await;
            let runs = detail["runs"].as_array().unwrap();
            for run in runs {
                in_order(run, "started_at", "finished_at");
            }
            let begun = u32::try_from(runs.len()).unwrap();
            assert!(begun <= 1, "a slot ran {begun} times: {detail:#}");
            if let Some(slot) = job["slot"].as_str() {
                let name = job["name"].as_str().unwrap().to_owned();
                *slots.entry((name, slot.to_owned())).or_default() += 1;
            }
        }
        assert!(slots.values().all(|jobs| *jobs == 1), "{slots:?}");
        slots.len()
    }
}

/// One field's instant is not before the other's, where both are there.
fn in_order(value: &Value, first: &str, then: &str) {
    let at = |field: &str| -> Option<DateTime<Utc>> { value[field].as_str()?.parse().ok() };
    if let (Some(one), Some(other)) = (at(first), at(then)) {
        assert!(one <= other, "{then} before {first}: {value:#}");
    }
}

fn time_of_machine() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// A home beside `keeper` whose program reads its clock's offset from a file, each time it looks.
fn leaping(keeper: &Home, library: &str, offset: &Path) -> Home {
    keeper
        .sibling()
        .with("LD_PRELOAD", library)
        .with("FAKETIME_TIMESTAMP_FILE", offset.display().to_string())
        .with("FAKETIME_NO_CACHE", "1")
        // Timers and measured durations follow the clock that nobody sets.
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1")
        .with("LUNA_SIMULATION__ENABLED", "false")
        .with("LUNA_JOBS__POLL_S", "1")
}

/// Whether the first look of the schedules has been worked off.
fn is_idle(page: &Value) -> bool {
    let ended = |job: &Value| job["state"] != "queued" && job["state"] != "running";
    let jobs = page["jobs"].as_array().unwrap();
    jobs.len() >= 3 && jobs.iter().all(ended)
}

/// When the listed sessions end.
fn ends(list: &Value) -> Vec<String> {
    let listed = list.as_object().unwrap().values().find_map(Value::as_array).unwrap();
    listed.iter().map(|session| session["expires_at"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_breaks_nothing() {
    let name = "a_clock_that_leaps_breaks_nothing";
    let Some(library) = LIBRARIES.into_iter().find(|path| Path::new(path).is_file()) else {
        return skipped(name, "libfaketime is not there; .ci/setup.sh test installs it");
    };
    // The database belongs to a process whose clock is right.
    let keeper =
        Home::new().with("LUNA_SERVER__ROLES", "web").with("LUNA_SIMULATION__ENABLED", "false");
    let _kept = keeper.serve().await;
    let create = ["admin", "create-user", "--email", "ops", "--role", "admin", "--password-stdin"];
    assert_eq!(keeper.run_with(&create, "c4n4ry horse battery\n").code, Some(0));

    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    fs::write(&offset, format!("{START_S:+}\n")).unwrap();
    let home = leaping(&keeper, library, &offset);
    let served = home.serve().await;
    let mut it = Leaping { home: &home, offset, token: String::new() };
    it.token = it.new_token();
    let first_token = it.token.clone();
    it.leap(START_S).await;
    it.until("/api/jobs?limit=200", is_idle).await;
    let at_first = it.is_sound(&first_token).await;
    let sessions = async |token: &str| it.get(token, "/api/sessions").await;
    let given = ends(&sessions(&first_token).await.1);

    // An hour ahead: the schedules find what came due, the token of half a day still holds.
    it.leap(START_S + 3_600).await;
    it.until("/api/jobs?limit=200", |page| {
        is_idle(page) && page["jobs"].as_array().unwrap().len() > at_first
    })
    .await;
    let ahead = it.is_sound(&first_token).await;
    assert!(ahead > at_first, "{ahead} slots after the leap, {at_first} before");

    // An hour back: nothing that ran runs again.
    it.leap(START_S).await;
    it.is_sound(&first_token).await;
    let listed = ends(&sessions(&first_token).await.1);
    assert!(
        given.iter().all(|end| listed.contains(end)),
        "no session ends later: {given:?} {listed:?}"
    );

    // Ten years ahead: what was given then has ended, what is due runs once, and the program lives.
    it.leap(START_S + TEN_YEARS_S).await;
    assert_eq!(it.get(&first_token, "/api/stats").await.0, StatusCode::UNAUTHORIZED);
    it.token = it.new_token();
    let far_token = it.token.clone();
    it.until("/api/jobs?limit=200", is_idle).await;
    it.is_sound(&far_token).await;

    // And back: what was given in ten years is not good now, and the schedules go on.
    it.leap(START_S + 10_800).await;
    assert_eq!(it.get(&far_token, "/api/stats").await.0, StatusCode::UNAUTHORIZED);
    it.token = it.new_token();
    let last_token = it.token.clone();
    let around = time_of_machine() + chrono::Duration::seconds(START_S + 10_800);
    it.until("/api/jobs?limit=200", |page| {
        let is_of_now = |job: &Value| {
            let at: DateTime<Utc> = job["created_at"].as_str().unwrap().parse().unwrap();
            (at - around).abs() < chrono::Duration::minutes(30)
        };
        is_idle(page) && page["jobs"].as_array().unwrap().iter().any(is_of_now)
    })
    .await;
    it.is_sound(&last_token).await;

    let log = home.log();
    assert!(!log.contains("panicked") && !log.contains("panic"), "{log}");
    assert!(served.end(Signal::SIGTERM, Duration::from_secs(20)).success(), "{}", home.log());
}
