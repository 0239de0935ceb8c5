//! Rolling-origin reports against numbers computed another way.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Timelike, Utc};

use super::*;
use crate::access::audit::By;
use crate::learning::training::evaluate::{known_before, on_the_day_before};
use crate::testing::{hours, point, utc};

fn evaluation(models: &[Algorithm], from: &str, to: &str) -> EvaluateRequest {
    EvaluateRequest {
        market: ch(),
        product: Product::DayAhead,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        models: models.to_vec(),
        window_days: Some(40),
        refit_days: Some(7),
        params: models
            .iter()
            .map(|model| (model.name().to_owned(), quick(*model).into()))
            .collect(),
    }
}

async fn evaluate(test: &TestServices, request: &EvaluateRequest) -> EvaluationReport {
    test.services.training.evaluate(request, &Watch::unseen(By::system())).await.unwrap()
}

/// Local day and wall-clock hour of an instant.
fn wall(ts: DateTime<Utc>) -> (NaiveDate, u32) {
    let local = ts.with_timezone(&ch().time_zone());
    (local.date_naive(), local.hour())
}

/// Prices by local day and hour; two where the clock shows an hour twice.
struct Book(HashMap<(NaiveDate, u32), Vec<f64>>);

impl Book {
    fn of(prices: &[(DateTime<Utc>, f64)]) -> Self {
        let mut book: HashMap<_, Vec<f64>> = HashMap::new();
        for (ts, price) in prices {
            book.entry(wall(*ts)).or_default().push(*price);
        }
        Self(book)
    }

    /// Mean of what the clock showed at that hour, or around it where the clock jumped over it.
    fn at(&self, day: NaiveDate, hour: u32) -> Option<f64> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let jumped = day == "2026-03-29".parse().unwrap() && hour == 2;
        if jumped {
            return Some(f64::midpoint(self.at(day, 1)?, self.at(day, 3)?));
        }
        self.0.get(&(day, hour)).map(|values| mean(values))
    }
}

/// MAE and RMSE of (forecast, price) pairs.
fn errors(pairs: &[(f64, f64)]) -> (f64, f64) {
    let n = pairs.len() as f64;
    let absolute: f64 = pairs.iter().map(|(f, a)| (f - a).abs()).sum();
    let squared: f64 = pairs.iter().map(|(f, a)| (f - a).powi(2)).sum();
    (absolute / n, (squared / n).sqrt())
}

/// As features are: single precision.
#[expect(clippy::cast_possible_truncation, reason = "features are f32")]
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

#[actix_web::test]
async fn a_naive_report_is_the_one_computed_by_hand() {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    // Two hours have no price: one that is scored, one that others look back at.
    let missing = [utc("2026-04-01T10:00:00Z"), utc("2026-03-26T17:00:00Z")];
    let price = |ts: DateTime<Utc>| (!missing.contains(&ts)).then(|| lively(ts));
    test.put(Product::DayAhead, ("2026-01-20", "2026-04-20"), price).await;
    let report =
        evaluate(&test, &evaluation(&[Algorithm::Naive], "2026-03-25", "2026-04-14")).await;

    let all = hours("2026-01-20", "2026-04-20");
    let book = Book::of(&all.iter().filter_map(|ts| Some((*ts, price(*ts)?))).collect::<Vec<_>>());
    let (mut pairs, mut weekly, mut daily) = (vec![], vec![], vec![]);
    for ts in hours("2026-03-25", "2026-04-14") {
        let (date, hour) = wall(ts);
        let yesterday = book.at(date - Duration::days(1), hour);
        let week_ago = book.at(date - Duration::days(7), hour);
        let (Some(actual), Some(yesterday), Some(week_ago)) = (price(ts), yesterday, week_ago)
        else {
            continue;
        };
        let weekday = date.weekday().number_from_monday();
        let forecast = if (2..=5).contains(&weekday) { yesterday } else { week_ago };
        pairs.push((single(forecast), actual));
        weekly.push((single(week_ago), actual));
        daily.push(yesterday);
    }
    // Twenty-one days with an hour skipped; the hour of 1 April lacks its price and is missed on the
    // next day and a week later, that of 26 March the same.
    assert_eq!(pairs.len(), 21 * 24 - 1 - 2 * 3);
    let (mae, rmse) = errors(&pairs);
    let naive = &report.models[0];
    assert_eq!((naive.model.as_str(), naive.n, naive.fits), ("naive", pairs.len(), 3));
    assert!((naive.mae - mae).abs() < 1e-9, "{} and {mae}", naive.mae);
    assert!((naive.rmse - rmse).abs() < 1e-9);
    let relative = mae / errors(&weekly).0;
    assert!((naive.rmae.unwrap() - relative).abs() < 1e-9);
    assert_eq!(
        report.notes[2],
        "497 of 503 delivery periods are scored; the others lack a price, or a price to forecast from."
    );
    assert!(report.notes[0].contains("every 7 days on the 40 days before"), "{}", report.notes[0]);
    assert!(report.notes[1].contains("168 hours"));
    assert!(report.notes[3].starts_with("0 exogenous series"));
}

