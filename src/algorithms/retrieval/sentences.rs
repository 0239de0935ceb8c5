//! Where the sentences of a text begin and end, in four languages and in the prose of laws.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::algorithms::retrieval::{Language, Span};

/// Abbreviations (lower case, without their last full stop) behind which a sentence goes on.
const ABBREVIATIONS: &str = "abs art bst lit ziff nr no bzw ca evtl ggf inkl exkl vgl sog usf gem lt max min mind mio mrd tsd rp fr kt bd hrsg \
     dr prof st str tel allg insb insbes bspw resp zzgl abzgl entspr eidg schweiz dez jan feb febr mär apr jun jul aug sep sept okt nov kap anm \
     abb tab fig eq vol pp cf al ch let e.g i.e approx incl excl vs mr mrs ms inc ltd dept sec reg par para paras arts chap ed eds est jr sr \
     janv févr avr juil oct déc env éd pt pts cap cpv lett pag sig art-nr z.b d.h u.a o.ä i.d.r v.a z.t i.v.m p.a u.u s.o b.z.w n.b m.w.h al.z \
     tit rn ss sz bull rz s vs mwst zus ausg jh geb gest";

/// Abbreviations that may end a sentence as well.
const MAY_END: &str = "usw etc ff f al corp co inc ltd jr sr u.ä o.ä dgl";

/// German words behind the number of an ordinal: months and what laws count.
const COUNTED: &str = "januar jänner februar märz april mai juni juli august september oktober november dezember jahrhundert kapitel abschnitt \
     absatz titel teil quartal semester auflage klasse stufe stock etage mal tag monat jahr halbjahr änderung fassung";

/// German words before the number of an ordinal.
const BEFORE_ORDINAL: &str =
    "am vom zum beim im ab bis der die das dem den des jeden jedes jeder dieser und oder seit per";

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

static ABBREVIATED: LazyLock<HashSet<&'static str>> = LazyLock::new(|| set(ABBREVIATIONS));
static ENDING: LazyLock<HashSet<&'static str>> = LazyLock::new(|| set(MAY_END));
static COUNTED_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| set(COUNTED));
static BEFORE_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| set(BEFORE_ORDINAL));

/// Letters of a line that may have been broken to fit a page; shorter and longer ones end where the author ended them.
const LINE_BROKEN: std::ops::RangeInclusive<usize> = 45..=130;
/// Letters of a sentence above which the points of its enumeration stand alone.
const SENTENCE_LONG: usize = 280;

/// The sentences of a text in order, without the blanks around them; together they hold every letter.
pub fn sentences(text: &str, language: Language) -> Vec<Span> {
    let mut found = Vec::new();
    for run in runs(text) {
        let mut start = run.start;
        for end in ends(text, run, language) {
            push(text, start, end, &mut found);
            start = end;
        }
        push(text, start, run.end, &mut found);
    }
    found
}

/// Adds a stretch without the blanks around it; long enumerations point by point.
fn push(text: &str, start: usize, end: usize, found: &mut Vec<Span>) {
    let stretch = &text[start..end];
    let trimmed = stretch.trim();
    if trimmed.is_empty() {
        return;
    }
    let start = start + (stretch.len() - stretch.trim_start().len());
    let end = start + trimmed.len();
    if trimmed.chars().count() <= SENTENCE_LONG {
        found.push(Span { start, end });
        return;
    }
    let mut from = start;
    for at in points(trimmed) {
        let stretch = text[from..start + at].trim_end();
        found.push(Span { start: from, end: from + stretch.len() });
        from = start + at;
    }
    found.push(Span { start: from, end });
}

/// Bytes at which the points of an enumeration begin: behind `;` (or `:`) and a blank stands `a.`, `1.`, `(b)`.
fn points(sentence: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, sign) in sentence.char_indices().filter(|(_, letter)| matches!(letter, ';' | ':')) {
        let behind = &sentence[at + sign.len_utf8()..];
        let rest = behind.trim_start();
        // «; oder b. …», «; and (c) …»
        let joined = ["oder ", "und ", "sowie ", "or ", "and ", "ou ", "et ", "o ", "e "]
            .iter()
            .find_map(|word| rest.strip_prefix(word))
            .filter(|_| sign == ';')
            .unwrap_or(rest);
        if behind.len() > rest.len() && marker(joined).is_some() {
            found.push(sentence.len() - rest.len());
        }
    }
    found
}

