//! The PostgreSQL that the machine has: where its programs are, and of which version.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::EmbeddedError;

/// Oldest major version that is supported: it knows everything that Luna's SQL uses.
const MAJOR_MIN: u32 = 13;

/// The programs of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// The installation in `given`, or the fitting one among those of the system.
    ///
    /// `made_by` is the major version of an existing cluster, which alone can run it; a new one
    /// gets the newest.
    pub(super) fn find(
        given: Option<&Path>,
        cluster: &Path,
        made_by: Option<&str>,
    ) -> Result<Self, EmbeddedError> {
        let folders = given.map_or_else(system_folders, |folder| vec![folder.to_owned()]);
        let found: BTreeMap<u32, PathBuf> = folders
            .iter()
            .rev() // of two with the same version the first counts
            .filter_map(|folder| Some((major(folder)?, folder.clone())))
            .filter(|(major, _)| *major >= MAJOR_MIN)
            .collect();
        let Some((newest, _)) = found.last_key_value() else {
            let looked = folders.iter().map(|folder| folder.display().to_string());
            let looked = looked.collect::<Vec<_>>().join(", ");
            return Err(EmbeddedError::NotInstalled { looked });
        };
        let wanted = made_by.map_or(Some(*newest), |text| text.parse().ok());
        wanted
            .and_then(|major| Some(Self { folder: found.get(&major)?.clone(), major }))
            .ok_or_else(|| EmbeddedError::OtherMajor {
                folder: cluster.to_owned(),
                made_by: made_by.unwrap_or_default().to_owned(),
                found: found.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the installation has TimescaleDB's library, which must be loaded at the start.
    pub(super) fn has_timescale(&self) -> bool {
        ["../lib/timescaledb.so", "../lib/postgresql/timescaledb.so"]
            .iter()
            .any(|path| self.folder.join(path).exists())
    }
}

/// Folders with an `initdb`: first where Debian and Red Hat put it, then what `PATH` leads to.
fn system_folders() -> Vec<PathBuf> {
    let versioned = |parent: &str, prefix: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join("bin"))
            .collect()
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|folder| {
        // A link in /usr/local/bin leads to one program; the others are beside its target.
        Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_owned())
    });
    let mut folders = versioned("/usr/lib/postgresql", "");
    folders.extend(versioned("/usr", "pgsql-"));
    folders.extend(on_path);
    folders.retain(|folder| folder.join("initdb").exists());
    let mut seen = std::collections::BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// Major version of the installation in `folder`; absent when there is none.
fn major(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    major_of(&String::from_utf8_lossy(&output.stdout))
}

/// The 15 of `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_once(')')?.1.trim_start();
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 17beta2", Some(17)),
            ("command not found", None),
        ] {
            assert_eq!(major_of(text), major, "{text}");
        }
    }

    #[test]
    fn a_folder_without_postgres_is_named_with_the_fix() {
        let cluster = Path::new("/data/postgres");
        let refusal = Binaries::find(Some(Path::new("/nowhere")), cluster, None).unwrap_err();
        let text = refusal.to_string();
        assert!(text.contains("(/nowhere)") && text.contains("LUNA_PG_BIN"), "{text}");
    }

    #[test]
    fn a_cluster_of_another_major_version_is_refused() {
        let Ok(found) = Binaries::find(None, Path::new("/data"), None) else {
            eprintln!("skipped: a_cluster_of_another_major_version_is_refused: no PostgreSQL");
            return;
        };
        let refusal =
            Binaries::find(Some(&found.folder), Path::new("/data"), Some("9")).unwrap_err();
        let text = refusal.to_string();
        let expected = format!("made by PostgreSQL 9, found is only {}", found.major);
        assert!(text.contains(&expected), "{text}");
    }
}
