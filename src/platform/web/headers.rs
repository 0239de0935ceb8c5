//! Headers that keep a browser from doing more with an answer than we meant.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Everything from ourselves, nothing inline, no frames, no plugins.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";

/// Swagger UI writes `style` attributes; its scripts come as files.
const CSP_DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                        img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// A year: over https the browser keeps to https.
const HSTS: &str = "max-age=31536000";

/// Adds the headers to an answer to `path`; what a handler has set stays.
pub(super) fn secure(headers: &mut HeaderMap, path: &str, https: bool) {
    let csp = if path == "/docs" || path.starts_with("/docs/") { CSP_DOCS } else { CSP };
    let mut add = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    add(header::CONTENT_SECURITY_POLICY, csp);
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::REFERRER_POLICY, "same-origin");
    add(header::PERMISSIONS_POLICY, PERMISSIONS);
    add(header::CROSS_ORIGIN_OPENER_POLICY, "same-origin");
    add(header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
    if https {
        add(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // Answers depend on who asks; only files with a version in their address set their own.
    add(header::CACHE_CONTROL, "no-store");
}
