//! `/sim/*`: start, stop, status, readings and prices on demand; with and without the prefix `/api`.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::SimulationError;
use super::model::{GeneratedPrices, GeneratedReadings, SimulationStatus, Which};
use super::service::Simulation;
use crate::access::audit::By;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, local_date};
use crate::platform::web::{
    BadBody, Body, Conflict, Importer, Moment, NotFound, Principal, Problem, Refusals, Require,
    Viewer,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(start_simulation)
        .service(start_sim)
        .service(stop_simulation)
        .service(stop_sim)
        .service(get_simulation)
        .service(get_sim)
        .service(generate_readings)
        .service(generate_sim_readings)
        .service(generate_prices)
        .service(generate_sim_prices);
}

/// What to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Start {
    /// The meters' readings; yes unless said.
    meters: bool,
    /// The market's prices; yes unless said.
    market: bool,
    /// Seconds of one reading, 1 to 60; each meter's own unless said.
    interval_s: Option<i32>,
}

impl Default for Start {
    fn default() -> Self {
        Self { meters: true, market: true, interval_s: None }
    }
}

/// What to stop.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Stop {
    /// The meters' readings; yes unless said.
    meters: bool,
    /// The market's prices; yes unless said.
    market: bool,
}

impl Default for Stop {
    fn default() -> Self {
        Self { meters: true, market: true }
    }
}

/// Which readings to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadingsOrder {
    /// The simulated meter; all that are set up unless said.
    #[serde(default)]
    meter_id: Option<String>,
    /// First local day (`2026-03-01`) or instant (RFC 3339).
    #[schema(value_type = String)]
    from: Moment,
    /// Last local day, inclusive, or instant after the last; not after now.
    #[schema(value_type = String)]
    to: Moment,
    /// Seconds of one reading: 1 to 60 in steps that fill a minute, 180, 300 or 900.
    interval_s: i32,
}

/// Which prices to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PricesOrder {
    /// First local day, or an instant on it.
    #[schema(value_type = String)]
    from: Moment,
    /// Last local day, inclusive, or an instant on it; not after what an auction has published.
    #[schema(value_type = String)]
    to: Moment,
    /// Product; that of the settings unless said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    product: Option<Product>,
}

async fn start(
    simulation: &Simulation,
    who: &Principal,
    order: &Start,
) -> Result<Json<SimulationStatus>, Problem> {
    let which = Which { meters: order.meters, market: order.market };
    let by = By::of(who);
    Ok(Json(simulation.start(which, order.interval_s, (&by, Some(who.user_id))).await?))
}

async fn stop(
    simulation: &Simulation,
    who: &Principal,
    order: &Stop,
) -> Result<Json<SimulationStatus>, Problem> {
    let which = Which { meters: order.meters, market: order.market };
    let by = By::of(who);
    Ok(Json(simulation.stop(which, (&by, Some(who.user_id))).await?))
}

async fn make_readings(
    simulation: &Simulation,
    who: &Principal,
    order: &ReadingsOrder,
) -> Result<Json<GeneratedReadings>, Problem> {
    let zone = simulation.settings().world().zone;
    let range = TimeRange::new(order.from.start(zone), order.to.end(zone));
    let (meter_id, by) = (order.meter_id.as_deref(), By::of(who));
    let asker = (&by, Some(who.user_id));
    Ok(Json(simulation.generate_readings(meter_id, range, order.interval_s, asker).await?))
}

async fn make_prices(
    simulation: &Simulation,
    who: &Principal,
    order: &PricesOrder,
) -> Result<Json<GeneratedPrices>, Problem> {
    let zone = Market::sim_ch().time_zone();
    let day = |moment: Moment| match moment {
        Moment::Day(day) => day,
        Moment::Instant(at) => local_date(at, zone),
    };
    let (first, last, by) = (day(order.from), day(order.to), By::of(who));
    let asker = (&by, Some(who.user_id));
    Ok(Json(simulation.generate_prices(order.product, first, last, asker).await?))
}

