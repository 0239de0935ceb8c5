//! Operations of the OpenAPI document, as tests walk them.

use actix_web::http::Method;
use serde_json::Value;

use crate::app::openapi;
use crate::platform::web::{DeclaredAccess, Role, Scope, declared_access};

pub(super) const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "PATCH"];
/// The media type of most bodies.
const JSON: &str = "application/json";

/// One operation of the document.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    /// Its part of the document.
    pub(super) said: Value,
}

impl Operation {
    /// Every operation, in the order of the document.
    pub(super) fn all(document: &Value) -> Vec<Self> {
        let paths = document["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| {
                let said = item.get(method.to_lowercase())?.clone();
                Some(Self { method: method.parse().unwrap(), path: path.clone(), said })
            })
        });
        all.collect()
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with something in place of its variable parts: what the document gives as example,
    /// else an identifier that nothing has.
    pub(super) fn address(&self) -> String {
        self.parameters("path").iter().fold(self.path.clone(), |path, parameter| {
            let name = parameter["name"].as_str().unwrap();
            let value = parameter["example"].as_str().unwrap_or(
                if parameter["schema"]["format"] == "uuid" {
                    "00000000-0000-4000-8000-000000000000"
                } else {
                    "nothing"
                },
            );
            path.replace(&format!("{{{name}}}"), value)
        })
    }

    /// The address with every query parameter that must be there.
    pub(super) fn full_address(&self) -> String {
        let required: Vec<String> = self
            .parameters("query")
            .iter()
            .filter(|parameter| parameter["required"] == true)
            .map(|parameter| {
                // The example of a number stands in its schema.
                let given = [&parameter["example"], &parameter["schema"]["example"]];
                let text = given.into_iter().find_map(|example| match example {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                });
                let Some(text) = text else {
                    panic!("{}: {parameter} has no example", self.name())
                };
                format!("{}={text}", parameter["name"].as_str().unwrap())
            })
            .collect();
        format!("{}?{}", self.address(), required.join("&"))
    }

    pub(super) fn parameters(&self, place: &str) -> Vec<&Value> {
        let all = self.said["parameters"].as_array();
        all.into_iter().flatten().filter(|parameter| parameter["in"] == place).collect()
    }

    /// The JSON body it reads: media type object of the document.
    pub(super) fn json_body(&self) -> Option<&Value> {
        self.said["requestBody"]["content"].get(JSON)
    }

    pub(super) fn access(&self) -> DeclaredAccess {
        let all = declared_access(&openapi());
        let found = all
            .into_iter()
            .find(|(method, path, _)| self.method.as_str() == method && self.path == *path);
        found.unwrap().2
    }

    /// The scope that a key needs; absent where keys are refused.
    pub(super) fn scope(&self) -> Option<Scope> {
        let all = self.said["security"].as_array().into_iter().flatten();
        let named: Vec<&Value> =
            all.filter_map(|one| one["api_key"].as_array()).flatten().collect();
        assert!(named.len() <= 1, "{}: one scope is enough: {named:?}", self.name());
        let scope = named.first()?.as_str().and_then(Scope::parse);
        Some(scope.unwrap_or_else(|| panic!("{}: {named:?} is no scope", self.name())))
    }

    /// The least role that may call; absent for public ones.
    pub(super) fn least_role(&self) -> Option<Role> {
        match self.access() {
            DeclaredAccess::Roles(roles) => {
                let role = Role::parse(&roles[0]).unwrap_or_else(|| panic!("{}", self.name()));
                assert!(roles.iter().all(|other| *other == roles[0]), "{}: {roles:?}", self.name());
                Some(role)
            }
            DeclaredAccess::Public => None,
            DeclaredAccess::Undeclared => panic!("{} does not say who may call", self.name()),
        }
    }
}

/// The document as JSON.
pub(super) fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}
