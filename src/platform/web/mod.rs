//! What every HTTP offer shares: problem documents, principals, guards, extractors, middleware.

mod around; // one middleware: request id, span, headers, panics, access log, metrics
mod client; // where a request comes from, and whether over https
mod context; // the request's identifier, sender's address and span, reachable from anywhere inside the request
mod csrf; // same-origin check and double-submit token
mod multipart; // forms with a file
mod extract; // bodies, queries, forms, paths → values or problems
mod fallback; // 404 and 405
mod form_flow; // forms whose files are read as they arrive
mod guard; // who may call: `Require<Role>`, `Public`
mod headers; // security headers
mod instants; // instants in requests
mod networks; // lists of addresses and networks
mod openapi; // shared answers, security schemes, declared roles
mod paging; // pages by cursor
mod principal; // who calls
mod problem; // RFC 9457
mod protections; // proxies, admins' addresses, other origins, allowances
mod rate; // so many requests a minute
mod redirect; // where a login may lead
mod settings; // the `[server]` section

pub use self::around::around;
pub use self::client::is_https;
pub use self::context::{current_address, current_request_id};
pub use self::csrf::CsrfToken;
#[cfg(test)]
use self::extract::BodyLimit;
pub use self::extract::{
    Body, FLOW_BYTES_MAX, FileForm, FilesForm, Flow, Form, Params, Path, SentFile,
    UPLOAD_BYTES_MAX, Upload, parse_value,
};
pub use self::fallback::{MethodTable, fallback};
pub use self::form_flow::{FormFlow, FormPart};
pub use self::guard::{
    AdminOnly, Analyst, Importer, LoggedIn, Person, Public, Reader, Require, Sender, Viewer,
    Visitor, administers,
};
pub use self::instants::{Moment, instant, optional_instant};
pub use self::networks::neighbourhood;
pub use self::openapi::{BadBody, Conflict, NotFound, Refusals, Unavailable, describe};
#[cfg(test)]
pub use self::openapi::{DeclaredAccess, declared_access};
pub use self::paging::{Cursor, Limit, Page};
pub use self::principal::{
    Authenticator, BoxFuture, Credentials, KeyGrant, Language, Principal, Role, Scope,
    session_cookie_name, user_agent,
};
pub use self::problem::{PROBLEM_KINDS, Problem, ProblemDocument};
pub use self::protections::{Protections, count_requests};
pub use self::redirect::local_path;
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
