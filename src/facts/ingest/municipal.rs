//! What electricity costs in a municipality: asked when somebody wants to know, kept for a week.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Duration, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::FetchError;
use super::model::Ask;
use super::service::{Ingest, named};
use super::subject::Subject;
use crate::base::timeline::{days_range, local_date};

/// Days for which an answer is good: tariffs hold for a year.
const KEPT_DAYS: i64 = 7;
/// The first year whose tariffs are published.
const PERIOD_MIN: u16 = 2009;
/// Numbers of municipalities end here.
const NUMBER_MAX: u16 = 9_999;

/// A municipality in a year of tariffs, e.g. `261:2026` for Zürich.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Municipality {
    /// Its number in the list of the Federal Statistical Office.
    pub number: u16,
    /// The year.
    pub period: u16,
}

/// What names no municipality and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownMunicipality {
    /// The number.
    #[error(
        "is no number of the Federal Statistical Office's list of municipalities, 1 to {NUMBER_MAX}"
    )]
    Number,
    /// The year.
    #[error("is not a year of tariffs, {PERIOD_MIN} or later")]
    Period,
}

impl Municipality {
    /// The municipality of a number in a year.
    pub fn new(number: u16, period: u16) -> Result<Self, UnknownMunicipality> {
        if !(1..=NUMBER_MAX).contains(&number) {
            return Err(UnknownMunicipality::Number);
        }
        if !(PERIOD_MIN..=2_999).contains(&period) {
            return Err(UnknownMunicipality::Period);
        }
        Ok(Self { number, period })
    }
}

impl fmt::Display for Municipality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.period)
    }
}

impl FromStr for Municipality {
    type Err = UnknownMunicipality;

    fn from_str(text: &str) -> Result<Self, UnknownMunicipality> {
        let (number, period) = text.split_once(':').ok_or(UnknownMunicipality::Period)?;
        let number = number.parse().map_err(|_| UnknownMunicipality::Number)?;
        Self::new(number, period.parse().map_err(|_| UnknownMunicipality::Period)?)
    }
}

/// What a kilowatt hour costs one kind of customer of one operator, without VAT.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MunicipalTariff {
    /// Category of consumption: H1 to H8 for households, C1 to C7 for businesses.
    #[schema(example = "H4")]
    pub category: String,
    /// `standard`, or `cheapest`.
    #[schema(example = "standard")]
    pub product: String,
    /// Number of the operator.
    #[schema(example = "565")]
    pub operator_id: String,
    /// Its name.
    pub operator: Option<String>,
    /// Name of the municipality.
    pub municipality: Option<String>,
    /// Everything together, metering included, which has no part of its own.
    #[schema(example = 0.2603)]
    pub total_chf_kwh: f64,
    /// The energy.
    pub energy_chf_kwh: Option<f64>,
    /// The use of the grid.
    pub grid_chf_kwh: Option<f64>,
    /// What the municipality and the canton take.
    pub charge_chf_kwh: Option<f64>,
    /// What the Confederation takes to promote renewable energy.
    pub aidfee_chf_kwh: Option<f64>,
    /// Name of the product of energy.
    pub energy_name: Option<String>,
    /// Name of the product of the grid.
    pub grid_name: Option<String>,
}

impl MunicipalTariff {
    /// Whether all prices are the same.
    pub(super) fn has_prices_of(&self, other: &Self) -> bool {
        let prices = |it: &Self| {
            let parts = [it.energy_chf_kwh, it.grid_chf_kwh, it.charge_chf_kwh, it.aidfee_chf_kwh];
            (it.total_chf_kwh.to_bits(), parts.map(|part| part.map(f64::to_bits)))
        };
        prices(self) == prices(other)
    }
}

/// What electricity costs in a municipality in a year.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MunicipalTariffs {
    /// Number of the municipality.
    #[schema(example = 261)]
    pub municipality: u16,
    /// The year.
    #[schema(example = 2026)]
    pub period: u16,
    /// Must be shown with it.
    #[schema(example = "Quelle: ElCom")]
    pub attribution: &'static str,
    /// When the answer came.
    pub fetched_at: DateTime<Utc>,
    /// By category, product and operator; none when nothing is published.
    pub tariffs: Vec<MunicipalTariff>,
}

impl Ingest {
    /// What electricity costs in a municipality: from the archive if it was asked within a week.
    ///
    /// # Errors
    ///
    /// [`FetchError::Disabled`], and what the source or the way to it has against it.
    pub async fn municipal_tariffs(
        &self,
        of: Municipality,
    ) -> Result<MunicipalTariffs, FetchError> {
        let (settings, source) = (self.settings(), named("elcom")?);
        if !settings.enabled {
            return Err(FetchError::Disabled);
        }
        let (subject, now) = (Subject::Municipality(of), self.clock.now());
        let zone = subject.time_zone();
        let today = local_date(now, zone);
        let ask = Ask { range: days_range(today, today, zone), subject, at: now };
        let since = now - Duration::days(KEPT_DAYS);
        let known = match source.request(&settings, &ask) {
            Some(request) => self.archive.newest(source.name(), &request.url, since).await?,
            None => None,
        };
        if let Some(raw) = known {
            let payload = self.archive.payload(&raw).await?;
            if let Ok(reading) = source.read(raw.arrival.http_status, &payload, &ask) {
                return Ok(answer(of, source.attribution(), (raw.fetched_at, reading.municipal)));
            }
        }
        let (raw, payload) = self.ask(source, &settings, &ask).await?;
        self.take(source, (&raw, &ask), &payload, now).await?;
        let reading = source.read(raw.arrival.http_status, &payload, &ask)?;
        Ok(answer(of, source.attribution(), (now, reading.municipal)))
    }

    /// The year whose tariffs hold now.
    pub fn period(&self) -> u16 {
        let year = local_date(self.clock.now(), Tz::Europe__Zurich).year();
        u16::try_from(year).unwrap_or_default()
    }
}

fn answer(
    of: Municipality,
    attribution: &'static str,
    (fetched_at, tariffs): (DateTime<Utc>, Vec<MunicipalTariff>),
) -> MunicipalTariffs {
    let Municipality { number: municipality, period } = of;
    MunicipalTariffs { municipality, period, attribution, fetched_at, tariffs }
}
