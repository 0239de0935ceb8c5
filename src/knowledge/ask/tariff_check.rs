//! Prices of a sheet held against the tariff in force: both with their proof, and the difference.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::AskError;
use super::model::{Origin, Quote};
use super::prices::{FoundPrice, Hours, Item, Vat, prices};
use super::proof::{Proof, origin};
use super::service::{Ask, Asker};
use crate::algorithms::retrieval::{CharOffsets, Span};
use crate::base::timeline::{day_range, local_date};
use crate::facts::tariffs::{Component, TariffId, TariffSlot};

/// Most prices of one sheet.
const PRICES_MAX: usize = 60;
/// Prices nearer than this are the same, in CHF/kWh: sheets round to a hundredth of a Rappen.
const SAME_CHF_KWH: f64 = 0.000_05;

/// What came of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SheetVerdict)]
pub enum Verdict {
    /// Both are the same.
    Same,
    /// The price in force changes over the day, and the sheet's lies within.
    Within,
    /// The sheet's is higher.
    SheetHigher,
    /// The sheet's is lower.
    SheetLower,
    /// The tariff does not publish this part of the price, or nothing for this day.
    NotComparable,
}

/// A price as the sheet states it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SheetPrice {
    /// The number as it is written.
    #[schema(example = "14.25")]
    pub written: String,
    /// Its unit.
    #[schema(example = "rp/kwh")]
    pub unit: String,
    /// The same in CHF/kWh.
    #[schema(example = 0.1425)]
    pub price_chf_kwh: f64,
    /// Whether the sheet says that VAT is in it.
    pub vat: Vat,
}

/// What the tariff asks for the same on the day of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = PriceInForce)]
pub struct InForce {
    /// At its cheapest quarter hour, in CHF/kWh.
    #[schema(example = 0.139)]
    pub low_chf_kwh: f64,
    /// At its dearest quarter hour, in CHF/kWh.
    #[schema(example = 0.139)]
    pub high_chf_kwh: f64,
    /// Whether VAT is in both: as in the sheet, or as comes nearer where the sheet does not say.
    pub has_vat: bool,
}

/// One price of the sheet beside the tariff.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SheetComparison)]
pub struct Comparison {
    /// What it is for.
    pub item: Item,
    /// At which hours it holds.
    pub hours: Hours,
    /// What the sheet says.
    pub sheet: SheetPrice,
    /// Where it says so.
    pub quote: Quote,
    /// What is in force.
    pub in_force: Option<InForce>,
    /// The sheet's price less the one in force, in CHF/kWh.
    pub difference_chf_kwh: Option<f64>,
    /// The same against the price in force, in per cent.
    pub difference_percent: Option<f64>,
    /// What came of it.
    pub verdict: Verdict,
}

/// The prices of a sheet beside a tariff.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TariffCheck {
    /// The sheet.
    #[serde(flatten)]
    pub origin: Origin,
    /// The tariff; absent when none was named and no household has one.
    pub tariff: Option<TariffId>,
    /// What people call it.
    pub tariff_name: Option<String>,
    /// VAT of the tariff, in per cent.
    pub vat_percent: Option<f64>,
    /// Local day whose prices are in force.
    pub day: Option<NaiveDate>,
    /// When it was compared.
    pub checked_at: DateTime<Utc>,
    /// Prices of the sheet in the order in which they stand there.
    pub prices: Vec<Comparison>,
    /// Quotes that were dropped because the stored text says something else.
    pub quotes_dropped: u32,
    /// What is odd.
    pub note: Option<String>,
}

impl Ask {
    /// The prices in a document beside those of `tariff`, or of the household's tariff.
    pub async fn tariff_check(
        &self,
        who: &Asker,
        document_id: Uuid,
        tariff: Option<&TariffId>,
    ) -> Result<TariffCheck, AskError> {
        let item = self.library.documents.readable(document_id, who.role).await?;
        let mut proof = Proof::of(&self.library, &[]).await?;
        proof.add(&self.library, document_id).await?;
        let tariff = match tariff {
            Some(id) => Some(self.tariffs.tariff(id).await?),
            None => self.tariffs.home().await?,
        };
        let now = self.clock.now();
        let day = tariff.as_ref().map(|tariff| local_date(now, tariff.time_zone));
        let slots = match (&tariff, day) {
            (Some(tariff), Some(day)) => {
                self.tariffs.prices(&tariff.id, day_range(day, tariff.time_zone)).await?
            }
            _ => Vec::new(),
        };
        let vat_percent = tariff.as_ref().map(|tariff| tariff.vat_percent);
        let text = proof.text(document_id).map(|stored| stored.text.clone()).unwrap_or_default();
        let (found, offsets) = (prices(&text), CharOffsets::new(&text));
        let (mut rows, mut dropped) = (Vec::new(), 0);
        for (price, id) in found.iter().take(PRICES_MAX).zip(1..) {
            let span = Span { start: price.line.start, end: price.line.end };
            let place = offsets.to_chars(span).zip(span.of(&text));
            let quote = place.and_then(|(place, words)| proof.stretch(id, &item, place, words));
            match quote {
                Some(quote) => rows.push(compared(price, quote, &slots, vat_percent)),
                None => dropped += 1,
            }
        }
        let note = if found.is_empty() {
            Some("no price per kilowatt hour was found in this document")
        } else if tariff.is_none() {
            Some("no tariff is set up; set tariffs.home, or name one")
        } else if slots.is_empty() {
            Some("no prices of the tariff are stored for today")
        } else {
            None
        };
        Ok(TariffCheck {
            origin: origin(&item),
            tariff_name: tariff.as_ref().map(|tariff| tariff.name.clone()),
            tariff: tariff.map(|tariff| tariff.id),
            vat_percent,
            day,
            checked_at: now,
            prices: rows,
            quotes_dropped: dropped,
            note: note.map(str::to_owned),
        })
    }
}

