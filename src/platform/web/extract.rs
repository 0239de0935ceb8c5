//! Bodies, queries, forms and paths as typed values; what does not fit is refused with its place.

use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::csrf::{CSRF_FIELD, check_form_token, refuse_other_origins};
use super::guard::passed;
use super::multipart;
use super::problem::Problem;

/// Longest body read into memory, in bytes; put another into the application's data to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl Default for BodyLimit {
    fn default() -> Self {
        Self(2 << 20)
    }
}

/// A JSON body.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_body(request, payload, "application/json");
        async move { parse_json(&body.await?).map(Self) }.boxed_local()
    }
}

/// Longest file that a request may bring, in bytes.
pub const UPLOAD_BYTES_MAX: usize = 64 << 20;

/// Longest form with a file: what stands around the file is small.
const FORM_BYTES_MAX: usize = UPLOAD_BYTES_MAX + (64 << 10);

/// A file sent as the body, whatever its type; up to [`UPLOAD_BYTES_MAX`].
#[derive(Debug, Clone)]
pub struct Upload(pub Bytes);

impl FromRequest for Upload {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let acceptable = refuse_coding(request.headers());
        let body = limited_body(request, payload, acceptable, BodyLimit(UPLOAD_BYTES_MAX));
        async move { body.await.map(Self) }.boxed_local()
    }
}

/// Longest body that is read as it arrives, in bytes.
pub const FLOW_BYTES_MAX: u64 = 4 << 30;

/// A body that is read as it arrives and never held as a whole; whoever reads it counts its bytes.
pub struct Flow {
    /// Its bytes.
    pub bytes: web::Payload,
    /// Its media type, lower case and without parameters; empty when the request names none.
    pub media_type: String,
}

impl Flow {
    /// All of it, up to `limit` bytes, for those who need a whole file.
    pub async fn whole(self, limit: usize) -> Result<Bytes, Problem> {
        match self.bytes.to_bytes_limited(limit).await {
            Err(_) => Err(too_large(BodyLimit(limit))),
            Ok(Err(error)) => Err(Problem::malformed(format_args!("body: {error}"))),
            Ok(Ok(bytes)) => Ok(bytes),
        }
    }
}

impl FromRequest for Flow {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let passed = passed(request);
        let acceptable = refuse_coding(request.headers());
        let given = header_text(request.headers(), header::CONTENT_TYPE);
        let media_type = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let announced = announced_length(request.headers());
        let bytes = web::Payload::from_request(request, payload).into_inner();
        async move {
            passed.await?;
            acceptable?;
            if announced.is_some_and(|length| length > FLOW_BYTES_MAX) {
                let limit = usize::try_from(FLOW_BYTES_MAX).unwrap_or(usize::MAX);
                return Err(too_large(BodyLimit(limit)));
            }
            Ok(Self { bytes: bytes.map_err(Problem::malformed)?, media_type })
        }
        .boxed_local()
    }
}

/// The query string.
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Params<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let passed = passed(request);
        let parsed = parse_urlencoded(request.query_string().as_bytes()).map(Self);
        async move {
            passed.await?;
            parsed
        }
        .boxed_local()
    }
}

/// A form posted by one of our own pages: other origins and stale tokens are refused.
#[derive(Debug, Clone)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_body(request, payload, "application/x-www-form-urlencoded");
        let request = request.clone();
        async move {
            let body = body.await?;
            refuse_other_origins(&request)?;
            let fields: Vec<(String, String)> = parse_urlencoded(&body)?;
            let given = fields.iter().find(|(name, _)| name == CSRF_FIELD);
            check_form_token(&request, given.map(|(_, value)| value.as_str()))?;
            let rest = fields.iter().filter(|(name, _)| name != CSRF_FIELD).collect::<Vec<_>>();
            let rest = serde_urlencoded::to_string(rest).map_err(Problem::internal)?;
            parse_urlencoded(rest.as_bytes()).map(Self)
        }
        .boxed_local()
    }
}

