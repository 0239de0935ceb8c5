//! Sessions: log in, refresh, log out; every request asks whether its session is still alive.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use diesel_async::AsyncConnection;
use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access::audit::{By, Event};
use crate::platform::db::Conn;
use crate::platform::web::Principal;

use super::model::{Account, LoginName, NewTokens, SessionKind};
use super::seen::Proof;
use super::service::{Accounts, AccountsError};
use super::signing::{self, Audience, Claims, ROTATION_DAYS, SigningKey, TokenError};
use super::store::{self, NewSession};

/// A session in use is noted at most so often, so that reading does not write on every request.
pub(super) const TOUCH_EVERY_S: i64 = 60;
/// Characters of a browser's self-description that are kept.
const USER_AGENT_MAX: usize = 200;
/// Longest token that is looked at, in bytes; ours are a tenth of it.
const TOKEN_MAX: usize = 4_096;
/// Random bytes of a refresh token, after the 16 of its session's identifier.
const REFRESH_BYTES: usize = 32;

impl Accounts {
    /// Opens a session for who knows the password. Unknown login, wrong password and disabled
    /// account cost the same and say the same.
    pub async fn login(
        &self,
        login: &str,
        password: SecretString,
        user_agent: &str,
    ) -> Result<NewTokens, AccountsError> {
        let name = LoginName::parse(login).ok();
        let counted = name.as_ref().map_or(login, LoginName::as_str);
        let attempt = self.attempt(counted, By::nobody().address()).await?;
        let proved = match self.prove(name.as_ref(), password).await {
            Ok(proved) => proved,
            Err(error) => {
                // Whoever could not be answered has not guessed.
                self.forgive(&attempt, false).await?;
                return Err(error);
            }
        };
        let outcome = if proved.is_ok() { "accepted" } else { "refused" };
        counter!("luna_logins_total", "outcome" => outcome).increment(1);
        match proved {
            Ok(account) => {
                let tokens = self.open_session(account, user_agent).await?;
                self.forgive(&attempt, true).await?;
                tracing::info!(user_id = %tokens.account.user_id, "Logged in");
                Ok(tokens)
            }
            Err(user_id) => {
                tracing::warn!("Refused a login: login or password is wrong");
                // Not what was typed: it may be a password that went into the wrong field.
                let whom = user_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
                let event = Event::new("session.refuse", ("account", whom));
                let event = event.after(&json!({"tries_left": attempt.tries.left}));
                self.audit.note(&By::nobody(), event).await?;
                Err(AccountsError::WrongCredentials(attempt.tries))
            }
        }
    }

    /// The account of who knows its password; otherwise whose password was tried, if anybody's.
    async fn prove(
        &self,
        name: Option<&LoginName>,
        password: SecretString,
    ) -> Result<Result<Account, Option<Uuid>>, AccountsError> {
        let found = match name {
            Some(name) => {
                let mut conn = self.db.conn().await?;
                store::by_login(&mut conn, name.as_str()).await?
            }
            None => None,
        };
        let (account, hash) = found.unzip();
        let knows = self.passwords.verify(password, hash).await?;
        let user_id = account.as_ref().map(|account| account.user_id);
        let account = account.filter(|account| knows && account.disabled_at.is_none());
        Ok(account.ok_or(user_id))
    }

    /// A session for an account that has just proved itself, e.g. by registering.
    pub async fn open_session(
        &self,
        account: Account,
        user_agent: &str,
    ) -> Result<NewTokens, AccountsError> {
        let now = self.clock.now();
        let session_id = Uuid::now_v7();
        let refresh = new_refresh_token(session_id);
        let expires_at = now + Duration::days(self.settings.get().session_days.into());
        let new = NewSession {
            session_id,
            account_id: account.account_id,
            kind: SessionKind::Login,
            refresh_hash: Some(&token_hash(&refresh)),
            user_agent: &user_agent.chars().take(USER_AGENT_MAX).collect::<String>(),
            address: By::nobody().address().map(|address| address.to_string()),
            now,
            expires_at,
        };
        self.open(&new, &account, &By::user(account.user_id)).await?;
        self.tokens(account, session_id, refresh, expires_at).await
    }

