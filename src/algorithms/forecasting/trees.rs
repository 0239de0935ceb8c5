//! Decision trees as plain data: read from LightGBM's text, walked without its library.
//!
//! Training leaves the trees in LightGBM's own text format (version 4). Forecasting from that text
//! here, and not through the library, has three reasons: the library's thread count is one unguarded
//! global, so forecasts beside a running training would write into it; a damaged text is found by
//! checking indices and cannot crash anything; and the trees can be shared between threads. Sums run
//! in the order of the library's, so the forecasts are equal to its own to the last bit.

use std::collections::HashMap;
use std::str::FromStr;

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// Distance from zero within which LightGBM takes a number for zero.
const ZERO: f64 = 1e-35;

/// Trees whose leaves add up to the forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(super) struct Forest {
    features: usize,
    averaged: bool,
    trees: Vec<Tree>,
}

/// Trees as they were stored, by whomever.
#[derive(Deserialize)]
struct Unchecked {
    features: usize,
    averaged: bool,
    trees: Vec<Tree>,
}

impl TryFrom<Unchecked> for Forest {
    type Error = String;

    fn try_from(stored: Unchecked) -> Result<Self, String> {
        let Unchecked { features, averaged, trees } = stored;
        if features == 0 || trees.is_empty() {
            return Err("there are no trees".to_owned());
        }
        trees.iter().try_for_each(|tree| tree.check(features))?;
        Ok(Self { features, averaged, trees })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<f64>,
}

/// A question about one feature. Children below zero are leaves, stored as their complement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredNode", into = "StoredNode")]
struct Node {
    threshold: f64,
    feature: u32,
    left: i32,
    right: i32,
    missing: Missing,
    missing_goes_left: bool,
}

/// Bits of the threshold, feature, children, and LightGBM's number for how the node decides: short, and
/// to the last bit.
type StoredNode = (u64, u32, i32, i32, u8);

impl From<Node> for StoredNode {
    fn from(node: Node) -> Self {
        let missing = match node.missing {
            Missing::Never => 0_u8,
            Missing::Zero => 1,
            Missing::Nan => 2,
        };
        let decision = missing << 2 | u8::from(node.missing_goes_left) << 1;
        (node.threshold.to_bits(), node.feature, node.left, node.right, decision)
    }
}

impl TryFrom<StoredNode> for Node {
    type Error = String;

    fn try_from(stored: StoredNode) -> Result<Self, String> {
        let (threshold, feature, left, right, decision) = stored;
        Ok(Self {
            threshold: f64::from_bits(threshold),
            feature,
            left,
            right,
            missing: missing_of(decision)?,
            missing_goes_left: decision & 0b10 != 0,
        })
    }
}

/// Which values count as missing at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// None: NaN is read as zero.
    Never,
    /// Zero, and NaN read as zero.
    Zero,
    /// NaN.
    Nan,
}

impl Forest {
    /// Reads LightGBM's text; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let end = text.find("\nend of trees").ok_or("the text of the trees ends early")?;
        let mut sections = text[..end].split("\nTree=");
        let header = sections.next().unwrap_or_default();
        let fields = fields(header);
        let last: usize = single(&fields, "max_feature_idx")?;
        let features = last.checked_add(1).ok_or("max_feature_idx is too large")?;
        let trees = sections.map(|section| Tree::parse(section, features));
        let trees = trees.collect::<Result<Vec<_>, _>>()?;
        if trees.is_empty() {
            return Err("there are no trees".to_owned());
        }
        let averaged = header.lines().any(|line| line.trim() == "average_output");
        Ok(Self { features, averaged, trees })
    }

    /// Number of features a row has.
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Number of trees.
    pub const fn len(&self) -> usize {
        self.trees.len()
    }

    /// Forecast of one row of [`Forest::features`] values.
    pub fn predict_row(&self, row: ArrayView1<'_, f32>) -> f64 {
        let sum = match row.as_slice() {
            Some(values) => self.trees.iter().map(|tree| tree.leaf_of(values)).sum::<f64>(),
            None => self.trees.iter().map(|tree| tree.leaf_of(&row.to_vec())).sum::<f64>(),
        };
        self.finish(sum)
    }

    /// Forecasts of many rows; tree by tree, so that a tree stays in the cache.
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Vec<f64> {
        let rows = rows.as_standard_layout();
        let values = rows.as_slice().unwrap_or_default();
        let mut sums = vec![0.0; rows.nrows()];
        for tree in &self.trees {
            for (sum, row) in sums.iter_mut().zip(values.chunks_exact(self.features)) {
                *sum += tree.leaf_of(row);
            }
        }
        sums.into_iter().map(|sum| self.finish(sum)).collect()
    }

    fn finish(&self, sum: f64) -> f64 {
        if self.averaged { sum / self.trees.len() as f64 } else { sum }
    }
}

