//! Fit, validate against the naive model, evaluate by rolling origin.
