//! SQL of the documents: items, texts and chunks, versions of the index, what is left to remove.

pub mod chunks; // texts and chunks
pub mod items; // items
pub mod leftovers; // what must still be removed outside
pub mod locks; // who may do what beside whom
pub mod versions; // versions of the index and what lies in them
