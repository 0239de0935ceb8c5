//! The language model at a server: what it is asked, what it says, and what it must not do.

mod wire; // lines of an answer into what they mean
mod guard; // text that is not for readers
mod client; // requests and their patience

pub(super) use self::client::{Message, WriteError, Writer};
pub(super) use self::guard::EchoGuard;
pub(super) use self::wire::Usage;
