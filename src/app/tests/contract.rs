//! What the OpenAPI document says against what the routes do; holds for routes nobody has written yet.

use std::collections::BTreeSet;

use actix_web::http::{Method, header};
use serde_json::{Value, json};

use super::operation::{METHODS, Operation, document};
use super::schema::{differences, resolved};
use crate::learning::prediction::RefreshJob;
use crate::platform::jobs::NewJob;
use crate::platform::web::{DeclaredAccess, Role};
use crate::testing::{ANYBODY, TestApp};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

fn place_of(role: Role) -> usize {
    Role::ALL.iter().position(|other| *other == role).unwrap()
}

#[tokio::test]
async fn who_may_call_is_what_the_document_says() {
    let app = TestApp::new().await;
    // While nobody is admin, guests may read some things; the document is about a box in use.
    app.token(Role::Admin).await;
    for operation in Operation::all(&document()) {
        let (name, method, path) =
            (operation.name(), operation.method.clone(), operation.address());
        let anonymous = app.send(ANYBODY, method.clone(), &path, None).await;
        let Some(least) = operation.least_role() else {
            assert_ne!(anonymous.status, 401, "{name} is public, but asks to log in");
            assert_ne!(anonymous.status, 403, "{name} is public, but refuses");
            continue;
        };
        anonymous.problem(401);
        assert!(anonymous.header(header::WWW_AUTHENTICATE).starts_with("Bearer"), "{name}");
        for role in Role::ALL {
            let status = app.send(*role, method.clone(), &path, None).await.status;
            let may = place_of(*role) <= place_of(least);
            assert_eq!(status == 403, !may, "{name} as {role}: {status}, declared is {least}");
            assert_ne!(status, 401, "{name} as {role}");
        }
    }
}

#[tokio::test]
async fn a_box_without_admin_shows_itself_and_changes_nothing() {
    let app = TestApp::new().await;
    for operation in Operation::all(&document()) {
        let Some(least) = operation.least_role() else { continue };
        let path = operation.full_address();
        let status = app.send(ANYBODY, operation.method.clone(), &path, None).await.status;
        let reads = operation.method == Method::GET && least == Role::Customer;
        if !reads {
            assert_eq!(status, 401, "{} is open to everybody", operation.name());
        }
    }
    for path in ["/api/prices", "/api/markets", "/api/windows", "/api/models", "/status/summary"] {
        assert_ne!(app.get(ANYBODY, path).await.status, 401, "{path}");
    }
}

