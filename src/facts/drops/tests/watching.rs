//! The watched folder: what is complete is read once, what is broken is set aside beside the good.

use std::os::unix::fs::symlink;

use super::documents::{Sdat, mscons};
use super::unpacking::{gz, zipped};
use super::*;
use crate::access::audit::By;
use crate::facts::drops::folder::{self, put_away};
use crate::facts::drops::model::Outcome;
use crate::facts::quality::Filter as LetterFilter;

fn good(point: &str) -> String {
    Sdat::new(point, &[0.25, 0.5]).text()
}

fn outcomes(scan: &Scan) -> Vec<(&str, &str)> {
    scan.files.iter().map(|file| (file.name.as_str(), file.outcome.name())).collect()
}

#[tokio::test]
async fn a_broken_file_is_set_aside_with_its_reason_and_holds_up_no_other() {
    let watched = Watched::new().await;
    watched.put("1-broken.xml", &good(HOUSE)[..400]);
    watched.put("2-good.xml", good(HOUSE));
    watched.put("3-empty.xml", "");
    watched.put("4-noise.bin", [0_u8, 1, 2, 3]);
    watched.put("house-7/5-table.csv", "Zeit;kWh\n18.11.2026 10:00;0,1\n18.11.2026 10:15;0,2\n");
    let slot = "QTY+220:1'DTM+163:202611182300?+00:303'DTM+164:202611182315?+00:303'";
    watched
        .put("6-german.txt", mscons(&format!("LOC+172+50000000001'PIA+5+1-1?:2.29.0:SRW'{slot}")));
    let mut scan = watched.looks().await;
    assert!(scan.troubles.is_empty(), "{scan:?}");
    scan.files.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(
        outcomes(&scan),
        [
            ("1-broken.xml", "failed"),
            ("2-good.xml", "stored"),
            ("3-empty.xml", "empty"),
            ("4-noise.bin", "failed"),
            ("6-german.txt", "stored"),
            ("house-7/5-table.csv", "stored"),
        ]
    );
    assert_eq!(
        watched.names(),
        [
            "done/2-good.xml",
            "done/3-empty.xml",
            "done/6-german.txt",
            "done/house-7/5-table.csv",
            "failed/1-broken.xml",
            "failed/1-broken.xml.reason.txt",
            "failed/4-noise.bin",
            "failed/4-noise.bin.reason.txt",
        ]
    );
    let reason = watched.text("failed/1-broken.xml.reason.txt");
    assert!(reason.starts_with("the XML is broken or cut off: "), "{reason}");
    assert_eq!(
        lines(&watched.app.services.db, READINGS).await,
        [
            "50000000001 2026-11-18 23:00 - 4 ok 20 06:00".to_owned(),
            format!("{HOUSE} 2026-11-18 23:00 1 - ok 20 05:10"),
            format!("{HOUSE} 2026-11-18 23:15 2 - ok 20 05:10"),
            "house-7 2026-11-18 09:00 0.4 - ok 18 09:15".to_owned(),
            "house-7 2026-11-18 09:15 0.8 - ok 18 09:30".to_owned(),
        ]
    );
    let letters = watched.app.services.quality.dead_letters(&LetterFilter::default(), 10).await;
    assert_eq!(letters.unwrap().len(), 2);
    // Nothing is left to do.
    watched.wait(60);
    assert_eq!(watched.look().await, Scan::default());
}

#[tokio::test]
async fn only_complete_files_are_read() {
    let watched = Watched::new().await;
    let text = good(HOUSE);
    watched.put("growing.xml", &text[..200]);
    for name in [".hidden.xml", "a.tmp", "b.xml.part", "c.xml.filepart", "d.xml~", "e.reason.txt"] {
        watched.put(name, &text);
    }
    watched.put("elsewhere.txt", "secret");
    symlink(watched.path("elsewhere.txt"), watched.path("link.xml")).unwrap();
    symlink("/etc", watched.path("etc")).unwrap();
    fs::remove_file(watched.path("elsewhere.txt")).unwrap();
    assert_eq!(watched.look().await.waiting, 1);
    // Too soon, then it has grown.
    watched.wait(9);
    assert_eq!(watched.look().await.waiting, 1);
    watched.put("growing.xml", &text);
    watched.wait(9);
    assert_eq!(watched.look().await.waiting, 1);
    watched.wait(9);
    assert_eq!(watched.look().await.waiting, 1);
    watched.wait(1);
    assert_eq!(outcomes(&watched.look().await), [("growing.xml", "stored")]);
    assert_eq!(watched.names().len(), 9);
    assert!(watched.path("link.xml").is_symlink());
}

