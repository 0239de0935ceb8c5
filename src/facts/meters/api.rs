//! `GET /api/meters` and `GET /api/meters/{meter_id}/readings`.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Meter, Reading, Resolution, Rollup};
use super::service::{MeterError, Meters};
use crate::base::timeline::{Clock, TimeRange, add_days, day_range, local_date};
use crate::platform::web::{LoggedIn, Moment, NotFound, Params, Path, Problem, Refusals, Require};

/// Most meters of one answer.
const LIMIT_MAX: i64 = 200;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_meters).service(list_readings);
}

/// Which meters to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MeterQuery {
    /// Only meters behind this one in the list: `next` of the page before.
    after: Option<String>,
    /// At most this many, 1 to 200; 50 unless said.
    #[param(minimum = 1, maximum = 200, value_type = Option<i64>)]
    limit: Option<i64>,
}

/// Meters, by name.
#[derive(Debug, Serialize, ToSchema)]
struct MeterList {
    /// The meters.
    meters: Vec<Meter>,
    /// The meter that pages show when nobody says; absent where none has readings.
    #[schema(example = "sim-house")]
    shown: Option<String>,
    /// Give it as `after` for the next page; absent on the last one.
    next: Option<String>,
}

/// List the meters you may see: customers those of their own site, others all.
#[utoipa::path(tag = "meters", params(MeterQuery), responses((status = 200, body = MeterList,
    example = json!({"meters": [meter_example()], "shown": "sim-house", "next": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/meters")]
async fn list_meters(
    who: Require<LoggedIn>,
    meters: Data<Meters>,
    query: Params<MeterQuery>,
) -> Result<Json<MeterList>, Problem> {
    let limit = query.0.limit.unwrap_or(50);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid("limit", format!("{limit} is not between 1 and {LIMIT_MAX}")));
    }
    let after = query.0.after.unwrap_or_default();
    let mut listed = meters.list(&who, &after, limit + 1).await?;
    let has_more = i64::try_from(listed.len()).is_ok_and(|count| count > limit);
    if has_more {
        listed.pop();
    }
    let next = listed.last().filter(|_| has_more).map(|meter| meter.meter_id.clone());
    Ok(Json(MeterList { meters: listed, shown: meters.shown(&who).await?, next }))
}

/// Which readings to return, and how finely.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadingQuery {
    /// First local day (`2026-03-01`) or instant (RFC 3339); yesterday unless said.
    #[param(value_type = Option<String>, example = "2026-03-28")]
    from: Option<Moment>,
    /// Last local day, inclusive, or instant after the last; now unless said.
    #[param(value_type = Option<String>, example = "2026-03-29")]
    to: Option<Moment>,
    /// `raw`, `15min` (unless said), `hour` or `day`.
    #[param(inline)]
    resolution: Option<Resolution>,
}

/// Readings of one meter.
#[derive(Debug, Serialize, ToSchema)]
struct ReadingSeries {
    /// The meter.
    #[schema(example = "sim-house")]
    meter_id: String,
    /// How finely they are told.
    resolution: Resolution,
    /// Whether Luna made these values up.
    simulated: bool,
    /// Zone in which the meter's days begin.
    #[schema(example = "Europe/Zurich")]
    time_zone: String,
    /// First instant that was asked for.
    from: DateTime<Utc>,
    /// First instant after.
    to: DateTime<Utc>,
    /// Readings as they were read, oldest first; only of the resolution `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    readings: Option<Vec<Reading>>,
    /// What they add up to, oldest first; of the other resolutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollups: Option<Vec<Rollup>>,
}

/// List what a meter read, oldest first: as it was read, or per quarter hour, hour or local day.
#[utoipa::path(tag = "meters", params(("meter_id" = String, Path, description = "The meter"), ReadingQuery),
    responses((status = 200, body = ReadingSeries,
    example = json!({"meter_id": "sim-house", "resolution": "hour", "simulated": true, "time_zone": "Europe/Zurich", "from": "2026-03-28T11:00:00Z", "to": "2026-03-28T12:00:00Z", "rollups": [{"ts": "2026-03-28T11:00:00Z", "interval_s": 3600, "consumption_kw": 0.42, "consumption_kwh": 0.42, "production_kw": 2.8, "production_kwh": 2.8, "covered_s": 3600, "missing_s": 0}]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/meters/{meter_id}/readings")]
async fn list_readings(
    who: Require<LoggedIn>,
    meters: Data<Meters>,
    clock: Data<Clock>,
    meter_id: Path<String>,
    query: Params<ReadingQuery>,
) -> Result<Json<ReadingSeries>, Problem> {
    let meter = meters.get(&who, &meter_id).await?;
    let zone: Tz = meter.time_zone.parse().unwrap_or(Tz::UTC);
    let query = query.0;
    let from = query.from.map_or_else(
        || day_range(add_days(local_date(clock.now(), zone), -1), zone).from,
        |from| from.start(zone),
    );
    let to = query.to.map_or_else(|| clock.now(), |to| to.end(zone));
    if to <= from {
        return Err(Problem::invalid("to", format!("{to} is not after {from}")));
    }
    let range = TimeRange::new(from, to);
    let resolution = query.resolution.unwrap_or(Resolution::Quarter);
    let (readings, rollups) = if resolution == Resolution::Raw {
        (Some(meters.readings(&meter.meter_id, range).await?), None)
    } else {
        (None, Some(meters.rollups(&meter.meter_id, zone, range, resolution).await?))
    };
    Ok(Json(ReadingSeries {
        resolution,
        simulated: meter.is_simulated,
        time_zone: meter.time_zone,
        meter_id: meter.meter_id,
        from,
        to,
        readings,
        rollups,
    }))
}

fn meter_example() -> serde_json::Value {
    json!({"meter_id": "sim-house", "site_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "name": "Simulated house", "role": "house", "is_simulated": true,
        "time_zone": "Europe/Zurich", "created_at": "2026-03-28T12:00:00Z"})
}

impl From<MeterError> for Problem {
    fn from(error: MeterError) -> Self {
        match &error {
            MeterError::Unknown(_) => Self::not_found(error),
            MeterError::BadName { .. } => Self::invalid("meter_id", &error),
            MeterError::TooMuch(_) => Self::invalid("to", &error),
            MeterError::BadReading(bad) => {
                Self::invalid(format!("readings[{}]", bad.place), &error)
            }
            MeterError::NoSite | MeterError::TooMany { .. } => Self::conflict(&error),
            MeterError::Db(database) if database.is_passing() => Self::unavailable(error),
            MeterError::Db(_) => Self::internal(error),
        }
    }
}
