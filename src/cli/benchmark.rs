//! The model pool on a file of the open benchmark.

use super::arguments::{EpfArguments, EvaluateArguments, EvaluateCommand};
use super::output::{Failure, json, progress, text};
use super::{learning, meters};
use crate::algorithms::forecasting::pool::Work;
use crate::config::Settings;
use crate::learning::benchmark::BenchmarkRequest;
use crate::learning::benchmark::run;

pub(super) async fn evaluate(
    settings: &Settings,
    command: Option<EvaluateCommand>,
    arguments: Option<EvaluateArguments>,
) -> Result<(), Failure> {
    match (command, arguments) {
        (Some(EvaluateCommand::Epf(arguments)), _) => epf(arguments),
        (Some(EvaluateCommand::Meters(arguments)), _) => {
            meters::evaluate(settings, arguments).await
        }
        (None, Some(arguments)) => learning::evaluate(settings, arguments).await,
        (None, None) => {
            let error = anyhow::anyhow!("there is nothing to evaluate");
            Err(Failure::with_hint(error, "luna evaluate --help shows the three forms"))
        }
    }
}

fn epf(arguments: EpfArguments) -> Result<(), Failure> {
    let as_json = arguments.json;
    let request = BenchmarkRequest {
        market: arguments.market,
        data: arguments.data,
        published: arguments.published,
        test_start: arguments.test_start,
        out: arguments.out,
    };
    let work = Work {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        cancel: &|| false,
        progress: &|done| progress(done, "forecasting day after day"),
    };
    let report = run(&request, work).map_err(Failure::world)?;
    if as_json { json(&report) } else { text(&report.table()) }
}
