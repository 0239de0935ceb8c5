//! What may be set for a model: each refusal names the field.

use super::life::{AlertConfig, IgnoreWindow, ModelSettings, WebhookSettings};
use super::model::ModelRecord;
use super::service::RegistryError;

/// Longest name.
const NAME_MAX: usize = 200;
/// Longest address of a webhook.
const URL_MAX: usize = 2_000;
/// Most times in which a model is ignored.
const WINDOWS_MAX: usize = 100;
/// Longest silence after an alert: a week.
const COOLDOWN_MAX: u16 = 10_080;

fn invalid(field: impl Into<String>, what: impl Into<String>) -> RegistryError {
    RegistryError::Invalid { field: field.into(), what: what.into() }
}

/// A name that can stand in an address and in a list.
pub(super) fn name(field: &str, name: &str) -> Result<(), RegistryError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if name.is_empty() || name.len() > NAME_MAX {
        return Err(invalid(field, format!("write 1 to {NAME_MAX} letters")));
    }
    match name.chars().find(|letter| !is_plain(*letter)) {
        Some(letter) => {
            Err(invalid(field, format!("'{letter}' cannot stand in it; write letters, digits, -_.:")))
        }
        None => Ok(()),
    }
}

/// The threshold of an event is a probability, that of a value any number.
pub(super) fn threshold(
    model: &ModelRecord,
    settings: &mut ModelSettings,
    threshold: Option<f64>,
) -> Result<(), RegistryError> {
    let field = "alert_threshold";
    match threshold {
        Some(value) if !value.is_finite() => return Err(invalid(field, "write a number")),
        Some(value) if model.event.is_some() && !(0.0..=1.0).contains(&value) => {
            return Err(invalid(field, format!("{value} is no probability; write 0 to 1")));
        }
        _ => {}
    }
    settings.alert_threshold = threshold;
    Ok(())
}

pub(super) fn webhook(
    settings: &mut ModelSettings,
    webhook: WebhookSettings,
) -> Result<(), RegistryError> {
    if let Some(url) = &webhook.webhook_url {
        let field = "webhook_url";
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let Some(rest) = rest else {
            return Err(invalid(field, "it must begin with https:// or http://"));
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.starts_with(':') {
            return Err(invalid(field, "it names no host"));
        }
        if authority.contains('@') {
            return Err(invalid(field, "login and password do not belong into it"));
        }
        if url.len() > URL_MAX || url.chars().any(|letter| letter.is_control() || letter == ' ') {
            return Err(invalid(field, "it is too long or holds blanks"));
        }
    }
    settings.webhook = webhook;
    Ok(())
}

pub(super) fn alert_config(
    settings: &mut ModelSettings,
    config: AlertConfig,
) -> Result<(), RegistryError> {
    if !(1..=100).contains(&config.consecutive) {
        let what = format!("{} is not between 1 and 100", config.consecutive);
        return Err(invalid("consecutive", what));
    }
    if config.cooldown_minutes > COOLDOWN_MAX {
        let what = format!("{} is more than a week ({COOLDOWN_MAX})", config.cooldown_minutes);
        return Err(invalid("cooldown_minutes", what));
    }
    settings.alert_config = config;
    Ok(())
}

pub(super) fn ignore_windows(
    settings: &mut ModelSettings,
    windows: Vec<IgnoreWindow>,
) -> Result<(), RegistryError> {
    if windows.len() > WINDOWS_MAX {
        return Err(invalid("windows", format!("at most {WINDOWS_MAX} can be set")));
    }
    for (place, window) in windows.iter().enumerate() {
        if window.from >= window.to {
            return Err(invalid(format!("windows[{place}].to"), "it must be after `from`"));
        }
        if window.reason.len() > 500 {
            return Err(invalid(format!("windows[{place}].reason"), "it is longer than 500 bytes"));
        }
    }
    settings.ignore_windows = windows;
    Ok(())
}
