//! The cheapest times to run something, within an earliest start and a deadline.
//!
//! A window costs the time-weighted mean price of the slots it covers. Contiguous windows never span
//! a gap between slots. They begin where free time of a slot begins or end where it ends, and have
//! part of a slot at the other end: the mean changes linearly with the start in between, so no other
//! start is cheaper. Scattered windows take the cheapest slots until the duration is full, the last
//! of them in part (its beginning).
//!
//! Several windows are chosen greedily: the cheapest, then the cheapest of the time left, and so on.
//! That is what a person does with a price chart; it need not be the cheapest set as a whole. Among
//! equal means (within 1e−7 EUR/MWh) the earliest wins.

use std::cmp::Ordering;

/// Most slots in one question.
pub const SLOTS_MAX: usize = 10_000;
/// Most windows in one answer.
pub const WINDOWS_MAX: usize = 50;
/// Longest slot: a day.
const INTERVAL_MAX_S: i32 = 86_400;
/// Means closer than this are equal: sums of the same prices in another order differ by less.
const TIE_EUR_MWH: f64 = 1e-7;

/// A price that holds from `start_s` for `interval_s` seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// Beginning, seconds since 1970 in UTC.
    pub start_s: i64,
    /// Length in seconds.
    pub interval_s: i32,
    /// Price; below zero in times of surplus.
    pub price_eur_mwh: f64,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Length of each window in seconds; need not be a multiple of a slot.
    pub duration_s: i64,
    /// No window begins before; none means the first slot.
    pub earliest_s: Option<i64>,
    /// Every window has ended by then; none means the last slot.
    pub deadline_s: Option<i64>,
    /// Whether a window is one piece.
    pub contiguous: bool,
    /// How many windows at most, that do not overlap.
    pub count: usize,
}

/// Time used of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotUse {
    /// Index of the slot in the question.
    pub slot: usize,
    /// First used second.
    pub start_s: i64,
    /// Seconds used from there.
    pub used_s: i64,
}

/// An uninterrupted stretch of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// First second.
    pub start_s: i64,
    /// First second after.
    pub end_s: i64,
}

/// A chosen window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Begin of its first block.
    pub start_s: i64,
    /// End of its last block.
    pub end_s: i64,
    /// Time-weighted mean price.
    pub mean_eur_mwh: f64,
    /// Uninterrupted stretches in time order; one for contiguous windows.
    pub blocks: Vec<Block>,
    /// The slots used, in time order.
    pub slots: Vec<SlotUse>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WindowError {
    /// More slots than are searched.
    #[error("{0} slots are more than {SLOTS_MAX}")]
    TooManySlots(usize),
    /// No window or too many are asked for.
    #[error("the number of windows must be from 1 to {WINDOWS_MAX}, not {0}")]
    Count(usize),
    /// A window without length.
    #[error("the duration must be above 0 seconds, not {0}")]
    Duration(i64),
    /// A slot of impossible length, an unusable price, or one that does not follow the slot before.
    #[error("slot {index} is unusable: {reason}")]
    Slot {
        /// Index of the slot.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// Not even one window fits.
    #[error(
        "no window of {duration_s} s fits: the longest usable time between earliest start and \
         deadline is {room_s} s"
    )]
    NoRoom {
        /// Length asked for.
        duration_s: i64,
        /// Longest stretch (contiguous) or total time (scattered) there is.
        room_s: i64,
    },
}

/// The cheapest windows in the order they are chosen; fewer than asked for when no more fit, never
/// none.
///
/// `slots` must be in time order and not overlap; lengths may differ and there may be gaps.
pub fn cheapest(slots: &[Slot], wanted: &Wanted) -> Result<Vec<Window>, WindowError> {
    check(slots, wanted)?;
    let mut free = usable(slots, wanted);
    let mut windows = Vec::new();
    while windows.len() < wanted.count {
        let taken = if wanted.contiguous {
            cheapest_stretch(&free, wanted.duration_s)
        } else {
            cheapest_pieces(&free, wanted.duration_s)
        };
        let Some(taken) = taken else { break };
        free = without(&free, &taken);
        windows.push(window(&taken, wanted.duration_s));
    }
    if windows.is_empty() {
        let room_s = room(&free, wanted.contiguous);
        return Err(WindowError::NoRoom { duration_s: wanted.duration_s, room_s });
    }
    Ok(windows)
}

