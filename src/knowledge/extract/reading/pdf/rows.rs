//! Words side by side: rows of a page, each cut where a wide gap is.

use super::geometry::Bounds;
use super::words::{Turn, Word};

/// A gap that parts two pieces of a row, as a part of the letters' size.
const GAP_BETWEEN: f32 = 1.2;
/// How far base lines of one row may be apart, as a part of the letters' size.
const SAME_ROW: f32 = 0.35;

/// A word, from where to where.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub x0: f32,
    pub x1: f32,
    pub text: String,
}

/// Words of a row without a wide gap between them. Places are in points from the upper left corner.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub words: Vec<Placed>,
    pub size: f32,
    pub is_bold: bool,
}

impl Piece {
    pub fn x0(&self) -> f32 {
        self.words.first().map_or(0.0, |word| word.x0)
    }

    pub fn x1(&self) -> f32 {
        self.words.iter().map(|word| word.x1).fold(0.0, f32::max)
    }

    /// Letters without the spaces between the words.
    pub fn letters(&self) -> usize {
        self.words.iter().map(|word| word.text.chars().count()).sum()
    }

    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

/// What stands on one height of a page.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Of the base line, from the top.
    pub y: f32,
    pub size: f32,
    pub pieces: Vec<Piece>,
}

impl Row {
    pub fn x0(&self) -> f32 {
        self.pieces.first().map_or(0.0, Piece::x0)
    }

    pub fn x1(&self) -> f32 {
        self.pieces.iter().map(Piece::x1).fold(0.0, f32::max)
    }

    /// All of it, gaps as single spaces.
    pub fn text(&self) -> String {
        let texts: Vec<String> = self.pieces.iter().map(Piece::text).collect();
        texts.join(" ")
    }
}

/// A word in the frame in which its letters stand upright.
struct Upright {
    x0: f32,
    x1: f32,
    y: f32,
    word: Word,
}

/// Rows of the words that run the way most of them do, from top to bottom, and behind them texts that
/// run otherwise, as rows of their own.
pub(super) fn rows(words: &[Word], page: Bounds) -> (Vec<Row>, Vec<Row>) {
    let mut letters = [0_usize; 5];
    for word in words {
        letters[word.turn as usize] += word.text.len();
    }
    let turns = [Turn::Level, Turn::Up, Turn::UpsideDown, Turn::Down, Turn::Askew];
    let main = turns.into_iter().max_by_key(|turn| (letters[*turn as usize], *turn == Turn::Level));
    let main = main.filter(|turn| *turn != Turn::Askew).unwrap_or(Turn::Level);
    let (mut upright, mut aside) = (Vec::new(), Vec::new());
    for turn in turns {
        if letters[turn as usize] == 0 {
            continue;
        }
        let own = words.iter().filter(|word| word.turn == turn).cloned();
        let found = of_turn(own.collect(), turn, page);
        if turn == main { upright = found } else { aside.extend(found) }
    }
    (upright, aside)
}

fn of_turn(words: Vec<Word>, turn: Turn, page: Bounds) -> Vec<Row> {
    let (width, height) = (page.x1, page.y1);
    let mut placed: Vec<Upright> = words
        .into_iter()
        .map(|word| {
            let ((fx, fy), (tx, ty)) = (word.from, word.to);
            let (x0, x1, y) = match turn {
                Turn::Level | Turn::Askew => (fx, tx, height - fy),
                Turn::UpsideDown => (width - fx, width - tx, fy),
                Turn::Up => (fy, ty, fx),
                Turn::Down => (height - fy, height - ty, width - fx),
            };
            Upright { x0: x0.min(x1), x1: x0.max(x1), y, word }
        })
        .collect();
    placed.sort_by(|one, other| one.y.total_cmp(&other.y));
    let mut rows: Vec<Row> = Vec::new();
    let mut open: Vec<Upright> = Vec::new();
    let mut base = (0.0_f32, 0.0_f32);
    for word in placed {
        let (y, size) = base;
        let same = !open.is_empty() && (word.y - y).abs() <= SAME_ROW * size.max(word.word.size);
        if !same {
            rows.extend(row(std::mem::take(&mut open)));
            base = (word.y, word.word.size);
        } else if word.word.size > size {
            // Raised letters do not say where the line is.
            base = (word.y, word.word.size);
        }
        open.push(word);
    }
    rows.extend(row(open));
    rows
}

fn row(mut words: Vec<Upright>) -> Option<Row> {
    words.sort_by(|one, other| one.x0.total_cmp(&other.x0));
    // Letters drawn twice to look bold.
    words.dedup_by(|next, before| {
        let near = 0.2 * before.word.size;
        next.word.text == before.word.text
            && (next.x0 - before.x0).abs() < near
            && (next.y - before.y).abs() < near
    });
    let largest = words.iter().max_by(|one, other| one.word.size.total_cmp(&other.word.size))?;
    let (y, size) = (largest.y, largest.word.size);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bold = (0_usize, 0_usize);
    for Upright { x0, x1, word, .. } in words {
        let gap = pieces.last().map(|last| x0 - last.x1());
        let heavy = usize::from(word.is_bold) * word.text.len();
        match pieces.last_mut() {
            Some(last) if gap.is_some_and(|gap| gap < GAP_BETWEEN * word.size.max(last.size)) => {
                last.size = last.size.max(word.size);
                bold = (bold.0 + heavy, bold.1 + word.text.len());
                last.is_bold = bold.0 * 5 >= bold.1 * 4;
                let touches = gap.is_some_and(|gap| gap < 0.1 * word.size);
                match last.words.last_mut() {
                    Some(before) if touches => {
                        before.text.push_str(&word.text);
                        before.x1 = before.x1.max(x1);
                    }
                    _ => last.words.push(Placed { x0, x1, text: word.text }),
                }
            }
            _ => {
                bold = (heavy, word.text.len());
                let words = vec![Placed { x0, x1, text: word.text }];
                pieces.push(Piece { words, size: word.size, is_bold: word.is_bold });
            }
        }
    }
    (!pieces.is_empty()).then_some(Row { y, size, pieces })
}
