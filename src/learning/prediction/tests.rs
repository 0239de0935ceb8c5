//! Forecasts as they are issued, kept, and held to what came.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use super::*;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::series::Observation;
use crate::facts::series::SeriesSpec;
use crate::learning::features::FeatureSpec;
use crate::learning::training::TrainRequest;
use crate::learning::training::Watch;
use crate::platform::jobs::Handler;
use crate::platform::jobs::Job;
use crate::platform::jobs::JobFilter;
use crate::platform::jobs::NewJob;
use crate::platform::jobs::Runner;
use crate::platform::runtime::Tasks;
use crate::testing::{TestServices, ch, hours, lively, point, utc};

const HOURLY: Product = Product::DayAhead;

/// Friday 2026-03-27, five past one: Saturday's prices are published, Sunday has 23 hours.
async fn spring() -> TestServices {
    let test = TestServices::at("2026-03-27T12:05:00Z").await;
    test.put(HOURLY, ("2025-12-01", "2026-03-28"), |ts| Some(lively(ts))).await;
    test
}

async fn issue(test: &TestServices) -> Forecast {
    test.services.forecasts.issue(&ch(), HOURLY).await.unwrap()
}

async fn runs(test: &TestServices) -> Vec<ForecastRun> {
    test.services.forecasts.runs(&ch(), HOURLY, None, 50).await.unwrap()
}

async fn train(test: &TestServices, model: Algorithm) {
    let request = TrainRequest {
        market: ch(),
        product: HOURLY,
        model,
        until: None,
        window_days: Some(60),
        regime: None,
        params: serde_json::Map::new(),
        activate: true,
    };
    assert!(
        test.services.training.train(&request, &Watch::unseen(By::system())).await.unwrap().serves
    );
}

#[actix_web::test]
async fn a_forecast_begins_behind_the_published_prices_and_covers_seven_days() {
    let test = spring().await;
    let forecast = issue(&test).await;
    assert_eq!(forecast.run.known_until, utc("2026-03-28T23:00:00Z"));
    assert_eq!(forecast.run.model_label, "naive (stand-in)");
    let starts: Vec<DateTime<Utc>> = forecast.values.iter().map(|value| value.ts).collect();
    assert_eq!(starts, hours("2026-03-29", "2026-04-04"));
    let per_lead = |lead| forecast.values.iter().filter(|value| value.lead_day == lead).count();
    assert_eq!([1, 2, 3, 4, 5, 6, 7].map(per_lead), [23, 24, 24, 24, 24, 24, 24]);
    for value in &forecast.values {
        assert!(value.quantiles_eur_mwh.is_sorted(), "{value:?}");
        assert!(value.price_eur_mwh.is_finite() && value.interval_s == 3_600);
        // The stand-in is the price of the same hour on the same weekday of the last known week.
        let expected = lively(value.ts - Duration::days(7) + shift(value.ts));
        assert!((value.price_eur_mwh - expected).abs() < 1e-4, "{value:?} is not {expected}");
    }
    assert_eq!(
        test.services.forecasts.latest(&ch(), HOURLY).await.unwrap().unwrap().values.len(),
        167
    );
}

#[actix_web::test]
async fn old_prices_are_forecast_from_with_a_mark_and_a_wider_band() {
    let test = spring().await;
    let fresh = issue(&test).await;
    assert!(!fresh.run.is_stale);
    // A week passes in which nothing is published.
    test.set("2026-04-04T12:05:00Z");
    let stale = issue(&test).await;
    assert!(stale.run.is_stale);
    assert_eq!(stale.run.known_until, utc("2026-03-28T23:00:00Z"));
    let starts: Vec<DateTime<Utc>> = stale.values.iter().map(|value| value.ts).collect();
    assert_eq!(starts, hours("2026-04-04", "2026-04-11"), "today and the week ahead");
    // The Saturdays one and two weeks behind the last known one rest on the same prices.
    let of_lead = |forecast: &Forecast, lead| -> Vec<ForecastValue> {
        forecast.values.iter().filter(|value| value.lead_day == lead).cloned().collect()
    };
    let (near, far) = (of_lead(&fresh, 7), of_lead(&stale, 14));
    assert_eq!((near.len(), far.len()), (24, 24));
    for (near, far) in near.iter().zip(&far) {
        assert!((near.price_eur_mwh - far.price_eur_mwh).abs() < 1e-9, "{near:?} {far:?}");
        let spread = |value: &ForecastValue| {
            f64::from(value.quantiles_eur_mwh[6]) - f64::from(value.quantiles_eur_mwh[0])
        };
        // Twice as far: the root of two as wide.
        assert!((spread(far) / spread(near) - 2_f64.sqrt()).abs() < 1e-3, "{near:?} {far:?}");
    }
}

