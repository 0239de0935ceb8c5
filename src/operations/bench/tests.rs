//! What a figure says, and that every benchmark measures.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use actix_web::web::{self, Data, Path};
use actix_web::{App, HttpResponse, HttpServer};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::client::{Load, complete};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Report, Sides, median, median_s};
use super::pgcopy::CopyFile;
use super::recalibration::recalibrate;
use super::store::Scratch;
use super::{Served, bulk_upsert, features, lightgbm_row, prepare_read, search, single_row_read};
use crate::access::audit::Audit;
use crate::algorithms::forecasting::pool::PoolSettings;
use crate::base::timeline::Clock;
use crate::learning::registry::Registry;
use crate::platform::db::Settings;
use crate::platform::objects::Objects;
use crate::testing::TestDb;

const TINY: Plan = Plan {
    upsert_rows: 300,
    requests: 16,
    ingest_requests: 2,
    import_rows: 200,
    growth_rows: 100,
    feature_rows: 40_000,
    pool_days: 2,
    models: 4_000,
    training_rows: 400,
    trees: 10,
    forecasts: 50,
    search_chunks: 300,
    rounds: 2,
};

#[test]
fn names_are_read_and_unknown_ones_answered_with_the_known() {
    for benchmark in Benchmark::ALL {
        assert_eq!(benchmark.name().parse(), Ok(benchmark));
    }
    let refusal = "speed".parse::<Benchmark>().unwrap_err().to_string();
    assert_eq!(
        refusal,
        "'speed' is not a benchmark; known are bulk-upsert, single-row-read, \
         read-while-training, ingest-http, ingest-mqtt, import-csv, ingest-growth, predict, \
         features, recalibration, model-lists, lightgbm-row, search"
    );
    assert!("".parse::<Benchmark>().is_err());
}

#[test]
#[expect(clippy::float_cmp, reason = "halves and whole numbers are exact")]
fn medians_lie_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    assert_eq!(median(&[7.0]), 7.0);
    assert!(median(&[]).is_nan());
    assert_eq!(median_s(&[Duration::from_millis(250), Duration::from_millis(750)]), 0.5);
}

#[test]
#[expect(clippy::float_cmp, reason = "the same division on both sides")]
fn percentiles_are_waits_that_were_measured() {
    let waits = (1..=200).map(Duration::from_millis).collect();
    let load = Load { elapsed: Duration::from_secs(4), waits };
    assert_eq!((load.percentile_s(50), load.percentile_s(99)), (0.1, 0.198));
    assert_eq!(load.rate(), 50.0);
}

