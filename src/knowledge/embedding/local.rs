//! Vectors from a model in a folder, computed by Luna itself on the pool for heavy work.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;
use tokio::sync::OnceCell;

use super::bert::Bert;
use super::folder::{Folder, Kind, Pooling};
use super::model::{Embedder, EmbeddingError, ModelCard, Purpose};
use super::prompts::Prompts;
use super::served::{estimated_tokens, unit};
use super::settings::Settings;
use super::table::{self, Table};
use crate::base::timeline::Clock;
use crate::platform::runtime::CpuPool;

/// Tokens that are computed at once, those that only fill up included: on two cores about half a
/// second of a small encoder, after which somebody else may have the processor.
const TOKENS_AT_ONCE: usize = 2_048;

/// A model in a folder; it is loaded when it is first needed.
pub(super) struct Local {
    folder: PathBuf,
    settings: Settings,
    pool: CpuPool,
    clock: Clock,
    loaded: OnceCell<Arc<Loaded>>,
    /// For counting tokens before anything is embedded.
    tokenizer: OnceLock<Option<Tokenizer>>,
}

/// A model in memory.
struct Loaded {
    tokenizer: Tokenizer,
    weights: Weights,
    card: ModelCard,
    prompts: Prompts,
    pad: u32,
}

enum Weights {
    Encoder(Box<Bert>, Pooling),
    Table(Table),
}

impl Local {
    pub fn new(settings: &Settings, pool: CpuPool, clock: Clock) -> Self {
        Self {
            folder: settings.folder.clone().unwrap_or_default(),
            settings: settings.clone(),
            pool,
            clock,
            loaded: OnceCell::new(),
            tokenizer: OnceLock::new(),
        }
    }

    async fn loaded(&self) -> Result<Arc<Loaded>, EmbeddingError> {
        let loaded = self.loaded.get_or_try_init(|| async {
            let (folder, settings) = (self.folder.clone(), self.settings.clone());
            let loaded =
                self.off("embedding.load", move || Loaded::load(&folder, &settings)).await?;
            let (name, dimension) = (&loaded.card.name, loaded.card.dimension);
            tracing::info!(
                model = name,
                dimension,
                "Loaded {name}: vectors of {dimension} numbers"
            );
            Ok(Arc::new(loaded))
        });
        loaded.await.cloned()
    }

    /// What `work` makes on the pool.
    async fn off<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> Result<T, EmbeddingError> + Send + 'static,
    ) -> Result<T, EmbeddingError> {
        let made = self.pool.run(name, work).await;
        made.map_err(|error| EmbeddingError::Unavailable(error.to_string()))?
    }
}

#[async_trait::async_trait]
impl Embedder for Local {
    async fn card(&self) -> Result<ModelCard, EmbeddingError> {
        Ok(self.loaded().await?.card.clone())
    }

    async fn embed(
        &self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let loaded = self.loaded().await?;
        let (texts, model) = (loaded.prompts.before(texts, purpose), Arc::clone(&loaded));
        let tokens = self.off("embedding.tokens", move || model.ids(&texts)).await?;
        let tokens = Arc::new(tokens);
        let mut all = vec![Vec::new(); tokens.len()];
        let (mut busy, started) = (Duration::ZERO, self.clock.elapsed());
        for batch in batches(&tokens, TOKENS_AT_ONCE) {
            let (model, tokens, places) = (Arc::clone(&loaded), Arc::clone(&tokens), batch.clone());
            let clock = self.clock.clone();
            let (vectors, took) = self
                .off("embedding.vectors", move || {
                    let started = clock.elapsed();
                    let batch: Vec<&[u32]> =
                        places.iter().map(|place| tokens[*place].as_slice()).collect();
                    Ok((model.vectors(&batch)?, clock.elapsed().saturating_sub(started)))
                })
                .await?;
            busy += took;
            for (place, vector) in batch.into_iter().zip(vectors) {
                all[place] = vector;
            }
        }
        if let Some(texts) = u32::try_from(all.len()).ok().filter(|texts| *texts > 0) {
            metrics::gauge!("luna_embedding_text_seconds").set((busy / texts).as_secs_f64());
            let whole = self.clock.elapsed().saturating_sub(started);
            tracing::debug!(texts, ?busy, ?whole, "Embedded {texts} texts");
        }
        Ok(all)
    }

    fn tokens(&self, text: &str) -> usize {
        let counted = |tokenizer: &Tokenizer| {
            tokenizer.encode_fast(text, true).map(|encoding| encoding.len()).ok()
        };
        let loaded = self.loaded.get().and_then(|loaded| counted(&loaded.tokenizer));
        let open = || Folder::open(&self.folder).and_then(|folder| folder.tokenizer()).ok();
        loaded
            .or_else(|| counted(self.tokenizer.get_or_init(open).as_ref()?))
            .unwrap_or_else(|| estimated_tokens(text))
    }
}

