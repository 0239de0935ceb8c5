//! Sun, calendar, what was known when, the gate, bands: held against values worked out another way.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

const ZURICH: Place = Place { latitude_deg: 47.37, longitude_deg: 8.54 };

fn quarter(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp() / QUARTER_S
}

fn hour_of(quarter: i64) -> f64 {
    (quarter * QUARTER_S).rem_euclid(86_400) as f64 / 3_600.0
}

/// A site whose readings from `first` to before `end` are known as soon as they are over.
fn site(kind: Kind, first: i64, end: i64, power: impl Fn(i64) -> Option<f64>) -> Site {
    let versions: Vec<Version> =
        (first..end).filter_map(|it| Some(version(it, power(it)?))).collect();
    site_of(kind, (first, end), &versions)
}

#[expect(clippy::cast_possible_truncation, reason = "readings are single precision")]
fn version(quarter: i64, power: f64) -> Version {
    let start_s = quarter * QUARTER_S;
    Version { start_s, known_s: start_s + QUARTER_S, value: power as f32 }
}

fn site_of(kind: Kind, (first, end): (i64, i64), versions: &[Version]) -> Site {
    let zone = if kind == Kind::Pv { Tz::UTC } else { Tz::Europe__Zurich };
    Site {
        kind,
        power: History::new(QUARTER_S, versions),
        calendar: Calendar::new(first - 40 * 96, end + 9 * 96, zone, &|_| 0),
        place: ZURICH,
        temperature: None,
        radiation: None,
        nights: kind == Kind::Pv,
    }
}

/// The worked example of Reda and Andreas, "Solar position algorithm for solar radiation applications",
/// NREL/TP-560-34302: 17 October 2003, 19:30:30 UTC, near Golden, Colorado.
#[test]
fn the_sun_stands_where_the_almanac_says() {
    let golden = Place { latitude_deg: 39.742_476, longitude_deg: -105.178_6 };
    let at = "2003-10-17T19:30:30Z".parse::<DateTime<Utc>>().unwrap().timestamp();
    let (height, direction) = (elevation_deg(at, golden), azimuth_deg(at, golden));
    assert!((height - 39.872).abs() < 0.02, "{height}");
    assert!((direction - 194.340).abs() < 0.02, "{direction}");
    // At midsummer it culminates 23.44 degrees above the equator, at midwinter as much below.
    for (day, declination) in [("2026-06-21T00:00:00Z", 23.44), ("2026-12-21T00:00:00Z", -23.44)] {
        let midnight = day.parse::<DateTime<Utc>>().unwrap().timestamp();
        let heights = (0..1_440).map(|minute| elevation_deg(midnight + 60 * minute, ZURICH));
        let highest = heights.fold(-90.0, f64::max);
        assert!((highest - (90.0 - 47.37 + declination)).abs() < 0.02, "{day}: {highest}");
    }
    // What NOAA's solar calculator gives for Zurich, by formulas with more terms.
    for (at, expected) in [("2026-03-20T05:27:00Z", -1.187), ("2026-11-28T15:00:00Z", 4.563)] {
        let height = elevation_deg(at.parse::<DateTime<Utc>>().unwrap().timestamp(), ZURICH);
        assert!((height - expected).abs() < 0.02, "{at}: {height}");
    }
}

#[test]
fn days_of_a_clock_change_have_92_and_100_quarter_hours() {
    let (from, to) = (quarter("2026-03-20T00:00:00Z"), quarter("2026-11-05T00:00:00Z"));
    let calendar = Calendar::new(from, to, Tz::Europe__Zurich, &|_| 0);
    for (date, hours, noon) in [
        ("2026-03-28", 96, "2026-03-28T11:00:00Z"),
        ("2026-03-29", 92, "2026-03-29T10:00:00Z"),
        ("2026-10-25", 100, "2026-10-25T11:00:00Z"),
    ] {
        let day = date.parse::<NaiveDate>().unwrap().num_days_from_ce();
        assert_eq!(calendar.quarters_of(day, i64::MIN).count(), hours, "{date}");
        assert_eq!(calendar.quarter(day, 48), Some(quarter(noon)), "{date}");
        assert_eq!(calendar.place(quarter(noon)), Some((day, 48)));
    }
    let spring = "2026-03-29".parse::<NaiveDate>().unwrap().num_days_from_ce();
    assert_eq!(calendar.quarter(spring, 8), None, "there is no 02:00");
    let autumn = "2026-10-25".parse::<NaiveDate>().unwrap().num_days_from_ce();
    assert_eq!(
        calendar.quarter(autumn, 8),
        Some(quarter("2026-10-25T00:00:00Z")),
        "the first 02:00"
    );
}

