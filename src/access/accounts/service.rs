//! Accounts: who may come in, by set-up code, by registration, by a command on the box.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Duration;
use diesel_async::AsyncConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access::audit::{Audit, By, Event};
use crate::access::sites::Sites;
use crate::base::timeline::Clock;
use crate::platform::db::{Conn, Db, DbError};
use crate::platform::runtime::Live;
use crate::platform::web::{Principal, Role};

use super::model::{Account, LoginName, Profile};
use super::passwords::{PasswordError, Passwords, broken_rule};
use super::seen::Seen;
use super::settings::{Registration, Settings};
use super::signing::{KeyRing, TokenError};
use super::store::{self, NewAccount};
use super::throttle::Tries;

/// Letters of a set-up code: none that are mistaken for each other when read out.
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters of a set-up code, in groups of four: 80 bits.
const CODE_LENGTH: usize = 16;

/// Why an account or a session is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The login breaks a rule.
    #[error("{0}")]
    BadLogin(String),
    /// The password breaks a rule.
    #[error("{0}")]
    WeakPassword(String),
    /// Somebody else has the login.
    #[error("the login '{0}' is taken")]
    LoginTaken(String),
    /// Nobody has the login; said on the box only, never over HTTP.
    #[error("nobody has the login '{0}'")]
    UnknownLogin(String),
    /// Login or password are wrong; which of them stays open.
    #[error("login or password is wrong")]
    WrongCredentials(Tries),
    /// Too many wrong passwords; the next try counts after a pause.
    #[error("too many wrong passwords; wait {} s", wait.num_seconds() + 1)]
    TooManyTries {
        /// How long the pause still lasts.
        wait: Duration,
    },
    /// The password in force was not given.
    #[error("this is not the password in force")]
    WrongPassword,
    /// The set-up code is wrong, used or expired.
    #[error("the set-up code is wrong, used or expired; restart Luna for a new one")]
    SetupCode,
    /// Nobody is admin yet, so the set-up code is needed.
    #[error("this box has no admin yet; the first account needs the one-time set-up code")]
    SetupFirst,
    /// Registration is switched off.
    #[error("registration is closed here; ask the admin for an account")]
    RegistrationClosed,
    /// Nobody has that identifier.
    #[error("there is no user {0}")]
    UnknownUser(Uuid),
    /// No living session has that identifier, or it is somebody else's.
    #[error("there is no session {0}")]
    UnknownSession(Uuid),
    /// No key has that identifier, or it is somebody else's.
    #[error("there is no key {0}")]
    UnknownKey(Uuid),
    /// Without an admin nobody could run the box any more.
    #[error("this is the last admin; make somebody else admin first")]
    LastAdmin,
    /// The key to be breaks a rule.
    #[error("{field}: {rule}")]
    BadKey {
        /// Field of the request.
        field: &'static str,
        /// The rule.
        rule: String,
    },
    /// The key is damaged, ended or not ours.
    #[error("the API key is not valid (any more); make a new one")]
    KeyRefused,
    /// The session ended, or never was.
    #[error("the session has ended; log in again")]
    SessionEnded,
    /// The token is damaged, expired or not ours.
    #[error("the access token is not valid (any more); log in again")]
    BadToken(#[source] TokenProblem),
    /// Too many passwords are being checked.
    #[error("too many people log in at this moment; try again shortly")]
    Busy,
    /// The machine or a stored hash is at fault.
    #[error("could not hash a password or sign a token: {0}")]
    Crypto(String),
    /// The database is away, or refused.
    #[error("could not read or write accounts")]
    Database(#[from] DbError),
}

/// What exactly is wrong with a token; for the log.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TokenProblem(pub(super) TokenError);

impl From<diesel::result::Error> for AccountsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<PasswordError> for AccountsError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            PasswordError::Hashing(cause) => Self::Crypto(cause),
        }
    }
}

impl From<TokenError> for AccountsError {
    fn from(error: TokenError) -> Self {
        Self::BadToken(TokenProblem(error))
    }
}

