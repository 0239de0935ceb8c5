//! One connection to a server: who it is, who we are, its files. Every wait has an end.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use russh::client::{self, Handle, Handler};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Disconnect, Error as SshError};
use russh_sftp::client::SftpSession;
use russh_sftp::client::error::Error as SftpError;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::facts::drops::settings::{Settings, SftpServer};

/// Bytes that are asked for at once.
const PIECE: usize = 128 << 10;

/// Why a server could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkError {
    /// The connection was cut, or nobody answers in time: trying again may help.
    #[error("{0}")]
    Cut(String),
    /// The server refuses something.
    #[error("{0}")]
    Refused(String),
}

/// A file of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub size_bytes: u64,
    /// When it was written, by the clock of the server.
    pub modified_at: Option<DateTime<Utc>>,
}

/// A connection to a server.
pub(super) struct Link {
    session: Handle<Gate>,
    sftp: SftpSession,
    wait: Duration,
}

/// Lets servers in whose key is known.
struct Gate {
    /// Fingerprints of which one must be shown; empty: any is believed.
    pinned: Vec<String>,
    shown: Arc<Mutex<String>>,
}

impl Handler for Gate {
    type Error = SshError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, SshError> {
        let print = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256),
            PublicKeyOrCertificate::Certificate(certificate) => {
                certificate.public_key().fingerprint(HashAlg::Sha256)
            }
        };
        let print = print.to_string();
        let is_known = self.pinned.is_empty() || self.pinned.contains(&print);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = print;
        Ok(is_known)
    }
}

impl Link {
    /// Connects, checks the host key against `pinned`, and logs in. Answers with the key's
    /// fingerprint too.
    pub async fn open(
        server: &SftpServer,
        settings: &Settings,
        pinned: Vec<String>,
    ) -> Result<(Self, String), LinkError> {
        let (address, wait) = (server.address(), Duration::from_secs(server.timeout_s.into()));
        let login = Login::of(server, settings).await?;
        let shown = Arc::new(Mutex::new(String::new()));
        let gate = Gate { pinned: pinned.clone(), shown: Arc::clone(&shown) };
        let config = client::Config {
            keepalive_interval: Some(wait),
            nodelay: true,
            ..client::Config::default()
        };
        let to = (server.host.as_str(), server.port);
        let connected = within(wait, &address, client::connect(Arc::new(config), to, gate)).await?;
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut session = match connected {
            Ok(session) => session,
            Err(SshError::UnknownKey) => {
                return Err(LinkError::Refused(format!(
                    "{address} shows the host key {shown} instead of {}: it is not the server that \
                     was agreed on, and nothing was sent to it; ask the operator, then change \
                     host_keys",
                    pinned.join(" or ")
                )));
            }
            Err(error) => return Err(LinkError::Cut(format!("{address}: {error}"))),
        };
        login.prove(&mut session, server, wait).await?;
        let refused = |error: SshError| LinkError::Cut(format!("{address}: {error}"));
        let channel = within(wait, &address, session.channel_open_session()).await?;
        let channel = channel.map_err(refused)?;
        let subsystem = channel.request_subsystem(true, "sftp");
        within(wait, &address, subsystem).await?.map_err(refused)?;
        let config = russh_sftp::client::Config {
            request_timeout_secs: wait.as_secs().max(1),
            ..russh_sftp::client::Config::default()
        };
        let sftp = SftpSession::new_with_config(channel.into_stream(), config);
        let sftp = within(wait, &address, sftp).await?.map_err(|error| {
            LinkError::Refused(format!("{address} lets us in but offers no SFTP: {error}"))
        })?;
        Ok((Self { session, sftp, wait }, shown))
    }

    /// Files in a folder; links and folders are left out.
    pub async fn list(&self, folder: &str) -> Result<Vec<RemoteFile>, LinkError> {
        let listed = self.asked(folder, self.sftp.read_dir(folder)).await?;
        let file = |entry: russh_sftp::client::fs::DirEntry| {
            let attributes = entry.metadata();
            entry.file_type().is_file().then(|| RemoteFile {
                name: entry.file_name(),
                size_bytes: attributes.size.unwrap_or(0),
                modified_at: instant(attributes.mtime),
            })
        };
        Ok(listed.filter_map(file).collect())
    }

    /// Length and time of a file as they are now.
    pub async fn look(&self, path: &str) -> Result<(u64, Option<DateTime<Utc>>), LinkError> {
        let attributes = self.asked(path, self.sftp.symlink_metadata(path)).await?;
        Ok((attributes.size.unwrap_or(0), instant(attributes.mtime)))
    }

