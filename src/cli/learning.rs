//! Train, evaluate, forecast.

use super::arguments::{EvaluateArguments, ForecastArguments, TrainArguments};
use super::meters;
use super::output::{Failure, json, line, progress, text};
use super::session::with_services;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::config::Settings;
use crate::learning::features::Regime;
use crate::learning::registry::EventRule;
use crate::learning::training::EvaluateRequest;
use crate::learning::training::EvaluationReport;
use crate::learning::training::EventRequest;
use crate::learning::training::TrainReport;
use crate::learning::training::TrainRequest;
use crate::learning::training::Watch;

pub(super) fn train_request(arguments: TrainArguments) -> TrainRequest {
    let regime = regime(arguments.regime);
    TrainRequest {
        market: arguments.market,
        product: arguments.product,
        model: arguments.model,
        until: arguments.until,
        window_days: arguments.window_days,
        regime,
        params: arguments.params.into_iter().collect(),
        activate: !arguments.no_activate,
    }
}

/// All phases that were named, as one.
fn regime(named: Vec<Regime>) -> Option<Regime> {
    named.into_iter().reduce(Regime::and)
}

pub(super) async fn train(settings: &Settings, arguments: TrainArguments) -> Result<(), Failure> {
    let as_json = arguments.json;
    if let Some(event) = arguments.event {
        return train_event(settings, event, arguments).await;
    }
    let request = train_request(arguments);
    let report = with_services(settings, async |services| {
        let watch = Watch::told(By::command(), progress);
        services.training.train(&request, &watch).await.map_err(Failure::world)
    })
    .await?;
    if as_json {
        json(&report)?;
    } else {
        text(&train_words(&report))?;
    }
    let gate = report.model.metrics.as_ref().map(|metrics| &metrics.gate);
    match gate {
        Some(gate) if !gate.passed => Err(Failure::BadResult(format!(
            "{} is registered but may not serve: {}",
            report.model.label(),
            gate.reason
        ))),
        _ => Ok(()),
    }
}

/// Trains trees on how likely an event is.
async fn train_event(
    settings: &Settings,
    event: EventRule,
    arguments: TrainArguments,
) -> Result<(), Failure> {
    if arguments.model != Algorithm::Lightgbm {
        let model = arguments.model;
        return Err(Failure::world(anyhow::anyhow!(
            "the probability of an event is learned by lightgbm, not {model}; leave --model away"
        )));
    }
    let request = EventRequest {
        market: arguments.market,
        product: arguments.product,
        event,
        until: arguments.until,
        window_days: arguments.window_days,
        regime: regime(arguments.regime),
        params: arguments.params.into_iter().collect(),
    };
    let report = with_services(settings, async |services| {
        let watch = Watch::told(By::command(), progress);
        services.training.train_event(&request, &watch).await.map_err(Failure::world)
    })
    .await?;
    if arguments.json {
        json(&report)?;
    } else {
        let (label, verdict) = (report.model.label(), &report.verdict);
        text(&format!("{label}: dataset {}\n  {verdict}\n", report.dataset.name))?;
    }
    if report.scores.brier < report.scores.brier_base_rate {
        return Ok(());
    }
    Err(Failure::BadResult(format!("{} is no better than the base rate", report.model.label())))
}

fn train_words(report: &TrainReport) -> String {
    let model = &report.model;
    let mut text = format!(
        "{}: {} to {}, dataset {}\n",
        model.label(),
        model.train_start.format("%Y-%m-%d"),
        model.train_end.format("%Y-%m-%d"),
        report.dataset.name
    );
    if let Some(regime) = &model.regime {
        line(&mut text, format_args!("  learned from {}", regime.words()));
    }
    if let Some(metrics) = &model.metrics {
        let (scores, naive) = (&metrics.validation, &metrics.naive);
        line(
            &mut text,
            format_args!(
                "  fitted on {} rows in {:.1} s, validated on {} later ones",
                metrics.train_rows, metrics.training_s, metrics.validation_rows
            ),
        );
        line(
            &mut text,
            format_args!(
                "  MAE {:.3} (naive {:.3}), RMSE {:.3} (naive {:.3}) EUR/MWh",
                scores.mae, naive.mae, scores.rmse, naive.rmse
            ),
        );
    }
    let verdict = if report.serves { "serves" } else { "does not serve" };
    line(&mut text, format_args!("  {verdict} {}: {}", model.target_variable, report.verdict));
    text
}

