//! `/upload`: people bring files and monthly totals, see how they are read, and confirm.

mod mapping; // what the selects of a form say about a file
mod values; // what the templates show
mod room; // what the pages are made with
mod start; // choosing a file, entering a total
mod check; // how a file is read, and the word to store it
mod done; // what became of it

use actix_web::web::ServiceConfig;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.configure(start::pages).configure(check::pages);
}

#[cfg(test)]
mod tests;
