//! The page of the day: what the price does, when it is cheap, how old what is shown is.

mod sentence; // the one sentence on top
mod view; // what the template prints

pub use self::view::{TodayView, today};

#[cfg(test)]
mod tests;
