//! Segments of an EDIFACT interchange: separators as its first line declares them, release included.

use super::{Refusal, quoted};

/// Longest segment: real ones have a few dozen characters.
const SEGMENT_CHARS_MAX: usize = 4_096;

/// A segment: elements of components; the first element is the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment(Vec<Vec<String>>);

impl Segment {
    /// What kind it is, e.g. `QTY`.
    pub fn tag(&self) -> &str {
        self.part(0, 0)
    }

    /// A component, empty where there is none; the tag is element 0.
    pub fn part(&self, element: usize, component: usize) -> &str {
        self.0.get(element).and_then(|parts| parts.get(component)).map_or("", String::as_str)
    }

    /// A whole element, its components joined by colons.
    pub fn element(&self, element: usize) -> String {
        self.0.get(element).map(|parts| parts.join(":")).unwrap_or_default()
    }
}

/// Reads the segments of a text, one after the other.
pub(super) struct Segments<'a> {
    rest: std::str::Chars<'a>,
    component: char,
    element: char,
    /// What separates the whole part of a number from the rest.
    pub decimal: char,
    release: char,
    end: char,
}

impl<'a> Segments<'a> {
    /// The segments of an interchange, which begins with `UNA` or `UNB`.
    pub fn new(text: &'a str) -> Result<Self, Refusal> {
        let usual = ['+', ':', '.', '?', ' ', '\''];
        let Some(rest) = text.strip_prefix("UNA") else {
            return Ok(Self::with(text, [usual[1], usual[0], usual[2], usual[3], usual[5]]));
        };
        let mut letters = rest.chars();
        let mut next = || letters.next().filter(|letter| !letter.is_alphanumeric());
        let found = (next(), next(), next(), next(), next(), next());
        let (Some(component), Some(element), Some(decimal), Some(release), Some(_), Some(end)) =
            found
        else {
            return Err(Refusal("the line UNA does not name six separators".to_owned()));
        };
        let mut separators = vec![component, element, release, end];
        separators.sort_unstable();
        separators.dedup();
        if separators.len() < 4 {
            return Err(Refusal("the line UNA names a separator twice".to_owned()));
        }
        let rest = letters.as_str();
        Ok(Self::with(rest, [component, element, decimal, release, end]))
    }

    fn with(text: &'a str, separators: [char; 5]) -> Self {
        let [component, element, decimal, release, end] = separators;
        Self { rest: text.chars(), component, element, decimal, release, end }
    }

    /// The next segment; none at the end of the text.
    pub fn segment(&mut self) -> Result<Option<Segment>, Refusal> {
        // Line breaks between segments say nothing.
        let text = self.rest.as_str().trim_start();
        self.rest = text.chars();
        if text.is_empty() {
            return Ok(None);
        }
        let mut elements = vec![vec![String::new()]];
        for count in 0..=SEGMENT_CHARS_MAX {
            let Some(mut letter) = self.rest.next() else {
                let start = quoted(text);
                return Err(Refusal(format!(
                    "the file is cut off in the segment that begins with {start}"
                )));
            };
            if count == SEGMENT_CHARS_MAX {
                break;
            }
            if letter == self.end {
                return Ok(Some(Segment(elements)));
            }
            if letter == self.element {
                elements.push(vec![String::new()]);
                continue;
            }
            let Some(parts) = elements.last_mut() else { continue };
            if letter == self.component {
                parts.push(String::new());
                continue;
            }
            if letter == self.release {
                let Some(released) = self.rest.next() else { continue };
                letter = released;
            } else if letter == '\r' || letter == '\n' {
                continue;
            }
            if let Some(part) = parts.last_mut() {
                part.push(letter);
            }
        }
        let start = quoted(text);
        Err(Refusal(format!("the segment that begins with {start} does not end")))
    }
}
