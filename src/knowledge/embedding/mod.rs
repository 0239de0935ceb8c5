//! Texts as vectors: by a served model, by a model file in a folder, or not at all.

mod bert; // an encoder of the BERT class
mod folder; // a folder with a model: which files it has
mod local; // vectors from a model in a folder
mod model; // the face of all embedders
mod ollama; // vectors from an Ollama server
mod openai; // vectors from a server with the API of `OpenAI`
mod prompts; // what some models want to stand before a text
mod remote; // a model at a server, with what is kept of it
mod served; // requests to a server that makes vectors
mod service; // the embedder that the settings name
mod settings; // the `[embedding]` section
mod table; // a table of vectors, one per token
#[cfg(test)]
mod tests;

pub use self::model::{EmbeddingError, ModelCard, Purpose};
pub use self::service::Embedding;
#[cfg(test)]
pub use self::settings::Provider;
pub use self::settings::Settings;
