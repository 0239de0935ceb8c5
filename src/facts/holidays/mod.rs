//! Public holidays of the countries whose markets Luna knows.

mod calendar; // the rules, country by country

pub use self::calendar::{Holiday, kind};

#[cfg(test)]
use self::calendar::{easter, is_holiday};

#[cfg(test)]
mod tests;
