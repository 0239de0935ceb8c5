//! `OpenDocument` files (ODT, ODS, ODP): text, sheets and slides of one kind of XML.

use std::collections::HashSet;

use super::Limits;
use super::assembly::Assembly;
use super::hiding::colour;
use super::package::Package;
use super::table::Rows;
use super::xml::{Element, Piece, Pieces};
use crate::knowledge::extract::model::{ExtractError, FindingKind};

/// Cells or rows that are written once and stand for several.
const REPEATED_MAX: usize = 200;
/// Cells of one row.
const COLUMNS_MAX: usize = 500;

/// Reads the document; sheets and slides are pages.
pub(super) fn read(
    package: &mut Package<'_>,
    limits: &Limits,
    assembly: &mut Assembly,
) -> Result<(), ExtractError> {
    if let Some(manifest) = package.part("META-INF/manifest.xml")?
        && String::from_utf8_lossy(&manifest).contains("encryption-data")
    {
        return Err(ExtractError::Encrypted);
    }
    let mut hiding = Hiding::default();
    if let Some(styles) = package.part("styles.xml")? {
        hiding.learn(&styles)?;
    }
    let content = package.needed("content.xml")?;
    hiding.learn(&content)?;
    let mut pieces = Pieces::new(&content);
    let mut at = Reading::default();
    while let Some(piece) = pieces.next()? {
        if assembly.is_full() {
            return Ok(());
        }
        match piece {
            Piece::Open(element) => match &*element.name {
                // Deleted text, remarks, forms, and styles, which are known by now.
                "tracked-changes" | "annotation" | "forms" | "automatic-styles" | "scripts"
                | "font-face-decls" | "settings" | "shapes" | "sequence-decls" => pieces.skip()?,
                _ if at.is_hidden(&element, &hiding) => {
                    assembly.found(FindingKind::HiddenText, 1);
                    pieces.skip()?;
                    if matches!(&*element.name, "table" | "page") {
                        at.sheets_hidden += 1;
                    }
                }
                _ => at.open(&element, limits, assembly)?,
            },
            Piece::Close(name) => at.close(&name, assembly),
            Piece::Text(text) => at.text(&text),
        }
    }
    Ok(())
}

/// Names of styles that hide what bears them.
#[derive(Default)]
struct Hiding(HashSet<String>);

