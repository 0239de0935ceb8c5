//! Retail tariffs over HTTP: which there are, what a kilowatt hour costs, who may ask.

use serde_json::{Value, json};

use crate::base::timeline::days_range;
use crate::facts::tariffs::{Component, Published, Quote, SLOT_S, TariffId};
use crate::platform::web::Role;
use crate::testing::{ANYBODY, TestApp};

/// The application at noon before the clock goes forward, with EKZ's prices of that day and the next.
async fn with_prices() -> TestApp {
    let app = TestApp::with("2026-03-28T12:00:00Z".parse().unwrap(), |settings| {
        settings.tariffs.active = vec!["ekz:400D".to_owned(), "groupe_e:Vario".to_owned()];
    })
    .await;
    let zone = chrono_tz::Tz::Europe__Zurich;
    let range = days_range("2026-03-28".parse().unwrap(), "2026-03-29".parse().unwrap(), zone);
    let of_slot = |ts| {
        [(Component::Integrated, 0.2037), (Component::Grid, 0.0801)]
            .map(|(component, price_chf_kwh)| Quote { ts, component, price_chf_kwh })
    };
    let published = Published {
        range,
        quotes: range.slots(SLOT_S).flat_map(of_slot).collect(),
        published_at: Some("2026-03-27T16:50:11Z".parse().unwrap()),
        came_at: app.clock.now(),
        base_chf_month: Some(3.0),
    };
    app.services.tariffs.take(&TariffId::parse("ekz:400D").unwrap(), &published).await.unwrap();
    app
}

fn tariff<'a>(list: &'a Value, id: &str) -> &'a Value {
    list["tariffs"].as_array().unwrap().iter().find(|tariff| tariff["id"] == id).unwrap()
}

#[tokio::test]
async fn the_list_names_every_tariff_and_what_is_stored_of_it() {
    let app = with_prices().await;
    let list = app.get(Role::Customer, "/api/tariffs").await.json(200);
    assert_eq!(list["home"], "ekz:400D");
    assert_eq!(
        *tariff(&list, "ekz:400D"),
        json!({"id": "ekz:400D", "name": "EKZ 400D", "operator": "EKZ", "kind": "dynamic",
            "is_active": true, "is_home": true, "has_integrated": true,
            "time_zone": "Europe/Zurich", "currency": "CHF", "vat_percent": 8.1,
            "base_chf_month": 3.0, "publishes_at": "18:00", "fallback": "ekz:400ST",
            "attribution": "EKZ, api.tariffs.ekz.ch", "first": "2026-03-27T23:00:00Z",
            "last": "2026-03-29T21:45:00Z", "known_at": "2026-03-27T16:50:11Z"})
    );
    let vario = tariff(&list, "groupe_e:Vario");
    assert_eq!((&vario["is_active"], &vario["is_home"]), (&json!(true), &json!(false)));
    assert_eq!((&vario["last"], &vario["publishes_at"]), (&json!(null), &json!("15:00")));
    let fed_in = tariff(&list, "bkw:feed_in");
    assert_eq!((&fed_in["kind"], &fed_in["is_active"]), (&json!("feed_in"), &json!(false)));
    for id in ["ekz:400ST", "ckw:home_dynamic", "ckw:business_dynamic", "primeo:NetzDynamisch"] {
        assert_eq!(tariff(&list, id)["is_active"], false, "{id}");
    }
}

#[tokio::test]
async fn prices_are_told_part_by_part_with_and_without_vat() {
    let app = with_prices().await;
    let path = "/api/tariffs/ekz:400D/prices?from=2026-03-29&to=2026-03-29";
    let answer = app.get(Role::Customer, path).await.json(200);
    let slots = answer["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 92, "the clock goes forward");
    // By hand: 0.2037 − 0.0801 = 0.1236; 8.1 % of 0.2037 is 0.0164997, to a millionth 0.0165.
    assert_eq!(
        slots[0],
        json!({"ts": "2026-03-28T23:00:00Z", "interval_s": 900,
            "total_excl_vat_chf_kwh": 0.2037, "total_incl_vat_chf_kwh": 0.2202,
            "parts": [{"name": "grid", "price_chf_kwh": 0.0801},
                {"name": "rest", "price_chf_kwh": 0.1236}, {"name": "vat", "price_chf_kwh": 0.0165}],
            "missing": [], "components": {"grid": 0.0801, "integrated": 0.2037},
            "feed_in_chf_kwh": null, "quality": "ok", "known_at": "2026-03-27T16:50:11Z",
            "source": "ekz"})
    );
    let frame = ["tariff", "unit", "vat_percent", "base_chf_month", "from", "to"];
    let told: Vec<&Value> = frame.iter().map(|name| &answer[*name]).collect();
    let expected =
        json!(["ekz:400D", "CHF/kWh", 8.1, 3.0, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
    assert_eq!(told, expected.as_array().unwrap().iter().collect::<Vec<_>>());
    // Without a range: yesterday to the day after tomorrow.
    let default = app.get(Role::Viewer, "/api/tariffs/ekz:400d/prices").await.json(200);
    assert_eq!(default["from"], "2026-03-26T23:00:00Z");
    assert_eq!(default["slots"].as_array().unwrap().len(), 96 + 92);
    let part = "/api/tariffs/ekz:400D/prices?from=2026-03-28T10:00:00Z&to=2026-03-28T11:00:00Z";
    assert_eq!(app.get(Role::Viewer, part).await.json(200)["slots"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn bad_questions_are_refused_with_the_field() {
    let app = with_prices().await;
    let path = |id: &str, query: &str| format!("/api/tariffs/{id}/prices?{query}");
    for (query, field) in [
        ("from=yesterday", "from"),
        ("from=2026-03-02&to=2026-03-01", "to"),
        ("from=2020-01-01&to=2026-01-01", "to"),
        ("as_of=2026-03-28T00:00:00Z", "as_of"),
    ] {
        let answer = app.get(Role::Viewer, &path("ekz:400D", query)).await;
        assert_eq!(answer.wrong_field(), field, "{query}");
    }
    for (id, said) in [
        ("ekz:400X", "there is no tariff 'ekz:400X'; did you mean ekz:400D?"),
        ("nothing", "'nothing' is not the identifier of a tariff; one is written like ekz:400D"),
    ] {
        let problem = app.get(Role::Viewer, &path(id, "")).await.problem(404);
        assert_eq!(problem["detail"], said);
    }
}

#[tokio::test]
async fn who_may_read_prices_may_read_tariffs() {
    let app = with_prices().await;
    // Before there is an admin the box shows what it knows.
    app.get(ANYBODY, "/api/tariffs").await.json(200);
    app.token(Role::Admin).await;
    for path in ["/api/tariffs", "/api/tariffs/ekz:400D/prices"] {
        app.get(ANYBODY, path).await.problem(401);
        for role in Role::ALL {
            app.get(*role, path).await.json(200);
        }
    }
}
