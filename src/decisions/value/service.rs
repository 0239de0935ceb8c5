//! What is compared with what: forecasts with truth, a dynamic tariff with a standard one.

use super::market::{self, Day, mae, market_value};
use super::model::{Asked, BASELINE, BATTERY_S, DeviceView, TariffValue, Value};
use super::money::{Costs, costs, francs, of_day, view};
use crate::base::timeline::TimeRange;
use crate::facts::tariffs::TariffError;
use crate::facts::tariffs::TariffId;
use crate::facts::tariffs::TariffSlot;
use crate::facts::tariffs::Tariffs;
use crate::learning::accuracy::Accuracy;
use crate::learning::accuracy::AccuracyError;
use crate::learning::accuracy::Asked as AskedAccuracy;
use crate::learning::accuracy::Evidence;

/// The country whose tariffs are known.
const COUNTRY: &str = "CH";
/// The tariff that is looked for when nobody says one.
const DYNAMIC: &str = "ekz:400D";
/// What it is compared with.
const STANDARD: &str = "ekz:400ST";
/// Kind of the tariffs that are worth following.
const KIND: &str = "dynamic";

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// Forecasts could not be held against prices.
    #[error(transparent)]
    Accuracy(#[from] AccuracyError),
    /// A tariff that was asked for is not known, or could not be read.
    #[error(transparent)]
    Tariff(#[from] TariffError),
}

/// What following the forecasts was worth.
#[derive(Clone)]
pub struct Values {
    accuracy: Accuracy,
    tariffs: Tariffs,
}

/// A tariff with its prices.
struct Priced {
    id: TariffId,
    name: String,
    fallback: Option<TariffId>,
    attribution: String,
    slots: Vec<TariffSlot>,
}

/// The tariffs of a comparison, or why there is none.
type Pair = Result<(Priced, Option<Priced>), String>;

impl Values {
    /// The value of these forecasts on these tariffs.
    pub const fn new(accuracy: Accuracy, tariffs: Tariffs) -> Self {
        Self { accuracy, tariffs }
    }

    /// What following the forecasts of `asked` was worth.
    pub async fn value(&self, asked: &Asked) -> Result<Value, ValueError> {
        let look = AskedAccuracy::newest(asked.market.clone(), asked.product, asked.days);
        let evidence = self.accuracy.evidence(&look, None).await?;
        self.value_of(asked, &evidence).await
    }

    /// The same from forecasts of all lead days that were held against prices already.
    pub async fn value_of(&self, asked: &Asked, evidence: &Evidence) -> Result<Value, ValueError> {
        let Asked { market, product, device, .. } = asked;
        let days = market::days(evidence);
        let by_lead = days
            .iter()
            .filter_map(|(lead_day, days)| market_value(*lead_day, days, device.duration_s()));
        let by_lead: Vec<_> = by_lead.collect();
        let followed = days.get(&asked.lead_day).map(Vec::as_slice).unwrap_or_default();
        let (tariff, tariff_missing) = match self.pair(asked, evidence).await? {
            Err(why) => (None, Some(why)),
            Ok(_) if followed.is_empty() => {
                let lead_day = asked.lead_day;
                (
                    None,
                    Some(format!(
                        "No whole day has been forecast at lead day {lead_day} and scored yet; the comparison begins with the first."
                    )),
                )
            }
            Ok((dynamic, standard)) => {
                let value = compared(asked, evidence, followed, (&dynamic, standard.as_ref()));
                let none = "There is no day yet with forecasts and with prices of the tariffs.";
                let missing = value.is_none().then(|| none.to_owned());
                (value, missing)
            }
        };
        Ok(Value {
            series: market.price_series(*product),
            market: market.clone(),
            product: *product,
            simulated: market.is_simulated(),
            first_day: evidence.first_day,
            last_day: evidence.last_day,
            device: DeviceView {
                power_kw: device.power_w as f64 / 1_000.0,
                hours: device.hours,
                energy_kwh: device.energy_kwh(),
                usual_start: device.usual_start.format("%H:%M").to_string(),
                battery_hours: BATTERY_S / 3_600,
            },
            baseline: BASELINE,
            by_lead,
            tariff,
            tariff_missing,
        })
    }

    /// The tariffs to compare.
    async fn pair(&self, asked: &Asked, evidence: &Evidence) -> Result<Pair, ValueError> {
        if asked.market.country() != COUNTRY && !asked.market.is_simulated() {
            let why = "Tariffs are known for Switzerland alone; ask with market=CH.";
            return Ok(Err(why.to_owned()));
        }
        let range = evidence.range;
        let candidates = match &asked.tariff {
            Some(id) => vec![id.clone()],
            None => self.candidates().await?,
        };
        let mut found = None;
        for id in candidates {
            let priced = self.priced(&id, range, asked.tariff.is_none()).await?;
            if let Some(priced) = priced.filter(|priced| !priced.slots.is_empty()) {
                found = Some(priced);
                break;
            }
        }
        let Some(dynamic) = found else {
            let id = asked.tariff.as_ref().map_or(DYNAMIC, TariffId::as_str);
            return Ok(Err(format!(
                "No prices of {id} are stored for these days: set tariffs.active = [\"{id}\", \
                 \"{STANDARD}\"] in the settings, and they are fetched."
            )));
        };
        let standard = asked.standard.clone().or_else(|| dynamic.fallback.clone());
        let standard = standard.or_else(|| TariffId::parse(STANDARD).ok());
        let standard = match standard {
            Some(id) => self.priced(&id, range, false).await?,
            None => None,
        };
        Ok(Ok((dynamic, standard.filter(|priced| !priced.slots.is_empty()))))
    }

    /// The household's tariff, then the active ones, then the one that is known best.
    async fn candidates(&self) -> Result<Vec<TariffId>, ValueError> {
        let home = self.tariffs.home().await?.map(|tariff| tariff.id);
        let settings = self.tariffs.settings();
        let active = settings.active.iter().filter_map(|id| TariffId::parse(id).ok());
        let known = TariffId::parse(DYNAMIC).ok();
        let mut all: Vec<TariffId> = Vec::new();
        for id in home.into_iter().chain(active).chain(known) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        Ok(all)
    }

    /// A tariff with its prices in `range`; absent when it must be a dynamic one and is none.
    async fn priced(
        &self,
        id: &TariffId,
        range: TimeRange,
        must_be_dynamic: bool,
    ) -> Result<Option<Priced>, ValueError> {
        let tariff = match self.tariffs.tariff(id).await {
            Ok(tariff) => tariff,
            // A file that has not been imported yet.
            Err(TariffError::Unknown { .. }) if must_be_dynamic => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if must_be_dynamic && tariff.kind.name() != KIND {
            return Ok(None);
        }
        let slots = self.tariffs.prices(&tariff.id, range).await?;
        Ok(Some(Priced {
            id: tariff.id,
            name: tariff.name,
            fallback: tariff.fallback,
            attribution: tariff.attribution,
            slots,
        }))
    }
}

/// The days of `followed` that have prices of both tariffs; absent without any.
fn compared(
    asked: &Asked,
    evidence: &Evidence,
    followed: &[Day],
    (dynamic, standard): (&Priced, Option<&Priced>),
) -> Option<TariffValue> {
    let zone = asked.market.time_zone();
    let counted: Vec<(&Day, Costs)> = followed
        .iter()
        .filter_map(|day| {
            let prices = of_day(&dynamic.slots, day, zone)?;
            let standard = match standard {
                Some(standard) => Some(of_day(&standard.slots, day, zone)?),
                None => None,
            };
            Some((day, costs(day, &prices, standard.as_ref(), &asked.device, zone)?))
        })
        .collect();
    if counted.is_empty() {
        return None;
    }
    let sum = |of: fn(&Costs) -> i64| counted.iter().map(|(_, costs)| of(costs)).sum::<i64>();
    let (paid, perfect, usual) = (sum(|it| it.followed), sum(|it| it.perfect), sum(|it| it.usual));
    let standards = standard.map(|_| {
        let both = counted.iter().filter_map(|(_, costs)| costs.standard);
        both.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    });
    let all_days = evidence.days().count();
    Some(TariffValue {
        tariff: dynamic.id.clone(),
        tariff_name: dynamic.name.clone(),
        standard: standard.map(|it| it.id.clone()),
        standard_name: standard.map(|it| it.name.clone()),
        attribution: dynamic.attribution.clone(),
        lead_day: asked.lead_day,
        n_days: counted.len(),
        days_without_forecast: all_days - followed.len(),
        days_without_prices: followed.len() - counted.len(),
        stand_in_days: counted.iter().filter(|(_, costs)| costs.is_stand_in).count(),
        mae_eur_mwh: mae(counted.iter().map(|(day, _)| *day)),
        followed_chf: francs(paid),
        perfect_chf: francs(perfect),
        usual_chf: francs(usual),
        standard_chf: standards.map(|(usual, _)| francs(usual)),
        standard_best_chf: standards.map(|(_, best)| francs(best)),
        saved_vs_standard_chf: standards.map(|(usual, _)| francs(usual - paid)),
        saved_vs_usual_chf: francs(usual - paid),
        missed_chf: francs(paid - perfect),
        battery_chf: francs(sum(|it| it.battery)),
        battery_perfect_chf: francs(sum(|it| it.battery_perfect)),
        days: counted.iter().map(|(day, costs)| view(day, costs)).collect(),
    })
}
