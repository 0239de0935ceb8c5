//! Cheapest windows over published and forecast prices.
