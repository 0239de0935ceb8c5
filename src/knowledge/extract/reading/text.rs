//! Plain texts: paragraphs put together again, headings of laws and of numbered chapters.

use super::assembly::Assembly;
use super::headings::{is_shouted, numbered, point, provision};
use super::joining::Vocabulary;

/// Letters of a line from which on it may have been broken to fit a page.
const BROKEN_FROM_LETTERS: usize = 40;
/// Letters of the longest line that somebody breaks by hand.
const BROKEN_TO_LETTERS: usize = 130;

/// Reads a text whose parts are told by its look alone.
pub(super) fn read(text: &str, assembly: &mut Assembly) {
    let mut vocabulary = Vocabulary::default();
    for line in text.lines() {
        vocabulary.learn(line);
    }
    let mut group: Vec<&str> = Vec::new();
    let mut first = true;
    for line in text.lines().chain([""]) {
        if assembly.is_full() {
            return;
        }
        // A page of a printer ends a paragraph.
        if !line.trim().is_empty() && !line.contains('\u{c}') {
            group.push(line);
            continue;
        }
        if !group.is_empty() {
            paragraphs(&group, &vocabulary, first, assembly);
            first = false;
        }
        group.clear();
        let rest = line.trim_matches(['\u{c}', ' ']);
        if !rest.is_empty() {
            group.push(rest);
        }
    }
    if !group.is_empty() {
        paragraphs(&group, &vocabulary, first, assembly);
    }
}

/// The lines between two empty ones.
fn paragraphs(lines: &[&str], vocabulary: &Vocabulary, first: bool, assembly: &mut Assembly) {
    let broken = was_broken(lines);
    let mut open = String::new();
    let mut open_point = false;
    let flush = |open: &mut String, is_point: bool, assembly: &mut Assembly| {
        if !open.is_empty() {
            if is_point {
                assembly.item(open);
            } else {
                assembly.paragraph(open);
            }
            open.clear();
        }
    };
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index].trim();
        let underline = lines.get(index + 1).map(|next| next.trim());
        let alone = lines.len() == 1;
        let level =
            heading(line, alone, first && index == 0).or_else(|| underlined(line, underline));
        if let Some(level) = level {
            flush(&mut open, open_point, assembly);
            assembly.heading(level, line);
            index += 1 + usize::from(underlined(line, underline).is_some());
            continue;
        }
        if let Some(text) = point(line) {
            flush(&mut open, open_point, assembly);
            text.clone_into(&mut open);
            open_point = true;
        } else if broken && !open.is_empty() {
            vocabulary.join(&mut open, line);
        } else {
            flush(&mut open, open_point, assembly);
            line.clone_into(&mut open);
            open_point = false;
        }
        index += 1;
    }
    flush(&mut open, open_point, assembly);
}

/// Whether lines end because the page was full, and not because somebody ended them.
fn was_broken(lines: &[&str]) -> bool {
    let inner = &lines[..lines.len().saturating_sub(1)];
    let lengths = inner.iter().map(|line| line.chars().count());
    let longest = lengths.clone().max().unwrap_or(0);
    let full = lengths.filter(|length| length * 10 >= longest * 7).count();
    (BROKEN_FROM_LETTERS..=BROKEN_TO_LETTERS).contains(&longest) && full * 4 >= inner.len() * 3
}

fn heading(line: &str, alone: bool, first: bool) -> Option<u8> {
    if let Some(level) = provision(line) {
        return Some(level);
    }
    let short = line.chars().count() <= 160 && !line.ends_with(['.', ';', ',']);
    if first && short && point(line).is_none() {
        return Some(1);
    }
    if !alone {
        return None;
    }
    numbered(line, true).or_else(|| is_shouted(line).then_some(2))
}

/// A line with a rule of `=` or `-` below it.
fn underlined(line: &str, below: Option<&str>) -> Option<u8> {
    let below = below.filter(|below| below.len() >= 3 && line.chars().count() <= 120)?;
    match below.as_bytes()[0] {
        b'=' if below.bytes().all(|byte| byte == b'=') => Some(1),
        b'-' if below.bytes().all(|byte| byte == b'-') => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::retrieval::BlockKind::{Heading, ListItem, Paragraph};
    use crate::knowledge::extract::reading::Limits;

    #[test]
    fn a_law_is_read_with_its_headings() {
        let law = "Gesetz über Strom\nSR 1\n\n1. Kapitel: Allgemeines\n\nArt. 1 Zweck\n1 Dieses Gesetz \
            bezweckt viel. 2 Es gilt.\n\nArt. 2\n- für Netze\n- für Speicher\n\nFristen\n=======\nKurz.";
        let mut assembly = Assembly::new(&Limits::default());
        read(law, &mut assembly);
        let canonical = assembly.finish("text/plain").unwrap().canonical;
        let found: Vec<_> = canonical
            .blocks
            .iter()
            .map(|block| (block.kind, block.span.of(&canonical.text).unwrap()))
            .collect();
        let expected = [
            (Heading { level: 1 }, "Gesetz über Strom"),
            (Paragraph, "SR 1"),
            (Heading { level: 1 }, "1. Kapitel: Allgemeines"),
            (Heading { level: 3 }, "Art. 1 Zweck"),
            (Paragraph, "1 Dieses Gesetz bezweckt viel. 2 Es gilt."),
            (Heading { level: 3 }, "Art. 2"),
            (ListItem, "für Netze"),
            (ListItem, "für Speicher"),
            (Heading { level: 1 }, "Fristen"),
            (Paragraph, "Kurz."),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_of_a_narrow_page_become_a_paragraph() {
        let text = "Titel\n\nDer Netzbetreiber stellt dem Endverbraucher die Kosten der Grundver-\n\
            sorgung und die Abgaben in Rechnung. Er weist die Beträge für Netz\nund Energie einzeln aus.\n\n\
            Strasse 5\n8000 Zürich";
        let mut assembly = Assembly::new(&Limits::default());
        read(text, &mut assembly);
        let canonical = assembly.finish("text/plain").unwrap().canonical;
        assert_eq!(
            canonical.text,
            "Titel\nDer Netzbetreiber stellt dem Endverbraucher die Kosten der Grundversorgung und die \
             Abgaben in Rechnung. Er weist die Beträge für Netz und Energie einzeln aus.\nStrasse 5\n\
             8000 Zürich\n"
        );
    }
}
