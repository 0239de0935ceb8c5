//! HTTP: questions and passages, as JSON or as events; feedback, the log of questions, the prompt.

use actix_web::http::header::ACCEPT;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post, put};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::error::AskError;
use super::events::{Teller, event, event_stream, told_by};
use super::log::{Feedback, Label, LoggedQuestion, NewPrompt, PromptVersion, QuestionFilter};
use super::model::{Answer, AskRequest, Passages, SearchRequest};
use super::service::{Ask, Asker};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Analyst, BadBody, Body, Cursor, Limit, LoggedIn, NotFound, Page, Params, Path,
    Problem, ProblemDocument, Refusals, Require, current_request_id,
};

/// Media type of events.
const EVENTS: &str = "text/event-stream";
/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(ask)
        .service(ask_short)
        .service(search)
        .service(search_short)
        .service(list_questions)
        .service(rate_answer)
        .service(get_prompt)
        .service(set_prompt)
        .service(super::api_tariff::check_tariff);
}

/// Ask the documents a question.
///
/// Answers with quotes, each of which was compared with the stored text byte by byte just before, or
/// says that the documents do not answer it. A language model writes only where `mode` is `written`
/// and one is set up; each of its sentences is checked against the quotes it names. With `Accept:
/// text/event-stream` the answer comes as events `passages`, `token`, `quote`, `error`, `final`.
#[utoipa::path(tag = "documents", request_body(content = AskRequest, example = json!(ask_example())),
    responses((status = 200, description = "The answer", content(
        (Answer = "application/json", example = json!(answer_example())),
        (String = "text/event-stream", example = json!("event: final\ndata: {}\n\n")))),
        BadBody, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[post("/api/rag/ask")]
async fn ask(
    who: Require<LoggedIn>,
    answers: Data<Ask>,
    request: HttpRequest,
    body: Body<AskRequest>,
) -> Result<HttpResponse, Problem> {
    answered(&who, &answers, &request, body.0).await
}

/// Ask the documents a question; the short address of `POST /api/rag/ask`.
#[utoipa::path(tag = "documents", request_body(content = AskRequest, example = json!(ask_example())),
    responses((status = 200, description = "The answer", content(
        (Answer = "application/json", example = json!(answer_example())),
        (String = "text/event-stream", example = json!("event: final\ndata: {}\n\n")))),
        BadBody, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[post("/rag/ask")]
async fn ask_short(
    who: Require<LoggedIn>,
    answers: Data<Ask>,
    request: HttpRequest,
    body: Body<AskRequest>,
) -> Result<HttpResponse, Problem> {
    answered(&who, &answers, &request, body.0).await
}

async fn answered(
    who: &Require<LoggedIn>,
    answers: &Data<Ask>,
    request: &HttpRequest,
    body: AskRequest,
) -> Result<HttpResponse, Problem> {
    let asker = Asker::from(&who.0);
    if !wants_events(request) {
        let answer = answers.ask(&asker, &body, &Teller::default()).await?;
        return Ok(HttpResponse::Ok().json(answer));
    }
    // What breaks a rule is refused as a problem, before the first event.
    Ask::check(&body)?;
    let (answers, request_id) = (Ask::clone(answers), current_request_id());
    let told = told_by(move |teller| async move {
        answers.ask(&asker, &body, &teller).await.map(drop).map_err(Problem::from)
    });
    let events = told.map(move |told| match told {
        Ok(told) => event(told.name(), &told),
        Err(problem) => {
            let instance = request_id.to_string();
            event("error", &ProblemDocument { instance, ..problem.document() })
        }
    });
    Ok(event_stream(events))
}

/// Whether the sender listens to events.
pub fn wants_events(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.split(',').any(|one| one.trim().starts_with(EVENTS)))
}

/// Find passages for a question, without an answer.
#[utoipa::path(tag = "documents", request_body(content = SearchRequest, example = json!(search_example())),
    responses((status = 200, body = Passages, example = json!(passages_example())), BadBody, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[post("/api/rag/search")]
async fn search(
    who: Require<LoggedIn>,
    answers: Data<Ask>,
    body: Body<SearchRequest>,
) -> Result<Json<Passages>, Problem> {
    Ok(Json(answers.search(&Asker::from(&who.0), &body.0).await?))
}

/// Find passages for a question; the short address of `POST /api/rag/search`.
#[utoipa::path(tag = "documents", request_body(content = SearchRequest, example = json!(search_example())),
    responses((status = 200, body = Passages, example = json!(passages_example())), BadBody, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[post("/rag/search")]
async fn search_short(
    who: Require<LoggedIn>,
    answers: Data<Ask>,
    body: Body<SearchRequest>,
) -> Result<Json<Passages>, Problem> {
    Ok(Json(answers.search(&Asker::from(&who.0), &body.0).await?))
}

/// Which questions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct QuestionQuery {
    /// Only those that were answered (`false`), or that were not found (`true`).
    abstained: Option<bool>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of questions.
#[derive(Debug, Serialize, ToSchema)]
struct QuestionPage {
    /// Newest first.
    questions: Vec<LoggedQuestion>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List what people asked, what was answered, and what they think of it, newest first.
#[utoipa::path(tag = "documents", params(QuestionQuery), responses((status = 200, body = QuestionPage,
    example = json!({"questions": [question_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/rag/questions")]
async fn list_questions(
    _: Require<Analyst>,
    answers: Data<Ask>,
    query: Params<QuestionQuery>,
) -> Result<Json<QuestionPage>, Problem> {
    let Params(QuestionQuery { abstained, limit, cursor }) = query;
    let page = Page { limit, cursor };
    let filter = QuestionFilter { user_id: None, abstained, after: page.position()? };
    let rows = answers.questions(filter, page.fetch_limit()).await?;
    let (questions, next_cursor) = page.cut(rows, |one| Cursor::new(one.asked_at, one.question_id));
    Ok(Json(QuestionPage { questions, next_cursor }))
}

/// Say whether an answer was right; said again, it replaces what was said before.
#[utoipa::path(tag = "documents", params(("id" = Uuid, Path, description = "The question")),
    request_body(content = Feedback, example = json!({"value": 1, "note": "Exactly what I wanted."})),
    responses((status = 200, body = Label, example = json!({"user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "ts": "2026-11-28T19:30:00Z", "value": 1.0, "note": "Exactly what I wanted."})), BadBody, NotFound, Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[post("/api/rag/questions/{id}/feedback")]
async fn rate_answer(
    who: Require<LoggedIn>,
    answers: Data<Ask>,
    id: Path<Uuid>,
    body: Body<Feedback>,
) -> Result<Json<Label>, Problem> {
    let (asker, by) = (Asker::from(&who.0), By::of(&who));
    Ok(Json(answers.rate(&asker, &by, *id, &body.0).await?))
}

/// Get the orders in force for a model that writes answers.
#[utoipa::path(tag = "documents", responses((status = 200, body = PromptVersion, example = json!(prompt_example())), Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[get("/api/rag/prompt")]
async fn get_prompt(
    _: Require<AdminOnly>,
    answers: Data<Ask>,
) -> Result<Json<PromptVersion>, Problem> {
    Ok(Json(answers.prompt().await?))
}

/// Put new orders in force; earlier versions stay written down.
#[utoipa::path(tag = "documents", request_body(content = NewPrompt, example = json!({"text": "Answer in one sentence."})),
    responses((status = 200, body = PromptVersion, example = json!(prompt_example())), BadBody, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[put("/api/rag/prompt")]
async fn set_prompt(
    who: Require<AdminOnly>,
    answers: Data<Ask>,
    body: Body<NewPrompt>,
) -> Result<Json<PromptVersion>, Problem> {
    Ok(Json(answers.set_prompt(&By::of(&who), &body.0).await?))
}

fn ask_example() -> Value {
    json!({"question": "Wie hoch ist die Vergütung bis 30 kW?", "filters": {"documents": [], "tags": ["tariff"],
        "language": "de"}, "k": 12, "mode": "extractive", "fusion": "min_max",
        "include_superseded": false, "log": true})
}

fn search_example() -> Value {
    json!({"question": "Wie hoch ist die Vergütung bis 30 kW?", "filters": {"documents": [], "tags": [],
        "language": null}, "k": 12, "fusion": "min_max", "include_superseded": false})
}

pub(super) fn quote_example() -> Value {
    json!({"id": 1, "document_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "title": "Tarifblatt Rücklieferung",
        "version": 3, "file_name": "tarifblatt-2026.pdf", "source": "upload", "added_at": "2026-11-04T09:12:00Z",
        "is_superseded": false, "chunk_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b80", "page": 2,
        "section": ["Vergütung"], "start": 1402, "end": 1464,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "text": "Für Anlagen bis 30 kW beträgt die Vergütung mindestens 6.00 Rp./kWh.",
        "before": "Bis dahin wird provisorisch abgerechnet. ", "after": "", "is_instruction_like": false})
}

fn with(mut base: Value, more: &Value) -> Value {
    if let (Some(base), Some(more)) = (base.as_object_mut(), more.as_object()) {
        base.extend(more.clone());
    }
    base
}

fn scores_example() -> Value {
    json!({"score": 0.91, "words_score": 11.4, "dense_score": 0.73})
}

fn retrieval_example() -> Value {
    json!({"index_version": 1, "language": "de", "words_found": 38, "dense_found": 50,
        "sentences_compared": 12, "fusion": "min_max", "note": null})
}

fn timings_example() -> Value {
    json!({"embed_ms": 9.1, "search_ms": 3.4, "load_ms": 2.2, "select_ms": 4.8, "write_ms": 0.0,
        "verify_ms": 1.3, "total_ms": 20.9})
}

fn passages_example() -> Value {
    let passage =
        with(quote_example(), &with(json!({"chunk_idx": 4, "language": "de"}), &scores_example()));
    json!({"passages": [passage], "documents": [{"document_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "title": "Tarifblatt Rücklieferung", "version": 3, "file_name": "tarifblatt-2026.pdf",
        "source": "upload", "added_at": "2026-11-04T09:12:00Z", "is_superseded": false, "score": 0.91,
        "passages": [1]}], "retrieval": retrieval_example(), "dropped": 0, "timings": timings_example()})
}

fn chunk_example() -> Value {
    with(
        json!({"chunk_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b80",
            "document_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "chunk_idx": 4, "page": 2}),
        &scores_example(),
    )
}

fn answer_example() -> Value {
    json!({"question_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b81", "asked_at": "2026-11-28T19:30:00Z",
        "question": "Wie hoch ist die Vergütung bis 30 kW?", "mode": "extractive", "fallback": null,
        "abstained": false, "message": null, "confidence": 0.87, "quotes": [quote_example()], "closest": [],
        "quotes_dropped": 0, "writing": null, "chunks": [chunk_example()], "retrieval": retrieval_example(),
        "timings": timings_example(), "is_logged": true})
}

fn question_example() -> Value {
    json!({"question_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b81", "asked_at": "2026-11-28T19:30:00Z",
        "user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "question": "Wie hoch ist die Vergütung bis 30 kW?",
        "language": "de", "mode": "extractive", "model": null, "prompt_version": null, "filters": {"k": 12},
        "chunks": [chunk_example()], "answer": {"quotes": []}, "abstained": false, "confidence": 0.87,
        "timings": timings_example(), "feedback": []})
}

fn prompt_example() -> Value {
    json!({"version": 1, "text": "Answer in one sentence.", "created_at": "2026-11-28T19:30:00Z",
        "created_by": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d"})
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Invalid { field, message } => Self::invalid(field, message),
            AskError::NoQuestion(_) => Self::not_found(&error),
            AskError::Documents(error) => error.into(),
            AskError::Tariff(error) => error.into(),
            AskError::Pool(_) => Self::unavailable(error),
            AskError::Db(error) => error.into(),
        }
    }
}
