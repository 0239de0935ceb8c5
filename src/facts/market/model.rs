//! Prices, what they are worth, and the rules that one point must keep.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::ids::{Market, Product};

/// Greatest magnitude of a price that is stored, in EUR/MWh; harmonised limits are a tenth of it.
const PRICE_EUR_MWH_MAX: f64 = 100_000.0;

/// Where a value comes from and how far to trust it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Published or measured.
    Ok,
    /// Filled in by a rule, e.g. the doubled hour of a levelled file.
    Estimated,
    /// Known to be absent; the value is null.
    Missing,
    /// Published, but not believable.
    Suspect,
    /// Corrected by its publisher.
    Restated,
    /// Made by Luna.
    Simulated,
}

impl Quality {
    /// Every quality.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Estimated, Self::Missing, Self::Suspect, Self::Restated, Self::Simulated];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Estimated => "estimated",
            Self::Missing => "missing",
            Self::Suspect => "suspect",
            Self::Restated => "restated",
            Self::Simulated => "simulated",
        }
    }

    /// The quality of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quality| quality.name() == name)
    }
}

/// Price of one market time unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PricePoint {
    /// Start of delivery.
    pub ts: DateTime<Utc>,
    /// Length of delivery, in seconds.
    pub interval_s: i32,
    /// Price in EUR/MWh; null exactly when the quality is `missing`.
    pub price_eur_mwh: Option<f64>,
    /// Traded volume in `MWh`, where published.
    pub volume: Option<f64>,
    /// How far to trust it.
    pub quality: Quality,
    /// When it became known.
    pub known_at: DateTime<Utc>,
    /// Whether `known_at` is a rule's answer instead of a recorded publication.
    pub known_at_assumed: bool,
    /// Who said so, e.g. `import:prices.csv`.
    pub source: String,
}

/// A point that may not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price of {market} at {ts} {reason}")]
pub struct BadPoint {
    /// Market of the batch.
    pub market: Market,
    /// Start of the refused point.
    pub ts: DateTime<Utc>,
    /// What is wrong with it.
    pub reason: String,
}

impl PricePoint {
    /// Whether the point may stand in `product` of `market`.
    pub fn check(&self, market: &Market, product: Product) -> Result<(), BadPoint> {
        let refuse = |reason| Err(BadPoint { market: market.clone(), ts: self.ts, reason });
        if let Some(price) = self.price_eur_mwh
            && !(-PRICE_EUR_MWH_MAX..=PRICE_EUR_MWH_MAX).contains(&price)
        {
            return refuse(format!("is {price} EUR/MWh, outside ±{PRICE_EUR_MWH_MAX}"));
        }
        if let Some(volume) = self.volume
            && !(0.0..f64::INFINITY).contains(&volume)
        {
            return refuse(format!("has a volume of {volume} MWh"));
        }
        if self.interval_s != product.interval_s() {
            let (given, right) = (self.interval_s, product.interval_s());
            return refuse(format!("lasts {given} s, in {} it lasts {right} s", product.name()));
        }
        match (self.quality, self.price_eur_mwh) {
            (Quality::Missing, Some(price)) => {
                refuse(format!("is {price} EUR/MWh and called missing"))
            }
            (Quality::Missing, None) => Ok(()),
            (_, None) => refuse("has no value and is not called missing".to_owned()),
            (Quality::Simulated, Some(_)) if !market.is_simulated() => {
                refuse("is simulated; simulated prices have markets of their own".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// What a write did; the five counts add up to the points given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stored {
    /// New instants.
    pub inserted: u64,
    /// Replaced a value, which is now a revision.
    pub replaced: u64,
    /// Said what was stored already.
    pub unchanged: u64,
    /// Known earlier than the stored value, and different.
    pub refused_older: u64,
    /// Outranked by another point for the same instant in the same batch.
    pub duplicates: u64,
}

impl Stored {
    /// Whether readers see something else than before.
    pub const fn changed(&self) -> bool {
        self.inserted + self.replaced > 0
    }
}

/// What is stored of one product of one market.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Coverage {
    /// Bidding zone or benchmark market.
    pub market: Market,
    /// Auction and market time unit.
    pub product: Product,
    /// Start of the oldest point.
    pub first: DateTime<Utc>,
    /// Start of the newest point.
    pub last: DateTime<Utc>,
    /// Number of points.
    pub rows: i64,
    /// When the newest of them became known.
    pub newest_known_at: DateTime<Utc>,
}

/// The newest price of one product of one market.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest {
    /// Bidding zone or benchmark market.
    pub market: Market,
    /// Auction and market time unit.
    pub product: Product,
    /// Start of its delivery.
    pub last: DateTime<Utc>,
}

/// Everything that was ever true in a range, for as-of work in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceHistory {
    /// Latest values, oldest instant first.
    pub latest: Vec<PricePoint>,
    /// Values that were replaced, by instant, then in the order in which they were replaced.
    pub revisions: Vec<PricePoint>,
}
