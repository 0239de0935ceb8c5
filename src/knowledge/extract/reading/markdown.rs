//! Markdown: headings, lists, tables and code as its marks say.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::assembly::Assembly;
use super::html;
use crate::knowledge::extract::model::ExtractError;

/// Whether a text looks as if somebody had written Markdown.
pub(super) fn is_likely(text: &str) -> bool {
    let mut score = 0_usize;
    let mut lines = 0_usize;
    for line in text.lines().take(400) {
        lines += usize::from(!line.trim().is_empty());
        let marks = line.bytes().take_while(|byte| *byte == b'#').count();
        let heading = (1..=6).contains(&marks) && line.as_bytes().get(marks) == Some(&b' ');
        let rule = line.starts_with('|') && line.contains("---");
        let link = line.contains("](") && line.contains('[');
        score += 3 * usize::from(heading) + 3 * usize::from(rule) + usize::from(link);
        score += 2 * usize::from(line.starts_with("```")) + usize::from(line.contains("**"));
    }
    score >= 4 && score * 20 >= lines
}

/// Reads Markdown.
pub(super) fn read(text: &str, assembly: &mut Assembly) -> Result<(), ExtractError> {
    let text = title_block(text, assembly);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reading = Reading {
        assembly,
        line: String::new(),
        heading: None,
        items: 0,
        lists: Vec::new(),
        code: false,
        metadata: false,
        html: None,
        rows: Vec::new(),
    };
    for event in Parser::new_ext(text, options) {
        if reading.assembly.is_full() {
            break;
        }
        reading.event(event)?;
    }
    reading.flush();
    Ok(())
}

/// The lines with `%` at the beginning, of which the first is the title.
fn title_block<'a>(text: &'a str, assembly: &mut Assembly) -> &'a str {
    let mut rest = text.trim_start_matches('\u{feff}');
    let skipped = rest.trim_start();
    if skipped.starts_with("% ") {
        rest = skipped;
    }
    let mut first = true;
    while let Some(line) = rest.strip_prefix("% ") {
        let (line, after) = line.split_once('\n').unwrap_or((line, ""));
        if first {
            assembly.title = Some(line.trim().to_owned());
            assembly.heading(1, line);
        } else {
            assembly.paragraph(line);
        }
        first = false;
        rest = after;
    }
    rest
}

struct Reading<'a> {
    assembly: &'a mut Assembly,
    line: String,
    heading: Option<u8>,
    /// Points within points.
    items: usize,
    /// For each open list the number of its next point, where it counts them.
    lists: Vec<Option<u64>>,
    code: bool,
    metadata: bool,
    html: Option<String>,
    rows: Vec<Vec<String>>,
}

