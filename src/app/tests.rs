//! The application as a whole: what holds for every route, and what the routes do together.

mod admin; // pages for admins
mod audit; // every change leaves a row
mod contract; // the document against the routes
mod files; // a store of its own for files
mod jobs; // schedules and second tries
mod live; // a day from an empty box to a scored forecast
mod market; // files in, prices out
mod metrics; // what moves them
mod models; // handed out, taken in, asked, brought back
mod matrix; // every operation × every kind of caller
mod operation; // the document's operations, one by one
mod pages;
mod prices; // what a browser gets
mod protections; // where callers come from and how often they come
mod settings; // settings changed in the running program
mod schema; // values against the schemas of the document
mod status; // health and counts, with and without a database
mod tariffs; // what a kilowatt hour costs
mod training; // jobs, models, the gate
mod windows; // cheap times
