//! Server-rendered pages: Today, the log-in, administration.

mod admin; // pages for whoever looks after the box
mod api; // pages and forms over HTTP
mod assets; // files of static/dist, hashed and cached
mod browser; // refusals as pages
mod catalogue; // texts per language
mod format; // numbers, dates, ages
mod levels; // five price levels
mod paths; // where they are
mod pages; // shell, problems
mod forms; // log-in, set-up
mod pricing; // what pages about prices have in common
mod today; // the page of the day
mod prices; // the page of prices
mod forecast; // the pages about forecasts
mod forecast_api; // the same over HTTP
mod upload; // files and totals that people bring
mod documents; // documents, questions, and where the answers stand
mod gather; // what pages are made from
mod templates; // tera

pub use self::api::pages;
pub use self::browser::problems_as_pages;
pub use self::gather::{Gather, Sources};
pub use self::paths::PAGES;
pub use self::templates::{PageError, Templates};
