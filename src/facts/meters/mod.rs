//! Meters of sites and what they read: mean power per interval, with revisions.

mod api; // HTTP: translates, decides nothing
mod model; // values, no I/O
mod settings; // the `[meters]` section
mod store; // SQL
mod service; // rules and transactions
mod stretches; // which part of a range is kept, and which must be added up
mod rollups; // sums that are kept, made anew where readings changed
mod retention; // readings that are too old
mod quarters; // quarter hours as they were known at any time
mod staging; // many readings in one transaction without holding them

pub use self::api::routes;
pub use self::model::{
    Meter, MeterRole, NewMeter, Reading, Resolution, Rollup, Stored, check_meter_id, is_simulated,
};
pub use self::quarters::QuarterVersion;
pub use self::rollups::RollupKeeper;
pub use self::service::{MeterError, Meters};
pub use self::settings::Settings;
pub use self::staging::Writable;
pub use self::store::Stage;

#[cfg(test)]
mod tests;
