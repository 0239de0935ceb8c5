//! The way of a document: its text out of its bytes, chunks out of its text, the chunks into the index.
//!
//! Each stage leaves something in the database and is skipped when that is there, so that a job which
//! was broken off goes on where it was.

use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::DocumentsError;
use super::model::{ChunkRecord, ItemRecord, NewChunk, Status, StoredText};
use super::names;
use super::service::Documents;
use super::stop::Stop;
use super::store::items::Reading;
use super::store::{chunks, items, locks, versions};
use crate::algorithms::retrieval::{CharOffsets, ChunkSettings, Language, Words, chunk};
use crate::knowledge::embedding::Embedding;
use crate::knowledge::extract::{ExtractError, Extracted, Method};
use crate::platform::jobs::{JobContext, JobError};
use crate::platform::objects::{ObjectError, sha256_hex};

/// Reading a file of this length takes long enough to be told about.
const TOLD_BYTES: i64 = 256 << 10;

impl Documents {
    /// Takes a document all the way, or says why it could not be.
    pub(super) async fn ingest(
        &self,
        item_id: Uuid,
        context: &JobContext,
    ) -> Result<Value, JobError> {
        match self.take_through(item_id, context).await {
            Ok(done) => Ok(done),
            Err(Stop::Gone) => Ok(json!({ "outcome": "it does not wait any more" })),
            Err(Stop::Cancelled) => {
                self.call_off(item_id, context).await;
                Err(JobError::Cancelled)
            }
            Err(Stop::Failed(reason)) => {
                self.give_up(item_id, context, &reason).await?;
                Err(JobError::Fatal(anyhow::anyhow!(reason)))
            }
            Err(Stop::Later(error)) if context.is_last_attempt() => {
                let reason = format!("{error:#}");
                self.give_up(item_id, context, &reason).await?;
                Err(JobError::Fatal(error))
            }
            Err(Stop::Later(error)) => {
                self.wait_for_better(item_id, &format!("{error:#}")).await;
                Err(JobError::Retry(error))
            }
        }
    }

    async fn take_through(&self, item_id: Uuid, context: &JobContext) -> Result<Value, Stop> {
        let mut conn = self.db().conn().await?;
        let item = items::find(&mut conn, item_id).await?.ok_or(Stop::Gone)?;
        if item.job_id != Some(context.job_id()) || !item.status.is_open() {
            return Err(Stop::Gone);
        }
        let from = [Status::Queued, Status::Working];
        if !items::move_to(&mut conn, item_id, &from, (Status::Working, None)).await? {
            return Err(Stop::Gone);
        }
        let stored = match item.text_sha256 {
            Some(_) => chunks::text(&mut conn, item_id).await?,
            None => None,
        };
        drop(conn);
        let (text, language) = match stored {
            Some(text) => (text, item.language.as_deref().and_then(Language::parse)),
            None => self.stage("extract", self.read(&item, context)).await?,
        };
        if item.chunk_count.is_none() || item.text_sha256.is_none() {
            self.stage("chunk", self.cut(&item, text, language, context)).await?;
        }
        self.stage("index", self.put_into_index(&item, context)).await?;
        self.settle_when_idle().await;
        Ok(json!({ "outcome": "ready", "item_id": item_id }))
    }

    /// Measures how long a stage takes.
    async fn stage<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop> {
        let started = self.0.clock.elapsed();
        let done = work.await;
        let took = self.0.clock.elapsed().saturating_sub(started);
        metrics::histogram!("luna_documents_stage_seconds", "stage" => name)
            .record(took.as_secs_f64());
        done
    }

