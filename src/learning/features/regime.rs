//! Phases of the market: which days a model has learned from, where it was not all of them.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::facts::holidays;

/// First and last delivery day of the European energy crisis: prices of gas had left their range of
/// ten years in September 2021 and were back below their level of then at the end of March 2023.
const CRISIS: ((i32, u32, u32), (i32, u32, u32)) = ((2021, 9, 1), (2023, 3, 31));

/// What of the energy crisis of 2021-09-01 to 2023-03-31 is learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crisis {
    /// Nothing of it.
    Without,
    /// Nothing else.
    Only,
}

/// A season, by whole months as meteorologists count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// December, January, February.
    Winter,
    /// March, April, May.
    Spring,
    /// June, July, August.
    Summer,
    /// September, October, November.
    Autumn,
}

/// A kind of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayType {
    /// Monday to Friday, but for public holidays.
    Workday,
    /// Saturday, unless it is a public holiday.
    Saturday,
    /// Sunday, and every public holiday of the market's country.
    RestDay,
}

/// Which days count: those that are of every phase that is named; what is not named is of no
/// importance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Regime {
    /// What of the energy crisis counts; all unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crisis: Option<Crisis>,
    /// Seasons that count; all unless said.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub season: BTreeSet<Season>,
    /// Kinds of days that count; all unless said.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub day_type: BTreeSet<DayType>,
}

impl Season {
    /// The season of a day.
    pub const fn of(month: u32) -> Self {
        match month {
            12 | 1 | 2 => Self::Winter,
            3..=5 => Self::Spring,
            6..=8 => Self::Summer,
            _ => Self::Autumn,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Winter => "winter",
            Self::Spring => "spring",
            Self::Summer => "summer",
            Self::Autumn => "autumn",
        }
    }
}

impl DayType {
    /// The kind of a local day in a country.
    pub fn of(country: &str, day: NaiveDate) -> Self {
        match day.weekday() {
            _ if holidays::kind(country, day) == holidays::Holiday::Public => Self::RestDay,
            Weekday::Sun => Self::RestDay,
            Weekday::Sat => Self::Saturday,
            _ => Self::Workday,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Workday => "workday",
            Self::Saturday => "saturday",
            Self::RestDay => "rest_day",
        }
    }
}

impl Regime {
    /// Whether it names nothing, so that every day counts.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether every day from now on is of these phases.
    pub fn goes_on(&self) -> bool {
        self.season.is_empty() && self.day_type.is_empty() && self.crisis != Some(Crisis::Only)
    }

    /// Whether a local day of a country counts.
    pub fn holds(&self, country: &str, day: NaiveDate) -> bool {
        let crisis = self.crisis.is_none_or(|wanted| (wanted == Crisis::Only) == in_crisis(day));
        let season = self.season.is_empty() || self.season.contains(&Season::of(day.month()));
        let kind = || self.day_type.contains(&DayType::of(country, day));
        crisis && season && (self.day_type.is_empty() || kind())
    }

    /// The phases as people read them, e.g. `crisis=without season=winter,autumn`.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        match self.crisis {
            Some(Crisis::Without) => words.push("crisis=without".to_owned()),
            Some(Crisis::Only) => words.push("crisis=only".to_owned()),
            None => {}
        }
        let seasons: Vec<_> = self.season.iter().map(|season| season.name()).collect();
        let kinds: Vec<_> = self.day_type.iter().map(|kind| kind.name()).collect();
        for (name, all) in [("season", seasons), ("day_type", kinds)] {
            if !all.is_empty() {
                words.push(format!("{name}={}", all.join(",")));
            }
        }
        words.join(" ")
    }

    /// These phases and those of another.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.crisis = other.crisis.or(self.crisis);
        self.season.extend(other.season);
        self.day_type.extend(other.day_type);
        self
    }
}

fn in_crisis(day: NaiveDate) -> bool {
    let of = |day: NaiveDate| (day.year(), day.month(), day.day());
    (CRISIS.0..=CRISIS.1).contains(&of(day))
}

/// A text that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no phase; write crisis=without, season=winter,autumn or day_type=workday,saturday,rest_day"
)]
pub struct NoRegime(String);

impl FromStr for Regime {
    type Err = NoRegime;

    fn from_str(text: &str) -> Result<Self, NoRegime> {
        let refuse = || NoRegime(text.to_owned());
        let (name, values) = text.split_once('=').ok_or_else(refuse)?;
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        let value = match (name, values.as_slice()) {
            ("crisis", [one]) => serde_json::json!({ "crisis": one }),
            ("season", all) => serde_json::json!({ "season": all }),
            ("day_type", all) => serde_json::json!({ "day_type": all }),
            _ => return Err(refuse()),
        };
        serde_json::from_value(value).map_err(|_| refuse())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_of_the_phases_that_the_calendar_says() {
        let of = |texts: &[&str]| {
            let all = texts.iter().map(|text| text.parse::<Regime>().unwrap());
            all.fold(Regime::default(), Regime::and)
        };
        let holds = |regime: &Regime, text: &str| regime.holds("CH", day(text));
        let calm = of(&["crisis=without"]);
        for (text, expected) in [
            ("2021-08-31", true),
            ("2021-09-01", false),
            ("2022-08-26", false),
            ("2023-03-31", false),
            ("2023-04-01", true),
        ] {
            assert_eq!(holds(&calm, text), expected, "{text}");
            assert_eq!(holds(&of(&["crisis=only"]), text), !expected, "{text}");
        }
        // A Wednesday and Christmas Day, which is a Friday; Saturday before Easter is a plain one.
        let rest = of(&["season=winter", "day_type=rest_day"]);
        assert!(!holds(&rest, "2026-02-04") && holds(&rest, "2026-02-01"));
        assert!(holds(&rest, "2026-12-25") && !holds(&rest, "2026-06-07"));
        assert!(holds(&of(&["day_type=saturday,workday"]), "2026-04-04"));
        assert!(!holds(&of(&["day_type=saturday,workday"]), "2026-04-05"));
        for (month, season) in
            [(12, Season::Winter), (3, Season::Spring), (8, Season::Summer), (11, Season::Autumn)]
        {
            assert_eq!(Season::of(month), season);
        }
        assert!(calm.goes_on() && !rest.goes_on() && !of(&["crisis=only"]).goes_on());
    }

    #[test]
    fn phases_are_written_as_they_are_read() {
        let all = "crisis=without season=winter,autumn day_type=workday,rest_day";
        let regime = all.split(' ').map(|text| text.parse::<Regime>().unwrap());
        let regime = regime.fold(Regime::default(), Regime::and);
        assert_eq!(regime.words(), all);
        let json = serde_json::json!({"crisis": "without", "season": ["winter", "autumn"],
            "day_type": ["workday", "rest_day"]});
        assert_eq!(serde_json::json!(regime), json);
        assert_eq!(serde_json::from_value::<Regime>(json).unwrap(), regime);
        assert!(Regime::default().is_empty() && Regime::default().words().is_empty());
        for wrong in ["winter", "season=monsoon", "crisis=1,2", "moon=full", "day_type="] {
            assert_eq!(wrong.parse::<Regime>(), Err(NoRegime(wrong.to_owned())), "{wrong}");
        }
    }
}
