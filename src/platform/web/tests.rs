//! Guards, extractors, middleware and pages, over HTTP without a database.

use std::sync::Arc;

use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body, read_body_json};
use actix_web::{App, HttpResponse, get, post, put, web};
use chrono::DateTime;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_actix_web::AppExt;
use uuid::Uuid;

use super::extract::{parse_json, parse_urlencoded};
use super::*;

/// Knows the roles by name: the token `admin` belongs to an admin; no token to a guest.
struct Names;

impl Authenticator for Names {
    fn authenticate(&self, credentials: Credentials) -> BoxFuture<Result<Principal, Problem>> {
        Box::pin(async move {
            // The answer comes later than a body could be judged.
            tokio::task::yield_now().await;
            let Some(token) = credentials.bearer.or(credentials.cookie) else {
                return Ok(Principal::setup_guest());
            };
            let role = Role::parse(token.expose_secret());
            let role = role.ok_or_else(|| Problem::unauthenticated("unknown token"))?;
            Ok(Principal {
                user_id: Uuid::from_u128(7),
                role,
                is_setup_guest: false,
                ..Principal::setup_guest()
            })
        })
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Basket {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    price: f64,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    text: String,
}

/// Only admins
#[utoipa::path(security(("bearer" = ["admin"])), request_body = Basket,
    responses((status = 200), Refusals))]
#[post("/baskets")]
async fn create_basket(_: Require<AdminOnly>, body: Body<Basket>) -> String {
    let prices: Vec<f64> = body.0.items.iter().map(|item| item.price).collect();
    format!("{prices:?}")
}

/// Analysts
#[utoipa::path(security(("bearer" = ["analyst"])), params(("id" = Uuid, Path)),
    responses((status = 200), Refusals))]
#[put("/baskets/{id}")]
async fn update_basket(_: Require<Analyst>, id: Path<Uuid>) -> String {
    id.into_inner().to_string()
}

/// Everybody
#[utoipa::path(security(("bearer" = ["customer"])), params(Page),
    responses((status = 200), Refusals))]
#[get("/baskets")]
async fn list_baskets(who: Require<Reader>, page: Params<Page>) -> String {
    format!("{} {}", who.role, page.0.limit.rows())
}

/// Everybody, but no guests
#[utoipa::path(security(("bearer" = ["customer"])), responses((status = 200), Refusals))]
#[get("/mine")]
async fn get_mine(_: Require<LoggedIn>) -> &'static str {
    "mine"
}

/// A form
#[utoipa::path(security(()), responses((status = 200), Unavailable))]
#[post("/wish")]
async fn wish(_: Public, form: Form<Wish>) -> String {
    form.0.text
}

/// A page with a form
#[utoipa::path(security(()), responses((status = 200)))]
#[get("/form")]
async fn get_form(_: Public, token: CsrfToken) -> String {
    token.value().to_owned()
}

/// A greeting
#[utoipa::path(security(()), responses((status = 200)))]
#[get("/hello")]
async fn hello(visitor: Visitor, _: Params<Page>) -> String {
    visitor.0.map_or("nobody".to_owned(), |who| who.role.to_string())
}

/// A bug
#[utoipa::path(responses((status = 200)))]
#[get("/bug")]
async fn bug(_: Public) -> HttpResponse {
    panic!("c4n4ry")
}

macro_rules! app {
    () => {{
        let (app, mut document) = App::new()
            .into_utoipa_app()
            .service(create_basket)
            .service(update_basket)
            .service(list_baskets)
            .service(get_mine)
            .service(wish)
            .service(get_form)
            .service(hello)
            .service(bug)
            .split_for_parts();
        describe(&mut document);
        let authenticator: Arc<dyn Authenticator> = Arc::new(Names);
        let app = app
            .app_data(authenticator)
            .app_data(web::Data::new(Protections::lenient()))
            .app_data(BodyLimit(1_000))
            .app_data(Arc::new(MethodTable::of(&document).with("/login", &["GET", "POST"])))
            .default_service(web::to(fallback))
            .wrap(from_fn(around));
        (init_service(app).await, document)
    }};
}

fn json_post(path: &str, token: &str, body: impl Into<bytes::Bytes>) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("authorization", format!("Bearer {token}")))
        .insert_header(("content-type", "application/json; charset=utf-8"))
        .set_payload(body)
}

fn header<'r>(response: &'r ServiceResponse, name: &str) -> &'r str {
    response.headers().get(name).unwrap().to_str().unwrap()
}

