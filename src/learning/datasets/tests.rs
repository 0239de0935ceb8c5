//! What is written is what is read, under a name of its own.

use chrono::{DateTime, Utc};
use ndarray::Array2;
use proptest::prelude::*;

use super::file::{self, FileError};
use super::*;
use crate::access::audit::By;
use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::base::ids::Product;
use crate::learning::features::FeatureTable;
use crate::platform::objects::ObjectError;
use crate::testing::{TestServices, ch};

/// A table of `values` in two columns, with keys that tell rows apart.
fn table(values: &[(f32, f32, f64)]) -> FeatureTable {
    let at = |row: usize| {
        DateTime::<Utc>::from_timestamp(1_700_000_000 + 3_600 * i64::try_from(row).unwrap(), 0)
            .unwrap()
    };
    let rows = 0..values.len();
    FeatureTable {
        ts: rows.clone().map(at).collect(),
        issued_at: rows.clone().map(|row| at(row) - chrono::Duration::hours(20)).collect(),
        known_at: rows.clone().map(|row| at(row) - chrono::Duration::minutes(7)).collect(),
        interval_s: 3_600,
        table: Table {
            features: vec!["hour".into(), "lag_24h".into()],
            x: Array2::from_shape_fn((values.len(), 2), |(row, column)| {
                if column == 0 { values[row].0 } else { values[row].1 }
            }),
            y: values.iter().map(|(.., y)| *y).collect(),
            groups: rows
                .map(|row| RowKey {
                    day: 738_000 + i32::try_from(row / 96).unwrap(),
                    slot: u16::try_from(row % 96).unwrap(),
                    lead_day: u8::try_from(1 + row % 7).unwrap(),
                })
                .collect(),
        },
    }
}

/// Everything a table holds, floats as bits.
fn content(table: &FeatureTable) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (table.ts.clone(), table.issued_at.clone(), table.known_at.clone(), table.interval_s),
        (table.table.features.clone(), table.table.groups.clone()),
        table.table.x.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
        table.table.y.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
    )
}

fn new(table: &FeatureTable) -> NewDataset {
    let days = ("2023-11-14".parse().unwrap(), "2023-11-16".parse().unwrap());
    NewDataset {
        market: ch(),
        product: Product::DayAhead,
        table: table.clone(),
        days,
        regime: None,
    }
}

proptest! {
    #[test]
    fn a_file_holds_its_table_bit_for_bit(
        rows in proptest::collection::vec((any::<f32>(), any::<f32>(), any::<f64>()), 1..300),
    ) {
        let written = table(&rows);
        let read = file::read(file::write(&written).unwrap()).unwrap();
        prop_assert_eq!(content(&read), content(&written));
    }
}

#[test]
fn what_is_no_dataset_is_refused() {
    assert!(matches!(file::read(b"no parquet".to_vec()), Err(FileError::Parquet(_))));
    let written = file::write(&table(&[(1.0, 2.0, 3.0)])).unwrap();
    assert!(file::read(written[..written.len() / 2].to_vec()).is_err());
}

#[actix_web::test]
async fn datasets_are_named_by_the_minute_and_never_overwritten() {
    let test = TestServices::at("2026-03-28T23:59:30Z").await;
    // A second program on the same folder and database.
    let datasets = &test.services.datasets;
    let tables: Vec<FeatureTable> =
        (0..4_u8).map(|n| table(&[(f32::from(n), f32::NAN, -0.1), (0.1, -0.0, 1e-300)])).collect();
    let by = By::system();
    let exports = tables.iter().map(|table| datasets.export(new(table), &by));
    let exported: Vec<Dataset> = futures_util::future::try_join_all(exports).await.unwrap();
    let mut names: Vec<&str> = exported.iter().map(|dataset| dataset.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "modeling_data_20260328_2359.parquet",
            "modeling_data_20260328_2359_2.parquet",
            "modeling_data_20260328_2359_3.parquet",
            "modeling_data_20260328_2359_4.parquet",
        ]
    );
    for (dataset, written) in exported.iter().zip(&tables) {
        assert_eq!(content(&datasets.open(dataset).await.unwrap()), content(written));
        assert_eq!((dataset.rows, dataset.features.len()), (2, 2));
    }
    let listed = datasets.list(None, 10).await.unwrap();
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[0].sha256.len(), 64);
}

#[actix_web::test]
async fn a_damaged_or_missing_file_is_refused_and_an_empty_table_is_no_dataset() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let datasets = &test.services.datasets;
    let dataset =
        datasets.export(new(&table(&[(1.0, 2.0, 3.0); 50])), &By::system()).await.unwrap();
    let path = test.folder().join("datasets").join(&dataset.name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = datasets.open(&dataset).await.unwrap_err();
    assert!(matches!(refused, DatasetError::Object(ObjectError::Damaged { .. })), "{refused:?}");
    std::fs::remove_file(&path).unwrap();
    let refused = datasets.open(&dataset).await.unwrap_err();
    assert!(matches!(refused, DatasetError::Object(ObjectError::Missing(_))), "{refused:?}");
    let refused = datasets.export(new(&table(&[])), &By::system()).await.unwrap_err();
    assert!(refused.to_string().contains("CH"), "{refused}");
}
