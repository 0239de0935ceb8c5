//! Values of services as values of pages.

use crate::decisions::windows::OutlookSlot;
use crate::decisions::windows::Provenance;
use crate::decisions::windows::Window;
use crate::facts::market::PricePoint;
use crate::facts::market::Quality;
use crate::facts::tariffs::Part as Paid;
use crate::facts::tariffs::PartName;
use crate::facts::tariffs::TariffSlot;
use crate::surfaces::dashboards::prices::{Part, PartKind, PartSlot};
use crate::surfaces::dashboards::pricing::{
    Quality as Mark, Slot, SlotKind, Window as Row, WindowProvenance,
};

/// Time-weighted mean in EUR/MWh.
pub(super) fn mean(points: &[PricePoint]) -> Option<f64> {
    let (mut cost, mut seconds) = (0.0, 0.0);
    for point in points {
        if let Some(price) = point.price_eur_mwh {
            cost += price * f64::from(point.interval_s);
            seconds += f64::from(point.interval_s);
        }
    }
    (seconds > 0.0).then(|| cost / seconds)
}

impl From<&PricePoint> for Slot {
    fn from(point: &PricePoint) -> Self {
        Self {
            ts: point.ts,
            interval_s: point.interval_s,
            price_eur_mwh: point.price_eur_mwh,
            kind: SlotKind::Published,
            quantiles: None,
            quality: mark(point.quality),
        }
    }
}

fn mark(quality: Quality) -> Mark {
    match quality {
        Quality::Estimated => Mark::Estimated,
        Quality::Simulated => Mark::Simulated,
        _ => Mark::Ok,
    }
}

impl From<&OutlookSlot> for Slot {
    fn from(slot: &OutlookSlot) -> Self {
        Self {
            ts: slot.ts,
            interval_s: slot.interval_s,
            price_eur_mwh: slot.price_eur_mwh,
            kind: match slot.provenance {
                Provenance::Published => SlotKind::Published,
                Provenance::Forecast | Provenance::Mixed => SlotKind::Forecast,
            },
            quantiles: slot.quantiles_eur_mwh,
            quality: mark(slot.quality),
        }
    }
}

impl From<&Window> for Row {
    fn from(window: &Window) -> Self {
        Self {
            from: window.from,
            to: window.to,
            mean_price_eur_mwh: window.mean_price_eur_mwh,
            provenance: match window.provenance {
                Provenance::Published => WindowProvenance::Published,
                Provenance::Forecast => WindowProvenance::Forecast,
                Provenance::Mixed => WindowProvenance::Mixed,
            },
            day_mean_eur_mwh: window
                .saving_vs_day_mean_eur_mwh
                .map(|saving| window.mean_price_eur_mwh + saving),
        }
    }
}

impl From<&TariffSlot> for PartSlot {
    fn from(slot: &TariffSlot) -> Self {
        let kind = |name| match name {
            PartName::Electricity => PartKind::Energy,
            PartName::Grid | PartName::GridUsage => PartKind::Grid,
            PartName::RegionalFees => PartKind::Levies,
            PartName::Integrated => PartKind::Whole,
            PartName::Rest => PartKind::Rest,
            PartName::Vat => PartKind::Vat,
        };
        let part = |part: &Paid| Part { kind: kind(part.name), price_chf_kwh: part.price_chf_kwh };
        Self {
            ts: slot.ts,
            interval_s: slot.interval_s,
            parts: slot.parts.iter().map(part).collect(),
            quality: mark(slot.quality),
        }
    }
}
