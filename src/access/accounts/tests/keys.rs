//! Keys of programs: how long they live and what they may do.

use chrono::Duration;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::access::accounts::records::{KeyRecord, NewKey, Part, UserChange};
use crate::platform::web::Scope;

const ALL: Part = Part { user_id: None, after: None, limit: 100 };

impl Luna {
    async fn key(&self, login: &str, scopes: &[Scope], days: u16) -> (SecretString, KeyRecord) {
        let user_id = self.accounts.user_id_of(login).await.unwrap();
        let new = NewKey { name: "pump".into(), scopes: scopes.to_vec(), days };
        self.accounts.create_key(user_id, &new, &By::command()).await.unwrap()
    }

    async fn by_key(&self, key: &SecretString) -> Result<Principal, Problem> {
        let credentials = Credentials { api_key: Some(key.clone()), ..Credentials::default() };
        self.accounts.authenticate(credentials).await
    }
}

#[tokio::test]
async fn a_key_acts_for_its_owner_until_it_expires_to_the_second() {
    let this = Luna::new().await;
    this.user("anna", Role::Analyst).await;
    let (key, record) = this.key("anna", &[Scope::Train, Scope::Read, Scope::Read], 30).await;
    let principal = this.by_key(&key).await.unwrap();
    assert_eq!((principal.login.as_str(), principal.role), ("anna", Role::Analyst));
    assert_eq!(principal.session_id, None);
    let grant = principal.key.unwrap();
    assert_eq!(grant.key_id, record.key_id);
    assert_eq!(grant.scopes, [Scope::Read, Scope::Train], "in one order, once each");
    this.later(Duration::days(30) - Duration::seconds(1));
    assert!(this.by_key(&key).await.is_ok());
    let used = this.accounts.keys(ALL).await.unwrap()[0].last_used_at;
    assert_eq!(used, Some(this.clock.now()));
    this.later(Duration::seconds(1));
    assert!(this.by_key(&key).await.is_err());
}

#[tokio::test]
async fn what_is_stored_does_not_open_and_nonsense_is_refused() {
    let this = Luna::new().await;
    this.user("anna", Role::Admin).await;
    let (key, record) = this.key("anna", &[Scope::Admin], 1).await;
    let key = key.expose_secret();
    let changed = format!("{}{}", &key[..56], if key.ends_with('A') { 'B' } else { 'A' });
    for text in ["", "luna_", &record.prefix, &changed, &key.to_uppercase(), &"x".repeat(57)] {
        let refusal = this.by_key(&text.to_owned().into()).await.unwrap_err();
        assert_eq!(refusal.document().status, 401, "{text}");
    }
    assert!(this.by_bearer(&key.to_owned().into()).await.is_err(), "a key is no token");
    assert!(!format!("{record:?}").contains(&key[14..]));
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_by_whom_it_belongs_to_or_an_admin() {
    let this = Luna::new().await;
    let bert = this.user("bert", Role::Viewer).await.account.user_id;
    this.user("anna", Role::Viewer).await;
    let (key, record) = this.key("anna", &[Scope::Read], 1).await;
    assert!(this.by_key(&key).await.is_ok());
    let by = By::user(bert);
    let refused = this.accounts.revoke_key(record.key_id, Some(bert), &by).await;
    assert!(matches!(refused, Err(AccountsError::UnknownKey(_))), "{refused:?}");
    assert!(this.by_key(&key).await.is_ok());
    for _ in 0..2 {
        this.accounts.revoke_key(record.key_id, Some(record.user_id), &by).await.unwrap();
        assert!(this.by_key(&key).await.is_err());
    }
    let listed = this.accounts.keys(Part { user_id: Some(record.user_id), ..ALL }).await.unwrap();
    assert_eq!(listed[0].revoked_at, Some(noon()));
    assert_eq!(this.accounts.keys(Part { user_id: Some(bert), ..ALL }).await.unwrap(), []);
}

#[tokio::test]
async fn a_key_follows_its_owners_role_and_ends_with_the_account() {
    let this = Luna::new().await;
    this.user("root", Role::Admin).await;
    let anna = this.user("anna", Role::Admin).await.account.user_id;
    let (key, _) = this.key("anna", &[Scope::Admin, Scope::Read], 1).await;
    let change = async |change: UserChange| {
        this.accounts.change_user(anna, change, &By::command()).await.unwrap()
    };
    change(UserChange { role: Some(Role::Viewer), ..UserChange::default() }).await;
    assert_eq!(this.by_key(&key).await.unwrap().role, Role::Viewer);
    change(UserChange { disabled: Some(true), ..UserChange::default() }).await;
    assert!(this.by_key(&key).await.is_err());
    change(UserChange { disabled: Some(false), ..UserChange::default() }).await;
    assert!(this.by_key(&key).await.is_err(), "what ended stays ended");
    let (key, _) = this.key("anna", &[Scope::Read], 1).await;
    this.accounts.delete_user(anna, &By::command()).await.unwrap();
    assert!(this.by_key(&key).await.is_err());
}

#[tokio::test]
async fn keys_that_break_a_rule_are_refused_with_the_field() {
    let this = Luna::new().await;
    let anna = this.user("anna", Role::Viewer).await.account.user_id;
    let good = NewKey { name: "pump".into(), scopes: vec![Scope::Read], days: 1 };
    for (new, wrong) in [
        (NewKey { name: "  ".into(), ..good.clone() }, "name"),
        (NewKey { name: "x".repeat(101), ..good.clone() }, "name"),
        (NewKey { name: "a\u{7}".into(), ..good.clone() }, "name"),
        (NewKey { scopes: vec![], ..good.clone() }, "scopes"),
        (NewKey { scopes: vec![Scope::Read, Scope::Train], ..good.clone() }, "scopes"),
        (NewKey { days: 0, ..good.clone() }, "expires_in_days"),
        (NewKey { days: 731, ..good.clone() }, "expires_in_days"),
    ] {
        let refused = this.accounts.create_key(anna, &new, &By::command()).await;
        let Err(AccountsError::BadKey { field, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(field, wrong);
    }
    assert_eq!(this.accounts.keys(ALL).await.unwrap(), []);
}
