//! Values on a regular grid with the instant at which each became known.

use std::collections::BTreeMap;

/// Seconds of a quarter hour.
pub const QUARTER_S: i64 = 900;

/// One value of one step, as it was known from an instant on; instants in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Version {
    /// Start of the step.
    pub start_s: i64,
    /// When it became known.
    pub known_s: i64,
    /// The value; NaN takes back what was said before.
    pub value: f32,
}

/// The latest value of every step, and what it replaced.
#[derive(Debug, Clone)]
pub struct History {
    step_s: i64,
    first: i64,
    values: Vec<f32>,
    known_s: Vec<i64>,
    /// Replaced values by place, the oldest first.
    older: BTreeMap<usize, Vec<(i64, f32)>>,
}

impl History {
    /// A history of steps of `step_s` seconds; of two versions that became known at once the later in
    /// the iteration counts. Empty for no versions.
    pub fn new(step_s: i64, versions: &[Version]) -> Self {
        let step = |version: &Version| version.start_s.div_euclid(step_s);
        let first = versions.iter().map(step).min().unwrap_or_default();
        let end = versions.iter().map(step).max().map_or(first, |last| last + 1);
        let length = usize::try_from(end - first).unwrap_or_default();
        let (values, known_s) = (vec![f32::NAN; length], vec![i64::MAX; length]);
        let mut history = Self { step_s, first, values, known_s, older: BTreeMap::new() };
        for version in versions {
            history.insert(step(version), version);
        }
        history
    }

    fn insert(&mut self, step: i64, version: &Version) {
        let Some(place) = self.place(step) else { return };
        let present = (self.known_s[place], self.values[place]);
        let new = (version.known_s, version.value);
        if present.0 == i64::MAX {
            (self.known_s[place], self.values[place]) = new;
            return;
        }
        let (newer, replaced) = if new.0 >= present.0 { (new, present) } else { (present, new) };
        (self.known_s[place], self.values[place]) = newer;
        let older = self.older.entry(place).or_default();
        let at = older.partition_point(|entry| entry.0 <= replaced.0);
        older.insert(at, replaced);
    }

    /// The value of a step as it was known at `as_of_s`; NaN where nothing was.
    pub fn at(&self, step: i64, as_of_s: i64) -> f32 {
        let Some(place) = self.place(step) else { return f32::NAN };
        if self.known_s[place] <= as_of_s {
            return self.values[place];
        }
        let older = self.older.get(&place).map(Vec::as_slice).unwrap_or_default();
        older.iter().rev().find(|entry| entry.0 <= as_of_s).map_or(f32::NAN, |entry| entry.1)
    }

    /// The value of the step that holds an instant, as it was known at `as_of_s`.
    pub fn at_instant(&self, instant_s: i64, as_of_s: i64) -> f32 {
        self.at(instant_s.div_euclid(self.step_s), as_of_s)
    }

    /// Values of the steps from `from` to before `to`, as they were known at `as_of_s`.
    pub fn view(&self, from: i64, to: i64, as_of_s: i64) -> Vec<f32> {
        (from..to).map(|step| self.at(step, as_of_s)).collect()
    }

    /// The first step.
    pub const fn first(&self) -> i64 {
        self.first
    }

    /// The step behind the last.
    pub const fn end(&self) -> i64 {
        self.first + self.values.len().cast_signed() as i64
    }

    /// The step behind the last one with a value that was known at `as_of_s`.
    pub fn known_end(&self, as_of_s: i64) -> Option<i64> {
        let last = as_of_s.div_euclid(self.step_s).min(self.end() - 1);
        (self.first..=last)
            .rev()
            .find(|step| !self.at(*step, as_of_s).is_nan())
            .map(|step| step + 1)
    }

    fn place(&self, step: i64) -> Option<usize> {
        usize::try_from(step - self.first).ok().filter(|place| *place < self.values.len())
    }
}
