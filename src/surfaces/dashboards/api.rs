//! The pages over HTTP: who may see them, what they are made from, what their forms do.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, get, post};
use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::admin;
use super::assets::asset;
use super::catalogue::Language;
use super::documents;
use super::forms::{LoginPage, LoginProblem, SetupPage, SetupProblem};
use super::gather::{AskedPrices, Gather};
use super::pages::{ErrorPage, Preferences, Shell, Theme};
use super::prices::{prices, written};
use super::pricing::Unit;
use super::templates::{PageError, Templates};
use super::today::today;
use super::upload;
use crate::access::accounts::Tries;
use crate::access::accounts::login_cookie;
use crate::access::accounts::logout_cookies;
use crate::access::accounts::{Accounts, AccountsError};
use crate::base::ids::{Market, Product};
use crate::base::timeline::Clock;
use crate::platform::web::{
    CsrfToken, Form, LoggedIn, PROBLEM_KINDS, Params, Path, Principal, Problem, Public, Reader,
    Require, Visitor, is_https, local_path, user_agent,
};

/// Registers the pages.
pub fn pages(config: &mut ServiceConfig) {
    config
        .service(get_today)
        .service(get_prices)
        .service(get_prices_csv)
        .service(get_login)
        .service(post_login)
        .service(post_logout)
        .service(get_setup)
        .service(post_setup)
        .service(get_preferences)
        .service(get_problem)
        .service(get_asset)
        .configure(super::forecast_api::forecast_pages)
        .configure(admin::pages)
        .configure(upload::pages)
        .configure(documents::pages);
}

/// What a page is shown with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TodayQuery {
    market: Option<Market>,
}

/// Page of the day; asks to log in once somebody is admin.
#[get("/")]
async fn get_today(
    reader: Require<Reader>,
    request: HttpRequest,
    templates: Data<Templates>,
    gather: Data<Gather>,
    clock: Data<Clock>,
    csrf: CsrfToken,
    query: Params<TodayQuery>,
) -> Result<HttpResponse, Problem> {
    let shell = shell(&request, Some(reader.0.clone()), &csrf);
    let input = gather.today(query.0.market, shell.unit, reader.is_setup_guest).await?;
    let view = today(&input, shell.language, clock.now());
    Ok(page(StatusCode::OK, templates.today(&shell, &view)))
}

/// Which prices are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PricesQuery {
    market: Option<Market>,
    product: Option<Product>,
    from: Option<NaiveDate>,
}

/// Page of prices: two weeks around the present, or those from a day on.
#[get("/prices")]
async fn get_prices(
    reader: Require<Reader>,
    request: HttpRequest,
    templates: Data<Templates>,
    gather: Data<Gather>,
    clock: Data<Clock>,
    csrf: CsrfToken,
    query: Params<PricesQuery>,
) -> Result<HttpResponse, Problem> {
    let shell = shell(&request, Some(reader.0.clone()), &csrf);
    let PricesQuery { market, product, from } = query.0;
    let asked = AskedPrices { market, product, first: from, unit: shell.unit };
    let input = gather.prices(asked, reader.is_setup_guest).await?;
    let view = prices(&input, shell.language, clock.now());
    Ok(page(StatusCode::OK, templates.prices(&shell, &view)))
}

/// Which prices a file holds; days are local ones of the market, the last one inclusive.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PricesCsvQuery {
    market: Option<Market>,
    product: Option<Product>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    unit: Option<Unit>,
}

/// Prices of some days as CSV, forecast ones with their quantiles.
#[get("/prices.csv")]
async fn get_prices_csv(
    _: Require<Reader>,
    gather: Data<Gather>,
    query: Params<PricesCsvQuery>,
) -> Result<HttpResponse, Problem> {
    let PricesCsvQuery { market, product, from, to, unit } = query.0;
    let asked = AskedPrices { market, product, first: from, unit };
    let (name, input) = gather.prices_csv(asked, to).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(written(&input)))
}

/// Where a log-in leads, and whether it follows a log-out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoginQuery {
    next: String,
    ended: bool,
}

/// Log-in form.
#[get("/login")]
async fn get_login(
    visitor: Visitor,
    request: HttpRequest,
    templates: Data<Templates>,
    accounts: Data<Accounts>,
    csrf: CsrfToken,
    query: Params<LoginQuery>,
) -> HttpResponse {
    if visitor.0.is_some_and(|principal| !principal.is_setup_guest) {
        return go_to(local_path(Some(&query.0.next)), []);
    }
    let has_admin = accounts.has_admin().await;
    let view = LoginPage {
        next: query.0.next,
        ended: query.0.ended,
        insecure: !is_https(&request),
        setup_open: matches!(has_admin, Ok(false)),
        problem: has_admin.is_err().then_some(LoginProblem::Unavailable),
        ..LoginPage::default()
    };
    page(StatusCode::OK, templates.login(&shell(&request, None, &csrf), &view))
}

