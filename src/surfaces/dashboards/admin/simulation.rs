//! `/admin/simulation`: whether it runs, a simulated day to look at, and the forms that start it,
//! stop it and have it make readings and prices.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::desk::{Answer, Choice, Desk, Place};
use super::said::Said;
use super::simulation_chart::{Drawing, svg};
use super::simulation_site::{SiteView, sites};
use crate::access::audit::By;
use crate::base::timeline::{TimeRange, add_days, days_range, local_date};
use crate::facts::events::Events;
use crate::facts::meters::Meters;
use crate::facts::simulation::MeterStatus;
use crate::facts::simulation::Output;
use crate::facts::simulation::Preview;
use crate::facts::simulation::Simulation;
use crate::facts::simulation::SimulationError;
use crate::facts::simulation::SimulationStatus;
use crate::facts::simulation::StreamState;
use crate::facts::simulation::Which;
use crate::platform::web::{AdminOnly, Form, Principal, Problem, Require};
use crate::surfaces::dashboards::format::{Format, number};

/// Events that are listed.
const EVENTS_SHOWN: i64 = 8;
/// What stands for the market in the list of what can be made.
const MARKET: &str = "market";
/// Intervals to choose from, in seconds; nothing means each meter's own.
const LIVE_INTERVALS: [&str; 6] = ["", "1", "2", "5", "10", "60"];
/// Intervals of readings that are made on demand, in seconds.
const INTERVALS: [&str; 4] = ["900", "300", "60", "5"];

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(get_simulation)
        .service(start_simulation)
        .service(stop_simulation)
        .service(generate);
}

#[derive(Debug, Serialize)]
struct SimulationView {
    streams: Vec<StreamRow>,
    seed: String,
    meters: Vec<MeterRow>,
    which: Vec<Choice>,
    which_to_stop: Vec<Choice>,
    live_intervals: Vec<Choice>,
    order: OrderView,
    chart: Option<ChartView>,
    sites: Vec<SiteView>,
    output: &'static str,
    output_mistake: String,
    shown: String,
    events: Vec<EventRow>,
}

#[derive(Debug, Serialize)]
struct StreamRow {
    name: &'static str,
    kind: &'static str,
    state: &'static str,
    since: String,
    interval: String,
    rows: String,
    until: String,
    writer: String,
}

#[derive(Debug, Serialize)]
struct MeterRow {
    meter_id: String,
    profile: String,
    house: String,
    measures: String,
    interval: String,
    outage: String,
    readings: String,
}

#[derive(Debug, Serialize)]
struct OrderView {
    what: Vec<Choice>,
    intervals: Vec<Choice>,
    from: String,
    to: String,
    error: String,
}

#[derive(Debug, Serialize)]
struct ChartView {
    title: String,
    summary: String,
    svg: String,
    rows: Vec<HourRow>,
}

#[derive(Debug, Serialize)]
struct HourRow {
    time: String,
    load: String,
    pv: String,
    grid: String,
}

#[derive(Debug, Serialize)]
struct EventRow {
    at: String,
    text: String,
    more: String,
}

/// What to start or stop, and how.
#[derive(Debug, Deserialize)]
struct StreamForm {
    #[serde(default)]
    which: String,
    #[serde(default)]
    interval_s: String,
}

/// What to make.
#[derive(Debug, Clone, Default, Deserialize)]
struct OrderForm {
    #[serde(default)]
    what: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    interval_s: String,
}

impl StreamForm {
    fn which(&self) -> Which {
        Which { meters: self.which != MARKET, market: self.which != "meters" }
    }
}

#[get("/admin/simulation")]
async fn get_simulation(
    who: Require<AdminOnly>,
    desk: Desk,
    simulation: Data<Simulation>,
    (events, meters): (Data<Events>, Data<Meters>),
) -> Result<HttpResponse, Problem> {
    let zone = simulation.settings().world().zone;
    let yesterday = add_days(local_date(desk.now(), zone), -1);
    let form = OrderForm {
        from: add_days(yesterday, -29).to_string(),
        to: yesterday.to_string(),
        interval_s: INTERVALS[0].to_owned(),
        ..OrderForm::default()
    };
    show(StatusCode::OK, (&who, desk), (&simulation, &events, &meters), (form, String::new())).await
}

