//! The canonical text while it grows: blocks in reading order, pages around them, what was noticed.

use super::Limits;
use super::letters::{tidy, tidy_lines};
use crate::algorithms::retrieval::{Block, BlockKind, Canonical, Page, Span};
use crate::knowledge::extract::model::{ExtractError, Extracted, Finding, FindingKind, Method};

/// Bytes that the place of a block costs beside its letters.
const BLOCK_BYTES: usize = 96;
/// Letters of the longest title.
const TITLE_LETTERS_MAX: usize = 300;
/// Pages that a finding names.
const PAGES_NAMED: usize = 20;
/// Letters at the beginning of a text in which its title's words are looked for.
const BEGINNING_LETTERS: usize = 4_000;

/// Collects what a reader finds in a file.
pub(super) struct Assembly {
    canonical: Canonical,
    /// Title that the file declares.
    pub title: Option<String>,
    findings: Vec<Finding>,
    /// Number and beginning of the page that is open.
    page: Option<(u32, usize)>,
    /// The header of the table that is open.
    header: Option<Span>,
    left: usize,
    full: bool,
}

impl Assembly {
    pub fn new(limits: &Limits) -> Self {
        Self {
            canonical: Canonical::default(),
            title: None,
            findings: Vec::new(),
            page: None,
            header: None,
            left: limits.output_bytes,
            full: false,
        }
    }

