//! One day next to what came: the forecast as it was published in time, hour by hour.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::inputs::{CaseView, case_view, day_address};
use super::model::{DayInput, UNIT};
use super::plot::{Plot, Step};
use super::sentence::{against, error, lead_words};
use super::tables::Row;
use crate::base::timeline::{add_days, day_range, local_date};
use crate::learning::accuracy::Scored;
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::{Format, number};
use crate::surfaces::dashboards::pricing::Status;

/// The page of one day.
#[derive(Debug, Clone, Serialize)]
pub struct DayView {
    status: Status,
    title: String,
    /// The drawing; empty when nothing was scored.
    svg: String,
    summary: String,
    rows: Vec<Row>,
    case: Option<CaseView>,
    earlier: String,
    later: String,
    back: String,
    simulated: bool,
    foot: Vec<String>,
}

/// Turns one day into its page.
pub fn forecast_day(input: &DayInput, language: Language, now: DateTime<Utc>) -> DayView {
    let format = Format::new(language, input.zone).read_at(now).in_unit(UNIT);
    let near = |days| day_address(&input.market, input.product, input.lead_day, add_days(input.day, days));
    let has_later = input.day <= local_date(now, input.zone);
    let pairs = [("market", input.market.code()), ("product", input.product.name())];
    let back = serde_urlencoded::to_string(pairs).unwrap_or_default();
    let case = input.case.as_ref();
    DayView {
        status: status(input, &format),
        title: format.date_long(input.day),
        svg: if input.rows.is_empty() { String::new() } else { drawing(input, &format) },
        summary: summary(input, &format),
        rows: input.rows.iter().map(|row| table_row(row, &format)).collect(),
        case: case.map(|case| {
            case_view(case, (&input.market, input.product, input.lead_day), &format)
        }),
        earlier: near(-1),
        later: if has_later { near(1) } else { String::new() },
        back: format!("/forecast?{back}&lead={}", input.lead_day),
        simulated: input.market.is_simulated(),
        foot: vec![
            format.text("fc_rule").to_owned(),
            format.fill("foot_zone", &[("zone", input.zone.name())]),
        ],
    }
}

fn status(input: &DayInput, format: &Format) -> Status {
    let day = format.day_of_any_year(input.day);
    let Some(case) = &input.case else {
        let lead = format.fill("fc_day_none", &[("day", &day)]);
        return Status { lead, advice: Some(format.text("fc_day_none_do").to_owned()) };
    };
    let values = [
        ("day", day),
        ("lead", lead_words(input.lead_day, format)),
        ("error", error(case.measures.mae)),
        ("against", against(&case.measures, format)),
    ];
    let lead = format.fill("fc_day_say", &values.each_ref().map(|(key, text)| (*key, text.as_str())));
    let lead = if input.market.is_simulated() {
        format.fill("say_simulated", &[("text", &lead)])
    } else {
        lead
    };
    Status { lead, advice: None }
}

fn off(row: &Scored) -> f64 {
    row.forecast_eur_mwh - row.actual_eur_mwh
}

fn summary(input: &DayInput, format: &Format) -> String {
    let worst = input.rows.iter().max_by(|a, b| off(a).abs().total_cmp(&off(b).abs()));
    let (Some(worst), Some(case)) = (worst, &input.case) else { return String::new() };
    let inside = case.measures.coverage_80_percent / 100.0 * case.measures.n as f64;
    let values = [
        ("inside", number(inside, 0)),
        ("n", case.measures.n.to_string()),
        ("time", format.time(worst.ts)),
        ("forecast", error(worst.forecast_eur_mwh)),
        ("actual", error(worst.actual_eur_mwh)),
    ];
    format.fill("fc_day_sum", &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

fn table_row(row: &Scored, format: &Format) -> Row {
    let [_, low, .., high, _] = row.quantiles_eur_mwh;
    Row {
        name: format.time(row.ts),
        href: String::new(),
        cells: vec![
            number(row.forecast_eur_mwh, 2),
            format!("{} … {}", number(low, 1), number(high, 1)),
            number(row.actual_eur_mwh, 2),
            number(off(row), 2),
            row.naive_eur_mwh.map_or("–".to_owned(), |naive| number(naive, 2)),
        ],
    }
}

/// Forecast with its bands, and what came.
fn drawing(input: &DayInput, format: &Format) -> String {
    let day = day_range(input.day, input.zone);
    let length_s = day.length().num_seconds().max(1) as f64;
    let x = |at: DateTime<Utc>| (at - day.from).num_seconds() as f64 / length_s * 100.0;
    let interval = Duration::seconds(input.product.interval_s().into());
    let steps = |of: fn(&Scored) -> f64| -> Vec<Step> {
        input.rows.iter().map(|row| (x(row.ts), x(row.ts + interval), of(row))).collect()
    };
    let band = |low: usize, high: usize| -> Vec<(f64, f64, f64, f64)> {
        let rows = input.rows.iter();
        rows.map(|row| {
            let quantiles = row.quantiles_eur_mwh;
            (x(row.ts), x(row.ts + interval), quantiles[low], quantiles[high])
        })
        .collect()
    };
    let values = input.rows.iter().flat_map(|row| {
        [row.actual_eur_mwh, row.forecast_eur_mwh, row.quantiles_eur_mwh[1], row.quantiles_eur_mwh[5]]
    });
    let mut plot = Plot::new(("day-title", "day-sum"), UNIT, values);
    for at in day.slots(6 * 3_600) {
        plot.upright(x(at));
        plot.below("yl", x(at), &format.time(at));
    }
    plot.band("b8", &band(1, 5));
    plot.band("b5", &band(2, 4));
    plot.steps("f", &steps(|row| row.forecast_eur_mwh));
    plot.steps("p", &steps(|row| row.actual_eur_mwh));
    plot.finish()
}
