//! Questions: what may be asked, how an answer comes about, what is written down.

use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::answer::Answering;
use super::choice::Material;
use super::error::AskError;
use super::events::{Teller, Told};
use super::library::{Found, Hit, Library};
use super::log::{Feedback, Label, LoggedQuestion, NewPrompt, PromptVersion, QuestionFilter};
use super::meaning::Seen as SeenByModel;
use super::model::{
    Answer, AskRequest, DocumentHit, FILTERS_MAX, Filters, PASSAGES_MAX, PassageView, Passages,
    QUESTION_LETTERS_MAX, Retrieval, SearchRequest,
};
use super::prompt::BUILT_IN;
use super::proof::{Proof, chunk_use, origin};
use super::settings::Settings;
use super::store;
use super::watch::Watch;
use super::writer::Writer;
use crate::access::audit::Audit;
use crate::access::audit::By;
use crate::access::audit::Event;
use crate::base::timeline::Clock;
use crate::facts::tariffs::Tariffs;
use crate::knowledge::documents::{Documents, Seen, Standing};
use crate::platform::db::Db;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::Live;
use crate::platform::web::{Principal, Role};

/// Longest note about an answer, in letters.
const NOTE_LETTERS_MAX: usize = 2_000;
/// Longest prompt, in letters.
const PROMPT_LETTERS_MAX: usize = 8_000;
/// Answers whose sentences are chosen at the same time.
const THREADS: NonZeroUsize = NonZeroUsize::new(4).expect("it is not zero");

/// What answering needs.
#[derive(Clone)]
pub struct Needs {
    /// Where questions are written down.
    pub db: Db,
    /// Documents, their text and their index.
    pub documents: Documents,
    /// What a kilowatt hour costs, for comparing sheets with it.
    pub tariffs: Tariffs,
    /// Where changes are written down.
    pub audit: Audit,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The person; absent for commands on the box.
    pub user_id: Option<Uuid>,
    /// What they may read.
    pub role: Role,
}

impl Asker {
    /// Whoever runs commands on the box.
    pub const fn command() -> Self {
        Self { user_id: None, role: Role::Admin }
    }
}

impl From<&Principal> for Asker {
    fn from(who: &Principal) -> Self {
        let user_id = (!who.is_setup_guest).then_some(who.user_id);
        Self { user_id, role: who.role }
    }
}

/// Answers questions about documents. Cloning is cheap.
#[derive(Clone)]
pub struct Ask {
    pub(super) db: Db,
    pub(super) library: Library,
    pub(super) tariffs: Tariffs,
    pub(super) clock: Clock,
    pub(super) writer: Writer,
    /// How the model was that writes, and when.
    pub(super) seen: Arc<Seen<Standing>>,
    audit: Audit,
    pool: CpuPool,
    settings: Live<Settings>,
}

