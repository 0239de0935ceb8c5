//! Energy in reservoirs, of ENTSO-E: weeks from Monday to Sunday. All answers are constructed.

use super::*;
use crate::base::timeline::AsOf;

fn subject() -> Subject {
    Subject::Reservoirs(ch())
}

/// A document of one period.
fn document(
    unit: &str,
    (start, end): (&str, &str),
    curve: &str,
    points: &[(usize, &str)],
) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|(at, value)| {
            format!("<Point><position>{at}</position><quantity>{value}</quantity></Point>")
        })
        .collect();
    let points = points.concat();
    format!(
        "<?xml version=\"1.0\"?><GL_MarketDocument xmlns=\"urn:z:3:0\"><type>A72</type><TimeSeries>\
         <inBiddingZone_Domain.mRID>10YCH-SWISSGRIDZ</inBiddingZone_Domain.mRID>\
         <quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name><curveType>{curve}</curveType><Period>\
         <timeInterval><start>{start}</start><end>{end}</end></timeInterval><resolution>P7D</resolution>\
         {points}</Period></TimeSeries></GL_MarketDocument>"
    )
}

fn read_weeks(body: &str, first: &str, last: &str) -> Result<Reading, ReadError> {
    let ask =
        Ask { subject: subject(), range: range(first, last), at: utc("2026-12-01T12:00:00Z") };
    source("entsoe").read(200, body.as_bytes(), &ask)
}

/// Over both clock changes: 2026-03-29 and 2026-10-25 are Sundays.
#[test]
fn weeks_begin_on_monday_whatever_the_clock_does() {
    let spring = ("2026-03-22T23:00Z", "2026-04-05T22:00Z");
    let body = document("MWH", spring, "A01", &[(1, "1712000"), (2, "1655000.5")]);
    let reading = read_weeks(&body, "2026-03-01", "2026-04-30").unwrap();
    let values = &reading.values[0];
    assert_eq!(
        (values.name.as_str(), values.unit, values.interval_s),
        ("water_reservoirs:CH", "MWh", 604_800)
    );
    let expected = [
        (utc("2026-03-22T23:00:00Z"), Some(1_712_000.0)),
        (utc("2026-03-29T22:00:00Z"), Some(1_655_000.5)),
    ];
    assert_eq!(values.points, expected);
    // In variable blocks a week that is left out repeats the one before.
    let autumn = ("2026-10-18T22:00Z", "2026-11-08T23:00Z");
    let body = document("MWH", autumn, "A03", &[(1, "7000000"), (3, "6900000")]);
    let weeks: Vec<_> =
        read_weeks(&body, "2026-10-01", "2026-11-30").unwrap().values[0].points.clone();
    let expected = [
        (utc("2026-10-18T22:00:00Z"), Some(7_000_000.0)),
        (utc("2026-10-25T23:00:00Z"), Some(7_000_000.0)),
        (utc("2026-11-01T23:00:00Z"), Some(6_900_000.0)),
    ];
    assert_eq!(weeks, expected);
}

