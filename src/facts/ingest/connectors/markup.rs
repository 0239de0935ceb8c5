//! Opening a document of XML that comes from outside.

use roxmltree::{Document, ParsingOptions};

use crate::facts::ingest::model::ReadError;

/// Nodes of the largest document that is read: a year of quarter hours, and forty currencies on every
/// working day since 1999, have a tenth of it.
const NODES_MAX: u32 = 4_000_000;

/// The document in `body`: UTF-8, with or without a mark of that, no type of its own, so that no entity
/// grows, and not more nodes than any document needs.
pub(super) fn open(body: &[u8]) -> Result<Document<'_>, ReadError> {
    let text =
        std::str::from_utf8(body).map_err(|_| ReadError::Broken("it is not UTF-8".to_owned()))?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..Default::default() };
    Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|error| ReadError::Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_open_with_a_mark_and_not_with_entities() {
        assert!(open("\u{feff}<a/>".as_bytes()).is_ok());
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        for (body, words) in [
            (bomb.as_bytes(), "DTD"),
            (b"<a>\xff</a>".as_slice(), "it is not UTF-8"),
            (b"<a>".as_slice(), "cannot be read"),
            (b"".as_slice(), "cannot be read"),
        ] {
            let error = open(body).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
