//! Prices of the market SIM-CH, which does not exist: deterministic for a seed, marked as simulated.
