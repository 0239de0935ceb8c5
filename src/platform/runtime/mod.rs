//! Tasks that are supervised, a shutdown that waits, a pool for heavy work.

mod cpu_pool; // heavy work off the web workers
mod live; // values that may be replaced while others read them
mod roles; // what one process of several does
mod signals; // when the outside asks to stop
mod tasks; // background tasks and the order in which they end

pub use self::cpu_pool::{CpuPool, CpuPoolError};
pub use self::live::Live;
pub use self::roles::Roles;
pub use self::signals::stop_requested;
#[cfg(test)]
pub use self::tasks::Shutdown;
pub use self::tasks::{Stage, Tasks, panic_message};
