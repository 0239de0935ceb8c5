//! What any server needs; nothing here knows about energy.

pub mod telemetry; // logs, metrics, redaction
pub mod runtime; // supervised tasks, shutdown, CPU pool
pub mod outbound; // calls to other services over HTTP
pub mod objects; // files of the data folder: written whole or not at all
pub mod db; // pool, embedded PostgreSQL, migrations, schema, bulk writes
pub mod web; // problem documents, principals, guards, middleware
pub mod jobs; // durable queue with leases
