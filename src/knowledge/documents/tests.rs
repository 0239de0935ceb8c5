//! Documents through the API, on a real database, with the real reading and the real index.

mod changing; // approve, cancel, retry, delete
mod coming; // the way in
mod lasting; // versions of the index, damage, what is broken off
mod ollama; // a model server made of air

use actix_web::http::Method;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::config::Settings as Program;
use crate::platform::web::Role;
use crate::testing::{Answer, TestApp, utc};

/// A German text about a house.
const HOUSE: &[u8] = include_bytes!("../../../docs/samples/waermepumpe.txt");
/// An English contract of two pages.
const CONTRACT: &[u8] = include_bytes!("../../../docs/samples/electricity-contract.pdf");

/// The application on a box with these settings.
async fn app_with(change: impl FnOnce(&mut Program)) -> TestApp {
    TestApp::with(now(), change).await
}

fn now() -> DateTime<Utc> {
    utc("2026-03-28T12:00:00Z")
}

/// A part of a form: its name, the name of the file where it is one, its content.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A form with these parts.
fn form(parts: &[Part<'_>]) -> (&'static str, Vec<u8>) {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        body.extend(b"--XxX\r\n");
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("Content-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--XxX--\r\n");
    ("multipart/form-data; boundary=XxX", body)
}

/// What an analyst gets for a form.
async fn send(app: &TestApp, parts: &[Part<'_>]) -> Answer {
    app.send(Role::Analyst, Method::POST, "/api/ingest/doc", Some(form(parts))).await
}

/// The document that one file becomes.
async fn upload(app: &TestApp, name: &str, content: &[u8]) -> Uuid {
    let report = send(app, &[("file", Some(name), content)]).await.json(202);
    report["accepted"][0]["item_id"].as_str().unwrap().parse().unwrap()
}

/// The document that a text becomes.
async fn tell(app: &TestApp, title: &str, text: &str) -> Uuid {
    let body = json!({"title": title, "text": text});
    let added = app.post(Role::Analyst, "/api/ingest/text", &body).await.json(202);
    added["item_id"].as_str().unwrap().parse().unwrap()
}

/// A document as an admin sees it.
async fn item(app: &TestApp, item_id: Uuid) -> Value {
    app.get(Role::Admin, &format!("/api/documents/{item_id}")).await.json(200)["item"].take()
}

/// How many points the version of the index has that answers.
async fn points(app: &TestApp) -> u64 {
    let documents = &app.services.documents;
    let active = documents.active_version().await.unwrap();
    documents.engine().count(active.version).await.unwrap()
}

/// Chunks of a document as an admin sees them.
async fn chunks(app: &TestApp, item_id: Uuid) -> Vec<Value> {
    let path = format!("/api/documents/{item_id}/chunks?limit=200");
    let page = app.get(Role::Admin, &path).await.json(200);
    page["chunks"].as_array().unwrap().clone()
}

/// Moves the clock.
fn wait(app: &TestApp, time: Duration) {
    app.clock.set(app.clock.now() + time);
}

/// Runs the check of documents and what it orders.
async fn check(app: &TestApp) {
    app.services.jobs.enqueue_unless_due(CheckJob::NAME).await.unwrap();
    app.run_jobs().await;
}

/// Actions of the audit log on a thing, the newest first.
async fn actions(app: &TestApp, subject: Uuid) -> Vec<String> {
    let path = format!("/api/audit?subject_id={subject}");
    let rows = app.get(Role::Admin, &path).await.json(200);
    let rows = rows["entries"].as_array().unwrap().iter();
    rows.map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}
