//! Versions of the index: which one answers, what lies in it, and how another takes its place.

use chrono::Duration;
use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::DocumentsError;
use super::model::{ChunkRecord, IndexVersion, ItemRecord, Status};
use super::service::Documents;
use super::stop::Stop;
use super::store::versions::State;
use super::store::{chunks, items, locks, versions};
use crate::access::audit::{By, Event};
use crate::algorithms::retrieval::Language;
use crate::knowledge::embedding::ModelCard;
use crate::knowledge::index::{Collection, Engine, IndexError, Point, SparseVector};
use crate::platform::jobs::JobContext;

/// Chunks that are embedded and put into the index at once.
const BATCH: i64 = 64;
/// Documents that are looked up at once while a version is filled.
const PAGE: i64 = 50;
/// How long whoever has just asked which version answers may go on asking it after a switch.
const GRACE: Duration = Duration::seconds(30);
/// How far the mean length of chunks may drift before words are weighed anew.
const DRIFT_MAX: f64 = 0.2;
/// Chunks below which nobody notices how words are weighed.
const DRIFT_CHUNKS_MIN: i64 = 50;

/// What somebody who asks for the index to be built wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Wish {
    /// Whether it is built anew although nothing is wrong with it.
    pub anew: bool,
}

impl Documents {
    pub(super) fn engine(&self) -> &dyn Engine {
        self.0.needs.engine.as_ref()
    }

    /// The version of the index that answers.
    pub async fn active_version(&self) -> Result<IndexVersion, DocumentsError> {
        self.active().await
    }

    /// The version that answers; the first one is made when it is needed.
    pub(super) async fn active(&self) -> Result<IndexVersion, DocumentsError> {
        let mut conn = self.db().conn().await?;
        if let Some(active) = versions::in_state(&mut conn, State::Active).await? {
            return Ok(active);
        }
        drop(conn);
        // A model that is away holds nothing up: words are found without it, and it has its turn later.
        let card = self.0.needs.embedding.card().await.ok().flatten();
        self.begin(card, State::Active, "it is the first").await
    }

    /// Versions that documents are laid into.
    pub(super) async fn live(&self) -> Result<Vec<IndexVersion>, DocumentsError> {
        self.active().await?;
        let mut conn = self.db().conn().await?;
        Ok(versions::live(&mut conn).await?)
    }

    /// Makes a new version, unless another process has just made one for the same purpose.
    async fn begin(
        &self,
        card: Option<ModelCard>,
        state: State,
        reason: &str,
    ) -> Result<IndexVersion, DocumentsError> {
        let engine = self.engine();
        let there = engine.versions().await?.into_iter().max().unwrap_or_default();
        let mut conn = self.db().conn().await?;
        let last = versions::last(&mut conn).await?;
        let (_, counted) = chunks::weight(&mut conn).await?;
        drop(conn);
        let expected = self.settings().profile.terms_expected();
        let version = IndexVersion {
            version: there.max(last) + 1,
            embedder: card.as_ref().map(|card| card.name.clone()),
            digest: card.as_ref().map(|card| card.digest.clone()),
            dimension: card.as_ref().map(|card| card.dimension),
            average_terms: counted.unwrap_or(expected).max(1.0),
        };
        let collection = Collection { version: version.version, dimension: version.dimension };
        engine.create(&collection).await?;
        let now = self.0.clock.now();
        let mut conn = self.db().conn().await?;
        let begun = conn
            .transaction(async |conn| {
                locks::index(conn).await?;
                if let Some(other) = versions::in_state(conn, state).await? {
                    return Ok(other);
                }
                versions::insert(conn, &version, (state, reason), now).await?;
                Ok::<_, DocumentsError>(version.clone())
            })
            .await?;
        drop(conn);
        if begun.version != version.version {
            // Another process was quicker; what was made here is left to the next look where it stays.
            if let Err(error) = engine.drop_version(version.version, false).await {
                tracing::debug!(%error, "Index version {} stays unused: {error}", version.version);
            }
            return Ok(begun);
        }
        tracing::info!(version = begun.version, reason, "Index version {} begins", begun.version);
        if state == State::Active {
            self.point(begun.version).await;
        }
        Ok(begun)
    }

    /// Lets outsiders find the version that answers under its usual name.
    async fn point(&self, version: u32) {
        if let Err(error) = self.engine().point_alias(version).await {
            tracing::warn!(version, %error, "The name 'chunks' does not point to version {version}: {error}");
        }
    }

