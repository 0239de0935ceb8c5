//! Rows of a large table that are kept while it comes: the others never stay in memory.

use bytes::BytesMut;

use crate::facts::ingest::{PointId, Points};
use crate::platform::outbound::Sieve;

/// Longest line that is kept; of something that is no table as much as an error quotes.
const LINE_BYTES_MAX: usize = 4 << 10;
/// Separator of the fields.
const SEPARATOR: u8 = b';';
/// Columns that together name a place: a number is unique within its kind only.
pub(super) const POINT_COLUMNS: [&str; 2] = ["point_id", "point_type_id"];

/// Keeps the header and the rows of some places; whatever is no such table is kept from its beginning,
/// so that an error can say what it is.
pub(super) struct RowsOf {
    points: Points,
    /// The line that is not at its end yet.
    line: Vec<u8>,
    /// Whether the line is longer than any that is kept.
    is_overlong: bool,
    state: State,
}

enum State {
    /// Nothing is known before the first line has ended.
    Header,
    /// A table; where number and kind of the place stand.
    Rows([usize; 2]),
    /// Anything else, of which so much may still be kept.
    Other(usize),
}

impl RowsOf {
    pub const fn new(points: Points) -> Self {
        Self { points, line: Vec::new(), is_overlong: false, state: State::Header }
    }

    /// The line has come to its end.
    fn end_line(&mut self, kept: &mut BytesMut) {
        let is_whole = !std::mem::take(&mut self.is_overlong);
        match self.state {
            State::Header => self.begin(is_whole, kept),
            State::Rows(places) => {
                if is_whole && is_of(&self.line, places, &self.points) {
                    kept.extend_from_slice(&self.line);
                    kept.extend_from_slice(b"\n");
                }
            }
            State::Other(_) => {}
        }
        self.line.clear();
    }

    /// Decides by the first line what comes.
    fn begin(&mut self, is_whole: bool, kept: &mut BytesMut) {
        let header: Vec<&[u8]> = self.line.split(|byte| *byte == SEPARATOR).collect();
        let place = |name: &str| {
            header.iter().position(|field| trimmed(field).eq_ignore_ascii_case(name.as_bytes()))
        };
        kept.extend_from_slice(&self.line);
        let places = POINT_COLUMNS.map(place);
        self.state = match places {
            [Some(number), Some(kind)] if is_whole => State::Rows([number, kind]),
            _ => State::Other(LINE_BYTES_MAX.saturating_sub(self.line.len())),
        };
        if is_whole {
            kept.extend_from_slice(b"\n");
        }
    }
}

impl Sieve for RowsOf {
    fn take(&mut self, bytes: &[u8], kept: &mut BytesMut) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let State::Other(left) = &mut self.state {
                let part = &rest[..rest.len().min(*left)];
                kept.extend_from_slice(part);
                *left -= part.len();
                return;
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let part = &rest[..end.unwrap_or(rest.len())];
            let room = LINE_BYTES_MAX - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            self.is_overlong |= part.len() > room;
            rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
            // A first line that is too long is none of a table.
            if end.is_some() || self.is_overlong && matches!(self.state, State::Header) {
                self.end_line(kept);
            }
        }
    }

    fn finish(&mut self, kept: &mut BytesMut) {
        // A last line without an end may have been cut off: whoever reads it shall see that.
        kept.extend_from_slice(&self.line);
        self.line.clear();
    }
}

/// A field without blanks and quotes around it.
fn trimmed(field: &[u8]) -> &[u8] {
    let field = field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field).trim_ascii();
    let quoted = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\""));
    quoted.unwrap_or(field)
}

/// Whether a row is of one of the places.
fn is_of(line: &[u8], places: [usize; 2], points: &Points) -> bool {
    let number = |place: usize| {
        let field = line.split(|byte| *byte == SEPARATOR).nth(place)?;
        std::str::from_utf8(trimmed(field)).ok()?.parse::<u32>().ok()
    };
    let [number, kind] = places.map(number);
    let kind = kind.and_then(|kind| u8::try_from(kind).ok());
    let point = kind.zip(number).and_then(|(kind, number)| PointId::new(kind, number));
    point.is_some_and(|point| points.contains(point))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "point_id;point_type_id;Date;tre200h0\r\n48;1;202611201000;4.1\r\n\
        800100;2;202611201000;4.4\r\n48;2;202611201000;9.9\r\n800100;2;202611201100;4.5\r\n";

    fn points() -> Points {
        "8001".parse().unwrap()
    }

    /// What is kept of bytes that come in pieces of a length; and the most that was held at a time.
    fn sifted(bytes: &[u8], piece: usize) -> (Vec<u8>, usize) {
        let (mut sieve, mut kept, mut most) = (RowsOf::new(points()), BytesMut::new(), 0);
        for part in bytes.chunks(piece.max(1)) {
            sieve.take(part, &mut kept);
            most = most.max(sieve.line.capacity());
        }
        sieve.finish(&mut kept);
        (kept.to_vec(), most)
    }

    #[test]
    fn rows_of_the_places_are_kept_however_the_pieces_are_cut() {
        let expected = "point_id;point_type_id;Date;tre200h0\r\n800100;2;202611201000;4.4\r\n\
            800100;2;202611201100;4.5\r\n";
        for piece in 1..=TABLE.len() {
            let kept = sifted(TABLE.as_bytes(), piece).0;
            assert_eq!(String::from_utf8(kept).unwrap(), expected, "{piece}");
        }
        // Columns in another order, in quotes.
        let other =
            "\"Date\";\"point_type_id\";tre200h0;\"point_id\"\n1;2;4.4;\"800100\"\n1;1;4;800100\n";
        let kept = String::from_utf8(sifted(other.as_bytes(), 7).0).unwrap();
        assert_eq!(kept.lines().nth(1), Some("1;2;4.4;\"800100\""));
        assert_eq!(kept.lines().count(), 2);
    }

    #[test]
    fn what_is_cut_off_shows_and_what_is_no_table_is_kept_from_its_beginning() {
        let cut = &TABLE.as_bytes()[..TABLE.len() - 30];
        let kept = String::from_utf8(sifted(cut, 11).0).unwrap();
        assert!(kept.ends_with("48;2;202611201000;9."), "{kept}");
        let page = format!("<html>\n{}", "<p>away</p>".repeat(100_000));
        for piece in [1, 100, 1 << 20] {
            let kept = sifted(page.as_bytes(), piece).0;
            assert!(
                kept.starts_with(b"<html>\n<p>") && kept.len() <= LINE_BYTES_MAX + 1,
                "{piece}"
            );
        }
        // A line without an end costs no more than one with.
        let endless =
            [TABLE.as_bytes(), &vec![b'8'; 1 << 20], b"\n800100;2;202611201200;5\n"].concat();
        let (kept, most) = sifted(&endless, 1_000);
        assert!(kept.ends_with(b";4.5\r\n800100;2;202611201200;5\n"));
        assert!(most <= 2 * LINE_BYTES_MAX, "{most}");
    }

    proptest! {
        #[test]
        fn pieces_never_matter_and_nothing_grows(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b';'), Just(b'8'), any::<u8>()], 0..3_000),
            has_header in any::<bool>(), piece in 1_usize..500
        ) {
            let head: &[u8] = if has_header { b"point_id;point_type_id;Date;x\n" } else { b"" };
            let all = [head, &bytes].concat();
            let (kept, most) = sifted(&all, piece);
            prop_assert_eq!(&kept, &sifted(&all, all.len()).0);
            prop_assert!(kept.len() <= all.len() + 1 && most <= 2 * LINE_BYTES_MAX);
        }
    }
}
