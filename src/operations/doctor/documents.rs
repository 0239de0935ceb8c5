//! What documents stand on: where chunks are indexed, what reads files, what makes vectors.

use std::time::Duration;

use super::model::Finding;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::extract::Extraction;
use crate::knowledge::extract::Extractor;
use crate::knowledge::index::Engine;
use crate::knowledge::index::Index;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Qdrant server, where one is set; the engine in the process has the checks of the data folder.
pub(super) async fn look_at_vectors(index: &Index, server: Option<&str>) -> Finding {
    let Some(server) = server else {
        return Finding::ok("in the data folder (no Qdrant is configured)");
    };
    match within(server, index.standing()).await {
        Ok(detail) => Finding::ok(detail),
        Err(why) => Finding::fail(
            format!("{why}; documents are found by their words in the database, and new ones wait"),
            "start Qdrant, or mend QDRANT_* in .env; without QDRANT_URL the index is in the data folder",
        ),
    }
}

/// The model that makes vectors, where one is set.
pub(super) async fn look_at_model(embedding: &Embedding) -> Finding {
    if !embedding.is_on() {
        return Finding::skipped("none is set: documents are found by their words");
    }
    match within("the embedding model", embedding.standing()).await {
        Ok(detail) => Finding::ok(detail),
        Err(why) => Finding::warn(
            format!("{why}; until then documents are found by their words"),
            "start the model's server, or mend [embedding] and OLLAMA_URL",
        ),
    }
}

/// What reads files: a Tika server where one is set, else this program.
pub(super) async fn look_at_extraction(extraction: &Extraction, tika: Option<&str>) -> Finding {
    match (within("text extraction", extraction.standing()).await, tika) {
        (Ok(detail), _) => Finding::ok(detail),
        (Err(why), Some(_)) => Finding::warn(
            why,
            "start Tika, or take TIKA_URL out of .env; Luna reads files itself then",
        ),
        (Err(why), None) => Finding::fail(why, "let Luna start processes of its own"),
    }
}

/// What was said, or why it is bad news.
async fn within(what: &str, asked: impl Future<Output = (String, bool)>) -> Result<String, String> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok((detail, true)) => Ok(detail),
        Ok((detail, false)) => Err(detail),
        Err(_) => Err(format!("{what} gives no answer within {} s", PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timeline::Clock;
    use crate::knowledge::embedding;
    use crate::knowledge::index;
    use crate::operations::doctor::Verdict;
    use crate::platform::runtime::CpuPool;

    #[tokio::test]
    async fn what_is_away_is_named_and_what_is_not_set_is_nothing() {
        let place = tempfile::tempdir().unwrap();
        let none = Index::new(&index::Settings::default(), place.path(), Clock::system());
        assert_eq!(look_at_vectors(&none, None).await.verdict, Verdict::Ok);
        let url = "http://127.0.0.1:1";
        let settings =
            index::Settings { qdrant_url: Some(url.to_owned()), ..index::Settings::default() };
        let away = Index::new(&settings, place.path(), Clock::system());
        let finding = look_at_vectors(&away, Some(url)).await;
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.fix.unwrap().contains("QDRANT_URL"));

        let of = |settings: &embedding::Settings| {
            Embedding::new(settings, CpuPool::new(None), Clock::system())
        };
        let off = look_at_model(&of(&embedding::Settings::default())).await;
        assert_eq!(off.verdict, Verdict::Skipped);
        let settings = embedding::Settings {
            provider: embedding::Provider::Ollama,
            model: Some("test".to_owned()),
            url: Some(url.to_owned()),
            ..embedding::Settings::default()
        };
        let away = look_at_model(&of(&settings)).await;
        assert_eq!(away.verdict, Verdict::Warn, "{away:?}");
    }
}
