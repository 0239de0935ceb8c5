//! SQL of the tables `item_texts` and `item_chunks`.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::knowledge::documents::model::{ChunkRecord, NewChunk, StoredText};
use crate::platform::db::Conn;
use crate::platform::db::schema::{item_chunks, item_texts, items};

/// Chunks that one statement writes: PostgreSQL takes 65,535 values.
const ROWS: usize = 2_000;

/// Stores the text of a document; an earlier one of it gives way, with its chunks.
pub async fn put_text(conn: &mut Conn, item_id: Uuid, text: &StoredText) -> QueryResult<()> {
    remove(conn, item_id).await?;
    let json = |value: serde_json::Result<Value>| {
        value.map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))
    };
    diesel::insert_into(item_texts::table)
        .values((
            item_texts::item_id.eq(item_id),
            item_texts::text.eq(&text.text),
            item_texts::pages.eq(json(serde_json::to_value(&text.pages))?),
            item_texts::blocks.eq(json(serde_json::to_value(&text.blocks))?),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Removes the text of a document with its chunks.
async fn remove(conn: &mut Conn, item_id: Uuid) -> QueryResult<()> {
    let chunks = item_chunks::table.filter(item_chunks::item_id.eq(item_id));
    diesel::delete(chunks).execute(conn).await?;
    diesel::delete(item_texts::table.find(item_id)).execute(conn).await.map(drop)
}

/// The text of a document.
pub async fn text(conn: &mut Conn, item_id: Uuid) -> QueryResult<Option<StoredText>> {
    let row: Option<(String, Value, Value, Option<String>)> = item_texts::table
        .inner_join(items::table.on(items::item_id.eq(item_texts::item_id)))
        .filter(item_texts::item_id.eq(item_id))
        .select((item_texts::text, item_texts::pages, item_texts::blocks, items::text_sha256))
        .first(conn)
        .await
        .optional()?;
    let Some((text, pages, blocks, sha256)) = row else { return Ok(None) };
    let damaged =
        |error: serde_json::Error| diesel::result::Error::DeserializationError(Box::new(error));
    Ok(Some(StoredText {
        text,
        pages: serde_json::from_value(pages).map_err(damaged)?,
        blocks: serde_json::from_value(blocks).map_err(damaged)?,
        sha256: sha256.unwrap_or_default(),
    }))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = item_chunks, check_for_backend(Pg))]
struct Row {
    chunk_id: Uuid,
    item_id: Uuid,
    chunk_idx: i32,
    text: String,
    page: i32,
    page_end: i32,
    start_char: i32,
    end_char: i32,
    section: Vec<String>,
    search_text: String,
    lang: String,
    tokens: i32,
}

impl From<Row> for ChunkRecord {
    fn from(row: Row) -> Self {
        Self {
            chunk_id: row.chunk_id,
            item_id: row.item_id,
            chunk_idx: row.chunk_idx,
            text: row.text,
            page: row.page,
            page_end: row.page_end,
            start_char: row.start_char,
            end_char: row.end_char,
            section: row.section,
            search_text: row.search_text,
            lang: row.lang,
            tokens: row.tokens,
        }
    }
}

/// Stores the chunks of a document; earlier ones of it give way.
pub async fn put(
    conn: &mut Conn,
    item_id: Uuid,
    chunks: &[NewChunk],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let earlier = item_chunks::table.filter(item_chunks::item_id.eq(item_id));
    diesel::delete(earlier).execute(conn).await?;
    for part in chunks.chunks(ROWS) {
        let rows: Vec<_> = part
            .iter()
            .map(|NewChunk { chunk, terms, metadata }| {
                (
                    item_chunks::chunk_id.eq(chunk.chunk_id),
                    item_chunks::item_id.eq(item_id),
                    item_chunks::chunk_idx.eq(chunk.chunk_idx),
                    item_chunks::text.eq(&chunk.text),
                    item_chunks::metadata.eq(metadata),
                    item_chunks::created_at.eq(now),
                    item_chunks::page.eq(chunk.page),
                    item_chunks::page_end.eq(chunk.page_end),
                    item_chunks::start_char.eq(chunk.start_char),
                    item_chunks::end_char.eq(chunk.end_char),
                    item_chunks::section.eq(&chunk.section),
                    item_chunks::search_text.eq(&chunk.search_text),
                    item_chunks::lang.eq(&chunk.lang),
                    item_chunks::tokens.eq(chunk.tokens),
                    item_chunks::terms.eq(*terms),
                )
            })
            .collect();
        diesel::insert_into(item_chunks::table).values(rows).execute(conn).await?;
    }
    Ok(())
}

/// Chunks of a document after one of them (from −1 on), in order.
pub async fn after(
    conn: &mut Conn,
    item_id: Uuid,
    after: i32,
    limit: i64,
) -> QueryResult<Vec<ChunkRecord>> {
    let rows: Vec<Row> = item_chunks::table
        .filter(item_chunks::item_id.eq(item_id))
        .filter(item_chunks::chunk_idx.gt(after))
        .order(item_chunks::chunk_idx)
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ChunkRecord::from).collect())
}

/// Chunks by their identifiers, in no order; those that are gone are left out.
pub async fn by_id(conn: &mut Conn, chunk_ids: &[Uuid]) -> QueryResult<Vec<ChunkRecord>> {
    let rows: Vec<Row> = item_chunks::table
        .filter(item_chunks::chunk_id.eq_any(chunk_ids))
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ChunkRecord::from).collect())
}

/// The languages of chunks by their identifiers.
pub async fn languages(conn: &mut Conn, chunk_ids: &[Uuid]) -> QueryResult<Vec<(Uuid, String)>> {
    item_chunks::table
        .filter(item_chunks::chunk_id.eq_any(chunk_ids))
        .select((item_chunks::chunk_id, item_chunks::lang))
        .load(conn)
        .await
}

/// How many chunks can be asked, and the mean number of their terms.
pub async fn weight(conn: &mut Conn) -> QueryResult<(i64, Option<f64>)> {
    item_chunks::table
        .inner_join(items::table.on(items::item_id.eq(item_chunks::item_id)))
        .filter(items::status.eq("ready"))
        .filter(items::superseded_at.is_null())
        .select((
            diesel::dsl::count_star(),
            diesel::dsl::sql::<diesel::sql_types::Nullable<diesel::sql_types::Double>>(
                "avg(greatest(item_chunks.terms, 1))::float8",
            ),
        ))
        .first(conn)
        .await
}

/// What is searched of up to `limit` chunks, the latest ones (identifiers grow with time).
pub async fn sample(conn: &mut Conn, limit: i64) -> QueryResult<Vec<String>> {
    item_chunks::table
        .order(item_chunks::chunk_id.desc())
        .limit(limit)
        .select(item_chunks::search_text)
        .load(conn)
        .await
}
