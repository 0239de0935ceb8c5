//! Pure arithmetic: numbers in, numbers out; no clock, no file, no database.

pub mod forecasting; // models, scores, bands
pub mod planning; // cheapest windows
pub mod retrieval; // passages, quotes, proof