#[actix_web::test]
async fn a_model_keeps_its_columns_when_a_series_comes_or_goes() {
    let test = spring().await;
    test.put_load("2025-12-01", "2026-03-31").await;
    train(&test, Algorithm::Linear).await;
    let with_load = issue(&test).await;
    assert!(with_load.run.model_label.contains("linear"), "{}", with_load.run.model_label);
    // Weather begins to be fetched: the model does not know it yet and serves on.
    let spec = SeriesSpec {
        name: "temperature:CH".into(),
        unit: "°C".into(),
        source: "test".into(),
        market: Some(ch()),
        resolution_s: 3_600,
        attribution: String::new(),
        is_feature: true,
    };
    let series = test.services.observations.ensure_series(&spec).await.unwrap();
    let warm = hours("2026-03-01", "2026-04-04").into_iter().map(|ts| Observation {
        ts,
        known_at: utc("2026-03-01T00:00:00Z"),
        known_at_assumed: false,
        value: 12.0,
    });
    test.services.observations.put(series, &warm.collect::<Vec<_>>()).await.unwrap();
    let same = issue(&test).await;
    assert_eq!(same.run.run_id, with_load.run.run_id);
    // What is measured is no feature, whatever market it belongs to.
    let measured = SeriesSpec { name: "load:CH:now".into(), is_feature: false, ..spec };
    test.services.observations.ensure_series(&measured).await.unwrap();
    train(&test, Algorithm::Linear).await;
    let series = test.services.registry.serving("price:CH:day_ahead").await.unwrap().unwrap();
    let exogenous = FeatureSpec::exogenous_of(&series.features);
    assert_eq!(exogenous, ["load_CH", "temperature_CH"]);
}

/// A wall-clock week reaching back over the clock change is an hour longer in instants than 7 × 24.
fn shift(ts: DateTime<Utc>) -> Duration {
    let change = utc("2026-03-29T01:00:00Z");
    if ts >= change && ts - Duration::days(7) < change {
        Duration::hours(1)
    } else {
        Duration::zero()
    }
}

#[actix_web::test]
async fn a_day_of_25_hours_has_25_values_and_quarter_hours_four_times_as_many() {
    let test = TestServices::at("2026-10-23T12:05:00Z").await;
    for product in [HOURLY, Product::DayAhead15min] {
        test.put(product, ("2026-08-01", "2026-10-24"), |ts| Some(lively(ts))).await;
        let forecast = test.services.forecasts.issue(&ch(), product).await.unwrap();
        let per_hour = usize::try_from(3_600 / product.interval_s()).unwrap();
        assert_eq!(forecast.values.len(), (25 + 6 * 24) * per_hour);
        let first_day = forecast.values.iter().filter(|value| value.lead_day == 1).count();
        assert_eq!(first_day, 25 * per_hour);
    }
    // Both products keep runs of their own.
    assert_eq!(runs(&test).await.len(), 1);
}