/// A file that came with a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentFile {
    /// What its sender calls it, without folders and control characters; empty when nobody chose one.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A form with a file (`multipart/form-data`) posted by one of our own pages: the fields, and the
/// file called `file`. Other origins and stale tokens are refused.
#[derive(Debug, Clone)]
pub struct FileForm<T> {
    /// The fields.
    pub fields: T,
    /// The file.
    pub file: SentFile,
}

impl<T: DeserializeOwned + 'static> FromRequest for FileForm<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let all = FilesForm::from_request(request, payload);
        async move {
            let FilesForm { fields, mut files } = all.await?;
            Ok(Self { fields, file: files.pop().unwrap_or_default() })
        }
        .boxed_local()
    }
}

/// The same with any number of files called `file`.
#[derive(Debug, Clone)]
pub struct FilesForm<T> {
    /// The fields.
    pub fields: T,
    /// The files, in order.
    pub files: Vec<SentFile>,
}

impl<T: DeserializeOwned + 'static> FromRequest for FilesForm<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let boundary = multipart::boundary(header_text(request.headers(), header::CONTENT_TYPE));
        let acceptable = refuse_coding(request.headers()).and_then(|()| match &boundary {
            Some(_) => Ok(()),
            None => Err(unsupported("the content type must be multipart/form-data".to_owned())),
        });
        let body = limited_body(request, payload, acceptable, BodyLimit(FORM_BYTES_MAX));
        let request = request.clone();
        async move {
            let body = body.await?;
            refuse_other_origins(&request)?;
            let parts = multipart::parts(&body, &boundary.unwrap_or_default())
                .map_err(|reason| Problem::malformed(format_args!("the form {reason}")))?;
            let (mut fields, mut files) = (Vec::new(), Vec::new());
            for part in parts {
                match part.file_name {
                    Some(name) if part.name == "file" => {
                        files.push(SentFile { name: plain_name(&name), bytes: part.bytes });
                    }
                    Some(_) => {}
                    None => {
                        let value = String::from_utf8_lossy(&part.bytes).into_owned();
                        fields.push((part.name, value));
                    }
                }
            }
            let given = fields.iter().find(|(name, _)| name == CSRF_FIELD);
            check_form_token(&request, given.map(|(_, value)| value.as_str()))?;
            fields.retain(|(name, _)| name != CSRF_FIELD);
            let fields = serde_urlencoded::to_string(fields).map_err(Problem::internal)?;
            Ok(Self { fields: parse_urlencoded(fields.as_bytes())?, files })
        }
        .boxed_local()
    }
}

/// The last part of a path, without what turns text around or rings bells.
fn plain_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |letter: &char| {
        !letter.is_control()
            && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().filter(is_plain).take(200).collect()
}

/// The variable parts of the path. Unlike actix-web's own it waits for the guard, so that who may
/// not call does not learn which paths would be well-formed.
#[derive(Debug, Clone)]
pub struct Path<T>(T);

impl<T> Path<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Path<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let passed = passed(request);
        let parsed = web::Path::<T>::extract(request).into_inner();
        let named = request.match_info().iter().map(|(name, _)| name.to_owned()).next();
        async move {
            passed.await?;
            let field = named.unwrap_or_else(|| "path".to_owned());
            let value = parsed.map_err(|error| Problem::invalid(field, error))?;
            Ok(Self(value.into_inner()))
        }
        .boxed_local()
    }
}

/// The body's bytes, once the guard has let the request through.
fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    media_type: &'static str,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let acceptable = check_media_type(request.headers(), media_type);
    let limit = request.app_data::<BodyLimit>().copied().unwrap_or_default();
    limited_body(request, payload, acceptable, limit)
}

