//! Tariffs, their components, and the rules that one price must keep.

use std::fmt;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::facts::market::Quality;

/// Length of one slot, in seconds: tariffs and meters in Switzerland go by the quarter hour.
pub const SLOT_S: i32 = 900;
/// Greatest magnitude of a price that is believed, in CHF/kWh.
pub const PRICE_CHF_KWH_MAX: f64 = 10.0;
/// Prices nearer than this are the same, in CHF/kWh; answers are rounded to twice as much.
pub(super) const SAME_CHF_KWH: f64 = 0.000_000_5;

/// Identifier of a tariff: whose it is and what it is called, e.g. `ekz:400D`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "ekz:400D")]
pub struct TariffId(String);

/// A text that cannot be the identifier of a tariff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the identifier of a tariff; one is written like ekz:400D")]
pub struct BadTariffId(String);

impl TariffId {
    /// The identifier that `text` writes; the part before the colon in small letters.
    pub fn parse(text: &str) -> Result<Self, BadTariffId> {
        let bad = || BadTariffId(text.chars().take(80).collect());
        let (preset, name) = text.trim().split_once(':').ok_or_else(bad)?;
        let preset = preset.to_ascii_lowercase();
        let starts = preset.starts_with(|letter: char| letter.is_ascii_lowercase());
        let plain = |letter: char| letter.is_ascii_lowercase() || "0123456789_".contains(letter);
        let is_name = !name.is_empty()
            && name.len() <= 60
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
        if starts && preset.len() <= 30 && preset.chars().all(plain) && is_name {
            return Ok(Self(format!("{preset}:{name}")));
        }
        Err(bad())
    }

    /// The whole, e.g. `ekz:400D`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon, e.g. `ekz`.
    pub fn preset(&self) -> &str {
        self.0.split_once(':').map_or(self.as_str(), |(preset, _)| preset)
    }
}

impl fmt::Display for TariffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TariffId {
    type Error = BadTariffId;

    fn try_from(text: String) -> Result<Self, BadTariffId> {
        Self::parse(&text)
    }
}

impl From<TariffId> for String {
    fn from(id: TariffId) -> Self {
        id.0
    }
}

/// How the prices of a tariff come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Published day by day.
    Dynamic,
    /// The operator's standard tariff, which steps in where a dynamic one is not published.
    Standard,
    /// What the operator pays for energy that is fed in.
    FeedIn,
    /// Read from the operator's yearly file.
    File,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Dynamic, Self::Standard, Self::FeedIn, Self::File];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Standard => "standard",
            Self::FeedIn => "feed_in",
            Self::File => "file",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One component of a tariff, as the form of the VSE names it; all without VAT.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Energy.
    Electricity,
    /// The grid: its use and the levies that are collected with it.
    Grid,
    /// The use of the grid alone, which is a part of `grid`.
    GridUsage,
    /// Fees of canton and municipality.
    RegionalFees,
    /// The meter, where it is paid by the kilowatt hour.
    Metering,
    /// Everything that is paid by the kilowatt hour, in one figure.
    Integrated,
    /// What is paid for energy that is fed in.
    FeedIn,
    /// What is paid back for energy out of a storage.
    RefundStorage,
}

impl Component {
    /// Every component, in the order in which a price is stacked.
    pub const ALL: [Self; 8] = [
        Self::Electricity,
        Self::Grid,
        Self::GridUsage,
        Self::RegionalFees,
        Self::Metering,
        Self::Integrated,
        Self::FeedIn,
        Self::RefundStorage,
    ];

    /// The name in tables, payloads and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::Grid => "grid",
            Self::GridUsage => "grid_usage",
            Self::RegionalFees => "regional_fees",
            Self::Metering => "metering",
            Self::Integrated => "integrated",
            Self::FeedIn => "feed_in",
            Self::RefundStorage => "refund_storage",
        }
    }

    /// The component of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.name() == name)
    }
}

