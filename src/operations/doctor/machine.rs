//! The machine below: processor, memory, limits, kernel, clock.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::folder::Disk;
use super::model::{Finding, quoted, size};
use super::outside;

const MIB: u64 = 1 << 20;
/// PostgreSQL's buffers and Luna itself.
const MEMORY_FAIL: u64 = 150 * MIB;
/// Training a model needs some hundred MiB for a while.
const MEMORY_WARN: u64 = 700 * MIB;
/// Connections, files of the database's pages, log files.
const FILES_FAIL: u64 = 128;
const FILES_WARN: u64 = 1_024;
/// What one query on many rows may share.
const SHARED_WARN: u64 = 32 * MIB;
/// Space that an import unpacks into.
const TEMPORARY_WARN: u64 = 100 * MIB;

/// Processors this process may use: counted, and as its group is limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cores {
    pub(super) count: usize,
    pub(super) limit: Option<f64>,
}

pub(super) fn cores() -> Cores {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let limit = fs::read_to_string("/sys/fs/cgroup/cpu.max").ok();
    Cores { count, limit: limit.as_deref().and_then(cpu_limit) }
}

/// `200000 100000` → 2; `max …` is none.
fn cpu_limit(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

pub(super) fn judge_cores(cores: Cores) -> Finding {
    let Cores { count, limit } = cores;
    let usable = limit.map_or(count as f64, |limit| limit.min(count as f64));
    let limited = limit.map(|limit| format!(", limited to {limit:.1}")).unwrap_or_default();
    if usable < 1.5 {
        return Finding::warn(
            format!("{count} core(s){limited}: pages are slow while a model trains"),
            "docker update --cpus 2 CONTAINER   (or give the machine a second core)",
        );
    }
    Finding::ok(format!("{count} cores{limited}"))
}

/// Memory that can be had, and the limit of this process's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) available: u64,
    pub(super) limit: Option<u64>,
}

