//! Who may call what: every operation of the document × every kind of caller answers as declared;
//! holds for operations nobody has written yet.

use actix_web::http::Method;
use chrono::Duration;
use secrecy::{ExposeSecret, SecretString};

use super::operation::{Operation, document};
use crate::access::accounts::{Accounts, NewKey, NewTokens, Part, UserChange};
use crate::access::audit::By;
use crate::facts::meters::{MeterRole, NewMeter};
use crate::platform::web::{Role, Scope};
use crate::testing::{Answer, TestApp, from_this_box};

/// Parts of paths that name what belongs to somebody: strangers must not learn that it is there.
const OWNED: [&str; 4] = ["site_id", "session_id", "key_id", "meter_id"];
/// Parts of paths that name what belongs to the box.
const SHARED: [&str; 7] = ["id", "job_id", "user_id", "name", "series", "key", "month"];

/// What a caller should get.
#[derive(Debug, Clone, Copy)]
enum Standing {
    /// Nobody, or who is nobody any more.
    Nobody,
    /// A person in this role.
    Person(Role),
    /// A program with a key for one scope, of an owner who is in this role now.
    Program(Role, Scope),
}

/// Somebody who calls.
struct Caller {
    what: String,
    standing: Standing,
    headers: Vec<(&'static str, String)>,
}

impl Caller {
    fn new(what: impl Into<String>, standing: Standing, header: (&'static str, String)) -> Self {
        Self { what: what.into(), standing, headers: vec![header] }
    }

    fn bearer(what: impl Into<String>, standing: Standing, token: &SecretString) -> Self {
        let token = format!("Bearer {}", token.expose_secret());
        Self::new(what, standing, ("authorization", token))
    }

    fn key(what: impl Into<String>, standing: Standing, key: &SecretString) -> Self {
        Self::new(what, standing, ("x-api-key", key.expose_secret().to_owned()))
    }

    /// The refusal this caller should get from an operation; absent where they may call.
    fn refusal(&self, operation: &Operation) -> Option<u16> {
        let least = operation.least_role()?;
        let place = |role| Role::ALL.iter().position(|other| *other == role);
        let may = |role| place(role) <= place(least);
        match self.standing {
            Standing::Nobody => Some(401),
            Standing::Person(role) => (!may(role)).then_some(403),
            Standing::Program(role, scope) => {
                (!may(role) || operation.scope() != Some(scope)).then_some(403)
            }
        }
    }
}

/// The box with everybody who calls it.
struct Matrix {
    app: TestApp,
    /// Those who stay what they are, whatever they call.
    lasting: Vec<Caller>,
}

impl Matrix {
    async fn new() -> Self {
        let mut this = Self { app: TestApp::new().await, lasting: Vec::new() };
        for role in Role::ALL {
            this.add_person(role.name(), *role).await;
        }
        let expired = this.log_in("viewer").await.access_token;
        let expired_key = this.key("viewer", Scope::Read, 1).await;
        this.app.clock.set(this.app.clock.now() + Duration::days(1));
        let ended = this.log_in("admin").await.access_token;
        let leaver = Caller::bearer("", Standing::Nobody, &ended);
        assert_eq!(this.ask(&leaver, Method::POST, "/api/auth/logout").await.status, 204);

        let nobody = Standing::Nobody;
        let damaged = "eyJhbGciOiJub25lIn0.e30.".to_owned().into();
        let unknown = format!("luna_00000000_{}", "A".repeat(43)).into();
        this.lasting = vec![
            Caller { what: "nobody".to_owned(), standing: nobody, headers: vec![] },
            Caller::bearer("an expired token", nobody, &expired),
            Caller::bearer("a token of an ended session", nobody, &ended),
            Caller::bearer("a damaged token", nobody, &damaged),
            Caller::key("an expired key", nobody, &expired_key),
            Caller::key("an unknown key", nobody, &unknown),
        ];
        this.add_keys().await;
        this.add_the_fallen().await;
        this
    }

    fn accounts(&self) -> &Accounts {
        &self.app.services.accounts
    }

