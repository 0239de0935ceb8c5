//! What models of whole days keep in memory, and when they begin anew.

use std::cell::Cell;

use ndarray::Array2;
use uuid::Uuid;

use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::Prediction;
use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::learning::training::DayModels;
use crate::learning::training::LeadModel;

/// 7 January 1970 as an ordinal of the common era.
const FIRST: i32 = 719_169;

/// Hourly rows of the first lead day, without features but the flags of the day.
fn rows(from: i32, days: i32) -> Table {
    let (mut y, mut groups) = (Vec::new(), Vec::new());
    for day in FIRST + from..FIRST + from + days {
        for slot in 0..24_u16 {
            let hour = f64::from(day * 24) + f64::from(slot);
            let noise = (hour * 0.618_033_988_75).rem_euclid(1.0);
            y.push(40.0 + 9.0 * (f64::from(slot) / 4.0).sin() + 6.0 * (hour / 200.0).cos() + noise);
            groups.push(RowKey { day, slot, lead_day: 1 });
        }
    }
    let features = ["is_holiday", "is_bridge_day"].map(str::to_owned).to_vec();
    Table { x: Array2::zeros((y.len(), features.len())), features, y, groups }
}

#[test]
fn a_day_is_gone_on_with_once_and_what_was_restated_begins_anew() {
    let (train, valid, params) = (rows(0, 122), rows(122, 2), Params::default());
    let fitted =
        LeadModel::fit(Algorithm::Lear, &params, &train, &valid, &|| false, &mut |_| {}).unwrap();
    let bytes = fitted.model.to_bytes();
    let (models, loads) = (DayModels::default(), Cell::new(0));
    let id = Uuid::from_u128(7);
    let ask = |recent: &Table, table: &Table| -> Prediction {
        let load = || {
            loads.set(loads.get() + 1);
            Ok(LeadModel::from_bytes(&bytes)?)
        };
        models.predict(id, load, recent, table).unwrap()
    };
    let bare = |recent: &Table, table: &Table| {
        LeadModel::from_bytes(&bytes).unwrap().predict_after(Some(recent), table).unwrap()
    };
    for day in 1..=3 {
        let (recent, next) = (rows(124, day), rows(124 + day, 1));
        assert_eq!(ask(&recent, &next), bare(&recent, &next));
        assert_eq!(ask(&recent, &next), bare(&recent, &next));
    }
    assert_eq!(loads.get(), 1, "the days come one after the other");
    // The price of an hour of the first of them was corrected.
    let (mut recent, next) = (rows(124, 3), rows(127, 1));
    recent.y[7] += 25.0;
    assert_eq!(ask(&recent, &next), bare(&recent, &next));
    assert_eq!(loads.get(), 2);
    // A day that was known in part goes on from its whole.
    let whole = rows(124, 4);
    let part = rows(124, 4);
    let part = Table {
        x: part.x.slice(ndarray::s![..90, ..]).to_owned(),
        y: part.y[..90].to_vec(),
        groups: part.groups[..90].to_vec(),
        ..part
    };
    let next = rows(128, 1);
    for recent in [&part, &whole] {
        assert_eq!(ask(recent, &next), bare(recent, &next));
    }
    assert_eq!(loads.get(), 4);
}
