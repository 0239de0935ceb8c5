//! Answers without a model: quotes, abstaining, who may read what, versions, the log.

use actix_web::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BATTERY, FEED_IN, QUESTION, add, ask, assert_proven, empty, library, texts};
use crate::access::audit::By;
use crate::platform::web::Role;

#[tokio::test]
async fn an_answer_is_quotes_that_stand_where_they_say() {
    let app = library(|_| {}).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_eq!((&answer["mode"], &answer["abstained"]), (&json!("extractive"), &json!(false)));
    assert!(texts(&answer)[0].contains("mindestens 6.00 Rp./kWh"), "{answer:#}");
    let first = &answer["quotes"][0];
    assert_eq!((&first["id"], &first["title"]), (&json!(1), &json!("Rücklieferung")));
    assert_eq!((&first["version"], &first["source"]), (&json!(1), &json!("text")));
    assert_eq!(first["added_at"], "2026-03-28T12:00:00Z");
    assert!(assert_proven(&app, &answer).await > 0);
    // Each step took its time, and all chunks that were looked at are told with their scores.
    assert!(answer["timings"]["total_ms"].as_f64().unwrap() >= 0.0);
    let chunks = answer["chunks"].as_array().unwrap();
    assert!(!chunks.is_empty() && chunks[0]["words_score"].as_f64().unwrap() > 0.0);
    assert_eq!(answer["writing"], Value::Null);
}

