//! Finding passages: both lists, one out of two, what of them the asker may read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::error::AskError;
use super::exact::Which;
use super::meaning::{Meaning, Seen};
use super::model::{FusionName, Retrieval, Scores, SearchRequest, Timings};
use super::settings::Settings;
use super::watch::Watch;
use crate::algorithms::retrieval::{Fusion, Language, Words, fuse};
use crate::knowledge::documents::{ChunkRecord, Documents, IndexVersion, ItemRecord, Status};
use crate::knowledge::embedding::{Embedding, Purpose};
use crate::knowledge::index;
use crate::knowledge::index::{Engine, Filter, IndexError, Search, SparseVector};
use crate::platform::web::Role;

/// Candidates of each list for a passage that is wanted.
const CANDIDATES_PER_PASSAGE: usize = 5;
/// Candidates of each list at least.
const CANDIDATES_MIN: usize = 50;
/// How many times as many are looked for with a model, since passages in other languages move up in its list.
const LOOKED_FOR: usize = 2;

/// Documents, their index, and what makes vectors of questions. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Library {
    pub documents: Documents,
    pub index: Arc<dyn Engine>,
    pub embedding: Embedding,
    pub seen: Seen,
}

/// A passage that was found.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub chunk: ChunkRecord,
    pub item: Arc<ItemRecord>,
    pub scores: Scores,
}

/// Passages, and how they were found.
pub(super) struct Found {
    /// Best first.
    pub hits: Vec<Hit>,
    pub retrieval: Retrieval,
    /// How texts are read.
    pub words: Arc<Words>,
    /// Language of the question, where it is clear.
    pub language: Option<Language>,
    /// The question as the model sees it, where one is set up and answers.
    pub meaning: Option<Meaning>,
    pub timings: Timings,
}

/// Terms of a question by their numbers, with what each weighs.
pub(super) type Weights = (Vec<u32>, Vec<f32>);

/// Chunks with their scores, best first.
pub(super) type Ranked = Vec<(Uuid, f32)>;

impl Library {
    /// The best passages that `role` may read.
    pub async fn find(
        &self,
        request: &SearchRequest,
        role: Role,
        settings: &Settings,
        watch: &mut Watch,
    ) -> Result<Found, AskError> {
        let k = usize::from(request.k.unwrap_or(settings.passages));
        let version = self.documents.active_version().await?;
        let words = self.documents.words().await?;
        let language = Language::detect(&request.question);
        let mut timings = Timings::default();
        let (meaning, mut note) = match self.meaning(&version, &request.question).await {
            Ok(meaning) => (meaning, None),
            Err(why) => {
                tracing::warn!("A question is answered by words alone, because {why}");
                (None, Some(why))
            }
        };
        timings.embed_ms = watch.lap("embed");
        let weights = words.query(&request.question, language);
        let limit = (k * CANDIDATES_PER_PASSAGE).max(CANDIDATES_MIN);
        let filter = self.filter(request, role).await?;
        let dense = meaning.as_ref().map(|meaning| meaning.vector.clone());
        let deep = if dense.is_some() { LOOKED_FOR * limit } else { limit };
        let looked = self.look(&version, (&weights, dense), filter, deep).await;
        let (mut by_words, by_meaning) = match looked {
            Ok(found) => (ranked(&found.words), ranked(&found.dense)),
            // The database is the truth: its words answer while the index is away.
            Err(why) => {
                tracing::warn!("A question is answered without the index, because {why}");
                let both = (words.as_ref(), &weights);
                let (found, left_out) =
                    self.exact(Which::Present, request, role, both, limit).await?;
                note = Some(without_index(&why, left_out));
                (found, Ranked::new())
            }
        };
        let cosines: HashMap<Uuid, f32> = by_meaning.iter().copied().collect();
        let found = (language, by_meaning);
        let (share, mut by_meaning) =
            self.across(settings.dense_share, meaning.as_ref(), found).await?;
        by_words.truncate(limit);
        by_meaning.truncate(limit);
        let mut fused = fuse(&by_words, &by_meaning, fusion(request, settings, share));
        if request.include_superseded {
            let both = (words.as_ref(), &weights);
            let (older, left_out) = self.exact(Which::Replaced, request, role, both, limit).await?;
            if left_out > 0 {
                note = note.or_else(|| {
                    Some(format!("{left_out} earlier versions were not read; name the document"))
                });
            }
            // Both lists share no chunk: each keeps its order, and they meet by their scores.
            fused = fuse(&fused, &older, Fusion::default());
        }
        timings.search_ms = watch.lap("search");
        let lists = [by_words.iter().copied().collect(), cosines];
        let hits = self.read(&fused, &lists, (request, role, k)).await?;
        timings.load_ms = watch.lap("load");
        let retrieval = Retrieval {
            index_version: version.version,
            language: language.map(Into::into),
            words_found: by_words.len(),
            dense_found: by_meaning.len(),
            fusion: request.fusion,
            sentences_compared: 0,
            note,
        };
        Ok(Found { hits, retrieval, words, language, meaning, timings })
    }

    /// Both lists; a question of nothing but stop words finds nothing.
    async fn look(
        &self,
        version: &IndexVersion,
        ((indices, values), dense): (&Weights, Option<Vec<f32>>),
        filter: Filter,
        limit: usize,
    ) -> Result<index::Found, IndexError> {
        let words = (!indices.is_empty())
            .then(|| SparseVector { indices: indices.clone(), values: values.clone() });
        if words.is_none() && dense.is_none() {
            return Ok(index::Found::default());
        }
        self.index.search(version.version, Search { words, dense, filter, limit }).await
    }

