//! One server from the list of its files to the history, each file read once.
//!
//! A file is known by its name, length and time: what has been read is not fetched again, and what
//! was to be done with it afterwards is made up for when a crash came between.

use std::collections::HashSet;
use std::time::{Duration as Span, Instant};

use bytes::Bytes;
use chrono::Duration;

use super::link::{Link, LinkError, RemoteFile};
use crate::facts::drops::folder::{DONE, FAILED, too_large};
use crate::facts::drops::looks::{Looks, REASON, Sign, is_wanted};
use crate::facts::drops::model::{Arrived, DroppedFile, DropsError, Outcome, Scan, written_name};
use crate::facts::drops::service::Drops;
use crate::facts::drops::settings::{After, SftpServer};
use crate::facts::drops::store;

/// Files of one walk; the rest is for the next one.
const FILES_MAX: usize = 10_000;
/// Connections for one file: a cut one is taken up where it ended.
const CONNECTIONS_MAX: u32 = 4;
/// Longest walk; what a slow server has not sent by then is for the next one.
const WALK_MAX: Span = Span::from_mins(10);

impl From<LinkError> for DropsError {
    fn from(error: LinkError) -> Self {
        Self::Server(error.to_string())
    }
}

/// Reads the files of a server that are complete, the oldest first.
pub(in crate::facts::drops) async fn walk(
    drops: &Drops,
    server: &SftpServer,
    looks: &mut Looks,
    scan: &mut Scan,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(), DropsError> {
    let started = Instant::now();
    let link = connect(drops, server).await?;
    let mut files = link.list(&server.folder).await?;
    files.retain(|file| is_wanted(&file.name));
    files.sort_by(|one, other| (one.modified_at, &one.name).cmp(&(other.modified_at, &other.name)));
    files.truncate(FILES_MAX);
    let mut visit = Visit { drops, server, road: server.road(), link, looks, scan };
    let there: HashSet<String> = files.iter().map(|file| visit.key(file)).collect();
    visit.looks.keep_only(&visit.road, &there);
    for file in files {
        if is_cancelled() || started.elapsed() > WALK_MAX {
            break;
        }
        visit.one(&file).await?;
    }
    visit.link.close().await;
    Ok(())
}

/// Connects to a server that shows the key that is expected of it.
async fn connect(drops: &Drops, server: &SftpServer) -> Result<Link, DropsError> {
    let address = server.address();
    let mut pinned = server.host_keys.clone();
    if pinned.is_empty() {
        let mut conn = drops.db.conn().await?;
        pinned.extend(store::host_key(&mut conn, &address).await?);
    }
    if pinned.is_empty() && !server.accept_new {
        return Err(DropsError::Server(format!(
            "no host key of {address} is known; set host_keys"
        )));
    }
    let is_first = pinned.is_empty();
    let (link, shown) = Link::open(server, &drops.settings, pinned).await?;
    if is_first {
        let mut conn = drops.db.conn().await?;
        store::remember_host_key(&mut conn, &address, &shown, drops.clock.now()).await?;
        tracing::warn!("{address} was met first and is believed from now on by its key {shown}");
    }
    Ok(link)
}

/// A walk over the files of a server.
struct Visit<'a> {
    drops: &'a Drops,
    server: &'a SftpServer,
    road: String,
    link: Link,
    looks: &'a mut Looks,
    scan: &'a mut Scan,
}

