//! The one way to ask other services over HTTP: bounded in time and size, careful where it connects to.
//!
//! What comes back is untrusted: it is cut at a size, also after decompression, and no redirect or
//! name leads to a network that the call was not meant for.

mod breaker; // a host that fails is left alone for a while
mod reason; // why there is no connection
mod guard; // which addresses may be connected to
mod home; // whether a service stands in one's own network
mod tls; // whose certificates are good enough
mod sieve; // what of a long answer is kept while it comes
mod service; // calls, attempts, redirects
mod flow; // answers that are read while they come

pub use self::breaker::Circuits;
pub use self::flow::Flowing;
pub use self::guard::Reach;
pub use self::home::abroad;
pub use self::service::{Call, Outbound, OutboundError};
pub use self::sieve::{Sieve, Sifting};
pub use self::tls::{authorities, tls};

#[cfg(test)]
mod tests;
