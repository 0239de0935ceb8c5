//! Forecasts of all members for many days, shared out to threads.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::boosting::{Engine, TreesSpec};
use super::features::{LONGEST_LAG, PoolDays, Rows};
use super::settings::PoolSettings;
use super::{PoolError, Work};
use crate::algorithms::forecasting::days::Day;
use crate::algorithms::forecasting::lear;
use crate::algorithms::forecasting::trees::Forest;

/// A forest and the grid day up to which it has learned.
pub(super) type Fitted = Option<(usize, Forest)>;

/// One piece of work: a member and the days it is to forecast.
struct Piece {
    member: usize,
    days: std::ops::Range<usize>,
}

/// What came of a piece.
struct Done {
    piece: Piece,
    forecasts: Vec<Day>,
    forest: Fitted,
}

/// First day of the block of `refit` days, counted from `origin`, in which `day` lies.
pub(super) fn grid_day(origin: usize, refit: usize, day: usize) -> usize {
    day - (day - origin) % refit.max(1)
}

/// `days` cut at the grid.
pub(super) fn blocks(
    origin: usize,
    refit: usize,
    days: std::ops::Range<usize>,
) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let mut from = days.start;
    while from < days.end {
        let to = (grid_day(origin, refit, from) + refit.max(1)).min(days.end);
        blocks.push(from..to);
        from = to;
    }
    blocks
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
    /// Forecasts `days` with every member but the stack; `forests` are used where they fit and
    /// replaced by the newest.
    pub fn forecast(
        &self,
        days: std::ops::Range<usize>,
        forests: &mut [Fitted],
    ) -> Result<Vec<Vec<Day>>, PoolError> {
        let windows = self.settings.lear_windows.len();
        let members = windows + self.settings.trees.len();
        let of_trees = |(index, spec): (usize, &TreesSpec)| {
            let blocks = blocks(self.origin, spec.refit_days, days.clone());
            blocks.into_iter().map(move |days| Piece { member: windows + index, days })
        };
        let trees: Vec<Piece> = self.settings.trees.iter().enumerate().flat_map(of_trees).collect();
        let lear: Vec<Piece> = days
            .clone()
            .flat_map(|day| (0..windows).map(move |member| Piece { member, days: day..day + 1 }))
            .collect();
        let done = self.share_out(trees, lear, forests)?;
        let mut forecasts = vec![vec![[0.0; 24]; days.len()]; members];
        for Done { piece, forecasts: new, forest } in done {
            let at = piece.days.start - days.start;
            forecasts[piece.member][at..at + new.len()].copy_from_slice(&new);
            if let Some((fitted, forest)) = forest {
                let slot = &mut forests[piece.member - windows];
                if slot.as_ref().is_none_or(|(before, _)| *before < fitted) {
                    *slot = Some((fitted, forest));
                }
            }
        }
        Ok(forecasts)
    }

    /// One thread begins with the trees, of which only one may be fitted at a time; the others begin
    /// with LEAR; each helps with the other queue when its own is empty.
    fn share_out(
        &self,
        trees: Vec<Piece>,
        lear: Vec<Piece>,
        forests: &[Fitted],
    ) -> Result<Vec<Done>, PoolError> {
        let total = (trees.len() + lear.len()) as f64;
        let queues = [Queue::of(trees), Queue::of(lear)];
        let (done, finished) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        let run = |begin: usize| -> Result<(), PoolError> {
            for queue in [&queues[begin], &queues[1 - begin]] {
                while let Some(piece) = queue.next() {
                    if (self.work.cancel)() {
                        return Err(PoolError::Cancelled);
                    }
                    let one = self.piece(piece, forests).inspect_err(|_| {
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

    fn piece(&self, piece: Piece, forests: &[Fitted]) -> Result<Done, PoolError> {
        let windows = &self.settings.lear_windows;
        if let Some(window) = windows.get(piece.member) {
            let one = |day| lear::forecast(&self.days.history, day, *window);
            let all: Result<Vec<_>, _> = piece.days.clone().map(one).collect();
            let forecasts = all?.into_iter().map(|forecast| forecast.prices_eur_mwh).collect();
            return Ok(Done { piece, forecasts, forest: None });
        }
        let index = piece.member - windows.len();
        let spec = &self.settings.trees[index];
        let grid = grid_day(self.origin, spec.refit_days, piece.days.start);
        let known = forests[index].as_ref().filter(|(fitted, _)| *fitted == grid);
        let new = match known {
            Some(_) => None,
            None => Some(self.fit(spec, grid)?),
        };
        let forest = new.as_ref().or(known.map(|(_, forest)| forest));
        let forecasts = forest.map_or_else(Vec::new, |forest| {
            piece.days.clone().map(|day| spec.forecast(forest, self.rows, day)).collect()
        });
        Ok(Done { piece, forecasts, forest: new.map(|forest| (grid, forest)) })
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
