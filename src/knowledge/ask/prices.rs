//! Prices of a kilowatt hour in the text of a sheet: the number, its unit, what it is for, and VAT.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

use super::numbers::{Number, numbers, unit_at};

/// Letters before a price in which words say what it is for, where its own line does not.
const WORDS_BEFORE: usize = 160;
/// Letters before a price in which VAT may be mentioned.
const VAT_BEFORE: usize = 4_000;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SheetItem)]
pub enum Item {
    /// Energy.
    Energy,
    /// The use of the grid.
    Grid,
    /// Everything together.
    Total,
    /// What is paid for energy that is fed in.
    FeedIn,
}

/// At which hours it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SheetHours)]
pub enum Hours {
    /// At all hours, or it is not said.
    Any,
    /// At dear hours.
    High,
    /// At cheap hours.
    Low,
}

/// Whether value added tax is in a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SheetVat)]
pub enum Vat {
    /// It is.
    Included,
    /// It is not.
    Excluded,
    /// The sheet does not say.
    Unknown,
}

/// A price in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundPrice {
    /// What it is for.
    pub item: Item,
    /// At which hours.
    pub hours: Hours,
    /// As written, without its unit.
    pub written: String,
    /// `rp/kwh` or `chf/kwh`.
    pub unit: &'static str,
    /// The same in CHF/kWh.
    pub chf_kwh: f64,
    /// Whether VAT is in it.
    pub vat: Vat,
    /// The line it stands in, in bytes of the text.
    pub line: Range<usize>,
}

/// Units of prices, with what turns them into CHF/kWh.
const UNITS: [(&str, f64); 2] = [("rp/kwh", 0.01), ("chf/kwh", 1.0)];

const FEED_IN: &[&str] = &[
    "rücklieferung",
    "einspeise",
    "rückspeise",
    "eingespeist",
    "feed-in",
    "feed in",
    "reprise",
    "injecté",
    "ripresa",
    "immessa",
];
const GRID: &[&str] =
    &["netznutzung", "netzentgelt", "netztarif", "netz ", "grid", "réseau", "acheminement", "rete"];
const TOTAL: &[&str] =
    &["gesamt", "total", "integriert", "all-in", "alles inklusive", "complessivo"];
const ENERGY: &[&str] = &[
    "arbeitspreis",
    "energiepreis",
    "energietarif",
    "energielieferung",
    "energie",
    "energy",
    "énergie",
    "energia",
    "stromlieferung",
    "hochtarif",
    "niedertarif",
    "einheitstarif",
    "einfachtarif",
    "doppeltarif",
];
const LEVIES: &[&str] = &[
    "netzzuschlag",
    "systemdienst",
    "sdl",
    "abgabe",
    "stromreserve",
    "förderabgabe",
    "konzession",
    "levy",
    "levies",
    "supplément",
    "taxe",
    "tassa",
];
const HIGH: &[&str] = &[
    "hochtarif",
    "hochlast",
    "high tariff",
    "heures pleines",
    "tarif haut",
    "tariffa alta",
    "(ht)",
];
const LOW: &[&str] = &[
    "niedertarif",
    "schwachlast",
    "low tariff",
    "heures creuses",
    "tarif bas",
    "tariffa bassa",
    "(nt)",
];
const INCLUDED: &[&str] = &[
    "inkl. mwst",
    "inklusive mwst",
    "inkl. mehrwertsteuer",
    "incl. vat",
    "including vat",
    "mit mwst",
    "ttc",
    "tva comprise",
    "tva incl",
    "iva inclusa",
    "iva compresa",
];
const EXCLUDED: &[&str] = &[
    "exkl. mwst",
    "exklusive mwst",
    "ohne mwst",
    "ohne mehrwertsteuer",
    "zzgl. mwst",
    "excl. vat",
    "excluding vat",
    "hors tva",
    "hors taxe",
    "iva esclusa",
    "senza iva",
];

/// The prices of a text in order; levies and what is not per kilowatt hour are left out.
pub(super) fn prices(text: &str) -> Vec<FoundPrice> {
    let (mut found, mut header, mut at) = (Vec::new(), Header::default(), 0);
    for line in text.split_inclusive('\n') {
        let span = at..at + line.trim_end().len();
        at += line.len();
        let written = &text[span.clone()];
        let all = numbers(written);
        if written.trim().is_empty() {
            header = Header::default();
        } else if all.is_empty() && unit_in(written).is_some() {
            // The names of a table's columns may hold the unit of the numbers below.
            header = Header { cells: written.split(CELLS).map(str::to_lowercase).collect() };
        }
        let place = Place { text, line: span, header: &header };
        found.extend(all.iter().filter_map(|number| place.price(number)));
    }
    found
}

