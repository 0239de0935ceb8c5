//! A day that begins without published prices has those of the standard tariff.

use super::*;
use crate::facts::tariffs::service::Filled;

/// A price that differs in every quarter hour of a day, and shows where it comes from.
fn by_slot(slot: usize) -> f64 {
    0.1 + slot as f64 / 1_000.0
}

fn filled(of: &str, missing: usize) -> Filled {
    Filled { tariff: id("ekz:400D"), day: day(of), missing, filled: missing }
}

#[actix_web::test]
async fn a_day_gets_the_standard_tariff_at_its_midnight_and_not_before_on_days_of_any_length() {
    for (of, slots, before, midnight) in [
        ("2026-03-29", 92, "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z"),
        ("2026-10-25", 100, "2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z"),
        ("2026-11-20", 96, "2026-11-19T22:59:59Z", "2026-11-19T23:00:00Z"),
    ] {
        let it = House::new(before, &["ekz:400D"]).await;
        it.take("ekz:400ST", (of, of), None, by_slot).await;
        let yesterday = day(of).pred_opt().unwrap().to_string();
        it.take("ekz:400D", (&yesterday, &yesterday), None, |_| 0.5).await;
        assert_eq!(it.tariffs.apply_fallbacks(at(before)).await.unwrap(), [], "{of}");
        it.clock.set(at(midnight));
        let done = it.tariffs.apply_fallbacks(at(midnight)).await.unwrap();
        assert_eq!(done, [filled(of, slots)]);
        assert_eq!(it.tariffs.apply_fallbacks(at(midnight)).await.unwrap(), [], "once");

        let found = it.day("ekz:400D", of).await;
        let expected: Vec<f64> =
            (0..slots).map(|slot| (by_slot(slot) * 1e6).round() / 1e6).collect();
        assert_eq!(totals(&found), expected, "{of}");
        for slot in &found {
            assert_eq!(
                (slot.quality, slot.source.as_str()),
                (Quality::Estimated, "fallback:ekz:400ST")
            );
            assert_eq!(slot.known_at, at(midnight));
        }
        assert_eq!(totals(&it.day("ekz:400D", &yesterday).await).len(), 96);
    }
}

#[actix_web::test]
async fn without_the_standard_tariff_of_the_day_that_of_a_day_like_it_holds_by_the_clock() {
    // A Sunday of each length; the reference is the Sunday before, a day of 24 hours, though there
    // are newer days that are not Sundays.
    for (of, sunday, saturday, slots) in [
        ("2026-03-29", "2026-03-22", "2026-03-28", 92),
        ("2026-10-25", "2026-10-18", "2026-10-24", 100),
    ] {
        let midnight = day_range(day(of), ZONE).from;
        let it = House::new(&midnight.to_rfc3339(), &["ekz:400D"]).await;
        it.take("ekz:400ST", (sunday, sunday), None, by_slot).await;
        it.take("ekz:400ST", (saturday, saturday), None, |_| 0.9).await;
        let done = it.tariffs.apply_fallbacks(midnight).await.unwrap();
        assert_eq!(done, [filled(of, slots)]);
        let found = totals(&it.day("ekz:400D", of).await);
        // By hand: quarter hours 8 to 11 are 02:00 to 03:00 on the clock of the reference day.
        let clock: Vec<usize> = match slots {
            92 => (0..8).chain(12..96).collect(),
            _ => (0..12).chain(8..96).collect(),
        };
        let expected: Vec<f64> =
            clock.into_iter().map(|slot| (by_slot(slot) * 1e6).round() / 1e6).collect();
        assert_eq!(found, expected, "{of}");
        let source = &it.day("ekz:400D", of).await[0].source;
        assert_eq!(*source, format!("fallback:ekz:400ST as on {sunday}"));
    }
}

#[actix_web::test]
async fn nothing_is_made_up_where_no_standard_tariff_is_known() {
    let midnight = at("2026-12-31T23:00:00Z");
    let it = House::new("2026-12-31T23:00:00Z", &["ekz:400D", "ckw:home_dynamic"]).await;
    // The prices of last year say nothing about this year's.
    it.take("ekz:400ST", ("2026-12-25", "2026-12-31"), None, |_| 0.2).await;
    let done = it.tariffs.apply_fallbacks(midnight).await.unwrap();
    assert_eq!(done, [Filled { filled: 0, ..filled("2027-01-01", 96) }]);
    assert_eq!(it.day("ekz:400D", "2027-01-01").await, []);
}