#[actix_web::test]
async fn the_same_inputs_give_the_same_run_and_new_prices_a_new_one() {
    let test = spring().await;
    let first = issue(&test).await;
    test.set("2026-03-27T18:00:00Z");
    let again = issue(&test).await;
    assert_eq!(again.run.run_id, first.run.run_id);
    assert_eq!(again.run.issued_at, utc("2026-03-27T12:05:00Z"));
    assert_eq!((runs(&test).await.len(), again.values.len()), (1, first.values.len()));

    // Prices that are stored but not yet published change nothing.
    test.put(HOURLY, ("2026-03-29", "2026-03-29"), |ts| Some(lively(ts))).await;
    assert_eq!(issue(&test).await.run.run_id, first.run.run_id);
    test.set("2026-03-28T12:00:00Z");
    let next = issue(&test).await;
    assert_ne!(next.run.inputs_hash, first.run.inputs_hash);
    assert_eq!(next.run.known_until, utc("2026-03-29T22:00:00Z"));
    // What was issued stays as it was.
    let stored = runs(&test).await;
    assert_eq!(
        stored.iter().map(|run| run.run_id).collect::<Vec<_>>(),
        [next.run.run_id, first.run.run_id]
    );
    assert_eq!(stored[1].inputs_hash, first.run.inputs_hash);
}

#[actix_web::test]
async fn a_day_published_in_part_is_forecast_for_the_rest() {
    let test = spring().await;
    let morning = |ts: DateTime<Utc>| (ts < utc("2026-03-29T08:00:00Z")).then(|| lively(ts));
    test.put(HOURLY, ("2026-03-29", "2026-03-29"), morning).await;
    test.set("2026-03-28T13:00:00Z");
    let forecast = issue(&test).await;
    assert_eq!(forecast.run.known_until, utc("2026-03-29T08:00:00Z"));
    assert_eq!(forecast.values[0].ts, utc("2026-03-29T08:00:00Z"));
}

#[actix_web::test]
async fn the_serving_model_forecasts_until_its_features_are_others() {
    let test = spring().await;
    train(&test, Algorithm::Linear).await;
    let forecast = issue(&test).await;
    assert_eq!(forecast.run.model_label, "price-CH-day_ahead-linear v1");
    assert!(forecast.run.model_id.is_some());

    // As if this version of the program made its features otherwise than the one that trained it.
    let mut conn = test.services.db.conn().await.unwrap();
    conn.batch_execute("UPDATE ml_models SET features = features || '[\"moon\"]'").await.unwrap();
    drop(conn);
    let stand_in = issue(&test).await;
    assert_eq!(
        (stand_in.run.model_label.as_str(), stand_in.run.model_id),
        ("naive (stand-in)", None)
    );
    // The newest run is the one handed out, although it was issued at the same instant.
    train(&test, Algorithm::Linear).await;
    test.set("2026-03-27T12:06:00Z");
    assert_eq!(issue(&test).await.run.model_label, "price-CH-day_ahead-linear v2");
    let latest = test.services.forecasts.latest(&ch(), HOURLY).await.unwrap().unwrap();
    assert_eq!(latest.run.model_label, "price-CH-day_ahead-linear v2");
}

