//! Appliances: when they run on a day, and how much they draw, minute by minute.

use crate::facts::simulation::noise::{Channel, even, hash, mix, normal};

/// A machine that somebody switches on.
pub(super) struct Appliance {
    /// Runs on a mean working day.
    pub per_day: f64,
    /// Runs on a day of rest against a working day.
    pub rest: f64,
    /// Hours around which it starts, how far about, and how likely each is.
    pub starts: &'static [Start],
    /// Minutes and kW of its parts.
    pub phases: &'static [(u16, f64)],
}

/// Around when a machine is started.
pub(super) struct Start {
    pub hour: f64,
    pub about: f64,
    pub weight: f64,
}

const fn at(hour: f64, about: f64, weight: f64) -> Start {
    Start { hour, about, weight }
}

/// Number of the machines below; another one makes another world of every seed.
const KINDS: i64 = 9;

/// Machines of a household.
pub(super) const HOUSEHOLD: [Appliance; 9] = [
    // A kettle, a coffee machine, a toaster.
    Appliance {
        per_day: 5.0,
        rest: 1.1,
        starts: &[at(7.6, 1.2, 0.4), at(10.4, 1.6, 0.18), at(13.6, 1.1, 0.16), at(16.8, 2.0, 0.26)],
        phases: &[(4, 1.7)],
    },
    // A meal on the stove at noon.
    Appliance {
        per_day: 0.55,
        rest: 1.35,
        starts: &[at(12.4, 0.8, 1.0)],
        phases: &[(8, 2.0), (22, 0.9)],
    },
    // And in the evening.
    Appliance {
        per_day: 0.85,
        rest: 1.0,
        starts: &[at(19.0, 1.4, 1.0)],
        phases: &[(10, 2.2), (32, 1.0)],
    },
    // The oven.
    Appliance {
        per_day: 0.24,
        rest: 1.9,
        starts: &[at(18.6, 1.3, 0.7), at(11.8, 1.0, 0.3)],
        phases: &[(12, 2.4), (35, 1.1)],
    },
    // The dishwasher.
    Appliance {
        per_day: 0.62,
        rest: 1.1,
        starts: &[at(20.9, 1.7, 0.6), at(14.2, 1.6, 0.4)],
        phases: &[(6, 0.1), (18, 2.0), (30, 0.1), (14, 2.0), (20, 0.05)],
    },
    // The washing machine.
    Appliance {
        per_day: 0.5,
        rest: 1.5,
        starts: &[at(10.2, 2.0, 0.55), at(17.8, 2.2, 0.45)],
        phases: &[(4, 0.1), (18, 2.0), (55, 0.18), (9, 0.45)],
    },
    // The dryer, which follows it by chance only.
    Appliance {
        per_day: 0.28,
        rest: 1.5,
        starts: &[at(13.0, 2.2, 0.5), at(19.6, 2.0, 0.5)],
        phases: &[(70, 0.85)],
    },
    // A vacuum cleaner, a drill, an iron.
    Appliance {
        per_day: 0.3,
        rest: 1.4,
        starts: &[at(10.8, 1.8, 0.6), at(17.6, 1.8, 0.4)],
        phases: &[(24, 0.95)],
    },
    // An evening with guests, a film, a game.
    Appliance { per_day: 0.5, rest: 1.5, starts: &[at(20.2, 1.6, 1.0)], phases: &[(150, 0.24)] },
];

/// A run of an appliance: minutes after local midnight, which may lie on the next day, and kW.
pub(super) struct Run {
    pub start_min: i64,
    pub phases: &'static [(u16, f64)],
    /// How much it draws against others of its kind on this day.
    pub strength: f64,
}

/// The runs of all appliances that begin on day number `day`; `often` is how often against a mean
/// working day.
pub(super) fn runs(seed: u64, day: i64, often: f64, is_rest: bool) -> Vec<Run> {
    let mut all = Vec::new();
    for (place, appliance) in (day * KINDS..).zip(&HOUSEHOLD) {
        let mut chance = hash(seed, Channel::Appliance, place);
        let mut expected = appliance.per_day * often * if is_rest { appliance.rest } else { 1.0 };
        // Whole runs happen, the rest of the expectation does by chance.
        while expected > 0.0 {
            chance = mix(chance);
            if even(chance) < expected {
                all.push(run(appliance, chance));
            }
            expected -= 1.0;
        }
    }
    all
}

fn run(appliance: &Appliance, chance: u64) -> Run {
    let (which, when, strength) = (mix(chance), mix(chance ^ 1), mix(chance ^ 2));
    let mut left = even(which);
    let chosen = appliance.starts.iter().find(|start| {
        left -= start.weight;
        left < 0.0
    });
    let start = chosen.unwrap_or(&appliance.starts[0]);
    let hour = start.hour + start.about * normal(when);
    #[expect(clippy::cast_possible_truncation, reason = "minutes of a day are few")]
    let start_min = (hour * 60.0).round() as i64;
    Run { start_min, phases: appliance.phases, strength: 0.8 + 0.4 * even(strength) }
}
