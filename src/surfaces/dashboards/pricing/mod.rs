//! What pages about prices have in common: units, points, chart, table, windows, state of the data.

mod axis; // round values for the price axis
mod money; // the unit a reader wants
mod model; // what goes in
mod points; // slots made ready: sorted, checked, levelled
mod chart; // one set of numbers for the SVG, the canvas and the readout
mod chart_svg; // the chart without script
mod table; // hours as rows, days as columns
mod part; // the chart with everything around it
mod band; // the day as five heights
mod rate; // the rate in words
mod windows; // cheap windows as a list
mod state; // how old and complete the data are
mod status; // the sentences on top

pub use self::axis::{Tick, axis};
pub use self::band::{DayBand, day_band};
#[cfg(test)]
pub use self::chart::Chart;
pub use self::chart::Frame;
#[cfg(test)]
pub use self::chart_svg::svg;
pub use self::model::{DataState, PriceInput, Quality, Slot, SlotKind, Window, WindowProvenance};
pub use self::money::{Money, Unit};
pub use self::part::{ChartPart, chart_part};
pub use self::points::{Point, Points, Situation};
pub use self::rate::{RateLine, rate_line};
pub use self::state::{Fact, Note, facts, notes, source_words, warnings};
pub use self::status::{LENGTH_MAX, Status, status_without_prices};
pub use self::windows::{WindowRow, window_rows};