fn limited_body(
    request: &HttpRequest,
    payload: &mut Payload,
    acceptable: Result<(), Problem>,
    limit: BodyLimit,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let passed = passed(request);
    let announced = announced_length(request.headers());
    let payload = web::Payload::from_request(request, payload).into_inner();
    async move {
        passed.await?;
        acceptable?;
        if announced.is_some_and(|length| usize::try_from(length).is_ok_and(|l| l > limit.0)) {
            return Err(too_large(limit));
        }
        let payload = payload.map_err(Problem::malformed)?;
        match payload.to_bytes_limited(limit.0).await {
            Err(_) => Err(too_large(limit)),
            Ok(Err(error)) => Err(Problem::malformed(format_args!("body: {error}"))),
            Ok(Ok(bytes)) => Ok(bytes),
        }
    }
}

fn too_large(BodyLimit(limit): BodyLimit) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        format_args!("the body is longer than {limit} bytes"),
    )
}

pub(super) fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    header_text(headers, header::CONTENT_LENGTH).parse().ok()
}

pub(super) fn unsupported(detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

/// A compressed body could unpack to any size; bodies read into memory come as they are.
pub(super) fn refuse_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let coding = header_text(headers, header::CONTENT_ENCODING);
    if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    Err(unsupported(format!("the body must not be compressed ('{coding}')")))
}

fn check_media_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    refuse_coding(headers)?;
    let given = header_text(headers, header::CONTENT_TYPE);
    let given = given.split(';').next().unwrap_or_default().trim();
    if given.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(unsupported(format!("the content type must be {expected}, not '{given}'")))
}

/// A value from JSON: 400 with line and column when it is no JSON, 422 with the field's path when
/// it is JSON of another shape.
pub(super) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    refuse_nul(bytes, b"\\u0000")?;
    // serde would read a list as a struct whose fields come in order; nobody means that.
    let is_list = bytes.trim_ascii_start().starts_with(b"[");
    let list = || Problem::invalid("body", "expected a JSON object, not a list");
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        match cause.classify() {
            Category::Data if is_list => list(),
            Category::Data => misfit(&path, &without_position(&cause.to_string())),
            // An object in place of a word of an enumeration is well-formed, too.
            _ if is_json(bytes) => misfit(&path, &without_position(&cause.to_string())),
            Category::Syntax | Category::Eof | Category::Io => not_json(&cause),
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    if is_list { Err(list()) } else { Ok(value) }
}

/// A value from JSON that was read before: 422 with the field's path when it has another shape.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| misfit(&error.path().to_string(), &error.inner().to_string()))
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::malformed(format_args!("the body is not valid JSON: {error}"))
        .with_field("body", error)
}

/// A value from `name=value&…`: 422 with the field's name when it does not fit.
pub(super) fn parse_urlencoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    refuse_nul(bytes, b"%00")?;
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(bytes));
    serde_path_to_error::deserialize(reader)
        .map_err(|error| misfit(&error.path().to_string(), &error.inner().to_string()))
}

/// PostgreSQL cannot store U+0000 in text, and no field of ours has a use for it.
fn refuse_nul(bytes: &[u8], spelled: &[u8]) -> Result<(), Problem> {
    let found = bytes.windows(spelled.len()).enumerate().any(|(at, window)| {
        let backslashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        window == spelled && backslashes.is_multiple_of(2)
    });
    let refusal = "the character U+0000 is not allowed";
    if found { Err(Problem::invalid("body", refusal)) } else { Ok(()) }
}

/// 422 for a value at `path`; serde names a missing or unknown field in its message only.
fn misfit(path: &str, message: &str) -> Problem {
    let parent = if path == "." || path == "?" { "" } else { path };
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split_once('`'))
        .map(|(name, _)| name);
    let field = match named {
        Some(name) if parent == name || parent.ends_with(&format!(".{name}")) => parent.to_owned(),
        Some(name) if parent.is_empty() => name.to_owned(),
        Some(name) => format!("{parent}.{name}"),
        None if parent.is_empty() => "body".to_owned(),
        None => parent.to_owned(),
    };
    Problem::invalid(field, message)
}

/// The field's path says where; line and column of a decoded body help nobody.
fn without_position(message: &str) -> String {
    message.rfind(" at line ").map_or(message, |at| &message[..at]).to_owned()
}
