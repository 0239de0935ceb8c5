//! Models as bytes, and trees against the library that grew them.

use proptest::prelude::*;
use serde_json::json;

use super::{ROW_WISE, fitted, quick, sample};
use crate::algorithms::forecasting::lightgbm::raw_fast_predictor;
use crate::algorithms::forecasting::{Algorithm, LoadError, Model};

#[test]
fn a_loaded_model_forecasts_the_same_bits() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    for algorithm in ROW_WISE {
        let model = fitted(algorithm, &quick(algorithm), &train, &valid);
        let bytes = model.to_bytes();
        let loaded = Model::from_bytes(&bytes).unwrap();
        assert!(loaded == model, "{algorithm}");
        assert!(loaded.to_bytes() == bytes, "{algorithm}");
        assert_eq!((loaded.algorithm(), loaded.features()), (algorithm, &train.features[..]));
        let (before, after) = (model.predict(&valid).unwrap(), loaded.predict(&valid).unwrap());
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&before.mean), bits(&after.mean), "{algorithm}");
        assert_eq!(bits(before.quantiles.as_flattened()), bits(after.quantiles.as_flattened()));
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    let bytes = fitted(Algorithm::Naive, &json!({}), &train, &valid).to_bytes();
    assert!(matches!(Model::from_bytes(&[]), Err(LoadError::NotAModel(0))));
    assert!(matches!(Model::from_bytes(b"LUNAMODL"), Err(LoadError::NotAModel(8))));
    for index in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[index] ^= 0x10;
        assert!(Model::from_bytes(&damaged).is_err(), "byte {index}");
        assert!(Model::from_bytes(&bytes[..index]).is_err(), "first {index} bytes");
    }
    let mut newer = bytes;
    newer[8] = 9;
    assert_eq!(Model::from_bytes(&newer).unwrap_err(), LoadError::Version(9, 1));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _refused: Option<LoadError> = Model::from_bytes(&bytes).err();
        let prefixed = [b"LUNAMODL\x01".as_slice(), &bytes].concat();
        prop_assert!(Model::from_bytes(&prefixed).is_err());
    }
}

#[test]
fn trees_answer_as_their_library_does_to_the_last_bit() {
    let (mut train, mut valid) = (sample(7, 63), sample(70, 14));
    // Without an anchor the library and the model see the same rows.
    for table in [&mut train, &mut valid] {
        table.features[5] = "level".to_owned();
    }
    for algorithm in [Algorithm::Lightgbm, Algorithm::RandomForest] {
        let model = fitted(algorithm, &quick(algorithm), &train, &valid);
        let mut library = raw_fast_predictor(&model).unwrap();
        for row in valid.x.rows() {
            let own = model.predict_row(row.as_slice().unwrap());
            let wide: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
            assert_eq!(own.to_bits(), library(&wide).to_bits(), "{algorithm}");
        }
        assert!(library(&[1.0]).is_nan());
    }
    let naive = fitted(Algorithm::Naive, &json!({}), &train, &valid);
    assert!(raw_fast_predictor(&naive).is_none());
}
