//! The one database: pool, private cluster, migrations, bulk writes.

mod certificate; // the one a server shows
mod copy; // COPY on a connection of its own
mod error; // what can go wrong, and whether waiting helps
mod functions; // of PostgreSQL, for queries
mod listen; // what any process changed
mod migrate; // from empty to head, under a lock
mod observe; // what statements cost and write
mod pool; // connections, shared and bounded
mod settings; // the `[database]` section
mod target; // where a connection string leads
mod timescale; // the one place that knows whether TimescaleDB is there
mod upkeep; // statistics, compression
mod tls; // encryption towards the server
pub mod embedded; // a private PostgreSQL in the data folder
#[rustfmt::skip]
pub mod schema;
#[cfg(test)]
use self::settings::TlsMode;

#[cfg(test)]
mod tests;

pub use self::certificate::{ServerCertificate, server_certificate};
pub use self::copy::CopyClient;
pub use self::error::DbError;
pub use self::functions::later_of;
pub use self::listen::Notice;
pub use self::migrate::SchemaStatus;
pub use self::observe::count_written;
#[cfg(test)]
pub use self::observe::statements_of_this_test;
pub use self::pool::{Conn, Db};
pub use self::settings::Settings;