#[tokio::test]
async fn the_same_bytes_are_read_once_whatever_they_are_called() {
    let watched = Watched::new().await;
    watched.put("a.xml", good(HOUSE));
    assert_eq!(outcomes(&watched.looks().await), [("a.xml", "stored")]);
    watched.put("b.xml", good(HOUSE));
    watched.put("a.xml", good(HOUSE));
    let mut scan = watched.looks().await;
    scan.files.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(outcomes(&scan), [("a.xml", "stored"), ("b.xml", "unchanged")]);
    let reason = scan.files[1].reason.clone().unwrap();
    assert_eq!(reason, "the same bytes came as 'a.xml' on 2026-11-20 12:00Z");
    // The second of the same name lies beside the first.
    let names = watched.names();
    assert_eq!((names.len(), &*names[0], &*names[2]), (3, "done/a.xml", "done/b.xml"));
    assert!(names[1].starts_with("done/a.xml."), "{names:?}");
    let count = "SELECT count(*)::text AS line FROM dropped_files";
    assert_eq!(lines(&watched.app.services.db, count).await, ["2"]);
}

#[tokio::test]
async fn a_crash_between_commit_and_move_only_means_that_it_is_read_again() {
    let watched = Watched::new().await;
    watched.put("a.xml", good(HOUSE));
    // All steps before the move.
    watched.take("a.xml", good(HOUSE)).await;
    let before = lines(&watched.app.services.db, READINGS).await;
    assert_eq!(before.len(), 2);
    assert_eq!(outcomes(&watched.looks().await), [("a.xml", "stored")]);
    assert_eq!(lines(&watched.app.services.db, READINGS).await, before);
    assert_eq!(watched.names(), ["done/a.xml"]);
    // A broken one is tried again, and once more if the crash comes after the reason was written.
    watched.put("b.xml", "<a>");
    watched.take("b.xml", "<a>").await;
    watched.put("failed/b.xml.reason.txt", "of the first try");
    assert_eq!(outcomes(&watched.looks().await), [("b.xml", "failed")]);
    let attempts = "SELECT attempts::text AS line FROM dropped_files WHERE name = 'b.xml'";
    assert_eq!(lines(&watched.app.services.db, attempts).await, ["2"]);
    assert!(watched.text("failed/b.xml.reason.txt").starts_with("the XML is broken"));
    assert!(watched.path("failed/b.xml").exists());
}

