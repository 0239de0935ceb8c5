//! What the box needs, and what is wrong with it.

use super::arguments::DoctorArguments;
use super::output::{Failure, json, text};
use crate::app;
use crate::config;
use crate::config::Sources;
use crate::operations::doctor::Verdict;
use crate::platform::telemetry;

/// Runs with settings that cannot be used, too: naming them is its task.
pub(super) async fn run(sources: &Sources, arguments: &DoctorArguments) -> Result<(), Failure> {
    let (loaded, mistakes) = config::load_anyway(sources);
    // A log file that cannot be written is to be told, not to be stumbled over.
    let quiet = telemetry::Settings { level: "error".to_owned(), ..telemetry::Settings::default() };
    telemetry::init(&quiet).map_err(Failure::world)?;
    let report = app::look_at_box(sources, &loaded.settings, &mistakes, arguments.fix).await;
    if arguments.json {
        json(&report)?;
    } else {
        text(&report.words())?;
    }
    match report.count(Verdict::Fail) {
        0 => Ok(()),
        _ => Err(Failure::BadResult(report.counts())),
    }
}