/// Length of the mark of a list's point at the beginning of a text.
fn marker(text: &str) -> Option<usize> {
    let opened = text.strip_prefix('(');
    let inner = opened.unwrap_or(text);
    let letters = inner.chars().take_while(char::is_ascii_alphanumeric).count();
    let mark = inner.get(..letters)?;
    let counted = mark.bytes().all(|byte| byte.is_ascii_digit()) && letters <= 2;
    let lettered = mark.bytes().all(|byte| byte.is_ascii_lowercase())
        && (letters == 1
            || mark.ends_with("bis")
            || mark.ends_with("ter")
            || mark.bytes().all(|byte| byte == b'i' || byte == b'v'));
    let behind = inner[letters..].chars().next()?;
    let closed = behind == ')' || (behind == '.' && opened.is_none());
    let spaced = inner[letters..].chars().nth(1).is_some_and(char::is_whitespace);
    (letters > 0 && (counted || lettered) && closed && spaced)
        .then_some(letters + 1 + usize::from(opened.is_some()))
}

/// Stretches of lines that belong together: a break inside them is the page's, not the author's.
fn runs(text: &str) -> Vec<Span> {
    let mut runs: Vec<Span> = Vec::new();
    let mut open: Option<(Span, &str)> = None;
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim();
        let span = Span { start: at, end: at + whole.len() };
        at = span.end;
        open = match open.take() {
            Some((run, _)) if line.is_empty() => {
                runs.push(run);
                None
            }
            None if line.is_empty() => None,
            Some((run, last)) if goes_on(last, line) => {
                Some((Span { start: run.start, end: span.end }, line))
            }
            Some((run, _)) => {
                runs.push(run);
                Some((span, line))
            }
            None => Some((span, line)),
        };
    }
    runs.extend(open.map(|(run, _)| run));
    runs
}

/// Whether a line continues the one before.
fn goes_on(last: &str, line: &str) -> bool {
    let first = line.chars().next().unwrap_or(' ');
    let is_row = last.contains(" | ") || line.contains(" | ");
    if is_row || matches!(first, '•' | '▪' | '–' | '*' | '-' | '§' | '#') || marker(line).is_some()
    {
        return false;
    }
    if first.is_lowercase() {
        return true;
    }
    LINE_BROKEN.contains(&last.chars().count()) && !last.ends_with(['.', '!', '?', ':', ';'])
}

/// Bytes behind the ends of sentences within a run, the last one left out.
fn ends(text: &str, run: Span, language: Language) -> Vec<usize> {
    let stretch = &text[run.start..run.end];
    let mut found = Vec::new();
    let mut start = 0;
    for (at, sign) in stretch.char_indices() {
        if !matches!(sign, '.' | '!' | '?' | '…') || at < start {
            continue;
        }
        let tail = &stretch[at + sign.len_utf8()..];
        let closing = tail.trim_start_matches([')', '"', '»', '”', '’', '\'', ']', '“', '*', '_']);
        let next = closing.trim_start();
        if next.len() == closing.len() || next.is_empty() {
            continue;
        }
        let ends_here = match sign {
            '.' => {
                closing.len() < tail.len() || full_stop_ends(&stretch[start..at], next, language)
            }
            _ => true,
        };
        let lower = next.chars().next().is_some_and(char::is_lowercase) && marker(next).is_none();
        if ends_here && !lower {
            start = stretch.len() - next.len();
            found.push(run.start + start);
        }
    }
    found
}

/// Whether a full stop behind `sentence` and before `next` is an end, and not part of an abbreviation, a date or a number.
fn full_stop_ends(sentence: &str, next: &str, language: Language) -> bool {
    let word_start = sentence
        .char_indices()
        .rev()
        .take_while(|(_, letter)| letter.is_alphanumeric() || matches!(letter, '.' | '-'))
        .last();
    let start = word_start.map_or(sentence.len(), |(at, _)| at);
    let word = sentence[start..].trim_matches('-').to_lowercase();
    let before = &sentence[..start];
    if word.is_empty() {
        return true;
    }
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return !is_ordinal(&word, before, next, language);
    }
    let letters = word.chars().count();
    let upper = next.chars().next().is_some_and(char::is_uppercase);
    if ENDING.contains(word.as_str()) {
        return upper;
    }
    // One letter: an initial, `z. B.`, `a.` of a list.
    letters > 1 && !ABBREVIATED.contains(word.as_str()) && !(word.contains('.') && letters <= 6)
}

/// Whether the number with its full stop counts something: `1.` of a list, `3. Kapitel`, `am 1. Januar`.
fn is_ordinal(number: &str, before: &str, next: &str, language: Language) -> bool {
    if before.trim().is_empty() {
        return true;
    }
    if language != Language::German || number.len() > 2 {
        return false;
    }
    let following: String =
        next.chars().take_while(|letter| letter.is_alphabetic()).collect::<String>().to_lowercase();
    let preceding = before.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    COUNTED_SET.contains(following.as_str()) || BEFORE_SET.contains(preceding.as_str())
}
