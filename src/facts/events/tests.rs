//! Events on a real database: with their transaction, newest first, without people in them.

mod telemetry; // sent by people and programs

use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::{Events, NewEvent};
use crate::base::timeline::Clock;
use crate::testing::TestDb;

#[actix_web::test]
async fn events_come_with_their_transaction_and_tell_nobody() {
    for test in TestDb::on_each_server().await {
        let clock = Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap());
        let events = Events::new(test.db().clone(), clock.clone());
        let mut conn = test.db().conn().await.unwrap();
        let meta = json!({"rows": 5, "Email": "anna@example.ch", "note": "for anna@example.ch",
            "deep": [{"login": "anna", "meter": "sim-house"}]});
        let start = NewEvent::new("sim.start").by(Some(Uuid::nil())).meta(&meta);
        events.record(&mut conn, &start).await.unwrap();
        clock.set("2026-03-01T12:00:01Z".parse().unwrap());
        let undone: Result<(), diesel::result::Error> = conn
            .transaction(async |conn| {
                events.record(conn, &NewEvent::new("sim.stop")).await?;
                Err(diesel::result::Error::RollbackTransaction)
            })
            .await;
        assert!(undone.is_err());
        events.record(&mut conn, &NewEvent::new("sim.generate")).await.unwrap();
        events.record(&mut conn, &NewEvent::new("simple")).await.unwrap();

        let all = events.list("sim.", 10).await.unwrap();
        let kinds: Vec<&str> = all.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["sim.generate", "sim.start"]);
        assert_eq!((all[1].user_id, &all[0].meta), (None, &json!({})));
        let clean = json!({"rows": 5, "note": "for ***", "deep": [{"meter": "sim-house"}]});
        assert_eq!(all[1].meta, clean);
        assert_eq!(events.list("sim.", 1).await.unwrap().len(), 1);
    }
}
