//! A batch against the calendar, against itself and against its history: pure, no input or output.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::checks::{Day, Past, Pool, UNUSUAL, equal_hours_max, runs};
use super::dst;
use super::model::{
    Batch, BatchCounts, DAY_S, DayReport, Gap, Kind, Refused, Report, Sample, Verdict,
};
use super::reason::{Code, Reason, Weight};
use crate::base::timeline::{TimeRange, add_days, day_range, local_date};

/// Share of a day's values that must be unusual before it is worth saying.
const UNUSUAL_SHARE: f64 = 0.25;
/// Powers of ten from which on nobody believes that the world has changed.
const POWER_REFUSED: i32 = 2;
/// Shifts of a whole day by hours that are looked for: zones that were mixed up.
const HOURS_SHIFTED: [i64; 4] = [-2, -1, 1, 2];

/// The batch while it is judged.
struct Work<'a> {
    batch: &'a Batch,
    stored: &'a Pool,
    now: DateTime<Utc>,
    counts: BatchCounts,
    reasons: Vec<Reason>,
    refused: Vec<Refused>,
    accepted: Vec<Sample>,
    days: Vec<DayReport>,
    outlier_score: Option<f64>,
    /// Values beyond the limit of the batch.
    impossible: usize,
    /// Whether the values are stored already: nothing can be kept apart any more.
    is_stored: bool,
}

/// Judges `batch` at `now`; `stored` are the values that are there already.
pub(super) fn assess(batch: &Batch, stored: &Pool, now: DateTime<Utc>) -> Report {
    work(batch, (stored, false), now)
}

/// The same for values that are stored; `before` are those of the time before them.
pub(super) fn assess_stored(batch: &Batch, before: &Pool, now: DateTime<Utc>) -> Report {
    work(batch, (before, true), now)
}

fn work(batch: &Batch, (stored, is_stored): (&Pool, bool), now: DateTime<Utc>) -> Report {
    let mut work = Work {
        batch,
        stored,
        now,
        counts: BatchCounts::default(),
        reasons: Vec::new(),
        refused: Vec::new(),
        accepted: Vec::new(),
        days: Vec::new(),
        outlier_score: None,
        impossible: 0,
        is_stored,
    };
    let values = work.one_per_instant();
    work.judge_days(&values);
    let gaps = work.gaps();
    work.clock_changes(&gaps);
    work.future();
    let longest_equal_s = work.stuck();
    work.note_counts();
    work.reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.weight), reason.day));
    work.refused.sort_by_key(|row| row.ts);
    Report {
        counts: work.counts,
        gaps,
        longest_equal_s,
        outlier_score: work.outlier_score,
        days: work.days,
        reasons: work.reasons,
        accepted: work.accepted,
        refused: work.refused,
    }
}