pub(super) async fn evaluate(
    settings: &Settings,
    arguments: EvaluateArguments,
) -> Result<(), Failure> {
    let as_json = arguments.json;
    let request = EvaluateRequest {
        market: arguments.market,
        product: arguments.product,
        from: arguments.from,
        to: arguments.to,
        models: arguments.models,
        window_days: arguments.window_days,
        refit_days: arguments.refit_days,
        params: by_model(arguments.params)?,
    };
    let report = with_services(settings, async |services| {
        let watch = Watch::told(By::command(), progress);
        services.training.evaluate(&request, &watch).await.map_err(Failure::world)
    })
    .await?;
    if as_json { json(&report) } else { text(&evaluation_words(&report)) }
}

/// `model.name=value` pairs as one object per model.
fn by_model(
    params: Vec<(String, serde_json::Value)>,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let mut models = serde_json::Map::new();
    for (name, value) in params {
        let Some((model, name)) = name.split_once('.') else {
            let error = anyhow::anyhow!("--param {name} does not say which model it is for");
            return Err(Failure::with_hint(error, "write --param lightgbm.num_leaves=31"));
        };
        let entry = models.entry(model).or_insert_with(|| serde_json::json!({}));
        if let Some(object) = entry.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    }
    Ok(models)
}

fn evaluation_words(report: &EvaluationReport) -> String {
    let mut text = format!(
        "{} {}, {} to {}, EUR/MWh\n{:<14}{:>7}{:>9}{:>9}{:>8}{:>9}{:>9}{:>9}{:>8}\n",
        report.market,
        report.product.name(),
        report.from,
        report.to,
        "model",
        "n",
        "MAE",
        "RMSE",
        "rMAE",
        "sMAPE %",
        "WAPE %",
        "pinball",
        "fit s"
    );
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
    for model in &report.models {
        line(
            &mut text,
            format_args!(
                "{:<14}{:>7}{:>9.3}{:>9.3}{:>8}{:>9.2}{:>9}{:>9}{:>8.1}",
                model.model,
                model.n,
                model.mae,
                model.rmse,
                number(model.rmae),
                model.smape,
                number(model.wape),
                number(model.pinball),
                model.fit_s
            ),
        );
    }
    for note in &report.notes {
        line(&mut text, format_args!("{note}"));
    }
    text
}

pub(super) async fn forecast(
    settings: &Settings,
    arguments: ForecastArguments,
) -> Result<(), Failure> {
    if let Some(meter) = &arguments.meter {
        return meters::forecast(settings, meter, &arguments).await;
    }
    let Some(market) = arguments.market else {
        return Err(Failure::world(anyhow::anyhow!("say --market or --meter")));
    };
    let forecast = with_services(settings, async |services| {
        let issued = services.forecasts.issue(&market, arguments.product).await;
        issued.map_err(Failure::world)
    })
    .await?;
    if arguments.json {
        return json(&serde_json::json!({ "run": forecast.run, "points": forecast.values }));
    }
    let zone = market.time_zone();
    let mut words = format!(
        "{} by {}, behind {}\n",
        forecast.run.series,
        forecast.run.model_label,
        forecast.run.known_until.with_timezone(&zone).format("%Y-%m-%d %H:%M")
    );
    for value in &forecast.values {
        line(
            &mut words,
            format_args!(
                "{}  {:>9.2}  {:>9.2} … {:.2}",
                value.ts.with_timezone(&zone).format("%a %d.%m. %H:%M"),
                value.price_eur_mwh,
                value.quantiles_eur_mwh[1],
                value.quantiles_eur_mwh[5]
            ),
        );
    }
    text(&words)
}
