//! What people look at.

pub mod dashboards; // server-rendered pages
