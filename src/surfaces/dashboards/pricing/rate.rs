//! The rate that stands beside prices in francs: how much, from when, from whom.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::model::PriceInput;
use super::state::source_words;
use crate::base::timeline::local_date;
use crate::facts::rates::Origin;
use crate::surfaces::dashboards::format::{Format, number};

/// Central banks fix rates on working days: the longest holidays last five days.
const STALE_DAYS: i64 = 7;

/// A rate in words.
#[derive(Debug, Clone, Serialize)]
pub struct RateLine {
    /// `1 EUR = 0.9412 CHF`.
    pub text: String,
    /// `EZB, Fr 27.3.`, or that somebody set it.
    pub origin: String,
    /// Whom the publisher wants named.
    pub attribution: String,
    /// `veraltet, 9 Tage` when the newest is that old.
    pub stale: Option<String>,
}

/// The rate for the day of `now`, when francs are on offer.
pub fn rate_line(input: &PriceInput, format: &Format, now: DateTime<Utc>) -> Option<RateLine> {
    let rates = input.money.rates()?;
    let today = local_date(now, input.zone);
    let rate = rates.on(today).unwrap_or_else(|| rates.newest());
    let text = format.fill("rate_text", &[("rate", &number(rate.chf_per_eur, 4))]);
    let (origin, attribution) = match (rates.origin(), rate.day) {
        (Origin::Published { source, attribution }, Some(day)) => {
            let values =
                [("source", source_words(source, format)), ("date", format.date_whole(day))];
            let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
            (format.fill("rate_origin", &values), attribution.clone())
        }
        _ => (format.text("rate_manual").to_owned(), String::new()),
    };
    let age = rate.day.map(|day| today - day).filter(|age| age.num_days() > STALE_DAYS);
    let stale = age.map(|age| format.fill("badge_stale", &[("age", &format.age(age))]));
    Some(RateLine { text, origin, attribution, stale })
}
