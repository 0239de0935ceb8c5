//! Models of events: registered with what they are worth, refused when that is nothing.

use super::*;
use crate::access::audit::By;
use crate::algorithms::forecasting::ForeignTrees;
use crate::learning::registry::Direction;
use crate::learning::registry::EventRule;
use crate::learning::registry::Format;
use crate::learning::registry::State;

fn event(threshold: f64) -> EventRequest {
    EventRequest {
        market: ch(),
        product: Product::DayAhead,
        event: EventRule { direction: Direction::Above, threshold },
        until: Some("2026-06-30".parse().unwrap()),
        window_days: Some(60),
        regime: None,
        params: json!({"num_iterations": 30, "num_threads": 1}).as_object().unwrap().clone(),
    }
}

#[actix_web::test]
async fn an_event_is_learned_held_to_its_base_rate_and_kept_as_trees() {
    let test = services().await;
    let dataset = export(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    let table = test.services.datasets.open(&dataset).await.unwrap().table;
    let mut prices = table.y.clone();
    prices.sort_by(f64::total_cmp);
    let median = prices[prices.len() / 2].round();
    let training = &test.services.training;
    let watch = Watch::unseen(By::system());
    let report = training.train_event(&event(median), &watch).await.unwrap();
    let (model, scores) = (&report.model, &report.scores);
    assert_eq!(model.label(), format!("event-CH-day_ahead-above-{median} v1"));
    assert_eq!(
        (model.state, model.format, model.is_active),
        (State::Validated, Format::Lightgbm, false)
    );
    assert_eq!(model.event, Some(event(median).event));
    // A coin is right every other time; its squared distance is a quarter.
    assert!((scores.brier_base_rate - 0.25).abs() < 0.03, "{scores:?}");
    assert!(scores.brier < 0.8 * scores.brier_base_rate, "{scores:?}");
    // What is kept answers the rows by which it is recognised.
    let bytes = test.services.registry.artifact(model).await.unwrap();
    let trees = ForeignTrees::parse(std::str::from_utf8(&bytes).unwrap()).unwrap();
    let golden = test.services.registry.golden(model.model_id).await.unwrap();
    assert_eq!(golden.len(), 8);
    for row in golden {
        #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
        let x: Vec<f32> =
            row.features.iter().map(|it| it.map_or(f32::NAN, |it| it as f32)).collect();
        let answer = trees.predict_row(ndarray::ArrayView1::from(&x));
        assert!((answer - row.expected).abs() < 1e-12 && (0.0..=1.0).contains(&answer));
    }
}

#[actix_web::test]
async fn an_event_that_never_happened_is_refused() {
    let test = services().await;
    let watch = Watch::unseen(By::system());
    let refused = test.services.training.train_event(&event(1e6), &watch).await.unwrap_err();
    assert!(matches!(refused, TrainingError::Fit(_)), "{refused:?}");
    let endless = event(f64::NAN);
    assert!(endless.check().is_err());
}

#[test]
#[expect(clippy::float_cmp, reason = "one or nothing")]
fn events_are_read_from_words() {
    let rule = |text: &str| text.parse::<EventRule>();
    let above = EventRule { direction: Direction::Above, threshold: 150.5 };
    assert_eq!(rule("above:150.5"), Ok(above));
    assert_eq!(rule("below:-5").unwrap().of(-6.0), 1.0);
    for text in ["above", "over:5", "above:", "above:nan", "below:inf"] {
        assert!(rule(text).unwrap_err().to_string().contains("above:150"), "{text}");
    }
}
