//! Anonymous events that people's browsers and programs send: who saw, clicked, liked, solved what.
//!
//! Each event is checked by itself, then all are stored in one transaction. An event is stored once,
//! by its identifier: sent again it changes nothing, and nothing ever replaces it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Datelike, Duration, Utc};
use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{Event, SentEvent, TelemetryFinding, TelemetryReport, wrong_meta};
use super::store;
use crate::access::accounts::{Accounts, AccountsError};
use crate::access::audit::Event as Entry;
use crate::access::audit::{Audit, By};
use crate::base::timeline::Clock;
use crate::platform::db::{Db, DbError, count_written};
use crate::platform::objects::sha256_hex;
use crate::platform::web::{Principal, Role, parse_value};

/// Most events of one request.
pub(super) const EVENTS_MAX: usize = 10_000;
/// Findings that one answer lists.
const FINDINGS_MAX: usize = 1_000;
/// Faulty events that a refusal lists.
const FAULTS_MAX: usize = 20;
/// How far ahead of this box's clock a sender's clock may be.
const AHEAD: Duration = Duration::minutes(5);
/// First year that events may be of: what is older is a clock that was never set.
const YEAR_MIN: i32 = 2000;
/// Longest name of a kind of event.
const TYPE_CHARS_MAX: usize = 64;
/// Kinds of events that an entry of the log names.
const NAMED_MAX: usize = 20;

/// Why nothing of a request is stored.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The list is empty.
    #[error("has no events")]
    Empty,
    /// More events than one request may bring.
    #[error("the body has {found} events; at most {EVENTS_MAX} are taken, send several requests")]
    TooMany {
        /// Events of the body.
        found: usize,
    },
    /// Events are faulty.
    #[error("{total} of the events cannot be stored, nothing was stored: {}: {}",
        .first.first().map(TelemetryFinding::path).unwrap_or_default(),
        .first.first().map(|one| one.reason.as_str()).unwrap_or_default())]
    Faulty {
        /// The first of them.
        first: Vec<TelemetryFinding>,
        /// All of them.
        total: usize,
    },
    /// People could not be looked up.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for TelemetryError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Events as they are sent. Cloning is cheap.
#[derive(Clone)]
pub struct Telemetry {
    db: Db,
    accounts: Accounts,
    audit: Audit,
    clock: Clock,
}

/// Checked events with their places in the body, and what is wrong with the others.
#[derive(Default)]
struct Sifted {
    sound: Vec<(usize, Event)>,
    findings: Vec<TelemetryFinding>,
    faulty: usize,
}

