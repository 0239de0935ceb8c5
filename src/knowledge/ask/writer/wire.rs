//! What the lines of a streamed answer mean: JSON lines of Ollama, server-sent events of everybody else.

use serde::Deserialize;

/// Longest line that is believed.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Whose lines they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::knowledge::ask) enum Dialect {
    /// `POST /api/chat` of Ollama: one JSON object a line.
    Ollama,
    /// `POST /v1/chat/completions`: `data:` lines, the last one `[DONE]`.
    Openai,
}

/// What the server counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::knowledge::ask) struct Usage {
    /// Tokens it read.
    pub prompt_tokens: Option<u64>,
    /// Tokens it wrote.
    pub answer_tokens: Option<u64>,
    /// Whether it stopped because the answer had become too long.
    pub is_cut: bool,
    /// Times it wanted to call a tool; nothing is ever called.
    pub tool_calls: u32,
}

/// One thing that a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// More of the answer.
    Text(String),
    /// The answer has ended.
    End,
    /// The server gave up in the middle.
    Failed(String),
}

/// Lines in parts of any size into frames.
#[derive(Debug)]
pub(super) struct Decoder {
    dialect: Dialect,
    buffer: Vec<u8>,
    usage: Usage,
    /// Whether the model said that it was done, even if the stream's own end is missing.
    has_stopped: bool,
}

/// A line that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model's server sends what cannot be read: {0}")]
pub(in crate::knowledge::ask) struct Unreadable(pub String);

impl Decoder {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, buffer: Vec::new(), usage: Usage::default(), has_stopped: false }
    }

    /// What was counted so far.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Whether the answer was whole when the stream ended without its own end.
    pub const fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    /// What the lines say that are whole now.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Unreadable> {
        self.buffer.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            self.read(&line, &mut frames)?;
        }
        if self.buffer.len() > LINE_BYTES_MAX {
            return Err(Unreadable(format!("a line of more than {LINE_BYTES_MAX} bytes")));
        }
        Ok(frames)
    }

    /// What the last line says where no line break stands behind it.
    pub fn finish(&mut self) -> Result<Vec<Frame>, Unreadable> {
        let (line, mut frames) = (std::mem::take(&mut self.buffer), Vec::new());
        self.read(&line, &mut frames)?;
        Ok(frames)
    }

    fn read(&mut self, line: &[u8], frames: &mut Vec<Frame>) -> Result<(), Unreadable> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        match self.dialect {
            _ if line.is_empty() => Ok(()),
            Dialect::Ollama => self.read_ollama(line, frames),
            Dialect::Openai => match line.strip_prefix("data:").map(str::trim) {
                Some("[DONE]") => {
                    frames.push(Frame::End);
                    Ok(())
                }
                Some(data) => self.read_openai(data, frames),
                // A server that fails before its first event sends its error as it is.
                None if line.starts_with('{') => self.read_openai(line, frames),
                // Comments and names of events.
                None => Ok(()),
            },
        }
    }

    fn read_ollama(&mut self, line: &str, frames: &mut Vec<Frame>) -> Result<(), Unreadable> {
        let said: OllamaLine = parsed(line)?;
        if let Some(error) = said.error {
            frames.push(Frame::Failed(error));
            return Ok(());
        }
        if let Some(message) = said.message {
            self.count_tools(message.tool_calls.as_ref());
            text(message.content, frames);
        }
        if said.done {
            self.usage.prompt_tokens = said.prompt_eval_count;
            self.usage.answer_tokens = said.eval_count;
            self.usage.is_cut = said.done_reason.as_deref() == Some("length");
            self.has_stopped = true;
            frames.push(Frame::End);
        }
        Ok(())
    }

    fn read_openai(&mut self, data: &str, frames: &mut Vec<Frame>) -> Result<(), Unreadable> {
        let said: OpenaiChunk = parsed(data)?;
        if let Some(error) = said.error {
            frames.push(Frame::Failed(error.sentence()));
            return Ok(());
        }
        if let Some(usage) = said.usage {
            self.usage.prompt_tokens = usage.prompt_tokens;
            self.usage.answer_tokens = usage.completion_tokens;
        }
        for choice in said.choices.unwrap_or_default() {
            if let Some(delta) = choice.delta {
                self.count_tools(delta.tool_calls.as_ref());
                text(delta.content, frames);
            }
            if let Some(reason) = choice.finish_reason {
                self.has_stopped = true;
                self.usage.is_cut |= reason == "length";
            }
        }
        Ok(())
    }

    fn count_tools(&mut self, calls: Option<&serde_json::Value>) {
        let calls = calls.and_then(serde_json::Value::as_array).map_or(0, Vec::len);
        self.usage.tool_calls += u32::try_from(calls).unwrap_or(u32::MAX);
    }
}

