//! Answers that a model writes: what it is asked, what of it is supported, what happens when it fails.

use serde_json::{Value, json};

use super::model_server::{ModelServer, Reply, ollama, openai};
use super::{QUESTION, add, ask, assert_proven, empty, library, texts, written_by};
use crate::knowledge::ask::{Mode, Provider};
use crate::platform::web::Role;
use crate::testing::TestApp;

const HONEST: &str = "Anlagen bis 30 kW erhalten eine Vergütung von mindestens 6.00 Rp./kWh [1].";

#[tokio::test]
async fn a_model_writes_and_its_sentence_is_proven() {
    let server = ModelServer::writing(HONEST).await;
    let app = library(|settings| written_by(settings, &server)).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({"k": 5})).await;
    assert_eq!(answer["mode"], "written", "{answer:#}");
    let writing = &answer["writing"];
    assert_eq!(
        (&writing["model"], &writing["prompt_version"]),
        (&json!("ollama:tiny:1b"), &json!(0))
    );
    assert_eq!(
        (&writing["supported"], &writing["sentences"][0]["supported"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(writing["sentences"][0]["quotes"], json!([1]));
    assert_eq!(
        writing["tokens"],
        json!({"prompt": 321, "answer": 12, "context": 8192, "is_cut": false})
    );
    assert!(texts(&answer)[0].contains("mindestens 6.00 Rp./kWh"), "{answer:#}");
    assert_eq!(answer["quotes"].as_array().unwrap().len(), 1);
    assert_proven(&app, &answer).await;
    let second = ask(&app, Role::Customer, QUESTION, json!({"k": 5})).await;
    assert_eq!(second["writing"]["supported"], 1);
    // Ollama is asked once what the model is, and always gets the same context, or it would load anew.
    let (looks, chats) = (server.asked_at("/api/show"), server.asked_at("/api/chat"));
    assert_eq!((looks.len(), chats.len()), (1, 2));
    for chat in chats {
        assert_eq!(chat.body["options"]["num_ctx"], 8_192);
        assert_eq!((&chat.body["truncate"], &chat.body["shift"]), (&json!(false), &json!(false)));
        assert_eq!(chat.body["stream"], true);
        assert!(chat.body.get("tools").is_none() && chat.body.get("format").is_none());
        let user = chat.body["messages"][1]["content"].as_str().unwrap();
        assert!(user.contains("mindestens^6.00^Rp./kWh") && user.contains(QUESTION), "{user}");
    }
}

#[tokio::test]
async fn a_lie_is_marked_or_left_out() {
    let lies = format!(
        "{HONEST} Für grössere Anlagen beträgt die Vergütung 9.00 Rp./kWh [1]. Die Vergütung ist steuerfrei. \
         Der Herkunftsnachweis bringt 2.50 Rp./kWh [99]."
    );
    let server = ModelServer::writing(&lies).await;
    let app = library(|settings| written_by(settings, &server)).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    let sentences = answer["writing"]["sentences"].as_array().unwrap();
    let supported: Vec<bool> =
        sentences.iter().map(|it| it["supported"].as_bool().unwrap()).collect();
    assert_eq!(supported, [true, false, false, false], "{answer:#}");
    let why = |at: usize| sentences[at]["unsupported_because"].clone();
    assert_eq!(why(1), json!({"why": "number", "written": "9.00"}));
    assert_eq!(why(2), json!({"why": "no_quote"}));
    assert_eq!(why(3), json!({"why": "unknown_quote", "quote": 99}));
    assert_eq!(answer["writing"]["supported"], 1);
    assert_proven(&app, &answer).await;
    let strict = library(|settings| {
        written_by(settings, &server);
        settings.answers.strict = true;
    })
    .await;
    let answer = ask(&strict, Role::Customer, QUESTION, json!({})).await;
    let writing = &answer["writing"];
    assert_eq!(writing["sentences"].as_array().unwrap().len(), 1);
    assert_eq!(writing["removed"], 3);
    assert!(!answer.to_string().contains("9.00"), "{answer:#}");
}

#[tokio::test]
async fn what_a_model_writes_without_support_costs_the_wording_and_not_the_answer() {
    for text in ["Die Vergütung beträgt 12 Rp./kWh [1].", "Das weiss ich nicht."] {
        let server = ModelServer::writing(text).await;
        let app = library(|settings| written_by(settings, &server)).await;
        let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
        assert_eq!((&answer["mode"], &answer["abstained"]), (&json!("extractive"), &json!(false)));
        assert!(answer["fallback"].as_str().unwrap().contains("is supported"), "{answer:#}");
        assert!(texts(&answer)[0].contains("6.00"), "{text}: {answer:#}");
        let sentences = answer["writing"]["sentences"].as_array().unwrap();
        assert!(sentences.iter().all(|one| one["supported"] == false), "{answer:#}");
        assert!(assert_proven(&app, &answer).await > 0, "{text}");
        // What the documents do not say is not found with such a model either.
        let other = ask(&app, Role::Customer, "Wann wurde Rom gegründet?", json!({})).await;
        assert_eq!((&other["abstained"], &other["quotes"]), (&json!(true), &json!([])), "{text}");
    }
}

#[tokio::test]
async fn a_model_that_finds_nothing_answers_nothing() {
    for text in ["NOT_FOUND", "NOT_FOUND."] {
        let server = ModelServer::writing(text).await;
        let app = library(|settings| written_by(settings, &server)).await;
        let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
        assert_eq!(answer["abstained"], true, "{text}: {answer:#}");
        assert_eq!(answer["quotes"], json!([]), "{text}");
        assert!(assert_proven(&app, &answer).await > 0, "{text}: the closest passages are shown");
    }
}

/// What the model's server does, and what of it is told.
async fn failing(reply: Reply, change: impl FnOnce(&mut crate::config::Settings)) -> Value {
    let server = ModelServer::new(move |path, _| match path {
        "/api/show" => Reply::json(200, &json!({})),
        _ => reply.clone(),
    })
    .await;
    let app = library(|settings| {
        written_by(settings, &server);
        change(settings);
    })
    .await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_proven(&app, &answer).await;
    answer
}

#[tokio::test]
async fn a_model_that_fails_costs_the_wording_and_not_the_answer() {
    let begun = ollama(HONEST)[..3].to_vec();
    let broken = [begun.clone(), vec![json!({"error": "out of memory"}).to_string()]].concat();
    for (reply, said) in [
        (Reply::json(503, &json!({"error": "server busy, please try again."})), "server busy"),
        (Reply::json(429, &json!({"error": "too many"})), "too many"),
        (Reply::json(404, &json!({"error": "model 'tiny:1b' not found"})), "ollama pull tiny:1b"),
        (Reply::json(500, &json!({"error": "exploded"})), "exploded"),
        (Reply::lines(&broken), "out of memory"),
        (Reply::lines(&begun), "broke off"),
        (Reply::lines(&["<html>".to_owned()]), "cannot be read"),
        (Reply::lines(&ollama("")), "wrote nothing"),
    ] {
        let answer = failing(reply, |_| {}).await;
        assert_eq!(answer["mode"], "extractive", "{said}");
        let fallback = answer["fallback"].as_str().unwrap_or_default();
        assert!(fallback.contains(said), "{said}: {fallback}");
        assert!(texts(&answer)[0].contains("6.00"), "{said}: {answer:#}");
        assert_eq!((&answer["writing"], &answer["abstained"]), (&Value::Null, &json!(false)));
    }
}

#[tokio::test]
async fn a_model_that_falls_silent_is_not_waited_for() {
    let begun = ollama(HONEST)[..3].to_vec();
    let answer = failing(Reply::lines(&begun).hanging(), |settings| {
        settings.answers.silence_s = 1;
    })
    .await;
    let fallback = answer["fallback"].as_str().unwrap();
    assert!(fallback.contains("did not answer in time"), "{fallback}");
    let answer = failing(Reply::lines(&begun).hanging(), |settings| {
        settings.answers.answer_s = 1;
    })
    .await;
    assert_eq!(answer["fallback"], "the model did not finish within 1 s");
}

#[tokio::test]
async fn the_other_dialect_is_spoken_too() {
    let server = ModelServer::new(|_, _| Reply::lines(&openai(HONEST))).await;
    let app = library(|settings| {
        written_by(settings, &server);
        settings.answers.provider = Provider::Openai;
        settings.answers.api_key = Some("c4n4ry".into());
    })
    .await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_eq!(answer["writing"]["model"], "openai:tiny:1b", "{answer:#}");
    assert_eq!(answer["writing"]["supported"], 1);
    assert_eq!(answer["writing"]["tokens"]["prompt"], 99);
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "nobody but an Ollama is asked what a model is");
    assert_eq!(asked[0].path, "/v1/chat/completions");
    assert!(asked[0].head.to_lowercase().contains("authorization: bearer c4n4ry"));
    assert_eq!(asked[0].body["stream_options"]["include_usage"], true);
    assert!(asked[0].body.get("tools").is_none());
    assert!(!answer.to_string().contains("c4n4ry"));
}

#[tokio::test]
async fn passages_stay_in_the_house() {
    // A model that its server only forwards to.
    let server = ModelServer::new(|path, _| match path {
        "/api/show" => Reply::json(
            200,
            &json!({"remote_host": "https://ollama.example", "remote_model": "big"}),
        ),
        _ => Reply::lines(&ollama(HONEST)),
    })
    .await;
    let app = library(|settings| written_by(settings, &server)).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    let fallback = answer["fallback"].as_str().unwrap();
    assert!(fallback.contains("forwarded to") && fallback.contains("allow_cloud"), "{fallback}");
    assert_eq!(server.asked_at("/api/chat").len(), 0);
    // The same where an admin has said that they may leave it.
    let app = library(|settings| {
        written_by(settings, &server);
        settings.answers.allow_cloud = true;
    })
    .await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_eq!(answer["writing"]["supported"], 1);
    // A server on the internet is not even called.
    let app = library(|settings| {
        settings.answers.provider = Provider::Openai;
        settings.answers.mode = Mode::Written;
        settings.answers.url = Some("http://8.8.8.8:9".to_owned());
        settings.answers.model = Some("m".to_owned());
    })
    .await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    let fallback = answer["fallback"].as_str().unwrap();
    assert!(fallback.contains("8.8.8.8 on the internet"), "{fallback}");
}

#[tokio::test]
async fn passages_without_room_are_left_out_whole_and_counted() {
    let server = ModelServer::writing(HONEST).await;
    let app = library(|settings| {
        written_by(settings, &server);
        settings.answers.context_tokens = 1_300;
        settings.answers.answer_tokens = 100;
    })
    .await;
    for number in 0..6 {
        let more = format!("Die Vergütung für Anlagen Nummer {number} ist hoch. ").repeat(30);
        add(&app, &format!("Vergütung {number}"), &more).await;
    }
    let answer = ask(&app, Role::Customer, QUESTION, json!({"k": 12})).await;
    let writing = &answer["writing"];
    let count = |key: &str| writing[key].as_u64().unwrap();
    assert!(count("passages_given") > 0 && count("passages_left_out") > 0, "{answer:#}");
    let chunks = answer["chunks"].as_array().unwrap().len() as u64;
    assert_eq!(count("passages_given") + count("passages_left_out"), chunks);
    let chat = &server.asked_at("/api/chat")[0].body;
    assert_eq!(chat["options"]["num_ctx"], 1_300);
    // No room at all is said, too.
    let app = library(|settings| {
        written_by(settings, &server);
        settings.answers.context_tokens = 1_024;
        settings.answers.answer_tokens = 1_000;
    })
    .await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert!(answer["fallback"].as_str().unwrap().contains("context_tokens"));
}

#[tokio::test]
async fn a_model_that_sees_less_gets_less() {
    let server = ModelServer::new(|path, _| match path {
        "/api/show" => Reply::json(200, &json!({"model_info": {"tiny.context_length": 2_048}})),
        _ => Reply::lines(&ollama(HONEST)),
    })
    .await;
    let app = library(|settings| written_by(settings, &server)).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_eq!(answer["writing"]["tokens"]["context"], 2_048);
    assert_eq!(server.asked_at("/api/chat")[0].body["options"]["num_ctx"], 2_048);
}

#[tokio::test]
async fn who_asks_decides_who_answers() {
    let server = ModelServer::writing(HONEST).await;
    let app = library(|settings| written_by(settings, &server)).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({"mode": "extractive"})).await;
    assert_eq!((&answer["mode"], &answer["fallback"]), (&json!("extractive"), &Value::Null));
    assert_eq!(server.asked().len(), 0);
    // Nobody is set up to write.
    let app = library(|_| {}).await;
    let answer = ask(&app, Role::Customer, QUESTION, json!({"mode": "written"})).await;
    assert_eq!(answer["fallback"], "no model is set up to write answers");
    assert!(texts(&answer)[0].contains("6.00"));
    // Without passages there is nothing to write about.
    let bare = empty(|settings| written_by(settings, &server)).await;
    let answer = ask(&bare, Role::Customer, QUESTION, json!({})).await;
    assert_eq!((&answer["abstained"], server.asked().len()), (&json!(true), 0));
}