/// What parts the cells of a row.
const CELLS: &str = " | ";

/// The cells of the row that names the columns, in small letters.
#[derive(Default)]
struct Header {
    cells: Vec<String>,
}

/// A line of a text with the header above it.
struct Place<'a> {
    text: &'a str,
    line: Range<usize>,
    header: &'a Header,
}

impl Place<'_> {
    fn written(&self) -> &str {
        &self.text[self.line.clone()]
    }

    fn price(&self, number: &Number) -> Option<FoundPrice> {
        let written = self.written();
        let own = number.unit.as_deref();
        let unit =
            own.map_or_else(|| self.unit_for(number), |own| UNITS.iter().find(|it| it.0 == own));
        let (unit, factor) = unit?;
        let item = self.item(number)?;
        Some(FoundPrice {
            item,
            hours: self.hours(number),
            written: written[number.span.clone()].to_owned(),
            unit,
            // A millionth of a franc is as exact as tariffs are.
            chf_kwh: (number.value()? * factor * 1e6).round() / 1e6,
            vat: vat_of(self.text, &self.line),
            line: self.line.clone(),
        })
    }

    /// The unit of a number that has none of its own: that of its column, else of its line.
    fn unit_for(&self, number: &Number) -> Option<&'static (&'static str, f64)> {
        let written = self.written();
        let of_column = || unit_in(self.column(number)?);
        let of_header = || self.header.cells.iter().find_map(|cell| unit_in(cell));
        let is_table = written.contains(CELLS);
        let unit = if is_table {
            of_column().or_else(|| unit_in(written)).or_else(of_header)
        } else {
            unit_in(written)
        };
        let unit = unit.filter(|_| is_cell(written, &number.span))?;
        UNITS.iter().find(|(name, _)| *name == unit)
    }

    /// The name of the column that a number stands in.
    fn column(&self, number: &Number) -> Option<&str> {
        let before = &self.written()[..number.span.start];
        let index = before.matches(CELLS).count();
        (self.header.cells.len() > 1).then(|| self.header.cells.get(index))?.map(String::as_str)
    }

    /// What the price is for: by the words of its line before it, of its line, of what stands above.
    fn item(&self, number: &Number) -> Option<Item> {
        for part in self.near(number) {
            // «Netzzuschlag» is neither energy nor the use of the grid.
            if holds(&part, LEVIES).is_some() && holds(&part, FEED_IN).is_none() {
                return None;
            }
            let all = [
                (Item::FeedIn, FEED_IN),
                (Item::Grid, GRID),
                (Item::Total, TOTAL),
                (Item::Energy, ENERGY),
            ];
            // What is fed in is energy, too: the narrower word wins over the wider one.
            if let Some((item, _)) =
                all.into_iter().find(|(_, words)| holds(&part, words).is_some())
            {
                return Some(item);
            }
        }
        None
    }

    /// At which hours the price holds: by its column, else by the words of its line.
    fn hours(&self, number: &Number) -> Hours {
        let [before, line, _] = self.near(number);
        let column = self.column(number).unwrap_or_default().to_owned();
        for part in [column, before, line] {
            match (holds(&part, HIGH), holds(&part, LOW)) {
                (Some(high), Some(low)) if high > low => return Hours::High,
                (_, Some(_)) => return Hours::Low,
                (Some(_), None) => return Hours::High,
                (None, None) => {}
            }
        }
        Hours::Any
    }

    /// The line before a number, the line, and what stands just above it, in small letters.
    fn near(&self, number: &Number) -> [String; 3] {
        let above = &self.text[..self.line.start];
        let from = above.char_indices().rev().nth(WORDS_BEFORE - 1).map_or(0, |(at, _)| at);
        // A paragraph speaks for itself.
        let from = above[from..].rfind("\n\n").map_or(from, |gap| from + gap);
        let written = self.written();
        [&written[..number.span.start], written, &above[from..]].map(str::to_lowercase)
    }
}

/// The unit of prices that stands somewhere in a line.
fn unit_in(line: &str) -> Option<&'static str> {
    let starts = line.char_indices().filter(|(at, letter)| {
        letter.is_alphabetic() && !line[..*at].ends_with(|before: char| before.is_alphanumeric())
    });
    starts.into_iter().find_map(|(at, _)| {
        let unit = unit_at(&line[at..])?;
        UNITS.iter().find(|(name, _)| *name == unit).map(|(name, _)| *name)
    })
}

