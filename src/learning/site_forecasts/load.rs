//! What forecasts of a meter are made of: readings, calendar, place, forecasts of the weather.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::error::SiteForecastError;
use super::service::SiteForecasts;
use crate::algorithms::forecasting::site::AHEAD;
use crate::algorithms::forecasting::site::Calendar;
use crate::algorithms::forecasting::site::DAYS_LEARNED;
use crate::algorithms::forecasting::site::History;
use crate::algorithms::forecasting::site::Kind;
use crate::algorithms::forecasting::site::PAST_DAYS;
use crate::algorithms::forecasting::site::Place;
use crate::algorithms::forecasting::site::QUARTER_S;
use crate::algorithms::forecasting::site::Site;
use crate::algorithms::forecasting::site::Version;
use crate::base::ids::Market;
use crate::base::timeline::TimeRange;
use crate::facts::holidays;
use crate::facts::holidays::Holiday;
use crate::facts::meters::Meter;
use crate::facts::meters::QuarterVersion;

/// Hours of weather forecasts without which models do not look at them.
const WEATHER_HOURS_MIN: usize = 28 * 24;
/// Quarter hours of a day.
const DAY: i64 = 96;

/// Readings of a meter with everything that was known around them.
pub(super) struct Loaded {
    meter: Meter,
    zone: Tz,
    range: TimeRange,
    quarters: Vec<QuarterVersion>,
    temperature: Option<History>,
    radiation: Option<History>,
}

impl SiteForecasts {
    /// What is known of a meter for forecasts from `from` to `to`.
    pub(super) async fn loaded(
        &self,
        meter: Meter,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Loaded, SiteForecastError> {
        let zone = zone_of(Some(&meter));
        let begin = from - Duration::days(DAYS_LEARNED + PAST_DAYS);
        let range = TimeRange::new(begin, to + Duration::seconds((AHEAD + DAY) * QUARTER_S));
        let quarters = self.needs.meters.quarters(&meter.meter_id, range).await?;
        let market = market_of(zone);
        let temperature = self.weather("temperature", market.as_ref(), range).await?;
        let radiation = self.weather("solar_radiation", market.as_ref(), range).await?;
        Ok(Loaded { meter, zone, range, quarters, temperature, radiation })
    }

    /// Hourly forecasts of one variable; absent where too few were kept to learn from.
    async fn weather(
        &self,
        variable: &str,
        market: Option<&Market>,
        range: TimeRange,
    ) -> Result<Option<History>, SiteForecastError> {
        let Some(market) = market else { return Ok(None) };
        let (name, observations) = (format!("{variable}:{market}"), &self.needs.observations);
        let Some(spec) = observations.spec(&name).await? else { return Ok(None) };
        let values = observations.history(&name, range).await?;
        // What was measured is known too late to forecast from.
        let ahead: Vec<Version> = values
            .into_iter()
            .filter(|(ts, known_at, _)| known_at < ts)
            .map(|(ts, known_at, value)| Version {
                start_s: ts.timestamp(),
                known_s: known_at.timestamp(),
                value: single(value),
            })
            .collect();
        let hours: BTreeSet<i64> = ahead.iter().map(|it| it.start_s.div_euclid(3_600)).collect();
        let enough = hours.len() >= WEATHER_HOURS_MIN;
        Ok(enough.then(|| History::new(spec.resolution_s.into(), &ahead)))
    }
}

impl Loaded {
    /// The kinds of forecasts that the meter has readings for.
    pub fn kinds(&self) -> Vec<Kind> {
        let takes = self.quarters.iter().any(|it| it.consumption_kw.is_some_and(|kw| kw > 0.0));
        let gives = self.quarters.iter().any(|it| it.production_kw.is_some_and(|kw| kw > 0.0));
        let kinds = [(Kind::Load, takes), (Kind::Pv, gives)];
        kinds.into_iter().filter(|(_, has)| *has).map(|(kind, _)| kind).collect()
    }

    /// Name of the meter.
    pub fn meter_id(&self) -> &str {
        &self.meter.meter_id
    }

    /// Zone of the meter's days.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// One kind's site, with nights if nothing was made in them as of an instant.
    pub fn site(&self, kind: Kind, place: Place, as_of: DateTime<Utc>) -> Site {
        let version = |it: &QuarterVersion| {
            let power = match kind {
                Kind::Load => it.consumption_kw,
                Kind::Pv => it.production_kw,
            };
            Version {
                start_s: it.ts.timestamp(),
                known_s: it.known_at.timestamp(),
                value: power.map_or(f32::NAN, single),
            }
        };
        let versions: Vec<Version> = self.quarters.iter().map(version).collect();
        let (from, to) = (self.range.from.timestamp(), self.range.to.timestamp());
        let (from, to) = (from.div_euclid(QUARTER_S), to.div_euclid(QUARTER_S) + 1);
        let country = market_of(self.zone).map_or("", |market| market.country());
        let day_kind = |date: NaiveDate| match holidays::kind(country, date) {
            Holiday::None => 0,
            Holiday::Bridge => 1,
            Holiday::Public => 2,
        };
        let calendar = match kind {
            Kind::Load => Calendar::new(from, to, self.zone, &day_kind),
            Kind::Pv => Calendar::new(from, to, Tz::UTC, &|_| 0),
        };
        let mut site = Site {
            kind,
            power: History::new(QUARTER_S, &versions),
            calendar,
            place,
            temperature: self.temperature.clone(),
            radiation: self.radiation.clone(),
            nights: false,
        };
        site.nights = kind == Kind::Pv && site.is_dark_at_night(as_of.timestamp());
        site
    }
}

/// Zone of a meter's days.
pub(super) fn zone_of(meter: Option<&Meter>) -> Tz {
    meter.and_then(|meter| meter.time_zone.parse().ok()).unwrap_or(Tz::UTC)
}

/// The market whose weather and holidays hold where clocks show this zone's time.
fn market_of(zone: Tz) -> Option<Market> {
    let code = match zone {
        Tz::Europe__Zurich | Tz::Europe__Vaduz => "CH",
        Tz::Europe__Berlin | Tz::Europe__Luxembourg => "DE-LU",
        Tz::Europe__Vienna => "AT",
        Tz::Europe__Paris => "FR",
        Tz::Europe__Rome => "IT-NORTH",
        _ => return None,
    };
    Market::parse(code).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "features are single precision")]
const fn single(value: f64) -> f32 {
    value as f32
}
