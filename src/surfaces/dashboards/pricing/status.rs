//! The sentences on top of a page, and what they say while there are no prices to go by.

use serde::Serialize;

use super::points::Situation;
use crate::surfaces::dashboards::format::Format;

/// Longest both sentences together may be, so that a phone shows them without scrolling.
pub const LENGTH_MAX: usize = 110;

/// The two short sentences.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// What the price does.
    pub lead: String,
    /// What to do; none when the data do not bear one.
    pub advice: Option<String>,
}

/// What is said while no price can be gone by: none is known, or all are old.
pub fn status_without_prices(situation: Situation, simulated: bool, format: &Format) -> Status {
    let (lead, advice) = match situation {
        Situation::Past { until } => {
            (format.fill("say_past", &[("to", &format.end(until))]), "say_wait")
        }
        Situation::ForecastOld { age } => {
            (format.fill("say_old", &[("age", &format.age(age))]), "say_wait")
        }
        _ => (format.text("say_empty").to_owned(), "say_empty_do"),
    };
    let lead = if simulated { format.fill("say_simulated", &[("text", &lead)]) } else { lead };
    let room = LENGTH_MAX.saturating_sub(lead.chars().count() + 1);
    let advice = Some(format.text(advice)).filter(|text| text.chars().count() <= room);
    Status { lead, advice: advice.map(str::to_owned) }
}
