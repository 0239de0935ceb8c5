//! Answers as they come: the order of events, errors in the middle, and listeners who leave.

use actix_web::http::{Method, header};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::model_server::{ModelServer, Reply, ollama};
use super::{QUESTION, library, written_by};
use crate::knowledge::ask::{AskRequest, Asker, Told, told_by};
use crate::platform::web::Problem;
use crate::platform::web::Role;
use crate::testing::{TestApp, from_this_box};

const HONEST: &str = "Anlagen bis 30 kW erhalten eine Vergütung von mindestens 6.00 Rp./kWh [1].";

/// The events of an answer.
async fn told(app: &TestApp, body: &Value) -> Vec<(String, Value)> {
    let token = app.token(Role::Customer).await;
    let request = from_this_box(Method::POST, "/api/rag/ask")
        .insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::ACCEPT, "text/event-stream"))
        .insert_header((header::ACCEPT_ENCODING, "gzip, br"))
        .set_payload(body.to_string());
    let answer = app.ask(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/event-stream");
    assert_eq!(answer.header(header::CONTENT_ENCODING), "identity");
    let blocks = answer.text().split("\n\n").filter(|block| block.starts_with("event: "));
    blocks
        .map(|block| {
            let (name, data) = block.split_once("\ndata: ").unwrap();
            let name = name.strip_prefix("event: ").unwrap().to_owned();
            (name, serde_json::from_str(data).unwrap())
        })
        .collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn events_come_in_order_and_say_the_same_as_the_whole() {
    let server = ModelServer::writing(HONEST).await;
    let app = library(|settings| written_by(settings, &server)).await;
    let events = told(&app, &json!({"question": QUESTION})).await;
    assert_eq!(names(&events), ["passages", "token", "quote", "final"]);
    let words: String = events
        .iter()
        .filter(|(name, _)| name == "token")
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect();
    assert_eq!(words, HONEST);
    let (first, last) = (&events[0].1, &events.last().unwrap().1);
    assert_eq!(first["question_id"], last["question_id"]);
    assert_eq!(first["passages"][0]["id"], 1);
    let quotes: Vec<&Value> =
        events.iter().filter(|(name, _)| name == "quote").map(|(_, data)| data).collect();
    assert_eq!(quotes, last["quotes"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(last["writing"]["supported"], 1);
    // Without a model there are no words of one.
    let events = told(&app, &json!({"question": QUESTION, "mode": "extractive"})).await;
    assert_eq!(names(&events), ["passages", "quote", "final"]);
}

#[tokio::test]
async fn an_error_in_the_middle_is_told_and_quotes_follow() {
    let mut lines = ollama(HONEST);
    lines.truncate(8);
    lines.push(json!({"error": "out of memory"}).to_string());
    let server = ModelServer::new(move |path, _| match path {
        "/api/show" => Reply::json(200, &json!({})),
        _ => Reply::lines(&lines),
    })
    .await;
    let app = library(|settings| written_by(settings, &server)).await;
    let events = told(&app, &json!({"question": QUESTION})).await;
    assert_eq!(names(&events), ["passages", "token", "error", "quote", "final"]);
    let error = events.iter().find(|(name, _)| name == "error").unwrap();
    assert!(error.1["detail"].as_str().unwrap().contains("out of memory"));
    let last = &events.last().unwrap().1;
    assert_eq!((&last["mode"], &last["abstained"]), (&json!("extractive"), &json!(false)));
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_before_the_first_event() {
    let app = library(|_| {}).await;
    let token = app.token(Role::Customer).await;
    let request = from_this_box(Method::POST, "/api/rag/ask")
        .insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::ACCEPT, "text/event-stream"))
        .set_payload(json!({"question": " "}).to_string());
    assert_eq!(app.ask(request).await.wrong_field(), "question");
}

#[tokio::test]
async fn who_hangs_up_stops_the_model() {
    let begun = ollama(&"Anlagen bis 30 kW erhalten eine Vergütung. ".repeat(4));
    let begun = begun[..begun.len() - 1].to_vec();
    let server = ModelServer::new(move |path, _| match path {
        "/api/show" => Reply::json(200, &json!({})),
        _ => Reply::lines(&begun).hanging(),
    })
    .await;
    let app = library(|settings| written_by(settings, &server)).await;
    let ask = app.services.ask.clone();
    let request = AskRequest { question: QUESTION.to_owned(), log: true, ..AskRequest::default() };
    let mut told = Box::pin(told_by(move |teller| async move {
        let answered = ask.ask(&Asker::command(), &request, &teller).await;
        answered.map(drop).map_err(Problem::from)
    }));
    // The model has begun to write, and would go on for ever.
    while let Some(next) = told.next().await {
        if matches!(next, Ok(Told::Token { .. })) {
            break;
        }
    }
    drop(told);
    server.hung_up().await;
    // Nothing was answered, so nothing is written down.
    let listed = app.get(Role::Analyst, "/api/rag/questions").await.json(200);
    assert_eq!(listed["questions"], json!([]));
}

#[tokio::test]
async fn what_fails_after_the_first_event_is_an_event() {
    let app = library(|_| {}).await;
    let failing = told_by(|teller| async move {
        drop(teller);
        Err(Problem::busy("the index is away"))
    });
    let all: Vec<Result<Told, Problem>> = failing.collect().await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].as_ref().unwrap_err().detail(), "the index is away");
    drop(app);
}
