//! Results go to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

/// Why a command did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// The input or the world was wrong.
    World {
        /// What happened.
        error: anyhow::Error,
        /// What to try.
        hint: Option<String>,
    },
    /// A bug of ours.
    Bug(anyhow::Error),
    /// The result is printed already and is bad news.
    BadResult(String),
}

impl Failure {
    /// The input or the world was wrong.
    pub fn world(error: impl Into<anyhow::Error>) -> Self {
        Self::World { error: error.into(), hint: None }
    }

    /// The same with a sentence on what to try.
    pub fn with_hint(error: impl Into<anyhow::Error>, hint: impl Display) -> Self {
        Self::World { error: error.into(), hint: Some(hint.to_string()) }
    }

    /// A bug of ours.
    pub fn bug(error: impl Into<anyhow::Error>) -> Self {
        Self::Bug(error.into())
    }

    /// Says what happened and returns the exit code.
    #[expect(clippy::print_stderr, reason = "errors of a command go to standard error")]
    pub fn report(self) -> ExitCode {
        match self {
            Self::World { error, hint } => {
                eprintln!("error: {error}");
                causes(&error);
                if let Some(hint) = hint {
                    eprintln!("\nhint: {hint}");
                }
                ExitCode::from(1)
            }
            Self::Bug(error) => {
                eprintln!("error: {error}");
                causes(&error);
                eprintln!("\nThis is a bug of Luna's.");
                ExitCode::from(2)
            }
            Self::BadResult(sentence) => {
                eprintln!("{sentence}");
                ExitCode::from(1)
            }
        }
    }
}

/// The causes below an error, those left out that it names itself already.
#[expect(clippy::print_stderr, reason = "errors of a command go to standard error")]
fn causes(error: &anyhow::Error) {
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
            said = cause;
        }
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::with_hint(error, "luna config show --origin tells where each value comes from")
    }
}

/// Prints `value` as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::bug)?;
    text.push('\n');
    self::text(&text)
}

/// Prints text. A reader that went away, such as `head`, has what it wanted.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::world(error)),
        _ => Ok(()),
    }
}

/// Adds a line to `text`.
pub(super) fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    use std::fmt::Write;
    writeln!(text, "{line}").expect("writing into a String cannot fail");
}

/// Tells how far a long work is, on a terminal only.
pub(super) fn progress(done: f64, note: &str) {
    use std::io::IsTerminal;
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // A line that cannot be drawn is no reason to stop the work.
        drop(write!(stderr, "\r\x1b[K{:3.0} %  {note}", done * 100.0));
        if done >= 1.0 {
            drop(writeln!(stderr));
        }
        drop(stderr.flush());
    }
}
