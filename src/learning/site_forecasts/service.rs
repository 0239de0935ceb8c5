//! Fits models of meters, issues forecasts, hands out what was published.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use uuid::Uuid;

use super::error::SiteForecastError;
use super::load::Loaded;
use super::model::{
    PeakChance, Peaks, PublishedForecast, SiteDetail, SiteNote, SitePoint, SiteScore, Used,
    series_of,
};
use super::settings::Settings;
use super::store::{self, StoredModel};
use crate::algorithms::forecasting::QUANTILES;
use crate::algorithms::forecasting::site::DAYS_MIN;
use crate::algorithms::forecasting::site::Kind;
use crate::algorithms::forecasting::site::PAST_DAYS;
use crate::algorithms::forecasting::site::PeakDay;
use crate::algorithms::forecasting::site::PeakModel;
use crate::algorithms::forecasting::site::Place;
use crate::algorithms::forecasting::site::QUARTER_S;
use crate::algorithms::forecasting::site::Site;
use crate::algorithms::forecasting::site::SiteError;
use crate::algorithms::forecasting::site::SiteForecast;
use crate::algorithms::forecasting::site::SiteModel;
use crate::base::timeline::Clock;
use crate::base::timeline::local_date;
use crate::facts::meters::Meter;
use crate::facts::meters::Meters;
use crate::facts::series::Observations;
use crate::learning::prediction::Published;
use crate::learning::prediction::SeriesRun;
use crate::learning::prediction::SeriesValue;
use crate::platform::db::Db;
use crate::platform::objects::sha256_hex;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::Live;

/// Seconds of a quarter hour, as intervals are stored.
const INTERVAL_S: i32 = 900;
/// Days over which the accuracy of published forecasts is told.
const ACCURACY_DAYS: i64 = 30;
/// A forecast on readings that ended longer ago says so.
const STALE_HOURS: i64 = 24;

/// What forecasts of meters need.
#[derive(Clone)]
pub struct SiteNeeds {
    /// The database.
    pub db: Db,
    /// Readings.
    pub meters: Meters,
    /// Forecasts of the weather.
    pub observations: Observations,
    /// Where forecasts are published.
    pub published: Published,
    /// Threads for heavy work.
    pub pool: CpuPool,
    /// The present.
    pub clock: Clock,
    /// The section of the settings.
    pub settings: Live<Settings>,
}

/// Forecasts of meters. Cloning is cheap.
#[derive(Clone)]
pub struct SiteForecasts {
    pub(super) needs: Arc<SiteNeeds>,
}

/// What a computation brings.
struct Computed {
    model: SiteModel,
    /// Whether the model is new.
    is_new: bool,
    forecast: SiteForecast,
    peaks: Vec<PeakDay>,
    uses: Vec<Used>,
    known_until: DateTime<Utc>,
    inputs_hash: String,
    has_nights: bool,
}

impl SiteForecasts {
    /// Forecasts from these facts.
    pub fn new(needs: SiteNeeds) -> Self {
        Self { needs: Arc::new(needs) }
    }

    /// Forecasts the coming week of one kind of a meter and publishes that; fits a model first where
    /// there is none.
    pub async fn issue(
        &self,
        meter: &Meter,
        kind: Kind,
    ) -> Result<PublishedForecast, SiteForecastError> {
        let now = self.needs.clock.now();
        let loaded = Arc::new(self.loaded(meter.clone(), now, now).await?);
        self.issue_from(&loaded, kind, false).await
    }

    /// The same for every kind that the meter has readings for, each with what came of it; with
    /// `anew` models are fitted anew.
    pub async fn issue_all(
        &self,
        meter: &Meter,
        anew: bool,
    ) -> Result<Vec<(Kind, Result<PublishedForecast, SiteForecastError>)>, SiteForecastError> {
        let now = self.needs.clock.now();
        let loaded = Arc::new(self.loaded(meter.clone(), now, now).await?);
        let mut all = Vec::new();
        for kind in loaded.kinds() {
            all.push((kind, self.issue_from(&loaded, kind, anew).await));
        }
        Ok(all)
    }

