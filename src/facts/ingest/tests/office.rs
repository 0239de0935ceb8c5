//! Statistics of an office: whole histories in each file, restated days, values that cannot be.

use std::io::Read;

use super::*;
use crate::base::timeline::AsOf;

fn statistic(of: Statistic) -> Subject {
    Subject::Statistic(of, ch())
}

fn read_of(of: Statistic, body: &str, days: (&str, &str)) -> Result<Reading, ReadError> {
    let ask = Ask {
        subject: statistic(of),
        range: range(days.0, days.1),
        at: utc("2026-03-28T12:05:00Z"),
    };
    source("bfe").read(200, body.as_bytes(), &ask)
}

/// Series by name with their points.
fn series(reading: &Reading) -> Vec<(&str, usize)> {
    reading.values.iter().map(|values| (values.name.as_str(), values.points.len())).collect()
}

fn sum(reading: &Reading, name: &str) -> f64 {
    let values = reading.values.iter().find(|values| values.name == name).unwrap();
    values.points.iter().filter_map(|(_, value)| *value).sum()
}

fn recorded(file: &str) -> Option<String> {
    let Some(data) = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return None;
    };
    let packed = std::fs::read(data.join("data/load").join(file)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    Some(text)
}

/// Days, sums and single values counted from the file by other means.
#[test]
fn of_a_recorded_day_that_comes_twice_the_last_row_counts() {
    let Some(text) = recorded("CH_ogd103_consumption_daily_2017_2023.csv.gz") else { return };
    let reading = read_of(Statistic::Consumption, &text, ("2017-01-01", "2023-12-31")).unwrap();
    assert_eq!(
        series(&reading),
        [("consumption_gwh:CH", 2_556), ("end_consumption_gwh:CH", 2_556)]
    );
    assert!((sum(&reading, "consumption_gwh:CH") - 444_861.0).abs() < 1e-6);
    assert!((sum(&reading, "end_consumption_gwh:CH") - 388_613.0).abs() < 1e-6);
    // 652 rows too many, each with two values.
    assert_eq!(reading.findings, [Finding::Duplicates(1_304)]);
    let last = reading.values[0].points.last().copied();
    assert_eq!(last, Some((utc("2023-12-30T23:00:00Z"), Some(182.0))));
    // What nobody asked for is not there.
    let one = read_of(Statistic::Consumption, &text, ("2017-01-02", "2017-01-03")).unwrap();
    assert_eq!(
        one.values[0].points,
        [(utc("2017-01-01T23:00:00Z"), Some(179.0)), (utc("2017-01-02T23:00:00Z"), Some(200.0))]
    );
}

#[test]
fn recorded_production_becomes_a_series_for_each_source_of_energy() {
    let Some(text) = recorded("CH_ogd104_production_daily_2014_2023.csv.gz") else { return };
    let reading = read_of(Statistic::Production, &text, ("2014-01-01", "2023-12-31")).unwrap();
    let expected = [
        ("production_gwh:CH:run_of_river", 3_652, 168_562.4),
        ("production_gwh:CH:reservoir", 3_652, 213_199.3),
        ("production_gwh:CH:nuclear", 3_652, 226_282.0),
        ("production_gwh:CH:solar", 3_287, 18_751.5),
        ("production_gwh:CH:thermal", 3_652, 36_627.6),
        ("production_gwh:CH:wind", 3_287, 810.2),
    ];
    assert_eq!(series(&reading), expected.map(|(name, count, _)| (name, count)));
    for (name, _, total) in expected {
        assert!((sum(&reading, name) - total).abs() < 0.05, "{name}");
    }
    // The longest day of the year, in the summer half: it begins at 22:00 UTC the day before.
    let longest = (utc("2023-06-20T22:00:00Z"), Some(16.9));
    assert!(reading.values[3].points.contains(&longest));
    assert_eq!(reading.findings, []);
}

