//! Readings on a real database: once, again, corrected, added up, and seen by whom they concern.

mod kept; // sums that are kept

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::model::Resolution;
use super::service::COPY_ROWS_MIN;
use super::*;
use crate::access::sites::Sites;
use crate::base::timeline::{Clock, TimeRange, day_range, days_range};
use crate::facts::market::Quality;
use crate::platform::web::Role;
use crate::testing::{TestApp, TestDb, lines};

const ZONE: Tz = Tz::Europe__Zurich;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn reading(ts: &str, interval_s: i32, kw: f64) -> Reading {
    let ts = at(ts);
    Reading {
        meter_id: "house-1".to_owned(),
        ts,
        interval_s,
        consumption_kw: Some(kw),
        production_kw: Some(0.0),
        voltage: Some(230.0),
        quality: Quality::Ok,
        known_at: ts + Duration::seconds(interval_s.into()),
    }
}

fn missing(ts: &str, interval_s: i32) -> Reading {
    Reading {
        consumption_kw: None,
        production_kw: None,
        voltage: None,
        quality: Quality::Missing,
        ..reading(ts, interval_s, 0.0)
    }
}

fn meters_of(test: &TestDb) -> Meters {
    let clock = Clock::fixed(at("2026-03-28T12:00:00Z"));
    let sites = Sites::new(test.db().clone(), clock.clone());
    Meters::new(test.db().clone(), sites, clock, Settings::default())
}

async fn with_meter(test: &TestDb) -> Meters {
    let meters = meters_of(test);
    register(test, &meters, "house-1", None).await;
    meters
}

async fn register(test: &TestDb, meters: &Meters, meter_id: &str, site_id: Option<Uuid>) {
    let new = NewMeter {
        meter_id: meter_id.to_owned(),
        site_id,
        name: "Main".to_owned(),
        role: MeterRole::House,
        time_zone: ZONE,
    };
    let mut conn = test.db().conn().await.unwrap();
    meters.register(&mut conn, &new).await.unwrap();
}

