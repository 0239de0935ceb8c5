//! Lines into paragraphs, headings and points of lists.

use super::regions::{Line, Part, is_mark};
use crate::knowledge::extract::reading::assembly::Assembly;
use crate::knowledge::extract::reading::headings::{numbered, point, provision};
use crate::knowledge::extract::reading::joining::Vocabulary;
use crate::knowledge::extract::reading::numbers::natural;

/// Letters larger than those of the text by this factor are those of a heading.
const LARGER: f32 = 1.12;
/// Letters of the longest heading.
const HEADING_LETTERS_MAX: usize = 200;
/// Sizes of headings that are told apart.
const LEVELS_MAX: usize = 4;

/// What the letters of a document look like.
pub(super) struct Look {
    /// Size of the running text.
    body: f32,
    /// Sizes of headings, largest first.
    larger: Vec<f32>,
}

impl Look {
    /// Learns from the lines of all pages: size, letters, whether they are a line on their own.
    pub fn of<'a>(lines: impl Iterator<Item = (f32, usize)> + 'a) -> Self {
        let mut sizes: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
        for (size, letters) in lines {
            *sizes.entry(key(size)).or_default() += letters;
        }
        let body = sizes.iter().max_by_key(|(_, letters)| **letters).map_or(20, |(size, _)| *size);
        let body = body as f32 / 2.0;
        let larger = sizes.iter().rev().map(|(size, _)| *size as f32 / 2.0);
        let larger = larger.filter(|size| *size >= body * LARGER).take(LEVELS_MAX).collect();
        Self { body, larger }
    }

    fn level(&self, size: f32) -> Option<u8> {
        let size = key(size) as f32 / 2.0;
        let place = self.larger.iter().position(|own| size >= *own);
        let place = place.filter(|_| size >= self.body * LARGER)?;
        u8::try_from(place + 1).ok()
    }
}

/// A size in half points.
fn key(size: f32) -> u32 {
    natural((size * 2.0).round().clamp(1.0, 2_000.0))
}

/// Writes the parts of a page.
pub(super) fn write(parts: &[Part], look: &Look, vocabulary: &Vocabulary, assembly: &mut Assembly) {
    let leading = leading(parts);
    let mut open =
        Open { look, vocabulary, leading, text: String::new(), last: None, kind: Kind::Paragraph };
    for part in parts {
        match part {
            Part::Table { rows, has_header } => {
                open.flush(assembly);
                assembly.table(rows, *has_header);
            }
            Part::Line(line) => open.take(line, assembly),
        }
        if assembly.is_full() {
            return;
        }
    }
    open.flush(assembly);
}

/// The usual distance of lines as a part of their size.
fn leading(parts: &[Part]) -> f32 {
    let mut found: Vec<f32> = parts
        .windows(2)
        .filter_map(|pair| match pair {
            [Part::Line(one), Part::Line(other)] => Some((other.y - one.y) / one.size.max(1.0)),
            _ => None,
        })
        .filter(|distance| (0.8..2.4).contains(distance))
        .collect();
    found.sort_by(f32::total_cmp);
    found.get(found.len() / 2).copied().unwrap_or(1.2)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Paragraph,
    Heading(u8),
    Item,
}

/// The block that is open.
struct Open<'a> {
    look: &'a Look,
    vocabulary: &'a Vocabulary,
    leading: f32,
    text: String,
    last: Option<Line>,
    kind: Kind,
}

