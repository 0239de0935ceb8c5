//! The watched folder: complete files are read, then moved to `done` or, with a sentence, to `failed`.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use nix::fcntl::OFlag;
use uuid::Uuid;

use super::looks::{Looks, REASON, Sign, is_wanted};
use super::model::{Arrived, DroppedFile, DropsError, Outcome, Scan, written_name};
use super::service::{Drops, away};
use crate::facts::meters::check_meter_id;
use crate::platform::objects::sha256_hex;

/// What the history calls the road.
pub(super) const ROAD: &str = "folder";
/// Where files are moved that were read.
pub(super) const DONE: &str = "done";
/// Where files are moved that could not be read.
pub(super) const FAILED: &str = "failed";
/// Files of one walk; the rest is for the next one.
const FILES_MAX: usize = 10_000;

/// A file in the watched folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Its name below the watched folder.
    pub name: String,
    /// Name of the folder in which it is, which is a meter's.
    pub meter_hint: String,
    /// What it looks like.
    pub sign: Sign,
}

impl Entry {
    fn key(&self) -> String {
        format!("{ROAD}/{}", self.path.display())
    }

    fn arrived(&self, bytes: Bytes) -> Arrived {
        Arrived {
            road: ROAD.to_owned(),
            name: self.name.clone(),
            meter_hint: self.meter_hint.clone(),
            modified_at: self.sign.modified_at,
            bytes,
        }
    }
}

/// Reads the files that are complete, the oldest first.
pub(super) async fn walk(
    drops: &Drops,
    watched: &Path,
    looks: &mut Looks,
    scan: &mut Scan,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(), DropsError> {
    let folder = watched.to_owned();
    let (entries, troubles) = away(move || list(&folder)).await?;
    scan.troubles.extend(troubles);
    let there: HashSet<String> = entries.iter().map(Entry::key).collect();
    looks.keep_only(ROAD, &there);
    let settle = Duration::seconds(drops.settings.settle_s.into());
    for entry in entries {
        if is_cancelled() {
            return Ok(());
        }
        let (key, sign) = (entry.key(), entry.sign);
        if looks.is_stuck(&key, sign) {
            continue;
        }
        if !looks.is_complete(&key, sign, drops.clock.now(), settle) {
            scan.waiting += 1;
            continue;
        }
        let Some(file) = read(drops, &entry, scan).await? else { continue };
        let (place, moved) = (watched.to_owned(), file.clone());
        let put = away(move || Ok(put_away(&place, &entry, &moved))).await?;
        if let Err(error) = put {
            looks.stick(&key, sign);
            let why = format!("{}: it was read and cannot be moved: {error}", file.name);
            tracing::warn!("{ROAD}: {why}");
            scan.troubles.push(format!("{ROAD}: {why}"));
        }
        scan.files.push(file);
    }
    Ok(())
}

/// What became of a file; nothing when it cannot be opened or is being written.
async fn read(
    drops: &Drops,
    entry: &Entry,
    scan: &mut Scan,
) -> Result<Option<DroppedFile>, DropsError> {
    let (size_bytes, bytes_max) = (entry.sign.size_bytes, drops.settings.bytes_max());
    if size_bytes > bytes_max {
        let reason = too_large(size_bytes, bytes_max);
        return Ok(Some(drops.refuse(&entry.arrived(Bytes::new()), size_bytes, &reason).await?));
    }
    let wanted = entry.clone();
    match away(move || Ok(bytes_of(&wanted))).await? {
        Ok(Some(bytes)) => Ok(Some(drops.take(&entry.arrived(bytes.into())).await?)),
        Ok(None) => {
            scan.waiting += 1;
            Ok(None)
        }
        Err(error) => {
            scan.troubles.push(format!("{ROAD}: {} cannot be opened: {error}", entry.name));
            Ok(None)
        }
    }
}

/// Why a file of this length is not read.
pub(super) fn too_large(size_bytes: u64, bytes_max: u64) -> String {
    let (size_mb, max_mb) = (size_bytes.div_ceil(1 << 20), bytes_max >> 20);
    format!("the file has {size_mb} MB; at most {max_mb} are read (drops.max_mb)")
}

/// Files in the folder and in the folders of meters below it, the oldest first, and what is odd.
fn list(watched: &Path) -> Result<(Vec<Entry>, Vec<String>), DropsError> {
    let unusable = |error: io::Error| DropsError::Folder {
        folder: watched.display().to_string(),
        reason: format!("{error}; make it, or change drops.folder"),
    };
    let (mut entries, mut troubles) = (Vec::new(), Vec::new());
    let mut meters = Vec::new();
    for item in fs::read_dir(watched).map_err(unusable)? {
        let item = item.map_err(unusable)?;
        let name = item.file_name().to_string_lossy().into_owned();
        // Links are followed nowhere: a folder that others may write into must not lead out of itself.
        let Ok(kind) = item.file_type() else { continue };
        if kind.is_file() && is_wanted(&name) {
            entries.extend(entry(item.path(), &name, ""));
        } else if kind.is_dir() && !name.starts_with('.') && name != DONE && name != FAILED {
            match check_meter_id(&name) {
                Ok(()) => meters.push((item.path(), name)),
                Err(why) => troubles.push(format!(
                    "{ROAD}: the folder '{}' is passed over: as the name of a meter it {why}",
                    written_name(&name)
                )),
            }
        }
    }
    for (path, meter) in meters {
        let Ok(items) = fs::read_dir(&path) else {
            troubles.push(format!("{ROAD}: the folder '{meter}' cannot be read"));
            continue;
        };
        for item in items.flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            if item.file_type().is_ok_and(|kind| kind.is_file()) && is_wanted(&name) {
                entries.extend(entry(item.path(), &format!("{meter}/{name}"), &meter));
            }
        }
    }
    entries.sort_by(|one, other| {
        (one.sign.modified_at, &one.name).cmp(&(other.sign.modified_at, &other.name))
    });
    entries.truncate(FILES_MAX);
    Ok((entries, troubles))
}