#[actix_web::test]
async fn errors_are_those_worked_out_by_hand_once_prices_came() {
    let test = spring().await;
    let forecast = issue(&test).await;
    let forecasts = &test.services.forecasts;
    assert_eq!(forecasts.score_due().await.unwrap(), 0);
    // Sunday's prices: three above the forecast, but far above it at noon.
    let truth = |value: &ForecastValue| {
        let noon = value.ts == utc("2026-03-29T10:00:00Z");
        value.price_eur_mwh + if noon { 503.0 } else { 3.0 }
    };
    let prices = |lead: i16, known: DateTime<Utc>| {
        let of_day = forecast.values.iter().filter(move |value| value.lead_day == lead);
        of_day.map(move |value| point(HOURLY, value.ts, known, truth(value))).collect::<Vec<_>>()
    };
    let published = utc("2026-03-28T12:00:00Z");
    test.services.prices.put(&ch(), HOURLY, &prices(1, published)).await.unwrap();
    test.set("2026-03-28T12:10:00Z");
    assert_eq!(forecasts.score_due().await.unwrap(), 1);
    let score = runs(&test).await[0].score.clone().unwrap();
    let mae = (23.0 * 3.0 + 500.0) / 23.0;
    let rmse = ((22.0 * 9.0 + 503.0 * 503.0) / 23.0_f64).sqrt();
    assert_eq!((score.n, score.by_lead.len()), (23, 1));
    assert!((score.mae - mae).abs() < 1e-9 && (score.rmse - rmse).abs() < 1e-9, "{score:?}");
    // Prices three above the point lie in the band except where it is narrower, and at noon.
    let inside = forecast.values.iter().filter(|value| value.lead_day == 1).filter(|value| {
        let [low, high] = [value.quantiles_eur_mwh[1], value.quantiles_eur_mwh[5]].map(f64::from);
        (low..=high).contains(&truth(value))
    });
    assert!((score.coverage_80 - 100.0 * inside.count() as f64 / 23.0).abs() < 1e-9);
    assert_eq!(runs(&test).await[0].scored_at, None);
    // Nothing new, nothing changes.
    assert_eq!(forecasts.score_due().await.unwrap(), 0);

    for lead in 2..=7 {
        test.services.prices.put(&ch(), HOURLY, &prices(lead, published)).await.unwrap();
    }
    assert_eq!(forecasts.score_due().await.unwrap(), 1);
    let run = runs(&test).await.remove(0);
    assert_eq!((run.score.unwrap().n, run.scored_at.is_some()), (167, true));
}

#[actix_web::test]
async fn a_run_whose_truth_never_comes_is_closed() {
    let test = spring().await;
    let forecast = issue(&test).await;
    let end = forecast.values.last().unwrap().ts + Duration::hours(1);
    for (days, closed) in [(14, false), (15, true)] {
        test.clock.set(end + Duration::days(days));
        assert_eq!(test.services.forecasts.score_due().await.unwrap(), 0);
        let run = runs(&test).await.remove(0);
        assert_eq!((run.score, run.scored_at.is_some()), (None, closed), "{days} days");
    }
}

#[actix_web::test]
async fn without_prices_there_is_no_forecast() {
    let test = TestServices::at("2026-03-27T12:05:00Z").await;
    let issue = async || test.services.forecasts.issue(&ch(), HOURLY).await.unwrap_err();
    assert!(matches!(issue().await, ForecastError::History(_)));
    test.put(HOURLY, ("2026-03-26", "2026-03-28"), |ts| Some(lively(ts))).await;
    let few = issue().await;
    assert!(few.to_string().contains("too few"), "{few}");
}

/// Every job of a name, newest first.
async fn jobs(test: &TestServices, name: &str) -> Vec<Job> {
    let filter = JobFilter { name: Some(name.to_owned()), ..JobFilter::default() };
    test.services.jobs.list(&filter, 50).await.unwrap()
}

/// Runs what is due until nothing is.
async fn run_all(test: &TestServices) {
    let runner = Runner::new(test.services.jobs.clone(), test.services.handlers(), Tasks::new());
    while runner.run_next().await.unwrap().is_some() {}
}

