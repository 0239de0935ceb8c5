//! Benchmarks by name, what they found, and the machine they found it on.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::algorithms::forecasting::FitError;
use crate::facts::market::PriceError;
use crate::knowledge::index::IndexError;
use crate::learning::registry::RegistryError;
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPoolError;

/// Something that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Benchmark {
    /// Storing many fresh prices.
    BulkUpsert,
    /// Reading one row over HTTP.
    SingleRowRead,
    /// Reading one row over HTTP while trees are fitted.
    ReadWhileTraining,
    /// Storing readings over HTTP, a thousand a request.
    IngestHttp,
    /// Storing readings that come over MQTT.
    IngestMqtt,
    /// Importing a file of many readings.
    ImportCsv,
    /// Storing readings once there are many.
    IngestGrowth,
    /// Predictions over HTTP at a steady rate.
    Predict,
    /// Making features of many rows.
    Features,
    /// A day of the whole pool of models.
    Recalibration,
    /// Lists of very many models over HTTP.
    ModelLists,
    /// Forecasting one row with boosted trees.
    LightgbmRow,
    /// Searching many chunks.
    Search,
}

impl Benchmark {
    /// Every benchmark, in the order of the report.
    pub const ALL: [Self; 13] = [
        Self::BulkUpsert,
        Self::SingleRowRead,
        Self::ReadWhileTraining,
        Self::IngestHttp,
        Self::IngestMqtt,
        Self::ImportCsv,
        Self::IngestGrowth,
        Self::Predict,
        Self::Features,
        Self::Recalibration,
        Self::ModelLists,
        Self::LightgbmRow,
        Self::Search,
    ];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BulkUpsert => "bulk-upsert",
            Self::SingleRowRead => "single-row-read",
            Self::ReadWhileTraining => "read-while-training",
            Self::IngestHttp => "ingest-http",
            Self::IngestMqtt => "ingest-mqtt",
            Self::ImportCsv => "import-csv",
            Self::IngestGrowth => "ingest-growth",
            Self::Predict => "predict",
            Self::Features => "features",
            Self::Recalibration => "recalibration",
            Self::ModelLists => "model-lists",
            Self::LightgbmRow => "lightgbm-row",
            Self::Search => "search",
        }
    }

    /// Whether it takes minutes and is run only when it is named.
    pub const fn is_long(self) -> bool {
        matches!(self, Self::IngestGrowth | Self::Recalibration | Self::ModelLists | Self::Search)
    }

    /// Whether it needs a database of its own.
    pub const fn needs_database(self) -> bool {
        !matches!(self, Self::LightgbmRow | Self::Features | Self::Recalibration | Self::Search)
    }
}

/// A name that is no benchmark's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a benchmark; known are {list}", list = Benchmark::ALL.map(Benchmark::name).join(", "))]
pub struct UnknownBenchmark(String);

impl FromStr for Benchmark {
    type Err = UnknownBenchmark;

