//! What is done with models: each verb changes where a model stands and writes that down at once.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::checks;
use super::life::{ModelSettings, Order, Role, State};
use super::model::{ModelRecord, ModelStatus};
use super::service::{Registry, RegistryError};
use super::store;
use super::store::History;
use crate::access::audit::{By, Event};
use crate::platform::db::Conn;

/// An entry of the history that is yet to be dated.
pub(super) struct Entry(History);

/// What `action` does to a model.
pub(super) fn entry(
    model: &ModelRecord,
    action: &str,
    (from, to): (State, State),
    by: &By,
) -> Entry {
    Entry(History {
        history_id: Uuid::now_v7(),
        at: DateTime::UNIX_EPOCH,
        model_id: model.model_id,
        name: model.name.clone(),
        series: model.target_variable.clone(),
        purpose: model.purpose(),
        action: action.to_owned(),
        from_state: from.name().to_owned(),
        to_state: to.name().to_owned(),
        replaced_id: None,
        actor: by.actor().name().to_owned(),
        user_id: by.user_id(),
        address: by.address().map(|address| address.to_string()),
        reason: String::new(),
    })
}

impl Entry {
    fn instead_of(mut self, former: Option<&ModelRecord>) -> Self {
        self.0.replaced_id = former.map(|former| former.model_id);
        self
    }

    pub(super) fn at(mut self, at: DateTime<Utc>, reason: &str) -> History {
        self.0.at = at;
        self.0.reason = reason.chars().take(1_000).collect();
        self.0
    }
}

