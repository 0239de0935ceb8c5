//! Day-ahead prices per bidding zone and market time unit, with their revisions.