    fn from_str(text: &str) -> Result<Self, UnknownBenchmark> {
        let found = Self::ALL.into_iter().find(|benchmark| benchmark.name() == text);
        found.ok_or_else(|| UnknownBenchmark(text.to_owned()))
    }
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The role may not make a database to measure in, or the server refuses another one.
    #[error("cannot make the database {name} to measure in: {reason}")]
    Scratch {
        /// Name it was to have.
        name: String,
        /// What the server says.
        reason: String,
    },
    /// Two runs at once would measure each other.
    #[error("another luna bench runs on this database")]
    Busy,
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
    /// Prices could not be stored.
    #[error("prices could not be stored")]
    Prices(#[from] PriceError),
    /// The model could not be registered.
    #[error("the model to read could not be registered")]
    Registry(#[from] RegistryError),
    /// The trees could not be fitted.
    #[error("the trees could not be fitted")]
    Fit(#[from] FitError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The computation broke off.
    #[error(transparent)]
    Cpu(#[from] CpuPoolError),
    /// A server or a connection of the measurement failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no broker to send messages to.
    #[error(
        "there is no program mosquitto to start a broker with; install it (apt install mosquitto)"
    )]
    NoBroker,
    /// Both ways must do the same; a figure about something else is worth nothing.
    #[error("{0}")]
    Differs(String),
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Prices per write.
    pub upsert_rows: usize,
    /// Requests per round.
    pub requests: usize,
    /// Requests per round that bring readings.
    pub ingest_requests: usize,
    /// Rows of an imported file.
    pub import_rows: usize,
    /// Rows of the smallest table that readings are added to; the largest has a hundred times as
    /// many.
    pub growth_rows: usize,
    /// Rows that features are made of.
    pub feature_rows: usize,
    /// Days that the pool of models goes on.
    pub pool_days: usize,
    /// Models that lists are taken from.
    pub models: usize,
    /// Hourly rows the trees learn from.
    pub training_rows: usize,
    /// Trees.
    pub trees: usize,
    /// Rows forecast per round, one at a time.
    pub forecasts: usize,
    /// Chunks that are searched.
    pub search_chunks: usize,
    /// Rounds of each, after one that does not count.
    pub rounds: usize,
}

impl Plan {
    /// What a release build measures in about a minute. Other builds are for trying the benchmarks
    /// out, and measure less of everything.
    pub const fn of_build() -> Self {
        if cfg!(debug_assertions) {
            return Self {
                upsert_rows: 60_000,
                requests: 400,
                ingest_requests: 10,
                import_rows: 20_000,
                growth_rows: 1_000,
                feature_rows: 100_000,
                pool_days: 1,
                models: 100_000,
                training_rows: 2_000,
                trees: 100,
                forecasts: 500,
                search_chunks: 2_000,
                rounds: 3,
            };
        }
        Self {
            upsert_rows: 100_000,
            requests: 8_000,
            ingest_requests: 100,
            import_rows: 1_000_000,
            growth_rows: 100_000,
            feature_rows: 1_000_000,
            pool_days: 30,
            models: 100_000,
            training_rows: 17_520,
            trees: 500,
            forecasts: 10_000,
            search_chunks: 100_000,
            rounds: 9,
        }
    }
}

/// The promise a ratio is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Rates: at least this share of the floor's.
    AtLeast(f64),
    /// Durations: at most so many times the floor's.
    AtMost(f64),
}

impl Gate {
    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least:.2}"),
            Self::AtMost(most) => write!(f, "≤ {most:.2}"),
        }
    }
}

/// A number that was measured on the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail {
    /// What it is.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The median over the rounds.
    pub value: f64,
}

/// What a benchmark found; values are medians over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The benchmark.
    pub name: Benchmark,
    /// What is compared with what.
    pub compares: &'static str,
    /// Unit of `ours` and `floor`.
    pub unit: &'static str,
    /// Luna's way.
    pub ours: f64,
    /// The shortest way.
    pub floor: f64,
    /// `ours / floor`.
    pub ratio: f64,
    /// What was promised.
    pub gate: Gate,
    /// Whether the promise holds here.
    pub passed: bool,
    /// Rows, requests or forecasts per round.
    pub n: usize,
    /// Rounds of each, taking turns.
    pub rounds: usize,
    /// Further medians.
    pub details: Vec<Detail>,
    /// What could not be measured here, and why.
    pub notes: Vec<&'static str>,
}

/// The two sides of a figure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides {
    pub ours: f64,
    pub floor: f64,
}

impl Figure {
    pub(super) fn new(
        name: Benchmark,
        (compares, unit): (&'static str, &'static str),
        sides: Sides,
        gate: Gate,
        (n, rounds): (usize, usize),
    ) -> Self {
        let ratio = sides.ours / sides.floor;
        let passed = gate.holds(ratio);
        let Sides { ours, floor } = sides;
        let (details, notes) = (Vec::new(), Vec::new());
        Self { name, compares, unit, ours, floor, ratio, gate, passed, n, rounds, details, notes }
    }

