//! HTTP: the way in. Several files at once, each read as it arrives, each with an answer of its own.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::DocumentsError;
use super::model::{Added, NewFile, NewText};
use super::names;
use super::service::Documents;
use super::spool::Spooled;
use crate::access::audit::By;
use crate::knowledge::index::IndexError;
use crate::platform::web::{
    BadBody, Body, FormFlow, FormPart, Importer, Problem, Refusals, Require,
};

/// Most files of one request.
const FILES_MAX: usize = 100;
/// Most fields of one request that are no files.
const FIELDS_MAX: usize = 64;
/// Longest field that is no file, in bytes.
const FIELD_BYTES_MAX: usize = 8 << 10;
/// Most bytes of one request.
const REQUEST_BYTES_MAX: u64 = 2 << 30;
/// After this time some documents that waited will have been read, in seconds.
const RETRY_AFTER_S: u64 = 30;

/// A form with files.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read part by part")]
struct UploadForm {
    /// One part per file, up to 100: PDF, DOCX, PPTX, ODT, XLSX, CSV, HTML, Markdown or plain text.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
    /// Title, of one file alone; what the file says of itself, or its name, unless said.
    title: Option<String>,
    /// Words to find it by, separated by commas, or one part each.
    tags: Option<String>,
    /// Where it is from; `upload` unless said.
    source: Option<String>,
    /// Where it can be read elsewhere.
    url: Option<String>,
}

/// What became of each file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadReport {
    /// Files that are stored now, each with the job that reads it; and those that were there already.
    accepted: Vec<Added>,
    /// Files that were not taken in.
    refused: Vec<Refused>,
}

/// A file that was not taken in.
#[derive(Debug, Serialize, ToSchema)]
struct Refused {
    /// Its name.
    #[schema(example = "film.mp4")]
    file_name: String,
    /// Why, and what to do.
    #[schema(example = "'film.mp4' is larger than 64 MB, the most that documents.max_mb allows")]
    reason: String,
}

