//! What a batch leaves in the database, and what people make of it.

use actix_web::http::Method;
use chrono::Duration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::access::audit::By;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::PricePoint;
use crate::facts::market::Quality as Trust;
use crate::facts::series::SeriesSpec;
use crate::platform::web::Role;
use crate::testing::{TestApp, TestServices, ch, utc};

const SUBJECT: &str = "price:CH:day_ahead";
const SOURCE: &str = "energy_charts";

fn price(ts: DateTime<Utc>) -> f64 {
    let hours = ts.timestamp() / 3_600;
    60.0 + (hours * 7_919 % 101) as f64 / 5.0
}

/// Prices of one day that came at an instant.
fn came(day: &str, at: &str) -> Batch {
    let batch = batch_of(SUBJECT, 3_600, (date(day), date(day)), price);
    Batch { came_at: utc(at), ..batch }
}

/// Judges and stores a batch at the instant at which it came, as a source does.
async fn take(box_: &TestServices, batch: &Batch) -> Recorded {
    box_.clock.set(batch.came_at);
    let recorded = box_.services.quality.record(batch, None).await.unwrap();
    let point = |(ts, price): &(DateTime<Utc>, f64)| PricePoint {
        ts: *ts,
        interval_s: 3_600,
        price_eur_mwh: Some(*price),
        volume: None,
        quality: Trust::Ok,
        known_at: batch.came_at,
        known_at_assumed: false,
        source: SOURCE.to_owned(),
    };
    let points: Vec<PricePoint> = recorded.accepted.iter().map(point).collect();
    box_.services.prices.put(&ch(), Product::DayAhead, &points).await.unwrap();
    recorded
}

/// The states of the days of a row, oldest first, with what was found.
fn states(matrix: &Matrix, source: &str) -> Vec<(DayState, usize)> {
    let row = matrix.rows.iter().find(|row| row.source == source).unwrap();
    row.cells.iter().map(|cell| (cell.state, cell.found)).collect()
}

#[actix_web::test]
async fn the_matrix_tells_complete_late_revised_partial_missing_open_and_not_asked() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    // Due at 15:00 on the day before, 14:00 in UTC until the clock goes forward on the 29th.
    take(&test, &came("2026-03-25", "2026-03-24T12:05:00Z")).await;
    take(&test, &came("2026-03-26", "2026-03-25T16:00:00Z")).await;
    let mut revised = came("2026-03-25", "2026-03-25T17:00:00Z");
    revised.values[3].1 = Some(1.25);
    take(&test, &revised).await;
    let mut partial = came("2026-03-27", "2026-03-26T12:05:00Z");
    partial.values.truncate(20);
    take(&test, &partial).await;
    // Nothing comes of the 28th; of the 29th, with 23 hours, all.
    take(&test, &came("2026-03-29", "2026-03-28T12:05:00Z")).await;
    test.set("2026-03-30T08:00:00Z");
    let matrix = test.services.quality.matrix(7).await.unwrap();
    assert_eq!(
        matrix.days,
        ["24", "25", "26", "27", "28", "29", "30"].map(|day| date(&format!("2026-03-{day}")))
    );
    assert_eq!(
        states(&matrix, SOURCE),
        [
            (DayState::NotAsked, 0),
            (DayState::Complete, 24),
            (DayState::Complete, 24),
            (DayState::Partial, 20),
            (DayState::Missing, 0),
            (DayState::Complete, 23),
            (DayState::Missing, 0),
        ]
    );
    let cells = &matrix.rows[0].cells;
    assert_eq!((cells[1].late_s, cells[1].revised), (Some(0), 1));
    assert_eq!(cells[1].first_complete_at, Some(utc("2026-03-24T12:05:00Z")));
    assert_eq!((cells[2].late_s, cells[2].revised), (Some(7_200), 0));
    // It came before it was due: what was there then was good.
    assert_eq!(cells[3].verdict, Verdict::Good);
    assert_eq!((cells[4].expected, cells[4].expected_by), (24, Some(utc("2026-03-27T14:00:00Z"))));
    assert_eq!((cells[5].expected, cells[5].late_s), (23, Some(0)));
    // In summer an hour earlier.
    assert_eq!(cells[6].expected_by, Some(utc("2026-03-29T13:00:00Z")));

    // Another source has the day: nobody had to ask the first one.
    let other = Batch { source: "entsoe".to_owned(), ..came("2026-03-28", "2026-03-30T08:00:00Z") };
    take(&test, &other).await;
    let matrix = test.services.quality.matrix(7).await.unwrap();
    assert_eq!(states(&matrix, SOURCE)[4], (DayState::NotAsked, 0));
    let late = &matrix.rows.iter().find(|row| row.source == "entsoe").unwrap().cells[4];
    assert_eq!(
        (late.state, late.late_s),
        (DayState::Complete, None),
        "it was due before entsoe was asked"
    );

    // What comes later completes the day, and the same payload again changes nothing.
    take(&test, &came("2026-03-27", "2026-03-30T08:10:00Z")).await;
    take(&test, &came("2026-03-27", "2026-03-30T08:20:00Z")).await;
    let matrix = test.services.quality.matrix(7).await.unwrap();
    let row = matrix.rows.iter().find(|row| row.source == SOURCE).unwrap();
    assert_eq!((row.cells[3].found, row.cells[3].verdict), (24, Verdict::Good));
    assert_eq!(row.cells[3].first_complete_at, Some(utc("2026-03-30T08:10:00Z")));
    assert_eq!(row.cells[3].late_s, Some(3 * 86_400 + 18 * 3_600 + 600));
}

