//! The page of prices: two weeks around the present or any before, in the unit the reader wants.

mod file; // the same as CSV
mod links; // markets, units, periods
mod model; // what goes in
mod sentence; // the one sentence on top
mod stack; // what the price at home is made of
mod stats; // four figures
mod view; // what the template prints

pub use self::file::{CsvInput, CsvRow, Kind, written};
pub use self::model::{HomeTariff, Offer, Part, PartKind, PartSlot, Period, PricesInput};
pub use self::view::{PricesView, prices};

#[cfg(test)]
mod tests;