#[test]
fn a_history_tells_what_was_known_when() {
    let step = 100;
    let version =
        |known: i64, value: f32| Version { start_s: step * QUARTER_S, known_s: known, value };
    // In any order of arrival.
    let history = History::new(
        QUARTER_S,
        &[version(95_000, 3.0), version(91_000, 1.0), version(93_000, f32::NAN)],
    );
    let told = [90_999, 91_000, 92_999, 93_000, 94_999, 95_000].map(|at| history.at(step, at));
    assert!(told[0].is_nan() && told[3].is_nan() && told[4].is_nan(), "{told:?}");
    assert_eq!((told[1], told[2], told[5]), (1.0, 1.0, 3.0));
    assert!(history.at(step + 1, i64::MAX - 1).is_nan());
}

#[test]
fn the_baseline_is_the_mean_of_four_weekdays_also_behind_a_clock_change() {
    // Winter time on the weeks before, summer time on the week ahead: 18:00 is 17:00 UTC, then 16:00.
    let (first, end) = (quarter("2026-02-20T00:00:00Z"), quarter("2026-03-28T12:00:00Z"));
    let tuesdays = [
        ("2026-03-03T17:00:00Z", 1.0),
        ("2026-03-10T17:00:00Z", 2.0),
        ("2026-03-17T17:00:00Z", 4.0),
        ("2026-03-24T17:00:00Z", 9.0),
    ];
    let power = |it: i64| {
        let of_day = tuesdays.iter().find(|(at, _)| quarter(at) == it);
        Some(of_day.map_or(0.5, |(_, power)| *power))
    };
    let rows = site(Kind::Load, first, end, power).rows_ahead(end * QUARTER_S);
    assert_eq!(rows.quarters.len(), 672);
    let place = rows.quarters.iter().position(|it| *it == quarter("2026-03-31T16:00:00Z")).unwrap();
    assert!((rows.baseline[place] - 4.0).abs() < 1e-6, "{}", rows.baseline[place]);
    assert!((rows.week_ago[place] - 9.0).abs() < 1e-6);
    assert!((rows.baseline[place - 1] - 0.5).abs() < 1e-6);
    assert_eq!(rows.table.groups[place].slot, 72);
}

/// A house with a morning, an evening and moods that last for hours, so that the last hours tell
/// something; only every second day has an evening.
fn moody(seed: u64, quarters: i64) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut mood = 0.0;
    let mut powers = Vec::new();
    for it in 0..quarters {
        mood = 0.97 * mood + 0.08 * (random.random::<f64>() - 0.5);
        let hour = hour_of(it);
        let usual = 0.3 + if (6.0..8.0).contains(&hour) { 0.6 } else { 0.0 };
        let evening = if (17.0..21.0).contains(&hour) && (it / 96) % 2 == 0 { 1.5 } else { 0.0 };
        powers.push((usual + evening + mood).max(0.05));
    }
    powers
}

fn moody_site(days: i64) -> (Site, i64) {
    let first = quarter("2026-01-05T00:00:00Z");
    let powers = moody(7, days * 96);
    let end = first + days * 96;
    let power = |it: i64| powers.get(usize::try_from(it - first).ok()?).copied();
    (site(Kind::Load, first, end, power), end * QUARTER_S)
}

#[test]
fn trees_serve_where_they_are_better_and_their_bands_hold() {
    let (site, now_s) = moody_site(120);
    let model = SiteModel::fit(&site, now_s, &|| false).unwrap();
    let report = &model.report;
    assert!(model.serves_trees(), "{}", report.verdict);
    assert!(report.mae_kw < 0.9 * report.baseline_mae_kw, "{report:?}");
    assert!((72.0..88.0).contains(&report.coverage_80_percent), "{report:?}");
    let forecast = model.forecast(&site, now_s).unwrap();
    assert_eq!(forecast.quarters.len(), 672);
    assert_eq!(forecast.quarters[0], now_s / QUARTER_S);
    let bands = &forecast.power.quantiles;
    assert!(bands.iter().all(|band| band.is_sorted() && band[0] >= 0.0));
    let width = |rows: std::ops::Range<usize>| {
        bands[rows.clone()].iter().map(|band| band[5] - band[1]).sum::<f64>() / rows.len() as f64
    };
    // The same hours of day, a week apart.
    assert!(width(0..4) < width(576..580), "{} {}", width(0..4), width(576..580));
    // What is stored forecasts the same.
    let again = SiteModel::from_bytes(&model.to_bytes()).unwrap();
    assert_eq!(again.forecast(&site, now_s).unwrap(), forecast);
    assert!(SiteModel::from_bytes(b"no model").is_err());
}

