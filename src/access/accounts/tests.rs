//! Accounts and sessions against a real database, through the service and over HTTP.

use std::sync::Arc;

use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use actix_web::{App, web};
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use utoipa_actix_web::AppExt;

use crate::access::audit::{Audit, By};
use crate::base::timeline::Clock;
use crate::platform::telemetry::redact;
use crate::platform::web::{
    Authenticator, Credentials, DeclaredAccess, Language, MethodTable, Principal, Problem,
    Protections, Role, around, declared_access, describe, fallback,
};
use crate::testing::TestDb;

use super::settings::Registration;
use super::{Accounts, AccountsError, NewTokens, Profile, Settings, login_cookie, routes};

const PASSWORD: &str = "c4n4ry horse battery";

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

struct Luna {
    accounts: Accounts,
    clock: Clock,
    db: TestDb,
}

impl Luna {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let (db, clock) = (TestDb::new().await, Clock::fixed(noon()));
        let accounts = Accounts::new(
            db.db().clone(),
            Audit::new(db.db().clone(), clock.clone()),
            clock.clone(),
            settings,
        );
        Self { accounts, clock, db }
    }

    /// A second process on the same database.
    fn twin(&self) -> Accounts {
        let audit = Audit::new(self.db.db().clone(), self.clock.clone());
        Accounts::new(self.db.db().clone(), audit, self.clock.clone(), Settings::default())
    }

    fn later(&self, by: Duration) {
        self.clock.set(self.clock.now() + by);
    }

    async fn user(&self, login: &str, role: Role) -> NewTokens {
        self.accounts.create_user(login, role, PASSWORD.into(), &By::command()).await.unwrap();
        self.accounts.login(login, PASSWORD.into(), "test").await.unwrap()
    }

    async fn by_bearer(&self, token: &SecretString) -> Result<Principal, Problem> {
        let credentials = Credentials { bearer: Some(token.clone()), ..Credentials::default() };
        self.accounts.authenticate(credentials).await
    }

    async fn by_cookie(&self, token: &SecretString) -> Result<Principal, Problem> {
        let credentials = Credentials { cookie: Some(token.clone()), ..Credentials::default() };
        self.accounts.authenticate(credentials).await
    }

    async fn anonymous(&self) -> Result<Principal, Problem> {
        self.accounts.authenticate(Credentials::default()).await
    }
}

#[tokio::test]
async fn the_setup_code_makes_one_admin_once() {
    let this = Luna::new().await;
    assert!(this.anonymous().await.unwrap().is_setup_guest);
    let code = this.accounts.ensure_setup_code().await.unwrap().unwrap();
    let other_code = this.twin().ensure_setup_code().await.unwrap().unwrap();

    let without = this.accounts.register("anna", PASSWORD.into(), None).await;
    assert!(matches!(without, Err(AccountsError::SetupFirst)), "{without:?}");
    let wrong = this.accounts.register("anna", PASSWORD.into(), Some("AAAA-AAAA".into())).await;
    assert!(matches!(wrong, Err(AccountsError::SetupCode)), "{wrong:?}");
    // A password that is refused does not use the code up.
    let weak = this.accounts.register("anna", "short".into(), Some(code.clone())).await;
    assert!(matches!(weak, Err(AccountsError::WeakPassword(_))), "{weak:?}");

    let typed = code.expose_secret().to_lowercase().replace('-', " ");
    let admin = this.accounts.register("Anna", PASSWORD.into(), Some(typed.into())).await.unwrap();
    assert_eq!((admin.role, admin.login.as_str()), (Role::Admin, "anna"));

    for code in [code, other_code] {
        let again = this.accounts.register("eve", PASSWORD.into(), Some(code.clone())).await;
        assert!(matches!(again, Err(AccountsError::SetupCode)), "{again:?}");
        let elsewhere = this.twin().register("eve", PASSWORD.into(), Some(code)).await;
        assert!(matches!(elsewhere, Err(AccountsError::SetupCode)), "{elsewhere:?}");
    }
    assert!(this.accounts.ensure_setup_code().await.unwrap().is_none());
    assert!(this.anonymous().await.is_err());
}

