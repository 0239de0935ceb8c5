//! The rates that are stored, or the one that is set by hand.

use chrono::{Duration, NaiveDate};
use chrono_tz::Tz;

use super::model::{Origin, RateTable};
use crate::base::timeline::{AsOf, Clock, add_days, days_range, local_date};
use crate::facts::market;
use crate::facts::series::Observations;
use crate::facts::series::SeriesError;
use crate::platform::runtime::Live;

/// Series of the daily reference rates, francs for one euro.
const SERIES: &str = "fx:EUR:CHF";
/// Where a day of the rates begins: reference rates are fixed in Frankfurt, on the clocks of Zürich.
const ZONE: Tz = Tz::Europe__Zurich;
/// How far behind the first day a rate may lie: a source that was away for long leaves an old rate,
/// which is shown with its date, rather than none.
const LOOKBACK_DAYS: i64 = 400;

/// What a euro is worth in francs.
#[derive(Clone)]
pub struct Rates {
    observations: Observations,
    settings: Live<market::Settings>,
    clock: Clock,
}

impl Rates {
    /// Rates of these series, unless the settings name one.
    pub fn new(
        observations: Observations,
        settings: impl Into<Live<market::Settings>>,
        clock: Clock,
    ) -> Self {
        Self { observations, settings: settings.into(), clock }
    }

    /// Francs for one euro on the local days `first..=last`, as known now; `None` when nobody knows.
    ///
    /// A rate that is set by hand wins: whoever sets it wants it used.
    pub async fn eur_chf(
        &self,
        (first, last): (NaiveDate, NaiveDate),
    ) -> Result<Option<RateTable>, SeriesError> {
        if let Some(rate) = self.settings.get().eur_chf_manual {
            return Ok(Some(RateTable::manual(rate)));
        }
        let Some(spec) = self.observations.spec(SERIES).await? else { return Ok(None) };
        let mut range = days_range(add_days(first, -LOOKBACK_DAYS), last, ZONE);
        // A rate of a day may be stored from the start of that day in UTC, which is later here.
        range.to += Duration::hours(3);
        let now = AsOf(self.clock.now());
        let values = self.observations.values_as_of(SERIES, range, now).await?;
        let rates: Vec<(NaiveDate, f64)> = values
            .into_iter()
            .map(|(ts, rate)| (local_date(ts, ZONE), rate))
            .filter(|(day, _)| *day <= last)
            .collect();
        let origin = Origin::Published { source: spec.source, attribution: spec.attribution };
        Ok(RateTable::published(origin, &rates))
    }
}
