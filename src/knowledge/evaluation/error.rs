//! Why nothing was measured.

use std::path::PathBuf;

use crate::knowledge::ask::AskError;
use crate::knowledge::documents::DocumentsError;
use crate::knowledge::embedding::EmbeddingError;
use crate::knowledge::index::IndexError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A file is not there or cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A row is not what the layout wants.
    #[error("{}, line {line}: {reason}", path.display())]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder or file has nothing to measure.
    #[error("{} has nothing to measure: {reason}", path.display())]
    Nothing {
        /// Which one.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// Meaning was asked for, and no model makes vectors.
    #[error(
        "modes dense and hybrid want an embedding model; set embedding.provider, or measure --mode words"
    )]
    NoModel,
    /// The model does not do it.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// The index does not do it.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A question was not answered.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A document's text could not be read.
    #[error(transparent)]
    Documents(#[from] DocumentsError),
}
