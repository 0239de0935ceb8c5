//! Rows and offset move together or not at all; what cannot be stored stops nothing.

use super::*;

#[tokio::test]
async fn rows_and_offset_move_together_and_once() {
    let app = app(Settings::default()).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    let mut claim = begun(kafka, &place(0)).await;
    let all = records(&[row("a", 0, 1.0), json!([row("a", 15, 2.0), row("b", 0, 3.0)])]);
    let taken = take(kafka, &mut claim, all.clone()).await.unwrap();
    assert_eq!(taken, Taken { records: 2, rows: 3, refused: 0 });
    assert_eq!(claim.next_offset, Some(2));
    let rows = ["a 0 1 ok", "a 15 2 ok", "b 0 3 ok"];
    assert_eq!(stored(db).await, rows);
    assert_eq!(offsets(db).await, ["luna.readings/0 2 2 3 0"]);

    // The same again, from where somebody else believes to be, is refused as a whole.
    let mut stale = Claim { next_offset: Some(0), ..claim.clone() };
    let again = take(kafka, &mut stale, all).await;
    assert!(matches!(again, Err(KafkaError::Overtaken)), "{again:?}");
    assert_eq!(
        (stored(db).await, offsets(db).await),
        (rows.map(str::to_owned).to_vec(), vec!["luna.readings/0 2 2 3 0".to_owned()])
    );
}