#[tokio::test]
async fn two_who_hold_good_codes_at_once_make_one_admin() {
    let this = Luna::new().await;
    let first = this.accounts.ensure_setup_code().await.unwrap();
    let second = this.accounts.ensure_setup_code().await.unwrap();
    let (one, two) = (this.twin(), this.twin());
    let (one, two) = tokio::join!(
        one.register("anna", PASSWORD.into(), first),
        two.register("bert", PASSWORD.into(), second)
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn the_setup_code_expires_to_the_minute() {
    let this = Luna::new().await;
    let code = this.accounts.ensure_setup_code().await.unwrap();
    this.later(Duration::minutes(30));
    let late = this.accounts.register("anna", PASSWORD.into(), code).await;
    assert!(matches!(late, Err(AccountsError::SetupCode)), "{late:?}");
    let code = this.accounts.ensure_setup_code().await.unwrap();
    this.later(Duration::seconds(30 * 60 - 1));
    assert!(this.accounts.register("anna", PASSWORD.into(), code).await.is_ok());
}

#[tokio::test]
async fn an_admin_made_by_command_voids_the_setup_code() {
    let this = Luna::new().await;
    let code = this.accounts.ensure_setup_code().await.unwrap();
    this.twin().create_user("anna", Role::Admin, PASSWORD.into(), &By::command()).await.unwrap();
    let refused = this.accounts.register("eve", PASSWORD.into(), code).await;
    assert!(matches!(refused, Err(AccountsError::SetupCode)), "{refused:?}");
}

#[tokio::test]
async fn later_people_register_as_customers_or_not_at_all() {
    let open = Settings { registration: Registration::Open, ..Settings::default() };
    for (settings, may) in [(Settings::default(), false), (open, true)] {
        let this = Luna::with(settings).await;
        this.user("anna", Role::Admin).await;
        let result = this.accounts.register("carl", PASSWORD.into(), None).await;
        match result {
            Ok(account) => assert!(may && account.role == Role::Customer),
            Err(error) => assert!(!may && matches!(error, AccountsError::RegistrationClosed)),
        }
    }
}

#[tokio::test]
async fn logins_are_unique_whatever_their_case() {
    let this = Luna::new().await;
    this.user("anna@example.ch", Role::Viewer).await;
    let twice = this
        .accounts
        .create_user(" Anna@Example.CH", Role::Admin, PASSWORD.into(), &By::command())
        .await;
    assert!(matches!(twice, Err(AccountsError::LoginTaken(_))), "{twice:?}");
    assert!(!this.accounts.has_admin().await.unwrap());
}

#[tokio::test]
async fn wrong_password_unknown_login_and_nonsense_say_the_same() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    let mut said = Vec::new();
    for (login, password) in
        [("anna", "wrong password"), ("nobody", PASSWORD), ("an na\u{7}", PASSWORD), ("", "")]
    {
        let error = this.accounts.login(login, password.into(), "").await.unwrap_err();
        let problem = Problem::from(error);
        said.push((problem.document().status, problem.detail().to_owned()));
    }
    said.dedup();
    assert_eq!(said, [(401, "login or password is wrong".to_owned())]);
    assert!(this.accounts.login(" ANNA ", PASSWORD.into(), "").await.is_ok());
}

#[tokio::test]
async fn tokens_open_the_session_of_their_kind_until_they_expire() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Analyst).await;
    assert_eq!(tokens.access_token_s, 900);
    let principal = this.by_bearer(&tokens.access_token).await.unwrap();
    assert_eq!((principal.login.as_str(), principal.role), ("anna", Role::Analyst));
    assert_eq!(this.by_cookie(&tokens.cookie_token).await.unwrap(), principal);
    assert!(this.by_bearer(&tokens.cookie_token).await.is_err());
    assert!(
        this.twin()
            .authenticate(Credentials {
                bearer: Some(tokens.access_token.clone()),
                ..Credentials::default()
            })
            .await
            .is_ok(),
        "another process accepts the token"
    );

    this.later(Duration::seconds(900));
    assert!(this.by_bearer(&tokens.access_token).await.is_err());
    assert!(this.by_cookie(&tokens.cookie_token).await.is_ok());
}

