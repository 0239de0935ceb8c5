//! Why there is no forecast of a meter.

use crate::algorithms::forecasting::site::DAYS_MIN;
use crate::algorithms::forecasting::site::Kind;
use crate::algorithms::forecasting::site::SiteError;
use crate::facts::meters::MeterError;
use crate::facts::series::SeriesError;
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPoolError;
use crate::platform::web::Problem;

/// Why there is no forecast of a meter.
#[derive(Debug, thiserror::Error)]
pub enum SiteForecastError {
    /// The meter is unknown, or its readings could not be read.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// Too few days were read.
    #[error(
        "meter '{meter_id}' has {days} days of readings of its {what}; a forecast needs {DAYS_MIN}"
    )]
    TooShort {
        /// The meter.
        meter_id: String,
        /// `consumption` or `production`.
        what: &'static str,
        /// Days with readings for half the day or more.
        days: usize,
    },
    /// None was issued yet, or by then.
    #[error("there is no forecast of {series} {when}")]
    None {
        /// The series.
        series: String,
        /// Why, or by when.
        when: String,
    },
    /// The evaluation that was asked for makes no sense.
    #[error("{0}")]
    BadRange(String),
    /// The model could not be fitted or used.
    #[error("the forecast could not be computed")]
    Model(#[source] SiteError),
    /// Forecasts of the weather could not be read.
    #[error("forecasts of the weather could not be read")]
    Weather(#[from] SeriesError),
    /// The pool for heavy work is full or going down.
    #[error("the computation could not run")]
    Pool(#[from] CpuPoolError),
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for SiteForecastError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl SiteForecastError {
    /// What a failed computation means for a meter.
    pub(super) fn of(error: SiteError, meter_id: &str, kind: Kind) -> Self {
        match error {
            SiteError::TooShort { days } => {
                Self::TooShort { meter_id: meter_id.to_owned(), what: what(kind), days }
            }
            other => Self::Model(other),
        }
    }
}

/// What a kind of forecast is about, in a word.
pub(super) const fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Load => "consumption",
        Kind::Pv => "production",
    }
}

impl From<SiteForecastError> for Problem {
    fn from(error: SiteForecastError) -> Self {
        match error {
            SiteForecastError::Meter(error) => error.into(),
            SiteForecastError::TooShort { .. } | SiteForecastError::None { .. } => {
                Self::not_found(&error)
            }
            SiteForecastError::BadRange(_) => Self::invalid("from", &error),
            SiteForecastError::Pool(_) => Self::unavailable(error),
            SiteForecastError::Db(ref database) if database.is_passing() => {
                Self::unavailable(error)
            }
            SiteForecastError::Model(_)
            | SiteForecastError::Weather(_)
            | SiteForecastError::Db(_) => Self::internal(error),
        }
    }
}
