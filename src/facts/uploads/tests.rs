//! Files that wait: for their sender alone, for an hour, a handful at a time.

use bytes::Bytes;
use uuid::Uuid;

use super::{FileKind, NewFile, StagedFiles, StagingError};
use crate::access::audit::By;
use crate::platform::objects::Objects;
use crate::platform::web::Role;
use crate::testing::TestServices;

async fn person(test: &TestServices, login: &str) -> Uuid {
    let accounts = &test.services.accounts;
    let password = "c4n4ry horse battery".into();
    accounts.create_user(login, Role::Customer, password, &By::command()).await.unwrap();
    accounts.user_id_of(login).await.unwrap()
}

fn file(name: &str) -> NewFile {
    NewFile { kind: FileKind::Readings, subject: "house-1".to_owned(), file_name: name.to_owned() }
}

#[tokio::test]
async fn a_file_waits_for_its_sender_for_an_hour() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let (anna, bert) = (person(&test, "anna").await, person(&test, "bert").await);
    let files = StagedFiles::new(
        test.services.db.clone(),
        Objects::in_folder(test.folder()),
        test.clock.clone(),
    );
    let staged = files.keep(anna, file("a.csv"), Bytes::from_static(b"a;b\n")).await.unwrap();
    let id = staged.staged_file_id;
    assert_eq!(files.get(anna, id).await.unwrap(), staged);
    assert_eq!(files.bytes(&staged).await.unwrap().as_ref(), b"a;b\n");
    assert!(matches!(files.get(bert, id).await, Err(StagingError::Gone)));
    assert!(matches!(files.get(anna, Uuid::new_v4()).await, Err(StagingError::Gone)));

    test.set("2026-03-28T13:00:01Z");
    assert!(matches!(files.get(anna, id).await, Err(StagingError::Gone)));
    // The next file takes away what waited too long.
    files.keep(bert, file("b.csv"), Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(files.bytes(&staged).await, Err(StagingError::Gone)));
}

#[tokio::test]
async fn a_sixth_file_takes_the_place_of_the_first() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let anna = person(&test, "anna").await;
    let files = StagedFiles::new(
        test.services.db.clone(),
        Objects::in_folder(test.folder()),
        test.clock.clone(),
    );
    let mut kept = Vec::new();
    for minute in 0..6 {
        test.set(&format!("2026-03-28T12:0{minute}:00Z"));
        kept.push(files.keep(anna, file("a.csv"), Bytes::from_static(b"a")).await.unwrap());
    }
    assert!(matches!(files.get(anna, kept[0].staged_file_id).await, Err(StagingError::Gone)));
    for staged in &kept[1..] {
        assert_eq!(files.bytes(staged).await.unwrap().as_ref(), b"a");
    }
}
