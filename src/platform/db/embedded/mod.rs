//! A private PostgreSQL that Luna initialises, starts and stops itself.

mod error; // why not, and what to do
mod binaries; // the installation on the machine
mod user; // whose process it is
mod process; // found, watched, stopped
mod cluster; // files, making and starting
mod handle; // who uses it, who stops it
mod look; // what can be seen without touching it
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::cluster::{Cluster, Profile};
pub use self::error::EmbeddedError;
pub use self::handle::{EmbeddedPostgres, Mode};
pub use self::look::Look;