    /// Lays the chunks of a document into a version, in place of those that lie there. Without their
    /// vectors where the model is away, unless `strict`.
    pub(super) async fn lay(
        &self,
        item_id: Uuid,
        version: &IndexVersion,
        strict: bool,
        context: &JobContext,
    ) -> Result<(), Stop> {
        let mut conn = self.db().conn().await?;
        let item = items::find(&mut conn, item_id).await?.ok_or(Stop::Gone)?;
        drop(conn);
        let total = f64::from(item.chunk_count.unwrap_or_default().max(1));
        let (mut after, mut laid, mut is_embedded) = (-1, 0, true);
        loop {
            if context.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let mut conn = self.db().conn().await?;
            let batch = chunks::after(&mut conn, item_id, after, BATCH).await?;
            drop(conn);
            let Some(last) = batch.last() else { break };
            after = last.chunk_idx;
            laid += i32::try_from(batch.len()).unwrap_or_default();
            let dense = self.vectors(&batch, version, strict && is_embedded).await?;
            is_embedded &= dense.is_some();
            let points = self.points(&item, batch, dense, version).await?;
            if let Err(error) = self.engine().put(version.version, points).await {
                return Err(self.trouble(version.version, error).await);
            }
            if total > BATCH as f64 {
                let done = 0.5 + 0.5 * f64::from(laid) / total;
                context.progress(done, "putting the passages into the index").await;
            }
        }
        let is_embedded = is_embedded && version.dimension.is_some();
        let mut conn = self.db().conn().await?;
        let lies = conn
            .transaction(async |conn| {
                locks::relaxed(conn).await?;
                let item = items::find_for_update(conn, item_id).await?;
                let stays = item.is_some_and(|item| {
                    let is_wanted = matches!(item.status, Status::Working | Status::Ready);
                    is_wanted && item.superseded_at.is_none()
                });
                if stays {
                    versions::lay(conn, item_id, version.version, (laid, is_embedded)).await?;
                } else {
                    // It had to go meanwhile; some points may have come after their removal.
                    self.leave(conn, item_id, None).await?;
                }
                Ok::<_, Stop>(stays)
            })
            .await?;
        if lies { Ok(()) } else { Err(Stop::Gone) }
    }

    /// Chunks as points.
    async fn points(
        &self,
        item: &ItemRecord,
        batch: Vec<ChunkRecord>,
        dense: Option<Vec<Vec<f32>>>,
        version: &IndexVersion,
    ) -> Result<Vec<Point>, Stop> {
        let words = self.words_of(version).await?;
        let (ts, tags, source) = (item.created_at, item.tags.clone(), item.source.clone());
        let made = self.0.needs.pool.run("documents.weigh", move || {
            let mut dense = dense.map(Vec::into_iter);
            let point = |chunk: ChunkRecord| {
                let language = Language::parse(&chunk.lang).unwrap_or(Language::German);
                let (indices, values) = words.passage(&chunk.search_text, language);
                Point {
                    chunk_id: chunk.chunk_id,
                    item_id: chunk.item_id,
                    chunk_idx: chunk.chunk_idx,
                    ts,
                    tags: tags.clone(),
                    source: source.clone(),
                    lang: chunk.lang,
                    words: SparseVector { indices, values },
                    dense: dense.as_mut().and_then(Iterator::next),
                }
            };
            batch.into_iter().map(point).collect()
        });
        Ok(made.await?)
    }

    /// What an error of the index means for the work that met it. A damaged version is set aside and
    /// another one takes its place at once, which is then filled while it answers.
    pub(super) async fn trouble(&self, version: u32, error: IndexError) -> Stop {
        if matches!(error, IndexError::Damaged(_) | IndexError::Unknown(_))
            && let Err(worse) = self.replace(version, &error.to_string()).await
        {
            tracing::error!(version, error = %worse, "Index version {version} cannot be replaced: {worse}");
        }
        Stop::Later(error.into())
    }