async fn show(
    status: StatusCode,
    (who, desk): (&Principal, Desk),
    (simulation, events, meters_of): (&Simulation, &Events, &Meters),
    (form, error): (OrderForm, String),
) -> Result<HttpResponse, Problem> {
    let (format, now) = (desk.format(who), desk.now());
    let state = simulation.status().await?;
    let today = local_date(now, simulation.settings().world().zone);
    let preview = simulation.preview(today).await?;
    let days = simulation.site_days(today).await?;
    let shown = meters_of.shown(who).await?;
    let recent = events.list("sim.", EVENTS_SHOWN).await?;
    let view = SimulationView {
        streams: streams(&state, &format),
        seed: state.seed.to_string(),
        meters: meters(&state, &format),
        which: which(&format),
        which_to_stop: which(&format),
        live_intervals: LIVE_INTERVALS.map(|s| interval_choice(s, "", &format)).into(),
        order: order(&state, &form, error, &format),
        chart: preview.map(|preview| chart(&preview, today, &format)),
        sites: sites(&state.sites, &days, (today, &format)),
        output: format.text(output_key(state.output)),
        output_mistake: state.output_mistake.clone().unwrap_or_default(),
        shown: shown.map_or_else(String::new, |meter_id| {
            format.fill("adm_sim_shown", &[("meter", &meter_id)])
        }),
        events: recent
            .into_iter()
            .map(|event| EventRow {
                at: format.moment(event.ts),
                text: format.text(event_key(&event.kind)).to_owned(),
                more: details(&event.meta),
            })
            .collect(),
    };
    let answer = answer(&state, &format);
    Ok(desk.answer(status, who, (Place::Simulation, "admin/simulation.html"), &answer, &view))
}

fn answer(state: &SimulationStatus, format: &Format) -> Answer {
    let key = match (state.meters.is_running, state.market.is_running) {
        (true, true) => "adm_sim_both_run",
        (true, false) => "adm_sim_meters_run",
        (false, true) => "adm_sim_market_runs",
        (false, false) => "adm_sim_nothing_runs",
    };
    Answer::new(format.text(key), format.text("adm_sim_advice"))
}

fn streams(state: &SimulationStatus, format: &Format) -> Vec<StreamRow> {
    let row = |name: &'static str, stream: &StreamState| {
        let none = || "–".to_owned();
        let moment = |at: Option<DateTime<Utc>>| at.map_or_else(none, |at| format.second(at));
        StreamRow {
            name: format.text(name),
            kind: if stream.is_running { "ok" } else { "off" },
            state: format.text(if stream.is_running { "adm_sim_runs" } else { "adm_sim_stands" }),
            since: moment(if stream.is_running { stream.started_at } else { stream.stopped_at }),
            interval: stream.interval_s.map_or_else(none, |s| seconds(s, format)),
            rows: number(stream.rows_written as f64, 0),
            until: moment(stream.written_until),
            writer: stream.writer.clone().unwrap_or_else(none),
        }
    };
    vec![row("adm_sim_readings", &state.meters), row("adm_sim_prices", &state.market)]
}

fn meters(state: &SimulationStatus, format: &Format) -> Vec<MeterRow> {
    let row = |meter: &MeterStatus| MeterRow {
        profile: meter.profile.clone(),
        house: meter.house.to_string(),
        measures: format.text(measures_key(meter.measures.role().name())).to_owned(),
        interval: seconds(state.meters.interval_s.unwrap_or(meter.interval_s), format),
        outage: format!("{}\u{a0}%", number(meter.outage_rate * 100.0, 1)),
        readings: format!("/api/meters/{}/readings", meter.meter_id),
        meter_id: meter.meter_id.clone(),
    };
    state.simulated_meters.iter().map(row).collect()
}

