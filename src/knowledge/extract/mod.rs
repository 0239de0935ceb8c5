//! Text out of files: by Apache Tika where it is configured, else built in, always in a child process.

mod model; // what comes out of a file, and why nothing does
mod reading; // files into text
mod settings; // the `[extraction]` section
mod confinement; // what a process takes away from itself
mod child; // the process that reads one file
mod process; // children seen from outside
mod tika; // an Apache Tika server
mod service; // who reads what

pub use self::child::{Task, extract, probe};
pub use self::model::{ExtractError, Extracted, Extractor, Method};
pub use self::process::Program;
pub use self::reading::Limits;
pub use self::service::Extraction;
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
