//! A page drawn without a screen: which words stand where, and whether anybody sees them.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use lopdf::{Dictionary, Object, ObjectId, Stream};

use super::fonts::Font;
use super::geometry::{Bounds, Matrix};
use super::glyphs::Glyphs;
use super::lexer::{Lexer, Operand};
use super::objects::{File, as_dictionary};
use super::state::{Path, Space, State};
use super::words::{Drawing, Word};
use crate::knowledge::extract::model::ExtractError;
use crate::knowledge::extract::reading::numbers::{natural, whole};

/// Drawings within drawings.
const FORMS_DEEP: usize = 12;
/// Instructions of a whole document.
const STEPS_MAX: u64 = 60_000_000;
/// What a drawing within a drawing costs, in instructions: its beginning, not what it does.
const FORM_STEPS: u64 = 500;
/// States that are kept.
const STATES_MAX: usize = 512;
/// Fonts that are kept ready.
const FONTS_MAX: usize = 2_000;

/// What is known of a document across its pages.
pub(super) struct Machine<'a> {
    file: &'a File,
    glyphs: Glyphs,
    fonts: HashMap<ObjectId, Rc<Font>>,
    no_font: Rc<Font>,
    /// Layers that are switched off.
    hidden_layers: HashSet<ObjectId>,
    steps: u64,
}

/// One page while it is drawn.
struct Page {
    state: State,
    states: Vec<State>,
    text: Matrix,
    line: Matrix,
    path: Path,
    clips: bool,
    /// For each mark that is open, whether it hides what it holds.
    marks: Vec<bool>,
    drawing: Drawing,
}

impl<'a> Machine<'a> {
    pub fn new(file: &'a File) -> Self {
        Self {
            file,
            glyphs: Glyphs::default(),
            fonts: HashMap::new(),
            no_font: Rc::new(Font::unknown()),
            hidden_layers: hidden_layers(file),
            steps: 0,
        }
    }

