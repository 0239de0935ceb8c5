//! Rows on the UTC axis into one point per interval: order, duplicates, hours or quarter hours.

use std::collections::BTreeMap;

use super::error::ImportError;
use super::findings::{Fault, Findings, reason};
use super::placing::Placed;
use crate::base::ids::Product;

/// Steps of the other resolution in a row from which on a file counts as mixed.
const STEPS_OF_A_MIXTURE: usize = 3;

/// Leaves out rows without a price; a row that stood for two hours counts once.
pub(super) fn drop_empty(placed: &mut Vec<Placed>, findings: &mut Findings) {
    let mut last_dropped = None;
    placed.retain(|point| {
        let keep = point.row.price.is_some();
        if !keep && last_dropped != Some(point.row.line) {
            findings.drop_row(reason::NO_VALUE, point.row.line);
            last_dropped = Some(point.row.line);
        }
        keep
    });
}

/// Sorts by instant and leaves one row per instant; different prices for one instant are a fault.
pub(super) fn sort_and_unite(
    placed: &mut Vec<Placed>,
    price_column: &str,
    findings: &mut Findings,
) {
    let in_order = placed.windows(2).all(|pair| pair[0].ts <= pair[1].ts);
    if !in_order {
        let jumps = placed
            .windows(2)
            .filter(|pair| pair[1].row.line > pair[0].row.line && pair[1].ts < pair[0].ts)
            .count();
        if jumps > 0 {
            findings.notes.push("the rows were not in order of time and were sorted".to_owned());
        }
        placed.sort_by_key(|point| (point.ts, point.row.line));
    }
    let mut united: Vec<Placed> = Vec::with_capacity(placed.len());
    for group in placed.chunk_by(|a, b| a.ts == b.ts) {
        let (first, rest) = (group[0], &group[1..]);
        if rest.iter().all(|point| point.row.price == first.row.price) {
            united.push(first);
            for point in rest {
                findings.drop_row(reason::DUPLICATE, point.row.line);
            }
            continue;
        }
        for point in group {
            let other =
                if point.row.line == first.row.line { rest[0].row.line } else { first.row.line };
            let reason =
                format!("another value than in line {other} for the same instant {}", point.ts);
            findings.bad_row(Fault::Contradiction, point.row.line, price_column, reason);
        }
    }
    *placed = united;
}

/// The product of sorted points: by the most frequent step, or as asked for.
pub(super) fn product_of(
    points: &[Placed],
    asked: Option<Product>,
) -> Result<Product, ImportError> {
    let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in points.windows(2) {
        *steps.entry((pair[1].ts - pair[0].ts).num_seconds()).or_default() += 1;
    }
    // Of equally frequent steps the shortest: the others are gaps.
    let usual = steps.iter().rev().max_by_key(|(_, count)| **count).map(|(step, _)| *step);
    let found = usual.and_then(|step_s| {
        Product::ALL.iter().copied().find(|product| i64::from(product.interval_s()) == step_s)
    });
    match (usual, found, asked) {
        (None, _, None) => Err(ImportError::SingleRow),
        (Some(usual_s), Some(product), asked) => {
            if asked.is_some_and(|asked| asked != product) {
                let product = asked.unwrap_or(product);
                return Err(ImportError::ProductMismatch { product, step_s: usual_s });
            }
            refuse_mixture(points, usual_s)?;
            Ok(product)
        }
        (Some(step_s), None, None) => Err(ImportError::Resolution { step_s }),
        (Some(step_s), None, Some(product)) if step_s % i64::from(product.interval_s()) != 0 => {
            Err(ImportError::ProductMismatch { product, step_s })
        }
        (_, None, Some(product)) | (None, Some(_), Some(product)) => Ok(product),
    }
}

/// Refuses a file that changes its resolution on the way; single odd steps are gaps or faults.
fn refuse_mixture(points: &[Placed], usual_s: i64) -> Result<(), ImportError> {
    let is_other = |step: i64| step != usual_s && [900, 1_800, 3_600].contains(&step);
    let mut run: (i64, usize) = (0, 0);
    for pair in points.windows(2) {
        let step = (pair[1].ts - pair[0].ts).num_seconds();
        run = if is_other(step) && step == run.0 { (step, run.1 + 1) } else { (step, 1) };
        if is_other(step) && run.1 >= STEPS_OF_A_MIXTURE {
            return Err(ImportError::MixedResolution {
                usual_s,
                other_s: step,
                line: pair[1].row.line,
            });
        }
    }
    Ok(())
}

/// Leaves out points that do not start an interval of the product; they are a fault.
pub(super) fn refuse_off_grid(
    points: &mut Vec<Placed>,
    product: Product,
    time_column: &str,
    findings: &mut Findings,
) {
    let interval_s = i64::from(product.interval_s());
    points.retain(|point| {
        let fits = point.ts.timestamp() % interval_s == 0 && point.ts.timestamp_subsec_nanos() == 0;
        if !fits {
            let reason = format!("{} does not start an interval of {interval_s} s", point.ts);
            findings.bad_row(Fault::OffGrid, point.row.line, time_column, reason);
        }
        fits
    });
}

/// A sentence about intervals without a price between the first and the last point.
pub(super) fn note_gaps(points: &[Placed], product: Product, findings: &mut Findings) {
    let interval_s = i64::from(product.interval_s());
    let missing = |pair: &[Placed]| (pair[1].ts - pair[0].ts).num_seconds() / interval_s - 1;
    let total: i64 = points.windows(2).map(missing).sum();
    if let Some(first) = points.windows(2).find(|pair| missing(pair) > 0) {
        findings.notes.push(format!(
            "{total} {} between the first and the last have no price, the first of them after {}",
            if product == Product::DayAhead { "hours" } else { "quarter hours" },
            first[0].ts.format("%Y-%m-%dT%H:%MZ"),
        ));
    }
}
