//! Lines that come again at the same place of most pages: they belong to the paper, not to the text.

use std::collections::HashMap;

use super::rows::Row;
use crate::knowledge::extract::reading::numbers::whole;

/// Pages below which nothing can be said to repeat.
const PAGES_MIN: usize = 3;
/// How much of a page's height is its head, and its foot.
const HEAD: f32 = 0.16;
const FOOT: f32 = 0.12;
/// The same where a row is nothing but a number: it counts pages.
const NUMBER_FOOT: f32 = 0.2;
/// Heights within which two lines stand at the same place, in points.
const SAME_PLACE: f32 = 8.0;

/// Takes the repeated rows out of `pages`, each with its height; for each page, how many went.
pub(super) fn strip(pages: &mut [(Vec<Row>, f32)]) -> Vec<u32> {
    let mut seen: HashMap<(String, i64), usize> = HashMap::new();
    let filled = pages.iter().filter(|(rows, _)| !rows.is_empty()).count();
    let mut gone = vec![0; pages.len()];
    if filled < PAGES_MIN {
        return gone;
    }
    for (rows, height) in pages.iter() {
        let mut own: Vec<(String, i64)> = rows.iter().filter_map(|row| key(row, *height)).collect();
        own.sort_unstable();
        own.dedup();
        for key in own {
            *seen.entry(key).or_default() += 1;
        }
    }
    // Left and right pages may have heads of their own.
    let enough = (filled * 2).div_ceil(5).max(PAGES_MIN);
    let count = |text: &str, place: i64| {
        (place.saturating_sub(1)..=place.saturating_add(1))
            .filter_map(|place| seen.get(&(text.to_owned(), place)))
            .sum::<usize>()
    };
    for ((rows, height), gone) in pages.iter_mut().zip(&mut gone) {
        let before = rows.len();
        rows.retain(|row| {
            key(row, *height).is_none_or(|(text, place)| count(&text, place) < enough)
        });
        *gone = u32::try_from(before - rows.len()).unwrap_or(u32::MAX);
    }
    gone
}

/// What a row in the head or foot says, whatever its numbers, and about where.
fn key(row: &Row, height: f32) -> Option<(String, i64)> {
    let place = row.y / height.max(1.0);
    if place > HEAD && place < 1.0 - NUMBER_FOOT {
        return None;
    }
    let mut text = String::new();
    for letter in row.text().chars().filter(|letter| !letter.is_whitespace()) {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if letter != '#' || !text.ends_with('#') {
            text.push(letter);
        }
    }
    let counts = text.chars().all(|letter| matches!(letter, '#' | '/' | '-' | '–'));
    let at_edge = place <= HEAD || place >= 1.0 - if counts { NUMBER_FOOT } else { FOOT };
    at_edge.then(|| (text, whole((row.y / SAME_PLACE).into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::extract::reading::pdf::rows::{Piece, Placed};

    fn row(y: f32, text: &str) -> Row {
        let words = vec![Placed { x0: 50.0, x1: 300.0, text: text.into() }];
        Row { y, size: 10.0, pieces: vec![Piece { words, size: 10.0, is_bold: false }] }
    }

    fn page(rows: &[Row]) -> (Vec<Row>, f32) {
        (rows.to_vec(), 842.0)
    }

    #[test]
    fn heads_feet_and_numbers_go_and_the_text_stays() {
        let texts = ["Strom ist knapp.", "Gas ist teuer.", "Wasser fliesst.", "Holz brennt."];
        let mut pages: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| {
                page(&[
                    row(40.0, "Handbuch Netz"),
                    row(60.0, text),
                    row(400.0, "gleich"),
                    row(810.0, &format!("Seite {n} von 4")),
                ])
            })
            .collect();
        assert_eq!(strip(&mut pages), [2, 2, 2, 2]);
        let left: Vec<String> = pages[1].0.iter().map(Row::text).collect();
        assert_eq!(left, ["Gas ist teuer.", "gleich"]);
    }

    #[test]
    fn two_pages_say_nothing() {
        let mut pages = vec![page(&[row(40.0, "Kopf")]), page(&[row(40.0, "Kopf")])];
        assert_eq!(strip(&mut pages), [0, 0]);
    }
}
