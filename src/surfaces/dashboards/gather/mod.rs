//! Asks the services for what the pages show and puts it into the pages' own values.

mod forecast; // the page about forecasts
mod prices; // the page of prices
mod values; // values of services as values of pages

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

pub(super) use self::forecast::AskedForecast;
pub(super) use self::prices::AskedPrices;
use self::values::mean;
use super::pricing::{DataState, Money, PriceInput, Slot, Unit, Window as Row};
use crate::base::ids::Market;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::base::timeline::local_date;
use crate::decisions::value::Values;
use crate::decisions::windows::Outlook;
use crate::decisions::windows::Windows;
use crate::facts::ingest::Ingest;
use crate::facts::ingest::Subject;
use crate::facts::market::PricePoint;
use crate::facts::market::Prices;
use crate::facts::market::Shown;
use crate::facts::rates::Rates;
use crate::facts::tariffs::Tariffs;
use crate::learning::accuracy::Accuracy;
use crate::learning::accuracy::Asked;
use crate::platform::web::Problem;

/// Days whose mean the price levels are measured against.
const REFERENCE_DAYS: i64 = 7;
/// Days over which the error of the forecast is stated.
const ACCURACY_DAYS: i64 = 30;

/// The services that pages are made from.
#[derive(Clone)]
pub struct Sources {
    /// Prices ahead, and the cheap times in them.
    pub windows: Windows,
    /// Which market readers see.
    pub shown: Shown,
    /// How good forecasts were.
    pub accuracy: Accuracy,
    /// What following them was worth.
    pub values: Values,
    /// Stored prices.
    pub prices: Prices,
    /// Euro into francs.
    pub rates: Rates,
    /// What the household pays.
    pub tariffs: Tariffs,
    /// Whom to name, and who does not answer.
    pub ingest: Ingest,
    /// The present.
    pub clock: Clock,
}

/// What pages are made from.
#[derive(Clone)]
pub struct Gather {
    from: Sources,
}

/// What is to be told about the sources of prices.
#[derive(Debug, Default)]
struct Credits {
    /// Whom to name, one line each.
    attribution: Vec<String>,
    /// Since when nobody who is asked about the market has answered.
    away_since: Option<DateTime<Utc>>,
}

impl Gather {
    /// Pages from these services.
    pub const fn new(from: Sources) -> Self {
        Self { from }
    }

    /// Everything Today shows of `market`, or of the market the settings choose.
    pub(super) async fn today(
        &self,
        market: Option<Market>,
        unit: Option<Unit>,
        setup_open: bool,
    ) -> Result<PriceInput, Problem> {
        let outlook = self.from.windows.outlook(market, None, Duration::hours(24)).await?;
        self.present(&outlook, unit, setup_open).await
    }

    /// What `outlook` and its surroundings say about the present.
    async fn present(
        &self,
        outlook: &Outlook,
        unit: Option<Unit>,
        setup_open: bool,
    ) -> Result<PriceInput, Problem> {
        let now = self.from.clock.now();
        let windows = self.from.windows.suggestions(outlook);
        let asked = Asked::newest(outlook.market.clone(), outlook.product, ACCURACY_DAYS);
        let mean_abs_error_eur_mwh = self.from.accuracy.day_ahead_mae(&asked).await?;
        let run = outlook.forecast.as_ref();
        let published_until = match outlook.published_until {
            Some(until) => Some(until),
            None => self.last_price(outlook).await?,
        };
        let reference = self.week_before(outlook, now).await?;
        let mut slots: Vec<Slot> = outlook.slots.iter().map(Slot::from).collect();
        let mut sources: BTreeSet<String> = outlook.sources.iter().cloned().collect();
        if let (true, Some(until)) = (slots.is_empty(), published_until) {
            // Prices that ended long ago are shown where they are: «none» would not be true.
            let last = self.week_before(outlook, until).await?;
            slots = last.iter().map(Slot::from).collect();
            sources = last.into_iter().map(|point| point.source).collect();
        }
        let credits = self.credits(&outlook.market, &sources).await?;
        let state = DataState {
            published_until,
            prices_known_at: outlook.prices_known_at,
            source: outlook.source.clone().or_else(|| sources.into_iter().next()),
            attribution: credits.attribution,
            source_away_since: credits.away_since,
            forecast_issued_at: run.map(|run| run.issued_at),
            model_label: run.map(|run| run.model_label.clone()),
            mean_abs_error_eur_mwh,
            warnings: Vec::new(),
        };
        let first = slots.iter().map(|slot| slot.ts).min().unwrap_or(now).min(now);
        Ok(PriceInput {
            market: outlook.market.code().to_owned(),
            simulated: outlook.market.is_simulated(),
            zone: outlook.market.time_zone(),
            money: self.money(&outlook.market, unit, first).await?,
            slots,
            reference_mean_eur_mwh: mean(&reference),
            windows: windows.iter().map(Row::from).collect(),
            state,
            setup_open,
        })
    }

    /// The unit of prices of `market` from `first` on.
    async fn money(
        &self,
        market: &Market,
        wanted: Option<Unit>,
        first: DateTime<Utc>,
    ) -> Result<Money, Problem> {
        let day = |at| local_date(at, market.time_zone());
        let days = (day(first), day(self.from.clock.now()));
        let rates = self.from.rates.eur_chf(days).await?;
        Ok(Money::new(wanted, market, rates, first))
    }

    /// End of the newest price, however long ago: «none for years» is not «none yet».
    async fn last_price(&self, outlook: &Outlook) -> Result<Option<DateTime<Utc>>, Problem> {
        let newest = self.from.prices.newest().await?.into_iter();
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
        Ok(self.from.prices.prices(&outlook.market, outlook.product, range).await?)
    }

    /// Whom to name for prices of `market` by these sources, and whether anybody still answers.
    async fn credits(
        &self,
        market: &Market,
        sources: &BTreeSet<String>,
    ) -> Result<Credits, Problem> {
        let named: Vec<(&String, &str)> = sources
            .iter()
            .filter_map(|source| Some((source, Ingest::attribution(source)?)))
            .collect();
        let asked = self.from.ingest.sources().await?;
        let of_market = |name: &str| {
            let source = asked.iter().find(|source| source.name == name)?;
            let prices = Subject::Prices(market.clone());
            source.subjects.iter().find(|state| state.subject == prices)
        };
        let attribution = named.iter().map(|(source, attribution)| {
            let licence = of_market(source.as_str()).and_then(|state| state.licence.as_deref());
            // The same licence in more words says nothing more.
            let short = |licence: &str| licence.split(" (").next().unwrap_or(licence).to_owned();
            match licence.filter(|licence| !attribution.contains(&short(licence))) {
                Some(licence) => format!("{attribution} ({licence})"),
                None => (*attribution).to_owned(),
            }
        });
        let states: Vec<_> = asked
            .iter()
            .filter(|source| source.is_enabled)
            .filter_map(|source| of_market(source.name))
            .collect();
        let is_away = !states.is_empty() && states.iter().all(|state| state.failure.is_some());
        let since = states.iter().filter_map(|state| state.last_success_at).max();
        let first = states.iter().filter_map(|state| state.last_failure_at).min();
        Ok(Credits {
            attribution: attribution.collect(),
            away_since: if is_away { since.or(first) } else { None },
        })
    }
}
