//! Mistakes in the section, all at once; which tariff is the household's.

use super::*;
use crate::facts::tariffs::settings::Custom;

fn custom(id: &str, url: &str) -> Custom {
    let text = serde_json::json!({ "id": id, "url": url });
    serde_json::from_value(text).unwrap()
}

#[test]
fn all_mistakes_are_named_at_once_with_what_may_have_been_meant() {
    let settings = Settings {
        home: Some("groupe_e:Vario".to_owned()),
        vat_percent: 81.0,
        history_days: 1,
        range_days_max: 0,
        urls: [("ekzz", "https://host/x"), ("ckw", "host/x")]
            .map(|(key, url)| (key.to_owned(), url.to_owned()))
            .into(),
        custom: vec![
            custom("a b", "https://host/x?y=1"),
            Custom {
                publishes_at: "6 pm".to_owned(),
                days_max: 0,
                ..custom("own", "http://127.0.0.1:8080/tariffs")
            },
            custom("OWN", "https://host/x"),
        ],
        ..active(&["ekz:400d", "ekz:4000D", "ckw:home-dynamic", "EKZ:400D", "nothing"])
    };
    let expected = [
        "active: 'ekz:4000D' is no known tariff; did you mean ekz:400D?",
        "active: 'ckw:home-dynamic' is no known tariff; did you mean ckw:home_dynamic?",
        "active names ekz:400D twice",
        "active: 'nothing' is no known tariff",
        "home = \"groupe_e:Vario\" is not among the active tariffs",
        "vat_percent = 81 is not between 0 and 30",
        "history_days = 1 is not between 2 and 730",
        "range_days_max = 0 is not between 1 and 3600",
        "urls.ckw must be an address like https://host/path",
        "urls: ekzz is no known operator; did you mean ekz?",
        "custom: the id 'a b' may have letters, digits, '-', '_' and '.' only",
        "custom: the url of 'a b' must be like https://host/path",
        "custom: publishes_at of 'own' is '6 pm', not a time like 18:00",
        "custom: days_max of 'own' is 0, not between 1 and 400",
        "custom has two tariffs with the id 'OWN'",
    ];
    assert_eq!(settings.mistakes(), expected);
}

#[test]
fn sound_settings_have_no_mistakes() {
    let settings = Settings {
        home: Some("custom:own".to_owned()),
        custom: vec![custom("own", "http://127.0.0.1:8080/tariffs")],
        ..active(&["ekz:400D", "custom:own"])
    };
    assert_eq!(settings.mistakes(), Vec::<String>::new());
    assert_eq!(settings.home_id(), Some(id("custom:own")));
    assert_eq!(active(&["ekz:400d"]).home_id(), Some(id("ekz:400D")));
    let file = Settings { home: Some("file:ns-dt".to_owned()), ..Settings::default() };
    assert_eq!((file.mistakes(), file.home_id()), (vec![], Some(id("file:ns-dt"))));
    assert_eq!(Settings::default().mistakes(), Vec::<String>::new());
}

#[actix_web::test]
async fn what_stands_in_is_fetched_with_what_is_active() {
    let it = House::new("2026-11-19T17:05:00Z", &["ekz:400D", "ekz:400ST", "bkw:feed_in"]).await;
    let wanted: Vec<String> =
        it.tariffs.wanted().iter().map(|preset| preset.tariff.id.to_string()).collect();
    assert_eq!(wanted, ["ekz:400ST", "ekz:400D", "bkw:feed_in"]);
}