/// Start writing simulated readings, prices, or both; what runs already runs on.
///
/// Readings begin with their history and go on where they ended; every process may write, one at a
/// time does.
#[utoipa::path(tag = "simulation", 
    request_body(content = Start, example = json!({"meters": true, "market": true, "interval_s": 5})), responses((status = 200, body = SimulationStatus,
    example = json!(status_example(true))), Refusals, BadBody, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/sim/start")]
async fn start_simulation(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<Start>,
) -> Result<Json<SimulationStatus>, Problem> {
    start(&simulation, &who, &order.0).await
}

/// Start writing simulated readings, prices, or both; the same as under `/api`.
#[utoipa::path(tag = "simulation", 
    request_body(content = Start, example = json!({"meters": true, "market": true, "interval_s": 5})), responses((status = 200, body = SimulationStatus,
    example = json!(status_example(true))), Refusals, BadBody, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/sim/start")]
async fn start_sim(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<Start>,
) -> Result<Json<SimulationStatus>, Problem> {
    start(&simulation, &who, &order.0).await
}

/// Stop writing simulated readings, prices, or both: after the answer no process writes any more.
#[utoipa::path(tag = "simulation", 
    request_body(content = Stop, example = json!({"meters": true, "market": false})), responses((status = 200, body = SimulationStatus,
    example = json!(status_example(false))), Refusals, BadBody),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/sim/stop")]
async fn stop_simulation(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<Stop>,
) -> Result<Json<SimulationStatus>, Problem> {
    stop(&simulation, &who, &order.0).await
}

/// Stop writing simulated readings, prices, or both; the same as under `/api`.
#[utoipa::path(tag = "simulation", 
    request_body(content = Stop, example = json!({"meters": true, "market": false})), responses((status = 200, body = SimulationStatus,
    example = json!(status_example(false))), Refusals, BadBody),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/sim/stop")]
async fn stop_sim(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<Stop>,
) -> Result<Json<SimulationStatus>, Problem> {
    stop(&simulation, &who, &order.0).await
}

/// Get how the simulation stands, in all processes.
#[utoipa::path(tag = "simulation", responses((status = 200, body = SimulationStatus,
    example = json!(status_example(true))), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/sim/status")]
async fn get_simulation(
    _: Require<Viewer>,
    simulation: Data<Simulation>,
) -> Result<Json<SimulationStatus>, Problem> {
    Ok(Json(simulation.status().await?))
}

/// Get how the simulation stands; the same as under `/api`.
#[utoipa::path(tag = "simulation", responses((status = 200, body = SimulationStatus,
    example = json!(status_example(true))), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/sim/status")]
async fn get_sim(
    _: Require<Viewer>,
    simulation: Data<Simulation>,
) -> Result<Json<SimulationStatus>, Problem> {
    Ok(Json(simulation.status().await?))
}