#[actix_web::test]
async fn what_is_not_due_is_open() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    let day = Batch { due: Some(Due::at(1, 6, 0)), ..came("2026-03-24", "2026-03-24T12:00:00Z") };
    let half = day.values[..10].to_vec();
    take(&test, &Batch { values: half, ..day }).await;
    let states_now = async || states(&test.services.quality.matrix(2).await.unwrap(), SOURCE);
    assert_eq!(states_now().await, [(DayState::NotAsked, 0), (DayState::Open, 10)]);
    test.set("2026-03-25T05:00:00Z");
    assert_eq!(states_now().await, [(DayState::Partial, 10), (DayState::Open, 0)]);
}

#[actix_web::test]
async fn refused_values_wait_once_and_go_where_they_belong_when_released() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    let quality = &test.services.quality;
    let mut batch = came("2026-03-25", "2026-03-24T12:05:00Z");
    let (ts, value) = batch.values[5];
    batch.values.push((ts, value.map(|value| value + 100.0)));
    batch.values[7].1 = Some(f64::NAN);
    assert_eq!(take(&test, &batch).await.accepted.len(), 22);
    take(&test, &batch).await;
    let open = Filter { is_open: true, ..Filter::default() };
    let rows = quality.quarantine(&open, 10).await.unwrap();
    assert_eq!(rows.len(), 3, "the same again adds nothing: {rows:#?}");
    let waiting = quality.waiting().await.unwrap();
    assert_eq!((waiting.quarantined, waiting.dead_letters), (3, 0));

    let stored = async || {
        let range = batch.asked;
        let points = test.services.prices.prices(&ch(), Product::DayAhead, range).await.unwrap();
        points.into_iter().find(|point| point.ts == ts)
    };
    assert_eq!(stored().await, None);
    let dearer = rows.iter().find(|row| row.value > value).unwrap();
    test.set("2026-03-24T15:00:00Z");
    let by = By::command();
    let released = quality.release(dearer.row_id, &by).await.unwrap();
    assert_eq!(released.decision.as_deref(), Some("released"));
    let point = stored().await.unwrap();
    assert_eq!((point.price_eur_mwh, point.known_at), (dearer.value, utc("2026-03-24T15:00:00Z")));
    // The other value of the instant is discarded with it; nothing can be decided twice.
    let rows = quality.quarantine(&open, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.reason).collect::<Vec<_>>(), [Code::NotFinite]);
    let again = quality.release(dearer.row_id, &by).await.unwrap_err().to_string();
    assert!(again.contains("has been released already"), "{again}");
    let nan = quality.release(rows[0].row_id, &by).await.unwrap_err().to_string();
    assert!(nan.contains("is no number and cannot be released; discard it"), "{nan}");
    let day = quality.day((SOURCE, SUBJECT), date("2026-03-25")).await.unwrap().unwrap();
    assert_eq!(day.found, 23);
    quality.discard(rows[0].row_id, &by).await.unwrap();
    assert_eq!(quality.waiting().await.unwrap().quarantined, 0);
    let none = quality.discard(Uuid::nil(), &by).await.unwrap_err();
    assert!(matches!(none, QualityError::NotFound(..)));
}

