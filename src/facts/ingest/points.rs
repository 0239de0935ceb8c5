//! Places whose weather a forecast is made for, by postal code or by the number of the weather service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Places that may be asked about at once.
const POINTS_MAX: usize = 20;
/// Kind of a place that is a postal code.
const POSTAL: u8 = 2;
/// The number of a postal code is the code with two more digits.
const POSTAL_FACTOR: u32 = 100;
/// Greatest number of a place: a postal code with two more digits.
const NUMBER_MAX: u32 = 999_999;

/// A place of the weather service; its number is unique within its kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PointId {
    /// 1 for a weather station, 2 for a postal code, 3 for a mountain.
    kind: u8,
    number: u32,
}

/// A text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' names no place of the forecast; write a postal code, e.g. 8001, or kind and number of the weather service, e.g. 1-48"
)]
pub struct UnknownPoint {
    /// What was written.
    pub given: String,
}

impl PointId {
    /// The place of a kind with a number.
    pub fn new(kind: u8, number: u32) -> Option<Self> {
        let is_known = (1..=3).contains(&kind) && (1..=NUMBER_MAX).contains(&number);
        is_known.then_some(Self { kind, number })
    }
}

impl FromStr for PointId {
    type Err = UnknownPoint;

    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        let text = text.trim();
        let is_number =
            |part: &str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit());
        let point = match text.split_once('-') {
            Some((kind, number)) if is_number(kind) && is_number(number) => {
                kind.parse().ok().zip(number.parse().ok())
            }
            None if text.len() == 4 && is_number(text) => {
                text.parse().ok().map(|code: u32| (POSTAL, code * POSTAL_FACTOR))
            }
            _ => None,
        };
        let point = point.and_then(|(kind, number)| Self::new(kind, number));
        point.ok_or_else(|| UnknownPoint { given: text.to_owned() })
    }
}

impl fmt::Display for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, number } = *self;
        let code = number / POSTAL_FACTOR;
        if kind == POSTAL && number % POSTAL_FACTOR == 0 && code >= 1_000 {
            write!(f, "{code}")
        } else {
            write!(f, "{kind}-{number}")
        }
    }
}

impl TryFrom<String> for PointId {
    type Error = UnknownPoint;

    fn try_from(text: String) -> Result<Self, UnknownPoint> {
        text.parse()
    }
}

impl From<PointId> for String {
    fn from(point: PointId) -> Self {
        point.to_string()
    }
}

/// Several places, which one download serves: each in order, once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Points(Vec<PointId>);

impl Points {
    /// The places of a list, unless there are none or too many.
    pub fn new(list: &[PointId]) -> Option<Self> {
        let mut list = list.to_vec();
        list.sort_unstable();
        list.dedup();
        (1..=POINTS_MAX).contains(&list.len()).then_some(Self(list))
    }

    /// How many there may be.
    pub const fn max() -> usize {
        POINTS_MAX
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = PointId> {
        self.0.iter().copied()
    }

    /// Whether a place is among them.
    pub fn contains(&self, point: PointId) -> bool {
        self.0.binary_search(&point).is_ok()
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, point) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{point}")?;
        }
        Ok(())
    }
}

impl FromStr for Points {
    type Err = UnknownPoint;

    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        let list = text.split(',').map(str::parse).collect::<Result<Vec<PointId>, _>>()?;
        Self::new(&list).ok_or_else(|| UnknownPoint { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for (text, written) in [
            ("8001", "8001"),
            (" 8001 ", "8001"),
            ("2-800100", "8001"),
            ("2-800101", "2-800101"),
            ("1-48", "1-48"),
            ("3-900", "3-900"),
            ("2-48", "2-48"),
        ] {
            let point: PointId = text.parse().unwrap();
            assert_eq!(point.to_string(), written);
            assert_eq!(written.parse(), Ok(point));
        }
        for text in ["", "801", "80011", "0-1", "4-1", "1-", "1-0", "1-1000000", "x", "1-+5", "-5"]
        {
            let error = text.parse::<PointId>().unwrap_err().to_string();
            assert!(error.contains("write a postal code"), "{text}: {error}");
        }
        let points: Points = "3001,8001,1-48,8001".parse().unwrap();
        assert_eq!(points.to_string(), "1-48,3001,8001");
        assert!(
            points.contains("3001".parse().unwrap()) && !points.contains("3002".parse().unwrap())
        );
        let many: Vec<PointId> = (1..=21).map(|number| PointId::new(1, number).unwrap()).collect();
        assert_eq!((Points::new(&many), Points::new(&[])), (None, None));
    }
}