#[tokio::test]
async fn a_cookie_of_another_box_is_a_guest_during_setup_and_nobody_afterwards() {
    let (this, other) = (Luna::new().await, Luna::new().await);
    let foreign = other.user("anna", Role::Admin).await;
    assert!(this.by_cookie(&foreign.cookie_token).await.unwrap().is_setup_guest);
    assert!(this.by_bearer(&foreign.access_token).await.is_err());
    this.user("bert", Role::Admin).await;
    this.later(Duration::seconds(2));
    assert!(this.by_cookie(&foreign.cookie_token).await.is_err());
    assert!(this.by_bearer(&foreign.access_token).await.is_err());
}

#[tokio::test]
async fn logging_out_acts_at_once_on_every_token_of_the_session_and_no_other() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Admin).await;
    let elsewhere = this.accounts.login("anna", PASSWORD.into(), "phone").await.unwrap();
    let principal = this.by_bearer(&tokens.access_token).await.unwrap();
    this.accounts.logout(&principal).await.unwrap();
    assert!(this.by_bearer(&tokens.access_token).await.is_err());
    assert!(this.by_cookie(&tokens.cookie_token).await.is_err());
    assert!(this.accounts.refresh(&tokens.refresh_token).await.is_err());
    assert!(this.by_bearer(&elsewhere.access_token).await.is_ok());
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_the_old_password() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Admin).await;
    this.accounts.reset_password("anna", "another good one".into(), &By::command()).await.unwrap();
    assert!(this.by_bearer(&tokens.access_token).await.is_err());
    assert!(this.by_cookie(&tokens.cookie_token).await.is_err());
    assert!(this.accounts.refresh(&tokens.refresh_token).await.is_err());
    assert!(this.accounts.login("anna", PASSWORD.into(), "").await.is_err());
    assert!(this.accounts.login("anna", "another good one".into(), "").await.is_ok());
    let unknown = this.accounts.reset_password("bert", PASSWORD.into(), &By::command()).await;
    assert!(matches!(unknown, Err(AccountsError::UnknownLogin(_))), "{unknown:?}");
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_copied_one_ends_the_session() {
    let this = Luna::new().await;
    let first = this.user("anna", Role::Viewer).await;
    this.later(Duration::minutes(20));
    let second = this.accounts.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token.expose_secret(), first.refresh_token.expose_secret());
    assert!(this.by_bearer(&second.access_token).await.is_ok());
    assert_eq!(second.session_expires_at, first.session_expires_at, "a session is not prolonged");

    assert!(this.accounts.refresh(&first.refresh_token).await.is_err());
    assert!(this.by_bearer(&second.access_token).await.is_err(), "reuse ended the session");
    assert!(this.accounts.refresh(&second.refresh_token).await.is_err());
    assert!(this.accounts.refresh(&"nonsense".into()).await.is_err());
}

#[tokio::test]
async fn sessions_end_when_idle_and_at_the_latest_after_a_month() {
    let this = Luna::new().await;
    let idle = this.user("anna", Role::Admin).await;
    let busy = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    for _ in 0..29 {
        this.later(Duration::days(1));
        assert!(this.by_cookie(&busy.cookie_token).await.is_ok(), "{}", this.clock.now());
    }
    assert!(this.by_cookie(&idle.cookie_token).await.is_err());
    this.later(Duration::days(1));
    assert!(this.by_cookie(&busy.cookie_token).await.is_err());
    assert_eq!(this.accounts.remove_ended_sessions().await.unwrap(), 0);
    this.later(Duration::days(31));
    assert_eq!(this.accounts.remove_ended_sessions().await.unwrap(), 2);
}

