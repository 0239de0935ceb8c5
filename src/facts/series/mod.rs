//! Observed and forecast series: load, wind and solar, temperature.