#[actix_web::test]
async fn a_price_that_came_late_is_not_used() {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    test.put(Product::DayAhead, ("2026-01-20", "2026-04-20"), |ts| Some(lively(ts))).await;
    // The prices of Wednesday 8 April are corrected at eleven on that day: the forecast of Thursday
    // was issued an hour before, and the correction must not be in it.
    let late = utc("2026-04-08T09:00:00Z");
    let wrong: Vec<_> = hours("2026-04-08", "2026-04-08")
        .into_iter()
        .map(|ts| point(Product::DayAhead, ts, late, lively(ts) + 1_000.0))
        .collect();
    test.services.prices.put(&ch(), Product::DayAhead, &wrong).await.unwrap();
    let thursday = evaluation(&[Algorithm::Naive], "2026-04-09", "2026-04-09");
    let report = evaluate(&test, &thursday).await;
    let pairs: Vec<_> = hours("2026-04-09", "2026-04-09")
        .into_iter()
        .map(|ts| (single(lively(ts - Duration::hours(24))), lively(ts)))
        .collect();
    assert!((report.models[0].mae - errors(&pairs).0).abs() < 1e-9, "{}", report.models[0].mae);
}

#[actix_web::test]
async fn a_day_published_late_makes_the_next_one_two_days_ahead() {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    let days = |first, last| (first, last);
    test.put(Product::DayAhead, days("2026-01-20", "2026-04-07"), |ts| Some(lively(ts))).await;
    test.put(Product::DayAhead, days("2026-04-09", "2026-04-20"), |ts| Some(lively(ts))).await;
    let late: Vec<_> = hours("2026-04-08", "2026-04-08")
        .into_iter()
        .map(|ts| point(Product::DayAhead, ts, utc("2026-04-08T10:00:00Z"), lively(ts)))
        .collect();
    test.services.prices.put(&ch(), Product::DayAhead, &late).await.unwrap();
    let report =
        evaluate(&test, &evaluation(&[Algorithm::Naive], "2026-04-09", "2026-04-09")).await;
    // Two days ahead the naive rule looks a week back.
    let pairs: Vec<_> = hours("2026-04-09", "2026-04-09")
        .into_iter()
        .map(|ts| (single(lively(ts - Duration::days(7))), lively(ts)))
        .collect();
    assert_eq!(report.models[0].n, 24);
    assert!((report.models[0].mae - errors(&pairs).0).abs() < 1e-9);
}

#[actix_web::test]
async fn nothing_is_fitted_on_that_was_not_known_before_the_block() {
    let test = services().await;
    let dataset = export(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    let table = test.services.datasets.open(&dataset).await.unwrap();
    let zone = ch().time_zone();
    let first = table.table.groups.iter().map(|key| key.day).min().unwrap();
    let scored = on_the_day_before(&table, first + 30, zone);
    // Of seven leads one is issued on the day before.
    assert_eq!(scored.len(), 30 * 24);
    assert!(scored.table.groups.iter().all(|key| key.lead_day == 1));
    for block in [first + 30, first + 44] {
        let test_rows =
            scored.filtered(|row| (block..block + 7).contains(&scored.table.groups[row].day));
        let past = known_before(&table, block - 20..block, &test_rows);
        let days = past.table.groups.iter().map(|key| key.day);
        assert_eq!((days.clone().min(), days.max()), (Some(block - 20), Some(block - 1)));
        let issued_at = test_rows.issued_at.iter().min().unwrap();
        assert!(past.known_at.iter().all(|known_at| known_at <= issued_at));
    }
    // A truth that was corrected later than the forecast was issued is not learned from.
    let mut corrected = table.clone();
    let block = first + 30;
    let of_block = |row: usize| scored.table.groups[row].day == block;
    let test_rows = scored.filtered(of_block);
    corrected.known_at[0] = test_rows.issued_at[0] + Duration::seconds(1);
    let (with, without) = (
        known_before(&table, first..block, &test_rows).len(),
        known_before(&corrected, first..block, &test_rows).len(),
    );
    assert_eq!(with - without, 1);
}

#[actix_web::test]
async fn several_models_are_compared_on_the_same_periods() {
    let test = services().await;
    let models = [Algorithm::Naive, Algorithm::Linear, Algorithm::Lightgbm];
    let report = evaluate(&test, &evaluation(&models, "2026-06-10", "2026-06-23")).await;
    let names: Vec<&str> = report.models.iter().map(|model| model.model.as_str()).collect();
    assert_eq!(names, ["naive", "linear", "lightgbm"]);
    assert!(report.models.iter().all(|model| (model.n, model.fits) == (14 * 24, 2)));
    assert!(report.models[1].mae < report.models[0].mae);
    assert!(report.models[1].coverage_80.unwrap() > 50.0);
}

#[actix_web::test]
async fn what_cannot_be_evaluated_is_refused() {
    let test = services().await;
    let naive = evaluation(&[Algorithm::Naive], "2026-06-10", "2026-06-11");
    let refusal = async |asked: EvaluateRequest| {
        let refused = test.services.training.evaluate(&asked, &Watch::unseen(By::system())).await;
        refused.unwrap_err().to_string()
    };
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let reversed = EvaluateRequest { to: day("2026-06-09"), ..naive.clone() };
    assert!(refusal(reversed).await.contains("are 0 days"));
    let none = EvaluateRequest { models: vec![], ..naive.clone() };
    assert!(refusal(none).await.contains("names no algorithm"));
    let mut strange = naive.clone();
    strange.params.insert("linear".into(), json!({"ridge": 1.0}));
    assert!(refusal(strange).await.contains("'linear'"));
    let mut wrong = naive.clone();
    wrong.params.insert("naive".into(), json!({"lag": "month"}));
    assert!(refusal(wrong).await.contains("`lag`"));
    let tomorrow =
        EvaluateRequest { from: day("2026-07-10"), to: day("2026-07-11"), ..naive.clone() };
    assert!(
        refusal(tomorrow).await.starts_with("no delivery period from 2026-07-10 to 2026-07-11")
    );
    let early = EvaluateRequest { from: day("2026-01-16"), to: day("2026-01-17"), ..naive };
    let few = refusal(early).await;
    assert!(few.contains("fewer than ten days"), "{few}");
}
