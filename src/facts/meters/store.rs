//! SQL of meters and their readings.

mod registry; // the table of meters
mod rollup; // what readings add up to
mod age; // readings by their age
mod kept; // the same kept per hour and day
mod rows; // rows and arrays between the database and values
mod quarters; // quarter hours with when they became known
mod write; // bulk upsert with revisions
mod copy; // the same through COPY
mod stage; // the same for readings that arrive bit by bit

pub(super) use self::age::{count_before, oldest, remove, set_horizon, usual_interval_s};
pub(super) use self::copy::put_by_copy;
pub(super) use self::kept::{
    horizon, kept, refresh_days, refresh_hours, take_turn as take_rollup_turn, zone_of,
};
pub(super) use self::quarters::{VersionRow, quarters, revised};
pub(super) use self::registry::{Newest, insert, is_known, list, made_since, newest, unknown};
pub(super) use self::rollup::{readings, rollups};
pub(super) use self::rows::Batch;
pub use self::stage::{Stage, Target};
pub(super) use self::stage::{put_stage, take_turns, targets};
pub(super) use self::write::{put, retire};
