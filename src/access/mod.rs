//! Who may do what.

pub mod audit; // who did what, when, from where: append-only
pub mod accounts; // people, sessions, roles, signing keys, the set-up code
