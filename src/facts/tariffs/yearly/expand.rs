//! Windows by month, weekday and hour laid onto the quarter hours of the days on which they hold.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;

use super::{DAY_MIN, Window, YearError, YearTariff};
use crate::base::timeline::{days_range, local_date};
use crate::facts::tariffs::model::{Component, Quote, SLOT_S};

impl Window {
    fn holds(&self, month: u32, weekday: u32, minute: u16) -> bool {
        let of = |days: &[bool], index: u32| {
            usize::try_from(index).ok().and_then(|index| days.get(index)).copied().unwrap_or(false)
        };
        let is_inside = if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        };
        is_inside && of(&self.months, month) && of(&self.weekdays, weekday)
    }
}

impl YearTariff {
    /// The price at a time on the clock of a day.
    fn price(&self, day: NaiveDate, minute: u16) -> Result<f64, YearError> {
        let (month, weekday) = (day.month0(), day.weekday().num_days_from_monday());
        let mut found: Option<f64> = None;
        let at = || {
            let (hour, minute) = (minute / 60, minute % 60);
            format!("{day} ({}) {hour:02}:{minute:02}", day.weekday())
        };
        for window in self.windows.iter().filter(|it| it.holds(month, weekday, minute)) {
            if found.is_some_and(|before| (before - window.price_chf_kwh).abs() > 1e-9) {
                let what = format!("it has two prices at {}", at());
                return Err(YearError::Wrong { place: self.name.clone(), what });
            }
            found = Some(window.price_chf_kwh);
        }
        found.ok_or_else(|| {
            let what = format!("it has no price at {}", at());
            YearError::Wrong { place: self.name.clone(), what }
        })
    }

    /// The prices of the quarter hours of the days `first..=last` on which it holds, in `zone`.
    fn quotes(
        &self,
        (first, last): (NaiveDate, NaiveDate),
        zone: Tz,
    ) -> Result<Vec<Quote>, YearError> {
        let (first, last) = (first.max(self.first), last.min(self.last));
        if first > last || self.windows.is_empty() {
            return Ok(Vec::new());
        }
        let of_slot = |ts: DateTime<Utc>| {
            let local = ts.with_timezone(&zone);
            let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(DAY_MIN);
            let price_chf_kwh = self.price(local_date(ts, zone), minute)?;
            Ok(Quote { ts, component: self.component, price_chf_kwh })
        };
        days_range(first, last, zone).slots(SLOT_S).map(of_slot).collect()
    }
}

/// The prices of `tariffs` on the days `first..=last`, each quarter hour of a component once.
pub(in crate::facts::tariffs) fn quotes(
    tariffs: &[&YearTariff],
    days: (NaiveDate, NaiveDate),
    zone: Tz,
) -> Result<Vec<Quote>, YearError> {
    let mut all: BTreeMap<(Component, DateTime<Utc>), (f64, &str)> = BTreeMap::new();
    for tariff in tariffs {
        for quote in tariff.quotes(days, zone)? {
            let key = (quote.component, quote.ts);
            let (before, by) =
                *all.entry(key).or_insert((quote.price_chf_kwh, tariff.name.as_str()));
            if (before - quote.price_chf_kwh).abs() > 1e-9 {
                let (component, ts) = (quote.component.name(), quote.ts);
                let what = format!("{by} has another price for {component} at {ts}; choose one");
                return Err(YearError::Wrong { place: tariff.name.clone(), what });
            }
        }
    }
    let quote = |((component, ts), (price_chf_kwh, _))| Quote { ts, component, price_chf_kwh };
    Ok(all.into_iter().map(quote).collect())
}
