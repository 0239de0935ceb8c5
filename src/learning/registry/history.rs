//! What happened to models: lists, who served when, who served before.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::life::{HistoryEntry, NamedAt, State};
use super::service::{Registry, RegistryError};
use super::store;

impl Registry {
    /// What happened to a model, newest first, after the position `before`.
    pub async fn history(
        &self,
        id: Uuid,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<HistoryEntry>, RegistryError> {
        self.get(id).await?;
        Ok(store::history(&mut *self.db.conn().await?, id, before, limit).await?)
    }

    /// Which model of a name served at `t`; where none did, the one that was changed last before.
    pub async fn named_at(&self, name: &str, t: DateTime<Utc>) -> Result<NamedAt, RegistryError> {
        let mut conn = self.db.conn().await?;
        let entries = store::latest_of_name(&mut conn, name, t).await?;
        if entries.is_empty() && store::latest_of_name(&mut conn, name, DateTime::<Utc>::MAX_UTC).await?.is_empty() {
            return Err(RegistryError::UnknownName(name.to_owned()));
        }
        let standing = standing(&entries);
        let serving = standing.iter().find(|entry| entry.to_state == State::Active.name());
        let entry = serving.or_else(|| standing.first()).map(|entry| (*entry).clone());
        Ok(NamedAt {
            name: name.to_owned(),
            t,
            served: serving.is_some(),
            model_id: entry.as_ref().map(|entry| entry.model_id),
            state: entry.as_ref().map(|entry| entry.to_state.clone()),
            entry,
        })
    }
}

/// Where each model of a name stood after `entries`, newest first: its last entry, unless that says
/// that it left the name.
fn standing(entries: &[HistoryEntry]) -> Vec<&HistoryEntry> {
    let mut seen = BTreeSet::new();
    let last = entries.iter().filter(|entry| seen.insert(entry.model_id));
    last.filter(|entry| !matches!(entry.action.as_str(), "rename_away" | "delete")).collect()
}

/// The model that served before `current` does, after `changes`, newest first: what was rolled back
/// is no predecessor, or two models would take turns for ever.
pub(super) fn predecessor(changes: &[HistoryEntry], current: Uuid) -> Option<Uuid> {
    let mut served: Vec<Uuid> = Vec::new();
    for change in changes.iter().rev() {
        match change.action.as_str() {
            "rollback" => {
                // Down to the model that was brought back.
                while served.last().is_some_and(|last| *last != change.model_id) {
                    served.pop();
                }
                if served.is_empty() {
                    served.push(change.model_id);
                }
            }
            "activate" | "promote" => served.push(change.model_id),
            _ => {}
        }
    }
    while served.last() == Some(&current) {
        served.pop();
    }
    served.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, model: u128) -> HistoryEntry {
        HistoryEntry {
            history_id: Uuid::now_v7(),
            at: DateTime::UNIX_EPOCH,
            model_id: Uuid::from_u128(model),
            name: "a".into(),
            series: "price:CH:day_ahead".into(),
            purpose: "value".into(),
            action: action.into(),
            from_state: "validated".into(),
            to_state: "active".into(),
            replaced_id: None,
            actor: "system".into(),
            user_id: None,
            address: None,
            reason: String::new(),
        }
    }

    #[test]
    fn a_rollback_goes_further_back_each_time() {
        let id = Uuid::from_u128;
        let mut told = vec![change("activate", 1), change("activate", 2), change("promote", 3)];
        let before = |told: &[HistoryEntry], current| {
            let newest_first: Vec<_> = told.iter().rev().cloned().collect();
            predecessor(&newest_first, id(current))
        };
        assert_eq!(before(&told, 3), Some(id(2)));
        told.push(change("rollback", 2));
        assert_eq!(before(&told, 2), Some(id(1)));
        told.push(change("rollback", 1));
        assert_eq!(before(&told, 1), None);
        told.push(change("activate", 3));
        assert_eq!(before(&told, 3), Some(id(1)));
        // Taken out of service in between, it is still what served before.
        told.extend([change("deactivate", 3), change("activate", 4)]);
        assert_eq!(before(&told, 4), Some(id(3)));
    }
}
