//! How well passages are found and questions answered: on public sets with judgements, and on questions of
//! one's own about one's own documents.

mod error; // why nothing was measured
mod dataset; // passages, questions and judgements in the layout of BEIR
mod retrieval; // rankings held against the judgements
mod questions; // questions whose answers are known
mod answers; // answers held against them
#[cfg(test)]
mod tests;

pub use self::answers::{AnswersReport, answer_all};
pub use self::dataset::Dataset;
pub use self::questions::{Question, Split};
pub use self::retrieval::{Bench, RetrievalMode, RetrievalReport, rank_all};
