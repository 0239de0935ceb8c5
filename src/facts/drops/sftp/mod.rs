//! Servers of grid operators: listed, read over SFTP, and left as the settings say.

mod link; // one connection
mod road; // one server from its list to the history

pub(super) use self::road::walk;
