//! API keys from the box itself.

use secrecy::ExposeSecret;

use super::arguments::KeysCommand;
use super::output::{Failure, json, line, text};
use super::session::with_services;
use crate::access::accounts::Accounts;
use crate::access::accounts::NewKey;
use crate::access::accounts::Part;
use crate::access::audit::By;
use crate::config::Settings;

/// Most keys that are printed.
const LISTED_MAX: i64 = 1_000;

pub(super) async fn run(settings: &Settings, command: KeysCommand) -> Result<(), Failure> {
    with_services(settings, async |services| match command {
        KeysCommand::Create { email, name, scope, days } => {
            create(&services.accounts, &email, NewKey { name, scopes: scope, days }).await
        }
        KeysCommand::List { email, json } => list(&services.accounts, email, json).await,
        KeysCommand::Revoke { key_id } => {
            let revoked = services.accounts.revoke_key(key_id, None, &By::command()).await;
            revoked.map_err(Failure::world)?;
            text("The key has ended.\n")
        }
    })
    .await
}

/// Prints the key alone, so that a script can take it; it is not shown again.
async fn create(accounts: &Accounts, email: &str, new: NewKey) -> Result<(), Failure> {
    let user_id = accounts.user_id_of(email).await.map_err(Failure::world)?;
    let made = accounts.create_key(user_id, &new, &By::command()).await;
    let (key, _) = made.map_err(Failure::world)?;
    text(&format!("{}\n", key.expose_secret()))
}

async fn list(accounts: &Accounts, email: Option<String>, as_json: bool) -> Result<(), Failure> {
    let user_id = match email {
        Some(email) => Some(accounts.user_id_of(&email).await.map_err(Failure::world)?),
        None => None,
    };
    let part = Part { user_id, after: None, limit: LISTED_MAX };
    let keys = accounts.keys(part).await.map_err(Failure::world)?;
    if as_json {
        return json(&keys);
    }
    let mut lines = String::new();
    for key in &keys {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
        let (scopes, name, login) = (scopes.join(","), &key.name, &key.login);
        let state = match key.revoked_at {
            Some(at) => format!("revoked {}", at.format("%Y-%m-%d")),
            None => format!("until {}", key.expires_at.format("%Y-%m-%d")),
        };
        let (id, prefix) = (key.key_id, &key.prefix);
        line(&mut lines, format_args!("{id}  {prefix}…  {state}  {login}  {scopes}  {name}"));
    }
    text(if lines.is_empty() { "There are no keys.\n" } else { &lines })
}
