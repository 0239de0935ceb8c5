//! What keeps callers in their place: whom proxies may speak for, where admins may come from, which
//! other sites may read, how often one may ask.

use std::net::IpAddr;
use std::sync::Arc;

use actix_cors::Cors;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{Condition, Next};
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};
use uuid::Uuid;

use super::client::client_address;
use super::networks::{Networks, neighbourhood};
use super::principal::Principal;
use super::problem::Problem;
use super::rate::Limit;
use super::settings::{Origin, Settings};
use crate::base::timeline::Clock;
use crate::platform::runtime::Live;

/// What costs nothing to answer and must be answered always: probes, and files of the pages.
const NOT_COUNTED: [&str; 4] = ["/health", "/metrics", "/static/", "/docs/"];
/// Where passwords and codes are tried, with `POST`.
const LOGINS: [&str; 4] = ["/api/auth/login", "/api/auth/register", "/login", "/setup"];
/// Seconds for which a browser need not ask again what another origin may do.
const PREFLIGHT_S: usize = 3600;

/// The protections; live in the application's data as `Data<Protections>`.
#[derive(Debug)]
pub struct Protections {
    clock: Clock,
    rules: Live<Rules>,
}

/// What holds now.
#[derive(Debug)]
pub(super) struct Rules {
    settings: Settings,
    addresses: Arc<Limit<IpAddr>>,
    principals: Arc<Limit<Uuid>>,
    logins: Arc<Limit<IpAddr>>,
}

impl Rules {
    fn new(settings: &Settings, clock: &Clock) -> Self {
        let Settings { requests_per_minute: requests, logins_per_minute: logins, .. } = *settings;
        Self {
            settings: settings.clone(),
            addresses: Limit::new("address", requests, clock.clone()).into(),
            principals: Limit::new("principal", requests, clock.clone()).into(),
            logins: Limit::new("login", logins, clock.clone()).into(),
        }
    }

    /// Proxies that are believed.
    pub(super) const fn trusted_proxies(&self) -> &Networks {
        &self.settings.trusted_proxies
    }
}

impl Protections {
    /// The protections that `settings` describe.
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let rules = Rules::new(settings, &clock);
        Self { clock, rules: rules.into() }
    }

    /// Lets `settings` hold from now on. Allowances that stay as they are keep their count; other
    /// origins wait for the next start.
    pub fn apply(&self, settings: &Settings) {
        let (mut next, now) = (Rules::new(settings, &self.clock), self.rules());
        if settings.requests_per_minute == now.settings.requests_per_minute {
            next.addresses = Arc::clone(&now.addresses);
            next.principals = Arc::clone(&now.principals);
        }
        if settings.logins_per_minute == now.settings.logins_per_minute {
            next.logins = Arc::clone(&now.logins);
        }
        self.rules.set(next);
    }

    /// What holds now.
    pub(super) fn rules(&self) -> Arc<Rules> {
        self.rules.get()
    }

    /// For requests without a peer, as tests of parts send them: they come from a trusted proxy at
    /// an address for admins, as often as they like.
    #[cfg(test)]
    pub fn lenient() -> Self {
        let peerless = || Networks::try_from(vec!["0.0.0.0".to_owned()]).unwrap();
        let settings = Settings {
            trusted_proxies: peerless(),
            admin_addresses: peerless(),
            requests_per_minute: 0,
            logins_per_minute: 0,
            ..Settings::default()
        };
        Self::new(&settings, Clock::system())
    }

    /// Refuses admins who come from elsewhere.
    pub(super) fn admits_admins_from(&self, address: IpAddr) -> Result<(), Problem> {
        let refusal = "this answers only to addresses in admin_addresses of [server], by default \
                       this box and private networks; come from one of them, or add yours there";
        let listed = self.rules().settings.admin_addresses.contains(address);
        listed.then_some(()).ok_or_else(|| Problem::forbidden(refusal))
    }

    /// Takes one request off the allowance of who is known to call.
    pub(super) fn take_from(&self, principal: &Principal) -> Result<(), Problem> {
        if principal.is_setup_guest {
            return Ok(());
        }
        self.rules().principals.take(&principal.account_id)
    }

    /// Takes one request off the allowance of the address it comes from.
    fn take_from_address(&self, request: &HttpRequest) -> Result<(), Problem> {
        let path = request.path();
        if NOT_COUNTED.iter().any(|start| path.starts_with(start)) {
            return Ok(());
        }
        let (line, rules) = (neighbourhood(client_address(request)), self.rules());
        if *request.method() == Method::POST && LOGINS.contains(&path) {
            rules.logins.take(&line)?;
        }
        rules.addresses.take(&line)
    }

    /// Answers browsers that ask what pages of the listed origins may do. These send tokens, never
    /// cookies: credentials are not allowed.
    pub fn cors(&self) -> Condition<Cors> {
        let rules = self.rules();
        let origins = &rules.settings.cors_origins;
        let cors = Cors::default()
            .allowed_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
            .allowed_headers(["x-api-key", "x-request-id"])
            .expose_headers(["x-request-id", "retry-after", "ratelimit", "ratelimit-policy"])
            .max_age(PREFLIGHT_S);
        let allow = |cors: Cors, origin: &Origin| cors.allowed_origin(origin.as_str());
        Condition::new(!origins.is_empty(), origins.iter().fold(cors, allow))
    }
}

/// The middleware that counts requests, for `App::wrap(from_fn(count_requests))`.
pub async fn count_requests<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let counted = request
        .app_data::<Data<Protections>>()
        .map_or(Ok(()), |protections| protections.take_from_address(request.request()));
    match counted {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Err(refusal) => Ok(request.error_response(refusal).map_into_right_body()),
    }
}
