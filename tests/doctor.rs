//! What the program says about the box it is on, and about itself: doctor, unit, completions, manual.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::program::{Home, Ran, run, skipped, tool};

/// The report of a run, and whether it passed.
fn report(ran: &Ran) -> (Value, bool) {
    assert!(ran.code == Some(0) || ran.code == Some(1), "{ran:?}");
    let report =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (report, ran.code == Some(0))
}

/// The check of a name.
fn check<'r>(report: &'r Value, id: &str) -> &'r Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{id}: {report}"))
}

#[test]
fn an_empty_box_is_looked_at_without_making_anything() {
    let home = Home::new();
    let (seen, passed) = report(&home.run(&["doctor", "--json"]));
    assert!(passed, "{seen}");
    let checks = seen["checks"].as_array().unwrap();
    assert!(checks.len() >= 25, "{} checks", checks.len());
    for (index, check) in checks.iter().enumerate() {
        assert_eq!(check["number"], index + 1, "{check}");
        assert!(check["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{check}");
        let needs_fix = check["result"] == "warn" || check["result"] == "fail";
        assert_eq!(check["fix"].is_string(), needs_fix, "{check}");
    }
    assert_eq!(check(&seen, "data_folder")["result"], "warn");
    assert!(!home.path("data").exists(), "a look makes nothing");

    let words = home.run(&["preflight"]);
    assert_eq!(words.code, Some(0), "{words:?}");
    assert!(words.stdout.contains("fix: mkdir -p "), "{words:?}");
}

#[test]
fn safe_faults_are_mended_when_asked() {
    let home = Home::new();
    let env = home.write(".env", "LOG_LEVEL=info\n");
    fs::set_permissions(&env, Permissions::from_mode(0o644)).unwrap();
    let (before, _) = report(&home.run(&["doctor", "--json"]));
    assert_eq!(check(&before, "secret_files")["result"], "warn");
    let (after, passed) = report(&home.run(&["doctor", "--fix", "--json"]));
    assert!(passed, "{after}");
    assert!(home.path("data").is_dir(), "{after}");
    assert_eq!(fs::metadata(&env).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(check(&after, "secret_files")["result"], "ok");
    assert_eq!(check(&after, "data_folder")["result"], "ok");
    let fixed = after["fixed"].as_array().unwrap();
    assert!(fixed.iter().any(|line| line.as_str().unwrap().contains(".env")), "{fixed:?}");
}

#[test]
fn collisions_and_mistakes_fail_with_holder_and_command() {
    let home = Home::new();
    let listener = TcpListener::bind(("127.0.0.1", home.port)).unwrap();
    fs::create_dir(home.path("config")).unwrap();
    fs::write(home.path("config/luna.toml"), "[server]\nprot = 1\n").unwrap();
    let mut command = home.command(&["doctor", "--json"]);
    command.env("DATABASE_URL", "postgres://luna:c4n4ry@127.0.0.1:9/luna");
    let ran = run(command, "");
    let (seen, passed) = report(&ran);
    assert!(!passed);
    assert!(!ran.stdout.contains("c4n4ry") && !ran.stderr.contains("c4n4ry"), "{ran:?}");
    let port = check(&seen, "port_api");
    assert_eq!(port["result"], "fail");
    let holder = format!("(process {})", std::process::id());
    assert!(port["reason"].as_str().unwrap().contains(&holder), "{port}");
    assert!(port["fix"].as_str().unwrap().starts_with("echo API_PORT=18"), "{port}");
    let settings = check(&seen, "settings");
    assert!(settings["reason"].as_str().unwrap().contains("did you mean server.port?"));
    let database = check(&seen, "database");
    assert_eq!(database["result"], "fail");
    assert!(database["reason"].as_str().unwrap().contains("refused"), "{database}");
    assert_eq!(check(&seen, "schema")["result"], "skipped");
    drop(listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_box_is_seen_and_what_it_left_behind_too() {
    let home = Home::new();
    let served = home.serve().await;
    let (seen, passed) = report(&home.run(&["doctor", "--json"]));
    assert!(passed, "{seen}");
    for id in ["port_api", "database", "schema", "durability", "signing_keys", "encoding"] {
        assert_eq!(check(&seen, id)["result"], "ok", "{}", check(&seen, id));
    }
    assert!(check(&seen, "port_api")["reason"].as_str().unwrap().contains("this Luna serves"));
    assert_eq!(check(&seen, "admin")["result"], "warn");
    assert_eq!(check(&seen, "backup")["result"], "warn");

    // Luna and its database die at once: the lock file stays, and is no longer anybody's.
    let database = home.database().unwrap();
    served.end(Signal::SIGKILL, Duration::from_secs(10));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(database), Signal::SIGKILL).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while home.database().is_some() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (stale, _) = report(&home.run(&["doctor", "--json"]));
    assert_eq!(check(&stale, "pg_lock")["result"], "warn", "{}", check(&stale, "pg_lock"));
    let (mended, _) = report(&home.run(&["doctor", "--json", "--fix"]));
    assert_eq!(check(&mended, "pg_lock")["result"], "ok");
    assert!(!home.data("postgres/postmaster.pid").exists());
}

#[test]
fn the_unit_is_accepted_and_closed() {
    let home = Home::new();
    let unit = home.run(&["systemd"]);
    assert_eq!(unit.code, Some(0), "{unit:?}");
    for line in [
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "RestartPreventExitStatus=1",
    ] {
        assert!(unit.stdout.lines().any(|known| known == line), "{line}");
    }
    let path = home.write("luna.service", &unit.stdout);
    let Some(systemd) = tool("systemd-analyze") else {
        return skipped("the_unit_is_accepted_and_closed", "systemd-analyze is not installed");
    };
    let verified = Command::new(&systemd).arg("verify").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.is_empty(), "{said}");
    let mut exposure = Command::new(&systemd);
    exposure.args(["security", "--offline=true", "--threshold=20"]).arg(&path);
    assert!(exposure.stdout(Stdio::null()).status().unwrap().success(), "more open than 2.0");
}

#[test]
fn the_program_completes_and_describes_itself() {
    let home = Home::new();
    for (shell, part) in
        [("bash", "_luna()"), ("zsh", "#compdef luna"), ("fish", "complete -c luna")]
    {
        let script = home.run(&["completions", shell]);
        assert!(script.code == Some(0) && script.stdout.contains(part), "{shell}");
        assert!(script.stdout.contains("doctor"), "{shell}");
    }
    assert_eq!(home.run(&["completions", "tcsh"]).code, Some(2));
    let manual = home.run(&["man"]);
    assert_eq!(manual.code, Some(0));
    for part in [".TH luna 1", ".SH \"LUNA DOCTOR\"", ".SH \"LUNA DB MIGRATE\"", "\\-\\-fix"] {
        assert!(manual.stdout.contains(part), "{part}");
    }
    assert!(!home.path("data").exists());
}

#[test]
fn the_simulation_runs_when_asked_and_writes_nothing_twice() {
    let home = Home::new();
    let first = home.run(&["simulate", "--json"]).json();
    assert_eq!(first["market"], "SIM-CH");
    assert!(first["stored"].as_u64().unwrap() > 9_000, "{first}");
    let second = home.run(&["simulate", "--json"]).json();
    assert_eq!(second["stored"], 0, "{second}");
    let mut off = home.command(&["simulate"]);
    off.env("LUNA_SIMULATION__ENABLED", "false");
    let off = run(off, "");
    assert_eq!(off.code, Some(1));
    assert!(off.stderr.contains("switched off") && off.stderr.contains("hint:"), "{off:?}");
}
