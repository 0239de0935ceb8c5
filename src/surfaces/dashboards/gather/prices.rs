//! What the page of prices shows, and the same as a file.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};

use super::Gather;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, add_days, day_range, days_range, local_date};
use crate::decisions::windows::Outlook;
use crate::decisions::windows::OutlookSlot;
use crate::decisions::windows::Provenance;
use crate::facts::ingest::Ingest;
use crate::facts::market::PricePoint;
use crate::facts::market::Prices;
use crate::platform::web::Problem;
use crate::surfaces::dashboards::prices::{
    CsvInput, CsvRow, HomeTariff, Kind, Offer, PartSlot, Period, PricesInput,
};
use crate::surfaces::dashboards::pricing::{DataState, PriceInput, Slot, Unit};

/// Days shown before and behind today.
const AROUND_DAYS: i64 = 7;

/// Which prices somebody wants to see; what is not said is chosen.
#[derive(Debug, Clone)]
pub struct AskedPrices {
    /// Market.
    pub market: Option<Market>,
    /// Product.
    pub product: Option<Product>,
    /// First local day.
    pub first: Option<NaiveDate>,
    /// Unit.
    pub unit: Option<Unit>,
}

impl Gather {
    /// Everything the page of prices shows.
    pub(in crate::surfaces::dashboards) async fn prices(
        &self,
        asked: AskedPrices,
        setup_open: bool,
    ) -> Result<PricesInput, Problem> {
        let now = self.from.clock.now();
        let (market, product) = self.from.shown.choose(asked.market, asked.product).await?;
        let today = local_date(now, market.time_zone());
        let around = period(&market, add_days(today, -AROUND_DAYS), false);
        let chosen = match asked.first {
            Some(first) => Some(period(&market, sane(first, "from")?, true)),
            None => self.last_period(&market, product, around).await?,
        };
        // A period without the present is read by itself; what is ahead is told all the same.
        let elsewhere = chosen.filter(|period| !period.range.contains(now));
        let shown = chosen.unwrap_or(around);
        let first = if elsewhere.is_some() { around.range.from } else { shown.range.from };
        // The outlook reads the clock a moment later; the first slot must still be in it.
        let back = now - first.min(around.range.from) + Duration::minutes(1);
        let outlook = self.from.windows.outlook(Some(market.clone()), Some(product), back).await?;
        let present = self.present(&outlook, asked.unit, setup_open).await?;
        let elsewhere = match elsewhere {
            Some(period) => Some(self.elsewhere(&outlook, &present, period, asked.unit).await?),
            None => None,
        };
        let offers = self.offers().await?;
        Ok(PricesInput {
            market,
            product,
            present,
            elsewhere,
            period: shown,
            offers,
            tariff: self.tariff(today).await?,
        })
    }

    /// Prices of a period that lies in the past, or further ahead than is forecast.
    async fn elsewhere(
        &self,
        outlook: &Outlook,
        present: &PriceInput,
        period: Period,
        unit: Option<Unit>,
    ) -> Result<PriceInput, Problem> {
        let prices = &self.from.prices;
        let points = prices.prices(&outlook.market, outlook.product, period.range).await?;
        let sources: BTreeSet<String> = points.iter().map(|point| point.source.clone()).collect();
        let credits = self.credits(&outlook.market, &sources).await?;
        Ok(PriceInput {
            money: self.money(&outlook.market, unit, period.range.from).await?,
            slots: points.iter().map(Slot::from).collect(),
            reference_mean_eur_mwh: None,
            windows: Vec::new(),
            state: DataState {
                source: sources.into_iter().next(),
                attribution: credits.attribution,
                ..DataState::default()
            },
            ..present.clone()
        })
    }

    /// What the household pays on a local day, part by part.
    async fn tariff(&self, day: NaiveDate) -> Result<Option<HomeTariff>, Problem> {
        let Some(tariff) = self.from.tariffs.home().await? else { return Ok(None) };
        let range = day_range(day, tariff.time_zone);
        let slots = self.from.tariffs.prices(&tariff.id, range).await?;
        Ok(Some(HomeTariff {
            name: format!("{}, {}", tariff.operator, tariff.name),
            attribution: tariff.attribution,
            day,
            is_stand_in: slots.iter().any(|slot| slot.source.starts_with("fallback:")),
            slots: slots.iter().map(PartSlot::from).collect(),
        }))
    }

    /// Where the newest prices are, when they all lie before the days around the present.
    async fn last_period(
        &self,
        market: &Market,
        product: Product,
        around: Period,
    ) -> Result<Option<Period>, Problem> {
        let newest = self.from.prices.newest().await?;
        let last = newest.iter().find(|row| row.market == *market && row.product == product);
        let last = last.filter(|row| row.last < around.range.from);
        Ok(last.map(|row| {
            let day = local_date(row.last, market.time_zone());
            period(market, add_days(day, -2 * AROUND_DAYS), true)
        }))
    }