/// A part of a slot that is still free, or used.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    slot: usize,
    start_s: i64,
    end_s: i64,
    price: f64,
}

impl Piece {
    const fn length(&self) -> i64 {
        self.end_s - self.start_s
    }

    fn cost(&self) -> f64 {
        self.price * self.length() as f64
    }

    const fn mirrored(&self) -> Self {
        let (start_s, end_s) = (self.end_s.saturating_neg(), self.start_s.saturating_neg());
        Self { start_s, end_s, ..*self }
    }
}

fn check(slots: &[Slot], wanted: &Wanted) -> Result<(), WindowError> {
    if slots.len() > SLOTS_MAX {
        return Err(WindowError::TooManySlots(slots.len()));
    }
    if !(1..=WINDOWS_MAX).contains(&wanted.count) {
        return Err(WindowError::Count(wanted.count));
    }
    if wanted.duration_s <= 0 {
        return Err(WindowError::Duration(wanted.duration_s));
    }
    let mut end_s = i64::MIN;
    for (index, slot) in slots.iter().enumerate() {
        let reason = if !(1..=INTERVAL_MAX_S).contains(&slot.interval_s) {
            "its length is not between 1 s and a day"
        } else if !slot.price_eur_mwh.is_finite() {
            "its price is not a finite number"
        } else if slot.start_s < end_s {
            "it begins before the slot before it ends"
        } else {
            end_s = slot.start_s.saturating_add(slot.interval_s.into());
            continue;
        };
        return Err(WindowError::Slot { index, reason });
    }
    Ok(())
}

/// The parts of the slots between earliest start and deadline.
fn usable(slots: &[Slot], wanted: &Wanted) -> Vec<Piece> {
    let earliest = wanted.earliest_s.unwrap_or(i64::MIN);
    let deadline = wanted.deadline_s.unwrap_or(i64::MAX);
    let clipped = slots.iter().enumerate().map(|(index, slot)| Piece {
        slot: index,
        start_s: slot.start_s.max(earliest),
        end_s: slot.start_s.saturating_add(slot.interval_s.into()).min(deadline),
        price: slot.price_eur_mwh,
    });
    clipped.filter(|piece| piece.start_s < piece.end_s).collect()
}

/// The stretch of `duration` seconds with the lowest cost; of equal ones the earliest.
fn cheapest_stretch(free: &[Piece], duration: i64) -> Option<Vec<Piece>> {
    let mut stretches = beginning_with_a_piece(free, duration);
    // What ends with a piece begins with one when time runs backwards.
    let backwards: Vec<Piece> = free.iter().rev().map(Piece::mirrored).collect();
    let ending = beginning_with_a_piece(&backwards, duration);
    stretches.extend(ending.into_iter().map(|(start_s, mean)| (-start_s - duration, mean)));
    stretches.sort_by_key(|(start_s, _)| *start_s);
    let mut best: Option<(i64, f64)> = None;
    for (start_s, mean) in stretches {
        if best.is_none_or(|(_, lowest)| mean < lowest - TIE_EUR_MWH) {
            best = Some((start_s, mean));
        }
    }
    let (start_s, _) = best?;
    let end_s = start_s + duration;
    let within = free.iter().map(|piece| Piece {
        start_s: piece.start_s.max(start_s),
        end_s: piece.end_s.min(end_s),
        ..*piece
    });
    Some(within.filter(|piece| piece.start_s < piece.end_s).collect())
}

