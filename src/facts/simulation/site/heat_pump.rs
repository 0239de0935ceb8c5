//! A heat pump, the rooms and the tank that it keeps warm: heat is carried from minute to minute.

use super::settings::HeatPump;

/// Length of a step, in hours.
pub(super) const STEP_H: f64 = 1.0 / 60.0;
/// What a litre of water stores, in kWh per kelvin.
const WATER_KWH_L_K: f64 = 4.186 / 3_600.0;
/// What a tank loses to the cellar, in kW per kelvin.
const TANK_LOSS_KW_K: f64 = 0.002;
/// Temperature of the cellar, in °C.
const CELLAR_C: f64 = 16.0;
/// Temperature of the water that comes in, in °C.
const COLD_WATER_C: f64 = 10.0;
/// How far rooms and tank may leave their temperatures before the pump is called, in K.
const ROOM_BAND_K: f64 = 0.3;
const TANK_BAND_K: f64 = 7.0;
/// How far a tank may be heated beyond its temperature so that a run is not too short, in K.
const TANK_REST_K: f64 = 5.0;
/// How much warmer than the tank the water is that heats it, in K.
const TANK_LIFT_K: f64 = 4.0;
/// Hours over which the outdoor temperature is remembered, and within which rooms are brought back.
const SLOW_H: f64 = 24.0;
const RECOVERY_H: f64 = 8.0;
/// Outdoor temperature at which the heating's water has its highest temperature, in °C.
const DESIGN_C: f64 = -8.0;
/// Temperature above which people open windows, in °C, and what that loses, in kW per kelvin.
const OPEN_C: f64 = 24.5;
const OPEN_KW_K: f64 = 0.4;
/// Temperatures between heating water and outdoor air for which the coefficient is known, in K.
const LIFT_K: std::ops::RangeInclusive<f64> = 15.0..=60.0;

/// What the pump is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// It rests.
    Rest,
    /// It heats the rooms.
    Rooms,
    /// It heats the tank.
    Water,
}

/// What is carried from one minute to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeatState {
    pub indoor_c: f64,
    pub tank_c: f64,
    /// Outdoor temperature, remembered over a day.
    slow_c: f64,
    task: Task,
    /// Minutes since the compressor was started or stopped.
    since_min: u32,
    rooms_call: bool,
    water_calls: bool,
}

/// What comes from outside in a minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    pub outdoor_c: f64,
    /// Heat of people, machines and sun, in kW.
    pub gains_kw: f64,
    /// Heat of the water that is drawn, in kW.
    pub draw_kw: f64,
}

/// What happened in a minute.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeatMinute {
    /// Electric power, in kW.
    pub kw: f64,
    pub task: Task,
    /// Heat given to the rooms, to the tank, in kW.
    pub rooms_kw: f64,
    pub water_kw: f64,
    /// Heat per electric power of the compressor; absent while it rests.
    pub cop: Option<f64>,
    pub outdoor_c: f64,
    /// Heat of people, machines and sun; heat lost by the house, in kW.
    pub gains_kw: f64,
    pub loss_kw: f64,
    /// Heat drawn from the tank and lost by it, in kW.
    pub tank_out_kw: f64,
    /// Temperatures at the end of the minute.
    pub indoor_c: f64,
    pub tank_c: f64,
}

/// Coefficient of performance of an air-source heat pump that lifts heat by `lift_k`.
///
/// Regression over tests of many makes by Staffell, Brett, Brandon and Hawkes, A review of domestic
/// heat pumps, Energy & Environmental Science 5 (2012), for lifts of 15 to 60 K; beyond them the
/// coefficient stays. `factor` stands for what houses take off the tests.
pub(super) fn cop(lift_k: f64, factor: f64) -> f64 {
    let lift = lift_k.clamp(*LIFT_K.start(), *LIFT_K.end());
    factor * (6.81 - 0.121 * lift + 0.000_63 * lift * lift)
}

/// What a tank stores, in kWh per kelvin.
pub(super) fn tank_kwh_k(settings: &HeatPump) -> f64 {
    settings.tank_l * WATER_KWH_L_K
}

/// Temperature of the water in the heating: a line from the rooms' to that of the design day.
fn flow_c(settings: &HeatPump, outdoor_c: f64) -> f64 {
    let least = settings.room_c + 4.0;
    let share = (settings.room_c - outdoor_c) / (settings.room_c - DESIGN_C);
    let most = settings.flow_c.max(least);
    (least + (most - least) * share).clamp(least, most + 5.0)
}

impl HeatState {
    /// The first minute of a site's life: everything has its temperature.
    pub fn new(settings: &HeatPump, outdoor_c: f64) -> Self {
        Self {
            indoor_c: settings.room_c,
            tank_c: settings.water_c,
            slow_c: outdoor_c,
            task: Task::Rest,
            since_min: settings.rest_min,
            rooms_call: false,
            water_calls: false,
        }
    }

