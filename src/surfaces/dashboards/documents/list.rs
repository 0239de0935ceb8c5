//! The page with its documents, the form for a question, and what was asked before.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::answer::AnswerView;
use super::room::{Room, brings};
use super::values::{Badge, badges, whole};
use crate::knowledge::ask::{Mode, QuestionFilter};
use crate::knowledge::documents::{ItemFilter, ItemRecord, Status};
use crate::platform::web::{Principal, Problem, Role};
use crate::surfaces::dashboards::format::Format;

/// Documents of one page.
const ITEMS: usize = 50;
/// One more tells whether there are more.
const ITEMS_ASKED: i64 = 51;
/// Questions that are shown.
const EARLIER: i64 = 5;

/// What is shown besides the empty forms.
#[derive(Default)]
pub(super) struct Filled {
    pub question: String,
    pub mode: Option<Mode>,
    pub answer: Option<AnswerView>,
    /// What is wrong with the question.
    pub wrong: Option<String>,
    /// What has just been done.
    pub said: Option<String>,
    /// Files that were not taken, each with the reason.
    pub refused: Vec<String>,
}

#[expect(clippy::struct_excessive_bools, reason = "templates ask for one thing at a time")]
#[derive(Debug, Serialize)]
struct DocumentsView {
    lead: String,
    soft: &'static str,
    said: Option<String>,
    refused: Vec<String>,
    /// What is wrong with the question; beside the field, not in the region of the answer.
    question_error: Option<String>,
    wrong: Option<String>,
    question: String,
    answer: Option<AnswerView>,
    /// Name of the model that can write; empty where none is set up.
    writer: String,
    wants_writer: bool,
    may_add: bool,
    may_decide: bool,
    is_empty: bool,
    /// Whether something is being read, so that the list is looked at again.
    is_busy: bool,
    sub: String,
    more: bool,
    add_hint: String,
    rows: Vec<Row>,
    earlier: Vec<Earlier>,
}

/// A document of the list.
#[expect(clippy::struct_excessive_bools, reason = "templates ask for one thing at a time")]
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: Uuid,
    title: String,
    /// File, pages, language, version.
    facts: String,
    size: String,
    reason: String,
    badges: Vec<Badge>,
    /// Whether it has text to look at.
    is_readable: bool,
    may_approve: bool,
    may_retry: bool,
    may_cancel: bool,
}

impl Row {
    pub fn new(item: &ItemRecord, needs_approval: bool, format: &Format) -> Self {
        let mut facts = Vec::new();
        if item.file_name != item.title {
            facts.push(item.file_name.clone());
        }
        if item.version > 1 {
            let (n, before) = (item.version.to_string(), (item.version - 1).to_string());
            facts.push(format.fill("doc_version_of", &[("n", &n), ("before", &before)]));
        }
        if let Some(language) = &item.language {
            facts.extend(format.find(&format!("doc_lang_{language}")).map(str::to_owned));
        }
        if let Some(chunks) = item.chunk_count.and_then(|count| usize::try_from(count).ok()) {
            facts.push(match chunks {
                1 => format.text("doc_chunks_one").to_owned(),
                _ => format.fill("doc_chunks", &[("n", &whole(chunks))]),
            });
        }
        facts.push(format.date_whole(format.date_of(item.created_at)));
        let pages = item.pages.filter(|pages| *pages > 0);
        let failed = matches!(item.status, Status::Failed | Status::Cancelled);
        Self {
            id: item.item_id,
            title: item.title.clone(),
            facts: facts.join(" · "),
            size: pages
                .map(|pages| format.fill("doc_pages_count", &[("n", &pages.to_string())]))
                .unwrap_or_default(),
            reason: item.reason.clone().unwrap_or_default(),
            badges: badges(item, needs_approval, format),
            is_readable: item.status == Status::Ready,
            may_approve: needs_approval
                && item.approved_at.is_none()
                && item.status == Status::Ready,
            may_retry: failed,
            may_cancel: item.status.is_open(),
        }
    }
}

/// A question that was asked before.
#[derive(Debug, Serialize)]
struct Earlier {
    /// The form with the question in it.
    href: String,
    question: String,
    outcome: String,
}

/// The page.
pub(super) async fn show(
    room: &Room,
    who: &Principal,
    status: StatusCode,
    filled: Filled,
) -> Result<HttpResponse, Problem> {
    let view = view(room, who, filled).await?;
    Ok(room.show(status, who, "documents.html", &view))
}

async fn view(room: &Room, who: &Principal, filled: Filled) -> Result<DocumentsView, Problem> {
    let format = room.format(who);
    let settings = room.documents.settings();
    let mut items = room.documents.list(&ItemFilter::default(), who.role, ITEMS_ASKED).await?;
    let more = items.len() > ITEMS;
    items.truncate(ITEMS);
    let asked = room.ask.settings();
    let ready = items.iter().filter(|item| item.status == Status::Ready).count();
    let is_busy = items.iter().any(|item| item.status.is_open());
    let needs_approval = settings.approval_required;
    let writer = asked.writer().unwrap_or_default().to_owned();
    let wants_writer = !writer.is_empty() && filled.mode.unwrap_or(asked.mode) == Mode::Written;
    Ok(DocumentsView {
        lead: lead(items.len(), ready, &format),
        soft: format.text(if writer.is_empty() { "doc_soft" } else { "doc_soft_model" }),
        said: filled.said,
        refused: filled.refused,
        question_error: filled.wrong,
        wrong: None,
        question: filled.question,
        answer: filled.answer,
        writer,
        wants_writer,
        may_add: brings(who),
        may_decide: who.role == Role::Admin,
        is_empty: items.is_empty(),
        is_busy,
        sub: format.fill("doc_sub", &[("n", &whole(items.len())), ("m", &whole(ready))]),
        more,
        add_hint: format.fill("doc_add_hint", &[("mb", &settings.max_mb.to_string())]),
        rows: items.iter().map(|item| Row::new(item, needs_approval, &format)).collect(),
        earlier: earlier(room, who, &format).await?,
    })
}

fn lead(all: usize, ready: usize, format: &Format) -> String {
    match (all, ready) {
        (0, _) => format.text("doc_lead_empty").to_owned(),
        (_, 0) => format.text("doc_lead_reading").to_owned(),
        (_, 1) => format.text("doc_lead_one").to_owned(),
        _ => format.fill("doc_lead", &[("n", &whole(ready))]),
    }
}

async fn earlier(room: &Room, who: &Principal, format: &Format) -> Result<Vec<Earlier>, Problem> {
    let filter = QuestionFilter { user_id: Some(who.user_id), ..QuestionFilter::default() };
    let asked = room.ask.questions(filter, EARLIER).await?;
    let row = |question: crate::knowledge::ask::LoggedQuestion| {
        let count = question.answer["quotes"].as_array().map_or(0, Vec::len);
        let query = serde_urlencoded::to_string([("question", &question.question)]);
        Earlier {
            href: format!("/documents?{}", query.unwrap_or_default()),
            outcome: match count {
                _ if question.abstained => format.text("doc_not_found_short").to_owned(),
                1 => format.text("doc_one_quote_short").to_owned(),
                _ => format.fill("doc_quotes_short", &[("n", &count.to_string())]),
            },
            question: question.question,
        }
    };
    Ok(asked.into_iter().map(row).collect())
}
