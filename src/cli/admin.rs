//! Accounts from the box itself: whoever may run commands on it is trusted.

use std::io::Read;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};

use super::arguments::AdminCommand;
use super::output::{Failure, text};
use super::session::with_services;
use crate::access::audit::By;
use crate::config::Settings;

pub(super) async fn run(settings: &Settings, command: AdminCommand) -> Result<(), Failure> {
    match command {
        AdminCommand::CreateUser { email, role, password_stdin: _ } => {
            let password = read_password()?;
            with_services(settings, async |services| {
                let account =
                    services.accounts.create_user(&email, role, password, &By::command()).await;
                let account = account.map_err(Failure::world)?;
                text(&format!("Created {} with role {}.\n", account.login, account.role))
            })
            .await
        }
        AdminCommand::ResetPassword { email, password_stdin: _ } => {
            let password = read_password()?;
            with_services(settings, async |services| {
                let set = services.accounts.reset_password(&email, password, &By::command()).await;
                set.map_err(Failure::world)?;
                text("The password is set; all sessions of the account have ended.\n")
            })
            .await
        }
        AdminCommand::Token { email } => {
            with_services(settings, async |services| {
                let issued = services.accounts.issue_token_for(&email, &By::command()).await;
                let (token, _) = issued.map_err(Failure::world)?;
                text(&format!("{}\n", token.expose_secret()))
            })
            .await
        }
    }
}

/// The first line of standard input; a trailing line break is not part of a password.
fn read_password() -> Result<SecretString, Failure> {
    let mut input = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut input)
        .context("the password could not be read from standard input")
        .map_err(Failure::world)?;
    let line = input.lines().next().unwrap_or_default();
    if line.is_empty() {
        let error = anyhow::anyhow!("standard input holds no password");
        return Err(Failure::with_hint(
            error,
            "printf '%s' PASSWORD | luna admin … --password-stdin",
        ));
    }
    Ok(line.to_owned().into())
}