#[test]
fn recorded_lakes_are_weekly_from_monday_on() {
    let Some(text) = recorded("CH_ogd17_reservoirs_weekly_2000_2022.csv.gz") else { return };
    let reading = read_of(Statistic::Reservoirs, &text, ("2015-01-01", "2022-12-31")).unwrap();
    assert_eq!((reading.values.len(), reading.values[4].name.as_str()), (10, "reservoirs_gwh:CH"));
    assert!(reading.values.iter().all(|it| it.points.len() == 415 && it.interval_s == 604_800));
    assert!((sum(&reading, "reservoirs_gwh:CH") - 1_941_195.0).abs() < 1e-6);
    assert_eq!(reading.values[9].name, "reservoir_capacity_gwh:CH");
    let newest = reading.values[9].points.last().copied();
    assert_eq!(newest, Some((utc("2022-12-11T23:00:00Z"), Some(8_885.0))));
    let (fit, odd) = values::sift(
        reading.values,
        &Ask {
            subject: statistic(Statistic::Reservoirs),
            range: range("2015-01-01", "2022-12-31"),
            at: utc("2026-03-28T12:05:00Z"),
        },
    )
    .unwrap();
    assert_eq!((fit.len(), odd.len()), (10, 0));
}

#[test]
fn the_recorded_exchange_keeps_the_doubled_hour_and_leaves_the_judging_to_others() {
    let Some(text) = recorded("CH_ogd107_exchange_hourly_2017_2023.csv.gz") else { return };
    let reading = read_of(Statistic::Exchange, &text, ("2023-01-01", "2023-12-31")).unwrap();
    // 8,760 hours, of which 46 are missing.
    assert!(reading.values.iter().all(|it| it.points.len() == 8_714 && it.interval_s == 3_600));
    assert!((sum(&reading, "imports_mwh:CH:FR") - 9_672_135.0).abs() < 1e-6);
    assert!((sum(&reading, "exports_mwh:CH:IT") - 20_218_953.0).abs() < 1e-6);
    let france = &reading.values[2].points;
    for at in [("2023-10-29T00:00:00Z", 3_079.0), ("2023-10-29T01:00:00Z", 3_330.0)] {
        assert!(france.contains(&(utc(at.0), Some(at.1))), "{at:?}");
    }
    let beyond = france.iter().filter(|(_, value)| value.unwrap() > reading.values[2].limit);
    assert_eq!(
        beyond.copied().collect::<Vec<_>>(),
        [
            (utc("2023-01-08T05:00:00Z"), Some(23_635.0)),
            (utc("2023-05-07T08:00:00Z"), Some(10_854.0))
        ]
    );
}

#[test]
fn the_exchange_by_day_and_the_base_price_have_series_of_their_own() {
    let by_day = "Date,AT_CH_GWh,DE_CH_GWh,FR_CH_GWh,IT_CH_GWh,CH_AT_GWh,CH_DE_GWh,CH_FR_GWh,\
        CH_IT_GWh,Nettoimport\n2026-03-28,1,2,3,4,5,6,7,8,-16\n";
    let reading = read_of(Statistic::Exchange, by_day, ("2026-03-28", "2026-03-29")).unwrap();
    assert_eq!(
        (series(&reading)[0], series(&reading)[7]),
        (("imports_gwh:CH:AT", 1), ("exports_gwh:CH:IT", 1))
    );
    assert_eq!((sum(&reading, "exports_gwh:CH:FR"), reading.values[0].interval_s), (7.0, 86_400));
    let price = "\u{feff}Datum,Baseload_EUR_MWh\n2026-03-28,48.5\n2026-03-29,-3\n";
    let reading = read_of(Statistic::BasePrice, price, ("2026-03-28", "2026-03-29")).unwrap();
    let base = &reading.values[0];
    assert_eq!((base.name.as_str(), base.unit), ("base_price_eur_mwh:CH", "EUR/MWh"));
    // The day on which the clock goes forward begins at 23:00 UTC as well.
    assert_eq!(base.points[1], (utc("2026-03-28T23:00:00Z"), Some(-3.0)));
}