    /// Draws a page.
    pub fn draw(&mut self, page: &'a Dictionary) -> Result<Drawing, ExtractError> {
        let bounds = page_bounds(self.file, page);
        let turns = inherited(self.file, page, "Rotate").and_then(super::objects::number);
        let (matrix, bounds) = upright(bounds, whole(turns.unwrap_or(0.0).into()));
        let mut at = Page {
            state: State::new(matrix, bounds, Rc::clone(&self.no_font)),
            states: Vec::new(),
            text: Matrix::UNIT,
            line: Matrix::UNIT,
            path: Path::default(),
            clips: false,
            marks: Vec::new(),
            drawing: Drawing::new(bounds),
        };
        let resources = inherited(self.file, page, "Resources").and_then(as_dictionary);
        let mut content = Vec::new();
        for stream in contents(self.file, page) {
            content.extend(self.file.unpacked(stream)?);
            content.push(b'\n');
        }
        self.run(&content, resources, &mut at, 0)?;
        Ok(at.drawing)
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        at: &mut Page,
        depth: usize,
    ) -> Result<(), ExtractError> {
        let mut lexer = Lexer::new(content);
        let mut operands = Vec::new();
        while let Some(operator) = lexer.next(&mut operands) {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                let limit = "its pages take more steps to draw than any document does".to_owned();
                return Err(ExtractError::Limit { limit });
            }
            match operator {
                b"Tf" => self.set_font(&operands, resources, at)?,
                b"gs" => self.set_state(&operands, resources, at)?,
                b"cs" => {
                    at.state.space = self.space(&operands, resources);
                    at.state.fill = (at.state.space != Space::Other).then_some([0.0; 3]);
                }
                b"Do" => self.form(&operands, resources, at, depth)?,
                b"BDC" => {
                    let hides = self.hides(&operands, resources);
                    at.marks.push(hides);
                }
                b"BMC" => at.marks.push(false),
                b"EMC" => drop(at.marks.pop()),
                b"ID" => {
                    lexer.skip_picture();
                    at.picture();
                }
                _ => at.step(operator, &operands),
            }
        }
        Ok(())
    }

    fn resource(
        &self,
        resources: Option<&'a Dictionary>,
        kind: &str,
        name: &[u8],
    ) -> Option<(Option<ObjectId>, &'a Object)> {
        self.file.numbered(self.file.dictionary(resources?, kind)?, name)
    }

    fn set_font(
        &mut self,
        operands: &[Operand],
        resources: Option<&'a Dictionary>,
        at: &mut Page,
    ) -> Result<(), ExtractError> {
        let [Operand::Name(name), Operand::Number(size)] = operands else { return Ok(()) };
        at.state.size = *size;
        let found = self.resource(resources, "Font", name);
        let Some((id, Some(font))) = found.map(|(id, object)| (id, as_dictionary(object))) else {
            at.state.font = Rc::clone(&self.no_font);
            return Ok(());
        };
        at.state.font = self.font(id, font)?;
        Ok(())
    }

    fn font(&mut self, id: Option<ObjectId>, font: &Dictionary) -> Result<Rc<Font>, ExtractError> {
        if let Some(known) = id.and_then(|id| self.fonts.get(&id)) {
            return Ok(Rc::clone(known));
        }
        let font = Rc::new(Font::new(self.file, font, &mut self.glyphs)?);
        if let Some(id) = id.filter(|_| self.fonts.len() < FONTS_MAX) {
            self.fonts.insert(id, Rc::clone(&font));
        }
        Ok(font)
    }

    fn set_state(
        &mut self,
        operands: &[Operand],
        resources: Option<&'a Dictionary>,
        at: &mut Page,
    ) -> Result<(), ExtractError> {
        let Some(Operand::Name(name)) = operands.first() else { return Ok(()) };
        let found = self.resource(resources, "ExtGState", name);
        let Some(state) = found.and_then(|(_, object)| as_dictionary(object)) else {
            return Ok(());
        };
        if let Some(alpha) = self.file.number(state, "ca") {
            at.state.alpha = alpha;
            at.state.is_opaque = alpha > 0.95;
        }
        match self.file.get(state, "BM") {
            Some(Object::Name(name)) => {
                at.state.is_opaque &= name == b"Normal" || name == b"Compatible";
            }
            Some(_) => at.state.is_opaque = false,
            None => {}
        }
        if let Some([font, size]) = self.file.array(state, "Font") {
            let reference = font.as_reference().ok();
            if let Some(font) = self.file.follow(font).and_then(as_dictionary) {
                at.state.font = self.font(reference, font)?;
                at.state.size = super::objects::number(size).unwrap_or(at.state.size);
            }
        }
        Ok(())
    }

    fn space(&self, operands: &[Operand], resources: Option<&'a Dictionary>) -> Space {
        let Some(Operand::Name(name)) = operands.first() else { return Space::Other };
        if let Some(space) = Space::named(name) {
            return space;
        }
        match self.resource(resources, "ColorSpace", name) {
            Some((_, Object::Name(name))) => Space::named(name).unwrap_or(Space::Other),
            Some((_, Object::Array(parts))) => {
                let kind = parts.first().and_then(|it| it.as_name().ok()).unwrap_or_default();
                let profile =
                    parts.get(1).and_then(|it| self.file.follow(it)).and_then(as_dictionary);
                match (kind, profile) {
                    (b"ICCBased", Some(profile)) => {
                        let components = self.file.number(profile, "N").unwrap_or(0.0);
                        Space::of_components(natural(components) as usize)
                    }
                    _ => Space::named(kind).unwrap_or(Space::Other),
                }
            }
            _ => Space::Other,
        }
    }

    fn hides(&self, operands: &[Operand], resources: Option<&'a Dictionary>) -> bool {
        let [Operand::Name(tag), Operand::Name(name)] = operands else { return false };
        let layer = || self.resource(resources, "Properties", name).and_then(|(id, _)| id);
        tag == b"OC" && layer().is_some_and(|id| self.hidden_layers.contains(&id))
    }

    fn form(
        &mut self,
        operands: &[Operand],
        resources: Option<&'a Dictionary>,
        at: &mut Page,
        depth: usize,
    ) -> Result<(), ExtractError> {
        let Some(Operand::Name(name)) = operands.first() else { return Ok(()) };
        let Some((_, Object::Stream(stream))) = self.resource(resources, "XObject", name) else {
            return Ok(());
        };
        match self.file.name(&stream.dict, "Subtype") {
            Some(b"Image") => {
                at.picture();
                return Ok(());
            }
            Some(b"Form") if depth < FORMS_DEEP => {}
            _ => return Ok(()),
        }
        self.steps += FORM_STEPS;
        let layer = stream.dict.get(b"OC").and_then(Object::as_reference).ok();
        at.marks.push(layer.is_some_and(|id| self.hidden_layers.contains(&id)));
        let (marks, states) = (at.marks.len(), at.states.len());
        let kept = at.state.clone();
        let (text, line) = (at.text, at.line);
        if let Some(matrix) =
            self.file.numbers(&stream.dict, "Matrix").and_then(|it| Matrix::of(&it))
        {
            at.state.matrix = matrix.then(at.state.matrix);
        }
        if let Some([x0, y0, x1, y1]) = self.file.numbers(&stream.dict, "BBox").as_deref() {
            let bounds = at.state.matrix.bounds(Bounds::new(*x0, *y0, *x1, *y1));
            at.state.clip = at.state.clip.cut(bounds);
        }
        let own = self.file.dictionary(&stream.dict, "Resources").or(resources);
        let content = self.file.unpacked(stream)?;
        self.run(&content, own, at, depth + 1)?;
        at.states.truncate(states);
        at.marks.truncate(marks - 1);
        at.state = kept;
        (at.text, at.line) = (text, line);
        Ok(())
    }
}

