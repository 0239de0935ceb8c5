//! The checks in their order: each looks, judges, and adds its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::containers::{self, Docker};
use super::files::{self, LogFile};
use super::folder::{self, Place};
use super::machine;
use super::model::{Finding, Report};
use super::ports::{self, State, Surroundings};
use super::repair::Repair;
use super::store::{self, ServerFacts};
use super::{broker, database, documents, kafka, objects, outside, sources};
use crate::access::accounts::Accounts;
use crate::base::timeline::Clock;
use crate::facts::ingest;
use crate::facts::kafka::Cluster;
use crate::facts::mqtt;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::extract::Extraction;
use crate::knowledge::index::Index;
use crate::learning::registry::Registry;
use crate::platform::db;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::db::embedded::Look;
use crate::platform::objects::Objects;
use crate::platform::telemetry;

/// What is to be looked at.
#[derive(Clone)]
pub struct Subject {
    /// What is wrong in the settings, place by place.
    pub mistakes: Vec<String>,
    /// File with variables; need not exist.
    pub env_file: PathBuf,
    /// Folder of the files with settings.
    pub config_dir: PathBuf,
    /// Variables of the process and of the file, the process's first.
    pub variables: BTreeMap<String, String>,
    /// Address to listen on.
    pub host: String,
    /// Port to listen on.
    pub port: u16,
    /// Folder of the private database, datasets and models.
    pub data_dir: PathBuf,
    /// Connection string of a server, when one is set.
    pub database_url: Option<SecretString>,
    /// Pool and encryption.
    pub database: db::Settings,
    /// Whether a start brings the database to this version.
    pub apply_migrations: bool,
    /// Log lines.
    pub telemetry: telemetry::Settings,
    /// Whom Luna asks for prices.
    pub sources: ingest::Settings,
    /// The broker that is read.
    pub mqtt: mqtt::Settings,
    /// Where files are kept.
    pub objects: Objects,
    /// Logs that readings come from.
    pub kafka: Cluster,
    /// What documents stand on.
    pub knowledge: Knowledge,
}

/// What documents stand on.
#[derive(Clone)]
pub struct Knowledge {
    /// Where chunks are indexed.
    pub index: Index,
    /// The Qdrant server, where one is set.
    pub qdrant: Option<String>,
    /// What makes vectors.
    pub embedding: Embedding,
    /// What reads files.
    pub extraction: Arc<Extraction>,
    /// The Tika server, where one is set.
    pub tika: Option<String>,
}

/// Services that know about their own state in the database.
pub struct Parts {
    /// Accounts and signing keys.
    pub accounts: Accounts,
    /// Models.
    pub registry: Registry,
}

/// Looks at everything; with `fixes` mends what is safe to mend and looks again.
pub async fn examine(
    subject: &Subject,
    clock: &Clock,
    fixes: bool,
    parts: impl Fn(Db) -> Parts,
) -> Report {
    let mut report = look(subject, clock, &parts).await;
    if !fixes {
        return report;
    }
    let mut fixed = Vec::new();
    let mut tried: Vec<Repair> = Vec::new();
    // One repair may open the view on the next.
    while let Some(repair) = next_repair(&report, &tried) {
        match repair.apply().await {
            Ok(done) => fixed.push(done),
            Err(why) => fixed.push(format!("not done: {why}")),
        }
        tried.push(repair);
        report = look(subject, clock, &parts).await;
    }
    Report { fixed, ..report }
}

fn next_repair(report: &Report, tried: &[Repair]) -> Option<Repair> {
    let mut repairs = report.checks.iter().filter_map(|check| check.repair.clone());
    repairs.find(|repair| !tried.contains(repair))
}

async fn look(subject: &Subject, clock: &Clock, parts: &impl Fn(Db) -> Parts) -> Report {
    let mut report = Report::default();
    let data_dir = std::path::absolute(&subject.data_dir);
    let data_dir = data_dir.unwrap_or_else(|_| subject.data_dir.clone());
    let private = Look::at(&data_dir, subject.database.postgres_bin.as_deref());
    look_at_settings(&mut report, subject, &data_dir);
    look_at_ports(&mut report, subject, &private.users).await;
    look_at_machine(&mut report, clock.now(), &data_dir).await;
    look_at_folder(&mut report, &data_dir);
    look_at_private_database(&mut report, subject, &private);
    look_at_database(&mut report, subject, clock, (&data_dir, &private), parts).await;
    look_around(&mut report, subject).await;
    report
}

