//! Answers in the form of the VSE: recorded ones, constructed ones, and hostile ones.

use chrono::NaiveDate;
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::timeline::{day_range, days_range};

fn asked(tariff_name: Option<&str>) -> Asked {
    Asked {
        url: "https://host/tariffs".to_owned(),
        is_own_url: false,
        tariff_name: tariff_name.map(str::to_owned),
        takes_range: true,
        days_max: 31,
        pause_s: 0,
    }
}

/// A file of the recorded data; absent where nobody has them.
fn shared(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from);
    let found = folder.and_then(|folder| std::fs::read(folder.join(name)).ok());
    if found.is_none() {
        println!("skipped: {name} is not there");
    }
    found
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn of_day(day: &str) -> TimeRange {
    day_range(day.parse::<NaiveDate>().unwrap(), Tz::Europe__Zurich)
}

fn read_for(range: TimeRange, body: &[u8]) -> Result<Answer, ReadError> {
    read(200, body, (&asked(None), range))
}

/// The answer about 20 November 2026 that these slots make.
fn slots(slots: &Value) -> Result<Answer, ReadError> {
    read_for(of_day("2026-11-20"), json!({ "prices": slots }).to_string().as_bytes())
}

/// One slot at 00:00 in Zürich with these components.
fn slot(components: &Value) -> Result<Answer, ReadError> {
    let mut slot = json!({"start_timestamp": "2026-11-20T00:00:00+01:00",
        "end_timestamp": "2026-11-20T00:15:00+01:00"});
    for (name, list) in components.as_object().unwrap() {
        slot[name] = list.clone();
    }
    slots(&json!([slot]))
}

fn prices(answer: &Answer, component: Component) -> Vec<f64> {
    let mut quotes: Vec<&Quote> =
        answer.quotes.iter().filter(|quote| quote.component == component).collect();
    quotes.sort_by_key(|quote| quote.ts);
    quotes.iter().map(|quote| quote.price_chf_kwh).collect()
}

/// The values at `/prices/*/<component>/0/value` of a recording, as they stand there.
fn values(document: &Value, component: &str) -> Vec<f64> {
    let all = document["prices"].as_array().unwrap().iter();
    all.map(|slot| slot[component][0]["value"].as_f64().unwrap()).collect()
}

#[test]
fn a_recorded_day_of_groupe_e_is_read_to_the_last_price() {
    let Some(body) = shared("data/api/groupe_e_v2_tariffs_2026-09-11.json") else { return };
    let document: Value = serde_json::from_slice(&body).unwrap();
    let range = of_day("2026-09-11");
    let answer = read_for(range, &body).unwrap();
    assert_eq!(answer.findings, Vec::<String>::new());
    assert_eq!(answer.published_at, Some(at("2026-09-10T12:48:46Z")));
    assert_eq!((answer.base_chf_month, answer.quotes.len()), (None, 192));
    for (component, name) in [(Component::Grid, "grid"), (Component::Integrated, "integrated")] {
        let found = prices(&answer, component);
        assert_eq!((found.len(), &found), (96, &values(&document, name)), "{name}");
    }
    assert!(prices(&answer, Component::Grid).iter().any(|price| *price < 0.0));
    let first = answer.quotes.iter().map(|quote| quote.ts).min();
    assert_eq!(first, Some(range.from));
}

#[test]
fn recorded_hours_of_swisspower_are_read_with_their_own_unit_and_their_binary_dust() {
    let Some(body) = shared("data/api/swisspower_esit_2024-08-12.json") else { return };
    let document: Value = serde_json::from_slice(&body).unwrap();
    let answer = read_for(of_day("2024-08-12"), &body).unwrap();
    let found = prices(&answer, Component::Integrated);
    assert_eq!((found.len(), &found), (15, &values(&document, "integrated")));
    assert_eq!(answer.published_at, None);
    assert!(found.contains(&0.492_499_999_999_999_94), "stored as it was written: {found:?}");
}

