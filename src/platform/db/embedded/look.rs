//! A look at the private database from outside: changes nothing, starts nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::binaries::Binaries;
use super::cluster::{Cluster, Profile};
use super::error::EmbeddedError;
use super::handle::{DATABASE, USERS};
use super::process::Process;
use super::user::RunAs;

/// What can be seen of the private database without touching it.
#[derive(Debug)]
pub struct Look {
    /// Folder and major version of the PostgreSQL that would run it.
    pub binaries: Result<(PathBuf, u32), EmbeddedError>,
    /// Major version that made its files; absent while there are none.
    pub made_by: Option<String>,
    /// Whether its user could work with its files; also which user that is.
    pub run_as: Result<Option<String>, EmbeddedError>,
    /// Its server's process.
    pub server: Option<i32>,
    /// A lock file whose server is gone.
    pub stale_lock: Option<PathBuf>,
    /// Processes that hold the database, servers and commands alike.
    pub users: Vec<i32>,
    /// Connection string, while the server runs.
    pub url: Option<SecretString>,
}

impl Look {
    /// The private database of `data_dir`, which need not be there.
    pub fn at(data_dir: &Path, postgres_bin: Option<&Path>) -> Self {
        let folder = data_dir.join("postgres");
        let made_by = fs::read_to_string(folder.join("PG_VERSION")).ok();
        let made_by = made_by.map(|version| version.trim().to_owned());
        let binaries = Binaries::find(postgres_bin, &folder, made_by.as_deref())
            .map(|found| (found.folder, found.major));
        let run_as = RunAs::find(&folder).and_then(|run_as| {
            run_as.check_reach(&folder)?;
            Ok(run_as.name().map(str::to_owned))
        });
        let server = Process::find(&folder).map(|process| process.pid);
        let lock = folder.join("postmaster.pid");
        let stale_lock = (server.is_none() && lock.exists()).then_some(lock);
        let url = server.and_then(|_| {
            let cluster = Cluster::new(data_dir, Profile::Durable, postgres_bin).ok()?;
            cluster.url(DATABASE)
        });
        let users = lock_holders(&data_dir.join(USERS));
        Self { binaries, made_by, run_as, server, stale_lock, users, url }
    }
}

/// Processes that have a lock on a file, where the system tells.
fn lock_holders(path: &Path) -> Vec<i32> {
    let Ok(metadata) = fs::metadata(path) else { return Vec::new() };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    holders_of(&locks, metadata.ino())
}

/// Processes of `/proc/locks` that hold the file with this number; lines read
/// `1: FLOCK  ADVISORY  READ 4711 08:01:1234 0 EOF`, a waiting one has `->` behind its number.
fn holders_of(locks: &str, inode: u64) -> Vec<i32> {
    let mut holders: Vec<i32> = locks
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            let [_, _, _, pid, file, ..] = words[..] else { return None };
            let number = file.rsplit(':').next()?;
            (number.parse() == Ok(inode)).then(|| pid.parse().ok()).flatten()
        })
        .filter(|pid| *pid > 0)
        .collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn holders_of_a_lock_are_read_and_waiting_ones_left_out() {
        let locks = "1: FLOCK  ADVISORY  READ 4711 08:01:1234 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 4712 08:01:1234 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 4713 08:01:1234 0 EOF\n\
                     3: FLOCK  ADVISORY  READ 4714 08:01:99 0 EOF\n";
        assert_eq!(holders_of(locks, 1_234), [4_711, 4_713]);
        assert_eq!(holders_of(locks, 7), [0_i32; 0]);
        assert_eq!(holders_of("nonsense\n\n", 1_234), [0_i32; 0]);
    }

    #[test]
    fn a_folder_that_is_not_there_stays_so() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("data");
        let look = Look::at(&folder, None);
        assert!(look.made_by.is_none() && look.server.is_none() && look.url.is_none());
        assert!(!folder.exists());
    }

    #[test]
    fn a_lock_file_without_a_server_and_a_holder_are_seen() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("postgres")).unwrap();
        let lock = temp.path().join("postgres/postmaster.pid");
        fs::write(&lock, "2147483647\n/data\n1\n5432\n/data/run\n\n\nready\n").unwrap();
        let users = File::create(temp.path().join(USERS)).unwrap();
        assert_eq!(Look::at(temp.path(), None).users, [0_i32; 0]);
        users.lock_shared().unwrap();
        let look = Look::at(temp.path(), None);
        assert_eq!(look.stale_lock, Some(lock));
        let own = i32::try_from(std::process::id()).unwrap();
        if Path::new("/proc/locks").exists() {
            assert_eq!(look.users, [own]);
        } else {
            eprintln!("skipped: a_lock_file_without_a_server_and_a_holder_are_seen: no /proc");
        }
    }
}
