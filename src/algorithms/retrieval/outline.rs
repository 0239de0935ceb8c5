//! The sections of a document: by its headings, and by what laws are cited by.

use crate::algorithms::retrieval::{Block, BlockKind, Canonical, Span};

/// Blocks under one heading, the heading first.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Titles from the highest to its own.
    pub path: Vec<String>,
    /// An article or paragraph of a law.
    pub is_article: bool,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

/// Longest line that is taken for the title of an article.
const TITLE_MAX: usize = 200;
/// Levels below those of headings that a format declares.
const LEVEL_CHAPTER: u8 = 7;
const LEVEL_PART: u8 = 8;
const LEVEL_ARTICLE: u8 = 9;

/// The sections in order; blocks before the first heading have a section without titles.
pub(super) fn outline(canonical: &Canonical) -> Vec<Section> {
    let mut sections = vec![Section { path: Vec::new(), is_article: false, blocks: Vec::new() }];
    let mut titles: Vec<(u8, String)> = Vec::new();
    for block in canonical.blocks.iter().flat_map(|block| apart(canonical, *block)) {
        let text = block.span.of(&canonical.text).unwrap_or_default();
        if let BlockKind::Heading { level } = block.kind {
            let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
            titles.retain(|(above, _)| *above < level);
            let is_article = level_of(&title) == Some(LEVEL_ARTICLE);
            titles.push((level, title));
            let path = titles.iter().map(|(_, title)| title.clone()).collect();
            sections.push(Section { path, is_article, blocks: Vec::new() });
        }
        if let Some(section) = sections.last_mut() {
            section.blocks.push(block);
        }
    }
    sections.retain(|section| !section.blocks.is_empty());
    sections
}

/// Longest text between a document's title and its first heading.
const FRONT_MAX: usize = 600;

/// What a document is called: its first line, when little more stands before its first heading below.
pub(super) fn title(canonical: &Canonical) -> Option<String> {
    let blocks: Vec<Block> =
        canonical.blocks.iter().take(20).flat_map(|block| apart(canonical, *block)).collect();
    let first = blocks.first()?;
    let next =
        blocks.iter().skip(1).find(|block| matches!(block.kind, BlockKind::Heading { .. }))?;
    let text = first.span.of(&canonical.text)?.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_front = next.span.start - first.span.end <= FRONT_MAX && level_of(&text).is_none();
    (is_front && !text.is_empty() && text.chars().count() <= TITLE_MAX).then_some(text)
}

/// The titles above the letter at byte `at`, the highest first.
pub fn section_at(canonical: &Canonical, at: usize) -> Vec<String> {
    let sections = outline(canonical);
    let begins =
        |section: &&Section| section.blocks.first().is_some_and(|block| block.span.start <= at);
    sections
        .iter()
        .take_while(begins)
        .last()
        .map(|section| section.path.clone())
        .unwrap_or_default()
}

/// Whether one of the titles is `wanted` or begins with it, at the end of a word: `Art. 6` is not `Art. 60`.
pub fn in_section(titles: &[String], wanted: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let wanted = plain(wanted);
    titles.iter().any(|title| {
        let title = plain(title);
        let behind = title.strip_prefix(&wanted).map(|rest| rest.chars().next());
        !wanted.is_empty()
            && behind.is_some_and(|next| next.is_none_or(|letter| !letter.is_alphanumeric()))
    })
}

/// Parts a paragraph whose first line is the title of an article; such a line alone becomes a heading.
fn apart(canonical: &Canonical, block: Block) -> Vec<Block> {
    let text = block.span.of(&canonical.text).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let level = level_of(first).filter(|_| block.kind == BlockKind::Paragraph);
    let Some(level) = level else { return vec![block] };
    let title = Block {
        kind: BlockKind::Heading { level },
        span: Span { start: block.span.start, end: block.span.start + first.len() },
    };
    let rest = text[first.len()..].trim_start();
    let start = block.span.start + text.len() - rest.len();
    let mut parts = vec![title];
    if !rest.is_empty() {
        parts.extend(apart(
            canonical,
            Block { kind: BlockKind::Paragraph, span: Span { start, end: block.span.end } },
        ));
    }
    parts
}

/// Level of a line that is the title of a chapter or an article: `2. Kapitel: …`, `Art. 6a …`, `§ 32 …`, `Article 23 …`.
fn level_of(line: &str) -> Option<u8> {
    let line = line.trim();
    let prose = line.ends_with(['.', ';', ',']) && !line.ends_with("Abs.");
    if line.is_empty() || line.chars().count() > TITLE_MAX || prose {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().take(3).collect();
    let first = words.first()?.trim_end_matches(':').to_lowercase();
    let second =
        words.get(1).map(|word| word.trim_end_matches([':', '.', ','])).unwrap_or_default();
    let counted = second.starts_with(|letter: char| letter.is_ascii_digit()) && second.len() <= 6;
    let roman =
        !second.is_empty() && second.chars().all(|letter| matches!(letter, 'I' | 'V' | 'X' | 'L'));
    let third = words.get(2).copied().unwrap_or_default();
    // «Art. 6 Abs. 2 regelt …» is a sentence, «Art. 6 Gegenstand» a title.
    let cites = third.starts_with(|letter: char| letter.is_lowercase())
        || ["Abs.", "Absatz", "Bst.", "Buchstabe", "al.", "let.", "cpv."].contains(&third);
    match first.as_str() {
        "art." | "artikel" | "article" | "articolo" | "§" if counted && !cites => {
            return Some(LEVEL_ARTICLE);
        }
        "chapter" | "chapitre" | "kapitel" | "capitolo" | "teil" | "part" | "partie" | "titre"
        | "titel" | "titolo"
            if counted || roman =>
        {
            return Some(LEVEL_CHAPTER);
        }
        "section" | "abschnitt" | "sezione" if counted || roman => return Some(LEVEL_PART),
        _ => {}
    }
    let numbered =
        first.ends_with('.') && first.starts_with(|letter: char| letter.is_ascii_digit());
    match second.to_lowercase().as_str() {
        "kapitel" | "titel" | "teil" | "chapitre" | "capitolo" if numbered => Some(LEVEL_CHAPTER),
        "abschnitt" | "section" | "sezione" if numbered => Some(LEVEL_PART),
        _ => None,
    }
}
