//! What every admin page stands in: who looks, the ways between the pages, a confirmation that is
//! shown once.

use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use crate::base::timeline::Clock;
use crate::platform::web::{CsrfToken, Principal, Problem};
use crate::surfaces::dashboards::api::{go_to, page, shell};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pages::Shell;
use crate::surfaces::dashboards::templates::Templates;

/// Cookie that carries a confirmation over the redirect behind a form.
const SAID_COOKIE: &str = "luna_said";
/// How long a browser keeps a confirmation that it never came back for, in seconds.
const SAID_MAX_AGE_S: i64 = 60;

/// An admin page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    System,
    Jobs,
    Logs,
}

impl Place {
    /// Every page, in the order of the navigation.
    const ALL: &'static [Self] = &[Self::System, Self::Jobs, Self::Logs];

    /// Its address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::System => "/admin",
            Self::Jobs => "/admin/jobs",
            Self::Logs => "/admin/logs",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::System => "adm_system",
            Self::Jobs => "adm_jobs",
            Self::Logs => "adm_logs",
        }
    }
}

/// What a form did, told on the page it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    JobCancelled,
    JobCancelRequested,
    JobEnded,
    JobRetried,
    JobNotFailed,
    ScheduleRan,
    SchedulePaused,
    ScheduleResumed,
}

impl Said {
    const ALL: &'static [Self] = &[
        Self::JobCancelled,
        Self::JobCancelRequested,
        Self::JobEnded,
        Self::JobRetried,
        Self::JobNotFailed,
        Self::ScheduleRan,
        Self::SchedulePaused,
        Self::ScheduleResumed,
    ];

    /// Key of its text, and its value in the cookie.
    const fn key(self) -> &'static str {
        match self {
            Self::JobCancelled => "adm_said_job_cancelled",
            Self::JobCancelRequested => "adm_said_job_cancel_requested",
            Self::JobEnded => "adm_said_job_ended",
            Self::JobRetried => "adm_said_job_retried",
            Self::JobNotFailed => "adm_said_job_not_failed",
            Self::ScheduleRan => "adm_said_schedule_ran",
            Self::SchedulePaused => "adm_said_schedule_paused",
            Self::ScheduleResumed => "adm_said_schedule_resumed",
        }
    }

    /// Whether nothing was done.
    const fn is_refusal(self) -> bool {
        matches!(self, Self::JobEnded | Self::JobNotFailed)
    }

    fn of(request: &HttpRequest) -> Option<Self> {
        let cookie = request.cookie(SAID_COOKIE)?;
        Self::ALL.iter().copied().find(|said| said.key() == cookie.value())
    }

    /// Leads to `path`, where this is told.
    pub(super) fn then(self, path: &str) -> HttpResponse {
        go_to(path, [said_cookie(self.key(), SAID_MAX_AGE_S)])
    }
}

fn said_cookie(value: &'static str, age_s: i64) -> Cookie<'static> {
    Cookie::build(SAID_COOKIE, value)
        .path("/admin")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(CookieAge::seconds(age_s))
        .finish()
}

/// The first sentence of a page: whether something needs a person, and what that person does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    pub(super) lead: String,
    pub(super) advice: String,
    /// More about it, with ways to where it is mended.
    pub(super) notes: Vec<Note>,
}

impl Answer {
    /// Two sentences and nothing more.
    pub(super) fn new(lead: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { lead: lead.into(), advice: advice.into(), notes: Vec::new() }
    }
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) link: Option<Link>,
}

/// A way to somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
    pub(super) current: bool,
}

impl Link {
    /// A way to `href`.
    pub(super) fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into(), current: false }
    }

    /// The way to the page with these parameters; empty ones are left out.
    pub(super) fn query(place: Place, parameters: &[(&str, &str)], text: &str) -> Self {
        let given: Vec<_> = parameters.iter().filter(|(_, value)| !value.is_empty()).collect();
        let path = place.path();
        match serde_urlencoded::to_string(given) {
            Ok(query) if !query.is_empty() => Self::new(format!("{path}?{query}"), text),
            _ => Self::new(path, text),
        }
    }

    /// The way, marked as the one taken.
    #[must_use]
    pub(super) fn current(self, current: bool) -> Self {
        Self { current, ..self }
    }
}

/// What stands around the content, as the template sees it.
#[derive(Debug, Serialize)]
struct Frame<'a> {
    title: &'static str,
    heading: String,
    answer: &'a Answer,
    links: Vec<Link>,
    said: Option<SaidText>,
}

#[derive(Debug, Serialize)]
struct SaidText {
    kind: &'static str,
    text: &'static str,
}

/// What admin pages are made with; the second parameter of their handlers, behind the guard.
pub(super) struct Desk {
    shell: Shell,
    said: Option<Said>,
    templates: Data<Templates>,
    now: DateTime<Utc>,
}

impl FromRequest for Desk {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let csrf = CsrfToken::extract(&request).await?;
            let templates = Data::<Templates>::extract(&request).await;
            let clock = Data::<Clock>::extract(&request).await;
            Ok(Self {
                shell: shell(&request, None, &csrf),
                said: Said::of(&request),
                templates: templates.map_err(Problem::internal)?,
                now: clock.map_err(Problem::internal)?.now(),
            })
        }
        .boxed_local()
    }
}

impl Desk {
    /// The present instant.
    pub(super) const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// How `who` reads numbers and instants.
    pub(super) fn format(&self, who: &Principal) -> Format {
        Format::new(self.shell.language, who.time_zone).read_at(self.now)
    }

    /// The page at `place` as `who` sees it; a confirmation is shown and then forgotten.
    pub(super) fn show(
        self,
        who: &Principal,
        (place, template): (Place, &'static str),
        answer: &Answer,
        view: &impl Serialize,
    ) -> HttpResponse {
        let format = self.format(who);
        let links = Place::ALL.iter().map(|other| {
            Link::new(other.path(), format.text(other.title())).current(*other == place)
        });
        let title = format.text(place.title());
        let date = format.date_long(format.date_of(self.now));
        let parts = [("title", title), ("date", &date), ("time", &format.time(self.now))];
        let frame = Frame {
            title,
            heading: format.fill("adm_heading", &parts),
            answer,
            links: links.collect(),
            said: self.said.map(|said| SaidText {
                kind: if said.is_refusal() { "stale" } else { "ok" },
                text: format.text(said.key()),
            }),
        };
        let shell = self.shell.seen_by(Some(who.clone()));
        let html = self.templates.admin(template, &shell, &frame, view);
        let mut response = page(StatusCode::OK, html);
        if self.said.is_some() && response.add_cookie(&said_cookie("", 0)).is_err() {
            tracing::debug!("The confirmation could not be taken back");
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::catalogue::Language;

    #[test]
    fn everything_said_and_every_page_has_words() {
        for language in Language::ALL {
            let messages = language.messages();
            let keys = Said::ALL.iter().map(|said| said.key());
            for key in keys.chain(Place::ALL.iter().map(|place| place.title())) {
                assert!(messages.find(key).is_some(), "{language:?} {key}");
            }
        }
    }

    #[test]
    fn links_keep_what_is_asked_for_and_nothing_empty() {
        let link = Link::query(Place::Logs, &[("level", ""), ("text", "a&b=\"c\"")], "x");
        assert_eq!(link.href, "/admin/logs?text=a%26b%3D%22c%22");
        assert_eq!(Link::query(Place::Jobs, &[("state", "")], "x").href, "/admin/jobs");
    }
}
