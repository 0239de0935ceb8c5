//! A model as one file: a ZIP archive of a manifest, the model's bytes and golden rows.

use std::io::{Cursor, Read, Write};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::signature::{BundleKey, Signature, subject};
use crate::learning::features::Regime;
use crate::learning::registry::EventRule;
use crate::learning::registry::Format;
use crate::learning::registry::GoldenRow;
use crate::learning::registry::MissingValues;

/// The version of the form that is written and read.
pub(super) const SCHEMA: u32 = 1;
/// What the manifest, the model and the rows are called in the archive.
const MANIFEST: &str = "manifest.json";
const MODEL: &str = "model.bin";
const GOLDEN: &str = "golden.json";
const SIGNATURE: &str = "signature.json";
/// Longest manifest and longest list of golden rows, unpacked, in bytes.
const TEXT_MAX: u64 = 16 << 20;
/// How often a byte of an archive may unpack, at most, beyond what models need.
const MODEL_UNPACKED_MAX: u64 = 256 << 20;

/// What a bundle says about its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form: 1.
    pub schema: u32,
    /// Name that versions share.
    pub name: String,
    /// Algorithm.
    pub model_type: String,
    /// Series that it forecasts.
    pub target_variable: String,
    /// `value`, or `event` for a probability.
    pub task: String,
    /// The event it gives the probability of.
    #[serde(default)]
    pub event: Option<EventRule>,
    /// Features in column order.
    pub features: Vec<String>,
    /// How far it looks ahead, in minutes.
    pub future_minutes: i64,
    /// What is done where a feature is missing.
    pub missing_values: MissingValues,
    /// Phases that it has learned from; absent: all days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// First instant it was fitted on.
    pub train_start: DateTime<Utc>,
    /// End of what it was fitted on.
    pub train_end: DateTime<Utc>,
    /// Hyper-parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// What its maker found about it; Luna's own form can open the gate.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub scores: serde_json::Map<String, serde_json::Value>,
    /// How the model's bytes are written.
    pub format: Format,
    /// SHA-256 of the model's bytes.
    pub model_sha256: String,
    /// When the bundle was made.
    pub created_at: DateTime<Utc>,
}

/// An unpacked bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The model.
    pub model: Vec<u8>,
    /// Rows with what the model makes of them.
    pub golden: Vec<GoldenRow>,
    /// Public key of whoever signed it, where somebody did and the signature fits.
    pub signed_by: Option<String>,
}

/// What is wrong with a bundle, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct Fault {
    /// Path of the field, e.g. `manifest.features[3]`.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

impl Fault {
    pub(super) fn new(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self { field: field.into(), what: what.into() }
    }
}

impl Bundle {
    /// The archive, without a signature. The same bundle gives the same bytes.
    #[cfg(test)]
    pub fn pack(&self) -> Result<Vec<u8>, std::io::Error> {
        self.pack_with(None)
    }

    /// The archive, signed by whoever has `key`.
    pub(super) fn pack_signed(&self, key: &BundleKey) -> Result<Vec<u8>, std::io::Error> {
        self.pack_with(Some(key))
    }

    fn pack_with(&self, key: Option<&BundleKey>) -> Result<Vec<u8>, std::io::Error> {
        // Without a date of its own, so that bytes can be compared.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default());
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let mut texts = vec![
            (MANIFEST, serde_json::to_vec_pretty(&self.manifest)?),
            (GOLDEN, serde_json::to_vec(&self.golden)?),
        ];
        if let Some(key) = key {
            let signature = key.sign(&subject(&texts[0].1, &texts[1].1, &self.model));
            texts.push((SIGNATURE, serde_json::to_vec_pretty(&signature)?));
        }
        for (name, bytes) in &texts {
            archive.start_file(*name, options)?;
            archive.write_all(bytes)?;
        }
        archive.start_file(MODEL, options)?;
        archive.write_all(&self.model)?;
        Ok(archive.finish()?.into_inner())
    }

    /// The bundle in `bytes`, whose parts are there and have the right form, and whose signature
    /// fits where it has one; nothing is said about the model yet.
    pub fn unpack(bytes: &[u8]) -> Result<Self, Fault> {
        let archive = ZipArchive::new(Cursor::new(bytes));
        let mut archive = archive
            .map_err(|error| Fault::new("file", format!("it is no ZIP archive: {error}")))?;
        if archive.len() > 16 {
            return Err(Fault::new("file", "it holds more than a manifest, a model and rows"));
        }
        let manifest_text = part(&mut archive, MANIFEST, TEXT_MAX)?;
        let manifest = parse("manifest", &manifest_text)?;
        let golden_text = part(&mut archive, GOLDEN, TEXT_MAX)?;
        let golden = parse("golden", &golden_text)?;
        let model = part(&mut archive, MODEL, MODEL_UNPACKED_MAX)?;
        let signed_by = if archive.index_for_name(SIGNATURE).is_some() {
            let text = part(&mut archive, SIGNATURE, TEXT_MAX)?;
            let signature: Signature = parse("signature", &text)?;
            Some(signature.verified(&subject(&manifest_text, &golden_text, &model))?)
        } else {
            None
        };
        Ok(Self { manifest, model, golden, signed_by })
    }
}

/// A file of the archive. What the directory says about sizes is the sender's word: bytes are
/// counted.
fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str, most: u64) -> Result<Vec<u8>, Fault> {
    let file = archive.by_name(name).map_err(|error| {
        Fault::new(name, format!("it cannot be read from the archive: {error}"))
    })?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::new(name, format!("it is damaged: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(Fault::new(name, format!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let named = ["missing field `", "unknown field `"]
            .iter()
            .find_map(|start| message.strip_prefix(start)?.split_once('`'));
        let mut field = what.to_owned();
        if path.starts_with('[') {
            field.push_str(&path);
        } else if path != "." && path != "?" {
            field = format!("{field}.{path}");
        }
        // serde names a missing or unknown field in its message only.
        if let Some((name, _)) = named.filter(|(name, _)| !field.ends_with(&format!(".{name}"))) {
            field = format!("{field}.{name}");
        }
        Fault::new(field, message)
    })
}
