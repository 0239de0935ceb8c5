//! Text documents (DOCX): headings by their styles, lists, tables; without what was deleted or is hidden.

use std::collections::HashMap;

use super::assembly::Assembly;
use super::hiding::colour;
use super::package::Package;
use super::xml::{Element, Piece, Pieces};
use crate::knowledge::extract::model::{ExtractError, FindingKind};

/// Half points below which nobody reads a letter.
const HALF_POINTS_MIN: f32 = 4.0;
/// Cells that one cell may stand for.
const SPAN_MAX: usize = 60;

/// Reads the document and its notes.
pub(super) fn read(package: &mut Package<'_>, assembly: &mut Assembly) -> Result<(), ExtractError> {
    let styles = styles(&package.part("word/styles.xml")?.unwrap_or_default())?;
    let body = package.needed("word/document.xml")?;
    document(&body, &styles, assembly)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(notes) = package.part(notes)? {
            document(&notes, &styles, assembly)?;
        }
    }
    Ok(())
}

/// What a style makes of a paragraph or of letters.
#[derive(Debug, Default, Clone)]
struct Style {
    level: Option<u8>,
    is_list: bool,
    hidden: bool,
    based_on: Option<String>,
}

type Styles = HashMap<String, Style>;

fn styles(bytes: &[u8]) -> Result<Styles, ExtractError> {
    let mut styles = Styles::new();
    let mut pieces = Pieces::new(bytes);
    let (mut id, mut style) = (String::new(), Style::default());
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Open(element) => match &*element.name {
                "style" => {
                    element.get("styleId").unwrap_or_default().clone_into(&mut id);
                    style = Style::default();
                }
                "name" => {
                    let name = element.get("val").unwrap_or_default().to_ascii_lowercase();
                    style.level = level_of(&name);
                    style.is_list = name.starts_with("list ") && !name.contains("continue");
                }
                "basedOn" => style.based_on = element.get("val").map(str::to_owned),
                "outlineLvl" => {
                    let level = element.get("val").and_then(|level| level.parse::<u8>().ok());
                    style.level = style.level.or(level.filter(|level| *level < 9).map(|it| it + 1));
                }
                "vanish" => style.hidden |= element.is_on(),
                _ => {}
            },
            Piece::Close(name) if name == "style" => {
                styles.insert(std::mem::take(&mut id), std::mem::take(&mut style));
            }
            _ => {}
        }
    }
    Ok(styles)
}

/// «heading 2», «Title»; names of built-in styles are English in every language.
fn level_of(name: &str) -> Option<u8> {
    let level = name.strip_prefix("heading ").or_else(|| name.strip_prefix("überschrift "));
    match name {
        "title" | "titel" => Some(1),
        "subtitle" => Some(2),
        _ => level.and_then(|level| level.trim().parse().ok()),
    }
}

/// The style of this name with what it has from those it is based on.
fn resolved(styles: &Styles, id: &str) -> Style {
    let mut found = styles.get(id).cloned().unwrap_or_default();
    let mut next = found.based_on.clone();
    for _ in 0..20 {
        let Some(base) = next.as_deref().and_then(|id| styles.get(id)) else { break };
        found.level = found.level.or(base.level);
        found.is_list |= base.is_list;
        found.hidden |= base.hidden;
        next.clone_from(&base.based_on);
    }
    found
}

#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    is_item: bool,
    hidden_style: bool,
    shaded: bool,
}

/// A table that is open, and the cells of its open row.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    header: bool,
    row: Vec<String>,
    cell: Vec<String>,
    span: usize,
    shaded: bool,
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether the reader is within something"
)]
struct Document<'a> {
    styles: Option<&'a Styles>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    run_hidden: bool,
    run_white: bool,
    run_shaded: bool,
    in_run: bool,
    takes_text: bool,
}

fn document(bytes: &[u8], styles: &Styles, assembly: &mut Assembly) -> Result<(), ExtractError> {
    let mut pieces = Pieces::new(bytes);
    let mut at = Document { styles: Some(styles), ..Document::default() };
    while let Some(piece) = pieces.next()? {
        if assembly.is_full() {
            return Ok(());
        }
        match piece {
            Piece::Open(element) => {
                // What was deleted, the second of two ways to draw the same, codes of fields.
                if matches!(
                    &*element.name,
                    "del" | "moveFrom" | "Fallback" | "instrText" | "delText"
                ) {
                    // A mark that a paragraph's end was deleted has no content, but an end.
                    pieces.skip()?;
                } else {
                    at.open(&element);
                }
            }
            Piece::Close(name) => at.close(&name, assembly),
            Piece::Text(text) => at.text(&text, assembly),
        }
    }
    Ok(())
}

