//! What every page about uploads is made with.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use crate::base::timeline::Clock;
use crate::facts::consumption::Consumption;
use crate::facts::imports::Imports;
use crate::facts::meters::Meters;
use crate::facts::uploads::StagedFiles;
use crate::platform::runtime::CpuPool;
use crate::platform::web::{CsrfToken, Principal, Problem};
use crate::surfaces::dashboards::api::{data, page, shell};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pages::Shell;
use crate::surfaces::dashboards::templates::Templates;

/// The services behind the pages, and the shell around them; the second parameter of handlers,
/// behind the guard.
pub(super) struct Room {
    shell: Shell,
    templates: Data<Templates>,
    pub meters: Data<Meters>,
    pub consumption: Data<Consumption>,
    pub imports: Data<Imports>,
    pub staged: Data<StagedFiles>,
    pub pool: Data<CpuPool>,
    pub now: DateTime<Utc>,
}

impl FromRequest for Room {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let csrf = CsrfToken::extract(&request).await?;
            Ok(Self {
                shell: shell(&request, None, &csrf),
                templates: data(&request).await?,
                meters: data(&request).await?,
                consumption: data(&request).await?,
                imports: data(&request).await?,
                staged: data(&request).await?,
                pool: data(&request).await?,
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

    /// A page as `who` sees it.
    pub fn show(
        &self,
        status: StatusCode,
        who: &Principal,
        template: &'static str,
        view: &impl Serialize,
    ) -> HttpResponse {
        let shell = self.shell.clone().seen_by(Some(who.clone()));
        page(status, self.templates.upload(template, &shell, view))
    }
}
