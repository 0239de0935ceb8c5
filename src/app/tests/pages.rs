//! What a browser gets: forms, redirects, cookies, headers.

use actix_web::http::header;

use crate::platform::web::Role;
use crate::testing::{Answer, TestApp};

/// The value of a hidden field.
fn field<'p>(page: &'p str, name: &str) -> &'p str {
    let at = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    let tag = &page[page[..at].rfind('<').unwrap()..];
    let tag = &tag[..tag.find('>').unwrap()];
    tag.split_once("value=\"").unwrap().1.split_once('"').unwrap().0
}

/// `name=value` of every cookie that an answer sets.
fn cookies(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all(header::SET_COOKIE);
    all.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

/// Sends a form with the cookies of the browser.
async fn submit(app: &TestApp, path: &str, cookies: &[String], fields: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    app.send_form(path, &cookies.join("; "), form).await
}

#[tokio::test]
async fn whoever_is_not_logged_in_is_led_to_the_form_and_back() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    let open = app.page("/", "").await;
    assert_eq!(open.status, 200, "{}", open.text());
    app.token(Role::Viewer).await;
    app.token(Role::Admin).await;

    let led = app.page("/?market=SIM-CH", "").await;
    assert_eq!(led.status, 303, "{}", led.text());
    let login = led.header(header::LOCATION);
    assert_eq!(login, "/login?next=%2F%3Fmarket%3DSIM-CH");
    let page = app.page(login, "").await;
    let token = field(page.text(), "csrf_token");
    assert_eq!(field(page.text(), "next"), "/?market=SIM-CH");
    let browser = cookies(&page);
    let fields = |password| {
        [
            ("login", "viewer@example.ch"),
            ("password", password),
            ("next", "/?market=SIM-CH"),
            ("csrf_token", token),
        ]
    };
    let wrong = submit(&app, "/login", &browser, &fields("wrong password")).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("viewer@example.ch") && !wrong.text().contains("wrong password"));
    assert!(cookies(&wrong).iter().all(|cookie| !cookie.starts_with("luna=")));
    let forged = submit(&app, "/login", &[], &fields(TestApp::PASSWORD)).await;
    assert_eq!(forged.status, 403);

    let right = submit(&app, "/login", &browser, &fields(TestApp::PASSWORD)).await;
    assert_eq!((right.status.as_u16(), right.header(header::LOCATION)), (303, "/?market=SIM-CH"));
    let session = cookies(&right).into_iter().find(|cookie| cookie.starts_with("luna=")).unwrap();
    let browser = [browser, vec![session]].concat();
    let today = app.page("/", &browser.join("; ")).await;
    assert_eq!(today.status, 200);
    assert!(today.text().contains("viewer@example.ch"), "{}", today.text());
    let bad = app.page("/?market=XX", &browser.join("; ")).await;
    assert_eq!(bad.status, 422);
    assert!(bad.header(header::CONTENT_TYPE).starts_with("text/html"));
    // Who is logged in stays so on pages of problems, and can leave from there.
    for path in ["/?market=XX", "/problems/not-found", "/problems/unheard-of"] {
        let page = app.page(path, &browser.join("; ")).await;
        assert!(page.text().contains("viewer@example.ch"), "{path}");
        assert_eq!(field(page.text(), "csrf_token"), token, "{path}");
    }

    // Leaving ends the session itself, not only the cookie; leaving twice is no mistake.
    for _ in 0..2 {
        let left = submit(&app, "/logout", &browser, &[("csrf_token", token)]).await;
        assert_eq!(
            (left.status.as_u16(), left.header(header::LOCATION)),
            (303, "/login?ended=true")
        );
        assert!(cookies(&left).contains(&"luna=".to_owned()), "{:?}", cookies(&left));
        assert_eq!(app.page("/", &browser.join("; ")).await.status, 303);
    }
}

#[tokio::test]
async fn the_first_admin_is_made_in_the_browser() {
    let app = TestApp::new().await;
    let code = app.services.accounts.ensure_setup_code().await.unwrap().unwrap();
    let code = secrecy::ExposeSecret::expose_secret(&code);
    let page = app.page("/setup", "").await;
    let (token, browser) = (field(page.text(), "csrf_token"), cookies(&page));
    let fields = |code, login, password| {
        [("setup_code", code), ("login", login), ("password", password), ("csrf_token", token)]
    };
    for (code, login, password, wrong) in [
        ("AAAA-AAAA-AAAA-AAAA", "anna", TestApp::PASSWORD, "setup_code"),
        (code, "", TestApp::PASSWORD, "login"),
        (code, "anna", "short", "password"),
    ] {
        let refused = submit(&app, "/setup", &browser, &fields(code, login, password)).await;
        assert_eq!(refused.status, 422, "{wrong}");
        let tag = refused.text().split('<').find(|tag| tag.contains(&format!("name=\"{wrong}\"")));
        assert!(tag.unwrap().contains("aria-invalid=\"true\""), "{wrong}: {tag:?}");
    }
    let done = submit(&app, "/setup", &browser, &fields(code, "anna", TestApp::PASSWORD)).await;
    assert_eq!((done.status.as_u16(), done.header(header::LOCATION)), (303, "/"));
    assert!(cookies(&done).iter().any(|cookie| cookie.starts_with("luna=ey")));
    let closed = app.page("/setup", "").await;
    assert_eq!((closed.status.as_u16(), closed.header(header::LOCATION)), (303, "/login"));
}

#[tokio::test]
async fn preferences_are_kept_and_lead_back_to_a_page_of_ours() {
    let app = TestApp::new().await;
    let kept = app.page("/preferences?lang=en&back=%2Flogin", "").await;
    assert_eq!((kept.status.as_u16(), kept.header(header::LOCATION)), (303, "/login"));
    assert_eq!(cookies(&kept), ["luna_lang=en"]);
    let page = app.page("/login", "luna_lang=en; luna_theme=dark").await;
    assert!(page.text().contains("<html lang=\"en") && page.text().contains("data-theme=\"dark\""));
    let away = app.page("/preferences?theme=light&back=%2F%2Fevil.example", "").await;
    assert_eq!(
        (away.header(header::LOCATION), cookies(&away)),
        ("/", vec!["luna_theme=light".to_owned()])
    );
    assert_eq!(cookies(&app.page("/preferences?lang=tlh&theme=pink", "").await), [""; 0]);
}

#[tokio::test]
async fn every_page_forbids_what_it_does_not_need() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    for path in ["/", "/login", "/setup", "/docs/", "/openapi.json", "/static/app.css", "/nothing"]
    {
        let answer = app.page(path, "").await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(
            !policy.contains("unsafe-eval") && !policy.contains("script-src 'self' "),
            "{path}"
        );
        assert_eq!(policy.contains("unsafe"), path == "/docs/", "{path}: {policy}");
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert!(!answer.header("x-request-id".parse().unwrap()).is_empty(), "{path}");
    }
    let css = app.page("/", "").await;
    let address = css.text().split("href=\"").find(|at| at.starts_with("/static/app.css")).unwrap();
    let asset = app.page(address.split('"').next().unwrap(), "").await;
    assert!(asset.header(header::CACHE_CONTROL).contains("immutable"), "{asset:?}");
}
