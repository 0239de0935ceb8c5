//! The API's document in the repository is the one the program prints.

use std::fs;
use std::path::Path;

use crate::program::Home;

#[test]
fn the_document_in_the_repository_is_up_to_date() {
    let home = Home::new();
    let printed = home.run(&["openapi"]);
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    assert!(!home.path("data").exists(), "printing a document needs no database");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let kept = fs::read_to_string(path).unwrap_or_default();
    let differs = printed.stdout.lines().zip(kept.lines()).position(|(new, old)| new != old);
    let lines = (printed.stdout.lines().count(), kept.lines().count());
    assert!(
        printed.stdout == kept,
        "docs/openapi.json is not what the program says, from line {} on ({} and {} lines); \
         look at the difference that `make bless` makes, and commit it if it is meant",
        differs.map_or(lines.0.min(lines.1), |line| line + 1),
        lines.0,
        lines.1
    );
}