    /// Reads on where `bytes` ends, up to `size_bytes`; what was read stays in `bytes` whatever
    /// happens. Answers whether the file has that length.
    pub async fn read_on(
        &self,
        path: &str,
        bytes: &mut Vec<u8>,
        size_bytes: u64,
    ) -> Result<bool, LinkError> {
        let mut file = self.asked(path, self.sftp.open(path)).await?;
        let cut = |error: std::io::Error| LinkError::Cut(format!("{path}: {error}"));
        let start = std::io::SeekFrom::Start(bytes.len() as u64);
        within(self.wait, path, file.seek(start)).await?.map_err(cut)?;
        let mut piece = vec![0; PIECE];
        while bytes.len() as u64 <= size_bytes {
            let read = within(self.wait, path, file.read(&mut piece)).await?.map_err(cut)?;
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&piece[..read]);
        }
        Ok(bytes.len() as u64 == size_bytes)
    }

    /// Makes a folder where there is none.
    pub async fn make_folder(&self, path: &str) -> Result<(), LinkError> {
        if self.asked(path, self.sftp.try_exists(path)).await? {
            return Ok(());
        }
        self.asked(path, self.sftp.create_dir(path)).await
    }

    /// Moves a file to a name; what had the second name `beside` is replaced, what had the first is not.
    pub async fn move_to(&self, path: &str, to: &str, beside: &str) -> Result<String, LinkError> {
        if !self.asked(to, self.sftp.try_exists(to)).await? {
            self.asked(path, self.sftp.rename(path, to)).await?;
            return Ok(to.to_owned());
        }
        if self.asked(beside, self.sftp.try_exists(beside)).await? {
            self.asked(beside, self.sftp.remove_file(beside)).await?;
        }
        self.asked(path, self.sftp.rename(path, beside)).await?;
        Ok(beside.to_owned())
    }

    /// Deletes a file.
    pub async fn delete(&self, path: &str) -> Result<(), LinkError> {
        self.asked(path, self.sftp.remove_file(path)).await
    }

    /// Writes a small file.
    pub async fn write(&self, path: &str, text: &str) -> Result<(), LinkError> {
        let mut file = self.asked(path, self.sftp.create(path)).await?;
        let cut = |error: std::io::Error| LinkError::Cut(format!("{path}: {error}"));
        within(self.wait, path, file.write_all(text.as_bytes())).await?.map_err(cut)?;
        within(self.wait, path, file.shutdown()).await?.map_err(cut)
    }

    /// Says goodbye; a server that does not listen is left.
    pub async fn close(self) {
        drop(tokio::time::timeout(self.wait, self.sftp.close()).await);
        let bye = self.session.disconnect(Disconnect::ByApplication, "", "en");
        drop(tokio::time::timeout(self.wait, bye).await);
    }

    async fn asked<T>(
        &self,
        path: &str,
        answer: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T, LinkError> {
        within(self.wait, path, answer).await?.map_err(|error| match error {
            SftpError::Status(status) => {
                let (code, text) = (status.status_code, status.error_message);
                LinkError::Refused(format!("{path}: the server says {code}: {text}"))
            }
            error => LinkError::Cut(format!("{path}: {error}")),
        })
    }
}

async fn within<T>(
    wait: Duration,
    what: &str,
    answer: impl Future<Output = T>,
) -> Result<T, LinkError> {
    let wait_s = wait.as_secs();
    let late = |_| LinkError::Cut(format!("{what}: no answer within {wait_s} s"));
    tokio::time::timeout(wait, answer).await.map_err(late)
}

fn instant(seconds: Option<u32>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds?.into(), 0)
}

/// How we prove who we are.
enum Login {
    Key(Box<PrivateKey>),
    Password(SecretString),
}

impl Login {
    async fn of(server: &SftpServer, settings: &Settings) -> Result<Self, LinkError> {
        if let Some(path) = &server.key_file {
            let (path, locked) = (path.clone(), settings.sftp_key_passphrase.clone());
            let loaded = tokio::task::spawn_blocking(move || key_of(&path, locked.as_ref())).await;
            return loaded.unwrap_or_else(|error| Err(LinkError::Refused(error.to_string())));
        }
        if let Some(path) = &server.password_file {
            let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                LinkError::Refused(format!(
                    "the password file {} cannot be read: {error}",
                    path.display()
                ))
            })?;
            return Ok(Self::Password(text.trim_end_matches(['\r', '\n']).to_owned().into()));
        }
        settings.sftp_password.clone().map(Self::Password).ok_or_else(|| {
            LinkError::Refused(format!(
                "'{}' has neither a key_file nor a password_file, and drops.sftp_password is not set",
                server.id
            ))
        })
    }

    async fn prove(
        self,
        session: &mut Handle<Gate>,
        server: &SftpServer,
        wait: Duration,
    ) -> Result<(), LinkError> {
        let address = server.address();
        let failed = |error: SshError| LinkError::Cut(format!("{address}: {error}"));
        let answer = match self {
            Self::Password(password) => {
                let asked = session.authenticate_password(&server.user, password.expose_secret());
                within(wait, &address, asked).await?
            }
            Self::Key(key) => {
                let hash = if key.algorithm().is_rsa() {
                    let asked = session.best_supported_rsa_hash();
                    within(wait, &address, asked).await?.map_err(failed)?.flatten()
                } else {
                    None
                };
                let key = PrivateKeyWithHashAlg::new(Arc::from(key), hash);
                let asked = session.authenticate_publickey(&server.user, key);
                within(wait, &address, asked).await?
            }
        };
        if answer.map_err(failed)?.success() {
            return Ok(());
        }
        Err(LinkError::Refused(format!(
            "{address} does not let '{}' in; check the user and the key or password",
            server.user
        )))
    }
}

fn key_of(path: &Path, passphrase: Option<&SecretString>) -> Result<Login, LinkError> {
    let passphrase = passphrase.map(ExposeSecret::expose_secret);
    let loaded = russh::keys::load_secret_key(path, passphrase);
    loaded.map(|key| Login::Key(Box::new(key))).map_err(|error| {
        LinkError::Refused(format!("the key file {} cannot be read: {error}", path.display()))
    })
}
