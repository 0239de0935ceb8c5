//! Which meter a metering point is: people say it once, files name points for ever.

use diesel_async::AsyncConnection;

use super::model::{DropsError, MeteringPoint};
use super::service::Drops;
use super::store;
use crate::access::audit::{By, Event};
use crate::facts::meters::MeterError;

impl Drops {
    /// Up to `limit` metering points after `after`, by name.
    pub async fn points(&self, after: &str, limit: i64) -> Result<Vec<MeteringPoint>, DropsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::points(&mut conn, after, limit).await?)
    }

    /// Says which meter a metering point is from now on; what was stored of it stays where it is.
    pub async fn assign(
        &self,
        point: &str,
        meter_id: &str,
        by: &By,
    ) -> Result<MeteringPoint, DropsError> {
        let point = point.trim();
        let is_name = (4..=64).contains(&point.len())
            && point.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_name {
            return Err(DropsError::BadPoint(point.chars().take(80).collect()));
        }
        let after = MeteringPoint {
            point: point.to_owned(),
            meter_id: meter_id.trim().to_owned(),
            created_at: self.clock.now(),
        };
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            if self.meters.targets(conn, &[&after.meter_id]).await?.is_empty() {
                return Err(MeterError::Unknown(after.meter_id.clone()).into());
            }
            let before = store::point(conn, point).await?;
            if let Some(before) = before.as_ref().filter(|before| before.meter_id == after.meter_id)
            {
                return Ok(before.clone());
            }
            store::assign(conn, &after).await?;
            let event = Event::new("metering_point.assign", ("metering_point", point))
                .before(&before)
                .after(&after);
            self.audit.record(conn, by, event).await?;
            Ok(after)
        })
        .await
    }

    /// Forgets which meter a metering point is.
    pub async fn forget(&self, point: &str, by: &By) -> Result<(), DropsError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let before = store::point(conn, point).await?;
            let before = before.ok_or_else(|| DropsError::NoPoint(point.to_owned()))?;
            store::forget(conn, point).await?;
            let event =
                Event::new("metering_point.forget", ("metering_point", point)).before(&before);
            Ok(self.audit.record(conn, by, event).await?)
        })
        .await
    }
}
