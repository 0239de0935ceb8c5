//! What every page about documents is made with.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use crate::base::timeline::Clock;
use crate::knowledge::ask::Ask;
use crate::knowledge::documents::Documents;
use crate::platform::web::{CsrfToken, Principal, Problem, Role};
use crate::surfaces::dashboards::api::{data, page, shell};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pages::Shell;
use crate::surfaces::dashboards::templates::{PageError, Templates};

/// The services behind the pages, and the shell around them; the second parameter of handlers,
/// behind the guard.
pub(super) struct Room {
    shell: Shell,
    templates: Data<Templates>,
    pub documents: Data<Documents>,
    pub ask: Data<Ask>,
    pub now: DateTime<Utc>,
}

impl FromRequest for Room {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let csrf = CsrfToken::extract(&request).await?;
            let mut shell = shell(&request, None, &csrf);
            if !request.method().is_safe() {
                // What was sent cannot be looked at; the switches lead to the page.
                "/documents".clone_into(&mut shell.path);
                shell.query.clear();
            }
            Ok(Self {
                shell,
                templates: data(&request).await?,
                documents: data(&request).await?,
                ask: data(&request).await?,
                now: data::<Clock>(&request).await?.now(),
            })
        }
        .boxed_local()
    }
}

impl Room {
    /// How `who` reads numbers and instants.
    pub fn format(&self, who: &Principal) -> Format {
        Format::new(self.shell.language, who.time_zone).read_at(self.now)
    }

    /// A template as `who` sees it.
    pub fn render(
        &self,
        who: &Principal,
        template: &'static str,
        view: &impl Serialize,
    ) -> Result<String, PageError> {
        let shell = self.shell.clone().seen_by(Some(who.clone()));
        self.templates.documents(template, &shell, view)
    }

    /// A page as `who` sees it.
    pub fn show(
        &self,
        status: StatusCode,
        who: &Principal,
        template: &'static str,
        view: &impl Serialize,
    ) -> HttpResponse {
        page(status, self.render(who, template, view))
    }
}

/// Whether somebody brings documents for everybody.
pub(super) fn brings(who: &Principal) -> bool {
    matches!(who.role, Role::Admin | Role::Analyst)
}
