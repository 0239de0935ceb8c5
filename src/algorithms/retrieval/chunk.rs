//! Cuts a document into passages along its own structure.

use crate::algorithms::retrieval::outline::{Section, outline, title};
use crate::algorithms::retrieval::{Block, BlockKind, Canonical, Language, Span, sentences};

/// Sizes of chunks, in the tokens of whoever embeds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit stands first, as in the settings")]
pub struct ChunkSettings {
    /// Size that is aimed at.
    pub tokens_target: usize,
    /// Size that no chunk exceeds.
    pub tokens_max: usize,
    /// How much of the passage before is repeated, inside a section only.
    pub tokens_overlap: usize,
}

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where it stands in the canonical text; what is quoted comes from here.
    pub span: Span,
    /// Page on which it begins.
    pub page: u32,
    /// Page on which it ends.
    pub page_end: u32,
    /// Titles above it, the highest first.
    pub section: Vec<String>,
    /// What is said above it and not in it: the document's title, those of its sections, the header of its table.
    pub heading_text: String,
}

impl Chunk {
    /// What is indexed and embedded: the titles and the text.
    pub fn search_text(&self, canonical: &Canonical) -> String {
        let text = self.span.of(&canonical.text).unwrap_or_default();
        if self.heading_text.is_empty() {
            text.to_owned()
        } else {
            format!("{}\n{text}", self.heading_text)
        }
    }
}

/// A stretch that is not cut further.
#[derive(Debug, Clone, Copy)]
struct Piece {
    span: Span,
    tokens: usize,
    page: u32,
    header: Option<Span>,
    is_row: bool,
}

/// Pieces that become a chunk.
#[derive(Debug, Clone)]
struct Draft {
    pieces: Vec<Piece>,
    section: Vec<String>,
    /// An article of a law: stands alone, however short.
    alone: bool,
    /// Follows the draft before in the same section.
    follows: bool,
}

impl Draft {
    fn tokens(&self) -> usize {
        self.pieces.iter().map(|piece| piece.tokens).sum()
    }

    fn page(&self) -> Option<u32> {
        self.pieces.first().map(|piece| piece.page)
    }
}

/// The passages of a document in order. Together they hold every letter of every block.
///
/// A chunk ends where its section ends and where the page turns (a paragraph that runs across the turn stays whole).
/// Paragraphs that are too long are cut between sentences. Pieces too short to say anything join their neighbour,
/// except articles of a law, which are what such texts are cited by.
pub fn chunk(
    canonical: &Canonical,
    settings: &ChunkSettings,
    tokens: &dyn Fn(&str) -> usize,
) -> Vec<Chunk> {
    let cutter = Cutter { canonical, settings, tokens, title: title(canonical) };
    let mut drafts: Vec<Draft> = Vec::new();
    let mut waiting: Vec<Piece> = Vec::new();
    let sections = outline(canonical);
    for section in &sections {
        let mut pieces: Vec<Piece> =
            section.blocks.iter().flat_map(|block| cutter.pieces(block)).collect();
        let only_title =
            section.blocks.iter().all(|block| matches!(block.kind, BlockKind::Heading { .. }));
        let same_page = waiting
            .last()
            .is_none_or(|last| pieces.first().is_none_or(|first| first.page == last.page));
        if !same_page {
            drafts.extend(cutter.group(std::mem::take(&mut waiting), section));
        }
        waiting.append(&mut pieces);
        if !only_title {
            drafts.extend(cutter.group(std::mem::take(&mut waiting), section));
        }
    }
    if let Some(last) = sections.last() {
        drafts.extend(cutter.group(waiting, last));
    }
    cutter.merge(drafts).windows_of_overlap(&cutter)
}

struct Cutter<'a> {
    canonical: &'a Canonical,
    settings: &'a ChunkSettings,
    tokens: &'a dyn Fn(&str) -> usize,
    /// What the document is called, where it begins with that.
    title: Option<String>,
}

