//! The simulation: what it needs, how it stands, and SIM-CH kept filled.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel_async::AsyncConnection;
use tokio::sync::Notify;

use super::error::SimulationError;
use super::model::{Filled, MeterStatus, SimulationStatus, Stream, StreamState};
use super::output::{Broker, Brokers, Output, Sink, Tables};
use super::prices::{SimulatedPrice, simulate_prices};
use super::replay::Replay;
use super::settings::{MeterSettings, Settings};
use super::site::{Histories, Site, SiteDay, SiteStatus};
use super::store;
use crate::access::audit::Audit;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, add_days, at_local, days_range, local_date};
use crate::facts::events::Events;
use crate::facts::imports::{ImportOptions, assumed_price_known_at, parse_prices};
use crate::facts::market::{PricePoint, Prices, Quality, Stored};
use crate::facts::meters::Meters;
use crate::facts::readings::Readings;
use crate::platform::db::{Conn, Db};
use crate::platform::runtime::{CpuPool, Live};

/// What simulated rows name as their source.
const SOURCE: &str = "simulation";
/// Largest file that is played as the market, in bytes.
const SEED_FILE_BYTES_MAX: u64 = 64 << 20;

/// What the simulation works with.
#[derive(Clone)]
pub struct Needs {
    /// The database of its state.
    pub db: Db,
    /// Takes prices.
    pub prices: Prices,
    /// Knows meters, and takes their readings in bulk.
    pub meters: Meters,
    /// Takes readings as adapters deliver them.
    pub readings: Readings,
    /// Take readings instead of the tables.
    pub brokers: Brokers,
    /// Remembers that it was started, stopped, made to make something.
    pub events: Events,
    /// Remembers who did.
    pub audit: Audit,
    /// Computes; not the pool of the trainings, which hold a thread for minutes.
    pub pool: CpuPool,
}

/// A market and houses that do not exist, for boxes without data. Cloning is cheap.
#[derive(Clone)]
pub struct Simulation {
    pub(super) needs: Needs,
    pub(super) clock: Clock,
    settings: Live<Settings>,
    pub(super) histories: Arc<Histories>,
    pub(super) wake: Arc<Notify>,
    /// What this process is called in the state that all share.
    pub(super) writer: Arc<str>,
}

