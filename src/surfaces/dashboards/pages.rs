//! What stands around every page, and the pages that hold a form or a problem.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::platform::web::local_path;
use crate::surfaces::dashboards::assets::asset_url;
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;

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
}

impl Preferences {
    /// Cookie that keeps the language.
    pub const LANGUAGE_COOKIE: &'static str = "luna_lang";
    /// Cookie that keeps the theme; the page's script sets it too, so it is readable for scripts.
    pub const THEME_COOKIE: &'static str = "luna_theme";

    /// What the cookies say, else what the browser asks for, else German and the system's colours.
    pub fn of(
        language_cookie: Option<&str>,
        theme_cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Self {
        Self {
            language: language_cookie
                .and_then(Language::parse)
                .or_else(|| accept_language.and_then(Language::negotiate))
                .unwrap_or_default(),
            theme: theme_cookie.and_then(Theme::parse).unwrap_or_default(),
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
    /// Path of the page, for the switches that come back to it.
    pub path: String,
    /// Login of whoever is signed in.
    pub user: Option<String>,
    /// Token that forms send back as `csrf_token`.
    pub csrf_token: Option<String>,
}

/// The shell as the templates see it.
#[derive(Debug, Serialize)]
pub(super) struct ShellTexts<'a> {
    language: &'static str,
    tag: &'a str,
    theme: &'static str,
    themes: Vec<ThemeLink>,
    css: String,
    js: String,
    path: &'a str,
    back: String,
    next: String,
    other: &'static str,
    user: Option<&'a str>,
    account: Option<String>,
    csrf_token: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ThemeLink {
    name: &'static str,
    label: &'static str,
    current: bool,
}

impl Shell {
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
        ShellTexts {
            language: self.language.code(),
            tag: messages.get("language_tag"),
            theme: self.theme.name(),
            themes: themes.collect(),
            css: asset_url("app.css"),
            js: asset_url("app.js"),
            path,
            back: query("back", path),
            next: query("next", path),
            other: self.language.next().code(),
            user: self.user.as_deref(),
            account: self.user.as_ref().map(|user| messages.fill("account", &[("login", user)])),
            csrf_token: self.csrf_token.as_deref(),
        }
    }
}

/// A query parameter with its value percent-encoded.
fn query(name: &str, value: &str) -> String {
    serde_urlencoded::to_string([(name, value)]).unwrap_or_default()
}

/// Why a log-in did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginProblem {
    /// Name or password is wrong; which one is not said.
    Wrong {
        /// Tries before the pause, and its length, where they are counted.
        left: Option<(u32, Duration)>,
    },
    /// The form's token is too old.
    Expired,
    /// The database does not answer.
    Unavailable,
}

/// The log-in form: sends `login`, `password`, `next`, `csrf_token` to `POST /login`.
#[derive(Debug, Clone, Default)]
pub struct LoginPage {
    /// What was typed as name before.
    pub login: String,
    /// Why it did not work.
    pub problem: Option<LoginProblem>,
    /// Page to go to afterwards.
    pub next: String,
    /// Whether the connection is plain http.
    pub insecure: bool,
    /// Whether the first account is still to be created.
    pub setup_open: bool,
    /// Whether the reader has just logged out.
    pub ended: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct LoginTexts<'a> {
    login: &'a str,
    problem: Option<String>,
    next: &'a str,
    insecure: bool,
    setup_open: bool,
    ended: bool,
}

impl LoginPage {
    pub(super) fn texts(&self, language: Language) -> LoginTexts<'_> {
        let format = Format::new(language, chrono_tz::UTC);
        // A pause of seconds counts as its first minute.
        let pause_text = |pause: Duration| format.age(pause.max(Duration::minutes(1)));
        let problem = self.problem.map(|problem| match problem {
            LoginProblem::Wrong { left: None } => format.text("login_wrong").to_owned(),
            LoginProblem::Wrong { left: Some((1, pause)) } => {
                format.fill("login_wrong_last", &[("pause", &pause_text(pause))])
            }
            LoginProblem::Wrong { left: Some((tries, pause)) } => format.fill(
                "login_wrong_left",
                &[("n", &tries.to_string()), ("pause", &pause_text(pause))],
            ),
            LoginProblem::Expired => format.text("login_expired").to_owned(),
            LoginProblem::Unavailable => format.text("login_unavailable").to_owned(),
        });
        LoginTexts {
            login: &self.login,
            problem,
            next: local_path(Some(&self.next)),
            insecure: self.insecure,
            setup_open: self.setup_open,
            ended: self.ended,
        }
    }
}

