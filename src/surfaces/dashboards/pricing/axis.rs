//! Round values for the price axis.

use serde::Serialize;

use crate::surfaces::dashboards::format::number;

/// Room for a label above the highest value and below a negative lowest one, as a share of the range.
const ROOM: f64 = 0.12;

/// A value with its label.
#[derive(Debug, Clone, Serialize)]
pub struct Tick {
    /// Where.
    pub value: f64,
    /// What it says.
    pub label: String,
}

/// Four to eight round values between the ends of the axis, which hold `low` to `high` and room for
/// labels: above always, below when values are negative; else the foot is a round value.
pub fn axis(low: f64, high: f64) -> (Vec<Tick>, f64, f64) {
    let top = high + ROOM * (high - low);
    let foot = if low < 0.0 { low - ROOM * (high - low) } else { low };
    let raw = (top - foot).max(0.1) / 6.0;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= raw)
        .unwrap_or(raw);
    let first = if low < 0.0 { (foot / step).ceil() } else { (low / step).floor() };
    let count = (top / step).floor() - first;
    let decimals = if step >= 1.0 && (step.fract() == 0.0) {
        0
    } else if step >= 0.1 {
        1
    } else {
        2
    };
    let ticks: Vec<Tick> = (0..=12)
        .map(f64::from)
        .take_while(|index| *index <= count)
        .map(|index| {
            let value = rounded((first + index) * step);
            Tick { value, label: number(value, decimals) }
        })
        .collect();
    let foot = if low < 0.0 { foot } else { first * step };
    (ticks, rounded(foot), rounded(top))
}

/// Prices keep four decimals: what a picture and a readout can show.
pub fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_hold_the_values() {
        for (low, high, labels) in [
            (0.0, 14.9, "0 5 10 15"),
            (-3.2, 14.9, "−5 0 5 10 15"),
            (0.0, 0.1, "0.00 0.02 0.04 0.06 0.08 0.10"),
            (0.0, 1.3, "0.0 0.5 1.0"),
            (-50.0, 400.0, "−100 0 100 200 300 400"),
        ] {
            let (ticks, from, to) = axis(low, high);
            let text: Vec<_> = ticks.iter().map(|tick| tick.label.as_str()).collect();
            assert_eq!(text.join(" "), labels);
            assert!(from <= low && to >= high, "{low} {high}: {from} {to}");
        }
    }
}
