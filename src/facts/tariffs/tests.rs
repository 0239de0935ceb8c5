//! Laws of stored tariffs, on a real database.

mod fallbacks; // a day without published prices
mod files; // an operator's yearly file
mod settings; // mistakes, the household's tariff

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::model::TariffPrice;
use super::service::Taken;
use super::*;
use crate::access::audit::Audit;
use crate::base::timeline::{Clock, TimeRange, day_range, days_range};
use crate::facts::market::Quality;
use crate::testing::TestDb;

const ZONE: Tz = Tz::Europe__Zurich;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn id(text: &str) -> TariffId {
    TariffId::parse(text).unwrap()
}

fn active(ids: &[&str]) -> Settings {
    Settings { active: ids.iter().map(|id| (*id).to_owned()).collect(), ..Settings::default() }
}

/// Tariffs on a database of their own.
struct House {
    test: TestDb,
    clock: Clock,
    tariffs: Tariffs,
}

impl House {
    async fn new(now: &str, ids: &[&str]) -> Self {
        Self::on(TestDb::new().await, now, ids)
    }

    fn on(test: TestDb, now: &str, ids: &[&str]) -> Self {
        let clock = Clock::fixed(at(now));
        let audit = Audit::new(test.db().clone(), clock.clone());
        let tariffs = Tariffs::new(test.db().clone(), audit, clock.clone(), active(ids));
        Self { test, clock, tariffs }
    }

    /// Takes an answer about `first..=last` that comes now, with a price per quarter hour.
    async fn take(
        &self,
        tariff: &str,
        (first, last): (&str, &str),
        published_at: Option<&str>,
        price: impl Fn(usize) -> f64,
    ) -> Taken {
        let range = days_range(day(first), day(last), ZONE);
        let quotes = range.slots(SLOT_S).enumerate().map(|(index, ts)| Quote {
            ts,
            component: Component::Integrated,
            price_chf_kwh: price(index),
        });
        let published = Published {
            range,
            quotes: quotes.collect(),
            published_at: published_at.map(at),
            came_at: self.clock.now(),
            base_chf_month: None,
        };
        self.tariffs.take(&id(tariff), &published).await.unwrap()
    }

    async fn day(&self, tariff: &str, of: &str) -> Vec<TariffSlot> {
        self.tariffs.prices(&id(tariff), day_range(day(of), ZONE)).await.unwrap()
    }

    async fn revisions(&self, tariff: &str, of: &str) -> Vec<TariffPrice> {
        self.tariffs.revisions(&id(tariff), day_range(day(of), ZONE)).await.unwrap()
    }
}

fn totals(slots: &[TariffSlot]) -> Vec<f64> {
    slots.iter().filter_map(|slot| slot.total_excl_vat_chf_kwh).collect()
}

#[actix_web::test]
async fn an_answer_is_stored_once_and_a_restated_price_moves_the_old_one_to_the_revisions() {
    for test in TestDb::on_each_server().await {
        let it = House::on(test, "2026-11-19T17:05:00Z", &["groupe_e:Vario"]);
        let (days, evening) = (("2026-11-20", "2026-11-20"), Some("2026-11-19T16:50:00Z"));
        let first = it.take("groupe_e:Vario", days, evening, |_| 0.2).await;
        assert_eq!(first.stored, Stored { inserted: 96, ..Stored::default() });
        let second = it.take("groupe_e:Vario", days, evening, |_| 0.2).await;
        assert_eq!(second.stored, Stored { unchanged: 96, ..Stored::default() });
        assert_eq!(it.revisions("groupe_e:Vario", "2026-11-20").await, []);

        it.clock.set(at("2026-11-19T18:05:00Z"));
        let restated = it
            .take("groupe_e:Vario", days, evening, |slot| if slot == 7 { 0.3 } else { 0.2 })
            .await;
        assert_eq!(restated.stored, Stored { replaced: 1, unchanged: 95, ..Stored::default() });
        let slots = it.day("groupe_e:Vario", "2026-11-20").await;
        assert_eq!((slots.len(), totals(&slots)[7]), (96, 0.3));
        assert_eq!(slots[7].quality, Quality::Restated);
        assert_eq!(slots[7].known_at, at("2026-11-19T18:05:00Z"));
        assert_eq!(slots[8].known_at, at("2026-11-19T16:50:00Z"));
        let revisions = it.revisions("groupe_e:Vario", "2026-11-20").await;
        assert_eq!(revisions.len(), 1);
        assert_eq!((revisions[0].price_chf_kwh, revisions[0].ts), (0.2, slots[7].ts));
        assert_eq!(revisions[0].known_at, at("2026-11-19T16:50:00Z"));

        // The first answer once more, as it lies in the archive: older news.
        it.clock.set(at("2026-11-19T17:05:00Z"));
        let replayed = it.take("groupe_e:Vario", days, evening, |_| 0.2).await;
        assert_eq!(
            replayed.stored,
            Stored { refused_older: 1, unchanged: 95, ..Stored::default() }
        );
        assert_eq!(totals(&it.day("groupe_e:Vario", "2026-11-20").await)[7..8], [0.3]);
    }
}

