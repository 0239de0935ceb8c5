//! The one database: pool, private cluster, migrations, bulk writes.

#[rustfmt::skip]
pub mod schema;
