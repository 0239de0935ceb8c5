//! HTTP: which documents there are, their text, chunks and bytes, and what people do to them.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::error::DocumentsError;
use super::model::{ChunkRecord, ItemFilter, ItemRecord, ItemVersion, Progress, Status};
use super::service::Documents;
use super::uploads;
use crate::access::audit::By;
use crate::algorithms::retrieval::{CharOffsets, Language, Span};
use crate::platform::web::{
    AdminOnly, Conflict, Cursor, Importer, Limit, LoggedIn, NotFound, Page, Params, Path, Problem,
    Refusals, Require,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(uploads::ingest_doc)
        .service(uploads::ingest_doc_without_prefix)
        .service(uploads::ingest_text)
        .service(uploads::ingest_text_without_prefix)
        .service(list_documents)
        .service(get_document)
        .service(list_chunks)
        .service(get_text)
        .service(get_file)
        .service(delete_document)
        .service(approve_document)
        .service(cancel_document)
        .service(retry_document);
}

/// Which documents to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ItemQuery {
    /// Only documents in this status.
    #[param(inline)]
    status: Option<Status>,
    /// Only documents with this tag.
    tag: Option<String>,
    /// Only documents in this language: `de`, `fr`, `it` or `en`.
    language: Option<String>,
    /// Only documents with these letters in title or file name, whatever their case.
    q: Option<String>,
    /// Whether versions are shown too that later ones speak for.
    #[param(required = false)]
    superseded: bool,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of documents.
