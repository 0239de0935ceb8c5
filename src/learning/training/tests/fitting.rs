//! What is fitted on what, and that a stored model is the fitted one.

use std::collections::BTreeSet;

use super::*;
use crate::access::audit::By;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::Prediction;
use crate::learning::datasets::DatasetError;
use crate::learning::registry::ModelStatus;
use crate::platform::objects::ObjectError;

fn bits(prediction: &Prediction) -> Vec<u64> {
    let quantiles = prediction.quantiles.iter().flatten();
    prediction.mean.iter().chain(quantiles).map(|value| value.to_bits()).collect()
}

#[actix_web::test]
async fn what_is_validated_on_was_issued_when_everything_fitted_on_was_known() {
    let test = services().await;
    let dataset = export(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    let table = test.services.datasets.open(&dataset).await.unwrap();
    let days: BTreeSet<i32> = table.table.groups.iter().map(|key| key.day).collect();
    assert_eq!(days.len(), 60);
    let parts = split(&table).unwrap();
    let last_fitted_on = parts.train.ts.iter().max().unwrap();
    assert!(parts.valid.ts.iter().all(|ts| ts > last_fitted_on));
    let newest_known = parts.train.known_at.iter().max().unwrap();
    assert!(parts.valid.issued_at.iter().all(|issued_at| issued_at >= newest_known));
    // A fifth of sixty days; the k-th lead day lacks the first k − 1 of them.
    let validated = |lead: u8| {
        let keys = parts.valid.table.groups.iter().filter(|key| key.lead_day == lead);
        keys.map(|key| key.day).collect::<BTreeSet<i32>>().len()
    };
    assert_eq!([validated(1), validated(2), validated(7)], [12, 11, 6]);
    // A year and more is validated on its last eight weeks, nine days are not split at all.
    let short = table.filtered(|row| table.table.groups[row].day < days.first().unwrap() + 9);
    assert!(split(&short).is_none());
}

#[actix_web::test]
async fn training_reads_the_exported_file() {
    let test = services().await;
    let asked = request(Algorithm::Linear, "2026-06-30");
    let dataset = export(&test, &asked).await;
    let path = test.folder().join("datasets").join(&dataset.name);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    let training = &test.services.training;
    let refused =
        training.train_on(dataset.clone(), &asked, &Watch::unseen(By::system())).await.unwrap_err();
    let damaged = |error: &TrainingError| {
        matches!(error, TrainingError::Dataset(DatasetError::Object(ObjectError::Damaged { .. })))
    };
    assert!(damaged(&refused), "{refused:?}");
    assert_eq!(test.services.registry.count().await.unwrap(), 0);
    std::fs::write(&path, &good).unwrap();
    let report =
        training.train_on(dataset.clone(), &asked, &Watch::unseen(By::system())).await.unwrap();
    assert_eq!(report.model.dataset_sha256, Some(dataset.sha256));
    assert_eq!(report.model.features, dataset.features);
    // Where the record says that the naive rule forecasts the later days, their errors are its own.
    let metrics = report.model.metrics.unwrap();
    let mut later = metrics.by_lead.iter().filter(|lead| lead.lead_day > 1);
    let is_naive = later.all(|lead| (lead.mae - lead.naive_mae).abs() < 1e-9);
    assert_eq!(metrics.later_days_by.as_deref(), Some(if is_naive { "naive" } else { "linear" }));
}

#[actix_web::test]
async fn a_stored_model_forecasts_the_same_bits_as_the_fitted_one() {
    let test = services().await;
    let dataset = export(&test, &request(Algorithm::Naive, "2026-06-30")).await;
    let parts = split(&test.services.datasets.open(&dataset).await.unwrap()).unwrap();
    let (fitted_on, rows) = (&parts.train.table, &parts.valid.table);
    // Those of whole days need more of them, and have a test of their own.
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_daily()) {
        let asked = request(algorithm, "2026-06-30");
        let params = Params(asked.params.clone());
        let fitted =
            LeadModel::fit(algorithm, &params, fitted_on, rows, &|| false, &mut |_| {}).unwrap();
        let in_memory = fitted.model.predict(rows).unwrap();
        assert!(in_memory.mean.iter().all(|price| price.is_finite()), "{algorithm}");
        let loaded = LeadModel::from_bytes(&fitted.model.to_bytes()).unwrap();
        assert_eq!(bits(&loaded.predict(rows).unwrap()), bits(&in_memory), "{algorithm}");
        // The same fit through the registry: stored, hashed, read back.
        let training = &test.services.training;
        let report =
            training.train_on(dataset.clone(), &asked, &Watch::unseen(By::system())).await.unwrap();
        let stored = test.services.registry.artifact(&report.model).await.unwrap();
        let registered = LeadModel::from_bytes(&stored).unwrap();
        assert_eq!(bits(&registered.predict(rows).unwrap()), bits(&in_memory), "{algorithm}");
        // Rows in another order, alone or many, get the same forecast.
        let reversed: Vec<usize> = (0..rows.rows()).rev().collect();
        let backwards = parts.valid.filtered(|row| row % 97 == 0);
        let few = registered.predict(&backwards.table).unwrap();
        let expected: Vec<f64> = in_memory.mean.iter().step_by(97).copied().collect();
        assert_eq!(few.mean, expected, "{algorithm}");
        assert_eq!(reversed.len(), rows.rows());
    }
}

