//! The simulation while it runs: started, stopped, made to make something, in several processes.

use chrono::{DateTime, Duration, Utc};
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::*;
use crate::access::audit::{AuditFilter, By};
use crate::base::timeline::TimeRange;
use crate::facts::meters::Reading;
use crate::facts::simulation::settings::MeterSettings as SimulatedMeterSettings;

/// 13:07:32 in Zürich on the day before the clock goes forward.
const NOW: &str = "2026-03-28T12:07:32Z";

struct Place {
    db: TestDb,
    clock: Clock,
    needs: Needs,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Place {
    async fn new() -> Self {
        let (db, clock) = (TestDb::new().await, Clock::fixed(at(NOW)));
        let needs = needs(&db, &clock);
        Self { db, clock, needs }
    }

    /// One process of several on the same database.
    fn process(&self) -> Simulation {
        let settings = Settings { history_days: 30, ..Settings::default() };
        Simulation::new(self.needs.clone(), self.clock.clone(), settings)
    }

    async fn start(&self, process: &Simulation, interval_s: Option<i32>) -> SimulationStatus {
        let which = Which { meters: true, market: false };
        process.start(which, interval_s, (&By::system(), None)).await.unwrap()
    }

    async fn stop(&self, process: &Simulation) -> SimulationStatus {
        let which = Which { meters: true, market: false };
        process.stop(which, (&By::system(), None)).await.unwrap()
    }

    async fn readings(&self, meter_id: &str) -> Vec<Reading> {
        let range = TimeRange::new(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        self.needs.meters.readings(meter_id, range).await.unwrap()
    }

    async fn count(&self, table: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let mut conn = self.db.db().conn().await.unwrap();
        let query = sql_query(format!("SELECT count(*) AS count FROM {table}"));
        query.get_result::<Count>(&mut conn).await.unwrap().count
    }
}

/// Writes until nothing is left to write; answers with the rows written.
async fn catch_up(process: &Simulation) -> u64 {
    let mut rows = 0;
    loop {
        let ticked = process.tick().await.unwrap();
        rows += ticked.rows;
        if !ticked.has_more {
            return rows;
        }
    }
}

/// Whether readings follow each other without a hole and without covering any time twice.
fn assert_seamless(readings: &[Reading]) {
    for pair in readings.windows(2) {
        let end = pair[0].ts + Duration::seconds(pair[0].interval_s.into());
        assert_eq!(end, pair[1].ts, "after {:?}", pair[0]);
    }
}

#[tokio::test]
async fn history_comes_first_and_readings_follow_up_to_now() {
    let place = Place::new().await;
    let process = place.process();
    assert_eq!(catch_up(&process).await, 0, "nothing runs before a start");
    let status = place.start(&process, None).await;
    assert!(status.meters.is_running);

    // 30 days and 13 hours of quarter hours, then 7 minutes and 30 seconds of fives, of two meters.
    let rows = 2 * (30 * 96 + 13 * 4 + 90);
    assert_eq!(catch_up(&process).await, rows);
    let house = place.readings("sim-house").await;
    assert_eq!(house[0].ts, at("2026-02-25T23:00:00Z"));
    assert_eq!(house.last().unwrap().known_at, at("2026-03-28T12:07:30Z"));
    assert_seamless(&house);
    assert!(house.iter().all(|one| matches!(one.quality, Quality::Simulated | Quality::Missing)));

    // Five seconds later there is one more of each; a clock that was put back adds nothing.
    place.clock.set(at("2026-03-28T12:07:36Z"));
    assert_eq!(catch_up(&process).await, 2);
    place.clock.set(at("2026-03-28T11:00:00Z"));
    assert_eq!(catch_up(&process).await, 0);
    let status = process.status().await.unwrap().meters;
    assert_eq!(status.rows_written.unsigned_abs(), rows + 2);
    assert_eq!(status.written_until, Some(at("2026-03-28T12:07:35Z")));
}

#[tokio::test]
async fn several_processes_write_once() {
    let place = Place::new().await;
    let (one, other) = (place.process(), place.process());
    place.start(&one, None).await;
    let (a, b) = tokio::join!(catch_up(&one), catch_up(&other));
    let written = a + b + catch_up(&one).await;
    assert_eq!(written, 2 * (30 * 96 + 13 * 4 + 90));
    let rows = place.count("smart_meter_readings").await;
    assert_eq!((rows.unsigned_abs(), place.count("meter_reading_revisions").await), (written, 0));
}

#[tokio::test]
async fn a_stop_acts_in_every_process_and_a_restart_goes_on_where_it_ended() {
    let place = Place::new().await;
    let (one, other) = (place.process(), place.process());
    place.start(&one, None).await;
    catch_up(&one).await;
    let status = place.stop(&other).await;
    assert_eq!((status.meters.is_running, status.meters.stopped_at), (false, Some(at(NOW))));
    place.clock.set(at("2026-03-28T12:52:00Z"));
    assert_eq!((catch_up(&one).await, catch_up(&other).await), (0, 0));

    // After the restart of a box the quarter hours that were missed are filled, none twice.
    let restarted = place.process();
    place.start(&restarted, None).await;
    catch_up(&restarted).await;
    let house = place.readings("sim-house").await;
    assert_seamless(&house);
    assert_eq!(house.last().unwrap().known_at, at("2026-03-28T12:52:00Z"));
    assert_eq!(place.count("meter_reading_revisions").await, 0);
    let of = |interval_s| house.iter().filter(|one| one.interval_s == interval_s).count();
    // The quarter hour that had begun and the one that runs are told by fives.
    assert_eq!((of(900), of(5)), (30 * 96 + 13 * 4 + 2, 180 + 84));
}

#[tokio::test]
async fn another_interval_tells_the_quarter_hour_that_has_begun_anew() {
    let place = Place::new().await;
    let process = place.process();
    place.start(&process, Some(5)).await;
    catch_up(&process).await;
    place.start(&process, Some(2)).await;
    place.clock.set(at("2026-03-28T12:08:00Z"));
    catch_up(&process).await;
    let house = place.readings("sim-house").await;
    assert_seamless(&house);
    assert_eq!(house.iter().filter(|one| one.interval_s == 2).count(), 240);
    assert_eq!(house.iter().filter(|one| one.interval_s == 5).count(), 0);
    assert_eq!(
        place.count("meter_reading_revisions").await,
        2 * 90,
        "what was told before is kept"
    );
}

#[tokio::test]
async fn every_start_stop_and_order_is_remembered_by_log_and_events() {
    let place = Place::new().await;
    let process = place.process();
    place.start(&process, None).await;
    place.stop(&process).await;
    let range = TimeRange::new(at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
    let by = By::system();
    process.generate_readings(Some("sim-grid"), range, 900, (&by, None)).await.unwrap();
    process.generate_prices(None, day("2026-03-01"), day("2026-03-01"), (&by, None)).await.unwrap();
    let events = place.needs.events.list("sim.", 10).await.unwrap();
    let mut kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["sim.generate", "sim.generate", "sim.start", "sim.stop"]);
    let of_readings = events.iter().find(|event| event.meta["what"] == "readings").unwrap();
    assert_eq!(of_readings.meta["meter_ids"][0], "sim-grid");
    let filter =
        AuditFilter { subject_kind: Some("simulation".to_owned()), ..AuditFilter::default() };
    let entries = place.needs.audit.list(&filter, 10).await.unwrap();
    assert_eq!(entries.len(), 4, "{entries:?}");
}

#[tokio::test]
async fn what_is_made_on_demand_is_made_once_and_leaves_what_is_read_alone() {
    let place = Place::new().await;
    let process = place.process();
    let by = By::system();
    let whole = TimeRange::new(at("2026-03-28T10:52:00Z"), at("2026-03-28T12:07:00Z"));
    // Whole quarter hours inside of the range: 11:00 to 12:00.
    let made = process.generate_readings(None, whole, 900, (&by, None)).await.unwrap();
    assert_eq!((made.rows, made.stored.inserted), (8, 8));
    assert_eq!((made.from, made.to), (at("2026-03-28T11:00:00Z"), at("2026-03-28T12:00:00Z")));
    let again = process.generate_readings(None, whole, 900, (&by, None)).await.unwrap();
    assert_eq!((again.stored.inserted, again.stored.unchanged), (0, 8));
    // Readings of fives for the same time are left out: it would be counted twice.
    let fine = TimeRange::new(at("2026-03-28T11:50:00Z"), at("2026-03-28T12:05:00Z"));
    let fine = process.generate_readings(Some("sim-house"), fine, 5, (&by, None)).await.unwrap();
    assert_eq!((fine.rows, fine.stored.inserted, fine.stored.overlapping), (180, 60, 120));
    assert_seamless(&place.readings("sim-house").await);

    let days = (day("2026-03-01"), day("2026-03-29"));
    let prices = process.generate_prices(None, days.0, days.1, (&by, None)).await.unwrap();
    assert_eq!((prices.rows, prices.stored.inserted), (29 * 24 - 1, 29 * 24 - 1));
    let again = process.generate_prices(None, days.0, days.1, (&by, None)).await.unwrap();
    assert_eq!((again.stored.inserted, again.stored.unchanged), (0, 29 * 24 - 1));
}

#[tokio::test]
async fn orders_that_cannot_be_met_are_refused_in_words() {
    let place = Place::new().await;
    let process = place.process();
    let by = By::system();
    let asker = (&by, None);
    let range = |from: &str, to: &str| TimeRange::new(at(from), at(to));
    let day_ago = range("2026-03-27T00:00:00Z", "2026-03-28T00:00:00Z");
    let refused = async |meter: Option<&str>, range, interval_s| {
        process.generate_readings(meter, range, interval_s, asker).await.unwrap_err().to_string()
    };
    let said = refused(Some("sim-hous"), day_ago, 900).await;
    assert_eq!(said, "there is no simulated meter 'sim-hous'; set up are sim-grid, sim-house");
    let said = refused(None, day_ago, 7).await;
    assert!(said.starts_with("7 s is none of the lengths a reading may have: 1, 2, 3"), "{said}");
    let said = refused(None, range("2026-03-28T00:00:00Z", "2026-03-27T00:00:00Z"), 900).await;
    assert!(said.contains("is not after"), "{said}");
    let said = refused(None, range("2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z"), 900).await;
    assert!(said.contains("nobody can know what comes then"), "{said}");
    let said = refused(None, range("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"), 1).await;
    assert_eq!(
        said,
        "that would be 10195200 rows, more than 2000000; ask for a shorter range or a longer interval"
    );
    let future = process.generate_prices(None, day("2026-03-29"), day("2026-03-30"), asker).await;
    let said = future.unwrap_err().to_string();
    assert_eq!(said, "2026-03-30 lies after 2026-03-29; nobody can know what comes then");
    let which = Which { meters: true, market: true };
    let said = process.start(which, Some(7), asker).await.unwrap_err().to_string();
    assert!(said.starts_with("7 s is none of"), "{said}");
    let neither = Which { meters: false, market: false };
    assert!(matches!(process.stop(neither, asker).await, Err(SimulationError::Nothing)));
    let none = Settings { meters: std::collections::BTreeMap::new(), ..Settings::default() };
    let none = Simulation::new(place.needs.clone(), place.clock.clone(), none);
    assert!(matches!(none.start(which, None, asker).await, Err(SimulationError::NoMeter)));
    assert_eq!(place.count("events").await + place.count("smart_meter_readings").await, 0);
}

#[tokio::test]
async fn a_stopped_market_stays_as_it_is_until_it_is_started() {
    let place = Place::new().await;
    let (process, by) = (place.process(), By::system());
    let market = Which { meters: false, market: true };
    assert!(process.status().await.unwrap().market.is_running, "the settings say so");
    process.stop(market, (&by, None)).await.unwrap();
    assert_eq!(process.fill().await.unwrap(), None);
    assert_eq!(place.count("market_prices").await, 0);
    let status = process.start(market, None, (&by, None)).await.unwrap();
    // 30 days behind today, today, and tomorrow, which lacks an hour; 13:07 is after the auction.
    assert_eq!(status.market.rows_written, 32 * 24 - 1);
    assert_eq!(place.count("market_prices").await, 32 * 24 - 1);
    // Started by hand it runs although the settings would not have it.
    let off = Settings { enabled: false, history_days: 30, ..Settings::default() };
    let off = Simulation::new(place.needs.clone(), place.clock.clone(), off);
    assert!(off.fill().await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_of_prices_is_played_as_the_market_under_its_own_name() {
    let place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.csv");
    let start: DateTime<Utc> = at("2025-06-01T22:00:00Z");
    let mut file = "time_utc,price_eur_mwh\n".to_owned();
    for hour in 0..14 * 24 {
        let ts = start + Duration::hours(hour);
        let line = format!("{},{}\n", ts.format("%Y-%m-%dT%H:%M:%SZ"), hour % 24);
        file.push_str(&line);
    }
    std::fs::write(&path, file).unwrap();
    let settings =
        Settings { history_days: 30, market_seed_file: Some(path.clone()), ..Settings::default() };
    let replayed = Simulation::new(place.needs.clone(), place.clock.clone(), settings.clone());
    replayed.fill().await.unwrap().unwrap();
    let range = days_range(day("2026-03-10"), day("2026-03-10"), ZONE);
    let points =
        place.needs.prices.prices(&Market::sim_ch(), Product::DayAhead, range).await.unwrap();
    // The file's price is the hour of the local day, whatever the season.
    let shown: Vec<f64> = points.iter().map(|point| point.price_eur_mwh.unwrap()).collect();
    assert_eq!(shown, (0..24).map(f64::from).collect::<Vec<_>>());
    assert!(points.iter().all(|point| point.quality == Quality::Simulated));

    for (content, words) in [("", "cannot be used"), ("time,price\n1,2\n", "cannot be used")] {
        std::fs::write(&path, content).unwrap();
        let said = replayed.fill().await.unwrap_err().to_string();
        assert!(said.contains(words) && said.contains("prices.csv"), "{said}");
    }
    std::fs::remove_file(&path).unwrap();
    let said = replayed.fill().await.unwrap_err().to_string();
    assert!(said.contains("No such file"), "{said}");
}

#[tokio::test]
async fn simulated_and_measured_are_kept_apart_by_the_database_itself() {
    let place = Place::new().await;
    place.start(&place.process(), None).await;
    let mut conn = place.db.db().conn().await.unwrap();
    for (meter_id, quality) in [("house-1", "simulated"), ("sim-house", "ok")] {
        let insert = sql_query(
            "INSERT INTO smart_meter_readings (meter_id, ts, consumption_kw, quality, interval_s, \
             known_at) VALUES ($1, now(), 1, $2, 900, now())",
        );
        let insert = insert.bind::<Text, _>(meter_id).bind::<Text, _>(quality);
        let refused = insert.execute(&mut conn).await.unwrap_err().to_string();
        assert!(refused.contains("simulated_by_name"), "{refused}");
    }
}

#[test]
fn names_and_profiles_of_meters_are_checked() {
    let with = |name: &str, meter: SimulatedMeterSettings| {
        let meters = [(name.to_owned(), meter)].into();
        Settings { meters, ..Settings::default() }.mistakes().join("; ")
    };
    assert_eq!(with("sim-2", SimulatedMeterSettings::default()), "");
    assert!(with("house", SimulatedMeterSettings::default()).contains("meters.house is no name"));
    assert!(with("sim-", SimulatedMeterSettings::default()).contains("meters.sim- is no name"));
    let own =
        SimulatedMeterSettings { profile: "villa".to_owned(), ..SimulatedMeterSettings::default() };
    assert!(with("sim-2", own).contains("none of the profiles flat, household, household_pv, sme"));
    let slow =
        SimulatedMeterSettings { history_interval_s: 3_600, ..SimulatedMeterSettings::default() };
    assert!(with("sim-2", slow).contains("does not fill a quarter hour"));
}
