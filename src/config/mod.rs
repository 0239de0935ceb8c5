//! Settings: layered, typed, all mistakes at once, every value with its origin.
//!
//! Flags win over the environment, it over `.env`, that over what admins stored in the database,
//! that over `config/*.toml` and `config/sim.yml`, those over the defaults of the areas. Nothing else in the program reads the environment.

mod catalogue; // every setting with what it is for
mod layers; // values from every source, judged one by one
mod names; // variables with fixed names
mod sections; // the sections put together
mod sources; // flags, environment, .env, files
mod yaml; // the file of the simulation

pub use self::layers::{ConfigError, Mistake};
pub use self::sections::{Loaded, Settings, load, load_anyway};
pub use self::sources::{Flag, Sources};

#[cfg(test)]
use self::layers::Effective;

#[cfg(test)]
mod tests;
