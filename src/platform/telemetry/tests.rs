//! Redaction, JSON lines, and the file that is put aside.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tracing_subscriber::layer::SubscriberExt;

use super::json::JsonLines;
use super::redact::{RedactingWriter, redact};
use super::rolling::RollingFile;

const CANARY: &str = "c4n4ry-7f3e";

#[test]
fn secrets_are_masked_in_the_ways_they_get_into_text() {
    for text in [
        format!("cannot connect to postgres://luna:{CANARY}@db:5432/luna?sslmode=require"),
        format!("postgres://luna:p@{CANARY}@db/luna"),
        format!("Authorization: Bearer {CANARY}"),
        format!("sent header Bearer {CANARY} to host"),
        format!("password={CANARY}"),
        format!("PGPASSWORD='{CANARY} with spaces' psql"),
        format!("host=db password = '{CANARY}' user=luna"),
        format!("{{\"login\":\"anna\",\"password\":\"{CANARY} x\"}}"),
        format!("body {{\\\"password\\\":\\\"{CANARY}\\\"}}"),
        format!("Login {{ login: \"anna\", password: Some(\"{CANARY}\") }}"),
        format!("GET /x?api_key={CANARY}&limit=3"),
        format!("LEARN_UPLOAD_TOKEN={CANARY}"),
        format!("refresh_token: {CANARY},"),
        format!("setup_code={CANARY}"),
        format!("\u{1b}[3mpassword\u{1b}[0m\u{1b}[2m=\u{1b}[0m{CANARY}\u{1b}[0m"),
        format!("jwt eyJhbGciOiJIUzI1NiJ9.{CANARY}.abc in text"),
    ] {
        let masked = redact(&text);
        assert!(!masked.contains(CANARY), "{text} → {masked}");
        assert!(masked.contains("***"), "{text} → {masked}");
    }
}

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in [
        "Stored 24 prices of CH",
        "http://127.0.0.1:8001/prices?from=2026-01-01",
        "the token has expired",
        "passwords: see the manual",
        "eyJust a word",
        "äöü 🌙",
    ] {
        assert_eq!(redact(text), text, "{text}");
    }
}

proptest! {
    #[test]
    fn redaction_reads_any_text_and_does_not_change_its_own_result(text in "\\PC{0,80}") {
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once).into_owned(), once);
    }

    #[test]
    fn a_password_never_survives_beside_its_name(
        before in "[a-z ]{0,10}", secret in "[A-Z0-9]{8,20}", separator in "=|: |\":\""
    ) {
        let masked = redact(&format!("{before}password{separator}{secret} after")).into_owned();
        prop_assert!(!masked.contains(&secret), "{}", masked);
    }
}

#[test]
fn human_lines_are_masked_on_their_way_out() {
    let mut written = Vec::new();
    let line = format!("could not log in with password={CANARY}\n");
    std::io::Write::write_all(&mut RedactingWriter::new(&mut written), line.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), "could not log in with password=***\n");
}

#[test]
fn json_lines_carry_the_fields_of_their_spans_and_no_secret() {
    let written = Arc::new(Mutex::new(Vec::<String>::new()));
    let mut lines = JsonLines::default();
    let sink = Arc::clone(&written);
    lines.add(move |line| sink.lock().unwrap().push(line.to_owned()));
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(subscriber, || {
        let span =
            tracing::info_span!("request", request_id = "r-1", user_id = tracing::field::Empty);
        span.record("user_id", "u-1");
        let _entered = span.enter();
        let inner = tracing::info_span!("store", table = "prices");
        let _entered = inner.enter();
        tracing::info!(
            rows = 3,
            password = CANARY,
            url = format!("postgres://luna:{CANARY}@db/luna"),
            "Stored 3 \"rows\" with Bearer {CANARY}"
        );
    });
    let line = written.lock().unwrap().pop().unwrap();
    assert!(!line.contains(CANARY), "{line}");
    let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(parsed["request_id"], "r-1");
    assert_eq!(parsed["user_id"], "u-1");
    assert_eq!(parsed["table"], "prices");
    assert_eq!(parsed["rows"], 3);
    assert_eq!(parsed["level"], "INFO");
    assert_eq!(parsed["message"], "Stored 3 \"rows\" with Bearer ***");
    assert_eq!(parsed["url"], "postgres://luna:***@db/luna");
}

#[test]
fn a_full_log_file_is_put_aside_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/luna.log");
    let file = RollingFile::open(&path, 10, 2).unwrap();
    for line in ["one", "two", "three", "four", "five", "six"] {
        file.write_line(line);
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join("logs").join(name));
    // Bytes with line feeds: 4 + 4 | 6 | 5 + 5 | 4; only two full files are kept.
    assert_eq!(read("luna.log").unwrap(), "six\n");
    assert_eq!(read("luna.log.1").unwrap(), "four\nfive\n");
    assert_eq!(read("luna.log.2").unwrap(), "three\n");
    assert!(read("luna.log.3").is_err());
}

#[test]
fn a_bare_level_is_about_luna_and_nonsense_is_refused() {
    let with = |level: &str| super::Settings { level: level.to_owned(), ..Default::default() };
    let expected =
        "warn,actix_http::h1::dispatcher=off,rskafka=off,qdrant_edge::common=error,luna=info";
    assert_eq!(with("INFO").directives(), expected);
    assert_eq!(with("info,luna::facts=debug").directives(), "info,luna::facts=debug");
    let refusal = super::subscriber(&with("luna=loud"), &super::Logs::default()).err().unwrap();
    assert!(refusal.to_string().starts_with("'luna=loud' is not a log level"), "{refusal}");
}

#[test]
fn what_is_logged_goes_to_the_file_and_to_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("luna.log");
    let settings = super::Settings {
        format: super::Format::Human,
        file: Some(path.clone()),
        ..Default::default()
    };
    let logs = super::Logs::default();
    let subscriber = super::subscriber(&settings, &logs).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("started with token={CANARY}");
        tracing::debug!("a detail");
    });
    let file = std::fs::read_to_string(path).unwrap();
    assert_eq!(file.lines().collect::<Vec<_>>(), logs.recent(10));
    assert_eq!(file.lines().count(), 1, "{file}");
    assert!(file.contains("started with token=***"), "{file}");
    assert!(logs.recent(0).is_empty());
}

#[test]
fn a_log_file_that_cannot_be_written_is_named() {
    let settings =
        super::Settings { file: Some("/dev/null/luna.log".into()), ..Default::default() };
    let refusal = super::subscriber(&settings, &super::Logs::default()).err().unwrap();
    assert_eq!(refusal.to_string(), "cannot write the log file /dev/null/luna.log");
}

/// Texts of the dashboards and of the alerts, which name metrics in their queries.
fn watchers() -> Vec<(std::path::PathBuf, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/observability");
    let dashboards = std::fs::read_dir(root.join("grafana/dashboards")).unwrap();
    let dashboards = dashboards.map(|entry| entry.unwrap().path());
    let paths = dashboards.chain([root.join("rules.yml")]);
    paths.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn dashboards_and_alerts_name_metrics_that_exist() {
    let known = super::metrics::names();
    let mut named = std::collections::BTreeSet::new();
    for (path, text) in watchers() {
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        for word in text.split(|letter: char| !is_name(letter)) {
            if word.starts_with("ml_") || word.starts_with("luna_") {
                assert!(known.iter().any(|name| name == word), "{}: {word}", path.display());
                named.insert(word.to_owned());
            }
        }
    }
    assert!(named.len() > 20, "{named:?}");
}