/// Constructed after EKZ's form: the monthly fee stands first.
#[test]
fn the_price_is_found_by_its_unit_and_the_monthly_fee_kept_apart() {
    let body = json!({"publication_timestamp": "2026-11-19T17:50:11+01:00", "prices": [
        {"start_timestamp": "2026-11-20T00:00:00+01:00", "end_timestamp": "2026-11-20T00:15:00+01:00",
         "integrated": [{"unit": "CHF_m", "value": 3.0}, {"unit": "CHF_kWh", "value": 0.2037}]},
        {"start_timestamp": "2026-11-20T00:15:00+01:00", "end_timestamp": "2026-11-20T00:30:00+01:00",
         "integrated": [{"unit": "CHF_kW_m", "value": 1.0}, {"unit": "CHF_M", "value": 3.5},
            {"unit": "CHF/kWh", "value": 0.2038}]}]});
    let answer = read_for(of_day("2026-11-20"), body.to_string().as_bytes()).unwrap();
    assert_eq!(prices(&answer, Component::Integrated), [0.2037, 0.2038]);
    assert_eq!(answer.base_chf_month, Some(3.5), "the last one holds");
    assert_eq!(answer.published_at, Some(at("2026-11-19T16:50:11Z")));
    assert_eq!(answer.findings, ["integrated in CHF_kW_m is not read"]);
    // Without a fee for everything those of the parts add up.
    let fees = |chf: f64| json!([{"unit": "CHF_m", "value": chf}]);
    let answer = slot(&json!({"grid": fees(5.0), "metering": fees(6.2)})).unwrap();
    assert_eq!((answer.base_chf_month, answer.quotes.len()), (Some(11.2), 0));
}

/// Constructed after CKW's form: no seconds, and the slot that begins where the range ends.
#[test]
fn instants_may_lack_seconds_and_the_slot_after_the_end_is_clipped() {
    for (day, count) in [("2026-03-29", 92), ("2026-10-25", 100), ("2026-11-20", 96)] {
        let range = of_day(day);
        let one = |ts: DateTime<Utc>| {
            let end = ts + Duration::minutes(15);
            json!({"start_timestamp": ts.format("%Y-%m-%dT%H:%MZ").to_string(),
                "end_timestamp": end.format("%Y-%m-%dT%H:%MZ").to_string(),
                "grid": [{"unit": "CHF_kWh", "value": 0.1}],
                "electricity": [{"unit": "CHF_kWh", "value": ts.timestamp() as f64 / 1e10}],
                "feed_in": null, "regional_fees": []})
        };
        let mut all: Vec<Value> = range.slots(SLOT_S).map(one).collect();
        all.push(one(range.to));
        let body = json!({ "prices": all }).to_string();
        let answer = read_for(range, body.as_bytes()).unwrap();
        let found = prices(&answer, Component::Electricity);
        let expected: Vec<f64> =
            range.slots(SLOT_S).map(|ts| ts.timestamp() as f64 / 1e10).collect();
        assert_eq!((found.len(), found), (count, expected), "{day}");
        assert_eq!(prices(&answer, Component::Grid).len(), count);
        assert_eq!((answer.quotes.len(), answer.findings), (2 * count, Vec::<String>::new()));
    }
}

/// Constructed: in local time the repeated hour differs by its offset only.
#[test]
fn the_two_hours_of_autumn_are_told_apart_by_their_offset() {
    let local = |offset: &str, value: f64| {
        json!({"start_timestamp": format!("2026-10-25T02:30:00{offset}"),
            "end_timestamp": format!("2026-10-25T02:45:00{offset}"),
            "integrated": [{"unit": "CHF_kWh", "value": value}]})
    };
    let all = json!({"prices": [local("+02:00", 0.1), local("+0100", 0.2)]});
    let answer = read_for(of_day("2026-10-25"), all.to_string().as_bytes()).unwrap();
    let found: Vec<_> = answer.quotes.iter().map(|quote| (quote.ts, quote.price_chf_kwh)).collect();
    assert_eq!(found, [(at("2026-10-25T00:30:00Z"), 0.1), (at("2026-10-25T01:30:00Z"), 0.2)]);
}

/// Constructed after BKW's form: what is fed in only; prices below zero.
#[test]
fn a_feed_in_tariff_is_read_and_may_be_negative() {
    let answer = slot(&json!({"feed_in": [{"unit": "CHF_kWh", "value": -0.0123}]})).unwrap();
    assert_eq!(prices(&answer, Component::FeedIn), [-0.0123]);
    assert_eq!(answer.quotes.len(), 1);
}

