//! Public holidays of the countries whose markets Luna knows.

mod calendar; // the rules, country by country

pub use self::calendar::{Holiday, easter, is_holiday, kind};

#[cfg(test)]
mod tests;