impl Ask {
    /// The service.
    pub fn new(needs: Needs, clock: Clock, settings: impl Into<Live<Settings>>) -> Self {
        let settings = settings.into();
        let Needs { db, documents, tariffs, audit } = needs;
        let (index, embedding) = (documents.index(), documents.embedding());
        Self {
            db,
            library: Library { documents, index, embedding, seen: SeenByModel::default() },
            tariffs,
            audit,
            seen: Arc::default(),
            writer: Writer::new(settings.get().parallel, clock.clone()),
            // Threads of their own: an answer cannot wait while a model trains.
            pool: CpuPool::new(Some(THREADS)),
            settings,
            clock,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// Forgets what was asked before `before`, with what was thought of the answers; only counts it in a rehearsal.
    pub async fn forget(&self, before: DateTime<Utc>, dry_run: bool) -> Result<usize, AskError> {
        let mut conn = self.db.conn().await?;
        if dry_run {
            let asked = store::asked_before(&mut conn, before).await?;
            return Ok(usize::try_from(asked).unwrap_or_default());
        }
        Ok(store::forget(&mut conn, before).await?)
    }

    /// Passages for a question, best first.
    pub async fn search(&self, who: &Asker, request: &SearchRequest) -> Result<Passages, AskError> {
        check(&request.question, &request.filters, request.k)?;
        let mut watch = Watch::new(self.clock.clone());
        let settings = self.settings.get();
        let mut found = self.library.find(request, who.role, &settings, &mut watch).await?;
        let mut proof = Proof::of(&self.library, &found.hits).await?;
        proof.keep_sound(&mut found.hits);
        let mut timings = found.timings;
        timings.verify_ms = watch.lap("verify");
        if request.rerank {
            self.rerank(&request.question, &mut found).await?;
            timings.select_ms = watch.lap("select");
        }
        let passages = views(&found, &proof);
        timings.total_ms = watch.total();
        Ok(Passages {
            documents: grouped(&found),
            passages,
            retrieval: found.retrieval,
            dropped: proof.dropped,
            timings,
        })
    }

    /// Orders the passages by their best sentences.
    async fn rerank(&self, question: &str, found: &mut Found) -> Result<(), AskError> {
        let places: Vec<usize> = (0..found.hits.len()).collect();
        let material = Material::of(question, found, &places);
        let choice = material.choose(&self.pool, found.meaning.as_ref()).await?;
        found.retrieval.sentences_compared = choice.compared;
        let mut hits: Vec<Option<Hit>> = found.hits.drain(..).map(Some).collect();
        found.hits = choice.order().into_iter().filter_map(|place| hits[place].take()).collect();
        Ok(())
    }

    /// The answer to a question; `teller` is told how it comes about.
    pub async fn ask(
        &self,
        who: &Asker,
        request: &AskRequest,
        teller: &Teller,
    ) -> Result<Answer, AskError> {
        check(&request.question, &request.filters, request.k)?;
        let mut watch = Watch::new(self.clock.clone());
        let settings = self.settings.get();
        let (question_id, asked_at) = (Uuid::now_v7(), self.clock.now());
        let search = request.search();
        let mut found = self.library.find(&search, who.role, &settings, &mut watch).await?;
        let mut proof = Proof::of(&self.library, &found.hits).await?;
        // A passage that is not what is stored must not be shown to a model either.
        proof.keep_sound(&mut found.hits);
        let passages = views(&found, &proof);
        teller.tell(Told::Passages { question_id, passages }).await;
        let is_logged = request.log && settings.log_questions;
        let prompt = self.prompt().await?;
        let answering = Answering {
            request,
            settings: &settings,
            prompt: &prompt,
            pool: &self.pool,
            writer: &self.writer,
            teller,
        };
        let mut draft = answering.draft(&found, &mut proof, &mut watch).await?;
        for quote in draft.quotes.iter().chain(&draft.closest) {
            teller.tell(Told::Quote(Box::new(quote.clone()))).await;
        }
        draft.timings.total_ms = watch.total();
        let mut answer = Answer {
            question_id,
            asked_at,
            question: request.question.trim().to_owned(),
            mode: draft.mode,
            fallback: draft.fallback,
            abstained: draft.message.is_some(),
            message: draft.message,
            confidence: draft.confidence,
            quotes: draft.quotes,
            closest: draft.closest,
            quotes_dropped: proof.dropped,
            writing: draft.writing,
            chunks: found.hits.iter().map(chunk_use).collect(),
            retrieval: Retrieval { sentences_compared: draft.compared, ..found.retrieval },
            timings: draft.timings,
            is_logged,
        };
        count(&answer);
        if is_logged && let Err(error) = self.write_down(&answer, who, request).await {
            // Whoever asked is to have the answer all the same.
            tracing::warn!(%error, "A question was not written down, because {error}");
            answer.is_logged = false;
        }
        teller.tell(Told::Final(Box::new(answer.clone()))).await;
        Ok(answer)
    }

    async fn write_down(
        &self,
        answer: &Answer,
        who: &Asker,
        request: &AskRequest,
    ) -> Result<(), AskError> {
        let mut conn = self.db.conn().await?;
        Ok(store::insert(&mut conn, logged(answer, who, request)).await?)
    }

    /// Whether a question may be asked at all.
    pub fn check(request: &AskRequest) -> Result<(), AskError> {
        check(&request.question, &request.filters, request.k)
    }

    /// Questions that were written down, newest first, up to `limit`.
    pub async fn questions(
        &self,
        filter: QuestionFilter,
        limit: i64,
    ) -> Result<Vec<LoggedQuestion>, AskError> {
        let QuestionFilter { user_id, abstained, after } = filter;
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, store::Filter { user_id, abstained, after }, limit).await?)
    }

