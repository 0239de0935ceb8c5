//! Questions to documents, over HTTP and through the service, with models at the wire.

mod injection; // documents that give orders
mod meaning; // sentences compared by meaning
mod model_server; // a model's server as a test wants it
mod quotes; // answers without a model
mod sheets; // prices beside a tariff
mod streams; // events and hanging up
mod written; // answers of a model, checked

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use self::model_server::ModelServer;
use crate::access::audit::By;
use crate::config::Settings;
use crate::knowledge::ask::{Mode, Provider};
use crate::knowledge::documents::{NewFile, NewText};
use crate::platform::web::Role;
use crate::testing::TestApp;

const NOW: &str = "2026-03-28T12:00:00Z";

/// A sheet about what is fed in.
const FEED_IN: &str = "# Vergütung für Rücklieferung 2026\n\n\
    Die Vergütung richtet sich nach dem Zeitpunkt der Einspeisung. Massgebend ist der \
    vierteljährlich gemittelte Marktpreis ☀️, den das Bundesamt nach Ablauf des Quartals \
    veröffentlicht.\n\n\
    Für Anlagen bis 30 kW beträgt die Vergütung mindestens 6.00 Rp./kWh, auch bei negativem \
    Marktpreis. Für grössere Anlagen gelten die Ansätze in Ziffer 4.\n\n\
    ## Herkunftsnachweis\n\n\
    Der Produzent kann den Herkunftsnachweis abtreten. In diesem Fall werden zusätzlich \
    2.50 Rp./kWh vergütet. Die Abtretung ist jährlich kündbar.\n";

/// A manual.
const BATTERY: &str = "# Montageanleitung Speicher\n\n\
    Der Speicher ist in einem trockenen Kellerraum mit mindestens 10 °C aufzustellen. \
    Er darf nicht im Treppenhaus stehen.\n\n\
    Der Wechselrichter wird nach der Montage von einer Fachperson in Betrieb genommen.\n";

/// What is asked most.
const QUESTION: &str = "Wie hoch ist die Vergütung für Anlagen bis 30 kW?";

/// The application with both documents, ready to be asked.
async fn library(change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = empty(change).await;
    add(&app, "Rücklieferung", FEED_IN).await;
    add(&app, "Montageanleitung Speicher", BATTERY).await;
    app
}

async fn empty(change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::with(NOW.parse().unwrap(), |settings| {
        // Few documents say little about how rare a word is; what is tested here is what follows.
        settings.answers.confidence_min = 0.05;
        change(settings);
    })
    .await
}

/// Lets answers be written by a model at `server`.
fn written_by(settings: &mut Settings, server: &ModelServer) {
    settings.answers.provider = Provider::Ollama;
    settings.answers.mode = Mode::Written;
    settings.answers.url = Some(server.url.clone());
    settings.answers.model = Some("tiny:1b".to_owned());
}

/// A text that is ready to be asked.
async fn add(app: &TestApp, title: &str, text: &str) -> Uuid {
    let new = NewText {
        title: title.to_owned(),
        text: text.to_owned(),
        tags: vec!["test".to_owned()],
        source: None,
        url: None,
        by: By::command(),
    };
    let added = app.services.documents.add_text(new).await.unwrap();
    app.run_jobs().await;
    added.item_id
}

/// A file that is ready to be asked.
async fn add_file(app: &TestApp, name: &str, text: &str) -> Uuid {
    let new = NewFile {
        name: name.to_owned(),
        bytes: Bytes::from(text.to_owned()),
        title: None,
        tags: Vec::new(),
        source: None,
        url: None,
        place: None,
        by: By::command(),
    };
    let added = app.services.documents.add_file(new).await.unwrap();
    app.run_jobs().await;
    added.item_id
}

/// The answer of the API to a question.
async fn ask(app: &TestApp, role: Role, question: &str, more: Value) -> Value {
    let mut body = json!({"question": question});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    app.post(role, "/api/rag/ask", &body).await.json(200)
}

/// Words of the quotes of an answer.
fn texts(answer: &Value) -> Vec<&str> {
    let quotes = answer["quotes"].as_array().unwrap().iter();
    quotes.map(|quote| quote["text"].as_str().unwrap()).collect()
}

/// Asserts that each quote is what the document says where the quote says it stands, counted in letters
/// as Python does, and that its sum is right.
async fn assert_proven(app: &TestApp, answer: &Value) -> usize {
    use sha2::{Digest, Sha256};
    let quotes = ["quotes", "closest"].map(|key| answer[key].as_array().unwrap().clone()).concat();
    for quote in &quotes {
        let id: Uuid = quote["document_id"].as_str().unwrap().parse().unwrap();
        let stored = app.services.documents.text_of(id).await.unwrap().text;
        let letters: Vec<char> = stored.chars().collect();
        let place = |key: &str| usize::try_from(quote[key].as_u64().unwrap()).unwrap();
        let there: String = letters[place("start")..place("end")].iter().collect();
        assert_eq!(quote["text"], there, "{quote}");
        let sum = hex::encode(Sha256::digest(there.as_bytes()));
        assert_eq!(quote["sha256"], sum);
        let before = quote["before"].as_str().unwrap();
        let stands: String = letters[..place("start")].iter().collect();
        assert!(stands.ends_with(before), "{quote}");
    }
    assert_eq!(answer["quotes_dropped"], 0);
    quotes.len()
}