impl Visit<'_> {
    fn key(&self, file: &RemoteFile) -> String {
        format!("{}/{}", self.road, file.name)
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.server.folder.trim_end_matches('/'))
    }

    async fn one(&mut self, remote: &RemoteFile) -> Result<(), DropsError> {
        let (key, name) = (self.key(remote), written_name(&remote.name));
        let RemoteFile { size_bytes, modified_at, .. } = *remote;
        let sign = Sign { size_bytes, modified_at, inode: 0 };
        if self.looks.is_stuck(&key, sign) {
            return Ok(());
        }
        let mut conn = self.drops.db.conn().await?;
        let names = (self.road.as_str(), name.as_str());
        let known = store::known(&mut conn, names, (size_bytes, modified_at)).await?;
        drop(conn);
        if let Some(file) = known {
            return self.put_away(remote, &file, (&key, sign)).await;
        }
        let settle = Duration::seconds(self.drops.settings.settle_s.into());
        if !self.looks.is_complete(&key, sign, self.drops.clock.now(), settle) {
            self.scan.waiting += 1;
            return Ok(());
        }
        let mut arrived = Arrived {
            road: self.road.clone(),
            name,
            meter_hint: self.server.meter.clone().unwrap_or_default(),
            modified_at,
            bytes: Bytes::new(),
        };
        let bytes_max = self.drops.settings.bytes_max();
        let file = if size_bytes > bytes_max {
            let reason = too_large(size_bytes, bytes_max);
            self.drops.refuse(&arrived, size_bytes, &reason).await?
        } else {
            match self.fetch(remote, (&key, sign)).await {
                Ok(Some(bytes)) => arrived.bytes = bytes,
                Ok(None) => {
                    self.scan.waiting += 1;
                    return Ok(());
                }
                // A file that may not be read holds up no other.
                Err(Failed::File(why)) => {
                    self.scan.troubles.push(format!("{}: {why}", self.road));
                    return Ok(());
                }
                Err(Failed::Server(error)) => return Err(error),
            }
            self.drops.take(&arrived).await?
        };
        self.put_away(remote, &file, (&key, sign)).await?;
        self.scan.files.push(file);
        Ok(())
    }

    /// The bytes of a file, over several connections if need be; nothing when it has changed.
    async fn fetch(
        &mut self,
        remote: &RemoteFile,
        (key, sign): (&str, Sign),
    ) -> Result<Option<Bytes>, Failed> {
        let path = self.path(&remote.name);
        let mut bytes = self.looks.begun(key, sign);
        for connection in 1..=CONNECTIONS_MAX {
            let read = self.link.read_on(&path, &mut bytes, remote.size_bytes).await;
            let whole = match read {
                Ok(is_whole) => match self.link.look(&path).await {
                    Ok(now) => Ok(is_whole && now == (remote.size_bytes, remote.modified_at)),
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            match whole {
                Ok(true) => return Ok(Some(bytes.into())),
                Ok(false) => return Ok(None),
                Err(LinkError::Refused(why)) => return Err(Failed::File(why)),
                Err(error @ LinkError::Cut(_)) if connection == CONNECTIONS_MAX => {
                    self.looks.begin(key, sign, bytes);
                    return Err(Failed::Server(error.into()));
                }
                Err(LinkError::Cut(why)) => {
                    let length = bytes.len();
                    tracing::info!(road = self.road, "Cut off after {length} bytes: {why}");
                    match connect(self.drops, self.server).await {
                        Ok(link) => self.link = link,
                        Err(error) => {
                            self.looks.begin(key, sign, bytes);
                            return Err(Failed::Server(error));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    /// Does with a file that was read what the settings say; a server that refuses is let be.
    async fn put_away(
        &mut self,
        remote: &RemoteFile,
        file: &DroppedFile,
        (key, sign): (&str, Sign),
    ) -> Result<(), DropsError> {
        let is_failed = file.outcome == Outcome::Failed;
        let path = self.path(&remote.name);
        let done = match (self.server.after, is_failed) {
            (After::Keep, _) => return Ok(()),
            (After::Delete, false) => self.link.delete(&path).await,
            (After::Move, false) => self.move_into(DONE, remote, file).await.map(drop),
            (After::Move | After::Delete, true) => self.set_aside(remote, file).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(LinkError::Refused(why)) => {
                self.looks.stick(key, sign);
                let why = format!("{}: it was read and cannot be moved: {why}", self.road);
                tracing::warn!("{why}");
                self.scan.troubles.push(why);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn set_aside(&self, remote: &RemoteFile, file: &DroppedFile) -> Result<(), LinkError> {
        let target = self.move_into(FAILED, remote, file).await?;
        let when = file.last_at.format("%Y-%m-%dT%H:%M:%SZ");
        let reason = file.reason.as_deref().unwrap_or_default();
        let text = format!("{reason}\n\nread {when}, sha256 {}\n", file.sha256);
        self.link.write(&format!("{target}{REASON}"), &text).await
    }

    async fn move_into(
        &self,
        folder: &str,
        remote: &RemoteFile,
        file: &DroppedFile,
    ) -> Result<String, LinkError> {
        let folder = self.path(folder);
        self.link.make_folder(&folder).await?;
        let id = file.dropped_file_id.simple().to_string();
        let mark = file.sha256.get(..12).unwrap_or(&id);
        let to = format!("{folder}/{}", remote.name);
        self.link.move_to(&self.path(&remote.name), &to, &format!("{to}.{mark}")).await
    }
}

/// Whose fault it is that a file was not fetched.
enum Failed {
    /// The file's.
    File(String),
    /// The server's, or the database's.
    Server(DropsError),
}
