//! What people write around a document, made harmless: names of files, titles, tags, sources, addresses.

use super::error::DocumentsError;

/// Longest name of a file, in letters.
const NAME_MAX: usize = 120;
/// Longest title, in letters.
const TITLE_MAX: usize = 300;
/// Longest source, in letters.
const SOURCE_MAX: usize = 200;
/// Longest tag, in letters.
const TAG_MAX: usize = 60;
/// Most tags of a document.
const TAGS_MAX: usize = 50;
/// Longest address, in letters.
const URL_MAX: usize = 2_000;

/// Whether a letter can be seen and turns nothing around.
fn is_plain(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// `text` without what cannot be seen, white space as single blanks.
fn tidy(text: &str) -> String {
    let spaced: String =
        text.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter }).collect();
    let plain: String = spaced.chars().filter(|letter| is_plain(*letter)).collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The last part of a path as a name that every file system takes; its ending stays.
pub(super) fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = tidy(last)
        .chars()
        .map(|letter| if r#"<>:"|?*"#.contains(letter) { '_' } else { letter })
        .collect();
    let safe = safe.trim_matches(['.', ' ']);
    if safe.is_empty() {
        return "document".to_owned();
    }
    let letters = safe.chars().count();
    if letters <= NAME_MAX {
        return safe.to_owned();
    }
    let (stem, ending) = safe.rsplit_once('.').unwrap_or((safe, ""));
    let ending: String = ending.chars().take(10).collect();
    let stem: String = stem.chars().take(NAME_MAX - 11).collect();
    let short = if ending.is_empty() { stem } else { format!("{stem}.{ending}") };
    short.trim_matches(['.', ' ']).to_owned()
}

/// The name of a file without its ending.
pub(super) fn stem(file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem).trim();
    if stem.is_empty() { file_name.to_owned() } else { stem.to_owned() }
}

/// A title that somebody gave.
pub(super) fn title(given: &str) -> Result<String, DocumentsError> {
    let title = tidy(given);
    let letters = title.chars().count();
    if title.is_empty() {
        return Err(DocumentsError::invalid("title", "is empty; name the document"));
    }
    if letters > TITLE_MAX {
        let why = format!("has {letters} letters; at most {TITLE_MAX} are kept");
        return Err(DocumentsError::invalid("title", why));
    }
    Ok(title)
}

/// A title that a file declares, if it tells a person anything.
pub(super) fn declared_title(declared: &str) -> Option<String> {
    let title = title(declared).ok()?;
    let lower = title.to_lowercase();
    let is_made_up = ["untitled", "unbenannt", "sans titre", "senza titolo", "microsoft word -"]
        .iter()
        .any(|start| lower.starts_with(start));
    (!is_made_up && title.chars().filter(|letter| letter.is_alphabetic()).count() >= 3)
        .then_some(title)
}

