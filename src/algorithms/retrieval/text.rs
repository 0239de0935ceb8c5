//! The text of a document as everything downstream sees it: one string, its pages, its blocks.

use serde::{Deserialize, Serialize};

/// A stretch of a text in bytes of its UTF-8 form, end excluded; both ends lie between letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// First byte behind.
    pub end: usize,
}

impl Span {
    /// The letters it covers; absent when it does not lie between letters of `text`.
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.start..self.end)
    }

    /// Whether `other` lies within.
    pub const fn covers(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// What a stretch of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum BlockKind {
    /// A title; 1 is the highest level.
    Heading {
        /// From 1 to 6.
        level: u8,
    },
    /// Running text.
    Paragraph,
    /// A point of a list.
    ListItem,
    /// The row that names a table's columns.
    TableHeader,
    /// A row of a table, cells parted by ` | `; `header` is where its names stand.
    TableRow {
        /// The header row, where the table has one.
        header: Option<Span>,
    },
}

/// A stretch of text of one kind. Blocks are in reading order and do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub kind: BlockKind,
    /// Where it stands.
    pub span: Span,
}

/// A page (of a PDF), a sheet (of a workbook) or a slide; formats without pages have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Counted from 1.
    pub number: u32,
    /// Where its text stands; empty for a page without text.
    pub span: Span,
}

/// The canonical text of a document: what is stored, searched, quoted and verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canonical {
    /// Every letter, in reading order, lines parted by `\n`, without hidden and control characters.
    pub text: String,
    /// The pages in order; together they cover the text.
    pub pages: Vec<Page>,
    /// The blocks in order.
    pub blocks: Vec<Block>,
}

impl Canonical {
    /// Number of the page on which the letter at byte `at` stands; 1 where no page is known.
    pub fn page_of(&self, at: usize) -> u32 {
        let behind = self.pages.partition_point(|page| page.span.start <= at);
        behind.checked_sub(1).map_or(1, |index| self.pages[index].number)
    }
}