    async fn open(
        &self,
        new: &NewSession<'_>,
        account: &Account,
        by: &By,
    ) -> Result<(), AccountsError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            // Nobody changes the password between its check and the session that rests on it.
            let held = store::people::hold(conn, account.user_id).await?;
            if !held.is_some_and(|(held, _)| held.is_as_proved(account)) {
                return Err(AccountsError::SessionEnded);
            }
            store::insert_session(conn, new).await?;
            let event = Event::new("session.open", ("session", new.session_id)).after(&json!({
                "account": account.user_id, "kind": new.kind.name(),
                "user_agent": new.user_agent, "expires_at": new.expires_at,
            }));
            self.audit.record(conn, by, event).await?;
            Ok(())
        })
        .await
    }

    /// A new pair of tokens for a refresh token, which is used up by it. A refresh token that comes
    /// a second time was copied: its session ends, for whoever holds it.
    pub async fn refresh(&self, token: &SecretString) -> Result<NewTokens, AccountsError> {
        let now = self.clock.now();
        let session_id =
            refresh_session(token.expose_secret()).ok_or(AccountsError::SessionEnded)?;
        let mut conn = self.db.conn().await?;
        let session = store::session(&mut conn, session_id)
            .await?
            .filter(|session| session.is_alive(now, self.idle_max()))
            .ok_or(AccountsError::SessionEnded)?;
        let next = new_refresh_token(session_id);
        let hashes = (token_hash(token.expose_secret()), token_hash(&next));
        let rotated =
            store::rotate_refresh(&mut conn, session_id, (&hashes.0, &hashes.1), now).await?;
        if !rotated {
            let reason = "its refresh token came a second time";
            conn.transaction(async |conn| {
                self.revoke_on(conn, (session_id, Some(reason)), &By::nobody()).await
            })
            .await?;
            self.forget_seen();
            tracing::warn!(
                user_id = %session.account.user_id, session_id = %session_id,
                "Ended session {session_id}: its refresh token came a second time"
            );
            return Err(AccountsError::SessionEnded);
        }
        drop(conn);
        self.tokens(session.account, session_id, next, session.expires_at).await
    }

    /// Ends the session the request belongs to, at once and for all its tokens.
    pub async fn logout(&self, principal: &Principal) -> Result<(), AccountsError> {
        let Some(session_id) = principal.session_id else { return Ok(()) };
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            self.revoke_on(conn, (session_id, None), &By::of(principal)).await
        })
        .await?;
        self.forget_seen();
        tracing::info!(user_id = %principal.user_id, "Logged out");
        Ok(())
    }

    /// Ends a session, and writes down who did and why, in the transaction open on `conn`.
    pub(super) async fn revoke_on(
        &self,
        conn: &mut Conn,
        (session_id, reason): (Uuid, Option<&str>),
        by: &By,
    ) -> Result<bool, AccountsError> {
        let ended = store::revoke(conn, session_id, self.clock.now()).await?;
        if ended {
            let event = Event::new("session.end", ("session", session_id));
            let event = match reason {
                Some(reason) => event.after(&json!({"reason": reason})),
                None => event,
            };
            self.audit.record(conn, by, event).await?;
        }
        Ok(ended)
    }

    /// An access token for scripts on the box, and when it ends; it cannot be refreshed.
    pub async fn issue_token_for(
        &self,
        login: &str,
        by: &By,
    ) -> Result<(SecretString, DateTime<Utc>), AccountsError> {
        let name = LoginName::parse(login).map_err(AccountsError::BadLogin)?;
        let mut conn = self.db.conn().await?;
        let (account, _) = store::by_login(&mut conn, name.as_str())
            .await?
            .filter(|(account, _)| account.disabled_at.is_none())
            .ok_or_else(|| AccountsError::UnknownLogin(name.to_string()))?;
        let now = self.clock.now();
        let expires_at = now + Duration::hours(self.settings.get().command_line_hours.into());
        let session_id = Uuid::now_v7();
        let new = NewSession {
            session_id,
            account_id: account.account_id,
            kind: SessionKind::CommandLine,
            refresh_hash: None,
            user_agent: "luna admin token",
            address: None,
            now,
            expires_at,
        };
        drop(conn);
        self.open(&new, &account, by).await?;
        let key = self.signing_key().await?;
        let who = (account.user_id, session_id, account.role);
        let token = key.sign(&Claims::new(Audience::Api, who, now, expires_at))?;
        Ok((token, expires_at))
    }

    /// Removes sessions that ended more than a month ago; returns how many.
    pub async fn remove_ended_sessions(&self) -> Result<usize, AccountsError> {
        let before = self.clock.now() - Duration::days(30);
        let mut conn = self.db.conn().await?;
        Ok(store::remove_sessions(&mut conn, before).await?)
    }

    /// Who sends a request with this token.
    pub(super) async fn principal_of(
        &self,
        token: &SecretString,
        audience: Audience,
    ) -> Result<Principal, AccountsError> {
        let now = self.clock.now();
        let token = token.expose_secret();
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Invalid(format!("it is {} bytes long", token.len())).into());
        }
        let key = self.verifying_key(&signing::key_name(token)?).await?;
        let claims = key.verify(token, audience, now)?;
        let proof = Proof::Session(claims.sid);
        if let Some(principal) = self.seen.recent(proof, now)
            && principal.user_id == claims.sub
        {
            return Ok(principal);
        }
        let asked = self.seen.ask();
        let mut conn = self.db.conn().await?;
        let session = store::session(&mut conn, claims.sid)
            .await?
            .filter(|session| session.is_alive(now, self.idle_max()))
            .filter(|session| session.account.user_id == claims.sub)
            .ok_or(AccountsError::SessionEnded)?;
        if now >= session.last_seen_at + Duration::seconds(TOUCH_EVERY_S) {
            store::touch(&mut conn, session.session_id, now).await?;
        }
        let principal = session.account.into_principal(Some(session.session_id));
        self.seen.note(&asked, (proof, &principal), now);
        Ok(principal)
    }

    async fn tokens(
        &self,
        account: Account,
        session_id: Uuid,
        refresh: String,
        session_expires_at: DateTime<Utc>,
    ) -> Result<NewTokens, AccountsError> {
        let now = self.clock.now();
        let life = Duration::minutes(self.settings.get().access_token_minutes.into());
        let access_until = (now + life).min(session_expires_at);
        let key = self.signing_key().await?;
        let who = (account.user_id, session_id, account.role);
        Ok(NewTokens {
            access_token: key.sign(&Claims::new(Audience::Api, who, now, access_until))?,
            access_token_s: (access_until - now).num_seconds(),
            refresh_token: refresh.into(),
            cookie_token: key.sign(&Claims::new(Audience::Web, who, now, session_expires_at))?,
            session_expires_at,
            account,
        })
    }

    pub(super) fn idle_max(&self) -> Duration {
        Duration::days(self.settings.get().session_idle_days.into())
    }

    /// The key to sign with; made when there is none, or none young enough.
    async fn signing_key(&self) -> Result<SigningKey, AccountsError> {
        let now = self.clock.now();
        if let Some(key) = self.keys.current(now) {
            return Ok(key);
        }
        self.load_keys().await?;
        if let Some(key) = self.keys.current(now) {
            return Ok(key);
        }
        let key = SigningKey::generate(now);
        // A key signs for a month; the last token it signed lives as long as a session.
        let life = Duration::days(ROTATION_DAYS + i64::from(self.settings.get().session_days) + 1);
        let mut conn = self.db.conn().await?;
        store::add_signing_key(&mut conn, &key, now - life).await?;
        drop(conn);
        self.load_keys().await?;
        Ok(key)
    }

    /// The key of this name; another process may have made it a moment ago.
    async fn verifying_key(&self, kid: &str) -> Result<SigningKey, AccountsError> {
        if let Some(key) = self.keys.named(kid) {
            return Ok(key);
        }
        if self.keys.may_reload(self.clock.now()) {
            self.load_keys().await?;
        }
        Ok(self.keys.named(kid).ok_or(TokenError::UnknownKey)?)
    }

    async fn load_keys(&self) -> Result<(), AccountsError> {
        let mut conn = self.db.conn().await?;
        let keys = store::signing_keys(&mut conn).await?;
        self.keys.load(keys, self.clock.now());
        Ok(())
    }
}

/// A refresh token: the session's identifier and 256 random bits.
fn new_refresh_token(session_id: Uuid) -> String {
    let random: [u8; REFRESH_BYTES] = rand::random();
    URL_SAFE_NO_PAD.encode([session_id.as_bytes().as_slice(), &random].concat())
}

/// The session a refresh token names.
fn refresh_session(token: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (session_id, random) = bytes.split_first_chunk::<16>()?;
    (random.len() == REFRESH_BYTES).then(|| Uuid::from_bytes(*session_id))
}

/// Hash under which a refresh token is stored; it is random, so a plain hash is enough.
fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_tokens_name_their_session_and_are_never_the_same() {
        let session_id = Uuid::now_v7();
        let token = new_refresh_token(session_id);
        assert_eq!(refresh_session(&token), Some(session_id));
        assert_ne!(token, new_refresh_token(session_id));
        for refused in ["", "x", &token[..60], "ä"] {
            assert_eq!(refresh_session(refused), None, "{refused}");
        }
    }
}
