//! Storing what a kilowatt hour costs at home, and what is known of it when it is decided whether to ask.

use chrono::{DateTime, NaiveTime, Utc};

use super::error::FetchError;
use super::model::{FetchReport, TariffPrices};
use super::service::Ingest;
use super::subject::Subject;
use super::timing::{Known, Rhythm};
use crate::base::timeline::{TimeRange, local_date};
use crate::facts::tariffs::Filled;
use crate::facts::tariffs::Published;
use crate::facts::tariffs::TariffId;

impl Ingest {
    /// Fills days that have begun without prices from the standard tariff, where that holds then.
    pub async fn apply_fallbacks(&self) -> Result<Vec<Filled>, FetchError> {
        Ok(self.tariffs.apply_fallbacks(self.clock.now()).await?)
    }

    /// Days of history that a box without values of `subject` asks for.
    pub(super) fn history_days(&self, subject: &Subject) -> u16 {
        let settings = self.settings();
        match subject {
            Subject::Tariff(_) => settings.tariffs.history_days,
            // The file begins yesterday at noon; what was before comes with the days behind. What was
            // forecast earlier is gone.
            Subject::Station(_) | Subject::LocalForecast(_) => 0,
            _ => settings.history_days,
        }
    }

    /// Adds to `known` how a tariff is published and what is stored of it.
    pub(super) async fn know_tariff(
        &self,
        id: &TariffId,
        known: &mut Known,
    ) -> Result<(), FetchError> {
        let preset = self.tariffs.preset(id)?;
        known.rhythm = Rhythm::of_tariff(preset.tariff.publishes_at.unwrap_or(NaiveTime::MIN));
        let days = [local_date(known.now, known.zone), known.expected()];
        let (newest, [has_today, has_next]) = self.tariffs.known_days(&preset, days).await?;
        known.newest = newest;
        known.is_complete = has_today && (has_next || !known.expects_next());
        Ok(())
    }

    /// Stores the prices of an answer that came at `came_at`, and adds what became of them to `report`.
    pub(super) async fn put_tariff(
        &self,
        (id, range): (&TariffId, TimeRange),
        (tariff, came_at): (TariffPrices, DateTime<Utc>),
        report: &mut FetchReport,
    ) -> Result<(), FetchError> {
        let TariffPrices { quotes, published_at, base_chf_month } = tariff;
        let published = Published { range, quotes, published_at, came_at, base_chf_month };
        let taken = self.tariffs.take(id, &published).await?;
        report.values += taken.prices;
        report.newest = report.newest.max(taken.newest);
        report.stored = report.stored.plus(taken.stored.into());
        report.findings.extend(taken.findings);
        Ok(())
    }
}
