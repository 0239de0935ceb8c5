//! Prices and what drives them as dense days of 24 local hours.
//!
//! The shape of the open benchmark (Lago et al. 2021, section 3): 24 values a day in local time, the
//! doubled hour of autumn averaged and the missing one of spring filled by whoever builds the days.

/// Hours of a day.
pub const HOURS: usize = 24;

/// One value per local hour of a day.
pub type Day = [f64; HOURS];

/// Consecutive days up to the one to forecast; all slices begin with the same day.
#[derive(Debug, Clone, Copy)]
pub struct DayHistory<'a> {
    /// Day-ahead prices in EUR/MWh; those of the day to forecast and later are never read.
    pub prices_eur_mwh: &'a [Day],
    /// Series known before the auction (forecasts of load, wind, …), each in its own unit and each up
    /// to and with the day to forecast. May be none.
    pub exogenous: &'a [&'a [Day]],
    /// Weekday of every day, 0 to 6, up to and with the day to forecast; which one is 0 does not matter.
    pub weekdays: &'a [u8],
    /// Further properties of a day known in advance, e.g. 1.0 on public holidays; as long as the
    /// weekdays each. None in the published recipe.
    pub flags: &'a [&'a [f64]],
}

/// Why days cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DaysError {
    /// The window or the history is too short to learn from.
    #[error("{found} days are too few to learn from, at least {least} are needed")]
    FewDays {
        /// Days that there are.
        found: usize,
        /// Days that are needed.
        least: usize,
    },
    /// A series ends before the day to forecast.
    #[error("{what} has {found} days, forecasting day {day} needs {needed}")]
    Ends {
        /// Which series.
        what: Part,
        /// Days it has.
        found: usize,
        /// Days it needs.
        needed: usize,
        /// Index of the day to forecast.
        day: usize,
    },
    /// A value is NaN or infinite.
    #[error("{what} is not finite on day {day}, hour {hour}")]
    NotFinite {
        /// Which series.
        what: Part,
        /// Index of the day.
        day: usize,
        /// Hour of the day; 0 for a value of the whole day.
        hour: usize,
    },
    /// A weekday is not 0 to 6.
    #[error("the weekday of day {day} is {found}, not 0 to 6")]
    Weekday {
        /// Index of the day.
        day: usize,
        /// The value.
        found: u8,
    },
}

/// A part of a [`DayHistory`], for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The prices.
    Prices,
    /// An exogenous series, by index.
    Exogenous(usize),
    /// The weekdays.
    Weekdays,
    /// A flag, by index.
    Flag(usize),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prices => f.write_str("the price"),
            Self::Exogenous(index) => write!(f, "exogenous series {index}"),
            Self::Weekdays => f.write_str("the weekday"),
            Self::Flag(index) => write!(f, "flag {index}"),
        }
    }
}

impl DayHistory<'_> {
    /// Checks that everything that forecasting `day` from the days `from..day` reads is there and
    /// finite.
    pub(super) fn check(&self, from: usize, day: usize) -> Result<(), DaysError> {
        let ends = |what, found, needed| {
            if found < needed {
                return Err(DaysError::Ends { what, found, needed, day });
            }
            Ok(())
        };
        ends(Part::Prices, self.prices_eur_mwh.len(), day)?;
        finite(Part::Prices, &self.prices_eur_mwh[..day], from)?;
        for (index, series) in self.exogenous.iter().enumerate() {
            let what = Part::Exogenous(index);
            ends(what, series.len(), day + 1)?;
            finite(what, &series[..=day], from)?;
        }
        ends(Part::Weekdays, self.weekdays.len(), day + 1)?;
        for (day, &found) in self.weekdays[..=day].iter().enumerate().skip(from) {
            if found > 6 {
                return Err(DaysError::Weekday { day, found });
            }
        }
        for (index, flag) in self.flags.iter().enumerate() {
            let what = Part::Flag(index);
            ends(what, flag.len(), day + 1)?;
            if let Some(at) = flag[from..=day].iter().position(|value| !value.is_finite()) {
                return Err(DaysError::NotFinite { what, day: from + at, hour: 0 });
            }
        }
        Ok(())
    }
}

fn finite(what: Part, days: &[Day], from: usize) -> Result<(), DaysError> {
    for (day, hours) in days.iter().enumerate().skip(from) {
        if let Some(hour) = hours.iter().position(|value| !value.is_finite()) {
            return Err(DaysError::NotFinite { what, day, hour });
        }
    }
    Ok(())
}
