//! A real OpenSSH server: listed, read over SFTP, trusted by its key, cut off and silent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::SystemTime;

use super::documents::Sdat;
use super::*;
use crate::facts::drops::model::Outcome;
use crate::facts::drops::settings::{After, SftpServer};
use crate::testing::Sshd;

fn server(sshd: &Sshd) -> SftpServer {
    SftpServer {
        id: "grid".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: sshd.port,
        user: sshd.user().to_owned(),
        key_file: Some(sshd.key()),
        password_file: None,
        host_keys: vec![sshd.fingerprint()],
        accept_new: false,
        folder: ".".to_owned(),
        after: After::Keep,
        meter: None,
        timeout_s: 20,
    }
}

async fn asking(server: SftpServer) -> Watched {
    Watched::with(|settings| {
        settings.folder = None;
        settings.sftp = vec![server];
    })
    .await
}

fn good() -> String {
    Sdat::new(HOUSE, &[0.25, 0.5]).text()
}

fn outcomes(scan: &Scan) -> Vec<(&str, &str)> {
    let mut all: Vec<_> =
        scan.files.iter().map(|file| (file.name.as_str(), file.outcome.name())).collect();
    all.sort_unstable();
    all
}

fn fill(sshd: &Sshd) {
    sshd.put("a.xml", good().as_bytes());
    sshd.put("b.xml", b"<a>");
    sshd.put("c.xml.part", b"not yet");
    std::os::unix::fs::symlink("/etc/passwd", sshd.files().join("link.xml")).unwrap();
}

#[tokio::test]
async fn files_of_a_server_are_read_once_and_stay() {
    let Some(sshd) = Sshd::start("files_of_a_server_are_read_once_and_stay") else { return };
    fill(&sshd);
    let watched = asking(server(&sshd)).await;
    let scan = watched.looks().await;
    assert!(scan.troubles.is_empty(), "{scan:?}");
    assert_eq!(outcomes(&scan), [("a.xml", "stored"), ("b.xml", "failed")]);
    assert_eq!(scan.files[0].road, "sftp:grid");
    assert_eq!(sshd.names(), ["a.xml", "b.xml", "c.xml.part", "link.xml"]);
    assert_eq!(lines(&watched.app.services.db, READINGS).await.len(), 2);
    // What was read is not fetched again, the broken one neither.
    watched.wait(60);
    assert_eq!(watched.look().await, Scan::default());
    // A new version of the same name is another file.
    sshd.put("b.xml", Sdat::new(ROOF, &[0.1]).producing().text().as_bytes());
    watched.look().await;
    watched.wait(10);
    assert_eq!(outcomes(&watched.look().await), [("b.xml", "stored")]);
}

#[tokio::test]
async fn files_that_were_read_are_moved_or_deleted_and_broken_ones_set_aside() {
    let test = "files_that_were_read_are_moved_or_deleted_and_broken_ones_set_aside";
    let Some(sshd) = Sshd::start(test) else { return };
    for (after, left) in [
        (After::Move, vec!["done/a.xml", "failed/b.xml", "failed/b.xml.reason.txt"]),
        (After::Delete, vec!["failed/b.xml", "failed/b.xml.reason.txt"]),
    ] {
        std::fs::remove_dir_all(sshd.files().join("done")).ok();
        std::fs::remove_dir_all(sshd.files().join("failed")).ok();
        sshd.put("a.xml", good().as_bytes());
        sshd.put("b.xml", b"<a>");
        let watched = asking(SftpServer { after, ..server(&sshd) }).await;
        let scan = watched.looks().await;
        assert!(scan.troubles.is_empty(), "{scan:?}");
        assert_eq!(outcomes(&scan), [("a.xml", "stored"), ("b.xml", "failed")]);
        assert_eq!(sshd.names(), left);
        let reason = sshd.files().join("failed/b.xml.reason.txt");
        let reason = std::fs::read_to_string(reason).unwrap();
        assert!(reason.starts_with("the XML is broken"), "{reason}");
        // The same once more: nothing to do but to put it away, beside the first. It is a delivery of
        // its own by its time, which SFTP tells in whole seconds.
        sshd.put("a.xml", good().as_bytes());
        sshd.touch("a.xml", SystemTime::now() - Duration::minutes(1).to_std().unwrap());
        assert_eq!(outcomes(&watched.looks().await), [("a.xml", "stored")]);
        assert!(!sshd.names().contains(&"a.xml".to_owned()), "{:?}", sshd.names());
    }
}