    /// The markets with prices, and their products.
    pub(super) async fn offers(&self) -> Result<Vec<Offer>, Problem> {
        let stored = self.from.prices.newest().await?;
        let settings = self.from.shown.settings();
        let rank = |product: &Product| settings.products.iter().position(|it| it == product);
        let markets = Market::KNOWN.iter().filter_map(|code| Market::parse(code).ok());
        let offers = markets.map(|market| {
            let of_market = stored.iter().filter(|row| row.market == market);
            let mut products: Vec<Product> = of_market.map(|row| row.product).collect();
            products.sort_by_key(|product| rank(product).unwrap_or(usize::MAX));
            Offer { market, products }
        });
        Ok(offers.filter(|offer| !offer.products.is_empty()).collect())
    }

    /// Prices of the local days up to `last` as a file, with a name for it.
    pub(in crate::surfaces::dashboards) async fn prices_csv(
        &self,
        asked: AskedPrices,
        last: Option<NaiveDate>,
    ) -> Result<(String, CsvInput), Problem> {
        let now = self.from.clock.now();
        let (market, product) = self.from.shown.choose(asked.market, asked.product).await?;
        let zone = market.time_zone();
        let first = match asked.first {
            Some(first) => sane(first, "from")?,
            None => add_days(local_date(now, zone), -AROUND_DAYS),
        };
        let last = match last {
            Some(last) => sane(last, "to")?,
            None => add_days(first, 2 * AROUND_DAYS),
        };
        if last < first {
            return Err(Problem::invalid("to", format!("{last} is before {first}")));
        }
        let range = days_range(first, last, zone);
        Prices::check_range(range, self.from.shown.settings().range_days_max.into())?;
        let points = self.from.prices.prices(&market, product, range).await?;
        let unit = asked.unit.unwrap_or(Unit::EurMwh);
        let money = self.money(&market, Some(unit), range.from).await?;
        if money.unit() != unit {
            let message = format!("no exchange rate is known for {first}; ask for eur or ct");
            return Err(Problem::invalid("unit", message));
        }
        let mut rows: Vec<CsvRow> = points.iter().map(|point| known(point, &market)).collect();
        if range.to > now {
            let outlook = self
                .from
                .windows
                .outlook(Some(market.clone()), Some(product), Duration::zero())
                .await?;
            rows.extend(ahead(&outlook, range));
        }
        let name = format!("luna-prices-{market}-{}-{first}-{last}.csv", product.name());
        let market = market.code().to_owned();
        Ok((name, CsvInput { market, product: product.name(), zone, money, rows }))
    }
}

/// Days of which a year has four digits: others have no prices and overflow calendars.
pub(super) fn sane(day: NaiveDate, field: &'static str) -> Result<NaiveDate, Problem> {
    if (1990..=2100).contains(&day.year()) {
        return Ok(day);
    }
    Err(Problem::invalid(field, format!("{day} is not between 1990 and 2100")))
}

fn period(market: &Market, first: NaiveDate, is_chosen: bool) -> Period {
    let last = add_days(first, 2 * AROUND_DAYS);
    Period { first, last, range: days_range(first, last, market.time_zone()), is_chosen }
}

/// A stored price as a row.
fn known(point: &PricePoint, market: &Market) -> CsvRow {
    let source = match Ingest::attribution(&point.source) {
        Some(attribution) => format!("{} ({attribution})", point.source),
        None => point.source.clone(),
    };
    CsvRow {
        ts: point.ts,
        interval_s: point.interval_s,
        price_eur_mwh: point.price_eur_mwh,
        quantiles_eur_mwh: None,
        kind: if market.is_simulated() { Kind::Simulated } else { Kind::Published },
        quality: point.quality.name(),
        known_at: point.known_at,
        source,
    }
}

/// The forecast within `range` as rows.
fn ahead(outlook: &Outlook, range: TimeRange) -> impl Iterator<Item = CsvRow> {
    let run = outlook.forecast.as_ref();
    let made: Option<(DateTime<Utc>, String)> =
        run.map(|run| (run.issued_at, format!("Luna, {}", run.model_label)));
    let is_guess = |slot: &&OutlookSlot| slot.provenance == Provenance::Forecast;
    let inside = outlook.slots.iter().filter(is_guess).filter(move |slot| range.contains(slot.ts));
    let simulated = outlook.market.is_simulated();
    inside.filter_map(move |slot| {
        let (known_at, source) = made.clone()?;
        Some(CsvRow {
            ts: slot.ts,
            interval_s: slot.interval_s,
            price_eur_mwh: slot.price_eur_mwh,
            quantiles_eur_mwh: slot.quantiles_eur_mwh,
            kind: if simulated { Kind::SimulatedForecast } else { Kind::Forecast },
            quality: "estimated",
            known_at,
            source,
        })
    })
}