/// Accounts and sessions. Cloning is cheap.
#[derive(Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) audit: Audit,
    pub(super) sites: Sites,
    pub(super) clock: Clock,
    pub(super) settings: Live<Settings>,
    pub(super) passwords: Passwords,
    pub(super) keys: KeyRing,
    pub(super) seen: Seen,
    /// Set once somebody is admin; nobody can stop being the last one.
    admin_known: Arc<AtomicBool>,
}

impl Accounts {
    /// The accounts in `db`.
    pub fn new(db: Db, audit: Audit, clock: Clock, settings: impl Into<Live<Settings>>) -> Self {
        let settings = settings.into();
        let passwords = Passwords::new(settings.get().hashing_parallel);
        let sites = Sites::new(db.clone(), clock.clone());
        Self {
            db,
            audit,
            sites,
            clock,
            settings,
            passwords,
            keys: KeyRing::default(),
            seen: Seen::default(),
            admin_known: Arc::default(),
        }
    }

    /// Whether somebody is admin. Asked on every anonymous request until it is true.
    pub async fn has_admin(&self) -> Result<bool, AccountsError> {
        if self.admin_known.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let found = store::has_admin(&mut *self.db.conn().await?).await?;
        if found {
            self.admin_known.store(true, Ordering::Relaxed);
        }
        Ok(found)
    }

    /// A new one-time set-up code, while nobody is admin; the caller shows it to who runs the box.
    pub async fn ensure_setup_code(&self) -> Result<Option<SecretString>, AccountsError> {
        if self.has_admin().await? {
            return Ok(None);
        }
        let now = self.clock.now();
        let expires_at = now + Duration::minutes(self.settings.get().setup_code_minutes.into());
        let code = new_code();
        let mut conn = self.db.conn().await?;
        store::add_setup_code(&mut conn, &code_hash(&code), now, expires_at).await?;
        Ok(Some(code.into()))
    }

    /// A new account for somebody who came by themselves: admin with the set-up code, otherwise
    /// customer, if registration is open.
    pub async fn register(
        &self,
        login: &str,
        password: SecretString,
        setup_code: Option<SecretString>,
    ) -> Result<Account, AccountsError> {
        let login = checked(login, &password)?;
        let has_admin = self.has_admin().await?;
        let Some(code) = setup_code else {
            return match (has_admin, self.settings.get().registration) {
                (false, _) => Err(AccountsError::SetupFirst),
                (true, Registration::Closed) => Err(AccountsError::RegistrationClosed),
                (true, Registration::Open) => {
                    self.add(&login, Role::Customer, password, None).await
                }
            };
        };
        let code_hash = code_hash(code.expose_secret());
        // Guesses must be cheap for us: only a good code is worth hashing a password.
        let mut conn = self.db.conn().await?;
        let good = store::code_is_good(&mut conn, &code_hash, self.clock.now()).await;
        drop(conn);
        if has_admin || !good? {
            tracing::warn!("Refused a set-up code that is wrong, used or expired");
            return Err(AccountsError::SetupCode);
        }
        let password_hash = self.passwords.hash(password).await?;
        let new = NewAccount {
            login: login.as_str(),
            password_hash: &password_hash,
            role: Role::Admin,
            now: self.clock.now(),
        };
        let mut conn = self.db.conn().await?;
        let added = conn
            .transaction(async |conn| {
                if !store::may_set_up(conn, &code_hash, new.now).await? {
                    return Err(AccountsError::SetupCode);
                }
                store::void_setup_codes(conn, new.now).await?;
                self.insert(conn, &new, None).await
            })
            .await;
        let account = added?;
        tracing::info!(user_id = %account.user_id, "Set up the first admin");
        Ok(account)
    }

    /// A new account, made by who runs the box.
    pub async fn create_user(
        &self,
        login: &str,
        role: Role,
        password: SecretString,
        by: &By,
    ) -> Result<Account, AccountsError> {
        let login = checked(login, &password)?;
        self.add(&login, role, password, Some(by)).await
    }

    /// Adds an account; who registers is the author themselves.
    async fn add(
        &self,
        login: &LoginName,
        role: Role,
        password: SecretString,
        by: Option<&By>,
    ) -> Result<Account, AccountsError> {
        let password_hash = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let new = NewAccount { login: login.as_str(), password_hash: &password_hash, role, now };
        let mut conn = self.db.conn().await?;
        let account = conn
            .transaction(async |conn| {
                if role == Role::Admin {
                    // A box that got its admin by command must not take one by set-up code as well.
                    store::void_setup_codes(conn, now).await?;
                }
                self.insert(conn, &new, by).await
            })
            .await?;
        tracing::info!(user_id = %account.user_id, %role, "Added an account with role {role}");
        Ok(account)
    }

