//! Chunks follow the structure and lose nothing.

use proptest::prelude::*;

use crate::algorithms::retrieval::chunk::Chunk;
use crate::algorithms::retrieval::{
    Block, BlockKind, Canonical, ChunkSettings, Page, Span, chunk, in_section, section_at,
};

const SETTINGS: ChunkSettings =
    ChunkSettings { tokens_target: 40, tokens_max: 60, tokens_overlap: 10 };

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// A document of blocks; `None` turns the page.
fn document(parts: &[Option<(BlockKind, &str)>]) -> Canonical {
    let mut canonical = Canonical::default();
    let mut header = None;
    let mut page_start = 0;
    for part in parts {
        let Some((kind, text)) = part else {
            let number = u32::try_from(canonical.pages.len() + 1).unwrap();
            canonical
                .pages
                .push(Page { number, span: Span { start: page_start, end: canonical.text.len() } });
            page_start = canonical.text.len();
            continue;
        };
        if !canonical.text.is_empty() {
            canonical.text.push('\n');
        }
        let start = canonical.text.len();
        canonical.text.push_str(text);
        let span = Span { start, end: canonical.text.len() };
        let kind = match kind {
            BlockKind::TableHeader => {
                header = Some(span);
                *kind
            }
            BlockKind::TableRow { .. } => BlockKind::TableRow { header },
            _ => *kind,
        };
        canonical.blocks.push(Block { kind, span });
    }
    let number = u32::try_from(canonical.pages.len() + 1).unwrap();
    canonical
        .pages
        .push(Page { number, span: Span { start: page_start, end: canonical.text.len() } });
    canonical
}

const P: BlockKind = BlockKind::Paragraph;
const ROW: BlockKind = BlockKind::TableRow { header: None };

fn h(level: u8) -> BlockKind {
    BlockKind::Heading { level }
}

fn text<'a>(canonical: &'a Canonical, chunk: &Chunk) -> &'a str {
    chunk.span.of(&canonical.text).unwrap()
}

#[test]
fn articles_of_a_law_stand_alone_with_their_titles() {
    let canonical = document(&[
        Some((h(1), "1. Kapitel: Allgemeines")),
        Some((h(3), "Art. 1 Zweck")),
        Some((P, "Dieses Gesetz regelt den Strom.")),
        Some((h(3), "Art. 2 Begriffe")),
        Some((P, "Strom ist elektrische Energie.")),
    ]);
    let chunks = chunk(&canonical, &SETTINGS, &count);
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[0].section, ["1. Kapitel: Allgemeines", "Art. 1 Zweck"]);
    assert_eq!(text(&canonical, &chunks[1]), "Art. 2 Begriffe\nStrom ist elektrische Energie.");
    assert!(
        chunks[1]
            .search_text(&canonical)
            .starts_with("1. Kapitel: Allgemeines › Art. 2 Begriffe\n")
    );
}

#[test]
fn articles_that_are_only_paragraphs_are_found_too() {
    let canonical = document(&[
        Some((P, "Art. 1 Zweck\nDieses Gesetz regelt den Strom.")),
        Some((P, "Art. 2 Begriffe")),
        Some((P, "Strom ist Energie.")),
    ]);
    let chunks = chunk(&canonical, &SETTINGS, &count);
    assert_eq!(
        chunks.iter().map(|chunk| chunk.section.join("/")).collect::<Vec<_>>(),
        ["Art. 1 Zweck", "Art. 2 Begriffe"]
    );
    let at = canonical.text.find("Energie").unwrap();
    assert_eq!(section_at(&canonical, at), ["Art. 2 Begriffe"]);
}

#[test]
fn a_section_is_matched_at_the_end_of_a_word() {
    let titles = |title: &str| vec!["Kapitel".to_owned(), title.to_owned()];
    assert!(in_section(&titles("Art. 6 Pflicht"), "Art. 6"));
    assert!(in_section(&titles("Art. 6"), "art. 6"));
    assert!(!in_section(&titles("Art. 60 Pflicht"), "Art. 6"));
    assert!(!in_section(&titles("Art. 6a Pflicht"), "Art. 6"));
    assert!(in_section(&titles("§ 32 – Preise"), "§ 32"));
    assert!(!in_section(&titles("§ 32 – Preise"), "§ 3"));
    assert!(!in_section(&titles("Art. 6"), ""));
}

