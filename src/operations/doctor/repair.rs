//! What `--fix` may do by itself: nothing that loses data, nothing that stops a program.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::containers::NETWORK;
use super::outside;

/// A safe repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// Makes a folder and those above it.
    MakeFolder(PathBuf),
    /// Sets a file's mode.
    SetMode(PathBuf, u32),
    /// Removes a lock file whose server is gone.
    RemoveStaleLock(PathBuf),
    /// Makes the network that the containers share.
    MakeNetwork,
}

impl Repair {
    /// Does it; says what was done.
    pub(super) async fn apply(&self) -> Result<String, String> {
        let on = |path: &PathBuf, error: &io::Error| format!("{}: {error}", path.display());
        match self {
            Self::MakeFolder(path) => {
                fs::create_dir_all(path).map_err(|error| on(path, &error))?;
                Ok(format!("made the folder {}", path.display()))
            }
            Self::SetMode(path, mode) => {
                let permissions = Permissions::from_mode(*mode);
                fs::set_permissions(path, permissions).map_err(|error| on(path, &error))?;
                Ok(format!("set the mode of {} to {mode:o}", path.display()))
            }
            Self::RemoveStaleLock(path) => {
                fs::remove_file(path).map_err(|error| on(path, &error))?;
                Ok(format!("removed the stale lock file {}", path.display()))
            }
            Self::MakeNetwork => {
                outside::run("docker", &["network", "create", NETWORK])
                    .await
                    .ok_or_else(|| format!("docker could not make the network {NETWORK}"))?;
                Ok(format!("made the network {NETWORK}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn repairs_do_what_they_say_and_name_what_they_could_not() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("a/b");
        let said = Repair::MakeFolder(folder.clone()).apply().await.unwrap();
        assert!(folder.is_dir() && said.ends_with("a/b"), "{said}");
        let file = folder.join(".env");
        fs::write(&file, "X=1").unwrap();
        Repair::SetMode(file.clone(), 0o600).apply().await.unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        Repair::RemoveStaleLock(file.clone()).apply().await.unwrap();
        assert!(!file.exists());
        let refusal = Repair::RemoveStaleLock(file).apply().await.unwrap_err();
        assert!(refusal.contains(".env: "), "{refusal}");
    }
}
