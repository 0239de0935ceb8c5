//! What comes out of a file, and why nothing does.

use serde::{Deserialize, Serialize};

use crate::algorithms::retrieval::Canonical;

/// What read the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Luna itself, in a child process with limits.
    BuiltIn,
    /// An Apache Tika server, by its version.
    Tika {
        /// As the server tells it.
        version: String,
    },
}

/// What was noticed while reading; none of it stops the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Text that nobody can see (no size, the colour of the page, off the page, zero-width letters,
    /// letters that turn the direction of reading) was left out.
    HiddenText,
    /// Pages are pictures without text: nothing of them can be found.
    ScannedPages,
    /// Text lies invisibly over pictures of it, as text recognition adds it to scans: it was taken, and
    /// nobody can see whether it is what the picture shows.
    RecognisedText,
    /// Lines that repeat on most pages were left out.
    RepeatedLines,
    /// The end was cut because the limit of the output was reached.
    Cut,
    /// Macros, scripts, attachments or links to the outside were not followed.
    ActiveContent,
}

/// One thing noticed, how often, and on which pages (the first few).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How often.
    pub count: u32,
    /// Where, at most twenty.
    pub pages: Vec<u32>,
}

/// What came out of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// Text, pages, blocks.
    pub canonical: Canonical,
    /// Title that the file declares.
    pub title: Option<String>,
    /// Media type found by looking at the bytes.
    pub media_type: String,
    /// Who read it.
    pub method: Method,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// Why no text came out of a file. Each message is a sentence for the person who brought the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "error")]
pub enum ExtractError {
    /// Luna does not read this form.
    #[error(
        "{form} is not a form that Luna reads; PDF, DOCX, PPTX, ODT, XLSX, CSV, HTML, Markdown and plain text are"
    )]
    Unsupported {
        /// What the bytes look like.
        form: String,
    },
    /// It is locked by a password.
    #[error("the file is encrypted; please remove its password and send it again")]
    Encrypted,
    /// There is nothing in it.
    #[error("the file has no text{}", if *scanned { ": its pages are pictures; please run text recognition (OCR) over it and send it again" } else { "" })]
    Empty {
        /// Whether its pages are pictures.
        scanned: bool,
    },
    /// Its bytes are not what its form wants.
    #[error("the file is broken: {reason}")]
    Broken {
        /// What is wrong.
        reason: String,
    },
    /// It wants more than a file may have.
    #[error("the file was given up: {limit}")]
    Limit {
        /// Which limit, as words: time, memory, size of the output, depth, number of parts.
        limit: String,
    },
    /// The child or the server could not be asked; another attempt may go well.
    #[error("text extraction is not available: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
}

impl ExtractError {
    /// Whether another attempt may go well without anybody touching the file.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Takes the text out of files.
#[async_trait::async_trait]
pub trait Extractor: Send + Sync {
    /// The text of `bytes`, whose sender calls it `name`.
    async fn extract(&self, name: &str, bytes: bytes::Bytes) -> Result<Extracted, ExtractError>;

    /// Who reads files at present, as a sentence for the status page, and whether it can be reached.
    async fn standing(&self) -> (String, bool);
}
