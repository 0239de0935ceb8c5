//! A table of vectors, one per token, whose mean is the vector of a text (model2vec and its like).

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::served::unit;

/// Tokens of a text that count; means of more are no better.
pub(super) const TOKENS_MAX: usize = 512;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<f32>>,
    /// How much a token counts; all the same where it is empty.
    weights: Vec<f32>,
    /// The row of each token, where several share one.
    mapping: Vec<usize>,
    unknown: Option<u32>,
}

impl Table {
    /// The table in the bytes of a safetensors file; `unknown` is the token of what is not in it.
    pub fn new(bytes: &[u8], unknown: Option<u32>) -> Result<Self, String> {
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
            .map_err(|error| format!("its weights are broken: {error}"))?;
        let rows = ["embeddings", "embedding.weight"].iter().find_map(|name| tensors.get(*name));
        let rows = rows.ok_or("there is no tensor `embeddings`")?;
        let rows: Vec<Vec<f32>> = rows
            .to_dtype(DType::F32)
            .and_then(|rows| rows.to_vec2())
            .map_err(|error| format!("its table is broken: {error}"))?;
        let weights = numbers(&tensors, "weights")?;
        let mapping = numbers(&tensors, "mapping")?;
        let mapping: Vec<usize> = mapping.into_iter().map(whole).collect();
        if rows.is_empty() || mapping.iter().any(|row| *row >= rows.len()) {
            return Err("its mapping names rows that do not exist".to_owned());
        }
        Ok(Self { rows, weights: weights.into_iter().map(single).collect(), mapping, unknown })
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// The mean of the rows of `tokens`, at length 1; zeros when none of them is known.
    pub fn vector(&self, tokens: &[u32]) -> Vec<f32> {
        let mut sum = vec![0.0_f32; self.dimension()];
        let known = tokens.iter().filter(|token| Some(**token) != self.unknown).take(TOKENS_MAX);
        for token in known.map(|token| *token as usize) {
            let row = self.mapping.get(token).copied().unwrap_or(token);
            let weight = self.weights.get(token).copied().unwrap_or(1.0);
            if let Some(row) = self.rows.get(row) {
                sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += weight * number);
            }
        }
        unit(sum)
    }
}

fn numbers(tensors: &HashMap<String, Tensor>, name: &str) -> Result<Vec<f64>, String> {
    let Some(tensor) = tensors.get(name) else { return Ok(Vec::new()) };
    let numbers = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.to_vec1());
    numbers.map_err(|error| format!("its tensor `{name}` is broken: {error}"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of rows, which are checked against the table"
)]
fn whole(number: f64) -> usize {
    number as usize
}

#[expect(clippy::cast_possible_truncation, reason = "weights are kept in single precision")]
fn single(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a safetensors file.
    fn file(tensors: &[(&str, Tensor)]) -> Vec<u8> {
        let path = tempfile::NamedTempFile::new().unwrap();
        let all: HashMap<&str, Tensor> = tensors.iter().cloned().collect();
        candle_core::safetensors::save(&all, path.path()).unwrap();
        std::fs::read(path.path()).unwrap()
    }

    fn rows() -> Tensor {
        Tensor::new(&[[3.0_f32, 4.0], [0.0, 1.0], [9.0, 9.0]], &Device::Cpu).unwrap()
    }

    #[test]
    fn a_text_is_the_mean_of_its_known_tokens() {
        let table = Table::new(&file(&[("embeddings", rows())]), Some(2)).unwrap();
        assert_eq!(table.dimension(), 2);
        assert_eq!(table.vector(&[0, 2]), [0.6, 0.8]);
        // (3, 5) / √34.
        let both = table.vector(&[0, 1]);
        assert!(
            (both[0] - 0.514_496).abs() < 1e-6 && (both[1] - 0.857_493).abs() < 1e-6,
            "{both:?}"
        );
        assert_eq!(table.vector(&[2, 77]), [0.0, 0.0]);
    }

    #[test]
    fn weights_and_shared_rows_count() {
        let weights = Tensor::new(&[1.0_f64, 1.0, 1.0, 4.0], &Device::Cpu).unwrap();
        let mapping = Tensor::new(&[0_i64, 1, 2, 1], &Device::Cpu).unwrap();
        let bytes = file(&[("embeddings", rows()), ("weights", weights), ("mapping", mapping)]);
        let table = Table::new(&bytes, None).unwrap();
        // (3, 4) + 4 · (0, 1) = (3, 8), over √73.
        let vector = table.vector(&[0, 3]);
        assert!((vector[0] - 0.351_123).abs() < 1e-6 && (vector[1] - 0.936_329).abs() < 1e-6);
        let broken = Tensor::new(&[7_i64], &Device::Cpu).unwrap();
        let why =
            Table::new(&file(&[("embeddings", rows()), ("mapping", broken)]), None).unwrap_err();
        assert!(why.contains("mapping"), "{why}");
        assert!(Table::new(b"no such file", None).unwrap_err().contains("broken"));
    }
}
