//! Credentials of a request → principal.

use crate::platform::web::{Authenticator, BoxFuture, Credentials, Principal, Problem};

use super::service::{Accounts, AccountsError};
use super::signing::Audience;

impl Authenticator for Accounts {
    fn authenticate(&self, credentials: Credentials) -> BoxFuture<Result<Principal, Problem>> {
        let accounts = self.clone();
        Box::pin(async move { accounts.identify(credentials).await.map_err(Problem::from) })
    }
}

impl Accounts {
    async fn identify(&self, credentials: Credentials) -> Result<Principal, AccountsError> {
        if let Some(key) = credentials.api_key {
            return self.principal_of_key(&key).await;
        }
        match (credentials.bearer, credentials.cookie) {
            (Some(token), _) => self.principal_of(&token, Audience::Api).await,
            (None, Some(token)) => match self.principal_of(&token, Audience::Web).await {
                // A browser keeps the cookie of a box that has been set up anew.
                Err(AccountsError::BadToken(_) | AccountsError::SessionEnded)
                    if !self.has_admin().await? =>
                {
                    Ok(Principal::setup_guest())
                }
                result => result,
            },
            (None, None) if self.has_admin().await? => Err(AccountsError::SessionEnded),
            (None, None) => Ok(Principal::setup_guest()),
        }
    }
}
