//! Simulated sites while they run: into the tables, to a broker, and out of sight of what is measured.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use diesel::sql_types::{BigInt, Double, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::*;
use crate::access::audit::By;
use crate::base::timeline::TimeRange;
use crate::facts::readings::ReadingRow;
use crate::facts::simulation::site::SiteSettings;

/// 13:07:32 in Zürich.
const NOW: &str = "2026-03-28T12:07:32Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A simulation of three days with a site that was built as many days ago.
fn settings(output: Output) -> Settings {
    let site = SiteSettings { built_on: day("2026-03-25"), ..SiteSettings::default() };
    Settings {
        history_days: 3,
        sites_enabled: true,
        sites: [("home".to_owned(), site)].into(),
        output,
        ..Settings::default()
    }
}

async fn start(process: &Simulation) {
    let which = Which { meters: true, market: false };
    process.start(which, None, (&By::system(), None)).await.unwrap();
}

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

#[derive(Debug, QueryableByName)]
struct Balance {
    #[diesel(sql_type = BigInt)]
    instants: i64,
    #[diesel(sql_type = BigInt)]
    lacking: i64,
    #[diesel(sql_type = Double)]
    worst_kw: f64,
}

/// A meter as the table knows it.
#[derive(QueryableByName)]
struct Role {
    #[diesel(sql_type = Text)]
    meter_id: String,
    #[diesel(sql_type = Text)]
    role: String,
}

