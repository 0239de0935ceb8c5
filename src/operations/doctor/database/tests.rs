//! Judgements about made-up databases.

use chrono::Duration;

use super::*;
use crate::operations::doctor::model::Verdict;

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn facts() -> ServerFacts {
    ServerFacts {
        version: 150_004,
        version_text: "15.4".to_owned(),
        database: "luna".to_owned(),
        role: "luna".to_owned(),
        encoding: "UTF8".to_owned(),
        collation: "C.UTF-8".to_owned(),
        may_create: true,
        may_use_temporary: true,
        timescale: None,
        timescale_available: None,
        connections_max: 40,
        connections: 3,
        unsafe_settings: String::new(),
        is_read_only: false,
        is_encrypted: true,
        now: noon(),
        bytes: 8 << 20,
    }
}

fn look() -> Look {
    Look {
        binaries: Ok(("/usr/lib/postgresql/15/bin".into(), 15)),
        made_by: None,
        run_as: Ok(None),
        server: None,
        stale_lock: None,
        users: Vec::new(),
        url: None,
    }
}

#[test]
fn a_server_as_it_should_be_passes() {
    let facts = facts();
    for finding in [
        judge_version(&facts),
        judge_timescale(&facts, true),
        judge_privileges(&facts),
        judge_encoding(&facts, None),
        judge_durability(&facts),
        judge_connections(&facts, 10),
        judge_clock(noon(), noon(), noon()),
        judge_schema(&[], &[], true),
        judge_connection(None, "db:5432"),
    ] {
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
    }
}

#[test]
fn faults_of_a_server_are_named_with_a_command() {
    let changed = ("2.36".to_owned(), "2.41".to_owned());
    for (finding, verdict, part) in [
        (judge_version(&ServerFacts { version: 120_017, ..facts() }), Verdict::Fail, "pg_dump"),
        (judge_timescale(&facts(), false), Verdict::Warn, "timescaledb"),
        (
            judge_timescale(
                &ServerFacts { timescale_available: Some("2.20".into()), ..facts() },
                true,
            ),
            Verdict::Warn,
            "CREATE EXTENSION",
        ),
        (
            judge_privileges(&ServerFacts { may_create: false, ..facts() }),
            Verdict::Fail,
            "GRANT CREATE, USAGE ON SCHEMA public TO \"luna\"",
        ),
        (
            judge_privileges(&ServerFacts { may_use_temporary: false, ..facts() }),
            Verdict::Fail,
            "GRANT TEMPORARY",
        ),
        (
            judge_privileges(&ServerFacts { is_read_only: true, ..facts() }),
            Verdict::Fail,
            "primary",
        ),
        (
            judge_encoding(&ServerFacts { encoding: "SQL_ASCII".into(), ..facts() }, None),
            Verdict::Fail,
            "--encoding=UTF8",
        ),
        (judge_encoding(&facts(), Some(&changed)), Verdict::Warn, "REFRESH COLLATION VERSION"),
        (
            judge_durability(&ServerFacts { unsafe_settings: "fsync".into(), ..facts() }),
            Verdict::Fail,
            "RESET fsync",
        ),
        (
            judge_connections(&ServerFacts { connections: 31, ..facts() }, 10),
            Verdict::Warn,
            "max_connections",
        ),
    ] {
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.fix.as_deref().unwrap().contains(part), "{finding:?}");
    }
}

#[test]
fn a_database_that_is_away_gets_the_advice_that_fits() {
    for (why, part) in [
        ("db:5432: connection refused (os error 111)", "docker compose up"),
        ("db:5432: password authentication failed for user \"luna\"", "right password"),
        ("db:5432: database \"luna\" does not exist", "createdb"),
        ("db:5432: invalid peer certificate: UnknownIssuer", "TLS_CA_FILE"),
        ("no answer from db:5432 within 5 s", "firewall"),
    ] {
        let finding = judge_connection(Some(why), "db:5432");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.fix.as_deref().unwrap().contains(part), "{finding:?}");
    }
}

#[test]
fn clocks_apart_are_told_beyond_the_way_there_and_back() {
    let (asked, answered) = (noon(), noon() + Duration::seconds(3));
    let off = |seconds| judge_clock(noon() + Duration::seconds(seconds), asked, answered).verdict;
    // Anything between question and answer may be right.
    assert_eq!((off(0), off(3), off(4)), (Verdict::Ok, Verdict::Ok, Verdict::Ok));
    assert_eq!((off(-3), off(8)), (Verdict::Warn, Verdict::Warn));
    assert_eq!((off(-61), off(3_600)), (Verdict::Fail, Verdict::Fail));
}

