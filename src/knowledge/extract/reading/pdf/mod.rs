//! PDF: letters with their places, put together to lines, columns, tables and paragraphs.

mod objects; // objects by name, streams unpacked
mod loading; // files opened, also damaged ones
mod lexer; // drawing instructions
mod cmap; // codes to letters
mod glyphs; // names of glyphs to letters
mod fonts; // letters and widths
mod geometry; // places
mod state; // what is set while drawing
mod words; // words and what hides them
mod machine; // a page drawn without a screen
mod rows; // words side by side
mod repeats; // heads and feet of pages
mod regions; // lines, columns, tables
mod blocks; // paragraphs, headings, lists

use lopdf::{Dictionary, Object};

use self::blocks::Look;
use self::machine::Machine;
use self::objects::File;
use self::rows::Row;
use self::words::{Drawing, Word};
use super::Limits;
use super::assembly::Assembly;
use super::joining::Vocabulary;
use crate::knowledge::extract::model::{ExtractError, FindingKind};

/// How much of a page its pictures cover when it is one.
const PICTURED: f32 = 0.5;
/// Words on a page that is a picture with a stamp or a number.
const STAMP_WORDS: usize = 8;
/// Curves of a page whose letters are drawn as shapes.
const SHAPES_MIN: u32 = 300;

/// A page before it is known what repeats.
struct Page {
    number: u32,
    rows: Vec<Row>,
    aside: Vec<Row>,
    rules: Vec<(f32, f32, f32)>,
    height: f32,
}

/// Reads the pages.
pub(super) fn read(
    bytes: &[u8],
    limits: &Limits,
    assembly: &mut Assembly,
) -> Result<(), ExtractError> {
    let file = File::new(loading::load(bytes)?, limits.unpacked_bytes);
    let pages: Vec<&Dictionary> =
        file.document.page_iter().filter_map(|id| file.document.get_dictionary(id).ok()).collect();
    if pages.len() > limits.pages_max as usize {
        let limit = format!("it has more than {} pages", limits.pages_max);
        return Err(ExtractError::Limit { limit });
    }
    active_content(&file, assembly);
    let mut machine = Machine::new(&file);
    let mut read: Vec<Page> = Vec::with_capacity(pages.len());
    for (number, page) in (1..).zip(pages) {
        let drawing = machine.draw(page)?;
        read.push(sorted(&drawing, number, assembly));
    }
    write(read, assembly);
    assembly.title = title(&file).filter(|title| assembly.speaks_of(title));
    Ok(())
}

/// The words of a page that somebody sees, in rows; what is noticed about it is said.
fn sorted(drawing: &Drawing, number: u32, assembly: &mut Assembly) -> Page {
    let pictured = drawing.pictured();
    let all = drawing.words.len();
    let inkless = drawing.words.iter().filter(|word| word.is_inkless && !word.is_hidden).count();
    // Letters without ink over a picture of the page are what text recognition adds to a scan.
    let recognised = inkless > 0 && pictured >= PICTURED;
    let mut hidden = 0_u32;
    let mut unknown = 0;
    let mut seen: Vec<Word> = Vec::with_capacity(all);
    for word in &drawing.words {
        let gone = word.is_hidden
            || word.is_inkless && !recognised
            || !word.is_inkless && drawing.swallows(word);
        if gone {
            hidden += 1;
        } else if word.text.is_empty() || word.unknown as usize * 2 > word.text.chars().count() {
            unknown += 1;
        } else {
            seen.push(word.clone());
        }
    }
    if hidden > 0 {
        assembly.found_on(FindingKind::HiddenText, hidden, number);
    }
    if recognised {
        assembly.found_on(FindingKind::RecognisedText, 1, number);
    }
    let picture = pictured >= PICTURED && seen.len() < STAMP_WORDS
        || seen.is_empty() && (pictured > 0.1 || drawing.shapes >= SHAPES_MIN)
        // Letters that nobody can tell are as good as a picture of them.
        || unknown > 5 && unknown > seen.len();
    if picture {
        assembly.found_on(FindingKind::ScannedPages, 1, number);
    }
    let height = drawing.page.y1;
    let rules = drawing.rules.iter().map(|(from, to, y)| (*from, *to, height - y)).collect();
    let (rows, aside) = rows::rows(&seen, drawing.page);
    Page { number, rows, aside, rules, height }
}

fn write(mut pages: Vec<Page>, assembly: &mut Assembly) {
    let mut rows: Vec<(Vec<Row>, f32)> =
        pages.iter_mut().map(|page| (std::mem::take(&mut page.rows), page.height)).collect();
    let repeated = repeats::strip(&mut rows);
    let mut vocabulary = Vocabulary::default();
    for (rows, _) in &rows {
        for row in rows {
            vocabulary.learn(&row.text());
        }
    }
    let lines = rows.iter().flat_map(|(rows, _)| rows.iter().flat_map(|row| &row.pieces));
    let look = Look::of(lines.map(|piece| (piece.size, piece.letters())));
    for ((page, (rows, _)), repeated) in pages.into_iter().zip(rows).zip(repeated) {
        if assembly.is_full() {
            return;
        }
        assembly.page(page.number);
        if repeated > 0 {
            assembly.found(FindingKind::RepeatedLines, repeated);
        }
        let mut parts = Vec::new();
        regions::parts(&rows, &page.rules, &mut parts);
        // What runs another way comes last.
        regions::parts(&page.aside, &[], &mut parts);
        blocks::write(&parts, &look, &vocabulary, assembly);
    }
}

/// Puts a line of a cell behind another.
fn joined(cell: &mut String, more: &str) {
    Vocabulary::default().join(cell, more);
}

fn title(file: &File) -> Option<String> {
    let info = file.document.trailer.get(b"Info").ok().and_then(|info| file.follow(info));
    let title = file.get(info?.as_dict().ok()?, "Title")?;
    let title = lopdf::decode_text_string(title).ok()?;
    // Programs write the name of the file they came from.
    let file_name = [".doc", ".docx", ".xls", ".xlsx", ".indd", ".pdf", ".ppt", ".pptx"];
    let named = file_name.iter().any(|end| title.to_ascii_lowercase().ends_with(end));
    (!named && title.trim().chars().count() > 2).then_some(title)
}

/// Counts scripts, attached files and what opens something elsewhere.
fn active_content(file: &File, assembly: &mut Assembly) {
    let mut count = 0_u32;
    for object in file.document.objects.values() {
        let Some(dictionary) = objects::as_dictionary(object) else { continue };
        let action = matches!(
            file.name(dictionary, "S"),
            Some(b"JavaScript" | b"Launch" | b"SubmitForm" | b"ImportData")
        );
        let attached = matches!(object, Object::Stream(_)) && dictionary.has_type(b"EmbeddedFile");
        count += u32::from(action || attached || dictionary.has(b"XFA"));
    }
    if count > 0 {
        assembly.found_on(FindingKind::ActiveContent, count, 1);
    }
}
