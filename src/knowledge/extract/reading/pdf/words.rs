//! Words of a page, and what else on it decides whether they are seen.

use super::geometry::{Bounds, Matrix};
use super::state::{Colour, Path, State};

/// A gap between letters of one word, as a part of their size.
const GAP_IN_WORD: f32 = 0.15;
/// Letters smaller than this are seen by nobody, in points.
const SIZE_MIN: f32 = 1.0;
/// How close two colours are that nobody tells apart.
const TELLS_APART: f32 = 0.05;
/// Fillings, pictures and lines of one page that are remembered.
const MARKS_MAX: usize = 4_000;
/// Letters of one page.
const WORDS_MAX: usize = 200_000;

/// Which way letters run, in quarter turns; what runs askew is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    Level,
    Up,
    UpsideDown,
    Down,
    Askew,
}

/// A word, or a letter before it joins one. Places are in points from the lower left corner.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in any combination")]
pub(super) struct Word {
    pub text: String,
    /// Where its base line begins and ends.
    pub from: (f32, f32),
    pub to: (f32, f32),
    pub size: f32,
    pub turn: Turn,
    pub is_bold: bool,
    /// Whether nobody sees it, whatever is around it.
    pub is_hidden: bool,
    /// Whether it is drawn without ink: over a picture of itself, or to hide it.
    pub is_inkless: bool,
    colour: Option<Colour>,
    /// How many letters nobody can tell.
    pub unknown: u32,
    /// Its place in the order of drawing.
    order: u32,
    ends: bool,
}

impl Word {
    pub fn letter(
        letters: Option<String>,
        from: (f32, f32),
        to: (f32, f32),
        whole: Matrix,
        size: f32,
        state: &State,
        in_hidden_mark: bool,
    ) -> Self {
        let (along, across) = (whole.a, whole.b);
        let steep = along.abs().max(across.abs()) * 0.05;
        let turn = match (along.abs() <= steep, across.abs() <= steep) {
            (false, true) if along > 0.0 => Turn::Level,
            (false, true) => Turn::UpsideDown,
            (true, false) if across > 0.0 => Turn::Up,
            (true, false) => Turn::Down,
            _ => Turn::Askew,
        };
        let unknown = u32::from(letters.is_none());
        Self {
            text: letters.unwrap_or_default(),
            from,
            to,
            size,
            turn,
            is_bold: state.font.is_bold || state.mode == 2,
            is_hidden: in_hidden_mark || size < SIZE_MIN || state.alpha < 0.03,
            is_inkless: matches!(state.mode, 3 | 7),
            colour: if matches!(state.mode, 0 | 4) { state.fill } else { None },
            unknown,
            order: 0,
            ends: false,
        }
    }

    pub fn middle(&self) -> (f32, f32) {
        let x = f32::midpoint(self.from.0, self.to.0);
        let y = f32::midpoint(self.from.1, self.to.1);
        // A little above the base line, seen from the letters.
        match self.turn {
            Turn::Up => (x - 0.3 * self.size, y),
            Turn::Down => (x + 0.3 * self.size, y),
            Turn::UpsideDown => (x, y - 0.3 * self.size),
            _ => (x, y + 0.3 * self.size),
        }
    }

    /// Whether `next` is a letter of the same word.
    fn goes_on(&self, next: &Self) -> bool {
        let gap = (next.from.0 - self.to.0, next.from.1 - self.to.1);
        let (along, across) = match self.turn {
            Turn::Level => (gap.0, gap.1),
            Turn::UpsideDown => (-gap.0, gap.1),
            Turn::Up => (gap.1, gap.0),
            Turn::Down => (-gap.1, gap.0),
            Turn::Askew => (gap.0.hypot(gap.1), 0.0),
        };
        !self.ends
            && self.turn == next.turn
            && (self.is_hidden, self.is_inkless, self.colour)
                == (next.is_hidden, next.is_inkless, next.colour)
            && (self.size - next.size).abs() <= 0.1 * self.size
            && across.abs() <= 0.1 * self.size
            && (-0.35 * self.size..=GAP_IN_WORD * self.size).contains(&along)
    }
}

/// A filled box.
#[derive(Debug, Clone, Copy)]
struct Filling {
    bounds: Bounds,
    colour: Option<Colour>,
    /// Whether it certainly hides what is below it.
    covers: bool,
    order: u32,
}

