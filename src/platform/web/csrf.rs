//! Keeps other sites from acting in the name of a logged-in browser.
//!
//! Two locks: a request that changes something with a cookie must come from our own origin, as the
//! browser states it, and a form must repeat the token that only our own pages could read.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{Ready, ready};

use super::client::is_https;
use super::problem::Problem;

/// Name of the hidden form field that repeats the token.
pub const CSRF_FIELD: &str = "csrf_token";

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 16;
/// Characters of a token: 16 bytes in base64 without padding.
const TOKEN_LENGTH: usize = 22;

/// Token for the forms of a page. A handler that takes it has the matching cookie set on its
/// answer by the middleware, if the browser does not have one yet.
#[derive(Debug, Clone)]
pub struct CsrfToken(String);

impl CsrfToken {
    /// The value for the hidden field [`CSRF_FIELD`].
    pub fn value(&self) -> &str {
        &self.0
    }

    fn of_cookie(request: &HttpRequest) -> Option<Self> {
        let cookie = request.cookie(cookie_name(is_https(request)))?;
        is_token(cookie.value()).then(|| Self(cookie.value().to_owned()))
    }

    /// The cookie a page must set, when a handler asked for a token the browser did not have.
    pub(super) fn fresh_cookie(request: &HttpRequest) -> Option<Cookie<'static>> {
        let https = is_https(request);
        let extensions = request.extensions();
        let Fresh(token) = extensions.get::<Fresh>()?;
        let cookie = Cookie::build(cookie_name(https), token.clone())
            .path("/")
            .secure(https)
            .http_only(true)
            .same_site(SameSite::Lax)
            .finish();
        Some(cookie)
    }
}

/// A token made during this request, which the browser does not know yet.
#[derive(Debug, Clone)]
struct Fresh(String);

impl FromRequest for CsrfToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = Self::of_cookie(request).unwrap_or_else(|| {
            let bytes: [u8; TOKEN_BYTES] = rand::random();
            let token = URL_SAFE_NO_PAD.encode(bytes);
            request.extensions_mut().insert(Fresh(token.clone()));
            Self(token)
        });
        ready(Ok(token))
    }
}

const fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-luna-csrf" } else { "luna-csrf" }
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LENGTH
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Refuses a form whose `csrf_token` is not the one of the cookie.
pub(super) fn check_form_token(request: &HttpRequest, given: Option<&str>) -> Result<(), Problem> {
    let expected = CsrfToken::of_cookie(request);
    match (expected, given) {
        (Some(expected), Some(given)) if same(expected.0.as_bytes(), given.as_bytes()) => Ok(()),
        _ => Err(Problem::forbidden(
            "the form is out of date or did not come from this page; load the page again",
        )),
    }
}

/// Compares without telling by its duration where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Refuses a request that a page of another origin made the browser send.
///
/// `Sec-Fetch-Site` is what the browser itself says; older ones and plain http send `Origin`
/// instead, which must name the host that was asked. A program that sends neither is no browser.
pub(super) fn refuse_other_origins(request: &HttpRequest) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST.as_str())
        }
        (None, None) => true,
    };
    let refusal = "a page of another site sent this request; nothing was done";
    ours.then_some(()).ok_or_else(|| Problem::forbidden(refusal))
}
