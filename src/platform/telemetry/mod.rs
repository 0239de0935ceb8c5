//! Logs, metrics, redaction: what the program says about itself.

mod find; // lines that somebody looks for
mod json; // log lines as JSON, with the fields of their spans
mod catalogue; // every metric with its help text
mod metrics; // names, help texts, Prometheus text
mod otlp; // spans to a collector
mod redact; // secrets out of everything that is written
mod rolling; // a log file that does not grow for ever
mod settings; // the `[telemetry]` section

pub use self::find::{LogFilter, LogLevel};
pub use self::metrics::{Metrics, Sample};
pub use self::otlp::flush;
pub use self::redact::redact;
pub use self::settings::{Format, Settings};

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use self::json::JsonLines;
use self::redact::RedactingWriter;
use self::rolling::RollingFile;

/// Log lines kept in memory for [`Logs::recent`].
const RECENT_LINES: usize = 2_000;

/// What keeps the program from logging.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is neither a level nor a list of directives.
    #[error("'{given}' is not a log level; use error, warn, info, debug or trace")]
    Level {
        /// What was set.
        given: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The log file cannot be written.
    #[error("cannot write the log file {}", path.display())]
    File {
        /// Where it was to be.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Logging has been set up before.
    #[error("logging is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// Spans cannot be sent.
    #[error("spans cannot be sent to {endpoint}: {why}")]
    Collector {
        /// Address of the collector.
        endpoint: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another recorder took the metrics.
    #[error("metrics are set up already: {0}")]
    Metrics(String),
}

/// The latest log lines, as JSON, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<VecDeque<String>>>);

impl Logs {
    /// At most `count` lines, oldest first; secrets are masked in them as everywhere.
    pub fn recent(&self, count: usize) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == RECENT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
}

/// Starts logging: to standard error, to the file when one is set, and to memory.
pub fn init(settings: &Settings) -> Result<Logs, TelemetryError> {
    let logs = Logs::default();
    subscriber(settings, &logs)?.try_init()?;
    Ok(logs)
}

/// Starts logging for a measurement: every line is made and written as a service writes it, but to
/// the null device; warnings appear on standard error besides.
pub fn init_for_measurement(settings: &Settings) -> Result<Logs, TelemetryError> {
    let logs = Logs::default();
    let path = std::path::Path::new("/dev/null");
    let null = std::fs::File::options().write(true).open(path);
    let null = null.map_err(|source| TelemetryError::File { path: path.to_owned(), source })?;
    let mut lines = JsonLines::default();
    let tail = logs.clone();
    lines.add(move |line| tail.push(line));
    lines.add(move |line| write_line(&null, line));
    let warnings = fmt::layer().with_writer(|| RedactingWriter::new(std::io::stderr()));
    let warnings = warnings.with_ansi(false).with_filter(LevelFilter::WARN);
    let all = tracing_subscriber::registry().with(filter(settings)?).with(lines).with(warnings);
    all.try_init()?;
    Ok(logs)
}

fn filter(settings: &Settings) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(settings.directives())
        .map_err(|source| TelemetryError::Level { given: settings.level.clone(), source })
}

/// Writes a line in one piece: standard error has no buffer, and others may write to it too.
fn write_line(mut place: impl Write, line: &str) {
    // A log that cannot be written must not stop what it is about.
    drop(place.write_all(format!("{line}\n").as_bytes()));
}

fn subscriber(
    settings: &Settings,
    logs: &Logs,
) -> Result<impl tracing::Subscriber + Send + Sync + use<>, TelemetryError> {
    let filter = filter(settings)?;
    let mut lines = JsonLines::default();
    if let Some(path) = &settings.file {
        let file = RollingFile::open(path, settings.file_bytes_max, settings.files_kept)
            .map_err(|source| TelemetryError::File { path: path.clone(), source })?;
        lines.add(move |line| file.write_line(line));
    }
    let tail = logs.clone();
    lines.add(move |line| tail.push(line));

    let terminal = std::io::stderr().is_terminal();
    let human = match settings.format {
        Format::Human => true,
        Format::Json => false,
        Format::Auto => terminal,
    };
    let human = human.then(|| {
        let layer = fmt::layer().with_writer(|| RedactingWriter::new(std::io::stderr()));
        // The layer itself respects NO_COLOR; only a pipe needs to be told.
        if terminal { layer.boxed() } else { layer.with_ansi(false).boxed() }
    });
    if human.is_none() {
        lines.add(|line| write_line(std::io::stderr().lock(), line));
    }
    let tracer = settings.otlp_endpoint.as_deref().map(otlp::tracer).transpose()?;
    let spans = tracer.map(|tracer| tracing_opentelemetry::layer().with_tracer(tracer));
    Ok(tracing_subscriber::registry().with(filter).with(lines).with(human).with(spans))
}

#[cfg(test)]
mod tests;
