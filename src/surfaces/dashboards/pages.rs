//! What stands around every page, and the page of a problem.

use serde::{Deserialize, Serialize};

use crate::platform::web::{Principal, Role, local_path};
use crate::surfaces::dashboards::assets::asset_url;
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::pricing::Unit;

/// Light, dark, or what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// Every theme, in the order of the switch.
    pub const ALL: &'static [Self] = &[Self::Auto, Self::Light, Self::Dark];

    /// Name in cookies, links and `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|theme| theme.name() == name)
    }
}

/// Language and theme of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// Language of the texts.
    pub language: Language,
    /// Colours.
    pub theme: Theme,
    /// What prices are in; what suits the market unless said.
    pub unit: Option<Unit>,
}

impl Preferences {
    /// Cookie that keeps the language.
    pub const LANGUAGE_COOKIE: &'static str = "luna_lang";
    /// Cookie that keeps the theme; the page's script sets it too, so it is readable for scripts.
    pub const THEME_COOKIE: &'static str = "luna_theme";

    /// Cookie that keeps the unit of prices.
    pub const UNIT_COOKIE: &'static str = "luna_unit";

    /// What the cookies say, else what the browser asks for, else German and the system's colours.
    pub fn of(
        language_cookie: Option<&str>,
        theme_cookie: Option<&str>,
        unit_cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Self {
        Self {
            language: language_cookie
                .and_then(Language::parse)
                .or_else(|| accept_language.and_then(Language::negotiate))
                .unwrap_or_default(),
            theme: theme_cookie.and_then(Theme::parse).unwrap_or_default(),
            unit: unit_cookie.and_then(Unit::parse),
        }
    }
}

/// What stands around every page.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// Language of the texts.
    pub language: Language,
    /// Colours.
    pub theme: Theme,
    /// What prices are in; what suits the market unless said.
    pub unit: Option<Unit>,
    /// Path of the page.
    pub path: String,
    /// What stands behind its `?`, for the switches that come back to the same page.
    pub query: String,
    /// Login of whoever is signed in.
    pub user: Option<String>,
    /// Whether they are admin, and are shown the way to the admin pages.
    pub is_admin: bool,
    /// Whether they are shown the way to the models.
    pub sees_models: bool,
    /// Token that forms send back as `csrf_token`.
    pub csrf_token: Option<String>,
}

/// The shell as the templates see it.
#[expect(clippy::struct_excessive_bools, reason = "templates ask for one thing at a time")]
#[derive(Debug, Serialize)]
pub(super) struct ShellTexts<'a> {
    language: &'static str,
    tag: &'a str,
    theme: &'static str,
    themes: Vec<ThemeLink>,
    css: String,
    js: String,
    path: &'a str,
    address: String,
    back: String,
    other: &'static str,
    user: Option<&'a str>,
    account: Option<String>,
    csrf_token: Option<&'a str>,
    is_admin: bool,
    in_admin: bool,
    /// Empty where the way to the models is not shown, `here` on their pages.
    models: &'static str,
    in_upload: bool,
    in_documents: bool,
    in_forecast: bool,
}

#[derive(Debug, Serialize)]
struct ThemeLink {
    name: &'static str,
    label: &'static str,
    current: bool,
}

impl Shell {
    /// The shell as `principal` sees it; a guest is nobody.
    pub fn seen_by(self, principal: Option<Principal>) -> Self {
        let Some(principal) = principal.filter(|it| !it.is_setup_guest) else { return self };
        let is_admin = principal.role == Role::Admin;
        let sees_models = is_admin || principal.role == Role::Analyst;
        Self { user: Some(principal.login), is_admin, sees_models, ..self }
    }

    pub(super) fn texts(&self) -> ShellTexts<'_> {
        let messages = self.language.messages();
        let themes = Theme::ALL.iter().map(|theme| ThemeLink {
            name: theme.name(),
            label: messages.get(match theme {
                Theme::Auto => "theme_auto",
                Theme::Light => "theme_light",
                Theme::Dark => "theme_dark",
            }),
            current: *theme == self.theme,
        });
        let path = local_path(Some(&self.path));
        let whole = format!("{}?{}", self.path, self.query);
        let address = if self.query.is_empty() { path } else { local_path(Some(&whole)) };
        ShellTexts {
            language: self.language.code(),
            tag: messages.get("language_tag"),
            theme: self.theme.name(),
            themes: themes.collect(),
            css: asset_url("app.css"),
            js: asset_url("app.js"),
            path,
            back: query("back", address),
            address: address.to_owned(),
            other: self.language.next().code(),
            user: self.user.as_deref(),
            account: self.user.as_ref().map(|user| messages.fill("account", &[("login", user)])),
            csrf_token: self.csrf_token.as_deref(),
            is_admin: self.is_admin,
            in_admin: path == "/admin" || path.starts_with("/admin/"),
            models: match path {
                _ if !self.sees_models => "",
                "/models" => "here",
                path if path.starts_with("/models/") => "here",
                _ => "shown",
            },
            in_upload: path == "/upload" || path.starts_with("/upload/"),
            in_documents: path == "/documents" || path.starts_with("/documents/"),
            in_forecast: path == "/forecast" || path.starts_with("/forecast/"),
        }
    }
}

