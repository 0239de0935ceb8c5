//! Files that Luna keeps (models, datasets, payloads), named by key: in the data folder or in an
//! S3-compatible store, behind the same type.
//!
//! An object is written whole or not at all. Its sha256 is told when it is stored and checked when it
//! is handed out. Where a bucket is configured nothing is ever written elsewhere: while the store is
//! away, writing fails with a reason, and the next attempt may go well.

mod model; // keys, hashes, errors
mod settings; // the `[objects]` section
mod folder; // the data folder
mod bucket; // an S3-compatible store
mod service; // putting, getting, listing
mod probe; // whether the store can be used

pub use self::model::{ObjectError, Space, sha256_hex, space};
pub use self::probe::Standing;
pub use self::service::Objects;
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
