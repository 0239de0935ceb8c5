//! The stemmer of Porter (1980, Program 14(3), pp 130-137) with the two departures of its author's own code, as Lucene has it.

/// The stem of a word of lower-case letters; words of one or two letters and words with other signs stay.
pub(super) fn stem(word: &str) -> String {
    if word.len() <= 2 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stemmer = Stemmer { letters: word.as_bytes().to_vec(), stem_end: 0 };
    stemmer.plurals_and_participles();
    stemmer.final_y();
    stemmer.replace_longest(&DOUBLE_SUFFIXES);
    stemmer.replace_longest(&ENDINGS);
    stemmer.drop_suffixes();
    stemmer.tidy();
    stemmer.letters.into_iter().map(char::from).collect()
}

/// Step 2: the suffix, what takes its place when there is a measure before it.
const DOUBLE_SUFFIXES: [(&str, &str); 21] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];

/// Step 3.
const ENDINGS: [(&str, &str); 7] = [
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

/// Step 4: dropped when the measure before them is above 1.
const SUFFIXES: [&str; 18] = [
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous",
    "ive", "ize", "al", "er", "ic", "ou",
];

/// A word on its way to its stem; `stem_end` is where the suffix that was matched last begins.
struct Stemmer {
    letters: Vec<u8>,
    stem_end: usize,
}

impl Stemmer {
    /// Whether the letter is a consonant; `y` is one at the start and behind a vowel.
    fn is_consonant(&self, at: usize) -> bool {
        match self.letters[at] {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => at == 0 || !self.is_consonant(at - 1),
            _ => true,
        }
    }

    /// How often a vowel is followed by a consonant before the suffix: m in \[C\](VC)^m\[V\].
    fn measure(&self) -> usize {
        (1..self.stem_end).filter(|&at| self.is_consonant(at) && !self.is_consonant(at - 1)).count()
    }

    fn has_vowel(&self) -> bool {
        (0..self.stem_end).any(|at| !self.is_consonant(at))
    }

    fn doubled_consonant(&self) -> bool {
        let length = self.letters.len();
        length >= 2
            && self.letters[length - 1] == self.letters[length - 2]
            && self.is_consonant(length - 1)
    }

    /// Whether the letters up to `end` close with consonant, vowel, consonant (not w, x, y).
    fn closes_short(&self, end: usize) -> bool {
        end >= 3
            && self.is_consonant(end - 1)
            && !self.is_consonant(end - 2)
            && self.is_consonant(end - 3)
            && !matches!(self.letters[end - 1], b'w' | b'x' | b'y')
    }

    /// Whether the word ends so; remembers where.
    fn ends(&mut self, suffix: &str) -> bool {
        let matches = self.letters.ends_with(suffix.as_bytes());
        if matches {
            self.stem_end = self.letters.len() - suffix.len();
        }
        matches
    }

    fn replace(&mut self, by: &str) {
        self.letters.truncate(self.stem_end);
        self.letters.extend_from_slice(by.as_bytes());
    }

    /// Step 1a and 1b: caresses, ponies, cats; agreed, plastered, motoring.
    fn plurals_and_participles(&mut self) {
        if self.ends("sses") || self.ends("ies") {
            self.letters.truncate(self.letters.len() - 2);
        } else if !self.ends("ss") && self.ends("s") {
            self.letters.pop();
        }
        if self.ends("eed") {
            if self.measure() > 0 {
                self.letters.pop();
            }
        } else if (self.ends("ed") || self.ends("ing")) && self.has_vowel() {
            self.letters.truncate(self.stem_end);
            self.mend();
        }
    }

    /// What is left of a participle gets its `e` back or loses its second consonant.
    fn mend(&mut self) {
        if self.ends("at") || self.ends("bl") || self.ends("iz") {
            self.letters.push(b'e');
        } else if self.doubled_consonant() {
            if !matches!(self.letters.last(), Some(b'l' | b's' | b'z')) {
                self.letters.pop();
            }
        } else {
            self.stem_end = self.letters.len();
            if self.measure() == 1 && self.closes_short(self.stem_end) {
                self.letters.push(b'e');
            }
        }
    }

    /// Step 1c: happy becomes happi, sky stays.
    fn final_y(&mut self) {
        if self.ends("y") && self.has_vowel() {
            self.replace("i");
        }
    }

    fn replace_longest(&mut self, table: &[(&str, &str)]) {
        let longest = table
            .iter()
            .filter(|(suffix, _)| self.letters.ends_with(suffix.as_bytes()))
            .max_by_key(|(suffix, _)| suffix.len());
        if let Some((suffix, by)) = longest {
            self.stem_end = self.letters.len() - suffix.len();
            if self.measure() > 0 {
                self.replace(by);
            }
        }
    }

    /// Step 4.
    fn drop_suffixes(&mut self) {
        let found = SUFFIXES
            .iter()
            .find(|suffix| self.letters.ends_with(suffix.as_bytes()))
            .map(|suffix| suffix.len());
        let length = found.or_else(|| {
            let before = self.letters.len().checked_sub(4).map(|at| self.letters[at]);
            (self.letters.ends_with(b"ion") && matches!(before, Some(b's' | b't'))).then_some(3)
        });
        if let Some(length) = length {
            self.stem_end = self.letters.len() - length;
            if self.measure() > 1 {
                self.letters.truncate(self.stem_end);
            }
        }
    }

    /// Step 5: a last `e` and a double `l` go from long words.
    fn tidy(&mut self) {
        if self.letters.last() == Some(&b'e') {
            self.stem_end = self.letters.len() - 1;
            let measure = self.measure();
            if measure > 1 || (measure == 1 && !self.closes_short(self.stem_end)) {
                self.letters.pop();
            }
        }
        if self.letters.last() == Some(&b'l') && self.doubled_consonant() {
            self.stem_end = self.letters.len();
            if self.measure() > 1 {
                self.letters.pop();
            }
        }
    }
}
