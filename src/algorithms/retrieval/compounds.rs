//! Takes German compounds apart by how often their parts stand alone (Koehn and Knight 2003).

use std::collections::HashMap;

use crate::algorithms::retrieval::analysis::{fold, german_form, words};
use crate::algorithms::retrieval::{Language, hashing, parts_list, stop_words};

/// Shortest part; shorter ones are endings more often than words.
const PART_MIN: usize = 4;
/// Shortest word that is looked at: two parts.
const WHOLE_MIN: usize = 2 * PART_MIN;
/// Longest word that is looked at.
const WHOLE_MAX: usize = 60;
/// Most parts of a word.
const PARTS_MAX: usize = 5;
/// How often a word must stand alone in what was learned to be a part.
const SEEN_MIN: u32 = 2;
/// How often a word of the built-in list counts as seen.
const SEEN_BUILT_IN: u32 = 10;
/// What may stand between two parts.
const LINKS: [&str; 7] = ["", "s", "es", "n", "en", "er", "e"];
/// Endings and prefixes that look like words.
const NO_PARTS: &[&str] = &[
    "ungen", "heit", "keit", "schaft", "lich", "isch", "ische", "ischen", "ieren", "ierung",
    "bare", "baren", "sche", "schen", "chen", "lein", "iger", "igen", "eren", "erin", "isten",
    "enden", "ende", "erte", "erten", "eter", "unge", "liche", "lichen", "heiten", "keiten",
    "über", "uber", "unter", "durch", "gegen", "hinter", "wieder", "zurück", "zuruck", "fahig",
    "same", "samen", "weise", "haft", "hafte", "haften",
];

/// Words that stand alone with how often they do; what compounds are taken apart by, and what is rare.
#[derive(Debug, Clone, Default)]
pub struct Compounds {
    seen: HashMap<String, u32>,
    stems: HashMap<u32, u32>,
    total: u64,
}

impl Compounds {
    /// Knows the built-in words only: what an energy management system's documents talk about.
    pub fn built_in() -> Self {
        let seen = parts_list::PARTS
            .split_whitespace()
            .map(|word| (german_form(word), SEEN_BUILT_IN))
            .collect();
        Self { seen, stems: HashMap::new(), total: 0 }
    }

    /// Counts words, of any language; an item may be one word or a whole text. Can be called as often as wanted.
    pub fn learn<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for text in texts {
            for (_, word) in words(text) {
                *counts.entry(fold(word)).or_default() += 1;
                self.total += 1;
            }
        }
        for (word, count) in counts {
            self.count_stems(&word, count);
            let form = german_form(&word);
            if form.len() >= PART_MIN && form.bytes().all(|byte| byte.is_ascii_lowercase()) {
                *self.seen.entry(form).or_default() += count;
            }
        }
    }

    /// A word counts for its term of each language.
    fn count_stems(&mut self, word: &str, count: u32) {
        for hash in hashing::of_all_languages(word) {
            *self.stems.entry(hash).or_default() += count;
        }
    }

    /// How often the term was learned.
    pub(super) fn frequency(&self, hash: u32) -> u32 {
        self.stems.get(&hash).copied().unwrap_or(0)
    }

    /// How many words were learned, each as often as it stood.
    pub(super) const fn learned(&self) -> u64 {
        self.total
    }

    /// Whether the part is a word: as it stands, or with the `e` that it lost (`Kontroll-`).
    fn standing_alone(&self, part: &str) -> Option<u32> {
        if part.len() < PART_MIN
            || NO_PARTS.contains(&part)
            || stop_words::contains(Language::German, part)
        {
            return None;
        }
        let enough = |count: &u32| *count >= SEEN_MIN;
        let whole = self.seen.get(part).copied().filter(enough);
        whole.or_else(|| self.seen.get(&format!("{part}e")).copied().filter(enough))
    }

    /// Parts of a word (folded, in German form); empty when it is not a compound of known words.
    pub(super) fn split(&self, form: &str) -> Vec<String> {
        let fits = (WHOLE_MIN..=WHOLE_MAX).contains(&form.len())
            && form.bytes().all(|byte| byte.is_ascii_lowercase());
        if !fits {
            return Vec::new();
        }
        self.best_path(form)
            .map(|path| path.into_iter().map(|(start, end)| form[start..end].to_owned()).collect())
            .unwrap_or_default()
    }

    /// The way through the word with the highest geometric mean of the parts' counts.
    fn best_path(&self, form: &str) -> Option<Vec<(usize, usize)>> {
        let length = form.len();
        // ways[at][parts]: sum of the logarithms so far, and the last part with where the one before ended.
        let mut ways: Vec<[Option<Way>; PARTS_MAX + 1]> = vec![[None; PARTS_MAX + 1]; length + 1];
        ways[0][0] = Some(Way { logs: 0.0, part: (0, 0), from: 0 });
        for start in 0..length {
            if ways[start].iter().all(Option::is_none) {
                continue;
            }
            for end in start + PART_MIN..=length {
                let Some(count) =
                    self.standing_alone(&form[start..end]).filter(|_| end - start < length)
                else {
                    continue;
                };
                // Longer parts are surer than short ones that happen to be seen often.
                let gain = f64::from(count).ln() + 0.5 * ((end - start) as f64).ln();
                for link in LINKS {
                    let behind = end + link.len();
                    let closes = behind == length && link.is_empty();
                    if behind > length
                        || !form[end..].starts_with(link)
                        || !(closes || behind + PART_MIN <= length)
                    {
                        continue;
                    }
                    for parts in 0..PARTS_MAX {
                        let Some(way) = ways[start][parts] else { continue };
                        let logs = way.logs + gain;
                        if ways[behind][parts + 1].is_none_or(|other| other.logs < logs) {
                            ways[behind][parts + 1] =
                                Some(Way { logs, part: (start, end), from: start });
                        }
                    }
                }
            }
        }
        let mean = |parts: usize| ways[length][parts].map(|way| way.logs / parts as f64);
        let best =
            (2..=PARTS_MAX).filter(|&parts| mean(parts).is_some()).max_by(|&left, &right| {
                mean(left).partial_cmp(&mean(right)).unwrap_or(std::cmp::Ordering::Equal)
            })?;
        let mut path = Vec::with_capacity(best);
        let mut at = length;
        for parts in (1..=best).rev() {
            let way = ways[at][parts]?;
            path.push(way.part);
            at = way.from;
        }
        path.reverse();
        Some(path)
    }
}

/// A way to a place in a word.
#[derive(Debug, Clone, Copy)]
struct Way {
    logs: f64,
    part: (usize, usize),
    from: usize,
}
