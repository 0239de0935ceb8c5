//! Asking one source, or the next when it fails; archiving before reading; storing what is fit.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::connectors::ALL;
use super::error::FetchError;
use super::model::{Ask, FetchReport, ReadError, SourceStatus};
use super::settings::Settings;
use super::source::Source;
use super::store::{self, Outcome};
use super::subject::Subject;
use super::taking::Taken;
use super::timing::{Days, Known, Rhythm};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, add_days, day_range, days_range, local_date};
use crate::facts::archive::Archive;
use crate::facts::market::Prices;
use crate::facts::quality::Quality;
use crate::facts::series::Observations;
use crate::facts::tariffs::Tariffs;
use crate::platform::db::Db;
use crate::platform::outbound::{Outbound, OutboundError, Reach};
use crate::platform::runtime::{CpuPool, Live};

/// Facts from the internet.
#[derive(Clone)]
pub struct Ingest {
    db: Db,
    pub(super) archive: Archive,
    pub(super) prices: Prices,
    pub(super) observations: Observations,
    pub(super) quality: Quality,
    pub(super) tariffs: Tariffs,
    pub(super) clock: Clock,
    /// Reads what takes long.
    pub(super) pool: CpuPool,
    settings: Live<Settings>,
    /// Made when it is first needed: a box whose sources are switched off never calls anybody.
    outbound: Arc<OnceLock<Outbound>>,
}

/// Where facts of each kind are kept.
pub struct Stores {
    /// Prices of markets.
    pub prices: Prices,
    /// Everything observed or forecast that is not a price.
    pub observations: Observations,
    /// Retail tariffs.
    pub tariffs: Tariffs,
    /// What is judged before it is stored.
    pub quality: Quality,
}

impl Ingest {
    /// The sources by these settings.
    pub fn new(
        db: Db,
        archive: Archive,
        stores: Stores,
        (pool, clock): (CpuPool, Clock),
        settings: impl Into<Live<Settings>>,
    ) -> Self {
        let (settings, outbound) = (settings.into(), Arc::default());
        let Stores { prices, observations, tariffs, quality } = stores;
        Self {
            db,
            archive,
            prices,
            observations,
            quality,
            tariffs,
            clock,
            pool,
            settings,
            outbound,
        }
    }

