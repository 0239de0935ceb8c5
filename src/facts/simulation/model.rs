//! What runs of the simulation, what is asked of it, and what it did.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::house::Measures;
use super::output::Output;
use super::site::SiteStatus;
use crate::base::ids::{Market, Product};
use crate::facts::market::Stored as StoredPrices;
use crate::facts::meters::Stored as StoredReadings;

/// What is written while the simulation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Readings of the simulated meters.
    Meters,
    /// Prices of the simulated market.
    Market,
}

impl Stream {
    /// The name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meters => "meters",
            Self::Market => "market",
        }
    }
}

/// How a stream stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StreamState {
    /// Whether it is written.
    pub is_running: bool,
    /// When it was started last.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was stopped last, if it stands still.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Seconds of one reading, where the start said so for all meters.
    pub interval_s: Option<i32>,
    /// First instant that is not written yet.
    pub written_until: Option<DateTime<Utc>>,
    /// Rows written since the last start.
    pub rows_written: i64,
    /// When a row was written last.
    pub written_at: Option<DateTime<Utc>>,
    /// The process that wrote it.
    pub writer: Option<String>,
}

/// A simulated meter as it is set up.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MeterStatus {
    /// Its name.
    #[schema(example = "sim-house")]
    pub meter_id: String,
    /// Kind of the house it hangs at.
    #[schema(example = "household_pv")]
    pub profile: String,
    /// Number of that house.
    pub house: u32,
    /// What of the house it measures.
    pub measures: Measures,
    /// Seconds of one reading while the simulation runs.
    pub interval_s: i32,
    /// Seconds of one reading of the time before.
    pub history_interval_s: i32,
    /// Share of the time it cannot be reached.
    pub outage_rate: f64,
}

/// How the simulation stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SimulationStatus {
    /// Which simulated world.
    pub seed: u64,
    /// The meters' readings.
    pub meters: StreamState,
    /// The market's prices; while nobody started or stopped them the setting `simulation.enabled`
    /// decides.
    pub market: StreamState,
    /// The simulated market.
    pub market_code: Market,
    /// Its product.
    #[schema(value_type = String, example = "day_ahead")]
    pub product: Product,
    /// Where readings go.
    pub output: Output,
    /// Why they cannot go there; absent where they can.
    pub output_mistake: Option<String>,
    /// The meters that are set up, by name.
    pub simulated_meters: Vec<MeterStatus>,
    /// The sites that are set up, by name; how one stands is told of those that write.
    pub sites: Vec<SiteStatus>,
}

/// What to start or to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Which {
    /// The meters' readings.
    pub meters: bool,
    /// The market's prices.
    pub market: bool,
}

/// What a fill of the market saw to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The simulated market.
    pub market: Market,
    /// Its product.
    pub product: Product,
    /// First local day that is filled now.
    pub first: NaiveDate,
    /// Last local day that is filled now.
    pub last: NaiveDate,
    /// What had to be written for it.
    pub stored: StoredPrices,
}

/// Readings that were made on demand.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GeneratedReadings {
    /// The meters.
    #[schema(example = json!(["sim-house"]))]
    pub meter_ids: Vec<String>,
    /// First instant that was asked for.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub to: DateTime<Utc>,
    /// Seconds of one reading.
    pub interval_s: i32,
    /// Readings made.
    pub rows: u64,
    /// Of those, readings that say nothing because the meter could not be reached.
    pub missing: u64,
    /// What became of them; nothing where a broker was given them.
    pub stored: StoredReadings,
    /// Readings that a broker was given and has acknowledged.
    pub sent: u64,
}

/// Prices that were made on demand.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GeneratedPrices {
    /// The simulated market.
    pub market: Market,
    /// Its product.
    #[schema(value_type = String, example = "day_ahead")]
    pub product: Product,
    /// First local day.
    pub from: NaiveDate,
    /// Last local day, inclusive.
    pub to: NaiveDate,
    /// Prices made.
    pub rows: u64,
    /// What became of them.
    pub stored: StoredPrices,
}
