//! The report: measured houses read, a simulated one made, the figures side by side.

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::Serialize;

use super::comparison::{Row, compare};
use super::figures::{Figures, Hours};
use super::measured::{self, HouseFileError, MeasuredHouse};
use crate::base::timeline::add_days;
use crate::facts::simulation::house::{House, World};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RealismError {
    /// A file is not of the form.
    #[error("{} {source}", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: HouseFileError,
    },
    /// A range needs at least two houses.
    #[error("{0} of the files tell what a house draws; a range needs at least two")]
    TooFew(usize),
    /// The simulated house is silent.
    #[error("the simulated house draws nothing in these days")]
    Silent,
}

/// What was told of a measured house.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredSummary {
    /// Name of its file.
    pub file: String,
    /// How its load was told from its counters, or why not.
    pub load_from: &'static str,
    /// Hours left out because a counter caught up or ran backwards.
    pub hours_left_out: usize,
    /// Figures of what it drew.
    pub load: Option<Figures>,
    /// Figures of what its roof made.
    pub pv: Option<Figures>,
}

/// The simulated house beside measured ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RealismReport {
    /// Seed of the simulated world.
    pub seed: u64,
    /// Profile of the simulated house.
    pub profile: String,
    /// First simulated local day.
    pub first: NaiveDate,
    /// Last simulated local day.
    pub last: NaiveDate,
    /// The measured houses.
    pub houses: Vec<MeasuredSummary>,
    /// Figures of what the simulated house draws.
    pub simulated_load: Figures,
    /// Figures of what its roof makes, if it has one.
    pub simulated_pv: Option<Figures>,
    /// What it draws, figure by figure.
    pub load: Vec<Row>,
    /// What its roof makes; empty where fewer than two measured houses, or not the simulated one,
    /// have one.
    pub pv: Vec<Row>,
    /// Figures inside of the range of the measured houses.
    pub inside: usize,
    /// Figures compared.
    pub compared: usize,
}

/// The simulated `house` of a profile's name, on the local days `first..=last`, beside the measured
/// houses of `files`, given as path and bytes.
pub fn report(
    world: World,
    (profile, house): (&str, &House),
    (first, last): (NaiveDate, NaiveDate),
    files: &[(PathBuf, Vec<u8>)],
) -> Result<RealismReport, RealismError> {
    let mut houses = Vec::new();
    for (path, bytes) in files {
        let read = measured::read(bytes);
        let read = read.map_err(|source| RealismError::File { path: path.clone(), source })?;
        houses.push(summary(path, &read, world));
    }
    let loads: Vec<&Figures> = houses.iter().filter_map(|house| house.load.as_ref()).collect();
    if loads.len() < 2 {
        return Err(RealismError::TooFew(loads.len()));
    }
    let (load, pv) = simulated(world, house, first, last);
    let simulated_load = Figures::of(&load, world.zone).ok_or(RealismError::Silent)?;
    let simulated_pv = Figures::of(&pv, world.zone);
    let load = compare(&simulated_load, &loads, true);
    let roofs: Vec<&Figures> = houses.iter().filter_map(|house| house.pv.as_ref()).collect();
    let pv = match &simulated_pv {
        Some(simulated) if roofs.len() >= 2 => compare(simulated, &roofs, false),
        _ => Vec::new(),
    };
    let rows = || load.iter().chain(&pv);
    Ok(RealismReport {
        seed: world.seed,
        profile: profile.to_owned(),
        first,
        last,
        inside: rows().filter(|row| row.inside).count(),
        compared: rows().count(),
        houses,
        simulated_load,
        simulated_pv,
        load,
        pv,
    })
}

fn summary(path: &std::path::Path, house: &MeasuredHouse, world: World) -> MeasuredSummary {
    let figures =
        |hours: &Option<Hours>| hours.as_ref().and_then(|hours| Figures::of(hours, world.zone));
    MeasuredSummary {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        load_from: house.how,
        hours_left_out: house.left_out,
        load: figures(&house.load),
        pv: figures(&house.pv),
    }
}

/// Energy of the simulated hours: drawn, and made.
fn simulated(world: World, house: &House, first: NaiveDate, last: NaiveDate) -> (Hours, Hours) {
    let (mut load, mut pv) = (Hours::new(), Hours::new());
    let mut date = first;
    while date <= last {
        let course = house.course(world, date);
        let hour = course.from.timestamp().div_euclid(3_600);
        for (hours, minutes) in [(&mut load, &course.load_kw), (&mut pv, &course.pv_kw)] {
            let energies = minutes.chunks(60).map(|hour| hour.iter().sum::<f64>() / 60.0);
            hours.extend((hour..).zip(energies));
        }
        date = add_days(date, 1);
    }
    (load, pv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::simulation::Settings;

    /// The measured houses, or nothing where the shared data are not there.
    fn files() -> Vec<(PathBuf, Vec<u8>)> {
        let Some(shared) = std::env::var_os("LUNA_SHARED_DIR").map(PathBuf::from) else {
            return Vec::new();
        };
        let Ok(listed) = std::fs::read_dir(shared.join("data/households")) else {
            return Vec::new();
        };
        let paths = listed.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    }

    #[test]
    fn the_simulated_house_could_be_a_measured_one_in_most_of_its_figures() {
        let files = files();
        if files.is_empty() {
            eprintln!("skipped: the measured houses are not there");
            return;
        }
        let settings = Settings::default();
        let house = House { number: 1, profile: settings.profiles["household_pv"].clone() };
        let days = ("2016-01-01".parse().unwrap(), "2017-12-31".parse().unwrap());
        let told = report(settings.world(), ("household_pv", &house), days, &files).unwrap();
        let left_out: Vec<_> = told.load.iter().chain(&told.pv).filter(|row| !row.inside).collect();
        println!("{} of {} inside; not: {left_out:#?}", told.inside, told.compared);
        assert_eq!(told.compared, 33);
        assert!(told.inside >= 30, "{left_out:#?}");
        // Two of four houses have no roof, one does not count what it feeds in.
        let with =
            |has: fn(&MeasuredSummary) -> bool| told.houses.iter().filter(|it| has(it)).count();
        assert_eq!((with(|it| it.load.is_some()), with(|it| it.pv.is_some())), (3, 2));
    }

    #[test]
    fn one_house_is_no_range() {
        let file = "utc_timestamp,a_grid_import\n2016-01-01T00:00:00Z,1\n";
        let files = [(PathBuf::from("a.csv"), file.as_bytes().to_vec())];
        let settings = Settings::default();
        let house = House { number: 1, profile: settings.profiles["flat"].clone() };
        let day: NaiveDate = "2016-01-01".parse().unwrap();
        let refused = report(settings.world(), ("flat", &house), (day, day), &files);
        assert!(matches!(refused, Err(RealismError::TooFew(0))), "{refused:?}");
    }
}
