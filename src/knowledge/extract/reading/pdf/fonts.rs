//! Fonts: from codes to letters and widths.

use lopdf::{Dictionary, Object, Stream};

use super::cmap::CMap;
use super::glyphs::{Glyphs, Table, of_program, table};
use super::objects::{File, as_dictionary, number};
use crate::knowledge::extract::model::ExtractError;
use crate::knowledge::extract::reading::numbers::natural;

/// Widths that a font lists.
const WIDTHS_MAX: usize = 100_000;

/// One code of a text that is shown.
pub(super) struct Shown {
    /// Its letters; absent when nobody can tell.
    pub letters: Option<String>,
    /// Its width as a part of the font's size.
    pub width: f32,
    /// Whether it is the single byte that word spacing applies to.
    pub is_space: bool,
}

enum Kind {
    /// One byte for each glyph.
    Simple { table: Table, first: usize, widths: Vec<f32>, missing: f32 },
    /// Codes of several bytes.
    Composite { codes: Option<CMap>, unicode: bool, widths: Vec<(u32, u32, f32)>, default: f32 },
}

/// A font as far as letters and their places go.
pub(super) struct Font {
    kind: Kind,
    to_unicode: Option<CMap>,
    pub is_bold: bool,
    /// Height of its letters as a part of the size that is set.
    pub scale: f32,
}

impl Font {
    pub fn new(file: &File, font: &Dictionary, glyphs: &mut Glyphs) -> Result<Self, ExtractError> {
        let to_unicode = match file.get(font, "ToUnicode") {
            Some(Object::Stream(stream)) => Some(CMap::parse(&file.unpacked(stream)?)),
            _ => None,
        };
        let name = file.name(font, "BaseFont").unwrap_or_default();
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let subtype = file.name(font, "Subtype").unwrap_or_default();
        let composite = subtype == b"Type0";
        let descendant = file.array(font, "DescendantFonts").and_then(|fonts| fonts.first());
        let descendant = descendant.and_then(|it| file.follow(it)).and_then(as_dictionary);
        let holder = descendant.unwrap_or(font);
        let descriptor = file.dictionary(holder, "FontDescriptor");
        let heavy =
            descriptor.and_then(|it| file.number(it, "FontWeight")).is_some_and(|it| it >= 600.0);
        let flags = natural(descriptor.and_then(|it| file.number(it, "Flags")).unwrap_or(0.0));
        let is_bold = heavy
            || flags & (1 << 18) != 0
            || ["bold", "black", "heavy", "semibold"].iter().any(|it| name.contains(it));
        let kind = if composite {
            composite_kind(file, font, holder)?
        } else {
            simple_kind(file, font, descriptor, flags, glyphs)?
        };
        let scale = if subtype == b"Type3" { type3_scale(file, font) } else { 1.0 };
        Ok(Self { kind, to_unicode, is_bold, scale })
    }

    /// The font of a text for which none is set.
    pub fn unknown() -> Self {
        let kind = Kind::Simple {
            table: table(b"WinAnsiEncoding"),
            first: 0,
            widths: Vec::new(),
            missing: 0.0,
        };
        Self { kind, to_unicode: None, is_bold: false, scale: 1.0 }
    }

    /// Calls `each` with every code of `text`.
    pub fn show(&self, text: &[u8], each: &mut dyn FnMut(Shown)) {
        let mut rest = text;
        while !rest.is_empty() {
            let length = self.code_length(rest);
            let (head, tail) = rest.split_at(length);
            rest = tail;
            let code = head.iter().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
            each(self.shown(length, code));
        }
    }

    fn code_length(&self, bytes: &[u8]) -> usize {
        match &self.kind {
            Kind::Simple { .. } => 1,
            Kind::Composite { codes, .. } => {
                let told = codes.as_ref().and_then(|codes| codes.length(bytes));
                told.unwrap_or(2).clamp(1, bytes.len())
            }
        }
    }

    fn shown(&self, length: usize, code: u32) -> Shown {
        let told = self.to_unicode.as_ref().and_then(|map| map.letters(length, code));
        match &self.kind {
            Kind::Simple { table, first, widths, missing } => {
                let index = code as usize;
                let letters = told.or_else(|| table.get(index).cloned().flatten());
                let width = index.checked_sub(*first).and_then(|at| widths.get(at)).copied();
                let width = width.unwrap_or_else(|| match *missing {
                    missing if missing > 0.0 => missing,
                    _ => guessed_width(letters.as_deref()),
                });
                Shown { letters, width, is_space: code == 32 }
            }
            Kind::Composite { codes, unicode, widths, default } => {
                let glyph =
                    codes.as_ref().and_then(|codes| codes.glyph(length, code)).unwrap_or(code);
                let behind = widths.partition_point(|(from, ..)| *from <= glyph);
                let entry = behind.checked_sub(1).and_then(|at| widths.get(at));
                let width = entry.filter(|(_, to, _)| glyph <= *to).map_or(*default, |it| it.2);
                let itself = || unicode.then(|| char::from_u32(code)).flatten().map(String::from);
                let letters = told.or_else(itself);
                Shown { letters, width, is_space: length == 1 && code == 32 }
            }
        }
    }
}

