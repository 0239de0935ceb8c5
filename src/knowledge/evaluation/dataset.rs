//! Passages, questions and judgements in the layout of BEIR (Thakur et al. 2021), packed or not.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::EvaluationError;

/// A passage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Passage {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

impl Passage {
    /// Title and text, as the published runs index them.
    pub fn whole(&self) -> String {
        if self.title.trim().is_empty() {
            self.text.clone()
        } else {
            format!("{}\n{}", self.title, self.text)
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Query {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// A question with what was judged of it: passages with their gains.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub text: String,
    pub gains: Vec<(String, f64)>,
}

/// A set of passages with questions whose passages are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub(super) name: String,
    pub(super) passages: Vec<Passage>,
    pub(super) questions: Vec<Judged>,
}

impl Dataset {
    /// Reads `corpus.jsonl`, `queries.jsonl` (each also packed, as `.gz`) and `qrels/test.tsv` or `qrels_test.tsv`
    /// of a folder; `asked_in` takes the questions from another folder with the same numbers, which may be in
    /// another language. Questions that nobody judged are left out.
    pub fn read(folder: &Path, asked_in: Option<&Path>) -> Result<Self, EvaluationError> {
        let passages: Vec<Passage> = rows(&there(folder, &["corpus.jsonl", "corpus.jsonl.gz"])?)?;
        let queries: Vec<Query> =
            rows(&there(asked_in.unwrap_or(folder), &["queries.jsonl", "queries.jsonl.gz"])?)?;
        let mut judgements = judgements(&there(folder, &["qrels/test.tsv", "qrels_test.tsv"])?)?;
        let judged =
            |query: Query| Some(Judged { text: query.text, gains: judgements.remove(&query.id)? });
        let questions: Vec<Judged> = queries.into_iter().filter_map(judged).collect();
        let reason = match (passages.is_empty(), questions.is_empty()) {
            (true, _) => Some("its corpus is empty"),
            (false, true) => Some("none of its questions is judged"),
            (false, false) => None,
        };
        match reason {
            Some(reason) => Err(EvaluationError::Nothing { path: folder.to_owned(), reason }),
            None => Ok(Self { name: name(folder, asked_in), passages, questions }),
        }
    }
}

fn name(folder: &Path, asked_in: Option<&Path>) -> String {
    let last =
        |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    asked_in
        .map_or_else(|| last(folder), |other| format!("{} asked by {}", last(folder), last(other)))
}

/// The first of some files that is there.
fn there(folder: &Path, names: &[&str]) -> Result<PathBuf, EvaluationError> {
    let found = names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let path = folder.join(names[0]);
        EvaluationError::Unreadable {
            path,
            error: std::io::Error::from(std::io::ErrorKind::NotFound),
        }
    })
}

/// The text of a file, unpacked where its name ends in `.gz`.
pub(super) fn text(path: &Path) -> Result<String, EvaluationError> {
    let unreadable = |error| EvaluationError::Unreadable { path: path.to_owned(), error };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let is_packed = path.extension().is_some_and(|ending| ending == "gz");
    let read = if is_packed {
        MultiGzDecoder::new(file).read_to_string(&mut text)
    } else {
        file.read_to_string(&mut text)
    };
    read.map_err(unreadable)?;
    Ok(text)
}

/// The rows of a file, one JSON object a line.
pub(super) fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, EvaluationError> {
    let text = text(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| EvaluationError::Row {
            path: path.to_owned(),
            line: index + 1,
            reason: error.to_string(),
        })
    };
    lines.map(row).collect()
}

/// Gains by question: question, passage and gain, parted by tabs; a first line without a number is a header.
fn judgements(path: &Path) -> Result<HashMap<String, Vec<(String, f64)>>, EvaluationError> {
    let mut found: HashMap<String, Vec<(String, f64)>> = HashMap::new();
    for (index, line) in text(path)?.lines().enumerate() {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let gain =
            cells.last().and_then(|cell| cell.parse::<f64>().ok()).filter(|gain| gain.is_finite());
        match (&cells[..], gain) {
            // The older layout of TREC has a second column that is always 0.
            ([query, passage, _] | [query, _, passage, _], Some(gain)) => {
                found.entry((*query).to_owned()).or_default().push(((*passage).to_owned(), gain));
            }
            _ if index == 0 || line.trim().is_empty() => {}
            _ => {
                let reason = "is not a question, a passage and a number, parted by tabs".to_owned();
                return Err(EvaluationError::Row {
                    path: path.to_owned(),
                    line: index + 1,
                    reason,
                });
            }
        }
    }
    Ok(found)
}