    /// What must be shown wherever the data of the source of this name is; nothing for imports.
    pub fn attribution(source: &str) -> Option<&'static str> {
        ALL.iter().find(|one| one.name() == source).map(|one| one.attribution())
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        let tariffs = self.tariffs.settings().as_ref().clone();
        Arc::new(Settings { tariffs, ..self.settings.get().as_ref().clone() })
    }

    /// Every source with how it is.
    pub async fn sources(&self) -> Result<Vec<SourceStatus>, FetchError> {
        let settings = self.settings();
        let mut conn = self.db.conn().await?;
        let states = store::all(&mut conn).await?;
        drop(conn);
        let status = |source: &&dyn Source| {
            let needs = source.needs(&settings);
            let own = states.iter().filter(|(name, _)| name == source.name());
            SourceStatus {
                name: source.name(),
                what: source.what(),
                is_enabled: settings.enabled && needs.is_none(),
                needs,
                attribution: source.attribution(),
                subjects: own.map(|(_, state)| state.clone()).collect(),
            }
        };
        Ok(ALL.iter().map(status).collect())
    }

    /// What all sources, or the one of this name, are asked about by themselves, prices first.
    pub fn subjects(&self, source: Option<&str>) -> Result<Vec<Subject>, FetchError> {
        let (settings, only) = (self.settings(), source.map(named).transpose()?);
        let mut subjects: Vec<Subject> = Vec::new();
        for source in ALL.iter().filter(|source| source.needs(&settings).is_none()) {
            if only.is_some_and(|only| only.name() != source.name()) {
                continue;
            }
            for subject in source.subjects(&settings) {
                if !subjects.contains(&subject) {
                    subjects.push(subject);
                }
            }
        }
        subjects.sort_by_key(|subject| !subject.is_price());
        Ok(subjects)
    }

    /// The days that should be asked for now, if any.
    pub async fn due(&self, subject: &Subject) -> Result<Option<Days>, FetchError> {
        let known = self.known(subject).await?;
        Ok(known.is_due().then(|| known.days(self.history_days(subject))))
    }

    /// The days that a source would be asked for if it were asked now.
    pub async fn days(&self, subject: &Subject) -> Result<Days, FetchError> {
        Ok(self.known(subject).await?.days(self.history_days(subject)))
    }

    async fn known(&self, subject: &Subject) -> Result<Known, FetchError> {
        let (now, zone) = (self.clock.now(), subject.time_zone());
        let mut conn = self.db.conn().await?;
        let states = store::all(&mut conn).await?;
        drop(conn);
        let of_subject =
            || states.iter().map(|(_, state)| state).filter(|it| it.subject == *subject);
        let asked_at = of_subject().filter_map(|state| state.asked_at).max();
        let mut known = Known {
            now,
            zone,
            rhythm: Rhythm::of(subject),
            asked_at,
            newest: of_subject()
                .filter_map(|state| state.newest)
                .max()
                .map(|at| local_date(at, zone)),
            is_complete: true,
        };
        if let Subject::Prices(market) = subject {
            let newest = self.prices.newest().await?;
            let newest =
                newest.iter().filter(|row| row.market == *market).map(|row| row.last).max();
            known.newest = newest.map(|at| local_date(at, zone));
            known.is_complete = self.has(market, local_date(now, zone)).await?
                && (!known.expects_next() || self.has(market, known.expected()).await?);
        } else if let Subject::Tariff(id) = subject {
            self.know_tariff(id, &mut known).await?;
        } else if known.expects_next() {
            known.is_complete = known.newest.is_some_and(|newest| newest >= known.expected());
        }
        Ok(known)
    }

    /// Whether all prices of a day are there, of whichever product.
    async fn has(&self, market: &Market, day: NaiveDate) -> Result<bool, FetchError> {
        let range = day_range(day, market.time_zone());
        for product in Product::ALL {
            let stored = self.prices.prices(market, *product, range).await?;
            let found = stored.iter().filter(|point| point.price_eur_mwh.is_some()).count();
            if found >= range.slots(product.interval_s()).count() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the sources one after the other until one has the last day; the best report there is.
    ///
    /// # Errors
    ///
    /// What the last source said, when all failed.
    pub async fn fetch_any(
        &self,
        subject: &Subject,
        days: Days,
        tell: impl Fn(f64, &str),
    ) -> Result<FetchReport, FetchError> {
        let settings = self.settings();
        let (mut best, mut failure): (Option<FetchReport>, Option<FetchError>) = (None, None);
        let range = days_range(days.first, days.last, subject.time_zone());
        let ask = Ask { subject: subject.clone(), range, at: self.clock.now() };
        let ready = ALL.iter().filter(|source| {
            source.needs(&settings).is_none() && source.request(&settings, &ask).is_some()
        });
        for source in ready {
            match self.fetch(source.name(), subject, days, &tell).await {
                Ok(report) => {
                    let newest = report.newest.map(|at| local_date(at, subject.time_zone()));
                    if best.as_ref().is_none_or(|best| report.values > best.values) {
                        best = Some(report);
                    }
                    if newest.is_some_and(|newest| newest >= days.last) {
                        break;
                    }
                }
                Err(error) if error.is_of_source() => failure = Some(error),
                Err(error) => return Err(error),
            }
        }
        match (best, failure) {
            (Some(best), _) => Ok(best),
            (None, Some(failure)) => Err(failure),
            (None, None) if !settings.enabled => Err(FetchError::Disabled),
            (None, None) => Err(FetchError::Nobody { subject: subject.clone() }),
        }
    }

    /// Asks one source about the local days `first..=last` and stores what it says.
    ///
    /// How it went is noted; a source that begins to fail costs one warning, not one each time.
    pub async fn fetch(
        &self,
        source: &str,
        subject: &Subject,
        days: Days,
        tell: impl Fn(f64, &str),
    ) -> Result<FetchReport, FetchError> {
        let settings = self.settings();
        if !settings.enabled {
            return Err(FetchError::Disabled);
        }
        let source = named(source)?;
        if let Some(needs) = source.needs(&settings) {
            return Err(FetchError::NotReady { source_name: source.name(), needs });
        }
        let result = self.fetch_days(source, &settings, (subject, days), tell).await;
        let result = match result {
            Ok((report, licence)) => {
                self.note(source, subject, Ok((licence.as_deref(), report.newest))).await?;
                Ok(report)
            }
            Err(error) => {
                if error.is_of_source() {
                    self.note(source, subject, Err(&error.to_string())).await?;
                }
                Err(error)
            }
        };
        let outcome = if result.is_ok() { "ok" } else { "failed" };
        metrics::counter!("luna_source_fetches_total",
            "source" => source.name(), "outcome" => outcome)
        .increment(1);
        result
    }

    /// Window by window, each stored before the next is asked for; one that is too much for the
    /// source is asked for in halves.
    async fn fetch_days(
        &self,
        source: &'static dyn Source,
        settings: &Settings,
        (subject, days): (&Subject, Days),
        tell: impl Fn(f64, &str),
    ) -> Result<(FetchReport, Option<String>), FetchError> {
        let mut report = FetchReport::new(source.name(), (subject, days.first, days.last));
        let (mut licence, mut is_first) = (None, true);
        let mut windows = days.windows(source.days_max(subject));
        while let Some((from, to)) = windows.pop() {
            let done = (from - days.first).num_days() as f64 / days.count() as f64;
            tell(done, &format!("{} {subject} {from} to {to}", source.name()));
            let range = days_range(from, to, subject.time_zone());
            let ask = Ask { subject: subject.clone(), range, at: self.clock.now() };
            if from < to && !source.is_one_request(&ask) {
                windows.extend(first_request(source, &ask, (from, to)));
                continue;
            }
            let kept = if days.resume { self.kept(source, settings, &ask).await? } else { None };
            let (raw, payload) = if let Some(kept) = kept {
                report.resumed += 1;
                kept
            } else {
                let request = source.request(settings, &ask);
                // A server of one's own need not be spared.
                let is_public = request.is_some_and(|it| it.reach == Reach::Public);
                if !std::mem::take(&mut is_first) && is_public {
                    tokio::time::sleep(Duration::from_secs(source.pause_s())).await;
                }
                self.ask(source, settings, &ask).await?
            };
            match self.take(source, (&raw, &ask), &payload, self.clock.now()).await {
                Ok(Taken { report: part, licence: said, next }) => {
                    report.add(part);
                    licence = said.or(licence);
                    // Seldom, and large: it does not lie in every future that asks.
                    let parts = Box::pin(self.follow(source, settings, &ask, next)).await?;
                    for part in parts {
                        report.add(part);
                    }
                }
                Err(FetchError::Read(ReadError::TooMuch(_))) if from < to => {
                    windows.extend(halves(from, to));
                }
                Err(error) => return Err(error),
            }
        }
        tell(1.0, &report.words());
        Ok((report, licence))
    }

    /// Notes how asking went, and says it when it is news.
    async fn note(
        &self,
        source: &dyn Source,
        subject: &Subject,
        result: Result<(Option<&str>, Option<DateTime<Utc>>), &str>,
    ) -> Result<(), FetchError> {
        let name = source.name();
        let outcome = Outcome { source: name, subject, at: self.clock.now(), result };
        let mut conn = self.db.conn().await?;
        let before = store::record(&mut conn, &outcome).await?;
        match (before, result) {
            (None, Err(reason)) => {
                tracing::warn!(source = name, %subject, "{name} brings no {subject}: {reason}");
            }
            (Some(_), Ok(_)) => {
                tracing::info!(source = name, %subject, "{name} brings {subject} again");
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn outbound(&self) -> Result<Outbound, OutboundError> {
        if let Some(outbound) = self.outbound.get() {
            return Ok(outbound.clone());
        }
        let made = Outbound::new(self.clock.clone())?;
        Ok(self.outbound.get_or_init(|| made).clone())
    }
}

/// The days of a window that one request covers, last, and the others.
fn first_request(
    source: &dyn Source,
    ask: &Ask,
    (from, to): (NaiveDate, NaiveDate),
) -> [(NaiveDate, NaiveDate); 2] {
    let zone = ask.subject.time_zone();
    let fits = |last| {
        let ask = Ask { range: days_range(from, last, zone), ..ask.clone() };
        source.is_one_request(&ask)
    };
    // One day always fits, and the whole window does not.
    let (mut last, mut beyond) = (from, to);
    while (beyond - last).num_days() > 1 {
        let middle = add_days(last, (beyond - last).num_days() / 2);
        if fits(middle) { last = middle } else { beyond = middle }
    }
    [(add_days(last, 1), to), (from, last)]
}

/// The two halves of a window, the first one last.
fn halves(from: NaiveDate, to: NaiveDate) -> [(NaiveDate, NaiveDate); 2] {
    let middle = add_days(from, (to - from).num_days() / 2);
    [(add_days(middle, 1), to), (from, middle)]
}

/// The source of a name.
pub(super) fn named(name: &str) -> Result<&'static dyn Source, FetchError> {
    let found = ALL.iter().find(|source| source.name() == name).copied();
    found.ok_or_else(|| FetchError::Unknown { given: name.to_owned() })
}
