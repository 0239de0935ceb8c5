//! Forecasts of all members for many days, shared out to threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::boosting::{Engine, TreesSpec};
use super::features::{LONGEST_LAG, PoolDays, Rows};
use super::settings::{NETWORK_LIFE_DAYS, NETWORK_STEP_DAYS, NetworkSpec, PoolSettings};
use super::{PoolError, Work};
use crate::algorithms::forecasting::days::{Day, HOURS};
use crate::algorithms::forecasting::lear;
use crate::algorithms::forecasting::mlp::Mlp;
use crate::algorithms::forecasting::trees::Forest;

/// A forest and the grid day up to which it has learned.
pub(super) type Fitted = Option<(usize, Forest)>;

/// A network, the day on which it began, and the day up to which it has learned.
pub(super) type Taught = Option<(usize, usize, Mlp)>;

/// The newest models of the members that are not refitted daily, stored with the pool; made again
/// where they are missing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Models {
    pub forests: Vec<Fitted>,
    pub networks: Vec<Taught>,
}

impl Models {
    /// As many places as the settings have members.
    pub fn fit_to(&mut self, settings: &PoolSettings) {
        self.forests.resize(settings.trees.len(), None);
        self.networks.resize(settings.networks.len(), None);
    }

    /// Whether what was stored can be gone on with.
    pub fn is_whole(&self) -> bool {
        self.networks.iter().flatten().all(|(_, _, network)| network.is_whole())
    }
}

/// One piece of work: a member and the days it is to forecast.
struct Piece {
    member: usize,
    days: Range<usize>,
}

/// What came of a piece.
struct Done {
    piece: Piece,
    forecasts: Vec<Day>,
    model: New,
}

/// A model that was made on the way.
enum New {
    None,
    Forest(usize, Forest),
    Network(usize, usize, Box<Mlp>),
}

/// The days on which a member is fitted anew: the first of the record, then every so many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    origin: usize,
    every: usize,
    /// Days by which the second fit comes earlier, so that members take turns.
    ahead: usize,
}

impl Grid {
    /// The grid of a record that begins with the day `origin`.
    pub fn new(origin: usize, every: usize, ahead: usize) -> Self {
        let every = every.max(1);
        Self { origin, every, ahead: ahead % every }
    }

    /// Days since the grid's last day, which may lie before the record.
    const fn passed(self, day: usize) -> usize {
        (day - self.origin + self.ahead) % self.every
    }

    /// The day of the newest fit on `day`.
    pub fn begin(self, day: usize) -> usize {
        day - self.passed(day).min(day - self.origin)
    }

    /// `days` cut at the grid.
    pub fn blocks(self, days: Range<usize>) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let mut from = days.start;
        while from < days.end {
            let to = (from + self.every - self.passed(from)).min(days.end);
            blocks.push(from..to);
            from = to;
        }
        blocks
    }
}

/// Everything members need to forecast.
pub(super) struct Members<'a> {
    pub settings: &'a PoolSettings,
    pub days: &'a PoolDays<'a>,
    pub rows: &'a Rows,
    /// First day of the pool's record.
    pub origin: usize,
    pub work: Work<'a>,
}