#[test]
fn bytes_that_are_no_pair_of_models_are_refused() {
    for bytes in [&b""[..], b"LUNALM01", b"LUNALM01\xff\xff\xff\xff\xff\xff\xff\xff", b"LUNAMODL"] {
        assert!(LeadModel::from_bytes(bytes).is_err());
    }
}

#[actix_web::test]
async fn a_cancelled_or_broken_fit_leaves_a_failed_model_with_its_reason() {
    let test = services().await;
    let asked = request(Algorithm::Lightgbm, "2026-06-30");
    // Asked before anything is registered: nothing stays.
    let at_once = Watch { cancelled: Arc::new(|| true), ..Watch::unseen(By::system()) };
    let stopped = test.services.training.train(&asked, &at_once).await.unwrap_err();
    assert!(matches!(stopped, TrainingError::Cancelled), "{stopped:?}");
    assert_eq!(test.services.registry.count().await.unwrap(), 0);

    let times = Arc::new(AtomicUsize::new(0));
    let asked_before = Arc::clone(&times);
    let during = Watch {
        cancelled: Arc::new(move || asked_before.fetch_add(1, Ordering::SeqCst) > 2),
        ..Watch::unseen(By::system())
    };
    let stopped = test.services.training.train(&asked, &during).await.unwrap_err();
    assert!(matches!(stopped, TrainingError::Cancelled), "{stopped:?}");

    let broken = Watch::told(By::system(), |_, what| assert!(what != "fitting", "out of paper"));
    let error = test.services.training.train(&asked, &broken).await.unwrap_err();
    assert!(matches!(error, TrainingError::Pool(_)), "{error:?}");

    let models = test.services.registry.list(None, None, 9).await.unwrap();
    let seen: Vec<_> = models
        .iter()
        .map(|model| (model.version, model.status, model.error.clone().unwrap()))
        .collect();
    assert_eq!(seen[1], (1, ModelStatus::Failed, "cancelled".to_owned()));
    assert_eq!((seen[0].0, seen[0].1), (2, ModelStatus::Failed));
    assert!(seen[0].2.contains("out of paper"), "{}", seen[0].2);
    let refused =
        test.services.registry.activate(models[0].model_id, &By::system()).await.unwrap_err();
    assert!(refused.to_string().contains("not ready"), "{refused}");
}

#[actix_web::test]
async fn what_cannot_be_trained_is_refused_before_anything_is_computed() {
    let test = services().await;
    let refusal = async |change: &dyn Fn(&mut TrainRequest)| {
        let mut asked = request(Algorithm::Lightgbm, "2026-06-30");
        change(&mut asked);
        let refused = test.services.training.train(&asked, &Watch::unseen(By::system())).await;
        refused.unwrap_err().to_string()
    };
    let leaves = refusal(&|asked| drop(asked.params.insert("num_leafs".into(), json!(3)))).await;
    assert!(leaves.contains("`num_leaves`"), "{leaves}");
    let window = refusal(&|asked| asked.window_days = Some(9)).await;
    assert_eq!(window, "window_days is 9, not between 10 and 3650");
    let early = refusal(&|asked| asked.until = Some("2025-12-31".parse().unwrap())).await;
    assert!(
        early.contains("no day_ahead prices of CH between 2025-10-11 and 2025-12-31"),
        "{early}"
    );
    let short = refusal(&|asked| asked.until = Some("2026-01-14".parse().unwrap())).await;
    assert!(short.contains("of CH with complete lags are too few; 10 are the least"), "{short}");
}