#[test]
fn longer_slots_are_quarter_hours_overlaps_that_agree_are_one_and_others_spoil_the_answer() {
    let one = |from: &str, to: &str, value: f64| {
        json!({"start_timestamp": format!("2026-11-20T{from}:00Z"),
            "end_timestamp": format!("2026-11-20T{to}:00Z"),
            "integrated": [{"unit": "CHF_kWh", "value": value}]})
    };
    let hour = one("10:00", "11:00", 0.2);
    let answer = slots(&json!([hour, one("10:30", "11:15", 0.2)])).unwrap();
    assert_eq!(prices(&answer, Component::Integrated), [0.2; 5]);
    assert_eq!(answer.findings, ["2 prices came more than once"]);
    let error = slots(&json!([hour, one("10:30", "10:45", 0.3)])).unwrap_err();
    let said = "the answer contradicts itself: integrated at 2026-11-20 10:30:00 UTC has two different prices";
    assert_eq!(error.to_string(), said);
    for (from, to) in
        [("11:00", "10:00"), ("10:00", "10:00"), ("10:05", "10:20"), ("10:00", "10:10")]
    {
        let error = slots(&json!([one(from, to, 0.2)])).unwrap_err();
        assert!(matches!(error, ReadError::Contradiction(_)), "{from} {to}: {error}");
    }
    // A flat tariff as one slot of two years is no slot; one of a month is clipped to what was asked for.
    let flat = |to: &str| {
        json!([{"start_timestamp": "2026-11-01T00:00+01:00", "end_timestamp": to,
            "integrated": [{"unit": "CHF_kWh", "value": 0.25}]}])
    };
    assert_eq!(slots(&flat("2026-12-01T00:00+01:00")).unwrap().quotes.len(), 96);
    assert!(slots(&flat("2028-12-01T00:00+01:00")).is_err());
    let outside = json!([one("10:00", "10:15", 0.2), {"start_timestamp": "2026-11-25T00:00Z",
        "integrated": [{"unit": "CHF_kWh", "value": 0.25}]}]);
    let answer = slots(&outside).unwrap();
    assert_eq!(answer.findings, ["1 slots lie outside of the days asked for"]);
    assert_eq!(answer.quotes.len(), 1);
}

#[test]
fn hostile_answers_are_refused_with_a_reason() {
    let range = of_day("2026-11-20");
    let refused = |body: &str| read_for(range, body.as_bytes()).unwrap_err().to_string();
    for (body, said) in [
        ("", "the answer is empty, not JSON"),
        ("<!DOCTYPE html><html><body>Wartung</body></html>", "the answer is a web page, not JSON"),
        ("Bad Gateway", "the answer is something else, not JSON"),
        ("{\"prices\": [{\"start_timestamp\": \"2026-11-2", "the answer cannot be read: EOF"),
        ("[]", "the answer cannot be read: invalid"),
        ("{}", "the answer cannot be read: it has no prices"),
        ("{\"status\": \"error\", \"prices\": null}", "its status is \"error\""),
        ("{\"prices\": {}}", "the answer cannot be read: invalid type: map"),
        (
            "{\"prices\": [{\"end_timestamp\": \"2026-11-20T00:15Z\"}]}",
            "missing field `start_timestamp`",
        ),
        (
            "{\"prices\": [{\"start_timestamp\": \"2026-11-20T00:00:00\"}]}",
            "no instant with an offset",
        ),
        ("{\"prices\": [{\"start_timestamp\": \"+\"}]}", "no instant with an offset"),
        ("{\"prices\": [{\"start_timestamp\": \"T-\"}]}", "no instant with an offset"),
        (
            "{\"prices\": [{\"start_timestamp\": \"2026-11-20T00:00+9999\"}]}",
            "no instant with an offset",
        ),
        (
            "{\"prices\": [{\"start_timestamp\": \"+262142-12-31T23:59:59-23:59\"}]}",
            "no instant with an offset",
        ),
        (
            "{\"prices\": [{\"start_timestamp\": \"9999-11-20T00:00Z\"}]}",
            "no instant with an offset",
        ),
    ] {
        assert!(refused(body).contains(said), "{body}: {}", refused(body));
    }
    for (list, said) in [
        (json!([{"unit": "CHF_kWh", "value": "0.2"}]), "is \"0.2\", which is no number"),
        (json!([{"unit": "CHF_kWh", "value": null}]), "is null, which is no number"),
        (json!([{"unit": "CHF_kWh"}]), "is null, which is no number"),
        (json!([{"value": 0.2}]), "has no unit"),
        (json!([0.2]), "has no unit"),
        (json!([{"unit": "CHF_kWh", "value": 20.37}]), "is 20.37 CHF/kWh"),
        (json!([{"unit": "CHF_kWh", "value": -11}]), "is -11 CHF/kWh"),
        (json!([{"unit": "CHF_kWh", "value": 1e308}]), "CHF/kWh"),
        (
            json!([{"unit": "CHF_kWh", "value": 0.2}, {"unit": "CHF/kWh", "value": 0.3}]),
            "two different prices",
        ),
    ] {
        let error = slot(&json!({ "integrated": list })).unwrap_err().to_string();
        assert!(error.contains(said), "{list}: {error}");
    }
    let nan = "{\"prices\": [{\"start_timestamp\": \"2026-11-20T00:00Z\", \"integrated\": [{\"unit\": \"CHF_kWh\", \"value\": NaN}]}]}";
    assert!(refused(nan).starts_with("the answer cannot be read"), "{}", refused(nan));
    for (status, expected) in [
        (429, ReadError::TooOften),
        (503, ReadError::Failing(503)),
        (400, ReadError::Refused { status: 400, reason: "no".to_owned() }),
    ] {
        assert_eq!(read(status, b"no", (&asked(None), range)), Err(expected));
    }
}

