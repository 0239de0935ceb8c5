//! A day of the simulated house to look at, made without storing anything.

use chrono::{DateTime, NaiveDate, Utc};

use super::error::SimulationError;
use super::house::Course;
use super::service::Simulation;
use crate::facts::meters::MeterRole;

/// A local day of the first simulated house, in means of quarter hours: 92, 96 or 100 of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// Kind of the house.
    pub profile: String,
    /// What it draws, in kW.
    pub load_kw: Vec<f64>,
    /// What its roof makes, in kW.
    pub pv_kw: Vec<f64>,
    /// What comes from the grid, in kW; below nothing what goes into it.
    pub grid_kw: Vec<f64>,
    /// What came from the grid over the day, in kWh; not reduced by what went into it.
    pub import_kwh: f64,
    /// What went into the grid, in kWh.
    pub export_kwh: f64,
}

impl Simulation {
    /// The local day `date` of the first meter's house; nothing where no meter is set up.
    pub async fn preview(&self, date: NaiveDate) -> Result<Option<Preview>, SimulationError> {
        let settings = self.settings();
        let world = settings.world();
        let mut active = settings.house_meters();
        // The meter of a house says more than one at its connection.
        active.sort_by_key(|(meter, _)| meter.measures.role() != MeterRole::House);
        let Some((meter, of_meter)) = active.into_iter().next() else { return Ok(None) };
        let profile = of_meter.profile.clone();
        let course = move || meter.house.course(world, date);
        let course = self.needs.pool.run("simulation.preview", course).await?;
        Ok(Some(preview(&course, profile)))
    }
}

fn preview(course: &Course, profile: String) -> Preview {
    let means = |minutes: &[f64]| -> Vec<f64> {
        minutes.chunks(15).map(|quarter| quarter.iter().sum::<f64>() / 15.0).collect()
    };
    let net: Vec<f64> =
        course.load_kw.iter().zip(&course.pv_kw).map(|(load, pv)| load - pv).collect();
    let kwh = |sign: f64| net.iter().map(|kw| (sign * kw).max(0.0) / 60.0).sum();
    Preview {
        from: course.from,
        profile,
        load_kw: means(&course.load_kw),
        pv_kw: means(&course.pv_kw),
        grid_kw: means(&net),
        import_kwh: kwh(1.0),
        export_kwh: kwh(-1.0),
    }
}
