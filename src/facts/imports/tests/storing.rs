//! Files into the database: once, again, corrected, and not at all.

use super::*;
use crate::access::audit::{Audit, By};
use crate::access::sites::Sites;
use crate::base::ids::Product;
use crate::base::timeline::{Clock, TimeRange};
use crate::facts::imports::{ImportReport, Imports};
use crate::facts::market::{PricePoint, Prices, Quality};
use crate::facts::meters::Meters;
use crate::facts::readings::Readings;
use crate::facts::series::Observations;
use crate::testing::TestDb;

const AUTUMN: &str = "time_local,CH\n2023-10-29 01:00,1\n2023-10-29 02:00,2\n2023-10-29 03:00,3\n";

struct Fixture {
    _db: TestDb,
    prices: Prices,
    observations: Observations,
    imports: Imports,
    clock: Clock,
}

impl Fixture {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let prices = Prices::new(db.db().clone());
        let observations = Observations::new(db.db().clone());
        let clock = Clock::fixed("2024-01-01T00:00:00Z".parse().unwrap());
        let audit = Audit::new(db.db().clone(), clock.clone());
        let sites = Sites::new(db.db().clone(), clock.clone());
        let settings = crate::facts::meters::Settings::default();
        let meters = Meters::new(db.db().clone(), sites, clock.clone(), settings);
        let readings = Readings::new(db.db().clone(), meters, audit.clone(), clock.clone());
        let imports =
            Imports::new(prices.clone(), observations.clone(), audit, readings, clock.clone());
        Self { _db: db, prices, observations, imports, clock }
    }

    async fn import(&self, text: &str, options: &ImportOptions) -> ImportReport {
        self.imports
            .import_prices(text.as_bytes(), "a/b/prices.csv", options, &By::system())
            .await
            .unwrap()
    }

    async fn stored(&self) -> Vec<PricePoint> {
        let day = |text: &str| text.parse().unwrap();
        let range = TimeRange::new(day("2023-10-28T00:00:00Z"), day("2023-11-01T00:00:00Z"));
        let market = Market::parse("CH").unwrap();
        self.prices.prices(&market, Product::DayAhead, range).await.unwrap()
    }
}

#[tokio::test]
async fn a_second_import_changes_nothing_and_a_corrected_one_what_it_must() {
    let fixture = Fixture::new().await;
    let dry = ImportOptions { dry_run: true, ..options("CH") };
    let plan = fixture.import(AUTUMN, &dry).await;
    assert_eq!((plan.stored, plan.unchanged, plan.dry_run), (4, 0, true));
    assert_eq!(fixture.stored().await, []);

    let first = fixture.import(AUTUMN, &options("CH")).await;
    assert_eq!((first.rows_read, first.stored, first.unchanged), (3, 4, 0));
    let stored = fixture.stored().await;
    let qualities: Vec<_> = stored.iter().map(|point| point.quality.name()).collect();
    assert_eq!(qualities, ["ok", "estimated", "estimated", "ok"]);
    assert_eq!(stored[0].source, "import:prices.csv");
    // 13:00 in Zürich on the day before, still summer time.
    assert_eq!(stored[0].known_at.to_rfc3339(), "2023-10-28T11:00:00+00:00");
    assert!(stored[0].known_at_assumed);

    for options in [&options("CH"), &dry] {
        let again = fixture.import(AUTUMN, options).await;
        assert_eq!((again.stored, again.unchanged), (0, 4));
    }
    assert_eq!(fixture.stored().await, stored);

    let corrected = AUTUMN.replace(",3\n", ",3.5\n");
    assert_eq!(fixture.import(&corrected, &dry).await.stored, 1);
    let third = fixture.import(&corrected, &options("CH")).await;
    assert_eq!((third.stored, third.unchanged), (1, 3));
}

