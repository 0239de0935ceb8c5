//! Commands: what a person or a script may ask of the program.

mod admin; // accounts from the box itself
mod arguments; // the command line's form
mod ask; // a question to documents
mod bench; // speed against floors
mod benchmark; // the open benchmark of price forecasts
mod data; // import, datasets, database
mod keys; // API keys from the box itself
mod drops; // files of grid operators
mod describe; // completions, manual, unit
mod doctor; // what the box needs
mod documents; // documents and their index
mod extract; // the text of one file, in a process of its own
mod fetch; // prices from the internet
mod learning; // train, evaluate, forecast
mod meters; // forecasts of meters
mod output; // results to standard output, the rest to standard error
mod readings; // files of meters
mod weather; // files of weather
mod session; // services for one command
mod simulate; // a market and houses that do not exist
mod realism; // the simulated house beside measured ones
mod site; // a simulated site
mod tariffs; // an operator's yearly file

use std::process::ExitCode;

use clap::Parser;

use self::arguments::{Cli, Command, ConfigCommand};
use self::output::Failure;
use crate::app;
use crate::config;
use crate::platform::telemetry;

/// Reads the command line, does what it says, and says how it went: 0 done, 1 the input or the
/// world was wrong, 2 wrong usage or a bug of ours.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if extract::is_asked(&arguments) {
        return extract::run(&arguments);
    }
    if let Some(code) = with_environment() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let code = if message.use_stderr() { 2 } else { 0 };
            drop(message.print());
            return ExitCode::from(code);
        }
    };
    // Two TLS back ends may be linked; the first to be asked must not be left to chance.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Failure::bug(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What libraries of the process read while they are loaded, which is before any line of ours.
///
/// OpenMP's threads would turn in circles while they wait. The allocator keeps what training freed
/// in one heap per thread; with two heaps and fixed thresholds most of it goes back to the system.
const LOADED_WITH: [(&str, &str); 4] = [
    ("OMP_WAIT_POLICY", "passive"),
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// Starts the program once more where one of these is not set; comes back only when that fails.
fn with_environment() -> Option<ExitCode> {
    use std::os::unix::process::CommandExt;
    let missing: Vec<_> =
        LOADED_WITH.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let error =
        std::process::Command::new(program).args(std::env::args_os().skip(1)).envs(missing).exec();
    Some(Failure::bug(error).report())
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Doctor(arguments) => return doctor::run(&cli.sources(), arguments).await,
        Command::Completions { shell } => return describe::completions(*shell),
        Command::Man => return describe::man(),
        Command::Systemd => {
            let program = std::env::current_exe().map_err(Failure::world)?;
            return describe::systemd(&program);
        }
        _ => {}
    }
    let loaded = config::load(&cli.sources())?;
    if let Command::Config(command) = &cli.command {
        return show_config(command, loaded).await;
    }
    let mut telemetry = loaded.settings.telemetry.clone();
    if !matches!(cli.command, Command::Serve { .. }) && !Cli::sets_log_level(&loaded) {
        // A command's own words are its output; the log speaks up when something is off.
        "warn".clone_into(&mut telemetry.level);
    }
    let logs = match cli.command {
        // What it measures logs as a service does.
        Command::Bench(_) => telemetry::init_for_measurement(&loaded.settings.telemetry),
        _ => telemetry::init(&telemetry),
    };
    let logs = logs.map_err(Failure::world)?;
    for notice in &loaded.notices {
        tracing::warn!("{notice}");
    }
    let settings = loaded.settings;
    match cli.command {
        Command::Simulate { command: Some(command), .. } => simulate::run(&settings, command).await,
        Command::Simulate { command: None, json } => simulate::fill(&settings, json).await,
        Command::Fetch(arguments) => fetch::run(&settings, arguments).await,
        Command::Serve { .. } => app::serve(settings, logs).await.map_err(Failure::world),
        Command::Openapi => output::json(&app::openapi()),
        Command::Health => data::health(&settings).await,
        Command::Db(command) => data::database(&settings, command).await,
        Command::Import(command) => data::import(&settings, command).await,
        Command::Dataset(command) => data::dataset(&settings, command).await,
        Command::Train(arguments) => learning::train(&settings, arguments).await,
        Command::Evaluate { command, arguments } => {
            benchmark::evaluate(&settings, command, arguments).await
        }
        Command::Forecast(arguments) => learning::forecast(&settings, arguments).await,
        Command::Bench(arguments) => bench::run(&settings, arguments).await,
        Command::Documents(command) => documents::run(&settings, command).await,
        Command::Admin(command) => admin::run(&settings, command).await,
        Command::Keys(command) => keys::run(&settings, command).await,
        // Done above, without these settings or before the log.
        Command::Config(_)
        | Command::Doctor(_)
        | Command::Completions { .. }
        | Command::Man
        | Command::Systemd => Ok(()),
    }
}

async fn show_config(command: &ConfigCommand, loaded: config::Loaded) -> Result<(), Failure> {
    match command {
        ConfigCommand::Show { origin } => {
            let stored = session::stored_settings(&loaded.settings).await?;
            let loaded = loaded.settings.with_stored(&stored).unwrap_or(loaded);
            output::text(&loaded.show(*origin))
        }
        ConfigCommand::Check => output::text("The settings are sound.\n"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::arguments::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