impl Hiding {
    fn learn(&mut self, bytes: &[u8]) -> Result<(), ExtractError> {
        let mut pieces = Pieces::new(bytes);
        let (mut name, mut white, mut shaded) = (String::new(), false, false);
        while let Some(piece) = pieces.next()? {
            match piece {
                Piece::Open(element) if element.name == "style" => {
                    element.get("name").unwrap_or_default().clone_into(&mut name);
                    (white, shaded) = (false, false);
                }
                Piece::Open(element) if element.name == "body" => return Ok(()),
                Piece::Open(element) if element.name.ends_with("-properties") => {
                    let size = element.get("font-size").and_then(|size| size.strip_suffix("pt"));
                    let tiny =
                        size.and_then(|it| it.parse::<f32>().ok()).is_some_and(|it| it < 2.0);
                    let gone = element.name == "text-properties"
                        && element.get("display") == Some("none")
                        || element.name == "table-properties"
                            && element.get("display") == Some("false");
                    if tiny || gone {
                        self.0.insert(name.clone());
                    }
                    let light =
                        |it: &str| colour(it).is_some_and(|rgb| rgb.iter().all(|it| *it > 243));
                    white |= element.get("color").is_some_and(light);
                    let fill = element.get("background-color").filter(|it| *it != "transparent");
                    shaded |=
                        fill.and_then(colour).is_some_and(|rgb| rgb.iter().any(|it| *it < 230));
                }
                // A paragraph or a slide around it may be dark: only letters count.
                Piece::Close(end)
                    if end == "style" && white && !shaded && name.starts_with('T') =>
                {
                    self.0.insert(name.clone());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Reading {
    /// Texts of the paragraphs that are open; notes stand within others.
    open: Vec<(Option<u8>, String)>,
    lists: usize,
    /// Rows of the open table of a text or slide; a sheet writes its rows at once.
    tables: Vec<Vec<Vec<String>>>,
    row: Vec<String>,
    row_repeated: usize,
    cell: Option<(Vec<String>, usize)>,
    sheet: Option<Rows>,
    is_sheets: bool,
    sheets: u32,
    sheets_hidden: u32,
    title_frame: bool,
    in_notes: bool,
}

impl Reading {
    fn is_hidden(&self, element: &Element, hiding: &Hiding) -> bool {
        let style = element.get("style-name").is_some_and(|style| hiding.0.contains(style));
        match &*element.name {
            "p" | "h" | "span" | "section" => style || element.get("display") == Some("none"),
            "table" => self.is_sheets && self.tables.is_empty() && style,
            "hidden-text" | "hidden-paragraph" => true,
            "table-row" => matches!(element.get("visibility"), Some("collapse")),
            _ => false,
        }
    }

    fn page(&mut self, limits: &Limits, assembly: &mut Assembly) -> Result<(), ExtractError> {
        self.sheets += 1;
        if self.sheets > limits.pages_max {
            let limit = format!("it has more than {} pages", limits.pages_max);
            return Err(ExtractError::Limit { limit });
        }
        assembly.page(self.sheets);
        Ok(())
    }

    fn open(
        &mut self,
        element: &Element,
        limits: &Limits,
        assembly: &mut Assembly,
    ) -> Result<(), ExtractError> {
        let number = |name| element.get(name).and_then(|it| it.parse::<usize>().ok()).unwrap_or(1);
        match &*element.name {
            "spreadsheet" => self.is_sheets = true,
            "page" => {
                self.page(limits, assembly)?;
            }
            "frame" => self.title_frame = element.get("class") == Some("title"),
            "notes" => self.in_notes = true,
            "list" => self.lists += 1,
            "h" => {
                let level = u8::try_from(number("outline-level").clamp(1, 6)).unwrap_or(6);
                self.open.push((Some(level), String::new()));
            }
            "p" => self.open.push((None, String::new())),
            "s" => self.put(&" ".repeat(number("c").min(10))),
            "tab" | "line-break" => self.put(" "),
            "table" if self.is_sheets && self.tables.is_empty() => {
                self.page(limits, assembly)?;
                assembly.heading(1, element.get("name").unwrap_or_default());
                self.sheet = Some(Rows::default());
                self.tables.push(Vec::new());
            }
            "table" => self.tables.push(Vec::new()),
            "table-row" => {
                self.row.clear();
                self.row_repeated = number("number-rows-repeated").min(REPEATED_MAX);
            }
            "table-cell" | "covered-table-cell" => {
                self.cell = Some((Vec::new(), number("number-columns-repeated").min(REPEATED_MAX)));
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        if let Some((_, open)) = self.open.last_mut() {
            open.push_str(text);
        }
    }

    fn close(&mut self, name: &str, assembly: &mut Assembly) {
        match name {
            "list" => self.lists = self.lists.saturating_sub(1),
            "notes" => self.in_notes = false,
            "frame" => self.title_frame = false,
            "p" | "h" => {
                let Some((level, text)) = self.open.pop() else { return };
                match (&mut self.cell, level) {
                    _ if text.trim().is_empty() => {}
                    (Some((cell, _)), _) => cell.push(text),
                    (None, Some(level)) => assembly.heading(level, &text),
                    (None, None) if self.title_frame && !self.in_notes => {
                        assembly.heading(1, &text);
                    }
                    (None, None) if self.lists > 0 => assembly.item(&text),
                    (None, None) => assembly.paragraph(&text),
                }
            }
            "table-cell" | "covered-table-cell" => {
                let Some((texts, repeated)) = self.cell.take() else { return };
                let text = texts.join(" ");
                let room = COLUMNS_MAX.saturating_sub(self.row.len());
                self.row.extend(std::iter::repeat_n(text, repeated.min(room)));
            }
            "table-row" => self.end_row(assembly),
            "table" => {
                let rows = self.tables.pop().unwrap_or_default();
                if self.sheet.is_some() && self.tables.is_empty() {
                    self.sheet = None;
                } else if rows.iter().all(|row| row.len() <= 1) {
                    rows.iter().flatten().for_each(|cell| assembly.paragraph(cell));
                } else {
                    let first = rows.first().map_or(&[][..], Vec::as_slice);
                    let words = first.iter().all(|cell| cell.chars().any(char::is_alphabetic));
                    assembly.table(&rows, words);
                }
            }
            _ => {}
        }
    }

    fn end_row(&mut self, assembly: &mut Assembly) {
        let mut row = std::mem::take(&mut self.row);
        while row.last().is_some_and(|cell| cell.trim().is_empty()) {
            row.pop();
        }
        if row.is_empty() {
            return;
        }
        for _ in 0..self.row_repeated {
            match (&mut self.sheet, self.tables.last_mut()) {
                (Some(sheet), _) => sheet.take(&row, assembly),
                (None, Some(table)) => table.push(row.clone()),
                (None, None) => return,
            }
        }
    }
}