#[test]
fn a_load_that_repeats_itself_by_weekday_keeps_the_baseline() {
    let first = quarter("2026-01-05T00:00:00Z");
    let end = first + 90 * 96;
    let seasonal = |it: i64| {
        // Of local weeks, with the clock change in them.
        let weekday = (it.div_euclid(96) + 4) % 7;
        Some(1.0 + (hour_of(it) / 24.0 * std::f64::consts::TAU).sin().abs() + weekday as f64 / 3.0)
    };
    let mut site = site(Kind::Load, first, end, seasonal);
    site.calendar = Calendar::new(first - 40 * 96, end + 9 * 96, Tz::UTC, &|_| 0);
    let model = SiteModel::fit(&site, end * QUARTER_S, &|| false).unwrap();
    assert!(
        !model.serves_trees() && model.report.trees_mae_kw.is_some(),
        "{}",
        model.report.verdict
    );
    assert!(model.report.baseline_mae_kw < 1e-6, "{:?}", model.report);
    assert_eq!(model.label(), "baseline");
}

#[test]
fn what_becomes_known_later_does_not_change_an_earlier_forecast() {
    let first = quarter("2026-01-05T00:00:00Z");
    let (end, now) = (first + 80 * 96, first + 70 * 96);
    let powers = moody(3, 80 * 96);
    let known = |it: i64| powers[usize::try_from(it - first).unwrap()];
    let mut versions: Vec<Version> = (first..now).map(|it| version(it, known(it))).collect();
    let before = site_of(Kind::Load, (first, end), &versions);
    // Days that come, a month that is restated, a gap that is filled, all of it known later.
    versions.extend((now..end).map(|it| version(it, known(it))));
    versions.extend(
        (now - 30 * 96..now).map(|it| Version { known_s: now * QUARTER_S + 1, ..version(it, 9.0) }),
    );
    let after = site_of(Kind::Load, (first, end), &versions);
    let forecast = |site: &Site| {
        let model = SiteModel::fit(site, now * QUARTER_S, &|| false).unwrap();
        (model.report.clone(), model.forecast(site, now * QUARTER_S).unwrap())
    };
    assert_eq!(forecast(&before), forecast(&after));
    // A second later it is known, and matters.
    let later = SiteModel::fit(&after, now * QUARTER_S + 1, &|| false).unwrap();
    assert!(later.report.baseline_mae_kw > forecast(&before).0.baseline_mae_kw);
}

#[test]
fn a_roof_makes_nothing_at_night_and_trees_learn_its_sky() {
    let first = quarter("2026-03-01T00:00:00Z");
    let end = first + 100 * 96;
    let mut random = StdRng::seed_from_u64(5);
    let skies: Vec<f64> = (0..101).map(|_| 0.2 + 0.8 * random.random::<f64>()).collect();
    let power = |it: i64| {
        let height = elevation_deg(it * QUARTER_S + 450, ZURICH).to_radians().sin().max(0.0);
        Some(6.0 * height * skies[usize::try_from((it - first) / 96).unwrap()])
    };
    let mut site = site(Kind::Pv, first, end, power);
    assert!(site.is_dark_at_night(end * QUARTER_S));
    let model = SiteModel::fit(&site, end * QUARTER_S, &|| false).unwrap();
    let forecast = model.forecast(&site, end * QUARTER_S).unwrap();
    let rows = forecast.quarters.iter().zip(&forecast.power.mean).zip(&forecast.power.quantiles);
    let (mut nights, mut noon) = (0, 0.0_f64);
    for ((quarter, mean), band) in rows {
        let heights = [0, 450, 900].map(|part| elevation_deg(quarter * QUARTER_S + part, ZURICH));
        if heights.iter().all(|height| *height <= 0.0) {
            assert!(*mean == 0.0 && band.iter().all(|value| *value == 0.0), "{quarter}");
            nights += 1;
        } else {
            noon = noon.max(*mean);
        }
    }
    // Eight hours of night a day in June.
    assert!((7 * 28..7 * 36).contains(&nights), "{nights}");
    assert!((1.5..6.0).contains(&noon), "{noon}");
    // A battery that feeds in by night is no roof.
    site.power =
        History::new(QUARTER_S, &(first..end).map(|it| version(it, 1.0)).collect::<Vec<Version>>());
    assert!(!site.is_dark_at_night(end * QUARTER_S));
}

