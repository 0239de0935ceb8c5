//! Pages by cursor: newest first, stable while rows are added.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problem::Problem;

/// Bytes of the checksum in a cursor; it finds typing mistakes and cuts, it keeps no secret.
const CHECK_BYTES: usize = 4;

/// Which part of a list to return.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Rows per page.
    #[param(value_type = u16, required = false, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl Page {
    /// Rows to ask of the database: one more than fit, which tells whether there is a next page.
    pub fn fetch_limit(&self) -> i64 {
        i64::from(self.limit.0) + 1
    }

    /// The last row of the page before, for lists whose rows are identified by a UUID.
    pub fn position(&self) -> Result<Option<(DateTime<Utc>, Uuid)>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let id = cursor.id.parse();
        let id = id.map_err(|_| Problem::invalid("cursor", "is not a cursor of this list"))?;
        Ok(Some((cursor.at, id)))
    }

    /// Cuts `rows` (fetched with [`Page::fetch_limit`]) to the page, and says where the next begins.
    pub fn cut<T>(
        &self,
        mut rows: Vec<T>,
        position: impl Fn(&T) -> Cursor,
    ) -> (Vec<T>, Option<Cursor>) {
        let size = usize::from(self.limit.0);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(position) } else { None };
        (rows, next)
    }
}

/// Rows per page, 1 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = u16, minimum = 1, maximum = 200, default = 50)]
pub struct Limit(u16);

impl Limit {
    /// Most rows a page may have.
    pub const MAX: u16 = 200;

    /// A limit, unless it is 0 or too large.
    pub fn new(rows: u16) -> Option<Self> {
        (1..=Self::MAX).contains(&rows).then_some(Self(rows))
    }

    /// The number of rows.
    #[cfg(test)]
    pub const fn rows(self) -> u16 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitVisitor;
        impl Visitor<'_> for LimitVisitor {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number between 1 and {}", Limit::MAX)
            }

            fn visit_u64<E: de::Error>(self, rows: u64) -> Result<Limit, E> {
                let limit = u16::try_from(rows).ok().and_then(Limit::new);
                limit.ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(rows), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
                let limit = text.parse().ok().and_then(Limit::new);
                limit.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(LimitVisitor)
    }
}

/// A place in a list that is ordered by instant and identifier; opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Instant of the last row seen.
    pub at: DateTime<Utc>,
    /// Its identifier, which decides between rows of the same instant.
    pub id: String,
}

impl Cursor {
    /// The place after the row with these values.
    pub fn new(at: DateTime<Utc>, id: impl fmt::Display) -> Self {
        Self { at, id: id.to_string() }
    }

    /// The text for the caller: base64url of checksum, microseconds since 1970 and identifier.
    pub fn encode(&self) -> String {
        let mut payload = self.at.timestamp_micros().to_be_bytes().to_vec();
        payload.extend_from_slice(self.id.as_bytes());
        let mut bytes = checksum(&payload).to_vec();
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place of a text made by [`Cursor::encode`]; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (check, payload) = bytes.split_at_checked(CHECK_BYTES)?;
        if check != checksum(payload) {
            return None;
        }
        let (micros, id) = payload.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
        Some(Self { at, id: std::str::from_utf8(id).ok()?.to_owned() })
    }
}

fn checksum(payload: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::digest(payload);
    std::array::from_fn(|at| digest[at])
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text)
            .ok_or_else(|| de::Error::custom("not a cursor; take next_cursor of the page before"))
    }
}