impl Registry {
    /// Lets a model serve its series; refused when it did not beat the naive model.
    pub async fn activate<'a>(
        &self,
        id: Uuid,
        order: impl Into<Order<'a>> + Send,
    ) -> Result<ModelRecord, RegistryError> {
        self.make_champion("activate", id, order.into()).await
    }

    /// Lets a model that stood beside the champion take its place; the champion retires and can be
    /// brought back.
    pub async fn promote(&self, id: Uuid, order: Order<'_>) -> Result<ModelRecord, RegistryError> {
        let order = Order { accepts_unproven: true, ..order };
        self.make_champion("promote", id, order).await
    }

    async fn make_champion(
        &self,
        action: &'static str,
        id: Uuid,
        order: Order<'_>,
    ) -> Result<ModelRecord, RegistryError> {
        let mut conn = self.db.conn().await?;
        let model = conn
            .transaction(async |conn| {
                let model = self.held(conn, id).await?;
                if action == "promote" && model.role() != Some(Role::Shadow) {
                    let what = "only a model in the shadow can be promoted; activate it instead";
                    return Err(wrong_state(&model, what));
                }
                may_serve(&model, order.accepts_unproven)?;
                if model.role() != Some(Role::Champion) {
                    self.replace_champion(conn, action, &model, order).await?;
                }
                Ok(model)
            })
            .await?;
        drop(conn);
        self.wake();
        self.count_serving().await?;
        let (label, series) = (model.label(), model.target_variable);
        tracing::info!(model = %label, %series, "{label} serves");
        self.get(id).await
    }

    /// Puts `model` in the champion's place; the caller holds the series.
    async fn replace_champion(
        &self,
        conn: &mut Conn,
        action: &'static str,
        model: &ModelRecord,
        order: Order<'_>,
    ) -> Result<(), RegistryError> {
        let (series, at) = (&model.target_variable, self.clock.now());
        let former = store::champion(conn, series, &model.purpose()).await?;
        if let Some(former) = &former {
            store::deactivate(conn, former.model_id).await?;
            store::set_state(conn, former.model_id, State::Retired, None).await?;
            let gone = entry(former, "retire", (former.state, State::Retired), order.by);
            let reason = format!("{} took its place", model.label());
            store::after(conn, gone.at(at, &reason)).await?;
            self.inherit(conn, former.model_id, model.model_id).await?;
        }
        store::activate(conn, model, Role::Champion, at).await?;
        store::set_state(conn, model.model_id, State::Active, None).await?;
        let came = entry(model, action, (model.state, State::Active), order.by);
        store::after(conn, came.instead_of(former.as_ref()).at(at, order.reason)).await?;
        let event = Event::new(audit_action(action), ("model", model.model_id))
            .before(&json!({"series": series, "serves": former.as_ref().map(ModelRecord::label)}))
            .after(&json!({"series": series, "serves": model.label(), "reason": order.reason}));
        self.audit.record(conn, order.by, event).await?;
        Ok(())
    }

    /// What was set for the model before holds for its successor, unless it has settings of its own.
    async fn inherit(&self, conn: &mut Conn, from: Uuid, to: Uuid) -> Result<(), RegistryError> {
        if let Some(settings) = store::settings(conn, from).await?
            && store::settings(conn, to).await?.is_none()
        {
            let inherited = ModelSettings { model_id: to, ..settings };
            store::put_settings(conn, &inherited, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Lets a model predict beside the champion.
    pub async fn shadow(&self, id: Uuid, order: Order<'_>) -> Result<ModelRecord, RegistryError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let model = self.held(conn, id).await?;
            if model.role() == Some(Role::Champion) {
                return Err(wrong_state(&model, "it is the champion; deactivate it first"));
            }
            is_usable(&model)?;
            if model.role().is_none() {
                store::activate(conn, &model, Role::Shadow, self.clock.now()).await?;
                store::set_state(conn, id, State::Shadow, None).await?;
                self.record(conn, ("shadow", &model), (model.state, State::Shadow), order).await?;
            }
            Ok(())
        })
        .await?;
        drop(conn);
        self.wake();
        self.get(id).await
    }

    /// Takes a model out of service, or out of the shadow; without a champion a series falls back
    /// to the naive model.
    pub async fn deactivate<'a>(
        &self,
        id: Uuid,
        order: impl Into<Order<'a>> + Send,
    ) -> Result<ModelRecord, RegistryError> {
        let order = order.into();
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let model = self.held(conn, id).await?;
            if store::deactivate(conn, id).await? > 0 {
                store::set_state(conn, id, State::Retired, None).await?;
                let states = (model.state, State::Retired);
                self.record(conn, ("deactivate", &model), states, order).await?;
            }
            Ok::<_, RegistryError>(())
        })
        .await?;
        drop(conn);
        self.wake();
        self.count_serving().await?;
        self.get(id).await
    }

    /// Brings back the model that served before this one; returns it.
    pub async fn rollback(&self, id: Uuid, order: Order<'_>) -> Result<ModelRecord, RegistryError> {
        let mut conn = self.db.conn().await?;
        let back = conn
            .transaction(async |conn| {
                let model = self.held(conn, id).await?;
                if model.role() != Some(Role::Champion) {
                    return Err(wrong_state(&model, "only the model that serves can be rolled back"));
                }
                let series = model.target_variable.clone();
                let changes = store::serving_changes(conn, &series, &model.purpose()).await?;
                let before = super::history::predecessor(&changes, id).ok_or_else(|| {
                    RegistryError::NoPredecessor { label: model.label(), series: series.clone() }
                })?;
                let gone = |label: String, why: &str| RegistryError::PredecessorGone {
                    label,
                    why: why.to_owned(),
                };
                if !store::lock(conn, before).await? {
                    return Err(gone(before.to_string(), "it was deleted"));
                }
                let back = store::by_id(conn, before).await?;
                let back = back.ok_or_else(|| gone(before.to_string(), "it was deleted"))?;
                if !back.state.may_work() {
                    return Err(gone(back.label(), back.error.as_deref().unwrap_or("it failed")));
                }
                self.replace_champion(conn, "rollback", &back, order).await?;
                Ok(before)
            })
            .await?;
        drop(conn);
        self.wake();
        self.count_serving().await?;
        self.get(back).await
    }

    /// Notes that a model answers as it should; from then on it may be given work.
    pub async fn validated(&self, id: Uuid, order: Order<'_>) -> Result<ModelRecord, RegistryError> {
        self.judged(id, ("validate", State::Validated), None, order).await
    }

    /// Notes that a model does not answer as it should.
    pub async fn refused(
        &self,
        id: Uuid,
        why: &str,
        order: Order<'_>,
    ) -> Result<ModelRecord, RegistryError> {
        metrics::counter!("ml_errors_total", "kind" => "import").increment(1);
        self.judged(id, ("fail", State::Failed), Some(why), order).await
    }

    async fn judged(
        &self,
        id: Uuid,
        (action, to): (&'static str, State),
        error: Option<&str>,
        order: Order<'_>,
    ) -> Result<ModelRecord, RegistryError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let model = self.held(conn, id).await?;
            // A model at work stays where it is: it is taken out by whoever decides about it.
            if model.role().is_none() {
                store::set_state(conn, id, to, error).await?;
                let order = Order { reason: error.unwrap_or(order.reason), ..order };
                self.record(conn, (action, &model), (model.state, to), order).await?;
            }
            Ok::<_, RegistryError>(())
        })
        .await?;
        drop(conn);
        self.wake();
        self.get(id).await
    }

    /// Calls a model otherwise; its content and its history stay, its version is the next of the
    /// new name.
    pub async fn rename(
        &self,
        id: Uuid,
        name: &str,
        order: Order<'_>,
    ) -> Result<ModelRecord, RegistryError> {
        checks::name("name", name)?;
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let model = self.held(conn, id).await?;
            if model.name == name {
                return Ok(());
            }
            let version = store::free_version(conn, name).await?;
            store::rename(conn, id, (name, version)).await?;
            let at = self.clock.now();
            let away = entry(&model, "rename_away", (model.state, model.state), order.by);
            store::after(conn, away.at(at, &format!("it is called {name} now"))).await?;
            let renamed = ModelRecord { name: name.to_owned(), version, ..model.clone() };
            let came = entry(&renamed, "rename", (model.state, model.state), order.by);
            store::after(conn, came.at(at, order.reason)).await?;
            let event = Event::new("model.rename", ("model", id))
                .before(&json!({"name": model.name, "version": model.version}))
                .after(&json!({"name": name, "version": version, "reason": order.reason}));
            self.audit.record(conn, order.by, event).await?;
            Ok::<_, RegistryError>(())
        })
        .await?;
        drop(conn);
        self.wake();
        self.get(id).await
    }

    /// Marks a model as deleted; its file and its scores stay for the record.
    pub async fn delete<'a>(
        &self,
        id: Uuid,
        order: impl Into<Order<'a>> + Send,
    ) -> Result<(), RegistryError> {
        let order = order.into();
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let model = self.held(conn, id).await?;
            if !store::delete_idle(conn, id).await? {
                let (label, series) = (model.label(), model.target_variable);
                return Err(RegistryError::Serving { label, series });
            }
            self.record(conn, ("delete", &model), (model.state, State::Retired), order).await?;
            Ok(())
        })
        .await
    }

    /// What is set for a model.
    pub async fn settings(&self, id: Uuid) -> Result<ModelSettings, RegistryError> {
        self.get(id).await?;
        let found = store::settings(&mut *self.db.conn().await?, id).await?;
        Ok(found.unwrap_or_else(|| ModelSettings::of(id)))
    }

    /// Changes what is set for a model.
    pub async fn change_settings(
        &self,
        id: Uuid,
        action: &'static str,
        order: Order<'_>,
        change: impl FnOnce(&ModelRecord, &mut ModelSettings) -> Result<(), RegistryError> + Send,
    ) -> Result<ModelSettings, RegistryError> {
        let mut conn = self.db.conn().await?;
        let changed = conn.transaction(async |conn| {
            let model = self.held(conn, id).await?;
            let before = store::settings(conn, id).await?;
            let before = before.unwrap_or_else(|| ModelSettings::of(id));
            let mut after = before.clone();
            change(&model, &mut after)?;
            let at = self.clock.now();
            after.updated_at = Some(at);
            store::put_settings(conn, &after, at).await?;
            let entry = entry(&model, &action["model.".len()..], (model.state, model.state), order.by);
            store::after(conn, entry.at(at, order.reason)).await?;
            let event = Event::new(action, ("model", id)).before(&before).after(&after);
            self.audit.record(conn, order.by, event).await?;
            Ok::<_, RegistryError>(after)
        })
        .await?;
        drop(conn);
        self.wake();
        Ok(changed)
    }

    /// Every model that predicts for its series, champions first, with what is set for it.
    pub async fn working(&self) -> Result<Vec<(ModelRecord, ModelSettings)>, RegistryError> {
        let mut conn = self.db.conn().await?;
        let models = store::working(&mut conn).await?;
        let ids: Vec<Uuid> = models.iter().map(|model| model.model_id).collect();
        let settings = store::settings_of(&mut conn, &ids).await?;
        let of = |id| {
            let found = settings.iter().find(|settings| settings.model_id == id).cloned();
            found.unwrap_or_else(|| ModelSettings::of(id))
        };
        Ok(models.into_iter().map(|model| (model.clone(), of(model.model_id))).collect())
    }

    /// The model, kept as it is until the transaction ends, and with it what serves its series.
    async fn held(&self, conn: &mut Conn, id: Uuid) -> Result<ModelRecord, RegistryError> {
        let unknown = || RegistryError::Unknown(id);
        let model = store::by_id(conn, id).await?.ok_or_else(unknown)?;
        store::hold_series(conn, &model.target_variable).await?;
        if !store::lock(conn, id).await? {
            return Err(unknown());
        }
        // What it does may have changed while others were waited for.
        store::by_id(conn, id).await?.ok_or_else(unknown)
    }

    /// Writes down what is done to a model, in its history and in the audit log.
    pub(super) async fn record(
        &self,
        conn: &mut Conn,
        (action, model): (&'static str, &ModelRecord),
        (from, to): (State, State),
        order: Order<'_>,
    ) -> Result<(), RegistryError> {
        let entry = entry(model, action, (from, to), order.by);
        store::after(conn, entry.at(self.clock.now(), order.reason)).await?;
        let told = |state: State| {
            json!({"model": model.label(), "series": model.target_variable, "state": state.name()})
        };
        let mut after = told(to);
        after["reason"] = json!(order.reason);
        let event = Event::new(audit_action(action), ("model", model.model_id));
        self.audit.record(conn, order.by, event.before(&told(from)).after(&after)).await?;
        Ok(())
    }
}