    /// Writes down what `who` thinks of an answer to a question of theirs, or, for analysts, to any.
    pub async fn rate(
        &self,
        who: &Asker,
        by: &By,
        question_id: Uuid,
        feedback: &Feedback,
    ) -> Result<Label, AskError> {
        if !matches!(feedback.value, -1 | 1) {
            return Err(AskError::invalid("value", "is -1 for wrong or 1 for right"));
        }
        let note = feedback.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
        if note.is_some_and(|note| note.chars().count() > NOTE_LETTERS_MAX) {
            let message = format!("has more than {NOTE_LETTERS_MAX} letters");
            return Err(AskError::invalid("note", message));
        }
        let label = Label {
            user_id: who.user_id,
            ts: self.clock.now(),
            value: feedback.value.into(),
            note: note.map(str::to_owned),
        };
        let mut conn = self.db.conn().await?;
        let write = conn.transaction(async |conn| {
            let asker = store::hold(conn, question_id).await?;
            if !asker.is_some_and(|asker| owns(who, asker)) {
                return Err(AskError::NoQuestion(question_id));
            }
            store::put_feedback(conn, question_id, &label).await?;
            let event = Event::new("question.rate", ("question", question_id));
            let value = json!({"value": label.value, "has_note": label.note.is_some()});
            self.audit.record(conn, by, event.after(&value)).await?;
            Ok(())
        });
        write.await?;
        let kind = if label.value > 0.0 { "good" } else { "bad" };
        metrics::counter!("luna_answer_feedback_total", "value" => kind).increment(1);
        Ok(label)
    }

    /// The orders in force for a model.
    pub async fn prompt(&self) -> Result<PromptVersion, AskError> {
        let mut conn = self.db.conn().await?;
        let written = store::prompt(&mut conn).await?;
        Ok(written.unwrap_or_else(|| PromptVersion {
            version: 0,
            text: BUILT_IN.to_owned(),
            created_at: None,
            created_by: None,
        }))
    }

    /// Puts new orders in force.
    pub async fn set_prompt(&self, by: &By, new: &NewPrompt) -> Result<PromptVersion, AskError> {
        let text = new.text.trim();
        let letters = text.chars().count();
        if !(1..=PROMPT_LETTERS_MAX).contains(&letters) {
            let message = format!("has {letters} letters; 1 to {PROMPT_LETTERS_MAX} are allowed");
            return Err(AskError::invalid("text", message));
        }
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let write = conn.transaction(async |conn| {
            let before = store::prompt(conn).await?;
            let written = store::put_prompt(conn, text, now, by.user_id()).await?;
            let event = Event::new("prompt.change", ("prompt", written.version));
            let (before, after) = (before.map(|it| it.text), &written.text);
            let event = event.before(&json!({"text": before})).after(&json!({"text": after}));
            self.audit.record(conn, by, event).await?;
            Ok::<_, AskError>(written)
        });
        write.await
    }
}

/// Whether somebody may see and rate a question that `asker` asked.
fn owns(who: &Asker, asker: Option<Uuid>) -> bool {
    let is_theirs = who.user_id.is_some() && who.user_id == asker;
    is_theirs || matches!(who.role, Role::Admin | Role::Analyst)
}

