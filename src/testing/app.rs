//! The whole application on a database of its own: every route, the same middleware, no port.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{Bytes, Data};
use chrono::{DateTime, Utc};
use diesel_async::SimpleAsyncConnection;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::TestDb;
use crate::access::audit::By;
use crate::app::Services;
use crate::app::application;
use crate::app::application_data;
use crate::app::assemble;
use crate::app::openapi;
use crate::app::schedules;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::config::Sources;
use crate::config::load;
use crate::platform::jobs::Runner;
use crate::platform::jobs::Scheduler;
use crate::platform::runtime::Roles;
use crate::platform::runtime::Tasks;
use crate::platform::telemetry::Logs;
use crate::platform::telemetry::Metrics;
use crate::platform::web::Role;
use crate::surfaces::dashboards::Templates;

/// What a browser asks for when it waits for a page.
const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// A caller who proves nothing.
pub const ANYBODY: Option<Role> = None;

type Call = dyn Fn(TestRequest) -> LocalBoxFuture<'static, Answer>;

/// The application with its services; what it stores is gone when it is dropped.
pub struct TestApp {
    /// What stands behind the routes.
    pub services: Services,
    /// Stands still until a test moves it.
    pub clock: Clock,
    call: Box<Call>,
    logins: RefCell<HashSet<String>>,
    db: TestDb,
    folder: TempDir,
    settings: Settings,
}

impl TestApp {
    /// Password of every account that [`TestApp::token`] makes.
    pub const PASSWORD: &str = "c4n4ry horse battery";

    /// The application on the day before the clock goes forward, 2026-03-28 at 13:00 in Zürich.
    pub async fn new() -> Self {
        Self::at("2026-03-28T12:00:00Z".parse().unwrap()).await
    }

    /// The application at an instant; nobody is admin yet.
    pub async fn at(instant: DateTime<Utc>) -> Self {
        Self::with(instant, |_| {}).await
    }

    /// The application at an instant with other settings than the default ones.
    pub async fn with(instant: DateTime<Utc>, change: impl FnOnce(&mut Settings)) -> Self {
        let (db, folder, clock) =
            (TestDb::new().await, tempfile::tempdir().unwrap(), Clock::fixed(instant));
        // No source but the folder: settings of whoever runs the tests must not reach them.
        let sources = Sources { config_dir: folder.path().join("config"), ..Sources::default() };
        // The clock stands still, so no allowance would ever come back.
        let base = "[server]\nrequests_per_minute = 0\nlogins_per_minute = 0\n";
        std::fs::create_dir(&sources.config_dir).unwrap();
        std::fs::write(sources.config_dir.join("test.toml"), base).unwrap();
        let mut settings = load(&sources).unwrap().settings;
        settings.storage.data_dir = folder.path().to_owned();
        // No test asks the internet.
        settings.ingest.enabled = false;
        // Minutes of computing, and tests of its own.
        settings.models.ensemble = false;
        settings.ingest.bfe = false;
        settings.ingest.swissgrid = false;
        change(&mut settings);
        let services = assemble(&settings, db.db().clone(), clock.clone());
        services.readiness.set();
        let (metrics, logs) = (Metrics::install().unwrap(), Logs::default());
        let (templates, document) = (Data::new(Templates::load().unwrap()), openapi());
        let data = application_data(&services, (&metrics, &logs), &templates, &document);
        let application =
            application(data, document, services.protections.cors(), Roles::default());
        let service = std::rc::Rc::new(init_service(application).await);
        let call = move |request: TestRequest| {
            let service = std::rc::Rc::clone(&service);
            async move {
                let answer: ServiceResponse<BoxBody> =
                    match service.call(request.to_request()).await {
                        Ok(answer) => answer,
                        Err(error) => panic!("no answer: {error}"),
                    };
                let (status, headers) = (answer.status(), answer.headers().clone());
                let body = to_bytes(answer.into_body()).await.unwrap();
                Answer { status, headers, body }
            }
            .boxed_local()
        };
        let (call, logins) = (Box::new(call), RefCell::default());
        Self { services, clock, call, logins, db, folder, settings }
    }

    /// The database behind the services.
    pub const fn database(&self) -> &TestDb {
        &self.db
    }

    /// Folder of the stored files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Bearer token of an account with this role, which is made when it is not there.
    pub async fn token(&self, role: Role) -> String {
        let accounts = &self.services.accounts;
        let login = format!("{role}@example.ch");
        if self.logins.borrow_mut().insert(login.clone()) {
            accounts
                .create_user(&login, role, Self::PASSWORD.into(), &By::command())
                .await
                .unwrap();
        }
        let issued = accounts.issue_token_for(&login, &By::command()).await;
        issued.unwrap().0.expose_secret().to_owned()
    }