/// The action's name in the audit log.
fn audit_action(action: &str) -> &'static str {
    match action {
        "activate" => "model.activate",
        "promote" => "model.promote",
        "rollback" => "model.rollback",
        "deactivate" => "model.deactivate",
        "shadow" => "model.shadow",
        "import" => "model.import",
        "validate" => "model.validate",
        "delete" => "model.delete",
        _ => "model.fail",
    }
}

fn wrong_state(model: &ModelRecord, what: &'static str) -> RegistryError {
    RegistryError::WrongState { label: model.label(), state: model.state, what }
}

/// Whether a model can be given work at all.
fn is_usable(model: &ModelRecord) -> Result<(), RegistryError> {
    if model.status != ModelStatus::Ready {
        return Err(RegistryError::NotReady { label: model.label(), status: model.status });
    }
    match model.state {
        State::Imported => Err(wrong_state(model, "nobody has looked at it yet; import it again")),
        State::Failed => Err(wrong_state(model, "it does not answer as it should")),
        _ => Ok(()),
    }
}

fn may_serve(model: &ModelRecord, accepts_unproven: bool) -> Result<(), RegistryError> {
    is_usable(model)?;
    match &model.metrics {
        Some(scores) if !scores.gate.passed => Err(RegistryError::GateClosed {
            label: model.label(),
            reason: scores.gate.reason.clone(),
        }),
        None if !accepts_unproven => Err(RegistryError::Unproven { label: model.label() }),
        _ => Ok(()),
    }
}
