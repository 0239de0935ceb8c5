//! What some models want to stand before a text.

use super::model::Purpose;
use super::settings::Settings;

/// What stands before questions and passages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Prompts {
    query: String,
    passage: String,
}

/// Beginnings that belong to families of models, by a part of their name.
const KNOWN: [(&str, &str, &str); 5] = [
    // The instructed ones of this family want a sentence instead, so they stand first.
    ("e5-mistral", "", ""),
    ("e5-", "query: ", "passage: "),
    ("nomic-embed", "search_query: ", "search_document: "),
    ("mxbai-embed", "Represent this sentence for searching relevant passages: ", ""),
    ("snowflake-arctic-embed", "query: ", ""),
];

impl Prompts {
    /// What the settings say, else the model's own folder, else what is known of models of its name.
    pub fn new(settings: &Settings, model: &str, own: Option<(String, String)>) -> Self {
        let name = model.to_lowercase();
        let known = KNOWN.iter().find(|(part, ..)| name.contains(part));
        let known = known.map(|(_, query, passage)| ((*query).to_owned(), (*passage).to_owned()));
        let (query, passage) = own.or(known).unwrap_or_default();
        Self {
            query: settings.query_prefix.clone().unwrap_or(query),
            passage: settings.passage_prefix.clone().unwrap_or(passage),
        }
    }

    /// What stands before a text for this purpose.
    pub fn of(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::Query => &self.query,
            Purpose::Passage => &self.passage,
        }
    }

    /// The texts as the model wants them.
    pub fn before(&self, texts: &[String], purpose: Purpose) -> Vec<String> {
        let prompt = self.of(purpose);
        texts.iter().map(|text| format!("{prompt}{text}")).collect()
    }

    /// What else than the weights makes vectors differ; empty when nothing does.
    pub fn fingerprint(&self) -> String {
        if self.passage.is_empty() { String::new() } else { format!("+{}", self.passage.trim()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_win_over_the_folder_over_what_is_known() {
        let plain = Settings::default();
        let of = |settings: &Settings, model: &str, own| {
            let prompts = Prompts::new(settings, model, own);
            [Purpose::Query, Purpose::Passage].map(|purpose| prompts.of(purpose).to_owned())
        };
        assert_eq!(of(&plain, "all-minilm-l6-v2", None), ["", ""]);
        assert_eq!(of(&plain, "Multilingual-E5-small", None), ["query: ", "passage: "]);
        assert_eq!(
            of(&plain, "nomic-embed-text:latest", None),
            ["search_query: ", "search_document: "]
        );
        let own = Some(("Q ".to_owned(), "P ".to_owned()));
        assert_eq!(of(&plain, "multilingual-e5-small", own.clone()), ["Q ", "P "]);
        let said = Settings { query_prefix: Some(String::new()), ..Settings::default() };
        assert_eq!(of(&said, "x", own), ["", "P "]);
    }
}
