//! What comes out of files that are built here, of real ones, and of hostile ones.

mod fixtures; // files built by hand
mod pdf; // PDF
mod office; // office files
mod real; // published documents
mod hostile; // files that mean harm
mod children; // processes that misbehave
mod tika; // a server that is there, busy, or away
mod faults; // many damaged files

use super::model::{ExtractError, Extracted, FindingKind};
use super::reading::{Limits, read};
use super::settings::Settings;
use crate::algorithms::retrieval::BlockKind;

/// What is read within this process.
fn inside(bytes: &[u8], extension: &str) -> Result<Extracted, ExtractError> {
    let result = read(bytes, extension, &Limits::default());
    if let Ok(extracted) = &result {
        assert!(super::process::is_sound(extracted), "{extracted:?}");
    }
    result
}

/// The blocks with a letter for their kind: heading with level, paragraph, item, header, row.
fn blocks(extracted: &Extracted) -> Vec<String> {
    let canonical = &extracted.canonical;
    let kind = |kind| match kind {
        BlockKind::Heading { level } => format!("h{level}"),
        BlockKind::Paragraph => "p".to_owned(),
        BlockKind::ListItem => "l".to_owned(),
        BlockKind::TableHeader => "th".to_owned(),
        BlockKind::TableRow { header: Some(_) } => "tr".to_owned(),
        BlockKind::TableRow { header: None } => "t".to_owned(),
    };
    let line = |text: &str| text.replace('\n', "⏎");
    let blocks = canonical.blocks.iter();
    blocks
        .map(|it| format!("{} {}", kind(it.kind), line(it.span.of(&canonical.text).unwrap())))
        .collect()
}

/// How often something was noticed.
fn noticed(extracted: &Extracted, kind: FindingKind) -> u32 {
    extracted.findings.iter().filter(|it| it.kind == kind).map(|it| it.count).sum()
}

/// The program that was built beside these tests; without it there are no children.
fn program() -> Option<std::path::PathBuf> {
    let own = std::env::current_exe().ok()?;
    let program = own.parent()?.parent()?.join("luna");
    if !program.is_file() {
        println!("skipped: the program is not built beside the tests");
        return None;
    }
    Some(program)
}