impl Open<'_> {
    fn flush(&mut self, assembly: &mut Assembly) {
        let text = std::mem::take(&mut self.text);
        match self.kind {
            Kind::Heading(level) => assembly.heading(level, &text),
            Kind::Item => assembly.item(&text),
            Kind::Paragraph => assembly.paragraph(&text),
        }
        self.last = None;
    }

    fn take(&mut self, line: &Line, assembly: &mut Assembly) {
        let text = without_leaders(&line.text);
        let heading = self.heading(line, &text);
        let is_point = line.has_mark || point(&text).is_some();
        let kind = match heading {
            Some(level) => Kind::Heading(level),
            None if is_point => Kind::Item,
            None => Kind::Paragraph,
        };
        let goes_on = self.last.as_ref().is_some_and(|last| self.goes_on(last, line, kind));
        if goes_on && (!is_point || heading.is_some()) {
            self.vocabulary.join(&mut self.text, &text);
        } else {
            self.flush(assembly);
            self.kind = kind;
            let bare = point(&text).filter(|_| kind == Kind::Item).unwrap_or(&text);
            bare.clone_into(&mut self.text);
        }
        self.last = Some(line.clone());
    }

    fn heading(&self, line: &Line, text: &str) -> Option<u8> {
        let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
        if letters < 2 || text.chars().count() > HEADING_LETTERS_MAX || text.contains(" … ") {
            return None;
        }
        let depth = numbered(text, true);
        if let Some(level) = self.look.level(line.size) {
            return Some(depth.unwrap_or(level));
        }
        let lower = u8::try_from(self.look.larger.len()).unwrap_or(4).min(4) + 1;
        let closed = text.ends_with(['.', ';', ',', ':']) && depth.is_none();
        let full = line.x1 > line.right - line.size && text.chars().count() > 60;
        if line.is_bold && line.size >= self.look.body * 0.95 && !closed && !full {
            return Some(depth.unwrap_or(lower));
        }
        provision(text).filter(|_| !line.has_mark && line.size >= self.look.body * 0.9)
    }

    fn goes_on(&self, last: &Line, line: &Line, kind: Kind) -> bool {
        let same_look = (line.size - last.size).abs() <= 0.08 * last.size;
        let distance = (line.y - last.y) / last.size.max(1.0);
        match (self.kind, kind) {
            (Kind::Heading(_), Kind::Heading(_)) => {
                let numbered_anew =
                    numbered(&line.text, true).is_some() || provision(&line.text).is_some();
                return same_look
                    && last.is_bold == line.is_bold
                    && (0.0..=self.leading.max(1.2) * 1.25).contains(&distance)
                    && !numbered_anew;
            }
            (Kind::Heading(_), _) | (_, Kind::Heading(_)) => return false,
            _ => {}
        }
        if distance < 0.0 {
            // The next column: the sentence goes on when nothing ended it.
            let ended = self.text.trim_end().ends_with(['.', ':', '!', '?', ';']);
            return same_look && !ended && line.text.chars().next().is_some_and(char::is_lowercase);
        }
        // Notes in smaller letters, and lines that the writer ended.
        let short = last.x1 < last.right - 0.22 * (last.right - last.x0).max(0.0);
        let ended = self.text.trim_end().ends_with(['.', ':', '!', '?']);
        // «12 Text …» with lines below the text and not below the number.
        let first = self.text.split(' ').next().unwrap_or_default();
        let hangs = is_mark(first) && line.x0 < last.x0 + 5.0 * line.size;
        let indented =
            line.x0 > last.x0 + 1.2 * line.size && self.kind == Kind::Paragraph && !hangs;
        let back = line.x0 < last.x0 - 1.2 * line.size && self.kind == Kind::Item;
        same_look
            && distance <= self.leading * 1.22 + 0.1
            && !(short && ended)
            && !indented
            && !back
    }
}

/// A line of a table of contents without its row of dots.
fn without_leaders(text: &str) -> String {
    if !text.contains("....") && !text.contains(". . . .") && !text.contains("____") {
        return text.to_owned();
    }
    let mut left = String::with_capacity(text.len());
    let mut dots = String::new();
    for letter in text.chars().chain(['\0']) {
        if matches!(letter, '.' | '_') || letter == ' ' && !dots.is_empty() {
            dots.push(letter);
            continue;
        }
        let count = dots.chars().filter(|letter| *letter != ' ').count();
        left.push_str(if count >= 4 { " … " } else { &dots });
        dots.clear();
        if letter != '\0' {
            left.push(letter);
        }
    }
    left
}