    /// Lets an empty version take the place of one that is damaged.
    pub(super) async fn replace(&self, version: u32, why: &str) -> Result<(), DocumentsError> {
        let now = self.0.clock.now();
        let mut conn = self.db().conn().await?;
        let was_active = conn
            .transaction(async |conn| {
                locks::index(conn).await?;
                for state in [State::Building, State::Active] {
                    let there = versions::in_state(conn, state).await?;
                    if there.is_some_and(|there| there.version == version) {
                        versions::end(conn, state, true, now).await?;
                        let event = Event::new("index.damage", ("index_version", version))
                            .after(&json!({ "reason": why }));
                        self.0.needs.audit.record(conn, &By::system(), event).await?;
                        return Ok(state == State::Active);
                    }
                }
                Ok::<_, DocumentsError>(false)
            })
            .await?;
        drop(conn);
        if was_active {
            tracing::error!(
                version,
                why,
                "Index version {version} is damaged and set aside: {why}"
            );
            let card = self.0.needs.embedding.card().await.ok().flatten();
            self.begin(card, State::Active, &format!("version {version} was damaged")).await?;
        }
        if let Err(error) = self.engine().drop_version(version, true).await {
            tracing::warn!(version, %error, "Version {version} stays where it is: {error}");
        }
        self.order_reindex().await
    }

    /// Builds what the index lacks: a new version where the model or the lengths of chunks are others
    /// now, else what is missing in the one that answers.
    pub(super) async fn reindex(&self, wish: &Wish, context: &JobContext) -> Result<Value, Stop> {
        let _alone = self.0.building.lock().await;
        let active = self.active().await?;
        let Some(next) = self.next_version(&active, wish).await? else {
            let laid = self.fill(&active, false, context).await?;
            self.settle(active.version).await;
            self.retire().await?;
            return Ok(json!({ "version": active.version, "documents": laid, "is_new": false }));
        };
        let mut laid = 0;
        loop {
            laid += self.fill(&next, true, context).await?;
            // Bringing it into its fast form takes its time, and it is not asked yet.
            self.settle(next.version).await;
            if self.switch(&next).await? {
                break;
            }
        }
        self.point(next.version).await;
        self.retire().await?;
        Ok(json!({ "version": next.version, "documents": laid, "is_new": true }))
    }

    /// The version to build: the one that was begun, if it still fits, or a new one if there is a reason.
    async fn next_version(
        &self,
        active: &IndexVersion,
        wish: &Wish,
    ) -> Result<Option<IndexVersion>, Stop> {
        let card = self.0.needs.embedding.card().await;
        let mut conn = self.db().conn().await?;
        let begun = versions::in_state(&mut conn, State::Building).await?;
        drop(conn);
        if let Some(begun) = begun {
            let card = card.map_err(|error| Stop::Later(error.into()))?;
            if begun.is_of(card.as_ref().map(|card| card.digest.as_str())) {
                return Ok(Some(begun));
            }
            let now = self.0.clock.now();
            let mut conn = self.db().conn().await?;
            versions::end(&mut conn, State::Building, false, now).await?;
            drop(conn);
            let reason = "the embedding model changed again";
            return Ok(Some(self.begin(card, State::Building, reason).await?));
        }
        let reason = if wish.anew {
            Some("it was asked for".to_owned())
        } else {
            self.reason_to_rebuild(active).await?
        };
        let Some(reason) = reason else { return Ok(None) };
        let card = card.map_err(|error| Stop::Later(error.into()))?;
        Ok(Some(self.begin(card, State::Building, &reason).await?))
    }

    /// Why the version that answers should be built anew, if it should.
    pub(super) async fn reason_to_rebuild(
        &self,
        active: &IndexVersion,
    ) -> Result<Option<String>, DocumentsError> {
        // While the model is away nobody knows whether it is another one.
        if let Ok(card) = self.0.needs.embedding.card().await
            && !active.is_of(card.as_ref().map(|card| card.digest.as_str()))
        {
            let now = card.map_or("none".to_owned(), |card| card.name);
            let before = active.embedder.as_deref().unwrap_or("none");
            return Ok(Some(format!("the embedding model is {now}, it was {before}")));
        }
        let mut conn = self.db().conn().await?;
        let (count, counted) = chunks::weight(&mut conn).await?;
        let Some(counted) = counted.filter(|_| count >= DRIFT_CHUNKS_MIN) else { return Ok(None) };
        let drift = (counted / active.average_terms - 1.0).abs();
        if drift > DRIFT_MAX {
            let before = active.average_terms;
            return Ok(Some(format!(
                "a chunk has {counted:.0} terms on average, it had {before:.0}"
            )));
        }
        if items::open(&mut conn).await? > 0 {
            return Ok(None);
        }
        drop(conn);
        // Nobody finds what nobody has any more, but it counts when words are weighed.
        let (has, should) = self.points_there(active).await?;
        Ok((has > should).then(|| format!("it has {has} points and should have {should}")))
    }

