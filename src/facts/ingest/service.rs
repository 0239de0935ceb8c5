//! Asking one source, or the next when it fails; archiving before reading; storing what is fit.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use form_urlencoded::byte_serialize;
use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret;

use super::connectors::ALL;
use super::error::FetchError;
use super::model::{Ask, FetchReport, MarketStatus, ReadError, SourceStatus};
use super::settings::Settings;
use super::sift::{Sifted, sift};
use super::source::Source;
use super::store::{self, Outcome};
use super::timing::Known;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, TimeRange, add_days, day_range, days_range, local_date};
use crate::facts::archive::{Archive, Arrival, RawFile};
use crate::facts::imports::assumed_price_known_at;
use crate::facts::market::{PricePoint, Prices, Quality, Stored};
use crate::platform::db::Db;
use crate::platform::outbound::{Call, Outbound, OutboundError};
use crate::platform::runtime::Live;

/// Longest answer, unpacked: ten years of quarter hours as XML.
const BYTES_MAX: usize = 64 << 20;
/// Prices nearer than this are the same, written differently.
const SAME_EUR_MWH: f64 = 0.000_5;

/// Day-ahead prices from the internet.
#[derive(Clone)]
pub struct Ingest {
    db: Db,
    archive: Archive,
    prices: Prices,
    clock: Clock,
    settings: Live<Settings>,
    /// Made when it is first needed: a box whose sources are switched off never calls anybody.
    outbound: Arc<OnceLock<Outbound>>,
}

impl Ingest {
    /// The sources by these settings.
    pub fn new(
        db: Db,
        archive: Archive,
        prices: Prices,
        clock: Clock,
        settings: impl Into<Live<Settings>>,
    ) -> Self {
        let (settings, outbound) = (settings.into(), Arc::default());
        Self { db, archive, prices, clock, settings, outbound }
    }

    /// What must be shown wherever the data of the source of this name is; nothing for imports.
    pub fn attribution(source: &str) -> Option<&'static str> {
        ALL.iter().find(|one| one.name() == source).map(|one| one.attribution())
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// Every source with how it is.
    pub async fn sources(&self) -> Result<Vec<SourceStatus>, FetchError> {
        let settings = self.settings.get();
        let mut conn = self.db.conn().await?;
        let states = store::all(&mut conn).await?;
        drop(conn);
        let newest = self.prices.newest().await?;
        let newest_of = |market: &Market| {
            newest.iter().filter(|row| row.market == *market).map(|row| row.last).max()
        };
        let status = |source: &&dyn Source| {
            let needs = source.needs(&settings);
            let own = states.iter().filter(|(name, _)| name == source.name());
            let markets = own.map(|(_, state)| MarketStatus {
                newest: newest_of(&state.market),
                ..state.clone()
            });
            SourceStatus {
                name: source.name(),
                what: source.what(),
                is_enabled: settings.enabled && needs.is_none(),
                needs,
                attribution: source.attribution(),
                markets: markets.collect(),
            }
        };
        Ok(ALL.iter().map(status).collect())
    }

    /// The days that should be asked for now, if any.
    pub async fn due(&self, market: &Market) -> Result<Option<(NaiveDate, NaiveDate)>, FetchError> {
        let known = self.known(market).await?;
        Ok(known.is_due().then(|| known.days(self.settings.get().history_days)))
    }

    /// The days that a source would be asked for if it were asked now.
    pub async fn days(&self, market: &Market) -> Result<(NaiveDate, NaiveDate), FetchError> {
        Ok(self.known(market).await?.days(self.settings.get().history_days))
    }

