//! The data folder and the disk below it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::statfs::statfs;
use nix::sys::statvfs::statvfs;

use super::model::{Finding, quoted, size};
use super::repair::Repair;

const MIB: u64 = 1 << 20;
/// Less free space stops PostgreSQL's log of changes at the next busy moment.
const SPACE_FAIL: u64 = 200 * MIB;
/// Less free space is used up within months.
const SPACE_WARN: u64 = 2_048 * MIB;
/// A database of years has some thousand files.
const INODES_FAIL: u64 = 1_000;
const INODES_WARN: u64 = 20_000;
/// Syncs a second below which each commit is felt.
const SYNC_WARN: f64 = 20.0;
/// Syncs a second that no disk does, only memory or a cache that forgets.
const SYNC_UNLIKELY: f64 = 30_000.0;
/// Limits of the measurement.
const SYNCS_MAX: u32 = 50;
const SYNC_TIME_MAX: Duration = Duration::from_millis(1_500);

/// What is where the data folder should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing; the folder above can, or cannot, take it.
    Missing { parent: PathBuf, can_be_made: bool },
    /// Something that is no folder.
    NoFolder,
    /// A folder of a user, with a mode.
    Folder { owner: u32, mode: u32 },
    /// The way there is closed.
    Hidden(String),
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) free: u64,
    pub(super) total: u64,
    pub(super) free_inodes: u64,
    /// Zero where the file system makes them as needed.
    pub(super) total_inodes: u64,
    /// Number of its kind.
    pub(super) kind: i64,
}

pub(super) fn look(path: &Path) -> Place {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            Place::Folder { owner: metadata.uid(), mode: metadata.mode() & 0o7777 }
        }
        Ok(_) => Place::NoFolder,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = nearest(path);
            let can_be_made = nix::unistd::access(&parent, nix::unistd::AccessFlags::W_OK).is_ok();
            Place::Missing { parent, can_be_made }
        }
        Err(error) => Place::Hidden(error.to_string()),
    }
}