    /// The text of a document, out of its bytes; stored.
    async fn read(
        &self,
        item: &ItemRecord,
        context: &JobContext,
    ) -> Result<(StoredText, Option<Language>), Stop> {
        if item.bytes > TOLD_BYTES {
            context.progress(0.05, "reading the file").await;
        }
        let bytes = self.0.needs.objects.get(&item.object_key(), &item.sha256).await;
        let bytes = bytes.map_err(|error| match error {
            ObjectError::Missing(_) | ObjectError::Damaged { .. } => {
                Stop::Failed(format!("its bytes are lost: {error}; please send it again"))
            }
            other => Stop::Later(other.into()),
        })?;
        let token = context.cancel_token();
        let extracted = tokio::select! {
            extracted = self.0.needs.extractor.extract(&item.file_name, bytes) => extracted,
            () = token.cancelled() => return Err(Stop::Cancelled),
        };
        let extracted = extracted.map_err(|error| {
            if error.is_passing() {
                Stop::Later(error.into())
            } else {
                Stop::Failed(error.to_string())
            }
        })?;
        let Extracted { canonical, title, media_type, method, findings } = extracted;
        if canonical.text.trim().is_empty() {
            return Err(Stop::Failed(ExtractError::Empty { scanned: false }.to_string()));
        }
        if canonical.text.contains('\0') {
            return Err(Stop::Failed("its text contains the character U+0000".to_owned()));
        }
        let text = StoredText {
            sha256: sha256_hex(canonical.text.as_bytes()),
            text: canonical.text,
            pages: canonical.pages,
            blocks: canonical.blocks,
        };
        let language = detect(&text.text, &self.settings().known());
        // A title that somebody gave stays.
        let title = title.filter(|_| !item.lineage.starts_with("title:"));
        let title = title.as_deref().and_then(names::declared_title);
        let reading = Reading {
            title: title.as_deref(),
            media_type: &media_type,
            pages: i32::try_from(text.pages.len()).unwrap_or(i32::MAX),
            language: language.map(Language::code),
            findings: &json!(findings),
            method: &method_name(&method),
            text_sha256: &text.sha256,
        };
        let mut conn = self.db().conn().await?;
        conn.transaction(async |conn| {
            locks::relaxed(conn).await?;
            if !items::set_reading(conn, item.item_id, &reading).await? {
                return Err(Stop::Gone);
            }
            Ok(chunks::put_text(conn, item.item_id, &text).await?)
        })
        .await?;
        drop(conn);
        Ok((text, language))
    }

    /// Cuts the text of a document; the chunks are stored.
    async fn cut(
        &self,
        item: &ItemRecord,
        text: StoredText,
        language: Option<Language>,
        context: &JobContext,
    ) -> Result<(), Stop> {
        if context.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let settings = self.settings();
        let embedding = self.0.needs.embedding.clone();
        // A model that is away keeps no document from being cut; its window is one of the usual ones.
        let window = embedding.card().await.ok().flatten().map(|card| card.tokens_max);
        let scissors = Scissors {
            item_id: item.item_id,
            sizes: settings.profile.chunks(window),
            known: settings.known(),
            language,
            embedding,
        };
        let made = self.0.needs.pool.run("documents.cut", move || scissors.cut(&text)).await?;
        if made.is_empty() {
            return Err(Stop::Failed(ExtractError::Empty { scanned: false }.to_string()));
        }
        let count = i32::try_from(made.len()).unwrap_or(i32::MAX);
        let now = self.0.clock.now();
        let mut conn = self.db().conn().await?;
        conn.transaction(async |conn| {
            locks::relaxed(conn).await?;
            if items::find_for_update(conn, item.item_id).await?.is_none() {
                return Err(Stop::Gone);
            }
            chunks::put(conn, item.item_id, &made, now).await?;
            Ok(items::set_chunk_count(conn, item.item_id, count).await?)
        })
        .await?;
        drop(conn);
        let texts: Vec<String> = made.into_iter().map(|new| new.chunk.search_text).collect();
        self.learn(&texts);
        Ok(())
    }

    /// Lays a document into every version of the index that is alive, then lets it be asked.
    async fn put_into_index(&self, item: &ItemRecord, context: &JobContext) -> Result<(), Stop> {
        loop {
            let live = self.live().await?;
            let mut conn = self.db().conn().await?;
            let holding = versions::holding(&mut conn, item.item_id).await?;
            drop(conn);
            for version in live.iter().filter(|version| !holding.contains(&version.version)) {
                self.lay(item.item_id, version, false, context).await?;
            }
            let numbers: Vec<u32> = live.iter().map(|version| version.version).collect();
            let is_there = self.let_it_be_asked(item, &numbers).await?;
            if let Some(is_ready) = is_there {
                self.sweep_now().await;
                return if is_ready { Ok(()) } else { Err(Stop::Gone) };
            }
        }
    }

    /// Lets a document be asked that lies in these versions, and says whether it still wanted to be;
    /// nothing when others are alive meanwhile.
    async fn let_it_be_asked(&self, item: &ItemRecord, laid: &[u32]) -> Result<Option<bool>, Stop> {
        let now = self.0.clock.now();
        let mut conn = self.db().conn().await?;
        conn.transaction(async |conn| {
            locks::relaxed(conn).await?;
            locks::index_shared(conn).await?;
            let live = versions::live(conn).await?;
            if !live.iter().map(|version| version.version).eq(laid.iter().copied()) {
                return Ok(None);
            }
            locks::lineage(conn, &item.lineage).await?;
            if !items::make_ready(conn, item.item_id, None, now).await? {
                versions::take_out(conn, item.item_id).await?;
                self.leave(conn, item.item_id, None).await?;
                return Ok(Some(false));
            }
            self.let_latest_speak(conn, &item.lineage).await?;
            Ok::<_, Stop>(Some(true))
        })
        .await
    }

