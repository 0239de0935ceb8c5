//! The page of the day: what the price does, when it is cheap, how old what is shown is.

mod axis; // round values for the price axis
mod chart; // one set of numbers for the SVG, the canvas and the readout
mod chart_svg; // the chart without script
mod model; // what goes in
mod points; // slots made ready: sorted, checked, levelled
mod sentence; // the one sentence on top
mod state; // how old and complete the data are
mod table; // hours as rows, days as columns
mod view; // what the template prints

pub use self::model::{DataState, Quality, Slot, SlotKind, TodayInput, Window, WindowProvenance};
pub use self::view::{TodayView, today};

#[cfg(test)]
mod tests;
