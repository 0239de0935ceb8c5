//! Windows by hand and against exhaustive search.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600;

/// Slots of `interval_s` seconds without a gap from `start_s`.
fn slots(start_s: i64, interval_s: i32, prices: &[f64]) -> Vec<Slot> {
    let at = |index: usize| start_s + i64::from(interval_s) * i64::try_from(index).unwrap();
    let slot = |(index, price): (usize, &f64)| Slot {
        start_s: at(index),
        interval_s,
        price_eur_mwh: *price,
    };
    prices.iter().enumerate().map(slot).collect()
}

fn hours(prices: &[f64]) -> Vec<Slot> {
    slots(0, 3_600, prices)
}

fn one(duration_s: i64, contiguous: bool) -> Wanted {
    Wanted { duration_s, earliest_s: None, deadline_s: None, contiguous, count: 1 }
}

#[test]
fn the_cheapest_two_hours_lie_around_the_lowest_price() {
    let found = cheapest(&hours(&[50.0, 10.0, 30.0, -5.0, 40.0]), &one(2 * HOUR, true)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].start_s, found[0].end_s), (2 * HOUR, 4 * HOUR));
    assert!((found[0].mean_eur_mwh - 12.5).abs() < 1e-12);
    let used: Vec<_> = found[0].slots.iter().map(|slot| (slot.slot, slot.used_s)).collect();
    assert_eq!(used, [(2, HOUR), (3, HOUR)]);
}

#[test]
fn the_last_slot_of_a_window_is_used_in_part() {
    let found = cheapest(&hours(&[50.0, 10.0, 40.0]), &one(HOUR * 3 / 2, true)).unwrap();
    assert_eq!((found[0].start_s, found[0].end_s), (HOUR, 2 * HOUR + HOUR / 2));
    assert!((found[0].mean_eur_mwh - (10.0 + 40.0 / 2.0) / 1.5).abs() < 1e-12);
}

#[test]
fn the_first_slot_of_a_window_is_used_in_part_when_that_is_cheaper() {
    let found = cheapest(&hours(&[50.0, 30.0, 10.0, 40.0]), &one(HOUR * 3 / 2, true)).unwrap();
    assert_eq!((found[0].start_s, found[0].end_s), (HOUR + HOUR / 2, 3 * HOUR));
    assert!((found[0].mean_eur_mwh - (30.0 / 2.0 + 10.0) / 1.5).abs() < 1e-12);
    let used: Vec<_> = found[0].slots.iter().map(|slot| (slot.start_s, slot.used_s)).collect();
    assert_eq!(used, [(HOUR + HOUR / 2, HOUR / 2), (2 * HOUR, HOUR)]);
    // What it leaves of its first slot is free for the next one.
    let two = Wanted { count: 2, ..one(HOUR * 3 / 2, true) };
    let found = cheapest(&hours(&[50.0, 30.0, 10.0, 40.0]), &two).unwrap();
    assert_eq!((found[1].start_s, found[1].end_s), (0, HOUR + HOUR / 2));
}

#[test]
fn scattered_hours_are_the_cheapest_ones_merged_into_blocks() {
    let prices = hours(&[5.0, 6.0, 90.0, 7.0, 80.0]);
    let found = cheapest(&prices, &one(HOUR * 5 / 2, false)).unwrap();
    let blocks: Vec<_> = found[0].blocks.iter().map(|b| (b.start_s, b.end_s)).collect();
    assert_eq!(blocks, [(0, 2 * HOUR), (3 * HOUR, 3 * HOUR + HOUR / 2)]);
    assert!((found[0].mean_eur_mwh - (5.0 + 6.0 + 3.5) / 2.5).abs() < 1e-12);
}

#[test]
fn earliest_start_and_deadline_cut_slots() {
    let prices = hours(&[1.0, 20.0, 30.0, 2.0]);
    let wanted = |earliest, deadline| Wanted {
        earliest_s: Some(earliest),
        deadline_s: Some(deadline),
        ..one(HOUR, true)
    };
    let found = cheapest(&prices, &wanted(HOUR / 2, 4 * HOUR)).unwrap();
    assert_eq!(found[0].start_s, 3 * HOUR);
    // The last hour without its last second is taken whole, with one second of the hour before.
    let found = cheapest(&prices, &wanted(HOUR / 2, 4 * HOUR - 1)).unwrap();
    assert_eq!((found[0].start_s, found[0].end_s), (3 * HOUR - 1, 4 * HOUR - 1));
    let found = cheapest(&prices, &wanted(HOUR / 2, 3 * HOUR - 1)).unwrap();
    assert_eq!((found[0].start_s, found[0].end_s), (HOUR / 2, HOUR + HOUR / 2));
    let refused = cheapest(&prices, &wanted(HOUR / 2, HOUR)).unwrap_err();
    assert_eq!(refused, WindowError::NoRoom { duration_s: HOUR, room_s: HOUR / 2 });
}