/// The folder itself, or the nearest above it that exists.
pub(super) fn nearest(path: &Path) -> PathBuf {
    let found = path.ancestors().find(|ancestor| ancestor.is_dir());
    found.map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

pub(super) fn judge_place(path: &Path, place: &Place) -> Finding {
    let (folder, shown) = (quoted(path), path.display());
    match place {
        Place::Folder { .. } => Finding::ok(format!("{shown} is there")),
        Place::Missing { can_be_made: true, .. } => {
            Finding::warn(format!("{shown} is not there yet"), format!("mkdir -p {folder}"))
                .mended_by(Repair::MakeFolder(path.to_owned()))
        }
        Place::Missing { parent, can_be_made: false } => Finding::fail(
            format!("{shown} is not there, and {} is not writable", parent.display()),
            format!("sudo install -d -o $(id -u) -g $(id -g) {folder}"),
        ),
        Place::NoFolder => {
            Finding::fail(format!("{shown} is no folder"), "echo LUNA_DATA_DIR=data >>.env")
        }
        Place::Hidden(why) => Finding::fail(
            format!("{shown} cannot be looked at: {why}"),
            format!("sudo chmod a+x {}", quoted(path.parent().unwrap_or(path))),
        ),
    }
}

pub(super) fn judge_owner(path: &Path, place: &Place, user: u32) -> Finding {
    let Place::Folder { owner, .. } = place else { return not_there() };
    if *owner == user {
        return Finding::ok(format!("it belongs to this user ({user})"));
    }
    if user == 0 {
        return Finding::warn(
            format!("it belongs to user {owner}, and this is root"),
            format!("sudo -u '#{owner}' luna serve"),
        );
    }
    Finding::fail(
        format!("it belongs to user {owner}, this is user {user}"),
        format!("sudo chown -R {user} {}", quoted(path)),
    )
}

pub(super) fn judge_mode(path: &Path, place: &Place) -> Finding {
    let Place::Folder { mode, .. } = place else { return not_there() };
    if mode & 0o022 == 0 {
        return Finding::ok(format!("mode {mode:o}: only its owner may write"));
    }
    let finding = Finding::fail(
        format!("mode {mode:o}: others may write into it"),
        format!("chmod go-w {}", quoted(path)),
    );
    finding.mended_by(Repair::SetMode(path.to_owned(), mode & !0o022))
}

/// Writes a file and takes it away again.
pub(super) fn try_to_write(path: &Path) -> Result<(), String> {
    let probe = path.join(format!(".luna-doctor-{}", std::process::id()));
    let written = File::create(&probe).and_then(|mut file| {
        file.write_all(&[b'x'; 4_096])?;
        file.sync_all()
    });
    // What could not be written may still have left its name.
    drop(fs::remove_file(&probe));
    written.map_err(|error| error.to_string())
}

pub(super) fn judge_writable(path: &Path, written: &Result<(), String>) -> Finding {
    let shown = path.display();
    match written {
        Ok(()) => Finding::ok(format!("{shown} takes a file")),
        Err(why) if why.contains("os error 28") => Finding::fail(
            format!("{shown} takes no file: the disk is full"),
            format!("df -h {0}; du -xsh {0}/* | sort -h", quoted(path)),
        ),
        Err(why) if why.contains("os error 30") => Finding::fail(
            format!("{shown} takes no file: it is mounted read-only"),
            format!(
                "sudo mount -o remount,rw \"$(df --output=target {} | tail -1)\"",
                quoted(path)
            ),
        ),
        Err(why) => Finding::fail(
            format!("{shown} takes no file: {why}"),
            format!("sudo chown -R $(id -u) {0} && chmod u+rwx {0}", quoted(path)),
        ),
    }
}

/// The file system that holds a folder.
pub(super) fn disk(path: &Path) -> Result<Disk, String> {
    let counts = statvfs(path).map_err(|error| error.to_string())?;
    let kind = statfs(path).map_err(|error| error.to_string())?.filesystem_type();
    Ok(Disk {
        free: counts.blocks_available() as u64 * counts.fragment_size() as u64,
        total: counts.blocks() as u64 * counts.fragment_size() as u64,
        free_inodes: counts.files_available() as u64,
        total_inodes: counts.files() as u64,
        kind: kind.0 as i64,
    })
}

pub(super) fn judge_space(path: &Path, disk: &Disk) -> Finding {
    let reason = format!("{} of {} are free", size(disk.free), size(disk.total));
    let fix = format!("df -h {0}; du -xsh {0}/* | sort -h", quoted(path));
    match disk.free {
        ..SPACE_FAIL => Finding::fail(reason, fix),
        SPACE_FAIL..SPACE_WARN => Finding::warn(reason, fix),
        _ => Finding::ok(reason),
    }
}

pub(super) fn judge_inodes(path: &Path, disk: &Disk) -> Finding {
    if disk.total_inodes == 0 {
        return Finding::ok("the file system makes them as needed");
    }
    let reason = format!("{} of {} are free", disk.free_inodes, disk.total_inodes);
    let fix = format!("df -i {0}; du -x --inodes {0} | sort -n | tail", quoted(path));
    match disk.free_inodes {
        ..INODES_FAIL => Finding::fail(reason, fix),
        INODES_FAIL..INODES_WARN => Finding::warn(reason, fix),
        _ => Finding::ok(reason),
    }
}

pub(super) fn judge_kind(disk: &Disk) -> Finding {
    let elsewhere = "echo LUNA_DATA_DIR=/var/lib/luna/data >>.env   (a folder on a disk)";
    let gone = "is in memory: everything is gone after a restart";
    let shared = "comes over the network: PostgreSQL's files do not belong there";
    match disk.kind {
        0x0102_1994 => Finding::warn(format!("tmpfs {gone}"), elsewhere),
        0x8584_58f6 => Finding::warn(format!("ramfs {gone}"), elsewhere),
        0x6969 => Finding::warn(format!("NFS {shared}"), elsewhere),
        0xff53_4d42 | 0xfe53_4d42 => Finding::warn(format!("SMB {shared}"), elsewhere),
        0x794c_7630 => Finding::ok("overlay: in a container, keep the data in a volume"),
        0xef53 => Finding::ok("ext4"),
        0x5846_5342 => Finding::ok("XFS"),
        0x9123_683e => Finding::ok("Btrfs"),
        0x2fc1_2fc1 => Finding::ok("ZFS"),
        kind => Finding::ok(format!("a file system of kind {kind:#x}")),
    }
}

/// How often a second a small change gets to the disk.
pub(super) fn sync_rate(path: &Path) -> Result<f64, String> {
    let probe = path.join(format!(".luna-doctor-sync-{}", std::process::id()));
    let measure = || -> std::io::Result<f64> {
        let mut file = File::create(&probe)?;
        let (started, mut syncs) = (Instant::now(), 0);
        while syncs < SYNCS_MAX && started.elapsed() < SYNC_TIME_MAX {
            file.write_all(&[b'x'; 8_192])?;
            file.sync_data()?;
            syncs += 1;
        }
        Ok(f64::from(syncs) / started.elapsed().as_secs_f64())
    };
    let rate = measure();
    drop(fs::remove_file(&probe));
    rate.map_err(|error| error.to_string())
}

pub(super) fn judge_sync_rate(rate: &Result<f64, String>) -> Finding {
    match rate {
        Err(why) => Finding::skipped(format!("it could not be measured: {why}")),
        Ok(rate) if *rate < SYNC_WARN => Finding::warn(
            format!("{rate:.0} syncs a second: each write is felt"),
            "pg_test_fsync --filename=DATA/probe --secs-per-test=1   (look for a better disk)",
        ),
        Ok(rate) if *rate > SYNC_UNLIKELY => Finding::ok(format!(
            "{rate:.0} syncs a second: no disk does that, so what is written may be lost with the power"
        )),
        Ok(rate) => Finding::ok(format!("{rate:.0} syncs a second")),
    }
}

/// How far the disk's clock is ahead of the machine's, in seconds.
pub(super) fn disk_clock_ahead_s(path: &Path) -> Option<f64> {
    let probe = path.join(format!(".luna-doctor-time-{}", std::process::id()));
    fs::write(&probe, b"x").ok()?;
    let modified = fs::metadata(&probe).and_then(|metadata| metadata.modified());
    drop(fs::remove_file(&probe));
    let (modified, now) = (modified.ok()?, SystemTime::now());
    Some(match modified.duration_since(now) {
        Ok(ahead) => ahead.as_secs_f64(),
        Err(behind) => -behind.duration().as_secs_f64(),
    })
}

pub(super) fn not_there() -> Finding {
    Finding::skipped("the data folder is not there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::model::Verdict;

    const DATA: &str = "/srv/luna/data";

    fn disk_with(free: u64, free_inodes: u64, total_inodes: u64) -> Disk {
        Disk { free, total: 100 << 30, free_inodes, total_inodes, kind: 0xef53 }
    }

    #[test]
    fn a_missing_folder_is_made_where_that_is_possible() {
        let missing = |can_be_made| Place::Missing { parent: "/srv".into(), can_be_made };
        let (path, makes) = (Path::new(DATA), judge_place(Path::new(DATA), &missing(true)));
        assert_eq!(makes.verdict, Verdict::Warn);
        assert_eq!(makes.fix.as_deref(), Some("mkdir -p /srv/luna/data"));
        assert_eq!(makes.repair, Some(Repair::MakeFolder(path.to_owned())));
        let cannot = judge_place(path, &missing(false));
        assert_eq!((cannot.verdict, cannot.repair), (Verdict::Fail, None));
        assert!(cannot.reason.contains("/srv is not writable"));
        assert_eq!(judge_place(path, &Place::NoFolder).verdict, Verdict::Fail);
        let there = Place::Folder { owner: 1, mode: 0o700 };
        assert_eq!(judge_place(path, &there).verdict, Verdict::Ok);
    }

    #[test]
    fn owner_and_mode_are_named_with_their_commands() {
        let path = Path::new(DATA);
        let place = |owner, mode| Place::Folder { owner, mode };
        assert_eq!(judge_owner(path, &place(1_000, 0o755), 1_000).verdict, Verdict::Ok);
        let foreign = judge_owner(path, &place(0, 0o755), 1_000);
        assert_eq!(foreign.verdict, Verdict::Fail);
        assert_eq!(foreign.fix.as_deref(), Some("sudo chown -R 1000 /srv/luna/data"));
        assert_eq!(judge_owner(path, &place(1_000, 0o755), 0).verdict, Verdict::Warn);
        assert_eq!(judge_mode(path, &place(1, 0o755)).verdict, Verdict::Ok);
        let open = judge_mode(path, &place(1, 0o1777));
        assert_eq!(open.repair, Some(Repair::SetMode(path.to_owned(), 0o1755)));
        assert_eq!(judge_mode(path, &Place::NoFolder).verdict, Verdict::Skipped);
    }

    #[test]
    fn space_and_inodes_are_judged_by_what_is_left() {
        let path = Path::new(DATA);
        for (free, verdict) in [
            (0, Verdict::Fail),
            (199 * MIB, Verdict::Fail),
            (200 * MIB, Verdict::Warn),
            (2_047 * MIB, Verdict::Warn),
            (2_048 * MIB, Verdict::Ok),
        ] {
            assert_eq!(judge_space(path, &disk_with(free, 1, 1)).verdict, verdict, "{free}");
        }
        for (free, total, verdict) in [
            (999, 1_000_000, Verdict::Fail),
            (1_000, 1_000_000, Verdict::Warn),
            (20_000, 1_000_000, Verdict::Ok),
            (0, 0, Verdict::Ok),
        ] {
            assert_eq!(judge_inodes(path, &disk_with(1, free, total)).verdict, verdict, "{free}");
        }
    }

    #[test]
    fn a_folder_in_memory_or_on_a_share_is_no_place_for_a_database() {
        let kind = |kind| judge_kind(&Disk { kind, ..disk_with(1, 1, 1) }).verdict;
        assert_eq!(kind(0x0102_1994), Verdict::Warn);
        assert_eq!(kind(0x6969), Verdict::Warn);
        assert_eq!((kind(0xef53), kind(0x1234)), (Verdict::Ok, Verdict::Ok));
    }

    #[test]
    fn slow_disks_and_refusals_are_told() {
        assert_eq!(judge_sync_rate(&Ok(19.0)).verdict, Verdict::Warn);
        assert_eq!(judge_sync_rate(&Ok(20.0)).verdict, Verdict::Ok);
        assert!(judge_sync_rate(&Ok(1e6)).reason.contains("no disk does that"));
        assert_eq!(judge_sync_rate(&Err("x".into())).verdict, Verdict::Skipped);
        let full = judge_writable(Path::new(DATA), &Err("No space left (os error 28)".into()));
        assert!(full.verdict == Verdict::Fail && full.reason.contains("full"), "{full:?}");
        let read_only = judge_writable(Path::new(DATA), &Err("Read-only (os error 30)".into()));
        assert!(read_only.reason.contains("read-only"), "{read_only:?}");
    }

    #[test]
    fn looking_finds_what_is_there_and_leaves_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(look(temp.path()), Place::Folder { .. }));
        assert_eq!(look(&file), Place::NoFolder);
        let missing = look(&temp.path().join("a/b"));
        assert_eq!(missing, Place::Missing { parent: temp.path().to_owned(), can_be_made: true });
        assert!(try_to_write(temp.path()).is_ok() && try_to_write(&file).is_err());
        assert!(sync_rate(temp.path()).unwrap() > 0.0);
        assert!(disk(temp.path()).unwrap().total > 0);
        assert!(disk_clock_ahead_s(temp.path()).is_some());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }
}