fn entry(path: PathBuf, name: &str, meter: &str) -> Option<Entry> {
    let sign = sign_of(&fs::symlink_metadata(&path).ok()?);
    Some(Entry { path, name: written_name(name), meter_hint: meter.to_owned(), sign })
}

fn sign_of(metadata: &Metadata) -> Sign {
    let modified_at = metadata.modified().ok();
    Sign {
        size_bytes: metadata.len(),
        // As exactly as the history keeps it.
        modified_at: modified_at.map(|at| DateTime::<Utc>::from(at).trunc_subsecs(6)),
        inode: metadata.ino(),
    }
}

/// The bytes of a file that is still what was seen of it; nothing when it is not.
fn bytes_of(entry: &Entry) -> io::Result<Option<Vec<u8>>> {
    // Neither a link that took the file's place nor a pipe may be opened.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&entry.path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_same = |file: &File| {
        let metadata = file.metadata()?;
        Ok::<_, io::Error>(metadata.is_file() && sign_of(&metadata) == entry.sign)
    };
    if !is_same(&file)? {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    (&file).take(entry.sign.size_bytes + 1).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 == entry.sign.size_bytes && is_same(&file)?;
    Ok(is_whole.then_some(bytes))
}

/// Moves a file that was read to its place; one that was replaced meanwhile stays, it is another.
pub(super) fn put_away(watched: &Path, entry: &Entry, file: &DroppedFile) -> io::Result<()> {
    match fs::symlink_metadata(&entry.path) {
        Ok(metadata) if sign_of(&metadata) == entry.sign => {}
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let is_failed = file.outcome == Outcome::Failed;
    let mut place = watched.join(if is_failed { FAILED } else { DONE });
    make_folder(&place)?;
    if !entry.meter_hint.is_empty() {
        place.push(&entry.meter_hint);
        make_folder(&place)?;
    }
    let Some(name) = entry.path.file_name() else { return Ok(()) };
    let mut target = place.join(name);
    if fs::symlink_metadata(&target).is_ok() {
        // A file of the same name came before; one with the same bytes may be overwritten.
        target = beside(&target, file);
    }
    if is_failed {
        write_reason(&place, &target, file)?;
    }
    fs::rename(&entry.path, &target)
}

/// A name beside `path` that tells files of the same name apart.
fn beside(path: &Path, file: &DroppedFile) -> PathBuf {
    let id = file.dropped_file_id.simple().to_string();
    let mark = file.sha256.get(..12).unwrap_or(&id);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{mark}"));
    path.with_file_name(name)
}

fn reason_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(REASON);
    path.with_file_name(name)
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ if fs::symlink_metadata(path)?.is_dir() => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            format!("{} is no folder", path.display()),
        )),
    }
}

/// Says beside a file why it was set aside; a link of that name is replaced, never followed.
fn write_reason(place: &Path, target: &Path, file: &DroppedFile) -> io::Result<()> {
    let draft = place.join(format!(".{}.tmp", Uuid::now_v7().simple()));
    let mut writer = OpenOptions::new().write(true).create_new(true).open(&draft)?;
    let when = file.last_at.format("%Y-%m-%dT%H:%M:%SZ");
    let reason = file.reason.as_deref().unwrap_or_default();
    writeln!(writer, "{reason}\n\nread {when}, sha256 {}", file.sha256)?;
    drop(writer);
    fs::rename(&draft, reason_path(target))
}

/// Moves a file that was set aside and has been read since to the others.
pub(super) async fn take_back(watched: &Path, file: &DroppedFile) {
    let (watched, file) = (watched.to_owned(), file.clone());
    let moved = away(move || Ok(move_back(&watched, &file))).await;
    match moved {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("A file that was read stays in {FAILED}: {error}"),
        Err(error) => tracing::warn!("A file that was read stays in {FAILED}: {error}"),
    }
}

fn move_back(watched: &Path, file: &DroppedFile) -> io::Result<()> {
    let name = Path::new(&file.name);
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain {
        return Ok(());
    }
    let usual = watched.join(FAILED).join(name);
    for path in [beside(&usual, file), usual] {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if !metadata.is_file() || metadata.len() != file.size_bytes {
            continue;
        }
        let (sign, meter_hint) = (sign_of(&metadata), file.meter_hint.clone());
        let entry = Entry { path: path.clone(), name: file.name.clone(), meter_hint, sign };
        let Some(bytes) = bytes_of(&entry)? else { continue };
        if sha256_hex(&bytes) != file.sha256 {
            continue;
        }
        put_away(watched, &entry, file)?;
        match fs::remove_file(reason_path(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