fn look_at_settings(report: &mut Report, subject: &Subject, data_dir: &Path) {
    report.add("settings", "settings", files::judge_settings(&subject.mistakes));
    let secrets = files::secret_files(&subject.env_file, &subject.config_dir, data_dir);
    report.add("secret_files", "files with secrets", files::judge_secret_files(&secrets));
    let log = subject.telemetry.file.as_ref().map(|path| {
        let folder = folder::nearest(path.parent().unwrap_or(Path::new(".")));
        LogFile {
            path: path.clone(),
            written: folder::try_to_write(&folder),
            bytes_max: subject.telemetry.file_bytes_max,
            kept: subject.telemetry.files_kept,
            free: folder::disk(&folder).ok().map(|disk| disk.free),
        }
    });
    report.add("log_file", "log file", files::judge_log(log.as_ref()));
}

async fn look_at_ports(report: &mut Report, subject: &Subject, users: &[i32]) {
    let services = ports::services(&subject.variables);
    let numbers = services.iter().filter_map(|port| port.number.clone().ok());
    let mut chosen: Vec<u16> = numbers.chain([subject.port]).collect();
    let project = subject.variables.get("PROJECT_NAME").map_or("luna", String::as_str);
    let mut around = Surroundings {
        spare: ports::spare(&chosen),
        users: users.to_vec(),
        project: project.to_owned(),
    };
    let mut advance = |around: &mut Surroundings, finding: &Finding| {
        if finding.fix.is_some() {
            // The next one in need gets another port.
            chosen.extend(around.spare);
            around.spare = ports::spare(&chosen);
        }
    };
    let state = ports::state(&subject.host, subject.port).await;
    let finding = ports::judge_own(subject.port, &state, &around);
    advance(&mut around, &finding);
    report.add("port_api", "API_PORT", finding);
    let mut earlier = vec![("API_PORT", subject.port)];
    for port in services {
        let state = match port.number {
            Ok(number) => ports::state("0.0.0.0", number).await,
            Err(_) => State::Free,
        };
        let same = earlier.iter().find(|(_, number)| Ok(*number) == port.number);
        let same = same.map(|(variable, _)| *variable);
        let finding = ports::judge_service(&port, same, &state, &around);
        advance(&mut around, &finding);
        report.add("port_service", port.variable, finding);
        earlier.extend(port.number.ok().map(|number| (port.variable, number)));
    }
}

async fn look_at_machine(report: &mut Report, now: DateTime<Utc>, data_dir: &Path) {
    report.add("user", "user", machine::judge_user(nix::unistd::geteuid().is_root()));
    report.add("cores", "processor", machine::judge_cores(machine::cores()));
    report.add("memory", "memory", machine::judge_memory(machine::memory()));
    report.add("open_files", "open files", machine::judge_open_files(machine::open_files()));
    report.add("kernel", "kernel", machine::judge_kernel(machine::kernel()));
    let shared = folder::disk(Path::new("/dev/shm"));
    report.add("shared_memory", "shared memory", machine::judge_shared_memory(&shared));
    let temporary = std::env::temp_dir();
    let written = folder::try_to_write(&temporary);
    let disk = folder::disk(&temporary);
    report.add(
        "temporary",
        "temporary folder",
        machine::judge_temporary(&temporary, &written, &disk),
    );
    let zones = machine::system_zones();
    let finding = machine::judge_zones(zones.as_deref(), chrono_tz::IANA_TZDB_VERSION);
    report.add("time_zones", "time-zone data", finding);
    let ahead = data_dir.is_dir().then(|| folder::disk_clock_ahead_s(data_dir)).flatten();
    report.add("clock", "clock", machine::judge_clock(now, ahead));
    let synchronised = machine::is_synchronised().await;
    report.add("ntp", "clock's keeper", machine::judge_synchronised(synchronised));
}

