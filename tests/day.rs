//! A box from its first start on: what a person sees who runs the program, with everything real.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::program::{self, Home, Ran, is_alive, run, skipped, tool, until};

/// Longest end of a server that is asked to stop, as promised to service managers.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Three days of prices in Zürich, 72 rows; the middle one has 24 hours.
const DAYS: [&str; 3] = ["2024-05-01", "2024-05-02", "2024-05-03"];

/// A client that shows redirects instead of following them.
fn client() -> Client {
    program::client().redirect(Policy::none()).build().unwrap()
}

fn price_file(home: &Home) -> String {
    let rows = DAYS
        .iter()
        .flat_map(|day| (0..24).map(move |hour| format!("{day} {hour:02}:00,{}.5\n", 40 + hour)));
    let text: String = std::iter::once("time_local,CH\n".to_owned()).chain(rows).collect();
    home.write("prices.csv", &text).display().to_string()
}

async fn get(home: &Home, path: &str, token: Option<&str>) -> (StatusCode, Value) {
    let mut request = client().get(home.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_lives_through_its_first_day() {
    let home = Home::new();
    let served = home.serve().await;
    first_look(&home).await;
    metrics_are_well_formed(&home).await;
    let token = somebody_becomes_admin(&home).await;
    prices_are_imported_once(&home);
    let path = "/api/prices?market=CH&from=2024-05-02&to=2024-05-02";
    let (_, before) = get(&home, path, Some(&token)).await;
    assert_eq!(before["points"].as_array().unwrap().len(), 24);
    assert_eq!(before["points"][6]["price_eur_mwh"], 46.5);

    // The power goes out for the program, not for its database.
    let database = home.database().unwrap();
    served.end(Signal::SIGKILL, STOP_MAX);
    assert!(is_alive(database), "the database went down with the program");
    let served = home.serve().await;
    assert_eq!(home.database(), Some(database), "a second server was started");
    assert_eq!(get(&home, path, Some(&token)).await, (StatusCode::OK, before));
    assert_eq!(get(&home, "/api/me", Some(&token)).await.1["login"], "anna@example.ch");

    let healthy = home.run(&["health"]);
    assert_eq!((healthy.code, healthy.stdout.as_str()), (Some(0), "ready\n"), "{healthy:?}");
    let status = served.end(Signal::SIGTERM, STOP_MAX);
    assert_eq!(status.code(), Some(0), "{}", home.log());
    assert!(!is_alive(database), "the database was left behind");
    let gone = home.run(&["health"]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains("does not answer on port"), "{gone:?}");
}

async fn first_look(home: &Home) {
    let code = until_file(&home.data("setup-code")).await;
    let mode = fs::metadata(home.data("setup-code")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let groups: Vec<usize> = code.trim().split('-').map(str::len).collect();
    assert_eq!(groups, [4; 4], "{code}");
    assert!(!home.log().contains(code.trim()), "the code stands in the log");

    let today = client().get(home.url("/"));
    let page =
        until(today, |status, text| status.is_success() && text.contains("chart-data")).await;
    assert!(page.contains("simuliert"), "simulated prices are not called so: {page}");
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let (status, prices) = get(home, "/api/prices", None).await;
    assert_eq!((status, &prices["market"]), (StatusCode::OK, &json!("SIM-CH")));
    assert!(prices["points"].as_array().unwrap().len() > 24, "{prices}");
}

/// The text of a file that the server writes when it is ready to.
async fn until_file(path: &std::path::Path) -> String {
    for _ in 0..600 {
        if let Ok(text) = fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} is not written", path.display());
}

async fn metrics_are_well_formed(home: &Home) {
    let answer = client().get(home.url("/metrics")).send().await.unwrap();
    assert!(answer.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/plain"));
    let text = answer.text().await.unwrap();
    assert!(text.contains("luna_http_requests_total{"), "{text}");
    let Some(promtool) = tool("promtool") else {
        return skipped("a_box_lives_through_its_first_day", "promtool is not installed");
    };
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]);
    let judged = run(command, &text);
    assert_eq!((judged.code, judged.stdout.as_str(), judged.stderr.as_str()), (Some(0), "", ""));
}

/// Makes an account while the server runs; returns a token.
async fn somebody_becomes_admin(home: &Home) -> String {
    let create = [
        "admin",
        "create-user",
        "--email",
        "Anna@example.ch",
        "--role",
        "admin",
        "--password-stdin",
    ];
    let weak = home.run_with(&create, "short\n");
    assert_eq!(weak.code, Some(1), "{weak:?}");
    let created = home.run_with(&create, "c4n4ry horse battery\n");
    assert_eq!(created.stdout, "Created anna@example.ch with role admin.\n", "{created:?}");
    let Ran { code, stdout, stderr } = home.run(&["admin", "token", "--email", "anna@example.ch"]);
    assert_eq!(code, Some(0), "{stderr}");
    let token = stdout.trim().to_owned();

    let led = client().get(home.url("/")).header(ACCEPT, "text/html").send().await.unwrap();
    assert_eq!(led.status(), StatusCode::SEE_OTHER);
    assert!(led.headers()[LOCATION].to_str().unwrap().starts_with("/login"), "{led:?}");
    let (status, problem) = get(home, "/api/prices", None).await;
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::UNAUTHORIZED, &json!("/problems/not-logged-in"))
    );
    assert_eq!(get(home, "/api/prices", Some(&token)).await.0, StatusCode::OK);
    let forged = format!("{}x", &token[..token.len() - 1]);
    assert_eq!(get(home, "/api/prices", Some(&forged)).await.0, StatusCode::UNAUTHORIZED);
    token
}