    /// The figure with a sentence about what is missing from it.
    pub(super) fn noting(mut self, note: &'static str) -> Self {
        self.notes.push(note);
        self
    }

    pub(super) fn with(mut self, name: &'static str, unit: &'static str, value: f64) -> Self {
        self.details.push(Detail { name, unit, value });
        self
    }

    /// The figure as a row below [`HEADER`].
    fn cells(&self) -> [String; HEADER.len()] {
        [
            self.name.name().to_owned(),
            rounded(self.ours),
            rounded(self.floor),
            self.unit.to_owned(),
            format!("{:.3}", self.ratio),
            self.gate.to_string(),
            if self.passed { "pass" } else { "fail" }.to_owned(),
            self.n.to_string(),
            self.rounds.to_string(),
        ]
    }
}

/// Where it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Processors the program may use.
    pub cores: usize,
    /// Name of the processor, where the system tells it.
    pub processor: String,
    /// `release`, or `debug` for a build whose figures mean nothing.
    pub build: &'static str,
    /// Version of the program.
    pub version: &'static str,
}

impl Machine {
    fn here() -> Self {
        let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = described.lines().find_map(|line| line.strip_prefix("model name"));
        let processor = processor.unwrap_or_default().trim_start_matches(['\t', ' ', ':']);
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor.to_owned(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Everything that was measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// One entry per benchmark.
    pub figures: Vec<Figure>,
}

impl Report {
    /// A report on this machine.
    pub fn new(mut figures: Vec<Figure>) -> Self {
        let place = |figure: &Figure| Benchmark::ALL.iter().position(|name| *name == figure.name);
        figures.sort_by_key(place);
        Self { machine: Machine::here(), figures }
    }

    /// The report as a table for people.
    pub fn table(&self) -> String {
        let Machine { cores, processor, build, version } = &self.machine;
        let mut lines = vec![format!("luna {version}, {build} build, {cores} cores {processor}")];
        if *build != "release" {
            lines.push("Not a release build: these figures mean nothing.".to_owned());
        }
        let mut rows = vec![HEADER.map(str::to_owned)];
        rows.extend(self.figures.iter().map(Figure::cells));
        lines.extend(aligned(&rows));
        for figure in &self.figures {
            lines.push(format!("\n{}: {}", figure.name.name(), figure.compares));
            lines.extend(figure.details.iter().map(|Detail { name, unit, value }| {
                format!("  {name}: {} {unit}", rounded(*value)).trim_end().to_owned()
            }));
            lines.extend(figure.notes.iter().map(|note| format!("  {note}")));
        }
        lines.join("\n") + "\n"
    }
}

const HEADER: [&str; 9] =
    ["benchmark", "ours", "floor", "unit", "ratio", "gate", "verdict", "n", "rounds"];

/// Rows with their cells below each other; columns of numbers stand to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let is_number: [bool; N] = std::array::from_fn(|column| {
        rows.iter().skip(1).all(|row| row[column].parse::<f64>().is_ok())
    });
    let line = |row: &[String; N]| {
        let cells: [String; N] = std::array::from_fn(|column| {
            let (cell, width) = (&row[column], widths[column]);
            if is_number[column] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// About four digits that count, no decimals without need.
fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        magnitude if magnitude >= 1_000.0 || value.fract() == 0.0 => 0,
        magnitude if magnitude >= 10.0 => 1,
        magnitude if magnitude >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// The middle of `values`, between the two middle ones when their number is even; NaN of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

/// Median of durations, in seconds.
pub(super) fn median_s(durations: &[Duration]) -> f64 {
    median(&durations.iter().map(Duration::as_secs_f64).collect::<Vec<_>>())
}

/// A number between 0 and 1 that follows from `place` (`SplitMix64`, Steele et al. 2014): the rows
/// of a measurement are the same in every run.
pub(super) fn even(place: u64) -> f64 {
    let mut z = place.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
