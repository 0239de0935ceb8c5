//! The list of features: names, order and meaning.

use serde::{Deserialize, Serialize};

use crate::algorithms::forecasting::WEEK_AGO;
use crate::algorithms::forecasting::exogenous_of;

/// The day that a lag or a day statistic is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Day {
    /// So many days before the anchor, the last day with published prices.
    BeforeAnchor(i64),
    /// So many days before the day that is forecast.
    BeforeTarget(i64),
}

/// What the calendar says about a delivery period, in the market's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Calendar {
    Hour,
    HourSin,
    HourCos,
    Quarter,
    Weekday,
    IsWeekend,
    Month,
    YearSin,
    YearCos,
    IsHoliday,
    IsBridgeDay,
    LeadDay,
}

/// A statistic of one local day's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Statistic {
    Mean,
    Min,
    Max,
    StandardDeviation,
}

/// What one column of the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Calendar(Calendar),
    /// Price at the target's wall-clock slot, `shift_slots` later, on `day`.
    Lag {
        day: Day,
        shift_slots: i32,
    },
    /// Mean of the last `hours` of published prices.
    RollingMean {
        hours: i64,
    },
    /// Mean of the prices at the target's wall-clock slot over the last `days` published days.
    SlotMean {
        days: i64,
    },
    DayStatistic {
        day: Day,
        statistic: Statistic,
    },
    /// Exogenous forecast for the delivery period itself.
    Exogenous {
        series: usize,
    },
    /// Mean of the exogenous forecast over the target's local day.
    ExogenousDayMean {
        series: usize,
    },
    /// The exogenous value at the target's wall-clock slot a week before.
    ExogenousWeekAgo {
        series: usize,
    },
}

/// What the columns of a series are called: `load_forecast:CH` is `load_forecast_CH`. Colons are
/// kept out of feature names because LightGBM refuses them in a stored model.
pub(super) fn column_name(series: &str) -> String {
    series.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect()
}

/// An ordered list of features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSpec {
    pub(super) columns: Vec<(String, Kind)>,
}

impl FeatureSpec {
    /// The features of a market with slots of `interval_s` seconds and these exogenous series beside
    /// its prices, each by its [`column_name`].
    pub fn standard(interval_s: i32, exogenous: &[String]) -> Self {
        let mut columns: Vec<(String, Kind)> = Vec::new();
        let mut add = |name: &str, kind: Kind| columns.push((name.to_owned(), kind));
        for (name, calendar) in [
            ("hour", Calendar::Hour),
            ("hour_sin", Calendar::HourSin),
            ("hour_cos", Calendar::HourCos),
            ("weekday", Calendar::Weekday),
            ("is_weekend", Calendar::IsWeekend),
            ("month", Calendar::Month),
            ("year_sin", Calendar::YearSin),
            ("year_cos", Calendar::YearCos),
            ("is_holiday", Calendar::IsHoliday),
            ("is_bridge_day", Calendar::IsBridgeDay),
            ("lead_day", Calendar::LeadDay),
        ] {
            add(name, Kind::Calendar(calendar));
        }
        if interval_s < 3_600 {
            add("quarter", Kind::Calendar(Calendar::Quarter));
        }
        for (name, day, shift_slots) in [
            ("lag_24h", Day::BeforeAnchor(0), 0),
            ("lag_24h_slot_before", Day::BeforeAnchor(0), -1),
            ("lag_24h_slot_after", Day::BeforeAnchor(0), 1),
            ("lag_48h", Day::BeforeAnchor(1), 0),
            ("lag_72h", Day::BeforeAnchor(2), 0),
            ("lag_168h", Day::BeforeTarget(7), 0),
            ("lag_336h", Day::BeforeTarget(14), 0),
        ] {
            add(name, Kind::Lag { day, shift_slots });
        }
        for hours in [1, 6, 24, 72, 168] {
            add(&format!("price_mean_{hours}h"), Kind::RollingMean { hours });
        }
        add("price_slot_mean_7d", Kind::SlotMean { days: 7 });
        for (name, day, statistic) in [
            ("anchor_mean", Day::BeforeAnchor(0), Statistic::Mean),
            ("anchor_min", Day::BeforeAnchor(0), Statistic::Min),
            ("anchor_max", Day::BeforeAnchor(0), Statistic::Max),
            ("anchor_std", Day::BeforeAnchor(0), Statistic::StandardDeviation),
            ("price_day_before_anchor_mean", Day::BeforeAnchor(1), Statistic::Mean),
            ("price_week_ago_mean", Day::BeforeTarget(7), Statistic::Mean),
        ] {
            add(name, Kind::DayStatistic { day, statistic });
        }
        for (series, name) in exogenous.iter().enumerate() {
            add(name, Kind::Exogenous { series });
            add(&format!("{name}_day_mean"), Kind::ExogenousDayMean { series });
            add(&format!("{name}{WEEK_AGO}"), Kind::ExogenousWeekAgo { series });
        }
        Self { columns }
    }

    /// The exogenous series among these features, by their [`column_name`], in column order.
    pub fn exogenous_of(features: &[String]) -> Vec<String> {
        exogenous_of(features)
    }

    /// Those of these features that are named, in their order.
    pub fn only(mut self, names: &[&str]) -> Self {
        self.columns.retain(|(name, _)| names.contains(&name.as_str()));
        self
    }

    /// Names in column order.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exogenous_series_are_found_again_in_the_features_of_a_model() {
        let series = ["load_forecast:CH", "temperature:CH"].map(column_name);
        let spec = FeatureSpec::standard(3_600, &series);
        assert_eq!(FeatureSpec::exogenous_of(&spec.names()), series);
        assert_eq!(series[0], "load_forecast_CH");
        let without = FeatureSpec::standard(900, &[]);
        assert_eq!(FeatureSpec::exogenous_of(&without.names()), Vec::<String>::new());
    }
}
