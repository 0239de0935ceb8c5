//! A battery: it takes what the roof has left and gives it back when the house draws.

use super::heat_pump::STEP_H;
use super::settings::Battery;

/// What is carried from one minute to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BatteryState {
    pub stored_kwh: f64,
}

/// What happened in a minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BatteryMinute {
    /// Power taken and given at its connection, in kW; one of them is nothing.
    pub charge_kw: f64,
    pub discharge_kw: f64,
    /// What it holds at the end of the minute.
    pub stored_kwh: f64,
}

impl BatteryState {
    /// The first minute of a site's life: half full.
    pub fn new(settings: &Battery) -> Self {
        let middle = f64::midpoint(settings.min_soc, settings.max_soc);
        Self { stored_kwh: middle * settings.capacity_kwh }
    }

    /// Lets a minute pass in which the site has `surplus_kw` left, or lacks `lacks_kw` of what the
    /// battery may give.
    ///
    /// What is stored is what comes in times the charge's efficiency, less what goes out over the
    /// discharge's; a battery that nobody uses keeps what it holds.
    pub fn step(
        &mut self,
        settings: &Battery,
        (surplus_kw, lacks_kw): (f64, f64),
    ) -> BatteryMinute {
        let (least, most) =
            (settings.min_soc * settings.capacity_kwh, settings.max_soc * settings.capacity_kwh);
        let mut minute = BatteryMinute::default();
        if surplus_kw > 0.0 {
            let room_kw = (most - self.stored_kwh).max(0.0) / (settings.charge_efficiency * STEP_H);
            minute.charge_kw = surplus_kw.min(settings.charge_kw).min(room_kw);
        } else if lacks_kw > 0.0 {
            let left_kw =
                (self.stored_kwh - least).max(0.0) * settings.discharge_efficiency / STEP_H;
            minute.discharge_kw = lacks_kw.min(settings.discharge_kw).min(left_kw);
        }
        let change_kw = minute.charge_kw * settings.charge_efficiency
            - minute.discharge_kw / settings.discharge_efficiency;
        // The last digit of a division may lie beyond a limit.
        self.stored_kwh = (self.stored_kwh + change_kw * STEP_H).clamp(least, most);
        minute.stored_kwh = self.stored_kwh;
        minute
    }
}
