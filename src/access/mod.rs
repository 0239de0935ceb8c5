//! Who may do what.

pub mod accounts; // people, sessions, roles, signing keys, the set-up code