    /// Notes that a document was called off, if that is why its job ends: the end of the program is not.
    async fn call_off(&self, item_id: Uuid, context: &JobContext) {
        let noted = async {
            if !self.0.needs.jobs.job(context.job_id()).await?.cancel_requested {
                return Ok(());
            }
            let mut conn = self.db().conn().await?;
            conn.transaction(async |conn| {
                let item = items::find_for_update(conn, item_id).await?;
                if let Some(item) = item.filter(|item| item.job_id == Some(context.job_id())) {
                    let why = "it was called off";
                    self.set_aside(conn, &item, Status::Cancelled, why).await?;
                }
                Ok::<_, DocumentsError>(())
            })
            .await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%item_id, %error, "Document {item_id} was called off, unnoted: {error}");
        }
        self.sweep_now().await;
    }

    /// Notes why a document cannot be read.
    async fn give_up(
        &self,
        item_id: Uuid,
        context: &JobContext,
        reason: &str,
    ) -> Result<(), JobError> {
        let noted = async {
            let mut conn = self.db().conn().await?;
            conn.transaction(async |conn| {
                let item = items::find_for_update(conn, item_id).await?;
                if let Some(item) = item.filter(|item| item.job_id == Some(context.job_id())) {
                    self.set_aside(conn, &item, Status::Failed, reason).await?;
                }
                Ok::<_, DocumentsError>(())
            })
            .await
        };
        noted.await.map_err(|error| JobError::Retry(error.into()))?;
        self.sweep_now().await;
        Ok(())
    }

    /// Notes what a document waits for until its next attempt.
    async fn wait_for_better(&self, item_id: Uuid, reason: &str) {
        let noted = async {
            let mut conn = self.db().conn().await?;
            let from = [Status::Working];
            items::move_to(&mut conn, item_id, &from, (Status::Queued, Some(reason))).await?;
            Ok::<_, Stop>(())
        };
        if noted.await.is_err() {
            tracing::debug!(%item_id, "Document {item_id} waits, unnoted: {reason}");
        }
    }
}

/// What cuts a text, on a thread that computes.
struct Scissors {
    item_id: Uuid,
    sizes: ChunkSettings,
    known: Vec<Language>,
    language: Option<Language>,
    embedding: Embedding,
}

impl Scissors {
    fn cut(&self, text: &StoredText) -> Vec<NewChunk> {
        let canonical = text.canonical();
        let offsets = CharOffsets::new(&text.text);
        let tokens = |part: &str| self.embedding.tokens(part);
        let main = self.language.or(self.known.first().copied()).unwrap_or(Language::German);
        let mut made = Vec::new();
        for piece in chunk(&canonical, &self.sizes, &tokens) {
            let Some(part) = piece.span.of(&text.text).filter(|part| !part.trim().is_empty())
            else {
                continue;
            };
            let Some((start, end)) = offsets.to_chars(piece.span) else { continue };
            let lang = detect(part, &self.known).unwrap_or(main);
            let search_text = piece.search_text(&canonical);
            let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
            let page = |page: u32| i32::try_from(page.max(1)).unwrap_or(i32::MAX);
            made.push(NewChunk {
                terms: number(Words::length(&search_text, lang)),
                metadata: json!({ "heading": piece.heading_text }),
                chunk: ChunkRecord {
                    chunk_id: Uuid::now_v7(),
                    item_id: self.item_id,
                    chunk_idx: number(made.len()),
                    text: part.to_owned(),
                    page: page(piece.page),
                    page_end: page(piece.page_end.max(piece.page)),
                    start_char: number(start),
                    end_char: number(end),
                    lang: lang.code().to_owned(),
                    tokens: number(self.embedding.tokens(&search_text)),
                    section: piece.section,
                    search_text,
                },
            });
        }
        made
    }
}

/// The language of a text, if it is sure and one of those that are known.
fn detect(text: &str, known: &[Language]) -> Option<Language> {
    Language::detect(text).filter(|language| known.contains(language))
}

/// Who read a file, in words.
fn method_name(method: &Method) -> String {
    match method {
        Method::BuiltIn => "built in".to_owned(),
        Method::Tika { version } => format!("Apache Tika {version}"),
    }
}
