//! `GET /api/grid/{series}`: observed and forecast values, as they were known.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::service::{Observations, SeriesError};
use crate::base::timeline::{AsOf, Clock, TimeRange};
use crate::platform::web::{
    NotFound, Params, Path, Problem, Reader, Refusals, Require, instant, optional_instant,
};

/// Longest range one request may cover, in days.
const RANGE_DAYS_MAX: i64 = 400;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_values);
}

/// Which values to return.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ValueQuery {
    /// First instant.
    #[param(example = "2017-01-01T00:00:00Z")]
    #[serde(deserialize_with = "instant")]
    from: DateTime<Utc>,
    /// First instant after.
    #[param(example = "2017-01-02T00:00:00Z")]
    #[serde(deserialize_with = "instant")]
    to: DateTime<Utc>,
    /// Return what was known at this instant; now unless said.
    #[serde(default, deserialize_with = "optional_instant")]
    as_of: Option<DateTime<Utc>>,
}

/// A value and the instant it is about.
#[derive(Debug, Serialize, ToSchema)]
struct ValuePoint {
    /// Start of the interval.
    ts: DateTime<Utc>,
    /// Value in the series' unit.
    value: f64,
}

/// Values of one series.
#[derive(Debug, Serialize, ToSchema)]
struct ValueList {
    /// Name of the series.
    #[schema(example = "exo1:EPF-DE")]
    series: String,
    /// What was known then.
    as_of: DateTime<Utc>,
    /// Values, oldest first.
    points: Vec<ValuePoint>,
}

/// List values of one observed or forecast series, oldest first.
#[utoipa::path(tag = "market", params(("series" = String, Path, description = "Name of the series", example = "exo1:EPF-DE"), ValueQuery),
    responses((status = 200, body = ValueList,
    example = json!({"series": "exo1:EPF-DE", "as_of": "2017-01-01T00:00:00Z", "points": [{"ts": "2017-01-01T00:00:00Z", "value": 16382.0}]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/grid/{series}")]
async fn list_values(
    _: Require<Reader>,
    observations: Data<Observations>,
    clock: Data<Clock>,
    series: Path<String>,
    query: Params<ValueQuery>,
) -> Result<Json<ValueList>, Problem> {
    let range = TimeRange::new(query.0.from, query.0.to);
    if range.length().is_zero() {
        return Err(Problem::invalid("to", format!("{} is not after {}", range.to, range.from)));
    }
    if range.length().num_days() > RANGE_DAYS_MAX {
        let message = format!("a range covers at most {RANGE_DAYS_MAX} days");
        return Err(Problem::invalid("to", message));
    }
    let as_of = query.0.as_of.unwrap_or_else(|| clock.now());
    let values = observations.values_as_of(&series, range, AsOf(as_of)).await?;
    let points = values.into_iter().map(|(ts, value)| ValuePoint { ts, value }).collect();
    Ok(Json(ValueList { series: series.into_inner(), as_of, points }))
}

impl From<SeriesError> for Problem {
    fn from(error: SeriesError) -> Self {
        match &error {
            SeriesError::RangeTooLong { .. } => Self::invalid("to", &error),
            SeriesError::NotFinite { .. } | SeriesError::BadSpec { .. } => {
                Self::invalid("series", &error)
            }
            SeriesError::OtherSeries { .. } | SeriesError::TooMany { .. } => Self::conflict(&error),
            SeriesError::Unknown(_) => Self::not_found(&error),
            SeriesError::Db(database) if database.is_passing() => Self::unavailable(error),
            SeriesError::Db(_) => Self::internal(error),
        }
    }
}
