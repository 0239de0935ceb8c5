//! Who may call: the first parameter of a handler says it.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Ready, Shared, ready};

use super::client::client_address;
use super::context::record_user;
use super::csrf::refuse_other_origins;
use super::principal::{Authenticator, Credentials, KeyGrant, Principal, Role, Scope};
use super::problem::Problem;
use super::protections::Protections;

/// A set of roles, and what a key needs, as a type.
pub trait Permits: 'static {
    /// The roles that may call.
    const ROLES: &'static [Role];
    /// What a key must be for; absent where only people may call.
    const SCOPE: Option<Scope>;
    /// Whether a caller of a box without an admin may read here.
    const SETUP_GUEST_READS: bool = false;
    /// Whether only the addresses that are listed for admins get an answer.
    const FROM_ADMIN_ADDRESSES: bool = false;
}

/// Admins only.
#[derive(Debug, Clone, Copy)]
pub struct AdminOnly;

/// Analysts and admins.
#[derive(Debug, Clone, Copy)]
pub struct Analyst;

/// Analysts and admins who bring something in, and keys for that.
#[derive(Debug, Clone, Copy)]
pub struct Importer;

/// Everybody who may bring in something of their own, and keys for that; the service decides what
/// is theirs.
#[derive(Debug, Clone, Copy)]
pub struct Sender;

/// Everybody but customers: who looks after the box, at models or at jobs.
#[derive(Debug, Clone, Copy)]
pub struct Viewer;

/// Everybody who is logged in; guests are not.
#[derive(Debug, Clone, Copy)]
pub struct LoggedIn;

/// Everybody who is logged in themselves: what concerns their own account is not for keys.
#[derive(Debug, Clone, Copy)]
pub struct Person;

/// Everybody who is logged in, and, for reading, guests of a box that has no admin yet.
#[derive(Debug, Clone, Copy)]
pub struct Reader;

impl Permits for AdminOnly {
    const ROLES: &'static [Role] = &[Role::Admin];
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const FROM_ADMIN_ADDRESSES: bool = true;
}

impl Permits for Analyst {
    const ROLES: &'static [Role] = &[Role::Admin, Role::Analyst];
    const SCOPE: Option<Scope> = Some(Scope::Train);
}

impl Permits for Importer {
    const ROLES: &'static [Role] = Analyst::ROLES;
    const SCOPE: Option<Scope> = Some(Scope::Ingest);
}

impl Permits for Sender {
    const ROLES: &'static [Role] = Role::ALL;
    const SCOPE: Option<Scope> = Some(Scope::Ingest);
}

impl Permits for Viewer {
    const ROLES: &'static [Role] = &[Role::Admin, Role::Analyst, Role::Viewer];
    const SCOPE: Option<Scope> = Some(Scope::Read);
}

impl Permits for LoggedIn {
    const ROLES: &'static [Role] = Role::ALL;
    const SCOPE: Option<Scope> = Some(Scope::Read);
}

impl Permits for Person {
    const ROLES: &'static [Role] = Role::ALL;
    const SCOPE: Option<Scope> = None;
}

impl Permits for Reader {
    const ROLES: &'static [Role] = Role::ALL;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const SETUP_GUEST_READS: bool = true;
}

/// Lets a request through when its sender has one of the roles of `R`; everything else is refused.
#[derive(Debug, Clone)]
pub struct Require<R>(pub Principal, PhantomData<fn() -> R>);

impl<R> Require<R> {
    /// Who calls.
    pub fn into_principal(self) -> Principal {
        self.0
    }
}

impl<R> Deref for Require<R> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<R: Permits> FromRequest for Require<R> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let decision = guard::<R>(request).shared();
        request.extensions_mut().insert(Gate(decision.clone()));
        let request = request.clone();
        async move {
            let principal = decision.await?;
            record_user(&request.extensions(), principal.user_id);
            Ok(Self(principal, PhantomData))
        }
        .boxed_local()
    }
}

type Decision = LocalBoxFuture<'static, Result<Principal, Problem>>;

/// The decision about a request, kept with it: extractors run side by side, and a body must not
/// be judged, nor even read, before its sender may send it.
struct Gate(Shared<Decision>);