/// Whether a number without a unit fills its cell, or stands after a colon at the end of its line.
fn is_cell(line: &str, number: &Range<usize>) -> bool {
    let before = line[..number.start].trim_end();
    let behind = line[number.end..].trim_start();
    if !line.contains(CELLS) {
        return before.ends_with(':');
    }
    (before.is_empty() || before.ends_with(['|', ':', '(']))
        && (behind.is_empty() || behind.starts_with(['|', ')']))
}

fn holds(text: &str, words: &[&str]) -> Option<usize> {
    words.iter().filter_map(|word| text.rfind(word)).max()
}

/// What the line says about VAT, else what was said last before it.
fn vat_of(text: &str, line: &Range<usize>) -> Vat {
    let from = text[..line.start].char_indices().rev().nth(VAT_BEFORE - 1).map_or(0, |(at, _)| at);
    for part in [&text[line.clone()], &text[from..line.start]] {
        let part = part.to_lowercase();
        match (holds(&part, INCLUDED), holds(&part, EXCLUDED)) {
            (Some(with), Some(without)) if with > without => return Vat::Included,
            (_, Some(_)) => return Vat::Excluded,
            (Some(_), None) => return Vat::Included,
            (None, None) => {}
        }
    }
    Vat::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    type Short = (Item, Hours, f64, Vat);

    fn read(text: &str) -> Vec<Short> {
        prices(text).into_iter().map(|it| (it.item, it.hours, it.chf_kwh, it.vat)).collect()
    }

    #[test]
    fn prices_in_sentences_are_found_with_what_they_are_for() {
        let text = "Energielieferung, alle Preise exkl. MWST\n\nDer Arbeitspreis beträgt im Hochtarif 14.25 Rp./kWh, \
            im Niedertarif 0.1115 CHF/kWh.\nNetznutzung: 9,40 Rp./kWh\nGrundpreis 5.00 CHF/Monat\n\
            Netzzuschlag: 2.30 Rp./kWh\nVergütung für Rücklieferung: 6 Rp./kWh (inkl. MWST)";
        assert_eq!(
            read(text),
            [
                (Item::Energy, Hours::High, 0.1425, Vat::Excluded),
                (Item::Energy, Hours::Low, 0.1115, Vat::Excluded),
                (Item::Grid, Hours::Any, 0.094, Vat::Excluded),
                (Item::FeedIn, Hours::Any, 0.06, Vat::Included),
            ]
        );
    }

    #[test]
    fn prices_in_tables_take_the_unit_of_their_header() {
        let text = "Preise inkl. MWST\n\nTarif | Hochtarif (Rp./kWh) | Bemerkung\nEnergie | 15.10 | ab 1. Januar 2027\n\
            Netznutzung | 10.20 | \n\nGrundgebühr | 120 | pro Jahr";
        assert_eq!(
            read(text),
            [
                (Item::Energy, Hours::High, 0.151, Vat::Included),
                (Item::Grid, Hours::High, 0.102, Vat::Included),
            ]
        );
    }

    #[test]
    fn columns_say_at_which_hours_a_price_holds() {
        let text = "Tarif | Hochtarif Rp./kWh | Niedertarif Rp./kWh\nEnergie | 15.10 | 11.30\nNetz  | 10.20 | 6.1";
        assert_eq!(
            read(text),
            [
                (Item::Energy, Hours::High, 0.151, Vat::Unknown),
                (Item::Energy, Hours::Low, 0.113, Vat::Unknown),
                (Item::Grid, Hours::High, 0.102, Vat::Unknown),
                (Item::Grid, Hours::Low, 0.061, Vat::Unknown),
            ]
        );
    }

    #[test]
    fn a_price_without_words_or_unit_is_none() {
        for text in ["6 Rp./kWh", "Energie 6 kWh", "Energie: 2027", "Energie kostet 12 CHF", ""] {
            assert_eq!(read(text), [], "{text}");
        }
        assert_eq!(
            read("Énergie : 12,5 cts/kWh TTC"),
            [(Item::Energy, Hours::Any, 0.125, Vat::Included)]
        );
    }

    #[test]
    fn any_text_can_be_read() {
        for text in [
            "ä|ö\n1 |2",
            "Energie\u{a0}|\u{a0}😀 1 Rp/kWh",
            "\n\n\n",
            "Rp./kWh\n1\n| 2 |",
            "1 | 2\nEnergie",
        ] {
            drop(prices(text));
        }
    }
}