fn prices_are_imported_once(home: &Home) {
    let file = price_file(home);
    let import = ["import", "prices", &file, "--market", "CH", "--json"];
    let (first, second) = (home.run(&import).json(), home.run(&import).json());
    let mut keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "columns",
            "dropped",
            "dry_run",
            "first",
            "last",
            "market",
            "notes",
            "product",
            "rows_read",
            "series",
            "stored",
            "unchanged"
        ]
    );
    let counts = |report: &Value| {
        ["rows_read", "stored", "unchanged"].map(|name| report[name].as_u64().unwrap())
    };
    assert_eq!((counts(&first), counts(&second)), ([72, 72, 0], [72, 0, 72]));
    assert_eq!(first["first"], "2024-04-30T22:00:00Z");
    assert_eq!(first["columns"]["zone"], "Europe/Zurich");
    let absent = home.run(&["import", "prices", "absent.csv", "--market", "CH"]);
    assert_eq!((absent.code, absent.stdout.as_str()), (Some(1), ""), "{absent:?}");
    assert!(absent.stderr.starts_with("error: cannot read absent.csv"), "{absent:?}");
}

#[test]
fn every_wrong_setting_is_named_before_anything_starts() {
    let home = Home::new();
    fs::create_dir(home.path("config")).unwrap();
    home.write("config/luna.toml", "[server]\nhots = \"0.0.0.0\"\n[jobs]\nworkers = -1\n");
    home.write(".env", "API_PROT=8001\n");
    let mut command = home.command(&["serve"]);
    command.env("APPLY_MIGRATIONS", "perhaps").env("LUNA_SIMULATION__HISTORY_DAYS", "0");
    command.env("LUNA_SERVER__HOST", "nowhere").env("LOG_LEVEL", "loud");
    let refused = run(command, "");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    for mistake in [
        "hots",
        "did you mean server.host",
        "loud",
        "workers",
        "API_PROT",
        "did you mean API_PORT",
        "APPLY_MIGRATIONS",
        "perhaps",
        "history_days",
        "nowhere",
    ] {
        assert!(refused.stderr.contains(mistake), "{mistake} is not named:\n{}", refused.stderr);
    }
    assert!(!home.path("data").exists(), "something was started");
    let unknown = home.run(&["dance"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(2), ""), "{unknown:?}");
}

#[test]
fn a_taken_port_is_told_before_anything_starts() {
    let home = Home::new();
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, home.port)).unwrap();
    let refused = home.run(&["serve"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    let sentence = format!("error: cannot listen on 127.0.0.1:{}", home.port);
    assert!(refused.stderr.contains(&sentence), "{}", refused.stderr);
    assert!(refused.stderr.contains("choose another port with --port or API_PORT"));
    assert!(!home.path("data").exists(), "something was started");
}
