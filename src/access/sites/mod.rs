//! The places that people, meters and devices belong to. Customers see their own, others all.

mod api; // HTTP
mod model; // a site
mod service; // who sees which
mod store; // SQL

pub use self::api::routes;
pub use self::service::Sites;

#[cfg(test)]
mod tests;