/// Make readings of simulated meters for a range up to now, and store them; twice is once.
#[utoipa::path(tag = "simulation", 
    request_body(content = ReadingsOrder, example = json!({"meter_id": "sim-house", "from": "2026-03-01", "to": "2026-03-27", "interval_s": 900})), responses((status = 200, body = GeneratedReadings,
    example = json!(readings_example())), Refusals, BadBody, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/sim/meter/generate")]
async fn generate_readings(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<ReadingsOrder>,
) -> Result<Json<GeneratedReadings>, Problem> {
    make_readings(&simulation, &who, &order.0).await
}

/// Make readings of simulated meters; the same as under `/api`.
#[utoipa::path(tag = "simulation", 
    request_body(content = ReadingsOrder, example = json!({"meter_id": "sim-house", "from": "2026-03-01", "to": "2026-03-27", "interval_s": 900})), responses((status = 200, body = GeneratedReadings,
    example = json!(readings_example())), Refusals, BadBody, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/sim/meter/generate")]
async fn generate_sim_readings(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<ReadingsOrder>,
) -> Result<Json<GeneratedReadings>, Problem> {
    make_readings(&simulation, &who, &order.0).await
}

/// Make prices of the simulated market for some local days, and store them; twice is once.
#[utoipa::path(tag = "simulation", 
    request_body(content = PricesOrder, example = json!({"from": "2026-03-01", "to": "2026-03-28", "product": "day_ahead"})), responses((status = 200, body = GeneratedPrices,
    example = json!(prices_example())), Refusals, BadBody, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/sim/market/generate")]
async fn generate_prices(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<PricesOrder>,
) -> Result<Json<GeneratedPrices>, Problem> {
    make_prices(&simulation, &who, &order.0).await
}

/// Make prices of the simulated market; the same as under `/api`.
#[utoipa::path(tag = "simulation", 
    request_body(content = PricesOrder, example = json!({"from": "2026-03-01", "to": "2026-03-28", "product": "day_ahead"})), responses((status = 200, body = GeneratedPrices,
    example = json!(prices_example())), Refusals, BadBody, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/sim/market/generate")]
async fn generate_sim_prices(
    who: Require<Importer>,
    simulation: Data<Simulation>,
    order: Body<PricesOrder>,
) -> Result<Json<GeneratedPrices>, Problem> {
    make_prices(&simulation, &who, &order.0).await
}

fn status_example(is_running: bool) -> Value {
    let stopped = (!is_running).then_some("2026-03-28T12:30:00Z");
    let meters = json!({"is_running": is_running, "started_at": "2026-03-28T12:00:00Z",
        "stopped_at": stopped, "interval_s": 5, "written_until": "2026-03-28T12:29:55Z",
        "rows_written": 77_520, "written_at": "2026-03-28T12:29:57Z", "writer": "process 7"});
    let market = json!({"is_running": true, "started_at": null, "stopped_at": null,
        "interval_s": null, "written_until": null, "rows_written": 0, "written_at": null,
        "writer": null});
    json!({"seed": 2_023, "meters": meters, "market": market, "market_code": "SIM-CH",
        "product": "day_ahead", "output": "database", "output_mistake": null,
        "simulated_meters": [{"meter_id": "sim-house",
        "profile": "household_pv", "house": 1, "measures": "house", "interval_s": 5,
        "history_interval_s": 900, "outage_rate": 0.002}], "sites": [site_example()]})
}

fn site_example() -> Value {
    let meters = [
        ("grid", "grid"),
        ("pv", "pv"),
        ("battery", "battery"),
        ("ev", "ev"),
        ("heatpump", "heat_pump"),
        ("house", "device"),
    ];
    let meters =
        meters.map(|(part, role)| json!({"meter_id": format!("sim-home-{part}"), "role": role}));
    let now = json!({"ts": "2026-03-28T12:30:00Z", "house_kw": 0.41, "pv_kw": 3.9,
        "heat_pump_kw": 0.015, "ev_kw": 3.475, "battery_charge_kw": 0.0,
        "battery_discharge_kw": 0.0, "grid_import_kw": 0.0, "grid_export_kw": 0.0,
        "battery_soc": 0.95, "ev_soc": 0.62, "ev_is_connected": true,
        "ev_leaves_at": "2026-03-30T05:12:00Z", "heat_pump_task": "rest", "cop": null,
        "indoor_c": 21.4, "tank_c": 50.1, "outdoor_c": 9.3});
    json!({"site": "home", "is_enabled": true, "meters": meters, "interval_s": 5, "now": now})
}

fn readings_example() -> Value {
    json!({"meter_ids": ["sim-house"], "from": "2026-02-28T23:00:00Z",
        "to": "2026-03-27T23:00:00Z", "interval_s": 900, "rows": 2_592, "missing": 6,
        "stored": {"inserted": 2_592, "replaced": 0, "unchanged": 0, "refused_older": 0,
        "duplicates": 0, "overlapping": 0}, "sent": 0})
}

fn prices_example() -> Value {
    json!({"market": "SIM-CH", "product": "day_ahead", "from": "2026-03-01", "to": "2026-03-28",
        "rows": 672, "stored": {"inserted": 672, "replaced": 0, "unchanged": 0,
        "refused_older": 0, "duplicates": 0}})
}

impl From<SimulationError> for Problem {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Nothing => Self::invalid("meters", error),
            SimulationError::NoMeter
            | SimulationError::SeedFile { .. }
            | SimulationError::NoOutput(_) => Self::conflict(error),
            SimulationError::UnknownMeter { .. } | SimulationError::UnknownSite { .. } => {
                Self::not_found(error)
            }
            SimulationError::Unacknowledged(_) => Self::unavailable(error),
            SimulationError::Readings(error) => error.into(),
            SimulationError::BadInterval { .. } => Self::invalid("interval_s", error),
            SimulationError::EmptyRange { .. }
            | SimulationError::Future { .. }
            | SimulationError::TooMany { .. } => Self::invalid("to", error),
            SimulationError::Prices(error) => error.into(),
            SimulationError::Meters(error) => error.into(),
            SimulationError::Busy(error) => Self::unavailable(error),
            SimulationError::Db(error) => error.into(),
        }
    }
}
