//! What is paid for a kilowatt hour, from the components that are published.
//!
//! The total is `integrated` where it is published, else energy and grid and regional fees. The use of
//! the grid is a part of `grid` and is counted only where `grid` itself is absent. VAT comes last. Sums
//! are made in whole millionths of a franc, so that parts add up to their total to the last digit and no
//! binary fraction shows; published values are stored as they were written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{Component, FALLBACK, SLOT_S, TariffPrice};
use crate::facts::market::Quality;

/// Millionths of a franc in a franc.
const MICROS: f64 = 1_000_000.0;

/// What a part of the price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartName {
    /// Energy.
    Electricity,
    /// The grid with the levies that are collected with it.
    Grid,
    /// The use of the grid; its levies are not published by themselves.
    GridUsage,
    /// Fees of canton and municipality.
    RegionalFees,
    /// Everything in one figure: no part is published by itself.
    Integrated,
    /// What `integrated` holds beyond the parts that are published.
    Rest,
    /// Value added tax on all of it.
    Vat,
}

/// One part of a price. The parts of a slot add up to its total with VAT.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Part {
    /// What it is for.
    pub name: PartName,
    /// CHF/kWh, rounded to a millionth.
    pub price_chf_kwh: f64,
}

/// What a kilowatt hour costs in one quarter hour.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TariffSlot {
    /// Start of the quarter hour.
    pub ts: DateTime<Utc>,
    /// Its length, in seconds.
    pub interval_s: i32,
    /// Without VAT, in CHF/kWh; null when a component is missing without which there is no price.
    pub total_excl_vat_chf_kwh: Option<f64>,
    /// With VAT, in CHF/kWh.
    pub total_incl_vat_chf_kwh: Option<f64>,
    /// The total, part by part, in the order of a stack; empty without a total.
    pub parts: Vec<Part>,
    /// Components that are needed for a total and not published.
    pub missing: Vec<Component>,
    /// Every published component without VAT, in CHF/kWh.
    pub components: BTreeMap<Component, f64>,
    /// What is paid for energy that is fed in, without VAT, in CHF/kWh.
    pub feed_in_chf_kwh: Option<f64>,
    /// The least trustworthy of its components says how far to trust it.
    pub quality: Quality,
    /// When the last of its components became known.
    pub known_at: DateTime<Utc>,
    /// Who said so; `fallback:…` where the standard tariff stands in.
    pub source: String,
}

/// The slots of `prices`, oldest first; prices may come in any order.
pub(super) fn compose(prices: &[TariffPrice], vat_percent: f64) -> Vec<TariffSlot> {
    let mut slots: BTreeMap<DateTime<Utc>, BTreeMap<Component, &TariffPrice>> = BTreeMap::new();
    for price in prices {
        slots.entry(price.ts).or_default().insert(price.component, price);
    }
    slots.into_iter().filter_map(|(ts, of_slot)| slot(ts, &of_slot, vat_percent)).collect()
}

fn slot(
    ts: DateTime<Utc>,
    prices: &BTreeMap<Component, &TariffPrice>,
    vat_percent: f64,
) -> Option<TariffSlot> {
    let micros = prices.iter().map(|(name, price)| (*name, micros(price.price_chf_kwh))).collect();
    let (mut parts, missing) = stack(&micros);
    let total: Option<i64> =
        (!parts.is_empty()).then(|| parts.iter().map(|(_, micros)| micros).sum());
    let vat = total.map(|total| whole(total as f64 * vat_percent / 100.0));
    parts.extend(vat.map(|vat| (PartName::Vat, vat)));
    // The figure that decides, else whichever comes first; one that stands in is always said.
    let said = prices.get(&Component::Integrated).or_else(|| prices.values().next())?;
    let stand_in = prices.values().find(|price| price.source.starts_with(FALLBACK));
    Some(TariffSlot {
        ts,
        interval_s: SLOT_S,
        total_excl_vat_chf_kwh: total.map(francs),
        total_incl_vat_chf_kwh: total.zip(vat).map(|(total, vat)| francs(total + vat)),
        parts: parts
            .into_iter()
            .map(|(name, micros)| Part { name, price_chf_kwh: francs(micros) })
            .collect(),
        missing,
        feed_in_chf_kwh: micros.get(&Component::FeedIn).copied().map(francs),
        components: micros.into_iter().map(|(name, micros)| (name, francs(micros))).collect(),
        quality: prices.values().map(|price| price.quality).max_by_key(|it| doubt(*it))?,
        known_at: prices.values().map(|price| price.known_at).max()?,
        source: stand_in.unwrap_or(said).source.clone(),
    })
}

