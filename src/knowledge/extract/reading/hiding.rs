//! Ways in which a page hides text from its readers but not from programs.

use std::collections::HashSet;

use super::numbers::natural;

/// Smallest letters that anybody reads, in CSS pixels.
const LETTERS_MIN_PX: f32 = 2.0;
/// How close two colours are that nobody tells apart, of 255.
const TELLS_APART: i32 = 12;
/// Rules of a page that are remembered.
const RULES_MAX: usize = 5_000;

type Colour = [u8; 3];

/// Rules of a page's own style sheets that hide; only plain ones: `.name`, `#name`, `element`.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    hiding: HashSet<String>,
    /// Whether there are style sheets that are not seen here.
    pub is_elsewhere: bool,
    has_rules: bool,
}

impl Sheet {
    /// Learns the rules of one sheet. Rules for certain devices (`@media`) say nothing about all.
    pub fn learn(&mut self, text: &str) {
        let mut rest = text;
        while let Some((selector, after)) = rest.split_once('{') {
            let selector = selector.rsplit("*/").next().unwrap_or(selector).trim();
            if selector.starts_with('@') {
                rest = behind_block(after);
                continue;
            }
            let Some((declarations, after)) = after.split_once('}') else { return };
            rest = after;
            self.has_rules = true;
            if !hides(declarations) || self.hiding.len() >= RULES_MAX {
                continue;
            }
            let plain = |it: &str| {
                !it.is_empty()
                    && it.chars().skip(1).all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            };
            let selectors = selector.split(',').map(str::trim).filter(|it| plain(it));
            self.hiding.extend(selectors.map(str::to_owned));
        }
    }

    fn hides(&self, name: &str, class: Option<&str>, id: Option<&str>) -> bool {
        if self.hiding.is_empty() {
            return false;
        }
        let classes = class.unwrap_or_default().split_whitespace();
        self.hiding.contains(name)
            || classes.map(|it| format!(".{it}")).any(|it| self.hiding.contains(&it))
            || id.is_some_and(|it| self.hiding.contains(&format!("#{it}")))
    }
}

fn behind_block(text: &str) -> &str {
    let mut open = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

/// How an element looks, as far as it says so itself or has it from those around it.
#[derive(Debug, Clone)]
pub(super) struct Look {
    background: Colour,
    colour: Colour,
    /// Whether rules that are not followed here may give it another background.
    is_styled: bool,
    size_px: f32,
}

impl Default for Look {
    fn default() -> Self {
        Self { background: [255; 3], colour: [0; 3], is_styled: false, size_px: 16.0 }
    }
}

impl Look {
    /// Takes on the look of an element within; whether nobody sees it.
    pub fn enter<'a>(
        &mut self,
        name: &str,
        get: &dyn Fn(&str) -> Option<&'a str>,
        sheet: &Sheet,
    ) -> bool {
        let outer = matches!(name, "html" | "body");
        let (class, id) = (get("class"), get("id"));
        if get("hidden").is_some_and(|value| value != "until-found") || sheet.hides(name, class, id)
        {
            return true;
        }
        let unseen_rules = sheet.is_elsewhere || sheet.has_rules;
        self.is_styled |= unseen_rules && !outer && (class.is_some() || id.is_some());
        let style = get("style").unwrap_or_default();
        if !style.is_empty() && hides(style) {
            return true;
        }
        if let Some(colour) = get("bgcolor").and_then(colour) {
            self.background = colour;
        }
        if let Some(colour) = get("color").filter(|_| name == "font").and_then(colour) {
            self.colour = colour;
        }
        for (property, value) in declarations(style) {
            match &*property {
                "color" => self.colour = colour(&value).unwrap_or(self.colour),
                "background-color" | "background" => match colour(&value) {
                    Some(colour) => self.background = colour,
                    // A picture or a gradient: any colour may be behind the letters.
                    None => self.is_styled |= value.contains("url") || value.contains("gradient"),
                },
                "font-size" => {
                    self.size_px = size_px(&value, self.size_px).unwrap_or(self.size_px);
                }
                _ => {}
            }
        }
        let apart = self.colour.iter().zip(self.background);
        let apart = apart.map(|(a, b)| (i32::from(*a) - i32::from(b)).abs()).max().unwrap_or(255);
        self.size_px < LETTERS_MIN_PX || apart < TELLS_APART && !self.is_styled
    }
}

fn declarations(style: &str) -> impl Iterator<Item = (String, String)> + '_ {
    style.split(';').filter_map(|declaration| {
        let (property, value) = declaration.split_once(':')?;
        let value = value.trim().trim_end_matches("!important").trim();
        Some((property.trim().to_ascii_lowercase(), value.to_ascii_lowercase()))
    })
}

