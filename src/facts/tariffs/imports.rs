//! Storing an operator's yearly file as a tariff of its own.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;

use super::model::{Component, Kind, Quote, Tariff, TariffId, TariffPrice};
use super::presets::FILE;
use super::service::{TariffError, Tariffs};
use super::yearly::{YearError, YearTariff, parse, quotes};
use crate::access::audit::{By, Event};
use crate::base::timeline::{day_range, local_date};
use crate::facts::market::Quality;

/// Where the days of Swiss tariffs begin.
const ZONE: Tz = Tz::Europe__Zurich;
/// Until when operators publish the tariffs of the next year, month and day (`StromVV` Art. 10).
const PUBLISHED_BY: (u32, u32) = (8, 31);

/// What of a file is to be stored, and as what.
#[derive(Debug, Clone, Default)]
pub struct YearOptions {
    /// Second half of the identifier, `file:<name>`.
    pub name: String,
    /// Names of the tariffs in the file; without any the only ones of each component.
    pub tariffs: Vec<String>,
    /// First local day; the first of the file unless said.
    pub from: Option<NaiveDate>,
    /// Last local day; the last of the file unless said.
    pub to: Option<NaiveDate>,
    /// Whether it is only read.
    pub dry_run: bool,
}

/// One tariff of a file that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// Its name in the file.
    pub name: String,
    /// What it is the price of.
    pub component: Component,
    /// First local day on which it holds.
    pub first: NaiveDate,
    /// Last one.
    pub last: NaiveDate,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct YearReport {
    /// Identifier of the tariff.
    pub tariff: TariffId,
    /// Whose file it is.
    pub operator: String,
    /// The tariffs of the file that make it up.
    pub chosen: Vec<Chosen>,
    /// Prices by quarter hour and component.
    pub prices: u64,
    /// Prices that are new or replaced another.
    pub stored: u64,
    /// Prices that were stored already.
    pub unchanged: u64,
    /// Monthly fee without VAT, in CHF.
    pub base_chf_month: Option<f64>,
    /// Sentences worth reading.
    pub notes: Vec<String>,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
}

impl Tariffs {
    /// Reads an operator's yearly file and stores the chosen tariffs as `file:<name>`.
    ///
    /// Every quarter hour must have exactly one price of each chosen component. Importing a file again
    /// changes nothing.
    pub async fn import_year(
        &self,
        bytes: &[u8],
        options: &YearOptions,
        by: &By,
    ) -> Result<YearReport, TariffError> {
        let file = parse(bytes)?;
        let id = TariffId::parse(&format!("{FILE}:{}", options.name));
        let id = id.map_err(|_| YearError::Name(options.name.clone()))?;
        let chosen = file.choose(&options.tariffs)?;
        let first = options.from.or_else(|| chosen.iter().map(|one| one.first).min());
        let last = options.to.or_else(|| chosen.iter().map(|one| one.last).max());
        let days = first.zip(last).unwrap_or_default();
        let quotes = quotes(&chosen, days, ZONE)?;
        let mut notes: Vec<String> = chosen.iter().flat_map(|one| one.notes.clone()).collect();
        for component in [Component::Electricity, Component::Grid] {
            if quotes.iter().all(|quote| quote.component != component) {
                let name = component.name();
                notes.push(format!("without a price for {name} there is no total"));
            }
        }
        let base_chf_month =
            chosen.iter().filter_map(|one| one.base_chf_month).reduce(|sum, base| sum + base);
        let tariff = Tariff {
            id: id.clone(),
            name: options.name.clone(),
            operator: file.operator.clone(),
            kind: Kind::File,
            time_zone: ZONE,
            vat_percent: self.settings().vat_percent,
            base_chf_month,
            publishes_at: None,
            has_integrated: false,
            fallback: None,
            attribution: file.operator.clone(),
        };
        let now = self.now();
        let prices: Vec<TariffPrice> =
            quotes.iter().map(|quote| price(quote, &chosen, &id, now)).collect();
        let mut report = YearReport {
            tariff: id.clone(),
            operator: file.operator.clone(),
            chosen: chosen.iter().map(|one| Chosen::of(one)).collect(),
            prices: prices.len() as u64,
            stored: 0,
            unchanged: 0,
            base_chf_month,
            notes,
            dry_run: options.dry_run,
        };
        if !options.dry_run {
            let order = json!({"operator": report.operator, "chosen": report.chosen,
                "prices": report.prices});
            let event = Event::new("tariff.import", ("tariff", &id)).after(&order);
            self.audit().note(by, event).await?;
            let stored = self.put(&tariff, &prices).await?;
            report.stored = stored.inserted + stored.replaced;
            report.unchanged = stored.unchanged;
        }
        Ok(report)
    }
}

impl Chosen {
    fn of(one: &YearTariff) -> Self {
        let YearTariff { name, component, first, last, .. } = one;
        Self { name: name.clone(), component: *component, first: *first, last: *last }
    }
}

/// A price of a file as known when the law wants it published, or now when that is earlier.
fn price(quote: &Quote, chosen: &[&YearTariff], id: &TariffId, now: DateTime<Utc>) -> TariffPrice {
    let day = local_date(quote.ts, ZONE);
    let holds = |one: &&&YearTariff| {
        one.component == quote.component && (one.first..=one.last).contains(&day)
    };
    let first = chosen.iter().find(holds).map_or(day, |one| one.first);
    let (month, of_month) = PUBLISHED_BY;
    let published = match (first.month(), first.day()) {
        (1, 1) => NaiveDate::from_ymd_opt(first.year() - 1, month, of_month).unwrap_or(first),
        _ => first,
    };
    TariffPrice {
        ts: quote.ts,
        component: quote.component,
        price_chf_kwh: quote.price_chf_kwh,
        quality: Quality::Ok,
        known_at: day_range(published, ZONE).from.min(now),
        known_at_assumed: true,
        source: id.as_str().to_owned(),
        is_in_time: true,
    }
}
