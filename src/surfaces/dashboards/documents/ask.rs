//! Questions from the page: the answer as a whole page, or as it comes.

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse, get, post};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::answer::AnswerView;
use super::list::{Filled, show};
use super::room::Room;
use crate::access::audit::By;
use crate::knowledge::ask::{
    Ask, AskError, AskRequest, Asker, Feedback, Mode, Teller, Told, event, event_stream, told_by,
    wants_events,
};
use crate::platform::web::{Form, Params, Path, Person, Principal, Problem, Require};
use crate::surfaces::dashboards::api::{go_to, page};

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_documents).service(post_question).service(rate);
}

/// What the page says besides, and what a question is to begin with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct DocumentsQuery {
    said: String,
    question: String,
}

/// Documents, and the form for a question.
#[get("/documents")]
async fn get_documents(
    who: Require<Person>,
    room: Room,
    query: Params<DocumentsQuery>,
) -> Result<HttpResponse, Problem> {
    let format = room.format(&who);
    let said = ["added", "deleted", "approved", "retried", "cancelled", "thanks"]
        .into_iter()
        .find(|known| *known == query.0.said)
        .and_then(|known| format.find(&format!("doc_said_{known}")));
    let question = query.0.question.chars().take(2_000).collect();
    let filled = Filled { said: said.map(str::to_owned), question, ..Filled::default() };
    show(&room, &who, StatusCode::OK, filled).await
}

/// A question as the form sends it; a box that is not ticked is not sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct QuestionForm {
    question: String,
    written: Option<String>,
    /// Whether the form lets people choose who answers.
    chooses: Option<String>,
    private: Option<String>,
}

impl QuestionForm {
    fn request(&self) -> AskRequest {
        let mode = match (&self.chooses, &self.written) {
            (_, Some(_)) => Some(Mode::Written),
            (Some(_), None) => Some(Mode::Extractive),
            (None, None) => None,
        };
        AskRequest {
            question: self.question.clone(),
            mode,
            log: self.private.is_none(),
            ..AskRequest::default()
        }
    }
}

/// What stands in the region of the answer.
#[derive(Debug, Default, Serialize)]
struct Region {
    answer: Option<AnswerView>,
    wrong: Option<String>,
}

/// Answers a question.
#[post("/documents/ask")]
async fn post_question(
    who: Require<Person>,
    room: Room,
    request: HttpRequest,
    form: Form<QuestionForm>,
) -> Result<HttpResponse, Problem> {
    let asked = form.0.request();
    let refusal = Ask::check(&asked).err().map(|error| wrong(&error));
    if wants_events(&request) {
        return Ok(streamed(room, who.0.clone(), asked, refusal));
    }
    let mut filled =
        Filled { question: asked.question.clone(), mode: asked.mode, ..Filled::default() };
    if let Some(wrong) = refusal {
        filled.wrong = Some(room.format(&who).text(wrong).to_owned());
        return show(&room, &who, StatusCode::UNPROCESSABLE_ENTITY, filled).await;
    }
    let answer = room.ask.ask(&Asker::from(&who.0), &asked, &Teller::default()).await?;
    filled.answer = Some(AnswerView::new(&answer, &room.format(&who)));
    show(&room, &who, StatusCode::OK, filled).await
}

/// What is wrong with a question, as a key of the catalogue.
fn wrong(error: &AskError) -> &'static str {
    match error {
        AskError::Invalid { message, .. } if message.contains("is empty") => "doc_wrong_empty",
        _ => "doc_wrong_long",
    }
}

/// The answer as it comes: the model's words, then the region of the answer as it is to stand there.
fn streamed(
    room: Room,
    who: Principal,
    asked: AskRequest,
    refusal: Option<&'static str>,
) -> HttpResponse {
    let (ask, asker) = (Ask::clone(&room.ask), Asker::from(&who));
    let told = told_by(move |teller| async move {
        if refusal.is_some() {
            return Ok(());
        }
        ask.ask(&asker, &asked, &teller).await.map(drop).map_err(Problem::from)
    });
    let format = room.format(&who);
    let first = futures_util::stream::iter(refusal.map(|wrong| {
        Ok(Region { wrong: Some(format.text(wrong).to_owned()), ..Region::default() })
    }));
    let rest = told.filter_map(move |told| {
        let next = match told {
            Ok(Told::Token { text }) => Some(Err(text)),
            Ok(Told::Final(answer)) => Some(Ok(Region {
                answer: Some(AnswerView::new(&answer, &format)),
                ..Region::default()
            })),
            Ok(_) => None,
            Err(problem) => {
                Some(Ok(Region { wrong: Some(problem.detail().to_owned()), ..Region::default() }))
            }
        };
        std::future::ready(next)
    });
    event_stream(first.chain(rest).map(move |next| match next {
        Err(text) => event("token", &json!({ "text": text })),
        Ok(region) => {
            let html = room.render(&who, "documents_region.html", &region);
            event("html", &json!({"html": html.unwrap_or_default()}))
        }
    }))
}

/// What somebody thinks of an answer.
#[derive(Debug, Clone, Deserialize)]
struct RateForm {
    value: i8,
    #[serde(default)]
    note: String,
}

/// Keeps what somebody thinks of an answer.
#[post("/documents/questions/{id}/feedback")]
async fn rate(
    who: Require<Person>,
    room: Room,
    request: HttpRequest,
    id: Path<Uuid>,
    form: Form<RateForm>,
) -> Result<HttpResponse, Problem> {
    let note = form.0.note.trim();
    let note = (!note.is_empty()).then(|| note.to_owned());
    let feedback = Feedback { value: form.0.value, note };
    room.ask.rate(&Asker::from(&who.0), &By::of(&who), *id, &feedback).await?;
    if request.headers().contains_key("hx-request") {
        // The answer stays in sight; only the form gives way.
        let html = room.render(&who, "documents_thanks.html", &json!({}));
        return Ok(page(StatusCode::OK, html));
    }
    Ok(go_to("/documents?said=thanks", []))
}
