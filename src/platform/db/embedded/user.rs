//! The user that the database runs as: Luna's own, or another when Luna is root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, User, chown, geteuid};

use super::error::{EmbeddedError, io_error};

/// PostgreSQL refuses to run as root; these users stand in, the first that exists.
const STAND_INS: [&str; 2] = ["postgres", "nobody"];

/// Whose process and whose files the database is.
#[derive(Debug, Clone)]
pub(super) struct RunAs {
    uid: Uid,
    /// Present when it is somebody else than Luna's own user.
    other: Option<(Gid, String)>,
}

impl RunAs {
    /// The user for the cluster in `folder`, which need not exist yet.
    pub(super) fn find(folder: &Path) -> Result<Self, EmbeddedError> {
        let own = geteuid();
        let owner = fs::metadata(folder).ok().map(|metadata| metadata.uid());
        if !own.is_root() {
            return match owner {
                Some(owner) if owner != own.as_raw() => {
                    Err(EmbeddedError::Foreign { folder: folder.to_owned(), owner })
                }
                _ => Ok(Self { uid: own, other: None }),
            };
        }
        // Files that are there already decide; a cluster moved here keeps its user.
        let by_owner = owner.filter(|uid| *uid != 0).map(Uid::from_raw);
        let user = match by_owner {
            Some(uid) => User::from_uid(uid).ok().flatten(),
            None => STAND_INS.iter().find_map(|name| User::from_name(name).ok().flatten()),
        };
        let user = user.ok_or_else(|| EmbeddedError::Foreign {
            folder: folder.to_owned(),
            owner: owner.unwrap_or_default(),
        })?;
        Ok(Self { uid: user.uid, other: Some((user.gid, user.name)) })
    }

    /// A command that runs as this user, with an environment that holds no secrets of Luna.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some((gid, _)) = &self.other {
            command.uid(self.uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Makes a folder that nobody but this user may enter; an existing one must be this user's.
    pub(super) fn private_folder(&self, folder: &Path) -> Result<(), EmbeddedError> {
        match fs::create_dir(folder) {
            Ok(()) => self.give(folder)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // A link or somebody else's folder under a guessable name would be a trap.
                let metadata = fs::symlink_metadata(folder).map_err(io_error("look at", folder))?;
                if !metadata.is_dir() || metadata.uid() != self.uid.as_raw() {
                    let (folder, owner) = (folder.to_owned(), metadata.uid());
                    return Err(EmbeddedError::Foreign { folder, owner });
                }
            }
            Err(error) => return Err(io_error("make the folder", folder)(error)),
        }
        let private = Permissions::from_mode(0o700);
        fs::set_permissions(folder, private).map_err(io_error("close to others", folder))
    }

    fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Some((gid, _)) = &self.other else { return Ok(()) };
        chown(path, Some(self.uid), Some(*gid))
            .map_err(|error| io_error("give to the database's user", path)(error.into()))
    }

    /// Whether this user gets to `folder`, as far as permission bits tell.
    pub(super) fn check_reach(&self, folder: &Path) -> Result<(), EmbeddedError> {
        let Some((gid, user)) = &self.other else { return Ok(()) };
        closed_ancestor(folder, self.uid, *gid).map_or(Ok(()), |closed| {
            Err(EmbeddedError::Unreachable {
                user: user.clone(),
                folder: folder.to_owned(),
                closed,
            })
        })
    }

    /// Name of the user, where it is not Luna's own.
    pub(super) fn name(&self) -> Option<&str> {
        self.other.as_ref().map(|(_, name)| name.as_str())
    }

    pub(super) const fn uid(&self) -> Uid {
        self.uid
    }
}

/// The outermost folder above `folder` that the user may not pass.
fn closed_ancestor(folder: &Path, uid: Uid, gid: Gid) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = folder.ancestors().skip(1).collect();
    ancestors.reverse();
    ancestors.into_iter().find_map(|ancestor| {
        let metadata = fs::metadata(ancestor).ok()?;
        let may_pass = if metadata.uid() == uid.as_raw() {
            0o100
        } else if metadata.gid() == gid.as_raw() {
            0o010
        } else {
            0o001
        };
        (metadata.mode() & may_pass == 0).then(|| ancestor.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_on_the_way_is_found() {
        let temp = tempfile::tempdir().unwrap();
        let inner = temp.path().join("data");
        fs::create_dir(&inner).unwrap();
        let (stranger, group) = (Uid::from_raw(54_321), Gid::from_raw(54_321));
        fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o700)).unwrap();
        let folder = inner.join("postgres");
        assert_eq!(closed_ancestor(&folder, stranger, group), Some(inner.clone()));
        let owner = Uid::from_raw(fs::metadata(&inner).unwrap().uid());
        assert_eq!(closed_ancestor(&folder, owner, group), None);
        fs::set_permissions(&inner, Permissions::from_mode(0o711)).unwrap();
        assert_eq!(closed_ancestor(&folder, stranger, group), None);
    }
}
