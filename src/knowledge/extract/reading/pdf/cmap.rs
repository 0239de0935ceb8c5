//! Tables that say which letters, or which glyphs, the codes of a font stand for.

use super::lexer::{Lexer, Operand};
use crate::knowledge::extract::reading::numbers::natural;

/// Entries of one table.
const ENTRIES_MAX: usize = 200_000;

/// Codes of one length, from one to another, and what the first stands for.
#[derive(Debug, Clone)]
struct Entry {
    length: usize,
    from: u32,
    to: u32,
    letters: Vec<u16>,
}

/// A table of codes.
#[derive(Debug, Default)]
pub(super) struct CMap {
    /// Lengths of codes with the range they lie in.
    spaces: Vec<(usize, u32, u32)>,
    entries: Vec<Entry>,
    /// Codes to glyphs: length, from, to, first glyph.
    glyphs: Vec<(usize, u32, u32, u32)>,
}

fn code(text: &[u8]) -> (usize, u32) {
    let text = &text[..text.len().min(4)];
    (text.len(), text.iter().fold(0, |code, byte| code << 8 | u32::from(*byte)))
}

fn letters(text: &[u8]) -> Vec<u16> {
    match text {
        [single] => vec![u16::from(*single)],
        _ => text.chunks_exact(2).take(16).map(|it| u16::from_be_bytes([it[0], it[1]])).collect(),
    }
}

impl CMap {
    pub fn parse(bytes: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(bytes);
        let mut operands = Vec::new();
        while let Some(operator) = lexer.next(&mut operands) {
            match operator {
                b"endcodespacerange" => map.spaces(&operands),
                b"endbfchar" => map.characters(&operands),
                b"endbfrange" => map.ranges(&operands),
                b"endcidrange" => map.glyph_ranges(&operands),
                b"endcidchar" => map.glyph_characters(&operands),
                _ => {}
            }
            if map.entries.len() + map.glyphs.len() > ENTRIES_MAX {
                break;
            }
        }
        map.entries.sort_by_key(|it| (it.length, it.from));
        map.glyphs.sort_unstable();
        map
    }

    fn spaces(&mut self, operands: &[Operand]) {
        for pair in operands.chunks_exact(2) {
            if let [Operand::Text(from), Operand::Text(to)] = pair
                && !from.is_empty()
            {
                let ((length, from), (_, to)) = (code(from), code(to));
                self.spaces.push((length, from, to));
            }
        }
    }

    fn characters(&mut self, operands: &[Operand]) {
        for pair in operands.chunks_exact(2) {
            if let [Operand::Text(from), Operand::Text(to)] = pair {
                let (length, from) = code(from);
                self.entries.push(Entry { length, from, to: from, letters: letters(to) });
            }
        }
    }

    fn ranges(&mut self, operands: &[Operand]) {
        for triple in operands.chunks_exact(3) {
            let [Operand::Text(from), Operand::Text(to), target] = triple else { continue };
            let ((length, from), (_, to)) = (code(from), code(to));
            match target {
                Operand::Text(first) if to >= from => {
                    self.entries.push(Entry { length, from, to, letters: letters(first) });
                }
                Operand::List(each) => {
                    for (index, target) in each.iter().enumerate() {
                        let own = from.saturating_add(u32::try_from(index).unwrap_or(u32::MAX));
                        if let Operand::Text(target) = target
                            && own <= to
                        {
                            let letters = letters(target);
                            self.entries.push(Entry { length, from: own, to: own, letters });
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn glyph_ranges(&mut self, operands: &[Operand]) {
        for triple in operands.chunks_exact(3) {
            if let [Operand::Text(from), Operand::Text(to), Operand::Number(first)] = triple {
                let ((length, from), (_, to)) = (code(from), code(to));
                self.glyphs.push((length, from, to, natural(*first)));
            }
        }
    }

    fn glyph_characters(&mut self, operands: &[Operand]) {
        for pair in operands.chunks_exact(2) {
            if let [Operand::Text(from), Operand::Number(glyph)] = pair {
                let (length, from) = code(from);
                self.glyphs.push((length, from, from, natural(*glyph)));
            }
        }
    }

    /// How many bytes the code at the beginning of `bytes` has; absent when the table does not say.
    pub fn length(&self, bytes: &[u8]) -> Option<usize> {
        (1..=bytes.len().min(4)).find(|length| {
            let (_, code) = code(&bytes[..*length]);
            self.spaces.iter().any(|(own, from, to)| own == length && (*from..=*to).contains(&code))
        })
    }

    /// The letters that a code stands for.
    pub fn letters(&self, length: usize, code: u32) -> Option<String> {
        let find = |length: usize| {
            let behind = self.entries.partition_point(|it| (it.length, it.from) <= (length, code));
            let entry = self.entries.get(behind.checked_sub(1)?)?;
            (entry.length == length && code <= entry.to).then_some(entry)
        };
        // Some programs write codes of one byte as two, or the other way round.
        let other = if length == 1 { 2 } else { 1 };
        let entry = find(length).or_else(|| find(other))?;
        let mut units = entry.letters.clone();
        if let Some(last) = units.last_mut() {
            let further = u16::try_from((code - entry.from) & 0xffff).unwrap_or_default();
            *last = last.wrapping_add(further);
        }
        let letters: String =
            char::decode_utf16(units).map(|it| it.unwrap_or('\u{fffd}')).collect();
        (!letters.is_empty() && letters != "\0").then_some(letters)
    }

    /// The glyph that a code stands for.
    pub fn glyph(&self, length: usize, code: u32) -> Option<u32> {
        let behind = self.glyphs.partition_point(|it| (it.0, it.1) <= (length, code));
        let (own, from, to, first) = *self.glyphs.get(behind.checked_sub(1)?)?;
        (own == length && code <= to).then(|| first.saturating_add(code - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_letters() {
        let map = CMap::parse(
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n\
              2 beginbfchar <0003> <0020> <0010> <00660069> endbfchar\n\
              2 beginbfrange <0024> <0026> <0041> <0030> <0031> [<00DF> <D83DDE00>] endbfrange\n\
              1 begincidrange <0100> <01ff> 500 endcidrange",
        );
        assert_eq!(map.length(&[0, 3, 0]), Some(2));
        assert_eq!(map.letters(2, 3).as_deref(), Some(" "));
        assert_eq!(map.letters(2, 0x10).as_deref(), Some("fi"));
        assert_eq!(map.letters(2, 0x26).as_deref(), Some("C"));
        assert_eq!(map.letters(2, 0x30).as_deref(), Some("ß"));
        assert_eq!(map.letters(2, 0x31).as_deref(), Some("😀"));
        assert_eq!(map.letters(2, 0x27), None);
        assert_eq!(map.glyph(2, 0x102), Some(502));
    }
}
