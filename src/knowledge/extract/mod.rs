//! Text out of files: by Apache Tika where it is configured, else built in, always in a child process.

mod model; // what comes out of a file, and why nothing does

pub use self::model::{ExtractError, Extracted, Extractor, Finding, FindingKind, Method};