#[tokio::test]
async fn a_file_that_was_replaced_while_it_was_read_stays() {
    let watched = Watched::new().await;
    watched.put("a.xml", good(HOUSE));
    let path = watched.path("a.xml");
    let sign = crate::facts::drops::looks::Sign { size_bytes: 1, modified_at: None, inode: 1 };
    let entry = folder::Entry {
        path: path.clone(),
        name: "a.xml".to_owned(),
        meter_hint: String::new(),
        sign,
    };
    let file = watched.take("a.xml", good(HOUSE)).await;
    put_away(watched.folder.path(), &entry, &file).unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn an_unknown_metering_point_waits_for_its_meter() {
    let watched = Watched::with(|settings| settings.create_meters = false).await;
    let drops = watched.app.services.drops.clone();
    watched.put("a.xml", good(HOUSE));
    watched.put("no-meter/b.csv", "Zeit;kWh\n18.11.2026 10:00;0,1\n18.11.2026 10:15;0,2\n");
    let scan = watched.looks().await;
    assert_eq!(scan.count(Outcome::Failed), 2);
    let file = scan.files.iter().find(|file| file.name == "a.xml").unwrap();
    let reason = watched.text("failed/a.xml.reason.txt");
    assert!(reason.starts_with(&format!("the metering point {HOUSE} is not known")), "{reason}");
    assert!(watched.text("failed/no-meter/b.csv.reason.txt").contains("no meter 'no-meter'"));
    let by = By::command();
    let row = crate::facts::readings::ReadingRow {
        consumption_kw: Some(1.0),
        ..crate::facts::readings::ReadingRow::new("house-1", utc("2026-11-18T10:00:00Z"))
    };
    let delivery = crate::facts::readings::Delivery {
        rows: vec![row],
        create: true,
        ..crate::facts::readings::Delivery::default()
    };
    watched.app.services.readings.deliver(delivery).await.unwrap();
    drops.assign(HOUSE, "house-1", &by).await.unwrap();
    let again = drops.retry(file.dropped_file_id, &by).await.unwrap();
    assert_eq!((again.outcome, again.counts.inserted), (Outcome::Stored, 2));
    assert_eq!((again.dropped_file_id, again.attempts), (file.dropped_file_id, 2));
    assert_eq!(
        watched.names(),
        ["done/a.xml", "failed/no-meter/b.csv", "failed/no-meter/b.csv.reason.txt"]
    );
    assert_eq!(
        lines(&watched.app.services.db, READINGS).await[1],
        "house-1 2026-11-18 23:00 1 - ok 20 05:10"
    );
    let waiting = LetterFilter { is_open: true, ..LetterFilter::default() };
    let open = watched.app.services.quality.dead_letters(&waiting, 10).await;
    assert_eq!(open.unwrap().len(), 1);
}

#[tokio::test]
async fn archives_are_read_file_by_file_and_large_files_not_at_all() {
    let watched = Watched::with(|settings| settings.max_mb = 1).await;
    let (house, roof) = (good(HOUSE), Sdat::new(ROOF, &[0.1]).producing().text());
    let files: [(&str, &[u8]); 3] =
        [("a.xml", house.as_bytes()), ("b.xml", b"<a>"), ("c.xml", roof.as_bytes())];
    watched.put("all.zip", zipped(&files));
    watched.put("one.xml.gz", gz(good("CH1012301234500000000000000000003").as_bytes()));
    watched.put("large.csv", vec![b' '; (1 << 20) + 1]);
    let mut scan = watched.looks().await;
    scan.files.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(
        outcomes(&scan),
        [("all.zip", "failed"), ("large.csv", "failed"), ("one.xml.gz", "stored")]
    );
    let reasons: Vec<_> = scan.files.iter().filter_map(|file| file.reason.as_deref()).collect();
    let start = "1 of 3 files in it cannot be read, the others were: b.xml: the XML is broken";
    assert!(reasons[0].starts_with(start), "{reasons:?}");
    assert_eq!(reasons[1], "the file has 2 MB; at most 1 are read (drops.max_mb)");
    assert_eq!(scan.files[0].counts.inserted, 3);
    assert_eq!(lines(&watched.app.services.db, READINGS).await.len(), 5);
}

#[tokio::test]
async fn readings_that_break_a_rule_are_named_by_meter_and_instant() {
    let watched = Watched::new().await;
    let tomorrow = Sdat {
        start: utc("2026-11-20T23:00:00Z"),
        end: utc("2026-11-20T23:15:00Z"),
        ..Sdat::new(HOUSE, &[0.25])
    };
    let file = watched.take("a.xml", tomorrow.text()).await;
    let reason = file.reason.unwrap();
    let start = format!("the reading of {HOUSE} at 2026-11-20T23:00:00Z: ts ");
    assert!(reason.starts_with(&start) && reason.contains("ahead of this box's clock"), "{reason}");
    assert!(lines(&watched.app.services.db, READINGS).await.is_empty());
    let next = watched.take("b.xml", good(HOUSE)).await;
    assert_eq!(next.outcome, Outcome::Stored);
}

#[tokio::test]
async fn counters_of_a_table_become_what_flowed_between_them() {
    let watched = Watched::new().await;
    let table = "Zeit;Z\u{e4}hlerstand Bezug [kWh]\n18.11.2026 10:00;100\n18.11.2026 10:15;101\n";
    watched.put("house-1/stand.csv", table);
    assert_eq!(outcomes(&watched.looks().await), [("house-1/stand.csv", "stored")]);
    // One kilowatt hour in a quarter of an hour.
    let stored = lines(&watched.app.services.db, READINGS).await;
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert!(stored[0].starts_with("house-1 2026-11-18 09:00 4 - ok"), "{stored:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_trouble_and_files_that_cannot_be_moved_are_read_once() {
    let watched = Watched::new().await;
    watched.put("done", "in the way");
    fs::rename(watched.path("done"), watched.path(".keep")).unwrap();
    symlink(watched.path(".keep"), watched.path("done")).unwrap();
    watched.put("a.xml", good(HOUSE));
    let scan = watched.looks().await;
    assert_eq!(outcomes(&scan), [("a.xml", "stored")]);
    assert!(scan.troubles[0].contains("it was read and cannot be moved"), "{scan:?}");
    watched.wait(60);
    assert_eq!(watched.look().await, Scan::default());
    fs::remove_file(watched.path("a.xml")).unwrap();
    fs::remove_dir_all(watched.folder.path()).unwrap();
    let scan = watched.look().await;
    assert!(scan.troubles[0].starts_with("folder: the watched folder "), "{scan:?}");
    fs::create_dir(watched.folder.path()).unwrap();
}