#[test]
fn a_page_ends_a_chunk_unless_a_paragraph_runs_across() {
    let canonical = document(&[
        Some((P, "One on the first page.")),
        None,
        Some((P, "Two on the second page.")),
        Some((P, "Three on the second page.")),
    ]);
    let chunks = chunk(&canonical, &SETTINGS, &count);
    assert_eq!(
        chunks.iter().map(|chunk| (chunk.page, chunk.page_end)).collect::<Vec<_>>(),
        [(1, 1), (2, 2)]
    );

    let mut across = document(&[Some((P, "One begins here and goes on over there."))]);
    let middle = across.text.find("goes").unwrap();
    let end = across.text.len();
    across.pages = vec![
        Page { number: 1, span: Span { start: 0, end: middle } },
        Page { number: 2, span: Span { start: middle, end } },
    ];
    let chunks = chunk(&across, &SETTINGS, &count);
    assert_eq!((chunks.len(), chunks[0].page, chunks[0].page_end), (1, 1, 2));
}

#[test]
fn rows_far_from_their_header_bring_it_along() {
    let rows: Vec<String> = (0..30).map(|row| format!("Plant {row} | {row}.5 | 2019")).collect();
    let mut parts = vec![Some((BlockKind::TableHeader, "Name | MW | Year"))];
    parts.extend(rows.iter().map(|row| Some((ROW, row.as_str()))));
    let canonical = document(&parts);
    let chunks = chunk(&canonical, &SETTINGS, &count);
    assert!(chunks.len() > 2);
    for later in &chunks[1..] {
        assert!(later.search_text(&canonical).contains("Name | MW | Year"));
        assert!(!text(&canonical, later).contains("Name | MW | Year"));
    }
}

#[test]
fn long_paragraphs_are_cut_between_sentences_and_overlap_within_the_section() {
    let sentences: Vec<String> = (0..20)
        .map(|number| format!("Sentence number {number} says something about the tariff."))
        .collect();
    let long = sentences.join(" ");
    let canonical = document(&[
        Some((h(1), "Tariffs")),
        Some((P, &long)),
        Some((h(1), "Other")),
        Some((P, "Something else entirely, long enough to stand on its own feet.")),
    ]);
    let chunks = chunk(&canonical, &SETTINGS, &count);
    assert!(chunks.len() > 4);
    for pair in chunks.windows(2) {
        let shared = pair[1].span.start < pair[0].span.end;
        assert_eq!(shared, pair[0].section == pair[1].section, "overlap inside a section only");
        assert!(count(text(&canonical, &pair[0])) <= SETTINGS.tokens_max);
    }
    assert!(chunks.iter().all(|chunk| text(&canonical, chunk).ends_with(['.', 't'])));
}

#[test]
fn crumbs_join_their_neighbour() {
    let canonical = document(&[
        Some((h(1), "A")),
        Some((P, "Tiny.")),
        Some((h(2), "B")),
        Some((P, "Small.")),
        Some((h(2), "C")),
        Some((P, "Little.")),
    ]);
    let chunks = chunk(&canonical, &SETTINGS, &count);
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].section, ["A"]);
}

fn parts() -> impl Strategy<Value = Vec<Option<(BlockKind, String)>>> {
    let kind = prop_oneof![
        3 => Just(P),
        1 => Just(BlockKind::ListItem),
        1 => (1u8..4).prop_map(h),
        1 => Just(BlockKind::TableHeader),
        1 => Just(ROW),
    ];
    let block = (kind, "[A-ZÄa-zé]{1,9}( [a-zä0-9.;]{1,12}){0,90}[.]?").prop_map(Some);
    prop::collection::vec(prop_oneof![9 => block, 1 => Just(None)], 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_hold_every_block_and_never_exceed_the_largest_size(parts in parts()) {
        let borrowed: Vec<Option<(BlockKind, &str)>> = parts.iter().map(|part| part.as_ref().map(|(kind, text)| (*kind, text.as_str()))).collect();
        let canonical = document(&borrowed);
        let chunks = chunk(&canonical, &SETTINGS, &count);
        for one in &chunks {
            prop_assert!(one.span.of(&canonical.text).is_some_and(|text| !text.trim().is_empty()));
            prop_assert!(count(text(&canonical, one)) <= SETTINGS.tokens_max);
            prop_assert!(one.page <= one.page_end);
        }
        for block in &canonical.blocks {
            for (at, letter) in block.span.of(&canonical.text).unwrap().char_indices().filter(|(_, letter)| !letter.is_whitespace()) {
                let at = block.span.start + at;
                prop_assert!(chunks.iter().any(|one| one.span.start <= at && at < one.span.end), "{letter} at {at} is in no chunk");
            }
        }
        prop_assert!(chunks.windows(2).all(|pair| pair[0].span.end <= pair[1].span.end));
    }
}
