//! Finding passages and quoting them: words of four languages, BM25, fusion, chunks, sentences, proof.

mod text; // a document's text, pages, blocks
mod language; // which of four languages
mod stop_words; // words that carry a sentence but not its subject
mod porter; // English stems
mod analysis; // from words to terms
mod hashing; // terms as numbers
mod parts_list; // what German compounds are made of
mod compounds; // takes them apart
mod concepts_list; // what four languages call the same thing
mod concepts; // other names of a term
mod common_list; // words of everyday speech
mod common; // which words are
mod lexicon; // passages and questions as weights
mod bm25; // exact scoring in memory
mod fusion; // one list out of two
mod everyday_list; // what people ask and say at home
mod meaning; // what a cosine is worth
mod sentences; // where sentences end
mod enumeration; // points of lists and what leads to them
mod outline; // sections by headings and articles
mod chunk; // passages along the structure
mod hints_list; // words that ask, words that answer
mod hints; // what kind of answer is wanted
mod calibration; // rank and probability of a sentence
mod similar; // words that are written alike
mod question; // how much of a question a text has
mod select; // sentences that answer
mod quote; // quotes and their proof
mod measures; // how good a ranking is
mod safety; // words are no orders
#[cfg(test)]
mod tests;

pub use self::bm25::Exact;
pub use self::chunk::{ChunkSettings, chunk};
pub use self::compounds::Compounds;
pub use self::fusion::{Fusion, fuse};
pub use self::language::Language;
pub use self::lexicon::Words;
pub use self::meaning::{Everyday, cosine};
pub use self::measures::{ndcg_at, recall_at, reciprocal_rank};
pub use self::outline::{in_section, section_at};
pub use self::quote::{CharOffsets, Quote, prove};
pub use self::safety::{datamark, instruction_like};
pub use self::select::{Ask, Passage, Selection, Shortlist};
pub use self::sentences::sentences;
pub use self::text::{Block, BlockKind, Canonical, Page, Span};