impl Cutter<'_> {
    fn text(&self, span: Span) -> &str {
        span.of(&self.canonical.text).unwrap_or_default()
    }

    /// A block in pieces of at most the largest size.
    fn pieces(&self, block: &Block) -> Vec<Piece> {
        let header = match block.kind {
            BlockKind::TableRow { header } => header,
            _ => None,
        };
        let is_row = matches!(block.kind, BlockKind::TableRow { .. } | BlockKind::TableHeader);
        let text = self.text(block.span);
        if text.trim().is_empty() {
            return Vec::new();
        }
        let whole = (self.tokens)(text);
        let spans = if whole <= self.settings.tokens_max {
            vec![(block.span, whole)]
        } else {
            self.cut(block.span)
        };
        let piece = |(span, tokens): (Span, usize)| Piece {
            span,
            tokens,
            page: self.canonical.page_of(span.start),
            header,
            is_row,
        };
        spans.into_iter().map(piece).collect()
    }

    /// Cuts between sentences, and between words where a sentence alone is too long.
    fn cut(&self, span: Span) -> Vec<(Span, usize)> {
        let text = self.text(span);
        let language = Language::detect(text).unwrap_or(Language::English);
        let mut units: Vec<Span> = Vec::new();
        for sentence in sentences(text, language) {
            self.cut_words(text, sentence, &mut units);
        }
        let mut cut: Vec<(Span, usize)> = Vec::new();
        for unit in units {
            let unit = Span { start: span.start + unit.start, end: span.start + unit.end };
            let tokens = (self.tokens)(self.text(unit));
            match cut.last_mut() {
                Some((last, so_far)) if *so_far + tokens <= self.settings.tokens_target => {
                    last.end = unit.end;
                    *so_far += tokens;
                }
                _ => cut.push((unit, tokens)),
            }
        }
        cut
    }

    /// A sentence in stretches of whole words that are not too long (halved until they fit).
    fn cut_words(&self, text: &str, sentence: Span, units: &mut Vec<Span>) {
        let words = &text[sentence.start..sentence.end];
        let middle = words.len() / 2;
        let near = |at: &usize| at.abs_diff(middle);
        let blank = words
            .match_indices(char::is_whitespace)
            .map(|(at, _)| at)
            .filter(|&at| at > 0)
            .min_by_key(near);
        let within = words.char_indices().map(|(at, _)| at).filter(|&at| at > 0).min_by_key(near);
        let fits = (self.tokens)(words) <= self.settings.tokens_max;
        let Some(at) = blank.or(within).filter(|_| !fits) else {
            units.push(sentence);
            return;
        };
        let rest = words[at..].trim_start();
        self.cut_words(
            text,
            Span { start: sentence.start, end: sentence.start + words[..at].trim_end().len() },
            units,
        );
        if !rest.is_empty() {
            self.cut_words(
                text,
                Span { start: sentence.end - rest.len(), end: sentence.end },
                units,
            );
        }
    }

    /// Pieces of a section in drafts of about the size that is aimed at, each on one page.
    fn group(&self, pieces: Vec<Piece>, section: &Section) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for piece in pieces {
            match drafts.last_mut() {
                Some(draft)
                    if draft.page() == Some(piece.page)
                        && draft.tokens() + piece.tokens <= self.settings.tokens_target =>
                {
                    draft.pieces.push(piece);
                }
                last => {
                    let follows = last.is_some();
                    drafts.push(Draft {
                        pieces: vec![piece],
                        section: section.path.clone(),
                        alone: section.is_article,
                        follows,
                    });
                }
            }
        }
        drafts
    }

    /// Lets drafts that are too short join the one before.
    fn merge(&self, drafts: Vec<Draft>) -> Drafts {
        let short = self.settings.tokens_target / 4;
        let mut merged: Vec<Draft> = Vec::new();
        for draft in drafts {
            let joins = merged.last().is_some_and(|last| {
                let small = last.tokens() < short || draft.tokens() < short;
                let fits = last.tokens() + draft.tokens()
                    <= if draft.follows {
                        self.settings.tokens_max
                    } else {
                        self.settings.tokens_target
                    };
                let parents = |path: &[String]| {
                    path.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default()
                };
                let kin = draft.follows
                    || parents(&last.section) == parents(&draft.section)
                    || draft.section.starts_with(&last.section);
                let free = draft.follows || !(last.alone || draft.alone);
                small && fits && kin && free && last.page() == draft.page()
            });
            match merged.last_mut() {
                Some(last) if joins => {
                    let common = last
                        .section
                        .iter()
                        .zip(&draft.section)
                        .take_while(|(left, right)| left == right)
                        .count();
                    last.section.truncate(common);
                    last.pieces.extend(draft.pieces);
                }
                _ => merged.push(draft),
            }
        }
        Drafts(merged)
    }

    /// Where the repetition of the draft before begins; its end when nothing is repeated.
    fn overlap_start(&self, before: &Draft, draft: &Draft) -> Option<usize> {
        let (first, last) = (before.pieces.first()?, before.pieces.last()?);
        let room = self
            .settings
            .tokens_max
            .saturating_sub(draft.tokens())
            .min(self.settings.tokens_overlap);
        if room == 0 || last.is_row || last.page != draft.page()? {
            return None;
        }
        let span = Span { start: first.span.start.max(last.span.start), end: last.span.end };
        let text = self.text(span);
        let language = Language::detect(text).unwrap_or(Language::English);
        let mut used = 0;
        let mut start = None;
        for sentence in
            sentences(text, language).into_iter().rev().filter(|sentence| sentence.start > 0)
        {
            used += (self.tokens)(&text[sentence.start..sentence.end]);
            if used > room {
                break;
            }
            start = Some(span.start + sentence.start);
        }
        start
    }
}

struct Drafts(Vec<Draft>);

impl Drafts {
    fn windows_of_overlap(self, cutter: &Cutter<'_>) -> Vec<Chunk> {
        let drafts = self.0;
        let mut chunks = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            let (Some(first), Some(last)) = (draft.pieces.first(), draft.pieces.last()) else {
                continue;
            };
            let before =
                index.checked_sub(1).map(|before| &drafts[before]).filter(|_| draft.follows);
            let start = before
                .and_then(|before| cutter.overlap_start(before, draft))
                .unwrap_or(first.span.start);
            let span = Span { start, end: last.span.end };
            let root = cutter
                .title
                .as_ref()
                .filter(|title| first.span.start > 0 && draft.section.first() != Some(title));
            let path: Vec<&str> =
                root.into_iter().chain(&draft.section).map(String::as_str).collect();
            let mut heading_text = path.join(" › ");
            let header = first
                .header
                .filter(|header| !span.covers(*header))
                .map(|header| cutter.text(header));
            if let Some(header) = header {
                heading_text = format!("{heading_text}\n{header}");
            }
            let page_end = cutter.canonical.page_of(span.end.saturating_sub(1));
            let page = cutter.canonical.page_of(span.start);
            chunks.push(Chunk {
                span,
                page,
                page_end,
                section: draft.section.clone(),
                heading_text,
            });
        }
        chunks
    }
}
