//! Styles and scripts built into `static/dist`, embedded in the binary and cached by content.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use rust_embed::Embed;

use crate::platform::web::Problem;

/// Built by `npm run build`; without a build the pages stay readable, plain HTML.
#[derive(Embed)]
#[folder = "static/dist/"]
#[allow_missing = true]
struct Dist;

/// Address of a built file with the hash of its content, e.g. `/static/app.css?v=1f0c…`.
pub fn asset_url(name: &str) -> String {
    let version = Dist::get(name).map(|file| short_hash(file.metadata.sha256_hash()));
    format!("/static/{name}?v={}", version.unwrap_or_default())
}

/// Answers `GET /static/{name}`: for ever when `version` is the content's hash, else on demand.
///
/// `if_none_match` is the request's header of that name.
pub fn asset(name: &str, version: Option<&str>, if_none_match: Option<&str>) -> HttpResponse {
    let Some(file) = Dist::get(name) else {
        let problem = Problem::not_found(format_args!("there is no file '{name}'"));
        return HttpResponse::from_error(problem);
    };
    let hash = short_hash(file.metadata.sha256_hash());
    let etag = format!("\"{hash}\"");
    let caching = if version == Some(hash.as_str()) {
        "public, max-age=31536000, immutable"
    } else {
        "public, no-cache"
    };
    // A compressing middleware marks the tag as weak on its way out; it names the same content.
    let fresh = if_none_match
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let status = if fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, caching)).insert_header((ETAG, etag));
    if fresh {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, content_type(name))).body(file.data.into_owned())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "map") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn short_hash(sha256: [u8; 32]) -> String {
    sha256.iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing into a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn header(response: &HttpResponse, name: HeaderName) -> &str {
        response.headers().get(name).unwrap().to_str().unwrap()
    }

    #[test]
    fn unknown_files_are_not_found() {
        for name in ["nothing.js", "../Cargo.toml", "/etc/passwd", ""] {
            assert_eq!(asset(name, None, None).status(), StatusCode::NOT_FOUND, "{name}");
        }
    }

    #[test]
    fn built_files_are_cached_by_content() {
        let url = asset_url("app.css");
        let Some((_, version)) = url.split_once("?v=").filter(|(_, version)| !version.is_empty())
        else {
            eprintln!("skipped: built_files_are_cached_by_content: static/dist is not built");
            return;
        };
        let first = asset("app.css", Some(version), None);
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(header(&first, CONTENT_TYPE), "text/css; charset=utf-8");
        assert!(header(&first, CACHE_CONTROL).contains("immutable"));
        let tag = format!("W/\"{version}\"");
        let again = asset("app.css", Some("old"), Some(&tag));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(header(&again, CACHE_CONTROL), "public, no-cache");
    }
}
