//! `luna simulate report`: the simulated house beside measured ones.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::output::{Failure, json, line, text};
use crate::config::Settings;
use crate::facts::simulation::House;
use crate::facts::simulation::RealismReport;
use crate::facts::simulation::Row;
use crate::facts::simulation::report;

/// Longest range that is simulated, in days.
const DAYS_MAX: i64 = 3_700;

pub(super) fn run(
    settings: &Settings,
    (folder, profile): (&Path, &str),
    (from, to): (NaiveDate, NaiveDate),
    as_json: bool,
) -> Result<(), Failure> {
    let simulation = &settings.simulation;
    let Some(kind) = simulation.profiles.get(profile) else {
        let known: Vec<&str> = simulation.profiles.keys().map(String::as_str).collect();
        let error =
            anyhow::anyhow!("there is no profile '{profile}'; known are {}", known.join(", "));
        return Err(Failure::world(error));
    };
    if !(14..=DAYS_MAX).contains(&((to - from).num_days() + 1)) {
        let error = anyhow::anyhow!("--from {from} --to {to} are not 14 to {DAYS_MAX} days");
        return Err(Failure::world(error));
    }
    let house = House { number: 1, profile: kind.clone() };
    let files = files(folder)?;
    let told = report(simulation.world(), (profile, &house), (from, to), &files);
    let told = told.map_err(Failure::world)?;
    if as_json {
        return json(&told);
    }
    text(&table(&told))
}

/// The CSV files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let refuse = |error: std::io::Error| {
        Failure::world(anyhow::anyhow!("{} cannot be read: {error}", folder.display()))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if [".csv", ".csv.gz"].iter().any(|ending| name.ends_with(ending)) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let error = anyhow::anyhow!("{} holds no .csv or .csv.gz", folder.display());
        return Err(Failure::world(error));
    }
    let read = |path: PathBuf| Ok((path.clone(), std::fs::read(&path).map_err(refuse)?));
    paths.into_iter().map(read).collect()
}

/// The report as Markdown.
fn table(told: &RealismReport) -> String {
    let mut words = String::new();
    line(
        &mut words,
        format_args!(
            "Simulated house: profile {}, seed {}, {} to {}",
            told.profile, told.seed, told.first, told.last
        ),
    );
    for house in &told.houses {
        let load = house.load.as_ref().map_or(0, |figures| figures.hours);
        let pv = house.pv.as_ref().map_or(0, |figures| figures.hours);
        line(
            &mut words,
            format_args!(
                "{}: load of {load} hours ({}), roof of {pv} hours, {} hours left out",
                house.file, house.load_from, house.hours_left_out
            ),
        );
    }
    for (title, rows) in [("What the house draws", &told.load), ("What its roof makes", &told.pv)] {
        if rows.is_empty() {
            continue;
        }
        line(&mut words, format_args!("\n{title}\n"));
        line(
            &mut words,
            format_args!("| figure | simulated | measured, lowest | highest | inside |"),
        );
        line(&mut words, format_args!("|---|---:|---:|---:|---|"));
        for row in rows {
            line(&mut words, format_args!("{}", markdown(row)));
        }
    }
    line(&mut words, format_args!("\n{} of {} figures inside", told.inside, told.compared));
    words
}

fn markdown(row: &Row) -> String {
    format!(
        "| {} | {:.3} | {:.3} | {:.3} | {} |",
        row.figure,
        row.simulated,
        row.lowest,
        row.highest,
        if row.inside { "yes" } else { "no" }
    )
}
