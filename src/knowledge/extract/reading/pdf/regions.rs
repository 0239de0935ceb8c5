//! Rows of a page into lines in reading order, columns one after the other, and tables.

use super::rows::{Piece, Placed, Row};

/// Rows farther apart than this many times their size do not belong to one table.
const ROWS_APART: f32 = 3.6;
/// Letters in a row of a column of prose, on average.
const PROSE_LETTERS: usize = 22;
/// Rows of a column of prose.
const PROSE_ROWS: usize = 5;
/// Rows of a table in which narrow strips are looked for, and how narrow they may be, as a part of the
/// letters' size: wider than a space.
const FINER_ROWS: usize = 4;
const FINER_GAP: f32 = 0.36;
/// Lines of a cell that stand closer than this many times their size.
const CELL_LEADING: f32 = 1.45;
/// Rows that name columns before the first row of values.
const HEADER_ROWS_MAX: usize = 5;

/// A line of running text.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub text: String,
    pub x0: f32,
    pub x1: f32,
    pub y: f32,
    pub size: f32,
    pub is_bold: bool,
    /// Where lines of its column end.
    pub right: f32,
    /// A sign or number that stands before the text with a gap.
    pub has_mark: bool,
}

/// A part of a page.
#[derive(Debug)]
pub(super) enum Part {
    Line(Line),
    Table { rows: Vec<Vec<String>>, has_header: bool },
}

/// An empty strip from top to bottom.
type Gap = (f32, f32);

/// The parts of a page in reading order. `rules` are level lines: from, to, height from the top.
pub(super) fn parts(rows: &[Row], rules: &[(f32, f32, f32)], out: &mut Vec<Part>) {
    let right = rows.iter().map(Row::x1).fold(0.0, f32::max);
    let mut at = 0;
    while at < rows.len() {
        let (end, gaps) = region(rows, at);
        if end == at {
            out.push(Part::Line(line(&rows[at], right)));
            at += 1;
            continue;
        }
        let own = &rows[at..end];
        match kind(own, &gaps) {
            Kind::Columns => {
                for column in split(own, &gaps) {
                    parts(&column, rules, out);
                }
            }
            Kind::Marks => out.extend(own.iter().map(|row| Part::Line(marked(row, &gaps, right)))),
            Kind::Table => out.push(table(own, &finer(own, gaps), rules)),
        }
        at = end;
    }
}

fn line(row: &Row, right: f32) -> Line {
    let bold: usize = row.pieces.iter().filter(|it| it.is_bold).map(Piece::letters).sum();
    let all: usize = row.pieces.iter().map(Piece::letters).sum();
    Line {
        text: row.text(),
        x0: row.x0(),
        x1: row.x1(),
        y: row.y,
        size: row.size,
        is_bold: bold * 5 >= all * 4,
        right,
        has_mark: false,
    }
}

/// A line of a list whose signs stand in a column of their own.
fn marked(row: &Row, gaps: &[Gap], right: f32) -> Line {
    let mut line = line(row, right);
    let edge = gaps.first().map_or(0.0, |gap| gap.1);
    line.has_mark = row.x0() < edge;
    // Signs hang out; the text begins where it begins without them.
    line.x0 = line.x0.max(edge);
    line
}

/// The rows from `start` on that share empty strips, and the strips; none where `end == start`.
fn region(rows: &[Row], start: usize) -> (usize, Vec<Gap>) {
    let mut gaps = inner_gaps(&rows[start]);
    if gaps.is_empty() {
        return (start, gaps);
    }
    let mut end = start + 1;
    let mut both = 1;
    let mut last_both = start;
    while let Some(row) = rows.get(end) {
        let before = &rows[end - 1];
        if row.y - before.y > ROWS_APART * row.size.max(before.size) {
            break;
        }
        let left: Vec<Gap> = gaps.iter().flat_map(|gap| without(*gap, row)).collect();
        // A row that runs through most strips ends what they part.
        if left.is_empty() || left.len() * 2 < gaps.len() {
            break;
        }
        gaps = left;
        if gaps.iter().any(|gap| row.x0() < gap.0 && row.x1() > gap.1) {
            both += 1;
            last_both = end;
        }
        end += 1;
    }
    // Rows behind the last one with several cells belong to it only when they are close.
    let mut behind = last_both + 1;
    while behind < end && rows[behind].y - rows[behind - 1].y <= CELL_LEADING * rows[behind].size {
        behind += 1;
    }
    let end = behind;
    if both < 2 {
        return (start, Vec::new());
    }
    let used = |gap: &Gap| {
        let sides = |row: &&Row| row.x0() < gap.0 + 0.1 && row.x1() > gap.1 - 0.1;
        rows[start..end].iter().filter(sides).count() >= 2
    };
    gaps.retain(used);
    (if gaps.is_empty() { start } else { end }, gaps)
}

fn inner_gaps(row: &Row) -> Vec<Gap> {
    row.pieces
        .windows(2)
        .map(|pair| (pair[0].x1(), pair[1].x0()))
        .filter(|gap| gap.1 > gap.0)
        .collect()
}

