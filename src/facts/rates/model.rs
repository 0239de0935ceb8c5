//! Daily rates and the rule that finds the one for a day.

use chrono::NaiveDate;

/// The rate of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Day on which it was fixed; `None` when somebody set it by hand.
    pub day: Option<NaiveDate>,
    /// Francs for one euro.
    pub chf_per_eur: f64,
}

/// Who says what the rate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A publisher.
    Published {
        /// Who, e.g. `ecb`.
        source: String,
        /// Whom to name where the rate is shown; empty when nobody asks for it.
        attribution: String,
    },
    /// The setting `market.eur_chf_manual`.
    Manual,
}

/// The rates for a stretch of days, at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct RateTable {
    origin: Origin,
    newest: Rate,
    /// Oldest first, one per day, the newest among them; empty when the rate is set by hand.
    days: Vec<(NaiveDate, f64)>,
}

impl RateTable {
    /// One rate for every day, set by hand.
    pub const fn manual(chf_per_eur: f64) -> Self {
        let newest = Rate { day: None, chf_per_eur };
        Self { origin: Origin::Manual, newest, days: Vec::new() }
    }

    /// Published rates by day, in any order; of several for one day the last given counts. `None`
    /// without any that is a positive number.
    pub fn published(origin: Origin, rates: &[(NaiveDate, f64)]) -> Option<Self> {
        let sound = rates.iter().copied().filter(|(_, rate)| rate.is_finite() && *rate > 0.0);
        let days: std::collections::BTreeMap<NaiveDate, f64> = sound.collect();
        let days: Vec<(NaiveDate, f64)> = days.into_iter().collect();
        let (day, chf_per_eur) = *days.last()?;
        Some(Self { origin, newest: Rate { day: Some(day), chf_per_eur }, days })
    }

    /// Who says so.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The newest rate.
    pub const fn newest(&self) -> Rate {
        self.newest
    }

    /// The rate for `day`: that of the day, or the last one before; the newest for days to come.
    /// Central banks fix none on weekends and holidays. `None` for days before the first rate.
    pub fn on(&self, day: NaiveDate) -> Option<Rate> {
        if self.origin == Origin::Manual {
            return Some(self.newest);
        }
        let after = self.days.partition_point(|(fixed, _)| *fixed <= day);
        let (fixed, chf_per_eur) = *self.days.get(after.checked_sub(1)?)?;
        Some(Rate { day: Some(fixed), chf_per_eur })
    }
}