    async fn add_person(&self, login: &str, role: Role) {
        let password = TestApp::PASSWORD.into();
        self.accounts().create_user(login, role, password, &By::command()).await.unwrap();
    }

    async fn log_in(&self, login: &str) -> NewTokens {
        self.accounts().login(login, TestApp::PASSWORD.into(), "matrix").await.unwrap()
    }

    async fn key(&self, login: &str, scope: Scope, days: u16) -> SecretString {
        let owner = self.accounts().user_id_of(login).await.unwrap();
        let new = NewKey { name: "matrix".to_owned(), scopes: vec![scope], days };
        self.accounts().create_key(owner, &new, &By::command()).await.unwrap().0
    }

    /// One key per role and scope that fits it.
    async fn add_keys(&mut self) {
        for role in Role::ALL {
            for scope in Scope::ALL.iter().filter(|scope| scope.fits(*role)) {
                let key = self.key(role.name(), *scope, 30).await;
                let what = format!("a key for {scope} of {role}");
                self.lasting.push(Caller::key(what, Standing::Program(*role, *scope), &key));
            }
        }
    }

    /// Those who were more than they are: out of office, ended, or with two faces.
    async fn add_the_fallen(&mut self) {
        for login in ["demoted", "disabled", "deleted"] {
            self.add_person(login, Role::Admin).await;
            let token = self.log_in(login).await.access_token;
            let key = self.key(login, Scope::Admin, 30).await;
            let user_id = self.accounts().user_id_of(login).await.unwrap();
            let (accounts, by) = (self.accounts(), By::command());
            let (person, program) = match login {
                "demoted" => {
                    let change = UserChange { role: Some(Role::Viewer), ..UserChange::default() };
                    accounts.change_user(user_id, change, &by).await.unwrap();
                    let program = Standing::Program(Role::Viewer, Scope::Admin);
                    (Standing::Person(Role::Viewer), program)
                }
                "disabled" => {
                    let change = UserChange { disabled: Some(true), ..UserChange::default() };
                    accounts.change_user(user_id, change, &by).await.unwrap();
                    (Standing::Nobody, Standing::Nobody)
                }
                _ => {
                    accounts.delete_user(user_id, &by).await.unwrap();
                    (Standing::Nobody, Standing::Nobody)
                }
            };
            // A demoted one may log out and must not be gone for the operations behind that.
            if login != "demoted" {
                let what = format!("a token of an account that was {login}");
                self.lasting.push(Caller::bearer(what, person, &token));
            }
            let what = format!("a key of an account that was {login}");
            self.lasting.push(Caller::key(what, program, &key));
        }
        let revoked = self.key("admin", Scope::Admin, 30).await;
        let part = Part { user_id: None, after: None, limit: 1 };
        let key_id = self.accounts().keys(part).await.unwrap()[0].key_id;
        self.accounts().revoke_key(key_id, None, &By::command()).await.unwrap();
        self.lasting.push(Caller::key("a revoked key", Standing::Nobody, &revoked));
        let (token, key) =
            (self.log_in("admin").await.access_token, self.key("admin", Scope::Read, 30).await);
        let mut both = Caller::bearer("token and key at once", Standing::Nobody, &token);
        both.headers.extend(Caller::key("", Standing::Nobody, &key).headers);
        self.lasting.push(both);
    }

    /// People with fresh sessions: one of the operations ends them.
    async fn people(&self) -> Vec<Caller> {
        let mut all = Vec::new();
        for role in Role::ALL {
            let tokens = self.log_in(role.name()).await;
            let person = Standing::Person(*role);
            all.push(Caller::bearer(format!("{role} by token"), person, &tokens.access_token));
            let tokens = self.log_in(role.name()).await;
            let cookie = format!("luna={}", tokens.cookie_token.expose_secret());
            all.push(Caller::new(format!("{role} by cookie"), person, ("cookie", cookie)));
        }
        all
    }

