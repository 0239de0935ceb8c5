//! An encoder of the BERT class: BERT, `RoBERTa`, XLM-`RoBERTa`.
//!
//! Source: Devlin et al., NAACL 2019; Liu et al., arXiv 1907.11692, whose positions begin behind the
//! padding's. Names of the weights are those that the makers' files have.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module, VarBuilder};
use serde::Deserialize;

/// What the file `config.json` says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    pub model_type: String,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub vocab_size: usize,
    pub max_position_embeddings: usize,
    #[serde(default = "one")]
    pub type_vocab_size: usize,
    #[serde(default = "gelu")]
    pub hidden_act: String,
    #[serde(default = "small")]
    pub layer_norm_eps: f64,
    #[serde(default)]
    pub pad_token_id: u32,
    #[serde(default)]
    pub position_embedding_type: Option<String>,
}

const fn one() -> usize {
    1
}

const fn small() -> f64 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

/// A function between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activation {
    Gelu,
    GeluByTanh,
    Relu,
}

impl Config {
    /// What of it Luna cannot compute, if anything.
    pub fn unknown(&self) -> Option<String> {
        if !matches!(self.model_type.as_str(), "bert" | "roberta" | "xlm-roberta" | "camembert") {
            let kind = &self.model_type;
            return Some(format!(
                "it is of the kind {kind}; Luna computes bert, roberta, xlm-roberta, camembert and \
                 model2vec"
            ));
        }
        if self.activation().is_none() {
            return Some(format!("it wants the activation {}", self.hidden_act));
        }
        let positions = self.position_embedding_type.as_deref();
        if let Some(kind) = positions.filter(|kind| *kind != "absolute") {
            return Some(format!("it wants positions of the kind {kind}"));
        }
        let heads = self.num_attention_heads;
        (heads == 0 || !self.hidden_size.is_multiple_of(heads))
            .then(|| format!("{heads} heads do not share {} numbers", self.hidden_size))
    }

    fn activation(&self) -> Option<Activation> {
        match self.hidden_act.as_str() {
            "gelu" => Some(Activation::Gelu),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Some(Activation::GeluByTanh),
            "relu" => Some(Activation::Relu),
            _ => None,
        }
    }

    /// The position of the first token.
    fn first_position(&self) -> usize {
        if self.model_type == "bert" { 0 } else { self.pad_token_id as usize + 1 }
    }

    /// Tokens that have a position.
    pub fn tokens_max(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_position())
    }
}

/// The weights.
pub(super) struct Bert {
    words: Embedding,
    positions: Tensor,
    kinds: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    first_position: usize,
    tokens_max: usize,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    mixed: Linear,
    mixed_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
    norm: LayerNorm,
    heads: usize,
    activation: Activation,
}

impl Bert {
    /// The model whose weights are the bytes of a safetensors file, as numbers of single precision.
    pub fn new(weights: Vec<u8>, config: &Config) -> Result<Self> {
        let all = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
        // Files of a bare encoder name its parts at once, those of a larger model below its kind.
        let kind = ["", "bert", "roberta", "model", "camembert"].into_iter().find(|kind| {
            let part = if kind.is_empty() { String::new() } else { format!("{kind}.") };
            all.contains_tensor(&format!("{part}embeddings.word_embeddings.weight"))
        });
        let root = match kind {
            Some("") => all,
            Some(kind) => all.pp(kind),
            None => candle_core::bail!("there is no tensor embeddings.word_embeddings.weight"),
        };
        let (size, at) = (config.hidden_size, root.pp("embeddings"));
        let words = at.get((config.vocab_size, size), "word_embeddings.weight")?;
        let positions =
            at.get((config.max_position_embeddings, size), "position_embeddings.weight")?;
        let kinds = at.get((config.type_vocab_size, size), "token_type_embeddings.weight")?;
        let layers = (0..config.num_hidden_layers)
            .map(|number| Layer::new(&root.pp(format!("encoder.layer.{number}")), config));
        Ok(Self {
            words: Embedding::new(words, size),
            positions,
            kinds: kinds.get(0)?,
            norm: norm(&at.pp("LayerNorm"), config)?,
            layers: layers.collect::<Result<_>>()?,
            first_position: config.first_position(),
            tokens_max: config.tokens_max(),
        })
    }