fn look_at_folder(report: &mut Report, path: &Path) {
    let place = folder::look(path);
    report.add("data_folder", "data folder", folder::judge_place(path, &place));
    let user = nix::unistd::geteuid().as_raw();
    report.add("data_owner", "its owner", folder::judge_owner(path, &place, user));
    report.add("data_mode", "its mode", folder::judge_mode(path, &place));
    let is_there = matches!(place, Place::Folder { .. });
    let writable = if is_there {
        folder::judge_writable(path, &folder::try_to_write(path))
    } else {
        folder::not_there()
    };
    report.add("data_writable", "its writability", writable);
    // A folder to be made will be on the disk of the one above it.
    let disk = folder::disk(&folder::nearest(path));
    let judge = |judge: &dyn Fn(&folder::Disk) -> Finding| match &disk {
        Ok(disk) => judge(disk),
        Err(why) => Finding::skipped(format!("the disk cannot be looked at: {why}")),
    };
    report.add("disk_space", "disk space", judge(&|disk| folder::judge_space(path, disk)));
    report.add("disk_inodes", "inodes", judge(&|disk| folder::judge_inodes(path, disk)));
    report.add("disk_kind", "file system", judge(&folder::judge_kind));
    let rate = if is_there {
        folder::judge_sync_rate(&folder::sync_rate(path))
    } else {
        folder::not_there()
    };
    report.add("disk_sync", "disk sync", rate);
}

fn look_at_private_database(report: &mut Report, subject: &Subject, look: &Look) {
    let is_private = subject.database_url.is_none();
    report.add("pg_programs", "PostgreSQL", database::judge_binaries(look, is_private));
    report.add("pg_user", "database's user", database::judge_reach(look, is_private));
    report.add("pg_lock", "postmaster.pid", database::judge_lock(look));
    report.add("pg_users", "who uses it", database::judge_users(&look.users));
}

/// What was learned from the database; nothing while it is away.
#[derive(Default)]
struct Learned {
    facts: Option<ServerFacts>,
    changed: Option<(String, String)>,
    asked: Option<(DateTime<Utc>, DateTime<Utc>)>,
    schema: Option<db::SchemaStatus>,
}

async fn look_at_database(
    report: &mut Report,
    subject: &Subject,
    clock: &Clock,
    (data_dir, private): (&Path, &Look),
    parts: &impl Fn(Db) -> Parts,
) {
    let is_private = subject.database_url.is_none();
    let url = subject.database_url.as_ref().or(private.url.as_ref());
    let mut learned = Learned::default();
    let mut pool = None;
    let connection = match url {
        None => Finding::skipped(if private.made_by.is_some() {
            "the private database does not run; look again while Luna serves"
        } else {
            "there is none yet: the first start makes it"
        }),
        Some(url) => match Db::new(&subject.database, url) {
            Err(error) => database::judge_connection(Some(&error.to_string()), ""),
            Ok(db) => {
                let failure = learn(&db, clock, &mut learned).await.err();
                let why = failure.map(|error| causes(&error));
                let finding = database::judge_connection(why.as_deref(), &db.describe());
                pool = why.is_none().then_some(db);
                finding
            }
        },
    };
    report.add("database", "database", connection);
    look_at_server(report, subject, &learned, is_private);
    let line = match subject.database_url.clone() {
        None => Finding::skipped("the private database has a socket only"),
        Some(url) => {
            let seen = tokio::task::spawn_blocking(move || db::server_certificate(&url)).await;
            let seen = seen.map_err(|error| error.to_string());
            let seen = seen.and_then(|seen| seen.map_err(|error| error.to_string()));
            let encrypted = learned.facts.as_ref().map(|facts| facts.is_encrypted);
            database::judge_certificate(&seen, encrypted, clock.now())
        }
    };
    report.add("database_tls", "database's certificate", line);
    let is_head = learned.schema.as_ref().is_some_and(|schema| schema.is_head);
    let parts = pool.filter(|_| is_head).map(parts);
    look_at_parts(report, clock.now(), parts.as_ref()).await;
    let has_data = private.made_by.is_some() || !is_private;
    let dump = database::dump_command(data_dir, is_private);
    let age = files::newest_backup_days(data_dir);
    report.add("backup", "backup", files::judge_backup(age, has_data, &dump));
}

/// Asks the database everything at once; some of it may be refused without harm.
async fn learn(db: &Db, clock: &Clock, learned: &mut Learned) -> Result<(), DbError> {
    let mut conn = db.conn().await?;
    let asked = clock.now();
    let facts = store::facts(&mut conn).await?;
    learned.asked = Some((asked, clock.now()));
    if facts.version >= 150_000 {
        learned.changed = store::changed_collation(&mut conn).await.ok().flatten();
    }
    learned.facts = Some(facts);
    drop(conn);
    learned.schema = Some(db.schema_status().await?);
    Ok(())
}

