//! What a bundle must be before it is taken in: each refusal names the field.

use std::collections::BTreeSet;

use super::bundle::{Bundle, Fault, Manifest, SCHEMA};
use super::loaded::{Loaded, Shape};
use super::series::PriceSeries;
use super::settings::Settings;
use crate::learning::registry::MissingValues;
use crate::platform::objects::sha256_hex;

/// Algorithms that the table of models knows.
const MODEL_TYPES: [&str; 6] =
    ["naive", "linear", "lear", "lightgbm", "random_forest", "ensemble"];
/// Most features, golden rows and minutes ahead.
const FEATURES_MAX: usize = 2_000;
const GOLDEN_MAX: usize = 1_000;
const MINUTES_MAX: i64 = 60 * 24 * 366;
/// Longest name and series.
const NAME_MAX: usize = 200;

/// Everything about a manifest that can be judged without the model.
pub(super) fn check_manifest(manifest: &Manifest) -> Result<(), Fault> {
    let fault = |field: &str, what: String| Err(Fault::new(format!("manifest.{field}"), what));
    if manifest.schema != SCHEMA {
        return fault("schema", format!("{} is not known; {SCHEMA} is", manifest.schema));
    }
    let is_plain = |text: &str| {
        let letters = text.chars().all(|it| it.is_ascii_alphanumeric() || "-_.:/".contains(it));
        letters && !text.is_empty() && text.len() <= NAME_MAX
    };
    for (field, text) in [("name", &manifest.name), ("target_variable", &manifest.target_variable)]
    {
        if !is_plain(text) {
            let what = format!("write 1 to {NAME_MAX} letters, digits and -_.:");
            return fault(field, what);
        }
    }
    if !MODEL_TYPES.contains(&manifest.model_type.as_str()) {
        let known = MODEL_TYPES.join(", ");
        return fault("model_type", format!("'{}' is not one of {known}", manifest.model_type));
    }
    match (manifest.task.as_str(), &manifest.event) {
        ("value", None) => {}
        ("event", Some(event)) if event.threshold.is_finite() => {}
        ("event", Some(_)) => return fault("event.threshold", "write a number".to_owned()),
        ("event", None) => return fault("event", "it must say which event".to_owned()),
        ("value", Some(_)) => return fault("event", "a model of values has none".to_owned()),
        (other, _) => return fault("task", format!("'{other}' is neither value nor event")),
    }
    if !(1..=MINUTES_MAX).contains(&manifest.future_minutes) {
        let what = format!("{} is not between 1 and {MINUTES_MAX}", manifest.future_minutes);
        return fault("future_minutes", what);
    }
    if manifest.train_start >= manifest.train_end {
        return fault("train_end", "it must be after train_start".to_owned());
    }
    check_features(manifest)?;
    if let MissingValues::Fill { values } = &manifest.missing_values {
        let (given, wanted) = (values.len(), manifest.features.len());
        if given != wanted {
            let what = format!("it has {given} values for {wanted} features");
            return fault("missing_values.values", what);
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return fault(&format!("missing_values.values[{place}]"), "write a number".to_owned());
        }
    }
    Ok(())
}

/// Names are usable, differ, and, for prices, are features that Luna can make.
fn check_features(manifest: &Manifest) -> Result<(), Fault> {
    let count = manifest.features.len();
    if !(1..=FEATURES_MAX).contains(&count) {
        let what = format!("it names {count} features; write 1 to {FEATURES_MAX}");
        return Err(Fault::new("manifest.features", what));
    }
    let known = PriceSeries::parse(&manifest.target_variable)
        .map(|series| series.known_features(&manifest.features));
    let mut seen = BTreeSet::new();
    for (place, name) in manifest.features.iter().enumerate() {
        let field = || format!("manifest.features[{place}]");
        let is_plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        if name.is_empty() || name.len() > NAME_MAX || !is_plain {
            return Err(Fault::new(field(), "write letters, digits and _"));
        }
        if !seen.insert(name) {
            return Err(Fault::new(field(), format!("'{name}' is named twice")));
        }
        if known.as_ref().is_some_and(|known| !known.contains(name)) {
            let what = format!("'{name}' is no feature that Luna can make for this series");
            return Err(Fault::new(field(), what));
        }
    }
    Ok(())
}

/// The hash is right, the rows fit, the model can be loaded and is not too large: what can be told
/// before anything is stored.
pub(super) fn load(bundle: &Bundle, settings: &Settings) -> Result<Loaded, Fault> {
    let Bundle { manifest, model, golden } = bundle;
    check_manifest(manifest)?;
    let sha256 = sha256_hex(model);
    if !manifest.model_sha256.eq_ignore_ascii_case(&sha256) {
        let what = format!("the model's hash is {sha256}: it is damaged, or another one");
        return Err(Fault::new("manifest.model_sha256", what));
    }
    if !(1..=GOLDEN_MAX).contains(&golden.len()) {
        let what = format!("it has {} rows; bring 1 to {GOLDEN_MAX}", golden.len());
        return Err(Fault::new("golden", what));
    }
    for (place, row) in golden.iter().enumerate() {
        let (given, wanted) = (row.features.len(), manifest.features.len());
        if given != wanted {
            let what = format!("it has {given} values for {wanted} features");
            return Err(Fault::new(format!("golden[{place}].features"), what));
        }
        if !row.expected.is_finite() {
            return Err(Fault::new(format!("golden[{place}].expected"), "write a number"));
        }
    }
    let loaded = Loaded::new(shape(manifest), model);
    let loaded = loaded.map_err(|what| Fault::new("model", what))?;
    let most = usize::try_from(settings.trees_max).unwrap_or(usize::MAX);
    if loaded.trees() > most {
        let what = format!("it has {} trees; {most} are allowed (models.trees_max)", loaded.trees());
        return Err(Fault::new("model", what));
    }
    Ok(loaded)
}

fn shape(manifest: &Manifest) -> Shape {
    Shape {
        series: manifest.target_variable.clone(),
        features: manifest.features.clone(),
        format: manifest.format,
        missing: manifest.missing_values.clone(),
        is_event: manifest.event.is_some(),
    }
}