#[test]
fn windows_do_not_span_gaps_and_slot_lengths_may_change() {
    let mut mixed = hours(&[70.0, 40.0]);
    mixed.extend(slots(2 * HOUR, 900, &[0.0, 4.0, 60.0, 60.0]));
    mixed.extend(slots(10 * HOUR, 900, &[-50.0, -50.0]));
    let found = cheapest(&mixed, &one(HOUR * 3 / 2, true)).unwrap();
    assert_eq!((found[0].start_s, found[0].end_s), (HOUR, 2 * HOUR + HOUR / 2));
    assert!((found[0].mean_eur_mwh - (40.0 + 1.0) / 1.5).abs() < 1e-12);
    let scattered = cheapest(&mixed, &one(HOUR * 3 / 2, false)).unwrap();
    assert_eq!(scattered[0].blocks.len(), 3);
    let long = cheapest(&mixed, &one(4 * HOUR, true)).unwrap_err();
    assert_eq!(long, WindowError::NoRoom { duration_s: 4 * HOUR, room_s: 3 * HOUR });
}

#[test]
fn equal_prices_go_to_the_earliest() {
    for contiguous in [true, false] {
        let wanted = Wanted { count: 3, ..one(2 * HOUR, contiguous) };
        let found = cheapest(&hours(&[0.1; 7]), &wanted).unwrap();
        let starts: Vec<_> = found.iter().map(|window| window.start_s / HOUR).collect();
        assert_eq!(starts, [0, 2, 4], "contiguous: {contiguous}");
    }
}

#[test]
fn further_windows_avoid_earlier_ones_and_use_the_rest_of_their_slots() {
    let wanted = Wanted { count: 9, ..one(HOUR / 2, true) };
    let found = cheapest(&hours(&[3.0, 1.0, 2.0]), &wanted).unwrap();
    let starts: Vec<_> = found.iter().map(|window| window.start_s).collect();
    let half = HOUR / 2;
    assert_eq!(starts, [2 * half, 3 * half, 4 * half, 5 * half, 0, half]);
}

#[test]
fn unusable_questions_are_refused() {
    let good = hours(&[1.0, 2.0]);
    let refusal = |slots: &[Slot], wanted: Wanted| cheapest(slots, &wanted).unwrap_err();
    assert_eq!(refusal(&good, one(0, true)), WindowError::Duration(0));
    assert_eq!(refusal(&good, Wanted { count: 0, ..one(1, true) }), WindowError::Count(0));
    assert_eq!(refusal(&good, Wanted { count: 51, ..one(1, true) }), WindowError::Count(51));
    assert!(matches!(refusal(&[], one(1, true)), WindowError::NoRoom { room_s: 0, .. }));
    assert!(matches!(refusal(&good, one(i64::MAX, false)), WindowError::NoRoom { .. }));
    let many = slots(0, 60, &vec![1.0; SLOTS_MAX + 1]);
    assert_eq!(refusal(&many, one(60, true)), WindowError::TooManySlots(SLOTS_MAX + 1));
    let bad = |change: fn(&mut Slot)| {
        let mut slots = good.clone();
        change(&mut slots[1]);
        refusal(&slots, one(60, true))
    };
    for change in [
        (|slot| slot.price_eur_mwh = f64::NAN) as fn(&mut Slot),
        |slot| slot.interval_s = 0,
        |slot| slot.start_s -= 1,
    ] {
        assert!(matches!(bad(change), WindowError::Slot { index: 1, .. }));
    }
}