    /// Lets a minute pass.
    pub fn step(&mut self, settings: &HeatPump, around: Surroundings) -> HeatMinute {
        self.slow_c += (around.outdoor_c - self.slow_c) * STEP_H / SLOW_H;
        self.listen(settings);
        self.decide(settings);
        let (heat_kw, cop) = self.heat(settings, around.outdoor_c);
        let is_water = self.task == Task::Water;
        let (rooms_kw, water_kw) = if is_water { (0.0, heat_kw) } else { (heat_kw, 0.0) };
        let loss_kw = self.loss(settings, around.outdoor_c);
        self.indoor_c += (rooms_kw + around.gains_kw - loss_kw) * STEP_H / settings.capacity_kwh_k;
        let stored = tank_kwh_k(settings);
        let left_kw = stored * (self.tank_c - COLD_WATER_C).max(0.0) / STEP_H;
        let tank_out_kw =
            (around.draw_kw + TANK_LOSS_KW_K * (self.tank_c - CELLAR_C).max(0.0)).min(left_kw);
        self.tank_c += (water_kw - tank_out_kw) * STEP_H / stored;
        HeatMinute {
            kw: settings.standby_kw + cop.map_or(0.0, |cop| heat_kw / cop),
            task: self.task,
            rooms_kw,
            water_kw,
            cop,
            outdoor_c: around.outdoor_c,
            gains_kw: around.gains_kw,
            loss_kw,
            tank_out_kw,
            indoor_c: self.indoor_c,
            tank_c: self.tank_c,
        }
    }

    /// Whether rooms and tank call for heat: from the lower end of their band to the upper one.
    fn listen(&mut self, settings: &HeatPump) {
        let is_season = self.slow_c < settings.heating_limit_c;
        if !is_season || self.indoor_c > settings.room_c + ROOM_BAND_K {
            self.rooms_call = false;
        } else if self.indoor_c < settings.room_c - ROOM_BAND_K {
            self.rooms_call = true;
        }
        if self.tank_c >= settings.water_c {
            self.water_calls = false;
        } else if self.tank_c < settings.water_c - TANK_BAND_K {
            self.water_calls = true;
        }
    }

    /// What the pump does in this minute: water goes first, a run and a rest have their least
    /// length, and what a run has to give beyond need goes where it went before.
    fn decide(&mut self, settings: &HeatPump) {
        self.since_min = self.since_min.saturating_add(1);
        let wanted = match (self.water_calls, self.rooms_call) {
            (true, _) => Task::Water,
            (false, true) => Task::Rooms,
            (false, false) => Task::Rest,
        };
        let is_tank_full = self.tank_c >= settings.water_c + TANK_REST_K;
        match (self.task, wanted) {
            (Task::Rest, Task::Rest) => {}
            (Task::Rest, task) if self.since_min > settings.rest_min => self.turn(task),
            (Task::Rest, _) => {}
            (Task::Water, Task::Rest) if is_tank_full => self.turn(Task::Rest),
            (_, Task::Rest) if self.since_min > settings.run_min => self.turn(Task::Rest),
            (_, Task::Rest) => {}
            // The valve turns, the compressor runs on.
            (_, task) => self.task = task,
        }
    }

    const fn turn(&mut self, task: Task) {
        self.task = task;
        self.since_min = 1;
    }

    /// Heat that the pump gives, in kW, and its coefficient of performance.
    fn heat(&self, settings: &HeatPump, outdoor_c: f64) -> (f64, Option<f64>) {
        let flow_c = match self.task {
            Task::Rest => return (0.0, None),
            Task::Rooms => flow_c(settings, outdoor_c),
            Task::Water => self.tank_c + TANK_LIFT_K,
        };
        let cop = cop(flow_c - outdoor_c, settings.cop_factor);
        let most_kw = settings.heat_kw * (1.0 + 0.018 * (outdoor_c - 2.0)).clamp(0.6, 1.3);
        let most_kw = most_kw.min(settings.max_kw * cop);
        let wanted_kw = match self.task {
            Task::Water => most_kw,
            _ => {
                settings.loss_kw_k * (settings.room_c - outdoor_c)
                    + (settings.room_c - self.indoor_c) * settings.capacity_kwh_k / RECOVERY_H
            }
        };
        (wanted_kw.clamp(settings.part_load * most_kw, most_kw), Some(cop))
    }

    /// What the house loses, in kW: through walls, and through windows that people open.
    fn loss(&self, settings: &HeatPump, outdoor_c: f64) -> f64 {
        let difference = self.indoor_c - outdoor_c;
        let is_open = self.indoor_c > OPEN_C && difference > 0.0;
        let open_kw_k = if is_open { OPEN_KW_K } else { 0.0 };
        (settings.loss_kw_k + open_kw_k) * difference
    }
}