#[actix_web::test]
async fn a_refused_day_is_decided_about_as_a_whole() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    let quality = &test.services.quality;
    let mut zeros = came("2026-03-25", "2026-03-24T12:05:00Z");
    zeros.values.iter_mut().for_each(|(_, value)| *value = Some(0.0));
    let recorded = take(&test, &zeros).await;
    assert_eq!((recorded.accepted.len(), recorded.refused.len()), (0, 24));
    let day = || quality.day((SOURCE, SUBJECT), date("2026-03-25"));
    let cell = day().await.unwrap().unwrap();
    assert_eq!((cell.found, cell.verdict), (0, Verdict::Refused));
    let of = (SOURCE, SUBJECT);
    let decided = quality.decide_day(of, zeros.asked, true, &By::command()).await.unwrap();
    assert_eq!(decided, 24);
    let points = test.services.prices.prices(&ch(), Product::DayAhead, zeros.asked).await.unwrap();
    assert_eq!(points.len(), 24);
    assert!(points.iter().all(|point| point.price_eur_mwh == Some(0.0)));
    let cell = day().await.unwrap().unwrap();
    assert_eq!((cell.found, cell.first_complete_at.is_some()), (24, true));
    assert_eq!(quality.decide_day(of, zeros.asked, true, &By::command()).await.unwrap(), 0);
}

