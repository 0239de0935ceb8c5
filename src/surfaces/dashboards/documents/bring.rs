//! Files that people bring, and what admins do to documents.

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::list::{Filled, show};
use super::room::{Room, brings};
use crate::access::audit::By;
use crate::knowledge::documents::{Documents, DocumentsError, NewFile};
use crate::platform::web::{AdminOnly, FilesForm, Form, Path, Person, Problem, Require, SentFile};
use crate::surfaces::dashboards::api::go_to;
use crate::surfaces::dashboards::format::Format;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(post_files).service(approve).service(retry).service(cancel).service(delete);
}

/// The form besides its files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct BringForm {
    tags: String,
}

/// What became of one file.
#[derive(Debug, Serialize)]
struct Outcome {
    name: String,
    text: String,
    is_taken: bool,
}

/// Takes files in; the page's script sends one at a time and gets one line about it.
#[post("/documents")]
async fn post_files(
    who: Require<Person>,
    room: Room,
    request: HttpRequest,
    form: FilesForm<BringForm>,
) -> Result<HttpResponse, Problem> {
    if !brings(&who) {
        return Err(Problem::forbidden("documents are brought by analysts and admins"));
    }
    let format = room.format(&who);
    let tags: Vec<String> = form
        .fields
        .tags
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    let files: Vec<SentFile> = form
        .files
        .into_iter()
        .filter(|file| !file.name.is_empty() || !file.bytes.is_empty())
        .collect();
    let mut outcomes = Vec::new();
    for file in files {
        outcomes.push(take(&room, &By::of(&who), file, &tags, &format).await?);
    }
    let is_script = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    if is_script {
        return Ok(HttpResponse::Ok().json(&outcomes));
    }
    let refused: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !outcome.is_taken)
        .map(|outcome| format!("{}: {}", outcome.name, outcome.text))
        .collect();
    if outcomes.is_empty() || !refused.is_empty() {
        let none = || vec![format.text("doc_no_file").to_owned()];
        let refused = if outcomes.is_empty() { none() } else { refused };
        let filled = Filled { refused, ..Filled::default() };
        return show(&room, &who, StatusCode::UNPROCESSABLE_ENTITY, filled).await;
    }
    Ok(go_to("/documents?said=added#docs", []))
}

/// Takes one file; what is wrong with the file itself is said and stops no other.
async fn take(
    room: &Room,
    by: &By,
    file: SentFile,
    tags: &[String],
    format: &Format,
) -> Result<Outcome, Problem> {
    let name = file.name.clone();
    let new = NewFile {
        name: file.name,
        bytes: file.bytes,
        title: None,
        tags: tags.to_vec(),
        source: None,
        url: None,
        place: None,
        by: by.clone(),
    };
    match room.documents.add_file(new).await {
        Ok(added) => {
            let text = format.text(if added.is_new { "doc_taken" } else { "doc_known" });
            Ok(Outcome { name, text: text.to_owned(), is_taken: true })
        }
        Err(error) if error.is_of_file() => {
            Ok(Outcome { text: refusal(&error, format), name, is_taken: false })
        }
        Err(error) => Err(error.into()),
    }
}

fn refusal(error: &DocumentsError, format: &Format) -> String {
    match error {
        DocumentsError::Empty(_) => format.text("doc_refused_empty").to_owned(),
        DocumentsError::TooLarge { max_mb, .. } => {
            format.fill("doc_refused_large", &[("mb", &max_mb.to_string())])
        }
        DocumentsError::QueueFull { .. } => format.text("doc_refused_full").to_owned(),
        other => other.to_string(),
    }
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
struct Nothing {}

/// Lets everybody read a document.
#[post("/documents/{id}/approve")]
async fn approve(
    who: Require<AdminOnly>,
    documents: Data<Documents>,
    id: Path<Uuid>,
    _: Form<Nothing>,
) -> Result<HttpResponse, Problem> {
    documents.approve(*id, &By::of(&who)).await?;
    Ok(go_to("/documents?said=approved#docs", []))
}

/// Reads a document once more.
#[post("/documents/{id}/retry")]
async fn retry(
    who: Require<AdminOnly>,
    documents: Data<Documents>,
    id: Path<Uuid>,
    _: Form<Nothing>,
) -> Result<HttpResponse, Problem> {
    documents.retry(*id, &By::of(&who)).await?;
    Ok(go_to("/documents?said=retried#docs", []))
}

/// Calls off the reading of a document.
#[post("/documents/{id}/cancel")]
async fn cancel(
    who: Require<AdminOnly>,
    documents: Data<Documents>,
    id: Path<Uuid>,
    _: Form<Nothing>,
) -> Result<HttpResponse, Problem> {
    documents.cancel(*id, &By::of(&who)).await?;
    Ok(go_to("/documents?said=cancelled#docs", []))
}

/// Removes a document.
#[post("/documents/{id}/delete")]
async fn delete(
    who: Require<AdminOnly>,
    documents: Data<Documents>,
    id: Path<Uuid>,
    _: Form<Nothing>,
) -> Result<HttpResponse, Problem> {
    match documents.delete(*id, &By::of(&who)).await {
        // Pressed twice, it is gone all the same.
        Ok(_) | Err(DocumentsError::NotFound(_)) => Ok(go_to("/documents?said=deleted#docs", [])),
        Err(error) => Err(error.into()),
    }
}
