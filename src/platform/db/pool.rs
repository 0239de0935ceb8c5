//! Connections to the database: opened when needed, shared, bounded in number and in waiting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::ConnectionError;
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError as ManagerError, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::stream::poll_fn;
use futures_util::{FutureExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, mpsc};
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{DbError, with_causes};
use super::listen::Notice;
use super::observe::QueryTimes;
use super::settings::{Settings, TlsMode};
use super::target::{Target, place};
use super::tls::{self, Trust};

/// A connection that speaks diesel.
pub type Conn = AsyncPgConnection;
/// A connection on loan from the pool; goes back when dropped, or is closed when it broke.
pub type PooledConn = Object<Conn>;

/// Notices that wait for their listener; then the server keeps them.
const NOTICES_WAITING_MAX: usize = 64;
/// Bulk writes at once; each has a connection beside the pool.
const COPIES_MAX: usize = 2;
/// Requests at once whose rows are staged; each has a connection beside the pool.
const STAGES_MAX: usize = 4;
/// A connection that was idle this long is asked whether it lives before it is lent out again. One
/// used just now is taken as it is, unless its socket has closed meanwhile: asking every time would
/// double the round trips of a request.
const TRUSTED: Duration = Duration::from_secs(1);
/// An idle connection above `pool_min` is closed after this time.
const IDLE_MAX: Duration = Duration::from_mins(5);

/// The one way to the database. Cloning is cheap; nothing connects before the first use.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    pool: Pool<Conn>,
    connector: Connector,
    pool_min: usize,
    acquire_timeout: Duration,
    copies: Arc<Semaphore>,
    stages: Arc<Semaphore>,
    has_timescale: AtomicBool,
    trimmed_at: Mutex<Instant>,
}

impl Db {
    /// A pool for the database that `url` names; the server need not be up.
    pub fn new(settings: &Settings, url: &SecretString) -> Result<Self, DbError> {
        let mistakes = settings.mistakes();
        if !mistakes.is_empty() {
            return Err(DbError::Settings(mistakes.join("; ")));
        }
        Self::through(settings, Connector::new(settings, url)?)
    }

    /// A pool for the database `name` on the same server, reached the same way.
    pub fn beside(&self, settings: &Settings, name: &str) -> Result<Self, DbError> {
        let mut connector = self.0.connector.clone();
        connector.config.dbname(name);
        connector.place = place(&connector.config);
        Self::through(settings, connector)
    }

    fn through(settings: &Settings, connector: Connector) -> Result<Self, DbError> {
        let mut manager = ManagerConfig::default();
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = {
            let connector = connector.clone();
            Box::new(move |_| {
                let connector = connector.clone();
                async move { connector.connect().await }.boxed()
            })
        };
        // The connector knows the way; the manager's own URL would only be a second copy of a secret.
        let manager = AsyncDieselConnectionManager::new_with_config(String::new(), manager);
        let pool = Pool::builder(manager).max_size(settings.pool_max);
        let pool = pool.post_recycle(Hook::async_fn(|conn, metrics| {
            let idle = metrics.last_used();
            async move { if idle < TRUSTED { Ok(()) } else { answers(conn).await } }.boxed()
        }));
        let pool = pool.build();
        let pool = pool.map_err(|error| DbError::Settings(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            pool,
            connector,
            pool_min: settings.pool_min,
            acquire_timeout: Duration::from_secs(settings.acquire_timeout_s),
            copies: Arc::new(Semaphore::new(COPIES_MAX)),
            stages: Arc::new(Semaphore::new(STAGES_MAX)),
            has_timescale: AtomicBool::new(false),
            trimmed_at: Mutex::new(Instant::now()),
        })))
    }

    /// A live connection; waits at most `acquire_timeout_s`.
    ///
    /// A connection that broke while idle, e.g. because the server restarted, is replaced here.
    pub async fn conn(&self) -> Result<PooledConn, DbError> {
        self.close_idle();
        let waited = self.0.acquire_timeout;
        match tokio::time::timeout(waited, self.0.pool.get()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(PoolError::Backend(ManagerError::ConnectionError(error)))) => {
                Err(self.unavailable(&error))
            }
            Ok(Err(error)) => Err(self.unavailable(&error)),
            Err(_) => {
                let status = self.0.pool.status();
                let seconds = waited.as_secs();
                Err(DbError::Unavailable(if status.size >= status.max_size {
                    format!("all {} connections were in use for {seconds} s", status.max_size)
                } else {
                    format!("no answer from {} within {seconds} s", self.describe())
                }))
            }
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        Ok(self.conn().await?.batch_execute("SELECT 1").await?)
    }

    /// Whether time series live in hypertables; known after a migration or a look at the schema.
    pub fn has_timescale(&self) -> bool {
        self.0.has_timescale.load(Ordering::Relaxed)
    }

    /// Where the database is, for people: no password, no user.
    pub fn describe(&self) -> String {
        self.0.connector.place.clone()
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.0.connector
    }

    pub(super) fn copies(&self) -> &Arc<Semaphore> {
        &self.0.copies
    }

    pub(super) fn stages(&self) -> &Arc<Semaphore> {
        &self.0.stages
    }

    pub(super) fn set_timescale(&self, is_there: bool) {
        self.0.has_timescale.store(is_there, Ordering::Relaxed);
    }

    pub(super) fn unavailable(&self, error: &(dyn std::error::Error + 'static)) -> DbError {
        DbError::Unavailable(format!("{}: {}", self.0.connector.place, with_causes(error)))
    }

    /// Gives connections back that nobody has used for a while: each costs the server megabytes.
    fn close_idle(&self) {
        let mut trimmed_at = self.0.trimmed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if trimmed_at.elapsed() < IDLE_MAX {
            return;
        }
        *trimmed_at = Instant::now();
        let mut spare = self.0.pool.status().size.saturating_sub(self.0.pool_min);
        self.0.pool.retain(|_, metrics| {
            let closes = spare > 0 && metrics.last_used() > IDLE_MAX;
            spare -= usize::from(closes);
            !closes
        });
    }
}

