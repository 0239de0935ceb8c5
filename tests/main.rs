//! The one integration test binary: source rules, files of the project, the built program.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture; // rules of the source text
mod deploy; // compose, image, variables, recipes