fn look_at_server(report: &mut Report, subject: &Subject, learned: &Learned, is_private: bool) {
    let Learned { facts, changed, asked, schema } = learned;
    let of_facts = |judge: &dyn Fn(&ServerFacts) -> Finding| match facts {
        Some(facts) => judge(facts),
        None => Finding::skipped("the database was not asked"),
    };
    report.add("pg_version", "its version", of_facts(&database::judge_version));
    let timescale = of_facts(&|facts| database::judge_timescale(facts, is_private));
    report.add("timescale", "TimescaleDB", timescale);
    report.add("privileges", "its privileges", of_facts(&database::judge_privileges));
    let encoding = of_facts(&|facts| database::judge_encoding(facts, changed.as_ref()));
    report.add("encoding", "its encoding", encoding);
    report.add("durability", "its durability", of_facts(&database::judge_durability));
    let connections =
        of_facts(&|facts| database::judge_connections(facts, subject.database.pool_max));
    report.add("connections", "its connections", connections);
    let clock = of_facts(&|facts| match asked {
        Some((asked, answered)) => database::judge_clock(facts.now, *asked, *answered),
        None => Finding::skipped("the database was not asked"),
    });
    report.add("database_clock", "its clock", clock);
    let schema = match schema {
        Some(schema) => {
            database::judge_schema(&schema.pending, &schema.unknown, subject.apply_migrations)
        }
        None => Finding::skipped("the database was not asked"),
    };
    report.add("schema", "its schema", schema);
}

async fn look_at_parts(report: &mut Report, now: DateTime<Utc>, parts: Option<&Parts>) {
    let unknown = || Finding::skipped("the database was not asked, or has another schema");
    let unasked = |error: String| Finding::skipped(format!("the database did not tell: {error}"));
    let (mut keys, mut admin, mut models) = (unknown(), unknown(), unknown());
    if let Some(Parts { accounts, registry }) = parts {
        keys = match accounts.key_health().await {
            Ok(health) => database::judge_keys(&health, now),
            Err(error) => unasked(error.to_string()),
        };
        admin = match accounts.has_admin().await {
            Ok(has_admin) => database::judge_admin(has_admin),
            Err(error) => unasked(error.to_string()),
        };
        models = match registry.verify().await {
            Ok((ready, damaged)) => database::judge_models(ready, &damaged),
            Err(error) => unasked(error.to_string()),
        };
    }
    report.add("signing_keys", "signing keys", keys);
    report.add("admin", "admin", admin);
    report.add("models", "model files", models);
}

/// Sources, the object store, the collector of telemetry, Docker.
async fn look_around(report: &mut Report, subject: &Subject) {
    report.add("sources", "sources of prices", sources::look(&subject.sources).await);
    report.add("object_store", "files", objects::look(&subject.objects).await);
    report.add("mqtt", "MQTT broker", broker::look(&subject.mqtt).await);
    report.add("kafka", "Kafka", kafka::look(&subject.kafka).await);
    let Knowledge { index, qdrant, embedding, extraction, tika } = &subject.knowledge;
    let vectors = documents::look_at_vectors(index, qdrant.as_deref()).await;
    report.add("vectors", "index of documents", vectors);
    report.add("model_server", "embedding model", documents::look_at_model(embedding).await);
    let text = documents::look_at_extraction(extraction, tika.as_deref()).await;
    report.add("text_extraction", "text out of files", text);
    let collector = match &subject.telemetry.otlp_endpoint {
        None => Finding::skipped("none is set: spans are not sent"),
        Some(address) => judge_collector(address, &outside::connects(address).await),
    };
    report.add("collector", "collector of spans", collector);
    let project = subject.variables.get("PROJECT_NAME").map_or("luna", String::as_str);
    let docker: Docker = containers::look(project).await;
    report.add("docker", "Docker", containers::judge_engine(&docker));
    report.add("docker_network", "containers' network", containers::judge_network(&docker));
    let volumes = containers::judge_volumes(&docker, project);
    report.add("docker_volumes", "containers' volumes", volumes);
    let password = subject.variables.get("POSTGRES_PASSWORD").map(String::as_str);
    let finding = containers::judge_password(&docker, password);
    report.add("docker_password", "containers' password", finding);
}

fn judge_collector(address: &str, reached: &Result<(), String>) -> Finding {
    match reached {
        Ok(()) => Finding::ok(format!("{address} accepts connections")),
        Err(why) => Finding::warn(
            format!("{address} is away: {why}; spans are dropped"),
            "start the collector, or take LUNA_TELEMETRY__OTLP_ENDPOINT out of .env",
        ),
    }
}

/// An error with its causes, in one line.
fn causes(error: &DbError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
