//! The session cookie of the login form.

use actix_web::HttpRequest;
use actix_web::cookie::time::OffsetDateTime;
use actix_web::cookie::{Cookie, SameSite};
use secrecy::ExposeSecret;

use crate::platform::web::session_cookie_name;

use super::model::NewTokens;

/// The cookie that logs a browser in: unreadable to scripts, not sent along by other sites' forms.
/// Over https it is bound to this host; a plain-http network can only be trusted.
pub fn login_cookie(request: &HttpRequest, tokens: &NewTokens) -> Cookie<'static> {
    let https = request.connection_info().scheme() == "https";
    let ends = OffsetDateTime::from_unix_timestamp(tokens.session_expires_at.timestamp());
    let mut cookie = empty(https);
    cookie.set_value(tokens.cookie_token.expose_secret().to_owned());
    cookie.set_expires(ends.ok());
    cookie
}

/// The cookies that log a browser out: both names, for a box that has changed to https since.
pub fn logout_cookies() -> [Cookie<'static>; 2] {
    [true, false].map(|https| {
        let mut cookie = empty(https);
        cookie.make_removal();
        cookie
    })
}

fn empty(https: bool) -> Cookie<'static> {
    Cookie::build(session_cookie_name(https), "")
        .path("/")
        .secure(https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}
