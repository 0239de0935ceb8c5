//! Refusals of the queue over HTTP.

use super::service::JobsError;
use crate::platform::web::Problem;

impl From<JobsError> for Problem {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::NotFound(_) | JobsError::NoSchedule(_) => Self::not_found(error),
            JobsError::Ended { .. } | JobsError::NotEnded { .. } => Self::conflict(error),
            JobsError::Invalid { .. } => Self::invalid("job", error),
            JobsError::Db(error) => error.into(),
        }
    }
}