#[actix_web::test]
async fn a_replaced_price_gives_way_only_to_one_not_known_earlier() {
    let it = House::new("2026-11-19T17:05:00Z", &[]).await;
    let tariff = it.tariffs.preset(&id("ckw:home_dynamic")).unwrap().tariff;
    let price = |price_chf_kwh: f64, known_at: &str| TariffPrice {
        ts: at("2026-11-20T11:00:00Z"),
        component: Component::Grid,
        price_chf_kwh,
        quality: Quality::Ok,
        known_at: at(known_at),
        known_at_assumed: false,
        source: "ckw".to_owned(),
        is_in_time: true,
    };
    let none = Stored::default();
    for (case, second, expected) in [
        ("known earlier", price(0.2, "2026-11-19T11:59:00Z"), Stored { refused_older: 1, ..none }),
        ("at once", price(0.2, "2026-11-19T12:00:00Z"), Stored { replaced: 1, ..none }),
        ("equal", price(0.2, "2026-11-19T13:00:00Z"), Stored { unchanged: 1, ..none }),
        ("later", price(-0.1, "2026-11-19T14:00:00Z"), Stored { replaced: 1, ..none }),
    ] {
        if case == "known earlier" {
            let first = [price(0.1, "2026-11-19T12:00:00Z")];
            assert_eq!(it.tariffs.put(&tariff, &first).await.unwrap().inserted, 1);
        }
        assert_eq!(it.tariffs.put(&tariff, &[second]).await.unwrap(), expected, "{case}");
    }
    let replaced = it.revisions("ckw:home_dynamic", "2026-11-20").await;
    let replaced: Vec<f64> = replaced.iter().map(|price| price.price_chf_kwh).collect();
    assert_eq!(replaced, [0.1, 0.2]);

    // Of several in one batch the last known one counts; what breaks a rule stops the batch.
    let batch = [price(0.5, "2026-11-19T16:00:00Z"), price(0.4, "2026-11-19T15:00:00Z")];
    let stored = it.tariffs.put(&tariff, &batch).await.unwrap();
    assert_eq!(stored, Stored { replaced: 1, duplicates: 1, ..none });
    let mut odd = price(0.1, "2026-11-19T17:00:00Z");
    odd.ts += Duration::minutes(5);
    for (bad, said) in [
        (price(11.0, "2026-11-19T17:00:00Z"), "is 11 CHF/kWh, outside ±10"),
        (price(f64::NAN, "2026-11-19T17:00:00Z"), "is NaN CHF/kWh"),
        (odd, "does not begin at a quarter hour"),
    ] {
        let error = it.tariffs.put(&tariff, &[bad]).await.unwrap_err().to_string();
        assert!(
            error.starts_with("the price 'grid' of ckw:home_dynamic at ") && error.contains(said),
            "{error}"
        );
    }
}

#[actix_web::test]
async fn what_is_not_known_is_said_with_what_may_have_been_meant() {
    let it = House::new("2026-11-19T17:05:00Z", &[]).await;
    let range = TimeRange::new(at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    let error = it.tariffs.prices(&id("ekz:400"), range).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no tariff 'ekz:400'; did you mean ekz:400D?");
    let error = it.tariffs.tariff(&id("nobody:x")).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no tariff 'nobody:x'");
    // Whatever the case of its letters.
    assert_eq!(it.tariffs.tariff(&id("EKZ:400d")).await.unwrap().id, id("ekz:400D"));
    let long = TimeRange::new(at("2016-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let error = it.tariffs.prices(&id("ekz:400D"), long).await.unwrap_err();
    assert!(matches!(error, TariffError::RangeTooLong { .. }), "{error}");
    assert!(it.tariffs.prices(&id("ekz:400D"), range).await.unwrap().is_empty());
    assert_eq!(it.tariffs.home().await.unwrap(), None);
    drop(it.test);
}

#[actix_web::test]
async fn the_monthly_fee_stays_with_the_tariff_and_out_of_the_prices() {
    let it = House::new("2026-11-19T17:05:00Z", &["ekz:400D"]).await;
    let range = day_range(day("2026-11-20"), ZONE);
    let quote = |ts| Quote { ts, component: Component::Integrated, price_chf_kwh: 0.2037 };
    let mut published = Published {
        range,
        quotes: range.slots(SLOT_S).map(quote).collect(),
        published_at: None,
        came_at: it.clock.now(),
        base_chf_month: Some(3.0),
    };
    it.tariffs.take(&id("ekz:400D"), &published).await.unwrap();
    published.base_chf_month = None;
    it.tariffs.take(&id("ekz:400D"), &published).await.unwrap();
    let home = it.tariffs.home().await.unwrap().unwrap();
    assert_eq!((home.id, home.base_chf_month), (id("ekz:400D"), Some(3.0)));
    assert_eq!(totals(&it.day("ekz:400D", "2026-11-20").await), vec![0.2037; 96]);
}