#[tokio::test]
async fn a_crash_before_a_file_was_moved_is_made_up_for() {
    let Some(sshd) = Sshd::start("a_crash_before_a_file_was_moved_is_made_up_for") else { return };
    sshd.put("a.xml", good().as_bytes());
    let mut server = server(&sshd);
    let watched = asking(server.clone()).await;
    assert_eq!(outcomes(&watched.looks().await), [("a.xml", "stored")]);
    // As if the process had ended between the commit and the move.
    server.after = After::Move;
    let mut drops = watched.app.services.drops.clone();
    let mut settings = Settings::clone(drops.settings());
    settings.sftp = vec![server];
    drops.settings = std::sync::Arc::new(settings);
    let scan = drops.scan(&|| false).await.unwrap();
    assert_eq!(scan, Scan::default());
    assert_eq!(sshd.names(), ["done/a.xml"]);
}

#[tokio::test]
async fn another_host_key_than_the_known_one_is_refused() {
    let test = "another_host_key_than_the_known_one_is_refused";
    let Some(mut sshd) = Sshd::start(test) else { return };
    sshd.put("a.xml", good().as_bytes());
    let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let pinned = SftpServer { host_keys: vec![wrong.clone()], ..server(&sshd) };
    let scan = asking(pinned).await.look().await;
    let sentence = &scan.troubles[0];
    for part in [&sshd.fingerprint(), &wrong, "nothing was sent to it"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    // The first key is believed and remembered; the second one is not.
    let trusting = SftpServer { host_keys: Vec::new(), accept_new: true, ..server(&sshd) };
    let watched = asking(trusting).await;
    assert_eq!(outcomes(&watched.looks().await), [("a.xml", "stored")]);
    let known = "SELECT fingerprint AS line FROM sftp_hosts";
    let first = sshd.fingerprint();
    assert_eq!(lines(&watched.app.services.db, known).await, std::slice::from_ref(&first));
    sshd.change_host_key();
    assert_ne!(sshd.fingerprint(), first);
    let scan = watched.look().await;
    assert!(scan.troubles[0].contains(&first) && scan.files.is_empty(), "{scan:?}");
    assert_eq!(lines(&watched.app.services.db, known).await, [first]);
}

#[tokio::test]
async fn who_may_not_come_in_is_told_so() {
    let Some(sshd) = Sshd::start("who_may_not_come_in_is_told_so") else { return };
    let stranger = SftpServer { key_file: Some(sshd.strangers_key()), ..server(&sshd) };
    let scan = asking(stranger).await.look().await;
    assert!(scan.troubles[0].contains("does not let"), "{scan:?}");
    let keyless = SftpServer { key_file: Some("/nowhere/key".into()), ..server(&sshd) };
    let scan = asking(keyless).await.look().await;
    assert!(scan.troubles[0].contains("the key file /nowhere/key cannot be read"), "{scan:?}");
    let elsewhere = SftpServer { folder: "nowhere".to_owned(), ..server(&sshd) };
    let scan = asking(elsewhere).await.look().await;
    assert!(scan.troubles[0].contains("nowhere: the server says"), "{scan:?}");
}

/// A way to `port` on which the n-th connection is cut after so many bytes from there.
fn cutting(port: u16, limits: Vec<Option<usize>>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (Ok(client), Ok(server)) =
                (client, TcpStream::connect((Ipv4Addr::LOCALHOST, port)))
            else {
                return;
            };
            let limit = limits.get(number).copied().flatten().unwrap_or(usize::MAX);
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, to, usize::MAX));
            thread::spawn(move || pass(server, client, limit));
        }
    });
    own
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut left: usize) {
    let mut piece = [0; 8_192];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let read = read.min(left);
        left -= read;
        if to.write_all(&piece[..read]).is_err() || left == 0 {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

/// A table of half a megabyte.
fn long_table() -> String {
    let first = utc("2020-01-01T00:00:00Z");
    let row = |at: i64| {
        let ts = first + Duration::minutes(15 * at);
        format!("{};0.25\n", ts.format("%Y-%m-%dT%H:%M:%SZ"))
    };
    format!("Messpunkt {HOUSE}\nzeit;kWh\n{}", (0..20_000).map(row).collect::<String>())
}

#[tokio::test]
async fn a_connection_that_is_cut_is_taken_up_where_it_ended() {
    let Some(sshd) = Sshd::start("a_connection_that_is_cut_is_taken_up_where_it_ended") else {
        return;
    };
    sshd.put("long.csv", long_table().as_bytes());
    // The first look reads the list only; then two connections end in the middle of the file.
    let port = cutting(sshd.port, vec![None, Some(150_000), Some(200_000)]);
    let watched = asking(SftpServer { port, timeout_s: 5, ..server(&sshd) }).await;
    let scan = watched.looks().await;
    assert!(scan.troubles.is_empty(), "{scan:?}");
    assert_eq!(outcomes(&scan), [("long.csv", "stored")]);
    assert_eq!(scan.files[0].counts.inserted, 20_000);
    let sum = "SELECT sum(consumption_kw)::text AS line FROM smart_meter_readings";
    assert_eq!(lines(&watched.app.services.db, sum).await, ["20000"]);
}

#[tokio::test]
async fn a_server_that_is_cut_off_again_and_again_waits_for_the_next_look() {
    let test = "a_server_that_is_cut_off_again_and_again_waits_for_the_next_look";
    let Some(sshd) = Sshd::start(test) else { return };
    sshd.put("long.csv", long_table().as_bytes());
    let limits = vec![None, Some(100_000), Some(9_000), Some(9_000), Some(9_000)];
    let port = cutting(sshd.port, limits);
    let watched = asking(SftpServer { port, timeout_s: 5, ..server(&sshd) }).await;
    let scan = watched.looks().await;
    assert_eq!((scan.files.len(), scan.troubles.len()), (0, 1), "{scan:?}");
    assert!(lines(&watched.app.services.db, READINGS).await.is_empty());
    let scan = watched.look().await;
    assert_eq!(scan.count(Outcome::Stored), 1, "{scan:?}");
    assert_eq!(lines(&watched.app.services.db, READINGS).await.len(), 20_000);
}

#[tokio::test]
async fn a_server_that_does_not_answer_holds_nothing_up() {
    // Connections are taken by the system, and nobody ever reads from them.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "secret\n").unwrap();
    let deaf = SftpServer {
        id: "deaf".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        user: "luna".to_owned(),
        key_file: None,
        password_file: Some(key.path().to_owned()),
        host_keys: vec!["SHA256:x".to_owned()],
        accept_new: false,
        folder: ".".to_owned(),
        after: After::Keep,
        meter: None,
        timeout_s: 1,
    };
    let watched = Watched::with(|settings| settings.sftp = vec![deaf]).await;
    watched.put("a.xml", good());
    let first = watched.look().await;
    assert!(first.troubles[0].ends_with("no answer within 1 s"), "{first:?}");
    assert!(!first.troubles[0].contains("secret"));
    watched.wait(10);
    assert_eq!(outcomes(&watched.look().await), [("a.xml", "stored")]);
}
