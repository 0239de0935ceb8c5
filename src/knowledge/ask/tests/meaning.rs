//! Sentences that say it in other words are found by their meaning, and quoted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::model_server::Reply;
use super::*;
use crate::algorithms::retrieval::Everyday;
use crate::knowledge::embedding;

/// Says what is asked for in other words.
const PLACE: &str = "Im Treppenhaus darf das Gerät nicht stehen.";
/// Has the rarer word of the question and another answer.
const PRICE: &str = "Der Einbau samt Anschluss kostet 300 Franken ohne Mehrwertsteuer.";
/// Asks for the place with the price's words.
const WHERE: &str = "Wo ist der Einbau des Geräts verboten?";

/// A model for which place and question mean the same, as everyday questions and their answers do in all languages, and
/// nothing else has anything in common; without an answer to texts of several sentences while `is_down`.
async fn model(is_down: &Arc<AtomicBool>) -> ModelServer {
    let is_down = Arc::clone(is_down);
    ModelServer::new(move |path, body| {
        if !path.ends_with("/embeddings") {
            return Reply::json(404, &json!({}));
        }
        let texts = body["input"].as_array().unwrap();
        let is_about = |text: &Value| {
            let text = text.as_str().unwrap();
            text.contains("Treppenhaus") || text.contains(WHERE)
        };
        if is_down.load(Ordering::Relaxed) && texts.iter().any(|text| *text != WHERE) {
            return Reply::json(400, &json!({"error": "out of memory"}));
        }
        let everyday = [Everyday::questions(), Everyday::sentences()];
        let place =
            |text: &str| everyday.iter().find_map(|all| all.iter().position(|it| it == text));
        let axis = |text: &Value| match place(text.as_str().unwrap()) {
            Some(at) => 2 + at % 10,
            None => usize::from(!is_about(text)),
        };
        let vector = |text: &Value| {
            let axis = axis(text);
            json!((0..12).map(|at| f64::from(u8::from(at == axis))).collect::<Vec<_>>())
        };
        let data: Vec<Value> = (0..texts.len())
            .map(|index| json!({"index": index, "embedding": vector(&texts[index])}))
            .collect();
        Reply::json(200, &json!({"data": data, "model": "pair"}))
    })
    .await
}

async fn app_with(server: &ModelServer) -> TestApp {
    let app = empty(|settings| {
        settings.embedding.provider = embedding::Provider::Openai;
        settings.embedding.url = Some(server.url.clone());
        settings.embedding.model = Some("pair".to_owned());
    })
    .await;
    add(&app, "Einbau", PRICE).await;
    add(&app, "Ort", PLACE).await;
    app
}

#[tokio::test]
async fn a_sentence_in_other_words_is_quoted_before_one_with_the_same_words() {
    let server = model(&Arc::default()).await;
    let app = app_with(&server).await;
    let answer = ask(&app, Role::Viewer, WHERE, json!({})).await;
    assert_eq!(texts(&answer)[0], PLACE, "{answer:#}");
    assert_eq!(answer["retrieval"]["sentences_compared"], 2);
    assert!(assert_proven(&app, &answer).await > 0);
    let by_words = ask(&app, Role::Viewer, WHERE, json!({"rerank": false})).await;
    assert_eq!(by_words["retrieval"]["sentences_compared"], 0);
    let found = |rerank: bool| {
        let body = json!({"question": WHERE, "rerank": rerank, "k": 2});
        let app = &app;
        async move { app.post(Role::Viewer, "/api/rag/search", &body).await.json(200) }
    };
    let first = |found: &Value| found["passages"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(first(&found(true).await), PLACE);
    assert_eq!(found(true).await["passages"].as_array().unwrap().len(), 2);
    assert_eq!(found(false).await["retrieval"]["sentences_compared"], 0);
}

#[tokio::test]
async fn a_model_that_fails_on_the_sentences_costs_the_comparison_and_not_the_answer() {
    let is_down = Arc::new(AtomicBool::new(false));
    let server = model(&is_down).await;
    let app = app_with(&server).await;
    // Everyday questions and answers are known from the first question on.
    ask(&app, Role::Viewer, WHERE, json!({})).await;
    is_down.store(true, Ordering::Relaxed);
    let answer = ask(&app, Role::Viewer, WHERE, json!({})).await;
    assert_eq!(answer["retrieval"]["sentences_compared"], 0, "{answer:#}");
    assert_eq!(answer["retrieval"]["dense_found"], 2, "the question itself was embedded");
    assert!(!texts(&answer).is_empty(), "{answer:#}");
    assert!(assert_proven(&app, &answer).await > 0);
}
