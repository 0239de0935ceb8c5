//! Rows of features for the models that are asked: as they were sent, or made here, once for all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Datelike, Timelike, Utc};
use ndarray::Array2;

use super::loaded::{Rows, single};
use super::model::PredictRequest;
use super::models::Deployed;
use super::predictor::{PredictError, Question};
use super::prepare::{PrepareError, Prepared, Preparer};
use super::series::PriceSeries;
use super::work::Failure;
use crate::algorithms::forecasting::RowKey;
use crate::learning::features::FeatureSpec;
use crate::learning::training::goes_on;

/// The models that are asked about a series.
pub(super) struct Asked {
    pub series: String,
    pub models: Vec<Deployed>,
}

fn invalid(field: impl Into<String>, what: impl Into<String>) -> PredictError {
    PredictError::Invalid { field: field.into(), what: what.into() }
}

/// A question to each model.
pub(super) async fn questions(
    preparer: &Preparer,
    request: &PredictRequest,
    Asked { series, models }: Asked,
) -> Result<Vec<Question>, PredictError> {
    let prices = PriceSeries::parse(&series);
    if let (Some(prices), Some(ts)) = (&prices, request.target_ts)
        && ts.timestamp().rem_euclid(prices.product.interval_s().into()) != 0
    {
        let what = format!("{ts} is not the start of a period of {series}");
        return Err(invalid("target_ts", what));
    }
    if let Some(features) = &request.features {
        return given(features, request.target_ts, prices.as_ref(), models);
    }
    let Some(prices) = prices else {
        let what = format!("Luna makes none for {series}; send them");
        return Err(invalid("features", what));
    };
    let Some(ts) = request.target_ts else {
        return Err(invalid(
            "target_ts",
            "say which delivery period is predicted, or send features",
        ));
    };
    let prepared = prepared(preparer, &prices, &models).await?;
    let mut questions = Vec::new();
    for deployed in models {
        let rows = match &prepared[&exogenous(&deployed)] {
            Ok(prepared) => match prepared.place(ts) {
                Some(place) => {
                    questions.push(question(prepared, vec![place], deployed));
                    continue;
                }
                None => return Err(invalid("target_ts", outside(prepared, ts))),
            },
            Err(why) => Err(Failure::new("features", why.clone())),
        };
        questions.push(Question { deployed, rows, days: None });
    }
    Ok(questions)
}

/// A question about rows that Luna has made; a model of whole days gives the answer that it gives to
/// all of them.
pub(super) fn question(
    prepared: &Arc<Prepared>,
    places: Vec<usize>,
    deployed: Deployed,
) -> Question {
    let rows = of_columns(prepared, &places, &deployed);
    let days = goes_on(&deployed.record).then(|| (Arc::clone(prepared), places));
    Question { deployed, rows, days }
}

fn outside(prepared: &Prepared, ts: DateTime<Utc>) -> String {
    match (prepared.instants().first(), prepared.instants().last()) {
        (Some(first), Some(last)) => format!(
            "{ts} is not predicted: its price is published, or it is too far ahead; periods from \
             {first} to {last} are"
        ),
        _ => format!("{ts} is not predicted: every price that could be is published"),
    }
}

/// The exogenous columns that a model was trained with.
pub(super) fn exogenous(deployed: &Deployed) -> Vec<String> {
    FeatureSpec::exogenous_of(&deployed.record.features)
}

/// Rows by exogenous columns, or why there are none.
pub(super) type ByColumns = BTreeMap<Vec<String>, Result<Arc<Prepared>, String>>;