/// A query parameter with its value percent-encoded.
fn query(name: &str, value: &str) -> String {
    serde_urlencoded::to_string([(name, value)]).unwrap_or_default()
}

/// A problem in words: one that has just come up, or what its kind means.
#[derive(Debug, Clone)]
pub struct ErrorPage {
    /// Kind as in problem documents, e.g. `not-found`.
    pub kind: &'static str,
    /// HTTP status of the request that was refused.
    pub status: Option<u16>,
    /// What is wrong this time, as a program is told; empty when there is nothing to add.
    pub detail: String,
    /// Identifier of the request, to find it in the log.
    pub request_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ErrorTexts<'a> {
    title: String,
    text: String,
    status: String,
    detail: &'a str,
    request_id: &'a str,
    may_log_in: bool,
    may_retry: bool,
}

impl ErrorPage {
    pub(super) fn texts(&self, language: Language) -> ErrorTexts<'_> {
        let messages = language.messages();
        let key = format!("problem_{}", self.kind.replace('-', "_"));
        let status = self.status.map_or_else(
            || format!("/problems/{}", self.kind),
            |status| messages.fill("error_status", &[("status", &status.to_string())]),
        );
        ErrorTexts {
            title: messages.get(&key).to_owned(),
            text: messages.get(&format!("{key}_text")).to_owned(),
            status,
            detail: &self.detail,
            request_id: &self.request_id,
            may_log_in: self.status == Some(401),
            may_retry: matches!(self.status, Some(429 | 500..600)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::web::PROBLEM_KINDS;
    use crate::surfaces::dashboards::templates::Templates;

    #[test]
    fn cookies_win_over_the_browser() {
        let wanted = Preferences::of(Some("en"), Some("dark"), Some("eur"), Some("de-CH"));
        let unit = Some(Unit::EurMwh);
        assert_eq!(wanted, Preferences { language: Language::En, theme: Theme::Dark, unit });
        let odd = Preferences::of(Some("xx"), Some("pink"), Some("gold"), Some("en"));
        assert_eq!(odd, Preferences { language: Language::En, theme: Theme::Auto, unit: None });
        assert_eq!(Preferences::of(None, None, None, None), Preferences::default());
    }

    #[test]
    fn switches_come_back_to_the_same_page() {
        for (path, query, back) in [
            ("/", "", "back=%2F"),
            ("/", "market=DE-LU", "back=%2F%3Fmarket%3DDE-LU"),
            ("//evil.example", "a", "back=%2F"),
        ] {
            let shell = Shell { path: path.into(), query: query.into(), ..Shell::default() };
            assert_eq!(shell.texts().back, back);
        }
    }

    #[test]
    fn every_kind_of_problem_has_a_page_in_every_language() {
        let templates = Templates::load().unwrap();
        for (kind, language) in
            PROBLEM_KINDS.iter().flat_map(|kind| Language::ALL.iter().map(move |it| (*kind, *it)))
        {
            let shell = Shell { language, path: "/x".into(), ..Shell::default() };
            let page = ErrorPage {
                kind,
                status: Some(404),
                detail: "<b>x</b>".into(),
                request_id: "r-1".into(),
            };
            let html = templates.error(&shell, &page).unwrap();
            assert!(html.contains("r-1") && !html.contains("<b>x</b>"), "{html}");
            assert!(!html.contains("problem_"), "{kind} has no words in {language:?}: {html}");
        }
    }

    #[test]
    fn a_page_that_is_not_there_says_so() {
        let templates = Templates::load().unwrap();
        for (language, title) in [
            (Language::De, "Diese Seite gibt es nicht"),
            (Language::En, "This page does not exist"),
        ] {
            let shell = Shell { language, ..Shell::default() };
            let (detail, request_id) = (String::new(), String::new());
            let page = ErrorPage { kind: "not-found", status: Some(404), detail, request_id };
            let html = templates.error(&shell, &page).unwrap();
            assert!(html.contains(title), "{html}");
        }
    }
}
