//! Addresses, other origins and allowances, on the application as it is served.

use actix_web::http::{Method, header};
use actix_web::test::TestRequest;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::operation::{Operation, document};
use crate::config::Settings;
use crate::platform::web::{DeclaredAccess, Role};
use crate::testing::{ANYBODY, TestApp, from_this_box};

fn noon() -> DateTime<Utc> {
    "2026-03-28T12:00:00Z".parse().unwrap()
}

async fn app(change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::with(noon(), change).await
}

/// A request from an address elsewhere.
fn from(peer: &str, method: Method, path: &str) -> TestRequest {
    let peer = format!("{peer}:4711").parse().unwrap();
    from_this_box(method, path).peer_addr(peer)
}

fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

#[tokio::test]
async fn admin_operations_answer_admins_at_listed_addresses_only() {
    let app = app(|_| {}).await;
    let token = app.token(Role::Admin).await;
    let (mut for_admins, mut for_others) = (0, 0);
    for operation in Operation::all(&document()) {
        let DeclaredAccess::Roles(roles) = operation.access() else { continue };
        let (name, path) = (operation.name(), operation.address());
        let ask = async |peer: &str, lie: &str| {
            let request = from(peer, operation.method.clone(), &path);
            let request = request.insert_header((header::X_FORWARDED_FOR, lie));
            app.ask(bearer(request, &token)).await
        };
        if roles == ["admin"] {
            for_admins += 1;
            let refusal = ask("203.0.113.9", "127.0.0.1").await.problem(403);
            assert!(refusal["detail"].as_str().unwrap().contains("admin_addresses"), "{name}");
            assert_eq!(ask("[2001:db8::1]", "::1").await.status, 403, "{name}");
            for peer in ["127.0.0.1", "192.168.4.2", "[::ffff:10.0.0.1]", "[fd00::7]"] {
                assert_ne!(ask(peer, "8.8.8.8").await.status, 403, "{name} from {peer}");
            }
        } else {
            for_others += 1;
            assert_ne!(ask("203.0.113.9", "127.0.0.1").await.status, 403, "{name}");
        }
    }
    assert!(for_admins > 1 && for_others > 10, "{for_admins} {for_others}");
}

#[tokio::test]
async fn another_origin_reads_only_when_it_is_listed_and_never_with_cookies() {
    const PANEL: &str = "https://panel.example.ch";
    let app = app(|settings| {
        settings.server.cors_origins = vec![PANEL.to_owned().try_into().unwrap()];
    })
    .await;
    let ask = async |method: Method, origin: &str| {
        let request = from_this_box(method.clone(), "/api/markets");
        let request = request.insert_header((header::ORIGIN, origin));
        let preflight = (method == Method::OPTIONS).then_some([
            (header::ACCESS_CONTROL_REQUEST_METHOD, "GET"),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,x-api-key"),
        ]);
        let request = preflight.into_iter().flatten().fold(request, TestRequest::insert_header);
        app.ask(request).await
    };
    let preflight = ask(Method::OPTIONS, PANEL).await;
    assert_eq!(preflight.status, 200, "{}", preflight.text());
    assert_eq!(preflight.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), PANEL);
    assert!(preflight.header(header::ACCESS_CONTROL_ALLOW_METHODS).contains("PATCH"));
    assert!(preflight.header(header::ACCESS_CONTROL_ALLOW_HEADERS).contains("x-api-key"));
    let read = ask(Method::GET, PANEL).await;
    assert_eq!(read.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), PANEL);
    for answer in [&preflight, &read] {
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "");
        let varies: Vec<&str> =
            answer.headers.get_all(header::VARY).map(|it| it.to_str().unwrap()).collect();
        assert!(varies.join(",").to_lowercase().contains("origin"), "{varies:?}");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    for origin in
        ["https://evil.example", "http://panel.example.ch", "null", "https://panel.example.ch.evil"]
    {
        for method in [Method::OPTIONS, Method::GET] {
            let answer = ask(method, origin).await;
            assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "", "{origin}");
        }
    }
}

