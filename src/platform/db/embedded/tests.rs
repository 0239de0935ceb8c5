//! The private database through starts, crashes and changes of hands.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tempfile::TempDir;

use super::process::{PidFile, Process, is_server_of, wait_until};
use super::*;
use crate::platform::db::{Db, Settings};
use diesel_async::SimpleAsyncConnection;

/// A data folder that the database's user can reach, also when root runs the tests.
fn data_dir() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn start(data_dir: &TempDir, mode: Mode) -> EmbeddedPostgres {
    EmbeddedPostgres::start(data_dir.path(), mode, None).await.unwrap()
}

fn pool(hold: &EmbeddedPostgres) -> Db {
    Db::new(&Settings::default(), &hold.url()).unwrap()
}

async fn run(db: &Db, statement: &str) {
    db.conn().await.unwrap().batch_execute(statement).await.unwrap();
}

/// What is left of a hold when its process is killed: nothing but the server.
fn die(hold: EmbeddedPostgres) {
    hold.process.lock().unwrap().take();
    drop(hold);
}

fn kill_server(hold: &EmbeddedPostgres) {
    kill(Pid::from_raw(hold.pid().unwrap()), Signal::SIGKILL).unwrap();
}

fn is_running(data_dir: &TempDir) -> bool {
    Process::find(&data_dir.path().join("postgres")).is_some()
}

#[tokio::test]
async fn what_was_written_survives_a_kill_of_the_server_and_of_luna() {
    let folder = data_dir();
    let hold = start(&folder, Mode::Serve).await;
    let db = pool(&hold);
    run(&db, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1), (2)").await;
    kill_server(&hold);
    die(hold);

    let hold = start(&folder, Mode::Serve).await;
    assert!(hold.owns_process());
    // The old pool finds its way to the new server, and the rows are there.
    run(&db, "DO $$ BEGIN ASSERT (SELECT sum(n) FROM kept) = 3; END $$").await;
    hold.stop().await.unwrap();
    assert!(!is_running(&folder));
}

#[tokio::test]
async fn a_server_whose_owner_died_is_taken_over() {
    let folder = data_dir();
    let first = start(&folder, Mode::Serve).await;
    let pid = first.pid();
    die(first);

    let command = start(&folder, Mode::Command).await;
    assert_eq!((command.pid(), command.owns_process()), (pid, false));
    command.stop().await.unwrap();
    assert!(is_running(&folder), "a command leaves what it found");

    let second = start(&folder, Mode::Serve).await;
    assert_eq!((second.pid(), second.owns_process()), (pid, true));
    second.stop().await.unwrap();
    assert!(!is_running(&folder));
}

#[tokio::test]
async fn a_command_joins_or_starts_and_stops() {
    let folder = data_dir();
    let alone = start(&folder, Mode::Command).await;
    assert!(alone.owns_process());
    // A second one comes while the first is at work, and stays longer.
    let guest = start(&folder, Mode::Command).await;
    assert_eq!((guest.pid(), guest.owns_process()), (alone.pid(), false));
    alone.stop().await.unwrap();
    pool(&guest).ping().await.unwrap();
    guest.stop().await.unwrap();
    assert!(!is_running(&folder), "the last one stops what its owner left behind");

    let serving = start(&folder, Mode::Serve).await;
    let guest = start(&folder, Mode::Command).await;
    guest.stop().await.unwrap();
    pool(&serving).ping().await.unwrap();
    // An error in a command drops its hold without stopping it.
    drop(serving);
    let limit = Duration::from_secs(30);
    assert!(wait_until(limit, || !is_running(&folder)));
}

#[tokio::test]
async fn starts_at_once_share_one_server() {
    let folder = data_dir();
    let starts = (0..3).map(|_| start(&folder, Mode::Serve));
    let holds = futures_util::future::join_all(starts).await;
    assert!(holds.iter().all(|hold| hold.pid() == holds[0].pid()), "{holds:?}");
    for hold in holds {
        assert!(is_running(&folder));
        hold.stop().await.unwrap();
    }
    assert!(!is_running(&folder));
}