#[test]
fn nothing_published_is_no_failure() {
    let range = of_day("2026-11-20");
    assert_eq!(slots(&json!([])), Ok(Answer::default()));
    assert_eq!(read(204, b"", (&asked(None), range)), Ok(Answer::default()));
    let odd =
        slot(&json!({"integrated": [], "grid": null, "comment": "x", "colour": [1]})).unwrap();
    assert_eq!(
        (odd.quotes.len(), odd.findings),
        (0, vec!["the component 'colour' is not known".to_owned()])
    );
    let body = json!({"publication_timestamp": 7, "prices": []}).to_string();
    let answer = read_for(range, body.as_bytes()).unwrap();
    assert_eq!(answer.findings, ["the time of publication 7 is no instant"]);
}

#[test]
fn an_answer_about_another_tariff_is_refused() {
    let range = of_day("2026-11-20");
    for (given, is_fine) in
        [("integrated_400D", true), ("400d", true), ("", true), ("electricity_standard", false)]
    {
        let body = json!({"tariff_name": given, "prices": []}).to_string();
        let answer = read(200, body.as_bytes(), (&asked(Some("integrated_400D")), range));
        assert_eq!(answer.is_ok(), is_fine, "{given}: {answer:?}");
    }
}

#[test]
fn the_question_names_tariff_and_range_where_the_operator_takes_them() {
    let range = days_range(
        "2026-10-24".parse().unwrap(),
        "2026-10-25".parse().unwrap(),
        Tz::Europe__Zurich,
    );
    let mut asked = asked(Some("integrated_400D"));
    assert_eq!(
        address(&asked, range),
        "https://host/tariffs?tariff_name=integrated_400D&start_timestamp=2026-10-23T22%3A00%3A00Z&end_timestamp=2026-10-25T23%3A00%3A00Z"
    );
    (asked.tariff_name, asked.takes_range) = (None, false);
    assert_eq!(address(&asked, range), "https://host/tariffs");
}

proptest! {
    /// A recorded answer that is cut, or in which bytes are changed, is read or refused, never more.
    #[test]
    fn damaged_answers_never_panic(cut in 0usize..2_000, at in 0usize..2_000, byte in any::<u8>()) {
        let one = |slot: usize| json!({"start_timestamp": format!("2026-11-20T{:02}:00+01:00", slot),
            "end_timestamp": format!("2026-11-20T{:02}:15+01:00", slot),
            "integrated": [{"unit": "CHF_m", "value": 3.0}, {"unit": "CHF_kWh", "value": 0.2}]});
        let all: Vec<Value> = (0..12).map(one).collect();
        let mut body = json!({"publication_timestamp": "2026-11-19T17:50:11+01:00", "prices": all})
            .to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        let _ = read_for(of_day("2026-11-20"), &body);
        body.truncate(cut);
        let _ = read_for(of_day("2026-11-20"), &body);
    }

    /// Whatever stands for an instant is read or refused.
    #[test]
    fn odd_instants_never_panic(text in "\\PC{0,40}", offset in "[+-][0-9:]{0,6}") {
        let _ = instant(&text);
        let _ = instant(&format!("2026-11-20T10:00{offset}"));
    }
}
