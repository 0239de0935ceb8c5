//! A migrated database per test, on a server that all runs share.
//!
//! The server is a throwaway cluster in `target/test-postgres` (in `/tmp` when root runs the tests
//! and the database's user cannot reach that folder). It stays up between runs, since starting it
//! takes longer than most tests; the first line of `postgres/postmaster.pid` in that folder is the
//! process to stop. `LUNA_TEST_DATABASE_URL` names another server, `LUNA_TEST_TIMESCALE_URL` one
//! with TimescaleDB on which the tests of the database run as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::platform::db::embedded::{Cluster, EmbeddedError, Profile};
use crate::platform::db::{Db, Settings};

/// A database with the schema at head and nothing in it; dropped with its handle.
pub struct TestDb {
    db: Db,
    name: String,
    server: SecretString,
}

impl TestDb {
    /// A database on the shared server.
    pub async fn new() -> Self {
        let server = server().await;
        server.copy_of(&server.template).await
    }

    /// A database on each kind of server that the tests of the database must hold for.
    pub async fn on_each_server() -> Vec<Self> {
        let mut all = vec![Self::new().await];
        if let Some(server) = timescale_server().await {
            let test = server.copy_of(&server.template).await;
            assert!(has_timescale(&test).await, "LUNA_TEST_TIMESCALE_URL is without TimescaleDB");
            all.push(test);
        }
        all
    }

    /// A database without any table on each of the servers of [`Self::on_each_server`].
    pub async fn empty_on_each_server() -> Vec<Self> {
        let mut all = vec![server().await.copy_of("template0").await];
        if let Some(server) = timescale_server().await {
            all.push(server.copy_of("template0").await);
        }
        all
    }

    /// The pool.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Connection string of the database.
    pub fn url(&self) -> SecretString {
        with_database(&self.server, &self.name)
    }
}

impl TestDb {
    /// Takes the database away, as a server that goes down would: what is connected is thrown out,
    /// and nobody comes in until [`TestDb::open`].
    pub async fn close(&self) {
        self.let_in(false).await;
        let throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        connect(&self.server).await.execute(throw_out, &[&self.name]).await.unwrap();
    }

    /// Brings the database back.
    pub async fn open(&self) {
        self.let_in(true).await;
    }

    async fn let_in(&self, is_open: bool) {
        let statement = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {is_open}", self.name);
        connect(&self.server).await.batch_execute(&statement).await.unwrap();
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name);
        let server = self.server.clone();
        // The test's runtime may be on its way out, so the statement gets one of its own.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                if let Err(error) = connect(&server).await.batch_execute(&statement).await {
                    eprintln!("a test's database stays behind: {error}");
                }
            });
        });
        drop(dropped.join());
    }
}

/// The server that every test uses, prepared once per process.
async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| Server::prepare(server_url())).await
}

/// The server with TimescaleDB, where the environment names one.
async fn timescale_server() -> Option<&'static Server> {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    let url = variable("LUNA_TEST_TIMESCALE_URL")?;
    Some(SERVER.get_or_init(|| Server::prepare(url.into())).await)
}

/// Whether the database's time series are in hypertables.
async fn has_timescale(test: &TestDb) -> bool {
    test.db().schema_status().await.unwrap().has_timescale
}

/// A server with a template of the present migrations.
struct Server {
    url: SecretString,
    template: String,
}

impl Server {
    async fn prepare(url: SecretString) -> Self {
        let template = format!("luna_template_{}", migrations_hash());
        let client = connect(&url).await;
        // Other processes may prepare the same server; the lock ends with the session.
        client.batch_execute("SELECT pg_advisory_lock(8191)").await.unwrap();
        remove_leftovers(&client).await;
        let is_ready = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate";
        if client.query_opt(is_ready, &[&template]).await.unwrap().is_none() {
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {template}")).await.unwrap();
            client.batch_execute(&format!("CREATE DATABASE {template}")).await.unwrap();
            let db = Db::new(&Settings::default(), &with_database(&url, &template)).unwrap();
            db.migrate().await.unwrap();
            drop(db);
            let close =
                format!("ALTER DATABASE {template} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true");
            client.batch_execute(&close).await.unwrap();
        }
        Self { url, template }
    }

    async fn copy_of(&self, template: &str) -> TestDb {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("luna_test_{}_{number}", std::process::id());
        let client = connect(&self.url).await;
        // Left behind by an earlier process with the same number.
        let drop_old = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        client.batch_execute(&drop_old).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        client.batch_execute(&create).await.unwrap();
        let db = Db::new(&Settings::default(), &with_database(&self.url, &name)).unwrap();
        TestDb { db, name, server: self.url.clone() }
    }
}

/// Databases of tests that were killed before they could drop them.
async fn remove_leftovers(client: &Client) {
    let all = "SELECT datname FROM pg_database WHERE datname LIKE 'luna\\_test\\_%'";
    for row in client.query(all, &[]).await.unwrap() {
        let name: String = row.get(0);
        let process = name.split('_').nth(2).unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let drop_old = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            client.batch_execute(&drop_old).await.unwrap();
        }
    }
}

/// The server to use: the one named by the environment, or the shared throwaway cluster.
fn server_url() -> SecretString {
    if let Some(url) = variable("LUNA_TEST_DATABASE_URL") {
        return url.into();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-postgres");
    match start(&folder) {
        Err(EmbeddedError::Unreachable { .. }) => {
            let name = hex::encode(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..6]);
            start(&PathBuf::from(format!("/tmp/luna-test-postgres-{name}")))
        }
        started => started,
    }
    .expect("a PostgreSQL server for the tests")
}

fn start(folder: &Path) -> Result<SecretString, EmbeddedError> {
    let cluster = Cluster::new(folder, Profile::Throwaway, None)?;
    let _alone = cluster.lock()?;
    cluster.start_and_leave()?;
    Ok(cluster.url("postgres").expect("a running server has a lock file"))
}

/// Changes when any migration does.
fn migrations_hash() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("up.sql"));
    let mut files: Vec<PathBuf> = entries.collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update(fs::read(file).unwrap());
    }
    hex::encode(&hash.finalize()[..6])
}

/// `url` with another database; the last part of its path is the database in every form used here.
fn with_database(url: &SecretString, name: &str) -> SecretString {
    let text = url.expose_secret();
    let (address, query) = text.split_once('?').unwrap_or((text, ""));
    let server = address.rsplit_once('/').map_or(address, |(server, _)| server);
    format!("{server}/{name}?{query}").into()
}

#[expect(clippy::disallowed_methods, reason = "a test's session ends with the test's runtime")]
async fn connect(url: &SecretString) -> Client {
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings to read them from")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The column `line` of a query's rows.
pub async fn lines(db: &Db, query: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        line: String,
    }
    let mut conn = db.conn().await.unwrap();
    let rows: Vec<Line> =
        diesel_async::RunQueryDsl::load(diesel::sql_query(query), &mut conn).await.unwrap();
    rows.into_iter().map(|row| row.line).collect()
}