impl Page {
    /// An instruction that needs nothing from outside the page.
    fn step(&mut self, operator: &[u8], operands: &[Operand]) {
        let mut numbers = [0.0_f32; 6];
        for (place, number) in numbers.iter_mut().zip(operands.iter().filter_map(Operand::number)) {
            *place = number;
        }
        let [first, second, ..] = numbers;
        match operator {
            b"q" if self.states.len() < STATES_MAX => self.states.push(self.state.clone()),
            b"Q" => {
                if let Some(state) = self.states.pop() {
                    self.state = state;
                }
            }
            b"cm" => self.state.matrix = Matrix::new(numbers).then(self.state.matrix),
            b"BT" => (self.text, self.line) = (Matrix::UNIT, Matrix::UNIT),
            b"Td" => self.next_line(first, second),
            b"TD" => {
                self.state.leading = -second;
                self.next_line(first, second);
            }
            b"Tm" => (self.text, self.line) = (Matrix::new(numbers), Matrix::new(numbers)),
            b"T*" => self.next_line(0.0, -self.state.leading),
            b"Tc" => self.state.letter_space = first,
            b"Tw" => self.state.word_space = first,
            b"Tz" => self.state.stretch = first / 100.0,
            b"TL" => self.state.leading = first,
            b"Ts" => self.state.rise = first,
            b"Tr" => self.state.mode = whole(first.into()),
            b"Tj" | b"TJ" | b"'" | b"\"" => self.show_all(operator, operands),
            _ => self.draw(operator, operands, &numbers),
        }
    }

    fn next_line(&mut self, x: f32, y: f32) {
        self.line = Matrix::new([1.0, 0.0, 0.0, 1.0, x, y]).then(self.line);
        self.text = self.line;
    }