/// Whether two values say the same.
fn is_same(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

impl Work<'_> {
    /// The usable values, each instant once.
    fn one_per_instant(&mut self) -> Pool {
        let batch = self.batch;
        let mut latest = None;
        let mut groups: BTreeMap<DateTime<Utc>, Vec<f64>> = BTreeMap::new();
        for (ts, value) in &batch.values {
            if latest.is_some_and(|latest| *ts < latest) {
                self.counts.out_of_order += 1;
            }
            latest = latest.max(Some(*ts));
            let Some(value) = *value else { continue };
            if !batch.asked.contains(*ts) {
                self.counts.outside += 1;
            } else if !batch.is_on_grid(*ts) {
                self.counts.off_grid += 1;
                let value = Some(value).filter(|value| value.is_finite());
                self.refused.push(Refused { ts: *ts, value, code: Code::OffGrid });
            } else if !value.is_finite() {
                self.counts.not_finite += 1;
                self.refused.push(Refused { ts: *ts, value: None, code: Code::NotFinite });
            } else {
                groups.entry(*ts).or_default().push(value);
            }
        }
        let mut values = Pool::new();
        for (ts, group) in groups {
            let mut distinct: Vec<f64> = Vec::new();
            for value in &group {
                if !distinct.iter().any(|other| is_same(*other, *value, batch.tolerance)) {
                    distinct.push(*value);
                }
            }
            self.counts.duplicates += group.len() - distinct.len();
            if let [value] = distinct.as_slice() {
                values.insert(ts, *value);
                continue;
            }
            self.counts.conflicts += distinct.len();
            let code = Code::Conflicts;
            let rows = distinct.into_iter().map(|value| Refused { ts, value: Some(value), code });
            self.refused.extend(rows);
        }
        values
    }

    fn judge_days(&mut self, values: &Pool) {
        let (first, last) = self.batch.days();
        let mut pool: Pool = self.stored.range(..self.batch.asked.from).map(copied).collect();
        let mut day = first;
        while day <= last {
            if self.batch.rests_on(day) {
                day = add_days(day, 1);
                continue;
            }
            let range = day_range(day, self.batch.zone);
            let own: Vec<Sample> = values.range(range.from..range.to).map(copied).collect();
            let fit = self.is_fit(day, &own, &pool);
            // Together they may tell of another unit; one by one they are just impossible.
            let own = if fit { self.possible(own) } else { own };
            if fit {
                pool.extend(own.iter().copied());
                self.accepted.extend(own.iter().copied());
            } else {
                // What stands there stays, and stays what later days are compared with.
                pool.extend(self.stored.range(range.from..range.to).map(copied));
            }
            self.count_day(day, range, if fit { &own } else { &[] });
            day = add_days(day, 1);
        }
    }

    /// Whether the values of a day may be stored; says why not, and what else is odd about them.
    fn is_fit(&mut self, day: NaiveDate, values: &[Sample], pool: &Pool) -> bool {
        let Batch { kind, zone, interval_s, .. } = *self.batch;
        let view = Day { kind, zone, interval_s, values };
        if view.is_all_zero() {
            return self
                .refuse(values, Reason::new(Code::AllZero, Weight::Refused, values.len()).on(day));
        }
        if let Some(count) = view.copied_from(24, pool) {
            let reason = Reason::new(Code::Shifted, Weight::Refused, count).on(day);
            return self.refuse(values, reason.figure(24.0));
        }
        for hours in HOURS_SHIFTED.into_iter().chain([-24]) {
            // A zone that was wrong before may be right now: stored, and somebody should look.
            if let Some(count) = view.copied_from(hours, self.stored) {
                let reason = Reason::new(Code::Shifted, Weight::Suspect, count).on(day);
                #[expect(clippy::cast_precision_loss, reason = "at most 24 hours")]
                self.reasons.push(reason.figure(hours as f64));
            }
        }
        let Some(past) = Past::of(pool, day, (kind, zone)) else { return true };
        if let Some(power) = view.power_of_ten(&past) {
            let factor = 10_f64.powi(power);
            let is_sure = power.abs() >= POWER_REFUSED;
            let weight = if is_sure { Weight::Refused } else { Weight::Suspect };
            let reason = Reason::new(Code::WrongUnit, weight, values.len()).on(day).figure(factor);
            if is_sure {
                return self.refuse(values, reason);
            }
            self.reasons.push(reason);
        }
        let possible: Vec<Sample> =
            values.iter().copied().filter(|(_, value)| value.abs() <= self.batch.limit).collect();
        self.unusual(day, &Day { values: &possible, ..view }, &past);
        true
    }

    /// The values that can be; the others are kept apart.
    fn possible(&mut self, values: Vec<Sample>) -> Vec<Sample> {
        let limit = self.batch.limit;
        let (possible, beyond): (Vec<Sample>, Vec<Sample>) =
            values.into_iter().partition(|(_, value)| value.abs() <= limit);
        self.impossible += beyond.len();
        let code = Code::Impossible;
        let rows = beyond.into_iter().map(|(ts, value)| Refused { ts, value: Some(value), code });
        self.refused.extend(rows);
        possible
    }

    /// Keeps the values of a day apart; answers that they are not fit.
    fn refuse(&mut self, values: &[Sample], reason: Reason) -> bool {
        if self.is_stored {
            self.reasons.push(Reason { weight: Weight::Suspect, ..reason });
            return true;
        }
        let code = reason.code;
        let rows = values.iter().map(|(ts, value)| Refused { ts: *ts, value: Some(*value), code });
        self.refused.extend(rows);
        self.reasons.push(reason);
        false
    }

    fn unusual(&mut self, day: NaiveDate, view: &Day<'_>, past: &Past) {
        let spikes = view.spikes(past);
        if let Some((at, score)) = spikes.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
            let reason = Reason::new(Code::Spike, Weight::Suspect, spikes.len()).on(day);
            self.reasons.push(reason.from(*at).figure(*score));
        }
        self.counts.spikes += spikes.len();
        let scores = past.scores(view.values);
        let Some(most) = scores.iter().copied().max_by(f64::total_cmp) else { return };
        self.outlier_score = Some(self.outlier_score.map_or(most, |before| before.max(most)));
        let outliers = scores.iter().filter(|score| **score > UNUSUAL).count();
        self.counts.outliers += outliers;
        if outliers as f64 > UNUSUAL_SHARE * scores.len() as f64 {
            let reason = Reason::new(Code::Unusual, Weight::Note, outliers).on(day);
            self.reasons.push(reason.figure(most));
        }
    }

    /// Counts what a day has of what it should have.
    fn count_day(&mut self, day: NaiveDate, range: TimeRange, values: &[Sample]) {
        let batch = self.batch;
        let asked = TimeRange::new(range.from.max(batch.asked.from), range.to.min(batch.asked.to));
        let expected = batch.slots(range).len();
        let mut held: BTreeSet<DateTime<Utc>> = values.iter().map(|(ts, _)| *ts).collect();
        let asked_slots = batch.slots(asked).len();
        self.counts.expected += asked_slots;
        self.counts.found += values.len();
        let absent = asked_slots.saturating_sub(values.len());
        if asked != range {
            // Of a day that comes in parts, what came before counts.
            held.extend(self.stored.range(range.from..range.to).map(|(ts, _)| *ts));
        }
        let differs = |(ts, value): &&Sample| {
            let before = self.stored.get(ts);
            !batch.is_rolling
                && before.is_some_and(|before| !is_same(*before, *value, batch.tolerance))
        };
        let revised = values.iter().filter(differs).count();
        self.counts.revised += revised;
        let expected_by = batch.due.map(|due| due.of(day, batch.zone));
        let is_due = self.now >= expected_by.unwrap_or(range.to);
        if absent > 0 {
            let (code, weight) =
                if is_due { (Code::Missing, Weight::Suspect) } else { (Code::Open, Weight::Note) };
            let was_refused = |row: &Refused| range.contains(row.ts) && row.code != Code::OffGrid;
            // A day of which everything is kept apart has been told about already.
            if !(values.is_empty() && self.refused.iter().any(was_refused)) {
                let reason = Reason::new(code, weight, absent).on(day);
                self.reasons.push(reason.figure(asked_slots as f64));
            }
        }
        let own = self.reasons.iter().filter(|reason| reason.day == Some(day));
        let verdict = match own.map(|reason| reason.weight).max() {
            Some(Weight::Refused) => Verdict::Refused,
            Some(Weight::Suspect) => Verdict::Suspect,
            _ => Verdict::Good,
        };
        let found = held.len().min(expected);
        self.days.push(DayReport { day, expected, found, revised, verdict, expected_by });
    }

    /// Intervals that were asked for and have no value, in runs.
    fn gaps(&self) -> Vec<Gap> {
        let present: BTreeSet<DateTime<Utc>> = self.accepted.iter().map(|(ts, _)| *ts).collect();
        let mut gaps: Vec<Gap> = Vec::new();
        let mut is_open = false;
        for slot in self.batch.slots(self.batch.asked) {
            if self.batch.rests_on(local_date(slot, self.batch.zone)) {
                continue;
            }
            match gaps.last_mut() {
                _ if present.contains(&slot) => is_open = false,
                Some(gap) if is_open => gap.slots += 1,
                _ => {
                    gaps.push(Gap { from: slot, slots: 1 });
                    is_open = true;
                }
            }
        }
        gaps
    }

    /// Looks for values that stay the same for too long; answers the longest such time, in seconds.
    fn stuck(&mut self) -> i64 {
        let (kind, interval_s) = (self.batch.kind, i64::from(self.batch.interval_s));
        if self.batch.interval_s >= DAY_S {
            return 0;
        }
        let day_before = self.batch.asked.from - Duration::days(1);
        let mut values: Pool =
            self.stored.range(day_before..self.batch.asked.from).map(copied).collect();
        values.extend(self.accepted.iter().copied());
        let values: Vec<Sample> = values.into_iter().collect();
        let mut longest = 0;
        for run in runs(&values, self.batch.interval_s) {
            let length_s = i64::try_from(run.count).unwrap_or(i64::MAX / 4_000) * interval_s;
            let ends = run.from + Duration::seconds(length_s);
            if ends <= self.batch.asked.from {
                continue;
            }
            if kind != Kind::Solar || run.value != 0.0 {
                longest = longest.max(length_s);
            }
            let Some(hours_max) = equal_hours_max(kind, run.value) else { continue };
            if length_s > hours_max * 3_600 {
                let day = local_date(run.from.max(self.batch.asked.from), self.batch.zone);
                let reason = Reason::new(Code::Stuck, Weight::Suspect, run.count).on(day);
                self.reasons.push(reason.from(run.from).figure(length_s as f64 / 3_600.0));
                let days = self.days.iter_mut().filter(|it| it.day == day);
                days.for_each(|it| it.verdict = it.verdict.max(Verdict::Suspect));
            }
        }
        longest
    }

    /// Gaps of an hour where the clock changes are told as what they are.
    fn clock_changes(&mut self, gaps: &[Gap]) {
        let (zone, interval_s) = (self.batch.zone, self.batch.interval_s);
        for gap in gaps {
            let day = local_date(gap.from, zone);
            if !dst::is_fault(gap, interval_s, (day, zone)) {
                continue;
            }
            let reason = Reason::new(Code::Dst, Weight::Suspect, gap.slots).on(day);
            self.reasons.push(reason.from(gap.from));
            let days = self.days.iter_mut().filter(|it| it.day == day);
            days.for_each(|it| it.verdict = it.verdict.max(Verdict::Suspect));
        }
    }

    /// Values of what nobody knows ahead that are of more than five minutes from now.
    fn future(&mut self) {
        let is_measured = self.batch.due.is_some_and(|due| due.days >= 0);
        if !is_measured || self.batch.is_rolling {
            return;
        }
        let ahead = self.now + Duration::minutes(5);
        let count = self.accepted.iter().filter(|(ts, _)| *ts > ahead).count();
        let first = self.accepted.iter().map(|(ts, _)| *ts).find(|ts| *ts > ahead);
        if let Some(first) = first {
            let day = local_date(first, self.batch.zone);
            let reason = Reason::new(Code::Future, Weight::Suspect, count).on(day);
            self.reasons.push(reason.from(first));
            let days = self.days.iter_mut().filter(|it| it.day >= day);
            days.for_each(|it| it.verdict = it.verdict.max(Verdict::Suspect));
        }
    }

    fn note_counts(&mut self) {
        let BatchCounts {
            duplicates,
            conflicts,
            out_of_order,
            outside,
            off_grid,
            not_finite,
            revised,
            ..
        } = self.counts;
        let all = [
            (Code::Conflicts, Weight::Refused, conflicts),
            (Code::OffGrid, Weight::Refused, off_grid),
            (Code::NotFinite, Weight::Refused, not_finite),
            (Code::Impossible, Weight::Refused, self.impossible),
            (Code::Duplicates, Weight::Note, duplicates),
            (Code::OutOfOrder, Weight::Note, out_of_order),
            (Code::Outside, Weight::Note, outside),
            (Code::Revised, Weight::Note, revised),
        ];
        let told = all.into_iter().filter(|(_, _, count)| *count > 0);
        self.reasons.extend(told.map(|(code, weight, count)| Reason::new(code, weight, count)));
    }
}

fn copied((ts, value): (&DateTime<Utc>, &f64)) -> Sample {
    (*ts, *value)
}
