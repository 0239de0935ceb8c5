//! How the box is doing.

pub mod status; // health and the status summary
pub mod bench; // ratios against a floor measured in the same run
