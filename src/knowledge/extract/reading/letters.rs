//! Letters as they may stand in a canonical text: seen, whole, one way of writing each.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// What is done with a letter.
enum Fate {
    Keep(char),
    Space,
    Expand(&'static str),
    /// Nothing is lost with it: controls, places where a word may be broken.
    Drop,
    /// Nobody sees it, but a program reads it.
    Hidden,
}

fn fate(letter: char) -> Fate {
    match letter {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Fate::Space,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Fate::Space
        }
        // Zero-width letters, letters that turn the direction, fillers, invisible operators, tags.
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{180b}'..='\u{180f}'
        | '\u{61c}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Fate::Hidden,
        '\u{fb00}' => Fate::Expand("ff"),
        '\u{fb01}' => Fate::Expand("fi"),
        '\u{fb02}' => Fate::Expand("fl"),
        '\u{fb03}' => Fate::Expand("ffi"),
        '\u{fb04}' => Fate::Expand("ffl"),
        '\u{fb05}' | '\u{fb06}' => Fate::Expand("st"),
        // Bullets of symbol fonts.
        '\u{f0b7}' | '\u{f0a7}' | '\u{f076}' | '\u{f0d8}' => Fate::Keep('•'),
        '\u{f02d}' => Fate::Keep('-'),
        // Controls; private letters mean nothing without their font.
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{fe0e}'
        | '\u{fe0f}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{f0000}'..='\u{10ffff}' => Fate::Drop,
        _ => Fate::Keep(letter),
    }
}

/// `text` on one line: composed, spaces single, without what nobody sees, whose number is added
/// to `hidden`.
pub(super) fn tidy(text: &str, hidden: &mut u32) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut space = false;
    for letter in text.chars() {
        let expanded = match fate(letter) {
            Fate::Space | Fate::Keep(' ') => {
                space = true;
                continue;
            }
            Fate::Drop => continue,
            Fate::Hidden => {
                *hidden = hidden.saturating_add(1);
                continue;
            }
            Fate::Keep(letter) => Ok(letter),
            Fate::Expand(letters) => Err(letters),
        };
        if std::mem::take(&mut space) && !tidied.is_empty() {
            tidied.push(' ');
        }
        match expanded {
            Ok(letter) => tidied.push(letter),
            Err(letters) => tidied.push_str(letters),
        }
    }
    if is_nfc(&tidied) { tidied } else { tidied.nfc().collect() }
}

/// `text` with its lines, each tidied but for the spaces it begins with.
pub(super) fn tidy_lines(text: &str, hidden: &mut u32) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let indent: String =
            line.chars().take_while(|letter| matches!(letter, ' ' | '\t')).collect();
        let tidied = tidy(line, hidden);
        let indent = indent.replace('\t', "    ");
        lines.push(if tidied.is_empty() { tidied } else { indent + &tidied });
    }
    let from = lines.iter().take_while(|line| line.is_empty()).count();
    let to = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines.get(from..to).unwrap_or_default().join("\n")
}

/// Text of bytes whose encoding nobody told; absent when they are no text.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    if let Some((encoding, length)) = encoding_rs::Encoding::for_bom(bytes) {
        return Some(encoding.decode_without_bom_handling(&bytes[length..]).0.into_owned());
    }
    let sample = &bytes[..bytes.len().min(4096)];
    let zeros = |parity: usize| {
        sample.iter().enumerate().filter(|(at, byte)| at % 2 == parity && **byte == 0).count()
    };
    let half = sample.len() / 2;
    if half >= 4 && (zeros(0) > half * 2 / 5) != (zeros(1) > half * 2 / 5) {
        let encoding =
            if zeros(0) > zeros(1) { encoding_rs::UTF_16BE } else { encoding_rs::UTF_16LE };
        return Some(encoding.decode_without_bom_handling(bytes).0.into_owned());
    }
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text.bytes()).then(|| text.to_owned()),
        // One letter cut at the end, or one broken in the middle of many whole ones.
        Err(_) if mostly_utf8(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Err(_) => printable(bytes.iter().copied())
            .then(|| encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()),
    }
}

/// Whether controls that no text holds are rare.
fn printable(bytes: impl Iterator<Item = u8>) -> bool {
    let (mut all, mut controls) = (0_usize, 0_usize);
    for byte in bytes {
        all += 1;
        controls += usize::from(matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127));
    }
    controls * 100 <= all
}

fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken * 10 < whole && printable(bytes.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(text: &str) -> (String, u32) {
        let mut hidden = 0;
        (tidy(text, &mut hidden), hidden)
    }

    #[test]
    fn what_nobody_sees_goes_and_is_counted() {
        assert_eq!(tidied("Strom\u{200b}preis\u{202e} 5"), ("Strompreis 5".into(), 2));
        // Letters of the tag block spell ASCII that no screen shows.
        assert_eq!(tidied("a\u{e0041}\u{e0042}b"), ("ab".into(), 2));
        assert_eq!(tidied("Grund\u{ad}versorgung"), ("Grundversorgung".into(), 0));
    }

    #[test]
    fn spaces_are_single_and_letters_whole() {
        assert_eq!(tidied("  1\u{202f}000 \t\n kWh  ").0, "1 000 kWh");
        assert_eq!(tidied("Zu\u{308}rich, e\u{fb03}zient").0, "Zürich, effizient");
        assert_eq!(tidied("\u{f0b7} Punkt").0, "• Punkt");
        let mut hidden = 0;
        assert_eq!(tidy_lines("\n  a  b\n\n\tc\n\n", &mut hidden), "  a b\n\n    c");
    }

    #[test]
    fn encodings_are_told_apart() {
        let text = "Grösse für 5 €";
        let utf16 = |little: bool| -> Vec<u8> {
            let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
            text.encode_utf16().flat_map(bytes).collect()
        };
        assert_eq!(decode(text.as_bytes()).unwrap(), text);
        assert_eq!(decode(&[b"\xef\xbb\xbf", text.as_bytes()].concat()).unwrap(), text);
        assert_eq!(decode(&utf16(true)).unwrap(), text);
        assert_eq!(decode(&utf16(false)).unwrap(), text);
        assert_eq!(decode(&[b"\xff\xfe".as_slice(), &utf16(true)].concat()).unwrap(), text);
        assert_eq!(decode(b"Gr\xf6sse f\xfcr 5 \x80").unwrap(), text);
        assert_eq!(decode(b"\x7fELF\x02\x01\x01\x00\x00"), None);
        let noise: Vec<u8> =
            (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
        assert_eq!(decode(&noise), None);
    }
}