#[test]
fn odd_documents_are_refused_with_their_reason() {
    let week = ("2026-03-22T23:00Z", "2026-03-29T22:00Z");
    let good = document("MWH", week, "A01", &[(1, "1712000")]);
    for (body, words) in [
        (document("MAW", week, "A01", &[(1, "1712000")]), "values are in MAW, not in MWh"),
        (document("MWH", week, "A01", &[(1, "NaN")]), "'NaN' is no number"),
        (document("MWH", week, "A01", &[(2, "1")]), "position 2 of 1"),
        (
            document("MWH", week, "A01", &[(1, "1"), (1, "2")]),
            "position 1 has two different values",
        ),
        (document("MWH", week, "A03", &[]), "a period begins without a value"),
        // Seven times 24 hours are no week when the clock is changed.
        (good.replace("2026-03-29T22:00Z", "2026-03-29T23:00Z"), "a period of weeks lasts from"),
        (good.replace("2026-03-29T22:00Z", "2036-03-23T23:00Z"), "a period of weeks lasts from"),
        (good.replace("2026-03-29T22:00Z", "2026-03-15T23:00Z"), "a period of weeks lasts from"),
        (good.replace("10YCH-SWISSGRIDZ", "10YAT-APG------L"), "answered for 10YAT-APG------L"),
        (good[..good.len() - 40].to_owned(), "cannot be read"),
        ("<!DOCTYPE html><html>".to_owned(), "a web page, not XML"),
        (String::new(), "empty, not XML"),
        (good.replace("GL_MarketDocument", "Publication_MarketDocument"), "another document"),
    ] {
        let error = read_weeks(&body, "2026-03-01", "2026-04-30").unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let hours = good.replace("P7D", "PT60M");
    let reading = read_weeks(&hours, "2026-03-01", "2026-04-30").unwrap();
    assert_eq!(reading.findings, [Finding::OtherSeries("its resolution is PT60M".to_owned())]);
    let nothing = "<Acknowledgement_MarketDocument><Reason><code>999</code><text>No matching data found for \
                   Data item Reservoirs</text></Reason></Acknowledgement_MarketDocument>";
    assert_eq!(read_weeks(nothing, "2026-03-01", "2026-04-30"), Ok(Reading::default()));
}

#[test]
fn zones_with_lakes_are_asked_about() {
    let entsoe = source("entsoe");
    let markets = ["CH", "AT", "DE-LU"].map(|code| Market::parse(code).unwrap());
    let settings = Settings {
        markets: markets.to_vec(),
        entsoe_token: Some(TOKEN.into()),
        ..Settings::default()
    };
    let own: Vec<_> = entsoe.subjects(&settings).iter().map(ToString::to_string).collect();
    assert!(
        own.contains(&"water_reservoirs:CH".to_owned())
            && own.contains(&"water_reservoirs:AT".to_owned())
    );
    assert!(!own.contains(&"water_reservoirs:DE-LU".to_owned()));
    let ask = Ask {
        subject: subject(),
        range: range("2026-03-01", "2026-03-31"),
        at: utc("2026-04-01T00:00:00Z"),
    };
    let url = entsoe.request(&settings, &ask).unwrap().url;
    let expected = "documentType=A72&processType=A16&in_Domain=10YCH-SWISSGRIDZ&periodStart=202602272300&periodEnd=202604012200";
    assert!(url.ends_with(expected), "{url}");
}

#[actix_web::test]
async fn a_week_is_known_on_the_third_working_day_after_it() {
    let weeks = ("2026-03-01T23:00Z", "2026-03-22T23:00Z");
    let absurd = document("MWH", weeks, "A01", &[(1, "1900000"), (2, "1e9"), (3, "1800000")]);
    let server = Server::new(move |line| {
        if line.contains("documentType=A72") { (200, absurd.clone()) } else { (500, String::new()) }
    })
    .await;
    let app = app(&server).await;
    let days = Days::new(day("2026-02-20"), day("2026-03-28"));
    let report = app.services.ingest.fetch("entsoe", &subject(), days, |_, _| {}).await.unwrap();
    // What no country's lakes can hold waits for a person.
    assert_eq!((report.values, report.stored.inserted), (2, 2));
    assert!(report.findings[0].contains("kept apart"), "{:?}", report.findings);
    let again = app.services.ingest.fetch("entsoe", &subject(), days, |_, _| {}).await.unwrap();
    assert_eq!((again.stored.inserted, again.stored.unchanged), (0, 2));
    let range = range("2026-03-01", "2026-03-28");
    for (as_of, expected) in [
        // The week from the 2nd on by the rule, the one from the 16th on when it came.
        ("2026-03-11T22:59:59Z", 0),
        ("2026-03-11T23:00:00Z", 1),
        ("2026-03-28T12:04:59Z", 1),
        ("2026-03-28T12:05:00Z", 2),
    ] {
        let known = &app.services.observations;
        let known =
            known.values_as_of("water_reservoirs:CH", range, AsOf(utc(as_of))).await.unwrap();
        assert_eq!(known.len(), expected, "{as_of}");
    }
    let spec = app.services.observations.spec("water_reservoirs:CH").await.unwrap().unwrap();
    assert_eq!(
        (spec.unit.as_str(), spec.attribution.as_str()),
        ("MWh", "ENTSO-E Transparency Platform")
    );
}
