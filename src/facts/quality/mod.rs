//! How good what sources send is: each batch is judged, what is not fit waits for a person.

mod api; // HTTP: matrix, reports, quarantine, dead letters
mod assess; // a batch against the calendar, itself and its history
mod checks; // what a day of values can have that is not right
mod dst; // hours that do not exist
mod matrix; // days of subjects side by side
mod model; // batches, reports, verdicts
mod reason; // what is odd, as code and as sentence
mod records; // what is stored and listed
mod robust; // medians that a few wrong values do not move
mod stored; // judging what is stored, however it came
mod follow; // days that changed wait to be judged
mod service; // judging, keeping, deciding
mod store; // SQL

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::follow::{JudgeJob, JudgeOnChange};
pub use self::model::{Batch, Due, Kind, Verdict};
pub use self::reason::{Code, Reason, Weight};
pub use self::records::{
    DayCell, DayState, DeadLetter, Filter, Matrix, MatrixRow, Quarantined, StoredReport,
    Unreadable, Waiting,
};
pub use self::service::{Quality, QualityError, Recorded};
pub use self::stored::StoredJudge;
