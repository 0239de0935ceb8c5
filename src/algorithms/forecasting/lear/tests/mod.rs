//! Tests of LEAR: its solver against another one and against optimality, its forecasts against made-up
//! markets and published ones.

mod forecasts;
mod solver;