    /// Adds an account and writes down who did, in the transaction open on `conn`.
    async fn insert(
        &self,
        conn: &mut Conn,
        new: &NewAccount<'_>,
        by: Option<&By>,
    ) -> Result<Account, AccountsError> {
        let account = store::insert(conn, new).await.map_err(|error| {
            if store::is_taken(&error) {
                AccountsError::LoginTaken(new.login.to_owned())
            } else {
                error.into()
            }
        })?;
        if account.role == Role::Customer {
            self.sites.join_default(conn, account.user_id).await?;
        }
        let themselves = By::user(account.user_id);
        let event = Event::new("account.create", ("account", account.user_id))
            .after(&json!({"login": account.login, "role": account.role}));
        self.audit.record(conn, by.unwrap_or(&themselves), event).await?;
        Ok(account)
    }

    /// Sets a new password, and ends all sessions of the account.
    pub async fn reset_password(
        &self,
        login: &str,
        password: SecretString,
        by: &By,
    ) -> Result<(), AccountsError> {
        let login = checked(login, &password)?;
        let password_hash = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let account = store::by_login(conn, login.as_str()).await?;
            let (account, _) =
                account.ok_or_else(|| AccountsError::UnknownLogin(login.to_string()))?;
            store::set_password(conn, account.account_id, &password_hash, None, now).await?;
            let event = Event::new("account.reset_password", ("account", account.user_id));
            self.audit.record(conn, by, event).await?;
            Ok::<_, AccountsError>(())
        })
        .await?;
        self.forget_seen();
        tracing::info!("Set a new password and ended all sessions of its account");
        Ok(())
    }

    /// Changes what a person sets for themselves.
    pub async fn set_profile(
        &self,
        principal: &Principal,
        profile: Profile,
    ) -> Result<Account, AccountsError> {
        let told = |profile: Profile| json!({"language": profile.language, "time_zone": profile.time_zone});
        let before = Profile { language: principal.language, time_zone: principal.time_zone };
        let mut conn = self.db.conn().await?;
        let changed = conn.transaction(async |conn| {
            let account = store::set_profile(conn, principal.account_id, profile).await?;
            let account = account.ok_or(AccountsError::SessionEnded)?;
            let event = Event::new("account.change_profile", ("account", account.user_id))
                .before(&told(before))
                .after(&told(profile));
            self.audit.record(conn, &By::of(principal), event).await?;
            Ok(account)
        });
        let changed = changed.await;
        self.forget_seen();
        changed
    }

    /// What is known of sessions and keys is asked of the database again: something has changed.
    pub fn forget_seen(&self) {
        self.seen.forget();
    }
}

fn checked(login: &str, password: &SecretString) -> Result<LoginName, AccountsError> {
    let login = LoginName::parse(login).map_err(AccountsError::BadLogin)?;
    match broken_rule(password.expose_secret(), login.as_str()) {
        Some(rule) => Err(AccountsError::WeakPassword(rule)),
        None => Ok(login),
    }
}

/// `ABCD-EFGH-JKLM-NPQR`
fn new_code() -> String {
    let random: [u8; CODE_LENGTH] = rand::random();
    let letters = random.map(|byte| char::from(CODE_LETTERS[usize::from(byte % 32)]));
    let groups = letters.chunks(4).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

/// Hash under which a code is stored; however people type it: case, spaces and dashes do not count.
/// The code is random and lives for minutes, so a plain hash is enough.
fn code_hash(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    hex::encode(Sha256::digest(letters.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_easy_to_type_and_never_the_same() {
        let code = new_code();
        assert_eq!(code.len(), 19);
        assert!(code.split('-').all(|group| group.len() == 4), "{code}");
        assert_ne!(code, new_code());
        assert_eq!(code_hash(&code), code_hash(&code.to_lowercase().replace('-', " ")));
        assert_ne!(code_hash(&code), code_hash(&new_code()));
    }
}
