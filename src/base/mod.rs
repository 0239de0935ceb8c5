//! Plain values that every floor may use; nothing here does I/O.

pub mod ids; // codes of markets and products, opaque identifiers
pub mod units; // prices, energy, power, money
pub mod timeline; // instants, ranges, local days, the clock
