//! Payloads that come once, twice, damaged.

use bytes::Bytes;

use super::*;
use crate::base::timeline::{Clock, TimeRange};
use crate::platform::objects::Objects;
use crate::testing::{TestDb, utc};

fn arrival(url: &str) -> Arrival {
    Arrival {
        source: "test".to_owned(),
        subject: "CH".to_owned(),
        range: TimeRange::new(utc("2026-03-28T23:00:00Z"), utc("2026-03-29T22:00:00Z")),
        url: url.to_owned(),
        http_status: 200,
        content_type: "application/json".to_owned(),
    }
}

#[actix_web::test]
async fn the_same_answer_to_the_same_question_is_kept_once_and_comes_back_as_sent() {
    let (db, folder) = (TestDb::new().await, tempfile::tempdir().unwrap());
    let clock = Clock::fixed(utc("2026-03-28T12:00:00Z"));
    let archive = Archive::new(db.db().clone(), Objects::in_folder(folder.path()), clock.clone());
    let payload = Bytes::from("{\"price\": [1, 2]} ".repeat(500));
    let first = archive.keep(arrival("http://a/1"), payload.clone()).await.unwrap();
    assert_eq!(archive.payload(&first).await.unwrap(), payload);
    let on_disk = folder.path().join(&first.object_key);
    assert!(on_disk.metadata().unwrap().len() < first.size_bytes / 10);

    clock.set(utc("2026-03-28T13:00:00Z"));
    let again = archive.keep(arrival("http://a/1"), payload.clone()).await.unwrap();
    assert_eq!(again.raw_file_id, first.raw_file_id);
    assert_eq!(
        (again.fetched_at, again.last_fetched_at),
        (utc("2026-03-28T12:00:00Z"), utc("2026-03-28T13:00:00Z"))
    );
    // The clock is put back: the file came last when it came last.
    clock.set(utc("2026-03-28T11:00:00Z"));
    let earlier = archive.keep(arrival("http://a/1"), payload.clone()).await.unwrap();
    assert_eq!(earlier.last_fetched_at, utc("2026-03-28T13:00:00Z"));
    clock.set(utc("2026-03-28T13:00:00Z"));
    let other = archive.keep(arrival("http://a/1"), Bytes::from("other")).await.unwrap();
    let elsewhere = archive.keep(arrival("http://a/2"), payload).await.unwrap();
    archive.judge(&other, "not JSON").await.unwrap();

    let all = archive.next(None, None).await.unwrap();
    let ids: Vec<_> = all.iter().map(|file| file.raw_file_id).collect();
    assert_eq!(ids, [first.raw_file_id, other.raw_file_id, elsewhere.raw_file_id]);
    assert_eq!(all[1].parse_result.as_deref(), Some("not JSON"));
    let rest = archive.next(Some("test"), Some(&all[1])).await.unwrap();
    assert_eq!(rest, all[2..]);
    assert_eq!(archive.next(Some("nobody"), None).await.unwrap(), []);

    // Five answers, the two repeated ones among them.
    let bytes = 4 * first.size_bytes + 5;
    let told = Answers { source: "test".to_owned(), answers: 5, bytes };
    assert_eq!(archive.answers_today().await.unwrap(), [told]);
    assert_eq!(archive.find(other.raw_file_id).await.unwrap().unwrap().size_bytes, 5);
    assert_eq!(archive.find(uuid::Uuid::nil()).await.unwrap(), None);

    std::fs::write(on_disk, b"something else").unwrap();
    assert!(matches!(archive.payload(&first).await, Err(ArchiveError::Object(_))));
}
