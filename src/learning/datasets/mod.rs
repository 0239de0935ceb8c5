//! Feature tables exported to Parquet: named, hashed, in time order; training reads the file.

mod file;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use self::service::{Dataset, DatasetError, Datasets, NewDataset};
