//! Drawing instructions, one after the other.

/// Operands of one instruction, and values of one list.
const OPERANDS_MAX: usize = 20_000;
/// Lists within lists.
const DEPTH_MAX: usize = 24;

/// What an instruction works on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Number(f32),
    Name(Vec<u8>),
    Text(Vec<u8>),
    List(Vec<Self>),
    Dictionary(Vec<(Vec<u8>, Self)>),
    Nothing,
}

impl Operand {
    pub const fn number(&self) -> Option<f32> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// The instructions of a content stream.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

enum Token<'a> {
    Operand(Operand),
    Operator(&'a [u8]),
    Close(u8),
}

const fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0 | 12)
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

impl<'a> Lexer<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next instruction with its operands, which replace those in `operands`.
    pub fn next(&mut self, operands: &mut Vec<Operand>) -> Option<&'a [u8]> {
        operands.clear();
        loop {
            match self.token(0)? {
                Token::Operator(name) => return Some(name),
                Token::Operand(operand) if operands.len() < OPERANDS_MAX => operands.push(operand),
                Token::Operand(_) | Token::Close(_) => {}
            }
        }
    }

    /// Passes over the data of a picture that stands between the instructions.
    pub fn skip_picture(&mut self) {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let end = rest.windows(4).position(|it| {
            is_white(it[0]) && it[1] == b'E' && it[2] == b'I' && (is_white(it[3]) || it[3] == b'Q')
        });
        self.at += end.map_or(rest.len(), |end| end + 3);
    }

    fn skip_white(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte == b'%' {
                let rest = &self.bytes[self.at..];
                self.at +=
                    rest.iter().position(|it| matches!(it, b'\n' | b'\r')).unwrap_or(rest.len());
            } else if is_white(*byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn token(&mut self, depth: usize) -> Option<Token<'a>> {
        self.skip_white();
        let byte = *self.bytes.get(self.at)?;
        let next = self.bytes.get(self.at + 1).copied();
        match byte {
            b'(' => Some(Token::Operand(Operand::Text(self.literal()))),
            b'<' if next == Some(b'<') => {
                self.at += 2;
                Some(Token::Operand(self.dictionary(depth)))
            }
            b'<' => Some(Token::Operand(Operand::Text(self.hexadecimal()))),
            b'>' if next == Some(b'>') => {
                self.at += 2;
                Some(Token::Close(b'>'))
            }
            b'[' => {
                self.at += 1;
                Some(Token::Operand(self.list(depth)))
            }
            b']' | b'>' | b')' | b'{' | b'}' => {
                self.at += 1;
                Some(Token::Close(byte))
            }
            b'/' => Some(Token::Operand(Operand::Name(self.name()))),
            _ => Some(self.word()),
        }
    }

    fn list(&mut self, depth: usize) -> Operand {
        let mut values = Vec::new();
        while depth < DEPTH_MAX
            && let Some(token) = self.token(depth + 1)
        {
            match token {
                Token::Operand(operand) if values.len() < OPERANDS_MAX => values.push(operand),
                Token::Close(b']') => break,
                _ => {}
            }
        }
        Operand::List(values)
    }

    fn dictionary(&mut self, depth: usize) -> Operand {
        let mut entries = Vec::new();
        let mut key = None;
        while depth < DEPTH_MAX
            && let Some(token) = self.token(depth + 1)
        {
            match (token, key.take()) {
                (Token::Close(b'>'), _) => break,
                (Token::Operand(Operand::Name(name)), None) => key = Some(name),
                (Token::Operand(value), Some(name)) if entries.len() < OPERANDS_MAX => {
                    entries.push((name, value));
                }
                _ => {}
            }
        }
        Operand::Dictionary(entries)
    }

    fn word(&mut self) -> Token<'a> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|it| is_white(*it) || is_delimiter(*it));
        let length = length.unwrap_or(rest.len()).max(1);
        self.at += length;
        let word = &rest[..length];
        if matches!(word[0], b'0'..=b'9' | b'+' | b'-' | b'.') {
            return Token::Operand(Operand::Number(number(word)));
        }
        match word {
            b"true" | b"false" | b"null" => Token::Operand(Operand::Nothing),
            _ => Token::Operator(word),
        }
    }

    fn name(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut name = Vec::new();
        while let Some(byte) = self.bytes.get(self.at).copied() {
            if is_white(byte) || is_delimiter(byte) {
                break;
            }
            self.at += 1;
            let pair = self.bytes.get(self.at..self.at + 2).filter(|_| byte == b'#');
            let code = pair.and_then(|it| std::str::from_utf8(it).ok());
            match code.and_then(|it| u8::from_str_radix(it, 16).ok()) {
                Some(code) => {
                    self.at += 2;
                    name.push(code);
                }
                None => name.push(byte),
            }
        }
        name
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut bytes = Vec::new();
        let mut half = None;
        while let Some(byte) = self.bytes.get(self.at).copied() {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let digit = char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
            let Some(digit) = digit else { continue };
            match half.take() {
                Some(high) => bytes.push(high << 4 | digit),
                None => half = Some(digit),
            }
        }
        bytes.extend(half.map(|high| high << 4));
        bytes
    }

    fn literal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut text = Vec::new();
        let mut open = 1_usize;
        while let Some(byte) = self.bytes.get(self.at).copied() {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escaped(&mut text);
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    fn escaped(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.bytes.get(self.at).copied() else { return };
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'\r' => {
                if self.bytes.get(self.at) == Some(&b'\n') {
                    self.at += 1;
                }
            }
            b'\n' => {}
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.bytes.get(self.at) else { break };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                text.push((code & 0xff) as u8);
            }
            _ => text.push(byte),
        }
    }
}

