//! Whether the model that writes can be asked, for the status page and the health checks.

use super::service::Ask;
use crate::knowledge::documents::{Standing, within};

impl Ask {
    /// How the model is that writes answers; its server is asked at most every ten seconds.
    pub async fn standing(&self) -> Standing {
        let now = self.clock.elapsed();
        if let Some(standing) = self.seen.fresh(now) {
            return standing;
        }
        let settings = self.settings();
        let asked = async {
            match self.writer.standing(&settings).await {
                Ok(detail) => (detail, true),
                Err(error) => (error.to_string(), false),
            }
        };
        let standing = within("answer_model", settings.writer().is_some(), asked).await;
        self.seen.keep(now, &standing);
        standing
    }
}
