//! Pages that hold a form: the log-in and the first account.

use chrono::Duration;
use serde::Serialize;

use crate::platform::web::local_path;
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;

/// Why a log-in did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginProblem {
    /// Name or password is wrong; which one is not said.
    Wrong {
        /// Tries before the pause, and its length, where they are counted.
        left: Option<(u32, Duration)>,
    },
    /// Too many wrong passwords.
    Locked {
        /// Until the next try counts.
        wait: Duration,
    },
    /// The form's token is too old.
    Expired,
    /// Too many people log in at the same time.
    Busy,
    /// The database does not answer.
    Unavailable,
    /// Our bug.
    Failed,
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
            LoginProblem::Locked { wait } => {
                format.fill("login_locked", &[("pause", &pause_text(wait))])
            }
            LoginProblem::Expired => format.text("login_expired").to_owned(),
            LoginProblem::Busy => format.text("login_busy").to_owned(),
            LoginProblem::Unavailable => format.text("login_unavailable").to_owned(),
            LoginProblem::Failed => format.text("problem_internal_error").to_owned(),
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

/// Why the first account was not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupProblem {
    /// The code is wrong, used or expired.
    Code,
    /// The name breaks a rule.
    Login,
    /// Somebody else has the name.
    LoginTaken,
    /// The password breaks a rule.
    Password,
    /// The form's token is too old.
    Expired,
}

/// The form for the first account: sends `setup_code`, `login`, `password`, `csrf_token` to `POST /setup`.
#[derive(Debug, Clone, Default)]
pub struct SetupPage {
    /// What was typed as code before.
    pub setup_code: String,
    /// What was typed as name before.
    pub login: String,
    /// What is wrong.
    pub problem: Option<SetupProblem>,
    /// Whether the connection is plain http.
    pub insecure: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct SetupTexts<'a> {
    setup_code: &'a str,
    login: &'a str,
    code_error: &'static str,
    login_error: &'static str,
    password_error: &'static str,
    form_error: &'static str,
    insecure: bool,
}

impl SetupPage {
    pub(super) fn texts(&self, language: Language) -> SetupTexts<'_> {
        let messages = language.messages();
        let said = |problem, key| {
            if self.problem == Some(problem) { messages.get(key) } else { "" }
        };
        let login_error = match self.problem {
            Some(SetupProblem::LoginTaken) => messages.get("setup_login_taken"),
            _ => said(SetupProblem::Login, "setup_bad_login"),
        };
        SetupTexts {
            setup_code: &self.setup_code,
            login: &self.login,
            code_error: said(SetupProblem::Code, "setup_bad_code"),
            login_error,
            password_error: said(SetupProblem::Password, "setup_bad_password"),
            form_error: said(SetupProblem::Expired, "login_expired"),
            insecure: self.insecure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::pages::Shell;
    use crate::surfaces::dashboards::templates::Templates;

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
        let setup = SetupPage {
            setup_code: hostile.into(),
            login: hostile.into(),
            problem: Some(SetupProblem::Password),
            ..SetupPage::default()
        };
        let html = templates.setup(&shell, &setup).unwrap();
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(html.contains("aria-invalid=\"true\""), "{html}");
    }
}
