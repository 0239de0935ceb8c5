//! Refusals as pages: who asks for HTML gets a problem in words, and the log-in form when that helps.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, ResponseError};

use super::api::{go_to, page, plain_shell};
use super::pages::ErrorPage;
use super::paths::{PAGES, PRICES_CSV};
use super::templates::Templates;
use crate::platform::web::{CsrfToken, Problem, Visitor, current_request_id};

/// Addresses for programs; they answer in the same form to everybody.
const FOR_PROGRAMS: [&str; 4] = ["/api/", "/health", "/metrics", "/openapi.json"];
/// Headers of a problem that a page keeps.
const KEPT: [HeaderName; 2] = [header::ALLOW, header::RETRY_AFTER];

/// The middleware, for `App::wrap(from_fn(problems_as_pages))`, inside of the one around all.
pub async fn problems_as_pages<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let wants_page = wants_page(request.request());
    let answer = next.call(request).await?;
    let problem = answer.response().error().and_then(|error| error.as_error::<Problem>()).cloned();
    let (Some(problem), true) = (problem, wants_page) else {
        return Ok(answer.map_into_left_body());
    };
    let mut instead = refusal(answer.request(), &problem).await;
    for name in KEPT {
        if let Some(value) = answer.headers().get(&name) {
            instead.headers_mut().insert(name, value.clone());
        }
    }
    Ok(answer.into_response(instead).map_into_right_body())
}

/// Whether a browser waits for a page: it says so, or it asked for one of the pages and not for JSON.
fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let accept = accept.unwrap_or_default();
    let path = request.path();
    let is_page = PAGES.iter().any(|(page, _)| *page == path && path != PRICES_CSV)
        || ["/problems/", "/admin/", "/account/", "/upload/", "/documents/"]
            .iter()
            .any(|start| path.starts_with(start));
    let for_programs = FOR_PROGRAMS.iter().any(|start| path.starts_with(start));
    accept.contains("text/html") && !for_programs || is_page && !accept.contains("json")
}

/// Who is not logged in is asked to; everything else is said in words.
async fn refusal(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if problem.status_code() == StatusCode::UNAUTHORIZED && reads {
        let back = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let query = serde_urlencoded::to_string([("next", back)]).unwrap_or_default();
        return go_to(&format!("/login?{query}"), []);
    }
    let Some(templates) = request.app_data::<Data<Templates>>() else {
        return problem.error_response();
    };
    let view = ErrorPage {
        kind: problem.slug(),
        status: Some(problem.status_code().as_u16()),
        detail: problem.detail().to_owned(),
        request_id: current_request_id().to_string(),
    };
    let mut shell = plain_shell(request);
    if !reads {
        // What was sent cannot be looked at; the switches lead home.
        "/".clone_into(&mut shell.path);
        shell.query.clear();
    }
    // Who calls is asked for at the database, which may be what is away, or is to be spared.
    let spared = problem.status_code() == StatusCode::TOO_MANY_REQUESTS;
    if !problem.status_code().is_server_error() && !spared {
        let visitor = Visitor::extract(request).await;
        shell = shell.seen_by(visitor.ok().and_then(|visitor| visitor.0));
        let token = CsrfToken::extract(request).await;
        shell.csrf_token = token.ok().map(|token| token.value().to_owned());
    }
    page(problem.status_code(), templates.error(&shell, &view))
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, web};

    use super::*;
    use crate::platform::web::fallback;

    async fn closed() -> Result<&'static str, Problem> {
        Err(Problem::unauthenticated("log in first"))
    }

    async fn away() -> Result<&'static str, Problem> {
        Err(Problem::busy("try again shortly"))
    }

    async fn ask(request: TestRequest) -> (StatusCode, String, String) {
        let templates = Data::new(Templates::load().unwrap());
        let app = App::new()
            .wrap(from_fn(problems_as_pages))
            .app_data(templates)
            .route("/", web::get().to(closed))
            .route("/", web::post().to(closed))
            .route("/api/me", web::get().to(closed))
            .route("/away", web::get().to(away))
            .default_service(web::to(fallback));
        let app = init_service(app).await;
        let answer = call_service(&app, request.to_request()).await;
        let header = |name| {
            let value = answer.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, kind) = (answer.status(), header(header::CONTENT_TYPE));
        let rest = if status == StatusCode::SEE_OTHER {
            header(header::LOCATION)
        } else {
            let retry_after = header(header::RETRY_AFTER);
            retry_after + std::str::from_utf8(&read_body(answer).await).unwrap()
        };
        (status, kind, rest)
    }

    fn browser(path: &str) -> TestRequest {
        let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        TestRequest::with_uri(path).insert_header((header::ACCEPT, accept))
    }

    #[actix_web::test]
    async fn a_browser_that_must_log_in_comes_back_to_where_it_was() {
        let (status, _, location) = ask(browser("/?market=CH&x=%C3%A4")).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(location, "/login?next=%2F%3Fmarket%3DCH%26x%3D%25C3%25A4");
        // What was to be changed is not repeated by a page that is merely looked at.
        let (status, kind, _) = ask(browser("/").method(Method::POST)).await;
        assert_eq!((status, kind.as_str()), (StatusCode::UNAUTHORIZED, "text/html; charset=utf-8"));
    }

    #[actix_web::test]
    async fn a_browser_gets_words_in_its_language_and_programs_get_documents() {
        let german = browser("/nothing").insert_header((header::ACCEPT_LANGUAGE, "de-CH"));
        let (status, _, html) = ask(german).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(html.contains("Diese Seite gibt es nicht"), "{html}");
        let english = browser("/away").insert_header((header::ACCEPT_LANGUAGE, "en"));
        let (status, _, html) = ask(english).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(html.starts_with('5') && html.contains("Not possible right now"), "{html}");
        for program in [
            browser("/api/me"),
            TestRequest::with_uri("/nothing"),
            TestRequest::with_uri("/away").insert_header((header::ACCEPT, "*/*")),
            TestRequest::with_uri("/").insert_header((header::ACCEPT, "application/json")),
        ] {
            let (_, kind, body) = ask(program).await;
            assert_eq!(kind, "application/problem+json", "{body}");
        }
    }
}