/// The parts of the price without VAT, and what is missing for one.
fn stack(micros: &BTreeMap<Component, i64>) -> (Vec<(PartName, i64)>, Vec<Component>) {
    let of = |component: Component| micros.get(&component).copied();
    let energy = of(Component::Electricity).map(|it| (PartName::Electricity, it));
    let grid = of(Component::Grid).map(|it| (PartName::Grid, it));
    let grid = grid.or_else(|| of(Component::GridUsage).map(|it| (PartName::GridUsage, it)));
    let fees = of(Component::RegionalFees).map(|it| (PartName::RegionalFees, it));
    let known: Vec<(PartName, i64)> = [energy, grid, fees].into_iter().flatten().collect();
    if let Some(integrated) = of(Component::Integrated) {
        if known.is_empty() {
            return (vec![(PartName::Integrated, integrated)], Vec::new());
        }
        let rest = integrated - known.iter().map(|(_, micros)| micros).sum::<i64>();
        let rest = (rest != 0).then_some((PartName::Rest, rest));
        return (known.into_iter().chain(rest).collect(), Vec::new());
    }
    let missing: Vec<Component> =
        [(energy.is_none(), Component::Electricity), (grid.is_none(), Component::Grid)]
            .into_iter()
            .filter_map(|(is_missing, component)| is_missing.then_some(component))
            .collect();
    match (missing.is_empty(), of(Component::FeedIn)) {
        (true, _) => (known, missing),
        // A tariff for what is fed in has nothing to pay.
        (false, Some(_)) if known.is_empty() => (Vec::new(), Vec::new()),
        (false, _) => (Vec::new(), missing),
    }
}

fn micros(chf: f64) -> i64 {
    whole(chf * MICROS)
}

/// The nearest whole number; prices are bounded far below what does not fit.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and a price is bounded")]
fn whole(micros: f64) -> i64 {
    micros.round() as i64
}

fn francs(micros: i64) -> f64 {
    micros as f64 / MICROS
}

