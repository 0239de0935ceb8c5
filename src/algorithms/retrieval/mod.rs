//! Finding passages and quoting them: words of four languages, BM25, fusion, chunks, sentences, proof.

mod text; // a document's text, pages, blocks

pub use self::text::{Block, BlockKind, Canonical, Page, Span};
