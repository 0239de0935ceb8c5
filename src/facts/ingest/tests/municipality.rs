//! Tariffs of municipalities, as the regulator publishes them: parsed, refused, asked once a week.

use super::*;
use crate::facts::ingest::municipal::Municipality;
use crate::testing::ANYBODY;

fn zurich() -> Subject {
    Subject::Municipality(Municipality::new(261, 2026).unwrap())
}

fn read_of_zurich(status: u16, body: &str) -> Result<Reading, ReadError> {
    let range = range("2026-03-28", "2026-03-28");
    let ask = Ask { subject: zurich(), range, at: utc("2026-03-28T12:05:00Z") };
    source("elcom").read(status, body.as_bytes(), &ask)
}

/// Rows of an answer: category, product, total; all prices are made up.
fn answer(rows: &[(&str, &str, &str)]) -> String {
    let term = |value: &str| serde_json::json!({"type": "literal", "value": value});
    let operator = "https://energy.ld.admin.ch/elcom/electricityprice/operator/565";
    let rows = rows.iter().map(|(category, product, total)| {
        serde_json::json!({"period": term("2026"), "categoryCode": term(category),
            "productLabel": term(product), "operator": term(operator), "total": term(total),
            "energy": term("8.5"), "munLabel": term("Zürich")})
    });
    let rows: Vec<_> = rows.collect();
    serde_json::json!({"head": {"vars": []}, "results": {"bindings": rows}}).to_string()
}

/// Prices from the answer by hand: 26.030 Rp. are CHF 0.2603.
#[test]
fn the_recorded_answer_is_read() {
    let Some(data) = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return;
    };
    let file = data.join("data/api/ch_lindas_tariffs_municipality_2026-08-07.json");
    let text = std::fs::read_to_string(file).unwrap();
    let all = read_of_zurich(200, &text).unwrap().municipal;
    let found: Vec<_> = all.iter().map(|it| (it.category.as_str(), it.product.as_str())).collect();
    let expected = [
        ("C1", "cheapest"),
        ("C1", "standard"),
        ("C2", "cheapest"),
        ("C2", "standard"),
        ("C3", "standard"),
    ];
    assert_eq!(found, expected);
    let one = &all[1];
    let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
    assert!(near(Some(one.total_chf_kwh), 0.2603) && near(one.energy_chf_kwh, 0.08767));
    assert!(near(one.grid_chf_kwh, 0.11929) && near(one.charge_chf_kwh, 0.02));
    assert!(near(one.aidfee_chf_kwh, 0.023));
    assert_eq!(one.operator_id, "565");
    assert_eq!(one.operator.as_deref(), Some("Elektrizitätswerk der Stadt Zürich"));
    assert_eq!(one.energy_name.as_deref(), Some("Tarif Energie ewz.natur"));
    assert_eq!(one.municipality.as_deref(), Some("Zürich"));
}

#[test]
fn odd_answers_about_municipalities_are_refused_with_their_reason() {
    let good = answer(&[("H4", "standard", "25.1")]);
    let two = [("H4", "standard", "25.1"), ("H4", "standard", "25.2")];
    for (status, body, words) in [
        (200, "<html>Fehler</html>".to_owned(), "a web page, not JSON"),
        (200, good[..good.len() / 2].to_owned(), "cannot be read"),
        (200, "{\"head\":{}}".to_owned(), "missing field `results`"),
        (200, good.replace("\"25.1\"", "\"NaN\""), "'NaN' is no total in Rp./kWh"),
        (200, good.replace("\"25.1\"", "\"2510\""), "'2510' is no total in Rp./kWh"),
        (200, good.replace("\"2026\"", "\"2025\""), "asked for 2026, answered for 2025"),
        (200, good.replace("\"H4\"", "\"H9\""), "'H9' is no category of consumption"),
        (200, good.replace("\"total\"", "\"sum\""), "a row without total"),
        (200, answer(&two), "H4 standard has two different prices"),
        (200, answer(&vec![("H4", "standard", "25.1"); 500]), "the end is cut off"),
        (400, "MALFORMED QUERY".to_owned(), "400: MALFORMED QUERY"),
        (503, String::new(), "status 503"),
    ] {
        let error = read_of_zurich(status, &body).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let twice = read_of_zurich(200, &answer(&[("H4", "standard", "25.1"); 2])).unwrap();
    assert_eq!((twice.municipal.len(), twice.findings), (1, vec![Finding::Duplicates(1)]));
    assert_eq!(read_of_zurich(200, &answer(&[])).unwrap(), Reading::default());
}

#[actix_web::test]
async fn whoever_asks_first_waits_and_the_answer_is_kept_for_a_week() {
    let is_down = Arc::new(Mutex::new(false));
    let down = Arc::clone(&is_down);
    let server = Server::new(move |_| {
        let rows = [("H4", "standard", "25.1"), ("H4", "cheapest", "24")];
        if *down.lock().unwrap() { (503, String::new()) } else { (200, answer(&rows)) }
    })
    .await;
    let url = server.url.clone();
    let app = TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.elcom_url = format!("{url}/query");
        settings.simulation.enabled = false;
    })
    .await;
    app.token(Role::Admin).await;
    let path = "/api/tariffs/elcom?municipality=261";
    let first = app.get(Role::Viewer, path).await.json(200);
    assert_eq!((&first["period"], &first["attribution"]), (&2026.into(), &"Quelle: ElCom".into()));
    let tariffs = first["tariffs"].as_array().unwrap();
    assert_eq!((tariffs.len(), &tariffs[1]["category"]), (2, &"H4".into()));
    assert!((tariffs[1]["total_chf_kwh"].as_f64().unwrap() - 0.251).abs() < 1e-12);
    // The question names the municipality, the year and the set of observations.
    let asked = server.asked.lock().unwrap()[0].clone();
    for part in ["municipality%2F261%3E", "%222026%22", "observationSet", "LIMIT+500"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert_eq!(app.get(Role::Viewer, path).await.json(200), first);
    assert_eq!(server.asked(), 1);
    // Another year is another question; what fails is said, and does not cost what is kept.
    *is_down.lock().unwrap() = true;
    app.get(Role::Viewer, &format!("{path}&period=2025")).await.problem(409);
    app.get(Role::Viewer, path).await.json(200);
    app.clock.set(utc("2026-04-05T12:05:00Z"));
    app.get(Role::Viewer, path).await.problem(409);
    for (query, field) in [
        ("municipality=0", "municipality"),
        ("municipality=10000", "municipality"),
        ("municipality=261&period=1999", "period"),
        ("municipality=zurich", "municipality"),
        ("period=2026", "municipality"),
    ] {
        let answer = app.get(Role::Viewer, &format!("/api/tariffs/elcom?{query}")).await;
        assert!(answer.text().contains(field), "{query}: {}", answer.text());
        assert_eq!(answer.status.as_u16(), 422, "{query}");
    }
    app.get(ANYBODY, path).await.problem(401);
    // What came is replayed like everything else.
    let (read, _) = app.services.ingest.replay(Some("elcom"), |_, _| {}).await.unwrap();
    assert_eq!(read, 1);
}