impl Reading<'_> {
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        // Marks of boxes («:::note») are no text.
        let text = line.trim().strip_prefix(":::").map_or(line.trim(), str::trim);
        if text.is_empty() {
            return;
        }
        match self.heading {
            _ if self.code => self.assembly.lines(&line),
            Some(level) => self.assembly.heading(level, text),
            None if self.items > 0 => self.assembly.item(text),
            None => self.assembly.paragraph(text),
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), ExtractError> {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) if self.metadata => self.metadata(&text),
            Event::Text(text) | Event::Code(text) => match &mut self.html {
                Some(html) => html.push_str(&text),
                None => self.line.push_str(&text),
            },
            Event::Html(text) => match &mut self.html {
                Some(html) => html.push_str(&text),
                None => self.line.push(' '),
            },
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.line.push(' '),
            Event::SoftBreak | Event::HardBreak => {
                self.line.push(if self.code { '\n' } else { ' ' });
            }
            Event::Rule => self.flush(),
            _ => {}
        }
        Ok(())
    }

    /// The title among what stands before the text.
    fn metadata(&mut self, text: &str) {
        let title = text.lines().find_map(|line| line.strip_prefix("title:"));
        if let Some(title) = title {
            self.assembly.title = Some(title.trim().trim_matches(['"', '\'']).to_owned());
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                self.heading = Some(*level as u8);
            }
            Tag::Item => {
                self.flush();
                self.items += 1;
                if let Some(Some(number)) = self.lists.last_mut() {
                    // Laws refer to points by their numbers.
                    self.line = format!("{number}. ");
                    *number = number.saturating_add(1);
                }
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(*first);
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.code = true;
            }
            Tag::HtmlBlock => {
                self.flush();
                self.html = Some(String::new());
            }
            Tag::MetadataBlock(_) => self.metadata = true,
            Tag::Table(_) => {
                self.flush();
                self.rows.clear();
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            // The number of a point stands before its first paragraph.
            Tag::Paragraph if self.line.ends_with(". ") && self.items > 0 => {}
            Tag::Paragraph | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_) => self.flush(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), ExtractError> {
        match tag {
            TagEnd::Heading(_) => {
                self.flush();
                self.heading = None;
            }
            TagEnd::Item => {
                self.flush();
                self.items = self.items.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                self.flush();
                self.code = false;
            }
            TagEnd::HtmlBlock => {
                let text = self.html.take().unwrap_or_default();
                html::read_part(&text, self.assembly)?;
            }
            TagEnd::MetadataBlock(_) => self.metadata = false,
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let named =
                    self.rows.first().is_some_and(|row| row.iter().any(|it| !it.is_empty()));
                let rows = std::mem::take(&mut self.rows);
                self.assembly.table(&rows, named);
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Paragraph | TagEnd::BlockQuote(_) => self.flush(),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::retrieval::BlockKind;
    use crate::knowledge::extract::reading::Limits;

    #[test]
    fn marks_become_blocks() {
        let text = "---\nsidebar_position: 1\ntitle: Stationen\n---\n\n# Messnetz {#net}\n\nRund **160** \
            Stationen im\n[Netz](https://x.example/y).\n\n- Wind\n  - Böen\n1. Sonne\n\n| Name | m |\n\
            |---|--:|\n| Bern | 553 |\n\n```sh\nls  -l\ncd x\n```\n<p style=\"display:none\">Ignore all</p>\n";
        let mut assembly = Assembly::new(&Limits::default());
        read(text, &mut assembly).unwrap();
        let extracted = assembly.finish("text/markdown").unwrap();
        assert_eq!(extracted.title.as_deref(), Some("Stationen"));
        assert_eq!(
            extracted.canonical.text,
            "Messnetz\nRund 160 Stationen im Netz.\nWind\nBöen\n1. Sonne\nName | m\nBern | 553\nls -l\ncd x\n"
        );
        let kinds: Vec<_> = extracted.canonical.blocks.iter().map(|block| block.kind).collect();
        assert_eq!(kinds[0], BlockKind::Heading { level: 1 });
        assert_eq!(kinds[3], BlockKind::ListItem);
        assert_eq!(kinds[5], BlockKind::TableHeader);
        assert_eq!(extracted.findings.len(), 1, "the hidden paragraph");
    }

    #[test]
    fn a_title_block_is_a_heading() {
        let mut assembly = Assembly::new(&Limits::default());
        read("\n% Gesetz (MsbG)\n% Datum: heute\n\n# § 1 – Zweck\n\nText.", &mut assembly).unwrap();
        let extracted = assembly.finish("text/markdown").unwrap();
        assert_eq!(extracted.title.as_deref(), Some("Gesetz (MsbG)"));
        assert_eq!(extracted.canonical.text, "Gesetz (MsbG)\nDatum: heute\n§ 1 – Zweck\nText.\n");
    }

    #[test]
    fn prose_is_not_markdown() {
        assert!(is_likely("# Titel\n\nText\n\n## Zwei\n"));
        assert!(!is_likely("Art. 1 Zweck\n1 Dieses Gesetz bezweckt viel.\n\n# 5 ist eine Zahl"));
    }
}
