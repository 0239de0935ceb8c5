//! Trees that others trained: `LightGBM`'s text with what its objective makes of their sum.

use ndarray::ArrayView1;

use super::trees::Forest;

/// Trees read from a text, with the way from their sum to an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignTrees {
    forest: Forest,
    link: Link,
}

/// What the objective makes of the sum of the leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Link {
    /// The sum is the answer.
    Identity,
    /// Its exponential is: counts and other positive values.
    Exponential,
    /// `1 / (1 + exp(−steepness × sum))` is: probabilities.
    Logistic {
        /// `LightGBM`'s parameter `sigmoid`.
        steepness: f64,
    },
}

impl ForeignTrees {
    /// Reads `LightGBM`'s text; the error says what is wrong with it.
    ///
    /// Several classes, rankings, categorical splits and linear leaves are refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let head = text.split("\nTree=").next().unwrap_or_default();
        let field = |name: &str| {
            let mut lines = head.lines().map(str::trim);
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        for name in ["num_class", "num_tree_per_iteration"] {
            if field(name).is_some_and(|value| value != "1") {
                return Err(format!("`{name}` must be 1: models of several classes are refused"));
            }
        }
        let objective = field("objective").ok_or("`objective` is missing")?;
        Ok(Self { forest: Forest::parse(text)?, link: Link::of(objective)? })
    }

    /// Number of features a row has.
    pub const fn features(&self) -> usize {
        self.forest.features()
    }

    /// Number of trees.
    pub const fn trees(&self) -> usize {
        self.forest.len()
    }

    /// Whether the answers are probabilities.
    pub const fn is_probability(&self) -> bool {
        matches!(self.link, Link::Logistic { .. })
    }

    /// The answer for one row of [`Self::features`] values; NaN is a missing one.
    pub fn predict_row(&self, row: ArrayView1<'_, f32>) -> f64 {
        let sum = self.forest.predict_row(row);
        match self.link {
            Link::Identity => sum,
            Link::Exponential => sum.exp(),
            Link::Logistic { steepness } => 1.0 / (1.0 + (-steepness * sum).exp()),
        }
    }
}

impl Link {
    /// The link of an objective as the text writes it, e.g. `binary sigmoid:1`.
    fn of(objective: &str) -> Result<Self, String> {
        let mut words = objective.split_whitespace();
        let name = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        if rest.contains(&"sqrt") {
            return Err("the objective takes roots of its target, which is not supported".into());
        }
        match name {
            "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" => {
                Ok(Self::Identity)
            }
            "poisson" | "gamma" | "tweedie" => Ok(Self::Exponential),
            "cross_entropy" => Ok(Self::Logistic { steepness: 1.0 }),
            "binary" => {
                let given = rest.iter().find_map(|word| word.strip_prefix("sigmoid:"));
                let steepness = given.map_or(Ok(1.0), str::parse);
                match steepness {
                    Ok(steepness) if steepness > 0.0 => Ok(Self::Logistic { steepness }),
                    _ => Err(format!("`sigmoid` of the objective '{objective}' is unreadable")),
                }
            }
            other => Err(format!("the objective '{other}' is not supported")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    /// One split at 10 on the second of two features; missing values go right.
    fn text(objective: &str) -> String {
        format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\n\
             objective={objective}\nfeature_names=a b\n\nTree=0\nnum_leaves=2\nnum_cat=0\n\
             split_feature=1\nthreshold=10\ndecision_type=8\nleft_child=-1\nright_child=-2\n\
             leaf_value=-1.5 0.5\nis_linear=0\n\nend of trees\n"
        )
    }

    #[test]
    fn sums_of_leaves_become_answers_as_the_objective_says() {
        let answers = |objective: &str| {
            let trees = ForeignTrees::parse(&text(objective)).unwrap();
            assert_eq!((trees.features(), trees.trees()), (2, 1));
            [[0.0, 10.0], [0.0, 10.5], [0.0, f32::NAN]]
                .map(|row| trees.predict_row(arr1(&row).view()))
        };
        let bits = |values: [f64; 3]| values.map(f64::to_bits);
        assert_eq!(bits(answers("regression")), bits([-1.5, 0.5, 0.5]));
        let exponentials = [(-1.5_f64).exp(), 0.5_f64.exp(), 0.5_f64.exp()];
        assert_eq!(bits(answers("poisson")), bits(exponentials));
        // 1 / (1 + e^1.5) and 1 / (1 + e^-0.5), by hand.
        let [low, high, missing] = answers("binary sigmoid:1");
        assert!((low - 0.182_425_523_806_356_35).abs() < 1e-15, "{low}");
        assert!((high - 0.622_459_331_201_854_6).abs() < 1e-15, "{high}");
        assert_eq!(missing.to_bits(), high.to_bits());
        // Twice as steep: 1 / (1 + e^3).
        assert!((answers("binary sigmoid:2")[0] - 0.047_425_873_177_566_78).abs() < 1e-15);
        assert!(ForeignTrees::parse(&text("binary sigmoid:1")).unwrap().is_probability());
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        for objective in
            ["multiclass num_class:3", "lambdarank", "regression sqrt", "binary sigmoid:0"]
        {
            assert!(ForeignTrees::parse(&text(objective)).is_err(), "{objective}");
        }
        let several = text("binary").replace("num_class=1", "num_class=3");
        assert!(ForeignTrees::parse(&several).unwrap_err().contains("num_class"));
        assert!(ForeignTrees::parse("").unwrap_err().contains("objective"));
    }
}
