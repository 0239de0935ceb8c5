//! What keeps a document's words from being taken for orders.

/// The text with `mark` in place of every blank, so that a model sees in each word that it is quoted matter
/// (datamarking, Hines et al. 2024); a mark that stands in the text already is taken out of it first.
pub fn datamark(text: &str, mark: char) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut blank = false;
    for letter in text.trim().chars().filter(|letter| *letter != mark) {
        if letter.is_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            marked.push(mark);
        }
        marked.push(letter);
    }
    marked
}

/// Verbs that tell a reader to drop what it was told, and what they are said of.
const OVERRIDES: [(&[&str], &[&str]); 4] = [
    (
        &["ignore", "disregard", "forget", "override", "bypass"],
        &[
            "instruction",
            "instructions",
            "prompt",
            "prompts",
            "rules",
            "guidelines",
            "everything above",
            "previous text",
            "above text",
        ],
    ),
    (
        &[
            "ignoriere",
            "ignorieren",
            "vergiss",
            "vergessen sie",
            "missachte",
            "missachten",
            "übergehe",
        ],
        &[
            "anweisung",
            "anweisungen",
            "instruktion",
            "instruktionen",
            "vorgaben",
            "systemprompt",
            "alles bisherige",
            "obigen text",
            "bisherigen text",
        ],
    ),
    (
        &[
            "ignore",
            "ignorez",
            "ignorer",
            "oublie",
            "oubliez",
            "ne tiens pas compte",
            "ne tenez pas compte",
        ],
        &["instruction", "instructions", "consigne", "consignes", "règles", "qui précède"],
    ),
    (
        &["ignora", "ignorate", "ignori", "dimentica", "dimenticate", "non tenere conto"],
        &["istruzione", "istruzioni", "regole", "indicazioni precedenti"],
    ),
];

/// Phrases that speak to a model and not to a person.
const PHRASES: &[&str] = &[
    "system prompt",
    "systemprompt",
    "you are now",
    "you are an ai",
    "as an ai",
    "as a language model",
    "act as a",
    "pretend to be",
    "pretend you are",
    "do not tell the user",
    "do not mention this",
    "without telling the user",
    "reveal your",
    "print your instructions",
    "repeat the words above",
    "new instructions:",
    "important instruction",
    "begin system",
    "end of prompt",
    "<|im_start|>",
    "<|im_end|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "### instruction",
    "### system",
    "assistant:",
    "system:",
    "du bist jetzt",
    "du bist nun",
    "sie sind jetzt ein",
    "verhalte dich wie",
    "gib dich aus als",
    "sage dem nutzer nicht",
    "sag dem benutzer nicht",
    "neue anweisung:",
    "neue anweisungen:",
    "als ki-modell",
    "als sprachmodell",
    "tu es maintenant",
    "vous êtes maintenant",
    "tu es désormais",
    "agis comme",
    "en tant que modèle",
    "nouvelles instructions",
    "ne dis pas à l'utilisateur",
    "ora sei",
    "adesso sei",
    "comportati come",
    "nuove istruzioni",
    "non dire all'utente",
    "jailbreak",
    "developer mode",
    "dan mode",
    "send the following to",
    "exfiltrate",
    "curl http",
    "respond only with",
    "antworte nur mit",
    "réponds uniquement",
    "rispondi solo",
];

/// Of these, who speaks.
const OPENINGS: [&str; 2] = ["assistant:", "system:"];

/// Letters between the verb and what it is said of.
const REACH: usize = 60;

/// Whether a passage speaks to a model like an order. It stays quotable: people should see it, with a badge.
pub fn instruction_like(text: &str) -> bool {
    let plain = plain(text);
    let phrase = |phrase: &str| {
        plain.match_indices(phrase).any(|(at, _)| {
            // Who speaks counts at the beginning of a line only: «the system: …» is ordinary prose.
            if OPENINGS.contains(&phrase) {
                at == 0 || plain[..at].ends_with('\n')
            } else {
                starts_word(&plain, at)
            }
        })
    };
    PHRASES.iter().any(|known| phrase(known))
        || OVERRIDES.iter().any(|(verbs, objects)| overrides(&plain, verbs, objects))
}

/// Lower case, signs that nobody sees taken out, blanks made one; lines stay.
fn plain(text: &str) -> String {
    let seen = text.chars().filter(|letter| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '*' | '_' | '`'));
    let lower = seen.collect::<String>().to_lowercase().replace('’', "'");
    lower
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn overrides(plain: &str, verbs: &[&str], objects: &[&str]) -> bool {
    verbs.iter().any(|verb| {
        plain.match_indices(verb).filter(|(at, _)| starts_word(plain, *at)).any(|(at, _)| {
            let behind: String = plain[at + verb.len()..].chars().take(REACH).collect();
            ends_word(&behind) && objects.iter().any(|object| behind.contains(object))
        })
    })
}

fn starts_word(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_none_or(|letter| !letter.is_alphanumeric())
}

fn ends_word(behind: &str) -> bool {
    behind.chars().next().is_some_and(|letter| !letter.is_alphanumeric())
}
