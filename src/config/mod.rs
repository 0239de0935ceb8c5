//! Settings: layered, typed, all mistakes at once, every value with its origin.
