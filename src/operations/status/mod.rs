//! Health and status: what is reachable, what stands in for what, how many rows.
