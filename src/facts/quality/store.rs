//! SQL of reports, days, quarantine and dead letters.

mod judged; // what a batch leaves: report, days, quarantined values
mod letters; // payloads that nobody can read
mod lists; // reports, days, the matrix
mod quarantine; // values that are kept apart

pub(super) use self::judged::{Judgement, first_judged_at, keep};
pub(super) use self::letters::{add_letter, letters, resolve, supersede};
pub(super) use self::lists::{day, days, first_days, newest_days, reports, reports_about};
pub(super) use self::quarantine::{
    Decision, count_back, decide, discard_rivals, row, rows, waiting,
};
