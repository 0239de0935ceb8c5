//! Price levels 1 (very cheap) to 5 (very dear) against the mean of the last seven days.

use serde::Serialize;

/// Smallest mean the levels are measured against, in EUR/MWh. Near or below zero a ratio says
/// nothing; with this floor the thresholds keep their order and a negative price is very cheap.
const REFERENCE_FLOOR_EUR_MWH: f64 = 10.0;

/// How a price compares with the mean of the last seven days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "u8")]
pub enum Level {
    /// At most 60 % of the mean.
    VeryCheap = 1,
    /// At most 90 % of the mean.
    Cheap = 2,
    /// Below 115 % of the mean.
    Normal = 3,
    /// Below 140 % of the mean.
    Dear = 4,
    /// 140 % of the mean or more.
    VeryDear = 5,
}

impl Level {
    /// Level of `price_eur_mwh` against `mean_eur_mwh`, both in EUR/MWh.
    pub fn of(price_eur_mwh: f64, mean_eur_mwh: f64) -> Self {
        let share = price_eur_mwh / mean_eur_mwh.max(REFERENCE_FLOOR_EUR_MWH);
        match share {
            share if share <= 0.6 => Self::VeryCheap,
            share if share <= 0.9 => Self::Cheap,
            share if share < 1.15 => Self::Normal,
            share if share < 1.4 => Self::Dear,
            _ => Self::VeryDear,
        }
    }

    /// 1 to 5.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Key of its name in the catalogue.
    pub const fn key(self) -> &'static str {
        match self {
            Self::VeryCheap => "level_1",
            Self::Cheap => "level_2",
            Self::Normal => "level_3",
            Self::Dear => "level_4",
            Self::VeryDear => "level_5",
        }
    }

    /// Whether a person would call it cheap.
    pub fn is_cheap(self) -> bool {
        self <= Self::Cheap
    }

    /// Whether a person would call it expensive.
    pub fn is_dear(self) -> bool {
        self >= Self::Dear
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_the_table() {
        for (price, level) in [
            (-5.0, Level::VeryCheap),
            (60.0, Level::VeryCheap),
            (60.01, Level::Cheap),
            (90.0, Level::Cheap),
            (90.01, Level::Normal),
            (114.99, Level::Normal),
            (115.0, Level::Dear),
            (139.99, Level::Dear),
            (140.0, Level::VeryDear),
        ] {
            assert_eq!(Level::of(price, 100.0), level, "{price}");
        }
    }

    #[test]
    fn a_mean_near_or_below_zero_keeps_the_order() {
        for mean in [-20.0, 0.0, 1.0] {
            assert_eq!(Level::of(-1.0, mean), Level::VeryCheap);
            assert_eq!(Level::of(10.0, mean), Level::Normal);
            assert_eq!(Level::of(30.0, mean), Level::VeryDear);
        }
    }
}