/// What a page consists of.
pub(super) struct Drawing {
    pub page: Bounds,
    pub words: Vec<Word>,
    fillings: Vec<Filling>,
    /// Level lines: from, to, height.
    pub rules: Vec<(f32, f32, f32)>,
    /// How much of the page pictures cover, and how many curves were filled.
    pictured: f32,
    pub shapes: u32,
    order: u32,
}

impl Drawing {
    pub const fn new(page: Bounds) -> Self {
        Self {
            page,
            words: Vec::new(),
            fillings: Vec::new(),
            rules: Vec::new(),
            pictured: 0.0,
            shapes: 0,
            order: 0,
        }
    }

    /// Takes a letter in.
    pub fn take(&mut self, mut letter: Word, clip: &Bounds) {
        let blank = !letter.text.is_empty() && letter.text.chars().all(char::is_whitespace);
        if blank {
            if let Some(last) = self.words.last_mut() {
                last.ends = true;
            }
            return;
        }
        let (x, y) = letter.middle();
        letter.is_hidden |= self.page.is_off(x, y, 2.0) || clip.is_off(x, y, letter.size);
        if let Some(last) = self.words.last_mut().filter(|last| last.goes_on(&letter)) {
            last.text.push_str(&letter.text);
            last.to = letter.to;
            last.unknown += letter.unknown;
            return;
        }
        if self.words.len() < WORDS_MAX && letter.from.0.is_finite() && letter.from.1.is_finite() {
            self.order += 1;
            letter.order = self.order;
            self.words.push(letter);
        }
    }

    pub fn fill(&mut self, path: &Path, state: &State) {
        self.shapes += u32::from(path.is_curved);
        for bounds in path.filled() {
            let seen = bounds.cut(state.clip);
            if bounds.height() < 2.0 || bounds.width() < 2.0 {
                self.rule(bounds.x0, bounds.x1, f32::midpoint(bounds.y0, bounds.y1));
                continue;
            }
            if seen.width() <= 0.0 || seen.height() <= 0.0 || state.alpha < 0.1 {
                continue;
            }
            let covers = path.is_boxes() && state.is_opaque;
            let colour = state.fill.filter(|_| covers);
            self.filling(Filling { bounds: seen, colour, covers, order: 0 });
        }
    }

    fn filling(&mut self, mut filling: Filling) {
        self.order += 1;
        filling.order = self.order;
        if self.fillings.len() < MARKS_MAX {
            self.fillings.push(filling);
        }
    }

    fn rule(&mut self, from: f32, to: f32, height: f32) {
        if to - from > 8.0 && self.rules.len() < MARKS_MAX {
            self.rules.push((from, to, height));
        }
    }

    pub fn stroke(&mut self, path: &Path) {
        for (from, to, height) in path.level_lines() {
            self.rule(from, to, height);
        }
    }

    pub fn shade(&mut self, clip: Bounds) {
        self.filling(Filling { bounds: clip, colour: None, covers: false, order: 0 });
    }

    pub fn picture(&mut self, bounds: Bounds) {
        self.pictured += bounds.width() * bounds.height();
        self.filling(Filling { bounds, colour: None, covers: false, order: 0 });
    }

    /// How much of the page pictures cover, from 0 to 1.
    pub fn pictured(&self) -> f32 {
        (self.pictured / (self.page.width() * self.page.height()).max(1.0)).min(1.0)
    }

    /// Whether the colour of the word is that of what lies below it, or something lies upon it.
    pub fn swallows(&self, word: &Word) -> bool {
        let (x, y) = word.middle();
        let mut below = None;
        for filling in self.fillings.iter().rev().filter(|it| it.bounds.holds(x, y)) {
            if filling.order > word.order {
                let whole = [word.from, word.to].iter().all(|end| match word.turn {
                    Turn::Up | Turn::Down => filling.bounds.holds(x, end.1),
                    _ => filling.bounds.holds(end.0, y),
                });
                if filling.covers && whole {
                    return true;
                }
            } else {
                below = Some(filling.colour);
                break;
            }
        }
        // Paper is white; a picture may be of any colour.
        let below = below.unwrap_or(Some([1.0; 3]));
        let (Some(colour), Some(below)) = (word.colour, below) else { return false };
        colour.iter().zip(below).all(|(own, other)| (own - other).abs() < TELLS_APART)
    }
}
