//! Asking models: what they answer, who answers when one cannot, and what happens while they change.

use std::collections::BTreeSet;

use super::*;
use crate::learning::serving::PredictError;
use crate::learning::serving::model::PredictionFilter;
use crate::platform::telemetry::Metrics;

/// The sum of a metric's samples with this label, if one is given.
fn metric(name: &str, label: Option<(&str, &str)>) -> f64 {
    let samples = Metrics::install().unwrap().samples();
    let fits = |labels: &std::collections::BTreeMap<String, String>| {
        label.is_none_or(|(name, value)| labels.get(name).is_some_and(|found| found == value))
    };
    let found = samples.iter().filter(|sample| sample.name == name && fits(&sample.labels));
    found.map(|sample| sample.value).sum()
}

#[actix_web::test]
async fn the_champion_says_what_the_published_forecast_says_and_shadows_stand_beside_it() {
    let test = services().await;
    let (linear, naive) =
        (train(&test, Algorithm::Linear, true).await, train(&test, Algorithm::Naive, false).await);
    assert!(linear.is_active);
    let by = By::system();
    let order = Order::from(&by);
    test.services.registry.shadow(naive.model_id, order).await.unwrap();
    // The forecast goes another way: from the file, over the whole week.
    let forecast = test.services.forecasts.issue(&ch(), Product::DayAhead).await.unwrap();
    let answered = test.services.predictor.predict(about("2026-07-01T10:00:00Z")).await.unwrap();
    let published =
        forecast.values.iter().find(|value| value.ts == utc("2026-07-01T10:00:00Z")).unwrap();
    let first = &answered.first;
    assert_eq!(first.value, Some(published.price_eur_mwh));
    let quantiles: Vec<f32> = first.quantiles.as_ref().unwrap().values().copied().collect();
    assert_eq!(quantiles, published.quantiles_eur_mwh);
    assert_eq!((first.role.as_str(), first.model_id), ("champion", linear.model_id));
    assert_eq!((answered.others.len(), answered.failed.len()), (1, 0));
    let shadow = &answered.others[0];
    assert_eq!((shadow.role.as_str(), shadow.model_id), ("shadow", naive.model_id));
    assert_ne!(shadow.value, first.value);
    // The features were made once for both.
    assert_eq!(shadow.features_hash, first.features_hash);

    // Asked alone, by name or identifier, a model says the same.
    for model in [naive.name.clone(), naive.model_id.to_string()] {
        let request = PredictRequest { model: Some(model), ..about("2026-07-01T10:00:00Z") };
        let alone = test.services.predictor.predict(request).await.unwrap();
        assert_eq!((alone.first.value, alone.others.len()), (shadow.value, 0));
    }
    // Everything that was said is written down.
    let filter = PredictionFilter { series: Some(SERIES.into()), ..PredictionFilter::default() };
    let written = test.services.predictor.list(&filter, None, 50).await.unwrap();
    assert_eq!(written.len(), 4);
    let of_first = written.iter().find(|row| row.prediction_id == first.prediction_id).unwrap();
    assert_eq!((of_first.value, of_first.actual), (first.value, None));
    let latest = test.services.predictor.latest(SERIES).await.unwrap();
    let models: BTreeSet<_> = latest.iter().map(|row| row.model_id).collect();
    assert_eq!(models, [linear.model_id, naive.model_id].into());
}