#[test]
fn schemas_behind_and_ahead_differ() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let pending = names(&["2026-11-21-000006_forecasts"]);
    assert_eq!(judge_schema(&pending, &[], true).verdict, Verdict::Warn);
    assert_eq!(judge_schema(&pending, &[], false).verdict, Verdict::Fail);
    let newer = judge_schema(&pending, &names(&["20991231000001"]), true);
    assert!(newer.verdict == Verdict::Fail && newer.reason.contains("newer Luna"), "{newer:?}");
}

#[test]
fn a_lock_file_left_over_is_removed_only_when_nobody_is_there() {
    let lock = Some("/srv/luna/data/postgres/postmaster.pid".into());
    let stale = judge_lock(&Look { stale_lock: lock.clone(), ..look() });
    assert_eq!(stale.verdict, Verdict::Warn);
    assert!(matches!(stale.repair, Some(Repair::RemoveStaleLock(_))), "{stale:?}");
    let used = judge_lock(&Look { stale_lock: lock, users: vec![4_711], ..look() });
    assert_eq!((used.verdict, used.repair), (Verdict::Warn, None));
    assert_eq!(judge_lock(&look()).verdict, Verdict::Ok);
    assert_eq!(judge_users(&[4_711]).verdict, Verdict::Ok);
    assert_eq!(judge_users(&[4_711, 4_712]).verdict, Verdict::Warn);
}

#[test]
fn keys_are_long_and_young() {
    let keys = |days, shortest_bytes| KeyHealth {
        count: 2,
        newest_at: Some(noon() - Duration::days(days)),
        shortest_bytes,
    };
    let judge = |keys| judge_keys(&keys, noon()).verdict;
    assert_eq!(judge(keys(60, 32)), Verdict::Ok);
    assert_eq!(judge(keys(61, 32)), Verdict::Warn);
    assert_eq!(judge(keys(1, 31)), Verdict::Fail);
    let none = KeyHealth { count: 0, newest_at: None, shortest_bytes: 0 };
    assert_eq!(judge(none), Verdict::Ok);
}

#[test]
fn certificates_end() {
    let judge = |days, encrypted| {
        let end = ServerCertificate::EndsAt(noon() + Duration::days(days));
        judge_certificate(&Ok(end), Some(encrypted), noon()).verdict
    };
    assert_eq!((judge(-1, true), judge(0, true)), (Verdict::Fail, Verdict::Fail));
    assert_eq!((judge(20, true), judge(21, true)), (Verdict::Warn, Verdict::Ok));
    assert_eq!(judge(300, false), Verdict::Warn);
    let seen = |certificate| judge_certificate(&Ok(certificate), None, noon()).verdict;
    assert_eq!(seen(ServerCertificate::LocalSocket), Verdict::Skipped);
    assert_eq!(seen(ServerCertificate::NotOffered), Verdict::Warn);
    assert_eq!(judge_certificate(&Err("x".into()), None, noon()).verdict, Verdict::Skipped);
}

#[test]
fn damaged_models_fail_and_are_counted() {
    assert_eq!(judge_models(3, &[]).verdict, Verdict::Ok);
    let damaged = ["a v1: x".to_owned(), "b v2: y".to_owned()];
    let finding = judge_models(3, &damaged);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.reason.starts_with("2 of 3 cannot be used: a v1"), "{finding:?}");
}

#[test]
fn a_private_database_needs_programs_of_its_version() {
    assert_eq!(judge_binaries(&look(), true).verdict, Verdict::Ok);
    assert_eq!(judge_binaries(&look(), false).verdict, Verdict::Skipped);
    let nowhere = Look::at(Path::new("/nowhere"), Some(Path::new("/nowhere/bin")));
    let missing = judge_binaries(&nowhere, true);
    assert_eq!(missing.verdict, Verdict::Fail);
    assert_eq!(missing.fix.as_deref(), Some("sudo apt-get install postgresql"));
}

#[test]
fn the_dump_is_taken_where_the_database_is() {
    let private = dump_command(Path::new("/my data"), true);
    assert!(private.contains("pg_dump -Fc -h '/my data/run' -U luna luna"), "{private}");
    assert!(dump_command(Path::new("/d"), false).contains("\"$DATABASE_URL\""));
}
