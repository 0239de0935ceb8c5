//! The language model at a server: what it is asked, what it says, and what it must not do.

mod wire; // lines of an answer into what they mean
mod guard; // text that is not for readers
mod client; // requests and their patience

pub(super) use self::client::{Flow, Message, Usage, WriteError, Writer};
pub(super) use self::guard::{EchoGuard, Echoed};
