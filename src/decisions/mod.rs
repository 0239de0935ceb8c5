//! What to do, given what is known and expected.

pub mod windows; // cheapest windows before a deadline
pub mod value; // what following the forecasts was worth
pub mod alerts; // what models say that is worth telling