    async fn known(&self, market: &Market) -> Result<Known, FetchError> {
        let (now, zone) = (self.clock.now(), market.time_zone());
        let mut conn = self.db.conn().await?;
        let states = store::all(&mut conn).await?;
        drop(conn);
        let asked = states.iter().filter(|(_, state)| state.market == *market);
        let newest = self.prices.newest().await?;
        let newest = newest.iter().filter(|row| row.market == *market).map(|row| row.last).max();
        let today = local_date(now, zone);
        Ok(Known {
            now,
            zone,
            asked_at: asked.filter_map(|(_, state)| state.asked_at).max(),
            newest: newest.map(|at| local_date(at, zone)),
            has_today: self.has(market, today).await?,
            has_tomorrow: self.has(market, add_days(today, 1)).await?,
        })
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
        market: &Market,
        (first, last): (NaiveDate, NaiveDate),
        tell: impl Fn(f64, &str),
    ) -> Result<FetchReport, FetchError> {
        let settings = self.settings.get();
        let (mut best, mut failure): (Option<FetchReport>, Option<FetchError>) = (None, None);
        for source in ALL.iter().filter(|source| source.needs(&settings).is_none()) {
            match self.fetch(source.name(), market, (first, last), &tell).await {
                Ok(report) => {
                    let reaches =
                        report.newest.is_some_and(|at| local_date(at, market.time_zone()) >= last);
                    if best.as_ref().is_none_or(|best| report.prices > best.prices) {
                        best = Some(report);
                    }
                    if reaches {
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
            (None, None) => Err(FetchError::Disabled),
        }
    }

    /// Asks one source for the prices of the local days `first..=last` and stores them.
    ///
    /// How it went is noted; a source that begins to fail costs one warning, not one each time.
    pub async fn fetch(
        &self,
        source: &str,
        market: &Market,
        (first, last): (NaiveDate, NaiveDate),
        tell: impl Fn(f64, &str),
    ) -> Result<FetchReport, FetchError> {
        let settings = self.settings.get();
        if !settings.enabled {
            return Err(FetchError::Disabled);
        }
        let source = named(source)?;
        if let Some(needs) = source.needs(&settings) {
            return Err(FetchError::NotReady { source_name: source.name(), needs });
        }
        let result = self.fetch_days(source, &settings, market, (first, last), tell).await;
        let result = match result {
            Ok((report, licence)) => {
                self.note(source, market, Ok(licence.as_deref())).await?;
                Ok(report)
            }
            Err(error) => {
                if error.is_of_source() {
                    self.note(source, market, Err(&error.to_string())).await?;
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

    async fn fetch_days(
        &self,
        source: &'static dyn Source,
        settings: &Settings,
        market: &Market,
        (first, last): (NaiveDate, NaiveDate),
        tell: impl Fn(f64, &str),
    ) -> Result<(FetchReport, Option<String>), FetchError> {
        let days: i64 = (last - first).num_days() + 1;
        let mut report = FetchReport::new(source.name(), (market, first, last));
        let (mut licence, mut from) = (None, first);
        while from <= last {
            let to = add_days(from, source.days_max() - 1).min(last);
            if from > first {
                tokio::time::sleep(Duration::from_secs(source.pause_s())).await;
            }
            let done = (from - first).num_days() as f64 / days as f64;
            tell(done, &format!("{} {market} {from} to {to}", source.name()));
            let ask =
                Ask { market: market.clone(), range: days_range(from, to, market.time_zone()) };
            let (raw, payload) = self.ask(source, settings, &ask).await?;
            let (part, said) = self.take(source, &raw, &payload, self.clock.now()).await?;
            report.add(part);
            licence = said.or(licence);
            from = add_days(to, 1);
        }
        tell(1.0, &report.words());
        Ok((report, licence))
    }

    /// The answer of a source, already in the archive.
    async fn ask(
        &self,
        source: &dyn Source,
        settings: &Settings,
        ask: &Ask,
    ) -> Result<(RawFile, Bytes), FetchError> {
        let no_market =
            || FetchError::NoMarket { source_name: source.name(), market: ask.market.clone() };
        let request = source.request(settings, ask).ok_or_else(no_market)?;
        let mut url = request.url.clone();
        if let Some((name, secret)) = &request.secret {
            let secret: String = byte_serialize(secret.expose_secret().as_bytes()).collect();
            url = format!("{url}&{name}={secret}");
        }
        let call = Call { reach: request.reach, bytes_max: BYTES_MAX, ..Call::get(url) };
        let mut answer = self.outbound()?.send(call).await?;
        if let Some((_, secret)) = &request.secret {
            answer.body = without(answer.body, secret.expose_secret());
        }
        let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let arrival = Arrival {
            source: source.name().to_owned(),
            subject: ask.market.code().to_owned(),
            range: ask.range,
            url: request.url,
            http_status: answer.status.as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
        };
        let raw = self.archive.keep(arrival, answer.body.clone()).await?;
        Ok((raw, answer.body))
    }

    /// Reads a payload and stores what of it is fit, as known at `known_at`.
    async fn take(
        &self,
        source: &'static dyn Source,
        raw: &RawFile,
        payload: &[u8],
        known_at: DateTime<Utc>,
    ) -> Result<(FetchReport, Option<String>), FetchError> {
        let ask = ask_of(raw)?;
        let zone = ask.market.time_zone();
        let last = add_days(local_date(ask.range.to, zone), -1);
        let days = (&ask.market, local_date(ask.range.from, zone), last);
        let mut report = FetchReport::new(source.name(), days);
        let read = source.read(raw.arrival.http_status, payload, &ask).and_then(|reading| {
            let (sifted, odd) = sift(&reading.quotes, &ask, self.clock.now())?;
            report.findings =
                reading.findings.iter().chain(&odd).map(ToString::to_string).collect();
            Ok((sifted, reading.licence))
        });
        let (sifted, licence) = match read {
            Ok(read) => read,
            Err(error) => {
                self.archive.judge(raw, &error.to_string()).await?;
                return Err(error.into());
            }
        };
        for prices in sifted.values() {
            report.prices += prices.len();
            report.newest = report.newest.max(prices.last().map(|(ts, _)| *ts));
        }
        for (product, stored) in self.put(source.name(), &ask, &sifted, known_at).await? {
            tracing::debug!(?product, ?stored, "Stored prices of {}", ask.market);
            report.add(FetchReport { stored, ..FetchReport::new(source.name(), days) });
        }
        self.archive.judge(raw, &report.words()).await?;
        Ok((report, licence))
    }

    async fn put(
        &self,
        source: &str,
        ask: &Ask,
        sifted: &Sifted,
        known_at: DateTime<Utc>,
    ) -> Result<Vec<(Product, Stored)>, FetchError> {
        let mut all = Vec::new();
        for (product, prices) in sifted {
            let present = self.prices.prices(&ask.market, *product, ask.range).await?;
            let present: HashMap<DateTime<Utc>, PricePoint> =
                present.into_iter().map(|point| (point.ts, point)).collect();
            let mut points = Vec::new();
            for (ts, price) in prices {
                points.extend(point(
                    source,
                    ask,
                    *product,
                    (*ts, *price),
                    (present.get(ts), known_at),
                ));
            }
            let mut stored = self.prices.put(&ask.market, *product, &points).await?;
            stored.unchanged += (prices.len() - points.len()) as u64;
            all.push((*product, stored));
        }
        Ok(all)
    }

    /// Reads every payload of `source`, or of all, again, in the order in which they came.
    ///
    /// Payloads that cannot be used are counted and passed over, as they were when they came.
    pub async fn replay(
        &self,
        source: Option<&str>,
        tell: impl Fn(&RawFile, &Result<FetchReport, FetchError>),
    ) -> Result<(usize, usize), FetchError> {
        let source = source.map(named).transpose()?.map(Source::name);
        let (mut read, mut unusable) = (0, 0);
        let mut last: Option<RawFile> = None;
        loop {
            let page = self.archive.next(source, last.as_ref()).await?;
            let Some(end) = page.last().cloned() else { return Ok((read, unusable)) };
            for raw in page {
                let payload = self.archive.payload(&raw).await?;
                let source = named(&raw.arrival.source)?;
                let result = self.take(source, &raw, &payload, raw.fetched_at).await;
                let result = result.map(|(report, _)| report);
                tell(&raw, &result);
                match result {
                    Ok(_) => read += 1,
                    Err(error) if error.is_of_source() => unusable += 1,
                    Err(error) => return Err(error),
                }
            }
            last = Some(end);
        }
    }

    /// Notes how asking went, and says it when it is news.
    async fn note(
        &self,
        source: &dyn Source,
        market: &Market,
        result: Result<Option<&str>, &str>,
    ) -> Result<(), FetchError> {
        let name = source.name();
        let outcome = Outcome { source: name, market, at: self.clock.now(), result };
        let mut conn = self.db.conn().await?;
        let before = store::record(&mut conn, &outcome).await?;
        match (before, result) {
            (None, Err(reason)) => {
                tracing::warn!(source = name, %market, "{name} brings no prices of {market}: {reason}");
            }
            (Some(_), Ok(_)) => {
                tracing::info!(source = name, %market, "{name} brings prices of {market} again");
            }
            _ => {}
        }
        Ok(())
    }

    fn outbound(&self) -> Result<Outbound, OutboundError> {
        if let Some(outbound) = self.outbound.get() {
            return Ok(outbound.clone());
        }
        let made = Outbound::new(self.clock.clone())?;
        Ok(self.outbound.get_or_init(|| made).clone())
    }
}

/// An answer without a secret that it repeats.
fn without(body: Bytes, secret: &str) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    if secret.is_empty() || !text.contains(secret) {
        return body;
    }
    text.replace(secret, "***").into()
}

/// The source of a name.
fn named(name: &str) -> Result<&'static dyn Source, FetchError> {
    let found = ALL.iter().find(|source| source.name() == name).copied();
    found.ok_or_else(|| FetchError::Unknown { given: name.to_owned() })
}

/// The question that a payload answers.
fn ask_of(raw: &RawFile) -> Result<Ask, FetchError> {
    let TimeRange { from, to } = raw.arrival.range;
    let market = Market::parse(&raw.arrival.subject)
        .map_err(|error| ReadError::Contradiction(error.to_string()))?;
    Ok(Ask { market, range: TimeRange::new(from, to) })
}

/// The point to be stored for a price that came at `came_at`; none when it says what is `present`.
///
/// A price that came within a day of its publication became known when it came, an older one when
/// the rule says so. One that differs from what is stored is news from when it came, however old.
fn point(
    source: &str,
    ask: &Ask,
    product: Product,
    (ts, price): (DateTime<Utc>, f64),
    (present, came_at): (Option<&PricePoint>, DateTime<Utc>),
) -> Option<PricePoint> {
    let published = assumed_price_known_at(ts, ask.market.time_zone());
    let before = present.and_then(|point| Some((point.price_eur_mwh?, point.source.as_str())));
    if before.is_some_and(|(before, _)| (before - price).abs() < SAME_EUR_MWH) {
        return None;
    }
    let is_fresh = (came_at - published).abs() <= chrono::Duration::days(1);
    let is_news = present.is_some() || is_fresh;
    let is_restated = before.is_some_and(|(_, who)| who == source);
    Some(PricePoint {
        ts,
        interval_s: product.interval_s(),
        price_eur_mwh: Some(price),
        volume: None,
        quality: if is_restated { Quality::Restated } else { Quality::Ok },
        known_at: if is_news { came_at } else { published },
        known_at_assumed: !is_news,
        source: source.to_owned(),
    })
}
