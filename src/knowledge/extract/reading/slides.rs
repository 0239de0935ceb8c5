//! Presentations (PPTX): a page for each slide that is shown, with its title, points, tables and notes.

use super::Limits;
use super::assembly::Assembly;
use super::package::Package;
use super::xml::{Element, Piece, Pieces};
use crate::knowledge::extract::model::{ExtractError, FindingKind};

/// Hundredths of points below which nobody reads a letter.
const SIZE_MIN: u32 = 200;

/// Reads the slides in their order.
pub(super) fn read(
    package: &mut Package<'_>,
    limits: &Limits,
    assembly: &mut Assembly,
) -> Result<(), ExtractError> {
    let presentation = package.needed("ppt/presentation.xml")?;
    let targets = relations(package, "ppt/_rels/presentation.xml.rels")?;
    let mut order = Vec::new();
    let mut pieces = Pieces::new(&presentation);
    while let Some(piece) = pieces.next()? {
        if let Piece::Open(element) = piece
            && element.name == "sldId"
        {
            // Two attributes are called `id`; the relation's one begins with letters.
            let id = element.values("id").find(|id| id.starts_with(|c: char| c.is_alphabetic()));
            order.extend(id.and_then(|id| target(&targets, id)).map(|path| absolute("ppt", path)));
        }
    }
    for (index, path) in order.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if number > limits.pages_max {
            let limit = format!("it has more than {} slides", limits.pages_max);
            return Err(ExtractError::Limit { limit });
        }
        if assembly.is_full() {
            break;
        }
        let Some(slide) = package.part(path)? else { continue };
        assembly.page(number);
        if is_hidden(&slide)? {
            assembly.found(FindingKind::HiddenText, 1);
            continue;
        }
        shapes(&slide, false, assembly)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let relations = relations(package, &format!("ppt/slides/_rels/{name}.rels"))?;
        let notes = relations.iter().find(|(_, kind, _)| kind.ends_with("/notesSlide"));
        if let Some((_, _, path)) = notes
            && let Some(notes) = package.part(&absolute("ppt/slides", path))?
        {
            shapes(&notes, true, assembly)?;
        }
    }
    Ok(())
}

type Relations = Vec<(String, String, String)>;

/// Names, kinds and targets of what a part refers to.
fn relations(package: &mut Package<'_>, path: &str) -> Result<Relations, ExtractError> {
    let bytes = package.part(path)?.unwrap_or_default();
    let mut found = Vec::new();
    let mut pieces = Pieces::new(&bytes);
    while let Some(piece) = pieces.next()? {
        if let Piece::Open(element) = piece
            && element.name == "Relationship"
            && element.get("TargetMode") != Some("External")
        {
            let get = |name| element.get(name).unwrap_or_default().to_owned();
            found.push((get("Id"), get("Type"), get("Target")));
        }
    }
    Ok(found)
}

fn target<'a>(relations: &'a Relations, id: &str) -> Option<&'a str> {
    relations.iter().find(|(own, ..)| own == id).map(|(.., path)| path.as_str())
}

/// A target seen from `folder` as a name within the archive.
fn absolute(folder: &str, target: &str) -> String {
    if let Some(whole) = target.strip_prefix('/') {
        return whole.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_hidden(slide: &[u8]) -> Result<bool, ExtractError> {
    let mut pieces = Pieces::new(slide);
    while let Some(piece) = pieces.next()? {
        if let Piece::Open(element) = piece {
            return Ok(element.get("show") == Some("0"));
        }
    }
    Ok(false)
}

/// What a shape is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Role {
    #[default]
    Free,
    Title,
    Body,
    /// Date, number, footer: the same on each slide.
    Repeated,
}

fn role_of(placeholder: &Element) -> Role {
    match placeholder.get("type") {
        Some("title" | "ctrTitle") => Role::Title,
        Some("dt" | "sldNum" | "ftr" | "hdr" | "sldImg") => Role::Repeated,
        _ => Role::Body,
    }
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether the reader is within something"
)]
struct Slide {
    role: Role,
    text: String,
    in_text: bool,
    hidden_run: bool,
    hidden_shape: bool,
    no_bullet: bool,
    rows: Vec<Vec<String>>,
    cell: Option<Vec<String>>,
}

fn shapes(slide: &[u8], notes: bool, assembly: &mut Assembly) -> Result<(), ExtractError> {
    let mut pieces = Pieces::new(slide);
    let mut at = Slide::default();
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Open(element) if element.name == "Fallback" => pieces.skip()?,
            Piece::Open(element) => at.open(&element),
            Piece::Text(text) if at.in_text => {
                if at.hidden_run || at.hidden_shape {
                    assembly.found(FindingKind::HiddenText, 1);
                } else {
                    at.text.push_str(&text);
                }
            }
            Piece::Text(_) => {}
            Piece::Close(name) => at.close(&name, notes, assembly),
        }
    }
    Ok(())
}

impl Slide {
    fn open(&mut self, element: &Element) {
        match &*element.name {
            "sp" | "graphicFrame" => {
                (self.role, self.hidden_shape) = (Role::Free, false);
            }
            "cNvPr" => self.hidden_shape = element.get("hidden") == Some("1"),
            "ph" => self.role = role_of(element),
            "p" => {
                self.text.clear();
                self.no_bullet = false;
            }
            "buNone" => self.no_bullet = true,
            "r" | "fld" => self.hidden_run = false,
            "rPr" => {
                let size = element.get("sz").and_then(|size| size.parse::<u32>().ok());
                self.hidden_run = size.is_some_and(|size| size < SIZE_MIN);
            }
            "t" => self.in_text = true,
            "br" | "tab" => self.text.push(' '),
            "tbl" => self.rows.clear(),
            "tr" => self.rows.push(Vec::new()),
            "tc" => self.cell = Some(Vec::new()),
            _ => {}
        }
    }

    fn close(&mut self, name: &str, notes: bool, assembly: &mut Assembly) {
        match name {
            "t" => self.in_text = false,
            "p" => {
                let text = std::mem::take(&mut self.text);
                match (&mut self.cell, self.role) {
                    _ if text.trim().is_empty() => {}
                    (Some(cell), _) => cell.push(text),
                    (None, Role::Repeated) => {}
                    (None, _) if notes => assembly.paragraph(&text),
                    (None, Role::Title) => assembly.heading(1, &text),
                    (None, Role::Body) if !self.no_bullet => assembly.item(&text),
                    (None, _) => assembly.paragraph(&text),
                }
            }
            "tc" => {
                let cell = self.cell.take().unwrap_or_default().join(" ");
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            "tbl" => {
                let rows = std::mem::take(&mut self.rows);
                assembly.table(&rows, true);
            }
            _ => {}
        }
    }
}
