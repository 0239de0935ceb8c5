//! One process's hold on the private database: joined or started, and stopped by whoever leaves last.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::cluster::{Cluster, Profile};
use super::error::{EmbeddedError, io_error};
use super::process::Process;

/// Database that holds Luna's tables.
pub(super) const DATABASE: &str = "luna";
/// File of the data folder that every process with a hold on the database has a lock on.
pub(super) const USERS: &str = "postgres.users";
/// Looks for a server that lives before giving up.
const ATTEMPTS_MAX: u32 = 3;
/// Looks for others before the last to leave believes that it is.
const LOOKS: u32 = 5;
/// Pause between these looks; starting a program takes less.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How often a server that should run is looked after.
const WATCH: Duration = Duration::from_secs(1);

/// What the process wants the database for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To serve: starts it, or takes over one whose owner died, and stops it at the end.
    Serve,
    /// For one command: joins a running one and leaves it running, otherwise starts and stops it.
    Command,
}

/// A hold on the private database; give it back with [`EmbeddedPostgres::stop`].
///
/// Several processes may hold it. An owner that leaves while others are there hands its duty to
/// stop the server on to the last of them.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    cluster: Cluster,
    pub(super) process: Arc<Mutex<Option<Process>>>,
    users: Users,
    owns_process: bool,
    url: SecretString,
}

impl EmbeddedPostgres {
    /// Starts or joins the database in `data_dir/postgres`; makes it when it is not there.
    ///
    /// `postgres_bin` is the folder of PostgreSQL's programs; without it they are searched for.
    pub async fn start(
        data_dir: &Path,
        mode: Mode,
        postgres_bin: Option<&Path>,
    ) -> Result<Self, EmbeddedError> {
        let mut attempts = 0;
        loop {
            let (data_dir, bin) = (data_dir.to_owned(), postgres_bin.map(Path::to_owned));
            let hold =
                tokio::task::spawn_blocking(move || Self::hold(&data_dir, mode, bin.as_deref()));
            let hold = hold.await??;
            attempts += 1;
            match hold.create_database().await {
                Ok(()) => return Ok(hold),
                // A server that was found can be dying just then; the next look finds that out.
                Err(error) if attempts < ATTEMPTS_MAX && is_going_away(&error) => {
                    tracing::debug!(%error, "The private database went away; trying again");
                    hold.wait_for_end().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn hold(data_dir: &Path, mode: Mode, bin: Option<&Path>) -> Result<Self, EmbeddedError> {
        let cluster = Cluster::new(data_dir, Profile::Durable, bin)?;
        let _alone = cluster.lock()?;
        let users = Users::enter(&data_dir.join(USERS))?;
        let process = cluster.ensure_running()?;
        let (is_started, pid) = (process.child.is_some(), process.pid);
        if is_started {
            users.set_left_behind(false)?;
        }
        let url = cluster.url(DATABASE).ok_or_else(|| EmbeddedError::Failed {
            what: "reading the private database's lock file".to_owned(),
            said: String::new(),
            log: cluster.log(),
        })?;
        tracing::info!(pid, is_started, "The private database is ready");
        Ok(Self {
            cluster,
            process: Arc::new(Mutex::new(Some(process))),
            users,
            owns_process: is_started || mode == Mode::Serve,
            url,
        })
    }

    /// Connection string of Luna's database: a socket that only this user and root can reach.
    pub fn url(&self) -> SecretString {
        self.url.clone()
    }

    /// Whether the server's end is this process's duty.
    #[cfg(test)]
    pub const fn owns_process(&self) -> bool {
        self.owns_process
    }

    /// Number of the server's process.
    #[cfg(test)]
    pub fn pid(&self) -> Option<i32> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.pid)
    }

    /// Starts the server again whenever it dies, e.g. for lack of memory; ends with the hold.
    pub fn supervisor(&self) -> impl Future<Output = ()> + Send + 'static {
        let (cluster, process) = (self.cluster.clone(), Arc::clone(&self.process));
        async move {
            let mut pause = WATCH;
            loop {
                tokio::time::sleep(pause).await;
                let (cluster, process) = (cluster.clone(), Arc::clone(&process));
                match tokio::task::spawn_blocking(move || revive(&cluster, &process)).await {
                    Ok(Ok(State::Runs)) => pause = WATCH,
                    Ok(Ok(State::Revived)) => {
                        pause = WATCH;
                        tracing::warn!("The private database had died and runs again");
                    }
                    Ok(Err(error)) => {
                        pause = (pause * 2).min(Duration::from_mins(1));
                        tracing::error!(%error, "The private database died and does not start");
                    }
                    Ok(Ok(State::GivenBack)) | Err(_) => return,
                }
            }
        }
    }

    /// Lets go of the database; stops the server when it is this process's duty or was left to it.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        tokio::task::spawn_blocking(move || {
            let _alone = self.cluster.lock()?;
            if self.is_last_with_duty()? {
                let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(mut process) = process.take() {
                    process.stop();
                }
                self.users.set_left_behind(false)?;
                tracing::info!("The private database has stopped");
            }
            self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
            Ok(())
        })
        .await?
    }

    /// Whether nobody else is here and somebody must stop the server; leaves the users in any case.
    fn is_last_with_duty(&self) -> Result<bool, EmbeddedError> {
        let has_duty = self.owns_process || self.users.is_left_behind()?;
        let is_last = self.users.leave()?;
        if has_duty && !is_last {
            self.users.set_left_behind(true)?;
        }
        Ok(has_duty && is_last)
    }

    /// Waits for a server that dies to be dead, within reason.
    async fn wait_for_end(&self) {
        let ends = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
                if !process.as_mut().is_some_and(Process::is_alive) {
                    return;
                }
            }
        };
        drop(tokio::time::timeout(Duration::from_secs(5), ends).await);
    }

    async fn create_database(&self) -> Result<(), tokio_postgres::Error> {
        let mut config: tokio_postgres::Config = self.url.expose_secret().parse()?;
        config.application_name("luna").dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        let set_up = async {
            let query = "SELECT 1 FROM pg_database WHERE datname = $1";
            if client.query_opt(query, &[&DATABASE]).await?.is_some() {
                return Ok(());
            }
            let created = client.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await;
            created.or_else(|error| match error.code() {
                // Another process did it in the same moment.
                Some(&SqlState::DUPLICATE_DATABASE | &SqlState::UNIQUE_VIOLATION) => Ok(()),
                _ => Err(error),
            })
        };
        tokio::select! {
            done = set_up => done,
            broken = connection => broken,
        }
    }
}

