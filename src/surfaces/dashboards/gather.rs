//! Asks the services for what the pages show and puts it into the pages' own values.

use chrono::{DateTime, Duration, Utc};

use super::today::{
    DataState, Quality as Mark, Slot, SlotKind, TodayInput, Window as Row, WindowProvenance,
};
use crate::base::ids::Market;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::decisions::windows::Outlook;
use crate::decisions::windows::OutlookSlot;
use crate::decisions::windows::Provenance;
use crate::decisions::windows::Window;
use crate::decisions::windows::Windows;
use crate::facts::ingest::Ingest;
use crate::facts::market::PricePoint;
use crate::facts::market::Prices;
use crate::facts::market::Quality;
use crate::learning::prediction::Forecasts;
use crate::platform::web::Problem;

/// Days whose mean the price levels are measured against.
const REFERENCE_DAYS: i64 = 7;
/// Days over which the error of the forecast is stated.
const ACCURACY_DAYS: i64 = 30;

/// What pages are made from.
#[derive(Clone)]
pub struct Gather {
    windows: Windows,
    forecasts: Forecasts,
    prices: Prices,
    clock: Clock,
}

impl Gather {
    /// Pages from these services.
    pub const fn new(windows: Windows, forecasts: Forecasts, prices: Prices, clock: Clock) -> Self {
        Self { windows, forecasts, prices, clock }
    }

    /// Everything Today shows of `market`, or of the market the settings choose.
    pub(super) async fn today(
        &self,
        market: Option<Market>,
        setup_open: bool,
    ) -> Result<TodayInput, Problem> {
        let outlook = self.windows.outlook(market, None, Duration::hours(24)).await?;
        let windows = self.windows.suggestions(&outlook);
        let accuracy =
            self.forecasts.accuracy(&outlook.market, outlook.product, ACCURACY_DAYS).await?;
        let first_lead = accuracy.by_lead.iter().find(|lead| lead.lead_day == 1);
        let run = outlook.forecast.as_ref();
        let published_until = match outlook.published_until {
            Some(until) => Some(until),
            None => self.last_price(&outlook).await?,
        };
        let reference = self.week_before(&outlook, self.clock.now()).await?;
        let mut slots: Vec<Slot> = outlook.slots.iter().map(Slot::from).collect();
        if let (true, Some(until)) = (slots.is_empty(), published_until) {
            // Prices that ended long ago are shown where they are: «none» would not be true.
            slots = self.week_before(&outlook, until).await?.iter().map(Slot::from).collect();
        }
        let state = DataState {
            published_until,
            prices_known_at: outlook.prices_known_at,
            source: outlook.source.clone(),
            attribution: outlook.source.as_deref().and_then(Ingest::attribution).map(str::to_owned),
            forecast_issued_at: run.map(|run| run.issued_at),
            model_label: run.map(|run| run.model_label.clone()),
            mean_abs_error_eur_mwh: first_lead.map(|lead| lead.mae),
            warnings: Vec::new(),
        };
        Ok(TodayInput {
            market: outlook.market.code().to_owned(),
            simulated: outlook.market.is_simulated(),
            zone: outlook.market.time_zone(),
            slots,
            reference_mean_eur_mwh: mean(&reference),
            windows: windows.iter().map(Row::from).collect(),
            state,
            setup_open,
        })
    }

    /// End of the newest price, however long ago: «none for years» is not «none yet».
    async fn last_price(&self, outlook: &Outlook) -> Result<Option<DateTime<Utc>>, Problem> {
        let newest = self.prices.newest().await?.into_iter();
        let interval = Duration::seconds(outlook.product.interval_s().into());
        let mut of_market =
            newest.filter(|row| row.market == outlook.market && row.product == outlook.product);
        Ok(of_market.next().map(|row| row.last + interval))
    }

    /// The published prices of the days before `until`.
    async fn week_before(
        &self,
        outlook: &Outlook,
        until: DateTime<Utc>,
    ) -> Result<Vec<PricePoint>, Problem> {
        let range = TimeRange::new(until - Duration::days(REFERENCE_DAYS), until);
        Ok(self.prices.prices(&outlook.market, outlook.product, range).await?)
    }
}

/// Time-weighted mean in EUR/MWh.
fn mean(points: &[PricePoint]) -> Option<f64> {
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