/// A day or so of slots of mixed length with occasional gaps, prices with many ties.
fn series() -> impl Strategy<Value = Vec<Slot>> {
    let slot = (prop_oneof![Just(900), Just(3_600)], 0..8_i32, prop::bool::weighted(0.15));
    proptest::collection::vec(slot, 1..14).prop_map(|parts| {
        let mut start_s = 0;
        let mut slots = Vec::new();
        for (interval_s, price, gap_before) in parts {
            start_s += if gap_before { 1_800 } else { 0 };
            slots.push(Slot { start_s, interval_s, price_eur_mwh: f64::from(price - 3) });
            start_s += i64::from(interval_s);
        }
        slots
    })
}

/// The price that holds in the five minutes from `at`, if any.
fn price_at(slots: &[Slot], at: i64) -> Option<f64> {
    let holds =
        |slot: &&Slot| (slot.start_s..slot.start_s + i64::from(slot.interval_s)).contains(&at);
    slots.iter().find(holds).map(|slot| slot.price_eur_mwh)
}

proptest! {
    /// Slots begin and end, and durations last, whole five minutes: no other start can be cheaper.
    #[test]
    fn one_contiguous_window_is_what_a_search_of_all_starts_finds(
        slots in series(), duration in 1..36_i64,
    ) {
        let cost = |start: i64| -> Option<f64> {
            let prices = (0..duration).map(|step| price_at(&slots, start + 300 * step));
            prices.sum::<Option<f64>>().map(|sum| sum / duration as f64)
        };
        let end = slots.last().map_or(0, |slot| slot.start_s + i64::from(slot.interval_s));
        let mut best: Option<(f64, i64)> = None;
        for start in (0..end).step_by(300) {
            if let Some(mean) = cost(start)
                && best.is_none_or(|(lowest, _)| mean < lowest - 1e-9)
            {
                best = Some((mean, start));
            }
        }
        let found = cheapest(&slots, &one(300 * duration, true)).ok();
        prop_assert_eq!(found.as_ref().map(|w| w[0].start_s), best.map(|(_, start)| start));
        if let (Some(windows), Some((mean, _))) = (found, best) {
            prop_assert!((windows[0].mean_eur_mwh - mean).abs() < 1e-9);
        }
    }

    #[test]
    fn one_scattered_window_costs_the_cheapest_quarters(slots in series(), quarters in 1..12_usize) {
        let mut prices: Vec<f64> = slots
            .iter()
            .flat_map(|slot| (0..slot.interval_s / 900).map(|_| slot.price_eur_mwh))
            .collect();
        prices.sort_by(f64::total_cmp);
        let expected = prices.get(..quarters).map(|c| c.iter().sum::<f64>() / quarters as f64);
        let wanted = one(900 * i64::try_from(quarters).unwrap(), false);
        let found = cheapest(&slots, &wanted).ok().map(|windows| windows[0].mean_eur_mwh);
        prop_assert_eq!(found.is_some(), expected.is_some());
        if let (Some(found), Some(expected)) = (found, expected) {
            prop_assert!((found - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn windows_have_their_length_stay_inside_and_never_overlap(
        slots in series(), duration_s in 1..20_000_i64, contiguous: bool,
        earliest_s in 0..6_000_i64, deadline_s in 6_000..40_000_i64,
    ) {
        let wanted = Wanted {
            duration_s, contiguous, count: 5,
            earliest_s: Some(earliest_s), deadline_s: Some(deadline_s),
        };
        let windows = cheapest(&slots, &wanted).unwrap_or_default();
        let mut blocks: Vec<Block> = Vec::new();
        for window in &windows {
            let length: i64 = window.blocks.iter().map(|block| block.end_s - block.start_s).sum();
            prop_assert_eq!(length, duration_s);
            prop_assert_eq!(window.slots.iter().map(|slot| slot.used_s).sum::<i64>(), duration_s);
            prop_assert!(window.start_s >= earliest_s && window.end_s <= deadline_s);
            prop_assert!(!contiguous || window.blocks.len() == 1);
            for used in &window.slots {
                let slot = slots[used.slot];
                prop_assert!(used.start_s >= slot.start_s);
                prop_assert!(used.start_s + used.used_s <= slot.start_s + i64::from(slot.interval_s));
            }
            blocks.extend(&window.blocks);
        }
        blocks.sort_by_key(|block| block.start_s);
        prop_assert!(blocks.windows(2).all(|pair| pair[0].end_s <= pair[1].start_s));
        let means: Vec<f64> = windows.iter().map(|window| window.mean_eur_mwh).collect();
        prop_assert!(means.windows(2).all(|pair| pair[0] <= pair[1] + 1e-6));
    }
}