/// What the log-in form sends.
#[derive(Debug, Deserialize)]
struct LoginForm {
    login: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Logs in and goes on to the page that asked for it.
#[post("/login")]
async fn post_login(
    _: Public,
    request: HttpRequest,
    templates: Data<Templates>,
    accounts: Data<Accounts>,
    csrf: CsrfToken,
    form: Result<Form<LoginForm>, Problem>,
) -> HttpResponse {
    let shell = shell(&request, None, &csrf);
    let form = match form {
        Ok(form) => form.0,
        Err(problem) => {
            let view = LoginPage {
                problem: Some(LoginProblem::Expired),
                insecure: !is_https(&request),
                ..LoginPage::default()
            };
            return page(problem.status_code(), templates.login(&shell, &view));
        }
    };
    match accounts.login(&form.login, form.password, user_agent(&request)).await {
        Ok(tokens) => go_to(local_path(Some(&form.next)), [login_cookie(&request, &tokens)]),
        Err(error) => {
            let reason = match &error {
                AccountsError::Busy => LoginProblem::Busy,
                AccountsError::Database(_) => LoginProblem::Unavailable,
                AccountsError::Crypto(_) => LoginProblem::Failed,
                AccountsError::WrongCredentials(Tries { left, pause }) if *left > 0 => {
                    LoginProblem::Wrong { left: Some((*left, *pause)) }
                }
                AccountsError::WrongCredentials(Tries { pause, .. }) => {
                    LoginProblem::Locked { wait: *pause }
                }
                AccountsError::TooManyTries { wait } => LoginProblem::Locked { wait: *wait },
                _ => LoginProblem::Wrong { left: None },
            };
            // The way into a problem also writes the causes into the log.
            let (status, problem) = (Problem::from(error).status_code(), reason);
            let view = LoginPage {
                login: form.login,
                problem: Some(problem),
                next: form.next,
                insecure: !is_https(&request),
                ..LoginPage::default()
            };
            page(status, templates.login(&shell, &view))
        }
    }
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
struct Empty {}

/// Ends the session and shows the log-in form.
#[post("/logout")]
async fn post_logout(
    principal: Result<Require<LoggedIn>, Problem>,
    accounts: Data<Accounts>,
    form: Result<Form<Empty>, Problem>,
) -> Result<HttpResponse, Problem> {
    match (principal, form) {
        (Ok(principal), Ok(_)) => accounts.logout(&principal).await?,
        // Whose session has ended already only loses the cookie.
        (Err(problem), _) if problem.status_code() == StatusCode::UNAUTHORIZED => {}
        (Err(problem), _) | (_, Err(problem)) => return Err(problem),
    }
    Ok(go_to("/login?ended=true", logout_cookies()))
}

/// Form for the first account; leads to the log-in form once somebody is admin.
#[get("/setup")]
async fn get_setup(
    _: Public,
    request: HttpRequest,
    templates: Data<Templates>,
    accounts: Data<Accounts>,
    csrf: CsrfToken,
) -> Result<HttpResponse, Problem> {
    if accounts.has_admin().await? {
        return Ok(go_to("/login", []));
    }
    let view = SetupPage { insecure: !is_https(&request), ..SetupPage::default() };
    Ok(page(StatusCode::OK, templates.setup(&shell(&request, None, &csrf), &view)))
}

/// What the set-up form sends.
#[derive(Debug, Deserialize)]
struct SetupForm {
    setup_code: SecretString,
    login: String,
    password: SecretString,
}

/// Creates the first admin with the one-time code and logs them in.
#[post("/setup")]
async fn post_setup(
    _: Public,
    request: HttpRequest,
    templates: Data<Templates>,
    accounts: Data<Accounts>,
    csrf: CsrfToken,
    form: Result<Form<SetupForm>, Problem>,
) -> Result<HttpResponse, Problem> {
    let shell = shell(&request, None, &csrf);
    let again = |status, view: SetupPage| {
        let view = SetupPage { insecure: !is_https(&request), ..view };
        Ok(page(status, templates.setup(&shell, &view)))
    };
    let SetupForm { setup_code, login, password } = match form {
        Ok(form) => form.0,
        Err(problem) => {
            let view = SetupPage { problem: Some(SetupProblem::Expired), ..SetupPage::default() };
            return again(problem.status_code(), view);
        }
    };
    // Sixteen letters are not to be typed again because the password was too short.
    let typed = setup_code.expose_secret().to_owned();
    let opened = match accounts.register(&login, password, Some(setup_code)).await {
        Ok(account) => accounts.open_session(account, user_agent(&request)).await,
        Err(error) => Err(error),
    };
    let (setup_code, problem) = match opened {
        Ok(tokens) => return Ok(go_to("/", [login_cookie(&request, &tokens)])),
        Err(AccountsError::SetupCode) => (String::new(), SetupProblem::Code),
        Err(AccountsError::BadLogin(_)) => (typed, SetupProblem::Login),
        Err(AccountsError::LoginTaken(_)) => (typed, SetupProblem::LoginTaken),
        Err(AccountsError::WeakPassword(_)) => (typed, SetupProblem::Password),
        Err(error) => return Err(error.into()),
    };
    let view = SetupPage { setup_code, login, problem: Some(problem), ..SetupPage::default() };
    again(StatusCode::UNPROCESSABLE_ENTITY, view)
}

/// Language, theme or unit to keep, and where to go back to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PreferencesQuery {
    lang: Option<String>,
    theme: Option<String>,
    unit: Option<String>,
    back: String,
}

/// Keeps language, theme or unit in a cookie and goes back to the page.
#[get("/preferences")]
async fn get_preferences(_: Public, query: Params<PreferencesQuery>) -> HttpResponse {
    let language = query.0.lang.as_deref().and_then(Language::parse);
    let theme = query.0.theme.as_deref().and_then(Theme::parse);
    let language = language.map(|it| kept(Preferences::LANGUAGE_COOKIE, it.code()));
    let theme = theme.map(|it| kept(Preferences::THEME_COOKIE, it.name()));
    let unit = query.0.unit.as_deref().and_then(Unit::parse);
    let unit = unit.map(|it| kept(Preferences::UNIT_COOKIE, it.name()));
    go_to(local_path(Some(&query.0.back)), language.into_iter().chain(theme).chain(unit))
}

/// What a kind of problem means; the `type` of a problem document leads here.
#[get("/problems/{kind}")]
async fn get_problem(
    visitor: Visitor,
    request: HttpRequest,
    templates: Data<Templates>,
    csrf: CsrfToken,
    kind: Path<String>,
) -> Result<HttpResponse, Problem> {
    let kind = kind.into_inner();
    let Some(kind) = PROBLEM_KINDS.iter().copied().find(|known| *known == kind) else {
        return Err(Problem::not_found(format_args!("Luna knows no problem '{kind}'")));
    };
    let view = ErrorPage { kind, status: None, detail: String::new(), request_id: String::new() };
    let shell = shell(&request, visitor.0, &csrf);
    Ok(page(StatusCode::OK, templates.error(&shell, &view)))
}

/// Version of a built file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AssetQuery {
    v: Option<String>,
}

