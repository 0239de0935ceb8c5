//! Pool, migrations and schema, on a real database.

mod encryption; // TLS towards a server of its own
mod schema_file; // schema.rs against the migrated database

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use diesel::sql_types::BigInt;
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::embedded::{EmbeddedPostgres, Mode};
use super::*;
use crate::testing::{TestDb, lines};

fn with(test: &TestDb, settings: &Settings) -> Db {
    Db::new(settings, &test.url()).unwrap()
}

#[actix_web::test]
async fn migrations_lead_from_empty_to_head_and_then_change_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let on_disk = fs::read_dir(folder).unwrap();
    let on_disk: BTreeSet<String> =
        on_disk.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let on_disk: Vec<String> = on_disk.into_iter().collect();

    for test in TestDb::empty_on_each_server().await {
        let before = test.db().schema_status().await.unwrap();
        assert_eq!((before.pending, before.is_head), (on_disk.clone(), false));
        // Two processes at once: one does it, the other waits and finds nothing to do.
        let (first, second) = tokio::join!(test.db().migrate(), test.db().migrate());
        let mut applied = [first.unwrap().applied, second.unwrap().applied];
        applied.sort();
        assert_eq!(applied, [vec![], on_disk.clone()]);
        let tables = "SELECT table_name || ':' || column_name AS line \
             FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1";
        let schema = lines(test.db(), tables).await;
        assert_eq!(test.db().migrate().await.unwrap().applied, Vec::<String>::new());
        assert_eq!(lines(test.db(), tables).await, schema);
        assert!(test.db().schema_status().await.unwrap().is_head);
    }
}

#[actix_web::test]
async fn a_newer_schema_is_refused_with_what_to_do() {
    let test = TestDb::new().await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    test.db().conn().await.unwrap().batch_execute(newer).await.unwrap();
    let refusal = test.db().migrate().await.unwrap_err().to_string();
    assert!(refusal.contains("has schema 99991231000000"), "{refusal}");
    assert!(refusal.contains("start the newer Luna that was here, or restore"), "{refusal}");
    let status = test.db().schema_status().await.unwrap();
    assert_eq!((status.unknown, status.is_head), (vec!["99991231000000".to_owned()], false));
}

#[actix_web::test]
async fn the_schema_keeps_its_own_rules() {
    let test = TestDb::new().await;
    for (rule, query) in [
        (
            "every foreign key says what happens on delete",
            "SELECT conname::text AS line FROM pg_constraint WHERE contype = 'f' \
             AND connamespace = 'public'::regnamespace AND confdeltype = 'a'",
        ),
        (
            "every instant has a time zone",
            "SELECT table_name || '.' || column_name AS line FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' \
             AND data_type IN ('timestamp without time zone', 'time without time zone')",
        ),
        (
            "every table has a primary key",
            "SELECT relname::text AS line FROM pg_class c WHERE relkind = 'r' \
             AND relnamespace = 'public'::regnamespace AND NOT EXISTS \
             (SELECT 1 FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')",
        ),
    ] {
        assert_eq!(lines(test.db(), query).await, Vec::<String>::new(), "{rule}");
    }
}

#[actix_web::test]
async fn sessions_are_in_utc_named_and_limited() {
    let test = TestDb::new().await;
    for (setting, expected) in
        [("TimeZone", "UTC"), ("application_name", "luna"), ("statement_timeout", "1min")]
    {
        let query = format!("SELECT current_setting('{setting}') AS line");
        assert_eq!(lines(test.db(), &query).await, [expected]);
        let copy = test.db().copy_client().await.unwrap();
        let row = copy.query_one(&query, &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected, "of the connection for COPY");
    }
}

#[actix_web::test]
async fn a_statement_that_runs_too_long_is_stopped() {
    let test = TestDb::new().await;
    let db = with(&test, &Settings { statement_timeout_s: 1, ..Settings::default() });
    let mut conn = db.conn().await.unwrap();
    let error = DbError::from(conn.batch_execute("SELECT pg_sleep(600)").await.unwrap_err());
    assert!(error.is_timeout() && !error.is_unavailable(), "{error:?}");
    conn.batch_execute("SELECT 1").await.unwrap();
}

#[actix_web::test]
async fn waiting_for_a_connection_ends() {
    let test = TestDb::new().await;
    let settings =
        Settings { pool_min: 1, pool_max: 1, acquire_timeout_s: 1, ..Settings::default() };
    let db = with(&test, &settings);
    let held = db.conn().await.unwrap();
    let refusal = db.conn().await.err().unwrap();
    assert!(refusal.is_unavailable());
    let text = "the database is not available: all 1 connections were in use for 1 s";
    assert_eq!(refusal.to_string(), text);
    drop(held);
    db.ping().await.unwrap();
}

