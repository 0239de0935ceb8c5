//! Hot water: who takes it when on a day, minute by minute.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};

use crate::base::timeline::{at_local, day_range};
use crate::facts::simulation::house::World;
use crate::facts::simulation::noise::{Channel, even, hash, mix, normal};
use crate::facts::simulation::weather::DayKind;

/// Small draws of a day: hands, dishes.
const SMALL: i64 = 6;
/// Numbers of chance of a day.
const CHANCES: i64 = SMALL + 3;

/// A draw: the hour of the wall clock at which it begins, its minutes, its share of the day's heat.
struct Draw {
    hour: f64,
    minutes: usize,
    share: f64,
}

/// What is drawn in every minute of the local day `date`, in kW of heat, `kwh` in a mean day.
pub(super) fn draws(world: World, seed: u64, kwh: f64, date: NaiveDate) -> Vec<f64> {
    let range = day_range(date, world.zone);
    let mut minutes = vec![0.0; usize::try_from(range.length().num_minutes()).unwrap_or_default()];
    let first = i64::from(date.num_days_from_ce()) * CHANCES;
    let chance = |place: i64| hash(seed, Channel::Water, first + place);
    let today_kwh = kwh * (0.75 + 0.5 * even(chance(0)));
    let late = if DayKind::of(date).is_working() { 0.0 } else { 1.6 };
    let small_share = 0.4 / SMALL as f64;
    let shower = |place, hour, about| Draw {
        hour: hour + about * normal(chance(place)),
        minutes: 8,
        share: 0.3,
    };
    let small = (3..CHANCES).map(|place| Draw {
        hour: 7.0 + 15.0 * even(mix(chance(place))),
        minutes: 3,
        share: small_share,
    });
    let showers = [shower(1, 6.9 + late, 0.5), shower(2, 20.6, 1.0)];
    for draw in showers.into_iter().chain(small) {
        let begin = (wall_clock(world, date, draw.hour) - range.from).num_minutes();
        let begin = usize::try_from(begin).unwrap_or_default();
        let power_kw = today_kwh * draw.share / (draw.minutes as f64 / 60.0);
        for minute in minutes.iter_mut().skip(begin).take(draw.minutes) {
            *minute += power_kw;
        }
    }
    minutes
}

/// The instant at which clocks show an hour of `date`, to the minute, before a quarter to midnight.
pub(super) fn wall_clock(world: World, date: NaiveDate, hour: f64) -> DateTime<Utc> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a day has few minutes, and it begins at 0"
    )]
    let minute = (hour.clamp(0.0, 23.75) * 60.0).round() as u32;
    let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap_or(NaiveTime::MIN);
    at_local(date, time, world.zone)
}
