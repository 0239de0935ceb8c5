//! Layers of the network, its loss and the gradient of the loss.

use serde::{Deserialize, Serialize};

use super::matrix::{add_product, add_rows, transpose};
use super::stored::floats;
use crate::algorithms::forecasting::days::HOURS;

/// Slope of the hidden units below zero.
const LEAK: f32 = 0.01;

/// Weights of the network, or anything that has one value for each of them: a gradient, its moments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Weights {
    /// Inputs × hidden units.
    #[serde(with = "floats")]
    pub hidden: Vec<f32>,
    /// One per hidden unit.
    #[serde(with = "floats")]
    pub hidden_bias: Vec<f32>,
    /// Hidden units × 24 hours.
    #[serde(with = "floats")]
    pub output: Vec<f32>,
    /// Inputs × 24 hours.
    #[serde(with = "floats")]
    pub linear: Vec<f32>,
    /// One per hour.
    #[serde(with = "floats")]
    pub output_bias: Vec<f32>,
}

impl Weights {
    /// All zero.
    pub fn zeros(inputs: usize, hidden: usize) -> Self {
        Self {
            hidden: vec![0.0; inputs * hidden],
            hidden_bias: vec![0.0; hidden],
            output: vec![0.0; hidden * HOURS],
            linear: vec![0.0; inputs * HOURS],
            output_bias: vec![0.0; HOURS],
        }
    }

    /// Uniform values of variance 2 / inputs before and 1 / units after the hidden layer (He et al.
    /// 2015); the linear path begins at zero. `dice` gives numbers from 0 to 1.
    pub fn random(inputs: usize, hidden: usize, mut dice: impl FnMut() -> f32) -> Self {
        let mut weights = Self::zeros(inputs, hidden);
        let mut fill = |values: &mut [f32], variance: f32| {
            let range = (3.0 * variance).sqrt();
            values.fill_with(|| range * (2.0 * dice() - 1.0));
        };
        fill(&mut weights.hidden, 2.0 / inputs as f32);
        fill(&mut weights.output, 1.0 / hidden as f32);
        weights
    }

    /// The parts, matrices first, in one order for all weights alike.
    pub fn parts_mut(&mut self) -> [&mut Vec<f32>; 5] {
        let Self { hidden, hidden_bias, output, linear, output_bias } = self;
        [hidden, output, linear, hidden_bias, output_bias]
    }

    /// The parts in the same order.
    pub const fn parts(&self) -> [&Vec<f32>; 5] {
        [&self.hidden, &self.output, &self.linear, &self.hidden_bias, &self.output_bias]
    }

    /// Whether these are finite weights of a network of so many inputs and hidden units.
    pub fn fits(&self, inputs: usize, units: usize) -> bool {
        let wanted = [inputs * units, units * HOURS, inputs * HOURS, units, HOURS];
        let mut parts = self.parts().into_iter().zip(wanted);
        parts.all(|(part, wanted)| {
            part.len() == wanted && part.iter().all(|value| value.is_finite())
        })
    }

    /// Number of hidden units.
    const fn units(&self) -> usize {
        self.hidden_bias.len()
    }

    /// Number of inputs.
    pub const fn inputs(&self) -> usize {
        self.linear.len() / HOURS
    }

    /// Stabilised forecasts, rows × 24, of rows of inputs.
    pub fn forecast(&self, rows: &[f32]) -> Vec<f32> {
        self.forward(rows).1
    }

    /// Hidden units after their bend, rows × units, and forecasts, rows × 24.
    fn forward(&self, rows: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (inputs, units) = (self.inputs(), self.units());
        let count = rows.len() / inputs;
        let mut hidden = self.hidden_bias.repeat(count);
        add_product(&mut hidden, rows, &self.hidden, inputs, units);
        for value in &mut hidden {
            *value = value.max(LEAK * *value);
        }
        let mut forecasts = self.output_bias.repeat(count);
        add_product(&mut forecasts, &hidden, &self.output, units, HOURS);
        add_product(&mut forecasts, rows, &self.linear, inputs, HOURS);
        (hidden, forecasts)
    }

    /// Mean loss of the forecasts of `rows` against `targets` (rows × 24), and its gradient.
    ///
    /// The loss of an error e is Huber's: e²/2t below the threshold t, |e| − t/2 above.
    pub fn gradient(&self, rows: &[f32], targets: &[f32], threshold: f32) -> (f32, Self) {
        let (inputs, units) = (self.inputs(), self.units());
        let (hidden, forecasts) = self.forward(rows);
        let share = 1.0 / targets.len() as f32;
        let mut loss = 0.0;
        let errors = forecasts.iter().zip(targets).map(|(forecast, target)| {
            let error = forecast - target;
            let size = error.abs();
            loss += if size < threshold {
                0.5 * size * size / threshold
            } else {
                size - 0.5 * threshold
            };
            share * (error / threshold).clamp(-1.0, 1.0)
        });
        let errors: Vec<f32> = errors.collect();
        let count = errors.len() / HOURS;
        let mut back = vec![0.0; count * units];
        add_product(&mut back, &errors, &transpose(&self.output, HOURS), HOURS, units);
        for (back, hidden) in back.iter_mut().zip(&hidden) {
            *back *= if *hidden > 0.0 { 1.0 } else { LEAK };
        }
        let mut gradient = Self::zeros(inputs, units);
        let columns = transpose(rows, inputs);
        add_product(&mut gradient.hidden, &columns, &back, count, units);
        add_product(&mut gradient.linear, &columns, &errors, count, HOURS);
        add_product(&mut gradient.output, &transpose(&hidden, units), &errors, count, HOURS);
        add_rows(&mut gradient.hidden_bias, &back);
        add_rows(&mut gradient.output_bias, &errors);
        (share * loss, gradient)
    }
}
