//! Sources of the internet into facts: asked, archived, read, checked, stored.

mod api; // HTTP: which sources there are and how they are
mod connectors; // one file per source
mod error; // why a source brought nothing
mod jobs; // around publication, and now and then
mod model; // what is asked, what is read, what is wrong with it
mod service; // which sources are asked, one after the other
mod asking; // a question to a source, its answer in the archive
mod taking; // from an archived answer to stored facts
mod settings; // the `[sources]` section
mod sift; // what of an answer is fit to be stored
mod judged; // how good what came is
mod prices; // storing prices
mod values; // storing what is not a price
mod municipal; // what electricity costs in a municipality
mod tariffs; // storing what a kilowatt hour costs at home
mod source; // what every connector does
mod subject; // what sources are asked about
mod points; // places of a forecast
mod store; // SQL
mod timing; // which days are wanted when

#[cfg(any(fuzzing, test))]
mod fuzz; // every parser, for the fuzzer
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::error::FetchError;
#[cfg(fuzzing)]
pub use self::fuzz::parse_anything;
pub use self::jobs::{FetchJob, Part};
pub use self::model::{FetchReport, SourceStatus, SubjectStatus};
pub use self::points::{PointId, Points};
pub use self::service::{Ingest, Stores};
pub use self::settings::Settings;
pub use self::subject::{StationId, Statistic, Subject};
pub use self::timing::Days;
