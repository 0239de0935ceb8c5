//! What models say that is worth telling: alerts, whether they came true, and the webhooks they go to.

mod api; // HTTP: alerts, statistics, deliveries
mod deliver; // one post to a webhook, signed
mod jobs; // deliveries by the queue
mod judge; // which predictions lead to what
mod model; // values
mod service; // what was said, what came true
mod settings; // the `[alerts]` section
mod store; // SQL
mod tasks; // the watch as a task of the program
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::deliver::Deliveries;
pub use self::jobs::DeliverJob;
pub use self::service::{Alerts, AlertsError};
pub use self::settings::Settings;
