//! Rules of the source text: what stands above what, who owns a table, where SQL may be, how files begin.
//!
//! Each rule is a function from a tree of texts to a list of faults, so that a small tree with a known
//! violation proves that the rule still bites.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Longest source file, in lines; tests and the generated schema may be longer.
const FILE_LINES_MAX: usize = 500;

/// Texts by path relative to the project's folder, with `/` between names.
#[derive(Default)]
struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Every readable text of the project, without what is built or installed.
    fn project() -> Self {
        let mut tree = Self::default();
        tree.add_folder(Path::new(env!("CARGO_MANIFEST_DIR")), "");
        tree
    }

    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) {
        const NOT_OURS: [&str; 7] =
            [".git", ".tools", "data", "dist", "node_modules", "target", "__pycache__"];
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{prefix}{name}");
            if NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                self.add_folder(&entry.path(), &format!("{path}/"));
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                self.0.insert(path, text);
            }
        }
    }

    /// Rust files, as path and text.
    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(|(path, _)| Path::new(path).extension().is_some_and(|ending| ending == "rs"))
    }

    /// Rust files of the program, without test code and comments.
    fn program(&self) -> impl Iterator<Item = (&str, String)> {
        self.rust()
            .filter(|(path, _)| path.starts_with("src/") && !is_test_file(path))
            .map(|(path, text)| (path, without_comments(without_tests(text))))
    }
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/")
        || path.starts_with("src/testing/")
        || path.ends_with("/tests.rs")
        || path.contains("/tests/")
}

/// The text up to its own test module, which stands last in a file.
fn without_tests(text: &str) -> &str {
    let start = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let module = text[*at..].split_once("mod ").map_or("", |(_, rest)| rest);
        module.split_once('\n').map_or(module, |(line, _)| line).ends_with('{')
    });
    &text[..start.unwrap_or(text.len())]
}

/// The text without `//` comments; an address in a string (`https://…`) loses its end, which no rule reads.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("").to_owned() + "\n").collect()
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn leading_name(text: &str) -> &str {
    &text[..text.find(|letter| !is_name(letter)).unwrap_or(text.len())]
}

/// Modules that a file declares, in order; `public` keeps those that others may name.
fn modules(text: &str, public: bool) -> Vec<&str> {
    without_tests(text)
        .lines()
        .filter_map(|line| {
            line.strip_prefix("pub mod ").or(line.strip_prefix("mod ").filter(|_| !public))
        })
        .map(leading_name)
        .collect()
}

/// Areas as `floor::area` in the order in which they may use each other; an undivided floor is one area.
fn areas_in_order(tree: &Tree) -> Vec<String> {
    let mut areas = Vec::new();
    for floor in modules(tree.0.get("src/lib.rs").map_or("", String::as_str), false) {
        let listed = tree.0.get(&format!("src/{floor}/mod.rs")).map_or("", String::as_str);
        areas.extend(modules(listed, true).iter().map(|area| format!("{floor}::{area}")));
        areas.push(floor.to_owned());
    }
    areas
}

/// The area a path of modules belongs to: `floor::area` where the floor is divided, else the floor.
fn area_of(areas: &[String], floor: &str, name: &str) -> Option<usize> {
    let divided = format!("{floor}::{name}");
    areas.iter().position(|area| *area == divided).or(areas.iter().position(|area| area == floor))
}

/// A module uses only modules above it: above it in its floor, or on a floor listed above.
fn uses_below(tree: &Tree) -> Vec<String> {
    let areas = areas_in_order(tree);
    let mut faults = Vec::new();
    for (path, text) in tree.program() {
        let mut parts = path.trim_end_matches(".rs").split('/').skip(1);
        let (floor, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let Some(own) = area_of(&areas, floor, name) else { continue };
        for rest in text.split("crate::").skip(1) {
            let used_floor = leading_name(rest);
            let used_name = rest.strip_prefix(used_floor).and_then(|tail| tail.strip_prefix("::"));
            let used = area_of(&areas, used_floor, leading_name(used_name.unwrap_or("")));
            if used.is_some_and(|used| used > own) {
                let used = used.map_or("", |index| areas[index].as_str());
                faults.push(format!("{path}: {} may not use {used}", areas[own]));
            }
        }
    }
    faults
}

/// Every area has its line in its floor's `mod.rs`, every floor in `src/lib.rs`.
fn unlisted_folders(tree: &Tree) -> Vec<String> {
    let areas = areas_in_order(tree);
    let folders: BTreeSet<String> = tree
        .rust()
        .filter(|(path, _)| path.starts_with("src/") && !path.starts_with("src/testing/"))
        .filter_map(|(path, _)| path.split('/').nth(1).filter(|name| !name.contains('.')))
        .map(str::to_owned)
        .collect();
    let unlisted = folders.into_iter().filter(|floor| !areas.contains(floor));
    unlisted.map(|floor| format!("src/{floor}: not listed in src/lib.rs")).collect()
}

/// One area per `use`, by its full path: what the rule above reads.
fn unreadable_uses(tree: &Tree) -> Vec<String> {
    let areas = areas_in_order(tree);
    let mut faults = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| path.starts_with("src/")) {
        let text = without_comments(text);
        if text.contains(concat!("super::", "super")) {
            faults
                .push(format!("{path}: climbs two modules; write the path from the crate's root"));
        }
        for rest in text.split("crate::").skip(1) {
            let floor = leading_name(rest);
            let divided = areas.iter().any(|area| area.starts_with(&format!("{floor}::")));
            if rest.starts_with('{') || divided && rest[floor.len()..].starts_with("::{") {
                faults.push(format!("{path}: one area per `use`, not a list in braces"));
            }
        }
    }
    faults
}

