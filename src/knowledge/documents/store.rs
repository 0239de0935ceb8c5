//! SQL of the documents: items, texts and chunks, versions of the index, what is left to remove.

pub mod chunks; // texts and chunks
pub mod items; // items
pub mod leftovers; // what must still be removed outside
pub mod locks; // who may do what beside whom
pub mod versions; // versions of the index and what lies in them

use crate::platform::db::schema::{index_versions, item_chunks, item_index, item_texts, items};

diesel::allow_tables_to_appear_in_same_query!(
    items,
    item_texts,
    item_chunks,
    item_index,
    index_versions
);