#[tokio::test]
async fn a_session_of_a_clock_that_was_wrong_does_not_live_as_long_as_it_was_wrong() {
    let this = Luna::new().await;
    let before = this.user("anna", Role::Admin).await;
    this.later(Duration::days(3_650));
    let ahead = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    for _ in 0..4 {
        assert!(this.accounts.login("anna", "wrong".to_owned().into(), "").await.is_err());
    }
    this.later(Duration::days(-3_650));
    assert!(this.accounts.refresh(&ahead.refresh_token).await.is_err());
    assert!(this.by_bearer(&ahead.access_token).await.is_err());
    assert!(this.by_cookie(&ahead.cookie_token).await.is_err());
    // Whoever logs in now gets what the rules give, with a key that will be replaced in time.
    let now = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    assert_eq!(now.session_expires_at, noon() + Duration::days(30));
    assert!(this.by_bearer(&now.access_token).await.is_ok());
    assert_eq!(now.session_expires_at, before.session_expires_at);
    // An hour back: what was given does not end later than it said.
    let next = this.accounts.refresh(&now.refresh_token).await.unwrap();
    this.later(Duration::hours(-1));
    let after = this.accounts.refresh(&next.refresh_token).await.unwrap();
    assert_eq!(after.session_expires_at, now.session_expires_at);
}

#[tokio::test]
async fn a_token_of_the_command_line_lives_half_a_day() {
    let this = Luna::new().await;
    this.user("anna", Role::Admin).await;
    let (token, expires_at) = this.accounts.issue_token_for("anna", &By::command()).await.unwrap();
    assert_eq!(expires_at, noon() + Duration::hours(12));
    assert_eq!(this.by_bearer(&token).await.unwrap().role, Role::Admin);
    this.later(Duration::hours(12));
    assert!(this.by_bearer(&token).await.is_err());
    let unknown = this.accounts.issue_token_for("bert", &By::command()).await;
    assert!(matches!(unknown, Err(AccountsError::UnknownLogin(_))), "{unknown:?}");
}

#[tokio::test]
async fn keys_are_replaced_while_old_tokens_go_on() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    this.later(Duration::days(29));
    let old = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    this.later(Duration::days(2));
    let new = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    let kid = |token: &SecretString| super::signing::key_name(token.expose_secret()).unwrap();
    assert_ne!(kid(&old.cookie_token), kid(&new.cookie_token));
    assert!(this.by_cookie(&old.cookie_token).await.is_ok());
    assert!(this.by_cookie(&new.cookie_token).await.is_ok());
}

#[tokio::test]
async fn a_profile_is_kept() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Viewer).await;
    let principal = this.by_bearer(&tokens.access_token).await.unwrap();
    let profile = Profile { language: Language::En, time_zone: Tz::Europe__Rome };
    this.accounts.set_profile(&principal, profile).await.unwrap();
    let principal = this.by_bearer(&tokens.access_token).await.unwrap();
    assert_eq!((principal.language, principal.time_zone), (Language::En, Tz::Europe__Rome));
}

#[tokio::test]
async fn without_a_database_nobody_comes_in() {
    let url = "postgres://luna:c4n4ry@127.0.0.1:1/none".to_owned().into();
    let db = crate::platform::db::Db::new(&crate::platform::db::Settings::default(), &url).unwrap();
    let accounts = Accounts::new(
        db.clone(),
        Audit::new(db, Clock::fixed(noon())),
        Clock::fixed(noon()),
        Settings::default(),
    );
    let refusal = accounts.authenticate(Credentials::default()).await.unwrap_err();
    assert_eq!(refusal.document().status, 503);
    assert!(!serde_json::to_string(&refusal.document()).unwrap().contains("c4n4ry"));
}

macro_rules! app {
    ($this:expr) => {{
        let (app, mut document) = App::new().into_utoipa_app().configure(routes).split_for_parts();
        describe(&mut document);
        let authenticator: Arc<dyn Authenticator> = Arc::new($this.accounts.clone());
        let app = app
            .app_data(authenticator)
            .app_data(web::Data::new(Protections::lenient()))
            .app_data(web::Data::new($this.accounts.clone()))
            .app_data(Arc::new(MethodTable::of(&document)))
            .default_service(web::to(fallback))
            .wrap(from_fn(around));
        (init_service(app).await, document)
    }};
}