    /// Lays every document into a version that does not lie there; says how many.
    async fn fill(
        &self,
        version: &IndexVersion,
        strict: bool,
        context: &JobContext,
    ) -> Result<usize, Stop> {
        let (mut after, mut laid) = (Uuid::nil(), 0);
        loop {
            let mut conn = self.db().conn().await?;
            let (all, there) = versions::filled(&mut conn, version).await?;
            let missing = versions::missing(&mut conn, version, (after, PAGE)).await?;
            drop(conn);
            let Some(last) = missing.last() else { return Ok(laid) };
            after = *last;
            let done = there as f64 / all.max(1) as f64;
            context.progress(done, &format!("{there} of {all} documents are in the index")).await;
            for item_id in missing {
                match self.lay(item_id, version, strict, context).await {
                    Ok(()) => laid += 1,
                    Err(Stop::Gone) => {}
                    Err(other) => return Err(other),
                }
            }
        }
    }

    /// Lets a version that was built answer; false while documents are missing in it.
    async fn switch(&self, next: &IndexVersion) -> Result<bool, Stop> {
        let now = self.0.clock.now();
        let mut conn = self.db().conn().await?;
        conn.transaction(async |conn| {
            locks::index(conn).await?;
            if !versions::missing(conn, next, (Uuid::nil(), 1)).await?.is_empty() {
                return Ok(false);
            }
            let before = versions::end(conn, State::Active, false, now).await?;
            versions::activate(conn, next.version, now).await?;
            let event = Event::new("index.switch", ("index_version", next.version))
                .before(&json!({ "version": before }))
                .after(&json!({ "version": next.version, "embedder": next.embedder }));
            self.0.needs.audit.record(conn, &By::system(), event).await?;
            Ok::<_, Stop>(true)
        })
        .await
    }

    /// Removes versions that ended a while ago; damaged ones are set aside where they can be looked at.
    pub(super) async fn retire(&self) -> Result<(), DocumentsError> {
        let active = self.active().await?;
        let there = self.engine().versions().await?;
        let before = self.0.clock.now() - GRACE;
        let mut conn = self.db().conn().await?;
        let spent = versions::spent(&mut conn, &there, (active.version, before)).await?;
        drop(conn);
        for (version, was_damaged) in spent {
            match self.engine().drop_version(version, was_damaged).await {
                Ok(()) | Err(IndexError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Brings a version into its fast form; what fails is told and tried again later.
    async fn settle(&self, version: u32) {
        let Ok(_alone) = self.0.settling.try_lock() else { return };
        if let Err(error) = self.engine().settle(version).await {
            tracing::warn!(version, %error, "Index version {version} is not settled: {error}");
        }
    }

    /// Brings the version that answers into its fast form once nothing waits any more.
    pub(super) async fn settle_when_idle(&self) {
        let idle = async {
            let mut conn = self.db().conn().await?;
            let is_idle = items::open(&mut conn).await? == 0;
            let active = versions::in_state(&mut conn, State::Active).await?;
            Ok::<_, DocumentsError>(active.filter(|_| is_idle))
        };
        match idle.await {
            Ok(Some(active)) => self.settle(active.version).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "Nobody knows whether documents wait: {error}"),
        }
    }

    /// Whether the version that answers has lost points; says what is wrong.
    pub(super) async fn damage(
        &self,
        active: &IndexVersion,
    ) -> Result<Option<String>, DocumentsError> {
        match self.points_there(active).await {
            Ok((has, should)) if has >= should => Ok(None),
            Ok((has, should)) => Ok(Some(format!("it has {has} points and should have {should}"))),
            Err(DocumentsError::Index(
                error @ (IndexError::Damaged(_) | IndexError::Unknown(_)),
            )) => Ok(Some(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// How many points the version that answers has, and how many it should have.
    async fn points_there(&self, active: &IndexVersion) -> Result<(i64, i64), DocumentsError> {
        let mut conn = self.db().conn().await?;
        let should = versions::points(&mut conn, active.version).await?;
        drop(conn);
        let has = self.engine().count(active.version).await?;
        Ok((i64::try_from(has).unwrap_or(i64::MAX), should))
    }
}