#[tokio::test]
async fn letters_are_counted_as_letters_however_they_are_encoded() {
    let app = empty(|_| {}).await;
    let text = "Vorwort 🏠🔋☀️ für Zürich. Grüsse 👩‍👩‍👧!\n\n\
        Die Wärmepumpe 😀 läuft äusserst günstig mit 12.5 kW im Nachtbetrieb.\n\n\
        Schlusswort – naïve Öfen «aus».\n";
    add(&app, "Heizung 🔥", text).await;
    let answer = ask(&app, Role::Viewer, "Mit wie viel kW läuft die Wärmepumpe?", json!({})).await;
    assert!(texts(&answer)[0].contains("12.5 kW"), "{answer:#}");
    assert!(assert_proven(&app, &answer).await > 0);
    let found = app
        .post(Role::Viewer, "/api/rag/search", &json!({"question": "Wärmepumpe"}))
        .await
        .json(200);
    assert_eq!(found["dropped"], 0);
    assert!(!found["passages"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_no_document_says_is_not_answered() {
    let app = library(|settings| settings.answers.confidence_min = 0.5).await;
    let answer =
        ask(&app, Role::Customer, "Wann fährt der letzte Zug nach Timbuktu?", json!({})).await;
    assert_eq!(answer["abstained"], true, "{answer:#}");
    assert_eq!(answer["message"], "Not found in your documents");
    assert_eq!(answer["quotes"], json!([]));
    assert_proven(&app, &answer).await;
    // Without any document there is nothing that comes close either.
    let bare = empty(|_| {}).await;
    let answer = ask(&bare, Role::Customer, QUESTION, json!({})).await;
    assert_eq!((&answer["abstained"], &answer["closest"]), (&json!(true), &json!([])));
    assert_eq!(answer["confidence"], Value::Null);
}

#[tokio::test]
async fn a_stored_text_that_differs_costs_the_quote() {
    use diesel_async::SimpleAsyncConnection;
    let app = library(|_| {}).await;
    let mut conn = app.services.db.conn().await.unwrap();
    let tampered = "UPDATE item_texts SET text = replace(text, '6.00', '9.99')";
    conn.batch_execute(tampered).await.unwrap();
    drop(conn);
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert!(answer["quotes_dropped"].as_u64().unwrap() > 0, "{answer:#}");
    let told = answer["quotes"].to_string();
    assert!(!told.contains("6.00 Rp./kWh") && !told.contains("9.99"), "{told}");
}

#[tokio::test]
async fn documents_are_read_by_whom_they_are_approved_for() {
    let app = library(|settings| settings.documents.approval_required = true).await;
    for role in [Role::Viewer, Role::Customer] {
        let answer = ask(&app, role, QUESTION, json!({})).await;
        assert_eq!((&answer["abstained"], &answer["chunks"]), (&json!(true), &json!([])), "{role}");
        let found =
            app.post(role, "/api/rag/search", &json!({"question": QUESTION})).await.json(200);
        assert_eq!(found["passages"], json!([]), "{role}");
    }
    let answer = ask(&app, Role::Analyst, QUESTION, json!({})).await;
    let id: Uuid = answer["quotes"][0]["document_id"].as_str().unwrap().parse().unwrap();
    app.services.documents.approve(id, &By::command()).await.unwrap();
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert!(texts(&answer)[0].contains("6.00"), "{answer:#}");
    assert!(answer["chunks"].as_array().unwrap().iter().all(|it| it["document_id"] == json!(id)));
}

#[tokio::test]
async fn a_new_version_speaks_in_place_of_the_old_one() {
    let app = library(|_| {}).await;
    let newer = FEED_IN.replace("6.00", "7.25");
    add(&app, "Rücklieferung", &newer).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert!(texts(&answer)[0].contains("7.25") && !answer.to_string().contains("6.00 Rp"));
    assert_eq!(answer["quotes"][0]["version"], 2);
    let all = json!({"question": QUESTION, "include_superseded": true, "k": 20});
    let found = app.post(Role::Customer, "/api/rag/search", &all).await.json(200);
    let passages = found["passages"].as_array().unwrap();
    let says = |words: &str, superseded: bool| {
        passages.iter().any(|passage| {
            passage["text"].as_str().unwrap().contains(words)
                && passage["is_superseded"] == superseded
        })
    };
    assert!(says("6.00", true) && says("7.25", false), "{found:#}");
}

#[tokio::test]
async fn filters_choose_among_documents() {
    let app = library(|_| {}).await;
    let found = app
        .post(Role::Customer, "/api/rag/search", &json!({"question": "Vergütung Speicher Anlagen"}))
        .await
        .json(200);
    let documents = found["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 2, "{found:#}");
    let battery =
        documents.iter().find(|it| it["title"].as_str().unwrap().contains("Speicher")).unwrap();
    let only = json!({"question": "Vergütung Speicher Anlagen",
        "filters": {"documents": [battery["document_id"]]}});
    let found = app.post(Role::Customer, "/api/rag/search", &only).await.json(200);
    let passages = found["passages"].as_array().unwrap();
    assert!(!passages.is_empty());
    assert!(passages.iter().all(|it| it["document_id"] == battery["document_id"]), "{found:#}");
    for (filters, expected) in [
        (json!({"tags": ["test", "other"]}), true),
        (json!({"tags": ["other"]}), false),
        (json!({"language": "de"}), true),
        (json!({"language": "it"}), false),
    ] {
        let asked = json!({"question": QUESTION, "filters": filters});
        let found = app.post(Role::Customer, "/api/rag/search", &asked).await.json(200);
        let any = !found["passages"].as_array().unwrap().is_empty();
        assert_eq!(any, expected, "{filters}");
    }
    for fusion in ["min_max", "rrf"] {
        let answer = ask(&app, Role::Customer, QUESTION, json!({"fusion": fusion, "k": 1})).await;
        assert_eq!(answer["retrieval"]["fusion"], fusion);
        assert_eq!(answer["chunks"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let app = empty(|_| {}).await;
    let many: Vec<String> = (0..101).map(|n| format!("t{n}")).collect();
    for (body, field) in [
        (json!({"question": ""}), "question"),
        (json!({"question": " \n\t"}), "question"),
        (json!({"question": "ä".repeat(2_001)}), "question"),
        (json!({"question": "x", "k": 0}), "k"),
        (json!({"question": "x", "k": 51}), "k"),
        (json!({"question": "x", "filters": []}), "filters"),
        (json!({"question": "x", "filters": {"language": "rm"}}), "filters.language"),
        (json!({"question": "x", "filters": {"documents": ["1"]}}), "filters.documents[0]"),
        (json!({"question": "x", "filters": {"tags": many}}), "filters.tags"),
        (json!({"question": "x", "filters": {"who": 1}}), "filters.who"),
        (json!({"question": "x", "fusion": "sum"}), "fusion"),
    ] {
        for path in ["/api/rag/search", "/rag/search", "/api/rag/ask", "/rag/ask"] {
            let answer = app.post(Role::Customer, path, &body).await;
            assert_eq!(answer.wrong_field(), field, "{path} {body}");
        }
    }
    let guess = json!({"question": "x", "mode": "guess"});
    assert_eq!(app.post(Role::Customer, "/api/rag/ask", &guess).await.wrong_field(), "mode");
    // The longest question that is allowed is answered.
    ask(&app, Role::Customer, &"ä".repeat(2_000), json!({})).await;
    for odd in ["?", "und der die das", "' OR 1=1 --", "😀", "\u{202e}x"] {
        ask(&app, Role::Customer, odd, json!({})).await;
    }
}

#[tokio::test]
async fn questions_are_written_down_and_rated_by_who_asked() {
    let app = library(|_| {}).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_eq!(answer["is_logged"], true);
    let private = ask(&app, Role::Customer, "Ein Geheimnis", json!({"log": false})).await;
    assert_eq!(private["is_logged"], false);
    let rate = |id: &Value, value: i64, note: &str| {
        let path = format!("/api/rag/questions/{}/feedback", id.as_str().unwrap());
        (path, json!({"value": value, "note": note}))
    };
    let (path, body) = rate(&answer["question_id"], -1, "falsches Jahr");
    app.post(Role::Customer, &path, &body).await.json(200);
    let (path, body) = rate(&answer["question_id"], 1, "");
    let label = app.post(Role::Customer, &path, &body).await.json(200);
    assert_eq!((&label["value"], &label["note"]), (&json!(1.0), &Value::Null));
    // Others do not learn that it is there; analysts may rate any.
    app.post(Role::Viewer, &path, &body).await.problem(404);
    app.post(Role::Analyst, &path, &body).await.json(200);
    let (path, body) = rate(&private["question_id"], 1, "");
    app.post(Role::Customer, &path, &body).await.problem(404);
    let (path, _) = rate(&answer["question_id"], 1, "");
    for (body, field) in
        [(json!({"value": 0}), "value"), (json!({"value": 1, "note": "x".repeat(2_001)}), "note")]
    {
        assert_eq!(app.post(Role::Customer, &path, &body).await.wrong_field(), field);
    }
    let listed = app.get(Role::Analyst, "/api/rag/questions").await.json(200);
    let questions = listed["questions"].as_array().unwrap();
    assert_eq!(questions.len(), 1, "{listed:#}");
    assert_eq!(
        (&questions[0]["question"], &questions[0]["language"]),
        (&json!(QUESTION), &json!("de"))
    );
    assert_eq!(questions[0]["feedback"].as_array().unwrap().len(), 2);
    // Where quotes stand is kept, their words are not.
    let kept = questions[0]["answer"].to_string();
    assert!(kept.contains("sha256") && !kept.contains("6.00"), "{kept}");
    let none = app.get(Role::Analyst, "/api/rag/questions?abstained=true").await.json(200);
    assert_eq!(none["questions"], json!([]));
    app.get(Role::Viewer, "/api/rag/questions").await.problem(403);
    let off = library(|settings| settings.answers.log_questions = false).await;
    let answer = ask(&off, Role::Customer, QUESTION, json!({"log": true})).await;
    assert_eq!(answer["is_logged"], false);
    let listed = off.get(Role::Analyst, "/api/rag/questions").await.json(200);
    assert_eq!(listed["questions"], json!([]));
}

#[tokio::test]
async fn orders_for_a_model_are_kept_version_by_version() {
    let app = empty(|_| {}).await;
    let own = app.get(Role::Admin, "/api/rag/prompt").await.json(200);
    assert_eq!(own["version"], 0);
    assert!(own["text"].as_str().unwrap().contains("NOT_FOUND"));
    for version in 1..=2 {
        let body = json!({"text": format!("  Answer {version}.\n")}).to_string().into_bytes();
        let body = Some(("application/json", body));
        let put = app.send(Role::Admin, Method::PUT, "/api/rag/prompt", body).await.json(200);
        assert_eq!(
            (&put["version"], &put["text"]),
            (&json!(version), &json!(format!("Answer {version}.")))
        );
    }
    let now = app.get(Role::Admin, "/api/rag/prompt").await.json(200);
    assert_eq!(now["version"], 2);
    for text in ["", "   ", &"x".repeat(8_001)] {
        let body = Some(("application/json", json!({"text": text}).to_string().into_bytes()));
        let answer = app.send(Role::Admin, Method::PUT, "/api/rag/prompt", body).await;
        assert_eq!(answer.wrong_field(), "text");
    }
    app.get(Role::Analyst, "/api/rag/prompt").await.problem(403);
}

#[tokio::test]
async fn a_document_that_is_deleted_answers_no_more() {
    let app = library(|_| {}).await;
    let answer = ask(&app, Role::Admin, QUESTION, json!({})).await;
    let id: Uuid = answer["quotes"][0]["document_id"].as_str().unwrap().parse().unwrap();
    app.services.documents.delete(id, &By::command()).await.unwrap();
    let answer = ask(&app, Role::Admin, QUESTION, json!({})).await;
    assert!(!answer.to_string().contains("6.00 Rp"), "{answer:#}");
    assert!(BATTERY.contains("Speicher"));
}