/// What is left of a strip when a row is laid over it.
fn without(gap: Gap, row: &Row) -> Vec<Gap> {
    let mut left = vec![gap];
    for piece in &row.pieces {
        let (x0, x1) = (piece.x0(), piece.x1());
        let mut next = Vec::with_capacity(left.len());
        for (from, to) in left {
            if x1 <= from || x0 >= to {
                next.push((from, to));
                continue;
            }
            let rest = [(from, x0), (x1, to)];
            next.extend(rest.into_iter().filter(|(from, to)| to - from > 0.5 * row.size));
        }
        left = next;
    }
    left
}

enum Kind {
    /// Columns of running text.
    Columns,
    /// A list whose signs stand in a column of their own.
    Marks,
    Table,
}

fn kind(rows: &[Row], gaps: &[Gap]) -> Kind {
    let columns = split(rows, gaps);
    if let [marks, texts] = columns.as_slice() {
        let signs = marks.iter().all(|row| is_mark(&row.text()));
        let letters: usize = texts.iter().map(|row| row.text().chars().count()).sum();
        if signs && letters >= 20 * texts.len() {
            return Kind::Marks;
        }
    }
    let prose = |column: &Vec<Row>| {
        let letters: usize = column.iter().map(|row| row.text().chars().count()).sum();
        let width = column.iter().map(Row::x1).fold(0.0, f32::max)
            - column.iter().map(Row::x0).fold(f32::MAX, f32::min);
        let filled: f32 = column.iter().map(|row| row.x1() - row.x0()).sum();
        column.len() >= PROSE_ROWS
            && letters >= PROSE_LETTERS * column.len()
            && filled >= 0.6 * width * column.len() as f32
    };
    if columns.len() <= 3 && columns.iter().all(prose) { Kind::Columns } else { Kind::Table }
}

/// «1», «2.1», «a)», «•», «12.», «iv»
pub(super) fn is_mark(text: &str) -> bool {
    let inner = text.trim_matches(['(', ')', '.', ' ']);
    let letters = inner.chars().count();
    let part =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
    letters == 0
        || letters <= 8 && inner.split('.').all(part)
        || letters == 1 && !inner.chars().all(|letter| letter.is_ascii_uppercase())
        || letters <= 4 && inner.bytes().all(|byte| b"ivx".contains(&byte))
}

fn column_of(piece: &Piece, gaps: &[Gap]) -> usize {
    let middle = f32::midpoint(piece.x0(), piece.x1());
    gaps.iter().filter(|gap| middle > f32::midpoint(gap.0, gap.1)).count()
}

/// The rows of each column, without those that are empty in it.
fn split(rows: &[Row], gaps: &[Gap]) -> Vec<Vec<Row>> {
    let mut columns: Vec<Vec<Row>> = vec![Vec::new(); gaps.len() + 1];
    for row in rows {
        let mut own: Vec<Vec<Piece>> = vec![Vec::new(); gaps.len() + 1];
        for piece in &row.pieces {
            own[column_of(piece, gaps)].push(piece.clone());
        }
        for (column, pieces) in columns.iter_mut().zip(own) {
            if !pieces.is_empty() {
                column.push(Row { pieces, ..row.clone() });
            }
        }
    }
    columns
}

fn table(rows: &[Row], gaps: &[Gap], rules: &[(f32, f32, f32)]) -> Part {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, gaps)).collect();
    let ruled = separators(rows, rules);
    let mut merged: Vec<Vec<String>> = Vec::new();
    for (index, own) in cells.iter().enumerate() {
        let goes_on = index > 0
            && match &ruled {
                Some(starts) => !starts[index],
                None => hangs(&rows[index - 1], &rows[index], own),
            };
        match merged.last_mut().filter(|_| goes_on) {
            Some(last) => append(last, own),
            None => merged.push(own.clone()),
        }
    }
    let has_header = join_header(
        &mut merged,
        rows.first().is_some_and(|row| row.pieces.iter().all(|it| it.is_bold)),
    );
    Part::Table { rows: merged, has_header }
}

fn cells(row: &Row, gaps: &[Gap]) -> Vec<String> {
    let mut cells = vec![String::new(); gaps.len() + 1];
    for piece in &row.pieces {
        // A piece that runs over a strip is one cell, which stands for several.
        let over =
            |word: &Placed| gaps.iter().any(|gap| word.x0 < gap.0 + 0.1 && word.x1 > gap.1 - 0.1);
        let whole = piece.words.iter().any(over);
        for word in &piece.words {
            let middle = f32::midpoint(word.x0, word.x1);
            let place = if whole { f32::midpoint(piece.x0(), piece.words[0].x1) } else { middle };
            let column = gaps.iter().filter(|gap| place > f32::midpoint(gap.0, gap.1)).count();
            let cell = &mut cells[column];
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(&word.text);
        }
    }
    cells
}

