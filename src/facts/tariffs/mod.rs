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
mod yearly; // an operator's file of fixed prices
mod imports; // such a file as a tariff

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::compose::{Part, PartName, TariffSlot};
pub use self::imports::{YearOptions, YearReport};
pub use self::model::{Component, PRICE_CHF_KWH_MAX, Quote, SLOT_S, Stored, TariffId};
pub use self::presets::{Asked, OPERATORS, Operator, Preset};
pub use self::publication::Published;
pub use self::service::{Filled, TariffError, Tariffs};
pub use self::settings::Settings;
