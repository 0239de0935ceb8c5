//! Mappings, what is seen of topics, what follows from it.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;
use uuid::Uuid;

use super::batch::Memory;
use super::error::MqttError;
use super::filter::{least, matched};
use super::look::draft;
use super::model::{
    CANONICAL, ConsumerState, Kind, Mapping, Message, NewMapping, Proposal, REHEARSAL, Standing,
    Topic,
};
use super::presets;
use super::settings::Settings;
use super::store;
use super::taking::taken;
use super::watch::{TOPICS_MAX, Watch};
use crate::access::audit::Audit;
use crate::access::audit::By;
use crate::access::audit::Event;
use crate::base::timeline::Clock;
use crate::facts::meters::MeterRole;
use crate::facts::meters::Meters;
use crate::facts::meters::NewMeter;
use crate::facts::quality::Quality;
use crate::facts::readings::Readings;
use crate::platform::db::Conn;
use crate::platform::db::Db;
use crate::platform::runtime::Live;

/// Mappings that are kept.
const MAPPINGS_MAX: i64 = 1_000;

/// What MQTT needs of others.
#[derive(Clone)]
pub struct Needs {
    /// The database.
    pub db: Db,
    /// Meters that mappings make known.
    pub meters: Meters,
    /// Where rows go.
    pub readings: Readings,
    /// Where what cannot be taken is put down.
    pub quality: Quality,
    /// The log of changes.
    pub audit: Audit,
}

/// Readings over MQTT. Cloning is cheap.
#[derive(Clone)]
pub struct Mqtt(Arc<Inner>);

/// What all clones share.
pub struct Inner {
    pub(super) db: Db,
    pub(super) meters: Meters,
    pub(super) readings: Readings,
    pub(super) quality: Quality,
    audit: Audit,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) shared: Shared,
}

impl Deref for Mqtt {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What changes while a process runs.
pub(super) struct Shared {
    /// The mappings as the database had them last.
    pub mappings: Live<Vec<Mapping>>,
    pub watch: Mutex<Watch>,
    pub memory: Mutex<Memory>,
    /// Told when mappings have changed.
    pub wake: Notify,
    /// Meters that messages have made known.
    pub made: AtomicU64,
}

/// What a mapping would make of the last message that it means.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Preview {
    /// The topic of the message; absent when none has come that the mapping means.
    #[schema(example = "tele/reader/SENSOR")]
    pub topic: Option<String>,
    /// When the message came.
    pub at: Option<DateTime<Utc>>,
    /// What it says.
    pub values: Vec<PreviewValue>,
    /// Why it says nothing, or what else there is to know; absent when all is well.
    #[schema(example = "nothing stands at /SML/Power in the last message")]
    pub note: Option<String>,
}

/// A number that a message says about a meter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PreviewValue {
    /// The meter.
    #[schema(example = "reader")]
    pub meter_id: String,
    /// What the number is about; a power with a sign is told as its two directions.
    #[schema(example = "consumption_kw")]
    pub field: &'static str,
    /// The number in kW, kWh or V.
    #[schema(example = 0.412)]
    pub value: f64,
    /// The instant that it is about.
    pub ts: DateTime<Utc>,
}

impl Mqtt {
    /// The service; nothing connects before [`Mqtt::run`].
    pub fn new(needs: Needs, clock: Clock, settings: Settings) -> Self {
        let Needs { db, meters, readings, quality, audit } = needs;
        let shared = Shared {
            mappings: Vec::new().into(),
            watch: Mutex::default(),
            memory: Mutex::default(),
            wake: Notify::new(),
            made: AtomicU64::new(0),
        };
        Self(Arc::new(Inner { db, meters, readings, quality, audit, clock, settings, shared }))
    }

