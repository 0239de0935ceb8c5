//! New prices and values are forecast from at once, not at the next round of the clock.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::jobs::RefreshJob;
use crate::facts::changes::Change;
use crate::facts::changes::ChangeKind;
use crate::facts::changes::Consumer;
use crate::platform::jobs::Jobs;

/// What the names of simulated prices begin with: whoever fills them forecasts behind them.
const SIMULATED: &str = "price:SIM-";

/// Asks for a refresh of the forecasts when prices or the values that they are learned from change;
/// for one, however much changes while it waits.
#[derive(Clone)]
pub struct RefreshOnChange(pub Jobs);

impl RefreshOnChange {
    /// Under which name its place is kept.
    pub const NAME: &'static str = "learning.refresh";
}

impl Consumer for RefreshOnChange {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn wants(&self, change: &Change) -> bool {
        match change.kind {
            ChangeKind::Price => !change.name.starts_with(SIMULATED),
            ChangeKind::Observation => true,
            ChangeKind::Meter | ChangeKind::Tariff => false,
        }
    }

    fn take(&self, _: Vec<Change>) -> BoxFuture<'_, anyhow::Result<()>> {
        async move {
            self.0.enqueue_unless_due(RefreshJob::NAME).await?;
            Ok(())
        }
        .boxed()
    }
}
