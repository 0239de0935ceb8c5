//! `/documents`: people bring documents, ask them questions, and see where the answers stand.

mod room; // what the pages are made with
mod values; // what the templates show
mod answer; // an answer in words
mod list; // documents, what is wrong with them, what was asked
mod ask; // questions, as a page or as it is written
mod bring; // files, and what admins do to documents
mod one; // a document's text with a passage marked
mod sheet; // its prices beside the tariff

use actix_web::web::ServiceConfig;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.configure(ask::pages).configure(bring::pages).configure(one::pages);
}

#[cfg(test)]
mod tests;
