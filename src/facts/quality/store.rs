//! SQL of reports, days, quarantine and dead letters.

mod age; // what is too old
mod due; // days that wait to be judged
mod judged; // what a batch leaves: report, days, quarantined values
mod letters; // payloads that nobody can read
mod lists; // reports, days, the matrix
mod quarantine; // values that are kept apart

pub(super) use self::age::{forget_reports, forget_settled};
pub(super) use self::due::{DueDay, add_due, done, due, is_fetched};
pub(super) use self::judged::{Judgement, first_judged_at, keep};
pub(super) use self::letters::{add_letter, letters, resolve, supersede};
pub(super) use self::lists::{day, days, first_days, newest_days, reports, reports_about};
pub(super) use self::quarantine::{
    Decision, count_back, decide, discard_rivals, row, rows, waiting,
};
