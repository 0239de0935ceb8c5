//! The sentence on top of the page: what the price is now, and when it is lowest.

use chrono::{DateTime, Duration, Utc};

use super::model::PricesInput;
use crate::base::timeline::add_days;
use crate::surfaces::dashboards::format::{Format, about, amount};
use crate::surfaces::dashboards::pricing::{
    LENGTH_MAX, Points, Situation, Status, Window, WindowProvenance, status_without_prices,
};

/// How far ahead the lowest price is named while a nearer window exists.
const NEAR: Duration = Duration::hours(48);

/// Says what the price is now and when it is lowest, as far as the data bear it.
pub fn status(input: &PricesInput, points: &Points, format: &Format, now: DateTime<Utc>) -> Status {
    let present = &input.present;
    if !matches!(points.situation, Situation::Published | Situation::ForecastOnly) {
        return status_without_prices(points.situation, present.simulated, format);
    }
    let lead = match points.at(now) {
        None => format.text("price_none_why").to_owned(),
        Some(point) => {
            let key = if point.is_forecast() { "prices_now_likely" } else { "prices_now" };
            let price = format!("{}\u{a0}{}", point.written(), format.unit());
            format.fill(key, &[("price", &price), ("level", format.text(point.level.key()))])
        }
    };
    let simulated = present.simulated;
    let lead = if simulated { format.fill("say_simulated", &[("text", &lead)]) } else { lead };
    let room = LENGTH_MAX.saturating_sub(lead.chars().count() + 1);
    let mut advice = advice(input, format, now).into_iter();
    let advice = advice.find(|text| text.chars().count() <= room);
    Status { lead, advice }
}

/// When it is cheapest, from long to short.
fn advice(input: &PricesInput, format: &Format, now: DateTime<Utc>) -> Vec<String> {
    let open: Vec<&Window> =
        input.present.windows.iter().filter(|window| window.to > now).collect();
    let near = open.iter().filter(|window| window.from < now + NEAR);
    let best = near
        .min_by(|a, b| a.mean_price_eur_mwh.total_cmp(&b.mean_price_eur_mwh))
        .or_else(|| open.first());
    let Some(best) = best else { return vec![format.text("prices_no_window").to_owned()] };
    let (date, today) = (format.date_of(best.from), format.date_of(now));
    let day = match date {
        date if date == today => format.text("say_today").to_owned(),
        date if date == add_days(today, 1) => format.text("say_tomorrow").to_owned(),
        date => format.day(date),
    };
    let when = format!("{day} {}", format.hours(best.from, best.to));
    let price = amount(best.mean_price_eur_mwh * input.present.money.factor(best.from));
    let is_known = best.provenance == WindowProvenance::Published;
    let (keys, price) = if is_known {
        (["prices_lowest", "say_start_short"], price)
    } else {
        (["prices_lowest_likely", "say_start_short_likely"], about(&price))
    };
    keys.map(|key| format.fill(key, &[("when", &when), ("price", &price)])).into()
}