    async fn ask(&self, caller: &Caller, method: Method, path: &str) -> Answer {
        let request = from_this_box(method, path);
        let headers = caller.headers.iter();
        let request = headers
            .fold(request, |request, (name, value)| request.insert_header((*name, value.as_str())));
        self.app.ask(request).await
    }
}

#[tokio::test]
async fn every_operation_answers_every_caller_as_declared() {
    let matrix = Matrix::new().await;
    let (operations, mut answers, mut faults) = (Operation::all(&document()), 0, Vec::new());
    let mut people = matrix.people().await;
    let callers = people.len() + matrix.lasting.len();
    for operation in &operations {
        let (name, path) = (operation.name(), operation.address());
        for caller in matrix.lasting.iter().chain(&people) {
            let answer = matrix.ask(caller, operation.method.clone(), &path).await;
            let status = answer.status.as_u16();
            let expected = caller.refusal(operation);
            let refused = matches!(status, 401 | 403).then_some(status);
            if refused != expected {
                let expected = expected.map_or("may call".to_owned(), |it| format!("gets {it}"));
                faults.push(format!("{name}: {} {expected}, not {status}", caller.what));
            }
            if operation.said["responses"].get(answer.status.as_str()).is_none() {
                faults.push(format!("{name}: {status} to {} is not declared", caller.what));
            }
            answers += 1;
        }
        // Whoever logs out is gone.
        if name == "POST /api/auth/logout" {
            people = matrix.people().await;
        }
    }
    assert!(faults.is_empty(), "{} of {answers}:\n{}", faults.len(), faults.join("\n"));
    assert!(operations.len() > 50 && callers > 25, "{} × {callers}", operations.len());
    println!("matrix: {} operations × {callers} callers = {answers} answers", operations.len());
}

#[tokio::test]
async fn what_belongs_to_others_is_not_there() {
    let matrix = Matrix::new().await;
    let other = matrix.app.add_site("Neighbour").await;
    let meter = NewMeter {
        meter_id: "next-door".to_owned(),
        site_id: Some(other),
        name: "Next door".to_owned(),
        role: MeterRole::House,
        time_zone: chrono_tz::Tz::Europe__Zurich,
    };
    let mut conn = matrix.app.services.db.conn().await.unwrap();
    matrix.app.services.meters.register(&mut conn, &meter).await.unwrap();
    drop(conn);
    let session = matrix.log_in("admin").await;
    drop(session);
    let part = Part { user_id: None, after: None, limit: 200 };
    let admin = matrix.accounts().user_id_of("admin").await.unwrap();
    let sessions = matrix.accounts().sessions(part).await.unwrap();
    let keys = matrix.accounts().keys(part).await.unwrap();
    let of_admin = (
        sessions.iter().find(|session| session.user_id == admin).unwrap().session_id,
        keys.iter().find(|key| key.user_id == admin && key.revoked_at.is_none()).unwrap().key_id,
    );
    let (mut asked, people) = (0, matrix.people().await);
    for operation in Operation::all(&document()) {
        for parameter in operation.parameters("path") {
            let name = parameter["name"].as_str().unwrap();
            let known = OWNED.contains(&name) || SHARED.contains(&name);
            assert!(known, "{}: say whether {{{name}}} belongs to somebody", operation.name());
            let theirs = match name {
                "site_id" => other.to_string(),
                "session_id" => of_admin.0.to_string(),
                "key_id" => of_admin.1.to_string(),
                "meter_id" => meter.meter_id.clone(),
                _ => continue,
            };
            let path = operation.path.replace(&format!("{{{name}}}"), &theirs);
            for caller in &people {
                let Standing::Person(role) = caller.standing else { continue };
                // Sites are hidden from customers, what belongs to an account from all but admins.
                let of_site = matches!(name, "site_id" | "meter_id");
                let hidden = role == Role::Customer || !of_site && role != Role::Admin;
                if hidden {
                    let answer = matrix.ask(caller, operation.method.clone(), &path).await;
                    answer.problem(404);
                    asked += 1;
                }
            }
        }
    }
    assert!(asked >= 14, "{asked}");
    println!("matrix: {asked} questions for what belongs to others were answered with 404");
}
