//! Adam with decoupled weight decay, and the running mean of the weights.
//!
//! Kingma and Ba, "Adam", 2015, algorithm 1; Loshchilov and Hutter, "Decoupled weight decay
//! regularization", 2019, algorithm 2.

use serde::{Deserialize, Serialize};

use super::network::Weights;

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.999;
const TINY: f32 = 1e-8;
/// Share of its old value that the running mean keeps in a step, once it has seen many.
const MEAN_DECAY: f32 = 0.998;
/// Parts of the weights that are matrices, at the front; biases do not decay.
const MATRICES: usize = 3;

/// Weights on their way down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Optimiser {
    weights: Weights,
    /// Running mean of the weights.
    mean: Weights,
    first: Weights,
    second: Weights,
    steps: i32,
}

impl Optimiser {
    /// Begins at `weights`.
    pub fn new(weights: Weights) -> Self {
        let mut zeros = weights.clone();
        for part in zeros.parts_mut() {
            part.fill(0.0);
        }
        Self { mean: weights.clone(), weights, first: zeros.clone(), second: zeros, steps: 0 }
    }

    /// Whether all of it is about a network of so many inputs and hidden units.
    pub fn fits(&self, inputs: usize, units: usize) -> bool {
        let all = [&self.weights, &self.mean, &self.first, &self.second];
        self.steps >= 0 && all.into_iter().all(|weights| weights.fits(inputs, units))
    }

    /// The weights as they are.
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The running mean of the weights.
    pub const fn mean(&self) -> &Weights {
        &self.mean
    }

    /// One step of size `rate` against the gradient; matrices shrink by `rate` · `decay` beside it.
    pub fn step(&mut self, gradient: &Weights, rate: f32, decay: f32) {
        self.steps = self.steps.saturating_add(1);
        let first_share = 1.0 - FIRST_DECAY.powi(self.steps);
        let second_share = 1.0 - SECOND_DECAY.powi(self.steps);
        let step = rate / first_share;
        // A mean over all steps in the beginning, over some hundreds later.
        let new_share = (1.0 - MEAN_DECAY).max(1.0 / self.steps as f32);
        let moments = self.first.parts_mut().into_iter().zip(self.second.parts_mut());
        let weights = self.weights.parts_mut().into_iter().zip(self.mean.parts_mut());
        let parts = weights.zip(moments).zip(gradient.parts()).enumerate();
        for (part, (((weights, means), (first, second)), gradient)) in parts {
            let shrink = if part < MATRICES { 1.0 - rate * decay } else { 1.0 };
            for index in 0..gradient.len() {
                let slope = gradient[index];
                first[index] += (1.0 - FIRST_DECAY) * (slope - first[index]);
                second[index] += (1.0 - SECOND_DECAY) * (slope * slope - second[index]);
                let size = (second[index] / second_share).sqrt() + TINY;
                weights[index] = shrink * weights[index] - step * first[index] / size;
                means[index] += new_share * (weights[index] - means[index]);
            }
        }
    }
}