/// A count of rows.
#[derive(QueryableByName)]
struct Mixed {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How far the meters of the site are from adding up, over all instants that are stored.
async fn balance(db: &TestDb) -> Balance {
    let query = sql_query(
        "SELECT count(*) AS instants, count(*) FILTER (WHERE meters <> 6) AS lacking,
             coalesce(max(abs(gap)), 0) AS worst_kw
         FROM (SELECT ts, count(*) AS meters, sum(
                 (consumption_kw - production_kw) * CASE meter_id WHEN 'sim-home-grid' THEN -1 ELSE 1 END) AS gap
             FROM smart_meter_readings WHERE meter_id LIKE 'sim-home-%' GROUP BY ts) AS instants",
    );
    query.get_result(&mut db.db().conn().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_site_fills_the_tables_goes_on_after_a_restart_and_adds_up() {
    let (db, clock) = (TestDb::new().await, Clock::fixed(at(NOW)));
    let needs = needs(&db, &clock);
    let process = || Simulation::new(needs.clone(), clock.clone(), settings(Output::Database));
    let one = process();
    start(&one).await;
    // Three days of the site and its thirteen hours of today, then 7 min 30 s of fives.
    catch_up(&one).await;
    let told = balance(&db).await;
    assert_eq!((told.instants, told.lacking), (3 * 96 + 13 * 4 + 90, 0), "{told:?}");
    assert!(told.worst_kw < 4e-6, "{told:?}");

    // Another process goes on where the first ended, with the state that it had: what it writes is
    // what one that never stopped would have written.
    clock.set(at("2026-03-28T12:52:00Z"));
    let other = process();
    catch_up(&other).await;
    let told = balance(&db).await;
    assert_eq!((told.instants, told.lacking), (3 * 96 + 13 * 4 + 180 + 2 + 84, 0), "{told:?}");
    assert!(told.worst_kw < 4e-6, "{told:?}");
    let since = TimeRange::new(at("2026-03-28T12:15:00Z"), at("2026-03-28T12:45:00Z"));
    for part in Part::ALL {
        let meter_id = format!("sim-home-{}", part.name());
        let stored = needs.meters.readings(&meter_id, since).await.unwrap();
        let site = one.settings().site("home").unwrap();
        let made = site.readings((one.settings().world(), &one.histories), since, 900);
        let made: Vec<_> = made.into_iter().filter(|one| one.meter_id == meter_id).collect();
        assert_eq!(stored, made, "{meter_id}");
    }

    // Each meter is known under its role, and the status tells how the site stands.
    let query = sql_query("SELECT meter_id, role FROM meters WHERE meter_id LIKE 'sim-home-%'");
    let roles: Vec<Role> = query.load(&mut db.db().conn().await.unwrap()).await.unwrap();
    let status = other.status().await.unwrap();
    assert_eq!(roles.len(), 6);
    for meter in &status.sites[0].meters {
        let known = roles.iter().find(|row| row.meter_id == meter.meter_id).unwrap();
        assert_eq!(known.role, meter.role.name(), "{}", meter.meter_id);
    }
    let now = status.sites[0].now.as_ref().unwrap();
    assert_eq!(now.ts, at("2026-03-28T12:52:00Z"));
    let used = now.house_kw + now.heat_pump_kw + now.ev_kw + now.battery_charge_kw;
    let gap = used - now.battery_discharge_kw - now.pv_kw - now.grid_import_kw + now.grid_export_kw;
    assert!(gap.abs() < 1e-5, "{now:?}");
    assert!((0.1..=0.95).contains(&now.battery_soc.unwrap()), "{now:?}");
}

#[tokio::test]
async fn what_a_broker_has_not_acknowledged_is_sent_again() {
    let (db, clock) = (TestDb::new().await, Clock::fixed(at(NOW)));
    let seen: Arc<Mutex<Vec<ReadingRow>>> = Arc::default();
    let calls: Arc<Mutex<u32>> = Arc::default();
    let broker = {
        let (seen, calls) = (Arc::clone(&seen), Arc::clone(&calls));
        Broker::new(move |rows| {
            let (seen, calls) = (Arc::clone(&seen), Arc::clone(&calls));
            async move {
                let call = {
                    let mut calls = calls.lock().unwrap();
                    *calls += 1;
                    *calls
                };
                // The second part of the first batch never arrives.
                if call == 2 {
                    return Err("the connection is gone");
                }
                seen.lock().unwrap().extend(rows);
                Ok(())
            }
        })
    };
    let brokers = Brokers { mqtt: Some(broker), kafka: None };
    let needs = Needs { brokers, ..needs(&db, &clock) };
    let process = Simulation::new(needs.clone(), clock.clone(), settings(Output::Mqtt));
    start(&process).await;
    let before = process.status().await.unwrap().meters.written_until;
    let refused = process.tick().await.unwrap_err().to_string();
    assert!(refused.contains("sent again: the connection is gone"), "{refused}");
    assert_eq!(process.status().await.unwrap().meters.written_until, before);
    let sent = catch_up(&process).await;

    // Nothing is lost, what came twice is the same twice, and nothing went past the broker.
    let seen = seen.lock().unwrap().clone();
    let mut rows = std::collections::BTreeMap::new();
    for row in &seen {
        let known = rows.entry((row.meter_id.clone(), row.ts.0)).or_insert_with(|| row.clone());
        assert_eq!(known, row);
    }
    assert_eq!((seen.len() as u64, rows.len() as u64), (sent + 500, sent));
    let site_rows = rows.keys().filter(|(meter_id, _)| meter_id.starts_with("sim-home-"));
    assert_eq!(site_rows.count(), 6 * (3 * 96 + 13 * 4 + 90));
    let marks = [Some(Quality::Simulated), Some(Quality::Missing)];
    assert!(rows.values().all(|row| marks.contains(&row.quality)));
    assert_eq!(balance(&db).await.instants, 0, "rows come back through the broker alone");

    // Rows on demand go the same way.
    let range = TimeRange::new(at("2026-03-27T00:00:00Z"), at("2026-03-28T00:00:00Z"));
    let made = process.generate_site("home", range, 900, (&By::system(), None)).await.unwrap();
    assert_eq!((made.rows, made.sent, made.stored.inserted), (6 * 96, 6 * 96, 0));

    // What the broker was given is what the one way in for adapters takes.
    let rows: Vec<ReadingRow> = rows.into_values().collect();
    let delivery =
        crate::facts::readings::Delivery { rows, is_simulated: true, ..Default::default() };
    let report = needs.readings.deliver(delivery).await.unwrap();
    assert_eq!((report.refused, report.inserted), (0, sent));
    assert!(balance(&db).await.worst_kw < 4e-6);
}

#[tokio::test]
async fn an_output_that_is_not_set_up_is_a_mistake_that_is_told() {
    let (db, clock) = (TestDb::new().await, Clock::fixed(at(NOW)));
    let needs = needs(&db, &clock);
    let process = Simulation::new(needs.clone(), clock.clone(), settings(Output::Kafka));
    let which = Which { meters: true, market: false };
    let refused = process.start(which, None, (&By::system(), None)).await.unwrap_err().to_string();
    let said = "simulation.output = 'kafka', but no Kafka cluster is set up; set KAFKA_BROKERS, or \
                write simulation.output = \"database\"";
    assert_eq!(refused, said);
    let status = process.status().await.unwrap();
    assert!(!status.meters.is_running);
    assert_eq!(
        status.output_mistake.map(|mistake| format!("simulation.{mistake}")).as_deref(),
        Some(said)
    );
    // The market does not go through a broker.
    let market = Which { meters: false, market: true };
    process.start(market, None, (&By::system(), None)).await.unwrap();
}

#[tokio::test]
async fn one_setting_switches_from_the_simulated_site_to_what_is_measured() {
    use crate::platform::runtime::Live;
    use crate::platform::web::Principal;

    let (db, clock) = (TestDb::new().await, Clock::fixed(at(NOW)));
    let live: Live<MeterSettings> = MeterSettings::default().into();
    let sites = Sites::new(db.db().clone(), clock.clone());
    let meters = Meters::new(db.db().clone(), sites, clock.clone(), live.clone());
    let needs = Needs { meters: meters.clone(), ..needs(&db, &clock) };
    let who = Principal::setup_guest();
    let process = Simulation::new(needs.clone(), clock.clone(), settings(Output::Database));
    let show = |name: &str| {
        live.set(MeterSettings { default: name.to_owned(), ..MeterSettings::default() });
    };
    start(&process).await;
    catch_up(&process).await;
    show("sim-home-grid");
    assert_eq!(meters.shown(&who).await.unwrap().as_deref(), Some("sim-home-grid"));

    // A measured connection arrives by the way in for adapters; the rehearsal writes on beside it.
    let mut row = ReadingRow::new("house-1", at(NOW) - Duration::minutes(15));
    (row.consumption_kw, row.interval_s) = (Some(1.2), Some(900));
    let delivery =
        crate::facts::readings::Delivery { rows: vec![row], create: true, ..Default::default() };
    needs.readings.deliver(delivery).await.unwrap();
    assert_eq!(meters.shown(&who).await.unwrap().as_deref(), Some("sim-home-grid"));
    show("house-1");
    assert_eq!(meters.shown(&who).await.unwrap().as_deref(), Some("house-1"));
    show("sim-home-grid");
    assert_eq!(meters.shown(&who).await.unwrap().as_deref(), Some("sim-home-grid"));
    // Left to itself it shows what is measured as soon as there is any.
    show("auto");
    assert_eq!(meters.shown(&who).await.unwrap().as_deref(), Some("house-1"));
    let mixed = sql_query(
        "SELECT count(*) AS count FROM smart_meter_readings
         WHERE (quality = 'simulated') AND meter_id NOT LIKE 'sim-%'
             OR quality NOT IN ('simulated', 'missing') AND meter_id LIKE 'sim-%'",
    );
    let mixed: Mixed = mixed.get_result(&mut db.db().conn().await.unwrap()).await.unwrap();
    assert_eq!(mixed.count, 0);
}

#[test]
fn mistakes_of_a_site_are_named_by_their_field() {
    let with = |name: &str, change: &dyn Fn(&mut SiteSettings)| {
        let mut site = SiteSettings::default();
        change(&mut site);
        let sites = [(name.to_owned(), site)].into();
        Settings { sites, ..Settings::default() }.mistakes().join("; ")
    };
    assert_eq!(with("home", &|_| ()), "");
    let said = with("home", &|site| site.battery.capacity_kwh = -1.0);
    assert_eq!(said, "sites.home.battery.capacity_kwh = -1 is not between 0.5 and 10000");
    let said = with("home", &|site| site.battery.min_soc = 0.96);
    assert_eq!(said, "sites.home.battery.min_soc = 0.96 is not below max_soc = 0.95");
    let said = with("home", &|site| site.ev.limit_soc = 0.5);
    assert_eq!(said, "sites.home.ev.target_soc = 0.7 is above limit_soc = 0.5");
    let said = with("home", &|site| site.heat_pump.cop_factor = f64::NAN);
    assert!(said.starts_with("sites.home.heat_pump.cop_factor = NaN is not"), "{said}");
    let said = with("home", &|site| site.profile = "household_vp".to_owned());
    assert!(said.ends_with("did you mean household_pv?"), "{said}");
    let said = with("home", &|site| site.interval_s = 7);
    assert!(said.starts_with("sites.home.interval_s = 7 does not fill a minute"), "{said}");
    let said = with("home", &|site| site.built_on = day("1999-12-31"));
    assert_eq!(said, "sites.home.built_on = 1999-12-31 is not in the years 2000 to 2100");
    assert!(with("my home", &|_| ()).contains("sites.my home is no name for a site"));
    let mut taken = Settings::default();
    taken.meters.insert("sim-home-pv".to_owned(), taken.meters["sim-house"].clone());
    let said = "sites.home writes the meter sim-home-pv, which is one of meters; rename one";
    assert_eq!(taken.mistakes(), [said]);
}