#[test]
fn every_operation_is_described_with_an_example() {
    let document = document();
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    for operation in Operation::all(&document) {
        let name = operation.name();
        let id = operation.said["operationId"].as_str().unwrap_or_default();
        if id.is_empty() || !names.insert(id.to_owned()) {
            faults.push(format!("{name}: no operationId of its own: '{id}'"));
        }
        if operation.said["summary"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("{name}: no summary"));
        }
        if operation.said["tags"].as_array().is_none_or(Vec::is_empty) {
            faults.push(format!("{name}: no tag"));
        }
        if let Some(body) = operation.json_body() {
            check_example(&document, body, &format!("{name}: the request"), &mut faults);
        }
        for (status, answer) in operation.said["responses"].as_object().unwrap() {
            let what = format!("{name}: the answer {status}");
            if answer["description"].as_str().is_none_or(str::is_empty) && status != "200" {
                faults.push(format!("{what} has no description"));
            }
            if let Some(content) = answer["content"].get(JSON) {
                check_example(&document, content, &what, &mut faults);
            }
            if let Some(content) = answer["content"].get(PROBLEM) {
                check_problem(&document, content, status, &what, &mut faults);
            }
            let is_refusal = status.starts_with('4') || status.starts_with('5');
            // «Not ready» is what a health check is asked for, not a refusal.
            let is_health = status == "503" && answer["content"].get(JSON).is_some();
            if is_refusal && !is_health && answer["content"].get(PROBLEM).is_none() {
                faults.push(format!("{what} is no problem document"));
            }
        }
        for status in expected_refusals(&operation) {
            if operation.said["responses"].get(status).is_none() {
                faults.push(format!("{name}: the answer {status} is not described"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Refusals that follow from what an operation reads and from who may call it.
fn expected_refusals(operation: &Operation) -> Vec<&'static str> {
    let mut all = vec!["400", "422", "500", "503"];
    if operation.access() != DeclaredAccess::Public {
        all.extend(["401", "403"]);
    }
    if !operation.said["requestBody"].is_null() {
        all.extend(["413", "415"]);
    }
    if !operation.parameters("path").is_empty() {
        all.push("404");
    }
    all
}

fn check_example(document: &Value, content: &Value, what: &str, faults: &mut Vec<String>) {
    let Some(example) = content.get("example") else {
        return faults.push(format!("{what} has no example"));
    };
    let wrong = differences(document, &content["schema"], example);
    faults.extend(wrong.iter().map(|fault| format!("{what}: the example: {fault}")));
    // An example that shows fields nobody sends would mislead.
    let schema = resolved(document, &content["schema"]);
    if let (Some(fields), Some(known)) = (example.as_object(), schema["properties"].as_object()) {
        let unknown = fields.keys().filter(|name| !known.contains_key(*name));
        faults.extend(unknown.map(|name| format!("{what}: the example: {name} is unknown")));
    }
}

fn check_problem(
    document: &Value,
    content: &Value,
    status: &str,
    what: &str,
    faults: &mut Vec<String>,
) {
    if let Some(example) = content.get("example") {
        let wrong = differences(document, &content["schema"], example);
        faults.extend(wrong.iter().map(|fault| format!("{what}: the example: {fault}")));
        if example["status"].as_u64() != status.parse().ok() {
            faults.push(format!("{what}: the example is about {}", example["status"]));
        }
    }
}

#[tokio::test]
async fn answers_look_like_the_document_says() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.run_jobs().await;
    let document = document();
    let mut with_body = 0;
    for operation in Operation::all(&document) {
        if operation.method != Method::GET {
            continue;
        }
        let (name, path) = (operation.name(), operation.full_address());
        let answer = app.get(operation.least_role(), &path).await;
        let status = answer.status.as_str();
        let said = &operation.said["responses"][status];
        assert!(!said.is_null(), "{name}: {status} is not declared: {}", answer.text());
        let media_type = answer.header(header::CONTENT_TYPE).split(';').next().unwrap();
        let content = &said["content"][media_type];
        assert!(!content.is_null(), "{name}: {media_type} is not declared for {status}");
        if media_type.ends_with("json") {
            let value: Value = serde_json::from_str(answer.text()).unwrap();
            let wrong = differences(&document, &content["schema"], &value);
            assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
            with_body += usize::from(answer.status.is_success());
        }
    }
    assert!(with_body > 15, "only {with_body} operations answered with JSON");
}

#[tokio::test]
async fn without_a_database_every_operation_says_so() {
    let app = TestApp::new().await;
    let token = app.token(Role::Admin).await;
    app.database().close().await;
    let document = document();
    let mut refused = 0;
    for operation in Operation::all(&document) {
        let example = operation.json_body().map(|body| body["example"].to_string());
        let body = example.map(|text| (JSON, text.into_bytes()));
        let (method, path) = (operation.method.clone(), operation.full_address());
        let answer = app.send_with_token(&token, method, &path, body).await;
        let name = operation.name();
        match answer.status.as_u16() {
            // A refresh token that cannot be one is refused without a look.
            200 | 401 => assert_eq!(operation.access(), DeclaredAccess::Public, "{name}"),
            503 => {
                refused += 1;
                let media_type = answer.header(header::CONTENT_TYPE);
                let said = &operation.said["responses"]["503"]["content"][media_type];
                assert!(!said.is_null(), "{name}: {media_type} is not declared for 503");
                let value: Value = serde_json::from_str(answer.text()).unwrap();
                let wrong = differences(&document, &said["schema"], &value);
                assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
            }
            other => panic!("{name}: {other} {}", answer.text()),
        }
    }
    assert!(refused > 20, "only {refused} operations noticed");
}

#[tokio::test]
async fn unknown_query_parameters_are_named() {
    let app = TestApp::new().await;
    for operation in Operation::all(&document()) {
        if operation.parameters("query").is_empty() {
            continue;
        }
        let path = format!("{}?no_such_parameter=1", operation.address());
        let answer = app.send(operation.least_role(), operation.method.clone(), &path, None).await;
        assert_eq!(answer.wrong_field(), "no_such_parameter", "{}", operation.name());
    }
}

#[tokio::test]
async fn parameters_of_the_wrong_type_are_named() {
    let app = TestApp::new().await;
    let document = document();
    for operation in Operation::all(&document) {
        for parameter in operation.parameters("query") {
            let schema = resolved(&document, &parameter["schema"]);
            let is_text = schema["format"].is_null() && schema["enum"].is_null();
            let types = schema["type"].to_string();
            if types.contains("string") && is_text && parameter["example"].is_null() {
                continue; // Any text is fine there.
            }
            if ["file_name", "target", "name", "topic_filter"]
                .contains(&parameter["name"].as_str().unwrap())
            {
                continue; // Free text with an example.
            }
            let name = parameter["name"].as_str().unwrap();
            let full = operation.full_address();
            // A required one is there already: its value is another then.
            let given = ["?", "&"].iter().find_map(|mark| {
                let (before, rest) = full.split_once(&format!("{mark}{name}="))?;
                Some((before, mark, rest))
            });
            let path = match given {
                Some((before, mark, rest)) => {
                    let behind = rest.find('&').map_or("", |at| &rest[at..]);
                    format!("{before}{mark}{name}=%C2%BF%3F{behind}")
                }
                None => format!("{full}&{name}=%C2%BF%3F").replace("?&", "?"),
            };
            let method = operation.method.clone();
            let answer = app.send(operation.least_role(), method, &path, None).await;
            assert_eq!(answer.wrong_field(), name, "{}", operation.name());
        }
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_with_the_place() {
    let app = TestApp::new().await;
    let document = document();
    for operation in Operation::all(&document) {
        let Some(body) = operation.json_body() else { continue };
        let (name, caller) = (operation.name(), operation.least_role());
        let send = async |media_type: &str, body: String| {
            let body = Some((media_type, body.into_bytes()));
            app.send(caller, operation.method.clone(), &operation.address(), body).await
        };
        send(JSON, "{\"".to_owned()).await.problem(400);
        send(JSON, String::new()).await.problem(400);
        send("text/plain", "{}".to_owned()).await.problem(415);
        // A list of things names the thing first.
        let things = if operation.path.ends_with("/telemetry") { "events" } else { "rows" };
        let (example, prefix) = match body["example"].as_array() {
            Some(list) => (&list[0], format!("{things}[0].")),
            None => (&body["example"], String::new()),
        };
        let written = |thing: &Value| {
            if prefix.is_empty() { thing.to_string() } else { format!("[{thing}]") }
        };
        let in_a_list = send(JSON, format!("[{}]", written(example))).await.wrong_field();
        let place = if prefix.is_empty() { "body" } else { prefix.trim_end_matches('.') };
        assert_eq!(in_a_list, place, "{name}");
        for (field, value) in example.as_object().unwrap() {
            let mut wrong = example.clone();
            wrong[field] = if value.is_object() { json!([]) } else { json!({}) };
            let told = send(JSON, written(&wrong)).await.wrong_field();
            assert_eq!(told, format!("{prefix}{field}"), "{name}");
        }
        let mut more = example.clone();
        more["no_such_field"] = json!(1);
        let told = send(JSON, written(&more)).await.wrong_field();
        assert_eq!(told, format!("{prefix}no_such_field"), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let app = TestApp::new().await;
    let admin = Role::Admin;
    for path in ["/api/nothing", "/api/prices/x", "/nothing", "/api/", "/docsx"] {
        let problem = app.get(admin, path).await.problem(404);
        assert_eq!(problem["detail"], format!("there is nothing at {path}"));
    }
    let all = Operation::all(&document());
    for operation in &all {
        let address = operation.address();
        // Another pattern may fit the same address, e.g. `/api/models/{id}` that of
        // `/api/models/active`; the address itself counts more.
        let is_listed = all.iter().any(|other| other.path == address);
        let mut allowed: BTreeSet<&str> = all
            .iter()
            .filter(
                |other| if is_listed { other.path == address } else { fits(&other.path, &address) },
            )
            .map(|other| other.method.as_str())
            .collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD");
        }
        for method in METHODS.iter().filter(|method| !allowed.contains(**method)) {
            let answer = app.send(admin, method.parse().unwrap(), &address, None).await;
            answer.problem(405);
            let told: BTreeSet<&str> = answer.header(header::ALLOW).split(", ").collect();
            assert_eq!(told, allowed, "{method} {address}");
        }
    }
}

fn fits(pattern: &str, address: &str) -> bool {
    let (pattern, address): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), address.split('/').collect());
    pattern.len() == address.len()
        && pattern.iter().zip(address).all(|(part, given)| part.starts_with('{') || *part == given)
}