#[test]
fn few_days_get_a_sentence_some_the_baseline_and_gaps_break_nothing() {
    let first = quarter("2026-01-05T00:00:00Z");
    let fit = |days: i64, gaps: bool| {
        let powers = moody(1, days * 96);
        let end = first + days * 96;
        let power = |it: i64| {
            let place = usize::try_from(it - first).unwrap();
            // A day is away, and a third of every other one.
            let is_gap = gaps && (place / 96 == 9 || place % 96 > 63 && place / 96 % 2 == 0);
            (!is_gap).then_some(powers[place])
        };
        let site = site(Kind::Load, first, end, power);
        let now_s = end * QUARTER_S;
        SiteModel::fit(&site, now_s, &|| false).inspect(|model| {
            let forecast = model.forecast(&site, now_s).unwrap();
            assert_eq!(forecast.quarters.len(), 672);
            assert!(forecast.power.mean.iter().all(|value| value.is_finite()));
        })
    };
    assert_eq!(
        fit(10, false).unwrap_err().to_string(),
        "10 days of readings are known; a forecast needs 14"
    );
    let early = fit(20, false).unwrap();
    assert!(!early.serves_trees() && early.report.trees_mae_kw.is_none());
    assert!(early.report.verdict.contains("56 days"), "{}", early.report.verdict);
    assert!(early.peaks.is_none());
    let holed = fit(75, true).unwrap();
    assert!(holed.report.trees_mae_kw.is_some());
    assert_eq!(holed.report.days, 74);
}

#[test]
fn a_new_peak_is_held_against_the_month_so_far() {
    let first = quarter("2026-01-01T00:00:00Z");
    let end = quarter("2026-05-20T00:00:00Z");
    // Every fifth day has an evening of its own height.
    let mut random = StdRng::seed_from_u64(11);
    let heights: Vec<f64> = (0..200).map(|_| 2.0 + 4.0 * random.random::<f64>()).collect();
    let power = |it: i64| {
        let day = usize::try_from((it - first) / 96).unwrap();
        let is_evening = hour_of(it) > 16.9 && hour_of(it) < 18.0;
        Some(if is_evening && day % 5 == 0 { heights[day] } else { 0.4 })
    };
    let site = site(Kind::Load, first, end, power);
    let model = SiteModel::fit(&site, end * QUARTER_S, &|| false).unwrap();
    let peaks = model.peaks.as_ref().unwrap();
    // By hand: the highest evening of May so far, and whether the next days go above it.
    let origin = quarter("2026-05-10T06:00:00Z");
    let day_of = |text: &str| usize::try_from((quarter(text) - first) / 96).unwrap();
    let so_far = (day_of("2026-05-01T00:00:00Z")..day_of("2026-05-10T00:00:00Z"))
        .filter(|day| day % 5 == 0)
        .map(|day| heights[day])
        .fold(0.4, f64::max);
    let days = peaks.days(&site, origin * QUARTER_S);
    assert_eq!(days.len(), 7);
    assert!((days[0].threshold_kw.unwrap() - so_far).abs() < 1e-5);
    assert!(days.iter().all(|day| (0.0..=1.0).contains(&day.probability.unwrap())));
    let came: Vec<bool> = peaks.judged(&site, origin).into_iter().map(|(_, came)| came).collect();
    let expected: Vec<bool> = (day_of("2026-05-10T00:00:00Z")..day_of("2026-05-17T00:00:00Z"))
        .map(|day| day % 5 == 0 && heights[day] > so_far)
        .collect();
    assert_eq!(came, expected);
    // Of a month that has not begun there is nothing to exceed.
    let late = peaks.days(&site, quarter("2026-04-28T06:00:00Z") * QUARTER_S);
    let known: Vec<bool> = late.iter().map(|day| day.threshold_kw.is_some()).collect();
    assert_eq!(known, [true, true, true, false, false, false, false]);
    assert!(late.iter().all(|day| day.threshold_kw.is_some() == day.probability.is_some()));
}

#[test]
fn leads_fall_into_their_groups() {
    let groups = [0, 3, 4, 11, 12, 23, 24, 95, 96, 191, 192, 383, 384, 671].map(lead_group);
    assert_eq!(groups, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
}