#[tokio::test]
async fn no_other_origin_reads_where_none_is_listed() {
    let app = app(|_| {}).await;
    let request = from_this_box(Method::GET, "/api/markets");
    let answer = app.ask(request.insert_header((header::ORIGIN, "http://localhost:3000"))).await;
    assert!(answer.status.is_success());
    assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "");
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits() {
    let app = app(|settings| settings.server.requests_per_minute = 6).await;
    let ask = async |peer: &str, path: &str| app.ask(from(peer, Method::GET, path)).await;
    for _ in 0..6 {
        assert_eq!(ask("203.0.113.9", "/api/markets").await.status, 200);
    }
    // Nothing behind the limit works: neither other addresses of the API nor what is not there.
    for path in ["/api/markets", "/api/me", "/api/nothing", "/"] {
        let answer = ask("203.0.113.9", path).await;
        assert_eq!(answer.status, 429, "{path}");
        assert_eq!(answer.header(header::RETRY_AFTER), "10", "{path}");
    }
    let problem = ask("203.0.113.9", "/api/markets").await.problem(429);
    assert_eq!(problem["detail"], "more than 6 requests a minute; go on in 10 s");
    // A header that claims another address changes nothing, another address does.
    let lie = from("203.0.113.9", Method::GET, "/api/markets");
    let lie = lie.insert_header((header::X_FORWARDED_FOR, "203.0.113.77"));
    assert_eq!(app.ask(lie).await.status, 429);
    assert_eq!(ask("203.0.113.10", "/api/markets").await.status, 200);
    // Probes are answered always.
    for path in ["/health/live", "/health/ready", "/static/app.css"] {
        assert_ne!(ask("203.0.113.9", path).await.status, 429, "{path}");
    }
    app.clock.set(noon() + TimeDelta::seconds(10));
    assert_eq!(ask("203.0.113.9", "/api/markets").await.status, 200);
    assert_eq!(ask("203.0.113.9", "/api/markets").await.status, 429);
}

#[tokio::test]
async fn one_line_in_ipv6_has_one_allowance() {
    let app = app(|settings| settings.server.requests_per_minute = 4).await;
    for host in 1..=8 {
        let peer = format!("[2001:db8:0:1::{host}]");
        let expected = if host <= 4 { 200 } else { 429 };
        assert_eq!(app.ask(from(&peer, Method::GET, "/api/markets")).await.status, expected);
    }
    let neighbour = from("[2001:db8:0:2::1]", Method::GET, "/api/markets");
    assert_eq!(app.ask(neighbour).await.status, 200);
}

#[tokio::test]
async fn an_account_cannot_multiply_its_allowance_by_addresses() {
    let app = app(|settings| settings.server.requests_per_minute = 5).await;
    let (anna, other) = (app.token(Role::Viewer).await, app.token(Role::Analyst).await);
    let ask = async |peer: usize, token: &str| {
        let request = from(&format!("203.0.113.{peer}"), Method::GET, "/api/me");
        app.ask(bearer(request, token)).await
    };
    for peer in 1..=5 {
        assert_eq!(ask(peer, &anna).await.status, 200);
    }
    let refusal = ask(6, &anna).await;
    assert_eq!(refusal.headers.get("ratelimit-policy").unwrap(), "\"principal\";q=5;w=60");
    refusal.problem(429);
    assert_eq!(ask(7, &other).await.status, 200, "somebody else goes on");
}

#[tokio::test]
async fn passwords_are_tried_at_a_lower_rate() {
    let app = app(|settings| settings.server.logins_per_minute = 3).await;
    let log_in = async |peer: &str, path: &str| {
        let request = from(peer, Method::POST, path);
        app.ask(request.set_json(json!({"login": "anna", "password": "wrong horse"}))).await
    };
    for _ in 0..3 {
        assert_eq!(log_in("203.0.113.9", "/api/auth/login").await.status, 401);
    }
    let refusal = log_in("203.0.113.9", "/api/auth/login").await;
    assert_eq!(refusal.header(header::RETRY_AFTER), "20");
    refusal.problem(429);
    for path in ["/api/auth/register", "/login", "/setup"] {
        assert_eq!(log_in("203.0.113.9", path).await.status, 429, "{path}");
    }
    assert_eq!(app.ask(from("203.0.113.9", Method::GET, "/login")).await.status, 200);
    assert_eq!(log_in("203.0.113.10", "/api/auth/login").await.status, 401);
    assert_eq!(app.get(ANYBODY, "/api/markets").await.status, 200);
}
