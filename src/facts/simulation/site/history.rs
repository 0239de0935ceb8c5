//! States of sites at midnight, so that a day is made without the years before it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;

use super::course::{Course, Site, State};
use crate::base::timeline::add_days;
use crate::facts::simulation::house::World;

/// What is remembered of each site. Nothing of it is kept when the program ends: it follows anew
/// from the day on which the site was built, in a millisecond or two a day.
#[derive(Debug, Default)]
pub struct Histories(Mutex<HashMap<String, History>>);

/// States at the first instants of local days, of a site as it is set up.
#[derive(Debug)]
struct History {
    world: World,
    site: Site,
    midnights: BTreeMap<NaiveDate, State>,
}

impl Histories {
    /// The local day `date` of a site; nothing before it was built.
    ///
    /// Days between are made in turn, once: whoever asks meanwhile waits for the same days.
    pub(super) fn day(&self, world: World, site: &Site, date: NaiveDate) -> Option<Course> {
        if date < site.settings.built_on {
            return None;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another world or other settings are another history.
        let is_same = |known: &History| known.world == world && known.site == *site;
        if !all.get(&site.name).is_some_and(is_same) {
            let midnights = [(site.settings.built_on, site.first(world))].into();
            let history = History { world, site: site.clone(), midnights };
            all.insert(site.name.clone(), history);
        }
        let midnights = &mut all.get_mut(&site.name)?.midnights;
        let (known, state) = midnights.range(..=date).next_back()?;
        let (mut day, mut state) = (*known, state.clone());
        while day < date {
            site.course(world, day, &mut state);
            day = add_days(day, 1);
            midnights.insert(day, state.clone());
        }
        let course = site.course(world, date, &mut state);
        midnights.insert(add_days(date, 1), state);
        Some(course)
    }
}