#[test]
fn odd_files_are_refused_and_odd_rows_left_out() {
    let days = ("2026-03-01", "2026-03-29");
    let good =
        "Datum,Landesverbrauch_GWh,Endverbrauch_GWh\n2026-03-02,170,150\n2026-03-03,171,151\n";
    let consumption = |body: &str| read_of(Statistic::Consumption, body, days);
    for (body, words) in [
        ("<!DOCTYPE html><html>Wartung</html>".to_owned(), "a web page, not a table of text"),
        (String::new(), "empty, not a table of text"),
        ("{\"message\":\"x\"}".to_owned(), "JSON, not a table of text"),
        (good.replace("Datum", "Tag"), "a table without, not a table with days"),
        (good.replace("Landesverbrauch", "Verbrauch"), "a table with other columns"),
        (good.replace("_GWh", "_MWh"), "values are in MWh (Landesverbrauch), not in GWh"),
        (good.replace("2026-03-0", "2026-13-0"), "line 2: '2026-13-02' is no day"),
    ] {
        let error = consumption(&body).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let count = |body: &str| {
        let reading = consumption(body).unwrap();
        let found: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
        (reading.values.iter().map(|it| it.points.len()).sum::<usize>(), found.join("; "))
    };
    assert_eq!(count(good), (4, String::new()));
    // Cut off: a number that is shorter than it was must not become a value.
    let (values, said) = count(&good[..good.len() - 2]);
    assert!(values == 2 && said.contains("line 3: the last line has no end"), "{said}");
    let (values, said) = count(&good.replace("171,151", "171"));
    assert!(values == 2 && said.contains("2 fields under 3 columns"), "{said}");
    let (values, said) = count(&good.replace("170", "viel"));
    assert!(values == 3 && said.contains("line 2: 'viel' is no number"), "{said}");
    // Nothing yet is nothing; a header alone is a file without days.
    assert_eq!(count(&good.replace("171,151", ",")).0, 4);
    let header = "Datum,Landesverbrauch_GWh,Endverbrauch_GWh\n";
    assert_eq!(consumption(header).unwrap(), Reading::default());
    let oil = "Datum,Energietraeger,Produktion_GWh\n2026-03-02,Wind,0.4\n2026-03-02,Fusion,9\n";
    let reading = read_of(Statistic::Production, oil, days).unwrap();
    assert_eq!(reading.findings, [Finding::OtherSeries("Fusion".to_owned())]);
    let lakes = oil.replace("Energietraeger", "Energie");
    let error = read_of(Statistic::Production, &lakes, days).unwrap_err().to_string();
    assert!(error.contains("not a table of sources of energy"), "{error}");
}

/// A box that asks `server` as the office.
async fn office(server: &Server) -> TestApp {
    let url = server.url.clone();
    TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        (settings.ingest.weather, settings.ingest.rates) = (false, false);
        settings.ingest.bfe = true;
        settings.ingest.bfe_url = format!("{url}/bfe");
        settings.simulation.enabled = false;
    })
    .await
}

