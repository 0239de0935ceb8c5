//! How the box is doing.

pub mod jobs; // the queue for people: list, cancel
pub mod settings; // settings that admins change in the running program
pub mod upkeep; // what is too old, what nobody needs any more
pub mod status; // health and the status summary
pub mod doctor; // what a box needs, what is wrong, how to mend it
pub mod bench; // ratios against a floor measured in the same run
