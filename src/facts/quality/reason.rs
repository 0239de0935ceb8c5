//! What is odd about a batch: a code for programs and pages, a sentence for people.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of oddity it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Not published yet, and not due.
    Open,
    /// Values are absent.
    Missing,
    /// The same value for the same instant several times.
    Duplicates,
    /// Different values for the same instant.
    Conflicts,
    /// Values not in the order of time.
    OutOfOrder,
    /// Values that nobody asked for.
    Outside,
    /// Instants at which no interval begins.
    OffGrid,
    /// Values that are no numbers.
    NotFinite,
    /// Values beyond anything that there is.
    Impossible,
    /// A day of zeros.
    AllZero,
    /// A day that is larger or smaller than usual by a power of ten.
    WrongUnit,
    /// A day that repeats another one.
    Shifted,
    /// The same value for too long.
    Stuck,
    /// A single value far away from its neighbours and from its hour.
    Spike,
    /// Values that are unusual for their hour.
    Unusual,
    /// Values that differ from what was stored.
    Revised,
    /// An hour is missing where the clock changes: somebody counts hours that do not exist.
    Dst,
    /// Values of instants that have not been.
    Future,
}

/// What an oddity means for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Worth saying, nothing to do.
    Note,
    /// Stored, and somebody should look.
    Suspect,
    /// Not stored; waits in the quarantine.
    Refused,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 18] = [
        Self::Open,
        Self::Missing,
        Self::Duplicates,
        Self::Conflicts,
        Self::OutOfOrder,
        Self::Outside,
        Self::OffGrid,
        Self::NotFinite,
        Self::Impossible,
        Self::AllZero,
        Self::WrongUnit,
        Self::Shifted,
        Self::Stuck,
        Self::Spike,
        Self::Unusual,
        Self::Revised,
        Self::Dst,
        Self::Future,
    ];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Missing => "missing",
            Self::Duplicates => "duplicates",
            Self::Conflicts => "conflicts",
            Self::OutOfOrder => "out_of_order",
            Self::Outside => "outside",
            Self::OffGrid => "off_grid",
            Self::NotFinite => "not_finite",
            Self::Impossible => "impossible",
            Self::AllZero => "all_zero",
            Self::WrongUnit => "wrong_unit",
            Self::Shifted => "shifted",
            Self::Stuck => "stuck",
            Self::Spike => "spike",
            Self::Unusual => "unusual",
            Self::Revised => "revised",
            Self::Dst => "dst",
            Self::Future => "future",
        }
    }

    /// The code of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
}

/// One oddity of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// What it is.
    pub code: Code,
    /// What it means.
    pub weight: Weight,
    /// Local day, where it concerns one.
    pub day: Option<NaiveDate>,
    /// Start of what it concerns, where that is one instant or run.
    pub at: Option<DateTime<Utc>>,
    /// How many values.
    pub count: usize,
    /// A number that says more: expected values, a factor, a score, hours.
    pub figure: Option<f64>,
    /// The oddity in words.
    pub sentence: String,
}

impl Reason {
    /// A reason with its sentence.
    pub(super) fn new(code: Code, weight: Weight, count: usize) -> Self {
        let (day, at, figure) = (None, None, None);
        Self { code, weight, day, at, count, figure, sentence: String::new() }.told()
    }

    /// On a local day.
    #[must_use]
    pub(super) fn on(self, day: NaiveDate) -> Self {
        Self { day: Some(day), ..self }.told()
    }

    /// From an instant on.
    #[must_use]
    pub(super) fn from(self, at: DateTime<Utc>) -> Self {
        Self { at: Some(at), ..self }.told()
    }

    /// With a number that says more.
    #[must_use]
    pub(super) fn figure(self, figure: f64) -> Self {
        Self { figure: Some(figure), ..self }.told()
    }

    fn told(mut self) -> Self {
        self.sentence = self.to_string();
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.count;
        let figure = self.figure.unwrap_or_default();
        let from = |at: &DateTime<Utc>| format!(" from {}", at.format("%Y-%m-%d %H:%M UTC"));
        let from = self.at.as_ref().map(from).unwrap_or_default();
        if let Some(day) = self.day {
            write!(f, "{day}: ")?;
        }
        match self.code {
            Code::Open => write!(f, "{n} of {figure} values are not published yet"),
            Code::Missing => write!(f, "{n} of {figure} values are missing{from}"),
            Code::Duplicates => write!(f, "{n} values came more than once"),
            Code::Conflicts => write!(f, "{n} values contradict another one of the same instant"),
            Code::OutOfOrder => write!(f, "{n} values came after a later one"),
            Code::Outside => write!(f, "{n} values are outside of what was asked for"),
            Code::OffGrid => write!(f, "{n} values begin where no interval begins"),
            Code::NotFinite => write!(f, "{n} values are no numbers"),
            Code::Impossible => write!(f, "{n} values are beyond what is possible"),
            Code::AllZero => write!(f, "all {n} values are zero"),
            Code::WrongUnit => write!(
                f,
                "the values are about {figure} times as large as usual; the unit may be another one"
            ),
            Code::Shifted => write!(f, "{n} values repeat those of {figure} hours before"),
            Code::Stuck => write!(f, "the same value {n} times, for {figure} hours{from}"),
            Code::Spike => write!(
                f,
                "{n} values stand apart from their neighbours and from their hour{from} (score {figure:.0})"
            ),
            Code::Unusual => {
                write!(f, "{n} values are unusual for their hour (score up to {figure:.1})")
            }
            Code::Revised => write!(f, "{n} values differ from what was stored"),
            Code::Dst => write!(
                f,
                "{n} values are missing where the clock changes{from}; the source may count hours that do not exist"
            ),
            Code::Future => write!(f, "{n} values are of instants that have not been{from}"),
        }
    }
}
