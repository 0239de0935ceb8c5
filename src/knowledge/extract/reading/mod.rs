//! Files into canonical text, within one process and without looking at anything but the bytes.
//!
//! Whoever wrote the bytes is not trusted: this runs in a child process with limits (see
//! `confinement`), and keeps limits of its own so that most files end with a reason instead of a kill.

mod numbers; // numbers without their fractions
mod letters; // encodings, letters that nobody sees
mod assembly; // the text while it grows
mod joining; // lines put together again
mod headings; // lines that look like headings
mod xml; // pieces of XML
mod package; // parts of archives
mod hiding; // how pages hide text
mod text; // plain texts
mod table; // values parted by a sign
mod html; // web pages
mod markdown; // Markdown
mod workbook; // XLSX
mod word; // DOCX
mod slides; // PPTX
mod open_document; // ODT, ODS, ODP
mod pdf; // PDF
mod form; // what a file is

use self::assembly::Assembly;
use self::form::Form;
use self::package::{Package, ends_in};
use self::xml::{Piece, Pieces};
use crate::knowledge::extract::model::{ExtractError, Extracted, FindingKind};

/// How much a file may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the text with the places of its blocks; what is longer is cut.
    pub output_bytes: usize,
    /// Bytes of all parts of an archive together, and of all streams of a PDF, unpacked.
    pub unpacked_bytes: u64,
    /// How many times its own size a file may unpack to, from 8 MB on.
    pub ratio_max: u64,
    /// Parts of an archive.
    pub entries_max: usize,
    /// Pages, sheets or slides.
    pub pages_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            output_bytes: 32 << 20,
            unpacked_bytes: 256 << 20,
            ratio_max: 150,
            entries_max: 10_000,
            pages_max: 10_000,
        }
    }
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Reads `bytes`. `extension` is that of the name they came with, in small letters, and only tells
/// forms of text apart.
pub fn read(bytes: &[u8], extension: &str, limits: &Limits) -> Result<Extracted, ExtractError> {
    let mut assembly = Assembly::new(limits);
    let media_type = match form::form(bytes, extension)? {
        Form::Pdf => {
            pdf::read(bytes, limits, &mut assembly)?;
            "application/pdf"
        }
        Form::Zip => archive(bytes, limits, &mut assembly)?,
        Form::Compound => return Err(compound(bytes)),
        Form::Picture(media) => {
            assembly.found(FindingKind::ScannedPages, 1);
            media
        }
        Form::Html(text) => {
            html::read(&text, &mut assembly)?;
            "text/html"
        }
        Form::Markdown(text) => {
            markdown::read(&text, &mut assembly)?;
            "text/markdown"
        }
        Form::Table(text, sign) => {
            table::read(&text, sign, &mut assembly)?;
            "text/csv"
        }
        Form::Text(text) => {
            text::read(&text, &mut assembly);
            "text/plain"
        }
    };
    assembly.finish(media_type)
}

/// Reads an archive that is a document; archives of other files are not opened.
fn archive(
    bytes: &[u8],
    limits: &Limits,
    assembly: &mut Assembly,
) -> Result<&'static str, ExtractError> {
    let mut package = Package::open(bytes, limits)?;
    active_content(&mut package, assembly)?;
    let office = |form: &str| Err(ExtractError::Unsupported { form: form.to_owned() });
    let media = if package.has("word/document.xml") {
        word::read(&mut package, assembly)?;
        DOCX
    } else if package.has("ppt/presentation.xml") {
        slides::read(&mut package, limits, assembly)?;
        PPTX
    } else if package.has("xl/workbook.xml") {
        workbook::read(bytes, &mut package, limits, assembly)?;
        XLSX
    } else if package.has("xl/workbook.bin") {
        return office("a binary workbook (XLSB; save it as XLSX)");
    } else if package.has("content.xml") && package.has("mimetype") {
        let media = package.part("mimetype")?.unwrap_or_default();
        let media = String::from_utf8_lossy(&media).trim().to_owned();
        open_document::read(&mut package, limits, assembly)?;
        match media.rsplit('.').next().unwrap_or_default() {
            "spreadsheet" => "application/vnd.oasis.opendocument.spreadsheet",
            "presentation" => "application/vnd.oasis.opendocument.presentation",
            _ => "application/vnd.oasis.opendocument.text",
        }
    } else if package.names().is_empty() {
        return office("an empty ZIP archive");
    } else {
        return office("a ZIP archive (send the files in it one by one)");
    };
    if assembly.title.is_none() {
        assembly.title = declared_title(&mut package)?;
    }
    Ok(media)
}

/// Counts what would be run or fetched: macros, embedded files, templates and pictures from elsewhere.
fn active_content(package: &mut Package<'_>, assembly: &mut Assembly) -> Result<(), ExtractError> {
    let names: Vec<String> = package.names().to_vec();
    let embedded = |name: &&String| {
        name.contains("vbaProject")
            || name.contains("/embeddings/")
            || name.contains("/activeX/")
            || name.starts_with("Basic/")
            || name.starts_with("Scripts/")
    };
    let mut count = names.iter().filter(embedded).count();
    for name in names.iter().filter(|name| ends_in(name, "rels")) {
        let bytes = package.part(name)?.unwrap_or_default();
        let mut pieces = Pieces::new(&bytes);
        while let Some(piece) = pieces.next()? {
            if let Piece::Open(element) = piece
                && element.get("TargetMode") == Some("External")
                && element.get("Type").is_some_and(|kind| !kind.ends_with("/hyperlink"))
            {
                count += 1;
            }
        }
    }
    if count > 0 {
        assembly.found(FindingKind::ActiveContent, u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(())
}

/// The title among the properties of an office file.
fn declared_title(package: &mut Package<'_>) -> Result<Option<String>, ExtractError> {
    for name in ["docProps/core.xml", "meta.xml"] {
        let Some(bytes) = package.part(name)? else { continue };
        let mut pieces = Pieces::new(&bytes);
        let mut within = false;
        while let Some(piece) = pieces.next()? {
            match piece {
                Piece::Open(element) => within = element.name == "title",
                Piece::Text(text) if within && !text.trim().is_empty() => return Ok(Some(text)),
                Piece::Text(_) => {}
                Piece::Close(_) => within = false,
            }
        }
    }
    Ok(None)
}

/// Why a compound file is not read.
fn compound(bytes: &[u8]) -> ExtractError {
    let holds = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(wide.len()).any(|window| window == wide)
    };
    if holds("EncryptedPackage") || holds("EncryptionInfo") {
        return ExtractError::Encrypted;
    }
    let form = if holds("WordDocument") {
        "an old Word document (DOC; save it as DOCX)"
    } else if holds("Workbook") || holds("Book") {
        "an old Excel workbook (XLS; save it as XLSX)"
    } else if holds("PowerPoint Document") {
        "an old presentation (PPT; save it as PPTX)"
    } else {
        "a file of an old office program"
    };
    ExtractError::Unsupported { form: form.to_owned() }
}
