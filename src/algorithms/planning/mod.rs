//! Choosing when: cheapest windows under a deadline, and what it was worth to choose by a forecast.

pub mod windows; // cheapest contiguous or scattered windows
pub mod following; // chosen by a forecast, settled at what came