fn all() -> TimeRange {
    TimeRange::new(at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"))
}

#[actix_web::test]
async fn a_reading_is_stored_once_and_a_correction_keeps_what_it_replaces() {
    for test in TestDb::on_each_server().await {
        let meters = with_meter(&test).await;
        let first =
            [reading("2026-03-01T00:00:00Z", 900, 1.0), reading("2026-03-01T00:15:00Z", 900, 2.0)];
        assert_eq!(meters.put(&first).await.unwrap(), Stored { inserted: 2, ..Stored::default() });
        assert_eq!(meters.put(&first).await.unwrap(), Stored { unchanged: 2, ..Stored::default() });

        let later = |kw, hours| Reading {
            known_at: at("2026-03-01T00:15:00Z") + Duration::hours(hours),
            quality: Quality::Restated,
            ..reading("2026-03-01T00:00:00Z", 900, kw)
        };
        let stored = meters.put(&[later(1.5, 2)]).await.unwrap();
        assert_eq!(stored, Stored { replaced: 1, ..Stored::default() });
        let stored = meters.put(&[later(1.7, 1)]).await.unwrap();
        assert_eq!(stored, Stored { refused_older: 1, ..Stored::default() });
        let both = [later(1.8, 3), later(1.9, 4)];
        let stored = meters.put(&both).await.unwrap();
        assert_eq!(stored, Stored { replaced: 1, duplicates: 1, ..Stored::default() });

        // Stated again after six hours, so what was published after five is no news any more.
        let stored = meters.put(&[later(1.9, 6)]).await.unwrap();
        assert_eq!(stored, Stored { unchanged: 1, ..Stored::default() });
        let stored = meters.put(&[later(1.5, 5)]).await.unwrap();
        assert_eq!(stored, Stored { refused_older: 1, ..Stored::default() });

        let read = meters.readings("house-1", all()).await.unwrap();
        let shown: Vec<_> = read.iter().map(|one| one.consumption_kw.unwrap()).collect();
        assert_eq!(shown, [1.9, 2.0]);
        assert_eq!(read[0].known_at, later(1.9, 4).known_at, "known since it was first stated");
        let kept = "SELECT string_agg(consumption_kw::text, ' ' ORDER BY replaced_at) AS line \
             FROM meter_reading_revisions";
        assert_eq!(lines(test.db(), kept).await, ["1 1.5"]);
    }
}

#[actix_web::test]
async fn copied_batches_are_judged_like_small_ones() {
    for test in TestDb::on_each_server().await {
        let meters = with_meter(&test).await;
        let start = at("2026-01-01T00:00:00Z");
        let many: Vec<Reading> = (0..i64::try_from(COPY_ROWS_MIN).unwrap() + 10)
            .map(|n| {
                let ts = (start + Duration::seconds(5 * n)).to_rfc3339();
                reading(&ts, 5, (n % 7) as f64)
            })
            .collect();
        let rows = many.len() as u64;
        assert_eq!(
            meters.put(&many).await.unwrap(),
            Stored { inserted: rows, ..Stored::default() }
        );
        assert_eq!(
            meters.put(&many).await.unwrap(),
            Stored { unchanged: rows, ..Stored::default() }
        );
        let mut other = many.clone();
        other[3].consumption_kw = Some(9.0);
        let stored = meters.put(&other).await.unwrap();
        assert_eq!((stored.replaced, stored.unchanged), (1, rows - 1));
        // Quarter hours over the same time are left out, behind it they are not.
        let coarse: Vec<Reading> = (0..i64::try_from(COPY_ROWS_MIN).unwrap())
            .map(|n| reading(&(start + Duration::minutes(15 * n)).to_rfc3339(), 900, 1.0))
            .collect();
        let stored = meters.put(&coarse).await.unwrap();
        let covered = (5 * rows).div_ceil(900);
        assert_eq!(
            (stored.overlapping, stored.inserted),
            (covered, COPY_ROWS_MIN as u64 - covered)
        );
    }
}

#[actix_web::test]
async fn a_quarter_hour_holds_readings_of_one_length() {
    let test = TestDb::new().await;
    let meters = with_meter(&test).await;
    let hour = reading("2026-03-01T01:00:00Z", 3_600, 1.0);
    assert_eq!(meters.put(&[hour]).await.unwrap().inserted, 1);
    let quarters = ["00:45:00", "01:00:00", "01:45:00", "02:00:00"]
        .map(|time| reading(&format!("2026-03-01T{time}Z"), 900, 2.0));
    let stored = meters.put(&quarters).await.unwrap();
    assert_eq!((stored.inserted, stored.overlapping), (2, 2));
    // Of a batch with both, the shorter ones say more.
    let mixed = [
        reading("2026-03-01T05:00:00Z", 900, 1.0),
        reading("2026-03-01T05:05:00Z", 60, 2.0),
        reading("2026-03-01T05:15:00Z", 900, 3.0),
    ];
    let stored = meters.put(&mixed).await.unwrap();
    assert_eq!((stored.inserted, stored.overlapping), (2, 1));
    let range = TimeRange::new(at("2026-03-01T05:00:00Z"), at("2026-03-01T06:00:00Z"));
    let lengths: Vec<i32> =
        meters.readings("house-1", range).await.unwrap().iter().map(|one| one.interval_s).collect();
    assert_eq!(lengths, [60, 900]);
}

#[actix_web::test]
async fn readings_that_cannot_be_are_refused_as_a_whole_with_their_place() {
    let test = TestDb::new().await;
    let meters = with_meter(&test).await;
    let good = reading("2026-03-01T00:00:00Z", 900, 1.0);
    let bad = [
        (Reading { consumption_kw: Some(-0.1), ..good.clone() }, "consumption of -0.1 kW"),
        (Reading { production_kw: Some(f64::NAN), ..good.clone() }, "production of NaN kW"),
        (Reading { voltage: Some(f64::INFINITY), ..good.clone() }, "voltage of inf V"),
        (Reading { interval_s: 0, ..good.clone() }, "lasts 0 s"),
        (
            Reading { quality: Quality::Missing, ..good.clone() },
            "is called missing and has a value",
        ),
        (Reading { consumption_kw: None, production_kw: None, ..good.clone() }, "has no power"),
        (Reading { quality: Quality::Simulated, ..good.clone() }, "mixes simulated and measured"),
        (Reading { meter_id: "sim-house".to_owned(), ..good.clone() }, "mixes simulated"),
    ];
    for (reading, words) in bad {
        let refused = meters.put(&[good.clone(), reading]).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert!(matches!(&refused, MeterError::BadReading(bad) if bad.place == 1), "{refused:?}");
    }
    let unknown = Reading { meter_id: "house-2".to_owned(), ..good.clone() };
    let refused = meters.put(&[good, unknown]).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no meter 'house-2'");
    assert_eq!(meters.readings("house-1", all()).await.unwrap(), []);
    assert_eq!(meters.put(&[]).await.unwrap(), Stored::default());
}

#[actix_web::test]
async fn energy_is_power_times_time_and_what_is_missing_is_not_nothing() {
    for test in TestDb::on_each_server().await {
        let meters = with_meter(&test).await;
        let readings = [
            // An hour of 2 kW, told by its quarter hours, one of which is missing.
            reading("2026-03-01T10:00:00Z", 900, 2.0),
            reading("2026-03-01T10:15:00Z", 900, 2.0),
            missing("2026-03-01T10:30:00Z", 900),
            reading("2026-03-01T10:45:00Z", 900, 2.0),
            // An hour told at once, and one of which one minute is known.
            reading("2026-03-01T11:00:00Z", 3_600, 3.0),
            reading("2026-03-01T12:00:00Z", 60, 6.0),
            missing("2026-03-01T13:00:00Z", 900),
        ];
        meters.put(&readings).await.unwrap();
        let range = TimeRange::new(at("2026-03-01T10:00:00Z"), at("2026-03-01T14:00:00Z"));
        let hours = meters.rollups("house-1", ZONE, range, Resolution::Hour).await.unwrap();
        let told: Vec<_> = hours
            .iter()
            .map(|one| (one.consumption_kw, one.consumption_kwh, one.covered_s, one.missing_s))
            .collect();
        assert_eq!(
            told,
            [
                (Some(2.0), Some(1.5), 2_700, 900),
                (Some(3.0), Some(3.0), 3_600, 0),
                (Some(6.0), Some(0.1), 60, 0),
                (None, None, 0, 900)
            ]
        );
        let quarters = meters.rollups("house-1", ZONE, range, Resolution::Quarter).await.unwrap();
        let of_hour: Vec<_> = quarters[4..8].iter().map(|one| one.consumption_kwh).collect();
        assert_eq!(of_hour, [Some(0.75); 4], "an hour told at once is shared out");
        let days = meters.rollups("house-1", ZONE, range, Resolution::Day).await.unwrap();
        assert_eq!((days.len(), days[0].consumption_kwh), (1, Some(4.6)));
    }
}

#[actix_web::test]
async fn local_days_have_23_24_or_25_hours() {
    for test in TestDb::on_each_server().await {
        let meters = with_meter(&test).await;
        for (date, hours) in [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)] {
            let date = date.parse().unwrap();
            let range = day_range(date, ZONE);
            let readings: Vec<Reading> =
                range.slots(900).map(|ts| reading(&ts.to_rfc3339(), 900, 1.0)).collect();
            meters.put(&readings).await.unwrap();
            let wide = days_range(date, date, ZONE);
            let days = meters.rollups("house-1", ZONE, wide, Resolution::Day).await.unwrap();
            let told = (days.len(), days[0].ts, days[0].interval_s, days[0].consumption_kwh);
            assert_eq!(told, (1, range.from, hours * 3_600, Some(f64::from(hours))));
        }
    }
}

