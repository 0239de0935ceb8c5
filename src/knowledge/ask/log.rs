//! What is kept of questions, of what people think of answers, and of the orders for a model.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::Mode;

/// What somebody thinks of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnswerLabel)]
pub struct Label {
    /// Who; absent once the account is gone.
    pub user_id: Option<Uuid>,
    /// When.
    pub ts: DateTime<Utc>,
    /// From −1, wrong or useless, to 1, right and useful.
    #[schema(example = 1.0)]
    pub value: f64,
    /// In their own words.
    pub note: Option<String>,
}

/// A question with what was answered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LoggedQuestion {
    /// Identifier.
    pub question_id: Uuid,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// Who; absent for commands on the box, and once the account is gone.
    pub user_id: Option<Uuid>,
    /// What was asked.
    pub question: String,
    /// Language it was read in.
    #[schema(example = "de")]
    pub language: Option<String>,
    /// How it was answered.
    pub mode: Mode,
    /// Who wrote the answer.
    #[schema(example = "ollama:qwen3:8b")]
    pub model: Option<String>,
    /// With which version of the prompt.
    pub prompt_version: Option<i32>,
    /// Among which passages was looked, and how.
    #[schema(value_type = Object)]
    pub filters: Value,
    /// Passages that were looked at, with their scores.
    #[schema(value_type = Vec<Object>)]
    pub chunks: Value,
    /// Quotes and sentences.
    #[schema(value_type = Object)]
    pub answer: Value,
    /// Whether nothing was found.
    pub abstained: bool,
    /// Probability that the answer stands in the passages.
    pub confidence: Option<f64>,
    /// How long each step took, in milliseconds.
    #[schema(value_type = Object)]
    pub timings: Value,
    /// What people think of it.
    pub feedback: Vec<Label>,
}

/// Which questions to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuestionFilter {
    /// Only of this person.
    pub user_id: Option<Uuid>,
    /// Only those that were answered, or that were not.
    pub abstained: Option<bool>,
    /// Behind this one in the list.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// What somebody thinks of an answer, as it is sent.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnswerFeedback)]
pub struct Feedback {
    /// −1 for wrong or useless, 1 for right and useful.
    #[schema(example = 1, minimum = -1, maximum = 1)]
    pub value: i8,
    /// In one's own words.
    #[serde(default)]
    #[schema(max_length = 2000, example = "That is the tariff of last year.")]
    pub note: Option<String>,
}

/// A version of the orders that a model gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromptVersion {
    /// Its number; 0 is the program's own.
    #[schema(example = 1)]
    pub version: i32,
    /// The orders. What protects passages from being taken for orders stands behind them, always.
    pub text: String,
    /// When it was written; absent for the program's own.
    pub created_at: Option<DateTime<Utc>>,
    /// By whom.
    pub created_by: Option<Uuid>,
}

/// New orders, as they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrompt {
    /// The orders, up to 8,000 letters.
    #[schema(min_length = 1, max_length = 8000, example = "Answer in one sentence.")]
    pub text: String,
}
