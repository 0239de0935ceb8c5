//! What every admin page stands in: who looks, its first sentence, the ways between the pages.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::said::Said;
use crate::base::timeline::Clock;
use crate::platform::web::{CsrfToken, Principal, Problem};
use crate::surfaces::dashboards::api::{page, shell};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pages::Shell;
use crate::surfaces::dashboards::templates::Templates;

/// An admin page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    System,
    Sources,
    Mqtt,
    Drops,
    Jobs,
    Logs,
    Audit,
    Users,
    Sessions,
    Keys,
    Settings,
    Simulation,
    /// Models; stand beside the others, as they are not for admins alone.
    Models,
    /// One's own account; stands beside the others.
    Account,
}

impl Place {
    /// Every page, in the order of the navigation.
    const ALL: &'static [Self] = &[
        Self::System,
        Self::Sources,
        Self::Mqtt,
        Self::Drops,
        Self::Jobs,
        Self::Logs,
        Self::Audit,
        Self::Users,
        Self::Sessions,
        Self::Keys,
        Self::Settings,
        Self::Simulation,
    ];

    /// Its address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::System => "/admin",
            Self::Sources => "/admin/sources",
            Self::Mqtt => "/admin/mqtt",
            Self::Drops => "/admin/drops",
            Self::Jobs => "/admin/jobs",
            Self::Logs => "/admin/logs",
            Self::Audit => "/admin/audit",
            Self::Users => "/admin/users",
            Self::Sessions => "/admin/sessions",
            Self::Keys => "/admin/keys",
            Self::Settings => "/admin/settings",
            Self::Simulation => "/admin/simulation",
            Self::Models => "/models",
            Self::Account => "/account",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::System => "adm_system",
            Self::Sources => "adm_sources",
            Self::Mqtt => "adm_mqtt",
            Self::Drops => "adm_drops",
            Self::Jobs => "adm_jobs",
            Self::Logs => "adm_logs",
            Self::Audit => "adm_audit",
            Self::Users => "adm_users",
            Self::Sessions => "adm_sessions",
            Self::Keys => "adm_keys",
            Self::Settings => "adm_settings",
            Self::Simulation => "adm_simulation",
            Self::Models => "nav_models",
            Self::Account => "adm_account",
        }
    }
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

/// An entry of a list to choose from.
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

impl Choice {
    /// An entry; it is the one that stands there when its value is `chosen`.
    pub(super) fn new(value: impl Into<String>, text: impl Into<String>, chosen: &str) -> Self {
        let value = value.into();
        Self { chosen: value == chosen, value, text: text.into() }
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
        place: (Place, &'static str),
        answer: &Answer,
        view: &impl Serialize,
    ) -> HttpResponse {
        self.answer(StatusCode::OK, who, place, answer, view)
    }

    /// The page at `place` as the answer to a form that leads nowhere else.
    pub(super) fn answer(
        self,
        status: StatusCode,
        who: &Principal,
        (place, template): (Place, &'static str),
        answer: &Answer,
        view: &impl Serialize,
    ) -> HttpResponse {
        let format = self.format(who);
        let stands_alone = matches!(place, Place::Models | Place::Account);
        let others = if stands_alone { &[] } else { Place::ALL };
        let links = others.iter().map(|other| {
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
        let mut response = page(status, html);
        if self.said.is_some() {
            Said::forget(&mut response);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::catalogue::Language;

    #[test]
    fn every_page_has_a_name() {
        for (language, place) in Language::ALL
            .iter()
            .flat_map(|language| Place::ALL.iter().map(move |it| (language, it)))
        {
            assert!(language.messages().find(place.title()).is_some(), "{language:?} {place:?}");
        }
    }

    #[test]
    fn links_keep_what_is_asked_for_and_nothing_empty() {
        let link = Link::query(Place::Logs, &[("level", ""), ("text", "a&b=\"c\"")], "x");
        assert_eq!(link.href, "/admin/logs?text=a%26b%3D%22c%22");
        assert_eq!(Link::query(Place::Jobs, &[("state", "")], "x").href, "/admin/jobs");
    }
}
