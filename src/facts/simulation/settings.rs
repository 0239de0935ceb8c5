//! The `[simulation]` section, most of which is written in `config/sim.yml`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::house::{House, Measures, Place, Profile, SimulatedMeter, World};
use super::output::Output;
use super::site::{Part, Site, SiteSettings, site_meter_id};
use crate::base::ids::{Market, Product};

/// Longest history that is made, in days; reads of prices are limited too.
const HISTORY_DAYS_MAX: u16 = 3_650;
/// Most meters of a box; each writes up to a row a second.
const METERS_MAX: usize = 50;
/// Meters that cannot be reached more often than this are of no use to anybody.
const OUTAGE_RATE_MAX: f64 = 0.15;
/// Longest name of a site: its meters' names have room for what they measure.
const SITE_NAME_MAX: usize = 40;

/// The `[simulation]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether SIM-CH is kept filled.
    pub enabled: bool,
    /// Which simulated world; another seed is another history.
    pub seed: u64,
    /// Days of history behind today.
    pub history_days: u16,
    /// Hourly or quarter-hourly prices.
    pub product: Product,
    /// Where the houses stand, in degrees north.
    pub latitude_deg: f64,
    /// Where the houses stand, in degrees east.
    pub longitude_deg: f64,
    /// What the market is made of.
    pub market: MarketShape,
    /// A file of prices that is played over and over as the market instead.
    pub market_seed_file: Option<PathBuf>,
    /// Meters by name.
    pub meters: BTreeMap<String, MeterSettings>,
    /// Kinds of houses by name.
    pub profiles: BTreeMap<String, Profile>,
    /// Whether the meters of the sites write too.
    pub sites_enabled: bool,
    /// Sites by name.
    pub sites: BTreeMap<String, SiteSettings>,
    /// Where readings go.
    pub output: Output,
}

/// What simulated prices are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketShape {
    /// Height of the day's waves, as a factor.
    pub waves: f64,
    /// What nobody could have known about a quarter hour: standard deviation in EUR/MWh.
    pub noise_eur_mwh: f64,
    /// Share of working days with a scarce evening.
    pub spike_rate: f64,
}

impl Default for MarketShape {
    fn default() -> Self {
        Self { waves: 1.0, noise_eur_mwh: 5.5, spike_rate: 0.012 }
    }
}

/// A simulated meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeterSettings {
    /// Whether it writes.
    pub enabled: bool,
    /// Kind of the house it hangs at, one of `profiles`.
    pub profile: String,
    /// Number of that house: meters with the same number hang at the same one.
    pub house: u32,
    /// What of the house it measures.
    pub measures: Measures,
    /// Seconds of one reading while the simulation runs.
    pub interval_s: i32,
    /// Seconds of one reading of the time before.
    pub history_interval_s: i32,
    /// Share of the time it cannot be reached.
    pub outage_rate: f64,
}

impl Default for MeterSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            profile: "household_pv".to_owned(),
            house: 1,
            measures: Measures::House,
            interval_s: 5,
            history_interval_s: 900,
            outage_rate: 0.002,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let grid = MeterSettings { measures: Measures::Grid, ..MeterSettings::default() };
        Self {
            enabled: true,
            seed: 2_023,
            history_days: 400,
            product: Product::DayAhead,
            latitude_deg: 47.37,
            longitude_deg: 8.54,
            market: MarketShape::default(),
            market_seed_file: None,
            meters: [("sim-house", MeterSettings::default()), ("sim-grid", grid)]
                .map(|(name, meter)| (name.to_owned(), meter))
                .into(),
            profiles: [
                ("household", Profile::default()),
                ("household_pv", Profile::household_pv()),
                ("flat", Profile::flat()),
                ("sme", Profile::sme()),
            ]
            .map(|(name, profile)| (name.to_owned(), profile))
            .into(),
            sites_enabled: false,
            sites: [("home".to_owned(), SiteSettings::default())].into(),
            output: Output::Database,
        }
    }
}

/// Whether a meter may read at this interval while it runs: steps that fill a minute.
pub(super) const fn is_live_interval(interval_s: i32) -> bool {
    interval_s >= 1 && interval_s <= 60 && 60 % interval_s == 0
}

