//! Files that Luna keeps (models, datasets): named by key, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// A folder of objects named by keys such as `models/1f3a….bin`.
#[derive(Debug, Clone)]
pub struct Objects {
    root: PathBuf,
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
        let path = self.path(key)?;
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder)?;
            let partial = path.with_extension("partial");
            let mut file = File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&partial, &path)?;
            // The rename itself is durable only once the folder is.
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| ObjectError::Io { key: key.to_owned(), source })?;
        Ok(sha256_hex(bytes))
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
    pub fn exists(&self, key: &str) -> bool {
        self.path(key).is_ok_and(|path| path.is_file())
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
    fn keys_cannot_leave_the_folder() {
        let objects = Objects::new("unused");
        for key in ["", "../x", "a/../b", "/etc/passwd", "a//b", "a b", ".hidden"] {
            assert!(matches!(objects.put(key, b""), Err(ObjectError::BadKey(_))), "{key}");
        }
    }
}