fn simple_kind(
    file: &File,
    font: &Dictionary,
    descriptor: Option<&Dictionary>,
    flags: u32,
    glyphs: &mut Glyphs,
) -> Result<Kind, ExtractError> {
    let symbolic = flags & 4 != 0;
    let encoding = file.get(font, "Encoding");
    let base = match encoding {
        Some(Object::Name(name)) => Some(name.as_slice()),
        Some(object) => as_dictionary(object).and_then(|it| file.name(it, "BaseEncoding")),
        None => None,
    };
    let program = match descriptor.and_then(|it| file.get(it, "FontFile")) {
        Some(Object::Stream(stream)) if base.is_none() => own_table(file, stream, glyphs)?,
        _ => None,
    };
    let true_type = file.name(font, "Subtype") == Some(b"TrueType");
    let mut letters = match (base, program) {
        (Some(base), _) => table(base),
        (None, Some(own)) => own,
        (None, None) if true_type || symbolic => table(b"WinAnsiEncoding"),
        (None, None) => table(b""),
    };
    let differences = encoding.and_then(as_dictionary).and_then(|it| file.array(it, "Differences"));
    let mut code = 0_usize;
    for entry in differences.unwrap_or_default() {
        match file.follow(entry) {
            Some(Object::Integer(next)) => code = usize::try_from(*next).unwrap_or(256),
            Some(Object::Name(name)) => {
                if let Some(place) = letters.get_mut(code) {
                    *place = glyphs.letters(name);
                }
                code += 1;
            }
            _ => {}
        }
    }
    let type3 = file.name(font, "Subtype") == Some(b"Type3");
    let unit = if type3 { matrix_unit(file, font) } else { 0.001 };
    let widths = file.numbers(font, "Widths").unwrap_or_default();
    let widths = widths.into_iter().take(256).map(|width| width * unit).collect();
    let first = natural(file.number(font, "FirstChar").unwrap_or(0.0)) as usize;
    let missing = descriptor.and_then(|it| file.number(it, "MissingWidth")).unwrap_or(0.0) * unit;
    Ok(Kind::Simple { table: letters, first, widths, missing })
}

fn own_table(
    file: &File,
    program: &Stream,
    glyphs: &mut Glyphs,
) -> Result<Option<Table>, ExtractError> {
    Ok(of_program(&file.unpacked(program)?, glyphs))
}

fn matrix_unit(file: &File, font: &Dictionary) -> f32 {
    let matrix = file.numbers(font, "FontMatrix").unwrap_or_default();
    matrix.first().copied().filter(|unit| *unit != 0.0).unwrap_or(0.001)
}

/// A font of drawings is as high as its box.
fn type3_scale(file: &File, font: &Dictionary) -> f32 {
    let matrix = file.numbers(font, "FontMatrix").unwrap_or_default();
    let unit = matrix.get(3).copied().unwrap_or(0.001).abs();
    let bounds = file.numbers(font, "FontBBox").unwrap_or_default();
    let height = match bounds.as_slice() {
        [_, bottom, _, top] => (top - bottom).abs() * unit,
        _ => 0.0,
    };
    if (0.01..100.0).contains(&height) { height } else { 1.0 }
}

fn composite_kind(
    file: &File,
    font: &Dictionary,
    holder: &Dictionary,
) -> Result<Kind, ExtractError> {
    let (mut codes, mut unicode) = (None, false);
    match file.get(font, "Encoding") {
        Some(Object::Stream(stream)) => codes = Some(CMap::parse(&file.unpacked(stream)?)),
        Some(Object::Name(name)) => {
            unicode =
                name.windows(4).any(|it| it == b"UCS2") || name.windows(5).any(|it| it == b"UTF16");
        }
        _ => {}
    }
    let mut widths = Vec::new();
    let list = file.array(holder, "W").unwrap_or_default();
    let mut rest = list.iter().filter_map(|it| file.follow(it));
    while let Some(from) = rest.next().and_then(number) {
        if widths.len() > WIDTHS_MAX {
            break;
        }
        let from = natural(from);
        match rest.next() {
            Some(Object::Array(each)) => {
                let each = each.iter().filter_map(|it| file.follow(it)).filter_map(number);
                widths
                    .extend((from..).zip(each).map(|(glyph, width)| (glyph, glyph, width * 0.001)));
            }
            Some(to) => {
                let to = natural(number(to).unwrap_or(0.0));
                let width = rest.next().and_then(number);
                widths.push((from, to, width.unwrap_or(1000.0) * 0.001));
            }
            None => break,
        }
    }
    widths.sort_unstable_by_key(|(from, ..)| *from);
    let default = file.number(holder, "DW").unwrap_or(1000.0) * 0.001;
    Ok(Kind::Composite { codes, unicode, widths, default })
}

/// About how wide a letter is in a common font that is not described.
fn guessed_width(letters: Option<&str>) -> f32 {
    match letters.and_then(|letters| letters.chars().next()) {
        Some('i' | 'j' | 'l' | '\'' | '|') => 0.22,
        Some(' ' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '!' | '-' | '(' | ')' | '/') => {
            0.28
        }
        Some('m' | 'w' | 'M' | 'W' | '@' | '%') => 0.86,
        Some(letter) if letter.is_uppercase() => 0.69,
        _ => 0.556,
    }
}