/// A number as programs write it, among them «--5» and «1.2.3».
fn number(word: &[u8]) -> f32 {
    let text = std::str::from_utf8(word).unwrap_or("0");
    text.parse().ok().filter(|it: &f32| it.is_finite()).unwrap_or_else(|| {
        let digits = text.trim_start_matches(['-', '+']);
        let end = digits.match_indices(['-', '.']).nth(1).map_or(digits.len(), |(at, _)| at);
        let value = digits[..end].trim_end_matches('-').parse().unwrap_or(0.0);
        if text.starts_with('-') { -value } else { value }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_come_with_their_operands() {
        let mut lexer = Lexer::new(
            b"/F#31 12 Tf % remark\n[(A\\(b\\051) -20.5 <414>]TJ (x(y)z\\101) Tj <</MCID 3>> BDC --5 .5 m",
        );
        let mut operands = Vec::new();
        assert_eq!(lexer.next(&mut operands), Some(&b"Tf"[..]));
        assert_eq!(operands, [Operand::Name(b"F1".into()), Operand::Number(12.0)]);
        assert_eq!(lexer.next(&mut operands), Some(&b"TJ"[..]));
        let text = |text: &[u8]| Operand::Text(text.into());
        let list = vec![text(b"A(b)"), Operand::Number(-20.5), text(b"A@")];
        assert_eq!(operands, [Operand::List(list)]);
        assert_eq!(lexer.next(&mut operands), Some(&b"Tj"[..]));
        assert_eq!(operands, [text(b"x(y)zA")]);
        assert_eq!(lexer.next(&mut operands), Some(&b"BDC"[..]));
        assert_eq!(lexer.next(&mut operands), Some(&b"m"[..]));
        assert_eq!(operands, [Operand::Number(-5.0), Operand::Number(0.5)]);
        assert_eq!(lexer.next(&mut operands), None);
    }

    #[test]
    fn depth_and_endless_lists_end() {
        let bytes = [vec![b'['; 100_000], b" 5 Tj".to_vec()].concat();
        let mut operands = Vec::new();
        Lexer::new(&bytes).next(&mut operands);
        let mut lexer = Lexer::new(b"BI /W 1 ID \x01 EI Q (a) Tj");
        assert_eq!(lexer.next(&mut operands), Some(&b"BI"[..]));
        assert_eq!(lexer.next(&mut operands), Some(&b"ID"[..]));
        lexer.skip_picture();
        assert_eq!(lexer.next(&mut operands), Some(&b"Q"[..]));
    }
}
