//! Archives: what is in them is read, what is too much in them is not.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::facts::drops::unpack::parts;

pub(super) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn names(bytes: &[u8]) -> Vec<String> {
    parts(bytes, 1_000).unwrap().into_iter().map(|part| part.name).collect()
}

fn refused(bytes: &[u8]) -> String {
    parts(bytes, 1_000).unwrap_err().to_string()
}

#[test]
fn documents_in_archives_are_found() {
    assert_eq!(parts(b"plain", 1_000).unwrap()[0].bytes, Ok(b"plain".to_vec()));
    assert_eq!(parts(&gz(b"plain"), 1_000).unwrap()[0].bytes, Ok(b"plain".to_vec()));
    let files: [(&str, &[u8]); 5] = [
        ("a.xml", b"1"),
        ("folder/b.xml", b"2"),
        ("__MACOSX/._a.xml", b"3"),
        ("../../etc/passwd", b"4"),
        (".hidden", b"5"),
    ];
    // Names say where nothing is put: nothing is unpacked into folders.
    assert_eq!(names(&zipped(&files)), ["a.xml", "folder/b.xml"]);
    assert!(names(&zipped(&[])).is_empty());
}

#[test]
fn bombs_and_nests_are_refused() {
    let bomb = vec![0; 1_000_000];
    assert!(refused(&gz(&bomb)).contains("once unpacked"));
    assert!(refused(&zipped(&[("a", &bomb)])).contains("once unpacked"));
    // Each is small, together they are too much.
    let six = vec![0; 600];
    assert!(refused(&zipped(&[("a", &six), ("b", &six)])).contains("once unpacked"));
    let nest = parts(&zipped(&[("a.zip", &zipped(&[("b", b"1")]))]), 1_000).unwrap();
    assert!(nest[0].bytes.as_ref().unwrap_err().to_string().contains("an archive in an archive"));
    assert!(refused(&zipped(&[("[Content_Types].xml", b"<a/>")])).contains("spreadsheet"));
    let whole = zipped(&[("a", b"12345678")]);
    assert!(refused(&whole[..whole.len() - 5]).contains("cut off or damaged"));
    assert!(refused(&gz(b"12345678")[..12]).contains("cut off or damaged"));
}
