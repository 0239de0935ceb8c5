//! Which files a path means: the file itself, or all readable files below a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Endings of files that are looked at in folders; a file that is named itself is always tried.
const READABLE: [&str; 13] = [
    "pdf", "docx", "pptx", "odt", "xlsx", "csv", "html", "htm", "xhtml", "md", "markdown", "txt",
    "text",
];

/// A file to be taken in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// What it is known by when its content changes.
    pub place: String,
}

/// The files that `paths` mean, by path and each once, and those of folders in other forms.
pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<(Vec<Found>, Vec<String>)> {
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for path in paths {
        let about =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if about.is_dir() {
            walk(path, &mut found, &mut skipped)?;
        } else {
            found.push(file(path)?);
        }
    }
    found.sort();
    found.dedup_by(|one, other| one.place == other.place);
    Ok((found, skipped))
}

/// Files below a folder; hidden ones and links are passed over, so that no walk goes in circles.
fn walk(folder: &Path, found: &mut Vec<Found>, skipped: &mut Vec<String>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if entry.file_name().to_string_lossy().starts_with('.') || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            walk(&path, found, skipped)?;
        } else if kind.is_file() && is_readable(&path) {
            found.push(file(&path)?);
        } else if kind.is_file() {
            skipped.push(path.display().to_string());
        }
    }
    Ok(())
}

fn file(path: &Path) -> anyhow::Result<Found> {
    let place =
        fs::canonicalize(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Found { path: path.to_owned(), name, place: place.display().to_string() })
}

fn is_readable(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| READABLE.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_without_going_in_circles_and_each_file_counts_once() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        fs::create_dir_all(root.join("a/b/.git")).unwrap();
        for name in ["a/one.md", "a/b/two.PDF", "a/b/film.mp4", "a/.hidden.md", "a/b/.git/x.md"] {
            fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(root.join("a"), root.join("a/b/again")).unwrap();
        let (found, skipped) = find(&[root.join("a"), root.join("a/one.md")]).unwrap();
        let names: Vec<_> = found.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["two.PDF", "one.md"]);
        assert_eq!(skipped.len(), 1);
        let (found, _) = find(&[root.join("a/b/film.mp4")]).unwrap();
        assert_eq!(found.len(), 1, "a file that is named itself is tried");
        let error = find(&[root.join("none")]).unwrap_err();
        assert!(error.to_string().starts_with("cannot read"));
    }
}
