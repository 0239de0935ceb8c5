//! The one integration test binary: source rules, files of the project, the built program.