/// Opens connections: address, encryption, limits.
#[derive(Clone)]
pub(super) struct Connector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    place: String,
    session: String,
}

impl Connector {
    fn new(settings: &Settings, url: &SecretString) -> Result<Self, DbError> {
        let mut target = Target::parse(url.expose_secret())?;
        let asked = settings.tls.or(target.tls);
        let mode = match asked {
            None if target.is_local_socket() => TlsMode::Off,
            None => TlsMode::Prefer,
            Some(mode) => mode,
        };
        let ca_file = settings.tls_ca_file.as_deref().or(target.ca_file.as_deref());
        let trusted = Trust::Authorities { extra: ca_file };
        let (ssl_mode, trust) = match mode {
            TlsMode::Off => (SslMode::Disable, None),
            // Whoever could show a false certificate could as well refuse encryption.
            TlsMode::Prefer => (SslMode::Prefer, Some(Trust::Anybody)),
            TlsMode::Require if settings.tls_accept_self_signed => {
                (SslMode::Require, Some(Trust::Anybody))
            }
            TlsMode::Require | TlsMode::Verify => (SslMode::Require, Some(trusted)),
        };
        let tls = trust.as_ref().map(tls::connector).transpose()?;
        let place = place(&target.config);
        target.config.ssl_mode(ssl_mode);
        let session = format!("SET statement_timeout = '{}s'", settings.statement_timeout_s);
        Ok(Self { config: target.config, tls, place, session })
    }

    /// A connection beside the pool, that speaks diesel.
    pub(super) async fn connect(&self) -> Result<Conn, ConnectionError> {
        let mut conn = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(bad)?;
                Conn::try_from_client_and_connection(client, connection).await?
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(bad)?;
                Conn::try_from_client_and_connection(client, connection).await?
            }
        };
        conn.set_instrumentation(QueryTimes::default());
        let session = conn.batch_execute(&self.session).await;
        session.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    }

    /// A connection beside the pool, that speaks COPY.
    pub(super) async fn connect_raw(&self) -> Result<Client, tokio_postgres::Error> {
        Ok(self.connect_listening().await?.0)
    }

    /// A connection beside the pool, and what it is told on the channels it will listen on.
    pub(super) async fn connect_listening(
        &self,
    ) -> Result<(Client, mpsc::Receiver<Notice>), tokio_postgres::Error> {
        let (tell, notices) = mpsc::channel(NOTICES_WAITING_MAX);
        let client = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                drive(connection, tell);
                client
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                drive(connection, tell);
                client
            }
        };
        client.batch_execute(&format!("SET TIME ZONE 'UTC'; {}", self.session)).await?;
        Ok((client, notices))
    }
}

/// Whether the server still answers on an idle connection.
async fn answers(conn: &mut Conn) -> Result<(), HookError> {
    let answer = conn.batch_execute("SELECT 1").await;
    answer.map_err(|error| HookError::Backend(ManagerError::QueryError(error)))
}

#[expect(clippy::needless_pass_by_value, reason = "the form map_err wants")]
fn bad(error: tokio_postgres::Error) -> ConnectionError {
    ConnectionError::BadConnection(with_causes(&error))
}

/// Moves bytes between client and server until the client is dropped, and passes notices on.
#[expect(clippy::disallowed_methods, reason = "ends with its client, which its owner drops")]
fn drive<S>(mut connection: Connection<Socket, S>, tell: mpsc::Sender<Notice>)
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    let mut messages = poll_fn(move |context| connection.poll_message(context));
    drop(tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            match message {
                Ok(AsyncMessage::Notification(notice)) => {
                    let (channel, payload) =
                        (notice.channel().to_owned(), notice.payload().to_owned());
                    // Nobody listens on a connection that only copies.
                    drop(tell.send(Notice { channel, payload }).await);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = %with_causes(&error), "A connection broke");
                    return;
                }
            }
        }
    }));
}