/// Whether a connection failed because its server stops or has died.
fn is_going_away(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_none_or(|error| error.code().code().starts_with("57P"))
}

/// What became of the server since the last look.
enum State {
    Runs,
    Revived,
    GivenBack,
}

/// Starts the server again if it is dead.
fn revive(cluster: &Cluster, process: &Mutex<Option<Process>>) -> Result<State, EmbeddedError> {
    let look = |process: &mut Option<Process>| match process {
        None => Some(State::GivenBack),
        Some(process) => process.is_alive().then_some(State::Runs),
    };
    if let Some(state) = look(&mut process.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(state);
    }
    // The lock comes first, as when stopping; meanwhile the hold may have been given back.
    let _alone = cluster.lock()?;
    let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(state) = look(&mut process) {
        return Ok(state);
    }
    *process = Some(cluster.ensure_running()?);
    Ok(State::Revived)
}

impl Drop for EmbeddedPostgres {
    /// For commands that end with an error: asks the server to stop, without waiting for it.
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(process) = process.take() else { return };
        let Ok(_alone) = self.cluster.lock() else { return };
        if self.is_last_with_duty().unwrap_or(false) {
            process.signal(Signal::SIGINT);
        }
    }
}

/// Who holds the database: each has a shared lock on one file, which ends with its process however
/// that ends. The file's content is the duty to stop that an owner left behind.
#[derive(Debug)]
struct Users {
    file: File,
    path: std::path::PathBuf,
}

impl Users {
    fn enter(path: &Path) -> Result<Self, EmbeddedError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let file = options.open(path).map_err(io_error("open", path))?;
        file.lock_shared().map_err(io_error("lock", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Gives the shared lock up; tells whether it was the last.
    ///
    /// A program that is just being started holds the locks of its parent until it runs, so one
    /// look at whether others are there is not enough.
    fn leave(&self) -> Result<bool, EmbeddedError> {
        let mut looks = (0..LOOKS).map(|look| {
            if look > 0 {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            self.file.try_lock().is_ok()
        });
        let is_last = looks.any(|is_last| is_last);
        self.file.unlock().map_err(io_error("unlock", &self.path))?;
        Ok(is_last)
    }

    fn is_left_behind(&self) -> Result<bool, EmbeddedError> {
        let mut text = String::new();
        let mut file = &self.file;
        file.rewind().map_err(io_error("read", &self.path))?;
        file.read_to_string(&mut text).map_err(io_error("read", &self.path))?;
        Ok(!text.is_empty())
    }

    fn set_left_behind(&self, is_left: bool) -> Result<(), EmbeddedError> {
        let text = if is_left { "stop the server\n" } else { "" };
        let mut file = &self.file;
        file.set_len(0).map_err(io_error("write", &self.path))?;
        file.rewind().map_err(io_error("write", &self.path))?;
        file.write_all(text.as_bytes()).map_err(io_error("write", &self.path))
    }
}
