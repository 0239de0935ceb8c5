//! API keys: made once, stored as a hash, good for their scopes while their owner is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use diesel_async::AsyncConnection;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::LoginName;
use super::records::{KeyRecord, NewKey, Part};
use super::seen::Proof;
use super::service::{Accounts, AccountsError};
use super::sessions::TOUCH_EVERY_S;
use super::store;
use crate::access::audit::{By, Event};
use crate::platform::web::{KeyGrant, Principal};

/// How every key begins.
const START: &str = "luna_";
/// Characters of a key: its start, 8 that tell it from others, 43 that are the secret.
const LENGTH: usize = 57;
/// Most characters of a key's name.
const NAME_MAX: usize = 100;
/// Most days until a key ends.
const KEY_DAYS_MAX: u16 = 730;
/// Days until a key ends unless said.
pub const KEY_DAYS: u16 = 365;

impl Accounts {
    /// A new key of `user_id`; the key itself is told here and nowhere else.
    pub async fn create_key(
        &self,
        user_id: Uuid,
        new: &NewKey,
        by: &By,
    ) -> Result<(SecretString, KeyRecord), AccountsError> {
        let (name, mut scopes) = (new.name.trim(), new.scopes.clone());
        check(name, new)?;
        scopes.sort_unstable_by_key(|scope| scope.name());
        scopes.dedup();
        let (now, (prefix, key)) = (self.clock.now(), new_key());
        let mut conn = self.db.conn().await?;
        let record = conn
            .transaction(async |conn| {
                let owner = store::people::hold(conn, user_id).await?;
                let owner = owner.map(|(account, _)| account);
                let owner = owner.filter(|account| account.disabled_at.is_none());
                let owner = owner.ok_or(AccountsError::UnknownUser(user_id))?;
                if let Some(scope) = scopes.iter().find(|scope| !scope.fits(owner.role)) {
                    let rule = format!("{} is {}, who cannot use {scope}", owner.login, owner.role);
                    return Err(AccountsError::BadKey { field: "scopes", rule });
                }
                let record = KeyRecord {
                    key_id: Uuid::now_v7(),
                    user_id,
                    login: owner.login,
                    name: name.to_owned(),
                    prefix,
                    scopes,
                    created_at: now,
                    expires_at: now + Duration::days(new.days.into()),
                    last_used_at: None,
                    revoked_at: None,
                };
                let hash = key_hash(key.expose_secret());
                store::keys::insert(conn, owner.account_id, &record, &hash).await?;
                let event = Event::new("key.create", ("key", record.key_id)).after(&record);
                self.audit.record(conn, by, event).await?;
                Ok(record)
            })
            .await?;
        tracing::info!(key_id = %record.key_id, "Made an API key that begins with {}", record.prefix);
        Ok((key, record))
    }

    /// Keys, newest first, ended ones too.
    pub async fn keys(&self, part: Part) -> Result<Vec<KeyRecord>, AccountsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::keys::list(&mut conn, part).await?)
    }

    /// Ends a key at once; of `only_of` when given, others are not theirs to know about.
    pub async fn revoke_key(
        &self,
        key_id: Uuid,
        only_of: Option<Uuid>,
        by: &By,
    ) -> Result<(), AccountsError> {
        let mut conn = self.db.conn().await?;
        let ended = conn.transaction(async |conn| {
            let key = store::keys::by_id(conn, key_id).await?;
            let key = key.filter(|key| only_of.is_none_or(|user_id| key.user_id == user_id));
            let key = key.ok_or(AccountsError::UnknownKey(key_id))?;
            if store::keys::revoke(conn, key_id, self.clock.now()).await? {
                let event = Event::new("key.revoke", ("key", key_id)).before(&key);
                self.audit.record(conn, by, event).await?;
            }
            Ok(())
        });
        let ended = ended.await;
        self.forget_seen();
        ended
    }

    /// The person of a login; said on the box only, never over HTTP.
    pub async fn user_id_of(&self, login: &str) -> Result<Uuid, AccountsError> {
        let name = LoginName::parse(login).map_err(AccountsError::BadLogin)?;
        let mut conn = self.db.conn().await?;
        let found = store::by_login(&mut conn, name.as_str()).await?;
        let found = found.map(|(account, _)| account.user_id);
        found.ok_or_else(|| AccountsError::UnknownLogin(name.to_string()))
    }

    /// For whom a program with this key acts.
    pub(super) async fn principal_of_key(
        &self,
        key: &SecretString,
    ) -> Result<Principal, AccountsError> {
        let key = key.expose_secret();
        if key.len() != LENGTH || !key.starts_with(START) {
            return Err(AccountsError::KeyRefused);
        }
        let (now, hash) = (self.clock.now(), key_hash(key));
        if let Some(principal) = self.seen.recent(Proof::Key(hash), now) {
            return Ok(principal);
        }
        let asked = self.seen.ask();
        let mut conn = self.db.conn().await?;
        let found = store::keys::by_hash(&mut conn, &hash).await?;
        let (key, owner) = found
            .filter(|(key, _)| key.revoked_at.is_none() && now < key.expires_at)
            .filter(|(_, owner)| owner.disabled_at.is_none())
            .ok_or(AccountsError::KeyRefused)?;
        let rested = Duration::seconds(TOUCH_EVERY_S);
        if key.last_used_at.is_none_or(|used| now >= used + rested) {
            store::keys::touch(&mut conn, key.key_id, now).await?;
        }
        let grant = KeyGrant { key_id: key.key_id, scopes: key.scopes };
        let principal = Principal { key: Some(grant), ..owner.into_principal(None) };
        self.seen.note(&asked, (Proof::Key(hash), &principal), now);
        Ok(principal)
    }
}

fn check(name: &str, new: &NewKey) -> Result<(), AccountsError> {
    let refuse = |field, rule: String| Err(AccountsError::BadKey { field, rule });
    let length = name.chars().count();
    if !(1..=NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
        return refuse("name", format!("a name has 1 to {NAME_MAX} printable characters"));
    }
    if new.scopes.is_empty() {
        return refuse("scopes", "name at least one".to_owned());
    }
    if !(1..=KEY_DAYS_MAX).contains(&new.days) {
        return refuse(
            "expires_in_days",
            format!("{} is not between 1 and {KEY_DAYS_MAX}", new.days),
        );
    }
    Ok(())
}

/// A key and how it begins.
fn new_key() -> (String, SecretString) {
    let (mark, secret): ([u8; 4], [u8; 32]) = (rand::random(), rand::random());
    let prefix = format!("{START}{}", hex::encode(mark));
    let key = format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(secret));
    (prefix, key.into())
}

/// Hash under which a key is stored; it is random, so a plain hash is enough.
fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::telemetry::redact;

    #[test]
    fn keys_show_their_beginning_and_are_masked_wherever_they_are_written() {
        let (prefix, key) = new_key();
        let key = key.expose_secret();
        assert_eq!((key.len(), prefix.len()), (LENGTH, 13));
        assert!(key.starts_with(&prefix));
        assert_ne!(new_key().0, prefix);
        assert_eq!(redact(&format!("got {key}, {prefix}")), format!("got ***, {prefix}"));
    }
}