#[actix_web::test]
async fn a_price_published_after_midnight_does_not_replace_what_is_binding() {
    let it = House::new("2026-11-19T23:00:00Z", &["ekz:400D"]).await;
    let days = ("2026-11-20", "2026-11-20");
    it.take("ekz:400ST", days, None, |_| 0.2).await;
    it.tariffs.apply_fallbacks(it.clock.now()).await.unwrap();
    it.clock.set(at("2026-11-20T06:00:00Z"));
    let late = Stored { refused_late: 96, ..Stored::default() };
    for published_at in [Some("2026-11-19T23:00:00Z"), Some("2026-11-20T05:00:00Z"), None] {
        let taken = it.take("ekz:400D", days, published_at, |_| 0.4).await;
        assert_eq!(taken.stored, late, "{published_at:?}");
        let said =
            "96 prices came after their day had begun and are left out: the standard tariff holds";
        assert_eq!(taken.findings, [said]);
    }
    let found = it.day("ekz:400D", "2026-11-20").await;
    assert_eq!(totals(&found), vec![0.2; 96]);
    assert!(found.iter().all(|slot| slot.quality == Quality::Estimated));
    // The day after is published as always, and the binding day stays.
    let taken = it.take("ekz:400D", ("2026-11-21", "2026-11-21"), None, |_| 0.4).await;
    assert_eq!(taken.stored.inserted, 96);
    assert_eq!(it.tariffs.apply_fallbacks(it.clock.now()).await.unwrap(), []);
}

#[actix_web::test]
async fn a_price_that_was_published_in_time_and_only_came_late_replaces_what_stood_in() {
    let it = House::new("2026-11-19T23:00:00Z", &["ekz:400D"]).await;
    let days = ("2026-11-20", "2026-11-20");
    it.take("ekz:400ST", days, None, |_| 0.2).await;
    it.tariffs.apply_fallbacks(it.clock.now()).await.unwrap();
    // The line was down in the evening; the publisher was not.
    it.clock.set(at("2026-11-20T06:00:00Z"));
    let price = |slot| if slot == 0 { 0.2 } else { 0.4 };
    let taken = it.take("ekz:400D", days, Some("2026-11-19T16:50:00Z"), price).await;
    assert_eq!(taken.stored, Stored { replaced: 96, ..Stored::default() });
    let found = it.day("ekz:400D", "2026-11-20").await;
    assert_eq!((totals(&found)[0], totals(&found)[1]), (0.2, 0.4));
    for slot in &found {
        assert_eq!((slot.quality, slot.source.as_str()), (Quality::Ok, "ekz"));
        assert_eq!(slot.known_at, at("2026-11-20T06:00:00Z"));
    }
    let replaced = it.revisions("ekz:400D", "2026-11-20").await;
    assert_eq!(replaced.len(), 96);
    assert!(replaced.iter().all(|price| price.source == "fallback:ekz:400ST"));
    assert_eq!(it.tariffs.apply_fallbacks(it.clock.now()).await.unwrap(), []);
}

#[actix_web::test]
async fn days_that_were_missed_are_filled_back_to_the_first_that_is_stored() {
    let it = House::new("2026-11-20T08:00:00Z", &["ekz:400D"]).await;
    it.take("ekz:400ST", ("2026-11-10", "2026-11-20"), None, |_| 0.2).await;
    it.take("ekz:400D", ("2026-11-17", "2026-11-17"), None, |_| 0.4).await;
    let done = it.tariffs.apply_fallbacks(it.clock.now()).await.unwrap();
    let expected = ["2026-11-18", "2026-11-19", "2026-11-20"].map(|of| filled(of, 96));
    assert_eq!(done, expected);
    // A gap inside a day is filled, what was published there stays.
    let range = day_range(day("2026-11-16"), ZONE);
    let quotes = range.slots(SLOT_S).skip(4).map(|ts| Quote {
        ts,
        component: Component::Integrated,
        price_chf_kwh: 0.4,
    });
    let published = Published {
        range,
        quotes: quotes.collect(),
        published_at: None,
        came_at: it.clock.now(),
        base_chf_month: None,
    };
    it.tariffs.take(&id("ekz:400D"), &published).await.unwrap();
    let done = it.tariffs.apply_fallbacks(it.clock.now()).await.unwrap();
    assert_eq!(done, [filled("2026-11-16", 4)]);
    let found = totals(&it.day("ekz:400D", "2026-11-16").await);
    assert_eq!(found, [vec![0.2; 4], vec![0.4; 92]].concat());
}
