//! Accounts and sessions as admins and owners manage them; one's own password.

use diesel_async::AsyncConnection;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::passwords::broken_rule;
use super::records::{Part, SessionRecord, User, UserChange};
use super::service::{Accounts, AccountsError};
use super::store;
use super::store::people::Standing;
use crate::access::audit::{By, Event};
use crate::platform::db::Conn;
use crate::platform::web::{Principal, Role};

impl Accounts {
    /// Accounts, newest first.
    pub async fn users(&self, part: Part) -> Result<Vec<User>, AccountsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::people::list(&mut conn, part).await?)
    }

    /// One account.
    pub async fn user(&self, user_id: Uuid) -> Result<User, AccountsError> {
        let mut conn = self.db.conn().await?;
        user(&mut conn, user_id).await
    }

    /// Those of `user_ids` that somebody is known under, with or without an account.
    pub async fn known_people(&self, user_ids: &[Uuid]) -> Result<Vec<Uuid>, AccountsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::people::known(&mut conn, user_ids).await?)
    }

    /// Changes an account. Who is disabled loses sessions and keys; the last admin stays one.
    pub async fn change_user(
        &self,
        user_id: Uuid,
        change: UserChange,
        by: &By,
    ) -> Result<User, AccountsError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let changed = conn.transaction(async |conn| {
            let admins = store::people::hold_admins(conn).await?;
            let held = store::people::hold(conn, user_id).await?;
            let (account, _) = held.ok_or(AccountsError::UnknownUser(user_id))?;
            let before = user(conn, user_id).await?;
            let standing = Standing {
                role: change.role.unwrap_or(before.role),
                language: change.language.unwrap_or(before.language),
                disabled_at: match change.disabled {
                    None => before.disabled_at,
                    Some(false) => None,
                    Some(true) => Some(before.disabled_at.unwrap_or(now)),
                },
            };
            let stays_admin = standing.role == Role::Admin && standing.disabled_at.is_none();
            if is_last_admin(&before, admins) && !stays_admin {
                return Err(AccountsError::LastAdmin);
            }
            store::people::set_standing(conn, account.account_id, &standing).await?;
            if standing.disabled_at.is_some() {
                store::people::end_sessions(conn, account.account_id, now).await?;
                store::keys::revoke_all(conn, account.account_id, now).await?;
            }
            if standing.role == Role::Customer {
                self.sites.join_default(conn, user_id).await?;
            }
            let after = user(conn, user_id).await?;
            let event = Event::new("account.change", ("account", user_id));
            let event = event.before(&before).after(&after);
            self.audit.record(conn, by, event).await?;
            Ok(after)
        });
        let changed = changed.await;
        self.forget_seen();
        changed
    }

    /// Removes an account with its sessions and keys. What the person has done stays, under an
    /// identifier that names nobody.
    pub async fn delete_user(&self, user_id: Uuid, by: &By) -> Result<(), AccountsError> {
        let mut conn = self.db.conn().await?;
        let deleted = conn.transaction(async |conn| {
            let admins = store::people::hold_admins(conn).await?;
            let held = store::people::hold(conn, user_id).await?;
            let (account, _) = held.ok_or(AccountsError::UnknownUser(user_id))?;
            let before = user(conn, user_id).await?;
            if is_last_admin(&before, admins) {
                return Err(AccountsError::LastAdmin);
            }
            store::people::delete(conn, account.account_id).await?;
            let event = Event::new("account.delete", ("account", user_id)).before(&before);
            self.audit.record(conn, by, event).await?;
            Ok(())
        });
        let deleted = deleted.await;
        self.forget_seen();
        deleted
    }

    /// Sessions that are alive, newest first.
    pub async fn sessions(&self, part: Part) -> Result<Vec<SessionRecord>, AccountsError> {
        let mut conn = self.db.conn().await?;
        let age = (self.clock.now(), self.idle_max());
        Ok(store::people::sessions(&mut conn, part, None, age).await?)
    }

    /// Ends a session at once; of `only_of` when given, others are not theirs to know about.
    pub async fn end_session(
        &self,
        session_id: Uuid,
        only_of: Option<Uuid>,
        by: &By,
    ) -> Result<(), AccountsError> {
        let age = (self.clock.now(), self.idle_max());
        let mut conn = self.db.conn().await?;
        let ended = conn.transaction(async |conn| {
            let part = Part { user_id: only_of, after: None, limit: 1 };
            let found = store::people::sessions(conn, part, Some(session_id), age).await?;
            if found.is_empty() {
                return Err(AccountsError::UnknownSession(session_id));
            }
            self.revoke_on(conn, (session_id, None), by).await.map(drop)
        });
        let ended = ended.await;
        self.forget_seen();
        ended
    }

    /// Sets a new password of one's own, and ends all other sessions.
    pub async fn change_password(
        &self,
        who: &Principal,
        current: SecretString,
        new: SecretString,
        by: &By,
    ) -> Result<(), AccountsError> {
        if let Some(rule) = broken_rule(new.expose_secret(), &who.login) {
            return Err(AccountsError::WeakPassword(rule));
        }
        let attempt = self.attempt(&who.login, by.address()).await?;
        let mut conn = self.db.conn().await?;
        let found = store::by_login(&mut conn, &who.login).await?;
        drop(conn);
        let (account, hash) = found.ok_or(AccountsError::SessionEnded)?;
        if !self.passwords.verify(current, Some(hash)).await? {
            let event = Event::new("account.refuse_password", ("account", who.user_id));
            self.audit.note(by, event).await?;
            return Err(AccountsError::WrongPassword);
        }
        let password_hash = self.passwords.hash(new).await?;
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let changed = conn.transaction(async |conn| {
            let held = store::people::hold(conn, who.user_id).await?;
            let held = held.filter(|(held, _)| held.is_as_proved(&account));
            let (held, _) = held.ok_or(AccountsError::SessionEnded)?;
            let kept = who.session_id;
            store::set_password(conn, held.account_id, &password_hash, kept, now).await?;
            let event = Event::new("account.change_password", ("account", who.user_id));
            self.audit.record(conn, by, event).await?;
            Ok::<_, AccountsError>(())
        });
        let changed = changed.await;
        self.forget_seen();
        changed?;
        self.forgive(&attempt, true).await
    }
}

async fn user(conn: &mut Conn, user_id: Uuid) -> Result<User, AccountsError> {
    let part = Part { user_id: Some(user_id), after: None, limit: 1 };
    let found = store::people::list(conn, part).await?.pop();
    found.ok_or(AccountsError::UnknownUser(user_id))
}

fn is_last_admin(user: &User, admins: i64) -> bool {
    admins <= 1 && user.role == Role::Admin && user.disabled_at.is_none()
}
