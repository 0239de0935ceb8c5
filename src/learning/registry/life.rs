//! The life of a model: states, roles, what is known of how it came, and what happened to it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::audit::By;

/// Where a model is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is here; nobody has looked at it yet.
    Imported,
    /// It can be loaded and answers as it should.
    Validated,
    /// It predicts beside the champion; nobody acts on what it says.
    Shadow,
    /// It is the champion of its series and purpose.
    Active,
    /// It served, or stood beside the champion, and does not any more.
    Retired,
    /// It cannot be used; `error` says why.
    Failed,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::Imported,
        Self::Validated,
        Self::Shadow,
        Self::Active,
        Self::Retired,
        Self::Failed,
    ];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Validated => "validated",
            Self::Shadow => "shadow",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Failed => "failed",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether a model in this state may be given work.
    pub const fn may_work(self) -> bool {
        matches!(self, Self::Validated | Self::Shadow | Self::Active | Self::Retired)
    }
}

/// How a model came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It was fitted here.
    Trained,
    /// Somebody brought its bundle.
    File,
    /// It was fetched from another installation.
    Url,
}

impl Origin {
    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trained => "trained",
            Self::File => "file",
            Self::Url => "url",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        match name {
            "file" => Self::File,
            "url" => Self::Url,
            _ => Self::Trained,
        }
    }
}

/// How the bytes of a model are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Luna's own pair of models, one for the first day ahead and one for those after it.
    Luna,
    /// `LightGBM`'s text file, as its `save_model` writes it.
    Lightgbm,
}

impl Format {
    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Luna => "luna",
            Self::Lightgbm => "lightgbm",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        if name == "lightgbm" { Self::Lightgbm } else { Self::Luna }
    }
}

/// On which side of the threshold the event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The value is greater.
    Above,
    /// The value is smaller.
    Below,
}

/// The event that a model gives the probability of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRule {
    /// On which side of the threshold it is.
    pub direction: Direction,
    /// Value of the series that parts the sides, in its unit.
    #[schema(example = 150.0)]
    pub threshold: f64,
}

impl EventRule {
    /// 1 where `value` is the event, else 0.
    pub fn of(&self, value: f64) -> f64 {
        let is_event = match self.direction {
            Direction::Above => value > self.threshold,
            Direction::Below => value < self.threshold,
        };
        f64::from(u8::from(is_event))
    }
}

/// What is done where a feature is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub enum MissingValues {
    /// The model knows what to make of it.
    Native,
    /// There is no prediction.
    Refuse,
    /// A value of the model's own stands in.
    Fill {
        /// One per feature, in column order.
        values: Vec<f64>,
    },
}

/// What a model does for its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What it says counts.
    Champion,
    /// It is watched beside the champion.
    Shadow,
}

impl Role {
    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Shadow => "shadow",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        if name == "champion" { Self::Champion } else { Self::Shadow }
    }
}

/// Who wants something done, and why.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Who.
    pub by: &'a By,
    /// Why, in their words; may be empty.
    pub reason: &'a str,
    /// Whether a model that brought no scores may serve all the same.
    pub accepts_unproven: bool,
}

impl<'a> From<&'a By> for Order<'a> {
    fn from(by: &'a By) -> Self {
        Self { by, reason: "", accepts_unproven: false }
    }
}

/// Something that happened to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Identifier.
    pub history_id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// The model.
    pub model_id: Uuid,
    /// Its name then.
    #[schema(example = "price-CH-day_ahead-lightgbm")]
    pub name: String,
    /// Series that it is about.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// `value`, or the event.
    #[schema(example = "value")]
    pub purpose: String,
    /// What was done: `validate`, `activate`, `rename` …
    #[schema(example = "activate")]
    pub action: String,
    /// Where it stood before.
    #[schema(example = "validated")]
    pub from_state: String,
    /// Where it stood afterwards.
    #[schema(example = "active")]
    pub to_state: String,
    /// Model that it took the place of.
    pub replaced_id: Option<Uuid>,
    /// `user`, `key`, `command`, `system`.
    #[schema(example = "user")]
    pub actor: String,
    /// The person, or the owner of the key.
    pub user_id: Option<Uuid>,
    /// Address it was asked from.
    pub address: Option<String>,
    /// Why, in the words of whoever did it.
    pub reason: String,
}

