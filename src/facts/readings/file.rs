//! Files of readings of many meters, read as they arrive.

use super::model::{IngestReport, Order, ReadingsError};
use super::service::Readings;
use super::split::Format;
use crate::platform::web::Flow;
use crate::platform::web::Principal;

/// How a file is to be taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOrder {
    /// Unknown meters are made.
    pub create: bool,
    /// Good rows are stored although others are faulty.
    pub partial: bool,
    /// Everything is checked and nothing stored.
    pub dry_run: bool,
}

impl Readings {
    /// Stores a file of many meters in one transaction, whatever its length; its media type says
    /// whether it is NDJSON or a JSON list, and CSV with a header it is otherwise.
    ///
    /// # Errors
    /// As those of a request with readings.
    pub async fn take_file(
        &self,
        who: &Principal,
        order: FileOrder,
        file: Flow,
    ) -> Result<IngestReport, ReadingsError> {
        let FileOrder { create, partial, dry_run } = order;
        let order = Order { create, partial, dry_run, is_file: true, key: None };
        let format = Format::of(&file.media_type).unwrap_or(Format::Csv);
        match self.take(who, &order, (format, file.bytes)).await {
            Err(ReadingsError::DryRun(report)) => Ok(*report),
            other => other,
        }
    }
}