#[actix_web::test]
async fn a_fresh_box_shows_a_trained_model_after_its_first_jobs() {
    let test = TestServices::at("2026-03-27T12:05:00Z").await;
    let (market, series) = (Market::sim_ch(), "price:SIM-CH:day_ahead");
    test.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    run_all(&test).await;
    let trainings = jobs(&test, RetrainJob::NAME).await;
    assert_eq!(trainings.len(), 1);
    assert_eq!(trainings[0].payload, json!({"market": "SIM-CH", "product": "day_ahead"}));
    let trained = trainings[0].result.as_ref().unwrap()["trained"][0].clone();
    let serving = test.services.registry.serving(series).await.unwrap();
    let serving = serving.unwrap_or_else(|| panic!("nothing serves: {:?}", trainings[0]));
    assert_eq!(trained["serves"], json!(serving.label()));
    // The better of the two serves, and has forecast already.
    let models = test.services.registry.list(Some(series), None, 9).await.unwrap();
    let mut types: Vec<&str> = models.iter().map(|model| model.model_type.as_str()).collect();
    types.sort_unstable();
    assert_eq!(types, ["lightgbm", "linear"]);
    let mae = |model: &crate::learning::registry::ModelRecord| {
        model.metrics.as_ref().unwrap().validation.mae
    };
    let passed = models.iter().filter(|model| model.metrics.as_ref().unwrap().gate.passed);
    let best = passed.min_by(|a, b| mae(a).total_cmp(&mae(b))).unwrap();
    assert_eq!(best.model_id, serving.model_id);
    assert_eq!(models[0].dataset_id, models[1].dataset_id);
    let forecast = test.services.forecasts.latest(&market, HOURLY).await.unwrap().unwrap();
    assert_eq!(forecast.run.model_label, serving.label());

    // A second refresh asks for no further training, nor does the night while the models are fresh.
    test.set("2026-03-28T02:17:00Z");
    for name in [RefreshJob::NAME, RetrainJob::NAME] {
        test.services.jobs.enqueue(NewJob::new(name)).await.unwrap();
    }
    run_all(&test).await;
    let trainings = jobs(&test, RetrainJob::NAME).await;
    assert_eq!(trainings.len(), 2);
    assert_eq!(trainings[0].result, Some(json!({"trained": []})));
    // A week later the night trains again.
    test.set("2026-04-04T12:17:00Z");
    test.services.simulation.fill().await.unwrap();
    test.services.jobs.enqueue(NewJob::new(RetrainJob::NAME)).await.unwrap();
    run_all(&test).await;
    let newest = &jobs(&test, RetrainJob::NAME).await[0];
    assert_eq!(
        newest.result.as_ref().unwrap()["trained"][0]["market"],
        json!("SIM-CH"),
        "{newest:?}"
    );
    assert_eq!(test.services.registry.list(Some(series), None, 9).await.unwrap().len(), 4);
}

#[actix_web::test]
async fn a_refresh_scores_what_came_and_goes_on_past_a_market_it_cannot_forecast() {
    let test = TestServices::at("2026-03-27T12:05:00Z").await;
    // Three days of CH are too few; the simulated market has sixty.
    test.put(HOURLY, ("2026-03-26", "2026-03-28"), |ts| Some(lively(ts))).await;
    let refresh = RefreshJob {
        simulation: test.services.simulation.clone(),
        prices: test.services.prices.clone(),
        forecasts: test.services.forecasts.clone(),
        registry: test.services.registry.clone(),
        jobs: test.services.jobs.clone(),
        clock: test.clock.clone(),
    };
    let score = ScoreJob(test.services.forecasts.clone());
    let export = ExportJob { training: test.services.training.clone(), clock: test.clock.clone() };
    let handlers: Vec<Arc<dyn Handler>> =
        vec![Arc::new(refresh), Arc::new(score), Arc::new(export)];
    let runner = Runner::new(test.services.jobs.clone(), handlers, Tasks::new());
    for (now, scored) in [("2026-03-27T12:05:00Z", 0), ("2026-03-28T12:05:00Z", 1)] {
        test.set(now);
        test.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
        while runner.run_next().await.unwrap().is_some() {}
        let done = &jobs(&test, RefreshJob::NAME).await[0];
        let expected = json!({"issued": ["price:SIM-CH:day_ahead"]});
        assert_eq!(done.result, Some(expected), "{done:?}");
        let done = &jobs(&test, ScoreJob::NAME).await[0];
        assert_eq!(done.result, Some(json!({ "runs_scored": scored })), "{done:?}");
        // Tomorrow is known: what there is to learn from is exported, once.
        let done = jobs(&test, ExportJob::NAME).await;
        assert_eq!(done.len(), scored + 1);
        assert!(done[0].result.as_ref().unwrap()["rows"].as_u64() > Some(1_000), "{done:?}");
    }
}