/// When what a model says is worth telling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertConfig {
    /// Whether it leads to alerts at all.
    pub enabled: bool,
    /// Which side of the threshold is worth one.
    pub direction: Direction,
    /// How grave it is.
    pub severity: Severity,
    /// Predictions in a row that must agree, 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    pub consecutive: u16,
    /// Minutes of silence after an alert, up to a week.
    #[schema(maximum = 10_080)]
    pub cooldown_minutes: u16,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            direction: Direction::Above,
            severity: Severity::Warning,
            consecutive: 1,
            cooldown_minutes: 60,
        }
    }
}

/// How grave an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Critical,
}

/// Which predictions are sent to the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendMode {
    /// Every one.
    All,
    /// Those that lead to an alert.
    AlertsOnly,
    /// Those that say yes.
    PositiveOnly,
    /// Those that say no.
    NegativeOnly,
}

impl SendMode {
    /// Every mode.
    pub const ALL: [Self; 4] =
        [Self::All, Self::AlertsOnly, Self::PositiveOnly, Self::NegativeOnly];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::AlertsOnly => "alerts_only",
            Self::PositiveOnly => "positive_only",
            Self::NegativeOnly => "negative_only",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|mode| mode.name() == name).unwrap_or(Self::AlertsOnly)
    }
}

/// Where predictions of a model are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Whether any are sent.
    pub enabled: bool,
    /// Where to; the installation's own address unless said.
    #[serde(default)]
    #[schema(example = "https://n8n.example.ch/webhook/prices")]
    pub webhook_url: Option<String>,
    /// Which.
    pub send_mode: SendMode,
}

/// A time in which what a model says leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IgnoreWindow {
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when, exclusive.
    pub to: DateTime<Utc>,
    /// Why.
    #[serde(default)]
    #[schema(example = "maintenance of the meter")]
    pub reason: String,
}

/// What people have set for a model.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ModelSettings {
    /// The model.
    pub model_id: Uuid,
    /// Probability from which on an event counts as predicted, or value that alerts are about.
    pub alert_threshold: Option<f64>,
    /// When what it says is worth telling.
    pub alert_config: AlertConfig,
    /// Where predictions are sent.
    pub webhook: WebhookSettings,
    /// Times in which what it says leads to nothing.
    pub ignore_windows: Vec<IgnoreWindow>,
    /// When somebody changed them last; absent while they are the defaults.
    pub updated_at: Option<DateTime<Utc>>,
}

impl ModelSettings {
    /// What holds while nobody has set anything.
    pub fn of(model_id: Uuid) -> Self {
        Self {
            model_id,
            alert_threshold: None,
            alert_config: AlertConfig::default(),
            webhook: WebhookSettings {
                enabled: false,
                webhook_url: None,
                send_mode: SendMode::AlertsOnly,
            },
            ignore_windows: Vec::new(),
            updated_at: None,
        }
    }
}

/// One answer that a model gave when it was made, to recognise it by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoldenRow {
    /// Features in column order; absent ones are `null`.
    pub features: Vec<Option<f64>>,
    /// Slot of the local day, counted from 0.
    #[serde(default)]
    pub slot: u16,
    /// Days ahead, counted from 1.
    #[serde(default = "one")]
    pub lead_day: u8,
    /// Its answer: a value, or a probability.
    pub expected: f64,
}

const fn one() -> u8 {
    1
}

/// Which models to list.
#[derive(Debug, Clone, Default)]
pub struct ModelFilter {
    /// Only those of this series.
    pub target: Option<String>,
    /// Only versions of this name.
    pub name: Option<String>,
    /// Only those of this algorithm.
    pub model_type: Option<String>,
    /// Only those that stand there.
    pub state: Option<State>,
}

impl From<Option<&str>> for ModelFilter {
    fn from(target: Option<&str>) -> Self {
        Self { target: target.map(str::to_owned), ..Self::default() }
    }
}

/// Which model of a name served at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedAt {
    /// The name.
    #[schema(example = "price-CH-day_ahead-lightgbm")]
    pub name: String,
    /// The instant.
    pub t: DateTime<Utc>,
    /// Whether a model of that name served then.
    pub served: bool,
    /// The model that served; else the one of that name that was changed last before.
    pub model_id: Option<Uuid>,
    /// Where it stood then.
    #[schema(example = "active")]
    pub state: Option<String>,
    /// What made it stand there: who, when, why.
    pub entry: Option<HistoryEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_states_and_modes_are_read_again() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
            assert_eq!(serde_json::json!(state), state.name());
        }
        for mode in SendMode::ALL {
            assert_eq!(SendMode::parse(mode.name()), mode);
        }
        let rule = EventRule { direction: Direction::Below, threshold: 0.0 };
        assert_eq!((rule.of(-0.1), rule.of(0.0), rule.of(3.0)), (1.0, 0.0, 0.0));
    }
}