async fn problem(response: ServiceResponse) -> ProblemDocument {
    let status = response.status();
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert_eq!(header(&response, "cache-control"), "no-store");
    let id = header(&response, "x-request-id").to_owned();
    let document: ProblemDocument = read_body_json(response).await;
    assert_eq!((document.status, document.instance.as_str()), (status.as_u16(), id.as_str()));
    document
}

#[actix_web::test]
async fn roles_open_what_they_should_and_nothing_else() {
    let (app, _) = app!();
    let id = Uuid::from_u128(1);
    let put_path = format!("/baskets/{id}");
    for (method, path, allowed) in [
        (Method::POST, "/baskets", vec!["admin"]),
        (Method::PUT, put_path.as_str(), vec!["admin", "analyst"]),
        (Method::GET, "/baskets", vec!["admin", "analyst", "viewer", "customer", "guest"]),
        (Method::GET, "/mine", vec!["admin", "analyst", "viewer", "customer"]),
    ] {
        for who in ["admin", "analyst", "viewer", "customer", "stranger", "guest"] {
            let mut request = TestRequest::default().method(method.clone()).uri(path);
            if who != "guest" {
                request = request.insert_header(("authorization", format!("bearer {who}")));
            }
            if method == Method::POST {
                request = request.set_json(json!({"items": []}));
            }
            let expected = match who {
                _ if allowed.contains(&who) => StatusCode::OK,
                "guest" | "stranger" => StatusCode::UNAUTHORIZED,
                _ => StatusCode::FORBIDDEN,
            };
            let response = call_service(&app, request.to_request()).await;
            assert_eq!(response.status(), expected, "{who} {method} {path}");
        }
    }
}

#[actix_web::test]
async fn who_may_not_call_learns_nothing_about_body_or_path() {
    let (app, _) = app!();
    let broken = TestRequest::post().uri("/baskets").set_payload("{").to_request();
    let refusal = problem(call_service(&app, broken).await).await;
    assert_eq!((refusal.status, refusal.kind.as_str()), (401, "/problems/not-logged-in"));
    let junk = TestRequest::put().uri("/baskets/junk");
    let junk = junk.insert_header(("authorization", "Bearer viewer")).to_request();
    assert_eq!(problem(call_service(&app, junk).await).await.status, 403);
}

#[actix_web::test]
async fn a_public_page_greets_who_is_known_and_refuses_nobody() {
    let (app, _) = app!();
    for (token, greeting) in
        [("Bearer analyst", "analyst"), ("Bearer x", "nobody"), ("?", "nobody")]
    {
        let request = TestRequest::get().uri("/hello?limit=3");
        let request = request.insert_header(("authorization", token)).to_request();
        assert_eq!(read_body(call_service(&app, request).await).await, greeting, "{token}");
    }
}

#[actix_web::test]
async fn another_scheme_than_bearer_is_refused_not_skipped() {
    let (app, _) = app!();
    for value in ["Basic YTpi", "Bearer", "Bearer  ", "admin"] {
        let request = TestRequest::get()
            .uri("/baskets")
            .insert_header(("authorization", value))
            .insert_header(("cookie", "luna=admin"));
        let response = call_service(&app, request.to_request()).await;
        assert!(response.headers().contains_key("www-authenticate"), "{value}");
        assert_eq!(problem(response).await.status, 401, "{value}");
    }
}

