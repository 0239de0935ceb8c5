//! Points of a list, which say little without the sentence that leads to them.

use crate::algorithms::retrieval::Span;

/// Longest list that is shown as a whole, in bytes.
const LIST_MAX: usize = 900;
/// Signs that begin a point by themselves.
const BULLETS: [char; 6] = ['-', '–', '—', '•', '*', '▪'];
/// Letters and figures of a point's number at most («viii», «10»).
const NUMBER_MAX: usize = 4;

/// What to show for one of the `sentences` of a text: with a point of a list its whole list and the sentence that
/// leads to it; only what stands before the point where the list is long, and the sentence alone where even that is.
pub(super) fn in_its_list(text: &str, sentences: &[Span], at: usize) -> Span {
    let alone = sentences[at];
    let is_point = |index: usize| sentences[index].of(text).is_some_and(is_point);
    let before = (0..at).rev().take_while(|&index| is_point(index + 1)).last();
    let lead = before.unwrap_or(at);
    if is_point(lead) || !sentences[lead].of(text).is_some_and(leads_on) {
        return alone;
    }
    let last = (lead + 1..sentences.len()).take_while(|&index| is_point(index)).last();
    let whole = Span { start: sentences[lead].start, end: sentences[last.unwrap_or(at)].end };
    let until = Span { start: whole.start, end: alone.end };
    [whole, until].into_iter().find(|it| it.end - it.start <= LIST_MAX).unwrap_or(alone)
}

/// Whether points follow a sentence: it ends with a colon, or has one and the first of them.
fn leads_on(sentence: &str) -> bool {
    sentence.ends_with(':') || (sentence.contains(':') && sentence.ends_with([';', ',']))
}

/// Whether a sentence begins like a point: with a bullet, or with a number or letter and `.` or `)`.
fn is_point(sentence: &str) -> bool {
    let Some(first) = sentence.chars().next() else { return false };
    if BULLETS.contains(&first) {
        return true;
    }
    let sentence = sentence.strip_prefix('(').unwrap_or(sentence);
    let number = sentence.split(['.', ')']).next().unwrap_or_default();
    let behind = sentence[number.len()..].chars().nth(1);
    let letters = number.chars().count();
    let is_number = number.chars().all(|letter| letter.is_ascii_digit())
        || number.chars().all(|letter| letter.is_ascii_lowercase());
    (1..=NUMBER_MAX).contains(&letters) && is_number && behind.is_some_and(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::retrieval::{Language, sentences};

    const FEES: &str = "Für grosse Anlagen gilt nichts davon.\nDas Entgelt beträgt pro kWh:\na. 0,11 Rappen bei Sonne;\n\
        b. 0,55 Rappen bei Wind;\nc. 0,28 Rappen bei Wasser.\nEs wird jährlich geprüft.";

    fn shown(text: &str, of: &str) -> String {
        let all = sentences(text, Language::German);
        let at = all.iter().position(|span| span.of(text).unwrap().contains(of)).unwrap();
        in_its_list(text, &all, at).of(text).unwrap().to_owned()
    }

    #[test]
    fn a_point_is_shown_with_its_list_and_what_leads_to_it() {
        let list = FEES.split_once('\n').unwrap().1.rsplit_once('\n').unwrap().0;
        for of in ["Sonne", "Wind", "Wasser", "Das Entgelt"] {
            assert_eq!(shown(FEES, of), list, "{of}");
        }
        assert_eq!(shown(FEES, "grosse"), "Für grosse Anlagen gilt nichts davon.");
        assert_eq!(shown(FEES, "jährlich"), "Es wird jährlich geprüft.");
        assert_eq!(shown("Es gilt.\n- eins\n- zwei", "zwei"), "- zwei", "nothing leads to it");
        assert_eq!(shown("Siehe auch:\nDer Rest ist klar.", "Siehe"), "Siehe auch:");
    }

    #[test]
    fn a_long_list_is_shown_up_to_the_point_or_not_at_all() {
        let long = "Beiträge:".to_owned() + &"\n- ein Punkt von rund dreissig Zeichen".repeat(40);
        let long =
            long.replacen("ein Punkt", "der erste", 1).replacen("ein Punkt", "der zweite", 1);
        assert_eq!(shown(&long, "zweite").lines().count(), 3);
        let far = long + "\n- der letzte";
        assert_eq!(shown(&far, "letzte"), "- der letzte");
    }
}
