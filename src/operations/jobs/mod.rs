//! The job queue for people: what it holds, and a request to end a job.

mod api; // HTTP
mod service; // changes to the queue, with their author

pub use self::api::routes;
pub use self::service::Queue;