/// How little a quality is to be trusted.
const fn doubt(quality: Quality) -> u8 {
    match quality {
        Quality::Ok => 0,
        Quality::Restated => 1,
        Quality::Simulated => 2,
        Quality::Estimated => 3,
        Quality::Suspect => 4,
        Quality::Missing => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot_of(components: &[(Component, f64)], vat_percent: f64) -> TariffSlot {
        let at: DateTime<Utc> = "2026-11-20T11:00:00Z".parse().unwrap();
        let price = |(component, price_chf_kwh): &(Component, f64)| TariffPrice {
            ts: at,
            component: *component,
            price_chf_kwh: *price_chf_kwh,
            quality: Quality::Ok,
            known_at: at,
            known_at_assumed: false,
            source: "test".to_owned(),
            is_in_time: true,
        };
        let prices: Vec<TariffPrice> = components.iter().map(price).collect();
        let slots = compose(&prices, vat_percent);
        assert_eq!(slots.len(), 1);
        slots[0].clone()
    }

    fn parts(slot: &TariffSlot) -> Vec<(PartName, f64)> {
        slot.parts.iter().map(|part| (part.name, part.price_chf_kwh)).collect()
    }

    #[test]
    fn integrated_is_the_total_and_what_its_parts_leave_is_the_rest() {
        use Component::{Electricity, Grid, GridUsage, Integrated};
        // CKW's form: the parts add up.
        let slot = slot_of(
            &[(Grid, 0.1074), (Electricity, 0.12), (Integrated, 0.2274), (GridUsage, 0.0771)],
            8.1,
        );
        assert_eq!(slot.total_excl_vat_chf_kwh, Some(0.2274));
        // 0.2274 · 1.081 = 0.2458194
        assert_eq!(slot.total_incl_vat_chf_kwh, Some(0.245_819));
        let expected =
            [(PartName::Electricity, 0.12), (PartName::Grid, 0.1074), (PartName::Vat, 0.018_419)];
        assert_eq!(parts(&slot), expected);
        assert_eq!(slot.components.get(&GridUsage), Some(&0.0771));
        // Groupe E's form: 0.2323 − 0.1128 = 0.1195 is for energy and levies.
        let slot = slot_of(&[(Grid, 0.1128), (Integrated, 0.2323)], 8.1);
        assert_eq!(parts(&slot)[..2], [(PartName::Grid, 0.1128), (PartName::Rest, 0.1195)]);
        // EKZ's form: one figure.
        let slot = slot_of(&[(Integrated, 0.2037)], 0.0);
        assert_eq!(parts(&slot), [(PartName::Integrated, 0.2037), (PartName::Vat, 0.0)]);
        assert_eq!(slot.missing, []);
    }

    #[test]
    fn without_integrated_energy_grid_and_fees_are_added_and_the_use_of_the_grid_never_twice() {
        use Component::{Electricity, FeedIn, Grid, GridUsage, Metering, RegionalFees};
        let all = [
            (Electricity, 0.1),
            (Grid, 0.2),
            (GridUsage, 0.15),
            (RegionalFees, 0.003),
            (Metering, 0.01),
            (FeedIn, 0.06),
        ];
        let slot = slot_of(&all, 8.1);
        // In binary 0.1 + 0.2 is 0.30000000000000004; 0.303 · 1.081 = 0.327543.
        assert_eq!(slot.total_excl_vat_chf_kwh, Some(0.303));
        assert_eq!(slot.total_incl_vat_chf_kwh, Some(0.327_543));
        assert_eq!(slot.feed_in_chf_kwh, Some(0.06));
        let slot = slot_of(&[(Electricity, 0.1), (GridUsage, 0.15)], 8.1);
        assert_eq!(slot.total_excl_vat_chf_kwh, Some(0.25));
        assert_eq!(parts(&slot)[1], (PartName::GridUsage, 0.15));
    }

    #[test]
    fn a_price_that_lacks_a_component_is_no_price() {
        use Component::{Electricity, FeedIn, Grid, RegionalFees};
        let slot = slot_of(&[(Grid, 0.06), (RegionalFees, 0.01)], 8.1);
        assert_eq!((slot.total_excl_vat_chf_kwh, slot.total_incl_vat_chf_kwh), (None, None));
        assert_eq!((slot.missing, slot.parts.len()), (vec![Electricity], 0));
        assert_eq!(slot_of(&[(Electricity, 0.06)], 8.1).missing, [Grid]);
        let fed_in = slot_of(&[(FeedIn, -0.02)], 8.1);
        assert_eq!((fed_in.feed_in_chf_kwh, fed_in.missing), (Some(-0.02), vec![]));
        assert_eq!(fed_in.total_excl_vat_chf_kwh, None);
    }

    #[test]
    fn negative_prices_and_odd_binary_fractions_add_up() {
        use Component::{Electricity, Grid, Integrated};
        let slot = slot_of(&[(Grid, -0.0262), (Integrated, -0.1)], 8.1);
        assert_eq!(slot.total_incl_vat_chf_kwh, Some(-0.1081));
        assert_eq!(parts(&slot)[1], (PartName::Rest, -0.0738));
        // As Swisspower writes it.
        let slot = slot_of(&[(Integrated, 0.492_499_999_999_999_94)], 8.1);
        assert_eq!(slot.total_excl_vat_chf_kwh, Some(0.4925));
        for (energy, grid) in [(0.123_456_4, 0.1), (0.07, 0.29), (1.1, 2.2)] {
            let slot = slot_of(&[(Electricity, energy), (Grid, grid)], 7.7);
            let sum: i64 = slot.parts.iter().map(|part| micros(part.price_chf_kwh)).sum();
            assert_eq!(Some(francs(sum)), slot.total_incl_vat_chf_kwh);
        }
    }
}
