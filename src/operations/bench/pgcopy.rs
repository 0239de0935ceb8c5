//! Rows as `COPY … (FORMAT binary)` reads them, made before the clock runs.
//!
//! Format: PostgreSQL documentation, COPY, «Binary Format». The floor of a bulk write only moves
//! finished bytes, as psql does with a file.

use bytes::{BufMut, Bytes, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Columns of a row in their order, with the types of the table's.
pub(super) type Row<'r> = &'r [(&'r (dyn ToSql + Sync), Type)];

/// A file being written.
pub(super) struct CopyFile(BytesMut);

impl CopyFile {
    pub fn new() -> Self {
        let mut bytes = BytesMut::from(SIGNATURE);
        bytes.put_i32(0); // no flags
        bytes.put_i32(0); // no extension of the header
        Self(bytes)
    }

    /// Adds a row; `None` when a value does not fit its type.
    pub fn add(&mut self, row: Row<'_>) -> Option<()> {
        self.0.put_i16(i16::try_from(row.len()).ok()?);
        for (value, of_type) in row {
            let at = self.0.len();
            self.0.put_i32(-1);
            if matches!(value.to_sql_checked(of_type, &mut self.0).ok()?, IsNull::No) {
                let length = i32::try_from(self.0.len() - at - 4).ok()?;
                self.0[at..at + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Some(())
    }

    pub fn finish(mut self) -> Bytes {
        self.0.put_i16(-1);
        self.0.freeze()
    }
}
