//! Forecasting models and the scores that judge them.
