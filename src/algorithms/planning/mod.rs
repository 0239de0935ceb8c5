//! Choosing when: cheapest windows under a deadline.

pub mod windows; // cheapest contiguous or scattered windows