    /// Looks at the mappings at once: they have changed.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How reading the broker goes, in whatever process does it.
    pub async fn standing(&self) -> Result<Standing, MqttError> {
        let mut standing = Standing {
            state: ConsumerState::Off,
            detail: "no broker is set; set MQTT_URL to mqtt://host:1883 to read one".to_owned(),
            broker: self.settings.broker(),
            client_id: None,
            since: None,
            messages: 0,
            rows_stored: 0,
            rows_refused: 0,
            last_message_at: None,
            subscriptions: Vec::new(),
        };
        let Some(broker) = standing.broker.clone() else { return Ok(standing) };
        let mut conn = self.db.conn().await?;
        let mappings = store::mappings(&mut conn, MAPPINGS_MAX).await?;
        standing.subscriptions = self.subscriptions(&mappings);
        standing.state = ConsumerState::Unattended;
        standing.detail = format!("nobody reads {broker}; a process of the role events does that");
        let Some(row) = store::consumer(&mut conn).await? else { return Ok(standing) };
        if row.is_held {
            standing.state = ConsumerState::parse(&row.state);
            standing.detail = match (row.broker == broker, row.detail.as_str()) {
                (true, "") => format!("connecting to {broker}"),
                (true, detail) => detail.to_owned(),
                (false, _) => {
                    format!(
                        "another process reads {}, not {broker}: set one broker for all",
                        row.broker
                    )
                }
            };
            standing.since = Some(row.since);
        }
        standing.client_id = Some(row.client_id);
        standing.messages = row.messages.cast_unsigned();
        standing.rows_stored = row.rows_stored.cast_unsigned();
        standing.rows_refused = row.rows_refused.cast_unsigned();
        standing.last_message_at = row.last_message_at;
        Ok(standing)
    }

    /// The filters to subscribe to: Luna's own topics, those of the settings, those of mappings.
    pub(super) fn subscriptions(&self, mappings: &[Mapping]) -> Vec<String> {
        let enabled = mappings.iter().filter(|mapping| mapping.says.is_enabled);
        let mapped = enabled.map(|mapping| mapping.says.topic_filter.as_str());
        let own = [CANONICAL, REHEARSAL];
        least(own.into_iter().chain(self.settings.topics.iter().map(String::as_str)).chain(mapped))
    }

    /// Topics whose name holds `text`, by name, with their last messages.
    pub async fn topics(&self, text: &str) -> Result<Vec<Topic>, MqttError> {
        let mut conn = self.db.conn().await?;
        Ok(store::topics_like(&mut conn, text, i64::from(TOPICS_MAX)).await?)
    }

    /// Every mapping, by topic.
    pub async fn mappings(&self) -> Result<Vec<Mapping>, MqttError> {
        let mut conn = self.db.conn().await?;
        Ok(store::mappings(&mut conn, MAPPINGS_MAX).await?)
    }

    /// Takes the mappings of the database into memory; tells the filters that they need.
    pub(super) async fn refresh(&self) -> Result<Vec<String>, MqttError> {
        let mappings = self.mappings().await?;
        let wanted = self.subscriptions(&mappings);
        let is_other = *self.shared.mappings.get() != mappings;
        self.shared.mappings.set(mappings);
        if is_other {
            let memory = self.shared.memory.lock();
            memory.unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        }
        Ok(wanted)
    }