    /// The list by meaning, fair to passages in other languages than the question, and its weight.
    async fn across(
        &self,
        share: f64,
        meaning: Option<&Meaning>,
        (language, by_meaning): (Option<Language>, Ranked),
    ) -> Result<(f64, Ranked), AskError> {
        let Some(meaning) = meaning.filter(|_| language.is_some()) else {
            return Ok((share, by_meaning));
        };
        let ids: Vec<Uuid> = by_meaning.iter().map(|(id, _)| *id).collect();
        let languages = self.documents.chunk_languages(&ids).await?;
        let of = |id: &Uuid| languages.get(id).copied();
        let share = meaning.everyday.share(share, language, &by_meaning, of);
        Ok((share, meaning.everyday.levelled(language, by_meaning, of)))
    }

    /// The question as a vector of the kind that the index holds, and what it takes to use that; absent where
    /// no model is set up.
    ///
    /// # Errors
    ///
    /// A sentence, where there should be one.
    async fn meaning(
        &self,
        version: &IndexVersion,
        question: &str,
    ) -> Result<Option<Meaning>, String> {
        if !self.embedding.is_on() {
            return Ok(None);
        }
        let Some(dimension) = version.dimension else {
            return Err(
                "the index holds words only until luna documents reindex has run".to_owned()
            );
        };
        let card = self.embedding.card().await.map_err(|error| error.to_string())?;
        let digest = card.map(|card| card.digest);
        if digest != version.digest {
            let made = version.embedder.as_deref().unwrap_or_default();
            return Err(format!(
                "the index was made with {made}, another model than the present one"
            ));
        }
        let texts = [question.to_owned()];
        let made = self.embedding.embed(&texts, Purpose::Query).await;
        let made = made.map_err(|error| error.to_string())?;
        let vector = made.and_then(|mut vectors| vectors.pop());
        let vector = vector.filter(|vector| vector.len() == dimension);
        let vector = vector.ok_or("the model made no vector that fits the index")?;
        let everyday = self.seen.by(&self.embedding, &digest.unwrap_or_default()).await;
        let everyday = everyday.map_err(|error| error.to_string())?;
        Ok(Some(Meaning { vector, everyday, embedding: self.embedding.clone() }))
    }

    /// What passages must be; what `role` may not read is left out by the engine already.
    async fn filter(&self, request: &SearchRequest, role: Role) -> Result<Filter, AskError> {
        let language = request.filters.language.map(|it| it.language().code().to_owned());
        let hidden = self.documents.visible_items(role).await?;
        Ok(Filter {
            items: request.filters.documents.clone(),
            without_items: hidden.unwrap_or_default(),
            tags: request.filters.tags.clone(),
            languages: language.into_iter().collect(),
        })
    }

    /// The first `k` of `fused` that are still there and that `role` may read: the index may be a
    /// moment behind the database, which decides.
    async fn read(
        &self,
        fused: &[(Uuid, f32)],
        [by_words, by_meaning]: &[HashMap<Uuid, f32>; 2],
        (request, role, k): (&SearchRequest, Role, usize),
    ) -> Result<Vec<Hit>, AskError> {
        let ids: Vec<Uuid> = fused.iter().take(2 * k).map(|(id, _)| *id).collect();
        let chunks = self.documents.chunks_by_id(&ids).await?;
        let mut chunks: HashMap<Uuid, ChunkRecord> =
            chunks.into_iter().map(|chunk| (chunk.chunk_id, chunk)).collect();
        let of: HashSet<Uuid> = chunks.values().map(|chunk| chunk.item_id).collect();
        let of: Vec<Uuid> = of.into_iter().collect();
        let items: HashMap<Uuid, Arc<ItemRecord>> = self
            .documents
            .readable_all(&of, role)
            .await?
            .into_iter()
            .filter(|item| item.status == Status::Ready)
            .filter(|item| request.include_superseded || item.superseded_at.is_none())
            .map(|item| (item.item_id, Arc::new(item)))
            .collect();
        let hit = |(id, score): &(Uuid, f32)| {
            let chunk = chunks.remove(id)?;
            let item = Arc::clone(items.get(&chunk.item_id)?);
            let scores = Scores {
                score: *score,
                words_score: by_words.get(id).copied(),
                dense_score: by_meaning.get(id).copied(),
            };
            Some(Hit { chunk, item, scores })
        };
        Ok(fused.iter().filter_map(hit).take(k).collect())
    }
}

fn without_index(why: &IndexError, left_out: usize) -> String {
    let rest =
        if left_out > 0 { format!("; {left_out} documents were not read") } else { String::new() };
    format!("{why}; passages were found by their words in the database{rest}")
}

fn ranked(hits: &[index::Hit]) -> Ranked {
    hits.iter().map(|hit| (hit.chunk_id, hit.score)).collect()
}

fn fusion(request: &SearchRequest, settings: &Settings, dense_share: f64) -> Fusion {
    match request.fusion {
        FusionName::MinMax => Fusion::MinMax { dense_share },
        FusionName::Rrf => Fusion::Rrf { k: settings.rrf_k },
    }
}