impl Sifted {
    fn refuse(&mut self, finding: TelemetryFinding) {
        self.faulty += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

impl Telemetry {
    /// The service on a database.
    pub const fn new(db: Db, accounts: Accounts, audit: Audit, clock: Clock) -> Self {
        Self { db, accounts, audit, clock }
    }

    /// Stores `sent` in one transaction: all of it, or with `partial` what keeps the rules. When it
    /// answers, the events are committed.
    ///
    /// People send events of their own; admins and programs those of others too. An event of a
    /// program that names nobody is nobody's.
    ///
    /// # Errors
    ///
    /// [`TelemetryError::Faulty`] without `partial` when an event breaks a rule.
    pub async fn take(
        &self,
        who: &Principal,
        sent: Vec<Value>,
        partial: bool,
    ) -> Result<TelemetryReport, TelemetryError> {
        if sent.is_empty() {
            return Err(TelemetryError::Empty);
        }
        if sent.len() > EVENTS_MAX {
            return Err(TelemetryError::TooMany { found: sent.len() });
        }
        let read = sent.len();
        let mut sifted = Sifted::default();
        for (place, value) in sent.into_iter().enumerate() {
            match self.checked(who, place, value) {
                Ok(event) => sifted.sound.push((place, event)),
                Err(finding) => sifted.refuse(finding),
            }
        }
        self.refuse_strangers(who, &mut sifted).await?;
        refuse_contradictions(&mut sifted);
        let mut conn = self.db.conn().await?;
        let stored = conn
            .transaction(async |conn| {
                store::take_turn(conn, who.user_id).await?;
                let known = store::known(conn, &sifted.sound).await?;
                let mut fresh = Vec::new();
                for (place, event) in std::mem::take(&mut sifted.sound) {
                    match known.get(&event.event_id) {
                        None => fresh.push(event),
                        Some(stored) if says_the_same(stored, &event) => {}
                        Some(_) => {
                            let reason = "is the identifier of another event that is stored";
                            sifted.refuse(TelemetryFinding::new(place, "event_id", reason));
                        }
                    }
                }
                // Where nothing is sound there is no part to take.
                if sifted.faulty > 0 && (!partial || sifted.faulty == read) {
                    return Err(refusal(&sifted));
                }
                fresh.sort_by_key(|event| event.event_id);
                fresh.dedup_by_key(|event| event.event_id);
                store::insert_all(conn, &fresh).await?;
                if fresh.iter().any(|event| event.user_id != Some(who.user_id)) {
                    self.audit.record(conn, &By::of(who), entry(&fresh)).await?;
                }
                Ok(fresh.len())
            })
            .await?;
        count_written("events", stored as u64);
        Ok(TelemetryReport {
            read: read as u64,
            stored: stored as u64,
            unchanged: (read - sifted.faulty - stored) as u64,
            refused: sifted.faulty as u64,
            findings: sifted.findings,
        })
    }

    /// The event that `value` describes, if it keeps the rules that can be judged without a look at
    /// what is stored.
    fn checked(
        &self,
        who: &Principal,
        place: usize,
        value: Value,
    ) -> Result<Event, TelemetryFinding> {
        let fault = |field: &str, reason: &str| TelemetryFinding::new(place, field, reason);
        if !value.is_object() {
            return Err(fault("", "is no object"));
        }
        let sent: SentEvent = parse_value(value).map_err(|problem| {
            let told = problem.document().errors.into_iter().next();
            told.map_or_else(
                || fault("", problem.detail()),
                |told| {
                    let field = if told.field == "body" { "" } else { &told.field };
                    fault(field, &told.message)
                },
            )
        })?;
        let now = self.clock.now();
        let ts = stored_instant(sent.ts.map_or(now, |stamp| stamp.0));
        if ts > now + AHEAD {
            let reason =
                format!("{ts} is more than 5 minutes ahead of this box's clock; check the clock");
            return Err(fault("ts", &reason));
        }
        if ts.year() < YEAR_MIN {
            return Err(fault("ts", &format!("{ts} is before the year {YEAR_MIN}")));
        }
        check_type(&sent.kind).map_err(|reason| fault("type", &reason))?;
        if sent.event_id.is_some_and(|id| id.is_nil()) {
            return Err(fault("event_id", "is the nil identifier; make a new one for each event"));
        }
        let meta = sent.meta.unwrap_or_default();
        if let Some((path, reason)) = wrong_meta(&meta) {
            return Err(fault(&path, &reason));
        }
        let is_program = who.key.is_some();
        let own = (!is_program).then_some(who.user_id);
        let user_id = match sent.user_id.or(own) {
            Some(user_id) if Some(user_id) != own && !is_program && who.role != Role::Admin => {
                let reason = "is somebody else; leave it out to send events of your own";
                return Err(fault("user_id", reason));
            }
            user_id => user_id,
        };
        let mut event = Event {
            event_id: Uuid::nil(),
            user_id,
            ts,
            kind: sent.kind,
            item_id: sent.item_id,
            meta: Value::Object(meta),
        };
        event.event_id = sent.event_id.unwrap_or_else(|| identifier_of(&event));
        Ok(event)
    }

    /// Takes out events of people whom nobody knows.
    async fn refuse_strangers(
        &self,
        who: &Principal,
        sifted: &mut Sifted,
    ) -> Result<(), TelemetryError> {
        let named: BTreeSet<Uuid> = sifted
            .sound
            .iter()
            .filter_map(|(_, event)| event.user_id)
            .filter(|user_id| *user_id != who.user_id)
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        let named: Vec<Uuid> = named.into_iter().collect();
        let known: HashSet<Uuid> =
            self.accounts.known_people(&named).await?.into_iter().chain([who.user_id]).collect();
        let (sound, strange): (Vec<_>, Vec<_>) = std::mem::take(&mut sifted.sound)
            .into_iter()
            .partition(|(_, event)| event.user_id.is_none_or(|id| known.contains(&id)));
        sifted.sound = sound;
        for (place, _) in strange {
            sifted.refuse(TelemetryFinding::new(place, "user_id", "is nobody known here"));
        }
        Ok(())
    }
}

/// Takes out events that say something else under the identifier of an earlier one of the body.
fn refuse_contradictions(sifted: &mut Sifted) {
    let mut first: HashMap<Uuid, Event> = HashMap::new();
    let mut sound = Vec::with_capacity(sifted.sound.len());
    for (place, event) in std::mem::take(&mut sifted.sound) {
        match first.get(&event.event_id) {
            Some(other) if !says_the_same(other, &event) => {
                let reason = "is the identifier of another event of this request";
                sifted.refuse(TelemetryFinding::new(place, "event_id", reason));
                continue;
            }
            Some(_) => {}
            None => {
                first.insert(event.event_id, event.clone());
            }
        }
        sound.push((place, event));
    }
    sifted.sound = sound;
}

fn refusal(sifted: &Sifted) -> TelemetryError {
    let mut first = sifted.findings.clone();
    first.sort_by_key(|finding| finding.index);
    first.truncate(FAULTS_MAX);
    TelemetryError::Faulty { first, total: sifted.faulty }
}

/// What is stored, as the log keeps it.
fn entry(fresh: &[Event]) -> Entry {
    let kinds: BTreeSet<&str> = fresh.iter().map(|event| event.kind.as_str()).collect();
    let people: BTreeSet<Option<Uuid>> = fresh.iter().map(|event| event.user_id).collect();
    let kinds: Vec<&str> = kinds.into_iter().take(NAMED_MAX).collect();
    Entry::new("events.ingest", ("events", kinds.join(",")))
        .after(&json!({"events": fresh.len(), "people": people.len(), "types": kinds}))
}

/// Whether two events are one: numbers are the same however they are written.
fn says_the_same(one: &Event, other: &Event) -> bool {
    let facts = |event: &Event| (event.user_id, event.ts, event.kind.clone(), event.item_id);
    facts(one) == facts(other) && same_value(&one.meta, &other.meta)
}

fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other.get(name).is_some_and(|found| same_value(value, found))
                })
        }
        _ => one == other,
    }
}

/// The database keeps microseconds; what is compared with it must not have more.
fn stored_instant(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Why a word cannot be the kind of a sent event. Words with dots (`sim.start`) are Luna's own.
fn check_type(kind: &str) -> Result<(), String> {
    let inner =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let begins = kind.starts_with(|letter: char| letter.is_ascii_lowercase());
    if !begins || !kind.chars().all(inner) || kind.len() > TYPE_CHARS_MAX {
        return Err(format!(
            "must be a word like view, click, like or solve: a small letter, then small letters, \
             digits and underscores, at most {TYPE_CHARS_MAX}"
        ));
    }
    Ok(())
}

/// The identifier of an event that came without one: the same event gets the same one again.
fn identifier_of(event: &Event) -> Uuid {
    let mut said = json!([event.user_id, event.ts, event.kind, event.item_id, event.meta]);
    // Objects keep the order they were sent in, and that order means nothing.
    said.sort_all_objects();
    let digest = sha256_hex(said.to_string().as_bytes());
    let number = u128::from_str_radix(&digest[..32], 16).unwrap_or_default();
    uuid::Builder::from_custom_bytes(number.to_be_bytes()).into_uuid()
}
