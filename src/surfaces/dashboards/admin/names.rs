//! Who is meant by an identifier.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::jobs::short;
use crate::access::accounts::{Accounts, Part, User};
use crate::platform::web::Problem;

/// Accounts that are looked up at most; the end of the identifier stands for the others.
const PEOPLE_MAX: i64 = 1_000;

/// Logins by person.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<Uuid, String>);

impl Names {
    /// The names of everybody with an account.
    pub(super) async fn of(accounts: &Accounts) -> Result<Self, Problem> {
        let part = Part { user_id: None, after: None, limit: PEOPLE_MAX };
        let users: Vec<User> = accounts.users(part).await?;
        Ok(Self(users.into_iter().map(|user| (user.user_id, user.login)).collect()))
    }

    /// The login of a person, or the end of the identifier of somebody who is no more.
    pub(super) fn name(&self, user_id: Uuid) -> String {
        self.0.get(&user_id).cloned().unwrap_or_else(|| short(&user_id.to_string()))
    }

    /// Everybody, by login.
    pub(super) fn all(&self) -> Vec<(Uuid, &str)> {
        let mut all: Vec<_> = self.0.iter().map(|(id, login)| (*id, login.as_str())).collect();
        all.sort_unstable_by_key(|(_, login)| *login);
        all
    }
}