/// A table belongs to the one area whose program code names it.
fn shared_tables(tree: &Tree) -> Vec<String> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut faults = Vec::new();
    for (path, text) in tree.program().filter(|(path, _)| !path.starts_with("src/platform/db/")) {
        let area = path.split('/').skip(1).take(2).collect::<Vec<_>>().join("/");
        for rest in text.split("db::schema::").skip(1) {
            let list = rest.strip_prefix('{').map(|list| list.split('}').next().unwrap_or(""));
            let tables = list.unwrap_or_else(|| leading_name(rest)).split(',');
            for table in
                tables.map(|table| leading_name(table.trim())).filter(|name| !name.is_empty())
            {
                let owner = owners.entry(table.to_owned()).or_insert_with(|| area.clone());
                if *owner != area {
                    faults.push(format!(
                        "{path}: {table} belongs to {owner}; ask its service instead"
                    ));
                }
            }
        }
    }
    faults
}

/// SQL stands in `store.rs`, below a folder `store`, or in the database area; a service opens
/// transactions and passes on errors of the database.
fn sql_elsewhere(tree: &Tree) -> Vec<String> {
    const SQL: [&str; 7] = [
        "diesel::",
        "diesel_async::",
        "sql_query",
        "\"SELECT ",
        "\"INSERT INTO ",
        "\"UPDATE ",
        "\"DELETE FROM ",
    ];
    let at_home = |path: &str| {
        path.ends_with("/store.rs")
            || path.contains("/store/")
            || path.starts_with("src/platform/db/")
    };
    let mut faults = Vec::new();
    for (path, text) in tree.program().filter(|(path, _)| !at_home(path)) {
        let text = text.replace("diesel::result::Error", "");
        let text = text.replace("use diesel_async::AsyncConnection;", "");
        if let Some(found) = SQL.iter().find(|sql| text.contains(**sql)) {
            faults.push(format!("{path}: `{}` belongs into the area's store", found.trim()));
        }
    }
    faults
}

/// Every file says in its first line what it is for, and has one subject.
fn shapeless_files(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in tree.rust() {
        if !text.starts_with("//! ") {
            faults.push(format!("{path}: begins without a sentence that says what it is for"));
        }
        let lines = text.lines().count();
        let may_be_long = is_test_file(path) || path.ends_with("/schema.rs");
        if lines > FILE_LINES_MAX && !may_be_long {
            faults.push(format!("{path}: {lines} lines; there is a second subject in it"));
        }
    }
    faults
}