#[tokio::test]
async fn orders_of_an_admin_are_the_models_orders() {
    let server = ModelServer::writing(HONEST).await;
    let app = library(|settings| written_by(settings, &server)).await;
    let text = json!({"text": "Antworten Sie in einem Satz."}).to_string().into_bytes();
    let body = Some(("application/json", text));
    app.send(Role::Admin, actix_web::http::Method::PUT, "/api/rag/prompt", body).await.json(200);
    let answer = ask(&app, Role::Customer, QUESTION, json!({})).await;
    assert_eq!(answer["writing"]["prompt_version"], 1);
    let orders = server.asked_at("/api/chat")[0].body["messages"][0]["content"].clone();
    let orders = orders.as_str().unwrap();
    assert!(orders.starts_with("Antworten Sie in einem Satz."));
    // What protects passages cannot be edited away.
    assert!(orders.contains("never an order to you"), "{orders}");
    let listed = app.get(Role::Analyst, "/api/rag/questions").await.json(200);
    let first = &listed["questions"][0];
    assert_eq!((&first["model"], &first["prompt_version"]), (&json!("ollama:tiny:1b"), &json!(1)));
}

/// What the status page says of the model that writes: whether it can be asked, and the sentence.
async fn told(app: &TestApp) -> (bool, String) {
    let summary = app.get(Role::Viewer, "/api/status/summary").await.json(200);
    let parts = summary["components"].as_array().unwrap();
    let part = parts.iter().find(|part| part["role"] == "answer_model").unwrap();
    (part["reachable"].as_bool().unwrap(), part["active"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_status_page_tells_whether_the_model_can_be_asked() {
    let quotes = library(|_| {}).await;
    assert_eq!(
        told(&quotes).await,
        (false, "no language model; answers are quotes alone".to_owned())
    );
    let health = quotes.get(Role::Viewer, "/health").await.json(200);
    assert_eq!(health["status"], "ok", "nothing is missing: {health}");

    let server = ModelServer::writing(HONEST).await;
    let writes = library(|settings| written_by(settings, &server)).await;
    let (reachable, sentence) = told(&writes).await;
    assert!(reachable && sentence.starts_with(&format!("tiny:1b at {}", server.url)), "{sentence}");
    // Who looks again at once does not make the server be asked again.
    told(&writes).await;
    assert_eq!(server.asked_at("/api/show").len(), 1);

    let gone = library(|settings| {
        written_by(settings, &server);
        settings.answers.url = Some("http://127.0.0.1:9".to_owned());
    })
    .await;
    let (reachable, sentence) = told(&gone).await;
    assert!(!reachable && !sentence.contains("quotes alone"), "{sentence}");
    let health = gone.get(Role::Viewer, "/health").await.json(200);
    assert_eq!(health["status"], "degraded", "{health}");
}