    /// Tokens that have a position.
    pub const fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// What the last layer says about each token: `[texts, tokens, numbers]`. `ids` are the tokens of
    /// texts of equal length, shorter ones filled up; `mask` is 1 where there is a token, else 0.
    pub fn forward(&self, ids: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (_, length) = ids.dims2()?;
        let positions = self.positions.narrow(0, self.first_position, length)?;
        let sum = self.words.forward(ids)?.broadcast_add(&positions)?.broadcast_add(&self.kinds)?;
        let mut state = self.norm.forward(&sum)?;
        // A very negative number before the softmax: nobody looks at what only fills up.
        let hidden = mask.affine(-1.0, 1.0)?.affine(-1e9, 0.0)?.unsqueeze(1)?.unsqueeze(1)?;
        for layer in &self.layers {
            state = layer.forward(&state, &hidden)?;
        }
        Ok(state)
    }
}

impl Layer {
    fn new(at: &VarBuilder<'_>, config: &Config) -> Result<Self> {
        let (size, wide) = (config.hidden_size, config.intermediate_size);
        let Some(activation) = config.activation() else {
            candle_core::bail!("the activation {} is not known", config.hidden_act)
        };
        Ok(Self {
            query: linear(&at.pp("attention.self.query"), size, size)?,
            key: linear(&at.pp("attention.self.key"), size, size)?,
            value: linear(&at.pp("attention.self.value"), size, size)?,
            mixed: linear(&at.pp("attention.output.dense"), size, size)?,
            mixed_norm: norm(&at.pp("attention.output.LayerNorm"), config)?,
            wide: linear(&at.pp("intermediate.dense"), size, wide)?,
            narrow: linear(&at.pp("output.dense"), wide, size)?,
            norm: norm(&at.pp("output.LayerNorm"), config)?,
            heads: config.num_attention_heads,
            activation,
        })
    }

    fn forward(&self, state: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let (texts, length, size) = state.dims3()?;
        let per_head = size / self.heads;
        let split = |linear: &Linear| {
            linear
                .forward(state)?
                .reshape((texts, length, self.heads, per_head))?
                .transpose(1, 2)?
                .contiguous()
        };
        let (query, key, value) = (split(&self.query)?, split(&self.key)?, split(&self.value)?);
        let scale = 1.0 / (per_head as f64).sqrt();
        let scores = query.affine(scale, 0.0)?.matmul(&key.t()?)?.broadcast_add(hidden)?;
        let shares = candle_nn::ops::softmax_last_dim(&scores)?;
        let seen = shares.matmul(&value)?.transpose(1, 2)?.contiguous()?.flatten_from(D::Minus2)?;
        let mixed = self.mixed_norm.forward(&(self.mixed.forward(&seen)? + state)?)?;
        let wide = self.wide.forward(&mixed)?;
        let wide = match self.activation {
            Activation::Gelu => wide.gelu_erf()?,
            Activation::GeluByTanh => wide.gelu()?,
            Activation::Relu => wide.relu()?,
        };
        self.norm.forward(&(self.narrow.forward(&wide)? + mixed)?)
    }
}

fn linear(at: &VarBuilder<'_>, from: usize, to: usize) -> Result<Linear> {
    Ok(Linear::new(at.get((to, from), "weight")?, Some(at.get(to, "bias")?)))
}

/// Old files call weight and bias gamma and beta.
fn norm(at: &VarBuilder<'_>, config: &Config) -> Result<LayerNorm> {
    let names = if at.contains_tensor("gamma") { ["gamma", "beta"] } else { ["weight", "bias"] };
    let [weight, bias] = names.map(|name| at.get(config.hidden_size, name));
    Ok(LayerNorm::new(weight?, bias?, config.layer_norm_eps))
}
