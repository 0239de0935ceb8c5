//! Formats by values worked out by hand; roads with a real folder, a real database, a real server.

mod documents; // texts that grid operators would send, made for these tests
mod hostile; // bytes that nobody should send
mod mscons; // German messages
mod over_http; // history, points, reading again
mod restating; // documents in any order
mod sdat; // Swiss messages
mod servers; // SFTP
mod tables; // exports of portals
mod unpacking; // gzip and zip
mod watching; // the folder

use std::fs;
use std::path::{Path, PathBuf};

use chrono::Duration;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use tempfile::TempDir;

use super::formats::{About, Document, Point, Refusal, Slot, read_document};
use super::model::{Arrived, DroppedFile, Scan};
use super::settings::Settings;
use crate::testing::{TestApp, lines, utc};

/// A metering point that consumes.
const HOUSE: &str = "CH1012301234500000000000000000001";
/// One that produces.
const ROOF: &str = "CH1012301234500000000000000000002";

fn about() -> About {
    About { meter: None, zone: chrono_tz::Tz::Europe__Zurich }
}

fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    read_document(bytes, &about()).1
}

/// The sentence with which a document is refused.
fn refused(bytes: &[u8]) -> String {
    match read(bytes) {
        Err(refusal) => refusal.to_string(),
        Ok(document) => panic!("not refused: {document:?}"),
    }
}

/// The slots of the only series.
fn only(document: &Document) -> (&Point, &[Slot]) {
    let [series] = document.series.as_slice() else { panic!("{document:?}") };
    (&series.point, &series.slots)
}

/// An application with a watched folder, on 2026-11-20 at 12:00 UTC.
struct Watched {
    app: TestApp,
    folder: TempDir,
}

impl Watched {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = TestApp::with(utc("2026-11-20T12:00:00Z"), |settings| {
            settings.drops.folder = Some(folder.path().to_owned());
            settings.drops.create_meters = true;
            change(&mut settings.drops);
        })
        .await;
        Self { app, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// One look.
    async fn look(&self) -> Scan {
        self.app.services.drops.scan(&|| false).await.unwrap()
    }

    /// Two looks with enough time between them.
    async fn looks(&self) -> Scan {
        let first = self.look().await;
        assert!(first.files.is_empty(), "{first:?}");
        self.wait(10);
        self.look().await
    }

    fn wait(&self, seconds: i64) {
        self.app.clock.set(self.app.clock.now() + Duration::seconds(seconds));
    }

    /// Takes bytes as the folder would, without moving anything.
    async fn take(&self, name: &str, bytes: impl Into<Vec<u8>>) -> DroppedFile {
        let arrived = Arrived {
            road: "folder".to_owned(),
            name: name.to_owned(),
            meter_hint: String::new(),
            modified_at: None,
            bytes: bytes.into().into(),
        };
        self.app.services.drops.take(&arrived).await.unwrap()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every file below the folder, in order.
    fn names(&self) -> Vec<String> {
        names_below(self.folder.path())
    }
}

fn names_below(top: &Path) -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![top.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                names.push(path.strip_prefix(top).unwrap().display().to_string());
            }
        }
    }
    names.sort();
    names
}

/// Everything that is stored of meters.
const READINGS: &str = "SELECT concat_ws(' ', meter_id, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
    coalesce(consumption_kw::text, '-'), coalesce(production_kw::text, '-'), quality,
    to_char(known_at AT TIME ZONE 'UTC', 'DD HH24:MI')) AS line FROM smart_meter_readings ORDER BY 1";