impl Simulation {
    /// The service on what it needs.
    pub fn new(needs: Needs, clock: Clock, settings: impl Into<Live<Settings>>) -> Self {
        let writer = format!("process {}", std::process::id()).into();
        Self {
            needs,
            clock,
            settings: settings.into(),
            histories: Arc::default(),
            wake: Arc::default(),
            writer,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// Looks at the state at once: it has changed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// How the simulation stands, in all processes.
    pub async fn status(&self) -> Result<SimulationStatus, SimulationError> {
        let settings = self.settings();
        let sites = self.sites(&settings).await?;
        let mut conn = self.needs.db.conn().await?;
        let meters = store::state(&mut conn, Stream::Meters).await?.unwrap_or_default();
        let market = store::state(&mut conn, Stream::Market).await?.unwrap_or_else(|| {
            StreamState { is_running: settings.enabled, ..StreamState::default() }
        });
        let meter = |(meter_id, meter): (&String, &MeterSettings)| MeterStatus {
            meter_id: meter_id.clone(),
            profile: meter.profile.clone(),
            house: meter.house,
            measures: meter.measures,
            interval_s: meter.interval_s,
            history_interval_s: meter.history_interval_s,
            outage_rate: meter.outage_rate,
        };
        let active = settings.meters.iter().filter(|(_, meter)| meter.enabled);
        Ok(SimulationStatus {
            seed: settings.seed,
            meters,
            market,
            market_code: Market::sim_ch(),
            product: settings.product,
            output: settings.output,
            output_mistake: self.output_mistake(&settings),
            simulated_meters: active.map(meter).collect(),
            sites,
        })
    }

    /// How the sites stand now.
    async fn sites(&self, settings: &Settings) -> Result<Vec<SiteStatus>, SimulationError> {
        let (world, now, histories) =
            (settings.world(), self.clock.now(), Arc::clone(&self.histories));
        let sites: Vec<_> =
            settings.all_sites().into_iter().map(|site| (settings.writes(&site), site)).collect();
        if sites.iter().all(|(writes, _)| !writes) {
            return Ok(sites.iter().map(|(_, site)| site.idle()).collect());
        }
        let work = move || {
            let status = |(writes, site): &(bool, Arc<Site>)| {
                if *writes { site.status((world, &histories), now) } else { site.idle() }
            };
            sites.iter().map(status).collect()
        };
        Ok(self.needs.pool.run("simulation.sites", work).await?)
    }

    /// The local day `date` of each site that writes and stood on it.
    pub async fn site_days(&self, date: NaiveDate) -> Result<Vec<SiteDay>, SimulationError> {
        let settings = self.settings();
        let mut sites = settings.all_sites();
        sites.retain(|site| settings.writes(site));
        if sites.is_empty() {
            return Ok(Vec::new());
        }
        let (world, histories) = (settings.world(), Arc::clone(&self.histories));
        let work =
            move || sites.iter().filter_map(|site| site.day((world, &histories), date)).collect();
        Ok(self.needs.pool.run("simulation.sites", work).await?)
    }

    fn output_mistake(&self, settings: &Settings) -> Option<String> {
        let brokers = &self.needs.brokers;
        settings.output_mistake(brokers.mqtt.is_some(), brokers.kafka.is_some())
    }

    /// What takes readings under these settings.
    pub(super) fn sink(&self, settings: &Settings) -> Result<Box<dyn Sink>, SimulationError> {
        if let Some(mistake) = self.output_mistake(settings) {
            return Err(SimulationError::NoOutput(mistake));
        }
        let Brokers { mqtt, kafka } = self.needs.brokers.clone();
        let broker: Option<Broker> = match settings.output {
            Output::Database => None,
            Output::Mqtt => mqtt,
            Output::Kafka => kafka,
        };
        Ok(match broker {
            Some(broker) => Box::new(broker),
            None => Box::new(Tables(self.needs.readings.clone())),
        })
    }

    /// Makes sure that SIM-CH has its history up to today, and tomorrow from 13:00 local time on.
    ///
    /// Prices are known from 13:00 on the day before delivery. Only what is missing or differs is
    /// written (another seed rewrites the history; the old one moves to the revisions), so a second
    /// fill writes nothing. `None` when the market was stopped, or when it is switched off and
    /// nobody started it.
    pub async fn fill(&self) -> Result<Option<Filled>, SimulationError> {
        let mut conn = self.needs.db.conn().await?;
        conn.transaction(async |conn| {
            let settings = self.settings();
            // Held to the end: once a stop is answered, nothing is written any more.
            let state = store::state_held(conn, Stream::Market).await?;
            let is_started = state.is_some();
            if !state.map_or(settings.enabled, |state| state.is_running) {
                return Ok(None);
            }
            let market = Market::sim_ch();
            let (first, last) = days_to_fill(self.clock.now(), &market, &settings);
            let (stored, _) = self.put_prices(settings.product, first, last).await?;
            if is_started && stored.changed() {
                self.note_prices(conn, stored).await?;
            }
            Ok(Some(Filled { market, product: settings.product, first, last, stored }))
        })
        .await
    }

    async fn note_prices(&self, conn: &mut Conn, stored: Stored) -> Result<(), SimulationError> {
        let written = (stored.inserted + stored.replaced, &*self.writer);
        Ok(store::advance(conn, Stream::Market, None, written, self.clock.now()).await?)
    }

    /// Makes the prices of some local days and writes those that are missing or differ; answers
    /// with what became of them and how many there are.
    pub(super) async fn put_prices(
        &self,
        product: Product,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<(Stored, u64), SimulationError> {
        let market = Market::sim_ch();
        let zone = market.time_zone();
        let range = days_range(first, last, zone);
        let prices = &self.needs.prices;
        let stored = prices.prices(&market, product, range).await?;
        let present: HashMap<DateTime<Utc>, PricePoint> =
            stored.into_iter().map(|point| (point.ts, point)).collect();
        let simulated = self.simulated(product, first, last).await?;
        let count = simulated.len() as u64;
        let wanted: Vec<PricePoint> = simulated
            .into_iter()
            .map(|price| PricePoint {
                ts: price.ts,
                interval_s: price.interval_s,
                price_eur_mwh: Some(price.price_eur_mwh),
                volume: None,
                quality: Quality::Simulated,
                known_at: assumed_price_known_at(price.ts, zone),
                known_at_assumed: false,
                source: SOURCE.to_owned(),
            })
            .filter(|point| present.get(&point.ts) != Some(point))
            .collect();
        let mut stored = prices.put(&market, product, &wanted).await?;
        stored.unchanged += count - wanted.len() as u64;
        Ok((stored, count))
    }

    /// Prices of the simulated world: made, or those of the seed file played over and over.
    async fn simulated(
        &self,
        product: Product,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<SimulatedPrice>, SimulationError> {
        let settings = self.settings();
        let work = move || {
            let zone = Market::sim_ch().time_zone();
            if let Some(replay) = replay(&settings)? {
                return Ok(replay.prices(product, first, last, zone));
            }
            let world = (settings.seed, &settings.market);
            Ok(simulate_prices(world, product, first, last, zone))
        };
        self.needs.pool.run("simulation.prices", work).await?
    }
}

/// The file that stands in for made prices, if the settings name one.
fn replay(settings: &Settings) -> Result<Option<Replay>, SimulationError> {
    let Some(path) = &settings.market_seed_file else { return Ok(None) };
    let refuse = |reason: String| SimulationError::SeedFile { path: path.clone(), reason };
    let size = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if size > SEED_FILE_BYTES_MAX {
        return Err(refuse(format!("it has {size} bytes, more than {SEED_FILE_BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Read as what it most likely is; the market of the file does not matter to those who replay it.
    let market = Market::parse("CH").map_err(|error| refuse(error.to_string()))?;
    let zone = Market::sim_ch().time_zone();
    let parsed = parse_prices(&bytes, &name, &ImportOptions::new(market))
        .map_err(|error| SimulationError::seed_file(path, &error))?;
    let prices = parsed.points.iter().map(|point| (point.ts, point.price_eur_mwh));
    let replay = Replay::of(prices, zone);
    replay.map(Some).ok_or_else(|| refuse("it holds less than a whole day of prices".to_owned()))
}

/// First and last local day that readers may expect at `now`.
pub(super) fn days_to_fill(
    now: DateTime<Utc>,
    market: &Market,
    settings: &Settings,
) -> (NaiveDate, NaiveDate) {
    let zone = market.time_zone();
    let today = local_date(now, zone);
    let publication = NaiveTime::from_hms_opt(13, 0, 0).unwrap_or(NaiveTime::MIN);
    let is_published = now >= at_local(today, publication, zone);
    let last = if is_published { add_days(today, 1) } else { today };
    (add_days(today, -i64::from(settings.history_days)), last)
}