fn text(content: Option<String>, frames: &mut Vec<Frame>) {
    frames.extend(content.filter(|text| !text.is_empty()).map(Frame::Text));
}

fn parsed<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(line).map_err(|error| Unreadable(error.to_string()))
}

#[derive(Deserialize)]
struct OllamaLine {
    error: Option<String>,
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    tool_calls: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct OpenaiChunk {
    error: Option<OpenaiError>,
    choices: Option<Vec<Choice>>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Said>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Counted {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// Errors of servers that speak this dialect: an object, or a bare sentence.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OpenaiError {
    Object { message: String },
    Sentence(String),
}

impl OpenaiError {
    pub fn sentence(self) -> String {
        match self {
            Self::Object { message } | Self::Sentence(message) => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(dialect: Dialect, text: &str, step: usize) -> (Vec<Frame>, Usage) {
        let mut decoder = Decoder::new(dialect);
        let mut frames = Vec::new();
        for part in text.as_bytes().chunks(step) {
            frames.extend(decoder.push(part).unwrap());
        }
        frames.extend(decoder.finish().unwrap());
        (frames, decoder.usage())
    }

    fn said(frames: &[Frame]) -> String {
        let texts = frames.iter().filter_map(|frame| match frame {
            Frame::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn lines_of_ollama_are_read_however_they_are_cut() {
        let text = concat!(
            r#"{"model":"m","message":{"role":"assistant","content":"Für "},"done":false}"#,
            "\n",
            r#"{"model":"m","message":{"role":"assistant","content":"30 kW [1]😀"},"done":false}"#,
            "\n",
            r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","prompt_eval_count":812,"eval_count":9}"#,
        );
        for step in [1, 3, 7, 4_096] {
            let (frames, usage) = whole(Dialect::Ollama, text, step);
            assert_eq!(said(&frames), "Für 30 kW [1]😀");
            assert_eq!(frames.last(), Some(&Frame::End));
            let counts = (usage.prompt_tokens, usage.answer_tokens, usage.is_cut);
            assert_eq!(counts, (Some(812), Some(9), true));
        }
    }

    #[test]
    fn events_of_the_other_dialect_are_read_however_they_are_cut() {
        let text = concat!(
            ": waiting\n\nevent: message\n",
            r#"data: {"choices":[{"delta":{"role":"assistant"}}]}"#,
            "\r\n\r\n",
            r#"data: {"choices":[{"delta":{"content":"ja"}}]}"#,
            "\n\n",
            r#"data:{"choices":[{"delta":{"content":" [1]"},"finish_reason":"stop"}]}"#,
            "\n\n",
            r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
            "\n\n",
            "data: [DONE]\n\n",
        );
        for step in [1, 5, 4_096] {
            let (frames, usage) = whole(Dialect::Openai, text, step);
            assert_eq!(said(&frames), "ja [1]");
            assert_eq!(frames.last(), Some(&Frame::End));
            assert_eq!((usage.prompt_tokens, usage.answer_tokens), (Some(5), Some(2)));
        }
    }

    #[test]
    fn an_error_in_the_middle_is_one() {
        let ollama =
            "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"out of memory\"}\n";
        let (frames, _) = whole(Dialect::Ollama, ollama, 9);
        assert_eq!(frames[1], Frame::Failed("out of memory".to_owned()));
        for openai in [
            "data: {\"error\":{\"message\":\"too long\",\"type\":\"x\",\"code\":400}}\n",
            "data: {\"error\":\"too long\"}\n",
            "{\"error\":{\"message\":\"too long\"}}",
        ] {
            let (frames, _) = whole(Dialect::Openai, openai, 9);
            assert_eq!(frames, [Frame::Failed("too long".to_owned())]);
        }
    }

    #[test]
    fn tools_that_a_model_wants_are_counted_and_say_nothing() {
        let text = r#"{"message":{"content":"","tool_calls":[{"function":{"name":"delete"}}]},"done":false}"#;
        let (frames, usage) = whole(Dialect::Ollama, text, 4_096);
        assert_eq!((frames.len(), usage.tool_calls), (0, 1));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for dialect in [Dialect::Ollama, Dialect::Openai] {
            let mut decoder = Decoder::new(dialect);
            assert!(decoder.push(b"data: <html>\n").is_err(), "{dialect:?}");
        }
        let mut decoder = Decoder::new(Dialect::Ollama);
        assert!(decoder.push(&vec![b'x'; LINE_BYTES_MAX + 1]).is_err());
    }
}