#[actix_web::test]
async fn a_batch_tells_once_and_only_when_something_changed() {
    let test = TestDb::new().await;
    let meters = with_meter(&test).await;
    let mut listener = test.db().listen(&["luna_series_changed", "luna_test"]).await.unwrap();
    let readings: Vec<Reading> = (0..50)
        .map(|n| {
            reading(&(at("2026-03-01T00:00:00Z") + Duration::minutes(n)).to_rfc3339(), 60, 1.0)
        })
        .collect();
    meters.put(&readings).await.unwrap();
    meters.put(&readings).await.unwrap();
    let mut conn = test.db().conn().await.unwrap();
    let end = diesel::sql_query("SELECT pg_notify('luna_test', 'end')");
    diesel_async::RunQueryDsl::execute(end, &mut conn).await.unwrap();
    let mut heard = Vec::new();
    while heard.last().is_none_or(|payload| payload != "end") {
        heard.push(listener.next().await.unwrap().payload);
    }
    assert_eq!(heard, ["", "end"]);
}

#[actix_web::test]
async fn writers_of_the_same_meters_do_not_wait_in_a_circle() {
    let test = TestDb::new().await;
    let meters = with_meter(&test).await;
    register(&test, &meters, "house-2", None).await;
    let of = |meter_id: &str, ts: &str| Reading {
        meter_id: meter_id.to_owned(),
        ..reading(ts, 900, 1.0)
    };
    let one = [of("house-1", "2026-03-01T00:00:00Z"), of("house-2", "2026-03-01T00:00:00Z")];
    let other = [of("house-2", "2026-03-01T00:00:00Z"), of("house-1", "2026-03-01T00:00:00Z")];
    for _ in 0..10 {
        let (a, b) = tokio::join!(meters.put(&one), meters.put(&other));
        a.unwrap();
        b.unwrap();
    }
    assert_eq!(meters.readings("house-2", all()).await.unwrap().len(), 1);
}