#[actix_web::test]
async fn values_of_series_are_released_and_those_of_nobody_are_not() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    let quality = &test.services.quality;
    let spec = SeriesSpec {
        name: "load:CH".to_owned(),
        unit: "MW".to_owned(),
        source: SOURCE.to_owned(),
        market: Market::parse("CH").ok(),
        resolution_s: 3_600,
        attribution: String::new(),
        is_feature: true,
    };
    test.services.observations.ensure_series(&spec).await.unwrap();
    for (subject, may) in [("load:CH", true), ("tide:CH", false)] {
        let mut batch = came("2026-03-25", "2026-03-24T12:05:00Z");
        batch.subject = subject.to_owned();
        let (ts, value) = batch.values[5];
        batch.values.push((ts, value.map(|value| value + 100.0)));
        quality.record(&batch, None).await.unwrap();
        let filter =
            Filter { subject: Some(subject.to_owned()), is_open: true, ..Filter::default() };
        let row = quality.quarantine(&filter, 1).await.unwrap()[0].row_id;
        match quality.release(row, &By::command()).await {
            Ok(row) => {
                assert!(may, "{subject}");
                test.set("2026-03-24T16:00:00Z");
                let values = quality.stored(subject, batch.asked).await.unwrap();
                assert_eq!(values, [(ts, row.value.unwrap())]);
            }
            Err(error) => {
                assert!(
                    !may && error.to_string().contains("cannot be released one by one"),
                    "{error}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn dead_letters_are_counted_not_piled_up_and_end_when_an_answer_can_be_read() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    let quality = &test.services.quality;
    let payload = format!("<html>\n<title>Maintenance\u{0}</title> {}", "x".repeat(10_000));
    let letter = Unreadable {
        source: SOURCE,
        subject: "price:CH",
        raw_file_id: None,
        payload: payload.as_bytes(),
        reason: "the answer is a web page, not JSON",
    };
    let first = quality.dead_letter(&letter).await.unwrap();
    assert!(first.excerpt.starts_with("<html> <title>Maintenance</title> xxx"));
    assert_eq!(first.excerpt.chars().count(), 400);
    test.set("2026-03-24T12:10:00Z");
    let second = quality.dead_letter(&letter).await.unwrap();
    assert_eq!((second.letter_id, second.attempts), (first.letter_id, 2));
    assert_eq!(
        (second.created_at, second.last_at),
        (utc("2026-03-24T12:00:00Z"), utc("2026-03-24T12:10:00Z"))
    );
    let other = Unreadable { payload: b"\xff\xfe{", reason: "cut off", ..letter };
    let other = quality.dead_letter(&other).await.unwrap();
    quality.resolve(other.letter_id, &By::command()).await.unwrap();
    assert!(quality.resolve(other.letter_id, &By::command()).await.is_err(), "it is dealt with");
    assert_eq!(quality.supersede(SOURCE, "price:DE-LU").await.unwrap(), 0);
    assert_eq!(quality.supersede(SOURCE, "price:CH").await.unwrap(), 1);
    let all = quality.dead_letters(&Filter::default(), 10).await.unwrap();
    let ended: Vec<_> = all.iter().map(|letter| letter.resolution.as_deref().unwrap()).collect();
    assert_eq!(ended, ["resolved", "superseded"]);
    // The same reason later is a new letter.
    assert_ne!(quality.dead_letter(&letter).await.unwrap().letter_id, first.letter_id);
}

#[tokio::test]
async fn lists_are_paged_and_bad_questions_are_answered_with_the_fix() {
    let app = TestApp::at(utc("2026-03-24T12:00:00Z")).await;
    for day in ["2026-03-25", "2026-03-26", "2026-03-27"] {
        let mut batch = came(day, "2026-03-24T12:05:00Z");
        batch.values[2].1 = Some(f64::INFINITY);
        app.services.quality.record(&batch, None).await.unwrap();
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/quality/quarantine?limit=2{cursor}");
        let page = app.get(Role::Analyst, &path).await.json(200);
        seen.extend(page["rows"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let days: std::collections::BTreeSet<_> =
        seen.iter().map(|row| row["ts"].clone().to_string()).collect();
    assert_eq!((seen.len(), days.len()), (3, 3));
    assert_eq!(seen[0]["value"], Value::Null);
    assert_eq!(seen[0]["reason"], "not_finite");
    let reports = app.get(Role::Viewer, "/api/quality/reports?odd=true").await.json(200);
    assert_eq!(reports["reports"].as_array().unwrap().len(), 3);
    assert_eq!(reports["reports"][0]["counts"]["not_finite"], 1);
    let matrix = app.get(Role::Viewer, "/api/quality/matrix").await.json(200);
    assert_eq!(matrix["days"].as_array().unwrap().len(), 14);
    for path in ["/api/quality/matrix?days=0", "/api/quality/matrix?days=91"] {
        assert_eq!(app.get(Role::Viewer, path).await.wrong_field(), "days");
    }
    app.get(Role::Analyst, "/api/quality/quarantine?cursor=x").await.problem(422);
    app.get(Role::Viewer, "/api/quality/quarantine").await.problem(403);
    let row = seen[0]["row_id"].as_str().unwrap();
    let path = format!("/api/quality/quarantine/{row}");
    let refused =
        app.post(Role::Admin, &format!("{path}/release"), &json!(null)).await.problem(409);
    assert!(refused["detail"].as_str().unwrap().contains("discard it"), "{refused}");
    app.send(Role::Admin, Method::POST, &format!("{path}/discard"), None).await.json(200);
    app.send(Role::Admin, Method::POST, &format!("{path}/discard"), None).await.problem(409);
    let empty = TestApp::at(utc("2026-03-24T12:00:00Z")).await;
    let matrix = empty.get(Role::Viewer, "/api/quality/matrix").await.json(200);
    assert_eq!(matrix["rows"], json!([]));
}

#[actix_web::test]
async fn a_payload_that_is_read_again_keeps_its_report_and_its_lateness() {
    let test = TestServices::at("2026-03-24T12:00:00Z").await;
    let arrival = crate::facts::archive::Arrival {
        source: SOURCE.to_owned(),
        subject: "price:CH".to_owned(),
        range: came("2026-03-25", "2026-03-24T12:05:00Z").asked,
        url: "http://localhost/prices".to_owned(),
        http_status: 200,
        content_type: String::new(),
    };
    let raw = test.services.archive.keep(arrival, "{}".into()).await.unwrap();
    let batch = came("2026-03-25", "2026-03-24T12:05:00Z");
    for at in ["2026-03-24T12:05:00Z", "2026-05-01T00:00:00Z"] {
        test.set(at);
        test.services.quality.record(&batch, Some(raw.raw_file_id)).await.unwrap();
    }
    let reports = test.services.quality.reports(&Filter::default(), 10).await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].created_at, batch.came_at);
    let day = test.services.quality.day((SOURCE, SUBJECT), date("2026-03-25")).await.unwrap();
    let day = day.unwrap();
    assert_eq!((day.late_s, day.first_complete_at), (Some(0), Some(batch.came_at)));
    let about = (SOURCE, SUBJECT);
    let range = TimeRange::new(batch.asked.to, batch.asked.to + Duration::days(1));
    assert_eq!(test.services.quality.reports_about(about, range, 5).await.unwrap(), []);
}
