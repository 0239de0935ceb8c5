//! What is set while a page is drawn.

use std::rc::Rc;

use super::fonts::Font;
use super::geometry::{Bounds, Matrix};
use super::lexer::Operand;

/// Red, green, blue, from 0 to 1.
pub(super) type Colour = [f32; 3];

/// How numbers become a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Grey,
    Rgb,
    Cmyk,
    /// Inks, patterns, tables: what colour they give is not followed.
    Other,
}

impl Space {
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"DeviceGray" | b"CalGray" | b"G" => Self::Grey,
            b"DeviceRGB" | b"CalRGB" | b"RGB" => Self::Rgb,
            b"DeviceCMYK" | b"CMYK" => Self::Cmyk,
            b"Pattern" | b"Indexed" | b"Separation" | b"DeviceN" | b"Lab" => Self::Other,
            _ => return None,
        })
    }

    pub const fn of_components(components: usize) -> Self {
        match components {
            1 => Self::Grey,
            3 => Self::Rgb,
            4 => Self::Cmyk,
            _ => Self::Other,
        }
    }

    pub fn colour(self, operands: &[Operand]) -> Option<Colour> {
        let numbers: Vec<f32> = operands.iter().filter_map(Operand::number).collect();
        match (self, numbers.as_slice()) {
            (Self::Grey, [grey]) => Some([*grey; 3]),
            (Self::Rgb, [red, green, blue]) => Some([*red, *green, *blue]),
            (Self::Cmyk, [cyan, magenta, yellow, black]) => {
                Some([cyan, magenta, yellow].map(|ink| (1.0 - ink) * (1.0 - black)))
            }
            _ => None,
        }
    }
}

/// Everything that `q` keeps and `Q` brings back.
#[derive(Clone)]
pub(super) struct State {
    pub matrix: Matrix,
    pub clip: Bounds,
    pub space: Space,
    /// The colour of fillings and letters; absent when it is not known.
    pub fill: Option<Colour>,
    pub alpha: f32,
    /// Whether what is drawn hides what is below it.
    pub is_opaque: bool,
    pub font: Rc<Font>,
    pub size: f32,
    pub letter_space: f32,
    pub word_space: f32,
    pub stretch: f32,
    pub leading: f32,
    pub rise: f32,
    pub mode: i64,
}

impl State {
    pub fn new(matrix: Matrix, clip: Bounds, font: Rc<Font>) -> Self {
        Self {
            matrix,
            clip,
            space: Space::Grey,
            fill: Some([0.0; 3]),
            alpha: 1.0,
            is_opaque: true,
            font,
            size: 0.0,
            letter_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
            mode: 0,
        }
    }
}

/// The path that is being drawn, as far as boxes and straight lines go.
#[derive(Debug, Default)]
pub(super) struct Path {
    pub boxes: Vec<Bounds>,
    pub bounds: Option<Bounds>,
    lines: Vec<((f32, f32), (f32, f32))>,
    at: (f32, f32),
    start: (f32, f32),
    pub is_curved: bool,
}

/// Pieces of a path that are remembered.
const PIECES_MAX: usize = 4_000;

impl Path {
    fn reach(&mut self, (x, y): (f32, f32)) {
        self.bounds = Some(self.bounds.unwrap_or(Bounds::NOTHING).with(x, y));
        self.at = (x, y);
    }

    pub fn start(&mut self, place: (f32, f32)) {
        self.start = place;
        self.reach(place);
    }

    pub fn line(&mut self, place: (f32, f32)) {
        if self.lines.len() < PIECES_MAX {
            self.lines.push((self.at, place));
        }
        self.reach(place);
    }

    pub fn curve(&mut self, place: (f32, f32)) {
        self.is_curved = true;
        self.reach(place);
    }

    pub fn close(&mut self) {
        self.line(self.start);
    }

    pub fn rectangle(&mut self, bounds: Bounds) {
        if self.boxes.len() < PIECES_MAX {
            self.boxes.push(bounds);
        }
        self.reach((bounds.x0, bounds.y0));
        self.reach((bounds.x1, bounds.y1));
    }

    /// Whether it is one box or several, and nothing else.
    pub fn is_boxes(&self) -> bool {
        let straight = |line: &((f32, f32), (f32, f32))| {
            (line.0.0 - line.1.0).abs() < 0.1 || (line.0.1 - line.1.1).abs() < 0.1
        };
        !self.is_curved && self.lines.iter().all(straight) && self.lines.len() <= 5
    }

    /// The boxes that a filling covers.
    pub fn filled(&self) -> Vec<Bounds> {
        match (self.boxes.is_empty(), self.bounds) {
            (false, _) => self.boxes.clone(),
            (true, Some(bounds)) => vec![bounds],
            _ => Vec::new(),
        }
    }

    /// The level lines that drawing its edge leaves: from, to, height.
    pub fn level_lines(&self) -> Vec<(f32, f32, f32)> {
        let drawn = self.lines.iter().filter(|(from, to)| (from.1 - to.1).abs() < 0.7);
        let drawn = drawn.map(|(from, to)| (from.0.min(to.0), from.0.max(to.0), from.1));
        let edges = self.boxes.iter().flat_map(|it| [(it.x0, it.x1, it.y0), (it.x0, it.x1, it.y1)]);
        drawn.chain(edges).collect()
    }
}
