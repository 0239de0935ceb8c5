//! The `[models]` section.

use serde::{Deserialize, Serialize};

use super::signature::is_public_key;

/// Largest bundle that can be allowed: what a request may bring.
const BUNDLE_MB_MAX: u32 = 64;

/// How models are taken in, asked and replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Beginnings of addresses that bundles may be fetched from.
    pub import_urls: Vec<String>,
    /// Largest bundle, in megabytes.
    pub bundle_mb_max: u32,
    /// Most trees of an imported model.
    pub trees_max: u32,
    /// Public keys of installations whose bundles are trusted, 64 hexadecimal digits each.
    pub trusted_keys: Vec<String>,
    /// Whether bundles must be signed by one of those, or by this installation.
    pub require_signature: bool,
    /// How long an imported model may take for one row, in milliseconds.
    pub row_ms_max: u32,
    /// How long one model may take for an answer, in milliseconds.
    pub predict_timeout_ms: u32,
    /// Whether a model in the shadow that has proved better takes over by itself.
    pub promote_automatically: bool,
    /// Whether the weekly training fits the ensemble too, which takes minutes.
    pub ensemble: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            import_urls: Vec::new(),
            bundle_mb_max: 32,
            trees_max: 20_000,
            trusted_keys: Vec::new(),
            require_signature: false,
            row_ms_max: 50,
            predict_timeout_ms: 2_000,
            promote_automatically: false,
            ensemble: true,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        for url in &self.import_urls {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                all.push(format!("import_urls: '{url}' must begin with https:// or http://"));
            } else if url.split('/').nth(2).is_none_or(str::is_empty)
                || url.matches('/').count() < 3
            {
                all.push(format!(
                    "import_urls: '{url}' must name a host and end behind it with /, e.g. \
                     https://luna.example.ch/"
                ));
            }
        }
        for key in self.trusted_keys.iter().filter(|key| !is_public_key(key)) {
            all.push(format!("trusted_keys: '{key}' is not 64 hexadecimal digits"));
        }
        for (key, value, most) in [
            ("bundle_mb_max", self.bundle_mb_max, BUNDLE_MB_MAX),
            ("trees_max", self.trees_max, 1_000_000),
            ("row_ms_max", self.row_ms_max, 60_000),
            ("predict_timeout_ms", self.predict_timeout_ms, 60_000),
        ] {
            if !(1..=most).contains(&value) {
                all.push(format!("{key} = {value} is not between 1 and {most}"));
            }
        }
        all
    }

    /// Largest bundle, in bytes.
    pub fn bundle_bytes_max(&self) -> usize {
        usize::try_from(self.bundle_mb_max).unwrap_or(usize::MAX).saturating_mul(1 << 20)
    }

    /// Whether a bundle may be fetched from there. The beginning ends with a slash behind the host,
    /// so that no longer host name begins with it.
    pub fn allows(&self, url: &str) -> bool {
        let is_plain = !url.contains(['\\', '@']) && !url.contains("/..") && !url.contains("/./");
        is_plain && self.import_urls.iter().any(|allowed| url.starts_with(allowed.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_places_are_allowed() {
        let of = |url: &str| Settings { import_urls: vec![url.into()], ..Settings::default() };
        let settings = of("https://luna.example.ch/api/");
        assert_eq!(settings.mistakes(), [""; 0]);
        assert!(settings.allows("https://luna.example.ch/api/models/1/bundle"));
        for url in [
            "https://luna.example.ch/other",
            "https://luna.example.ch.evil.example/api/",
            "http://luna.example.ch/api/",
            "https://luna.example.ch/api/../x",
            "https://luna.example.ch@evil.example/api/",
        ] {
            assert!(!settings.allows(url), "{url}");
        }
        assert!(!Settings::default().allows("https://luna.example.ch/api/"));
        for wrong in ["ftp://x/", "https://luna.example.ch", "https:///"] {
            assert_eq!(of(wrong).mistakes().len(), 1, "{wrong}");
        }
        let zero = Settings { trees_max: 0, predict_timeout_ms: 60_001, ..Settings::default() };
        assert_eq!(zero.mistakes().len(), 2);
    }
}