/// Take files in: they are stored when the answer comes, and a job reads each.
///
/// Sending a file again changes nothing. Another content under the same title (or, without one, the
/// same name) is a new version: once it is ready, it speaks in place of the one before.
#[utoipa::path(tag = "documents",
    request_body(content = inline(UploadForm), content_type = "multipart/form-data"),
    responses((status = 202, description = "What became of each file", body = UploadReport,
        example = json!(report_example())), BadBody, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/ingest/doc")]
pub(super) async fn ingest_doc(
    who: Require<Importer>,
    documents: Data<Documents>,
    form: FormFlow,
) -> Result<HttpResponse, Problem> {
    take(&documents, form, &By::of(&who)).await
}

/// Take files in: they are stored when the answer comes, and a job reads each.
#[utoipa::path(tag = "documents",
    request_body(content = inline(UploadForm), content_type = "multipart/form-data"),
    responses((status = 202, description = "What became of each file", body = UploadReport,
        example = json!(report_example())), BadBody, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/ingest/doc")]
pub(super) async fn ingest_doc_without_prefix(
    who: Require<Importer>,
    documents: Data<Documents>,
    form: FormFlow,
) -> Result<HttpResponse, Problem> {
    take(&documents, form, &By::of(&who)).await
}

/// A text to be taken in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextBody {
    /// Title; another text under the same title is a new version.
    title: String,
    /// The text, plain.
    text: String,
    /// Words to find it by.
    #[serde(default)]
    tags: Vec<String>,
    /// Where it is from; `text` unless said.
    #[serde(default)]
    source: Option<String>,
    /// Where it can be read elsewhere.
    #[serde(default)]
    url: Option<String>,
}

/// Take a text in: it is stored when the answer comes, and a job reads it.
#[utoipa::path(tag = "documents",
    request_body(content = TextBody, example = json!(text_body_example())),
    responses((status = 202, description = "It is stored", body = Added,
        example = json!(added_example())), BadBody, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/ingest/text")]
pub(super) async fn ingest_text(
    who: Require<Importer>,
    documents: Data<Documents>,
    body: Body<TextBody>,
) -> Result<HttpResponse, Problem> {
    take_text(&documents, body.0, By::of(&who)).await
}

/// Take a text in: it is stored when the answer comes, and a job reads it.
#[utoipa::path(tag = "documents",
    request_body(content = TextBody, example = json!(text_body_example())),
    responses((status = 202, description = "It is stored", body = Added,
        example = json!(added_example())), BadBody, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/ingest/text")]
pub(super) async fn ingest_text_without_prefix(
    who: Require<Importer>,
    documents: Data<Documents>,
    body: Body<TextBody>,
) -> Result<HttpResponse, Problem> {
    take_text(&documents, body.0, By::of(&who)).await
}

async fn take_text(documents: &Documents, body: TextBody, by: By) -> Result<HttpResponse, Problem> {
    let TextBody { title, text, tags, source, url } = body;
    let added = documents.add_text(NewText { title, text, tags, source, url, by }).await?;
    Ok(HttpResponse::Accepted().json(added))
}

/// The plain fields of a form.
#[derive(Debug, Default)]
struct Fields {
    title: Option<String>,
    tags: Vec<String>,
    source: Option<String>,
    url: Option<String>,
}

/// What came with a form.
#[derive(Default)]
struct Received {
    fields: Fields,
    /// Files with their names, as they came.
    files: Vec<(String, Spooled)>,
    refused: Vec<(String, DocumentsError)>,
}

async fn take(documents: &Documents, form: FormFlow, by: &By) -> Result<HttpResponse, Problem> {
    documents.check_queue().await?;
    let Received { fields, files, mut refused } = receive(documents, form).await?;
    if files.is_empty() && refused.is_empty() {
        return Err(Problem::invalid("file", "no file came; send each as a part named 'file'"));
    }
    if fields.title.is_some() && files.len() + refused.len() > 1 {
        let why = "names one document, and several files came; send them one by one or without it";
        return Err(Problem::invalid("title", why));
    }
    // What is wrong with the fields is wrong for every file.
    fields.title.as_deref().map(names::title).transpose()?;
    names::tags(&fields.tags)?;
    names::source(fields.source.as_deref(), "upload")?;
    names::url(fields.url.as_deref())?;
    let mut accepted: Vec<Added> = Vec::new();
    for (name, spooled) in files {
        let clean = names::file_name(&name);
        let is_twin = fields.title.is_none()
            && accepted.iter().any(|added| added.is_new && added.file_name == clean);
        let outcome = if is_twin {
            let why = format!("another '{clean}' came with the same request; send it with a title");
            Err(DocumentsError::invalid("file", why))
        } else {
            add(documents, &fields, (name, spooled), by).await
        };
        match outcome {
            Ok(added) => accepted.push(added),
            Err(error) if error.is_of_file() || !accepted.is_empty() => {
                refused.push((clean, error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    answer(accepted, refused)
}

async fn add(
    documents: &Documents,
    fields: &Fields,
    (name, spooled): (String, Spooled),
    by: &By,
) -> Result<Added, DocumentsError> {
    let room = documents.0.room.acquire().await;
    let _room = room.map_err(|error| DocumentsError::Broken(error.to_string()))?;
    let bytes = spooled.read().await?;
    drop(spooled);
    let file = NewFile {
        name,
        bytes,
        title: fields.title.clone(),
        tags: fields.tags.clone(),
        source: fields.source.clone(),
        url: fields.url.clone(),
        place: None,
        by: by.clone(),
    };
    documents.add_file(file).await
}

/// Reads a form to its end.
async fn receive(documents: &Documents, mut form: FormFlow) -> Result<Received, Problem> {
    let mut received = Received::default();
    let (mut fields, mut total) = (0, 0);
    while let Some(mut part) = form.next().await? {
        if let Some(name) = part.file_name.clone() {
            if received.files.len() + received.refused.len() == FILES_MAX {
                let why = format!(
                    "more than {FILES_MAX} files came at once; send them in several requests"
                );
                return Err(Problem::invalid("file", why));
            }
            receive_file(documents, name, &mut part, (&mut received, &mut total)).await?;
            continue;
        }
        fields += 1;
        if fields > FIELDS_MAX {
            return Err(Problem::invalid("form", format!("has more than {FIELDS_MAX} fields")));
        }
        let text = part.text(FIELD_BYTES_MAX).await?;
        let known = &mut received.fields;
        match part.name.as_str() {
            "title" => known.title = Some(text).filter(|title| !title.trim().is_empty()),
            "tags" => known.tags.extend(text.split(',').map(str::to_owned)),
            "source" => known.source = Some(text),
            "url" => known.url = Some(text),
            other => {
                let why = "is not a field; known are file, title, tags, source and url";
                return Err(Problem::invalid(other, why));
            }
        }
    }
    Ok(received)
}

/// Writes a file to the disk as it arrives; of one that is too large only its end is looked for.
async fn receive_file(
    documents: &Documents,
    name: String,
    part: &mut FormPart,
    (received, total): (&mut Received, &mut u64),
) -> Result<(), Problem> {
    let disk = |error| Problem::from(DocumentsError::Disk(error));
    let clean = names::file_name(&name);
    let mut spooled = Spooled::begin(documents.data_dir()).await.map_err(disk)?;
    let mut too_large = None;
    while let Some(bytes) = part.bytes().await? {
        *total += bytes.len() as u64;
        if *total > REQUEST_BYTES_MAX {
            let why = format!("the body is longer than {REQUEST_BYTES_MAX} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", why));
        }
        if too_large.is_some() {
            continue;
        }
        match documents.check_size(&clean, spooled.bytes + bytes.len() as u64) {
            Ok(()) => spooled.write(&bytes).await.map_err(disk)?,
            Err(error) => too_large = Some(error),
        }
    }
    spooled.end().await.map_err(disk)?;
    // A browser sends a nameless part of no bytes where nobody chose a file.
    if name.is_empty() && spooled.bytes == 0 {
        return Ok(());
    }
    let checked = too_large.map_or_else(|| documents.check_size(&clean, spooled.bytes), Err);
    match checked {
        Ok(()) => received.files.push((name, spooled)),
        Err(error) => received.refused.push((clean, error)),
    }
    Ok(())
}

/// The answer about all files; a refusal when none was taken in.
fn answer(
    accepted: Vec<Added>,
    refused: Vec<(String, DocumentsError)>,
) -> Result<HttpResponse, Problem> {
    if accepted.is_empty() {
        return Err(all_refused(refused));
    }
    let refused = refused.into_iter().map(|(file_name, error)| {
        let reason = if error.is_of_file() {
            error.to_string()
        } else {
            tracing::warn!(%error, "A file was not taken in after others were: {error}");
            "it could not be stored at the moment; send it again".to_owned()
        };
        Refused { file_name, reason }
    });
    let refused = refused.collect();
    Ok(HttpResponse::Accepted().json(UploadReport { accepted, refused }))
}

/// One refusal for all files: their common reason, or each one's.
fn all_refused(refused: Vec<(String, DocumentsError)>) -> Problem {
    let all = |is: fn(&DocumentsError) -> bool| refused.iter().all(|(_, error)| is(error));
    let is_common = refused.len() == 1
        || all(|error| matches!(error, DocumentsError::TooLarge { .. }))
        || all(|error| matches!(error, DocumentsError::QueueFull { .. }));
    let problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-input",
        "none of the files can be taken in",
    );
    if !is_common {
        return refused.iter().enumerate().fold(problem, |problem, (place, (_, error))| {
            problem.with_field(format!("file[{place}]"), error)
        });
    }
    refused.into_iter().next().map_or(problem, |(_, first)| first.into())
}

impl From<DocumentsError> for Problem {
    fn from(error: DocumentsError) -> Self {
        match error {
            DocumentsError::Invalid { field, why } => Self::invalid(field, why),
            DocumentsError::Empty(_) => Self::invalid("file", error),
            DocumentsError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", error)
            }
            DocumentsError::QueueFull { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", error)
                    .with_header(header::RETRY_AFTER, &RETRY_AFTER_S.to_string())
            }
            DocumentsError::NotFound(_) | DocumentsError::NoPage { .. } => Self::not_found(error),
            DocumentsError::NoText(..) | DocumentsError::State { .. } => Self::conflict(error),
            DocumentsError::Index(IndexError::Unavailable(_)) | DocumentsError::Disk(_) => {
                Self::unavailable(error)
            }
            DocumentsError::Object(error) if error.is_passing() => Self::unavailable(error),
            DocumentsError::Jobs(error) => error.into(),
            DocumentsError::Db(error) => error.into(),
            DocumentsError::Index(_) | DocumentsError::Object(_) | DocumentsError::Broken(_) => {
                Self::internal(error)
            }
        }
    }
}

fn text_body_example() -> Value {
    json!({"title": "House rules", "text": "The laundry room closes at 22:00.",
        "tags": ["house"], "source": "text", "url": "https://example.ch/rules"})
}

fn added_example() -> Value {
    json!({
        "item_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "job_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7f", "file_name": "contract.pdf",
        "title": "contract", "version": 1, "status": "queued", "is_new": true,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    })
}

fn report_example() -> Value {
    json!({"accepted": [added_example()], "refused": [{"file_name": "film.mp4",
        "reason": "'film.mp4' is larger than 64 MB, the most that documents.max_mb allows"}]})
}