impl Document<'_> {
    fn open(&mut self, element: &Element) {
        let value = element.get("val");
        match &*element.name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "r" => {
                (self.run_hidden, self.run_white, self.run_shaded) = (false, false, false);
                self.in_run = true;
            }
            "t" => self.takes_text = true,
            "tab" | "ptab" if self.in_run => self.put(" "),
            "br" | "cr" => self.put(" "),
            "noBreakHyphen" => self.put("-"),
            "tbl" => self.tables.push(Table::default()),
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    (table.span, table.shaded) = (1, false);
                }
            }
            "gridSpan" => {
                if let (Some(table), Some(span)) = (self.tables.last_mut(), value) {
                    table.span = span.parse().unwrap_or(1_usize).clamp(1, SPAN_MAX);
                }
            }
            "tblHeader" if element.is_on() => {
                if let Some(table) = self.tables.last_mut() {
                    table.header |= table.rows.is_empty();
                }
            }
            _ if self.in_run => self.run_property(element),
            _ => self.paragraph_property(element),
        }
    }

    fn run_property(&mut self, element: &Element) {
        let value = element.get("val");
        match &*element.name {
            "vanish" | "webHidden" => self.run_hidden |= element.is_on(),
            "sz" => {
                let size = value.and_then(|size| size.parse::<f32>().ok());
                self.run_hidden |= size.is_some_and(|size| size < HALF_POINTS_MIN);
            }
            "color" => {
                let light =
                    value.and_then(colour).is_some_and(|rgb| rgb.iter().all(|it| *it > 243));
                self.run_white |= light;
            }
            "shd" => self.run_shaded |= is_shaded(element),
            "highlight" => self.run_shaded |= !matches!(value, Some("none" | "white") | None),
            "rStyle" => {
                let style = self.styles.zip(value).map(|(styles, id)| resolved(styles, id));
                self.run_hidden |= style.is_some_and(|style| style.hidden);
            }
            _ => {}
        }
    }

    fn paragraph_property(&mut self, element: &Element) {
        let value = element.get("val");
        if element.name == "shd" {
            match (self.paragraphs.last_mut(), self.tables.last_mut()) {
                (Some(paragraph), _) => paragraph.shaded |= is_shaded(element),
                (None, Some(table)) => table.shaded |= is_shaded(element),
                _ => {}
            }
            return;
        }
        let styles = self.styles;
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        match &*element.name {
            "pStyle" => {
                let style = styles.zip(value).map(|(styles, id)| resolved(styles, id));
                let style = style.unwrap_or_default();
                paragraph.level = style.level;
                paragraph.is_item |= style.is_list;
                paragraph.hidden_style |= style.hidden;
            }
            "outlineLvl" => {
                let level = value.and_then(|level| level.parse::<u8>().ok());
                paragraph.level = level.filter(|level| *level < 9).map(|level| level + 1);
            }
            "numId" => paragraph.is_item |= value != Some("0"),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, assembly: &mut Assembly) {
        if !self.takes_text || self.paragraphs.is_empty() {
            return;
        }
        let shaded = self.run_shaded
            || self.tables.iter().any(|table| table.shaded)
            || self.paragraphs.iter().any(|paragraph| paragraph.shaded);
        let style_hides = self.paragraphs.last().is_some_and(|it| it.hidden_style);
        if self.run_hidden || style_hides || self.run_white && !shaded {
            if !text.trim().is_empty() {
                assembly.found(FindingKind::HiddenText, 1);
            }
            return;
        }
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn close(&mut self, name: &str, assembly: &mut Assembly) {
        match name {
            "t" => self.takes_text = false,
            "r" => self.in_run = false,
            "p" => {
                let Some(paragraph) = self.paragraphs.pop() else { return };
                // A box of text within a paragraph comes before it.
                match self.tables.last_mut() {
                    Some(table) if !paragraph.text.trim().is_empty() => {
                        table.cell.push(paragraph.text);
                    }
                    Some(_) => {}
                    None => write(&paragraph, assembly),
                }
            }
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    table.row.push(std::mem::take(&mut table.cell).join(" "));
                    let more = table.span.saturating_sub(1);
                    table.row.extend(std::iter::repeat_n(String::new(), more));
                }
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            "tbl" => {
                let Some(table) = self.tables.pop() else { return };
                match self.tables.last_mut() {
                    // A table within a cell becomes text of the cell.
                    Some(outer) => outer.cell.extend(table.rows.iter().map(|row| row.join(" "))),
                    None => write_table(&table, assembly),
                }
            }
            _ => {}
        }
    }
}

fn is_shaded(element: &Element) -> bool {
    let fill = element.get("fill").filter(|fill| *fill != "auto").and_then(colour);
    fill.is_some_and(|rgb| rgb.iter().any(|it| *it < 230))
}

fn write(paragraph: &Paragraph, assembly: &mut Assembly) {
    match paragraph.level {
        Some(level) if paragraph.text.chars().count() <= 300 => {
            assembly.heading(level, &paragraph.text);
        }
        _ if paragraph.is_item => assembly.item(&paragraph.text),
        _ => assembly.paragraph(&paragraph.text),
    }
}

/// A frame of one cell is no table.
fn write_table(table: &Table, assembly: &mut Assembly) {
    if table.rows.iter().all(|row| row.len() <= 1) {
        for cell in table.rows.iter().flatten() {
            assembly.paragraph(cell);
        }
        return;
    }
    let first = table.rows.first().map_or(&[][..], Vec::as_slice);
    let words = first.iter().all(|cell| cell.chars().any(char::is_alphabetic));
    assembly.table(&table.rows, table.header || words);
}