/// A built style or script.
#[get("/static/{name}")]
async fn get_asset(
    _: Public,
    request: HttpRequest,
    name: Path<String>,
    query: web::Query<AssetQuery>,
) -> HttpResponse {
    let tag = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    asset(&name, query.v.as_deref(), tag)
}

/// The shell of a page with forms.
pub(super) fn shell(
    request: &HttpRequest,
    principal: Option<Principal>,
    csrf: &CsrfToken,
) -> Shell {
    let shell = Shell { csrf_token: Some(csrf.value().to_owned()), ..plain_shell(request) };
    shell.seen_by(principal)
}

/// The shell of a page without forms, whoever asks.
pub(super) fn plain_shell(request: &HttpRequest) -> Shell {
    let cookie = |name| request.cookie(name).map(|cookie| cookie.value().to_owned());
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE);
    let preferences = Preferences::of(
        cookie(Preferences::LANGUAGE_COOKIE).as_deref(),
        cookie(Preferences::THEME_COOKIE).as_deref(),
        cookie(Preferences::UNIT_COOKIE).as_deref(),
        accepted.and_then(|value| value.to_str().ok()),
    );
    Shell {
        language: preferences.language,
        theme: preferences.theme,
        unit: preferences.unit,
        path: request.path().to_owned(),
        query: request.query_string().to_owned(),
        ..Shell::default()
    }
}

/// Data of the application that a page needs.
pub(super) async fn data<T: 'static>(request: &HttpRequest) -> Result<Data<T>, Problem> {
    Data::<T>::extract(request).await.map_err(Problem::internal)
}

pub(super) fn page(status: StatusCode, html: Result<String, PageError>) -> HttpResponse {
    match html {
        Ok(html) => HttpResponse::build(status).content_type(ContentType::html()).body(html),
        Err(error) => HttpResponse::from_error(Problem::internal(error)),
    }
}

pub(super) fn go_to(
    path: &str,
    cookies: impl IntoIterator<Item = Cookie<'static>>,
) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, path));
    for cookie in cookies {
        response.cookie(cookie);
    }
    response.finish()
}

/// A cookie that keeps what a reader prefers.
pub(super) fn kept(name: &'static str, value: &'static str) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .same_site(SameSite::Lax)
        .max_age(actix_web::cookie::time::Duration::days(365))
        .finish()
}