/// A tariff that a household may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Tariff {
    /// Identifier.
    pub id: TariffId,
    /// What people call it.
    pub name: String,
    /// Who sells it.
    pub operator: String,
    /// How its prices come about.
    pub kind: Kind,
    /// Where its days begin.
    pub time_zone: Tz,
    /// VAT that is added to its prices, in per cent.
    pub vat_percent: f64,
    /// Monthly fee without VAT, in CHF, where it was published.
    pub base_chf_month: Option<f64>,
    /// When the prices of the next day are published, on the clocks of `time_zone`; absent for files.
    pub publishes_at: Option<NaiveTime>,
    /// Whether one figure for everything is published.
    pub has_integrated: bool,
    /// The tariff that holds for a day without published prices.
    pub fallback: Option<TariffId>,
    /// Must be shown wherever its prices are.
    pub attribution: String,
}

/// One price as a publisher states it: of the quarter hour that begins at `ts`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    /// Start of the quarter hour.
    pub ts: DateTime<Utc>,
    /// What it is the price of.
    pub component: Component,
    /// CHF/kWh without VAT, as written by the publisher.
    pub price_chf_kwh: f64,
}

/// A price as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TariffPrice {
    /// Start of the quarter hour.
    pub ts: DateTime<Utc>,
    /// What it is the price of.
    pub component: Component,
    /// CHF/kWh without VAT.
    pub price_chf_kwh: f64,
    /// How far to trust it.
    pub quality: Quality,
    /// When it became known.
    pub known_at: DateTime<Utc>,
    /// Whether `known_at` is a rule's answer.
    pub known_at_assumed: bool,
    /// Who said so, e.g. `ekz`, `file:tariffs-2027.json`, `fallback:ekz:400ST`.
    pub source: String,
    /// Whether it was published in time, so that it takes the place of a standard tariff that stands in.
    pub is_in_time: bool,
}

/// Beginning of the source of a price that stands in for one that was not published.
pub(super) const FALLBACK: &str = "fallback:";

/// A price that may not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price '{component}' of {tariff} at {ts} {reason}", component = component.name())]
pub struct BadPrice {
    /// Tariff of the batch.
    pub tariff: TariffId,
    /// Component of the refused price.
    pub component: Component,
    /// Its start.
    pub ts: DateTime<Utc>,
    /// What is wrong with it.
    pub reason: String,
}

impl TariffPrice {
    /// Whether the price may stand in `tariff`.
    pub fn check(&self, tariff: &TariffId) -> Result<(), BadPrice> {
        let refuse = |reason| {
            let (tariff, component, ts) = (tariff.clone(), self.component, self.ts);
            Err(BadPrice { tariff, component, ts, reason })
        };
        let price = self.price_chf_kwh;
        if !(-PRICE_CHF_KWH_MAX..=PRICE_CHF_KWH_MAX).contains(&price) {
            return refuse(format!("is {price} CHF/kWh, outside ±{PRICE_CHF_KWH_MAX}"));
        }
        if self.ts.timestamp() % i64::from(SLOT_S) != 0 || self.ts.timestamp_subsec_nanos() != 0 {
            return refuse("does not begin at a quarter hour".to_owned());
        }
        if self.quality == Quality::Missing {
            return refuse("is called missing; a missing price has no row".to_owned());
        }
        Ok(())
    }
}

/// What a write did; the counts add up to the prices given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stored {
    /// New quarter hours.
    pub inserted: u64,
    /// Replaced a value, which is now a revision.
    pub replaced: u64,
    /// Said what was stored already.
    pub unchanged: u64,
    /// Known earlier than the stored value, and different.
    pub refused_older: u64,
    /// Published too late to replace the standard tariff, which is binding by then.
    pub refused_late: u64,
    /// Outranked by another price for the same quarter hour in the same batch.
    pub duplicates: u64,
}

impl Stored {
    /// Whether readers see something else than before.
    pub const fn changed(&self) -> bool {
        self.inserted + self.replaced > 0
    }
}

/// What is stored of a tariff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coverage {
    /// Start of the oldest quarter hour.
    pub first: DateTime<Utc>,
    /// Start of the newest quarter hour.
    pub last: DateTime<Utc>,
    /// When the newest became known.
    pub known_at: DateTime<Utc>,
}
