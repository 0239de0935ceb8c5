//! Judging batches, keeping what is found, letting people decide about what is kept apart.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::assess::assess;
use super::checks::Pool;
use super::matrix::{matrix, seen, zone_of};
use super::model::{Batch, Report, Sample};
use super::reason::{Code, Reason};
use super::records::{
    DayCell, DeadLetter, Filter, Matrix, Quarantined, StoredReport, Unreadable, Waiting,
};
use super::store::{self, Decision, Judgement};
use crate::access::audit::{Audit, By, Event};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{AsOf, Clock, TimeRange, add_days, local_date};
use crate::facts::market::{PriceError, PricePoint, Prices, Quality as Trust};
use crate::facts::meters::MeterError;
use crate::facts::series::{Observation, Observations, SeriesError};
use crate::facts::tariffs::TariffError;
use crate::platform::db::{Conn, Db, DbError};

/// Most days that a matrix may have.
pub(super) const MATRIX_DAYS_MAX: u16 = 90;
/// Letters of a payload that a dead letter shows.
const EXCERPT_LETTERS: usize = 400;
/// Values that one decision about a day may concern: a day of minutes.
const DAY_ROWS_MAX: i64 = 2_000;

/// Why a batch was not judged, or a decision not carried out.
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// Nothing has this identifier.
    #[error("there is no {0} {1}")]
    NotFound(&'static str, Uuid),
    /// Somebody was faster.
    #[error("the value of {ts} has been {decision} already")]
    Decided {
        /// Start of its interval.
        ts: DateTime<Utc>,
        /// What was decided.
        decision: String,
    },
    /// Nobody stores what the source did not say.
    #[error("the value of {0} is no number and cannot be released; discard it")]
    NoNumber(DateTime<Utc>),
    /// Nobody stores values of the subject one by one.
    #[error("values of '{0}' cannot be released one by one; discard them and fetch the day again")]
    NoKeeper(String),
    /// A value that may not be stored.
    #[error("the value cannot be released: {0}")]
    Refused(String),
    /// The prices could not be read or written.
    #[error(transparent)]
    Prices(PriceError),
    /// The series could not be read or written.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The readings could not be read.
    #[error(transparent)]
    Meters(#[from] MeterError),
    /// The tariff could not be read.
    #[error(transparent)]
    Tariffs(#[from] TariffError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for QualityError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<PriceError> for QualityError {
    fn from(error: PriceError) -> Self {
        match error {
            PriceError::BadPoint(point) => Self::Refused(point.to_string()),
            PriceError::Db(error) => Self::Db(error),
            error @ PriceError::RangeTooLong { .. } => Self::Prices(error),
        }
    }
}

/// What became of a batch.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What is odd, the gravest first.
    pub reasons: Vec<Reason>,
    /// The values that are fit to be stored, oldest first; no others may be.
    pub accepted: Vec<Sample>,
    /// Instants and reasons of those that are kept apart, oldest first.
    pub refused: Vec<(DateTime<Utc>, Code)>,
}

/// The judge of what sources send. Cloning is cheap.
#[derive(Clone)]
pub struct Quality {
    pub(super) db: Db,
    pub(super) prices: Prices,
    observations: Observations,
    audit: Audit,
    pub(super) clock: Clock,
}

impl Quality {
    /// The judge who compares with what these services have.
    pub const fn new(
        db: Db,
        prices: Prices,
        observations: Observations,
        audit: Audit,
        clock: Clock,
    ) -> Self {
        Self { db, prices, observations, audit, clock }
    }

    /// Judges a batch against what is stored of its subject, before any of it is stored; keeps the
    /// report, the days, and what is not fit. The caller stores [`Recorded::accepted`].
    pub async fn record(
        &self,
        batch: &Batch,
        raw_file_id: Option<Uuid>,
    ) -> Result<Recorded, QualityError> {
        let stored = self.stored(&batch.subject, batch.history_range()).await?;
        self.record_with(batch, stored, raw_file_id).await
    }

    /// The same for subjects whose stored values only the caller knows.
    pub async fn record_with(
        &self,
        batch: &Batch,
        stored: impl IntoIterator<Item = Sample>,
        raw_file_id: Option<Uuid>,
    ) -> Result<Recorded, QualityError> {
        let report = assess(batch, &stored.into_iter().collect::<Pool>(), self.clock.now());
        self.keep(batch, report, (raw_file_id, false)).await
    }

    /// Keeps what was found about a batch.
    pub(super) async fn keep(
        &self,
        batch: &Batch,
        report: Report,
        (raw_file_id, is_stored): (Option<Uuid>, bool),
    ) -> Result<Recorded, QualityError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let apart = conn
            .transaction(async |conn| {
                let since = store::first_judged_at(conn, &batch.source, &batch.subject).await?;
                let since = since.unwrap_or(batch.came_at);
                let judgement =
                    Judgement { batch, report: &report, raw_file_id, is_stored, now, since };
                store::keep(conn, &judgement).await
            })
            .await?;
        let verdict = report.verdict();
        metrics::counter!("luna_quality_reports_total",
            "source" => batch.source.clone(), "verdict" => verdict.name())
        .increment(1);
        metrics::counter!("luna_quarantined_rows_total", "source" => batch.source.clone())
            .increment(apart as u64);
        if apart > 0 {
            let (source, subject) = (batch.source.as_str(), batch.subject.as_str());
            tracing::warn!(
                source,
                subject,
                apart,
                "{apart} values of {subject} from {source} are kept apart"
            );
        }
        Ok(Recorded {
            reasons: report.reasons,
            refused: report.refused.iter().map(|row| (row.ts, row.code)).collect(),
            accepted: report.accepted,
        })
    }

    /// What is stored of a subject in a range: prices or a series; nothing of what is neither.
    pub async fn stored(
        &self,
        subject: &str,
        range: TimeRange,
    ) -> Result<Vec<Sample>, QualityError> {
        if let Some((market, product)) = price_of(subject) {
            let points = self.prices.prices(&market, product, range).await?;
            let values = points.into_iter().filter_map(|it| Some((it.ts, it.price_eur_mwh?)));
            return Ok(values.collect());
        }
        match self.observations.values_as_of(subject, range, AsOf(self.clock.now())).await {
            Ok(values) => Ok(values),
            Err(SeriesError::Unknown(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sources and subjects by day: the last `days` local days.
    pub async fn matrix(&self, days: u16) -> Result<Matrix, QualityError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let newest = store::newest_days(&mut conn).await?;
        let firsts = store::first_days(&mut conn).await?;
        let today = newest.iter().map(|row| local_date(now, zone_of(&row.time_zone))).max();
        let today = today.unwrap_or_else(|| now.date_naive());
        let first = add_days(today, 1 - i64::from(days.clamp(1, MATRIX_DAYS_MAX)));
        let stored = store::days(&mut conn, first, today).await?;
        drop(conn);
        Ok(matrix(&newest, &firsts, &stored, (first, today, now)))
    }

    /// How one day of a subject stands; nothing when nothing ever came of it.
    pub async fn day(
        &self,
        (source, subject): (&str, &str),
        day: NaiveDate,
    ) -> Result<Option<DayCell>, QualityError> {
        let mut conn = self.db.conn().await?;
        let stored = store::day(&mut conn, (source, subject), day).await?;
        Ok(stored.map(|stored| seen(&stored, self.clock.now())))
    }

    /// Up to `limit` reports, newest first.
    pub async fn reports(
        &self,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<StoredReport>, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::reports(&mut conn, filter, limit).await?)
    }

    /// The newest reports about batches of a subject that reach into `range`.
    pub async fn reports_about(
        &self,
        (source, subject): (&str, &str),
        range: TimeRange,
        limit: i64,
    ) -> Result<Vec<StoredReport>, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::reports_about(&mut conn, (source, subject), range, limit).await?)
    }

    /// Up to `limit` values that are kept apart, newest arrival first.
    pub async fn quarantine(
        &self,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<Quarantined>, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::rows(&mut conn, filter, limit).await?)
    }

    /// How much waits for a person.
    pub async fn waiting(&self) -> Result<Waiting, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::waiting(&mut conn).await?)
    }

    /// Stores one value that was kept apart where it belongs, as known from now on; what else the
    /// source says of its instant is discarded.
    pub async fn release(&self, row_id: Uuid, by: &By) -> Result<Quarantined, QualityError> {
        let mut conn = self.db.conn().await?;
        let row = store::row(&mut conn, row_id).await?;
        let row = row.ok_or(QualityError::NotFound("quarantined value", row_id))?;
        drop(conn);
        undecided(&row)?;
        // Stored first: when the mark is lost, releasing again changes nothing.
        self.give_back(std::slice::from_ref(&row)).await?;
        self.mark(&row, true, by).await
    }

    /// Leaves one value where it is, for good.
    pub async fn discard(&self, row_id: Uuid, by: &By) -> Result<Quarantined, QualityError> {
        let mut conn = self.db.conn().await?;
        let row = store::row(&mut conn, row_id).await?;
        let row = row.ok_or(QualityError::NotFound("quarantined value", row_id))?;
        drop(conn);
        undecided(&row)?;
        self.mark(&row, false, by).await
    }

    /// Decides about everything of a day that waits; answers for how many values. Values that
    /// contradict each other, and what is no number, cannot be released together and go on waiting.
    pub async fn decide_day(
        &self,
        (source, subject): (&str, &str),
        range: TimeRange,
        release: bool,
        by: &By,
    ) -> Result<usize, QualityError> {
        let filter = Filter {
            source: Some(source.to_owned()),
            subject: Some(subject.to_owned()),
            is_open: true,
            from: Some(range.from),
            to: Some(range.to),
            after: None,
        };
        let rows = self.quarantine(&filter, DAY_ROWS_MAX).await?;
        let may = |row: &&Quarantined| !release || row.may_go_with_others();
        let rows: Vec<Quarantined> = rows.iter().filter(may).cloned().collect();
        if release {
            self.give_back(&rows).await?;
        }
        let mut decided = 0;
        for row in &rows {
            match self.mark(row, release, by).await {
                Ok(_) => decided += 1,
                Err(QualityError::Decided { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(decided)
    }

    async fn mark(
        &self,
        row: &Quarantined,
        release: bool,
        by: &By,
    ) -> Result<Quarantined, QualityError> {
        let decision = Decision { release, at: self.clock.now(), by: by.user_id() };
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let Some(done) = store::decide(conn, row.row_id, decision).await? else {
                let now = store::row(conn, row.row_id).await?;
                let decision = now.and_then(|row| row.decision).unwrap_or_default();
                return Err(QualityError::Decided { ts: row.ts, decision });
            };
            if release {
                store::discard_rivals(conn, &done, decision).await?;
                let day = local_date(done.ts, zone_of_subject(&done.subject));
                let key = (done.source.as_str(), done.subject.as_str(), day);
                store::count_back(conn, key, 1, decision.at).await?;
            }
            let action = if release { "quarantine.release" } else { "quarantine.discard" };
            let event = Event::new(action, ("quarantined_row", row.row_id))
                .before(&json!({"reason": row.reason, "sentence": row.sentence}))
                .after(&json!({
                    "source": row.source, "subject": row.subject, "ts": row.ts,
                    "value": row.value, "decision": done.decision,
                }));
            self.audit.record(conn, by, event).await?;
            Ok(done)
        })
        .await
    }

    /// Stores values where they belong.
    async fn give_back(&self, rows: &[Quarantined]) -> Result<(), QualityError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let now = self.clock.now();
        let value = |row: &Quarantined| row.value.ok_or(QualityError::NoNumber(row.ts));
        if let Some((market, product)) = price_of(&first.subject) {
            let point = |row: &Quarantined| {
                Ok(PricePoint {
                    ts: row.ts,
                    interval_s: row.interval_s,
                    price_eur_mwh: Some(value(row)?),
                    volume: None,
                    quality: Trust::Ok,
                    known_at: now,
                    known_at_assumed: false,
                    source: row.source.clone(),
                })
            };
            let points: Vec<PricePoint> =
                rows.iter().map(point).collect::<Result<_, QualityError>>()?;
            self.prices.put(&market, product, &points).await?;
            return Ok(());
        }
        let Some(series_id) = self.observations.id_of(&first.subject).await? else {
            return Err(QualityError::NoKeeper(first.subject.clone()));
        };
        let observation = |row: &Quarantined| {
            let (ts, known_at_assumed) = (row.ts, false);
            Ok(Observation { ts, known_at: now, known_at_assumed, value: value(row)? })
        };
        let rows: Vec<Observation> =
            rows.iter().map(observation).collect::<Result<_, QualityError>>()?;
        self.observations.put(series_id, &rows).await?;
        Ok(())
    }

    /// Keeps a payload that cannot be read, once however often the same comes.
    pub async fn dead_letter(&self, letter: &Unreadable<'_>) -> Result<DeadLetter, QualityError> {
        let mut conn = self.db.conn().await?;
        self.dead_letter_in(&mut conn, letter).await
    }

    /// As [`Quality::dead_letter`], in the caller's transaction.
    pub async fn dead_letter_in(
        &self,
        conn: &mut Conn,
        letter: &Unreadable<'_>,
    ) -> Result<DeadLetter, QualityError> {
        let excerpt = excerpt(letter.payload);
        let kept = store::add_letter(conn, letter, &excerpt, self.clock.now()).await?;
        metrics::counter!("luna_dead_letters_total", "source" => letter.source.to_owned())
            .increment(1);
        Ok(kept)
    }

    /// Closes the dead letters of a question that has been answered since.
    pub async fn supersede(&self, source: &str, subject: &str) -> Result<usize, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::supersede(&mut conn, source, subject, self.clock.now()).await?)
    }

    /// Up to `limit` payloads that cannot be read, the last come first.
    pub async fn dead_letters(
        &self,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<DeadLetter>, QualityError> {
        let mut conn = self.db.conn().await?;
        Ok(store::letters(&mut conn, filter, limit).await?)
    }

    /// Marks a payload as dealt with; one that was stays as it was.
    pub async fn resolve(&self, letter_id: Uuid, by: &By) -> Result<DeadLetter, QualityError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let done = store::resolve(conn, letter_id, self.clock.now(), by.user_id()).await?;
            let done = done.ok_or(QualityError::NotFound("open dead letter", letter_id))?;
            let event =
                Event::new("dead_letter.resolve", ("dead_letter", letter_id)).after(&json!({
                    "source": done.source, "subject": done.subject, "reason": done.reason,
                    "attempts": done.attempts,
                }));
            self.audit.record(conn, by, event).await?;
            Ok(done)
        })
        .await
    }
}

fn undecided(row: &Quarantined) -> Result<(), QualityError> {
    match &row.decision {
        Some(decision) => Err(QualityError::Decided { ts: row.ts, decision: decision.clone() }),
        None => Ok(()),
    }
}

/// Market and product of the name of a price series.
pub(super) fn price_of(subject: &str) -> Option<(Market, Product)> {
    let (market, product) = subject.strip_prefix("price:")?.split_once(':')?;
    Some((Market::parse(market).ok()?, Product::parse(product)?))
}

/// Zone of the days of a subject, as far as its name tells.
fn zone_of_subject(subject: &str) -> Tz {
    price_of(subject).map_or(Tz::Europe__Zurich, |(market, _)| market.time_zone())
}

/// The beginning of a payload, in one line of what can be shown.
fn excerpt(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(&payload[..payload.len().min(4 * EXCERPT_LETTERS)]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|letter| !letter.is_control()).take(EXCERPT_LETTERS).collect()
}
