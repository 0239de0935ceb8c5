//! The `[tariffs]` section.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use super::model::TariffId;
use super::presets::{self, FILE};

/// Likeness from which on another word is thought to have been meant.
const NEAR_ENOUGH: f64 = 0.8;
/// Greatest VAT that is believed.
const VAT_PERCENT_MAX: f64 = 30.0;

/// Which tariffs are fetched, and which one is the household's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Tariffs that are fetched.
    pub active: Vec<String>,
    /// The household's tariff, which pages show; absent: the first active one.
    pub home: Option<String>,
    /// VAT that is added to every price, in per cent.
    pub vat_percent: f64,
    /// Days of history that a fresh tariff asks for.
    pub history_days: u16,
    /// Longest range one request for prices may cover, in days.
    pub range_days_max: u16,
    /// Other addresses of known operators.
    pub urls: BTreeMap<String, String>,
    /// Tariffs of operators that are not known.
    pub custom: Vec<Custom>,
}

/// A tariff that answers in the form of the VSE at an address of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// Second half of its identifier, `custom:<id>`.
    pub id: String,
    /// Where it answers.
    pub url: String,
    /// What people call it; its `id` unless said.
    #[serde(default)]
    pub name: Option<String>,
    /// Who sells it; its name unless said.
    #[serde(default)]
    pub operator: Option<String>,
    /// Value of the parameter `tariff_name`; left out unless said.
    #[serde(default)]
    pub tariff_name: Option<String>,
    /// When the next day is published, on Swiss clocks.
    #[serde(default = "evening")]
    pub publishes_at: String,
    /// Local days that one request may cover.
    #[serde(default = "month")]
    pub days_max: u16,
    /// How to credit it; its address unless said.
    #[serde(default)]
    pub attribution: Option<String>,
}

fn evening() -> String {
    "18:00".to_owned()
}

const fn month() -> u16 {
    31
}

impl Custom {
    /// `publishes_at` as a time.
    pub fn publishes_at(&self) -> Option<NaiveTime> {
        NaiveTime::parse_from_str(&self.publishes_at, "%H:%M").ok()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            active: Vec::new(),
            home: None,
            vat_percent: 8.1,
            history_days: 30,
            range_days_max: 400,
            urls: BTreeMap::new(),
            custom: Vec::new(),
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        for given in &self.active {
            match self.known(given) {
                Err(what) => all.push(format!("active: {what}")),
                Ok(id) if !seen.insert(id.clone()) => {
                    all.push(format!("active names {id} twice"));
                }
                Ok(_) => {}
            }
        }
        if let Some(home) = &self.home {
            let is_file = TariffId::parse(home).is_ok_and(|id| id.preset() == FILE);
            match self.known(home) {
                Err(what) if !is_file => all.push(format!("home: {what}")),
                Ok(id) if !seen.contains(&id) => {
                    all.push(format!("home = \"{id}\" is not among the active tariffs"));
                }
                _ => {}
            }
        }
        if !(0.0..=VAT_PERCENT_MAX).contains(&self.vat_percent) {
            let (vat, max) = (self.vat_percent, VAT_PERCENT_MAX);
            all.push(format!("vat_percent = {vat} is not between 0 and {max}"));
        }
        for (key, days, range) in [
            ("history_days", self.history_days, 2..=730),
            ("range_days_max", self.range_days_max, 1..=3_600),
        ] {
            if !range.contains(&days) {
                let (first, last) = range.into_inner();
                all.push(format!("{key} = {days} is not between {first} and {last}"));
            }
        }
        for (operator, url) in &self.urls {
            if !presets::operators().any(|known| known == operator) {
                let meant = nearest(operator, presets::operators());
                all.push(format!("urls: {operator} is no known operator{}", hint(meant)));
            }
            if !is_address(url) {
                all.push(format!("urls.{operator} must be an address like https://host/path"));
            }
        }
        all.extend(self.custom_mistakes());
        all
    }

    fn custom_mistakes(&self) -> Vec<String> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        for custom in &self.custom {
            let id = &custom.id;
            if TariffId::parse(&format!("custom:{id}")).is_err() {
                let may = "letters, digits, '-', '_' and '.'";
                all.push(format!("custom: the id '{id}' may have {may} only"));
            }
            if !seen.insert(id.to_ascii_lowercase()) {
                all.push(format!("custom has two tariffs with the id '{id}'"));
            }
            if !is_address(&custom.url) {
                all.push(format!("custom: the url of '{id}' must be like https://host/path"));
            }
            if custom.publishes_at().is_none() {
                let at = &custom.publishes_at;
                all.push(format!(
                    "custom: publishes_at of '{id}' is '{at}', not a time like 18:00"
                ));
            }
            if !(1..=400).contains(&custom.days_max) {
                let days = custom.days_max;
                all.push(format!("custom: days_max of '{id}' is {days}, not between 1 and 400"));
            }
        }
        all
    }

    /// The tariff that `given` names, or what is wrong with it.
    fn known(&self, given: &str) -> Result<TariffId, String> {
        let known = presets::all(self);
        let found = TariffId::parse(given).ok().and_then(|id| presets::find(&id, self));
        found.map(|preset| preset.tariff.id).ok_or_else(|| {
            let names = known.iter().map(|preset| preset.tariff.id.as_str());
            format!("'{given}' is no known tariff{}", hint(nearest(given, names)))
        })
    }

    /// The active tariffs, each once.
    pub(super) fn active_ids(&self) -> Vec<TariffId> {
        let mut ids: Vec<TariffId> = Vec::new();
        for id in self.active.iter().filter_map(|given| self.known(given).ok()) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The household's tariff, if there is one.
    pub(super) fn home_id(&self) -> Option<TariffId> {
        let said = self.home.as_deref().and_then(|home| TariffId::parse(home).ok());
        let said = said.map(|id| presets::find(&id, self).map_or(id, |preset| preset.tariff.id));
        said.or_else(|| self.active_ids().into_iter().next())
    }
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !url.contains(['?', '#', ' ', '@'])
    })
}

/// The known word nearest to `word`, if one is near enough to have been meant; the first of several.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    known
        .into_iter()
        .map(|other| (strsim::jaro_winkler(&word, &other.to_ascii_lowercase()), other))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .min_by(|(one, _), (other, _)| other.total_cmp(one))
        .map(|(_, other)| other)
}

/// A question after the word that was meant; nothing when none is near.
pub(super) fn hint(meant: Option<&str>) -> String {
    meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}