    async fn issue_from(
        &self,
        loaded: &Arc<Loaded>,
        kind: Kind,
        anew: bool,
    ) -> Result<PublishedForecast, SiteForecastError> {
        let (now, series) = (self.needs.clock.now(), series_of(kind, loaded.meter_id()));
        let stored = store::model(&mut *self.needs.db.conn().await?, &series).await?;
        let fitted_at = stored.as_ref().filter(|_| !anew).map(|model| model.fitted_at);
        let artifact = stored.filter(|_| !anew).map(|model| model.artifact);
        let (of, place) = (Arc::clone(loaded), self.place());
        let work = move || compute(&of.site(kind, place, now), now, artifact.as_deref());
        let computed = self.needs.pool.run("site_forecast", work).await?;
        let computed =
            computed.map_err(|error| SiteForecastError::of(error, loaded.meter_id(), kind))?;
        if computed.is_new {
            self.keep(loaded.meter_id(), kind, &computed.model, now).await?;
        }
        let fitted_at = fitted_at.filter(|_| !computed.is_new).unwrap_or(now);
        let detail = detail(&computed, loaded, (kind, fitted_at), now);
        let run = SeriesRun {
            run_id: Uuid::now_v7(),
            series,
            model_label: computed.model.label().to_owned(),
            issued_at: now,
            known_until: computed.known_until,
            inputs_hash: computed.inputs_hash,
            detail: json!(detail),
            score: None,
            scored_at: None,
        };
        let values = values(&computed.forecast, now);
        self.needs.published.put(&run, &values).await?;
        tracing::info!(series = %run.series, model = %run.model_label, "Issued a forecast of {}", run.series);
        self.whole(run, values).await
    }

    /// Where the meters are.
    pub(super) fn place(&self) -> Place {
        self.needs.settings.get().place()
    }

    async fn keep(
        &self,
        meter_id: &str,
        kind: Kind,
        model: &SiteModel,
        now: DateTime<Utc>,
    ) -> Result<(), SiteForecastError> {
        let stored = StoredModel {
            series: series_of(kind, meter_id),
            meter_id: meter_id.to_owned(),
            kind: kind.name().to_owned(),
            label: model.label().to_owned(),
            fitted_at: now,
            report: json!(model.report),
            artifact: model.to_bytes(),
        };
        store::put_model(&mut *self.needs.db.conn().await?, &stored).await?;
        Ok(())
    }