pub(super) fn memory() -> Option<Memory> {
    let available = available(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    Some(Memory { available, limit: limit.and_then(|text| text.trim().parse().ok()) })
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

pub(super) fn judge_memory(memory: Option<Memory>) -> Finding {
    let Some(Memory { available, limit }) = memory else {
        return Finding::skipped("the system does not tell");
    };
    let usable = limit.map_or(available, |limit| limit.min(available));
    let limited = limit.map(|limit| format!(", limited to {}", size(limit))).unwrap_or_default();
    let reason = format!("{} can be had{limited}", size(available));
    let fix = "ps -eo rss,comm --sort=-rss | head   (end what is not needed, or add memory)";
    match usable {
        ..MEMORY_FAIL => Finding::fail(reason, fix),
        MEMORY_FAIL..MEMORY_WARN => Finding::warn(reason, fix),
        _ => Finding::ok(reason),
    }
}

/// How many files this process may open.
pub(super) fn open_files() -> Option<u64> {
    files_limit(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn files_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

pub(super) fn judge_open_files(limit: Option<u64>) -> Finding {
    let Some(limit) = limit else { return Finding::skipped("the system does not tell") };
    let fix = "ulimit -n 4096   (in a unit: LimitNOFILE=65536, as luna systemd prints it)";
    match limit {
        u64::MAX => Finding::ok("unlimited"),
        ..FILES_FAIL => Finding::fail(format!("only {limit} may be open at once"), fix),
        FILES_FAIL..FILES_WARN => Finding::warn(format!("only {limit} may be open at once"), fix),
        limit => Finding::ok(format!("{limit} may be open at once")),
    }
}

/// The kernel's release and its rule for promised memory.
pub(super) fn kernel() -> Option<(String, u8)> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let overcommit = fs::read_to_string("/proc/sys/vm/overcommit_memory").ok()?;
    Some((release.trim().to_owned(), overcommit.trim().parse().ok()?))
}

pub(super) fn judge_kernel(kernel: Option<(String, u8)>) -> Finding {
    match kernel {
        None => Finding::skipped("the system does not tell"),
        Some((release, 1)) => Finding::warn(
            format!("Linux {release} promises memory without end: it ends programs instead"),
            "sudo sysctl vm.overcommit_memory=2",
        ),
        Some((release, mode)) => Finding::ok(format!("Linux {release}, overcommit mode {mode}")),
    }
}

pub(super) fn judge_user(is_root: bool) -> Finding {
    if is_root {
        return Finding::warn(
            "this is root, which Luna does not need",
            "luna systemd | sudo tee /etc/systemd/system/luna.service   (runs as a user of its own)",
        );
    }
    Finding::ok("an ordinary user")
}

pub(super) fn judge_shared_memory(disk: &Result<Disk, String>) -> Finding {
    match disk {
        Err(why) => Finding::skipped(format!("/dev/shm cannot be looked at: {why}")),
        Ok(disk) if disk.free < SHARED_WARN => Finding::warn(
            format!("{} are free in /dev/shm, which PostgreSQL uses", size(disk.free)),
            "sudo mount -o remount,size=256m /dev/shm   (a container: --shm-size=256m)",
        ),
        Ok(disk) => Finding::ok(format!("{} are free in /dev/shm", size(disk.free))),
    }
}

pub(super) fn judge_temporary(
    path: &Path,
    written: &Result<(), String>,
    disk: &Result<Disk, String>,
) -> Finding {
    let shown = path.display();
    match (written, disk) {
        (Err(why), _) => Finding::fail(
            format!("{shown} takes no file: {why}"),
            format!("sudo chmod 1777 {0}; df -h {0}", quoted(path)),
        ),
        (Ok(()), Ok(disk)) if disk.free < TEMPORARY_WARN => Finding::warn(
            format!("{} are free in {shown}", size(disk.free)),
            format!("df -h {0}; du -xsh {0}/* | sort -h", quoted(path)),
        ),
        (Ok(()), _) => Finding::ok(format!("{shown} takes a file")),
    }
}

/// Version of the system's time-zone data; an empty text where the version is not told.
pub(super) fn system_zones() -> Option<String> {
    let folder = Path::new("/usr/share/zoneinfo");
    folder.join("Europe/Zurich").exists().then(|| {
        let text = fs::read_to_string(folder.join("tzdata.zi")).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("# version ").unwrap_or_default().to_owned()
    })
}

pub(super) fn judge_zones(system: Option<&str>, own: &str) -> Finding {
    let fix = "sudo apt-get install --only-upgrade tzdata || sudo apt-get install tzdata";
    match system {
        None => Finding::warn(
            format!("the system has none, which PostgreSQL may need; Luna brings {own}"),
            fix,
        ),
        Some("") => Finding::ok(format!("Luna brings {own}; the system's has no version")),
        // Versions are a year and a letter.
        Some(system) if system.get(..4) < own.get(..4) => {
            Finding::warn(format!("the system's is of {system}, Luna's of {own}"), fix)
        }
        Some(system) => Finding::ok(format!("Luna's is of {own}, the system's of {system}")),
    }
}

pub(super) fn judge_clock(now: DateTime<Utc>, disk_ahead_s: Option<f64>) -> Finding {
    const RELEASED: &str = "2026-01-01T00:00:00Z";
    let fix = "sudo timedatectl set-ntp true   (or: sudo date --set=…)";
    let shown = now.format("%Y-%m-%d %H:%M:%S UTC");
    if RELEASED.parse::<DateTime<Utc>>().is_ok_and(|released| now < released) {
        return Finding::fail(format!("it says {shown}, which is before this program"), fix);
    }
    match disk_ahead_s {
        Some(ahead) if ahead.abs() > 5.0 => Finding::warn(
            format!("it says {shown}, the data folder's disk is {ahead:+.0} s off"),
            fix,
        ),
        _ => Finding::ok(format!("it says {shown}")),
    }
}

/// Whether somebody keeps the clock right, as far as the system tells.
pub(super) async fn is_synchronised() -> Option<bool> {
    if let Some(answer) = outside::run("timedatectl", &["show", "--property=NTPSynchronized"]).await
    {
        return match answer.as_str() {
            "NTPSynchronized=yes" => Some(true),
            "NTPSynchronized=no" => Some(false),
            _ => None,
        };
    }
    Path::new("/run/systemd/timesync/synchronized").exists().then_some(true)
}

pub(super) fn judge_synchronised(is_synchronised: Option<bool>) -> Finding {
    match is_synchronised {
        Some(true) => Finding::ok("the clock is kept right by NTP"),
        Some(false) => Finding::warn(
            "nobody keeps the clock right: prices and sessions go wrong when it drifts",
            "sudo timedatectl set-ntp true",
        ),
        None => {
            Finding::skipped("the system does not tell; in a container that is the host's duty")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::model::Verdict;

    #[test]
    fn what_the_kernel_tells_is_read() {
        assert_eq!(cpu_limit("150000 100000\n"), Some(1.5));
        assert_eq!(cpu_limit("max 100000\n"), None);
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
        let limits = "Limit   Soft  Hard  Units\nMax open files            1024   524288   files\n";
        assert_eq!(files_limit(limits), Some(1_024));
        assert_eq!(files_limit("Max open files  unlimited unlimited files"), Some(u64::MAX));
    }

    #[test]
    fn small_machines_are_told_what_is_slow() {
        let cores = |count, limit| judge_cores(Cores { count, limit }).verdict;
        assert_eq!((cores(1, None), cores(8, Some(1.0))), (Verdict::Warn, Verdict::Warn));
        assert_eq!((cores(2, None), cores(8, Some(2.0))), (Verdict::Ok, Verdict::Ok));
        let memory = |available, limit| judge_memory(Some(Memory { available, limit })).verdict;
        assert_eq!(memory(100 * MIB, None), Verdict::Fail);
        assert_eq!(memory(8_000 * MIB, Some(512 * MIB)), Verdict::Warn);
        assert_eq!(memory(8_000 * MIB, None), Verdict::Ok);
        assert_eq!(judge_memory(None).verdict, Verdict::Skipped);
    }

    #[test]
    fn limits_are_judged_at_their_edges() {
        let files = |limit| judge_open_files(Some(limit)).verdict;
        assert_eq!((files(127), files(128)), (Verdict::Fail, Verdict::Warn));
        assert_eq!((files(1_023), files(1_024)), (Verdict::Warn, Verdict::Ok));
        assert_eq!(judge_open_files(Some(u64::MAX)).reason, "unlimited");
        assert_eq!(judge_kernel(Some(("6.1".into(), 1))).verdict, Verdict::Warn);
        assert_eq!(judge_kernel(Some(("6.1".into(), 0))).verdict, Verdict::Ok);
        let shared = |free| {
            let (total, free_inodes, total_inodes, kind) = (free, 1, 1, 0);
            judge_shared_memory(&Ok(Disk { free, total, free_inodes, total_inodes, kind })).verdict
        };
        assert_eq!((shared(31 * MIB), shared(64 * MIB)), (Verdict::Warn, Verdict::Ok));
    }

    #[test]
    fn a_clock_of_another_age_fails() {
        let at = |text: &str, ahead| judge_clock(text.parse().unwrap(), ahead).verdict;
        assert_eq!(at("1970-01-01T00:00:10Z", None), Verdict::Fail);
        assert_eq!(at("2026-11-21T00:00:00Z", Some(0.2)), Verdict::Ok);
        assert_eq!(at("2026-11-21T00:00:00Z", Some(-61.0)), Verdict::Warn);
        assert_eq!(judge_synchronised(Some(false)).verdict, Verdict::Warn);
        assert_eq!(judge_synchronised(None).verdict, Verdict::Skipped);
    }

    #[test]
    fn time_zone_data_of_an_older_year_is_told() {
        assert_eq!(judge_zones(None, "2026a").verdict, Verdict::Warn);
        assert_eq!(judge_zones(Some("2024b"), "2026a").verdict, Verdict::Warn);
        assert_eq!(judge_zones(Some("2026b"), "2026a").verdict, Verdict::Ok);
        assert_eq!(judge_zones(Some(""), "2026a").verdict, Verdict::Ok);
    }
}