impl Members<'_> {
    /// Forecasts `days` with every member but the stack; `models` are used where they fit and
    /// replaced by the newest.
    pub fn forecast(
        &self,
        days: Range<usize>,
        models: &mut Models,
    ) -> Result<Vec<Vec<Day>>, PoolError> {
        let (windows, trees) = (self.settings.lear_windows.len(), self.settings.trees.len());
        let members = windows + trees + self.settings.networks.len();
        let done = self.share_out(self.pieces(&days), models)?;
        let mut forecasts = vec![vec![[0.0; HOURS]; days.len()]; members];
        for Done { piece, forecasts: new, model } in done {
            let at = piece.days.start - days.start;
            forecasts[piece.member][at..at + new.len()].copy_from_slice(&new);
            match model {
                New::None => {}
                New::Forest(fitted, forest) => {
                    let slot = &mut models.forests[piece.member - windows];
                    if slot.as_ref().is_none_or(|(before, _)| *before < fitted) {
                        *slot = Some((fitted, forest));
                    }
                }
                New::Network(began, taught, network) => {
                    let slot = &mut models.networks[piece.member - windows - trees];
                    if slot.as_ref().is_none_or(|(before, ..)| *before <= began) {
                        *slot = Some((began, taught, *network));
                    }
                }
            }
        }
        Ok(forecasts)
    }

    /// The work: that of the trees, of which only one may be fitted at a time, and all other, the
    /// longest pieces first.
    fn pieces(&self, days: &Range<usize>) -> [Vec<Piece>; 2] {
        let (windows, trees) = (self.settings.lear_windows.len(), self.settings.trees.len());
        let cut = |member: usize, every: usize| {
            let blocks = self.grid(member, every).blocks(days.clone()).into_iter();
            blocks.map(move |days| Piece { member, days })
        };
        let specs = self.settings.trees.iter().enumerate();
        let boosting = specs.flat_map(|(index, spec)| cut(windows + index, spec.refit_days));
        let first = windows + trees;
        let networks = (first..first + self.settings.networks.len())
            .flat_map(|member| cut(member, NETWORK_LIFE_DAYS));
        let lear = days
            .clone()
            .flat_map(|day| (0..windows).map(move |member| Piece { member, days: day..day + 1 }));
        [boosting.collect(), networks.chain(lear).collect()]
    }

    /// When a member is fitted anew.
    fn grid(&self, member: usize, every: usize) -> Grid {
        self.settings.grid(self.origin, member, every)
    }

    /// One thread begins with the first queue, the others with the second; each helps with the other
    /// when its own is empty.
    fn share_out(&self, pieces: [Vec<Piece>; 2], models: &Models) -> Result<Vec<Done>, PoolError> {
        let total = pieces.iter().map(Vec::len).sum::<usize>() as f64;
        let queues = pieces.map(Queue::of);
        let (done, finished) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        let run = |begin: usize| -> Result<(), PoolError> {
            for queue in [&queues[begin], &queues[1 - begin]] {
                while let Some(piece) = queue.next() {
                    if (self.work.cancel)() {
                        return Err(PoolError::Cancelled);
                    }
                    let one = self.piece(piece, models).inspect_err(|_| {
                        queues.iter().for_each(Queue::close);
                    })?;
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    let count = finished.fetch_add(1, Ordering::Relaxed) + 1;
                    (self.work.progress)(count as f64 / total);
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> =
                (1..self.work.threads.max(1)).map(|_| scope.spawn(|| run(1))).collect();
            let mut result = run(0);
            for helper in helpers {
                let other = helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result = result.and(other);
            }
            result
        })?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn piece(&self, piece: Piece, models: &Models) -> Result<Done, PoolError> {
        let windows = &self.settings.lear_windows;
        if let Some(window) = windows.get(piece.member) {
            let one = |day| lear::forecast(&self.days.history, day, *window);
            let all: Result<Vec<_>, _> = piece.days.clone().map(one).collect();
            let forecasts = all?.into_iter().map(|forecast| forecast.prices_eur_mwh).collect();
            return Ok(Done { piece, forecasts, model: New::None });
        }
        let index = piece.member - windows.len();
        if let Some(spec) = self.settings.trees.get(index) {
            return self.by_trees(piece, spec, models.forests[index].as_ref());
        }
        let index = index - self.settings.trees.len();
        let (spec, known) = (&self.settings.networks[index], &models.networks[index]);
        self.by_network(piece, spec, known.as_ref())
    }

    fn by_trees(
        &self,
        piece: Piece,
        spec: &TreesSpec,
        known: Option<&(usize, Forest)>,
    ) -> Result<Done, PoolError> {
        let grid = self.grid(piece.member, spec.refit_days).begin(piece.days.start);
        let all = |forest: &Forest| {
            piece.days.clone().map(|day| spec.forecast(forest, self.rows, day)).collect()
        };
        if let Some((_, forest)) = known.filter(|(fitted, _)| *fitted == grid) {
            let forecasts = all(forest);
            return Ok(Done { piece, forecasts, model: New::None });
        }
        let forest = self.fit(spec, grid)?;
        let forecasts = all(&forest);
        Ok(Done { piece, forecasts, model: New::Forest(grid, forest) })
    }

    /// A network that goes through its life day by day, from where the known one is if that fits.
    fn by_network(
        &self,
        piece: Piece,
        spec: &NetworkSpec,
        known: Option<&(usize, usize, Mlp)>,
    ) -> Result<Done, PoolError> {
        let history = &self.days.history;
        let began = self.grid(piece.member, NETWORK_LIFE_DAYS).begin(piece.days.start);
        let fits =
            known.filter(|(begin, taught, _)| *begin == began && *taught <= piece.days.start);
        let (mut network, mut next) = match fits {
            Some((_, taught, network)) => (network.clone(), taught + NETWORK_STEP_DAYS),
            None => (Mlp::new(spec.settings()), began),
        };
        let mut forecasts = Vec::new();
        for day in piece.days.clone() {
            while next <= day {
                if (self.work.cancel)() {
                    return Err(PoolError::Cancelled);
                }
                network.learn(history, next)?;
                next += NETWORK_STEP_DAYS;
            }
            forecasts.push(network.forecast(history, day)?);
        }
        let model = New::Network(began, next - NETWORK_STEP_DAYS, Box::new(network));
        Ok(Done { piece, forecasts, model })
    }

    fn fit(&self, spec: &TreesSpec, grid: usize) -> Result<Forest, PoolError> {
        let from = grid.saturating_sub(spec.window_days).max(LONGEST_LAG);
        let engine = Engine { threads: 1, cancel: self.work.cancel };
        spec.fit(self.rows, self.days.history.prices_eur_mwh, from, grid, &engine)
    }
}

/// Pieces that any thread may take the next of.
struct Queue {
    pieces: Mutex<std::vec::IntoIter<Piece>>,
}

impl Queue {
    fn of(pieces: Vec<Piece>) -> Self {
        Self { pieces: Mutex::new(pieces.into_iter()) }
    }

    fn next(&self) -> Option<Piece> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn close(&self) {
        *self.pieces.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new().into_iter();
    }
}