    /// Whether the beginning of the text has at least half of a title's words. Programs keep the title of the file
    /// that was written over, and then it speaks of something else.
    pub fn speaks_of(&self, title: &str) -> bool {
        let beginning: String = self.canonical.text.chars().take(BEGINNING_LETTERS).collect();
        let beginning = beginning.to_lowercase();
        let title = title.to_lowercase();
        let words: Vec<&str> = title
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| word.chars().count() > 2)
            .collect();
        let there = words.iter().filter(|word| beginning.contains(**word)).count();
        there * 2 >= words.len()
    }

    /// Whether no more fits; whoever reads may stop.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// The number of the page that is open; 1 where no page was begun.
    pub fn page_number(&self) -> u32 {
        self.page.map_or(1, |(number, _)| number)
    }

    /// Whether a page was begun.
    pub const fn has_page(&self) -> bool {
        self.page.is_some()
    }

    /// Begins a page, sheet or slide.
    pub fn page(&mut self, number: u32) {
        if self.full {
            return;
        }
        self.close_page();
        self.header = None;
        self.page = Some((number, self.canonical.text.len()));
    }

    fn close_page(&mut self) {
        if let Some((number, start)) = self.page.take() {
            let span = Span { start, end: self.canonical.text.len() };
            self.canonical.pages.push(Page { number, span });
        }
    }

    pub fn heading(&mut self, level: u8, text: &str) {
        self.header = None;
        self.line(BlockKind::Heading { level: level.clamp(1, 6) }, text);
    }

    pub fn paragraph(&mut self, text: &str) {
        self.header = None;
        self.line(BlockKind::Paragraph, text);
    }

    /// A point of a list.
    pub fn item(&mut self, text: &str) {
        self.header = None;
        self.line(BlockKind::ListItem, text);
    }

    /// A paragraph whose lines mean something.
    pub fn lines(&mut self, text: &str) {
        self.header = None;
        let mut hidden = 0;
        let text = tidy_lines(text, &mut hidden);
        self.hidden_letters(hidden);
        self.push(BlockKind::Paragraph, &text);
    }

    /// Forgets the header of the table before.
    pub const fn begin_table(&mut self) {
        self.header = None;
    }

    /// The row that names the columns of the rows to come.
    pub fn header_row(&mut self, cells: &[String]) {
        let joined = self.joined(cells);
        if let Some(span) = self.push(BlockKind::TableHeader, &joined) {
            self.header = Some(span);
        }
    }

    pub fn row(&mut self, cells: &[String]) {
        let joined = self.joined(cells);
        self.push(BlockKind::TableRow { header: self.header }, &joined);
    }

    /// Rows of one table; the first one names the columns when `header`.
    pub fn table(&mut self, rows: &[Vec<String>], header: bool) {
        self.begin_table();
        for (index, row) in rows.iter().enumerate() {
            if index == 0 && header && rows.len() > 1 {
                self.header_row(row);
            } else {
                self.row(row);
            }
        }
    }

    fn joined(&mut self, cells: &[String]) -> String {
        let mut hidden = 0;
        let mut cells: Vec<String> = cells.iter().map(|cell| tidy(cell, &mut hidden)).collect();
        self.hidden_letters(hidden);
        while cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        cells.join(" | ")
    }

    fn line(&mut self, kind: BlockKind, text: &str) {
        let mut hidden = 0;
        let text = tidy(text, &mut hidden);
        self.hidden_letters(hidden);
        self.push(kind, &text);
    }

    fn hidden_letters(&mut self, letters: u32) {
        if letters > 0 {
            self.found(FindingKind::HiddenText, letters);
        }
    }

    fn push(&mut self, kind: BlockKind, text: &str) -> Option<Span> {
        if self.full || text.is_empty() {
            return None;
        }
        let mut text = text;
        if text.len() + BLOCK_BYTES > self.left {
            let fits = text.floor_char_boundary(self.left.saturating_sub(BLOCK_BYTES));
            text = &text[..fits];
            self.found(FindingKind::Cut, 1);
            self.full = true;
            if text.is_empty() {
                return None;
            }
        }
        self.left = self.left.saturating_sub(text.len() + BLOCK_BYTES);
        let start = self.canonical.text.len();
        self.canonical.text.push_str(text);
        let span = Span { start, end: self.canonical.text.len() };
        self.canonical.text.push('\n');
        self.canonical.blocks.push(Block { kind, span });
        Some(span)
    }

    /// Something was noticed on the page that is open.
    pub fn found(&mut self, kind: FindingKind, count: u32) {
        self.found_on(kind, count, self.page_number());
    }

    /// Something was noticed on page `page`.
    pub fn found_on(&mut self, kind: FindingKind, count: u32, page: u32) {
        let known = self.findings.iter().position(|finding| finding.kind == kind);
        let index = known.unwrap_or_else(|| {
            self.findings.push(Finding { kind, count: 0, pages: Vec::new() });
            self.findings.len() - 1
        });
        let finding = &mut self.findings[index];
        finding.count = finding.count.saturating_add(count);
        if !finding.pages.contains(&page) && finding.pages.len() < PAGES_NAMED {
            finding.pages.push(page);
        }
    }

    /// What came out; an error when nothing did.
    pub fn finish(mut self, media_type: &str) -> Result<Extracted, ExtractError> {
        self.close_page();
        let length = self.canonical.text.len();
        if self.canonical.pages.is_empty() {
            let span = Span { start: 0, end: length };
            self.canonical.pages.push(Page { number: 1, span });
        }
        if let Some(first) = self.canonical.pages.first_mut() {
            first.span.start = 0;
        }
        if length == 0 {
            let scanned = self.findings.iter().any(|it| it.kind == FindingKind::ScannedPages);
            return Err(ExtractError::Empty { scanned });
        }
        let mut hidden = 0;
        let title = self.title.map(|title| tidy(&title, &mut hidden)).filter(|it| !it.is_empty());
        let title = title.map(|title| title.chars().take(TITLE_LETTERS_MAX).collect());
        Ok(Extracted {
            canonical: self.canonical,
            title,
            media_type: media_type.to_owned(),
            method: Method::BuiltIn,
            findings: self.findings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(canonical: &Canonical) -> Vec<(BlockKind, &str)> {
        let of = |block: &Block| (block.kind, block.span.of(&canonical.text).unwrap());
        canonical.blocks.iter().map(of).collect()
    }

    #[test]
    fn a_title_of_another_file_is_known_by_its_words() {
        let mut assembly = Assembly::new(&Limits::default());
        assembly.paragraph("Product User Manual");
        assembly.paragraph("MeteoSwiss Radiation Data v.4.2.0, to assess the annual course");
        assert!(assembly.speaks_of("Radiation data: user manual"));
        assert!(assembly.speaks_of("MeteoSwiss RADIATION Daten"));
        assert!(!assembly.speaks_of("Annual Quality Assessment report 2012"));
    }

    #[test]
    fn pages_cover_the_text_and_rows_know_their_header() {
        let mut assembly = Assembly::new(&Limits::default());
        assembly.page(1);
        assembly.heading(1, "Tarife");
        let rows = [vec!["Stufe".into(), "Rp./kWh".into()], vec!["Hoch".into(), "21.5".into()]];
        assembly.table(&rows, true);
        assembly.page(2);
        assembly.paragraph("Ende \u{200b}gut");
        let extracted = assembly.finish("text/plain").unwrap();
        let canonical = &extracted.canonical;
        assert_eq!(canonical.text, "Tarife\nStufe | Rp./kWh\nHoch | 21.5\nEnde gut\n");
        let header = Span { start: 7, end: 22 };
        assert_eq!(
            texts(canonical)[2],
            (BlockKind::TableRow { header: Some(header) }, "Hoch | 21.5")
        );
        assert_eq!(header.of(&canonical.text), Some("Stufe | Rp./kWh"));
        assert_eq!(canonical.pages[0].span.end, canonical.pages[1].span.start);
        assert_eq!(canonical.page_of(canonical.text.find("Ende").unwrap()), 2);
        assert_eq!(extracted.findings[0].kind, FindingKind::HiddenText);
        assert_eq!(extracted.findings[0].pages, [2]);
    }

    #[test]
    fn the_output_is_cut_between_letters() {
        let limits = Limits { output_bytes: BLOCK_BYTES + 4, ..Limits::default() };
        let mut assembly = Assembly::new(&limits);
        assembly.paragraph("äöü");
        assembly.paragraph("nie");
        assert!(assembly.is_full());
        let extracted = assembly.finish("text/plain").unwrap();
        assert_eq!(extracted.canonical.text, "äö\n");
        assert_eq!(extracted.findings[0].kind, FindingKind::Cut);
    }

    #[test]
    fn nothing_is_an_error() {
        let assembly = Assembly::new(&Limits::default());
        assert_eq!(assembly.finish("text/plain"), Err(ExtractError::Empty { scanned: false }));
    }
}