/// What a question must be.
fn check(question: &str, filters: &Filters, k: Option<u8>) -> Result<(), AskError> {
    let letters = question.trim().chars().count();
    if letters == 0 {
        return Err(AskError::invalid("question", "is empty; write what you want to know"));
    }
    if letters > QUESTION_LETTERS_MAX {
        let message = format!("has {letters} letters; {QUESTION_LETTERS_MAX} are allowed");
        return Err(AskError::invalid("question", message));
    }
    if k.is_some_and(|k| !(1..=PASSAGES_MAX).contains(&k)) {
        return Err(AskError::invalid("k", format!("is not between 1 and {PASSAGES_MAX}")));
    }
    for (field, count) in
        [("filters.documents", filters.documents.len()), ("filters.tags", filters.tags.len())]
    {
        if count > FILTERS_MAX {
            let message = format!("has {count} entries; {FILTERS_MAX} are allowed");
            return Err(AskError::invalid(field, message));
        }
    }
    Ok(())
}

/// The passages with their proof, numbered as answers cite them.
fn views(found: &Found, proof: &Proof) -> Vec<PassageView> {
    let numbered = found.hits.iter().zip(1..);
    numbered.filter_map(|(hit, id)| proof.passage(id, hit)).collect()
}

/// The documents of the passages, each at the place of its best one.
fn grouped(found: &Found) -> Vec<DocumentHit> {
    let mut all: Vec<DocumentHit> = Vec::new();
    for (hit, id) in found.hits.iter().zip(1..) {
        let known = all.iter_mut().find(|one| one.origin.document_id == hit.item.item_id);
        match known {
            Some(document) => document.passages.push(id),
            None => all.push(DocumentHit {
                origin: origin(&hit.item),
                score: hit.scores.score,
                passages: vec![id],
            }),
        }
    }
    all
}

fn count(answer: &Answer) {
    let outcome = match answer {
        Answer { abstained: true, .. } => "not_found",
        Answer { fallback: Some(_), .. } => "fallback",
        _ => "answered",
    };
    let mode = answer.mode.name();
    metrics::counter!("luna_questions_total", "mode" => mode, "outcome" => outcome).increment(1);
    metrics::histogram!("luna_answer_duration_seconds", "mode" => mode)
        .record(answer.timings.total_ms / 1_000.0);
}

/// What is kept of an answer: where its quotes stand, not their words, which may have to be deleted
/// with their document.
fn logged(answer: &Answer, who: &Asker, request: &AskRequest) -> LoggedQuestion {
    let places = |quotes: &[super::model::Quote]| -> Vec<serde_json::Value> {
        let place = |quote: &super::model::Quote| {
            json!({"id": quote.id, "document_id": quote.origin.document_id, "chunk_id": quote.chunk_id,
                "page": quote.page, "start": quote.start, "end": quote.end, "sha256": quote.sha256})
        };
        quotes.iter().map(place).collect()
    };
    LoggedQuestion {
        question_id: answer.question_id,
        asked_at: stored_instant(answer.asked_at),
        user_id: who.user_id,
        question: answer.question.clone(),
        language: answer.retrieval.language.map(|it| it.language().code().to_owned()),
        mode: answer.mode,
        model: answer.writing.as_ref().map(|it| it.model.clone()),
        prompt_version: answer.writing.as_ref().map(|it| it.prompt_version),
        filters: json!({"documents": request.filters.documents, "tags": request.filters.tags,
            "language": request.filters.language, "k": request.k, "fusion": request.fusion,
            "include_superseded": request.include_superseded}),
        chunks: json!(answer.chunks),
        answer: json!({"quotes": places(&answer.quotes), "closest": places(&answer.closest),
            "sentences": answer.writing.as_ref().map(|it| &it.sentences),
            "fallback": answer.fallback, "quotes_dropped": answer.quotes_dropped}),
        abstained: answer.abstained,
        confidence: answer.confidence,
        timings: json!(answer.timings),
        feedback: Vec::new(),
    }
}

/// The database keeps microseconds.
fn stored_instant(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