mod keys; // keys of programs
mod people; // what admins and owners manage
mod throttle; // wrong passwords
mod tokens; // tokens that were tampered with

fn post(path: &str, body: Value) -> TestRequest {
    TestRequest::post().uri(path).set_json(body)
}

async fn json(response: ServiceResponse, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    read_body_json(response).await
}

#[actix_web::test]
async fn a_day_over_http() {
    let this = Luna::new().await;
    let (app, _) = app!(this);
    let code = this.accounts.ensure_setup_code().await.unwrap().unwrap();
    let new = json!({"email": "anna@example.ch", "password": PASSWORD,
        "setup_code": code.expose_secret()});
    let registered =
        json(call_service(&app, post("/api/auth/register", new).to_request()).await, 201).await;
    assert_eq!(registered["user"]["role"], "admin");

    let login = json!({"login": "anna@example.ch", "password": PASSWORD});
    let tokens =
        json(call_service(&app, post("/api/auth/login", login).to_request()).await, 200).await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    let bearer = ("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()));

    let me = TestRequest::get().uri("/api/me").insert_header(bearer.clone()).to_request();
    let me = json(call_service(&app, me).await, 200).await;
    assert_eq!((&me["login"], &me["language"]), (&json!("anna@example.ch"), &json!("de")));

    let change = json!({"language": "en", "time_zone": "Europe/Rome"});
    let change = TestRequest::patch().uri("/api/me").insert_header(bearer.clone()).set_json(change);
    let me = json(call_service(&app, change.to_request()).await, 200).await;
    assert_eq!((&me["language"], &me["time_zone"]), (&json!("en"), &json!("Europe/Rome")));

    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    let fresh =
        json(call_service(&app, post("/api/auth/refresh", refresh).to_request()).await, 200).await;
    assert_ne!(fresh["refresh_token"], tokens["refresh_token"]);

    let logout = TestRequest::post().uri("/api/auth/logout").insert_header(bearer.clone());
    let left = call_service(&app, logout.to_request()).await;
    assert_eq!(left.status(), StatusCode::NO_CONTENT);
    assert_eq!(left.response().cookies().count(), 2);
    let me = TestRequest::get().uri("/api/me").insert_header(bearer).to_request();
    assert_eq!(call_service(&app, me).await.status(), StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn refusals_over_http_name_the_field_and_never_the_secret() {
    let this = Luna::new().await;
    this.user("anna", Role::Admin).await;
    let (app, _) = app!(this);
    for (path, body, status, field) in [
        ("register", json!({"login": "b", "password": "c4n4ry"}), 422, Some("password")),
        ("register", json!({"login": "b b", "password": PASSWORD}), 422, Some("login")),
        (
            "register",
            json!({"login": "b", "password": PASSWORD, "role": "admin"}),
            422,
            Some("role"),
        ),
        ("register", json!({"login": "b", "password": PASSWORD}), 403, None),
        (
            "register",
            json!({"login": "b", "password": PASSWORD, "setup_code": "c4n4ry"}),
            403,
            Some("setup_code"),
        ),
        ("login", json!({"login": "anna", "password": "c4n4ry"}), 401, None),
        ("login", json!({"password": {"c4n4ry": 1}, "login": "anna"}), 422, Some("password")),
        ("login", json!({"password": 12, "login": "anna"}), 422, Some("password")),
        ("login", json!({"password": PASSWORD}), 422, Some("login")),
        ("refresh", json!({"refresh_token": "c4n4ry"}), 401, None),
    ] {
        let request = post(&format!("/api/auth/{path}"), body.clone()).to_request();
        let refusal = json(call_service(&app, request).await, status).await;
        assert_eq!(refusal["errors"][0]["field"].as_str(), field, "{body} → {refusal}");
        assert!(!refusal.to_string().contains("c4n4ry"), "{body} → {refusal}");
    }
}

#[actix_web::test]
async fn every_operation_refuses_strangers_unless_it_is_public() {
    let this = Luna::new().await;
    this.user("anna", Role::Admin).await;
    let (app, document) = app!(this);
    let declared = declared_access(&document);
    assert_eq!(declared.len(), 17);
    for (method, path, access) in declared {
        let request = TestRequest::default().method(method.parse().unwrap()).uri(&path);
        let status = call_service(&app, request.to_request()).await.status();
        match access {
            DeclaredAccess::Public => assert_ne!(status, StatusCode::UNAUTHORIZED, "{path}"),
            DeclaredAccess::Roles(_) => assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}"),
            DeclaredAccess::Undeclared => panic!("{method} {path} says nothing about who may call"),
        }
    }
}

#[actix_web::test]
async fn the_cookie_of_the_login_form_is_safe_and_logs_in() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Viewer).await;
    let (app, _) = app!(this);
    for (scheme, name) in [("http", "luna"), ("https", "__Host-luna")] {
        let request = TestRequest::get().insert_header(("x-forwarded-proto", scheme));
        let request = request.app_data(web::Data::new(Protections::lenient()));
        let cookie: Cookie<'static> = login_cookie(&request.to_http_request(), &tokens);
        assert_eq!(
            (cookie.name(), cookie.http_only(), cookie.path()),
            (name, Some(true), Some("/"))
        );
        assert_eq!(cookie.secure(), Some(scheme == "https"));
        assert_eq!(cookie.same_site(), Some(actix_web::cookie::SameSite::Lax));
        let me = TestRequest::get().uri("/api/me").cookie(cookie.clone());
        let me = me.insert_header(("x-forwarded-proto", scheme)).to_request();
        assert_eq!(call_service(&app, me).await.status(), StatusCode::OK, "{scheme}");
    }
}

