//! Who is offered for promotion, and the way there and back.

use chrono::Duration;

use super::*;
use crate::learning::registry::State;
use crate::learning::serving::PromoteJob;
use crate::learning::serving::contest::{DriftGrade, Verdict, judged};
use crate::learning::serving::store::Pair;
use crate::platform::jobs::NewJob;
use crate::platform::jobs::Runner;
use crate::platform::runtime::Tasks;

/// Both models predict each day and its prices come true: the champion says 40, the challenger 50,
/// the price is near `truth`.
async fn days(test: &TestServices, count: i64, truth: f64) {
    for _ in 0..count {
        // At noon on the day before the prices of the day come.
        let now = test.clock.now() + Duration::days(1);
        test.clock.set(now);
        let day = (now + Duration::days(1)).date_naive().to_string();
        let price = |ts: DateTime<Utc>| Some(truth + (ts.timestamp() / 3_600 % 7) as f64);
        test.put(Product::DayAhead, (&day, &day), price).await;
        follow(test).await;
    }
}

/// A champion that says 40 and a challenger that says 50, whatever comes.
async fn rivals(test: &TestServices) -> (ModelRecord, ModelRecord) {
    let champion = at_work(test, &value_bundle("champion", 40.0, 40.0)).await;
    let challenger = take_in(test, &value_bundle("challenger", 50.0, 50.0)).await.unwrap().model;
    let by = By::system();
    let shadow = test.services.registry.shadow(challenger.model_id, Order::from(&by)).await;
    assert_eq!(shadow.as_ref().unwrap().state, State::Shadow);
    test.set("2026-06-30T12:00:00Z");
    (champion, shadow.unwrap())
}

#[actix_web::test]
async fn a_challenger_is_offered_after_two_weeks_in_which_it_was_better() {
    let test = services().await;
    let (champion, challenger) = rivals(&test).await;
    let (contests, registry) = (&test.services.contests, &test.services.registry);
    let by = By::system();
    let order = Order { by: &by, reason: "two good weeks", accepts_unproven: false };
    days(&test, 10, 50.0).await;
    let early = contests.contest(challenger.model_id).await.unwrap();
    assert_eq!((early.verdict, early.offered), (Verdict::TooFewDays, false));
    assert!(early.days >= 7 && early.days < 14, "{early:?}");
    let refused = contests.promote(challenger.model_id, order).await.unwrap_err();
    assert!(refused.to_string().contains("of the 14 days"), "{refused}");

    days(&test, 8, 50.0).await;
    let ready = contests.contest(challenger.model_id).await.unwrap();
    assert_eq!((ready.verdict, ready.offered), (Verdict::Better, true), "{ready:?}");
    // Prices are 50 to 56: the challenger errs by 0 to 6, the champion by 10 more, every hour.
    assert!((ready.gain.unwrap() - 10.0).abs() < 1e-9, "{ready:?}");
    assert!((ready.champion_error.unwrap() - ready.challenger_error.unwrap() - 10.0).abs() < 1e-9);
    // It is offered, nothing more, unless a setting says so.
    test.services.jobs.enqueue(NewJob::new(PromoteJob::NAME)).await.unwrap();
    let runner = Runner::new(test.services.jobs.clone(), test.services.handlers(), Tasks::new());
    while runner.run_next().await.unwrap().is_some() {}
    assert_eq!(registry.get(champion.model_id).await.unwrap().state, State::Active);

    let promoted = contests.promote(challenger.model_id, order).await.unwrap();
    assert_eq!((promoted.state, promoted.is_active), (State::Active, true));
    assert_eq!(registry.get(champion.model_id).await.unwrap().state, State::Retired);
    let told = registry.history(challenger.model_id, None, 1).await.unwrap().remove(0);
    assert_eq!((told.action.as_str(), told.replaced_id), ("promote", Some(champion.model_id)));
    assert!(told.reason.starts_with("two good weeks (error "), "{}", told.reason);
    // And back.
    let back = registry.rollback(challenger.model_id, order).await.unwrap();
    assert_eq!((back.model_id, back.state), (champion.model_id, State::Active));
    assert_eq!(registry.get(challenger.model_id).await.unwrap().state, State::Retired);
    let none = registry.rollback(champion.model_id, order).await.unwrap_err();
    assert!(none.to_string().contains("no model served"), "{none}");
}

#[actix_web::test]
async fn a_worse_challenger_stays_in_the_shadow_and_its_errors_are_watched() {
    let test = services().await;
    let (champion, challenger) = rivals(&test).await;
    let contests = &test.services.contests;
    days(&test, 18, 30.0).await;
    let contest = contests.contest(challenger.model_id).await.unwrap();
    assert_eq!((contest.verdict, contest.offered), (Verdict::NotBetter, false));
    assert!(contest.gain.unwrap() < -9.0, "{contest:?}");
    assert!(contests.contest(champion.model_id).await.is_err());
    assert_eq!(contests.drift(champion.model_id).await.unwrap().grade, DriftGrade::Unknown);
    // Two weeks more as before, and then prices at another level.
    days(&test, 15, 30.0).await;
    let drift = contests.drift(champion.model_id).await.unwrap();
    assert_eq!(drift.grade, DriftGrade::Stable, "{drift:?}");
    days(&test, 15, 90.0).await;
    let drift = contests.drift(champion.model_id).await.unwrap();
    assert_eq!(drift.grade, DriftGrade::Large, "{drift:?}");
}

#[actix_web::test]
async fn what_the_gate_refuses_is_not_offered_however_well_it_did() {
    let test = services().await;
    let (champion, mut challenger) = rivals(&test).await;
    // Twenty days: the champion is off by two, the challenger by one.
    let pairs: Vec<Pair> = (0..20 * 24)
        .map(|hour| Pair {
            target_ts: test.clock.now() + Duration::hours(hour),
            champion: 52.0,
            challenger: 51.0,
            actual: 50.0,
        })
        .collect();
    let open = judged(&challenger, Some(&champion), &pairs);
    assert_eq!((open.verdict, open.offered, open.gain), (Verdict::Better, true, Some(1.0)));
    let scores = json!({"n": 1, "mae": 24.0, "rmse": 30.0, "smape_percent": 30.0, "mape": null,
        "wape_percent": null, "rmae": null, "bands": null});
    let metrics = json!({"train_rows": 1, "validation_rows": 1, "validation": scores, "naive": scores,
        "by_lead": [], "gate": {"passed": false, "reason": "MAE 24 against 23"}, "training_s": 1.0,
        "importance": []});
    challenger.metrics = Some(serde_json::from_value(metrics).unwrap());
    let closed = judged(&challenger, Some(&champion), &pairs);
    assert_eq!((closed.verdict, closed.offered), (Verdict::Better, false));
    assert_eq!(closed.summary, format!("{}; it may not serve: MAE 24 against 23", open.summary));
}
