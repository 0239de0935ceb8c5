//! The log on a real database: nothing alters it, nothing secret gets in, lists find their way.

use chrono::{DateTime, Duration, Utc};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use serde_json::json;
use uuid::Uuid;

use super::model::{Actor, AuditFilter, Entry};
use super::{Audit, By, Event};
use crate::base::timeline::Clock;
use crate::platform::web::{KeyGrant, Principal};
use crate::testing::TestDb;

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

async fn all(audit: &Audit, filter: AuditFilter) -> Vec<Entry> {
    audit.list(&filter, 100).await.unwrap()
}

#[actix_web::test]
async fn what_is_written_stays() {
    for test in TestDb::on_each_server().await {
        let audit = Audit::new(test.db().clone(), Clock::fixed(noon()));
        audit.note(&By::system(), Event::new("model.activate", ("model", 1))).await.unwrap();
        let mut conn = test.db().conn().await.unwrap();
        for statement in [
            "UPDATE audit_log SET actor = 'nobody'",
            "DELETE FROM audit_log",
            "DELETE FROM audit_log WHERE false",
            "TRUNCATE audit_log",
            "SET session_replication_role = replica; DELETE FROM audit_log",
        ] {
            let refusal = conn.batch_execute(statement).await.unwrap_err().to_string();
            assert!(refusal.contains("append-only"), "{statement}: {refusal}");
        }
        assert_eq!(all(&audit, AuditFilter::default()).await.len(), 1);
    }
}

#[actix_web::test]
async fn a_change_that_fails_leaves_no_row() {
    let test = TestDb::new().await;
    let audit = Audit::new(test.db().clone(), Clock::fixed(noon()));
    let mut conn = test.db().conn().await.unwrap();
    let failed: Result<(), _> = conn
        .transaction(async |conn| {
            audit.record(conn, &By::system(), Event::new("a.b", ("c", "d"))).await?;
            Err(diesel::result::Error::NotFound)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(all(&audit, AuditFilter::default()).await, []);
}

#[actix_web::test]
async fn rows_say_who_what_when_and_what_changed_but_no_secret() {
    let test = TestDb::new().await;
    let audit = Audit::new(test.db().clone(), Clock::fixed(noon()));
    let (who, id) = (Uuid::from_u128(7), Uuid::from_u128(8));
    let person = Principal { user_id: who, is_setup_guest: false, ..Principal::setup_guest() };
    let event = Event::new("webhook.change", ("webhook", id))
        .before(&json!({"url": "https://a:c4n4ry@b.ch/", "secret": "c4n4ry"}))
        .after(&json!({"url": "https://b.ch/", "refresh_token": "c4n4ry"}));
    audit.note(&By::of(&person), event).await.unwrap();
    let rows = all(&audit, AuditFilter::default()).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.actor, row.user_id, row.occurred_at), (Actor::User, Some(who), noon()));
    assert_eq!((row.subject_kind.as_str(), &row.subject_id), ("webhook", &id.to_string()));
    assert_eq!(row.before, Some(json!({"url": "https://a:***@b.ch/", "secret": "***"})));
    assert_eq!(row.after, Some(json!({"url": "https://b.ch/", "refresh_token": "***"})));
    let key = KeyGrant { key_id: id, scopes: vec![] };
    let program = Principal { key: Some(key), ..person };
    audit.note(&By::of(&program), Event::new("model.activate", ("model", id))).await.unwrap();
    let row =
        &all(&audit, AuditFilter { actor: Some(Actor::Key), ..AuditFilter::default() }).await[0];
    assert_eq!((row.user_id, row.key_id), (Some(who), Some(id)));
    let guest = By::of(&Principal::setup_guest());
    assert_eq!((guest.actor, guest.user_id), (Actor::Nobody, None));
}

#[actix_web::test]
async fn lists_are_newest_first_and_keep_to_what_was_asked() {
    let (test, clock) = (TestDb::new().await, Clock::fixed(noon()));
    let audit = Audit::new(test.db().clone(), clock.clone());
    let anna = Uuid::from_u128(7);
    for (minutes, by, action, subject) in [
        (0, By::command(), "account.create", ("account", "1")),
        (1, By::user(anna), "model.activate", ("model", "1")),
        (2, By::user(anna), "model.delete", ("model", "2")),
        (3, By::system(), "model_x.delete", ("model", "1")),
    ] {
        clock.set(noon() + Duration::minutes(minutes));
        audit.note(&by, Event::new(action, subject)).await.unwrap();
    }
    let none = AuditFilter::default;
    let at = |minutes| Some(noon() + Duration::minutes(minutes));
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (none(), vec!["model_x.delete", "model.delete", "model.activate", "account.create"]),
        (AuditFilter { actor: Some(Actor::Command), ..none() }, vec!["account.create"]),
        (AuditFilter { user_id: Some(anna), ..none() }, vec!["model.delete", "model.activate"]),
        (AuditFilter { action: text("model.delete"), ..none() }, vec!["model.delete"]),
        (AuditFilter { action: text("model."), ..none() }, vec!["model.delete", "model.activate"]),
        (AuditFilter { action: text("%."), ..none() }, vec![]),
        (
            AuditFilter { subject_kind: text("model"), subject_id: text("1"), ..none() },
            vec!["model_x.delete", "model.activate"],
        ),
        (AuditFilter { from: at(1), to: at(3), ..none() }, vec!["model.delete", "model.activate"]),
    ] {
        let found = all(&audit, filter.clone()).await;
        let found: Vec<&str> = found.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let newest = audit.list(&none(), 2).await.unwrap();
    let after = newest.last().map(|row| (row.occurred_at, row.audit_id));
    let older = all(&audit, AuditFilter { after, ..none() }).await;
    assert_eq!(older.len(), 2);
    assert_eq!(older[0].action, "model.activate");
}