/// Rows by exogenous columns: models that share them share the rows. When none can be made for
/// anybody, why.
pub(super) async fn prepared(
    preparer: &Preparer,
    series: &PriceSeries,
    models: &[Deployed],
) -> Result<ByColumns, PrepareError> {
    let wanted: BTreeSet<Vec<String>> = models.iter().map(exogenous).collect();
    let mut made = BTreeMap::new();
    let mut last = None;
    for columns in wanted {
        let rows = preparer.rows(series, columns.clone()).await;
        made.insert(
            columns,
            rows.map_err(|error| {
                let why = error.to_string();
                last = Some(error);
                why
            }),
        );
    }
    match last {
        Some(error) if made.values().all(Result::is_err) => Err(error),
        _ => Ok(made),
    }
}

/// Rows in the order of a model's columns.
fn of_columns(prepared: &Prepared, places: &[usize], deployed: &Deployed) -> Result<Rows, Failure> {
    prepared.rows(places, &deployed.record.features).map_err(|name| {
        Failure::new("features", format!("the feature {name} is none that Luna makes any more"))
    })
}

/// The same features for all, each in its own order.
fn given(
    features: &BTreeMap<String, Option<f64>>,
    target_ts: Option<DateTime<Utc>>,
    prices: Option<&PriceSeries>,
    models: Vec<Deployed>,
) -> Result<Vec<Question>, PredictError> {
    for (name, value) in features {
        if value.is_some_and(|value| !single(value).is_finite()) {
            return Err(invalid(format!("features.{name}"), "it is too large"));
        }
        if !models.iter().any(|it| it.record.features.contains(name)) {
            return Err(invalid(format!("features.{name}"), "no model that is asked knows it"));
        }
    }
    let key = key(features, target_ts, prices);
    let mut questions = Vec::new();
    let alone = models.len() == 1;
    for deployed in models {
        let names = &deployed.record.features;
        if key.lead_day <= 1 && goes_on(&deployed.record) {
            // What it says of the first day depends on the days before, which no row carries.
            let what = "this model forecasts the first day from the whole days of its series: leave \
                features out and say target_ts, or send those of a later lead_day";
            if alone {
                return Err(invalid("features", what));
            }
            let rows = Err(Failure::new("features", what));
            questions.push(Question { deployed, rows, days: None });
            continue;
        }
        let missing = names.iter().find(|name| !features.contains_key(*name));
        let rows = match missing {
            Some(name) if alone => {
                let what = "it is missing; write null where there is no value";
                return Err(invalid(format!("features.{name}"), what));
            }
            Some(name) => Err(Failure::new("features", format!("the feature {name} was not sent"))),
            None => {
                let row = |column: usize| features[&names[column]].map_or(f32::NAN, single);
                let x = Array2::from_shape_fn((1, names.len()), |(_, column)| row(column));
                Ok(Rows { x, keys: vec![key] })
            }
        };
        questions.push(Question { deployed, rows, days: None });
    }
    Ok(questions)
}

/// What a row that was sent is about, as far as it says.
fn key(
    features: &BTreeMap<String, Option<f64>>,
    target_ts: Option<DateTime<Utc>>,
    prices: Option<&PriceSeries>,
) -> RowKey {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a slot and a lead are small whole numbers; what is none becomes the nearest"
    )]
    let whole = |name: &str| features.get(name).copied().flatten().map(|value| value as u16);
    let lead_day = whole("lead_day").and_then(|lead| u8::try_from(lead).ok()).unwrap_or(1).max(1);
    let local = target_ts.zip(prices).map(|(ts, series)| {
        let local = ts.with_timezone(&series.market.time_zone());
        let seconds = i64::from(local.num_seconds_from_midnight());
        let slot = u16::try_from(seconds / i64::from(series.product.interval_s())).unwrap_or(0);
        (local.date_naive().num_days_from_ce(), slot)
    });
    let of_features = || {
        let hour = whole("slot").or_else(|| whole("hour")).unwrap_or(0);
        let quarters = prices.is_some_and(|series| series.product.interval_s() == 900);
        let slot = if quarters { hour * 4 + whole("quarter").unwrap_or(0) } else { hour };
        (0, slot)
    };
    let (day, slot) = local.unwrap_or_else(of_features);
    RowKey { day, slot, lead_day }
}