    /// Mappings that what was seen suggests and that are not there yet.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, MqttError> {
        let mut conn = self.db.conn().await?;
        let topics = store::topics(&mut conn, i64::from(TOPICS_MAX)).await?;
        let mappings = store::mappings(&mut conn, MAPPINGS_MAX).await?;
        Ok(presets::proposals(&topics, &mappings))
    }

    /// The mapping of a number that somebody has chosen: as it is suggested, or as its name tells.
    pub async fn draft(&self, topic: &str, path: &str) -> Result<NewMapping, MqttError> {
        let all = self.proposals().await?.into_iter().map(|it| it.mapping);
        let suggested =
            all.into_iter().find(|it| it.topic_filter == topic && it.value_path == path);
        Ok(suggested.unwrap_or_else(|| draft(topic, path)))
    }

    /// What a mapping would make of the last message that it means.
    ///
    /// # Errors
    /// [`MqttError::BadMapping`] when it breaks a rule.
    pub async fn preview(&self, says: &NewMapping) -> Result<Preview, MqttError> {
        check(says)?;
        let mut conn = self.db.conn().await?;
        let topics = store::topics(&mut conn, i64::from(TOPICS_MAX)).await?;
        let meant = topics.iter().filter(|it| matched(&says.topic_filter, &it.topic).is_some());
        let Some(topic) = meant.max_by_key(|it| it.last_at) else {
            let note = "no message has come yet that this means";
            return Ok(Preview {
                topic: None,
                at: None,
                values: Vec::new(),
                note: Some(note.to_owned()),
            });
        };
        let (now, last) = (self.clock.now(), topic.last.first());
        let message = Message {
            topic: topic.topic.clone(),
            payload: last.map(|it| it.payload.clone()).unwrap_or_default().into(),
            is_retained: false,
            is_again: false,
            is_owed: false,
            received_at: topic.last_at,
        };
        let says = NewMapping { is_enabled: true, ..says.clone() };
        let mapping = Mapping { mapping_id: Uuid::nil(), says, created_at: now, updated_at: now };
        let found = taken(&[message], std::slice::from_ref(&mapping), &HashMap::new(), now);
        let counters = found.rows.iter().filter_map(|(_, row)| {
            let (field, value) = match (row.consumption_kwh_total, row.production_kwh_total) {
                (Some(value), _) => ("consumption_kwh_total", value),
                (_, value) => ("production_kwh_total", value?),
            };
            Some(PreviewValue { meter_id: row.meter_id.clone(), field, value, ts: row.ts.0 })
        });
        let samples = found.samples.iter().map(|it| {
            let (meter_id, ts) = (it.meter_id.clone(), it.ts);
            PreviewValue { meter_id, field: it.field, value: it.value, ts }
        });
        let values: Vec<PreviewValue> = counters.chain(samples).collect();
        let is_cut = last.is_some_and(|it| it.bytes > it.payload.len());
        let note = match found.refused.first() {
            Some(_) if is_cut => Some("the last message is too long to be kept whole".to_owned()),
            Some(refused) => Some(refused.reason.clone()),
            None if values.is_empty() => {
                let path = &mapping.says.value_path;
                Some(format!("nothing stands at {path} in the last message"))
            }
            None => None,
        };
        Ok(Preview { topic: Some(topic.topic.clone()), at: Some(topic.last_at), values, note })
    }

    /// Adds a mapping; its meter is known from then on.
    ///
    /// # Errors
    /// [`MqttError::BadMapping`] when it breaks a rule, [`MqttError::Taken`] when it is there.
    pub async fn create(&self, says: NewMapping, by: &By) -> Result<Mapping, MqttError> {
        check(&says)?;
        let now = self.clock.now();
        let mapping =
            Mapping { mapping_id: Uuid::now_v7(), says, created_at: now, updated_at: now };
        let mut conn = self.db.conn().await?;
        let done = conn.transaction(async |conn| {
            let count = store::count(conn).await?;
            if count >= MAPPINGS_MAX {
                return Err(MqttError::TooMany(MAPPINGS_MAX));
            }
            self.check_others(conn, &mapping).await?;
            self.make_meter(conn, &mapping.says).await?;
            store::insert(conn, &mapping).await?;
            let event = Event::new("mqtt_mapping.create", ("mqtt_mapping", mapping.mapping_id));
            self.audit.record(conn, by, event.after(&mapping)).await?;
            Ok(mapping)
        });
        taken_if_so(done.await)
    }

    /// Replaces what a mapping says.
    ///
    /// # Errors
    /// As [`Mqtt::create`], and [`MqttError::Unknown`].
    pub async fn update(
        &self,
        mapping_id: Uuid,
        says: NewMapping,
        by: &By,
    ) -> Result<Mapping, MqttError> {
        check(&says)?;
        let mut conn = self.db.conn().await?;
        let done = conn.transaction(async |conn| {
            let before = store::mapping(conn, mapping_id).await?;
            let before = before.ok_or(MqttError::Unknown(mapping_id))?;
            let updated_at = self.clock.now();
            let mapping = Mapping { says, updated_at, ..before.clone() };
            self.check_others(conn, &mapping).await?;
            self.make_meter(conn, &mapping.says).await?;
            store::update(conn, &mapping).await?;
            let event = Event::new("mqtt_mapping.update", ("mqtt_mapping", mapping_id));
            self.audit.record(conn, by, event.before(&before).after(&mapping)).await?;
            Ok(mapping)
        });
        taken_if_so(done.await)
    }

    /// Takes a mapping away; what it has stored stays.
    ///
    /// # Errors
    /// [`MqttError::Unknown`] when there is none.
    pub async fn delete(&self, mapping_id: Uuid, by: &By) -> Result<(), MqttError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let before = store::delete(conn, mapping_id).await?;
            let before = before.ok_or(MqttError::Unknown(mapping_id))?;
            let event = Event::new("mqtt_mapping.delete", ("mqtt_mapping", mapping_id));
            Ok(self.audit.record(conn, by, event.before(&before)).await?)
        })
        .await
    }

    /// The mappings of one meter must fit together.
    async fn check_others(&self, conn: &mut Conn, mapping: &Mapping) -> Result<(), MqttError> {
        let says = &mapping.says;
        let all = store::mappings(conn, MAPPINGS_MAX).await?;
        let others = all.iter().filter(|other| {
            other.mapping_id != mapping.mapping_id
                && other.says.meter_id == says.meter_id
                && other.says.is_enabled
                && says.is_enabled
        });
        let is_counter = |says: &NewMapping| says.field.kind() == Kind::Counter;
        for other in others {
            let (counts, other_counts) = (is_counter(says), is_counter(&other.says));
            if counts != other_counts {
                let (has, wants) =
                    if other_counts { ("counters", "a power") } else { ("powers", "a counter") };
                let meter_id = &says.meter_id;
                return Err(MqttError::BadMapping(vec![(
                    "meter_id",
                    format!(
                        "'{meter_id}' is fed by {has} already; map {wants} to a meter of its own, like {meter_id}-2"
                    ),
                )]));
            }
            let interval_s = other.says.interval_s();
            if !counts && interval_s != says.interval_s() {
                let why =
                    format!("the other numbers of this meter become intervals of {interval_s} s");
                return Err(MqttError::BadMapping(vec![("interval_s", why)]));
            }
        }
        Ok(())
    }

    async fn make_meter(&self, conn: &mut Conn, says: &NewMapping) -> Result<(), MqttError> {
        if says.meter_id.contains('{') {
            return Ok(());
        }
        let meter = NewMeter {
            meter_id: says.meter_id.clone(),
            site_id: None,
            name: says.meter_id.clone(),
            role: says.meter_role.unwrap_or(MeterRole::House),
            time_zone: Tz::Europe__Zurich,
        };
        self.meters.register(conn, &meter).await?;
        Ok(())
    }
}

fn check(says: &NewMapping) -> Result<(), MqttError> {
    let mistakes = says.mistakes();
    if mistakes.is_empty() { Ok(()) } else { Err(MqttError::BadMapping(mistakes)) }
}

/// What the database refused because it is there already, as that.
fn taken_if_so(done: Result<Mapping, MqttError>) -> Result<Mapping, MqttError> {
    use crate::platform::db::DbError;
    match done {
        Err(MqttError::Db(DbError::Query(error))) if store::is_taken(&error) => {
            Err(MqttError::Taken)
        }
        done => done,
    }
}
