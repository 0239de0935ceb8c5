//! The `[embedding]` section of the settings.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Who makes vectors of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Nobody: documents are found by their words.
    #[default]
    None,
    /// An Ollama server.
    Ollama,
    /// A server with the API of `OpenAI`: llama.cpp, vLLM, LM Studio.
    Openai,
    /// Luna itself, with a model in a folder.
    File,
}

/// Which model makes vectors of texts; without one documents are found by their words.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who makes them.
    pub provider: Provider,
    /// Where the server answers; absent: an Ollama on this box.
    pub url: Option<String>,
    /// Name of the model at the server.
    pub model: Option<String>,
    /// Folder with `model.safetensors`, `tokenizer.json` and `config.json`.
    pub folder: Option<PathBuf>,
    /// Key for the server.
    #[serde(skip)]
    pub api_key: Option<SecretString>,
    /// Whether texts may be sent to a server on the internet.
    pub allow_cloud: bool,
    /// What stands before a question; absent: what the model wants, as far as Luna knows it.
    pub query_prefix: Option<String>,
    /// What stands before a passage; absent: what the model wants, as far as Luna knows it.
    pub passage_prefix: Option<String>,
    /// How long one request may take, in seconds; the first one loads the model.
    pub patience_s: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            provider: Provider::None,
            url: None,
            model: None,
            folder: None,
            api_key: None,
            allow_cloud: false,
            query_prefix: None,
            passage_prefix: None,
            patience_s: 300,
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

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let model = self.model.as_deref().map(str::trim).unwrap_or_default();
        let served = matches!(self.provider, Provider::Ollama | Provider::Openai);
        if served && model.is_empty() {
            all.push(
                "model is missing; name the model that the server has, e.g. nomic-embed-text"
                    .to_owned(),
            );
        }
        if self.provider == Provider::Openai && self.url.is_none() {
            all.push(
                "url is missing; write where the server answers, e.g. http://localhost:8080".into(),
            );
        }
        if self.provider == Provider::File && self.folder.is_none() {
            all.push("folder is missing; name the folder that holds model.safetensors".to_owned());
        }
        if let Some(url) = self.url.as_deref().filter(|url| !url.is_empty() && !is_address(url)) {
            // A login may stand there, so what is wrong is not repeated.
            let scheme = url.split(':').next().unwrap_or_default();
            all.push(format!(
                "url must be an address like http://localhost:11434 without login or query, not one \
                 that begins with {}",
                scheme.chars().take(10).collect::<String>()
            ));
        }
        if self.provider == Provider::Ollama && is_forwarded(model) && !self.allow_cloud {
            all.push(format!(
                "model = \"{model}\" is run by its maker on the internet; set allow_cloud = true if \
                 texts may leave the house"
            ));
        }
        if !(1..=3_600).contains(&self.patience_s) {
            let given = self.patience_s;
            all.push(format!("patience_s = {given} is not between 1 and 3600"));
        }
        all
    }
}

/// Ollama marks models that it only forwards to.
fn is_forwarded(model: &str) -> bool {
    model.ends_with("-cloud") || model.ends_with(":cloud")
}

fn is_address(text: &str) -> bool {
    let Ok(url) = text.parse::<Url>() else { return false };
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

    #[test]
    fn what_cannot_work_is_said_all_at_once_and_without_secrets() {
        assert_eq!(Settings::default().mistakes(), [""; 0]);
        let first_words = |settings: &Settings| {
            let words = settings.mistakes().into_iter();
            words.map(|it| it.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let provider = |provider| Settings { provider, ..Settings::default() };
        assert_eq!(first_words(&provider(Provider::Ollama)), ["model"]);
        assert_eq!(first_words(&provider(Provider::Openai)), ["model", "url"]);
        assert_eq!(first_words(&provider(Provider::File)), ["folder"]);
        let all = Settings {
            url: Some("ftp://anna:c4n4ry@host".into()),
            model: Some("gpt-oss:120b-cloud".into()),
            patience_s: 0,
            api_key: Some("c4n4ry".into()),
            ..provider(Provider::Ollama)
        };
        assert_eq!(first_words(&all), ["url", "model", "patience_s"]);
        assert!(!all.mistakes().join(" ").contains("c4n4ry"));
        let allowed =
            Settings { allow_cloud: true, model: all.model.clone(), ..provider(Provider::Ollama) };
        assert_eq!(allowed.mistakes(), [""; 0]);
    }

    #[test]
    fn an_ollama_on_this_box_needs_no_address() {
        let at =
            |url: Option<&str>| Settings { url: url.map(str::to_owned), ..Settings::default() };
        assert_eq!(at(None).base_url(), "http://127.0.0.1:11434");
        assert_eq!(at(Some("")).base_url(), "http://127.0.0.1:11434");
        assert_eq!(at(Some("http://ollama:11434/")).base_url(), "http://ollama:11434");
    }
}