const fn output_key(output: Output) -> &'static str {
    match output {
        Output::Database => "adm_sim_output_database",
        Output::Mqtt => "adm_sim_output_mqtt",
        Output::Kafka => "adm_sim_output_kafka",
    }
}

fn measures_key(role: &str) -> &'static str {
    match role {
        "grid" => "adm_sim_at_grid",
        "pv" => "adm_sim_at_pv",
        _ => "adm_sim_at_house",
    }
}

fn seconds(interval_s: i32, format: &Format) -> String {
    if interval_s >= 60 && interval_s % 60 == 0 {
        return format.fill("adm_sim_minutes", &[("n", &(interval_s / 60).to_string())]);
    }
    format.fill("adm_sim_seconds", &[("n", &interval_s.to_string())])
}

fn which(format: &Format) -> Vec<Choice> {
    [("both", "adm_sim_both"), ("meters", "adm_sim_readings"), (MARKET, "adm_sim_prices")]
        .map(|(value, key)| Choice::new(value, format.text(key), "both"))
        .into()
}

fn interval_choice(value: &str, chosen: &str, format: &Format) -> Choice {
    let text = match value.parse() {
        Ok(interval_s) => seconds(interval_s, format),
        Err(_) => format.text("adm_sim_own_interval").to_owned(),
    };
    Choice::new(value, text, chosen)
}

fn order(state: &SimulationStatus, form: &OrderForm, error: String, format: &Format) -> OrderView {
    let all = Choice::new("", format.text("adm_sim_all_meters"), &form.what);
    let houses = state.simulated_meters.iter().map(|meter| &meter.meter_id);
    let writing = state.sites.iter().filter(|site| site.is_enabled);
    let of_sites = writing.flat_map(|site| &site.meters).map(|meter| &meter.meter_id);
    let each = houses.chain(of_sites).map(|name| Choice::new(name, name, &form.what));
    let market = Choice::new(MARKET, format.text("adm_sim_prices"), &form.what);
    OrderView {
        what: std::iter::once(all).chain(each).chain([market]).collect(),
        intervals: INTERVALS.map(|s| interval_choice(s, &form.interval_s, format)).into(),
        from: form.from.clone(),
        to: form.to.clone(),
        error,
    }
}

fn chart(day: &Preview, date: NaiveDate, format: &Format) -> ChartView {
    let kwh = |values: &[f64]| number(values.iter().sum::<f64>() / 4.0, 1);
    let title = format
        .fill("adm_sim_chart", &[("date", &format.date_long(date)), ("profile", &day.profile)]);
    let summary = format.fill(
        "adm_sim_summary",
        &[
            ("load", &kwh(&day.load_kw)),
            ("pv", &kwh(&day.pv_kw)),
            ("import", &number(day.import_kwh, 1)),
            ("export", &number(day.export_kwh, 1)),
        ],
    );
    let mean = |values: &[f64], hour: usize| {
        number(values[hour * 4..hour * 4 + 4].iter().sum::<f64>() / 4.0, 2)
    };
    let starts = std::iter::successors(Some(day.from), |at| Some(*at + chrono::Duration::hours(1)));
    let rows = (0..day.load_kw.len() / 4).zip(starts).map(|(hour, at)| HourRow {
        time: format.time(at),
        load: mean(&day.load_kw, hour),
        pv: mean(&day.pv_kw, hour),
        grid: mean(&day.grid_kw, hour),
    });
    let drawing = Drawing {
        from: day.from,
        unit: "kW",
        filled: Some(&day.pv_kw),
        lines: vec![("pv", &day.pv_kw), ("f gd", &day.grid_kw), ("p", &day.load_kw)],
    };
    ChartView {
        title,
        summary,
        svg: svg(&drawing, format, "day-title", "day-summary"),
        rows: rows.collect(),
    }
}

fn event_key(kind: &str) -> &'static str {
    match kind {
        "sim.start" => "adm_sim_event_start",
        "sim.stop" => "adm_sim_event_stop",
        _ => "adm_sim_event_generate",
    }
}

