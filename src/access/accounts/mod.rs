//! People who may log in: accounts, sessions, signing keys, the one-time set-up code.

mod api; // HTTP: translates, decides nothing
mod authenticator; // credentials of a request → principal
mod cookies; // the session cookie of the login form
mod jobs; // housekeeping
mod key_health; // how the signing keys are
mod keys; // API keys of programs
mod model; // logins, accounts, sessions
mod passwords; // rules and argon2id, off the web workers
mod records; // what owners and admins see
mod seen; // sessions that were alive a moment ago
mod service; // accounts: register, create, reset, set-up code
mod sessions; // sessions: log in, refresh, log out
mod settings; // the `[accounts]` section
mod signing; // signing keys and the tokens they sign
mod store; // SQL
mod throttle; // wrong passwords are counted
mod users; // accounts, sessions and passwords as people manage them

pub use self::api::routes;
pub use self::cookies::{login_cookie, logout_cookies};
pub use self::jobs::SessionsJob;
pub use self::key_health::KeyHealth;
pub use self::keys::KEY_DAYS;
pub use self::model::Profile;
pub use self::records::{KeyRecord, NewKey, Part, SessionRecord, User, UserChange};
pub use self::service::{Accounts, AccountsError};
pub use self::settings::Settings;
pub use self::throttle::Tries;

#[cfg(test)]
pub use self::model::NewTokens;

#[cfg(test)]
use self::api::Login;

#[cfg(test)]
mod tests;