    fn show_all(&mut self, operator: &[u8], operands: &[Operand]) {
        if operator == b"\""
            && let [Operand::Number(word), Operand::Number(letter), _] = operands
        {
            (self.state.word_space, self.state.letter_space) = (*word, *letter);
        }
        if matches!(operator, b"'" | b"\"") {
            self.next_line(0.0, -self.state.leading);
        }
        match operands.last() {
            Some(Operand::Text(text)) => self.show(text),
            Some(Operand::List(parts)) => {
                for part in parts {
                    match part {
                        Operand::Text(text) => self.show(text),
                        Operand::Number(back) => {
                            let shift = -back / 1000.0 * self.state.size * self.state.stretch;
                            self.advance(shift);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn advance(&mut self, shift: f32) {
        self.text = Matrix::new([1.0, 0.0, 0.0, 1.0, shift, 0.0]).then(self.text);
    }

    fn show(&mut self, text: &[u8]) {
        let font = Rc::clone(&self.state.font);
        let in_hidden_mark = self.marks.contains(&true);
        font.show(text, &mut |shown| {
            let state = &self.state;
            let whole = self.text.then(state.matrix);
            let width = shown.width * state.size * state.stretch;
            let from = whole.apply(0.0, state.rise);
            let to = whole.apply(width, state.rise);
            let up = whole.apply(0.0, state.rise + state.size);
            let size = ((up.0 - from.0).hypot(up.1 - from.1)) * font.scale;
            let word = Word::letter(shown.letters, from, to, whole, size, state, in_hidden_mark);
            self.drawing.take(word, &state.clip);
            let space = if shown.is_space { state.word_space } else { 0.0 };
            let shift = width + (state.letter_space + space) * state.stretch;
            self.advance(shift);
        });
    }

    fn draw(&mut self, operator: &[u8], operands: &[Operand], numbers: &[f32; 6]) {
        let [first, second, third, fourth, fifth, sixth] = *numbers;
        let place = |x, y| self.state.matrix.apply(x, y);
        match operator {
            b"g" => self.fill_with(Space::Grey, operands),
            b"rg" => self.fill_with(Space::Rgb, operands),
            b"k" => self.fill_with(Space::Cmyk, operands),
            b"sc" | b"scn" => self.fill_with(self.state.space, operands),
            b"m" => self.path.start(place(first, second)),
            b"l" => self.path.line(place(first, second)),
            b"c" => self.path.curve(place(fifth, sixth)),
            b"v" | b"y" => self.path.curve(place(third, fourth)),
            b"h" => self.path.close(),
            b"re" => {
                let bounds = Bounds::new(first, second, first + third, second + fourth);
                self.path.rectangle(self.state.matrix.bounds(bounds));
            }
            b"W" | b"W*" => self.clips = true,
            b"f" | b"F" | b"f*" | b"b" | b"b*" | b"B" | b"B*" => {
                self.drawing.fill(&self.path, &self.state);
                self.end_path();
            }
            b"S" | b"s" => {
                self.drawing.stroke(&self.path);
                self.end_path();
            }
            b"n" => self.end_path(),
            // A colour that changes from place to place.
            b"sh" => self.drawing.shade(self.state.clip),
            _ => {}
        }
    }

    fn fill_with(&mut self, space: Space, operands: &[Operand]) {
        self.state.space = space;
        self.state.fill = space.colour(operands);
    }

    fn end_path(&mut self) {
        let path = std::mem::take(&mut self.path);
        if std::mem::take(&mut self.clips) {
            let bounds = path.bounds.unwrap_or(Bounds::new(0.0, 0.0, 0.0, 0.0));
            self.state.clip = self.state.clip.cut(bounds);
        }
    }

    fn picture(&mut self) {
        let bounds = self.state.matrix.bounds(Bounds::new(0.0, 0.0, 1.0, 1.0));
        if !self.marks.contains(&true) {
            self.drawing.picture(bounds.cut(self.state.clip));
        }
    }
}

/// What a page says itself, or one of the branches it hangs on.
fn inherited<'a>(file: &'a File, page: &'a Dictionary, key: &str) -> Option<&'a Object> {
    let mut node = page;
    for _ in 0..64 {
        if let Some(found) = file.get(node, key) {
            return Some(found);
        }
        node = file.dictionary(node, "Parent")?;
    }
    None
}

fn page_bounds(file: &File, page: &Dictionary) -> Bounds {
    let of = |key: &str| {
        let array = inherited(file, page, key)?.as_array().ok()?;
        let numbers: Vec<f32> = array
            .iter()
            .filter_map(|it| file.follow(it))
            .filter_map(super::objects::number)
            .collect();
        let [x0, y0, x1, y1] = numbers[..] else { return None };
        Some(Bounds::new(x0, y0, x1, y1)).filter(|it| it.width() > 1.0 && it.height() > 1.0)
    };
    let media = of("MediaBox").unwrap_or(Bounds::new(0.0, 0.0, 612.0, 792.0));
    let crop = of("CropBox").map(|crop| crop.cut(media));
    crop.filter(|it| it.width() > 1.0 && it.height() > 1.0).unwrap_or(media)
}

/// The map to a page that stands upright with its lower left corner at 0, and its size.
fn upright(page: Bounds, turns: i64) -> (Matrix, Bounds) {
    let (width, height) = (page.width(), page.height());
    let Bounds { x0, y0, x1, y1 } = page;
    match turns.rem_euclid(360) {
        90 => (Matrix::new([0.0, -1.0, 1.0, 0.0, -y0, x1]), Bounds::new(0.0, 0.0, height, width)),
        180 => (Matrix::new([-1.0, 0.0, 0.0, -1.0, x1, y1]), Bounds::new(0.0, 0.0, width, height)),
        270 => (Matrix::new([0.0, 1.0, -1.0, 0.0, y1, -x0]), Bounds::new(0.0, 0.0, height, width)),
        _ => (Matrix::new([1.0, 0.0, 0.0, 1.0, -x0, -y0]), Bounds::new(0.0, 0.0, width, height)),
    }
}

fn contents<'a>(file: &'a File, page: &'a Dictionary) -> Vec<&'a Stream> {
    match file.get(page, "Contents") {
        Some(Object::Stream(stream)) => vec![stream],
        Some(Object::Array(parts)) => parts
            .iter()
            .filter_map(|part| file.follow(part))
            .filter_map(|part| part.as_stream().ok())
            .collect(),
        _ => Vec::new(),
    }
}

fn hidden_layers(file: &File) -> HashSet<ObjectId> {
    let catalog = file.document.catalog().ok();
    let layers = catalog.and_then(|it| file.dictionary(it, "OCProperties"));
    let Some((layers, shown)) = layers.and_then(|it| Some((it, file.dictionary(it, "D")?))) else {
        return HashSet::new();
    };
    let listed = |dictionary, key| {
        let array = file.array(dictionary, key).unwrap_or_default();
        array.iter().filter_map(|it| it.as_reference().ok()).collect::<HashSet<_>>()
    };
    if file.name(shown, "BaseState") == Some(b"OFF") {
        let on = listed(shown, "ON");
        return listed(layers, "OCGs").difference(&on).copied().collect();
    }
    listed(shown, "OFF")
}