/// Waits until the handler's [`Require`], if it has one, has let the request through.
///
/// Called while extractors are created, in the order of the handler's parameters, so the guard has
/// to be the first of them.
pub(super) fn passed(request: &HttpRequest) -> impl Future<Output = Result<(), Problem>> + use<> {
    let decision = request.extensions().get::<Gate>().map(|Gate(decision)| decision.clone());
    async move {
        match decision {
            Some(decision) => decision.await.map(drop),
            None => Ok(()),
        }
    }
}

/// Whether the sender of `request` comes from the right place, may call, and has not called too
/// often.
fn guard<R: Permits>(request: &HttpRequest) -> Decision {
    let protections = request.app_data::<Data<Protections>>().cloned();
    if R::FROM_ADMIN_ADDRESSES {
        // Without a list nobody is on it.
        let refusal = || Problem::forbidden("nobody may call this from anywhere");
        let admitted = protections.as_ref().ok_or_else(refusal);
        let admitted = admitted.and_then(|it| it.admits_admins_from(client_address(request)));
        if let Err(refusal) = admitted {
            return std::future::ready(Err(refusal)).boxed_local();
        }
    }
    let decision = decide::<R>(request);
    async move {
        let principal = decision.await?;
        protections.map_or(Ok(()), |protections| protections.take_from(&principal))?;
        Ok(principal)
    }
    .boxed_local()
}

/// Whether the sender of `request` may call. The future holds no request: it is kept inside one.
fn decide<R: Permits>(request: &HttpRequest) -> Decision {
    let reads = request.method().is_safe();
    let ready = Credentials::of(request).and_then(|credentials| {
        // Browsers add cookies on their own: a cookie alone does not show that the page was ours.
        if credentials.is_cookie_only() && !reads {
            refuse_other_origins(request)?;
        }
        let authenticator = request.app_data::<Arc<dyn Authenticator>>();
        let authenticator =
            authenticator.ok_or_else(|| Problem::unauthenticated("log in first"))?;
        Ok((Arc::clone(authenticator), credentials))
    });
    async move {
        let (authenticator, credentials) = ready?;
        admit::<R>(authenticator.authenticate(credentials).await?, reads)
    }
    .boxed_local()
}

fn admit<R: Permits>(principal: Principal, reads: bool) -> Result<Principal, Problem> {
    if principal.is_setup_guest {
        let welcome = R::SETUP_GUEST_READS && reads;
        let refusal = "log in first; this box has no admin yet, set it up with the one-time code";
        return welcome.then_some(principal).ok_or_else(|| Problem::unauthenticated(refusal));
    }
    if R::ROLES.contains(&principal.role) {
        return match &principal.key {
            Some(key) => check_scope(key, R::SCOPE).map(|()| principal),
            None => Ok(principal),
        };
    }
    let allowed: Vec<_> = R::ROLES.iter().map(|role| role.name()).collect();
    Err(Problem::forbidden(format_args!(
        "your role is {}; this needs {}",
        principal.role,
        allowed.join(" or ")
    )))
}

fn check_scope(key: &KeyGrant, needed: Option<Scope>) -> Result<(), Problem> {
    let Some(needed) = needed else {
        return Err(Problem::forbidden("this is not for API keys; log in"));
    };
    if key.scopes.contains(&needed) {
        return Ok(());
    }
    Err(Problem::forbidden(format_args!("the API key lacks the scope {needed}")))
}

/// Whether the sender of `request` may act on what belongs to others: an admin, in person, at an
/// address for admins.
pub fn administers(request: &HttpRequest, who: &Principal) -> bool {
    let protections = request.app_data::<Data<Protections>>();
    let listed = |it: &Data<Protections>| it.admits_admins_from(client_address(request)).is_ok();
    who.role == Role::Admin && who.key.is_none() && protections.is_some_and(listed)
}

/// First parameter of a handler that is public on purpose.
#[derive(Debug, Clone, Copy)]
pub struct Public;

impl FromRequest for Public {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self))
    }
}

/// First parameter of a public page that looks different to who is logged in: who calls, if that
/// can be said. Nobody is refused; use [`Require`] wherever rights matter.
#[derive(Debug, Clone)]
pub struct Visitor(pub Option<Principal>);

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let decision = decide::<Reader>(request);
        let request = request.clone();
        async move {
            let principal = decision.await.ok();
            if let Some(principal) = &principal {
                record_user(&request.extensions(), principal.user_id);
            }
            Ok(Self(principal))
        }
        .boxed_local()
    }
}
