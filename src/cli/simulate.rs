//! The simulated market, now instead of at the next tick.

use serde::Serialize;

use super::output::{Failure, json, text};
use super::session::with_services;
use crate::config::Settings;

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

pub(super) async fn run(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let filled = with_services(settings, async |services| {
        services.simulation.fill().await.map_err(Failure::world)
    })
    .await?;
    let Some(filled) = filled else {
        let error = anyhow::anyhow!("the simulation is switched off");
        return Err(Failure::with_hint(error, "LUNA_SIMULATION__ENABLED=true luna simulate"));
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