/// What an event remembers, as `key: value` side by side.
fn details(meta: &serde_json::Value) -> String {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| item.as_str().unwrap_or_default());
            items.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let fields = meta.as_object().into_iter().flatten();
    let fields = fields.filter(|(_, value)| !value.is_null());
    fields.map(|(key, value)| format!("{key}: {}", text(value))).collect::<Vec<_>>().join(" · ")
}

#[post("/admin/simulation/start")]
async fn start_simulation(
    who: Require<AdminOnly>,
    simulation: Data<Simulation>,
    form: Form<StreamForm>,
) -> Result<HttpResponse, Problem> {
    // What is no number means each meter's own interval.
    let interval_s = form.0.interval_s.trim().parse().ok();
    let by = By::of(&who);
    simulation.start(form.0.which(), interval_s, (&by, Some(who.user_id))).await?;
    Ok(Said::SimulationStarted.then(Place::Simulation.path()))
}

#[post("/admin/simulation/stop")]
async fn stop_simulation(
    who: Require<AdminOnly>,
    simulation: Data<Simulation>,
    form: Form<StreamForm>,
) -> Result<HttpResponse, Problem> {
    let by = By::of(&who);
    simulation.stop(form.0.which(), (&by, Some(who.user_id))).await?;
    Ok(Said::SimulationStopped.then(Place::Simulation.path()))
}

#[post("/admin/simulation/generate")]
async fn generate(
    who: Require<AdminOnly>,
    desk: Desk,
    simulation: Data<Simulation>,
    (events, meters): (Data<Events>, Data<Meters>),
    form: Form<OrderForm>,
) -> Result<HttpResponse, Problem> {
    let (form, format, now) = (form.0, desk.format(&who), desk.now());
    let days = form.from.trim().parse().ok().zip(form.to.trim().parse().ok());
    let Some((from, to)) = days else {
        let error = format.text("adm_sim_bad_days").to_owned();
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(status, (&who, desk), (&simulation, &events, &meters), (form, error)).await;
    };
    match make(&simulation, &who, &form, (from, to, now)).await {
        Ok(0) => Ok(Said::SimulationMadeNothing.then(Place::Simulation.path())),
        Ok(_) => Ok(Said::SimulationMade.then(Place::Simulation.path())),
        Err(error) => {
            let key = match &error {
                SimulationError::EmptyRange { .. } => "adm_sim_empty_range",
                SimulationError::Future { .. } => "adm_sim_future",
                SimulationError::TooMany { .. } => "adm_sim_too_many",
                SimulationError::UnknownMeter { .. } | SimulationError::NoMeter => {
                    "adm_sim_no_meter"
                }
                _ => return Err(error.into()),
            };
            let error = format.text(key).to_owned();
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            show(status, (&who, desk), (&simulation, &events, &meters), (form, error)).await
        }
    }
}

/// Makes what the form asks for; answers with the number of rows that are new or differ.
async fn make(
    simulation: &Simulation,
    who: &Principal,
    form: &OrderForm,
    (from, to, now): (NaiveDate, NaiveDate, DateTime<Utc>),
) -> Result<u64, SimulationError> {
    let by = By::of(who);
    let asker = (&by, Some(who.user_id));
    if form.what == MARKET {
        let made = simulation.generate_prices(None, from, to, asker).await?;
        return Ok(made.stored.inserted + made.stored.replaced);
    }
    let zone = simulation.settings().world().zone;
    let range = days_range(from, to, zone);
    // Today is not over: what can be known of it is made.
    let is_today = to == local_date(now, zone);
    let range = TimeRange::new(range.from, if is_today { now } else { range.to });
    let meter = Some(form.what.as_str()).filter(|what| !what.is_empty());
    let interval_s = form.interval_s.trim().parse().unwrap_or(900);
    let made = simulation.generate_readings(meter, range, interval_s, asker).await?;
    Ok(made.stored.inserted + made.stored.replaced)
}
