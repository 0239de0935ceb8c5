//! XML of office files, piece by piece: no entities of its own, no depth without end, names without prefix.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::knowledge::extract::model::ExtractError;

/// Elements within elements.
const DEPTH_MAX: usize = 512;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// An element begins.
    Open(Element),
    /// The element of this name ends; an empty one, too.
    Close(String),
    /// Letters.
    Text(String),
}

/// Name and attributes without their prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The values of all attributes of this name, whatever their prefixes.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether an attribute of on and off says on; absent counts as on.
    pub fn is_on(&self) -> bool {
        !matches!(self.get("val"), Some("0" | "false" | "off"))
    }
}

/// The pieces of a document.
pub(super) struct Pieces<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    /// The end of an element without content, to be told next.
    end: Option<String>,
}

fn broken(error: impl std::fmt::Display) -> ExtractError {
    ExtractError::Broken { reason: format!("its XML cannot be read: {error}") }
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl<'a> Pieces<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Self { reader: Reader::from_reader(bytes), depth: 0, end: None }
    }

    /// The next piece; absent at the end.
    pub fn next(&mut self) -> Result<Option<Piece>, ExtractError> {
        if let Some(name) = self.end.take() {
            return Ok(Some(Piece::Close(name)));
        }
        loop {
            let piece = match self.reader.read_event().map_err(broken)? {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        let limit = format!("its XML is nested deeper than {DEPTH_MAX} elements");
                        return Err(ExtractError::Limit { limit });
                    }
                    Piece::Open(element(&start))
                }
                Event::Empty(start) => {
                    let element = element(&start);
                    self.end = Some(element.name.clone());
                    Piece::Open(element)
                }
                Event::End(end) => {
                    self.depth = self.depth.saturating_sub(1);
                    Piece::Close(local(end.local_name().as_ref()))
                }
                Event::Text(text) => Piece::Text(text.decode().map_err(broken)?.into_owned()),
                Event::CData(text) => Piece::Text(text.decode().map_err(broken)?.into_owned()),
                Event::GeneralRef(name) => match name.resolve_char_ref().map_err(broken)? {
                    Some(letter) => Piece::Text(letter.to_string()),
                    None => Piece::Text(entity(&name.decode().map_err(broken)?).to_owned()),
                },
                Event::DocType(declared) => {
                    let declared = declared.decode().map_err(broken)?.to_ascii_uppercase();
                    if declared.contains("<!ENTITY") {
                        let reason =
                            "its XML declares entities of its own, which no office file does";
                        return Err(ExtractError::Broken { reason: reason.to_owned() });
                    }
                    continue;
                }
                Event::Eof => return Ok(None),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            };
            return Ok(Some(piece));
        }
    }

    /// Passes over everything up to the end of the element that was opened last.
    pub fn skip(&mut self) -> Result<(), ExtractError> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Some(Piece::Open(_)) => open += 1,
                Some(Piece::Close(_)) => open -= 1,
                Some(Piece::Text(_)) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

/// The five entities that XML knows; others mean nothing here.
fn entity(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    let mut attributes = start.attributes();
    let attributes = attributes.with_checks(false).flatten().map(|attribute| {
        let raw = String::from_utf8_lossy(&attribute.value);
        let value = quick_xml::escape::unescape(&raw);
        (
            local(attribute.key.local_name().as_ref()),
            value.map_or_else(|_| raw.to_string(), Into::into),
        )
    });
    Element { name: local(start.local_name().as_ref()), attributes: attributes.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Piece>, ExtractError> {
        let mut pieces = Pieces::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(piece) = pieces.next()? {
            found.push(piece);
        }
        Ok(found)
    }

    #[test]
    fn pieces_come_in_order_without_prefixes() {
        let found = all("<w:p w:x='1 &amp; 2'>a&lt;b&#252;<w:tab/></w:p>").unwrap();
        let open = |name: &str, attributes: &[(&str, &str)]| {
            let attributes = attributes.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            Piece::Open(Element { name: name.into(), attributes })
        };
        let text = |text: &str| Piece::Text(text.into());
        let expected = [
            open("p", &[("x", "1 & 2")]),
            text("a"),
            text("<"),
            text("b"),
            text("ü"),
            open("tab", &[]),
            Piece::Close("tab".into()),
            Piece::Close("p".into()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn entities_and_depth_end_with_a_reason() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert!(matches!(all(bomb), Err(ExtractError::Broken { .. })));
        assert!(matches!(all(&"<a>".repeat(600)), Err(ExtractError::Limit { .. })));
        assert!(matches!(all("<a></b>"), Err(ExtractError::Broken { .. })));
        assert_eq!(all("<a>&x;</a>").unwrap()[1], Piece::Text(String::new()));
    }
}