#[tokio::test]
async fn shared_values_give_way_to_own_ones_and_old_ones_to_new_ones() {
    let fixture = Fixture::new().await;
    let truth = "time_utc,CH\n2023-10-28 23:00,1\n2023-10-29 00:00,1.5\n2023-10-29 01:00,2.5\n\
                 2023-10-29 02:00,3\n";
    fixture.import(truth, &options("CH")).await;
    let report = fixture.import(AUTUMN, &options("CH")).await;
    assert_eq!((report.stored, report.unchanged), (0, 2));
    assert_eq!(dropped(&report.dropped).len(), 1);
    assert_eq!(report.dropped[0].rows, 2);
    let own: Vec<_> = fixture.stored().await.iter().map(|point| point.quality).collect();
    assert_eq!(own, [Quality::Ok; 4]);

    let late = ImportOptions {
        known_at: crate::facts::imports::KnownAtRule::At("2023-12-01T00:00:00Z".parse().unwrap()),
        ..options("CH")
    };
    assert_eq!(fixture.import(&truth.replace(",3\n", ",9\n"), &late).await.stored, 1);
    let report = fixture.import(truth, &options("CH")).await;
    assert_eq!((report.stored, report.unchanged), (0, 3));
    assert_eq!(report.dropped[0].reason, "a value that was published later is stored");
}

#[tokio::test]
async fn nothing_is_known_before_it_is_here() {
    let fixture = Fixture::new().await;
    fixture.clock.set("2023-10-28T10:30:00Z".parse().unwrap());
    fixture.import(AUTUMN, &options("CH")).await;
    assert_eq!(fixture.stored().await[0].known_at.to_rfc3339(), "2023-10-28T10:30:00+00:00");
}

#[tokio::test]
async fn a_publication_that_has_not_come_yet_is_refused() {
    let fixture = Fixture::new().await;
    let at = |text: &str| ImportOptions {
        known_at: crate::facts::imports::KnownAtRule::At(text.parse().unwrap()),
        ..options("CH")
    };
    // The clock of the fixture stands at the turn of the year.
    let refusal = fixture
        .imports
        .import_prices(AUTUMN.as_bytes(), "x", &at("2024-01-01T00:06:00Z"), &By::system())
        .await
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the price of 2023-10-28 23:00:00 UTC is said to have become known at \
         2024-01-01 00:06:00 UTC, which has not come yet; check the stated time of publication and \
         its time zone"
    );
    assert_eq!(fixture.prices.count().await.unwrap(), 0);
    assert_eq!(fixture.import(AUTUMN, &at("2024-01-01T00:04:00Z")).await.stored, 4);
}

#[tokio::test]
async fn a_refused_file_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    let text = format!("{AUTUMN}2023-10-29 04:00,x\n");
    let options = options("CH");
    let refusal = fixture
        .imports
        .import_prices(text.as_bytes(), "x", &options, &By::system())
        .await
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "1 row cannot be read, nothing was imported: line 5, column 'CH': 'x' is not a number"
    );
    assert_eq!(fixture.prices.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_benchmark_file_brings_its_forecasts() {
    let fixture = Fixture::new().await;
    let text = "Date,Price,Exogenous 1,Exogenous 2\n2017-10-29 01:00:00,1,100,10\n\
                2017-10-29 02:00:00,2,200,20\n2017-10-29 03:00:00,3,300,\n";
    for (stored, unchanged) in [(4, 0), (0, 4)] {
        let report = fixture.import(text, &options("EPF-DE")).await;
        assert_eq!((report.stored, report.unchanged), (stored, unchanged));
        let series: Vec<_> = report
            .series
            .iter()
            .map(|series| (series.name.as_str(), series.rows, series.stored + series.unchanged))
            .collect();
        assert_eq!(series, [("exo1:EPF-DE", 4, 4), ("exo2:EPF-DE", 3, 3)]);
    }
    let day = |text: &str| text.parse().unwrap();
    let range = TimeRange::new(day("2017-10-28T00:00:00Z"), day("2017-10-30T00:00:00Z"));
    let values = fixture.observations.history("exo1:EPF-DE", range).await.unwrap();
    let shown: Vec<_> = values
        .iter()
        .map(|(ts, known, value)| {
            format!("{} {} {value}", ts.format("%dT%H"), known.format("%dT%H:%M"))
        })
        .collect();
    // 09:30 in Berlin on the day before, still summer time.
    assert_eq!(
        shown,
        ["28T23 28T07:30 100", "29T00 28T07:30 200", "29T01 28T07:30 200", "29T02 28T07:30 300"]
    );
}