#[derive(Debug, Serialize, ToSchema)]
struct ItemPage {
    /// Newest first.
    items: Vec<ItemRecord>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List documents, the newest first. Viewers and customers see what can be asked.
#[utoipa::path(tag = "documents", params(ItemQuery), responses((status = 200, body = ItemPage,
    example = json!({"items": [item_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/documents")]
async fn list_documents(
    who: Require<LoggedIn>,
    documents: Data<Documents>,
    query: Params<ItemQuery>,
) -> Result<Json<ItemPage>, Problem> {
    let query = query.0;
    if let Some(code) = query.language.as_deref().filter(|code| Language::parse(code).is_none()) {
        let why = format!("'{code}' is none of de, fr, it, en");
        return Err(Problem::invalid("language", why));
    }
    let page = Page { limit: query.limit, cursor: query.cursor };
    let filter = ItemFilter {
        status: query.status,
        tag: query.tag,
        language: query.language,
        q: query.q.filter(|text| !text.trim().is_empty()),
        with_superseded: query.superseded,
        after: page.position()?,
        ..ItemFilter::default()
    };
    let rows = documents.list(&filter, who.role, page.fetch_limit()).await?;
    let (items, next_cursor) = page.cut(rows, |item| Cursor::new(item.created_at, item.item_id));
    Ok(Json(ItemPage { items, next_cursor }))
}

/// A document with its versions.
#[derive(Debug, Serialize, ToSchema)]
struct ItemDetail {
    /// The document.
    item: ItemRecord,
    /// All its versions, the newest first; it is one of them.
    versions: Vec<ItemVersion>,
    /// How far it is; absent once nothing is being done with it.
    progress: Option<Progress>,
}

/// Get a document with its versions, what was noticed while it was read, and how far it is.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document")),
    responses((status = 200, body = ItemDetail, example = json!(detail_example())), NotFound, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/documents/{id}")]
async fn get_document(
    who: Require<LoggedIn>,
    documents: Data<Documents>,
    id: Path<Uuid>,
) -> Result<Json<ItemDetail>, Problem> {
    let whole = documents.get(*id, who.role).await?;
    let (item, versions, progress) = (whole.item, whole.versions, whole.progress);
    Ok(Json(ItemDetail { item, versions, progress }))
}

/// Which chunks to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChunkQuery {
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of chunks.
#[derive(Debug, Serialize, ToSchema)]
struct ChunkPage {
    /// In the order of the document.
    chunks: Vec<ChunkRecord>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List the chunks of a document in order.
///
/// Offsets count letters (Unicode scalar values) of the document's text: in Python,
/// `text[start_char:end_char]` is the chunk.
#[utoipa::path(tag = "documents",
    params(("id" = Uuid, Path, description = "The document"), ChunkQuery),
    responses((status = 200, body = ChunkPage,
    example = json!({"chunks": [chunk_example()], "next_cursor": null})), NotFound, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/documents/{id}/chunks")]
async fn list_chunks(
    who: Require<LoggedIn>,
    documents: Data<Documents>,
    id: Path<Uuid>,
    query: Params<ChunkQuery>,
) -> Result<Json<ChunkPage>, Problem> {
    let page = Page { limit: query.0.limit, cursor: query.0.cursor };
    let item = documents.readable(*id, who.role).await?;
    let after = match &page.cursor {
        None => -1,
        Some(cursor) => {
            let place = cursor.id.parse();
            place.map_err(|_| Problem::invalid("cursor", "is not a cursor of this list"))?
        }
    };
    let rows = documents.chunks(*id, after, page.fetch_limit()).await?;
    let (chunks, next_cursor) =
        page.cut(rows, |chunk| Cursor::new(item.created_at, chunk.chunk_idx));
    Ok(Json(ChunkPage { chunks, next_cursor }))
}

/// Which part of a text to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TextQuery {
    /// Only this page, from 1; the whole text unless said.
    #[param(minimum = 1)]
    page: Option<u32>,
}

/// A page of a document's text.
#[derive(Debug, Serialize, ToSchema)]
struct TextPage {
    /// Its number.
    #[schema(example = 1)]
    number: u32,
    /// First letter.
    start_char: usize,
    /// First letter behind.
    end_char: usize,
}

/// A document's text, or one page of it.
#[derive(Debug, Serialize, ToSchema)]
struct DocumentText {
    /// The document.
    item_id: Uuid,
    /// Sha256 of the whole text.
    sha256: String,
    /// The pages; formats without pages have one.
    pages: Vec<TextPage>,
    /// First letter of `text` in the whole text.
    start_char: usize,
    /// First letter behind it.
    end_char: usize,
    /// The text.
    #[schema(example = "Notice period: three months.")]
    text: String,
}

/// Get the canonical text of a document, which quotes are cut from.
#[utoipa::path(tag = "documents",
    params(("id" = Uuid, Path, description = "The document"), TextQuery),
    responses((status = 200, body = DocumentText, example = json!(text_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/documents/{id}/text")]
async fn get_text(
    who: Require<LoggedIn>,
    documents: Data<Documents>,
    id: Path<Uuid>,
    query: Params<TextQuery>,
) -> Result<Json<DocumentText>, Problem> {
    documents.readable(*id, who.role).await?;
    let stored = documents.text_of(*id).await?;
    let offsets = CharOffsets::new(&stored.text);
    let page = |page: &crate::algorithms::retrieval::Page| {
        let (start_char, end_char) = offsets.to_chars(page.span)?;
        Some(TextPage { number: page.number, start_char, end_char })
    };
    let wanted = match query.0.page {
        None => Span { start: 0, end: stored.text.len() },
        Some(number) => {
            let found = stored.pages.iter().find(|page| page.number == number);
            found
                .map(|page| page.span)
                .ok_or(DocumentsError::NoPage { item_id: *id, page: number })?
        }
    };
    let (start_char, end_char) = offsets.to_chars(wanted).unwrap_or_default();
    Ok(Json(DocumentText {
        item_id: *id,
        pages: stored.pages.iter().filter_map(page).collect(),
        start_char,
        end_char,
        text: wanted.of(&stored.text).unwrap_or_default().to_owned(),
        sha256: stored.sha256,
    }))
}

/// Get the bytes of a document as they came; browsers save them and never show them.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document")),
    responses((status = 200, description = "The file", body = Vec<u8>,
        content_type = "application/octet-stream"), NotFound, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/documents/{id}/file")]
async fn get_file(
    who: Require<LoggedIn>,
    documents: Data<Documents>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let item = documents.readable(*id, who.role).await?;
    let bytes = documents.original(&item).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, attachment(&item.file_name)))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(bytes))
}

/// Delete a document with its text, its chunks and their vectors; what the audit log says of it stays.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document")),
    responses((status = 204, description = "It is gone"), NotFound, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[delete("/api/documents/{id}")]
async fn delete_document(
    who: Require<AdminOnly>,
    documents: Data<Documents>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    documents.delete(*id, &By::of(&who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Let everybody read a document; matters where documents need an approval.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document")),
    responses((status = 200, body = ItemRecord, example = json!(item_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/documents/{id}/approve")]
async fn approve_document(
    who: Require<AdminOnly>,
    documents: Data<Documents>,
    id: Path<Uuid>,
) -> Result<Json<ItemRecord>, Problem> {
    Ok(Json(documents.approve(*id, &By::of(&who)).await?))
}

/// Call off the reading of a document that is not ready yet.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document")),
    responses((status = 200, body = ItemRecord, example = json!(item_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/documents/{id}/cancel")]
async fn cancel_document(
    who: Require<Importer>,
    documents: Data<Documents>,
    id: Path<Uuid>,
) -> Result<Json<ItemRecord>, Problem> {
    Ok(Json(documents.cancel(*id, &By::of(&who)).await?))
}

/// Read a document once more that failed or was called off.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The document")),
    responses((status = 200, body = ItemRecord, example = json!(item_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/documents/{id}/retry")]
async fn retry_document(
    who: Require<Importer>,
    documents: Data<Documents>,
    id: Path<Uuid>,
) -> Result<Json<ItemRecord>, Problem> {
    Ok(Json(documents.retry(*id, &By::of(&who)).await?))
}

/// `Content-Disposition` of a file to be saved (RFC 6266): a name that every browser reads, and the
/// real one for those that know RFC 8187.
fn attachment(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " ._-()".contains(c) { c } else { '_' })
        .collect();
    let encoded = file_name.bytes().fold(String::new(), |text, byte| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            text + &char::from(byte).to_string()
        } else {
            format!("{text}%{byte:02X}")
        }
    });
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

pub(super) fn item_example() -> Value {
    json!({
        "item_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "kind": "document", "source": "upload",
        "title": "Electricity supply contract", "tags": ["contracts"], "url": null,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "version": 1,
        "created_at": "2026-03-28T12:00:00Z", "file_name": "contract.pdf",
        "media_type": "application/pdf", "bytes": 24_310, "pages": 2, "language": "en",
        "status": "ready", "reason": null, "findings": [], "method": "built in",
        "approved_at": null, "approved_by": null, "previous_item": null, "superseded_at": null,
        "added_by": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "job_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7f",
        "text_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        "chunk_count": 7, "ready_at": "2026-03-28T12:00:02Z",
    })
}

fn detail_example() -> Value {
    json!({"item": item_example(), "versions": [{
        "item_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "version": 1, "status": "ready",
        "created_at": "2026-03-28T12:00:00Z", "superseded_at": null}], "progress": null})
}

fn chunk_example() -> Value {
    json!({
        "chunk_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b80",
        "item_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "chunk_idx": 0,
        "text": "Notice period: three months.", "page": 1, "page_end": 1, "start_char": 28,
        "end_char": 56, "section": ["Termination"], "lang": "en", "tokens": 7,
    })
}

fn text_example() -> Value {
    json!({
        "item_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        "pages": [{"number": 1, "start_char": 0, "end_char": 28}], "start_char": 0, "end_char": 28,
        "text": "Notice period: three months.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_saved_under_its_name_and_says_nothing_else() {
        assert_eq!(
            attachment("Rechnung März\".pdf"),
            "attachment; filename=\"Rechnung M_rz_.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz%22.pdf"
        );
        assert!(!attachment("a\r\nSet-Cookie: x").contains('\n'));
    }
}