#[tokio::test]
async fn leftovers_of_a_crash_do_not_matter() {
    let folder = data_dir();
    // initdb was killed half-way.
    fs::create_dir(folder.path().join("postgres.new")).unwrap();
    fs::write(folder.path().join("postgres.new/PG_VERSION"), "15\n").unwrap();
    let hold = start(&folder, Mode::Serve).await;
    let postgres = folder.path().join("postgres");
    let lock = fs::read_to_string(postgres.join("postmaster.pid")).unwrap();
    hold.stop().await.unwrap();
    // The number in the lock file belongs to another process now: to this one.
    let (_, rest) = lock.split_once('\n').unwrap();
    let stale = format!("{}\n{rest}", std::process::id());
    fs::write(postgres.join("postmaster.pid"), stale).unwrap();
    let hold = start(&folder, Mode::Serve).await;
    pool(&hold).ping().await.unwrap();
    hold.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    let folder = data_dir();
    let hold = start(&folder, Mode::Serve).await;
    let db = pool(&hold);
    run(&db, "CREATE TABLE kept (n int)").await;
    let (postgres, killed) = (folder.path().join("postgres"), hold.pid().unwrap());
    kill_server(&hold);
    let revived = async {
        loop {
            let file = PidFile::read(&postgres).filter(|file| file.pid != killed);
            if file.is_some_and(|file| file.is_ready() && is_server_of(file.pid, &postgres)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = hold.supervisor() => panic!("the supervisor gave up"),
        () = revived => {}
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("nobody started it again"),
    }
    run(&db, "INSERT INTO kept VALUES (1)").await;
    hold.stop().await.unwrap();
    assert!(!is_running(&folder));
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_refused_with_the_fix() {
    let folder = data_dir();
    fs::create_dir(folder.path().join("postgres")).unwrap();
    fs::write(folder.path().join("postgres/PG_VERSION"), "9.6\n").unwrap();
    let refusal = EmbeddedPostgres::start(folder.path(), Mode::Serve, None).await.unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.contains("was made by PostgreSQL 9.6") && refusal.contains("LUNA_PG_BIN"));
}

#[tokio::test]
async fn root_gets_a_server_that_is_not_root() {
    if !geteuid().is_root() {
        eprintln!("skipped: root_gets_a_server_that_is_not_root: not run by root");
        return;
    }
    let folder = data_dir();
    let hold = start(&folder, Mode::Command).await;
    let process = fs::metadata(format!("/proc/{}", hold.pid().unwrap())).unwrap();
    assert_ne!(process.uid(), 0);
    let cluster = fs::metadata(folder.path().join("postgres")).unwrap();
    assert_eq!((cluster.uid(), cluster.mode() & 0o777), (process.uid(), 0o700));
    hold.stop().await.unwrap();

    let closed = data_dir();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    let refusal = EmbeddedPostgres::start(closed.path(), Mode::Serve, None).await.unwrap_err();
    let fix = format!("chmod o+x {}", closed.path().display());
    assert!(refusal.to_string().contains(&fix), "{refusal}");
}

#[tokio::test]
async fn deep_and_odd_folders_work() {
    let folder = data_dir();
    for inner in ["d".repeat(90), "Luna & Co, 100 %".to_owned()] {
        let deep = folder.path().join(inner);
        let hold = EmbeddedPostgres::start(&deep, Mode::Command, None).await.unwrap();
        pool(&hold).ping().await.unwrap();
        let socket = PidFile::read(&deep.join("postgres")).unwrap().socket_folder;
        assert!(socket.starts_with("/tmp") || socket.starts_with("/run"), "{socket:?}");
        hold.stop().await.unwrap();
        fs::remove_dir(socket).unwrap();
    }
}

#[tokio::test]
async fn nothing_of_lunas_environment_reaches_the_server() {
    let folder = data_dir();
    let hold = start(&folder, Mode::Command).await;
    let environment = Path::new("/proc").join(hold.pid().unwrap().to_string()).join("environ");
    if let Ok(environment) = fs::read(environment) {
        let text = String::from_utf8_lossy(&environment);
        // Cargo sets this one for every test.
        assert!(!text.contains("CARGO_MANIFEST_DIR"), "{text}");
    }
    hold.stop().await.unwrap();
}
