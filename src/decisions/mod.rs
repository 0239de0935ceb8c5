//! What to do, given what is known and expected.

pub mod windows; // cheapest windows before a deadline
