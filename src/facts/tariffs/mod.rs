//! What a kilowatt hour costs at home: retail tariffs, their components, their revisions.

mod api; // HTTP: translates, decides nothing
mod compose; // components into what is paid
mod fallback; // the standard tariff of a day without prices
mod model; // values, no I/O
mod presets; // tariffs that are known by name
mod publication; // which prices of an answer may be stored, and since when they were known
mod service; // rules and transactions
mod settings; // the `[tariffs]` section
mod store; // SQL

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::compose::{Part, PartName, TariffSlot};
pub use self::model::{
    Component, Kind, PRICE_CHF_KWH_MAX, Quote, SLOT_S, Stored, Tariff, TariffId,
};
pub use self::presets::{Asked, Preset};
pub use self::publication::Published;
pub use self::service::{Filled, Taken, TariffError, Tariffs};
pub use self::settings::Settings;