/// What a quarter hour costs for `item`, without VAT.
fn part(slot: &TariffSlot, item: Item) -> Option<f64> {
    let of = |component: Component| slot.components.get(&component).copied();
    match item {
        Item::Energy => of(Component::Electricity),
        Item::Grid => of(Component::Grid).or_else(|| of(Component::GridUsage)),
        Item::Total => slot.total_excl_vat_chf_kwh,
        Item::FeedIn => slot.feed_in_chf_kwh,
    }
}

fn compared(
    price: &FoundPrice,
    quote: Quote,
    slots: &[TariffSlot],
    vat_percent: Option<f64>,
) -> Comparison {
    let parts: Vec<f64> = slots.iter().filter_map(|slot| part(slot, price.item)).collect();
    let low = parts.iter().copied().reduce(f64::min);
    let high = parts.iter().copied().reduce(f64::max);
    let with_vat = 1.0 + vat_percent.unwrap_or_default() / 100.0;
    let range = |has_vat: bool| {
        let factor = if has_vat { with_vat } else { 1.0 };
        let (low_chf_kwh, high_chf_kwh) = (low? * factor, high? * factor);
        Some(InForce { low_chf_kwh, high_chf_kwh, has_vat })
    };
    let against = |range: InForce| (range, difference(price, &range));
    let chosen = match price.vat {
        Vat::Included => range(true).map(against),
        Vat::Excluded => range(false).map(against),
        Vat::Unknown => [range(false), range(true)]
            .into_iter()
            .flatten()
            .map(against)
            .min_by(|(_, one), (_, other)| one.abs().total_cmp(&other.abs())),
    };
    let difference = chosen.map(|(_, difference)| micros(difference));
    let percent = chosen.and_then(|(range, difference)| {
        let base = base(price, &range);
        (base.abs() > SAME_CHF_KWH).then(|| (difference / base * 1_000.0).round() / 10.0)
    });
    Comparison {
        item: price.item,
        hours: price.hours,
        sheet: SheetPrice {
            written: price.written.clone(),
            unit: price.unit.to_owned(),
            price_chf_kwh: price.chf_kwh,
            vat: price.vat,
        },
        quote,
        in_force: chosen.map(|(range, _)| InForce {
            low_chf_kwh: micros(range.low_chf_kwh),
            high_chf_kwh: micros(range.high_chf_kwh),
            ..range
        }),
        difference_chf_kwh: difference,
        difference_percent: percent,
        verdict: verdict(chosen),
    }
}

fn verdict(chosen: Option<(InForce, f64)>) -> Verdict {
    let Some((range, difference)) = chosen else { return Verdict::NotComparable };
    if difference.abs() < SAME_CHF_KWH {
        let is_flat = range.high_chf_kwh - range.low_chf_kwh < SAME_CHF_KWH;
        return if is_flat { Verdict::Same } else { Verdict::Within };
    }
    if difference > 0.0 { Verdict::SheetHigher } else { Verdict::SheetLower }
}

/// The price in force that the sheet's is held against.
fn base(price: &FoundPrice, range: &InForce) -> f64 {
    match price.hours {
        Hours::High => range.high_chf_kwh,
        Hours::Low => range.low_chf_kwh,
        Hours::Any => price.chf_kwh.clamp(range.low_chf_kwh, range.high_chf_kwh),
    }
}

fn difference(price: &FoundPrice, range: &InForce) -> f64 {
    price.chf_kwh - base(price, range)
}

/// To a millionth of a franc, as tariffs are.
fn micros(chf: f64) -> f64 {
    (chf * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: f64, high: f64) -> InForce {
        InForce { low_chf_kwh: low, high_chf_kwh: high, has_vat: false }
    }

    fn price(hours: Hours, chf_kwh: f64) -> FoundPrice {
        let written = chf_kwh.to_string();
        FoundPrice {
            item: Item::Energy,
            hours,
            written,
            unit: "chf/kwh",
            chf_kwh,
            vat: Vat::Excluded,
            line: 0..1,
        }
    }

    #[test]
    fn a_price_is_held_against_the_hours_that_it_is_for() {
        let day = range(0.10, 0.16);
        for (hours, chf_kwh, expected, what) in [
            (Hours::High, 0.16, 0.0, Verdict::Within),
            (Hours::High, 0.15, -0.01, Verdict::SheetLower),
            (Hours::Low, 0.12, 0.02, Verdict::SheetHigher),
            (Hours::Any, 0.13, 0.0, Verdict::Within),
            (Hours::Any, 0.18, 0.02, Verdict::SheetHigher),
            (Hours::Any, 0.09, -0.01, Verdict::SheetLower),
        ] {
            let difference = difference(&price(hours, chf_kwh), &day);
            assert!((difference - expected).abs() < 1e-9, "{hours:?} {chf_kwh}: {difference}");
            assert_eq!(verdict(Some((day, difference))), what, "{hours:?} {chf_kwh}");
        }
        assert_eq!(verdict(Some((range(0.1, 0.1), 0.0))), Verdict::Same);
        assert_eq!(verdict(None), Verdict::NotComparable);
    }
}
