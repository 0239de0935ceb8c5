//! From documents to answers that quote them.

pub mod extract; // text out of files, in a child process
pub mod embedding; // texts as vectors
pub mod index; // chunks that are found by words and by vectors
pub mod documents; // items, versions, chunks, their way in
pub mod ask; // questions, passages, answers with proof
pub mod evaluation; // how well passages are found and questions answered