#[test]
fn a_figure_is_held_against_its_gate() {
    let figure = |ours, floor, gate| {
        let sides = Sides { ours, floor };
        Figure::new(Benchmark::BulkUpsert, ("a against b", "rows/s"), sides, gate, (10, 3))
    };
    let rate = figure(85.0, 100.0, Gate::AtLeast(0.85));
    assert_eq!((rate.ratio, rate.passed), (0.85, true));
    assert!(!figure(84.0, 100.0, Gate::AtLeast(0.85)).passed);
    assert!(figure(1.2, 1.0, Gate::AtMost(1.2)).passed);
    assert!(!figure(1.3, 1.0, Gate::AtMost(1.2)).passed);
    assert!(!figure(f64::NAN, 1.0, Gate::AtMost(1.2)).passed);

    let report = Report::new(vec![rate.with("beside it", "ms", 0.1234).noting("no peer here")]);
    let table = report.table();
    assert!(table.contains("Not a release build"), "{table}");
    let line = table.lines().find(|line| line.starts_with("bulk-upsert ")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    let expected = ["bulk-upsert", "85", "100", "rows/s", "0.850", "≥", "0.85", "pass", "10", "3"];
    assert_eq!(cells, expected);
    assert!(table.contains("\n  beside it: 0.123 ms\n  no peer here\n"), "{table}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["figures"][0]["name"], "bulk-upsert");
    assert_eq!(json["figures"][0]["gate"]["at_least"], 0.85);
    assert_eq!(json["machine"]["build"], "debug");
}

/// The bytes of the row (7, NULL) as PostgreSQL's documentation lays them out.
#[test]
fn copied_rows_have_the_documented_form() {
    let mut file = CopyFile::new();
    file.add(&[(&7_i32, Type::INT4), (&None::<&str>, Type::TEXT)]).unwrap();
    assert_eq!(
        file.finish().as_ref(),
        [
            b"PGCOPY\n\xff\r\n\0".as_slice(),
            &[0, 0, 0, 0, 0, 0, 0, 0],
            &[0, 2],
            &[0, 0, 0, 4, 0, 0, 0, 7],
            &[0xff, 0xff, 0xff, 0xff],
            &[0xff, 0xff],
        ]
        .concat()
    );
    assert!(CopyFile::new().add(&[(&7_i32, Type::TEXT)]).is_none(), "a number is no text");
}

#[test]
fn answers_are_complete_when_their_length_is_there() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\nabc";
    assert_eq!(complete(answer).unwrap(), Some(answer.len() - 3));
    for cut in 0..answer.len() {
        assert_eq!(complete(&answer[..cut]).unwrap(), None, "{cut}");
    }
    for refused in [
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "\r\n\r\n",
    ] {
        assert!(complete(refused.as_bytes()).is_err(), "{refused:?}");
    }
}

#[actix_web::test]
async fn many_rows_are_stored_three_ways_in_a_database_that_is_gone_afterwards() {
    let test = TestDb::new().await;
    let scratch = Scratch::create(test.db(), &Settings::default()).await.unwrap();
    assert_ne!(scratch.db().describe(), test.db().describe());
    let second = Scratch::create(test.db(), &Settings::default()).await;
    assert!(matches!(second, Err(BenchError::Busy)), "two runs would measure each other");
    scratch.migrate().await.unwrap();
    let figure = bulk_upsert(&scratch, &TINY).await.unwrap();
    assert_eq!((figure.n, figure.rounds), (300, 2));
    assert!(figure.ours > 0.0 && figure.floor > 0.0 && figure.ratio.is_finite());

    let gone = scratch.db().clone();
    scratch.remove().await.unwrap();
    assert!(gone.ping().await.is_err());
    let again = Scratch::create(test.db(), &Settings::default()).await.unwrap();
    again.remove().await.unwrap();
}

#[actix_web::test]
async fn one_row_is_read_from_two_servers_with_equal_answers() {
    let test = TestDb::new().await;
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::in_folder(folder.path());
    let audit = Audit::new(test.db().clone(), Clock::system());
    let registry = Registry::new(test.db().clone(), objects, audit, Clock::system());
    let id = prepare_read(test.db(), &registry).await.unwrap();
    let serve = |answer: Option<&'static str>| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Data::new(registry.clone());
        let server = HttpServer::new(move || {
            App::new().app_data(registry.clone()).route(
                "/api/models/{id}",
                web::get().to(move |registry: Data<Registry>, id: Path<Uuid>| async move {
                    match answer {
                        Some(text) => HttpResponse::Ok().body(text),
                        None => HttpResponse::Ok().json(registry.get(*id).await.unwrap()),
                    }
                }),
            )
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        (Served { address, workers: 1, token: "t".to_owned().into() }, handle)
    };
    let (same, same_handle) = serve(None);
    let figure = single_row_read(&same, &registry, id, &TINY).await.unwrap();
    assert_eq!((figure.n, figure.rounds, figure.details.len()), (16, 2, 4));
    assert!(figure.ours > 0.0 && figure.floor > 0.0 && figure.ratio.is_finite());
    assert!(figure.details.iter().all(|detail| detail.value > 0.0));
    same_handle.stop(false).await;

    let (other, other_handle) = serve(Some("something else"));
    let refused = single_row_read(&other, &registry, id, &TINY).await.unwrap_err();
    let BenchError::Io { source, .. } = refused else { panic!("{refused}") };
    assert!(source.to_string().contains("answer differently"), "{source}");
    other_handle.stop(false).await;
}

#[actix_web::test]
async fn one_row_is_forecast_two_ways_with_equal_numbers() {
    let figure = lightgbm_row(&TINY).await.unwrap();
    assert_eq!((figure.n, figure.rounds), (50, 2));
    assert!(figure.ours > 0.0 && figure.floor > 0.0 && figure.ratio.is_finite());
}

#[actix_web::test]
async fn features_are_equal_every_way_over_both_clock_changes() {
    let figure = features(&TINY).await.unwrap();
    // 417 days from 16 January 1996, in which the clock changes once either way.
    assert_eq!((figure.n, figure.rounds), (417 * 96, 2));
    assert!(figure.ours > 0.0 && figure.floor > 0.0 && figure.ratio.is_finite());
    let names: Vec<&str> = figure.details.iter().map(|detail| detail.name).collect();
    let has_pandas = names.contains(&"pandas");
    assert_eq!(figure.notes.is_empty(), has_pandas, "{names:?}");
}

#[test]
fn the_pool_goes_on_from_its_stored_form_day_after_day() {
    let mut settings = PoolSettings { lear_windows: vec![56], ..PoolSettings::day_by_day() };
    settings.networks.clear();
    settings.trees.truncate(1);
    for trees in settings.trees.iter_mut().chain([&mut settings.stack]) {
        trees.trees = 5;
    }
    let figure = recalibrate(settings, 130, TINY.pool_days).unwrap();
    assert_eq!((figure.n, figure.rounds, figure.details.len()), (2, 1, 4));
    assert!(figure.ratio.is_finite() && figure.details.iter().all(|it| it.value.is_finite()));
}

#[actix_web::test]
async fn chunks_are_searched_and_a_scan_finds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let figure = search(folder.path(), &TINY).await.unwrap();
    assert_eq!((figure.n, figure.rounds), (300, 2));
    let detail = |name| figure.details.iter().find(|it| it.name == name).unwrap().value;
    assert!(figure.ours > 0.0 && figure.details.iter().all(|it| it.value.is_finite()));
    for name in ["of the ten nearest vectors found", "of the ten best by words found"] {
        // Below the size from which on the engine takes short cuts, it finds what a scan finds.
        assert!(detail(name) > 0.99, "{name}: {}", detail(name));
    }
}
