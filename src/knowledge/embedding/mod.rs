//! Texts as vectors: by a served model, by a model file in a folder, or not at all.

mod model; // the face of all embedders

pub use self::model::{Embedder, EmbeddingError, ModelCard, Purpose};