/// Whether the declarations alone take an element out of sight.
fn hides(style: &str) -> bool {
    let mut empty_box = (false, false);
    let mut clipped = false;
    for (property, value) in declarations(style) {
        let far_out = || size_px(&value, 16.0).is_some_and(|length| length <= -500.0);
        let nothing = || size_px(&value, 16.0).is_some_and(|length| length.abs() < 1.5);
        let hidden = match &*property {
            "display" => value == "none",
            "visibility" => matches!(&*value, "hidden" | "collapse"),
            "opacity" => value.parse().is_ok_and(|opacity: f32| opacity < 0.03),
            "content-visibility" => value == "hidden",
            "color" => value == "transparent",
            "font-size" => size_px(&value, 16.0).is_some_and(|size| size < LETTERS_MIN_PX),
            "text-indent" | "left" | "right" | "top" | "margin-left" | "margin-top" => far_out(),
            "clip" => value.replace([' ', ','], "") == "rect(0000)",
            "clip-path" => value.contains("inset(100%)") || value.contains("inset(50%)"),
            "width" | "max-width" => {
                empty_box.0 |= nothing();
                false
            }
            "height" | "max-height" => {
                empty_box.1 |= nothing();
                false
            }
            "overflow" => {
                clipped |= value == "hidden";
                false
            }
            _ => false,
        };
        if hidden {
            return true;
        }
    }
    clipped && (empty_box.0 || empty_box.1)
}

fn size_px(value: &str, around: f32) -> Option<f32> {
    let end = value.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')));
    let (number, unit) = value.split_at(end.unwrap_or(value.len()));
    let number: f32 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "px" => 1.0,
        "pt" => 4.0 / 3.0,
        "em" => around,
        "rem" => 16.0,
        "%" => around / 100.0,
        "vw" | "vh" => 10.0,
        _ => return None,
    };
    Some(number * factor)
}

/// A colour as CSS writes it.
pub(super) fn colour(value: &str) -> Option<Colour> {
    let value = value.trim().to_ascii_lowercase();
    let value =
        value.split_whitespace().next().filter(|_| !value.starts_with("rgb")).unwrap_or(&value);
    if let Some(digits) = value.strip_prefix('#').or(Some(value).filter(|it| it.len() == 6)) {
        let digit = |at: usize| digits.get(at..=at).and_then(|it| u8::from_str_radix(it, 16).ok());
        let pair =
            |at: usize| digits.get(at..at + 2).and_then(|it| u8::from_str_radix(it, 16).ok());
        let found = match digits.len() {
            3 | 4 => {
                [digit(0).map(|it| it * 17), digit(1).map(|it| it * 17), digit(2).map(|it| it * 17)]
            }
            6 | 8 => [pair(0), pair(2), pair(4)],
            _ => [None; 3],
        };
        if let [Some(red), Some(green), Some(blue)] = found {
            return Some([red, green, blue]);
        }
    }
    if let Some(inner) = value.strip_prefix("rgb") {
        let inner = inner.trim_start_matches('a').trim_start_matches('(');
        let mut parts = inner.split([',', ' ', ')', '/']).filter(|part| !part.is_empty());
        let mut next = || {
            let part = parts.next()?.parse::<f32>().ok()?;
            Some(u8::try_from(natural(part)).unwrap_or(u8::MAX))
        };
        return Some([next()?, next()?, next()?]);
    }
    Some(match value {
        "white" => [255; 3],
        "black" => [0; 3],
        "snow" | "ghostwhite" | "ivory" | "floralwhite" | "mintcream" | "azure" => [252; 3],
        "whitesmoke" => [245; 3],
        "red" => [255, 0, 0],
        "green" => [0, 128, 0],
        "blue" => [0, 0, 255],
        "yellow" => [255, 255, 0],
        "gray" | "grey" => [128; 3],
        "silver" | "lightgray" | "lightgrey" => [200; 3],
        "navy" => [0, 0, 128],
        "darkgray" | "darkgrey" => [169; 3],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(style: &str) -> bool {
        let get = |name: &str| (name == "style").then_some(style);
        Look::default().enter("p", &get, &Sheet::default())
    }

    #[test]
    fn styles_that_hide_are_known_and_others_are_not() {
        for style in [
            "display: none",
            "DISPLAY:NONE !important",
            "visibility:hidden",
            "font-size:0",
            "font-size: 0.1pt",
            "opacity:0",
            "position:absolute; left:-9999px",
            "text-indent:-1000px",
            "color:#fff",
            "color: rgb(254, 254, 254)",
            "color:red;background:red",
            "width:1px;height:1px;overflow:hidden",
        ] {
            assert!(hidden(style), "{style}");
        }
        for style in [
            "color:#fff;background:#003366",
            "color:white; background: url(x.png)",
            "font-size:8pt",
            "margin-left:-20px",
            "opacity:0.5",
            "display:block",
            "width:1px",
        ] {
            assert!(!hidden(style), "{style}");
        }
    }

    #[test]
    fn rules_of_the_page_hide_and_those_for_printers_do_not() {
        let mut sheet = Sheet::default();
        sheet.learn("/* x */ .away, #gone { display:none } @media print { .menu { display:none } } p b {display:none}");
        let enter = |name: &str, class: Option<&str>, id: Option<&str>| {
            let get = |wanted: &str| match wanted {
                "class" => class,
                "id" => id,
                _ => None,
            };
            Look::default().enter(name, &get, &sheet)
        };
        assert!(enter("p", Some("big away"), None));
        assert!(enter("p", None, Some("gone")));
        assert!(!enter("p", Some("menu"), None));
        assert!(!enter("b", None, None));
    }
}
