//! Forecasts behind the published prices, stored with what was known, scored when truth arrives.
