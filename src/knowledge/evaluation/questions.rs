//! Questions about one's own documents whose answers are known.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dataset::rows;
use super::error::EvaluationError;

/// Which half of a set a question belongs to: one to develop with, one to measure with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Looked at while something is changed.
    Dev,
    /// Looked at when it is done.
    Held,
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "dev" => Ok(Self::Dev),
            "held" => Ok(Self::Held),
            _ => Err(format!("'{name}' is neither dev nor held")),
        }
    }
}

/// A question, one JSON object a line. What is not known about the place of its answer is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_field_names, reason = "keys are named as in the files")]
pub struct Question {
    /// Its name.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// Whether the documents answer it.
    pub answerable: bool,
    /// File name or title of the document that does.
    #[serde(default)]
    pub document: Option<String>,
    /// Page on which it does, from 1.
    #[serde(default)]
    pub page: Option<u32>,
    /// How the title of the section begins in which it does.
    #[serde(default)]
    pub section: Option<String>,
    /// Words of the answer as the document has them.
    #[serde(default)]
    pub answer: Option<String>,
    /// Its half.
    #[serde(default)]
    pub split: Option<Split>,
}

impl Question {
    /// The questions of a file, of one half or of both.
    pub fn read(path: &Path, split: Option<Split>) -> Result<Vec<Self>, EvaluationError> {
        let mut questions: Vec<Self> = rows(path)?;
        questions.retain(|question| split.is_none() || question.split == split);
        let reason = match split {
            _ if !questions.is_empty() => return Ok(questions),
            Some(_) => "no question belongs to that half",
            None => "it has no questions",
        };
        Err(EvaluationError::Nothing { path: path.to_owned(), reason })
    }
}
