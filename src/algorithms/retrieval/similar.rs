//! Words that are written alike: `gekündigt` and `Kündigung`, `Registrierung` and `registration`.

/// Shortest word that is compared.
const LETTERS_MIN: usize = 5;
/// From here on two words are held to be of one family.
const LEAST: f64 = 0.5;

/// The runs of three letters of a word, in order and once each.
pub(super) type Runs = Vec<[char; 3]>;

/// The runs of a word; none where it is too short or a number.
pub(super) fn runs(word: &str) -> Runs {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < LETTERS_MIN || letters.iter().any(char::is_ascii_digit) {
        return Vec::new();
    }
    let mut runs: Runs = letters.windows(3).map(|run| [run[0], run[1], run[2]]).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// How alike two words are (Dice's coefficient of their runs); 0 where that is chance.
pub(super) fn alike(left: &[[char; 3]], right: &[[char; 3]]) -> f64 {
    let (mut at, mut other, mut both) = (0, 0, 0_u32);
    while let (Some(one), Some(two)) = (left.get(at), right.get(other)) {
        match one.cmp(two) {
            std::cmp::Ordering::Less => at += 1,
            std::cmp::Ordering::Greater => other += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                at += 1;
                other += 1;
            }
        }
    }
    let share = 2.0 * f64::from(both) / (left.len() + right.len()).max(1) as f64;
    if share >= LEAST { share } else { 0.0 }
}