#[actix_web::test]
async fn names_that_no_meter_can_have_are_refused() {
    let test = TestDb::new().await;
    let meters = meters_of(&test);
    let mut conn = test.db().conn().await.unwrap();
    for name in ["", "-a", "a b", "a/b", "ä", &"a".repeat(65)] {
        let new = NewMeter {
            meter_id: name.to_owned(),
            site_id: None,
            name: "x".to_owned(),
            role: MeterRole::Grid,
            time_zone: ZONE,
        };
        let refused: Result<bool, MeterError> =
            conn.transaction(async |conn| meters.register(conn, &new).await).await;
        assert!(matches!(refused, Err(MeterError::BadName { .. })), "{name}: {refused:?}");
    }
}

#[actix_web::test]
async fn customers_see_the_meters_of_their_own_site() {
    let app = TestApp::new().await;
    let other = app.add_site("Neighbour").await;
    let meters = &app.services.meters;
    register(app.database(), meters, "house-1", None).await;
    register(app.database(), meters, "next-door", Some(other)).await;
    let names = async |role| {
        let list = app.get(role, "/api/meters").await.json(200);
        let names = list["meters"].as_array().unwrap().iter();
        names.map(|meter| meter["meter_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(Role::Viewer).await, ["house-1", "next-door"]);
    // Whoever registers belongs to the default site; this account was made by an admin.
    app.token(Role::Customer).await;
    let customer = app.services.accounts.user_id_of("customer@example.ch").await.unwrap();
    let mut conn = app.services.db.conn().await.unwrap();
    app.services.sites.join_default(&mut conn, customer).await.unwrap();
    drop(conn);
    assert_eq!(names(Role::Customer).await, ["house-1"]);
    app.get(Role::Customer, "/api/meters/house-1/readings").await.json(200);
    app.get(Role::Customer, "/api/meters/next-door/readings").await.problem(404);
    app.get(Role::Viewer, "/api/meters/next-door/readings").await.json(200);
}

#[actix_web::test]
async fn readings_are_told_as_they_are_and_added_up() {
    let app = TestApp::new().await;
    let meters = &app.services.meters;
    register(app.database(), meters, "house-1", None).await;
    let readings =
        [reading("2026-03-28T10:00:00Z", 900, 1.0), missing("2026-03-28T10:15:00Z", 900)];
    meters.put(&readings).await.unwrap();
    let path = "/api/meters/house-1/readings?from=2026-03-28";
    let raw = app.get(Role::Viewer, &format!("{path}&resolution=raw")).await.json(200);
    assert_eq!(raw["readings"][0]["consumption_kw"], 1.0);
    assert_eq!(
        (&raw["readings"][1]["quality"], &raw["readings"][1]["consumption_kw"]),
        (&json!("missing"), &json!(null))
    );
    assert_eq!((raw["simulated"].clone(), raw.get("rollups")), (json!(false), None));
    let hours = app.get(Role::Viewer, &format!("{path}&resolution=hour")).await.json(200);
    assert_eq!(hours["rollups"][0]["consumption_kwh"], 0.25);
    assert_eq!(hours["rollups"][0]["missing_s"], 900);
    let list = app.get(Role::Viewer, "/api/meters?limit=1").await.json(200);
    assert_eq!((&list["shown"], &list["next"]), (&json!("house-1"), &json!(null)));
    for (query, field) in [
        ("from=2026-03-28&to=2026-03-27", "to"),
        ("from=2020-01-01&to=2026-03-27", "to"),
        ("from=yesterday", "from"),
        ("resolution=week", "resolution"),
        ("form=2026-03-28", "form"),
    ] {
        let path = format!("/api/meters/house-1/readings?{query}");
        assert_eq!(app.get(Role::Viewer, &path).await.wrong_field(), field, "{query}");
    }
    assert_eq!(app.get(Role::Viewer, "/api/meters?limit=0").await.wrong_field(), "limit");
    app.get(Role::Viewer, "/api/meters/house-9/readings").await.problem(404);
}