/// Whether readings of this interval can be made at all: steps that fill a minute or, in whole
/// minutes, a quarter hour.
pub(super) const fn is_interval(interval_s: i32) -> bool {
    is_live_interval(interval_s)
        || (interval_s > 60 && interval_s % 60 == 0 && 900 % interval_s == 0)
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let days = self.history_days;
        if !(30..=HISTORY_DAYS_MAX).contains(&days) {
            all.push(format!(
                "history_days = {days} is not between 30, the least that can be forecast from, and {HISTORY_DAYS_MAX}"
            ));
        }
        let bounds = [
            ("latitude_deg", self.latitude_deg, -66.0, 66.0),
            ("longitude_deg", self.longitude_deg, -180.0, 180.0),
            ("market.waves", self.market.waves, 0.0, 5.0),
            ("market.noise_eur_mwh", self.market.noise_eur_mwh, 0.0, 500.0),
            ("market.spike_rate", self.market.spike_rate, 0.0, 0.6),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                all.push(format!("{key} = {value} is not between {least} and {most}"));
            }
        }
        for (name, profile) in &self.profiles {
            let mistakes = profile.mistakes().into_iter();
            all.extend(mistakes.map(|mistake| format!("profiles.{name}.{mistake}")));
        }
        if self.meters.len() > METERS_MAX {
            let count = self.meters.len();
            all.push(format!("meters are {count}; at most {METERS_MAX} can be simulated"));
        }
        for (meter_id, meter) in &self.meters {
            let mistakes = self.mistakes_of(meter_id, meter).into_iter();
            all.extend(mistakes.map(|mistake| format!("meters.{meter_id}{mistake}")));
        }
        for (name, site) in &self.sites {
            let mistakes = self.mistakes_of_site(name, site).into_iter();
            all.extend(mistakes.map(|mistake| format!("sites.{name}{mistake}")));
        }
        all
    }

    fn mistakes_of(&self, meter_id: &str, meter: &MeterSettings) -> Vec<String> {
        let mut all = Vec::new();
        if !is_name(meter_id.strip_prefix("sim-").unwrap_or_default(), 60) {
            all.push(
                " is no name for a simulated meter; write sim- and letters, digits, dashes or underscores"
                    .to_owned(),
            );
        }
        all.extend(self.mistakes_of_reading(
            &meter.profile,
            (meter.interval_s, meter.history_interval_s),
            meter.outage_rate,
        ));
        all
    }

    fn mistakes_of_site(&self, name: &str, site: &SiteSettings) -> Vec<String> {
        let mut all = Vec::new();
        if !is_name(name, SITE_NAME_MAX) {
            all.push(format!(
                " is no name for a site; write 1 to {SITE_NAME_MAX} letters, digits, dashes or underscores"
            ));
        }
        all.extend(self.mistakes_of_reading(
            &site.profile,
            (site.interval_s, site.history_interval_s),
            site.outage_rate,
        ));
        all.extend(site.mistakes().into_iter().map(|mistake| format!(".{mistake}")));
        let taken = Part::ALL.map(|part| site_meter_id(name, part));
        let taken = taken.into_iter().find(|meter_id| self.meters.contains_key(meter_id));
        if let Some(taken) = taken {
            all.push(format!(" writes the meter {taken}, which is one of meters; rename one"));
        }
        all
    }

    /// What meters and sites have in common.
    fn mistakes_of_reading(
        &self,
        profile: &str,
        (interval_s, history_interval_s): (i32, i32),
        outage_rate: f64,
    ) -> Vec<String> {
        let mut all = Vec::new();
        if !self.profiles.contains_key(profile) {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            all.push(format!(
                ".profile = '{profile}' is none of the profiles {}{}",
                known.join(", "),
                meant(profile, &known)
            ));
        }
        if !is_live_interval(interval_s) {
            all.push(format!(
                ".interval_s = {interval_s} does not fill a minute; write 1, 2, 3, 4, 5 or another divisor of 60"
            ));
        }
        if history_interval_s < 60 || !is_interval(history_interval_s) {
            all.push(format!(
                ".history_interval_s = {history_interval_s} does not fill a quarter hour; write 60, 180, 300 or 900"
            ));
        }
        if !(0.0..=OUTAGE_RATE_MAX).contains(&outage_rate) {
            all.push(format!(
                ".outage_rate = {outage_rate} is not between 0 and {OUTAGE_RATE_MAX}"
            ));
        }
        all
    }

    /// The world that all of it lies in.
    pub fn world(&self) -> World {
        World {
            seed: self.seed,
            place: Place { latitude_deg: self.latitude_deg, longitude_deg: self.longitude_deg },
            zone: Market::sim_ch().time_zone(),
        }
    }

    /// The sites that are set up, whether they write or not, by name.
    pub fn all_sites(&self) -> Vec<Arc<Site>> {
        let site = |(name, site): (&String, &SiteSettings)| {
            let profile = self.profiles.get(&site.profile).cloned().unwrap_or_default();
            let house = House { number: site.house, profile };
            Arc::new(Site { name: name.clone(), house, settings: site.clone() })
        };
        self.sites.iter().map(site).collect()
    }

    /// The meters of houses that write, each with its settings, by name.
    pub(super) fn house_meters(&self) -> Vec<(SimulatedMeter, &MeterSettings)> {
        let meter = |(meter_id, meter): (&String, &'_ MeterSettings)| SimulatedMeter {
            meter_id: meter_id.clone(),
            house: House {
                number: meter.house,
                profile: self.profiles.get(&meter.profile).cloned().unwrap_or_default(),
            },
            measures: meter.measures,
            outage_rate: meter.outage_rate,
        };
        let active = self.meters.iter().filter(|(_, meter)| meter.enabled);
        active.map(|(name, settings)| (meter((name, settings)), settings)).collect()
    }
}

/// Whether a name consists of what the names of meters and sites may consist of.
fn is_name(name: &str, chars_max: usize) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    !name.is_empty() && name.len() <= chars_max && name.chars().all(fits)
}

/// The known word that was probably meant, as the end of a sentence.
fn meant(word: &str, known: &[&str]) -> String {
    const NEAR_ENOUGH: f64 = 0.8;
    let likeness = |known: &&str| strsim::jaro_winkler(word, known);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let best = best.filter(|known| likeness(known) >= NEAR_ENOUGH);
    best.map(|known| format!("; did you mean {known}?")).unwrap_or_default()
}