impl Tree {
    fn parse(section: &str, features: usize) -> Result<Self, String> {
        let fields = fields(section);
        let count: usize = single(&fields, "num_leaves")?;
        let leaves: Vec<f64> = list(&fields, "leaf_value", count)?;
        if single::<u32>(&fields, "num_cat")? != 0 {
            return Err("a tree splits on categories, which are not supported".to_owned());
        }
        if fields.get("is_linear").is_some_and(|flag| *flag != "0") {
            return Err("a tree has linear leaves, which are not supported".to_owned());
        }
        let inner = count.saturating_sub(1);
        if inner == 0 {
            let tree = Self { nodes: Vec::new(), leaves };
            return tree.check(features).map(|()| tree);
        }
        let feature: Vec<u32> = list(&fields, "split_feature", inner)?;
        let threshold: Vec<f64> = list(&fields, "threshold", inner)?;
        let decision: Vec<u8> = list(&fields, "decision_type", inner)?;
        let left: Vec<i32> = list(&fields, "left_child", inner)?;
        let right: Vec<i32> = list(&fields, "right_child", inner)?;
        let nodes = (0..inner).map(|index| {
            Ok(Node {
                threshold: threshold[index],
                feature: feature[index],
                left: left[index],
                right: right[index],
                missing: missing_of(decision[index])?,
                missing_goes_left: decision[index] & 0b10 != 0,
            })
        });
        let tree = Self { nodes: nodes.collect::<Result<_, String>>()?, leaves };
        tree.check(features).map(|()| tree)
    }

    /// Whether every walk through the tree ends at a leaf that is there and finite.
    fn check(&self, features: usize) -> Result<(), String> {
        let inner = self.nodes.len();
        if self.leaves.len() != inner + 1 || self.leaves.iter().any(|value| !value.is_finite()) {
            return Err("a tree has no leaves or a leaf that is not finite".to_owned());
        }
        let mut nodes = self.nodes.iter().enumerate();
        nodes.try_for_each(|(index, node)| node.check(index, inner, features))
    }

    /// Value of the leaf into which `row` falls.
    fn leaf_of(&self, row: &[f32]) -> f64 {
        let mut at: i32 = if self.nodes.is_empty() { -1 } else { 0 };
        while let Ok(index) = usize::try_from(at) {
            let node = &self.nodes[index];
            at = node.next(f64::from(row[node.feature as usize]));
        }
        self.leaves[leaf_index(at)]
    }
}

impl Node {
    /// The rule of LightGBM's `Tree::NumericalDecision`.
    #[inline]
    fn next(&self, value: f64) -> i32 {
        let nan = value.is_nan();
        let value = if nan && self.missing != Missing::Nan { 0.0 } else { value };
        let missing = match self.missing {
            Missing::Never => false,
            Missing::Zero => (-ZERO..=ZERO).contains(&value),
            Missing::Nan => nan,
        };
        let left = if missing { self.missing_goes_left } else { value <= self.threshold };
        if left { self.left } else { self.right }
    }

    /// Indices lie inside, and children after their parent: every walk then ends at a leaf.
    fn check(&self, index: usize, inner: usize, features: usize) -> Result<(), String> {
        let child_fits = |child: i32| match usize::try_from(child) {
            Ok(node) => index < node && node < inner,
            Err(_) => leaf_index(child) <= inner,
        };
        if !child_fits(self.left) || !child_fits(self.right) {
            return Err(format!("node {index} of a tree has a child that does not exist"));
        }
        if self.feature as usize >= features || self.threshold.is_nan() {
            return Err(format!("node {index} of a tree asks about a feature that does not exist"));
        }
        Ok(())
    }
}

/// Index of the leaf that a negative child stands for.
const fn leaf_index(child: i32) -> usize {
    (!child).unsigned_abs() as usize
}

fn missing_of(decision: u8) -> Result<Missing, String> {
    if decision & 1 != 0 {
        return Err("a node splits on categories, which are not supported".to_owned());
    }
    match (decision >> 2) & 0b11 {
        0 => Ok(Missing::Never),
        1 => Ok(Missing::Zero),
        2 => Ok(Missing::Nan),
        other => Err(format!("a node has the unknown kind of missing value {other}")),
    }
}

/// The `name=value` lines of a section.
fn fields(section: &str) -> HashMap<&str, &str> {
    section.lines().filter_map(|line| line.split_once('=')).collect()
}

fn single<T: FromStr>(fields: &HashMap<&str, &str>, name: &str) -> Result<T, String> {
    let text = fields.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    text.trim().parse().map_err(|_| format!("`{name}` has the unreadable value `{text}`"))
}

fn list<T: FromStr>(
    fields: &HashMap<&str, &str>,
    name: &str,
    count: usize,
) -> Result<Vec<T>, String> {
    let text = fields.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    let values = text.split_whitespace().map(|value| {
        value.parse().map_err(|_| format!("`{name}` has the unreadable value `{value}`"))
    });
    let values = values.collect::<Result<Vec<T>, String>>()?;
    if values.len() == count {
        Ok(values)
    } else {
        Err(format!("`{name}` has {} values, not {count}", values.len()))
    }
}
