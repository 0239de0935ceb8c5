//! A browser without a screen: keeps cookies, sends the token of the page's forms.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::http::{Method, header};

use super::{Answer, TestApp, from_this_box};
use crate::platform::web::Role;

/// Somebody's browser on a [`TestApp`].
pub struct Browser<'a> {
    app: &'a TestApp,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    /// A browser without cookies.
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, cookies: RefCell::default() }
    }

    /// A browser in which the account with this role is logged in.
    pub async fn of(app: &'a TestApp, role: Role) -> Self {
        app.token(role).await; // makes the account
        let browser = Self::new(app);
        browser.open("/login").await;
        let login = format!("{role}@example.ch");
        let fields = [("login", login.as_str()), ("password", TestApp::PASSWORD)];
        let entered = browser.submit("/login", &fields).await;
        assert_eq!(entered.status, 303, "{}", entered.text());
        browser
    }

    /// The page at `path`.
    pub async fn open(&self, path: &str) -> Answer {
        let answer = self.app.page(path, &self.sent()).await;
        self.keep(&answer);
        answer
    }

    /// The answer to a form of one of our pages.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.cookies.borrow().get("luna-csrf").cloned().unwrap_or_default();
        let token = ("csrf_token", token.as_str());
        self.forge(path, &[fields, &[token]].concat()).await
    }

    /// The answer to a form that does not know the token of our pages.
    pub async fn forge(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = self.app.send_form(path, &self.sent(), form).await;
        self.keep(&answer);
        answer
    }

    /// The answer to a form of one of our pages with a file called `file`.
    pub async fn send_file(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        file: (&str, &[u8]),
    ) -> Answer {
        let token = self.cookies.borrow().get("luna-csrf").cloned().unwrap_or_default();
        let token = ("csrf_token", token.as_str());
        self.forge_file(path, &[fields, &[token]].concat(), file).await
    }

    /// The same from a form that does not know the token of our pages.
    pub async fn forge_file(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        (name, bytes): (&str, &[u8]),
    ) -> Answer {
        const BOUNDARY: &str = "----4711";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(bytes);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let request = from_this_box(Method::POST, path)
            .insert_header((header::ACCEPT, "text/html"))
            .insert_header((header::COOKIE, self.sent()))
            .insert_header((
                header::CONTENT_TYPE,
                format!("multipart/form-data; boundary={BOUNDARY}"),
            ))
            .set_payload(body);
        let answer = self.app.ask(request).await;
        self.keep(&answer);
        answer
    }

    /// The page behind the redirect that a form is answered with.
    pub async fn follow(&self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, 303, "{}", answer.text());
        self.open(answer.header(header::LOCATION)).await
    }

    fn sent(&self) -> String {
        let cookies = self.cookies.borrow();
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep(&self, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
