//! Files that Luna keeps (models, datasets): named by key, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// A folder of objects named by keys such as `models/1f3a….bin`.
#[derive(Debug, Clone)]
pub struct Objects {
    root: PathBuf,
}

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Space {
    /// What this user may still write.
    #[schema(example = 42_949_672_960_u64)]
    pub free_bytes: u64,
    /// Size of the file system.
    #[schema(example = 107_374_182_400_u64)]
    pub total_bytes: u64,
}

/// Why an object could not be kept or handed out.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The key would leave the folder or is empty.
    #[error("'{0}' is not a key of the object store")]
    BadKey(String),
    /// The bytes are not those that were stored.
    #[error("object '{key}' is damaged: its sha256 is {found}, stored was {expected}")]
    Damaged {
        /// Key of the object.
        key: String,
        /// Hash noted when it was stored.
        expected: String,
        /// Hash of what is there now.
        found: String,
    },
    /// The file system refused.
    #[error("object '{key}' could not be read or written")]
    Io {
        /// Key of the object.
        key: String,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
}

impl Objects {
    /// The store below `root`; the folder appears with the first object.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Stores `bytes` under `key` so that a crash leaves the old object or the new one; returns their sha256.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<String, ObjectError> {
        self.write(key, bytes, |partial, path| fs::rename(partial, path))?;
        Ok(sha256_hex(bytes))
    }

    /// Stores `bytes` under a `key` that is still free; `None` when it is taken, by whichever process.
    pub fn put_new(&self, key: &str, bytes: &[u8]) -> Result<Option<String>, ObjectError> {
        // A link, unlike a rename, is refused when its name exists.
        let placed = self.write(key, bytes, |partial, path| {
            let linked = fs::hard_link(partial, path);
            fs::remove_file(partial)?;
            linked
        });
        match placed {
            Ok(()) => Ok(Some(sha256_hex(bytes))),
            Err(ObjectError::Io { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes `bytes` to a file that nobody else writes, then lets `place` give it its name.
    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), ObjectError> {
        let path = self.path(key)?;
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder)?;
            // Two processes may write the same key at once.
            let partial = path.with_extension(format!("{:016x}.partial", rand::random::<u64>()));
            let mut file = File::options().write(true).create_new(true).open(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            place(&partial, &path)?;
            // The new name is durable only once the folder is.
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| ObjectError::Io { key: key.to_owned(), source })
    }

    /// The bytes under `key`, refused when their sha256 is not `expected`.
    pub fn get(&self, key: &str, expected: &str) -> Result<Vec<u8>, ObjectError> {
        let path = self.path(key)?;
        let bytes =
            fs::read(&path).map_err(|source| ObjectError::Io { key: key.to_owned(), source })?;
        let found = sha256_hex(&bytes);
        if found == expected {
            Ok(bytes)
        } else {
            Err(ObjectError::Damaged { key: key.to_owned(), expected: expected.to_owned(), found })
        }
    }

    /// Whether something is stored under `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.path(key).is_ok_and(|path| path.is_file())
    }

    /// Room on the disk that holds the store; the folder itself need not be there yet.
    pub fn space(&self) -> io::Result<Space> {
        let root = std::path::absolute(&self.root)?;
        let folder = root.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        let counts = nix::sys::statvfs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks * counts.fragment_size();
        Ok(Space {
            free_bytes: bytes(counts.blocks_available()),
            total_bytes: bytes(counts.blocks()),
        })
    }

    fn path(&self, key: &str) -> Result<PathBuf, ObjectError> {
        let plain = key.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        });
        if plain { Ok(self.root.join(key)) } else { Err(ObjectError::BadKey(key.to_owned())) }
    }
}

/// Lower-case hexadecimal SHA-256 (FIPS 180-4) of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_comes_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::new(folder.path());
        let hash = objects.put("models/a.bin", b"abc").unwrap();
        // FIPS 180-4 example value of "abc".
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(objects.get("models/a.bin", &hash).unwrap(), b"abc");
        fs::write(folder.path().join("models/a.bin"), b"abd").unwrap();
        assert!(matches!(objects.get("models/a.bin", &hash), Err(ObjectError::Damaged { .. })));
    }

    #[test]
    fn a_taken_key_is_not_written_again_by_put_new() {
        let folder = tempfile::tempdir().unwrap();
        let hash = Objects::new(folder.path()).put_new("a/x", b"abc").unwrap().unwrap();
        assert_eq!(Objects::new(folder.path()).put_new("a/x", b"abd").unwrap(), None);
        assert_eq!(Objects::new(folder.path()).get("a/x", &hash).unwrap(), b"abc");
        // Of many writers at once exactly one gets the key, and nobody's half-written file stays.
        let won = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8_u8)
                .map(|writer| {
                    let objects = Objects::new(folder.path());
                    scope.spawn(move || objects.put_new("a/y", &vec![writer; 100_000]).unwrap())
                })
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(won.len(), 1);
        assert!(Objects::new(folder.path()).get("a/y", &won[0]).is_ok());
        let names = fs::read_dir(folder.path().join("a")).unwrap();
        assert_eq!(names.count(), 2);
    }

    #[test]
    fn keys_cannot_leave_the_folder() {
        let objects = Objects::new("unused");
        for key in ["", "../x", "a/../b", "/etc/passwd", "a//b", "a b", ".hidden"] {
            assert!(matches!(objects.put(key, b""), Err(ObjectError::BadKey(_))), "{key}");
        }
    }
}
