//! Names of glyphs, and codes of fonts without a table of their own, as letters.

use std::collections::HashMap;

use lopdf::{Dictionary, Document, Object, dictionary};

/// Names that are remembered.
const NAMES_MAX: usize = 20_000;

/// Letters by the names of their glyphs.
#[derive(Default)]
pub(super) struct Glyphs {
    known: HashMap<Vec<u8>, Option<String>>,
}

impl Glyphs {
    /// The letters that a glyph of this name shows.
    pub fn letters(&mut self, name: &[u8]) -> Option<String> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let letters = spelled(name);
        if self.known.len() < NAMES_MAX {
            self.known.insert(name.to_vec(), letters.clone());
        }
        letters
    }
}

fn spelled(name: &[u8]) -> Option<String> {
    if let Some(letters) = listed(name) {
        return Some(letters);
    }
    let text = std::str::from_utf8(name).ok()?;
    // «a.sc» is another shape of «a», «f_i» two letters in one.
    let base = text.split('.').next().filter(|base| !base.is_empty() && base.len() < text.len());
    if let Some(base) = base {
        return spelled(base.as_bytes());
    }
    if text.contains('_') && text.len() <= 60 {
        return text.split('_').map(|part| spelled(part.as_bytes())).collect();
    }
    let hexadecimal = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    if let Some(digits) = text.strip_prefix("uni").filter(|it| it.len() >= 4 && it.len() % 4 == 0) {
        let parts = digits.as_bytes().chunks(4).take(8);
        return parts.map(|it| hexadecimal(std::str::from_utf8(it).ok()?)).collect();
    }
    let digits = text.strip_prefix('u').filter(|it| (4..=6).contains(&it.len()))?;
    hexadecimal(digits).map(String::from)
}

/// By the list of names that the library keeps to itself: it tells when asked as a font would.
fn listed(name: &[u8]) -> Option<String> {
    let differences = vec![Object::Integer(1), Object::Name(name.to_vec())];
    let font = dictionary! {
        "Type" => "Font",
        "Encoding" => dictionary! { "Type" => "Encoding", "Differences" => differences },
    };
    let document = Document::new();
    let encoding = font.get_font_encoding(&document).ok()?;
    // Where the name is not known, the standard encoding answers, which has nothing there.
    encoding.bytes_to_string(&[1]).ok().filter(|letters| !letters.is_empty())
}

/// Letters by code.
pub(super) type Table = Vec<Option<String>>;

/// The encoding of this name; the standard one where there is no such name.
pub(super) fn table(name: &[u8]) -> Table {
    let decoder = match name {
        b"WinAnsiEncoding" => Some(encoding_rs::WINDOWS_1252),
        b"MacRomanEncoding" => Some(encoding_rs::MACINTOSH),
        _ => None,
    };
    let document = Document::new();
    let font: Dictionary = dictionary! { "Type" => "Font" };
    let standard = font.get_font_encoding(&document).ok();
    let letters = |code: u8| {
        let letters = match decoder {
            Some(decoder) => decoder.decode_without_bom_handling(&[code]).0.into_owned(),
            None => standard.as_ref()?.bytes_to_string(&[code]).ok()?,
        };
        let shown = letters.chars().all(|letter| !letter.is_control() && letter != '\u{fffd}');
        (!letters.is_empty() && shown).then_some(letters)
    };
    (0..=255).map(letters).collect()
}

/// The encoding that a Type 1 font program declares in its readable part: `dup 65 /A put`.
pub(super) fn of_program(program: &[u8], glyphs: &mut Glyphs) -> Option<Table> {
    let readable = &program[..program.len().min(64 << 10)];
    let text = String::from_utf8_lossy(readable);
    let text = text.split_once("/Encoding")?.1;
    if text.trim_start().starts_with("StandardEncoding") {
        return Some(table(b""));
    }
    let text = text.split("readonly").next()?;
    let mut found: Table = vec![None; 256];
    let mut any = false;
    for entry in text.split("dup ").skip(1) {
        let mut words = entry.split_whitespace();
        let code = words.next().and_then(|code| code.parse::<usize>().ok());
        let name = words.next().and_then(|name| name.strip_prefix('/'));
        if let (Some(code @ 0..=255), Some(name)) = (code, name) {
            found[code] = glyphs.letters(name.as_bytes());
            any = true;
        }
    }
    any.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_spell_letters() {
        let mut glyphs = Glyphs::default();
        for (name, letters) in [
            ("A", Some("A")),
            ("adieresis", Some("ä")),
            ("Euro", Some("€")),
            ("germandbls", Some("ß")),
            ("uni20AC", Some("€")),
            ("u1F600", Some("😀")),
            ("a.sc", Some("a")),
            ("f_i", Some("\u{fb01}")),
            ("T_h", Some("Th")),
            ("g123", None),
        ] {
            assert_eq!(glyphs.letters(name.as_bytes()).as_deref(), letters, "{name}");
        }
    }

    #[test]
    fn tables_of_names() {
        assert_eq!(table(b"WinAnsiEncoding")[0x80].as_deref(), Some("€"));
        assert_eq!(table(b"MacRomanEncoding")[0x8a].as_deref(), Some("ä"));
        assert_eq!(table(b"")[0x41].as_deref(), Some("A"));
        let program = b"/Encoding 256 array\ndup 1 /adieresis put\ndup 2 /b put\nreadonly def";
        let own = of_program(program, &mut Glyphs::default()).unwrap();
        assert_eq!(
            (own[1].as_deref(), own[2].as_deref(), own[3].as_deref()),
            (Some("ä"), Some("b"), None)
        );
    }
}
