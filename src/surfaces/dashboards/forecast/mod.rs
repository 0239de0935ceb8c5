//! The pages about forecasts: how good they were, what they were worth, one day next to what came.

mod charts; // errors by lead, by day, calibration
mod day; // one day next to what came
mod inputs; // what a forecast stood on, as facts
mod meter; // the coming week of a meter
mod model; // what goes in
mod plot; // drawings without script
mod sentence; // the one sentence on top
mod tables; // the same in numbers
mod value; // what following was worth
mod view; // what the template prints

pub use self::day::{DayView, forecast_day};
pub use self::meter::{MeterInput, MeterView, meter};
pub use self::model::{DayInput, ForecastInput};
pub use self::view::{ForecastView, forecast};
