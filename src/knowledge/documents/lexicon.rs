//! How words are weighed: by the mean length of chunks of a version of the index, and by compounds that
//! were learned from the documents themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::error::DocumentsError;
use super::model::IndexVersion;
use super::service::{Documents, broken};
use super::store::chunks;
use crate::algorithms::retrieval::{Compounds, Words};

/// Chunks that a process learns its words from when it starts: enough for every word that matters, and
/// no more than a moment's work.
const LEARNED_MAX: i64 = 4_000;

impl Documents {
    /// How words are weighed in the version of the index that answers.
    pub async fn words(&self) -> Result<Arc<Words>, DocumentsError> {
        let active = self.active().await?;
        self.words_of(&active).await
    }

    /// How words are weighed in a version of the index.
    pub(super) async fn words_of(
        &self,
        version: &IndexVersion,
    ) -> Result<Arc<Words>, DocumentsError> {
        if let Some(known) = self.lexicon().get(&version.version) {
            return Ok(Arc::clone(known));
        }
        let mut conn = self.db().conn().await?;
        let texts = chunks::sample(&mut conn, LEARNED_MAX).await?;
        drop(conn);
        let average_terms = version.average_terms;
        let learned = self.0.needs.pool.run("documents.learn", move || {
            let mut compounds = Compounds::built_in();
            compounds.learn(texts.iter().map(String::as_str));
            Arc::new(Words { average_terms, compounds })
        });
        let learned = learned.await.map_err(|error| broken(&error))?;
        let mut lexicon = self.lexicon();
        // Versions only grow; of those before nobody asks any more once there are two later ones.
        while lexicon.len() > 2 {
            lexicon.pop_first();
        }
        Ok(Arc::clone(lexicon.entry(version.version).or_insert(learned)))
    }

    /// Learns the words of a new document.
    pub(super) fn learn(&self, texts: &[String]) {
        for words in self.lexicon().values_mut() {
            Arc::make_mut(words).compounds.learn(texts.iter().map(String::as_str));
        }
    }

    fn lexicon(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Words>>> {
        self.0.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
