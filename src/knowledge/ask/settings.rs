//! The `[answers]` section of the settings.

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::model::Mode;

/// Who writes answers, where a model writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Nobody: answers are quotes.
    #[default]
    None,
    /// An Ollama server.
    Ollama,
    /// A server with the API of `OpenAI`: llama.cpp, vLLM, LM Studio.
    Openai,
}

/// How questions about documents are answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the file has one switch for each of them")]
pub struct Settings {
    /// How a question is answered that does not say.
    pub mode: Mode,
    /// Who writes answers.
    pub provider: Provider,
    /// Where the server answers; absent: where embeddings come from, else an Ollama on this box.
    pub url: Option<String>,
    /// Name of the model at the server.
    pub model: Option<String>,
    /// Key for the server.
    #[serde(skip)]
    pub api_key: Option<SecretString>,
    /// Whether passages may be sent to the internet.
    pub allow_cloud: bool,
    /// Tokens that the model sees, the answer included; a model is loaded with it once.
    pub context_tokens: u32,
    /// Longest answer, in tokens.
    pub answer_tokens: u32,
    /// How freely the model writes, from 0 to 1.
    pub temperature: f64,
    /// Longest silence of the model's server, in seconds; the first answer loads the model.
    pub silence_s: u16,
    /// Longest time for one answer, in seconds.
    pub answer_s: u16,
    /// Answers that are written at the same time.
    pub parallel: u8,
    /// Whether sentences without support are left out instead of marked.
    pub strict: bool,
    /// Passages that are looked at unless a question says how many.
    pub passages: u8,
    /// Quotes of an answer, at most.
    pub quotes_max: u8,
    /// Weight of meaning against words where both lists are fused by their scores, from 0 to 1.
    pub dense_share: f64,
    /// The constant of reciprocal rank fusion.
    pub rrf_k: f64,
    /// Whether the best sentences are compared with the question by meaning, where there is a model.
    pub rerank: bool,
    /// Least confidence at which an answer is given at all, from 0 to 1.
    pub confidence_min: f64,
    /// Whether questions and answers are written down.
    pub log_questions: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Extractive,
            provider: Provider::None,
            url: None,
            model: None,
            api_key: None,
            allow_cloud: false,
            context_tokens: 8_192,
            answer_tokens: 600,
            temperature: 0.0,
            silence_s: 120,
            answer_s: 300,
            parallel: 1,
            strict: false,
            passages: 12,
            quotes_max: 4,
            dense_share: 0.5,
            rrf_k: 60.0,
            rerank: true,
            confidence_min: 0.5,
            log_questions: true,
        }
    }
}

impl Settings {
    /// Where an Ollama answers that runs beside Luna.
    pub const OLLAMA_URL: &str = "http://127.0.0.1:11434";

    /// Where the server answers, without a slash at its end.
    pub fn base_url(&self) -> &str {
        let given = self.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        given.unwrap_or(Self::OLLAMA_URL).trim_end_matches('/')
    }