#[actix_web::test]
async fn a_connection_left_in_a_transaction_is_not_given_to_the_next() {
    let test = TestDb::new().await;
    let db = with(&test, &Settings { pool_max: 1, ..Settings::default() });
    let mut conn = db.conn().await.unwrap();
    let abandoned = conn.transaction(async |conn| {
        conn.batch_execute("CREATE TABLE half (n int)").await?;
        futures_util::future::pending::<()>().await;
        Ok::<_, diesel::result::Error>(())
    });
    // The caller goes away in the middle, as when a browser closes its connection.
    let limit = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(limit, abandoned).await.is_err());
    drop(conn);
    let half = "SELECT relname::text AS line FROM pg_class WHERE relname = 'half'";
    assert_eq!(lines(&db, half).await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_pool_needs_no_server_and_finds_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).unwrap();
    let server = EmbeddedPostgres::start(folder.path(), Mode::Serve, None).await.unwrap();
    let url = server.url();
    server.stop().await.unwrap();

    let db = Db::new(&Settings::default(), &url).unwrap();
    let down = db.ping().await.unwrap_err();
    assert!(down.is_unavailable(), "{down:?}");
    assert!(down.to_string().contains("database luna: error connecting"), "{down}");
    assert!(db.migrate().await.unwrap_err().is_unavailable());

    let server = EmbeddedPostgres::start(folder.path(), Mode::Serve, None).await.unwrap();
    db.ping().await.unwrap();
    db.migrate().await.unwrap();
    let mut in_use = db.conn().await.unwrap();
    drop((db.conn().await.unwrap(), db.conn().await.unwrap()));
    server.stop().await.unwrap();
    let lost = DbError::from(in_use.batch_execute("SELECT 1").await.unwrap_err());
    assert!(lost.is_unavailable(), "{lost:?}");
    drop(in_use);
    assert!(db.ping().await.unwrap_err().is_unavailable());

    let server = EmbeddedPostgres::start(folder.path(), Mode::Serve, None).await.unwrap();
    db.ping().await.unwrap();
    server.stop().await.unwrap();
}

#[test]
fn settings_that_cannot_work_are_all_named() {
    let bad = Settings {
        pool_min: 5,
        pool_max: 0,
        statement_timeout_s: 61,
        acquire_timeout_s: 0,
        tls: Some(TlsMode::Verify),
        tls_accept_self_signed: true,
        ..Settings::default()
    };
    let expected = [
        "pool_max = 0 is outside 1 to 100",
        "statement_timeout_s = 61 is outside 1 to 60",
        "acquire_timeout_s = 0 is outside 1 to 60",
        "pool_min = 5 is greater than pool_max = 0",
        "tls = \"verify\" and tls_accept_self_signed = true contradict each other",
    ];
    assert_eq!(bad.mistakes(), expected);
    let refusal = Db::new(&bad, &"postgresql://u:geheim@h/db".into()).err().unwrap();
    assert_eq!(refusal.to_string(), expected.join("; "));
    assert_eq!(Settings::default().mistakes(), Vec::<String>::new());
}

#[actix_web::test]
async fn hypertables_are_there_exactly_when_timescale_is() {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    for test in TestDb::on_each_server().await {
        let status = test.db().schema_status().await.unwrap();
        assert_eq!(status.has_timescale, test.db().has_timescale());
        let query = "SELECT count(*) AS count FROM timescaledb_information.hypertables";
        let mut conn = test.db().conn().await.unwrap();
        if status.has_timescale {
            let found: Count = diesel::sql_query(query).get_result(&mut *conn).await.unwrap();
            assert_eq!(found.count, 5);
        } else {
            let found: diesel::QueryResult<Count> =
                diesel::sql_query(query).get_result(&mut *conn).await;
            assert!(found.optional().is_err());
        }
    }
}

/// Neither a schema off the search path nor values that came before it are in the way.
#[actix_web::test]
async fn tables_with_values_become_hypertables_wherever_the_extension_is() {
    let Some(test) = TestDb::empty_on_each_server().await.into_iter().nth(1) else {
        eprintln!("skipped: hypertables: LUNA_TEST_TIMESCALE_URL names no server");
        return;
    };
    // 901 days are five chunks of 180 days and one day, so six chunks wherever the first begins.
    let prepare = "CREATE SCHEMA \"Extra\"; CREATE EXTENSION timescaledb SCHEMA \"Extra\"; \
         CREATE TABLE observations (series_id int NOT NULL, ts timestamptz NOT NULL, \
         known_at timestamptz NOT NULL, known_at_assumed bool NOT NULL, value float8 NOT NULL, \
         CONSTRAINT observations_pkey PRIMARY KEY (series_id, ts, known_at)); \
         INSERT INTO observations SELECT 1, '2020-01-01Z'::timestamptz + i * interval '1 day', \
         '2020-01-01Z', false, i FROM generate_series(0, 900) AS i";
    test.db().conn().await.unwrap().batch_execute(prepare).await.unwrap();
    assert!(test.db().migrate().await.unwrap().has_timescale);
    let moved = "SELECT count(*) || ' of ' || sum(value) || ' in ' || count(DISTINCT tableoid) \
         AS line FROM observations";
    assert_eq!(lines(test.db(), moved).await, ["901 of 405450 in 6"]);
}

#[actix_web::test]
async fn a_listener_hears_what_is_committed_until_its_connection_ends() {
    let test = TestDb::new().await;
    let mut listener = test.db().listen(&["luna_test", "luna_jobs"]).await.unwrap();
    let mut conn = test.db().conn().await.unwrap();
    for said in [
        "BEGIN; SELECT pg_notify('luna_test', 'taken back'); ROLLBACK",
        "SELECT pg_notify('other', 'not listened to')",
        "SELECT pg_notify('luna_test', 'committed')",
        "INSERT INTO jobs (job_id, name, attempts_max, run_after, created_at) \
             VALUES (gen_random_uuid(), 'any', 1, now(), now())",
        "UPDATE jobs SET name = 'other'",
        "SELECT pg_notify('luna_test', 'last')",
    ] {
        conn.batch_execute(said).await.unwrap();
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|(_, payload)| payload != "last") {
        let notice = listener.next().await.unwrap();
        heard.push((notice.channel, notice.payload));
    }
    let heard: Vec<_> = heard.iter().map(|(channel, said)| (&**channel, &**said)).collect();
    assert_eq!(heard, [("luna_test", "committed"), ("luna_jobs", ""), ("luna_test", "last")]);

    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    conn.batch_execute(cut).await.unwrap();
    assert_eq!(listener.next().await, None);
}
