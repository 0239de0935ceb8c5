//! What the pages about forecasts show: errors, value, and one day next to what came.

use chrono::NaiveDate;

use super::Gather;
use super::prices::sane;
use crate::base::ids::{Market, Product};
use crate::decisions::value::Asked as AskedValue;
use crate::decisions::value::Device;
use crate::learning::accuracy::Asked;
use crate::platform::web::Problem;
use crate::surfaces::dashboards::forecast::{DayInput, ForecastInput};

/// Choices of the look back, in days; the first one is shown unless said.
const DAYS: [i64; 3] = [30, 90, 365];
/// Lead days that can be chosen.
const LEADS: std::ops::RangeInclusive<i16> = 1..=7;

/// Which forecasts somebody wants to see judged; what is not said is chosen.
#[derive(Debug, Clone)]
pub struct AskedForecast {
    /// Market.
    pub market: Option<Market>,
    /// Product.
    pub product: Option<Product>,
    /// Local days of delivery to look back.
    pub days: Option<i64>,
    /// Lead day.
    pub lead_day: Option<i16>,
}

impl AskedForecast {
    fn lead_day(&self) -> Result<i16, Problem> {
        let lead_day = self.lead_day.unwrap_or(1);
        if LEADS.contains(&lead_day) {
            return Ok(lead_day);
        }
        Err(Problem::invalid("lead", format!("{lead_day} is not between 1 and 7")))
    }
}

impl Gather {
    /// Everything the page about forecasts shows.
    pub(in crate::surfaces::dashboards) async fn forecast(
        &self,
        asked: AskedForecast,
    ) -> Result<ForecastInput, Problem> {
        let days = asked.days.unwrap_or(DAYS[0]);
        if !(1..=400).contains(&days) {
            return Err(Problem::invalid("days", format!("{days} is not between 1 and 400")));
        }
        let lead_day = asked.lead_day()?;
        let (market, product) = self.from.shown.choose(asked.market, asked.product).await?;
        let look = Asked::newest(market.clone(), product, days);
        // Errors and value are of the same forecasts: they are read once.
        let evidence = self.from.accuracy.evidence(&look, None).await?;
        let report = self.from.accuracy.report_of(&evidence, days, lead_day).await?;
        let device = Device::default();
        let (tariff, standard) = (None, None);
        let asked = AskedValue {
            market: market.clone(),
            product,
            days,
            lead_day,
            device,
            tariff,
            standard,
        };
        let value = self.from.values.value_of(&asked, &evidence).await?;
        let offers = self.offers().await?;
        Ok(ForecastInput { zone: market.time_zone(), report, value, offers, choices: DAYS })
    }

    /// One day's forecast next to what came.
    pub(in crate::surfaces::dashboards) async fn forecast_day(
        &self,
        asked: AskedForecast,
        day: NaiveDate,
    ) -> Result<DayInput, Problem> {
        let (lead_day, day) = (asked.lead_day()?, sane(day, "date")?);
        let (market, product) = self.from.shown.choose(asked.market, asked.product).await?;
        let look = Asked { market: market.clone(), product, days: 1, last_day: Some(day) };
        let evidence = self.from.accuracy.evidence(&look, Some(lead_day)).await?;
        let case = self.from.accuracy.case(&evidence, day, lead_day).await?;
        Ok(DayInput {
            zone: market.time_zone(),
            market,
            product,
            lead_day,
            day,
            rows: evidence.rows,
            case,
        })
    }
}
