//! Who may serve, and who stays.

use super::*;
use crate::access::audit::By;
use crate::learning::registry::ModelStatus;
use crate::learning::registry::RegistryError;

#[actix_web::test]
async fn a_model_worse_than_the_naive_one_is_kept_and_does_not_serve() {
    let test = services().await;
    let mut weak = request(Algorithm::Lightgbm, "2026-06-30");
    weak.params.insert("num_iterations".into(), json!(1));
    weak.params.insert("learning_rate".into(), json!(0.0001));
    let report = train(&test, &weak).await;
    assert_eq!((report.model.status, report.serves), (ModelStatus::Ready, false));
    let scores = report.model.metrics.as_ref().unwrap();
    assert!(!scores.gate.passed && scores.validation.mae > scores.naive.mae, "{scores:?}");
    assert_eq!(report.verdict, scores.gate.reason);
    let registry = &test.services.registry;
    let refused = registry.activate(report.model.model_id, &By::system()).await.unwrap_err();
    assert!(matches!(refused, RegistryError::GateClosed { .. }), "{refused:?}");
    assert!(registry.active().await.unwrap().is_empty());

    let report = train(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    let scores = report.model.metrics.as_ref().unwrap();
    assert!(report.serves && scores.gate.passed, "{}", report.verdict);
    assert!(scores.validation.mae < scores.naive.mae);
    let serving = registry.serving("price:CH:day_ahead").await.unwrap().unwrap();
    assert_eq!(serving.model_id, report.model.model_id);
    // Figures by lead day add up to those over all.
    let sum: f64 = scores.by_lead.iter().map(|lead| lead.mae * lead.n as f64).sum();
    let rows: usize = scores.by_lead.iter().map(|lead| lead.n).sum();
    assert_eq!((rows, scores.by_lead.len()), (scores.validation_rows, 7));
    assert!((sum / rows as f64 - scores.validation.mae).abs() < 1e-9);
    // It has learned up to the last day, the validation days included.
    assert_eq!(report.model.train_end.to_rfc3339(), "2026-06-30T22:00:00+00:00");
}

#[actix_web::test]
async fn the_gate_is_judged_on_days_the_model_has_not_seen() {
    let test = services().await;
    // Leaves of one row learn everything by heart: on days they had learned they would err by nothing.
    let mut by_heart = request(Algorithm::Lightgbm, "2026-06-30");
    for (name, value) in [("num_leaves", 1_000), ("num_iterations", 40), ("min_data_in_leaf", 1)] {
        by_heart.params.insert(name.into(), json!(value));
    }
    by_heart.params.insert("learning_rate".into(), json!(0.5));
    let scores = train(&test, &by_heart).await.model.metrics.unwrap();
    assert!(scores.by_lead[0].mae > 0.5 * scores.by_lead[0].naive_mae, "{:?}", scores.by_lead[0]);
}

#[actix_web::test]
async fn a_serving_model_that_is_better_stays() {
    let test = services().await;
    let linear = train(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    assert!(linear.serves);
    // The naive model passes its own gate, and yet is no successor: there are no days that the
    // linear model has not seen, so the registered scores decide.
    let naive = train(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    assert!(!naive.serves && naive.model.metrics.unwrap().gate.passed);
    assert!(naive.verdict.contains("% of price-CH-day_ahead-linear v1"), "{}", naive.verdict);
    let registry = &test.services.registry;
    let serving = async || registry.serving("price:CH:day_ahead").await.unwrap().unwrap().label();
    assert_eq!(serving().await, "price-CH-day_ahead-linear v1");
    // A person may still choose it.
    registry.activate(naive.model.model_id, &By::system()).await.unwrap();
    assert_eq!(serving().await, "price-CH-day_ahead-naive v1");
    // And a better one takes over from it again.
    let better = train(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    assert!(better.serves, "{}", better.verdict);
    assert_eq!(serving().await, "price-CH-day_ahead-linear v2");
    // Not when nobody asked it to.
    let asked = TrainRequest { activate: false, ..request(Algorithm::Linear, "2026-06-30") };
    assert!(!train(&test, &asked).await.serves);
}

#[actix_web::test]
async fn models_are_compared_on_days_that_neither_has_learned() {
    let test = services().await;
    let old = train(&test, &request(Algorithm::Linear, "2026-06-20")).await;
    assert!(old.serves);
    let naive = train(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    assert!(!naive.serves);
    assert!(
        naive.verdict.ends_with("of price-CH-day_ahead-linear v1 on 10 days"),
        "{}",
        naive.verdict
    );
    test.services.registry.deactivate(old.model.model_id, &By::system()).await.unwrap();
    assert!(train(&test, &request(Algorithm::Naive, "2026-06-20")).await.serves);
    let linear = train(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    assert!(linear.serves);
    assert!(
        linear.verdict.ends_with("of price-CH-day_ahead-naive v2 on 10 days"),
        "{}",
        linear.verdict
    );
}

#[actix_web::test]
async fn a_model_of_other_features_or_without_its_file_makes_way() {
    let test = services().await;
    let linear = train(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    assert!(linear.serves);
    let key = format!("models/{}.bin", linear.model.model_id);
    // Read by a process that has not loaded it yet.
    std::fs::write(test.folder().join(key), b"damaged").unwrap();
    let naive = train(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    assert!(naive.serves && naive.verdict.contains("cannot be read"), "{}", naive.verdict);

    let linear = train(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    assert!(linear.serves);
    test.put_load("2026-03-01", "2026-06-30").await;
    let naive = train(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    assert!(naive.serves && naive.verdict.contains("other features"), "{}", naive.verdict);
}

#[actix_web::test]
async fn hourly_and_quarter_hourly_models_serve_side_by_side() {
    let test = services().await;
    test.put(Product::DayAhead15min, ("2026-05-01", "2026-06-30"), |ts| Some(lively(ts))).await;
    let hourly = train(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    let quarters = TrainRequest {
        product: Product::DayAhead15min,
        window_days: Some(20),
        ..request(Algorithm::Naive, "2026-06-30")
    };
    let quarterly = train(&test, &quarters).await;
    assert!(hourly.serves && quarterly.serves);
    let active = test.services.registry.active().await.unwrap();
    let series: Vec<&str> = active.iter().map(|model| model.target_variable.as_str()).collect();
    assert_eq!(series, ["price:CH:day_ahead", "price:CH:day_ahead_15min"]);
    assert!(quarterly.model.features.contains(&"quarter".to_owned()));
}
