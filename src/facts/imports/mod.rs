//! Files of prices and series: read, checked, reported, stored once.
