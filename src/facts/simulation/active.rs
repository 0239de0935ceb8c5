//! Meters that write, whatever they hang at: a house alone, or a part of a site.

use std::sync::Arc;

use super::error::SimulationError;
use super::house::{SimulatedMeter, World, readings};
use super::settings::{MeterSettings, Settings};
use super::site::{self, Histories, Part, Site};
use crate::base::timeline::TimeRange;
use crate::facts::meters::{MeterRole, Reading};

/// A simulated meter that writes.
#[derive(Debug, Clone)]
pub(super) struct Active {
    pub meter_id: String,
    pub role: MeterRole,
    /// Seconds of one reading while the simulation runs.
    pub interval_s: i32,
    /// Seconds of one reading of the time before.
    pub history_interval_s: i32,
    source: Source,
}

/// Where a meter hangs.
#[derive(Debug, Clone)]
enum Source {
    House(SimulatedMeter),
    Site(Arc<Site>, Part),
}

impl Settings {
    /// The meters that write, those of houses before those of sites.
    pub(super) fn active_meters(&self) -> Vec<Active> {
        let of_house = |(meter, settings): (SimulatedMeter, &MeterSettings)| Active {
            meter_id: meter.meter_id.clone(),
            role: meter.measures.role(),
            interval_s: settings.interval_s,
            history_interval_s: settings.history_interval_s,
            source: Source::House(meter),
        };
        let mut all: Vec<Active> = self.house_meters().into_iter().map(of_house).collect();
        for site in self.all_sites().into_iter().filter(|site| self.writes(site)) {
            all.extend(of_site(&site));
        }
        all
    }

    /// The site of this name.
    pub fn site(&self, name: &str) -> Result<Arc<Site>, SimulationError> {
        let all = self.all_sites();
        let known = || self.sites.keys().cloned().collect();
        let found = all.into_iter().find(|site| site.name == name);
        found.ok_or_else(|| SimulationError::UnknownSite { given: name.to_owned(), known: known() })
    }

    /// Whether the meters of a site write while the simulation runs.
    pub(super) fn writes(&self, site: &Site) -> bool {
        self.sites_enabled && site.settings.enabled
    }
}

/// The meters of a site, whether they write or not.
pub(super) fn of_site(site: &Arc<Site>) -> Vec<Active> {
    let meter = |part: Part| Active {
        meter_id: site.meter_id(part),
        role: part.role(),
        interval_s: site.settings.interval_s,
        history_interval_s: site.settings.history_interval_s,
        source: Source::Site(Arc::clone(site), part),
    };
    site.parts().into_iter().map(meter).collect()
}

/// What `meters` read in `range` at `interval_s`.
pub(super) fn made(
    (world, histories): (World, &Histories),
    meters: &[Active],
    range: TimeRange,
    interval_s: i32,
) -> Vec<Reading> {
    let mut houses: Vec<SimulatedMeter> = Vec::new();
    let mut sites: Vec<(&Arc<Site>, Vec<Part>)> = Vec::new();
    for meter in meters {
        match &meter.source {
            Source::House(meter) => houses.push(meter.clone()),
            Source::Site(site, part) => {
                match sites.iter_mut().find(|(known, _)| known.name == site.name) {
                    Some((_, parts)) => parts.push(*part),
                    None => sites.push((site, vec![*part])),
                }
            }
        }
    }
    let mut all = readings(world, &houses, range, interval_s);
    for (site, parts) in sites {
        all.extend(site::readings((world, histories), (site, &parts), range, interval_s));
    }
    all
}