#[actix_web::test]
async fn requests_that_make_no_sense_are_refused_with_their_field() {
    let test = services().await;
    let refusal =
        async |request: PredictRequest| match test.services.predictor.predict(request).await {
            Err(PredictError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
    assert_eq!(refusal(PredictRequest::default()).await, "model");
    let none = test.services.predictor.predict(about("2026-07-01T10:00:00Z")).await;
    assert!(matches!(none, Err(PredictError::NoModel(_))), "{none:?}");
    at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    let series = || Some(SERIES.to_owned());
    for (request, field) in [
        (PredictRequest { series: series(), ..PredictRequest::default() }, "target_ts"),
        (about("2026-07-01T10:30:00Z"), "target_ts"),
        // Published.
        (about("2026-06-30T10:00:00Z"), "target_ts"),
        (about("2026-09-01T10:00:00Z"), "target_ts"),
        (
            PredictRequest {
                features: Some([("moon".to_owned(), Some(1.0))].into()),
                series: series(),
                ..PredictRequest::default()
            },
            "features.moon",
        ),
        (
            PredictRequest {
                features: Some([("hour".to_owned(), Some(1.0))].into()),
                series: series(),
                ..PredictRequest::default()
            },
            "features.lag_24h",
        ),
        (features(1.0, Some(1e300)), "features.lag_24h"),
        (
            PredictRequest {
                model: Some("plain".to_owned()),
                series: Some("price:AT:day_ahead".to_owned()),
                ..about("2026-07-01T10:00:00Z")
            },
            "series",
        ),
    ] {
        assert_eq!(refusal(request.clone()).await, field, "{request:?}");
    }
}

#[actix_web::test]
async fn an_event_has_a_probability_and_a_threshold_that_can_be_moved() {
    let test = services().await;
    let model = take_in(&test, &event_bundle()).await.unwrap().model;
    let (registry, predictor) = (&test.services.registry, &test.services.predictor);
    let by = By::system();
    let order = Order::from(&by);
    // It brought no scores: somebody has to take it upon themselves.
    let refused = registry.activate(model.model_id, order).await.unwrap_err();
    assert!(refused.to_string().contains("accept_unproven"), "{refused}");
    registry.activate(model.model_id, Order { accepts_unproven: true, ..order }).await.unwrap();
    let said = async |lag| {
        let first = predictor.predict(features(12.0, lag)).await.unwrap().first;
        (first.prediction, first.probability, first.threshold, first.value)
    };
    // 1 / (1 + e^1.5) and 1 / (1 + e^−0.5).
    let (low, high) = (0.182_425_523_806_356_35, 0.622_459_331_201_854_6);
    assert_eq!(said(Some(80.0)).await, (Some(0), Some(low), Some(0.5), None));
    assert_eq!(said(None).await, (Some(1), Some(high), Some(0.5), None));
    registry
        .change_settings(model.model_id, "model.alert_threshold", order, |_, settings| {
            settings.alert_threshold = Some(0.9);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(said(None).await, (Some(0), Some(high), Some(0.9), None));
    // A value of the same series has a champion of its own.
    let value = at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    let both = predictor.predict(features(12.0, Some(80.0))).await.unwrap();
    assert_eq!((both.first.model_id, both.first.value), (value.model_id, Some(40.0)));
    assert_eq!((both.others.len(), both.others[0].probability), (1, Some(low)));
    assert_eq!(registry.active().await.unwrap().len(), 2);
}

#[actix_web::test]
async fn missing_values_are_handled_as_the_bundle_says() {
    let test = services().await;
    let mut refuse = value_bundle("refuse", 40.0, 90.0);
    refuse.manifest.missing_values = MissingValues::Refuse;
    refuse.golden.truncate(2);
    let mut fill = value_bundle("fill", 40.0, 90.0);
    fill.manifest.missing_values = MissingValues::Fill { values: vec![12.0, 50.0] };
    fill.golden[2].expected = 40.0;
    for bundle in [&refuse, &fill] {
        take_in(&test, bundle).await.unwrap();
    }
    let ask = async |model: &str, lag| {
        let request =
            PredictRequest { model: Some(model.to_owned()), series: None, ..features(12.0, lag) };
        test.services.predictor.predict(request).await
    };
    assert_eq!(ask("fill", None).await.unwrap().first.value, Some(40.0));
    assert_eq!(ask("refuse", Some(120.0)).await.unwrap().first.value, Some(90.0));
    let refused = ask("refuse", None).await.unwrap_err().to_string();
    assert!(refused.contains("the feature lag_24h is missing"), "{refused}");
}

#[actix_web::test]
async fn a_broken_model_is_named_and_the_others_answer() {
    let test = services().await;
    let registry = &test.services.registry;
    let good = at_work(&test, &value_bundle("good", 40.0, 90.0)).await;
    let by = By::system();
    let order = Order::from(&by);
    // One whose file is damaged, and one whose answers no market ever saw.
    let damaged = take_in(&test, &value_bundle("damaged", 1.0, 2.0)).await.unwrap().model;
    std::fs::write(test.folder().join(format!("models/{}.bin", damaged.model_id)), b"x").unwrap();
    let mut wild = value_bundle("wild", 40.0, 1e9);
    wild.golden.truncate(1);
    let wild = take_in(&test, &wild).await.unwrap().model;
    for model in [&damaged, &wild] {
        registry.shadow(model.model_id, order).await.unwrap();
    }
    let before = [
        metric("ml_errors_total", Some(("kind", "model_load"))),
        metric("ml_errors_total", Some(("kind", "prediction"))),
        metric("ml_predictions_total", None),
        metric("ml_prediction_duration_seconds_count", None),
        metric("ml_model_load_seconds_count", None),
    ];
    let answered = test.services.predictor.predict(features(12.0, Some(120.0))).await.unwrap();
    assert_eq!((answered.first.model_id, answered.first.value), (good.model_id, Some(90.0)));
    let failed: Vec<_> = answered.failed.iter().map(|it| (it.model_id, it.kind.as_str())).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed.contains(&(damaged.model_id, "model_load")), "{failed:?}");
    assert!(failed.contains(&(wild.model_id, "prediction")), "{failed:?}");
    let after = [
        metric("ml_errors_total", Some(("kind", "model_load"))),
        metric("ml_errors_total", Some(("kind", "prediction"))),
        metric("ml_predictions_total", None),
        metric("ml_prediction_duration_seconds_count", None),
        metric("ml_model_load_seconds_count", None),
    ];
    // Other tests count too: never less than what happened here.
    for (name, (before, after)) in ["load", "prediction", "predictions", "duration", "loads"]
        .iter()
        .zip(before.iter().zip(after))
    {
        assert!(after >= before + 1.0, "{name}: {before} to {after}");
    }
    // A gauge says what was set last, by whichever test: seen once it is enough.
    let mut seen = false;
    for _ in 0..200 {
        registry.count_serving().await.unwrap();
        registry.wake();
        test.services.predictor.predict(features(12.0, Some(120.0))).await.unwrap();
        seen |= metric("ml_models_loaded", None) >= 2.0 && metric("ml_active_models", None) >= 1.0;
        if seen {
            break;
        }
    }
    assert!(seen, "the gauges never showed what serves");
    // Alone, the broken one is an error with its reason.
    let request =
        PredictRequest { model: Some("wild".into()), series: None, ..features(1.0, None) };
    let refused = test.services.predictor.predict(request).await.unwrap_err();
    assert!(matches!(&refused, PredictError::AllFailed { failed } if failed.len() == 1));
    assert!(refused.to_string().contains("out of all bounds"), "{refused}");
}

#[actix_web::test]
async fn a_hundred_swaps_under_load_fail_no_request() {
    let test = services().await;
    let pair = [("one", 10.0, 11.0), ("two", 20.0, 21.0)];
    let mut models = Vec::new();
    for (name, low, high) in pair {
        models.push(take_in(&test, &value_bundle(name, low, high)).await.unwrap().model);
    }
    let (registry, predictor) = (&test.services.registry, &test.services.predictor);
    let by = By::system();
    let order = Order { by: &by, reason: "", accepts_unproven: true };
    registry.activate(models[0].model_id, order).await.unwrap();
    let done = std::cell::Cell::new(false);
    let swaps = async {
        for swap in 1..=100 {
            registry.activate(models[swap % 2].model_id, order).await.unwrap();
        }
        done.set(true);
    };
    let load = async || {
        let (mut answers, mut seen) = (0, BTreeSet::new());
        while !done.get() {
            let answered = predictor.predict(features(12.0, Some(120.0))).await.unwrap();
            assert_eq!((answered.others.len(), answered.failed.len()), (0, 0));
            let value = answered.first.value.unwrap();
            // Each answer is of one of the two as a whole.
            let own = if answered.first.model.starts_with("one") { 11.0 } else { 21.0 };
            assert_eq!(Some(value), Some(own));
            seen.insert(answered.first.model_id);
            answers += 1;
        }
        (answers, seen.len())
    };
    let ((), first, second, third) = tokio::join!(swaps, load(), load(), load());
    assert!(first.0 + second.0 + third.0 > 100, "{first:?} {second:?} {third:?}");
    assert_eq!(first.1.max(second.1).max(third.1), 2);
    // Exactly one serves, and what was answered is all there.
    assert_eq!(registry.active().await.unwrap().len(), 1);
    let last = predictor.predict(features(12.0, Some(120.0))).await.unwrap();
    assert_eq!(last.first.model_id, models[0].model_id);
}

#[actix_web::test]
async fn another_process_hears_what_serves() {
    let test = services().await;
    let mut heard = test.services.db.listen(&["luna_models"]).await.unwrap();
    at_work(&test, &value_bundle("one", 10.0, 11.0)).await;
    assert_eq!(heard.next().await.unwrap().channel, "luna_models");
    // A process of its own has a registry and models of its own.
    let other = crate::learning::registry::Registry::new(
        test.services.db.clone(),
        test.services.objects.clone(),
        test.services.audit.clone(),
        test.clock.clone(),
    );
    let two = take_in(&test, &value_bundle("two", 20.0, 21.0)).await.unwrap().model;
    let ask = async || {
        let request = features(12.0, Some(120.0));
        test.services.predictor.predict(request).await.unwrap().first.value
    };
    assert_eq!(ask().await, Some(11.0));
    let by = By::system();
    let order = Order { by: &by, reason: "", accepts_unproven: true };
    other.activate(two.model_id, order).await.unwrap();
    // What is in memory holds until the notice comes …
    test.services.registry.wake();
    assert_eq!(ask().await, Some(21.0));
    // … or until it is half a minute old.
    let one = other.list(None, None, 9).await.unwrap();
    let one = one.iter().find(|model| model.name == "one").unwrap().model_id;
    other.activate(one, order).await.unwrap();
    assert_eq!(ask().await, Some(21.0));
    test.clock.set(test.clock.now() + chrono::Duration::seconds(31));
    assert_eq!(ask().await, Some(11.0));
}

#[actix_web::test]
async fn many_at_once_are_written_together_and_each_is_told() {
    let test = services().await;
    at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    let predictor = &test.services.predictor;
    let requests = (0..60).map(|hour| predictor.predict(features(f64::from(hour % 24), None)));
    let answers = futures_util::future::join_all(requests).await;
    let said: BTreeSet<_> =
        answers.into_iter().map(|answer| answer.unwrap().first.prediction_id).collect();
    let rows = predictor.list(&PredictionFilter::default(), None, 200).await.unwrap();
    let written: BTreeSet<_> = rows.iter().map(|row| row.prediction_id).collect();
    assert_eq!((said.len(), written), (60, said));
    // Whoever hands in while somebody who writes goes away is written all the same.
    let gone = predictor.predict(features(1.0, None));
    let cut = tokio::time::timeout(std::time::Duration::ZERO, gone).await;
    drop(cut);
    predictor.predict(features(2.0, None)).await.unwrap();
}

#[derive(diesel::QueryableByName)]
struct Blocked {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

#[actix_web::test]
async fn a_commit_that_takes_long_holds_up_nobody_behind_it() {
    use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

    let test = services().await;
    at_work(&test, &value_bundle("plain", 40.0, 90.0)).await;
    let (db, predictor) = (&test.services.db, &test.services.predictor);
    let mut holder = db.conn().await.unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE predictions IN EXCLUSIVE MODE").await.unwrap();
    let until_blocked = async |wanted: i64| {
        let mut conn = db.conn().await.unwrap();
        for _ in 0..20_000 {
            let found: Vec<Blocked> = diesel::sql_query(
                "SELECT count(*) AS count FROM pg_locks
                 WHERE relation = 'predictions'::regclass AND NOT granted",
            )
            .load(&mut conn)
            .await
            .unwrap();
            if found[0].count >= wanted {
                return true;
            }
        }
        false
    };
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let second = async {
        has_begun.await.unwrap();
        predictor.predict(features(2.0, None)).await
    };
    let release = async {
        let first = until_blocked(1).await;
        begun.send(()).unwrap();
        // The first is not done, the second is on its way to the database all the same.
        let both = until_blocked(2).await;
        holder.batch_execute("COMMIT").await.unwrap();
        (first, both)
    };
    let (first, second, blocked) =
        tokio::join!(predictor.predict(features(1.0, None)), second, release);
    assert_eq!(blocked, (true, true));
    let said = [first.unwrap().first.prediction_id, second.unwrap().first.prediction_id];
    let rows = predictor.list(&PredictionFilter::default(), None, 10).await.unwrap();
    let written: BTreeSet<_> = rows.iter().map(|row| row.prediction_id).collect();
    assert_eq!(written, said.into());
}

#[actix_web::test]
async fn a_model_of_whole_days_says_what_is_published_and_wants_no_rows() {
    let test = services().await;
    let request = TrainRequest {
        market: ch(),
        product: Product::DayAhead,
        model: Algorithm::Lear,
        until: Some("2026-06-28".parse().unwrap()),
        window_days: Some(156),
        params: serde_json::Map::new(),
        regime: None,
        activate: true,
    };
    let watch = Watch::unseen(By::system());
    let report = test.services.training.train(&request, &watch).await.unwrap();
    assert!(report.serves, "{}", report.verdict);
    let lear = report.model;
    // The model knows the days up to the 28th; two have come since, then a third comes.
    for (now, days) in [
        ("2026-06-30T18:00:00Z", ["2026-07-01T10:00:00Z", "2026-07-03T10:00:00Z"]),
        ("2026-07-01T18:00:00Z", ["2026-07-02T10:00:00Z", "2026-07-02T21:00:00Z"]),
    ] {
        if now.starts_with("2026-07") {
            test.put(Product::DayAhead, ("2026-07-01", "2026-07-01"), |ts| Some(lively(ts))).await;
            test.set(now);
            test.services.predictor.wake();
        }
        let forecast = test.services.forecasts.issue(&ch(), Product::DayAhead).await.unwrap();
        assert_eq!(forecast.run.model_id, Some(lear.model_id));
        for ts in days {
            let first = test.services.predictor.predict(about(ts)).await.unwrap().first;
            let published = forecast.values.iter().find(|value| value.ts == utc(ts)).unwrap();
            assert_eq!(first.value, Some(published.price_eur_mwh), "{ts}");
            let quantiles: Vec<f32> = first.quantiles.unwrap().into_values().collect();
            assert_eq!(quantiles, published.quantiles_eur_mwh, "{ts}");
        }
    }
    // A row of features is no day: the first lead day is refused, later ones are of trees.
    let row = |lead: f64| PredictRequest {
        series: Some(SERIES.into()),
        features: Some(
            lear.features
                .iter()
                .map(|name| (name.clone(), Some(if name == "lead_day" { lead } else { 50.0 })))
                .collect(),
        ),
        ..PredictRequest::default()
    };
    let refused = test.services.predictor.predict(row(1.0)).await.unwrap_err();
    let PredictError::Invalid { field, what } = refused else { panic!("{refused:?}") };
    assert!(field == "features" && what.contains("whole days"), "{field}: {what}");
    assert!(test.services.predictor.predict(row(3.0)).await.unwrap().first.value.is_some());
}