    /// The forecast of a meter that was the newest at `as_of`, as it was published; the newest of all
    /// unless said.
    ///
    /// # Errors
    /// Where there is none, with what is missing.
    pub async fn latest(
        &self,
        meter: &Meter,
        kind: Kind,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<PublishedForecast, SiteForecastError> {
        let series = series_of(kind, &meter.meter_id);
        let Some(run) = self.needs.published.latest(&series, as_of).await? else {
            return Err(self.missing(meter, kind, as_of).await?);
        };
        let values = self.needs.published.values(run.run_id).await?;
        self.whole(run, values).await
    }

    /// Why there is no forecast.
    async fn missing(
        &self,
        meter: &Meter,
        kind: Kind,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<SiteForecastError, SiteForecastError> {
        let series = series_of(kind, &meter.meter_id);
        if let Some(as_of) = as_of {
            let when = format!("issued by {as_of}");
            return Ok(SiteForecastError::None { series, when });
        }
        let now = self.needs.clock.now();
        let loaded = self.loaded(meter.clone(), now, now).await?;
        let days = loaded.site(kind, self.place(), now).known_days(now.timestamp());
        if days < DAYS_MIN {
            let short = SiteError::TooShort { days };
            return Ok(SiteForecastError::of(short, &meter.meter_id, kind));
        }
        let when = if self.needs.settings.get().is_on {
            "yet; one is made every hour, of meters that were read within two days".to_owned()
        } else {
            "because site_forecasts.is_on is false".to_owned()
        };
        Ok(SiteForecastError::None { series, when })
    }

    async fn whole(
        &self,
        run: SeriesRun,
        values: Vec<SeriesValue>,
    ) -> Result<PublishedForecast, SiteForecastError> {
        let since = self.needs.clock.now() - Duration::days(ACCURACY_DAYS);
        let scores = self.needs.published.scores(&run.series, since).await?;
        let scores = scores.into_iter().filter_map(|it| serde_json::from_value(it).ok());
        let detail: SiteDetail = serde_json::from_value(run.detail)
            .map_err(|_| SiteForecastError::Model(SiteError::Damaged))?;
        let point = |value: &SeriesValue| SitePoint {
            ts: value.ts,
            power_kw: value.mean,
            quantiles_kw: value.quantiles,
        };
        Ok(PublishedForecast {
            run_id: run.run_id,
            series: run.series,
            model_label: run.model_label,
            issued_at: run.issued_at,
            known_until: run.known_until,
            inputs_hash: run.inputs_hash,
            detail,
            score: run.score.and_then(|score| serde_json::from_value(score).ok()),
            unit: "kW",
            interval_s: INTERVAL_S,
            quantile_levels: QUANTILES,
            points: values.iter().map(point).collect(),
            accuracy: SiteScore::of_all(scores),
        })
    }

    /// Removes values of forecasts that are older than the settings keep them; answers how many.
    pub async fn prune(&self) -> Result<usize, SiteForecastError> {
        let days = self.needs.settings.get().values_days;
        let before = self.needs.clock.now() - Duration::days(days.into());
        Ok(self.needs.published.prune(before).await?)
    }
}

/// Forecasts by the stored model, or by a new one where there is none that fits.
fn compute(
    site: &Site,
    now: DateTime<Utc>,
    artifact: Option<&[u8]>,
) -> Result<Computed, SiteError> {
    let now_s = now.timestamp();
    let stored = artifact.and_then(|bytes| SiteModel::from_bytes(bytes).ok());
    let stored = stored.filter(|model| model.fits(site));
    let is_new = stored.is_none();
    let model = match stored {
        Some(model) => model,
        None => SiteModel::fit(site, now_s, &|| false)?,
    };
    let forecast = model.forecast(site, now_s)?;
    let peaks = model.peaks.as_ref().map_or_else(Vec::new, |peaks| peaks.days(site, now_s));
    let known_end = site.power.known_end(now_s).unwrap_or_default();
    let end = now_s.div_euclid(QUARTER_S);
    let mut inputs: Vec<u8> = format!("{} {end} {}", model.label(), model.report.verdict).into();
    for value in site.power.view(end - PAST_DAYS * 96, end, now_s) {
        inputs.extend(value.to_bits().to_le_bytes());
    }
    Ok(Computed {
        uses: uses(site, &model),
        known_until: DateTime::from_timestamp(known_end * QUARTER_S, 0).unwrap_or_default(),
        inputs_hash: sha256_hex(&inputs),
        has_nights: site.nights,
        model,
        is_new,
        forecast,
        peaks,
    })
}

/// What the model looks at.
fn uses(site: &Site, model: &SiteModel) -> Vec<Used> {
    let mut uses = vec![Used::Readings];
    match site.kind {
        Kind::Load => uses.push(Used::Calendar),
        Kind::Pv => uses.push(Used::Sun),
    }
    let looks_at = |name: &str| model.report.features.iter().any(|it| it.starts_with(name));
    if looks_at("temperature") || looks_at("heating_degree") {
        uses.push(Used::TemperatureForecast);
    }
    if looks_at("radiation") {
        uses.push(Used::RadiationForecast);
    }
    uses
}

fn detail(
    computed: &Computed,
    loaded: &Loaded,
    (kind, fitted_at): (Kind, DateTime<Utc>),
    now: DateTime<Utc>,
) -> SiteDetail {
    let mut notes = Vec::new();
    if now - computed.known_until > Duration::hours(STALE_HOURS) {
        notes.push(SiteNote::OldReadings);
    }
    if kind == Kind::Pv && !computed.has_nights {
        notes.push(SiteNote::PowerAtNight);
    }
    SiteDetail {
        fitted_at,
        model: computed.model.report.clone(),
        uses: computed.uses.clone(),
        notes,
        peaks: (kind == Kind::Load).then(|| peaks(computed, loaded)),
    }
}

fn peaks(computed: &Computed, loaded: &Loaded) -> Peaks {
    let model = computed.model.peaks.as_ref();
    let chance = |day: &PeakDay| {
        let from = DateTime::from_timestamp(day.from * QUARTER_S, 0).unwrap_or_default();
        PeakChance {
            date: local_date(from, loaded.zone()),
            threshold_kw: day.threshold_kw,
            probability: day.probability,
        }
    };
    Peaks {
        event: "peak:month".to_owned(),
        by_trees: model.is_some_and(PeakModel::serves_trees),
        report: model.map(|model| model.report.clone()),
        missing: model.is_none().then(|| {
            "The probability of a new monthly peak is learned from 90 days of readings on."
                .to_owned()
        }),
        days: computed.peaks.iter().map(chance).collect(),
    }
}

fn values(forecast: &SiteForecast, now: DateTime<Utc>) -> Vec<SeriesValue> {
    #[expect(clippy::cast_possible_truncation, reason = "quantiles are stored as 32-bit floats")]
    let narrow = |quantiles: [f64; 7]| quantiles.map(|quantile| quantile as f32);
    let rows = forecast.quarters.iter().zip(&forecast.power.mean).zip(&forecast.power.quantiles);
    rows.map(|((quarter, mean), quantiles)| {
        let ts = DateTime::from_timestamp(quarter * QUARTER_S, 0).unwrap_or_default();
        let days = (ts - now).num_seconds().max(0) / 86_400;
        SeriesValue {
            ts,
            interval_s: INTERVAL_S,
            lead_day: i16::try_from(days + 1).unwrap_or(7),
            mean: *mean,
            quantiles: narrow(*quantiles),
        }
    })
    .collect()
}