    /// The answer to a request as `caller`, with a body and its type if there is one.
    pub async fn send(
        &self,
        caller: impl Into<Option<Role>>,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Answer {
        match caller.into() {
            Some(role) => {
                let token = self.token(role).await;
                self.send_with_token(&token, method, path, body).await
            }
            None => self.send_with_token("", method, path, body).await,
        }
    }

    /// The answer to a request with a bearer token; an empty one is left out.
    pub async fn send_with_token(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Answer {
        let mut request = from_this_box(method, path);
        if !token.is_empty() {
            request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        }
        if let Some((media_type, bytes)) = body {
            request = request.insert_header((header::CONTENT_TYPE, media_type)).set_payload(bytes);
        }
        (self.call)(request).await
    }

    /// The answer to a form that a browser with these cookies sends.
    pub async fn send_form(&self, path: &str, cookies: &str, form: String) -> Answer {
        let mut request = from_this_box(Method::POST, path)
            .insert_header((header::ACCEPT, HTML))
            .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .set_payload(form);
        if !cookies.is_empty() {
            request = request.insert_header((header::COOKIE, cookies));
        }
        (self.call)(request).await
    }

    /// The page at `path` as a browser with these cookies gets it.
    pub async fn page(&self, path: &str, cookies: &str) -> Answer {
        let request = from_this_box(Method::GET, path).insert_header((header::ACCEPT, HTML));
        let request = match cookies {
            "" => request,
            cookies => request.insert_header((header::COOKIE, cookies)),
        };
        (self.call)(request).await
    }

    /// The answer to a request of any kind; [`from_this_box`] begins one.
    pub async fn ask(&self, request: TestRequest) -> Answer {
        (self.call)(request).await
    }

    /// A further site, which nobody belongs to.
    pub async fn add_site(&self, name: &str) -> Uuid {
        let site_id = Uuid::now_v7();
        let mut conn = self.services.db.conn().await.unwrap();
        let site = format!("INSERT INTO sites (site_id, name) VALUES ('{site_id}', '{name}')");
        conn.batch_execute(&site).await.unwrap();
        site_id
    }

    /// The answer to `GET path`.
    pub async fn get(&self, caller: impl Into<Option<Role>>, path: &str) -> Answer {
        self.send(caller, Method::GET, path, None).await
    }

    /// The answer to `POST path` with a JSON body; `null` sends none.
    pub async fn post(&self, caller: impl Into<Option<Role>>, path: &str, body: &Value) -> Answer {
        let bytes = (!body.is_null()).then(|| body.to_string().into_bytes());
        let body = bytes.map(|bytes| ("application/json", bytes));
        self.send(caller, Method::POST, path, body).await
    }

    /// What the import of a price file reports; `query` begins with the market, e.g. `CH&dry_run=true`.
    pub async fn import(&self, query: &str, file: &str) -> Answer {
        let path = format!("/api/import/prices?market={query}");
        let body = Some(("text/csv", file.as_bytes().to_vec()));
        self.send(Role::Analyst, Method::POST, &path, body).await
    }

    /// The program's schedules, written down as its start does.
    pub async fn scheduler(&self) -> Scheduler {
        let Services { jobs, clock, .. } = self.services.clone();
        let scheduler = Scheduler::new(jobs, clock, schedules(&self.settings).unwrap());
        scheduler.write_down().await.unwrap();
        scheduler
    }

    /// Lets everybody who follows changes of series take what has been told.
    pub async fn run_changes(&self) {
        self.services.changes.drain(&self.services.consumers()).await;
    }

    /// Runs the jobs that are due, one after the other, until none is left.
    pub async fn run_jobs(&self) {
        let services = &self.services;
        let mut handlers = services.handlers();
        handlers.extend(services.document_handlers());
        let runner = Runner::new(services.jobs.clone(), handlers, Tasks::new());
        while runner.run_next().await.unwrap().is_some() {}
    }
}

/// A request that comes over loopback.
pub fn from_this_box(method: Method, path: &str) -> TestRequest {
    let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4711);
    TestRequest::default().method(method).uri(path).peer_addr(peer)
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status of the answer.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

impl Answer {
    /// A header, empty when it is absent.
    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body of an answer with this status, as JSON.
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header(header::CONTENT_TYPE), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem document of a refusal with this status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        problem
    }

    /// The first field that a refusal with status 422 names.
    pub fn wrong_field(&self) -> String {
        self.problem(422)["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    }
}
