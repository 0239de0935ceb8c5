//! Models of some phases only: what they learn from, that they say so, and who lets them serve.

use std::collections::BTreeSet;

use chrono::{Datelike, Weekday};

use super::*;
use crate::base::timeline::local_date;
use crate::learning::features::Regime;

fn regime(text: &str) -> Option<Regime> {
    text.split(' ').map(|it| it.parse::<Regime>().unwrap()).reduce(Regime::and)
}

#[actix_web::test]
async fn a_model_of_some_days_learns_from_those_and_says_so() {
    let test = services().await;
    let all = export(&test, &request(Algorithm::Linear, "2026-06-30")).await;
    let asked = TrainRequest {
        regime: regime("day_type=workday crisis=without"),
        ..request(Algorithm::Linear, "2026-06-30")
    };
    let report = train(&test, &asked).await;
    assert_eq!(report.model.regime, asked.regime);
    // What was learned from can be looked at: it is in the file.
    let table = test.services.datasets.open(&report.dataset).await.unwrap();
    let days: BTreeSet<_> = table.ts.iter().map(|ts| local_date(*ts, ch().time_zone())).collect();
    let is_rest = |day: &chrono::NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    assert!(!days.iter().any(is_rest), "{days:?}");
    // Ascension, Whit Monday and Corpus Christi of 2026 are no workdays in every list of holidays;
    // those of the whole country are not.
    assert!(!days.contains(&"2026-05-14".parse().unwrap()));
    assert!(days.contains(&"2026-06-30".parse().unwrap()) && days.len() > 35, "{}", days.len());
    assert!(report.dataset.rows < all.rows);
    // It is better than the naive model on such days, but would serve on all.
    assert!(report.model.metrics.unwrap().gate.passed && !report.serves);
    assert!(report.verdict.contains("crisis=without day_type=workday"), "{}", report.verdict);
    // Days without the crisis do not end: such a model serves like any other.
    let calm = TrainRequest {
        regime: regime("crisis=without"),
        ..request(Algorithm::Linear, "2026-06-30")
    };
    let calm = train(&test, &calm).await;
    assert!(calm.serves, "{}", calm.verdict);
    assert_eq!(calm.dataset.rows, all.rows);
    // An empty choice is none.
    let none = TrainRequest { regime: Some(Regime::default()), activate: false, ..asked };
    assert_eq!(train(&test, &none).await.model.regime, None);
}

#[actix_web::test]
async fn phases_that_leave_nothing_or_gaps_are_refused() {
    let test = services().await;
    let training = &test.services.training;
    let watch = Watch::unseen(By::system());
    let refused = async |model: Algorithm, phases: &str| {
        let asked = TrainRequest { regime: regime(phases), ..request(model, "2026-06-30") };
        training.train(&asked, &watch).await.unwrap_err()
    };
    // The sixty days are of spring and summer.
    let none = refused(Algorithm::Linear, "season=winter").await;
    assert!(matches!(none, TrainingError::TooShort { days: 0, .. }), "{none}");
    let gaps = refused(Algorithm::Lear, "day_type=workday").await;
    assert!(matches!(gaps, TrainingError::BadRegime(Algorithm::Lear)), "{gaps}");
}