#[tokio::test]
async fn one_process_reads_a_partition_and_the_next_goes_on_where_it_ended() {
    let app = app(Settings::default()).await;
    let (first, db) = (&app.services.kafka, &app.services.db);
    let second = beside(&app, &Settings::default());
    let mut claim = begun(first, &place(0)).await;
    assert_eq!(second.claim(&place(0)).await.unwrap(), None);
    assert!(second.claim(&place(1)).await.unwrap().is_some(), "the other one is free");
    take(first, &mut claim, records(&[row("a", 0, 1.0)])).await.unwrap();

    // The first gives no sign of life any more.
    execute(db, "UPDATE kafka_offsets SET held_until = now() - interval '1 s' WHERE partition = 0")
        .await;
    let mut taken_over = second.claim(&place(0)).await.unwrap().unwrap();
    assert_eq!(taken_over.next_offset, Some(1));
    // Both read the same record; only one may store it.
    let next = vec![record(1, None, row("a", 15, 2.0).to_string().as_bytes())];
    take(&second, &mut taken_over, next.clone()).await.unwrap();
    let late = take(first, &mut claim, next).await;
    assert!(matches!(late, Err(KafkaError::Overtaken)), "{late:?}");
    assert!(matches!(first.renew(&claim, 2).await, Err(KafkaError::Overtaken)));
    assert_eq!(stored(db).await, ["a 0 1 ok", "a 15 2 ok"]);
    assert_eq!(offsets(db).await[0], "luna.readings/0 2 2 2 0");
    // What the first gives back is not the second's.
    first.release(&place(0)).await.unwrap();
    assert_eq!(first.claim(&place(0)).await.unwrap(), None);
    second.release(&place(0)).await.unwrap();
    assert_eq!(first.claim(&place(0)).await.unwrap().unwrap().next_offset, Some(2));
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_rows_and_offset_and_is_made_up_for() {
    let app = app(Settings::default()).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    let mut claim = begun(kafka, &place(0)).await;
    let all = records(&[row("a", 0, 1.0), json!({"poison": true}), row("a", 15, 2.0)]);
    // The last statement of the transaction fails: everything before it is taken back.
    execute(
        db,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
         CREATE TRIGGER no BEFORE UPDATE OF next_offset ON kafka_offsets
         FOR EACH ROW WHEN (new.next_offset > 0) EXECUTE FUNCTION no()",
    )
    .await;
    let failed = take(kafka, &mut claim, all.clone()).await.unwrap_err();
    assert!(failed.sentence().contains("disk full"), "{}", failed.sentence());
    assert_eq!(stored(db).await, [""; 0]);
    assert_eq!(offsets(db).await, ["luna.readings/0 0 0 0 0"]);
    assert_eq!(kafka.refusals(None, 10).await.unwrap(), []);
    assert_eq!(lines(db, "SELECT source AS line FROM dead_letters").await, [""; 0]);

    // So does a server that goes away in the middle.
    execute(db, "DROP TRIGGER no ON kafka_offsets; CREATE OR REPLACE FUNCTION no() RETURNS trigger
         LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$;
         CREATE TRIGGER no BEFORE UPDATE OF next_offset ON kafka_offsets
         FOR EACH ROW WHEN (new.next_offset > 0) EXECUTE FUNCTION no()").await;
    let lost = take(kafka, &mut claim, all.clone()).await.unwrap_err();
    assert!(!lost.is_of_rows(), "{lost:?}");
    assert_eq!(
        (stored(db).await, offsets(db).await),
        (vec![], vec!["luna.readings/0 0 0 0 0".into()])
    );

    execute(db, "DROP TRIGGER no ON kafka_offsets").await;
    take(kafka, &mut claim, all).await.unwrap();
    assert_eq!(stored(db).await, ["a 0 1 ok", "a 15 2 ok"]);
    assert_eq!(offsets(db).await, ["luna.readings/0 3 3 2 1"]);
}

#[tokio::test]
async fn what_cannot_be_stored_is_kept_apart_with_its_place() {
    let app = app(Settings::default()).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    let mut claim = begun(kafka, &place(0)).await;
    let mut all = records(&[
        row("a", 0, 1.0),
        json!([row("a", 15, -1.0), row("a", 30, 2.0), row("sim-x", 0, 1.0)]),
        json!({"meter_id": "a"}),
        row("a", 24 * 60, 1.0),
    ]);
    all.push(record(9, None, b"\xff\x00"));
    let taken = take(kafka, &mut claim, all).await.unwrap();
    assert_eq!(taken, Taken { records: 5, rows: 2, refused: 5 });
    assert_eq!(stored(db).await, ["a 0 1 ok", "a 30 2 ok"]);
    assert_eq!(offsets(db).await, ["luna.readings/0 10 5 2 5"]);
    let found = kafka.refusals(Some(TOPIC), 10).await.unwrap();
    let places: Vec<_> = found.iter().map(|it| (it.offset, it.row, it.field.as_str())).collect();
    let expected = [
        (9, None, ""),
        (3, Some(0), "ts"),
        (2, Some(0), "ts"),
        (1, Some(2), "meter_id"),
        (1, Some(0), "consumption_kw"),
    ];
    assert_eq!(places, expected);
    assert!(found[4].excerpt.contains("-1.0") && found[4].reason.contains("not 0 to"), "{found:?}");
    assert_eq!(kafka.refusals(Some("other"), 10).await.unwrap(), []);
    // One dead letter for the partition, however much comes.
    let letters = "SELECT format('%s %s %s', source, subject, attempts) AS line FROM dead_letters";
    assert_eq!(lines(db, letters).await, ["kafka luna.readings/0 1"]);
    take(kafka, &mut claim, vec![record(10, None, b"x")]).await.unwrap();
    assert_eq!(lines(db, letters).await, ["kafka luna.readings/0 2"]);
}

#[tokio::test]
async fn refusals_are_counted_all_and_kept_in_bounds() {
    let app = app(Settings::default()).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    let mut claim = begun(kafka, &place(0)).await;
    for fetch in 0..12 {
        let poison = (0..150).map(|n| record(fetch * 150 + n, None, format!("no {n}").as_bytes()));
        take(kafka, &mut claim, poison.collect()).await.unwrap();
    }
    assert_eq!(offsets(db).await, ["luna.readings/0 1800 1800 0 1800"]);
    let kept = "SELECT format('%s %s', count(*), max(record_offset)) AS line FROM kafka_refusals";
    assert_eq!(lines(db, kept).await, ["1000 1749"]);
    assert_eq!(lines(db, "SELECT count(*)::text AS line FROM dead_letters").await, ["1"]);
}

#[tokio::test]
async fn a_record_that_the_database_never_takes_is_found_and_passed_over() {
    let app = app(Settings::default()).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    execute(
        db,
        "ALTER TABLE smart_meter_readings ADD CONSTRAINT modest CHECK (consumption_kw < 100)",
    )
    .await;
    let mut claim = begun(kafka, &place(0)).await;
    let all: Vec<Value> =
        (0..9).map(|n| row("a", 15 * n, if n == 4 || n == 7 { 500.0 } else { 1.0 })).collect();
    let taken = take(kafka, &mut claim, records(&all)).await.unwrap();
    assert_eq!(taken, Taken { records: 9, rows: 7, refused: 2 });
    assert_eq!(stored(db).await.len(), 7);
    assert_eq!(claim.next_offset, Some(9));
    let found = kafka.refusals(None, 10).await.unwrap();
    let places: Vec<_> = found.iter().map(|it| (it.offset, it.row)).collect();
    assert_eq!(places, [(7, None), (4, None)]);
    assert!(found[0].reason.contains("modest"), "{found:?}");
}

#[tokio::test]
async fn a_partition_begins_at_its_earliest_record_and_losses_are_counted() {
    let app = app(Settings { brokers: None, ..Settings::default() }).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    let mut claim = kafka.claim(&place(0)).await.unwrap().unwrap();
    kafka.jump(&mut claim, (40, 90)).await.unwrap();
    assert_eq!(claim.next_offset, Some(40));
    let losses = "SELECT format('%s %s %s', next_offset, records_lost, lost_at IS NULL) AS line
                  FROM kafka_offsets";
    assert_eq!(lines(db, losses).await, ["40 0 t"], "what nobody could have read is no loss");
    take(kafka, &mut claim, vec![record(40, None, b"x")]).await.unwrap();
    kafka.jump(&mut claim, (100, 200)).await.unwrap();
    assert_eq!(lines(db, losses).await, ["100 59 f"]);
    // A log that was made anew under the same name.
    kafka.jump(&mut claim, (0, 7)).await.unwrap();
    assert_eq!(lines(db, losses).await, ["0 59 f"]);
    // What lies within is no reason to go elsewhere.
    assert!(matches!(kafka.jump(&mut claim, (0, 7)).await, Err(KafkaError::OutOfRange)));
    let mut stale = Claim { next_offset: Some(3), ..claim };
    assert!(matches!(kafka.jump(&mut stale, (5, 9)).await, Err(KafkaError::Overtaken)));
}

#[tokio::test]
async fn a_box_without_brokers_says_so_and_asks_nobody() {
    let app = app(Settings::default()).await;
    let kafka = &app.services.kafka;
    assert!(!kafka.is_configured() && kafka.standing().await.is_none());
    let status = kafka.status().await.unwrap();
    assert!(status.reachable.is_none() && status.detail.contains("KAFKA_BROKERS"), "{status:?}");
    let answer = app.get(crate::platform::web::Role::Analyst, "/api/kafka").await.json(200);
    assert_eq!((&answer["is_configured"], &answer["reachable"]), (&json!(false), &json!(null)));
    let health = app.get(crate::testing::ANYBODY, "/health").await.json(200);
    let checks = health["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["name"] != "kafka"), "{health}");
    let publisher = kafka.publisher();
    let row = crate::facts::readings::ReadingRow::new("sim-a", utc(NOW));
    assert!(matches!(publisher.publish(&[row]).await, Err(KafkaError::Off)));
}
