//! Tests of finding and quoting, against values worked out by hand and against published ones.

mod chunks; // along the structure, nothing lost
mod published; // XQuAD: what Lucene reaches is reached
mod quotes; // offsets, proof, marks, orders
mod ranking; // BM25, fusion, measures
mod selecting; // sentences that answer, and abstaining
mod splitting; // sentences
mod words; // languages, stems, compounds