#[actix_web::test]
async fn a_restated_day_is_news_and_asking_twice_is_not() {
    let newest = Arc::new(Mutex::new("171"));
    let value = Arc::clone(&newest);
    let server = Server::new(move |line| {
        if !line.contains("/bfe/ogd103_stromverbrauch_swissgrid_lv_und_endv.csv") {
            return (500, String::new());
        }
        let value = *value.lock().unwrap();
        (200, format!("Datum,Landesverbrauch_GWh,Endverbrauch_GWh\n2026-03-23,160,140\n2026-03-24,{value},151\n"))
    })
    .await;
    let app = office(&server).await;
    let (ingest, subject) = (&app.services.ingest, statistic(Statistic::Consumption));
    let days = Days::new(day("2026-03-23"), day("2026-03-24"));
    let first = ingest.fetch_any(&subject, days, |_, _| {}).await.unwrap();
    assert_eq!((first.values, first.stored.inserted), (4, 4));
    app.clock.set(utc("2026-03-29T00:05:00Z"));
    let same = ingest.fetch_any(&subject, days, |_, _| {}).await.unwrap();
    assert_eq!((same.stored.inserted, same.stored.unchanged), (0, 4));
    *newest.lock().unwrap() = "174";
    app.clock.set(utc("2026-03-29T12:05:00Z"));
    let other = ingest.fetch_any(&subject, days, |_, _| {}).await.unwrap();
    assert_eq!((other.stored.inserted, other.stored.unchanged), (1, 3));
    let range = range("2026-03-24", "2026-03-24");
    for (as_of, expected) in [
        ("2026-03-28T12:00:00Z", None),
        ("2026-03-28T12:05:00Z", Some(171.0)),
        ("2026-03-29T12:05:00Z", Some(174.0)),
    ] {
        let known = &app.services.observations;
        let known =
            known.values_as_of("consumption_gwh:CH", range, AsOf(utc(as_of))).await.unwrap();
        assert_eq!(known.first().map(|(_, value)| *value), expected, "{as_of}");
    }
    let spec = app.services.observations.spec("consumption_gwh:CH").await.unwrap().unwrap();
    assert_eq!((spec.unit.as_str(), spec.resolution_s, spec.is_feature), ("GWh", 86_400, false));
    assert_eq!(spec.attribution, "Bundesamt für Energie BFE");
    let states = ingest.sources().await.unwrap();
    let state = states.iter().find(|source| source.name == "bfe").unwrap();
    assert_eq!(state.subjects[0].newest, Some(utc("2026-03-23T23:00:00Z")));
    assert_eq!(ingest.subjects(Some("bfe")).unwrap().len(), 5);
}

#[actix_web::test]
async fn a_value_that_no_line_can_carry_waits_for_a_person_and_the_others_are_stored() {
    let rows = |hour: i64, france: &str| {
        let ts = utc("2026-03-22T23:00:00Z") + chrono::Duration::hours(hour);
        format!("{},1,2,{france},4,5,6,7,8,0\n", ts.format("%Y-%m-%dT%H:%M:%S+0000"))
    };
    let body: String = (0..24)
        .map(|hour| {
            rows(
                hour,
                match hour {
                    5 => "23635",
                    6 => "NaN",
                    _ => "3000",
                },
            )
        })
        .collect();
    let server = Server::new(move |_| {
        let header = "Datetime,AT_CH_MWh,DE_CH_MWh,FR_CH_MWh,IT_CH_MWh,CH_AT_MWh,CH_DE_MWh,CH_FR_MWh,CH_IT_MWh,Nettoimport";
        (200, format!("{header}\n{body}"))
    })
    .await;
    let app = office(&server).await;
    let days = Days::new(day("2026-03-23"), day("2026-03-23"));
    let exchange = statistic(Statistic::Exchange);
    let report = app.services.ingest.fetch_any(&exchange, days, |_, _| {}).await.unwrap();
    // Eight series of a day, less the two.
    assert_eq!((report.values, report.stored.inserted), (8 * 24 - 2, 8 * 24 - 2));
    let open = Filter { is_open: true, ..Filter::default() };
    let rows = app.services.quality.quarantine(&open, 10).await.unwrap();
    let mut apart: Vec<_> =
        rows.iter().map(|row| (row.subject.as_str(), row.ts, row.value)).collect();
    apart.sort_by_key(|row| row.1);
    assert_eq!(
        apart,
        [
            ("imports_mwh:CH:FR", utc("2026-03-23T04:00:00Z"), Some(23_635.0)),
            ("imports_mwh:CH:FR", utc("2026-03-23T05:00:00Z"), None)
        ]
    );
}
