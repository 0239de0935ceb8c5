//! A folder with a model: which files it has, and what they say.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::bert::Config;
use super::model::EmbeddingError;

/// Largest file of weights that is read, in bytes: a large encoder in single precision.
const WEIGHTS_BYTES_MAX: u64 = 3 << 30;

/// How the vectors of tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// That of the first token.
    First,
}

/// What kind of model it is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// An encoder with its pooling.
    Encoder(Box<Config>, Pooling),
    /// A table of vectors of tokens.
    Table,
}

/// A folder that holds a model which Luna can compute.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Tokens that its makers let it see at most, where they say so.
    pub tokens_max: Option<usize>,
    /// What its makers want to stand before questions and passages.
    pub prompts: Option<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the file has one switch for each way")]
struct PoolingFile {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

impl Folder {
    /// Looks at the small files of the folder.
    pub fn open(path: &Path) -> Result<Self, EmbeddingError> {
        if !path.is_dir() {
            return Err(unusable(path, "is no folder"));
        }
        for file in [Self::WEIGHTS, "tokenizer.json"] {
            if !path.join(file).is_file() {
                return Err(unusable(path, &format!("holds no {file}")));
            }
        }
        let config: Value = read_json(path, "config.json")?.unwrap_or_default();
        let is_table = config["model_type"] == "model2vec"
            || config.get("model_type").is_none() && config.get("hidden_size").is_none();
        let kind = if is_table { Kind::Table } else { encoder(path, config)? };
        let sentences: Value = read_json(path, "sentence_bert_config.json")?.unwrap_or_default();
        let tokens_max = sentences["max_seq_length"].as_u64();
        Ok(Self {
            path: path.to_owned(),
            kind,
            tokens_max: tokens_max.and_then(|tokens| usize::try_from(tokens).ok()),
            prompts: prompts(path)?,
        })
    }

    /// Name of the file of weights.
    pub const WEIGHTS: &str = "model.safetensors";

    /// Name of the folder, in place of the model's.
    pub fn name(&self) -> String {
        let whole = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "model".to_owned())
    }

    /// The bytes of the weights.
    pub fn weights(&self) -> Result<Vec<u8>, EmbeddingError> {
        let file = self.path.join(Self::WEIGHTS);
        let bytes = fs::metadata(&file).map_or(0, |file| file.len());
        if bytes > WEIGHTS_BYTES_MAX {
            let most = WEIGHTS_BYTES_MAX >> 20;
            return Err(unusable(&self.path, &format!("holds weights of more than {most} MB")));
        }
        fs::read(&file).map_err(|error| {
            unusable(&self.path, &format!("holds a {} that cannot be read: {error}", Self::WEIGHTS))
        })
    }

    /// The tokenizer, which neither cuts nor fills up.
    pub fn tokenizer(&self) -> Result<Tokenizer, EmbeddingError> {
        let broken = |error: tokenizers::Error| {
            unusable(&self.path, &format!("holds a broken tokenizer.json: {error}"))
        };
        let mut tokenizer =
            Tokenizer::from_file(self.path.join("tokenizer.json")).map_err(broken)?;
        tokenizer.with_truncation(None).map_err(broken)?;
        tokenizer.with_padding(None);
        Ok(tokenizer)
    }

    /// An error about this folder.
    pub fn unusable(&self, what: &str) -> EmbeddingError {
        unusable(&self.path, what)
    }
}

fn unusable(path: &Path, what: &str) -> EmbeddingError {
    EmbeddingError::Unusable(format!("the folder {} {what}", path.display()))
}

fn read_json(path: &Path, name: &str) -> Result<Option<Value>, EmbeddingError> {
    let file = path.join(name);
    if !file.is_file() {
        return Ok(None);
    }
    let broken =
        |error: &dyn std::error::Error| unusable(path, &format!("holds a broken {name}: {error}"));
    let text = fs::read(&file).map_err(|error| broken(&error))?;
    serde_json::from_slice(&text).map_err(|error| broken(&error))
}

fn encoder(path: &Path, config: Value) -> Result<Kind, EmbeddingError> {
    let config: Config = serde_json::from_value(config).map_err(|error| {
        unusable(path, &format!("holds a config.json that says too little: {error}"))
    })?;
    if let Some(unknown) = config.unknown() {
        return Err(unusable(path, &format!("holds a model that Luna cannot compute: {unknown}")));
    }
    let modules: Value = read_json(path, "modules.json")?.unwrap_or_default();
    let known = ["Transformer", "Pooling", "Normalize"];
    for module in modules.as_array().into_iter().flatten() {
        let kind = module["type"].as_str().unwrap_or_default();
        if !known.iter().any(|known| kind.ends_with(known)) {
            return Err(unusable(
                path,
                &format!("holds a model with a step {kind}, which is not known"),
            ));
        }
    }
    let pooling: PoolingFile = read_json(path, "1_Pooling/config.json")?
        .map_or_else(|| Ok(PoolingFile::default()), serde_json::from_value)
        .map_err(|error| {
            unusable(path, &format!("holds a broken 1_Pooling/config.json: {error}"))
        })?;
    if pooling.pooling_mode_max_tokens
        || pooling.pooling_mode_mean_sqrt_len_tokens
        || pooling.pooling_mode_weightedmean_tokens
        || pooling.pooling_mode_lasttoken
        || pooling.pooling_mode_cls_token && pooling.pooling_mode_mean_tokens
    {
        return Err(unusable(path, "wants another pooling than the mean or the first token"));
    }
    let pooling = if pooling.pooling_mode_cls_token { Pooling::First } else { Pooling::Mean };
    Ok(Kind::Encoder(Box::new(config), pooling))
}

/// What the makers' own tools would put before questions and passages.
fn prompts(path: &Path) -> Result<Option<(String, String)>, EmbeddingError> {
    let file: Value = read_json(path, "config_sentence_transformers.json")?.unwrap_or_default();
    let Some(prompts) = file["prompts"].as_object() else { return Ok(None) };
    let of = |names: &[&str]| {
        let found = names.iter().find_map(|name| prompts.get(*name)?.as_str());
        found.filter(|prompt| !prompt.is_empty()).map(str::to_owned)
    };
    let (query, passage) = (of(&["query"]), of(&["passage", "document", "corpus"]));
    let is_said = query.is_some() || passage.is_some();
    Ok(is_said.then(|| (query.unwrap_or_default(), passage.unwrap_or_default())))
}