    /// The model that writes; absent where none is set up.
    pub fn writer(&self) -> Option<&str> {
        let model = self.model.as_deref().map(str::trim).filter(|model| !model.is_empty());
        model.filter(|_| self.provider != Provider::None)
    }

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.provider != Provider::None && self.writer().is_none() {
            all.push(
                "model is missing; name the model that the server has, e.g. qwen3:8b".to_owned(),
            );
        }
        if self.provider == Provider::Openai && self.url.is_none() {
            all.push(
                "url is missing; write where the server answers, e.g. http://localhost:8080"
                    .to_owned(),
            );
        }
        if self.url.as_deref().is_some_and(|url| !url.is_empty() && !is_address(url)) {
            // A login may stand there, so what is wrong is not repeated.
            all.push(
                "url must be an address like http://localhost:11434 without login or query"
                    .to_owned(),
            );
        }
        if let Some(model) = self.writer().filter(|model| is_forwarded(model) && !self.allow_cloud)
        {
            all.push(format!(
                "model = \"{model}\" is run by its maker on the internet; set allow_cloud = true if \
                 passages may leave the house"
            ));
        }
        if self.mode == Mode::Written && self.provider == Provider::None {
            all.push(
                "mode = \"written\" needs somebody who writes; set provider and model".to_owned(),
            );
        }
        self.check_numbers(&mut all);
        all
    }

    fn check_numbers(&self, all: &mut Vec<String>) {
        let mut within = |key: &str, value: f64, least: f64, most: f64| {
            if !(least..=most).contains(&value) {
                all.push(format!("{key} = {value} is not between {least} and {most}"));
            }
        };
        within("context_tokens", self.context_tokens.into(), 1_024.0, 262_144.0);
        within("answer_tokens", self.answer_tokens.into(), 50.0, 8_192.0);
        within("temperature", self.temperature, 0.0, 1.0);
        within("silence_s", self.silence_s.into(), 1.0, 3_600.0);
        within("answer_s", self.answer_s.into(), 1.0, 3_600.0);
        within("parallel", self.parallel.into(), 1.0, 64.0);
        within("passages", self.passages.into(), 1.0, 50.0);
        within("quotes_max", self.quotes_max.into(), 1.0, 10.0);
        within("dense_share", self.dense_share, 0.0, 1.0);
        within("rrf_k", self.rrf_k, 1.0, 1_000.0);
        within("confidence_min", self.confidence_min, 0.0, 1.0);
        if self.answer_tokens.saturating_mul(2) > self.context_tokens {
            let (answer, context) = (self.answer_tokens, self.context_tokens);
            all.push(format!(
                "answer_tokens = {answer} is more than half of context_tokens = {context}; passages \
                 need room, too"
            ));
        }
    }
}

/// Ollama marks models that it only forwards to.
pub(super) fn is_forwarded(model: &str) -> bool {
    model.ends_with("-cloud") || model.ends_with(":cloud")
}

fn is_address(text: &str) -> bool {
    let Ok(url) = text.trim().parse::<Url>() else { return false };
    let has_login = !url.username().is_empty() || url.password().is_some();
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && !has_login
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_words(settings: &Settings) -> Vec<String> {
        let words = settings.mistakes().into_iter();
        words.map(|it| it.split(' ').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_cannot_work_is_said_all_at_once_and_without_secrets() {
        assert_eq!(first_words(&Settings::default()), [""; 0]);
        let base = Settings::default;
        let ollama = Settings { provider: Provider::Ollama, ..base() };
        assert_eq!(first_words(&ollama), ["model"]);
        let openai = Settings { provider: Provider::Openai, ..base() };
        assert_eq!(first_words(&openai), ["model", "url"]);
        assert_eq!(first_words(&Settings { mode: Mode::Written, ..base() }), ["mode"]);
        let odd = Settings {
            provider: Provider::Ollama,
            model: Some("gpt-oss:120b-cloud".into()),
            url: Some("ftp://anna:c4n4ry@host".into()),
            context_tokens: 1_024,
            answer_tokens: 600,
            temperature: f64::NAN,
            passages: 51,
            ..base()
        };
        assert_eq!(first_words(&odd), ["url", "model", "temperature", "passages", "answer_tokens"]);
        assert!(!odd.mistakes().join(" ").contains("c4n4ry"));
    }

    #[test]
    fn an_ollama_on_this_box_needs_no_address() {
        let at = |url: &str| Settings { url: Some(url.to_owned()), ..Settings::default() };
        assert_eq!(Settings::default().base_url(), "http://127.0.0.1:11434");
        assert_eq!(at("http://ollama:11434/").base_url(), "http://ollama:11434");
        let named = Settings { model: Some("qwen3:8b".into()), ..Settings::default() };
        assert_eq!(named.writer(), None, "nobody is asked without a provider");
    }
}
