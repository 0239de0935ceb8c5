//! What admins manage of others and people of themselves.

use uuid::Uuid;

use super::*;
use crate::access::accounts::records::{Part, UserChange};
use crate::access::sites::Sites;

const ALL: Part = Part { user_id: None, after: None, limit: 100 };

#[tokio::test]
async fn the_last_admin_stays_admin_whatever_is_tried() {
    let this = Luna::new().await;
    let anna = this.user("anna", Role::Admin).await.account.user_id;
    let bert = this.user("bert", Role::Admin).await.account.user_id;
    let disable = UserChange { disabled: Some(true), ..UserChange::default() };
    let demote = UserChange { role: Some(Role::Viewer), ..UserChange::default() };
    // Both at once: one of them must stay.
    let by = By::command();
    let (twin, this_one) = (this.twin(), this.accounts.clone());
    let (one, two) =
        tokio::join!(this_one.change_user(anna, demote, &by), twin.change_user(bert, disable, &by));
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
    let last = if one.is_ok() { bert } else { anna };
    for change in [disable, demote] {
        let refused = this.accounts.change_user(last, change, &by).await;
        assert!(matches!(refused, Err(AccountsError::LastAdmin)), "{refused:?}");
    }
    let refused = this.accounts.delete_user(last, &by).await;
    assert!(matches!(refused, Err(AccountsError::LastAdmin)), "{refused:?}");
    let language = UserChange { language: Some(Language::En), ..UserChange::default() };
    assert_eq!(this.accounts.change_user(last, language, &by).await.unwrap().role, Role::Admin);
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_comes_back_by_logging_in() {
    let this = Luna::new().await;
    this.user("root", Role::Admin).await;
    let tokens = this.user("anna", Role::Viewer).await;
    let (anna, by) = (tokens.account.user_id, By::command());
    assert!(this.by_bearer(&tokens.access_token).await.is_ok());
    let disabled = |disabled| UserChange { disabled: Some(disabled), ..UserChange::default() };
    let user = this.accounts.change_user(anna, disabled(true), &by).await.unwrap();
    assert_eq!(user.disabled_at, Some(noon()));
    assert!(this.by_bearer(&tokens.access_token).await.is_err());
    assert!(this.by_cookie(&tokens.cookie_token).await.is_err());
    assert!(this.accounts.refresh(&tokens.refresh_token).await.is_err());
    let refused = this.accounts.login("anna", PASSWORD.into(), "").await;
    assert!(matches!(refused, Err(AccountsError::WrongCredentials(_))), "{refused:?}");
    this.accounts.change_user(anna, disabled(false), &by).await.unwrap();
    assert!(this.by_bearer(&tokens.access_token).await.is_err(), "what ended stays ended");
    assert!(this.accounts.login("anna", PASSWORD.into(), "").await.is_ok());
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_login_free() {
    let this = Luna::new().await;
    this.user("root", Role::Admin).await;
    let tokens = this.user("anna", Role::Customer).await;
    let anna = tokens.account.user_id;
    this.accounts.delete_user(anna, &By::command()).await.unwrap();
    assert!(this.by_bearer(&tokens.access_token).await.is_err());
    let unknown = this.accounts.user(anna).await;
    assert!(matches!(unknown, Err(AccountsError::UnknownUser(id)) if id == anna), "{unknown:?}");
    let again = this.accounts.delete_user(anna, &By::command()).await;
    assert!(matches!(again, Err(AccountsError::UnknownUser(_))), "{again:?}");
    assert_ne!(this.user("anna", Role::Viewer).await.account.user_id, anna);
}

#[tokio::test]
async fn users_are_listed_newest_first_and_page() {
    let this = Luna::new().await;
    for login in ["anna", "bert", "carl"] {
        this.later(Duration::minutes(1));
        this.user(login, Role::Viewer).await;
    }
    let page = this.accounts.users(Part { limit: 2, ..ALL }).await.unwrap();
    let logins: Vec<&str> = page.iter().map(|user| user.login.as_str()).collect();
    assert_eq!(logins, ["carl", "bert"]);
    let after = page.last().map(|user| (user.created_at, user.user_id));
    let rest = this.accounts.users(Part { after, ..ALL }).await.unwrap();
    assert_eq!(rest.iter().map(|user| user.login.as_str()).collect::<Vec<_>>(), ["anna"]);
}

#[tokio::test]
async fn sessions_are_seen_and_ended_by_their_owner_and_by_admins() {
    let this = Luna::new().await;
    let first = this.user("anna", Role::Viewer).await;
    let anna = first.account.user_id;
    let bert = this.user("bert", Role::Viewer).await.account.user_id;
    this.later(Duration::minutes(1));
    let second = this.accounts.login("anna", PASSWORD.into(), "phone").await.unwrap();
    let own = this.accounts.sessions(Part { user_id: Some(anna), ..ALL }).await.unwrap();
    let agents: Vec<&str> = own.iter().map(|session| session.user_agent.as_str()).collect();
    assert_eq!(agents, ["phone", "test"]);
    assert_eq!(this.accounts.sessions(ALL).await.unwrap().len(), 3);

    let by = By::user(bert);
    let stranger = this.accounts.end_session(own[0].session_id, Some(bert), &by).await;
    assert!(matches!(stranger, Err(AccountsError::UnknownSession(_))), "{stranger:?}");
    assert!(this.by_bearer(&second.access_token).await.is_ok());
    this.accounts.end_session(own[0].session_id, Some(anna), &by).await.unwrap();
    assert!(this.by_bearer(&second.access_token).await.is_err());
    assert!(this.by_bearer(&first.access_token).await.is_ok());
    this.accounts.end_session(own[1].session_id, None, &by).await.unwrap();
    assert!(this.by_bearer(&first.access_token).await.is_err());
    let again = this.accounts.end_session(own[1].session_id, None, &by).await;
    assert!(matches!(again, Err(AccountsError::UnknownSession(_))), "{again:?}");
    assert_eq!(this.accounts.sessions(Part { user_id: Some(anna), ..ALL }).await.unwrap(), []);
}

#[tokio::test]
async fn a_new_password_of_ones_own_needs_the_old_one_and_ends_the_other_sessions() {
    let this = Luna::new().await;
    let here = this.user("anna", Role::Viewer).await;
    let elsewhere = this.accounts.login("anna", PASSWORD.into(), "phone").await.unwrap();
    let who = this.by_bearer(&here.access_token).await.unwrap();
    let (by, new) = (By::of(&who), "another good one");
    let change = async |current: &str, new: &str| {
        let (current, new) = (current.to_owned().into(), new.to_owned().into());
        this.accounts.change_password(&who, current, new, &by).await
    };
    let wrong = change("not the password", new).await;
    assert!(matches!(wrong, Err(AccountsError::WrongPassword)), "{wrong:?}");
    let weak = change(PASSWORD, "password123").await;
    assert!(matches!(weak, Err(AccountsError::WeakPassword(_))), "{weak:?}");
    assert!(this.by_bearer(&elsewhere.access_token).await.is_ok());
    change(PASSWORD, new).await.unwrap();
    assert!(this.by_bearer(&here.access_token).await.is_ok(), "this session goes on");
    assert!(this.accounts.refresh(&here.refresh_token).await.is_ok());
    assert!(this.by_bearer(&elsewhere.access_token).await.is_err());
    assert!(this.accounts.refresh(&elsewhere.refresh_token).await.is_err());
    assert!(this.accounts.login("anna", PASSWORD.into(), "").await.is_err());
    assert!(this.accounts.login("anna", new.into(), "").await.is_ok());
}

#[tokio::test]
async fn guesses_at_ones_own_password_are_counted_too() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Viewer).await;
    let who = this.by_bearer(&tokens.access_token).await.unwrap();
    let guess = async |password: &str| {
        let (current, new) = (password.to_owned().into(), "another good one".into());
        this.accounts.change_password(&who, current, new, &By::of(&who)).await
    };
    for _ in 0..5 {
        assert!(matches!(guess("wrong one").await, Err(AccountsError::WrongPassword)));
    }
    assert!(matches!(guess(PASSWORD).await, Err(AccountsError::TooManyTries { .. })));
}

#[tokio::test]
async fn who_registers_is_customer_of_the_default_site() {
    let this =
        Luna::with(Settings { registration: Registration::Open, ..Settings::default() }).await;
    this.user("root", Role::Admin).await;
    let carl = this.accounts.register("carl", PASSWORD.into(), None).await.unwrap();
    let who = carl.into_principal(Some(Uuid::nil()));
    let sites = Sites::new(this.db.db().clone(), this.clock.clone());
    let own = sites.list(&who, None, 10).await.unwrap();
    assert_eq!(own.iter().map(|site| site.is_default).collect::<Vec<_>>(), [true]);
}
