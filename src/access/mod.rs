//! Who may do what.

pub mod audit; // who did what, when, from where: append-only
pub mod sites; // the places people belong to
pub mod accounts; // people, sessions, roles, API keys, signing keys, the set-up code
