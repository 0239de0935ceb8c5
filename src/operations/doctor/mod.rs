//! The doctor: looks at everything a box needs, says what is wrong and how to mend it.
//!
//! Each check is a thin look at the world and a pure judgement of what was seen. Nothing is changed
//! but what `--fix` may change; nothing needs a database, and none is started.

mod model; // findings, the report
mod outside; // other programs that know something
mod containers; // Docker
mod repair; // what --fix may do
mod ports; // who holds them, which are free
mod folder; // the data folder and its disk
mod machine; // processor, memory, limits, clock
mod files; // settings, secrets, logs, backups
mod store; // what the server says about itself
mod database; // private files, server, schema, line
mod sources; // whom Luna asks for prices
mod objects; // where files are kept
mod broker; // the broker whose messages become readings
mod kafka; // logs that readings come from
mod documents; // what documents stand on
mod service; // the checks in their order

pub use self::model::{Report, Verdict};
pub use self::service::{Knowledge, Parts, Subject, examine};