/// The strips of a table by its words: those that nearly every row leaves empty, also narrow ones.
fn finer(rows: &[Row], coarse: Vec<Gap>) -> Vec<Gap> {
    if rows.len() < FINER_ROWS {
        return coarse;
    }
    let size = rows.iter().map(|row| row.size).fold(f32::MAX, f32::min);
    let words = || rows.iter().flat_map(|row| row.pieces.iter().flat_map(|piece| &piece.words));
    let mut edges: Vec<(f32, i32)> =
        words().flat_map(|word| [(word.x0, 1), (word.x1, -1)]).collect();
    edges.sort_by(|one, other| one.0.total_cmp(&other.0));
    let bearable = i32::try_from(rows.len() * 12 / 100).unwrap_or(0);
    let mut found: Vec<Gap> = Vec::new();
    let (mut covered, mut open) = (0, None);
    for (x, step) in edges {
        covered += step;
        match open {
            None if covered <= bearable && step < 0 => open = Some(x),
            Some(from) if covered > bearable => {
                if x - from >= FINER_GAP * size {
                    found.push((from, x));
                }
                open = None;
            }
            _ => {}
        }
    }
    // Few rows that have something on both sides prove nothing.
    let proven = |gap: &Gap| {
        let near = |row: &&Row| {
            let words = || row.pieces.iter().flat_map(|piece| &piece.words);
            words().any(|word| word.x1 <= gap.0 + 0.1 && word.x1 > gap.0 - 25.0 * size)
                && words().any(|word| word.x0 >= gap.1 - 0.1 && word.x0 < gap.1 + 25.0 * size)
        };
        rows.iter().filter(near).count() * 5 >= rows.len() * 2
    };
    found.retain(proven);
    let apart = |gap: &Gap| !found.iter().any(|own| own.0 < gap.1 && own.1 > gap.0);
    let kept: Vec<Gap> = coarse.into_iter().filter(apart).collect();
    found.extend(kept);
    found.sort_by(|one, other| one.0.total_cmp(&other.0));
    found
}

fn append(row: &mut [String], more: &[String]) {
    for (cell, more) in row.iter_mut().zip(more).filter(|(_, more)| !more.is_empty()) {
        super::joined(cell, more);
    }
}

/// Whether a row goes on with the cells of the one before: close below it, and without a first cell.
fn hangs(before: &Row, row: &Row, cells: &[String]) -> bool {
    let close = row.y - before.y <= CELL_LEADING * row.size.max(before.size);
    let first_empty = cells.first().is_some_and(String::is_empty);
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    close && first_empty && filled * 2 <= cells.len() && !cells.iter().any(|cell| is_value(cell))
}

/// For each row whether a level line parts it from the one before; absent when lines do not part rows.
fn separators(rows: &[Row], rules: &[(f32, f32, f32)]) -> Option<Vec<bool>> {
    let (left, right) = (
        rows.iter().map(Row::x0).fold(f32::MAX, f32::min),
        rows.iter().map(Row::x1).fold(0.0, f32::max),
    );
    let mut starts = vec![true];
    for pair in rows.windows(2) {
        let (above, below) = (pair[0].y, pair[1].y - 0.3 * pair[1].size);
        let mut heights: Vec<(f32, f32)> = rules
            .iter()
            .filter(|(_, _, height)| (above - 0.1..=below + 0.1).contains(height))
            .map(|(from, to, _)| (from.max(left), to.min(right)))
            .filter(|(from, to)| to > from)
            .collect();
        heights.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut covered, mut reached) = (0.0, left);
        for (from, to) in heights {
            covered += (to - from.max(reached)).max(0.0);
            reached = reached.max(to);
        }
        starts.push(covered > 0.5 * (right - left));
    }
    let parted = starts.iter().skip(1).filter(|it| **it).count();
    let groups = parted + 1;
    (parted >= 1 && rows.len() <= groups * 14).then_some(starts)
}

/// Whether a cell holds a value and not words.
fn is_value(cell: &str) -> bool {
    let digits = cell.chars().any(|letter| letter.is_ascii_digit());
    let letters = cell.chars().filter(|letter| letter.is_alphabetic()).count();
    digits && letters == 0
}

/// Makes one row of those that name the columns; whether there is one.
fn join_header(rows: &mut Vec<Vec<String>>, is_bold: bool) -> bool {
    let values = |row: &Vec<String>| row.iter().filter(|cell| is_value(cell)).count();
    let named = rows.iter().take_while(|row| values(row) == 0).count();
    if named == 0 || named == rows.len() {
        return is_bold && rows.len() >= 2 && named > 0;
    }
    let later: usize = rows[named..].iter().map(values).sum();
    if named > HEADER_ROWS_MAX || later < (rows.len() - named).div_ceil(2) {
        return is_bold;
    }
    let names: Vec<Vec<String>> = rows.drain(..named).collect();
    let mut header = names[0].clone();
    names[1..].iter().for_each(|more| append(&mut header, more));
    rows.insert(0, header);
    true
}