/// Collects what the subscriber writes.
#[derive(Clone, Default)]
struct Written(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn nothing_secret_is_logged_even_before_redaction() {
    let written = Written::default();
    let sink = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || sink.clone())
        .finish();
    // Other tests run beside this one without a subscriber, and a call site that only they had met
    // would stay switched off for this thread too; a subscriber for all of them keeps it on.
    drop(
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(std::io::sink)
            .try_init(),
    );
    let guard = tracing::subscriber::set_default(subscriber);
    let this = Luna::new().await;
    let code = this.accounts.ensure_setup_code().await.unwrap().unwrap();
    let (app, _) = app!(this);
    let new = json!({"login": "anna", "password": PASSWORD, "setup_code": code.expose_secret()});
    let tokens =
        json(call_service(&app, post("/api/auth/register", new).to_request()).await, 201).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let me = TestRequest::get().uri("/api/me").insert_header(("authorization", bearer));
    json(call_service(&app, me.to_request()).await, 200).await;
    let wrong = json!({"login": "anna", "password": "c4n4ry wrong"});
    json(call_service(&app, post("/api/auth/login", wrong).to_request()).await, 401).await;
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    for status in [200, 401] {
        let request = post("/api/auth/refresh?token=c4n4ry", refresh.clone()).to_request();
        json(call_service(&app, request).await, status).await;
    }
    drop(guard);
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("refresh token came a second time"), "{log}");
    let me = log.lines().find(|line| line.contains("GET /api/me answered 200")).unwrap();
    let user = format!("user_id={}", tokens["user"]["user_id"].as_str().unwrap());
    assert!(me.contains("request_id=") && me.contains(&user), "{me}");
    let secrets = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap());
    for secret in ["c4n4ry", code.expose_secret(), secrets[0], secrets[1]] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn secrets_do_not_print() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Viewer).await;
    let printed = format!(
        "{tokens:?} {:?}",
        super::Login { login: "anna".into(), password: PASSWORD.into() }
    );
    for secret in
        [PASSWORD, tokens.access_token.expose_secret(), tokens.refresh_token.expose_secret()]
    {
        assert!(!printed.contains(secret), "{printed}");
    }
    let line = format!("got {}", tokens.access_token.expose_secret());
    assert_eq!(redact(&line), "got ***");
}
