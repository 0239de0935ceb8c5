//! The pages in a real browser: the scripts of `browser/` against the program.

use std::path::Path;
use std::process::Command;

use crate::program::{Home, run, skipped, tool};

const LOGIN: &str = "anna@example.ch";
const PASSWORD: &str = "c4n4ry horse battery";

/// What a browser test needs and this machine lacks.
fn missing(root: &Path) -> Option<&'static str> {
    let has_packages = root.join("static/node_modules/playwright-core/package.json").is_file();
    match (tool("node"), has_packages, chromium()) {
        (None, ..) => Some("node is not installed"),
        (_, false, _) => Some("static/node_modules is not installed"),
        (.., None) => Some("chromium is not installed"),
        _ if !root.join("static/dist/app.js").is_file() => Some("the pages are not built"),
        _ => None,
    }
}

fn chromium() -> Option<std::path::PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(tool)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_work_in_a_real_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(why) = missing(root) {
        return skipped("pages_work_in_a_real_browser", why);
    }
    let home = Home::new();
    let _served = home.serve().await;
    let first = script(root, &home, "first.mjs", &[LOGIN, PASSWORD]);
    assert!(first.ends_with(", 0 failed\n"), "{first}\n{}", home.log());
    let today = script(root, &home, "today.mjs", &[LOGIN, PASSWORD]);
    assert!(today.ends_with(", 0 failed\n"), "{today}\n{}", home.log());
    let prices = script(root, &home, "prices.mjs", &[LOGIN, PASSWORD]);
    assert!(prices.ends_with(", 0 failed\n"), "{prices}\n{}", home.log());
    let forecast = script(root, &home, "forecast.mjs", &[LOGIN, PASSWORD]);
    assert!(forecast.ends_with(", 0 failed\n"), "{forecast}\n{}", home.log());
    let upload = script(root, &home, "upload.mjs", &[LOGIN, PASSWORD]);
    assert!(upload.ends_with(", 0 failed\n"), "{upload}\n{}", home.log());
    let documents = script(root, &home, "documents.mjs", &[LOGIN, PASSWORD]);
    assert!(documents.ends_with(", 0 failed\n"), "{documents}\n{}", home.log());
    let admin = script(root, &home, "admin.mjs", &[LOGIN, PASSWORD]);
    assert!(admin.ends_with(", 0 failed\n"), "{admin}\n{}", home.log());
}

/// What one script of `browser/` prints.
fn script(root: &Path, home: &Home, name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(tool("node").unwrap());
    command.arg(root.join("tests/browser").join(name)).arg(home.url("")).args(arguments);
    command
        .env("CHROMIUM", chromium().unwrap())
        .env("LUNA_SETUP_CODE_FILE", home.data("setup-code"));
    let ran = run(command, "");
    assert!(ran.code.is_some(), "{ran:?}");
    format!("{}{}", ran.stderr, ran.stdout)
}