/// A field of a form and what is wrong with it, in the language of the page.
#[derive(Debug, Clone, Serialize)]
pub struct FieldError {
    /// `setup_code`, `login` or `password`; anything else stands above the form.
    pub field: String,
    /// A sentence.
    pub message: String,
}

/// The form for the first account: sends `setup_code`, `login`, `password`, `csrf_token` to `POST /setup`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SetupPage {
    /// What was typed as code before.
    pub setup_code: String,
    /// What was typed as name before.
    pub login: String,
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// Whether the connection is plain http.
    pub insecure: bool,
}

/// A problem in words.
#[derive(Debug, Clone)]
pub struct ErrorPage {
    /// HTTP status.
    pub status: u16,
    /// One sentence; empty when there is nothing to add.
    pub detail: String,
    /// Identifier of the request, to find it in the log.
    pub request_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ErrorTexts<'a> {
    title: &'static str,
    status: String,
    detail: &'a str,
    request_id: &'a str,
    may_log_in: bool,
    may_retry: bool,
}

impl ErrorPage {
    pub(super) fn texts(&self, language: Language) -> ErrorTexts<'_> {
        let messages = language.messages();
        ErrorTexts {
            title: messages.get(match self.status {
                400 | 422 => "error_400",
                401 => "error_401",
                403 => "error_403",
                404 => "error_404",
                429 => "error_429",
                503 => "error_503",
                500..600 => "error_500",
                _ => "error_title",
            }),
            status: messages.fill("error_status", &[("status", &self.status.to_string())]),
            detail: &self.detail,
            request_id: &self.request_id,
            may_log_in: self.status == 401,
            may_retry: matches!(self.status, 429 | 500..600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::templates::Templates;

    #[test]
    fn cookies_win_over_the_browser() {
        let wanted = Preferences::of(Some("en"), Some("dark"), Some("de-CH"));
        assert_eq!(wanted, Preferences { language: Language::En, theme: Theme::Dark });
        let odd = Preferences::of(Some("xx"), Some("pink"), Some("en"));
        assert_eq!(odd, Preferences { language: Language::En, theme: Theme::Auto });
        assert_eq!(Preferences::of(None, None, None), Preferences::default());
    }

    #[test]
    fn forms_escape_what_was_typed_and_name_the_problem() {
        let templates = Templates::load().unwrap();
        let hostile = "\"><script>alert(1)</script>";
        let shell = Shell { path: "/login".into(), ..Shell::default() };
        let login = LoginPage {
            login: hostile.into(),
            problem: Some(LoginProblem::Wrong { left: Some((4, Duration::minutes(5))) }),
            next: "//evil.example".into(),
            ..LoginPage::default()
        };
        let html = templates.login(&shell, &login).unwrap();
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(!html.contains("evil.example"), "{html}");
        assert!(html.contains("Noch 4 Versuche, dann 5\u{a0}min Pause."), "{html}");
        let errors = vec![FieldError { field: "password".into(), message: hostile.into() }];
        let setup = SetupPage { login: hostile.into(), errors, ..SetupPage::default() };
        let html = templates.setup(&shell, &setup).unwrap();
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(html.contains("aria-invalid=\"true\""), "{html}");
    }

    #[test]
    fn a_problem_has_a_page_in_both_languages() {
        let templates = Templates::load().unwrap();
        for (language, title) in [
            (Language::De, "Diese Seite gibt es nicht"),
            (Language::En, "This page does not exist"),
        ] {
            let shell = Shell { language, path: "/x".into(), ..Shell::default() };
            let page =
                ErrorPage { status: 404, detail: "<b>x</b>".into(), request_id: "r-1".into() };
            let html = templates.error(&shell, &page).unwrap();
            assert!(html.contains(title) && html.contains("r-1"), "{html}");
            assert!(!html.contains("<b>x</b>"), "{html}");
        }
    }
}