/// Words that name one machine, a package registry or unfinished work.
fn forbidden_words(tree: &Tree) -> Vec<String> {
    const WORDS: [&str; 8] = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("registry.npmjs", ".org"),
        concat!("deb.debian", ".org"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut faults = Vec::new();
    // Cargo writes its registry's name into its lock files and reads it from there.
    for (path, text) in tree.0.iter().filter(|(path, _)| !path.ends_with("Cargo.lock")) {
        for word in WORDS.iter().filter(|word| text.contains(**word)) {
            faults.push(format!("{path}: contains `{word}`"));
        }
    }
    faults
}

/// A lint is expected with a reason, never switched off.
fn silenced_lints(tree: &Tree) -> Vec<String> {
    let silenced = tree.rust().filter(|(_, text)| {
        text.contains(concat!("#[", "allow(")) || text.contains(concat!("#![", "allow("))
    });
    silenced.map(|(path, _)| format!("{path}: write #[expect(…, reason = \"…\")]")).collect()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn modules_use_only_modules_above_them() {
    let tree = Tree::project();
    assert!(areas_in_order(&tree).len() > 10, "the floors are read from src/lib.rs");
    assert_none(&uses_below(&tree));
    assert_none(&unlisted_folders(&tree));
    assert_none(&unreadable_uses(&tree));
}

#[test]
fn every_table_has_one_owner() {
    assert_none(&shared_tables(&Tree::project()));
}

#[test]
fn sql_stands_in_stores_only() {
    assert_none(&sql_elsewhere(&Tree::project()));
}

#[test]
fn files_say_what_they_are_for_and_have_one_subject() {
    assert_none(&shapeless_files(&Tree::project()));
}

#[test]
fn no_text_names_a_machine_a_registry_or_unfinished_work() {
    assert_none(&forbidden_words(&Tree::project()));
}

#[test]
fn lints_are_expected_not_silenced() {
    assert_none(&silenced_lints(&Tree::project()));
}

/// A house of three floors in which every rule holds.
const HOUSE: [(&str, &str); 6] = [
    ("src/lib.rs", "//! House.\n\nmod base;\nmod platform; // server\npub mod app;\n"),
    ("src/base/mod.rs", "//! Values.\n\npub mod units;\npub mod timeline;\n"),
    ("src/platform/mod.rs", "//! Server.\n\npub mod db;\npub mod jobs;\n"),
    (
        "src/platform/db/mod.rs",
        "//! Database.\n\nuse crate::base::timeline::Clock;\nuse diesel::prelude;\n",
    ),
    (
        "src/platform/jobs/store.rs",
        "//! SQL.\n\nuse diesel::prelude;\nuse crate::platform::db::schema::jobs;\n",
    ),
    ("src/app/mod.rs", "//! Program.\n\nmod routes;\nuse crate::platform::jobs::Jobs;\n"),
];

/// Faults of `rule` in the sound house with `path` added or replaced.
fn faults_with(rule: fn(&Tree) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    let mut tree = Tree::of(&HOUSE);
    assert_none(&rule(&tree));
    tree.0.insert(path.to_owned(), text.to_owned());
    rule(&tree)
}

#[test]
fn each_rule_finds_its_violation() {
    type Rule = fn(&Tree) -> Vec<String>;
    let long = format!("//! Long.\n{}", "\n".repeat(FILE_LINES_MAX));
    let machine = format!("see {}/x", concat!("/wo", "rk"));
    let cases: [(Rule, &str, &str, &str); 14] = [
        (
            uses_below,
            "src/base/units.rs",
            "use crate::base::timeline::Clock;",
            "base::units may not use base::timeline",
        ),
        (
            uses_below,
            "src/platform/db/pool.rs",
            "fn f() { crate::platform::jobs::run() }",
            "platform::db may not use platform::jobs",
        ),
        (
            uses_below,
            "src/platform/jobs/x.rs",
            "use crate::app::Server;",
            "platform::jobs may not use app",
        ),
        (unlisted_folders, "src/extra/mod.rs", "//! New.", "src/extra: not listed"),
        (unreadable_uses, "src/app/x.rs", "use crate::{base, platform};", "one area per `use`"),
        (
            unreadable_uses,
            "src/app/x.rs",
            "use crate::base::{units::Kw, timeline::Clock};",
            "one area per `use`",
        ),
        (
            unreadable_uses,
            "src/app/x.rs",
            concat!("use super::", "super::Kw;"),
            "climbs two modules",
        ),
        (
            shared_tables,
            "src/platform/web/store.rs",
            "use crate::platform::db::schema::{runs, jobs};",
            "jobs belongs to platform/jobs",
        ),
        (
            sql_elsewhere,
            "src/platform/jobs/service.rs",
            "use diesel::prelude::*;",
            "belongs into the area's store",
        ),
        (sql_elsewhere, "src/app/x.rs", "let q = \"SELECT 1\";", "belongs into the area's store"),
        (shapeless_files, "src/app/x.rs", "use std::fmt;", "begins without a sentence"),
        (shapeless_files, "src/app/x.rs", &long, "501 lines"),
        (forbidden_words, "README.md", &machine, "contains"),
        (silenced_lints, "src/app/x.rs", concat!("#[", "allow(dead_code)]"), "write #[expect("),
    ];
    for (rule, path, text, expected) in cases {
        let faults = faults_with(rule, path, text);
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{path}: {text}: {faults:?}");
    }
}

#[test]
fn test_code_and_comments_are_not_program_code() {
    for text in [
        "//! Values.\n// crate::app is not used here\n",
        "//! Values.\nfn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::app::Server;\n}\n",
    ] {
        assert_none(&faults_with(uses_below, "src/base/units.rs", text));
    }
    assert_none(&faults_with(uses_below, "src/platform/db/tests.rs", "use crate::app::Server;"));
    let declared_first = "#[cfg(test)]\nmod tests;\nuse crate::app::Server;";
    assert_eq!(faults_with(uses_below, "src/platform/db/mod.rs", declared_first).len(), 1);
}
