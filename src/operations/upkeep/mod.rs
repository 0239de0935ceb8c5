//! What keeps the database small and quick: what is too old, what nobody needs any more, statistics,
//! compression where the server offers it.

mod jobs; // by the clock
mod model; // what was done
mod service; // step by step
mod settings; // the `[upkeep]` section

#[cfg(test)]
mod tests;

pub use self::jobs::UpkeepJob;
#[cfg(test)]
use self::model::UpkeepReport;
pub use self::service::{Kept, Upkeep};
pub use self::settings::Settings;
