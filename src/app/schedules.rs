//! What the program does by the clock.

use crate::access::accounts::SessionsJob;
use crate::config::Settings;
use crate::facts::drops::DropsJob;
use crate::facts::ingest::FetchJob;
use crate::facts::quality::JudgeJob;
use crate::knowledge::documents::CheckJob;
use crate::learning::prediction::RefreshJob;
use crate::learning::prediction::RetrainJob;
use crate::learning::serving::PromoteJob;
use crate::learning::site_forecasts::MeterForecastJob;
use crate::learning::site_forecasts::MeterRefitJob;
use crate::operations::upkeep::UpkeepJob;
use crate::platform::jobs::Schedule;
use crate::platform::jobs::ScheduleError;
use crate::platform::jobs::SlotLength;

/// What the program does by the clock. A fresh box shows something at once: the scheduler's first
/// look enqueues the occurrence that was missed last.
pub(crate) fn schedules(settings: &Settings) -> Result<Vec<Schedule>, ScheduleError> {
    let (utc, zurich) = (chrono_tz::Tz::UTC, chrono_tz::Tz::Europe__Zurich);
    let mut all = vec![
        // Every ten minutes; whether anybody is asked is decided by what is missing.
        Schedule::new(FetchJob::PRICES, "0 5/10 * * * *", zurich, SlotLength::Minute)?,
        Schedule::new(FetchJob::VALUES, "0 7/10 * * * *", zurich, SlotLength::Minute)?,
        // Soon after midnight it is decided whether the standard tariff holds.
        Schedule::new(FetchJob::TARIFFS, "0 1/10 * * * *", zurich, SlotLength::Minute)?,
        Schedule::new(RefreshJob::NAME, "0 2/15 * * * *", utc, SlotLength::Minute)?,
        Schedule::new(JudgeJob::NAME, "0 4/15 * * * *", utc, SlotLength::Minute)?,
        Schedule::new(RetrainJob::NAME, "0 17 3 * * *", zurich, SlotLength::Day)?,
        // Soon after the hour, when its readings have come.
        Schedule::new(MeterForecastJob::NAME, "0 3 * * * *", utc, SlotLength::Hour)?,
        Schedule::new(MeterRefitJob::NAME, "0 37 2 * * *", zurich, SlotLength::Day)?,
        Schedule::new(PromoteJob::NAME, "0 57 3 * * *", zurich, SlotLength::Day)?,
        // In the quietest hour, behind the training.
        Schedule::new(UpkeepJob::NAME, "0 23 4 * * *", zurich, SlotLength::Day)?,
        Schedule::new(SessionsJob::NAME, "0 41 * * * *", utc, SlotLength::Hour)?,
        Schedule::new(CheckJob::NAME, "0 8/10 * * * *", utc, SlotLength::Minute)?,
    ];
    // A box without roads for files has no use for a job each minute.
    if settings.drops.is_on() {
        all.push(Schedule::new(DropsJob::NAME, "20 * * * * *", utc, SlotLength::Minute)?);
    }
    Ok(all)
}
