//! What a bundle must be before it is taken in: each refusal names the field.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::bundle::{Bundle, Fault, Manifest, SCHEMA};
use super::loaded::{Loaded, Shape};
use super::series::PriceSeries;
use super::settings::Settings;
use crate::learning::registry::GoldenRow;
use crate::learning::registry::MissingValues;
use crate::platform::objects::sha256_hex;

/// Algorithms that the table of models knows.
const MODEL_TYPES: [&str; 6] = ["naive", "linear", "lear", "lightgbm", "random_forest", "ensemble"];
/// Most features, golden rows and minutes ahead.
const FEATURES_MAX: usize = 2_000;
const GOLDEN_MAX: usize = 1_000;
const MINUTES_MAX: i64 = 60 * 24 * 366;
/// Longest name and series.
const NAME_MAX: usize = 200;
/// Rows that a model is asked about, one at a time, to see how long it takes.
const TIMED_ROWS: usize = 100;

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

/// Whether whoever signed is trusted, where that is asked for. That a signature fits was seen when
/// the bundle was unpacked; `own` is this installation's key.
pub(super) fn check_signer(
    signed_by: Option<&str>,
    own: &str,
    settings: &Settings,
) -> Result<(), Fault> {
    if !settings.require_signature {
        return Ok(());
    }
    let Some(key) = signed_by else {
        let what = "the bundle is not signed, and models.require_signature wants it to be";
        return Err(Fault::new("signature", what));
    };
    let is_trusted =
        key == own || settings.trusted_keys.iter().any(|it| it.eq_ignore_ascii_case(key));
    if is_trusted {
        return Ok(());
    }
    let what = format!("{key} is not trusted here; an admin can add it to models.trusted_keys");
    Err(Fault::new("signature.public_key", what))
}

/// How long a model takes for one row, many times over.
pub(super) fn timed(loaded: &Loaded, golden: &[GoldenRow]) -> Vec<Duration> {
    let rows = golden.iter().cycle().take(if golden.is_empty() { 0 } else { TIMED_ROWS });
    let time = |row: &GoldenRow| {
        let started = Instant::now();
        // Whether the answer is right was seen before.
        drop(loaded.check_golden(std::slice::from_ref(row)));
        started.elapsed()
    };
    rows.map(time).collect()
}

/// Whether 99 of 100 single rows take no longer than a request can bear.
pub(super) fn check_latency(mut took: Vec<Duration>, settings: &Settings) -> Result<(), Fault> {
    took.sort_unstable();
    // Nearest rank.
    let rank = (took.len() * 99).div_ceil(100);
    let Some(p99) = rank.checked_sub(1).and_then(|place| took.get(place)) else { return Ok(()) };
    let most = Duration::from_millis(settings.row_ms_max.into());
    if *p99 <= most {
        return Ok(());
    }
    let what = format!(
        "one row takes {:.1} ms (99 of 100 take no longer); {} ms are allowed (models.row_ms_max)",
        p99.as_secs_f64() * 1e3,
        settings.row_ms_max
    );
    Err(Fault::new("model", what))
}

/// The hash is right, the rows fit, the model can be loaded and is not too large: what can be told
/// before anything is stored.
pub(super) fn load(bundle: &Bundle, settings: &Settings) -> Result<Loaded, Fault> {
    let Bundle { manifest, model, golden, .. } = bundle;
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
        let what =
            format!("it has {} trees; {most} are allowed (models.trees_max)", loaded.trees());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_row_of_a_hundred_is_forgiven_two_are_not() {
        let settings = Settings { row_ms_max: 20, ..Settings::default() };
        let of = |slow: usize, all: usize| {
            let ms = |place| Duration::from_millis(if place < slow { 21 } else { 20 });
            (0..all).map(ms).collect::<Vec<_>>()
        };
        assert_eq!(check_latency(of(1, 100), &settings), Ok(()));
        let refused = check_latency(of(2, 100), &settings).unwrap_err();
        assert_eq!(refused.field, "model");
        assert!(refused.what.starts_with("one row takes 21.0 ms"), "{refused}");
        assert!(check_latency(of(1, 1), &settings).is_err());
        assert_eq!(check_latency(Vec::new(), &settings), Ok(()));
    }

    #[test]
    fn a_signature_is_asked_for_only_where_a_setting_says_so() {
        let (own, friend, other) = ("aa".repeat(32), "bb".repeat(32), "cc".repeat(32));
        let open = Settings::default();
        for signer in [None, Some(other.as_str())] {
            assert_eq!(check_signer(signer, &own, &open), Ok(()));
        }
        let strict = Settings {
            require_signature: true,
            trusted_keys: vec![friend.to_uppercase()],
            ..Settings::default()
        };
        for (signer, field) in [
            (None, Some("signature")),
            (Some(&other), Some("signature.public_key")),
            (Some(&friend), None),
            (Some(&own), None),
        ] {
            let refused = check_signer(signer.map(String::as_str), &own, &strict).err();
            assert_eq!(refused.map(|fault| fault.field).as_deref(), field);
        }
    }
}