/// Start and mean price of the stretches of `duration` seconds that begin where a piece begins.
fn beginning_with_a_piece(free: &[Piece], duration: i64) -> Vec<(i64, f64)> {
    let mut stretches = Vec::new();
    // Cost and length of the pieces first..next; `next` only ever moves on.
    let (mut cost, mut length, mut next) = (0.0, 0, 0);
    for first in 0..free.len() {
        if next <= first {
            (cost, length, next) = (free[first].cost(), free[first].length(), first + 1);
        }
        while length < duration
            && free.get(next).is_some_and(|piece| piece.start_s == free[next - 1].end_s)
        {
            cost += free[next].cost();
            length += free[next].length();
            next += 1;
        }
        if length >= duration {
            let surplus = (length - duration) as f64 * free[next - 1].price;
            stretches.push((free[first].start_s, (cost - surplus) / duration as f64));
        }
        cost -= free[first].cost();
        length -= free[first].length();
    }
    stretches
}

/// The cheapest pieces that add up to `duration` seconds, in time order.
fn cheapest_pieces(free: &[Piece], duration: i64) -> Option<Vec<Piece>> {
    if room(free, false) < duration {
        return None;
    }
    let mut by_price = free.to_vec();
    let order = |a: &Piece, b: &Piece| match a.price.total_cmp(&b.price) {
        Ordering::Equal => a.start_s.cmp(&b.start_s),
        unequal => unequal,
    };
    // Zero is one price, whatever its sign.
    for piece in &mut by_price {
        piece.price += 0.0;
    }
    by_price.sort_by(order);
    let mut taken = filled(&by_price, duration);
    taken.sort_by_key(|piece| piece.start_s);
    Some(taken)
}

/// The leading pieces up to `duration` seconds, the last one cut.
fn filled(pieces: &[Piece], duration: i64) -> Vec<Piece> {
    let mut left = duration;
    let mut taken = Vec::new();
    for piece in pieces {
        if left == 0 {
            break;
        }
        let used = piece.length().min(left);
        taken.push(Piece { end_s: piece.start_s + used, ..*piece });
        left -= used;
    }
    taken
}

/// What is left of `free` after `taken`, which lie within free pieces, at most one in each.
fn without(free: &[Piece], taken: &[Piece]) -> Vec<Piece> {
    let mut taken = taken.iter().peekable();
    let mut rest = Vec::with_capacity(free.len() + 1);
    for piece in free {
        match taken.next_if(|used| used.start_s < piece.end_s) {
            Some(used) => {
                rest.push(Piece { end_s: used.start_s, ..*piece });
                rest.push(Piece { start_s: used.end_s, ..*piece });
            }
            None => rest.push(*piece),
        }
    }
    rest.retain(|piece| piece.start_s < piece.end_s);
    rest
}

/// The longest stretch without a gap, or all time together, in seconds.
fn room(free: &[Piece], contiguous: bool) -> i64 {
    let (mut longest, mut current, mut end_s) = (0, 0, None);
    for piece in free {
        let joined = !contiguous || end_s == Some(piece.start_s);
        current = if joined { current + piece.length() } else { piece.length() };
        longest = current.max(longest);
        end_s = Some(piece.end_s);
    }
    longest
}

fn window(taken: &[Piece], duration: i64) -> Window {
    let mut blocks: Vec<Block> = Vec::new();
    let mut slots: Vec<SlotUse> = Vec::new();
    for piece in taken {
        match blocks.last_mut() {
            Some(block) if block.end_s == piece.start_s => block.end_s = piece.end_s,
            _ => blocks.push(Block { start_s: piece.start_s, end_s: piece.end_s }),
        }
        let (slot, start_s) = (piece.slot, piece.start_s);
        slots.push(SlotUse { slot, start_s, used_s: piece.length() });
    }
    Window {
        start_s: blocks.first().map_or(0, |block| block.start_s),
        end_s: blocks.last().map_or(0, |block| block.end_s),
        mean_eur_mwh: taken.iter().map(Piece::cost).sum::<f64>() / duration as f64,
        blocks,
        slots,
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
