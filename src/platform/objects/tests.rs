//! One contract for the folder and for a store that speaks S3, and what happens when that is away.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::bucket::Patience;
use super::*;
use crate::base::timeline::Clock;
use crate::testing::{S3Server, utc};

/// FIPS 180-4 example value of "abc".
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Never waits long for a server that stands still.
const IMPATIENT: Patience = Patience {
    connect: Duration::from_millis(500),
    answer: Duration::from_millis(700),
    look: Duration::from_millis(500),
};

/// A store, and a way to write behind its back.
enum Place {
    Folder(TempDir),
    Bucket(S3Server, &'static str),
}

impl Place {
    fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    /// The store as another process would open it.
    fn open(&self) -> Objects {
        match self {
            // The folder itself is not there yet.
            Self::Folder(folder) => Objects::in_folder(folder.path().join("data")),
            Self::Bucket(server, prefix) => {
                let settings = Settings { prefix: (*prefix).to_owned(), ..server.settings() };
                Objects::new(&settings, "nowhere".into(), Clock::system())
            }
        }
    }

    async fn damage(&self, key: &str) {
        match self {
            Self::Folder(folder) => {
                fs::write(folder.path().join("data").join(key), b"abd").unwrap();
            }
            Self::Bucket(server, "") => server.overwrite(key, b"abd").await,
            Self::Bucket(server, prefix) => {
                server.overwrite(&format!("{prefix}/{key}"), b"abd").await;
            }
        }
    }
}

async fn keys(objects: &Objects, folder: &str) -> Vec<String> {
    objects.list(folder).await.unwrap().into_iter().map(|listed| listed.key).collect()
}

async fn keeps_the_contract(place: Place) {
    let objects = place.open();
    assert_eq!(keys(&objects, "models").await, [""; 0]);
    assert!(!objects.contains("models/a.bin").await.unwrap());
    let missing = objects.get("models/a.bin", ABC).await.unwrap_err();
    assert!(matches!(missing, ObjectError::Missing(_)), "{missing:?}");
    objects.delete("models/a.bin").await.unwrap();

    assert_eq!(objects.put("models/a.bin", &b"abc"[..]).await.unwrap(), ABC);
    assert_eq!(place.open().get("models/a.bin", ABC).await.unwrap(), "abc");
    assert!(objects.contains("models/a.bin").await.unwrap());
    assert!(!objects.contains("models").await.unwrap(), "a folder is no object");
    let empty = objects.put("models/empty", &b""[..]).await.unwrap();
    assert_eq!(objects.get("models/empty", &empty).await.unwrap(), "");

    place.damage("models/a.bin").await;
    let damaged = objects.get("models/a.bin", ABC).await.unwrap_err();
    assert!(matches!(damaged, ObjectError::Damaged { .. }), "{damaged:?}");
    assert_eq!(objects.put("models/a.bin", &b"abc"[..]).await.unwrap(), ABC, "put replaces");
    assert_eq!(objects.get("models/a.bin", ABC).await.unwrap(), "abc");

    let hash = objects.put_new("a/x", &b"abc"[..]).await.unwrap().unwrap();
    assert_eq!(place.open().put_new("a/x", &b"abd"[..]).await.unwrap(), None);
    assert_eq!(objects.get("a/x", &hash).await.unwrap(), "abc");
    // Of many writers at once exactly one gets the key.
    let mut writers = JoinSet::new();
    for writer in 0..8_u8 {
        let objects = place.open();
        writers.spawn(async move { objects.put_new("a/y", vec![writer; 100_000]).await.unwrap() });
    }
    let won: Vec<String> = writers.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert!(objects.get("a/y", &won[0]).await.is_ok());

    assert_eq!(keys(&objects, "a").await, ["a/x", "a/y"]);
    assert_eq!(keys(&objects, "models").await, ["models/a.bin", "models/empty"]);
    objects.delete("a/x").await.unwrap();
    assert_eq!(keys(&objects, "a").await, ["a/y"]);
    assert!(objects.put_new("a/x", &b"abd"[..]).await.unwrap().is_some(), "free again");

    for key in ["", "../x", "a/../b", "/etc/passwd", "a//b", "a b", ".hidden", "a/", "ä", "a#1"] {
        let refused = objects.put(key, &b""[..]).await;
        assert!(matches!(refused, Err(ObjectError::BadKey(_))), "{key}");
        assert!(matches!(objects.get(key, ABC).await, Err(ObjectError::BadKey(_))), "{key}");
        assert!(matches!(objects.delete(key).await, Err(ObjectError::BadKey(_))), "{key}");
    }

    // 64 MiB that no compression makes small.
    let large: Vec<u8> =
        (0..(64 << 20_u32)).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let hash = objects.put("datasets/large.parquet", large.clone()).await.unwrap();
    assert_eq!(hash, sha256_hex(&large));
    assert!(objects.get("datasets/large.parquet", &hash).await.unwrap() == large);

    assert!(objects.probe().await.unwrap(), "a taken key is refused");
    assert_eq!(keys(&objects, "probe").await, [""; 0], "a try leaves nothing");
    assert!(objects.standing().await.ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_contract() {
    let place = Place::folder();
    let Place::Folder(folder) = &place else { unreachable!() };
    let root = folder.path().join("data");
    assert!(place.open().standing().await.ok, "the folder need not be there");
    assert!(!root.exists(), "a look makes nothing");
    let objects = place.open();
    keeps_the_contract(place).await;
    assert!(!objects.is_remote() && objects.describe() == "data folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_half_written_file_stays_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::in_folder(folder.path());
    let mut writers = JoinSet::new();
    for writer in 0..8_u8 {
        let objects = Objects::in_folder(folder.path());
        writers.spawn(async move { objects.put_new("a/y", vec![writer; 100_000]).await.unwrap() });
    }
    assert_eq!(writers.join_all().await.into_iter().flatten().count(), 1);
    let names = |folder: &Path| fs::read_dir(folder).unwrap().count();
    assert_eq!(names(&folder.path().join("a")), 1);
    // What a killed process left half-written is no object and in nobody's way.
    fs::write(folder.path().join("a/z#1"), b"ha").unwrap();
    assert_eq!(keys(&objects, "a").await, ["a/y"]);
    let hash = objects.put("a/z", &b"abc"[..]).await.unwrap();
    assert_eq!(objects.get("a/z", &hash).await.unwrap(), "abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), b"a file where a folder should be").unwrap();
    let objects = Objects::in_folder(folder.path());
    let refused = objects.put("a/x", &b"abc"[..]).await.unwrap_err();
    assert!(matches!(refused, ObjectError::Io { .. }), "{refused:?}");
    assert!(!refused.is_passing());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_the_contract() {
    let Some(server) = S3Server::start("a_bucket_keeps_the_contract").await else { return };
    keeps_the_contract(Place::Bucket(server, "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_bucket_keeps_the_contract() {
    let name = "a_part_of_a_bucket_keeps_the_contract";
    let Some(server) = S3Server::start(name).await else { return };
    // A neighbour in the same bucket is not seen.
    let neighbour = Objects::new(&server.settings(), "nowhere".into(), Clock::system());
    neighbour.put("models/b.bin", &b"abc"[..]).await.unwrap();
    keeps_the_contract(Place::Bucket(server, "house/one")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_dies_is_told_and_works_when_it_is_back() {
    let name = "a_store_that_dies_is_told_and_works_when_it_is_back";
    let Some(mut server) = S3Server::start(name).await else { return };
    let clock = Clock::fixed(utc("2026-03-28T12:00:00Z"));
    let objects = Objects::with(&server.settings(), "nowhere".into(), clock.clone(), IMPATIENT);
    assert!(objects.standing().await.ok);
    objects.put("a/x", &b"abc"[..]).await.unwrap();

    server.kill();
    for outcome in [
        objects.put("a/y", &b"abc"[..]).await.map(drop),
        objects.put_new("a/z", &b"abc"[..]).await.map(drop),
        objects.get("a/x", ABC).await.map(drop),
        objects.contains("a/x").await.map(drop),
        objects.delete("a/x").await,
        objects.list("a").await.map(drop),
        objects.probe().await.map(drop),
    ] {
        let error = outcome.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(error.is_passing() && told.contains(&server.endpoint()), "{told}");
        assert!(told.contains("refused") && !told.contains("c4n4ry"), "{told}");
    }
    assert!(!Path::new("nowhere").exists(), "nothing is written elsewhere");
    // A failed call tells at once, without another question.
    let away = objects.standing().await;
    assert!(!away.ok && away.detail.contains("refused"), "{away:?}");

    server.restart().await;
    clock.set(clock.now() + TimeDelta::seconds(11));
    let without = objects.standing().await;
    assert!(without.detail.contains("there is no bucket luna"), "{without:?}");
    let refused = objects.get("a/x", ABC).await.unwrap_err();
    assert!(refused.is_passing(), "a bucket that is gone is not a missing file: {refused}");
    server.make_bucket().await;
    assert_eq!(objects.put("a/y", &b"abc"[..]).await.unwrap(), ABC);
    assert_eq!(objects.get("a/y", ABC).await.unwrap(), "abc");
    assert!(objects.standing().await.ok);

    // A store that accepts connections and says nothing.
    server.signal(Signal::SIGSTOP);
    let silent = objects.get("a/y", ABC).await.unwrap_err();
    assert!(silent.to_string().contains("does not answer in time"), "{silent}");
    server.signal(Signal::SIGCONT);
    assert_eq!(objects.get("a/y", ABC).await.unwrap(), "abc");
}

/// A server that answers every request with the same, or breaks the connection after so many bytes.
async fn answering(
    answer: String,
    break_after: usize,
) -> (Settings, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (heard, mut running) = (Arc::new(Mutex::new(Vec::new())), JoinSet::new());
    let log = Arc::clone(&heard);
    running.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
            while let Ok(read) = stream.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..read]);
                let is_whole = bytes.windows(4).any(|end| end == b"\r\n\r\n");
                if read == 0 || bytes.len() >= break_after || break_after == usize::MAX && is_whole
                {
                    break;
                }
            }
            log.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
            if break_after == usize::MAX {
                drop(stream.write_all(answer.as_bytes()).await);
            }
        }
    });
    let settings = Settings {
        bucket: Some("luna".into()),
        endpoint: Some(endpoint),
        allow_http: true,
        access_key: Some("c4n4ry-name".into()),
        secret_key: Some("c4n4ry-secret".into()),
        ..Settings::default()
    };
    (settings, heard, running)
}

fn refusal(status: &str, code: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>c4n4ry</Message>\
         <AWSAccessKeyId>c4n4ry-name</AWSAccessKeyId></Error>"
    );
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_mend_and_never_a_key() {
    for (status, code, expected) in [
        ("403 Forbidden", "InvalidAccessKeyId", "S3_ACCESS_KEY and S3_SECRET_KEY"),
        ("403 Forbidden", "SignatureDoesNotMatch", "S3_ACCESS_KEY and S3_SECRET_KEY"),
        ("403 Forbidden", "AccessDenied", "may not read, write, list and delete"),
        ("403 Forbidden", "RequestTimeTooSkewed", "clock"),
        ("404 Not Found", "NoSuchBucket", "there is no bucket luna"),
        ("301 Moved Permanently", "PermanentRedirect", "region"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", "S3_REGION"),
        ("501 Not Implemented", "NotImplemented", "cannot do what was asked"),
        ("507 Insufficient Storage", "QuotaExceeded", "full"),
        ("418 Teapot", "Teapot", "it answers Teapot"),
    ] {
        let (settings, heard, _running) = answering(refusal(status, code), usize::MAX).await;
        let objects = Objects::with(&settings, "nowhere".into(), Clock::system(), IMPATIENT);
        let error = objects.put("a/x", &b"abc"[..]).await.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(error.is_passing() && told.contains(expected), "{code}: {told}");
        assert!(!told.contains("c4n4ry"), "{code}: {told}");
        assert!(heard.lock().unwrap().iter().all(|heard| !heard.contains("c4n4ry-secret")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_the_middle_is_no_stored_object() {
    let (settings, heard, _running) = answering(String::new(), 1 << 20).await;
    let objects = Objects::with(&settings, "nowhere".into(), Clock::system(), IMPATIENT);
    let error = objects.put("a/x", vec![1; 16 << 20]).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    assert!(heard.lock().unwrap()[0].len() >= 1 << 20);
    // An answer that is cut short.
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nlast-modified: Sat, 28 Mar 2026 12:00:00 GMT\r\n\
               etag: \"x\"\r\nconnection: close\r\n\r\nabc";
    let (settings, _, _running) = answering(cut.to_owned(), usize::MAX).await;
    let objects = Objects::with(&settings, "nowhere".into(), Clock::system(), IMPATIENT);
    let error = objects.get("a/x", ABC).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_conditional_writes_is_found_out() {
    // It stores whatever comes.
    let stores = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"x\"\r\nconnection: close\r\n\r\n";
    let (settings, heard, _running) = answering(stores.to_owned(), usize::MAX).await;
    let objects = Objects::with(&settings, "nowhere".into(), Clock::system(), IMPATIENT);
    let bytes = bytes::Bytes::from_static(b"abc");
    for _ in 0..2 {
        assert!(objects.write("a/x", bytes.clone(), object_store::PutMode::Create).await.unwrap());
    }
    let heard = heard.lock().unwrap().join("").to_lowercase();
    assert_eq!(heard.matches("if-none-match: *").count(), 2, "{heard}");
    assert!(heard.contains("user-agent: luna/"), "{heard}");
}

#[test]
fn settings_that_cannot_be_used_make_no_store_elsewhere() {
    let settings = Settings {
        bucket: Some("luna".into()),
        endpoint: Some("https://s3.example.ch".into()),
        ca_file: Some("no-such-file.pem".into()),
        access_key: Some("name".into()),
        secret_key: Some("secret".into()),
        ..Settings::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::new(&settings, folder.path().to_owned(), Clock::system());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(objects.put("a/x", &b"abc"[..])).unwrap_err();
    assert!(error.to_string().contains("no-such-file.pem"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(objects.describe(), "S3 bucket luna at https://s3.example.ch");
}