impl Loaded {
    fn load(path: &std::path::Path, settings: &Settings) -> Result<Self, EmbeddingError> {
        let folder = Folder::open(path)?;
        let (tokenizer, bytes) = (folder.tokenizer()?, folder.weights()?);
        let digest = hex::encode(Sha256::digest(&bytes));
        let broken =
            |error: &str| folder.unusable(&format!("holds a model that is broken: {error}"));
        let (weights, dimension, most, pad) = match &folder.kind {
            Kind::Encoder(config, pooling) => {
                let bert = Bert::new(bytes, config).map_err(|error| broken(&error.to_string()))?;
                let weights = Weights::Encoder(Box::new(bert), *pooling);
                (weights, config.hidden_size, config.tokens_max(), config.pad_token_id)
            }
            Kind::Table => {
                let unknown = ["[UNK]", "<unk>"].iter().find_map(|it| tokenizer.token_to_id(it));
                let table = Table::new(&bytes, unknown).map_err(|error| broken(&error))?;
                let dimension = table.dimension();
                (Weights::Table(table), dimension, table::TOKENS_MAX, 0)
            }
        };
        let prompts = Prompts::new(settings, &folder.name(), folder.prompts.clone());
        let card = ModelCard {
            name: format!("file:{}", folder.name()),
            digest: digest + &prompts.fingerprint(),
            dimension,
            tokens_max: folder.tokens_max.map_or(most, |wanted| wanted.min(most)),
        };
        Ok(Self { tokenizer, weights, card, prompts, pad })
    }

    /// The tokens of each text; what is longer than the model can see is cut, counted and told.
    fn ids(&self, texts: &[String]) -> Result<Vec<Vec<u32>>, EmbeddingError> {
        let frames = matches!(self.weights, Weights::Encoder(..));
        let most = self.window();
        let mut cut = 0_u32;
        let ids = texts.iter().map(|text| {
            let encoding = self.tokenizer.encode_fast(text.as_str(), frames);
            let encoding = encoding
                .map_err(|error| EmbeddingError::Unusable(format!("no tokens: {error}")))?;
            let mut ids = encoding.get_ids().to_vec();
            if let Some(last) = ids.last().copied()
                && ids.len() > most
            {
                cut += 1;
                ids.truncate(most);
                // The last token closes the text.
                if frames {
                    ids[most - 1] = last;
                }
            }
            Ok(ids)
        });
        let ids: Result<Vec<_>, _> = ids.collect();
        if cut > 0 {
            let name = &self.card.name;
            tracing::warn!(
                model = name,
                cut,
                "{cut} texts are longer than what {name} sees; their ends have no part in their vectors"
            );
            metrics::counter!("luna_embedding_cut_total").increment(cut.into());
        }
        ids
    }

    /// Tokens that can be computed; the card tells how many are wise.
    fn window(&self) -> usize {
        match &self.weights {
            Weights::Encoder(bert, _) => bert.tokens_max(),
            Weights::Table(_) => usize::MAX,
        }
    }

    fn vectors(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        match &self.weights {
            Weights::Table(table) => Ok(batch.iter().map(|ids| table.vector(ids)).collect()),
            Weights::Encoder(bert, pooling) => encoded(bert, *pooling, batch, self.pad)
                .map_err(|error| EmbeddingError::Unusable(format!("{}: {error}", self.card.name))),
        }
    }
}

/// One vector per text of a batch, at length 1.
fn encoded(
    bert: &Bert,
    pooling: Pooling,
    batch: &[&[u32]],
    pad: u32,
) -> candle_core::Result<Vec<Vec<f32>>> {
    let length = batch.iter().map(|ids| ids.len()).max().unwrap_or(0);
    let (mut ids, mut mask) = (Vec::new(), Vec::new());
    for text in batch {
        let filling = length - text.len();
        ids.extend(text.iter().copied().chain(std::iter::repeat_n(pad, filling)));
        mask.extend(std::iter::repeat_n(1.0_f32, text.len()));
        mask.extend(std::iter::repeat_n(0.0_f32, filling));
    }
    let shape = (batch.len(), length);
    let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
    let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
    let state = bert.forward(&ids, &mask)?;
    let pooled = match pooling {
        Pooling::First => state.narrow(1, 0, 1)?.squeeze(1)?,
        Pooling::Mean => {
            let sum = state.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
            sum.broadcast_div(&mask.sum_keepdim(1)?)?
        }
    };
    Ok(pooled.to_vec2()?.into_iter().map(unit).collect())
}

/// Places of texts that are computed together: of like length, so that little is filled up.
fn batches(texts: &[Vec<u32>], tokens_max: usize) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..texts.len()).collect();
    places.sort_by_key(|place| texts[*place].len());
    let mut all: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let length = texts[place].len();
        match all.last_mut() {
            Some(batch) if (batch.len() + 1) * length <= tokens_max => batch.push(place),
            _ => all.push(vec![place]),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_like_length_are_computed_together() {
        let texts: Vec<Vec<u32>> = [5, 90, 6, 200, 7, 95].map(|length| vec![1; length]).into();
        assert_eq!(batches(&texts, 200), [vec![0, 2, 4], vec![1, 5], vec![3]]);
        assert!(batches(&[], 200).is_empty());
    }
}
