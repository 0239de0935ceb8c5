//! Many numbers of single precision in a stored model: bytes as text, a third of their digits and exact.

/// How serde writes and reads them.
pub(super) mod floats {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ptr_arg, reason = "serde hands over the field as it is")]
    pub(in crate::algorithms::forecasting::mlp) fn serialize<S: Serializer>(
        values: &Vec<f32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in crate::algorithms::forecasting::mlp) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<f32>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        match bytes.as_chunks::<4>() {
            (values, []) => Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect()),
            _ => Err(D::Error::custom("numbers end in the middle")),
        }
    }
}