/// Tags, each once, in the order in which they were given.
pub(super) fn tags(given: &[String]) -> Result<Vec<String>, DocumentsError> {
    let mut tags: Vec<String> = Vec::new();
    for (place, tag) in given.iter().enumerate() {
        let tag = tidy(tag);
        if tag.chars().count() > TAG_MAX {
            let why = format!("has more than {TAG_MAX} letters");
            return Err(DocumentsError::invalid(format!("tags[{place}]"), why));
        }
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > TAGS_MAX {
        let why = format!("are {}; a document has at most {TAGS_MAX}", tags.len());
        return Err(DocumentsError::invalid("tags", why));
    }
    Ok(tags)
}

/// Where a document is from; `otherwise` unless said.
pub(super) fn source(given: Option<&str>, otherwise: &str) -> Result<String, DocumentsError> {
    let source = given.map(tidy).filter(|source| !source.is_empty());
    let source = source.unwrap_or_else(|| otherwise.to_owned());
    if source.chars().count() > SOURCE_MAX {
        let why = format!("has more than {SOURCE_MAX} letters");
        return Err(DocumentsError::invalid("source", why));
    }
    Ok(source)
}

/// An address that a browser may follow.
pub(super) fn url(given: Option<&str>) -> Result<Option<String>, DocumentsError> {
    let Some(url) = given.map(str::trim).filter(|url| !url.is_empty()) else { return Ok(None) };
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_one_word = url.chars().all(|letter| is_plain(letter) && !letter.is_whitespace());
    if !is_web || !is_one_word || url.chars().count() > URL_MAX {
        let why = format!("is no address of the web: https://…, at most {URL_MAX} letters");
        return Err(DocumentsError::invalid("url", why));
    }
    Ok(Some(url.to_owned()))
}

/// What versions under one title have in common.
pub(super) fn lineage_of_title(title: &str) -> String {
    format!("title:{}", tidy(title).to_lowercase())
}

/// What versions of one file have in common that came without a title.
pub(super) fn lineage_of_file(file_name: &str) -> String {
    format!("file:{}", file_name.to_lowercase())
}

/// What versions of a file in one place have in common.
pub(super) fn lineage_of_place(place: &str) -> String {
    let place = tidy(place);
    // Of a very long path the end tells more.
    let skip = place.chars().count().saturating_sub(500);
    format!("path:{}", place.chars().skip(skip).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_folders_and_tricks_and_keep_their_ending() {
        for (given, expected) in [
            ("contract.pdf", "contract.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\anna\\Rechnung März.docx", "Rechnung März.docx"),
            ("a/b\\c.txt", "c.txt"),
            ("..", "document"),
            ("", "document"),
            ("/", "document"),
            (".htaccess", "htaccess"),
            ("in\u{202e}fdp.exe", "infdp.exe"),
            ("a\u{0}b\nc.txt", "ab c.txt"),
            ("a\u{200b}\u{feff}.md", "a.md"),
            ("con:<x>|y?.txt", "con__x__y_.txt"),
            ("  two   words .txt ", "two words .txt"),
        ] {
            assert_eq!(file_name(given), expected, "{given:?}");
        }
        let long = file_name(&format!("{}.pdf", "ä".repeat(400)));
        assert!(long.chars().count() <= NAME_MAX && long.rsplit('.').next() == Some("pdf"));
    }

    #[test]
    fn titles_tags_sources_and_addresses_are_checked() {
        assert_eq!(title("  Netz\u{a0}\n vertrag ").unwrap(), "Netz vertrag");
        assert!(title(" \t ").is_err() && title(&"x".repeat(301)).is_err());
        let given = ["a ", "", "b", "a"].map(str::to_owned);
        assert_eq!(tags(&given).unwrap(), ["a", "b"]);
        assert!(tags(&["x".repeat(61)]).is_err());
        let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
        assert!(tags(&many).is_err());
        assert_eq!(source(Some(" "), "upload").unwrap(), "upload");
        assert_eq!(url(Some(" https://a.ch/b ")).unwrap().unwrap(), "https://a.ch/b");
        assert_eq!(url(Some("")).unwrap(), None);
        for bad in ["javascript:alert(1)", "ftp://a.ch", "https://a b", "a.ch", "data:text/html,x"]
        {
            assert!(url(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_file_says_of_itself_counts_when_it_says_something() {
        assert_eq!(declared_title("Supply contract").as_deref(), Some("Supply contract"));
        for nothing in ["", "  ", "1", "Untitled 3", "Microsoft Word - x.doc", "—"] {
            assert_eq!(declared_title(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_file_is_called_its_name_is_safe(given in any::<String>()) {
            let name = file_name(&given);
            prop_assert!(!name.is_empty() && name.chars().count() <= NAME_MAX);
            prop_assert!(!name.contains(['/', '\\', '\0', '\n', ':']));
            prop_assert!(name != "." && name != "..");
            prop_assert_eq!(file_name(&name), name.clone());
            prop_assert!(!lineage_of_file(&name).is_empty());
        }
    }
}
