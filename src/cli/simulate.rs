//! The simulation from the box itself: the market filled now; start, stop, status, rows on demand.

use serde::Serialize;

use super::arguments::{SimulateCommand, WhichStreams};
use super::output::{Failure, json, line, text};
use super::realism;
use super::session::with_services;
use super::site::{self, SiteOrder};
use crate::access::audit::By;
use crate::app::Services;
use crate::base::timeline::TimeRange;
use crate::base::timeline::days_range;
use crate::config::Settings;
use crate::facts::simulation::GeneratedReadings;
use crate::facts::simulation::SimulationError;
use crate::facts::simulation::SimulationStatus;
use crate::facts::simulation::StreamState;
use crate::facts::simulation::Which;

/// What the simulation saw to.
#[derive(Serialize)]
struct Simulated {
    market: String,
    product: &'static str,
    first: chrono::NaiveDate,
    last: chrono::NaiveDate,
    stored: u64,
    unchanged: u64,
}

pub(super) async fn fill(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let filled =
        with_services(settings, async |services| services.simulation.fill().await.map_err(failure))
            .await?;
    let Some(filled) = filled else {
        let error = anyhow::anyhow!("the simulated market is switched off or stopped");
        return Err(Failure::with_hint(error, "luna simulate start --only-market"));
    };
    let simulated = Simulated {
        market: filled.market.to_string(),
        product: filled.product.name(),
        first: filled.first,
        last: filled.last,
        stored: filled.stored.inserted + filled.stored.replaced,
        unchanged: filled.stored.unchanged,
    };
    if as_json {
        return json(&simulated);
    }
    text(&format!(
        "{} {}: simulated {} to {}, stored {} prices\n",
        simulated.market, simulated.product, simulated.first, simulated.last, simulated.stored
    ))
}

pub(super) async fn run(settings: &Settings, command: SimulateCommand) -> Result<(), Failure> {
    match command {
        SimulateCommand::Report { households, profile, from, to, json } => {
            realism::run(settings, (&households, &profile), (from, to), json)
        }
        SimulateCommand::Site { site, from, to, interval_s, csv, store, json } => {
            let order = SiteOrder { site, days: (from, to), interval_s, csv, store, json };
            site::run(settings, order).await
        }
        command => with_services(settings, async |services| act(&services, command).await).await,
    }
}

async fn act(services: &Services, command: SimulateCommand) -> Result<(), Failure> {
    let simulation = &services.simulation;
    let asker = (&By::command(), None);
    match command {
        SimulateCommand::Start { which, interval_s, json } => {
            let status = simulation.start(which.which(), interval_s, asker).await;
            tell(&status.map_err(failure)?, json)
        }
        SimulateCommand::Stop { which, json } => {
            tell(&simulation.stop(which.which(), asker).await.map_err(failure)?, json)
        }
        SimulateCommand::Status { json } => {
            tell(&simulation.status().await.map_err(failure)?, json)
        }
        SimulateCommand::Generate { market: true, from, to, json: as_json, .. } => {
            let made = simulation.generate_prices(None, from, to, asker).await.map_err(failure)?;
            if as_json {
                return json(&made);
            }
            text(&format!(
                "{} {}: made {} prices, stored {}, unchanged {}\n",
                made.market,
                made.product.name(),
                made.rows,
                made.stored.inserted + made.stored.replaced,
                made.stored.unchanged
            ))
        }
        SimulateCommand::Generate { meter, from, to, interval_s, json: as_json, .. } => {
            let zone = simulation.settings().world().zone;
            let range = days_range(from, to, zone);
            // Today is not over: what can be known of it is made.
            let now = services.clock.now();
            let range = TimeRange::new(range.from, range.to.min(now));
            let made = simulation.generate_readings(meter.as_deref(), range, interval_s, asker);
            let made = made.await.map_err(failure)?;
            if as_json {
                return json(&made);
            }
            text(&told(&made))
        }
        // Answered before.
        SimulateCommand::Report { .. } | SimulateCommand::Site { .. } => Ok(()),
    }
}

impl WhichStreams {
    const fn which(self) -> Which {
        Which { meters: !self.only_market, market: !self.only_meters }
    }
}

pub(super) fn failure(error: SimulationError) -> Failure {
    match error {
        SimulationError::UnknownMeter { .. }
        | SimulationError::UnknownSite { .. }
        | SimulationError::NoMeter => {
            Failure::with_hint(error, "luna config show --origin tells which meters are set up")
        }
        error => Failure::world(error),
    }
}

/// What became of readings that were made.
pub(super) fn told(made: &GeneratedReadings) -> String {
    let names = made.meter_ids.join(", ");
    let GeneratedReadings { rows, missing, stored, sent, .. } = made;
    if *sent > 0 {
        return format!("{names}: made {rows} readings ({missing} missing), sent {sent}\n");
    }
    format!(
        "{names}: made {rows} readings ({missing} missing), stored {}, unchanged {}, left out {} \
         that others cover\n",
        stored.inserted + stored.replaced,
        stored.unchanged,
        stored.overlapping
    )
}

fn tell(status: &SimulationStatus, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(status);
    }
    let mut words = String::new();
    line(&mut words, format_args!("seed     {}", status.seed));
    line(&mut words, format_args!("meters   {}", stream(&status.meters)));
    line(&mut words, format_args!("market   {}", stream(&status.market)));
    for meter in &status.simulated_meters {
        line(
            &mut words,
            format_args!(
                "  {}  {} of house {} ({}), every {} s",
                meter.meter_id,
                meter.measures.role().name(),
                meter.house,
                meter.profile,
                status.meters.interval_s.unwrap_or(meter.interval_s)
            ),
        );
    }
    line(&mut words, format_args!("output   {}", status.output.name()));
    if let Some(mistake) = &status.output_mistake {
        line(&mut words, format_args!("         simulation.{mistake}"));
    }
    for site in &status.sites {
        site::describe(&mut words, site);
    }
    text(&words)
}

fn stream(state: &StreamState) -> String {
    let since = match (state.is_running, state.started_at, state.stopped_at) {
        (true, Some(at), _) => format!("runs since {}", at.to_rfc3339()),
        (true, None, _) => "runs by the settings".to_owned(),
        (false, _, Some(at)) => format!("stopped at {}", at.to_rfc3339()),
        (false, ..) => "does not run".to_owned(),
    };
    match state.written_until {
        Some(at) => format!("{since}, {} rows, up to {}", state.rows_written, at.to_rfc3339()),
        None => since,
    }
}