#[actix_web::test]
async fn bodies_are_refused_with_their_place() {
    let (app, _) = app!();
    let long = format!("{{\"items\":[{}{{\"price\":1}}]}}", "{\"price\":1},".repeat(100));
    for (body, status, field) in [
        (r#"{"items":[{"price":1},{"price":"x"}]}"#, 422, "items[1].price"),
        (r#"{"items":[{"price":1,"cost":2}]}"#, 422, "items[0].cost"),
        (r#"{"items":[{}]}"#, 422, "items[0].price"),
        (r#"{"items":[{"price":1,"price":2}]}"#, 422, "items[0].price"),
        (r#"{"items":[{"price":null}]}"#, 422, "items[0].price"),
        ("{}", 422, "items"),
        ("[]", 422, "body"),
        (r#"[[{"price":1}]]"#, 422, "body"),
        (r#""text""#, 422, "body"),
        (r#"{"items":"\u0000"}"#, 422, "body"),
        (r#"{"items":["#, 400, "body"),
        (r#"{"items":[{"price":1e999}]}"#, 422, "items[0].price"),
        (r#"{"items":[{"price":NaN}]}"#, 400, "body"),
        (r#"{"items":[]} x"#, 400, "body"),
        ("", 400, "body"),
    ] {
        let request = json_post("/baskets", "admin", body.to_owned()).to_request();
        let refusal = problem(call_service(&app, request).await).await;
        assert_eq!(refusal.status, status, "{body}: {refusal:?}");
        assert_eq!(refusal.errors[0].field, field, "{body}: {refusal:?}");
    }
    let refusal = call_service(&app, json_post("/baskets", "admin", long).to_request()).await;
    assert_eq!(problem(refusal).await.status, 413);
    let syntax = json_post("/baskets", "admin", "{\n  \"items\": x}").to_request();
    let detail = problem(call_service(&app, syntax).await).await.detail;
    assert!(detail.ends_with("line 2 column 12"), "{detail}");
}

#[actix_web::test]
async fn bytes_that_are_no_text_and_endless_nesting_are_refused() {
    for bytes in [b"{\"items\":[\"\xff\xfe\"]}".to_vec(), "[".repeat(10_000).into_bytes()] {
        let refusal = parse_json::<Basket>(&bytes).unwrap_err();
        assert!(matches!(refusal.slug(), "malformed-request" | "invalid-input"), "{refusal:?}");
    }
    assert!(parse_json::<Value>("[".repeat(10_000).as_bytes()).is_err());
}

#[actix_web::test]
async fn bodies_of_another_type_are_refused() {
    let (app, _) = app!();
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "gzip"),
    ] {
        let request = json_post("/baskets", "admin", "{\"items\":[]}");
        let request = request.insert_header((name, value)).to_request();
        assert_eq!(problem(call_service(&app, request).await).await.status, 415, "{name} {value}");
    }
}

#[actix_web::test]
async fn queries_and_paths_are_refused_with_the_parameter() {
    let (app, _) = app!();
    for (path, field) in [
        ("/baskets?limit=0", "limit"),
        ("/baskets?limit=201", "limit"),
        ("/baskets?limit=", "limit"),
        ("/baskets?limit=1&limit=2", "limit"),
        ("/baskets?cursor=abc", "cursor"),
        ("/baskets?colour=red", "colour"),
        ("/baskets?colour=%00", "body"),
    ] {
        let refusal =
            problem(call_service(&app, TestRequest::get().uri(path).to_request()).await).await;
        assert_eq!((refusal.status, refusal.errors[0].field.as_str()), (422, field), "{refusal:?}");
    }
    let request = TestRequest::put().uri("/baskets/junk");
    let request = request.insert_header(("authorization", "Bearer admin")).to_request();
    let refusal = problem(call_service(&app, request).await).await;
    assert_eq!((refusal.status, refusal.errors[0].field.as_str()), (422, "id"));
    let plain = TestRequest::get().uri("/baskets?limit=7").to_request();
    assert_eq!(read_body(call_service(&app, plain).await).await, "customer 7");
}

#[actix_web::test]
async fn what_is_not_there_is_a_problem_too() {
    let (app, _) = app!();
    for (method, path, status, allow) in [
        (Method::GET, "/nothing", 404, None),
        (Method::GET, "/baskets/1/2", 404, None),
        (Method::DELETE, "/baskets", 405, Some("GET, HEAD, POST")),
        (Method::GET, "/baskets/1", 405, Some("PUT")),
        (Method::PUT, "/login", 405, Some("GET, HEAD, POST")),
        (Method::GET, "/a%00b", 400, None),
    ] {
        let request = TestRequest::default().method(method.clone()).uri(path).to_request();
        let response = call_service(&app, request).await;
        let allowed =
            response.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(allowed.as_deref(), allow, "{method} {path}");
        assert_eq!(problem(response).await.status, status, "{method} {path}");
    }
}

#[actix_web::test]
async fn head_is_answered_like_get() {
    let (app, _) = app!();
    let request = TestRequest::default().method(Method::HEAD).uri("/baskets").to_request();
    assert_eq!(call_service(&app, request).await.status(), StatusCode::OK);
}

#[actix_web::test]
async fn on_one_connection_head_sends_no_body_and_a_panic_costs_only_its_request() {
    let authenticator: Arc<dyn Authenticator> = Arc::new(Names);
    let server = actix_web::HttpServer::new(move || {
        App::new()
            .app_data(Arc::clone(&authenticator))
            .service(list_baskets)
            .service(bug)
            .default_service(web::to(fallback))
            .wrap(from_fn(around))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", server.addrs()[0]);
    let running = server.run();
    let handle = running.handle();
    let ended = actix_web::rt::spawn(running);

    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let head = client.head(format!("{origin}/baskets")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.content_length()), (200, Some(0)));
    assert_eq!(head.headers()["content-length"], "11", "of the body of GET: customer 50");
    for (path, status) in [("/bug", 500), ("/baskets", 200), ("/none", 404)] {
        let response = client.get(format!("{origin}{path}")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(response.headers().contains_key("x-request-id"), "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    handle.stop(true).await;
    ended.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let (app, _) = app!();
    let request = TestRequest::get().uri("/bug").insert_header(("x-request-id", "mine-1234"));
    let error = actix_web::dev::Service::call(&app, request.to_request()).await.unwrap_err();
    let response = error.error_response();
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers().get("x-request-id").unwrap(), "mine-1234");
    assert_eq!(response.headers().get("x-content-type-options").unwrap(), "nosniff");
    let body = actix_web::body::to_bytes(response.into_body()).await.ok().unwrap();
    let document: ProblemDocument = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (document.kind.as_str(), document.instance.as_str()),
        ("/problems/internal-error", "mine-1234")
    );
    assert!(!String::from_utf8_lossy(&body).contains("c4n4ry"));
}

#[actix_web::test]
async fn every_answer_carries_identifier_and_security_headers() {
    let (app, _) = app!();
    for (given, kept) in [("abc-12345", true), ("short", false), ("a b c d e f g", false)] {
        let request = TestRequest::get().uri("/baskets").insert_header(("x-request-id", given));
        let response = call_service(&app, request.to_request()).await;
        let id = header(&response, "x-request-id");
        assert_eq!(id == given, kept, "{given} → {id}");
        let csp = header(&response, "content-security-policy");
        assert!(
            csp.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{csp}"
        );
        assert!(!csp.contains("unsafe"), "{csp}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(&response, name), value);
        }
        assert!(!response.headers().contains_key("strict-transport-security"));
    }
}

#[actix_web::test]
async fn forms_need_the_token_and_our_own_origin() {
    let (app, _) = app!();
    let page = call_service(&app, TestRequest::get().uri("/form").to_request()).await;
    let cookie = page.response().cookies().next().unwrap().into_owned();
    assert_eq!((cookie.name(), cookie.http_only()), ("luna-csrf", Some(true)));
    let token = String::from_utf8(read_body(page).await.to_vec()).unwrap();
    assert_eq!(cookie.value(), token);

    let post = |body: String| {
        TestRequest::post()
            .uri("/wish")
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("host", "box:8001"))
            .set_payload(body)
    };
    let good = format!("text=warm+%26+dry&csrf_token={token}");
    for (what, request, status) in [
        ("fine", post(good.clone()).cookie(cookie.clone()), 200),
        ("no cookie", post(good.clone()), 403),
        ("no token", post("text=x".into()).cookie(cookie.clone()), 403),
        (
            "wrong token",
            post("text=x&csrf_token=AAAAAAAAAAAAAAAAAAAAAA".into()).cookie(cookie.clone()),
            403,
        ),
        (
            "other site",
            post(good.clone())
                .cookie(cookie.clone())
                .insert_header(("sec-fetch-site", "cross-site")),
            403,
        ),
        (
            "sister site",
            post(good.clone())
                .cookie(cookie.clone())
                .insert_header(("sec-fetch-site", "same-site")),
            403,
        ),
        (
            "other origin",
            post(good.clone()).cookie(cookie.clone()).insert_header(("origin", "http://evil:8001")),
            403,
        ),
        (
            "null origin",
            post(good.clone()).cookie(cookie.clone()).insert_header(("origin", "null")),
            403,
        ),
        (
            "own origin",
            post(good.clone()).cookie(cookie.clone()).insert_header(("origin", "http://box:8001")),
            200,
        ),
        (
            "own site",
            post(good.clone())
                .cookie(cookie.clone())
                .insert_header(("sec-fetch-site", "same-origin")),
            200,
        ),
        ("unknown field", post(format!("{good}&x=1")).cookie(cookie.clone()), 422),
    ] {
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), status, "{what}");
        if status == 200 {
            assert_eq!(read_body(response).await, "warm & dry", "{what}");
        }
    }
    let again = TestRequest::get().uri("/form").cookie(cookie).to_request();
    let again = call_service(&app, again).await;
    assert!(again.response().cookies().next().is_none(), "a browser keeps its token");
}

#[actix_web::test]
async fn a_cookie_acts_only_for_our_own_pages_and_a_bearer_token_for_anybody() {
    let (app, _) = app!();
    for (header, site, status) in [
        (("cookie", "luna=admin"), "cross-site", 403),
        (("cookie", "luna=admin"), "same-origin", 200),
        (("authorization", "Bearer admin"), "cross-site", 200),
    ] {
        let request = TestRequest::post()
            .uri("/baskets")
            .insert_header(header)
            .insert_header(("sec-fetch-site", site))
            .set_json(json!({"items": []}));
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), status, "{header:?} {site}");
    }
    let read = TestRequest::get().uri("/baskets").insert_header(("cookie", "luna=viewer"));
    let read = read.insert_header(("sec-fetch-site", "cross-site")).to_request();
    assert_eq!(call_service(&app, read).await.status(), 200);
}

#[actix_web::test]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let (app, _) = app!();
    let request = TestRequest::get().uri("/form").insert_header(("x-forwarded-proto", "https"));
    let response = call_service(&app, request.to_request()).await;
    let cookie = response.response().cookies().next().unwrap().into_owned();
    assert_eq!(
        (cookie.name(), cookie.secure(), cookie.path()),
        ("__Host-luna-csrf", Some(true), Some("/"))
    );
    assert!(response.headers().contains_key("strict-transport-security"));
    let plain = TestRequest::get().uri("/mine").insert_header(("cookie", "luna=admin"));
    let plain = plain.insert_header(("x-forwarded-proto", "https")).to_request();
    assert_eq!(call_service(&app, plain).await.status(), 401, "the plain name counts for nothing");
}

#[actix_web::test]
async fn the_document_tells_who_may_call_what() {
    let (_, document) = app!();
    let declared = declared_access(&document);
    let of = |method: &str, path: &str| {
        let found = declared.iter().find(|(m, p, _)| m == method && p == path);
        found.map(|(_, _, access)| access.clone()).unwrap()
    };
    assert_eq!(of("POST", "/baskets"), DeclaredAccess::Roles(vec!["admin".into()]));
    assert_eq!(of("POST", "/wish"), DeclaredAccess::Public);
    assert_eq!(of("GET", "/bug"), DeclaredAccess::Undeclared);
    let json = serde_json::to_value(&document).unwrap();
    assert!(json["components"]["schemas"]["Problem"]["properties"]["instance"].is_object());
    assert!(json["components"]["securitySchemes"]["bearer"].is_object());
    let refusal = &json["paths"]["/baskets"]["post"]["responses"]["401"]["content"];
    assert_eq!(refusal["application/problem+json"]["example"]["status"], 401);
}

#[test]
fn failures_are_logged_with_causes_and_told_without() {
    #[derive(Debug, thiserror::Error)]
    #[error("could not read prices")]
    struct Outer(#[source] std::io::Error);
    let error = || Outer(std::io::Error::other("c4n4ry"));
    for (refusal, status) in
        [(Problem::internal(error()), 500), (Problem::unavailable(error()), 503)]
    {
        let document = refusal.document();
        assert_eq!(document.status, status);
        assert!(!serde_json::to_string(&document).unwrap().contains("c4n4ry"));
    }
}

#[test]
fn page_is_cut_where_the_next_begins() {
    let page: Page = parse_urlencoded(b"limit=2").unwrap();
    assert_eq!(page.fetch_limit(), 3);
    let cursor = |n: &i64| Cursor::new(DateTime::from_timestamp_micros(*n).unwrap(), n);
    let (rows, next) = page.cut(vec![9, 8, 7], cursor);
    assert_eq!((rows, next), (vec![9, 8], Some(cursor(&8))));
    assert_eq!(page.cut(vec![9, 8], cursor).1, None);
}

proptest! {
    #[test]
    fn cursors_come_back_as_they_went(micros in -1_000_000_000_000_000i64..4_000_000_000_000_000, id in "\\PC{0,40}") {
        let cursor = Cursor::new(DateTime::from_timestamp_micros(micros).unwrap(), id);
        prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
    }

    #[test]
    fn changed_cursors_are_refused(micros in 0i64..4_000_000_000_000_000, at in 0usize..24, letter in "[A-Za-z0-9_-]") {
        let text = Cursor::new(DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(5)).encode();
        let mut changed = text.clone();
        changed.replace_range(at..=at, &letter);
        prop_assume!(changed != text);
        prop_assert_eq!(Cursor::decode(&changed), None);
        prop_assert_eq!(Cursor::decode(&text[..text.len() - 1]), None);
    }

    #[test]
    fn any_text_in_place_of_a_cursor_is_an_answer_not_a_panic(text in "\\PC{0,60}") {
        prop_assert_eq!(Cursor::decode(&text), None);
    }
}
